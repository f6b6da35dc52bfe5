//! What is wrong with the containers of a pod.

use serde_json::Value as Json;

use super::around::{Around, text};
use super::{Reason, Weight, one_line};
use crate::health::live::Live;

pub(super) fn reasons(pod: &Live<'_>, around: &Around) -> Vec<Reason> {
    let init = pod.list("/status/initContainerStatuses").iter();
    init.chain(pod.list("/status/containerStatuses")).filter_map(|container| reason(container, pod, around)).collect()
}

fn reason(container: &Json, pod: &Live<'_>, around: &Around) -> Option<Reason> {
    let name = text(container, "/name");
    let no_start = |what: String| Some(Reason::new(Weight::NoStart, what));
    match text(container, "/state/waiting/reason") {
        "ErrImagePull"
        | "ImagePullBackOff"
        | "ErrImageNeverPull"
        | "InvalidImageName"
        | "RegistryUnavailable"
        | "ImageInspectError" => no_start(image(container, pod, around)),
        "CrashLoopBackOff" => crash(container),
        "" if is_failed(container) => crash(container),
        "" => unready(container, pod, around),
        // The usual words of a start that goes well.
        "ContainerCreating" | "PodInitializing" => None,
        other => {
            let message = text(container, "/state/waiting/message");
            let why = if message.is_empty() { other } else { message };
            no_start(format!("container {name} cannot be started: {}", one_line(why)))
        }
    }
}

/// What an image cannot be pulled for. Older kubelets say it in events alone.
fn image(container: &Json, pod: &Live<'_>, around: &Around) -> String {
    let (name, image) = (text(container, "/name"), image_of(container, pod));
    let message = text(container, "/state/waiting/message");
    let is_telling = |message: &&str| !message.is_empty() && !is_back_off(message);
    let event = || {
        let events = around.events_of(pod.object);
        let told =
            events.into_iter().filter(|event| text(event, "/reason") == "Failed").map(|event| text(event, "/message"));
        told.filter(is_telling).find(|message| message.contains("pull") && message.contains(image))
    };
    match Some(message).filter(is_telling).or_else(event) {
        Some(why) => format!("the image {image} of container {name} cannot be pulled: {}", one_line(why)),
        None => format!("the image {image} of container {name} cannot be pulled"),
    }
}

/// Whether a message says that it is tried again later, and nothing about why.
fn is_back_off(message: &str) -> bool {
    message.starts_with("Back-off pulling image") && !message.contains(": ")
}

/// The image as the pod wants it: what the status says may be resolved.
fn image_of<'a>(container: &'a Json, pod: &Live<'a>) -> &'a str {
    let wanted = pod.list("/spec/initContainers").iter().chain(pod.list("/spec/containers"));
    let mut wanted = wanted.filter(|wanted| text(wanted, "/name") == text(container, "/name"));
    wanted.next().map_or_else(|| text(container, "/image"), |wanted| text(wanted, "/image"))
}

/// A container that ended by itself with an error.
fn is_failed(container: &Json) -> bool {
    container.pointer("/state/terminated/exitCode").and_then(Json::as_i64).is_some_and(|code| code != 0)
}

/// A container that ends again and again.
fn crash(container: &Json) -> Option<Reason> {
    let name = text(container, "/name");
    let ended = ["/state/terminated", "/lastState/terminated"];
    let ended = ended.into_iter().filter_map(|pointer| container.pointer(pointer)).find(|ended| !ended.is_null());
    let restarts = container.pointer("/restartCount").and_then(Json::as_i64).unwrap_or_default();
    let often = match restarts {
        0 => String::new(),
        1 => " (1 restart)".to_owned(),
        _ => format!(" ({restarts} restarts)"),
    };
    let what = match ended {
        Some(ended) => format!("container {name} {}{often}", how_ended(ended)),
        None => format!("container {name} ends again and again{often}"),
    };
    Some(Reason::new(Weight::Crash, what))
}

fn how_ended(ended: &Json) -> String {
    let code = ended.pointer("/exitCode").and_then(Json::as_i64).unwrap_or_default();
    let how = match (text(ended, "/reason"), code) {
        ("OOMKilled", _) => "was killed because it used more memory than its limit".to_owned(),
        (_, 0) => "ended, though it is to go on".to_owned(),
        ("" | "Error", _) => format!("ended with exit code {code}"),
        (reason, _) => format!("ended with exit code {code} ({reason})"),
    };
    match one_line(text(ended, "/message")) {
        message if message.is_empty() => how,
        message => format!("{how}: {message}"),
    }
}

/// A container that runs and is not ready: its probe fails, or was never asked yet.
fn unready(container: &Json, pod: &Live<'_>, around: &Around) -> Option<Reason> {
    let is_running = container.pointer("/state/running").is_some_and(|running| !running.is_null());
    let is_ready = container.pointer("/ready").and_then(Json::as_bool).unwrap_or_default();
    if !is_running || is_ready {
        return None;
    }
    let name = text(container, "/name");
    let probe = around.latest(pod.object, &["Unhealthy"]).map(one_line);
    let what = match probe {
        Some(probe) => format!("container {name} is not ready: {probe}"),
        None => format!("container {name} runs, and is not ready yet"),
    };
    Some(Reason::new(Weight::Unready, what))
}
