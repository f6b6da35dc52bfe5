//! What a module declares beside blocks of objects: `moved`, `removed` and `import` blocks, with
//! the addresses that they name.

use std::sync::Arc;

use portolan_lang::address::Segment;
use portolan_lang::convert::convert;
use portolan_lang::eval::{Reference, ReferenceStep, Scope, evaluate};
use portolan_lang::syntax::{Expr, ExprKind};
use portolan_lang::{Address, Data, Diagnostic, Diagnostics, InstanceKey, Type, Value};

use super::conditions;
use super::desired::{Desired, Import as ImportedObject, Moved, Removed};
use super::evaluator::Evaluator;
use super::module::ModuleId;
use super::repetition;
use super::scope::Each;
use crate::config::Import;

/// The address that a reference names: of a resource, of a module, or of an instance of one.
pub(super) fn address(reference: &Reference) -> Result<Address, Diagnostic> {
    let mut segments = vec![Segment::new(reference.root.clone())];
    for step in &reference.steps {
        match (step, segments.last_mut()) {
            (ReferenceStep::Attribute(name), _) => segments.push(Segment::new(name.clone())),
            (ReferenceStep::Key(key), Some(last)) if last.key.is_none() => last.key = Some(key.clone()),
            _ => return Err(invalid(reference.span)),
        }
    }
    Ok(Address::new(segments))
}

fn invalid(span: portolan_lang::Span) -> Diagnostic {
    Diagnostic::error("Invalid address")
        .detail("The address of a resource or a module is required: its names with dots between them, and instance keys in brackets.")
        .at(span)
}

/// The addresses, relative to the module, and the ids of an `import` block.
pub(super) fn imports(
    evaluator: &Evaluator,
    module: ModuleId,
    import: &Import,
) -> (Vec<(Address, Arc<str>)>, Diagnostics) {
    let mut problems = Diagnostics::new();
    let each: Vec<Each> = match &import.for_each {
        None => vec![Each::None],
        Some(expr) => {
            let (value, more) = evaluate(expr, &evaluator.scope(module, Each::None));
            problems.extend(more);
            match repetition::from_each(&value, expr.span) {
                Ok(instances) => (0..instances.len()).map(|at| instances.each(at)).collect(),
                Err(problem) => {
                    problems.push(problem);
                    Vec::new()
                }
            }
        }
    };
    let mut found = Vec::new();
    for each in each {
        let scope = evaluator.scope(module, each);
        let to = problems.keep(dynamic_address(&import.to, &scope));
        let id = problems.keep(import_id(&import.id, &scope));
        found.extend(to.zip(id));
    }
    (found, problems)
}

fn import_id(expr: &Expr, scope: &dyn Scope) -> Result<Arc<str>, Diagnostic> {
    let (value, problems) = evaluate(expr, scope);
    if let Some(problem) = problems.into_iter().find(Diagnostic::is_error) {
        return Err(problem);
    }
    let invalid = |detail: &str| Diagnostic::error("Invalid import id argument").detail(detail).at(expr.span);
    if value.is_sensitive() {
        return Err(invalid("The import id cannot be sensitive, because it is shown."));
    }
    match convert(&value, &Type::String).map(Value::into_data) {
        Ok(Data::String(id)) if !id.is_empty() => Ok(id),
        Ok(Data::Unknown(_)) => {
            Err(invalid("The import id depends on something that will only be known after apply.").pending())
        }
        _ => Err(invalid("The import id must be a text that is not empty.")),
    }
}

/// The address that an expression names, with its keys evaluated: `a.b[each.key]`.
pub(super) fn dynamic_address(expr: &Expr, scope: &dyn Scope) -> Result<Address, Diagnostic> {
    let mut segments = Vec::new();
    collect(expr, scope, &mut segments)?;
    Ok(Address::new(segments))
}

fn collect(expr: &Expr, scope: &dyn Scope, segments: &mut Vec<Segment>) -> Result<(), Diagnostic> {
    match &expr.kind {
        ExprKind::Reference(reference) => segments.extend(address(reference)?.segments().iter().cloned()),
        ExprKind::Attribute(source, name) => {
            collect(source, scope, segments)?;
            segments.push(Segment::new(name.name.clone()));
        }
        ExprKind::Index(source, key) => {
            collect(source, scope, segments)?;
            let key = instance_key(key, scope)?;
            match segments.last_mut() {
                Some(last) if last.key.is_none() => last.key = Some(key),
                _ => return Err(invalid(expr.span)),
            }
        }
        _ => return Err(invalid(expr.span)),
    }
    Ok(())
}

/// The key of an instance that an expression gives.
pub(super) fn instance_key(expr: &Expr, scope: &dyn Scope) -> Result<InstanceKey, Diagnostic> {
    let (value, problems) = evaluate(expr, scope);
    if let Some(problem) = problems.into_iter().find(Diagnostic::is_error) {
        return Err(problem);
    }
    match value.data() {
        Data::String(key) => Ok(InstanceKey::Key(key.clone())),
        Data::Number(number) if number.to_u64().is_some() => {
            number.to_u64().map(InstanceKey::Index).ok_or_else(|| invalid(expr.span))
        }
        Data::Unknown(_) => Err(Diagnostic::error("Invalid instance key")
            .detail("Which instance is meant depends on something that will only be known after apply.")
            .at(expr.span)
            .pending()),
        _ => Err(Diagnostic::error("Invalid instance key")
            .detail("An instance key is a text or a whole number that is known before apply.")
            .at(expr.span)),
    }
}

impl Desired {
    /// Adds what a module instance declares beside blocks, and checks the values of its variables.
    pub(super) fn declare(&mut self, evaluator: &Evaluator, id: ModuleId) -> Diagnostics {
        let mut problems = Diagnostics::new();
        let instance = evaluator.module(id);
        for moved in &instance.module.moved {
            let (from, to) = (address(&moved.from), address(&moved.to));
            if let (Some(from), Some(to)) = (problems.keep(from), problems.keep(to)) {
                let (from, to) = (instance.address.append(&from), instance.address.append(&to));
                self.moved.push(Moved { from, to, span: moved.span });
            }
        }
        for removed in &instance.module.removed {
            if let Some(from) = problems.keep(address(&removed.from)) {
                let from = instance.address.append(&from);
                self.removed.push(Removed { from, destroy: removed.destroy, span: removed.span });
            }
        }
        for import in &instance.module.imports {
            let (targets, more) = imports(evaluator, id, import);
            problems.extend(more);
            let address = |to: &Address| instance.address.append(to);
            self.imports.extend(targets.into_iter().map(|(to, found_by)| ImportedObject {
                to: address(&to),
                id: found_by,
                to_span: import.to.span,
                span: import.span,
            }));
        }
        for (position, variable) in instance.module.variables.values().enumerate() {
            evaluator.variable(id, position);
            let scope = evaluator.scope(id, Each::None);
            let wording = conditions::Wording {
                blamed: Some(evaluator.variable_span(&instance, variable)),
                ..conditions::VARIABLE
            };
            problems.extend(conditions::check(&variable.validations, &scope, wording));
        }
        problems
    }
}
