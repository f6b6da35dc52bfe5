//! Regular expressions, looked at from outside.
//!
//! nginx compiles them with PCRE, which knows more than the Rust crates do (look-around,
//! back references), so they are not compiled here. What is checked is what breaks a
//! configuration or a server: brackets that do not match, a repetition of nothing, a
//! reference to a group that is not there, and a repetition of a repetition, which takes
//! time that grows exponentially with the length of a request.

/// What is wrong with a regular expression.
pub fn check(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("a regular expression is missing".to_owned());
    }
    let mut scanner = Scanner::new(text);
    scanner.scan().map_err(|problem| format!("in the regular expression {text:?}, {problem}"))
}

/// The names of the groups of a regular expression: `(?<name>`, `(?P<name>`, `(?'name'`.
pub fn group_names(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("(?").filter_map(|(at, _)| group_name(&text[at + 2..]))
}

/// The name that begins behind `(?`, if the group has one.
fn group_name(rest: &str) -> Option<&str> {
    let rest = rest.strip_prefix('P').unwrap_or(rest);
    let (rest, close) = match rest.strip_prefix('<') {
        Some(rest) if !rest.starts_with(['=', '!']) => (rest, '>'),
        Some(_) => return None,
        None => (rest.strip_prefix('\'')?, '\''),
    };
    rest.split_once(close).map(|(name, _)| name)
}

/// A group that is still open.
struct Group {
    /// How many atoms stand in it so far; an alternative counts as one more.
    atoms: usize,
    /// Whether its only atom so far is repeated without a bound.
    repeats: bool,
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    open: Vec<Group>,
    captures: usize,
    /// References seen, checked once all groups are known.
    numbers: Vec<usize>,
    names: Vec<&'a str>,
    /// Whether something stands before the current place that can be repeated, and whether
    /// it is a repetition already.
    atom: Option<bool>,
}

impl<'a> Scanner<'a> {
    fn new(text: &'a str) -> Self {
        let open = vec![Group { atoms: 0, repeats: false }];
        Scanner { text, at: 0, open, captures: 0, numbers: Vec::new(), names: Vec::new(), atom: None }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn next(&mut self) -> Option<char> {
        let next = self.rest().chars().next()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn scan(&mut self) -> Result<(), String> {
        while let Some(char) = self.next() {
            match char {
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => self.open_group()?,
                ')' => self.close_group()?,
                '*' | '+' | '?' => self.repeat(char != '?')?,
                '{' if self.bounds().is_some() => self.bounded()?,
                '|' => {
                    self.count_atom();
                    self.atom = None;
                }
                '^' => self.atom = None,
                _ => self.put_atom(false),
            }
        }
        if self.open.len() > 1 {
            return Err("a `(` is not closed".to_owned());
        }
        self.references()
    }

    fn count_atom(&mut self) {
        if let Some(group) = self.open.last_mut() {
            group.atoms += 1;
            group.repeats = false;
        }
    }

    fn put_atom(&mut self, repeats: bool) {
        self.count_atom();
        self.atom = Some(repeats);
    }

    fn escape(&mut self) -> Result<(), String> {
        let Some(char) = self.next() else { return Err("a `\\` stands at the end".to_owned()) };
        match char {
            '1'..='9' => {
                let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
                let number = &self.text[self.at - 1..self.at + digits];
                // Two digits and more are octal where there is no such group.
                if digits == 0 {
                    self.numbers.extend(number.parse::<usize>());
                }
                self.at += digits;
            }
            'k' => {
                let rest = self.rest();
                let close = match rest.chars().next() {
                    Some('<') => '>',
                    Some('{') => '}',
                    Some('\'') => '\'',
                    _ => return Err("`\\k` needs the name of a group: \\k<name>".to_owned()),
                };
                let Some(end) = rest[1..].find(close) else { return Err("the name behind `\\k` is not closed".into()) };
                self.names.push(&rest[1..=end]);
                self.at += end + 2;
            }
            'Q' => {
                let quoted = self.rest().find("\\E").map_or(self.rest().len(), |end| end + 2);
                self.at += quoted;
            }
            _ => {}
        }
        self.put_atom(false);
        Ok(())
    }

    fn class(&mut self) -> Result<(), String> {
        let unclosed = || "a `[` is not closed".to_owned();
        if self.rest().starts_with('^') {
            self.at += 1;
        }
        // A bracket that stands first means itself.
        let mut first = true;
        loop {
            match self.next().ok_or_else(unclosed)? {
                ']' if !first => break,
                '\\' => {
                    self.next().ok_or_else(unclosed)?;
                }
                '[' if self.rest().starts_with(':') => {
                    if let Some(end) = self.rest().find(":]") {
                        self.at += end + 2;
                    }
                }
                _ => {}
            }
            first = false;
        }
        self.put_atom(false);
        Ok(())
    }

    fn open_group(&mut self) -> Result<(), String> {
        let Some(rest) = self.rest().strip_prefix('?') else {
            self.captures += usize::from(!self.rest().starts_with('*'));
            self.open.push(Group { atoms: 0, repeats: false });
            self.atom = None;
            return Ok(());
        };
        if let Some(name) = group_name(rest) {
            let starts = name.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_');
            if !starts || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') || name.len() > 32 {
                return Err(format!("{name:?} is not the name of a group"));
            }
            self.captures += 1;
            self.at += rest.find(name).unwrap_or(0) + name.len() + 2;
        } else {
            self.at += 1;
            self.at += self.rest().bytes().take_while(|byte| b":=!<>|#imsxUJX-^".contains(byte)).count();
        }
        self.open.push(Group { atoms: 0, repeats: false });
        self.atom = None;
        Ok(())
    }

    fn close_group(&mut self) -> Result<(), String> {
        if self.open.len() < 2 {
            return Err("a `)` closes nothing".to_owned());
        }
        let group = self.open.pop();
        let repeats = group.is_some_and(|group| group.repeats && group.atoms == 1);
        self.put_atom(repeats);
        // A group in a group hands on that it is nothing but a repetition.
        if let Some(outer) = self.open.last_mut() {
            outer.repeats = repeats && outer.atoms == 1;
        }
        Ok(())
    }

    fn repeat(&mut self, unbounded: bool) -> Result<(), String> {
        let Some(already) = self.atom else { return Err("a repetition repeats nothing".to_owned()) };
        if unbounded && already {
            return Err("a repetition of a repetition takes exponential time on some requests".to_owned());
        }
        // `?` and `+` behind a repetition say how it matches.
        if self.rest().starts_with(['?', '+']) {
            self.at += 1;
        }
        if let Some(group) = self.open.last_mut() {
            group.repeats = unbounded;
        }
        self.atom = None;
        Ok(())
    }

    /// The bounds `{n}`, `{n,}` or `{n,m}` whose brace was just read: how long they are, and
    /// whether there is an upper one.
    fn bounds(&self) -> Option<(usize, bool)> {
        let inner = self.rest().split_once('}')?.0;
        let (least, most) = inner.split_once(',').unwrap_or((inner, inner));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let valid = !least.is_empty() && digits(least) && digits(most);
        valid.then_some((inner.len() + 1, !most.is_empty()))
    }

    fn bounded(&mut self) -> Result<(), String> {
        let (length, bounded) = self.bounds().unwrap_or_default();
        self.at += length;
        self.repeat(!bounded)
    }

    fn references(&self) -> Result<(), String> {
        if let Some(number) = self.numbers.iter().find(|number| **number > self.captures) {
            return Err(format!("there is no group {number} to refer to"));
        }
        match self.names.iter().find(|name| !group_names(self.text).any(|group| group == **name)) {
            Some(name) => Err(format!("there is no group {name:?} to refer to")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_of_pcre_pass() {
        for text in [
            "/api/v[0-9]+",
            r"\.(?:jpe?g|png)$",
            "^/users/(?<id>[0-9]+)/(?P<tab>\\w+)$",
            r"/foo/(\w+)\1$",
            r"/users/(?P<id>[0-9]+)/\k<id>",
            r"/foo(?<=\w+)bar(?!baz)",
            "^/a{2,3}/[]a]/[^]]/[[:alpha:]]+$",
            "(?i)abc",
            "a{,b}",
            "a+?b*+",
            "(/[a-z]+)*",
            "(a|b+)*c",
            "a{2}",
            r"\Q(\E",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn broken_ones_are_told() {
        for (text, want) in [
            ("", "missing"),
            ("(foo", "`(` is not closed"),
            ("foo)", "closes nothing"),
            ("[a", "`[` is not closed"),
            ("*a", "repeats nothing"),
            ("a**", "repeats nothing"),
            ("(+a)", "repeats nothing"),
            ("a\\", "stands at the end"),
            (r"(\w+)\2$", "no group 2"),
            ("(?<bad-name>a)", "not the name of a group"),
            (r"\k<none>", "no group \"none\""),
            ("^(([a-z])+)+$", "exponential"),
            ("(a*)*", "exponential"),
            ("(a+){2,}", "exponential"),
        ] {
            let problem = check(text).expect_err(text);
            assert!(problem.contains(want), "{text}: {problem}");
        }
    }
}
