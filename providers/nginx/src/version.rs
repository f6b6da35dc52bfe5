//! Which server reads the configuration.

use std::fmt;
use std::str::FromStr;

/// The family of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flavor {
    /// nginx.
    #[default]
    Nginx,
    /// Tengine, which is nginx with modules of its own.
    Tengine,
}

impl FromStr for Flavor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "nginx" => Ok(Flavor::Nginx),
            "tengine" => Ok(Flavor::Tengine),
            _ => Err(format!("{text:?} is neither \"nginx\" nor \"tengine\"")),
        }
    }
}

/// The version of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    major: u16,
    minor: u16,
    patch: u16,
}

impl Version {
    /// A version of three numbers.
    pub const fn new(major: u16, minor: u16, patch: u16) -> Version {
        Version { major, minor, patch }
    }

    /// The version of nginx that this version of Tengine is at least made from, after
    /// Tengine's own list of changes.
    pub fn core_of_tengine(self) -> Version {
        match (self.major, self.minor) {
            (..2, _) => Version::new(1, 2, 9),
            (2, 0) => Version::new(1, 4, 6),
            (2, 1) => Version::new(1, 6, 2),
            (2, 2) => Version::new(1, 8, 1),
            (2, 3) if self.patch == 0 => Version::new(1, 15, 9),
            (2, 3) if self.patch == 1 => Version::new(1, 16, 0),
            (2, 3) if self.patch == 2 => Version::new(1, 17, 3),
            (2, 3) => Version::new(1, 18, 0),
            (2, _) => Version::new(1, 20, 1),
            (3.., _) => Version::new(1, 24, 0),
        }
    }
}

impl FromStr for Version {
    type Err = String;

    /// Reads two or three numbers: `1.22`, `1.22.1`. Without the third, the newest of that
    /// line is meant.
    fn from_str(text: &str) -> Result<Self, String> {
        let problem = || format!("{text:?} is not a version, such as 1.22 or 1.22.1");
        let numbers: Vec<u16> =
            text.split('.').map(|part| part.parse().map_err(|_| problem())).collect::<Result<_, _>>()?;
        match numbers[..] {
            [major, minor] => Ok(Version::new(major, minor, u16::MAX)),
            [major, minor, patch] => Ok(Version::new(major, minor, patch)),
            _ => Err(problem()),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.patch {
            u16::MAX => write!(f, "{}.{}", self.major, self.minor),
            patch => write!(f, "{}.{}.{patch}", self.major, self.minor),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_shown() {
        assert_eq!("1.22.1".parse(), Ok(Version::new(1, 22, 1)));
        assert_eq!("1.22".parse::<Version>().map(|version| version.to_string()), Ok("1.22".to_owned()));
        assert!("1.22".parse::<Version>() > Ok(Version::new(1, 22, 1)));
        for text in ["", "1", "1.2.3.4", "1.x", "v1.2"] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }
}
