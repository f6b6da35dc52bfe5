//! Logs of pods, and commands in them.

use std::pin::pin;

use futures::future::OptionFuture;
use futures::io::{AsyncBufReadExt, AsyncReadExt as _};
use futures::{FutureExt, SinkExt};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::api::{AttachParams, AttachedProcess, TerminalSize};
use portolan_provider::{Error, LogRequest, Output, Streams};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc::{Receiver, Sender};

use crate::server::ServerSession;
use crate::server::api::Target;

/// How long a line of a log may be before it is told as several, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// How much is read of what a command writes before it is passed on, in bytes.
const CHUNK: usize = 16 * 1024;

/// The parts of `NAMESPACE/NAME`.
fn parts(copy: &str) -> Result<(&str, &str), Error> {
    copy.split_once('/').ok_or_else(|| Error::invalid(format!("{copy:?} is no pod")))
}

impl ServerSession {
    pub(super) async fn read_log(
        &self,
        copy: &str,
        container: &str,
        request: &LogRequest,
        lines: Sender<Vec<u8>>,
    ) -> Result<(), Error> {
        let (namespace, pod) = parts(copy)?;
        let what = || format!("the log of pod {pod} at {}", self.api.server);
        let target = log_target(namespace, pod, container, request);
        let stream = match request.follows {
            // It may take any time until something is written.
            true => self.api.stream(&target).await,
            false => self.api.in_time(self.api.stream(&target)).await,
        };
        let stream = stream.map_err(|trouble| trouble.error(&what()))?;
        let mut stream = std::pin::pin!(stream);
        loop {
            let mut line = Vec::new();
            let read = stream.as_mut().take(LONGEST).read_until(b'\n', &mut line).await;
            match read.map_err(|error| Error::transient(format!("{} broke off: {error}", what())))? {
                0 => break,
                _ => line.pop_if(|last| *last == b'\n'),
            };
            if lines.send(line).await.is_err() {
                break;
            }
        }
        Ok(())
    }

    pub(super) async fn run(
        &self,
        copy: &str,
        container: &str,
        command: &[String],
        streams: Streams,
    ) -> Result<i32, Error> {
        let (namespace, pod) = parts(copy)?;
        let is_terminal = streams.sizes.is_some();
        let parameters = AttachParams {
            container: Some(container.to_owned()).filter(|name| !name.is_empty()),
            stdin: streams.input.is_some(),
            stdout: true,
            // A terminal has one stream for both.
            stderr: !is_terminal,
            tty: is_terminal,
            ..AttachParams::default()
        };
        let pods: kube::Api<Pod> = self.api.typed(namespace);
        let starting = async { pods.exec(pod, command, &parameters).await.map_err(|error| self.api.trouble(&error)) };
        let process = self.api.in_time(starting).await;
        let what = || format!("running a command in pod {pod} at {}", self.api.server);
        let process = process.map_err(|trouble| trouble.error(&what()))?;
        connect(process, streams).await
    }
}

fn log_target(namespace: &str, pod: &str, container: &str, request: &LogRequest) -> Target {
    let target = Target::path(format!("/api/v1/namespaces/{namespace}/pods/{pod}/log")).with("container", container);
    let flag = |target: Target, name: &str, is_set: bool| if is_set { target.with(name, "true") } else { target };
    let target = flag(flag(target, "follow", request.follows), "previous", request.previous);
    let target = request.since.iter().fold(target, |target, since| target.with("sinceTime", since));
    request.tail.iter().fold(target, |target, tail| target.with("tailLines", &tail.to_string()))
}

/// Passes everything on, until the command has ended and all that it wrote was read.
async fn connect(mut process: AttachedProcess, streams: Streams) -> Result<i32, Error> {
    let status = OptionFuture::from(process.take_status());
    let (out, error) = (process.stdout(), process.stderr());
    let output = streams.output;
    let reading = async {
        let out = pass_on(out, &output, Output::Out);
        let error = pass_on(error, &output, Output::Error);
        futures::join!(out, error);
    };
    let writing = feed(process.stdin(), streams.input);
    let sizes = process.terminal_size();
    let resizing = async {
        if let (Some(mut to), Some(mut from)) = (sizes, streams.sizes) {
            while let Some((height, width)) = from.recv().await {
                if to.send(TerminalSize { height, width }).await.is_err() {
                    break;
                }
            }
        }
    };
    // Whoever writes or resizes may have nothing more to say, or never stop.
    let beside = async {
        futures::join!(writing, resizing);
        std::future::pending::<()>().await;
    };
    let (mut reading, mut status) = (pin!(reading), pin!(status));
    let ended = tokio::select! {
        () = &mut reading => status.await,
        ended = &mut status => {
            match ended {
                Some(Some(_)) => reading.await,
                // The connection broke, which those who read are not told: this is what is left.
                _ => drop(reading.now_or_never()),
            }
            ended
        }
        () = beside => None,
    };
    let broken = process.join().await.err().map(|error| format!(": {error}")).unwrap_or_default();
    let unknown = || {
        Error::failed(format!("the connection ended, and the server did not tell how the command did{broken}"))
            .help("Servers before 1.30 cannot be told that the input has ended, but by ending the connection.")
    };
    exit_code(&ended.flatten().ok_or_else(unknown)?)
}

async fn pass_on(from: Option<impl AsyncRead + Unpin>, to: &Sender<Output>, wrap: fn(Vec<u8>) -> Output) {
    let Some(mut from) = from else { return };
    let mut buffer = vec![0; CHUNK];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if to.send(wrap(buffer[..count].to_vec())).await.is_err() {
            return;
        }
    }
}

async fn feed(to: Option<impl tokio::io::AsyncWrite + Unpin>, from: Option<Receiver<Vec<u8>>>) {
    let (Some(mut to), Some(mut from)) = (to, from) else { return };
    while let Some(bytes) = from.recv().await {
        if to.write_all(&bytes).await.is_err() {
            return;
        }
    }
    // What cannot be told that the input has ended has ended itself.
    let _ = to.shutdown().await;
}

/// The code that a command ended with, as the status of the connection tells it.
fn exit_code(status: &Status) -> Result<i32, Error> {
    if status.status.as_deref() == Some("Success") {
        return Ok(0);
    }
    let causes = status.details.iter().flat_map(|details| details.causes.iter().flatten());
    let code = causes.filter(|cause| cause.reason.as_deref() == Some("ExitCode"));
    let code = code.filter_map(|cause| cause.message.as_deref()?.parse().ok()).next();
    code.ok_or_else(|| Error::failed(status.message.clone().unwrap_or_else(|| "the command cannot be run".to_owned())))
}
