//! Versions, and constraints on them: `>= 1.0, < 2.0`, `~> 1.2`.

use std::cmp::Ordering;
use std::fmt;

/// A version by the rules of semantic versioning. Parts that are left out are zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    numbers: [u64; 3],
    /// The identifiers after the dash; empty for a release.
    prerelease: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    /// At least this version, and the same in all parts but the last one given.
    Pessimistic,
}

/// Conditions of which all must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct VersionConstraint {
    /// Each with the number of parts that its version was written with.
    conditions: Vec<(Operator, Version, usize)>,
}

impl Version {
    /// The version of this program.
    pub(super) fn of_program() -> Version {
        Version::parse(env!("CARGO_PKG_VERSION"))
            .map_or(Version { numbers: [0; 3], prerelease: Vec::new() }, |(v, _)| v)
    }

    /// Reads a version; the answer says how many parts it was written with.
    fn parse(text: &str) -> Option<(Version, usize)> {
        let text = text.split_once('+').map_or(text, |(version, _metadata)| version);
        let text = text.strip_prefix('v').unwrap_or(text);
        let (release, prerelease) = match text.split_once('-') {
            Some((release, prerelease)) => (release, prerelease.split('.').map(str::to_owned).collect()),
            None => (text, Vec::new()),
        };
        let is_identifier =
            |text: &String| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if !prerelease.iter().all(is_identifier) {
            return None;
        }
        let mut numbers = [0; 3];
        let mut parts = 0;
        for part in release.split('.') {
            let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            *numbers.get_mut(parts)? = part.parse().ok().filter(|_| is_number)?;
            parts += 1;
        }
        Some((Version { numbers, prerelease }, parts))
    }
}

impl VersionConstraint {
    /// Reads a constraint; `None` for what is none.
    pub(super) fn parse(text: &str) -> Option<VersionConstraint> {
        let conditions = text.split(',').map(condition).collect::<Option<_>>()?;
        Some(VersionConstraint { conditions })
    }

    /// Whether a version fulfils it. A prerelease fulfils only what names a prerelease of the
    /// same release.
    pub(super) fn allows(&self, version: &Version) -> bool {
        self.conditions.iter().all(|(operator, bound, parts)| {
            let order = version.cmp(bound);
            let is_comparable = version.prerelease.is_empty()
                || *operator == Operator::NotEqual
                || (!bound.prerelease.is_empty() && bound.numbers == version.numbers);
            let holds = match operator {
                Operator::Equal => order == Ordering::Equal,
                Operator::NotEqual => order != Ordering::Equal,
                Operator::Greater => order == Ordering::Greater,
                Operator::GreaterOrEqual => order != Ordering::Less,
                Operator::Less => order == Ordering::Less,
                Operator::LessOrEqual => order != Ordering::Greater,
                Operator::Pessimistic => {
                    let fixed = parts.saturating_sub(1);
                    order != Ordering::Less
                        && version.numbers.iter().zip(&bound.numbers).take(fixed).all(|(a, b)| a == b)
                }
            };
            is_comparable && holds
        })
    }
}

fn condition(text: &str) -> Option<(Operator, Version, usize)> {
    let text = text.trim();
    let at = text.find(|character: char| !"=!<>~".contains(character))?;
    let (operator, version) = text.split_at(at);
    let operator = match operator {
        "" | "=" => Operator::Equal,
        "!=" => Operator::NotEqual,
        ">" => Operator::Greater,
        ">=" => Operator::GreaterOrEqual,
        "<" => Operator::Less,
        "<=" => Operator::LessOrEqual,
        "~>" => Operator::Pessimistic,
        _ => return None,
    };
    let (version, parts) = Version::parse(version.trim())?;
    Some((operator, version, parts))
}

impl Ord for Version {
    /// Precedence by section 11 of semver 2.0.0.
    fn cmp(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| match (&self.prerelease[..], &other.prerelease[..]) {
            ([], []) => Ordering::Equal,
            ([], _) => Ordering::Greater,
            (_, []) => Ordering::Less,
            (mine, theirs) => {
                let pairs = mine.iter().zip(theirs).map(|(mine, theirs)| compare_identifiers(mine, theirs));
                pairs.fold(Ordering::Equal, Ordering::then).then(mine.len().cmp(&theirs.len()))
            }
        })
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn compare_identifiers(mine: &str, theirs: &str) -> Ordering {
    match (mine.parse::<u64>(), theirs.parse::<u64>()) {
        (Ok(mine), Ok(theirs)) => mine.cmp(&theirs),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => mine.cmp(theirs),
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.numbers;
        write!(f, "{major}.{minor}.{patch}")?;
        if !self.prerelease.is_empty() {
            write!(f, "-{}", self.prerelease.join("."))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_allow_versions() {
        for (constraint, version, expected) in [
            (">= 1.0, < 2.0", "1.9.9", true),
            (">= 1.0, < 2.0", "2.0.0", false),
            ("~> 1.2", "1.9.0", true),
            ("~> 1.2", "2.0.0", false),
            ("~> 1.2.3", "1.2.9", true),
            ("~> 1.2.3", "1.3.0", false),
            ("~> 1", "7.0.0", true),
            ("1.2", "1.2.0", true),
            ("= v1.2.0", "1.2.0", true),
            ("!= 1.2.0", "1.2.0", false),
            (">1.0", "1.0.0", false),
            ("<= 1.0", "1.0.0", true),
            (">= 1.0", "1.1.0-beta", false),
            (">= 1.1.0-alpha", "1.1.0-beta", true),
            ("> 1.1.0-beta.2", "1.1.0-beta.11", true),
            ("> 1.1.0-beta.2", "1.1.0", true),
        ] {
            let (version, _) = Version::parse(version).expect("a version");
            let constraint = VersionConstraint::parse(constraint).expect("a constraint");
            assert_eq!(constraint.allows(&version), expected, "{constraint:?} {version}");
        }
    }

    #[test]
    fn what_is_no_constraint_is_refused() {
        for text in ["", "abc", ">=", "1.2.3.4", ">= 1.0,", "=> 1.0", "1..2", "1.0-", "1.x", "99999999999999999999"] {
            assert_eq!(VersionConstraint::parse(text), None, "{text}");
        }
    }
}
