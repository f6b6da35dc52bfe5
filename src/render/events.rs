//! What happened, a line each.

use portolan::observe::Service;
use portolan_provider::Event;
use serde_json::{Value as Json, json};

use super::foreign::one_line;
use super::palette::Palette;

/// Something that happened to a service in a cluster.
pub(crate) struct Happened<'a> {
    pub(crate) service: &'a Service<'a>,
    pub(crate) cluster: String,
    pub(crate) event: &'a Event,
}

/// For people: when, where, to what, and what.
pub(crate) fn human(happened: &Happened<'_>, names_service: bool, colour: bool) -> String {
    let (palette, event) = (Palette::new(colour), happened.event);
    let service = match (names_service, happened.service.application()) {
        (false, _) => String::new(),
        (true, Some(application)) => format!(" {application}.{}", happened.service.name()),
        (true, None) => format!(" {}", happened.service.name()),
    };
    let reason = one_line(&event.reason);
    let reason = if event.is_warning { palette.changed(&reason) } else { reason };
    let often = if event.count > 1 { palette.dim(&format!(" ({} times)", event.count)) } else { String::new() };
    format!(
        "{}{service} {} {}: {reason}: {}{often}",
        palette.dim(&one_line(&event.time)),
        happened.cluster,
        one_line(&event.object),
        one_line(&event.message)
    )
}

/// For programs.
pub(crate) fn json(happened: &Happened<'_>) -> Json {
    let event = happened.event;
    json!({
        "time": event.time,
        "service": happened.service.address.to_string(),
        "cluster": happened.cluster,
        "object": event.object,
        "warning": event.is_warning,
        "reason": event.reason,
        "message": event.message,
        "count": event.count,
    })
}
