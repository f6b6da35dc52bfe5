//! What etcd's answers mean to the engine.

use etcd_client::Error as EtcdError;
use portolan_provider::Error;

/// gRPC's status codes, as far as they are told apart here.
mod code {
    pub(super) const CANCELLED: i32 = 1;
    pub(super) const INVALID_ARGUMENT: i32 = 3;
    pub(super) const DEADLINE_EXCEEDED: i32 = 4;
    pub(super) const PERMISSION_DENIED: i32 = 7;
    pub(super) const RESOURCE_EXHAUSTED: i32 = 8;
    pub(super) const UNAVAILABLE: i32 = 14;
    pub(super) const UNAUTHENTICATED: i32 = 16;
}

/// The error of a call about `what`: a key, or the cluster.
pub fn error_of(what: &str, error: EtcdError) -> Error {
    match &error {
        // What etcd itself says has no cause here: the connection broke before it could answer.
        EtcdError::GRpcStatus(status) if std::error::Error::source(status).is_some() => {
            Error::transient(format!("{what}: the connection was lost: {}", status.message()))
        }
        EtcdError::GRpcStatus(status) => of_status(what, i32::from(status.code()), status.message()),
        EtcdError::TransportError(_) | EtcdError::IoError(_) => {
            Error::transient(format!("{what} cannot be reached: {}", causes(&error)))
        }
        EtcdError::InvalidUri(_) | EtcdError::InvalidArgs(_) | EtcdError::EndpointError(_) => {
            Error::invalid(format!("{what}: {}", causes(&error)))
        }
        _ => Error::failed(format!("{what}: {}", causes(&error))),
    }
}

fn of_status(what: &str, code: i32, message: &str) -> Error {
    let message = message.trim_start_matches("etcdserver: ");
    let said = format!("{what}: {message}");
    match code {
        code::RESOURCE_EXHAUSTED if message.contains("database space exceeded") => {
            Error::failed(said).help("Compact and defragment etcd, then disarm its alarm.")
        }
        // Nobody cancels a call here.
        code::CANCELLED | code::UNAVAILABLE | code::DEADLINE_EXCEEDED | code::RESOURCE_EXHAUSTED => {
            Error::transient(said)
        }
        code::PERMISSION_DENIED | code::UNAUTHENTICATED => Error::denied(said),
        code::INVALID_ARGUMENT if message.contains("authentication failed") => Error::denied(said),
        code::INVALID_ARGUMENT => Error::invalid(said),
        _ => Error::failed(said),
    }
}

/// An error and what it comes from, since the outermost one alone often says nothing.
fn causes(error: &EtcdError) -> String {
    let mut said = match error {
        EtcdError::TransportError(inner) => inner.to_string(),
        other => other.to_string(),
    };
    let mut cause: Option<&dyn std::error::Error> = match error {
        EtcdError::TransportError(inner) => std::error::Error::source(inner),
        EtcdError::IoError(inner) => std::error::Error::source(inner),
        _ => None,
    };
    while let Some(inner) = cause {
        let inner_said = inner.to_string();
        if !said.contains(&inner_said) {
            said = format!("{said}: {inner_said}");
        }
        cause = inner.source();
    }
    said
}

#[cfg(test)]
mod tests {
    use portolan_provider::ErrorKind;

    use super::*;

    #[test]
    fn answers_say_what_to_do() {
        let kind = |code, message| of_status("/a", code, message).kind;
        assert_eq!(kind(14, "etcdserver: leader changed"), ErrorKind::Transient);
        assert_eq!(kind(8, "etcdserver: mvcc: database space exceeded"), ErrorKind::Failed);
        assert_eq!(kind(7, "etcdserver: permission denied"), ErrorKind::Denied);
        assert_eq!(kind(3, "etcdserver: request is too large"), ErrorKind::Invalid);
        assert_eq!(of_status("/a", 14, "etcdserver: no leader").message, "/a: no leader");
    }
}
