//! `variable`, `locals` and `output`.

use std::sync::Arc;

use portolan_lang::constraint::TypeConstraint;
use portolan_lang::eval::{Reference, references};
use portolan_lang::syntax::{Block, Expr, Ident};
use portolan_lang::{Diagnostic, Span};

use super::condition::conditions;
use super::reference_list::reference_list;
use super::{Declarations, shapes};
use crate::config::constant::{constant, constant_bool, constant_text};
use crate::config::content::Content;
use crate::config::model::{Condition, Local, Output, Variable};

/// Names that mean something else in a `module` block.
const RESERVED_VARIABLES: [&str; 8] =
    ["source", "version", "providers", "count", "for_each", "lifecycle", "depends_on", "locals"];

impl Declarations<'_> {
    pub(super) fn variable(&mut self, block: Block) {
        let span = block.header();
        let Some(name) = block.labels.into_iter().next() else { return };
        if RESERVED_VARIABLES.contains(&&*name.name) {
            let detail = format!("{:?} has a meaning of its own in module blocks.", name.name);
            self.diagnostics.push(Diagnostic::error("Invalid variable name").detail(detail).at(name.span));
            return;
        }
        if !self.has_valid_name("variable", &name) {
            return;
        }
        let is_new = self.declare(format!("var.{}", name.name), "variable declaration", span);
        let mut content = self.content("variable", block.body);
        let variable = self.variable_of(name, span, &mut content);
        if is_new {
            self.module.variables.insert(variable.name.name.clone(), Arc::new(variable));
        }
    }

    fn variable_of(&mut self, name: Ident, span: Span, content: &mut Content) -> Variable {
        let type_expr = content.expr("type");
        let constraint = match &type_expr {
            Some(expr) => self.constraint(expr),
            None => TypeConstraint::default(),
        };
        let nullable = self.flag(content, "nullable", true);
        let default = content.expr("default");
        if let Some(default) = &default {
            self.check_default(default, &constraint, nullable);
        }
        Variable {
            is_typed: type_expr.is_some(),
            constraint,
            default,
            sensitive: self.flag(content, "sensitive", false),
            ephemeral: self.flag(content, "ephemeral", false),
            nullable,
            description: self.text(content, "description"),
            validations: self.validations(&name, content),
            name,
            span,
        }
    }

    /// The type that an expression names; every type where it names none.
    fn constraint(&mut self, expr: &Expr) -> TypeConstraint {
        match TypeConstraint::parse(expr) {
            Ok(constraint) => constraint,
            Err(problems) => {
                self.diagnostics.extend(problems);
                TypeConstraint::default()
            }
        }
    }

    fn check_default(&mut self, default: &Expr, constraint: &TypeConstraint, nullable: bool) {
        let Some(value) = constant(default, &mut self.diagnostics) else { return };
        let problem = match constraint.apply(&value) {
            _ if value.is_null() && !nullable => {
                "null is not a value of this variable, because nullable is false".to_owned()
            }
            Ok(_) => return,
            Err(error) => error.to_string(),
        };
        let detail = format!("The default does not fit the type of the variable: {problem}.");
        self.diagnostics.push(Diagnostic::error("Invalid default value for variable").detail(detail).at(default.span));
    }

    fn validations(&mut self, name: &Ident, content: &mut Content) -> Vec<Condition> {
        let validations = conditions(content, shapes::body("variable"), "validation", &mut self.diagnostics);
        let is_itself = |reference: &Reference| &*reference.root == "var" && reference.name(1) == Some(&*name.name);
        for validation in &validations {
            if !references(&validation.condition).iter().any(is_itself) {
                self.diagnostics.push(
                    Diagnostic::error("Invalid variable validation condition")
                        .detail(format!("The condition must refer to var.{}, which it is to check.", name.name))
                        .at(validation.condition.span),
                );
            }
        }
        validations
    }

    pub(super) fn locals(&mut self, block: Block) {
        let content = self.content("locals", block.body);
        for attribute in content.rest.attributes {
            let name = attribute.name;
            if self.has_valid_name("local value", &name)
                && self.declare(
                    format!("local.{}", name.name),
                    "local value definition",
                    name.span.to(attribute.expr.span),
                )
            {
                let local = Local { name: name.clone(), expr: attribute.expr };
                self.module.locals.insert(name.name, Arc::new(local));
            }
        }
    }

    pub(super) fn output(&mut self, block: Block) {
        let span = block.header();
        let Some(name) = block.labels.into_iter().next() else { return };
        if !self.has_valid_name("output", &name) {
            return;
        }
        let is_new = self.declare(format!("output.{}", name.name), "output definition", span);
        let mut content = self.content("output", block.body);
        let output = Output {
            sensitive: self.flag(&mut content, "sensitive", false),
            ephemeral: self.flag(&mut content, "ephemeral", false),
            description: self.text(&mut content, "description"),
            depends_on: self.depends_on(&mut content),
            preconditions: conditions(&mut content, shapes::body("output"), "precondition", &mut self.diagnostics),
            value: match content.expr("value") {
                Some(value) => value,
                None => return,
            },
            name,
            span,
        };
        if is_new {
            self.module.outputs.insert(output.name.name.clone(), Arc::new(output));
        }
    }

    /// What a block waits for beside what it refers to.
    pub(super) fn depends_on(&mut self, content: &mut Content) -> Vec<Reference> {
        let expr = content.references("depends_on", &mut self.diagnostics);
        expr.map(|expr| reference_list(&expr, &mut self.diagnostics)).unwrap_or_default()
    }

    /// A constant `true` or `false`, or `otherwise` where there is none.
    fn flag(&mut self, content: &mut Content, name: &str, otherwise: bool) -> bool {
        let expr = content.expr(name);
        expr.and_then(|expr| constant_bool(&expr, &mut self.diagnostics)).unwrap_or(otherwise)
    }

    fn text(&mut self, content: &mut Content, name: &str) -> Option<String> {
        let expr = content.expr(name)?;
        constant_text(&expr, &mut self.diagnostics).map(|text| text.to_string())
    }
}
