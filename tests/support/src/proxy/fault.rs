//! What can go wrong between a client and an API server.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::http::response::Parts;
use regex::Regex;
use serde_json::{Value as Json, json};
use tokio::sync::OnceCell;

/// Something that goes wrong, with which requests, and how often: once, if nothing else is said.
///
/// ```
/// use portolan_test_support::Fault;
///
/// let busy = Fault::answer(429).retry_after(1).to("PATCH .*/deployments/web").after(1).times(3);
/// ```
#[derive(Debug)]
pub struct Fault {
    action: Action,
    pattern: Regex,
    skipped: usize,
    times: usize,
}

/// What becomes of a request.
#[derive(Debug, Clone)]
pub(super) enum Action {
    /// It is passed on, as is what is answered.
    Pass,
    /// It is passed on later.
    Delay(Duration),
    /// It is not passed on, but answered.
    Answer(Refusal),
    /// It is not passed on, and the connection ends.
    Drop,
    /// It is passed on; the connection ends without an answer.
    Unanswered,
    /// It is passed on; the connection ends after so many lines of the answer.
    CutAfter(usize),
    /// It is answered with what was answered when this struck first.
    Stale(Arc<OnceCell<(Parts, Bytes)>>),
}

/// An answer in the place of the server's.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) retry_after: Option<u32>,
    pub(super) body: Json,
}

impl Fault {
    fn new(action: Action) -> Fault {
        Fault { action, pattern: Regex::new("").expect("an expression"), skipped: 0, times: 1 }
    }

    /// The server refuses with this status: 401, 403, 409, 410, 429, 500, 503 …
    pub fn answer(status: u16) -> Fault {
        let status = StatusCode::from_u16(status).expect("a status");
        let body = json!({
            "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure",
            "code": status.as_u16(), "reason": reason(status.as_u16()), "message": "refused by the test",
        });
        Fault::new(Action::Answer(Refusal { status, retry_after: None, body }))
    }

    /// The request reaches the server late.
    pub fn delay(time: Duration) -> Fault {
        Fault::new(Action::Delay(time))
    }

    /// The connection ends, and the server never sees the request.
    pub fn drop() -> Fault {
        Fault::new(Action::Drop)
    }

    /// The server carries the request out, but the connection ends before its answer.
    pub fn unanswered() -> Fault {
        Fault::new(Action::Unanswered)
    }

    /// The connection ends after so many lines of the answer: of a watch, after so many events.
    pub fn cut_after(lines: usize) -> Fault {
        Fault::new(Action::CutAfter(lines))
    }

    /// The first time the server answers; from then on, that answer is given again.
    pub fn stale() -> Fault {
        Fault::new(Action::Stale(Arc::default()))
    }

    /// Only requests whose line (`GET /api/v1/pods?limit=500`) fits a regular expression.
    #[must_use]
    pub fn to(mut self, pattern: &str) -> Fault {
        self.pattern = Regex::new(pattern).expect("a regular expression");
        self
    }

    /// Only after so many such requests.
    #[must_use]
    pub fn after(mut self, requests: usize) -> Fault {
        self.skipped = requests;
        self
    }

    /// So many times.
    #[must_use]
    pub fn times(mut self, times: usize) -> Fault {
        self.times = times;
        self
    }

    /// Every time.
    #[must_use]
    pub fn always(self) -> Fault {
        self.times(usize::MAX)
    }

    /// The answer asks to wait for so many seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Fault {
        if let Action::Answer(refusal) = &mut self.action {
            refusal.retry_after = Some(seconds);
        }
        self
    }

    /// The answer's message.
    #[must_use]
    pub fn saying(mut self, message: &str) -> Fault {
        if let Action::Answer(refusal) = &mut self.action {
            refusal.body["message"] = message.into();
        }
        self
    }

    /// What it makes of a request, where it strikes.
    pub(super) fn struck_by(&mut self, line: &str) -> Option<Action> {
        if self.times == 0 || !self.pattern.is_match(line) {
            return None;
        }
        if self.skipped > 0 {
            self.skipped -= 1;
            return None;
        }
        self.times -= 1;
        Some(self.action.clone())
    }
}

/// How API servers name what a status says.
fn reason(status: u16) -> &'static str {
    match status {
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        410 => "Expired",
        422 => "Invalid",
        429 => "TooManyRequests",
        500 => "InternalError",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "",
    }
}
