//! Locations that no request reaches, because nginx asks a regular expression before them.
//!
//! nginx takes an exact path first, then the first regular expression that matches, in the order
//! of the file, and only then the longest prefix. It says nothing of what is never reached.

use regex::Regex;

use portolan_lang::Diagnostic;

use super::location::Location;

/// What is told of the locations of a route; those with regular expressions are in their order.
pub(super) fn shadowed(locations: &[Location<'_>]) -> Vec<Diagnostic> {
    let regexes: Vec<(&Location<'_>, Regex)> = locations
        .iter()
        .filter(|location| location.turn().is_some())
        // What only PCRE understands is not looked at.
        .filter_map(|location| Some((location, Regex::new(&location.path).ok()?)))
        .collect();
    let hidden = locations.iter().filter_map(|location| {
        let others = regexes.iter().take_while(|(other, _)| other.path != location.path);
        let path = sample(location)?;
        let (other, _) = others.into_iter().find(|(_, regex)| regex.is_match(&path))?;
        Some(problem(location, &other.path, &path))
    });
    hidden.collect()
}

/// A path that the location is there for: its own, or, of an expression, the only one that it matches.
fn sample(location: &Location<'_>) -> Option<String> {
    match location.part.take("match").as_str() {
        Some("prefix") => Some(location.path.to_string()),
        Some("regex") => literal(&location.path),
        _ => None,
    }
}

/// The only path that an expression matches at its beginning, where it is plain text.
fn literal(expression: &str) -> Option<String> {
    let inner = expression.strip_prefix('^')?;
    let inner = inner.strip_suffix('$').unwrap_or(inner).replace("\\.", ".");
    inner.chars().all(|char| char.is_ascii_alphanumeric() || "/_-.".contains(char)).then_some(inner)
}

fn problem(location: &Location<'_>, other: &str, path: &str) -> Diagnostic {
    Diagnostic::warning("Location behind another")
        .detail(format!(
            "The regular expression \"{other}\" matches \"{path}\" as well, and nginx asks it first, so requests for \
             \"{path}\" do not come here."
        ))
        .at(location.part.span(""))
        .help("Let the expression match less, or write this location with match = \"exact\" or before it as a regex.")
}

#[cfg(test)]
mod tests {
    use super::literal;

    #[test]
    fn only_plain_text_is_a_path() {
        assert_eq!(literal("^/a/b\\.html$").as_deref(), Some("/a/b.html"));
        assert_eq!(literal("^/a").as_deref(), Some("/a"));
        for expression in ["/a", "^/[a-z]$", "^/a.*"] {
            assert_eq!(literal(expression), None, "{expression}");
        }
    }
}
