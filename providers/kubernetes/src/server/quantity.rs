//! Quantities, of which the server keeps one form of many: `1000m` is `1`, `1024Mi` is `1Gi`.

use portolan_lang::Number;
use serde_json::Value as Json;

/// The suffixes of quantities, each with its factor as a power of a base, and whether it divides.
const SUFFIXES: [(&str, i64, u32, bool); 15] = [
    ("Ki", 1024, 1, false),
    ("Mi", 1024, 2, false),
    ("Gi", 1024, 3, false),
    ("Ti", 1024, 4, false),
    ("Pi", 1024, 5, false),
    ("Ei", 1024, 6, false),
    ("n", 1000, 3, true),
    ("u", 1000, 2, true),
    ("m", 1000, 1, true),
    ("k", 1000, 1, false),
    ("M", 1000, 2, false),
    ("G", 1000, 3, false),
    ("T", 1000, 4, false),
    ("P", 1000, 5, false),
    ("E", 1000, 6, false),
];

/// What a quantity is worth; `None` for any other text.
pub(super) fn parse(text: &str) -> Option<Number> {
    let suffix = SUFFIXES.iter().find(|(suffix, ..)| text.ends_with(suffix));
    let Some((suffix, base, power, divides)) = suffix else { return number(text) };
    let factor = Number::from(base.checked_pow(*power)?);
    let digits = number(text.strip_suffix(suffix)?)?;
    if *divides { digits.div(&factor) } else { digits.mul(&factor) }
}

fn number(text: &str) -> Option<Number> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    (is_plain && text.bytes().any(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

/// Whether both are quantities of the same worth.
pub(super) fn are_equal(left: &Json, right: &Json) -> bool {
    let worth = |value: &Json| match value {
        Json::String(text) => parse(text),
        Json::Number(number) => parse(&number.to_string()),
        _ => None,
    };
    matches!((worth(left), worth(right)), (Some(left), Some(right)) if left == right)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn forms_of_one_quantity() {
        for (left, right) in [
            (json!("1000m"), json!("1")),
            (json!(1), json!("1")),
            (json!(0.5), json!("500m")),
            (json!("1024Mi"), json!("1Gi")),
            (json!("1e3"), json!("1k")),
            (json!("100M"), json!("100000k")),
            (json!("1.5Gi"), json!("1536Mi")),
        ] {
            assert!(are_equal(&left, &right), "{left} {right}");
        }
        for (left, right) in
            [(json!("1"), json!("2")), (json!("a"), json!("a")), (json!(""), json!("")), (json!("m"), json!("m"))]
        {
            assert!(!are_equal(&left, &right), "{left} {right}");
        }
    }
}
