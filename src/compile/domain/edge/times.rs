//! Durations as nginx writes them.

/// The milliseconds of `500ms`, `30s`, `1h30m`, `365d`; of a bare number, that many seconds.
pub(super) fn milliseconds(text: &str) -> Option<u64> {
    let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000)];
    let mut rest = text;
    let mut sum = 0_u64;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?;
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit = rest.get(..letters).filter(|unit| !unit.is_empty() || rest.is_empty())?;
        let unit = if unit.is_empty() { "s" } else { unit };
        let (_, factor) = units.into_iter().find(|(name, _)| *name == unit)?;
        sum = sum.checked_add(number.checked_mul(factor)?)?;
        rest = rest.get(letters..)?;
    }
    (!text.is_empty()).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::milliseconds;

    #[test]
    fn durations() {
        for (text, want) in [("500ms", 500), ("30s", 30_000), ("1h30m", 5_400_000), ("2d", 172_800_000), ("5", 5000)] {
            assert_eq!(milliseconds(text), Some(want), "{text}");
        }
        for text in ["", "s", "1x", "1 s", "-1s", "99999999999999999999s"] {
            assert_eq!(milliseconds(text), None, "{text}");
        }
    }
}
