//! The forms of names that the Kubernetes API demands (RFC 1123, RFC 1035).

/// The longest label of a name.
const MAX_LABEL: usize = 63;
/// The longest name of several labels.
const MAX_SUBDOMAIN: usize = 253;

/// What a name must be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Lower-case letters, digits and hyphens: a namespace.
    Label,
    /// A label that begins with a letter: a Service.
    LetterLabel,
    /// Labels joined by dots: most objects.
    Subdomain,
    /// Anything that can stand between two slashes of a URL: roles and their bindings.
    PathSegment,
}

impl Form {
    /// The form of the name of an object of this kind.
    pub(crate) fn of_kind(group: &str, kind: &str) -> Form {
        match (group, kind) {
            ("", "Namespace") => Form::Label,
            ("", "Service") => Form::LetterLabel,
            ("rbac.authorization.k8s.io", _) => Form::PathSegment,
            _ => Form::Subdomain,
        }
    }

    /// Whether a name has this form.
    pub(crate) fn fits(self, name: &str) -> bool {
        match self {
            Form::Label => is_label(name),
            Form::LetterLabel => is_label(name) && name.starts_with(|first: char| first.is_ascii_lowercase()),
            Form::Subdomain => name.len() <= MAX_SUBDOMAIN && name.split('.').all(is_label_of_any_length),
            Form::PathSegment => {
                let allowed = |char: char| char.is_ascii_alphanumeric() || "-_.:".contains(char);
                !name.is_empty()
                    && name.len() <= MAX_SUBDOMAIN
                    && name != "."
                    && name != ".."
                    && name.chars().all(allowed)
            }
        }
    }

    /// What is demanded, for a message.
    pub(crate) fn rule(self) -> &'static str {
        match self {
            Form::Label => "at most 63 lower-case letters, digits and hyphens, a letter or digit first and last",
            Form::LetterLabel => "at most 63 lower-case letters, digits and hyphens, a letter first, no hyphen last",
            Form::Subdomain => {
                "at most 253 lower-case letters, digits, hyphens and dots, a letter or digit first and last and beside each dot"
            }
            Form::PathSegment => "at most 253 letters, digits, hyphens, underscores, dots and colons, not `.` or `..`",
        }
    }
}

fn is_label(text: &str) -> bool {
    text.len() <= MAX_LABEL && is_label_of_any_length(text)
}

fn is_label_of_any_length(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(allowed) && !text.starts_with('-') && !text.ends_with('-')
}

/// Whether it is an API version: `v1`, `apps/v1`, `networking.k8s.io/v1beta1`.
pub(crate) fn is_api_version(text: &str) -> bool {
    let (group, version) = text.split_once('/').unwrap_or(("", text));
    let group_fits = !text.contains('/') || Form::Subdomain.fits(group);
    group_fits && Form::LetterLabel.fits(version)
}

/// Whether it is a version as Kubernetes numbers them: `v1`, `v2beta1`.
pub(crate) fn is_version(text: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some(rest) = text.strip_prefix('v') else { return false };
    let stages = ["alpha", "beta"].into_iter().find_map(|stage| rest.split_once(stage));
    stages.map_or_else(|| number(rest), |(major, minor)| number(major) && number(minor))
}

/// Whether it is a kind: `Deployment`.
pub(crate) fn is_kind(text: &str) -> bool {
    text.len() <= MAX_LABEL
        && text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether it is the key of a label or an annotation: `app`, `app.kubernetes.io/name`.
pub(crate) fn is_label_key(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => Form::Subdomain.fits(prefix) && is_label_word(name),
        None => is_label_word(text),
    }
}

/// Whether it is the value of a label.
pub(crate) fn is_label_value(text: &str) -> bool {
    text.is_empty() || is_label_word(text)
}

fn is_label_word(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends_fit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    bytes.len() <= MAX_LABEL
        && ends_fit(bytes.first())
        && ends_fit(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_form_of_their_kind() {
        let long = "a".repeat(64);
        let cases = [
            (Form::Label, "shop-1", true),
            (Form::Label, "1shop", true),
            (Form::Label, "shop.eu", false),
            (Form::Label, long.as_str(), false),
            (Form::LetterLabel, "1shop", false),
            (Form::Subdomain, "shop.eu-1", true),
            (Form::Subdomain, "shop..eu", false),
            (Form::Subdomain, "../up", false),
            (Form::Subdomain, "Shop", false),
            (Form::Subdomain, "-shop", false),
            (Form::Subdomain, "", false),
            (Form::PathSegment, "system:node-reader", true),
            (Form::PathSegment, "..", false),
            (Form::PathSegment, "a/b", false),
        ];
        for (form, name, fits) in cases {
            assert_eq!(form.fits(name), fits, "{form:?} {name:?}");
        }
    }

    #[test]
    fn versions_kinds_and_labels() {
        assert!(is_api_version("v1") && is_api_version("apps/v1") && is_api_version("a.b-c.io/v2beta1"));
        assert!(!is_api_version("") && !is_api_version("/v1") && !is_api_version("a/b/v1") && !is_api_version("V1"));
        assert!(
            is_version("v1") && is_version("v2beta12") && !is_version("v") && !is_version("v1beta") && !is_version("1")
        );
        assert!(is_kind("Deployment") && !is_kind("deployment") && !is_kind("") && !is_kind("A/B"));
        assert!(is_label_key("app.kubernetes.io/name") && !is_label_key("/name") && !is_label_key("a b"));
        assert!(is_label_value("") && is_label_value("v1.2_3") && !is_label_value("a/b") && !is_label_value("-a"));
    }
}
