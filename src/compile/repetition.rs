//! What `count` and `for_each` come to.

use std::sync::Arc;

use portolan_lang::{Data, Diagnostic, Marks, Span, Type, Value};

use super::module::Instances;

/// More instances than this of one block are taken for a mistake.
const MAX_COUNT: usize = 1_000_000;

/// The instances that a `count` value asks for.
pub(super) fn from_count(value: &Value, span: Span) -> Result<Instances, Diagnostic> {
    let invalid = |detail: &str| Diagnostic::error("Invalid count argument").detail(detail).at(span);
    if value.is_sensitive() {
        return Err(invalid(
            "Sensitive values cannot decide how many instances there are, because the number of instances is shown.",
        )
        .help("Use nonsensitive() if the number itself is no secret."));
    }
    let number = portolan_lang::convert::convert(value, &Type::Number)
        .map_err(|error| invalid(&format!("The \"count\" value is unsuitable: {}.", error.message)))?;
    match number.data() {
        Data::Null(_) => Err(invalid("The \"count\" value is null. A whole number that is not negative is required.")),
        Data::Unknown(_) => Err(unknown("count", "how many instances there will be", span)),
        Data::Number(number) => match number.to_usize() {
            Some(count) if count <= MAX_COUNT => Ok(Instances::Count(count)),
            Some(_) => Err(invalid(&format!("The \"count\" value {number} is above the limit of {MAX_COUNT}."))),
            None => Err(invalid(&format!(
                "The \"count\" value {number} is unsuitable: a whole number that is not negative is required."
            ))),
        },
        _ => Err(invalid("The \"count\" value is unsuitable: a number is required.")),
    }
}

/// The instances that a `for_each` value asks for: one for each element of a map, an object
/// or a set of strings.
pub(super) fn from_each(value: &Value, span: Span) -> Result<Instances, Diagnostic> {
    let invalid = |detail: String| Diagnostic::error("Invalid for_each argument").detail(detail).at(span);
    let is_set = matches!(value.ty(), Type::Set(_));
    if value.is_sensitive() {
        return Err(invalid(
            "Sensitive values, and values made from them, cannot be used in for_each, because the keys are shown as parts of addresses.".to_owned(),
        ).help("Use nonsensitive() on the keys if they are no secret."));
    }
    if value.marks().contains(Marks::EPHEMERAL) {
        return Err(invalid("Ephemeral values cannot be used in for_each, because the keys are recorded.".to_owned()));
    }
    match value.data() {
        Data::Null(_) => Err(invalid("The for_each value is null. A map or a set of strings is required.".to_owned())),
        Data::Unknown(_) => Err(unknown("for_each", "which instances there will be", span)),
        Data::Set(set) if !matches!(set.element, Type::String | Type::Any) && !set.items.is_empty() => {
            Err(invalid(format!("A set of strings is required; this is a set of {}.", set.element.friendly_name())))
        }
        Data::Set(set) => set_keys(&set.items, span),
        Data::Map(map) => Ok(entries(map.entries.iter())),
        Data::Object(object) => Ok(entries(object.iter())),
        _ if is_set => Err(invalid("A set of strings is required.".to_owned())),
        _ => Err(invalid(format!("A map or a set of strings is required; this is a {}.", value.ty().friendly_name()))
            .help("toset() makes a set of a list of strings.")),
    }
}

fn entries<'a>(entries: impl Iterator<Item = (&'a Arc<str>, &'a Value)>) -> Instances {
    Instances::Each(Arc::new(entries.map(|(key, value)| (key.clone(), value.clone())).collect()))
}

fn set_keys(items: &[Value], span: Span) -> Result<Instances, Diagnostic> {
    let keys = items.iter().map(|item| match item.data() {
        Data::String(key) => Ok((key.clone(), item.clone())),
        Data::Unknown(_) => Err(unknown("for_each", "which instances there will be", span)),
        _ => Err(Diagnostic::error("Invalid for_each set argument")
            .detail("The set has an element that is null; only strings can be keys.")
            .at(span)),
    });
    Ok(Instances::Each(Arc::new(keys.collect::<Result<_, _>>()?)))
}

fn unknown(argument: &str, what: &str, span: Span) -> Diagnostic {
    Diagnostic::error(format!("Invalid {argument} argument"))
        .detail(format!("The \"{argument}\" value depends on something that will only be known after apply, so that it cannot be said {what}."))
        .label(span, "not known before apply")
        .help("Use keys and numbers that come from variables, locals or attributes that a block states itself; what is unknown may stand in the values of a map.")
}
