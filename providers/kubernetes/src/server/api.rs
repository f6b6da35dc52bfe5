//! Requests to an API server. Nothing is tried again here.

use std::fmt;
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use http::{Method, Request};
use kube::client::Body;
use portolan_provider::Error;
use serde_json::Value as Json;

use super::certificate::out_of_time;
use super::connect::chain;
use super::refusal::{Refusal, Trouble};

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The form of server-side apply.
const APPLY: &str = "application/apply-patch+yaml";

/// An API server.
#[derive(Clone)]
pub(super) struct Api {
    client: kube::Client,
    /// Its address.
    pub(super) server: String,
}

/// What is asked for where the metadata of objects are enough, and taken where a server knows no
/// such form.
const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

/// A path with a query, of which the values are escaped.
#[derive(Debug, Clone)]
pub(super) struct Target {
    path: String,
    /// Whether nothing of the objects is wanted but their metadata.
    is_metadata: bool,
}

impl Target {
    /// A path that holds nothing that would need to be escaped: names are checked before.
    pub(super) fn path(path: impl Into<String>) -> Self {
        Target { path: path.into(), is_metadata: false }
    }

    /// The same, for nothing but the metadata of what is there.
    pub(super) fn metadata_only(self) -> Self {
        Target { is_metadata: true, ..self }
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.path.push(if self.path.contains('?') { '&' } else { '?' });
        self.path.push_str(name);
        self.path.push('=');
        for byte in value.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => self.path.push(char::from(byte)),
                _ => self.path.push_str(&format!("%{byte:02X}")),
            }
        }
        self
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}

/// An answer that is no error.
pub(super) struct Answer {
    body: Vec<u8>,
}

impl Answer {
    pub(super) fn json(&self) -> Result<Json, Trouble> {
        self.parse()
    }

    pub(super) fn parse<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, Trouble> {
        let broken = |error| Error::transient(format!("the answer of the server cannot be read: {error}"));
        serde_json::from_slice(&self.body).map_err(|error| Trouble::NoAnswer(broken(error)))
    }
}

impl Api {
    pub(super) fn new(client: kube::Client, server: String) -> Self {
        Api { client, server }
    }

    pub(super) async fn get(&self, target: &Target) -> Result<Answer, Trouble> {
        self.send(Method::GET, target, None).await
    }

    /// The object at a path; `None` where there is none.
    pub(super) async fn find(&self, target: &Target) -> Result<Option<Json>, Trouble> {
        match self.get(target).await {
            Ok(answer) => answer.json().map(Some),
            Err(Trouble::Refused(refusal)) if refusal.code == 404 => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// Server-side apply.
    pub(super) async fn apply(&self, target: &Target, object: &Json) -> Result<Answer, Trouble> {
        self.send(Method::PATCH, target, Some((APPLY, object.to_string().into_bytes()))).await
    }

    pub(super) async fn delete(&self, target: &Target, options: &Json) -> Result<Answer, Trouble> {
        self.send(Method::DELETE, target, Some(("application/json", options.to_string().into_bytes()))).await
    }

    /// What is answered, as it comes. There is no limit to the time that this takes.
    pub(super) async fn stream(&self, target: &Target) -> Result<impl futures::AsyncBufRead + use<>, Trouble> {
        let request = Request::get(&target.path).body(Vec::new());
        let request =
            request.map_err(|error| Trouble::NoAnswer(Error::invalid(format!("{target} is no address: {error}"))))?;
        self.client.request_stream(request).await.map_err(|error| self.trouble(&error))
    }

    /// A client for objects of a known kind in a namespace.
    pub(super) fn typed<K>(&self, namespace: &str) -> kube::Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    {
        kube::Api::namespaced(self.client.clone(), namespace)
    }

    /// What a client says went wrong.
    pub(super) fn trouble(&self, error: &kube::Error) -> Trouble {
        match error {
            kube::Error::Api(status) => {
                let body = serde_json::json!({ "message": status.message }).to_string();
                Trouble::Refused(Refusal::of(status.code, body.as_bytes(), None))
            }
            other => self.unreachable(other),
        }
    }

    async fn send(&self, method: Method, target: &Target, body: Option<(&str, Vec<u8>)>) -> Result<Answer, Trouble> {
        let accepted = if target.is_metadata { METADATA } else { "application/json" };
        let request = Request::builder().method(method).uri(&target.path).header(ACCEPT, accepted);
        let request = match body {
            Some((form, bytes)) => request.header(CONTENT_TYPE, form).body(Body::from(bytes)),
            None => request.body(Body::empty()),
        };
        let request =
            request.map_err(|error| Trouble::NoAnswer(Error::invalid(format!("{target} is no address: {error}"))))?;
        self.in_time(self.answer(request)).await
    }

    /// An answer within the time that it may take.
    pub(super) async fn in_time<T>(&self, answer: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
        tokio::time::timeout(TIMEOUT, answer).await.unwrap_or_else(|_| {
            let message = format!("{} gave no answer within {} s", self.server, TIMEOUT.as_secs());
            Err(Trouble::NoAnswer(Error::transient(message)))
        })
    }

    async fn answer(&self, request: Request<Body>) -> Result<Answer, Trouble> {
        let response = self.client.send(request).await.map_err(|error| self.unreachable(&error))?;
        let (head, body) = response.into_parts();
        let body = body.collect_bytes().await.map_err(|error| self.unreachable(&error))?;
        if head.status.is_success() {
            return Ok(Answer { body: body.into() });
        }
        Err(Trouble::Refused(Refusal::of(head.status.as_u16(), &body, pause(&head.headers))))
    }

    /// Why there was no answer. What the certificates, the credentials or the name of the server
    /// are to blame for does not go away by itself.
    fn unreachable(&self, error: &kube::Error) -> Trouble {
        if let Some(why) = out_of_time(error) {
            let error = Error::failed(format!("{} cannot be reached: {why}", self.server));
            return Trouble::NoAnswer(
                error.help("Renew the certificate of the server, and see to the clocks of both."),
            );
        }
        let told = chain(error);
        let told = told.trim_start_matches("ServiceError: ").trim_start_matches("client error (Connect): ");
        let message = format!("{} cannot be reached: {told}", self.server);
        let lower = told.to_ascii_lowercase();
        let error = if matches!(error, kube::Error::Auth(_)) {
            Error::denied(message)
        } else if lower.contains("certificate") {
            Error::failed(message).help("See to the certificates of the server, of its authority, and of this client.")
        } else if lower.contains("lookup address") {
            Error::failed(message).help("See to the name in the address of the server.")
        } else {
            Error::transient(message)
        };
        Trouble::NoAnswer(error)
    }
}

/// The pause that an answer asks for, where it is told in seconds, as API servers do.
fn pause(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_escaped() {
        let target = Target::path("/api/v1/pods").with("labelSelector", "a/b=c,d").with("limit", "500");
        assert_eq!(target.to_string(), "/api/v1/pods?labelSelector=a%2Fb%3Dc%2Cd&limit=500");
    }
}
