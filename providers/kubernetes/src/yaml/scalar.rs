//! What an unquoted scalar means, and which strings can go unquoted.

use portolan_lang::Number;

/// What an unquoted scalar is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Plain {
    Null,
    Bool(bool),
    Number(Number),
    /// An infinity or not a number, which no manifest can hold.
    NotFinite,
    Text,
}

/// Reads an unquoted scalar as Kubernetes' own reader (`sigs.k8s.io/yaml`) does: the words and
/// numbers of YAML 1.1, without its base-60 numbers and dates.
pub(super) fn resolve(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Plain::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Plain::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Plain::Bool(false),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf" | "-.INF" | ".nan" | ".NaN"
        | ".NAN" => Plain::NotFinite,
        _ => number(text).map_or(Plain::Text, Plain::Number),
    }
}

fn number(text: &str) -> Option<Number> {
    if !text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) {
        return None;
    }
    let text = text.replace('_', "");
    let digits = text.trim_start_matches(['+', '-']);
    if text.len() - digits.len() > 1 {
        return None;
    }
    let radix = |radix: u32, digits: &str| {
        let magnitude = i128::from(u64::from_str_radix(digits, radix).ok()?);
        let signed = if text.starts_with('-') { -magnitude } else { magnitude };
        signed.to_string().parse().ok()
    };
    match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => radix(16, digits.get(2..)?),
        [b'0', b'o' | b'O', ..] => radix(8, digits.get(2..)?),
        [b'0', b'b' | b'B', ..] => radix(2, digits.get(2..)?),
        [b'0', rest @ ..] if !rest.is_empty() && rest.iter().all(|byte| (b'0'..b'8').contains(byte)) => {
            radix(8, digits)
        }
        _ => text.parse().ok(),
    }
}

/// Whether a string can stand without quotes: no reader takes it for anything else.
pub(super) fn can_be_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    let Some(first) = bytes.first() else { return false };
    let begins_well = match first {
        b'-' => bytes.get(1).is_some_and(|second| *second == b'-' || second.is_ascii_alphanumeric()),
        other => other.is_ascii_alphanumeric() || b"/_$(".contains(other),
    };
    begins_well
        && bytes.iter().all(|byte| (b' '..=b'~').contains(byte))
        && !text.starts_with("---")
        && !text.ends_with([':', ' '])
        && !text.contains(": ")
        && !text.contains(" #")
        && !may_be_a_number_or_a_date(bytes)
        && resolve(text) == Plain::Text
}

/// Whether some reader may take it for a number in any notation, a date or a time of day: it
/// begins like a number and has only characters that occur in such.
fn may_be_a_number_or_a_date(bytes: &[u8]) -> bool {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    digits.first().is_some_and(u8::is_ascii_digit)
        && digits.iter().all(|byte| byte.is_ascii_hexdigit() || b"xXoO_.:+-tTzZ ".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_mean_what_kubernetes_reads() {
        let number = |text: &str| Plain::Number(text.parse().expect("a number"));
        let cases = [
            ("", Plain::Null),
            ("~", Plain::Null),
            ("null", Plain::Null),
            ("on", Plain::Bool(true)),
            ("No", Plain::Bool(false)),
            ("12", number("12")),
            ("-12", number("-12")),
            ("012", number("10")),
            ("08", number("8")),
            ("0x1f", number("31")),
            ("-0b11", number("-3")),
            ("1_000", number("1000")),
            ("1e3", number("1000")),
            (".5", number("0.5")),
            ("18446744073709551616", number("18446744073709551616")),
            (".inf", Plain::NotFinite),
            ("--1", Plain::Text),
            ("500m", Plain::Text),
            ("2001-01-01", Plain::Text),
            ("1:30", Plain::Text),
            ("_1", Plain::Text),
            ("-", Plain::Text),
            (".", Plain::Text),
            ("nULL", Plain::Text),
        ];
        for (text, expected) in cases {
            assert_eq!(resolve(text), expected, "{text:?}");
        }
    }

    #[test]
    fn only_what_no_reader_mistakes_is_plain() {
        for text in ["shop/api:1.2", "500m", "1Gi", "--config=/etc/x", "-Xmx1g", "a b", "$(POD_IP)", "a#b", "http://x"]
        {
            assert!(can_be_plain(text), "{text:?}");
        }
        let quoted = [
            "",
            " ",
            "a ",
            "a: b",
            "a #b",
            "a:",
            "*a",
            "&a",
            "!a",
            "{a",
            "[a",
            "- a",
            "-",
            "---a",
            "?",
            "#",
            "@a",
            "`a",
            "%a",
            "'a",
            "\"a",
            "|",
            ">",
            "=",
            "<<",
            "~",
            "y",
            "off",
            "12",
            "012",
            "0x1f",
            "1e3",
            "1_0",
            "1:30",
            "2001-01-01",
            "2001-01-01 10:00:00",
            ".5",
            "+1",
            "-1",
            "-.inf",
            "é",
            "a\tb",
            "a\nb",
        ];
        for text in quoted {
            assert!(!can_be_plain(text), "{text:?}");
        }
    }
}
