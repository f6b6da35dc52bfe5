//! What a daemon tells over HTTP: a page for people, the same as JSON for programs, its metrics, and
//! whether it is well.
//!
//! It has a thread of its own, so that it answers while the daemon thinks. Nothing that it is asked
//! changes anything, but that the daemon can be told to look now. `page/openapi.json` describes it for
//! programs.

mod looker;
mod tokens;

use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path as Segment, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use futures::stream::{self, Stream};
use portolan_lang::{Diagnostic, Sources};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedSender;

use self::looker::{Looker, Question};
use self::tokens::{Bearer, Role, Tokens};
use super::shown::Shown;
use crate::commands::Failure;

/// How long changes are gathered before they are told to those who look.
const GATHERED: Duration = Duration::from_millis(200);

/// Text as OpenMetrics defines it.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What a browser may do with what it gets: nothing but what comes from here.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What those who ask are answered from.
#[derive(Clone)]
struct Served {
    shown: Arc<Shown>,
    looker: Looker,
    tokens: Option<Arc<Tokens>>,
    /// Where it goes who has the daemon look now.
    lookers: UnboundedSender<String>,
}

/// Listens at an address from now on, and answers where: the port may have been left open. Without a file
/// of tokens everybody may look who can reach it, which is nobody but this machine. `lookers` gets the name of
/// whoever has the daemon look now.
///
/// # Errors
///
/// What is wrong with the address or the tokens.
pub(super) fn listen(
    address: &str,
    tokens: Option<&Path>,
    shown: Arc<Shown>,
    lookers: UnboundedSender<String>,
) -> Result<SocketAddr, Failure> {
    let address = parse(address, tokens.is_some())?;
    let problems = |diagnostics| Failure { diagnostics, sources: Sources::new() };
    let tokens = tokens.map(Tokens::read).transpose().map_err(problems)?.map(Arc::new);
    let listener = std::net::TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok((listener.local_addr()?, listener))
    });
    let (bound, listener) = listener.map_err(|error| {
        Diagnostic::error("The daemon cannot listen")
            .detail(format!("{address}: {error}"))
            .help("Give another address with --listen; with port 0 a free one is chosen and told.")
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("listen".to_owned()).spawn(move || {
        let (looker, looking) = Looker::new();
        let app = router(Served { shown, looker, tokens, lookers });
        runtime.block_on(async {
            let Ok(listener) = TcpListener::from_std(listener) else { return };
            tokio::select! {
                _ = axum::serve(listener, app) => {}
                () = looking => {}
            }
        });
    })?;
    Ok(bound)
}

fn parse(address: &str, has_tokens: bool) -> Result<SocketAddr, Diagnostic> {
    let parsed: SocketAddr = address.parse().map_err(|_| {
        Diagnostic::error("The address to listen at cannot be understood")
            .detail(format!("\"{address}\" is no address with a port."))
            .help("Write for example --listen 127.0.0.1:8080, or [::1]:8080.")
    })?;
    if parsed.ip().is_loopback() || has_tokens {
        return Ok(parsed);
    }
    Err(Diagnostic::error("Everybody could look")
        .detail(format!("Others than this machine can reach {address}, and nobody is asked who they are."))
        .help("Give a file with tokens in --tokens, or listen at 127.0.0.1."))
}

fn router(served: Served) -> Router {
    let guarded = Router::new()
        .route("/metrics", get(metrics))
        .route("/api/v1/overview", get(overview))
        .route("/api/v1/services", get(services))
        .route("/api/v1/runs", get(runs))
        .route("/api/v1/runs/{id}/changes", get(changes))
        .route("/api/v1/events", get(events))
        .route_layer(middleware::from_fn_with_state((served.clone(), Role::View), guard));
    let operated = Router::new()
        .route("/api/v1/look", post(look))
        .route_layer(middleware::from_fn_with_state((served.clone(), Role::Operate), guard));
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/", get(async || asset("text/html; charset=utf-8", include_str!("listen/page/index.html"))))
        .route("/page.js", get(async || asset("text/javascript; charset=utf-8", include_str!("listen/page/page.js"))))
        .route("/page.css", get(async || asset("text/css; charset=utf-8", include_str!("listen/page/page.css"))))
        .route("/openapi.json", get(async || asset("application/json", include_str!("listen/page/openapi.json"))))
        .merge(guarded)
        .merge(operated)
        .layer(middleware::map_response(guarding_browsers))
        .with_state(served)
}

/// Lets those through that may do what they ask for.
async fn guard(State((served, role)): State<(Served, Role)>, mut request: Request, next: Next) -> Response {
    let Some(tokens) = &served.tokens else {
        return match (role, is_local(request.headers())) {
            (Role::View, true) => next.run(request).await,
            (Role::View, false) => problem(StatusCode::FORBIDDEN, "without tokens nobody but this machine is answered"),
            (Role::Operate, _) => problem(StatusCode::FORBIDDEN, "without tokens nobody may tell the daemon anything"),
        };
    };
    let token = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = token.and_then(|value| value.strip_prefix("Bearer ")).and_then(|token| tokens.bearer(token.trim()));
    match bearer {
        Some(bearer) if bearer.role >= role => {
            request.extensions_mut().insert(bearer.clone());
            next.run(request).await
        }
        Some(bearer) => problem(StatusCode::FORBIDDEN, &format!("{} may not do that", bearer.name)),
        None => {
            let mut refused = problem(StatusCode::UNAUTHORIZED, "a token is needed: `Authorization: Bearer TOKEN`");
            refused.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            refused
        }
    }
}

/// Whether a browser was sent here by this machine's name for itself: a page of somebody else whose name
/// leads here does not get anything.
fn is_local(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, port)| if port.ends_with(']') { host } else { name });
    let name = name.trim_matches(['[', ']']);
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

async fn guarding_browsers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

fn problem(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": message }))).into_response()
}

async fn readyz(State(served): State<Served>) -> Response {
    match served.shown.is_ready() {
        true => "ok\n".into_response(),
        false => (StatusCode::SERVICE_UNAVAILABLE, "the first run has not ended\n").into_response(),
    }
}

async fn metrics(State(served): State<Served>) -> Response {
    match served.shown.metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

async fn overview(State(served): State<Served>) -> Response {
    Json(served.shown.overview()).into_response()
}

async fn services(State(served): State<Served>) -> Response {
    answered(&served, Question::Services).await
}

async fn runs(State(served): State<Served>) -> Response {
    answered(&served, Question::Runs).await
}

async fn changes(State(served): State<Served>, Segment(run): Segment<String>) -> Response {
    answered(&served, Question::Changes(run)).await
}

async fn answered(served: &Served, question: Question) -> Response {
    match served.looker.ask(question).await {
        Some(Ok(answer)) => Json(answer).into_response(),
        Some(Err(why)) => problem(StatusCode::BAD_GATEWAY, &why),
        None => problem(StatusCode::SERVICE_UNAVAILABLE, "the daemon ends"),
    }
}

/// Has the daemon look at everything now.
async fn look(State(served): State<Served>, request: Request) -> Response {
    let who = request.extensions().get::<Bearer>().map_or("somebody", |bearer| &bearer.name);
    match served.lookers.send(who.to_owned()) {
        Ok(()) => (StatusCode::ACCEPTED, Json(json!({}))).into_response(),
        Err(_) => problem(StatusCode::SERVICE_UNAVAILABLE, "the daemon ends"),
    }
}

/// The overview now, and again after each change.
async fn events(State(served): State<Served>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let changes = served.shown.changes();
    let told = stream::unfold((served, changes, true), async |(served, mut changes, is_first)| {
        if !is_first {
            if changes.changed().await.is_err() {
                return pending().await;
            }
            tokio::time::sleep(GATHERED).await;
            changes.mark_unchanged();
        }
        let event = Event::default().event("overview").json_data(served.shown.overview()).unwrap_or_default();
        Some((Ok(event), (served, changes, false)))
    });
    Sse::new(told).keep_alive(KeepAlive::default())
}

#[cfg(test)]
mod tests;
