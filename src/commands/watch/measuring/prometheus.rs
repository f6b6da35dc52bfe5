//! Asking a Prometheus for one number: its HTTP API, `/api/v1/query`.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use portolan::compile::domain::autoscale::Query;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest answer that is read: one number is wanted.
const LONGEST: usize = 1 << 20;

/// What is answered.
#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    error: String,
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Vector(Vec<Series>),
    Scalar(Point),
    Matrix(serde::de::IgnoredAny),
    String(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
struct Series {
    /// What native histograms have not.
    value: Option<Point>,
}

/// A time and a number.
#[derive(Deserialize)]
struct Point(serde::de::IgnoredAny, String);

/// Asks, and answers the number, or why there is none in a few words without what was sent.
pub(super) async fn ask(query: &Query) -> Result<f64, String> {
    let answer = tokio::time::timeout(PATIENCE, answer(query)).await;
    let body = answer.unwrap_or_else(|_| Err(format!("no answer within {PATIENCE:?}")))?;
    number(&body)
}

/// The one number in an answer.
fn number(body: &[u8]) -> Result<f64, String> {
    let answer: Answer =
        serde_json::from_slice(body).map_err(|_| "the answer is not that of a Prometheus".to_owned())?;
    if answer.status != "success" {
        return Err(line(&answer.error));
    }
    let point = match answer.data {
        Some(Data::Scalar(point)) => point,
        Some(Data::Vector(series)) => match <[Series; 1]>::try_from(series) {
            Ok([Series { value }]) => value.ok_or("the answer is a histogram, and no number")?,
            Err(series) if series.is_empty() => return Err("there is nothing that it is about".to_owned()),
            Err(series) => return Err(format!("there are {} series, and one is needed: sum them", series.len())),
        },
        _ => return Err("the answer is no single number".to_owned()),
    };
    point.1.parse().map_err(|_| "the answer is no number".to_owned())
}

/// The body of the answer, whatever its status: errors of a query come with one as well.
async fn answer(query: &Query) -> Result<Bytes, String> {
    let uri: Uri = query.url.parse().map_err(|_| "its address cannot be understood")?;
    let host = uri.host().ok_or("its address has no host")?.trim_matches(['[', ']']).to_owned();
    let is_secure = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
    let said = |error: std::io::Error| error.to_string();
    let stream = TcpStream::connect((host.as_str(), port)).await.map_err(said)?;
    if !is_secure {
        return exchange(stream, query, &uri).await;
    }
    let name = ServerName::try_from(host).map_err(|_| "its address has no host")?;
    let connector = TlsConnector::from(Arc::new(trusted()?));
    exchange(connector.connect(name, stream).await.map_err(said)?, query, &uri).await
}

/// Whom the system trusts.
fn trusted() -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err("this machine trusts no authority: it has no certificates".to_owned());
    }
    Ok(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    query: &Query,
    uri: &Uri,
) -> Result<Bytes, String> {
    let said = |error: hyper::Error| error.to_string();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(said)?;
    let request = request(query, uri)?;
    let exchange = async {
        let answer = sender.send_request(request).await.map_err(said)?;
        let status = answer.status();
        let body =
            Limited::new(answer.into_body(), LONGEST).collect().await.map_err(|error| line(&error.to_string()))?;
        let body = body.to_bytes();
        // Of what others than a Prometheus say, the status says most.
        match status.is_success() || serde_json::from_slice::<Answer>(&body).is_ok() {
            true => Ok(body),
            false => Err(format!("the answer is {status}")),
        }
    };
    let mut connection = std::pin::pin!(connection);
    let mut exchange = std::pin::pin!(exchange);
    tokio::select! {
        answer = &mut exchange => answer,
        ended = &mut connection => match ended {
            // What has come by then is still read.
            Ok(()) => exchange.await,
            Err(error) => Err(said(error)),
        },
    }
}

fn request(query: &Query, uri: &Uri) -> Result<Request<Full<Bytes>>, String> {
    let wrong = |_| "its address cannot be sent".to_owned();
    let path = format!("{}/api/v1/query", uri.path().trim_end_matches('/'));
    let host = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
    let form = format!("query={}", encoded(&query.query));
    let mut request = Request::post(path)
        .header(HOST, host)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Full::new(Bytes::from(form)))
        .map_err(wrong)?;
    if let Some(token) = &query.token {
        let mut value =
            HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| "its token cannot be sent".to_owned())?;
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
    }
    Ok(request)
}

/// A text as a value of a form.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// The first words of what a server says, in one line.
fn line(text: &str) -> String {
    let words: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().filter(|character| !character.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    fn said(body: &str) -> Result<f64, String> {
        number(body.as_bytes())
    }

    #[test]
    fn one_number_is_read() {
        let vector = |result: &str| {
            said(&format!(r#"{{"status":"success","data":{{"resultType":"vector","result":{result}}}}}"#))
        };
        assert_eq!(vector(r#"[{"metric":{"job":"a"},"value":[1700000000.1,"2.5e3"]}]"#), Ok(2500.0));
        assert_eq!(vector(r#"[{"metric":{},"value":[1700000000,"+Inf"]}]"#), Ok(f64::INFINITY));
        assert_eq!(vector("[]"), Err("there is nothing that it is about".to_owned()));
        let two = r#"[{"value":[1,"1"]},{"value":[1,"1"]}]"#;
        assert_eq!(vector(two), Err("there are 2 series, and one is needed: sum them".to_owned()));
        assert_eq!(vector(r#"[{"histogram":[1,{}]}]"#), Err("the answer is a histogram, and no number".to_owned()));
        let scalar = r#"{"status":"success","data":{"resultType":"scalar","result":[1,"7"]}}"#;
        assert_eq!(said(scalar), Ok(7.0));
        let matrix = r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#;
        assert_eq!(said(matrix), Err("the answer is no single number".to_owned()));
        let error = r#"{"status":"error","errorType":"bad_data","error":"parse error:\n\u001b[1mno"}"#;
        assert_eq!(said(error), Err("parse error: [1mno".to_owned()));
        assert_eq!(said("<html>"), Err("the answer is not that of a Prometheus".to_owned()));
    }

    /// A server that gives one answer, and what it was asked.
    async fn asked(answer: &'static str, query: &str) -> (Result<f64, String>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/below/", listener.local_addr().expect("its address"));
        let query = Query { name: "load".into(), url: url.into(), query: query.into(), token: None };
        let served = async {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut question = vec![0; 4096];
            let mut read = 0;
            while !question[..read].windows(6).any(|found| found == b"query=") {
                read += stream.read(&mut question[read..]).await.expect("a question");
            }
            stream.write_all(answer.as_bytes()).await.expect("that it is heard");
            String::from_utf8_lossy(&question[..read]).into_owned()
        };
        tokio::join!(ask(&query), served)
    }

    #[tokio::test]
    async fn a_server_is_asked() {
        let good = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\",\"result\":[1,\"3\"]}}";
        let (answer, question) = asked(good, "sum(a{b=\"c&d\"})").await;
        assert_eq!(answer, Ok(3.0));
        assert!(question.starts_with("POST /below/api/v1/query HTTP/1.1\r\n"), "{question}");
        assert!(question.contains("query=sum%28a%7Bb%3D%22c%26d%22%7D%29"), "{question}");
        let bad =
            "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n{\"status\":\"error\",\"error\":\"parse error\"}";
        assert_eq!(asked(bad, "(").await.0, Err("parse error".to_owned()));
        let other = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(asked(other, "a").await.0, Err("the answer is 502 Bad Gateway".to_owned()));
        assert!(asked("SSH-2.0\r\n", "a").await.0.is_err());
    }

    #[test]
    fn what_is_secret_is_not_shown() {
        let query = Query {
            name: "load".into(),
            url: "https://example.org".into(),
            query: "a".into(),
            token: Some("abc-secret".into()),
        };
        let request = request(&query, &"https://example.org".parse().expect("an address")).expect("a request");
        assert_eq!(request.headers()[AUTHORIZATION], "Bearer abc-secret");
        assert!(!format!("{query:?} {request:?}").contains("abc-secret"));
    }

    #[tokio::test]
    async fn only_whom_the_system_trusts_is_asked() {
        // It speaks no TLS at all: nothing of the question is sent.
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("https://{}", listener.local_addr().expect("its address"));
        let query = Query { name: "load".into(), url: url.into(), query: "up".into(), token: Some("abc".into()) };
        let served = async {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut question = vec![0; 4096];
            let read = stream.read(&mut question).await.expect("a question");
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.expect("that it is heard");
            String::from_utf8_lossy(&question[..read]).into_owned()
        };
        let (answer, question) = tokio::join!(ask(&query), served);
        assert!(answer.is_err() && !question.contains("abc"), "{answer:?}");
    }
}
