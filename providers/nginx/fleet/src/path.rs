//! Paths of files inside the tree.

/// Why `path` cannot be a file of the tree; `None` where it can. Allowed are relative paths
/// whose parts are letters, digits, `.`, `_` and `-` and do not begin with a dot: no way
/// leads out of the tree, and none to a hidden or a temporary file.
pub fn problem(path: &str) -> Option<String> {
    if path.is_empty() {
        return Some("the path is empty".to_owned());
    }
    if path.starts_with('/') {
        return Some(format!("{path:?} is absolute; it must be relative to the tree"));
    }
    if path.len() > 1024 {
        return Some("the path is longer than 1024 bytes".to_owned());
    }
    path.split('/').find_map(|part| part_problem(part).map(|problem| format!("in {path:?}, {problem}")))
}

fn part_problem(part: &str) -> Option<String> {
    if part.is_empty() {
        return Some("a part is empty".to_owned());
    }
    if part.starts_with('.') {
        return Some(format!("the part {part:?} begins with a dot"));
    }
    if part.len() > 200 {
        return Some("a part is longer than 200 bytes".to_owned());
    }
    let allowed = |char: char| char.is_ascii_alphanumeric() || "._-".contains(char);
    part.chars().find(|char| !allowed(*char)).map(|char| format!("the character {char:?} is not allowed"))
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn paths_stay_inside_the_tree() {
        for path in ["nginx.conf", "conf.d/shop.conf", "a/b/c-d_e.1"] {
            assert_eq!(problem(path), None);
        }
        for path in
            ["", "/etc/passwd", "../a", "a/../b", "a//b", "a/", ".hidden", "a/.b", "a b", "a\\b", "a\0b", "ü", "~"]
        {
            assert!(problem(path).is_some(), "{path:?}");
        }
    }
}
