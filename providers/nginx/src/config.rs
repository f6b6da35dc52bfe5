//! The resource `nginx_config`.

use portolan_fleet::path;
use portolan_lang::{AttributePath, Type, Value};
use portolan_provider::Error;

use crate::check::{self, Target};
use crate::directives::Context;
use crate::file;
use crate::render;
use crate::syntax::{self, Directive};
use crate::traps;
use crate::variable::Variables;

/// All that is wrong with a configuration that the server reads which is said beside it, or whatever
/// server reads it. Only a compiler that looks at a part of a file says which server that is.
pub(crate) fn validate(config: &Value) -> Vec<Error> {
    let server = config.get("server").filter(|server| !server.is_null());
    match server.as_ref().map_or(Ok(Target::ANY), Target::of) {
        Ok(target) => check(config, &target),
        // What is wrong with the fleet is told at the fleet.
        Err(_) => check(config, &Target::ANY),
    }
}

/// All that is wrong with a configuration that this server reads.
pub(crate) fn check(config: &Value, target: &Target) -> Vec<Error> {
    let mut errors = path_errors(config);
    errors.extend(file::mode_error(config));
    let context = context(config).unwrap_or_else(|error| {
        errors.push(error);
        None
    });
    let at = AttributePath::attribute("directives");
    match (directives(config), context) {
        (Err(problems), _) => errors.extend(problems),
        (Ok(Some(tree)), Some(context)) => {
            let variables = variables(config, &tree);
            errors.extend(check::check(&tree, context, target, &variables, &at));
            errors.extend(traps::traps(&tree, &at));
        }
        _ => {}
    }
    errors
}

/// What is wrong with the path of a resource of either type.
pub(crate) fn path_errors(config: &Value) -> Vec<Error> {
    let path = config.get("path");
    let problem = path.as_ref().and_then(Value::as_str).and_then(path::problem);
    problem.into_iter().map(|problem| Error::invalid(problem).at(AttributePath::attribute("path"))).collect()
}

/// The planned `content`: unknown until all directives are known, sensitive where any part
/// of them is.
pub(crate) fn content(config: &Value) -> Result<Value, Error> {
    let given = config.get("directives").unwrap_or_else(|| Value::null(Type::Any));
    if !given.is_wholly_known() {
        return Ok(Value::unknown_not_null(Type::String).mark(given.deep_marks()));
    }
    let at = AttributePath::attribute("directives");
    let tree = syntax::from_value(&given, &at).map_err(first)?;
    let text = render::render(&tree).map_err(|problem| Error::invalid(problem.to_string()).at(at))?;
    Ok(Value::string(text).mark(given.deep_marks()))
}

/// The first of several problems, with the number of the others.
pub(crate) fn first(errors: Vec<Error>) -> Error {
    let others = errors.len().saturating_sub(1);
    let mut first = errors.into_iter().next().unwrap_or_else(|| Error::invalid("the configuration is wrong"));
    if others > 0 {
        first.message = format!("{} (and {others} more)", first.message);
    }
    first
}

/// The tree; `None` while nothing of it is known.
fn directives(config: &Value) -> Result<Option<Vec<Directive>>, Vec<Error>> {
    let given = config.get("directives").filter(Value::is_known);
    given.map(|given| syntax::from_value(&given, &AttributePath::attribute("directives"))).transpose()
}

/// Where the file is included; `None` while that is not known.
fn context(config: &Value) -> Result<Option<Context>, Error> {
    let given = config.get("context").filter(|context| !context.is_null());
    if let Some(given) = given {
        let Some(name) = given.as_str() else { return Ok(None) };
        return Context::from_name(name).map(Some).ok_or_else(|| {
            let names = Context::ALL.map(Context::name).join(", ");
            Error::invalid(format!("{name:?} is not a context; known are {names}"))
                .at(AttributePath::attribute("context"))
        });
    }
    let path = config.get("path");
    let path = path.as_ref().and_then(Value::as_str);
    Ok(path.map(|path| if path == "nginx.conf" { Context::Main } else { Context::Http }))
}

fn variables(config: &Value, tree: &[Directive]) -> Variables {
    let given = config.get("variables");
    let names = given.as_ref().and_then(Value::items).unwrap_or_default();
    Variables::of(tree, names.iter().filter_map(Value::as_str))
}
