//! Words of a command line that a person may copy.

/// A word as a shell reads it: quoted where it holds more than what no shell minds.
pub(crate) fn word(text: &str) -> String {
    let is_plain = |character: char| character.is_alphanumeric() || "_./@%+=:,-".contains(character);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::word;

    #[test]
    fn words_come_back_from_a_shell() {
        for text in ["a/b.plan", "", "my dir", "a;rm -rf x", "it's", "$(id)", "a[\"k\"]", "`x`", "ü", "a\nb"] {
            let command = format!("printf %s {}", word(text));
            let output = std::process::Command::new("sh").args(["-c", &command]).output().expect("a shell");
            assert_eq!(String::from_utf8_lossy(&output.stdout), text);
        }
        assert_eq!(word("out/first.plan"), "out/first.plan");
    }
}
