//! Admission webhooks: what else has a say in whether an object is admitted, and how.

use std::convert::Infallible;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use crate::certificate::Certificate;
use crate::{Cluster, Kubectl, Namespace, until};

/// What a webhook says of whatever is created or changed.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// It is refused, with this message.
    Refuse(String),
    /// It is admitted after a JSON patch.
    Change(Json),
    /// The webhook fails, and who asked it refuses.
    Fail,
}

/// A webhook that is asked about all objects of one namespace. It ends with this.
#[derive(Debug)]
pub struct Webhook {
    name: String,
    kubectl: Kubectl,
    asked: Arc<AtomicUsize>,
    /// `None` only while this is dropped.
    runtime: Option<Runtime>,
}

impl Webhook {
    /// Has the cluster ask.
    ///
    /// `None` for a cluster of the user's own, which may not reach this machine.
    pub fn of(cluster: &Cluster, namespace: &Namespace, verdict: Verdict) -> Option<Webhook> {
        cluster.keys()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let directory = tempfile::tempdir().expect("a directory");
        let certificate = Certificate::made_in(directory.path());
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        listener.set_nonblocking(true).expect("a listener for tasks");
        let url = format!("https://{}/", listener.local_addr().expect("an address"));
        let asked = Arc::<AtomicUsize>::default();
        runtime.spawn(listen(listener, certificate.acceptor(), verdict, Arc::clone(&asked)));

        let name = namespace.name().to_owned();
        let kubectl = cluster.kubectl().clone();
        kubectl.text(&["label", "namespace", &name, &format!("webhook={name}")]);
        kubectl.apply(&configuration(&name, &url, &fs::read(certificate.path()).expect("a certificate")).to_string());
        let webhook = Webhook { name, kubectl, asked, runtime: Some(runtime) };
        let ask = ["create", "configmap", "asked", "--dry-run=server"];
        until("the cluster asks its webhook", || {
            namespace.kubectl().run(&ask);
            webhook.asked() > 0
        });
        webhook.asked.store(0, Ordering::Relaxed);
        Some(webhook)
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        // Else it would stand in the way of deleting the namespace.
        self.kubectl.run(&["delete", "mutatingwebhookconfiguration", &self.name]);
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn configuration(name: &str, url: &str, certificate: &[u8]) -> Json {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": { "name": name },
        "webhooks": [{
            "name": "tests.example.com",
            "admissionReviewVersions": ["v1"],
            "clientConfig": { "url": url, "caBundle": STANDARD.encode(certificate) },
            "failurePolicy": "Fail",
            "namespaceSelector": { "matchLabels": { "webhook": name } },
            "rules": [{
                "apiGroups": ["*"],
                "apiVersions": ["*"],
                "operations": ["CREATE", "UPDATE"],
                "resources": ["*"],
                "scope": "Namespaced",
            }],
            "sideEffects": "None",
            "timeoutSeconds": 5,
        }],
    })
}

async fn listen(listener: std::net::TcpListener, tls: TlsAcceptor, verdict: Verdict, asked: Arc<AtomicUsize>) {
    let listener = TcpListener::from_std(listener).expect("a listener");
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, verdict, asked) = (tls.clone(), verdict.clone(), Arc::clone(&asked));
        tokio::spawn(async move {
            let Ok(stream) = tls.accept(stream).await else { return };
            let service = service_fn(|request| answer(request, &verdict, &asked));
            // Why it ended is the API server's affair.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    verdict: &Verdict,
    asked: &AtomicUsize,
) -> Result<Response<Full<Bytes>>, Infallible> {
    asked.fetch_add(1, Ordering::Relaxed);
    let body = request.into_body().collect().await.expect("a whole request").to_bytes();
    let review: Json = serde_json::from_slice(&body).expect("JSON");
    let mut response = json!({ "uid": review["request"]["uid"], "allowed": true });
    match verdict {
        Verdict::Refuse(message) => {
            response["allowed"] = false.into();
            response["status"] = json!({ "message": message });
        }
        Verdict::Change(patch) => {
            response["patchType"] = "JSONPatch".into();
            response["patch"] = STANDARD.encode(patch.to_string()).into();
        }
        Verdict::Fail => return Ok(failure()),
    }
    let review = json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response });
    Ok(Response::new(Full::from(review.to_string())))
}

fn failure() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}
