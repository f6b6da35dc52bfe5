//! Texts that others wrote: names, messages and events of systems.

/// The text on one line, without what would move a terminal's cursor or turn round what stands
/// beside it.
pub(crate) fn one_line(text: &str) -> String {
    let plain = |character: char| match character {
        '\n' | '\r' | '\t' => ' ',
        other if other.is_control() || is_directing(other) => char::REPLACEMENT_CHARACTER,
        other => other,
    };
    text.trim_end_matches(['\n', '\r']).chars().map(plain).collect()
}

/// The text as it is, without what would move a terminal's cursor; tabs stay.
pub(crate) fn visible(text: &str) -> String {
    let plain = |character: char| match character {
        '\t' => '\t',
        other if other.is_control() || is_directing(other) => char::REPLACEMENT_CHARACTER,
        other => other,
    };
    text.chars().map(plain).collect()
}

/// What separates lines, or changes the direction of writing.
fn is_directing(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_moves_the_cursor() {
        assert_eq!(one_line("a\u{1b}[2Jb\u{9b}1mc\u{7f}\n"), "a\u{fffd}[2Jb\u{fffd}1mc\u{fffd}");
        assert_eq!(one_line("a\r\nb\tc"), "a  b c");
        assert_eq!(one_line("abc\u{202e}fed"), "abc\u{fffd}fed");
        assert_eq!(one_line("上海 ✓"), "上海 ✓");
    }
}
