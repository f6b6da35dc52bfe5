//! The proxy's connections.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderValue, RETRY_AFTER, TRANSFER_ENCODING};
use hyper::http::response::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use kube::config::AuthInfo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::fault::{Action, Refusal};
use super::{Door, World};
use crate::Cluster;
use crate::certificate::Certificate;

/// Ends the connection, wherever it comes up.
type Broken = Box<dyn Error + Send + Sync>;
type Body = UnsyncBoxBody<Bytes, Broken>;

/// What a connection needs.
#[derive(Clone)]
struct Way {
    server: kube::Client,
    world: Arc<World>,
}

/// Listens before a cluster, and tells where.
pub(super) async fn start(cluster: &Cluster, certificate: &Certificate, world: Arc<World>) -> SocketAddr {
    let tls = certificate.acceptor();
    let way = Way { server: client(cluster).await, world };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(listen(listener, address, tls, way));
    address
}

/// A client that adds nothing to what it is given: neither retries nor, where clients send tokens
/// of their own, who it is.
async fn client(cluster: &Cluster) -> kube::Client {
    let mut config = cluster.config().await;
    config.default_retry = false;
    let AuthInfo { client_certificate, client_certificate_data, client_key, client_key_data, .. } = config.auth_info;
    config.auth_info =
        AuthInfo { client_certificate, client_certificate_data, client_key, client_key_data, ..AuthInfo::default() };
    kube::Client::try_from(config).expect("a client")
}

async fn listen(mut listener: TcpListener, address: SocketAddr, tls: TlsAcceptor, way: Way) -> Infallible {
    let mut door = way.world.door.subscribe();
    loop {
        while !door.borrow_and_update().is_closed {
            tokio::select! {
                Ok((stream, _)) = listener.accept() => {
                    tokio::spawn(connection(stream, tls.clone(), way.clone()));
                }
                _ = door.changed() => {}
            }
        }
        // While there is no listener, the system refuses.
        drop(listener);
        let _ = door.wait_for(|door| !door.is_closed).await;
        listener = TcpListener::bind(address).await.expect("the port as before");
    }
}

/// Serves a connection until either side ends it, or the door changes.
async fn connection(stream: TcpStream, tls: TlsAcceptor, way: Way) {
    let mut door = way.world.door.subscribe();
    tokio::select! {
        // Why it ended is the client's affair.
        _ = serve(stream, tls, way) => {}
        _ = door.changed() => {}
    }
}

async fn serve(stream: TcpStream, tls: TlsAcceptor, way: Way) -> Result<(), Broken> {
    let stream = tls.accept(stream).await?;
    let service = service_fn(move |request| answer(way.clone(), request));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    Ok(connection.with_upgrades().await?)
}

async fn answer(way: Way, request: Request<Incoming>) -> Result<Response<Body>, Broken> {
    let line = format!("{} {}", request.method(), request.uri());
    match way.world.note(&line) {
        Action::Pass => pass(&way, request).await,
        Action::Delay(time) => {
            tokio::time::sleep(time).await;
            pass(&way, request).await
        }
        Action::Answer(refusal) => Ok(refusal.response()),
        Action::Drop => Err("dropped".into()),
        Action::Unanswered => {
            pass(&way, request).await?.into_body().collect().await?;
            Err("unanswered".into())
        }
        Action::CutAfter(lines) => Ok(pass(&way, request).await?.map(|body| cut(body, lines))),
        Action::Stale(first) => {
            let (parts, bytes) = first.get_or_try_init(async || whole(pass(&way, request).await?).await).await?;
            Ok(Response::from_parts(parts.clone(), full(bytes.clone())))
        }
    }
}

/// Has the server answer.
async fn pass(way: &Way, mut request: Request<Incoming>) -> Result<Response<Body>, Broken> {
    let here = hyper::upgrade::on(&mut request);
    let (mut parts, body) = request.into_parts();
    for header in [HOST, CONTENT_LENGTH, TRANSFER_ENCODING] {
        parts.headers.remove(header);
    }
    let body = kube::client::Body::from(body.collect().await?.to_bytes());
    let mut response = way.server.send(Request::from_parts(parts, body)).await?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let there = hyper::upgrade::on(&mut response);
        tokio::spawn(join(here, there, way.world.door.subscribe()));
    }
    Ok(response.map(|body| body.map_err(Broken::from).boxed_unsync()))
}

/// Carries what follows a change of protocol, as of exec.
async fn join(here: OnUpgrade, there: OnUpgrade, mut door: watch::Receiver<Door>) {
    let Ok((here, there)) = tokio::try_join!(here, there) else { return };
    let (mut here, mut there) = (TokioIo::new(here), TokioIo::new(there));
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut here, &mut there) => {}
        _ = door.changed() => {}
    }
}

async fn whole(response: Response<Body>) -> Result<(Parts, Bytes), Broken> {
    let (parts, body) = response.into_parts();
    Ok((parts, body.collect().await?.to_bytes()))
}

fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(Broken::from).boxed_unsync()
}

/// The beginning of a body, after which the connection ends.
fn cut(body: Body, lines: usize) -> Body {
    let frames = stream::try_unfold((body.into_data_stream(), lines), |(mut body, left)| async move {
        if left == 0 {
            // What was written before has to leave first.
            tokio::time::sleep(Duration::from_millis(50)).await;
            return Err(Broken::from("cut"));
        }
        let Some(bytes) = body.try_next().await? else { return Ok(None) };
        let (bytes, left) = first_lines(bytes, left);
        Ok(Some((Frame::data(bytes), (body, left))))
    });
    StreamBody::new(sendable(frames)).boxed_unsync()
}

fn sendable<T>(stream: impl Stream<Item = T> + Send + 'static) -> stream::BoxStream<'static, T> {
    stream.boxed()
}

/// At most so many lines, and how many may follow.
fn first_lines(mut bytes: Bytes, left: usize) -> (Bytes, usize) {
    let ends = || bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    match ends().nth(left - 1) {
        Some(end) => (bytes.split_to(end), 0),
        None => {
            let seen = ends().count();
            (bytes, left - seen)
        }
    }
}

impl Refusal {
    fn response(self) -> Response<Body> {
        let mut response = Response::new(full(self.body.to_string().into()));
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}
