//! What an API server says when it refuses.

use std::time::Duration;

use portolan_provider::Error;
use serde_json::Value as Json;

/// A request that was answered with an error.
#[derive(Debug, Clone, Default)]
pub(super) struct Refusal {
    /// The HTTP status.
    pub(super) code: u16,
    pub(super) message: String,
    pub(super) causes: Vec<Cause>,
    /// How long the server asks to be left alone.
    pub(super) retry_after: Option<Duration>,
}

/// One of several things that are wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cause {
    pub(super) reason: String,
    pub(super) message: String,
    /// The field, as `spec.template.spec.containers[0].name`.
    pub(super) field: String,
}

/// Why a request was not carried out.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The server refused.
    Refused(Refusal),
    /// There was no answer.
    NoAnswer(Error),
}

/// The longest message that is told in one piece.
const LONGEST: usize = 600;

impl Refusal {
    /// From the body of an answer: a `Status`, or whatever stood between.
    pub(super) fn of(code: u16, body: &[u8], retry_after: Option<Duration>) -> Refusal {
        let status: Json = serde_json::from_slice(body).unwrap_or_default();
        let text = |value: &Json, name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let details = &status["details"];
        let cause = |cause: &Json| Cause {
            reason: text(cause, "reason"),
            message: text(cause, "message"),
            field: text(cause, "field"),
        };
        let causes = details["causes"].as_array().map(|causes| causes.iter().map(cause).collect()).unwrap_or_default();
        let asked = details["retryAfterSeconds"].as_u64().map(Duration::from_secs);
        let message = match status["message"].as_str() {
            Some(message) => message.to_owned(),
            None => String::from_utf8_lossy(body).trim().to_owned(),
        };
        Refusal { code, message: shortened(message), causes, retry_after: retry_after.or(asked) }
    }

    /// Whether somebody changed the object between reading and writing it, or it is there where it
    /// must not be.
    pub(super) fn is_conflict(&self) -> bool {
        self.code == 409
    }

    /// The fields that other managers own.
    pub(super) fn field_conflicts(&self) -> impl Iterator<Item = &Cause> {
        self.causes.iter().filter(|cause| cause.reason == "FieldManagerConflict")
    }

    /// The error for people; `what` was asked for.
    pub(super) fn error(self, what: &str) -> Error {
        let message = self.told(what);
        let error = match self.code {
            401 => Error::denied(message).help("The credentials are wrong, or have expired."),
            403 if self.message.contains("exceeded quota") => {
                Error::failed(message).help("Raise the quota of the namespace, or ask for less.")
            }
            403 if self.is_admission() => Error::failed(message),
            403 => Error::denied(message).help("Give the user of this connection the right to do that, by RBAC."),
            409 => Error::conflict(message),
            // What does not fit the schema, older servers take for a failure of their own.
            500 if self.message.contains("failed to create typed patch object") => Error::invalid(message),
            400 | 405 | 406 | 413 | 415 | 422 => Error::invalid(message),
            429 | 500.. => Error::transient(message),
            _ => Error::failed(message),
        };
        match self.retry_after {
            Some(pause) => error.retry_after(pause),
            None => error,
        }
    }

    /// Whether an admission plugin or a webhook refused, and not the rights of the user.
    fn is_admission(&self) -> bool {
        self.message.contains("admission webhook") || !self.message.contains(" cannot ")
    }

    fn told(&self, what: &str) -> String {
        let cause = match self.code {
            401 => "the server does not accept the credentials".to_owned(),
            429 => "the server is too busy".to_owned(),
            _ if self.message.is_empty() => format!("the server answers with the status {}", self.code),
            _ => self.message.clone(),
        };
        let details: Vec<String> =
            self.causes.iter().filter(|cause| !self.message.contains(&cause.message)).map(Cause::told).collect();
        match details.is_empty() {
            true => format!("{what}: {cause}"),
            false => format!("{what}: {cause}: {}", details.join("; ")),
        }
    }
}

impl Cause {
    fn told(&self) -> String {
        if self.field.is_empty() { self.message.clone() } else { format!("{}: {}", self.field, self.message) }
    }
}

impl Trouble {
    /// The error for people; `what` was asked for.
    pub(super) fn error(self, what: &str) -> Error {
        match self {
            Trouble::Refused(refusal) => refusal.error(what),
            Trouble::NoAnswer(error) => Error { message: format!("{what}: {}", error.message), ..error },
        }
    }
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use portolan_provider::ErrorKind;

    use super::*;

    fn refused(code: u16, body: &str) -> Error {
        Refusal::of(code, body.as_bytes(), None).error("Deployment shop/web")
    }

    #[test]
    fn kinds_of_refusals() {
        for (code, message, kind) in [
            (401, "Unauthorized", ErrorKind::Denied),
            (403, "deployments.apps is forbidden: User \"a\" cannot list resource", ErrorKind::Denied),
            (403, "pods \"a\" is forbidden: exceeded quota: q, requested: pods=1", ErrorKind::Failed),
            (403, "admission webhook \"a\" denied the request: no", ErrorKind::Failed),
            (409, "the object has been modified", ErrorKind::Conflict),
            (422, "is invalid", ErrorKind::Invalid),
            (429, "slow down", ErrorKind::Transient),
            (500, "failed calling webhook", ErrorKind::Transient),
            (500, "failed to create typed patch object: .spec: expected string", ErrorKind::Invalid),
            (503, "starting", ErrorKind::Transient),
        ] {
            let body = serde_json::json!({"kind": "Status", "message": message}).to_string();
            assert_eq!(refused(code, &body).kind, kind, "{code} {message}");
        }
        assert_eq!(refused(502, "<html>bad gateway").message, "Deployment shop/web: <html>bad gateway");
        assert_eq!(refused(503, "").message, "Deployment shop/web: the server answers with the status 503");
    }

    #[test]
    fn all_causes_are_told_and_the_pause_is_kept() {
        let body = r#"{"message": "is invalid", "details": {"retryAfterSeconds": 7, "causes": [
            {"reason": "FieldValueRequired", "message": "Required value", "field": "spec.selector"},
            {"message": "is invalid"}]}}"#;
        let error = refused(422, body);
        assert_eq!(error.message, "Deployment shop/web: is invalid: spec.selector: Required value");
        assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
    }
}
