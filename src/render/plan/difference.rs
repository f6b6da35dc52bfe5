//! The difference between two values, attribute by attribute.

use std::fmt::Write as _;

use portolan_lang::{AttributePath, Data, Step, Value};
use similar::{ChangeTag, TextDiff};

use crate::render::palette::Palette;
use crate::render::value::{self, SENSITIVE, UNKNOWN};

/// Attributes that another one of the same resource shows better.
const SHOWN_BY_OTHERS: [(&str, &str); 1] = [("nginx_config", "directives")];

/// Unchanged lines around a changed one of a text.
const CONTEXT_LINES: usize = 3;

/// Renders differences of one resource.
pub(super) struct Difference<'a> {
    pub(super) palette: Palette,
    pub(super) resource_type: &'a str,
    /// The paths whose change needs a new object.
    pub(super) replace: &'a [AttributePath],
}

/// Where in the value, and how deep in the text.
struct Place {
    path: AttributePath,
    indent: usize,
}

impl Place {
    fn inner(&self, step: Step) -> Place {
        Place { path: self.path.then(step), indent: self.indent + 2 }
    }
}

impl Difference<'_> {
    /// The lines for all attributes of a resource.
    pub(super) fn of(&self, before: Option<&Value>, after: Option<&Value>) -> String {
        let mut text = String::new();
        self.children(&mut text, &Place { path: AttributePath::root(), indent: 4 }, before, after);
        text
    }

    /// The lines for one value that has a name.
    pub(super) fn named(&self, name: &str, before: Option<&Value>, after: Option<&Value>) -> String {
        let mut text = String::new();
        let place = Place { path: AttributePath::attribute(name), indent: 2 };
        self.value(&mut text, &place, &value::key(name), before, after);
        text
    }

    /// The parts of two values; those that are the same are only counted.
    fn children(&self, text: &mut String, place: &Place, before: Option<&Value>, after: Option<&Value>) {
        let mut same = 0;
        let mut changed = Vec::new();
        for (name, step) in names(before, after) {
            let of = |value| child(value, &step).filter(|value| !value.is_null());
            let (old, new) = (of(before), of(after));
            if old == new {
                same += usize::from(old.is_some());
                continue;
            }
            let inner = place.inner(step);
            if !self.is_shown_by_others(&inner.path) {
                changed.push((name, inner, old, new));
            }
        }
        let width = value::column(changed.iter().map(|(name, ..)| &**name));
        for (name, inner, old, new) in changed {
            self.value(text, &inner, &format!("{name:width$}"), old.as_ref(), new.as_ref());
        }
        if same > 0 {
            let noun = if same == 1 { "attribute stays" } else { "attributes stay" };
            line(text, place.indent + 2, " ", &self.palette.dim(&format!("# {same} more {noun} the same")));
        }
    }

    fn is_shown_by_others(&self, path: &AttributePath) -> bool {
        let [Step::Attribute(name)] = path.steps() else { return false };
        SHOWN_BY_OTHERS.contains(&(self.resource_type, &**name))
    }

    fn value(&self, text: &mut String, place: &Place, name: &str, before: Option<&Value>, after: Option<&Value>) {
        let mark = self.replacement(place);
        let (indent, palette) = (place.indent, self.palette);
        match (before, after) {
            (None, Some(after)) => {
                line(text, indent, &palette.added("+"), &format!("{name} = {}{mark}", value::hcl(after, indent + 2)))
            }
            (Some(before), None) => {
                let gone = format!("{name} = {} -> null{mark}", short(before));
                line(text, indent, &palette.removed("-"), &gone);
            }
            (Some(before), Some(after)) => self.changed(text, place, name, before, after),
            (None, None) => {}
        }
    }

    fn changed(&self, text: &mut String, place: &Place, name: &str, before: &Value, after: &Value) {
        let (indent, symbol) = (place.indent, self.palette.changed("~"));
        let mark = self.replacement(place);
        let hidden = before.is_sensitive() || after.is_sensitive();
        let both = (before.entries().is_some() && after.entries().is_some())
            || (before.items().is_some() && after.items().is_some());
        if both && !hidden {
            let (open, close) = if after.entries().is_some() { ("{", "}") } else { ("[", "]") };
            line(text, indent, &symbol, &format!("{name} = {open}{mark}"));
            self.children(text, place, Some(before), Some(after));
            line(text, indent, " ", close);
            return;
        }
        if let (Some(old), Some(new), false) = (before.as_str(), after.as_str(), hidden) {
            if old.contains('\n') || new.contains('\n') {
                line(text, indent, &symbol, &format!("{name} ={mark}"));
                text.push_str(&self.lines(old, new, indent + 4));
                return;
            }
            let (old, new) = self.words(old, new);
            line(text, indent, &symbol, &format!("{name} = {old} -> {new}{mark}"));
            return;
        }
        line(text, indent, &symbol, &format!("{name} = {} -> {}{mark}", short(before), value::hcl(after, indent + 2)));
    }

    fn replacement(&self, place: &Place) -> String {
        match self.replace.contains(&place.path) {
            true => format!(" {}", self.palette.removed("# forces replacement")),
            false => String::new(),
        }
    }

    /// Two short texts with the words that differ emphasised.
    fn words(&self, old: &str, new: &str) -> (String, String) {
        if !self.palette.is_colourful() {
            return (value::quoted(old), value::quoted(new));
        }
        let diff = TextDiff::from_words(old, new);
        let side = |tag: ChangeTag| {
            let parts =
                diff.iter_all_changes().filter(|change| change.tag() == tag || change.tag() == ChangeTag::Equal);
            let painted = parts.map(|change| {
                let quoted = value::quoted(change.value());
                let inner = &quoted[1..quoted.len() - 1];
                if change.tag() == ChangeTag::Equal { inner.to_owned() } else { self.palette.emphasised(inner) }
            });
            format!("\"{}\"", painted.collect::<String>())
        };
        (side(ChangeTag::Delete), side(ChangeTag::Insert))
    }

    /// Two texts of several lines: the lines that differ, with the words that do, and some around
    /// them.
    fn lines(&self, old: &str, new: &str, indent: usize) -> String {
        let diff = TextDiff::from_lines(old, new);
        let mut text = String::new();
        for (position, group) in diff.grouped_ops(CONTEXT_LINES).iter().enumerate() {
            if position > 0 {
                line(&mut text, indent, " ", &self.palette.dim("..."));
            }
            for operation in group {
                for change in diff.iter_inline_changes(operation) {
                    let (symbol, paint): (&str, fn(Palette, &str) -> String) = match change.tag() {
                        ChangeTag::Equal => (" ", |_, text| text.to_owned()),
                        ChangeTag::Delete => ("-", Palette::removed),
                        ChangeTag::Insert => ("+", Palette::added),
                    };
                    let words = change.iter_strings_lossy().map(|(emphasised, part)| {
                        let part = paint(self.palette, &visible(part.trim_end_matches('\n')));
                        if emphasised { self.palette.emphasised(&part) } else { part }
                    });
                    let words: String = words.collect();
                    line(&mut text, indent, &paint(self.palette, symbol), &words);
                }
            }
        }
        text
    }
}

/// A text without characters that would move a terminal's cursor.
fn visible(text: &str) -> String {
    text.chars()
        .map(|character| if character.is_control() && character != '\t' { '\u{fffd}' } else { character })
        .collect()
}

fn line(text: &mut String, indent: usize, symbol: &str, content: &str) {
    let _ = writeln!(text, "{:indent$}{symbol} {content}", "");
}

/// A value that is about to go, in a few words.
fn short(value: &Value) -> String {
    if value.is_sensitive() {
        return SENSITIVE.to_owned();
    }
    match value.data() {
        Data::Unknown(_) => UNKNOWN.to_owned(),
        Data::List(_) | Data::Set(_) | Data::Tuple(_) => {
            format!("[ {} elements ]", value.items().map_or(0, <[Value]>::len))
        }
        Data::Map(_) | Data::Object(_) => {
            format!("{{ {} entries }}", value.entries().map_or(0, |entries| entries.len()))
        }
        Data::String(text) if text.contains('\n') => format!("a text of {} lines", text.lines().count()),
        _ => value::hcl(value, 0),
    }
}

/// The parts of either value, with what they are called in the text.
fn names(before: Option<&Value>, after: Option<&Value>) -> Vec<(String, Step)> {
    let mut found: std::collections::BTreeMap<Step, String> = std::collections::BTreeMap::new();
    for value in [before, after].into_iter().flatten() {
        for (step, _) in value.children() {
            let name = match &step {
                Step::Attribute(name) | Step::Key(name) => value::key(name),
                Step::Index(index) => format!("[{index}]"),
            };
            found.insert(step, name);
        }
    }
    found.into_iter().map(|(step, name)| (name, step)).collect()
}

fn child(value: Option<&Value>, step: &Step) -> Option<Value> {
    let value = value?;
    match step {
        Step::Attribute(name) | Step::Key(name) => value.get(name),
        Step::Index(index) => value.items()?.get(*index).map(|item| item.clone().mark(value.marks())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(before: Option<Value>, after: Option<Value>) -> String {
        let replace = [AttributePath::attribute("name")];
        let difference = Difference { palette: Palette::new(false), resource_type: "x", replace: &replace };
        difference.of(before.as_ref(), after.as_ref())
    }

    #[test]
    fn only_what_differs_is_shown() {
        let before = Value::object([
            ("name", Value::string("a")),
            ("same", Value::number(1)),
            ("secret", Value::string("one").sensitive()),
            ("text", Value::string("1\n2\n3\n4\n5\n6\n")),
            ("tags", Value::object([("x", Value::number(1)), ("y", Value::number(2))])),
        ]);
        let after = Value::object([
            ("name", Value::string("b")),
            ("same", Value::number(1)),
            ("secret", Value::string("two").sensitive()),
            ("text", Value::string("1\n2\n3\n4\nfive\n6\n")),
            ("tags", Value::object([("x", Value::unknown(portolan_lang::Type::Number)), ("y", Value::number(2))])),
        ]);
        let expected = r#"      ~ name   = "a" -> "b" # forces replacement
      ~ secret = (sensitive value) -> (sensitive value)
      ~ tags   = {
        ~ x = 1 -> (known after apply)
          # 1 more attribute stays the same
        }
      ~ text   =
            2
            3
            4
          - 5
          + five
            6
        # 1 more attribute stays the same
"#;
        assert_eq!(difference(Some(before), Some(after)), expected);
    }

    #[test]
    fn a_new_object_is_shown_whole() {
        let after = Value::object([("a", Value::string("x")), ("b", Value::null(portolan_lang::Type::String))]);
        assert_eq!(difference(None, Some(after)), "      + a = \"x\"\n");
    }
}
