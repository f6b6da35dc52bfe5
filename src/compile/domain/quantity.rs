//! Quantities as Kubernetes writes them: `500m`, `1.5`, `1Gi`, `300M`, `1e3`.

use std::sync::Arc;

use portolan_lang::{Data, Number, Value};

/// Thousandths of the unit: 500 for `500m`, 1024³ · 1000 for `1Gi`. `None` where the text is not
/// a quantity, is negative, or is too large. Fractions of a thousandth are rounded up, as
/// Kubernetes does.
pub(super) fn thousandths(text: &str) -> Option<u64> {
    const SUFFIXES: [(&str, i64, u32); 13] = [
        ("Ki", 1024, 1),
        ("Mi", 1024, 2),
        ("Gi", 1024, 3),
        ("Ti", 1024, 4),
        ("Pi", 1024, 5),
        ("Ei", 1024, 6),
        ("k", 1000, 1),
        ("M", 1000, 2),
        ("G", 1000, 3),
        ("T", 1000, 4),
        ("P", 1000, 5),
        ("E", 1000, 6),
        ("", 1, 0),
    ];
    if let Some(digits) = text.strip_suffix('m') {
        return whole(&plain(digits)?);
    }
    let (digits, base, power) =
        SUFFIXES.iter().find_map(|(suffix, base, power)| Some((text.strip_suffix(suffix)?, *base, *power)))?;
    let factor = base.checked_pow(power)?;
    whole(&plain(digits)?.mul(&Number::from(factor))?.mul(&Number::from(1000))?)
}

fn plain(digits: &str) -> Option<Number> {
    let number: Number = digits.parse().ok()?;
    (!number.is_negative()).then_some(number)
}

fn whole(number: &Number) -> Option<u64> {
    number.ceil().to_u64()
}

/// The quantity that a value says, as text: numbers are taken as well. `Err` says what is wrong.
pub(super) fn text(value: &Value) -> Result<Option<Arc<str>>, String> {
    let text: Arc<str> = match value.data() {
        Data::Null(_) | Data::Unknown(_) => return Ok(None),
        Data::String(text) => text.clone(),
        Data::Number(number) => number.to_string().into(),
        _ => return Err("a quantity such as \"500m\" or \"1Gi\" is required".to_owned()),
    };
    match thousandths(&text) {
        Some(_) => Ok(Some(text)),
        None => Err(format!("\"{text}\" is not a quantity such as \"500m\" or \"1Gi\"")),
    }
}

/// Thousandths of the unit of a quantity that has been checked; `None` where there is none.
pub(super) fn of(value: &Value) -> Option<u64> {
    thousandths(&text(value).ok()??)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        for (text, wanted) in [
            ("500m", 500),
            ("1", 1000),
            ("0.1", 100),
            ("1Gi", 1024 * 1024 * 1024 * 1000),
            ("2k", 2_000_000),
            ("1e3", 1_000_000),
            ("0.0001", 1),
        ] {
            assert_eq!(thousandths(text), Some(wanted), "{text}");
        }
        for text in ["", "-1", "1 Gi", "Gi", "1Gib", "x", "1mm", "1E"] {
            assert_eq!(thousandths(text), None, "{text}");
        }
    }
}
