//! Who may look at a daemon, and who may tell it something: a file of tokens.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use portolan_lang::{Diagnostic, Diagnostics};
use sha2::{Digest, Sha256};

/// The fewest characters of a token: what is shorter can be guessed.
const SHORTEST: usize = 16;

/// What somebody may do. Each may do what those before may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// Look.
    View,
    /// Look, and have the daemon do what it is there for.
    Operate,
}

/// Somebody who has a token.
#[derive(Debug, Clone)]
pub(crate) struct Bearer {
    /// Who it is, for the log.
    pub(crate) name: String,
    /// What may be done.
    pub(crate) role: Role,
}

/// The tokens of a file. They themselves are not kept.
#[derive(Debug)]
pub(crate) struct Tokens(Vec<([u8; 32], Bearer)>);

impl Tokens {
    /// Reads lines `NAME ROLE TOKEN`; empty ones, and those that begin with `#`, say nothing.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, by line; no token is told.
    pub(crate) fn read(path: &Path) -> Result<Tokens, Diagnostics> {
        let problem = |detail: String, help: &str| {
            Diagnostic::error("The file of tokens cannot be used").detail(detail).help(help)
        };
        let metadata = std::fs::metadata(path);
        if metadata.as_ref().is_ok_and(|metadata| metadata.mode() & 0o077 != 0) {
            let detail = format!("Others than its owner can read or write {}.", path.display());
            return Err(problem(detail, "Take that right away: chmod 600.").into());
        }
        let text = metadata.and_then(|_| std::fs::read_to_string(path)).map_err(|error| {
            problem(format!("{}: {error}", path.display()), "Name a file with lines `NAME ROLE TOKEN` in --tokens.")
        })?;
        let (mut tokens, mut problems) = (Vec::new(), Diagnostics::default());
        for (number, line) in (1..).zip(text.lines().map(str::trim)) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match parse(line) {
                Ok(token) => tokens.push(token),
                Err((what, help)) => problems.push(problem(format!("{}, line {number}: {what}", path.display()), help)),
            }
        }
        if problems.is_empty() { Ok(Tokens(tokens)) } else { Err(problems) }
    }

    /// Who has a token.
    pub(crate) fn bearer(&self, token: &str) -> Option<&Bearer> {
        // What is compared are digests, of which the time that it takes tells nothing that helps to guess.
        let digest = digest(token);
        self.0.iter().find(|(known, _)| *known == digest).map(|(_, bearer)| bearer)
    }
}

fn parse(line: &str) -> Result<([u8; 32], Bearer), (String, &'static str)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [name, role, token] = words[..] else {
        return Err((format!("it has {} words.", words.len()), "Write three on a line: `NAME ROLE TOKEN`."));
    };
    let role = match role {
        "view" => Role::View,
        "operate" => Role::Operate,
        other => return Err((format!("\"{other}\" is no role."), "The roles are `view` and `operate`.")),
    };
    if token.chars().count() < SHORTEST {
        return Err((
            format!("the token of {name} is shorter than {SHORTEST} characters."),
            "Make one: openssl rand -hex 32.",
        ));
    }
    Ok((digest(token), Bearer { name: name.to_owned(), role }))
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
