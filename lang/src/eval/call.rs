//! Calls of functions.
//!
//! Nearly all functions take values and live in [`crate::functions`]. Those that need
//! expressions or the evaluator itself are here: `try`, `can`, `templatefile` and
//! `templatestring`.

use std::sync::Arc;

use crate::convert::convert;
use crate::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use crate::eval::Reference;
use crate::eval::evaluator::{Evaluated, Evaluator, Failed};
use crate::eval::scope::{Host, Resolved, Scope};
use crate::functions::{self, CallErrorKind};
use crate::source::{FileId, Sources, Span};
use crate::syntax::{self, Expr, ExprKind, Ident};
use crate::types::Type;
use crate::value::{Data, Entries, Marks, Value};

impl Evaluator<'_> {
    pub(super) fn call(&mut self, name: &Ident, arguments: &[Arc<Expr>], expand: bool, span: Span) -> Evaluated {
        match name.name.strip_prefix("core::").unwrap_or(&name.name) {
            "try" if !expand => return self.first_without_error(arguments, span),
            "can" if !expand => return self.can(arguments, span),
            "templatefile" | "templatestring" if self.in_template => {
                return self.fail(
                    Diagnostic::error("Error in function call")
                        .detail("A template that is called cannot call another one.")
                        .at(span),
                );
            }
            "templatestring" => self.template_reference(name, arguments)?,
            _ => {}
        }
        let mut values = self.all(arguments)?;
        if expand && let Some(last) = values.pop() {
            let place = arguments.last().map_or(span, |argument| argument.span);
            match self.expanded(&last, place)? {
                Some(items) => values.extend(items),
                None => return Ok(Value::unknown(Type::Any).mark(last.marks())),
            }
        }
        match name.name.strip_prefix("core::").unwrap_or(&name.name) {
            "templatefile" => self.template_file(&values, arguments, span),
            "templatestring" => self.template_string(&values, arguments, span),
            _ => self.call_with_values(name, values, arguments, span),
        }
    }

    /// Calls a function of the table; what is wrong is told at the argument that is at fault.
    fn call_with_values(&mut self, name: &Ident, values: Vec<Value>, arguments: &[Arc<Expr>], span: Span) -> Evaluated {
        self.spend(functions::steps(&name.name, &values), span)?;
        let largest = values.iter().map(Value::size).max().unwrap_or_default();
        let made = functions::call(&name.name, values, self.scope.host()).or_else(|error| {
            if error.kind == CallErrorKind::UnknownFunction {
                return self.fail(unknown_function(name));
            }
            // What stands beyond the written arguments came out of the expanded last one.
            let at_fault = error.argument.and_then(|at| arguments.get(at).or(arguments.last()));
            let place = at_fault.map_or(span, |argument| argument.span);
            let detail = sentence(&format!("{}: {}", name.name, error.message));
            self.fail(Diagnostic::error(error.summary()).detail(detail).at(place))
        })?;
        self.made(made, largest, span)
    }

    /// The items that `...` makes arguments of; `None` where they are not known.
    fn expanded(&mut self, value: &Value, place: Span) -> Result<Option<Vec<Value>>, Failed> {
        let marks = value.marks();
        let wrong = |detail: &str, label: String| {
            Diagnostic::error("Invalid expanding argument value").detail(detail).label(place, label)
        };
        match value.data() {
            Data::List(_) | Data::Set(_) | Data::Tuple(_) => {
                Ok(value.items().map(|items| items.iter().map(|item| item.clone().mark(marks)).collect()))
            }
            Data::Null(_) => self.fail(wrong("What `...` follows must not be null.", "this is null".to_owned())),
            Data::Unknown(unknown)
                if matches!(unknown.ty, Type::Any | Type::List(_) | Type::Set(_) | Type::Tuple(_)) =>
            {
                Ok(None)
            }
            _ => {
                let name = value.ty().friendly_name();
                self.fail(wrong("What `...` follows is a list, a set or a tuple.", format!("this is a {name}")))
            }
        }
    }

    /// `try(a, b, …)`: the first that has a value. What depends on unknown values may fail
    /// later, so it makes the result unknown.
    fn first_without_error(&mut self, arguments: &[Arc<Expr>], span: Span) -> Evaluated {
        if arguments.is_empty() {
            return self.fail(
                Diagnostic::error("Error in function call").detail("The function try needs an argument.").at(span),
            );
        }
        let mut reasons = Vec::new();
        for argument in arguments {
            let (value, problems) = self.attempt(argument)?;
            match value {
                Ok(value) if value.is_wholly_known() => return Ok(value),
                Ok(value) => return Ok(Value::unknown(Type::Any).mark(value.deep_marks())),
                Err(Failed) => reasons.extend(problems),
            }
        }
        let mut diagnostic =
            Diagnostic::error("Error in function call").detail("No argument of try has a value.").at(span);
        for reason in reasons {
            let place = reason.labels.first().map_or(span, |label| label.span);
            diagnostic = diagnostic.label(place, format!("{}: {}", reason.summary, reason.detail));
        }
        self.fail(diagnostic)
    }

    fn can(&mut self, arguments: &[Arc<Expr>], span: Span) -> Evaluated {
        let [argument] = arguments else {
            let summary =
                if arguments.is_empty() { "Not enough function arguments" } else { "Too many function arguments" };
            return self.fail(Diagnostic::error(summary).detail("The function can takes one argument.").at(span));
        };
        let (value, _) = self.attempt(argument)?;
        Ok(match value {
            Ok(value) if value.is_wholly_known() => Value::TRUE,
            Ok(_) => Value::unknown_not_null(Type::Bool),
            Err(Failed) => Value::FALSE,
        })
    }

    /// Evaluates with problems apart, except those of names that are not declared: no value
    /// can ever mend them.
    fn attempt(&mut self, argument: &Expr) -> Result<(Evaluated, Diagnostics), Failed> {
        let before = self.unresolved;
        let (value, problems) = self.apart(|evaluator| evaluator.expr(argument));
        if self.unresolved > before {
            self.diagnostics.extend(problems);
            return Err(Failed);
        }
        Ok((value, problems))
    }

    /// The template of `templatestring` must be a reference, so that nobody writes a template
    /// that makes a template where one would do.
    fn template_reference(&mut self, name: &Ident, arguments: &[Arc<Expr>]) -> Result<(), Failed> {
        let Some(template) = arguments.first() else { return Ok(()) };
        let mut base = &**template;
        while let ExprKind::Attribute(source, _) | ExprKind::Index(source, _) = &base.kind {
            base = source;
        }
        if matches!(base.kind, ExprKind::Reference(_)) {
            return Ok(());
        }
        self.fail(
            Diagnostic::error("Invalid function argument")
                .detail(format!("{}: the template must be a reference to a string that is made elsewhere.", name.name))
                .label(template.span, "not a reference")
                .help("a template that is written here needs no function: write the string itself"),
        )
    }

    fn template_file(&mut self, values: &[Value], arguments: &[Arc<Expr>], span: Span) -> Evaluated {
        let (path, variables) = self.template_arguments("templatefile", values, arguments, span)?;
        let marks = path.marks();
        let Data::String(name) = path.data() else { return Ok(Value::unknown(Type::Any).mark(marks)) };
        let read = self.scope.host().read(name).map_err(|error| format!("templatefile: {error}"));
        let text = read.and_then(|bytes| {
            String::from_utf8(bytes).map_err(|_| "templatefile: the file is not UTF-8 text".to_owned())
        });
        let shown = if path.is_sensitive() { "(sensitive path)" } else { name };
        match text {
            Ok(text) => Ok(self.render(shown, &text, &variables, span)?.mark(marks)),
            Err(error) => {
                let place = arguments.first().map_or(span, |argument| argument.span);
                self.fail(Diagnostic::error("Invalid function argument").detail(sentence(&error)).at(place))
            }
        }
    }

    fn template_string(&mut self, values: &[Value], arguments: &[Arc<Expr>], span: Span) -> Evaluated {
        let (template, variables) = self.template_arguments("templatestring", values, arguments, span)?;
        let marks = template.marks();
        let Data::String(text) = template.data() else { return Ok(Value::unknown(Type::String).mark(marks)) };
        let rendered = self.render("the template", text, &variables, span)?;
        let rendered = convert(&rendered, &Type::String).or_else(|error| {
            let detail = format!("templatestring: the result must be a string: {}.", error.message);
            self.fail(Diagnostic::error("Invalid function argument").detail(detail).at(span))
        })?;
        Ok(rendered.mark(marks))
    }

    fn template_arguments(
        &mut self,
        function: &str,
        values: &[Value],
        arguments: &[Arc<Expr>],
        span: Span,
    ) -> Result<(Value, Value), Failed> {
        let [text, variables] = values else {
            let summary =
                if values.len() < 2 { "Not enough function arguments" } else { "Too many function arguments" };
            return self.fail(
                Diagnostic::error(summary).detail(format!("The function {function} takes two arguments.")).at(span),
            );
        };
        let place = |at: usize| arguments.get(at).map_or(span, |argument: &Arc<Expr>| argument.span);
        let wrong = |at: usize, detail: String| {
            Diagnostic::error("Invalid function argument").detail(format!("{function}: {detail}.")).at(place(at))
        };
        let text = match convert(text, &Type::String) {
            Ok(text) if !text.is_null() => text,
            Ok(_) => return self.fail(wrong(0, "the first argument must not be null".to_owned())),
            Err(error) => return self.fail(wrong(0, error.message)),
        };
        let is_named = match variables.data() {
            Data::Map(_) | Data::Object(_) => true,
            Data::Unknown(unknown) => matches!(unknown.ty, Type::Any | Type::Map(_) | Type::Object(_)),
            _ => false,
        };
        if !is_named {
            return self.fail(wrong(1, "the variables must be a map or an object".to_owned()));
        }
        let invalid = variables.entries().and_then(|entries| entries.keys().find(|name| !is_name(name)).cloned());
        if let Some(name) = invalid {
            return self.fail(wrong(1, format!("{name:?} cannot be the name of a variable: a name starts with a letter and goes on with letters, digits and underscores")));
        }
        Ok((text, variables.clone()))
    }

    /// Evaluates a template of its own with these variables and nothing else.
    fn render(&mut self, name: &str, text: &str, variables: &Value, span: Span) -> Evaluated {
        let mut sources = Sources::new();
        let file = sources.add(name, text);
        let (template, mut problems) = syntax::parse_template(file, text);
        if !problems.has_errors() {
            let Some(entries) = variables.entries() else {
                return Ok(Value::unknown(Type::Any).mark(variables.marks()));
            };
            let scope = TemplateScope { variables: entries, marks: variables.marks(), host: self.scope.host() };
            let mut evaluator = Evaluator { in_template: true, steps: self.steps, ..Evaluator::new(&scope) };
            let value = evaluator.expr(&template);
            self.steps = evaluator.steps;
            problems.extend(evaluator.diagnostics);
            if let Some(problem) = evaluator.stopped {
                return self.stop(in_template(&problem, &sources, file, name, span));
            }
            if let (Ok(value), false) = (value, problems.has_errors()) {
                return Ok(value);
            }
        }
        for problem in problems {
            let told = in_template(&problem, &sources, file, name, span);
            self.diagnostics.push(told);
        }
        Err(Failed)
    }
}

/// The problem of a template as one of the call, because the template is no source file that
/// messages could show.
fn in_template(problem: &Diagnostic, sources: &Sources, file: FileId, name: &str, span: Span) -> Diagnostic {
    let place =
        problem.labels.first().filter(|label| label.span.file == file).map(|label| sources.position(label.span));
    let place = place.map_or_else(String::new, |place| format!(" at line {}, column {}", place.line, place.column));
    let diagnostic = Diagnostic::error("Invalid function argument")
        .detail(format!("In {name}{place}: {}. {}", problem.summary, problem.detail))
        .at(span);
    match &problem.help {
        Some(help) => diagnostic.help(help.clone()),
        None => diagnostic,
    }
}

fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(char::is_alphabetic) && characters.all(|c| c.is_alphanumeric() || c == '_')
}

/// The variables of a template, and nothing else.
struct TemplateScope<'a> {
    variables: &'a Entries,
    marks: Marks,
    host: &'a dyn Host,
}

impl Scope for TemplateScope<'_> {
    fn resolve(&self, reference: &Reference) -> Result<Resolved, Diagnostic> {
        if let Some(value) = self.variables.get(&reference.root) {
            return Ok(Resolved { value: value.clone().mark(self.marks), steps: 0 });
        }
        let diagnostic = Diagnostic::error("Unknown variable")
            .detail(format!("The variables of the template have none named {:?}", &*reference.root))
            .at(reference.span);
        let names = self.variables.keys().map(|name| &**name);
        Err(match did_you_mean(&reference.root, names) {
            Some(name) => diagnostic.help(format!("did you mean {name:?}?")),
            None => diagnostic,
        })
    }

    fn host(&self) -> &dyn Host {
        self.host
    }
}

fn unknown_function(name: &Ident) -> Diagnostic {
    let diagnostic = Diagnostic::error("Call to unknown function")
        .detail(format!("There is no function named {:?}.", &*name.name))
        .at(name.span);
    match did_you_mean(&name.name, functions::names()) {
        Some(known) => diagnostic.help(format!("did you mean {known:?}?")),
        None => diagnostic,
    }
}

/// The text with a full stop.
fn sentence(text: &str) -> String {
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}
