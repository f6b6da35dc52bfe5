//! What a family says beside its conditions and phases, as a table: values that have to be there, that
//! have to agree, or that say by themselves that something stands still or is broken.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::Health;
use super::live::Live;

/// Where something stands: steps with `/` between them, of which `*` is everything in a list or an object, and
/// `~1` a slash within a name. `metadata/annotations/example.com~1mode`, `status/parents/*/conditions`.
pub(super) type Path = &'static str;

/// What something in an object says.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sign {
    /// While this is the value, somebody wants it to stand still.
    Still(Path, &'static str),
    /// While this is the value, it is broken.
    Broken(Path, &'static str),
    /// While there is such a text, it says what is broken.
    Complaint(Path),
    /// Until this is the value, it is on its way. Where there is none, nothing is said.
    Until(Path, &'static str),
    /// Until there is a value, it is on its way.
    There(Path),
    /// Until a condition of this type is told, it is on its way.
    Told(&'static str),
    /// Until these are the same values in the same order, it is on its way. Where there are none at all, nothing is
    /// said.
    Same(Path, Path),
    /// Until each value of the first is among those of the second, it is on its way.
    Among(Path, Path),
    /// Until all values are one and the same, it is on its way.
    Alike(Path),
    /// Until each thing at the first path has this value at the second one, seen from there, it is on its way.
    Each(Path, Path, &'static str),
    /// Until the sum of the first is that of the second, it is on its way. Where one is not there, nothing is said.
    Counted(Path, Path),
}

impl Sign {
    /// What it says of an object, where it says anything.
    pub(super) fn of(self, live: &Live<'_>) -> Option<Health> {
        let has = |path, value: &str| texts(live.object, path).iter().any(|text| text == value);
        match self {
            Sign::Still(path, value) => {
                has(path, value).then(|| Health::suspended(format!("its {} is {value}", name(path))))
            }
            Sign::Broken(path, value) => {
                has(path, value).then(|| Health::degraded(format!("its {} is {value}", name(path))))
            }
            Sign::Complaint(path) => {
                let complaint = texts(live.object, path).into_iter().find(|text| !text.is_empty());
                complaint.map(Health::degraded)
            }
            Sign::Until(path, value) => {
                let other = texts(live.object, path).into_iter().find(|text| text != value);
                other.map(|other| Health::progressing(format!("its {} is {other}, and not yet {value}", name(path))))
            }
            Sign::There(path) => {
                let mut is_there = false;
                each(live.object, path, &mut |_| is_there = true);
                (!is_there).then(|| Health::progressing(format!("it does not report its {} yet", name(path))))
            }
            Sign::Told(kind) => live
                .condition(kind)
                .is_none()
                .then(|| Health::progressing(format!("it does not report its condition {kind} yet"))),
            Sign::Same(one, other) => {
                let differs = texts(live.object, one) != texts(live.object, other);
                differs.then(|| Health::progressing(format!("its {one} is not yet its {other}")))
            }
            Sign::Among(wanted, there) => {
                let found = texts(live.object, there);
                let missing = texts(live.object, wanted).into_iter().find(|value| !found.contains(value));
                missing.map(|missing| Health::progressing(format!("it does not report on {missing} yet")))
            }
            Sign::Alike(path) => {
                let found = texts(live.object, path);
                let differs = found.windows(2).any(|pair| pair[0] != pair[1]);
                differs.then(|| Health::progressing(format!("not every {} is the same yet", name(path))))
            }
            Sign::Each(things, path, value) => {
                let mut lacks = false;
                each(live.object, things, &mut |thing| lacks |= !texts(thing, path).iter().any(|text| text == value));
                lacks.then(|| Health::progressing(format!("{value} is not told everywhere yet")))
            }
            Sign::Counted(there, wanted) => {
                let (there, wanted) = sum(live.object, there).zip(sum(live.object, wanted))?;
                (there != wanted).then(|| Health::progressing(format!("{there} of {wanted} are ready")))
            }
        }
    }
}

/// The last step of a path, which people know it by.
fn name(path: Path) -> String {
    path.rsplit('/').find(|step| *step != "*").unwrap_or(path).replace("~1", "/")
}

/// What stands at a path, as text. What is neither text nor a number nor true or false is left out.
fn texts<'a>(object: &'a Json, path: Path) -> Vec<Cow<'a, str>> {
    let mut found = Vec::new();
    each(object, path, &mut |value| found.extend(text(value)));
    found
}

fn sum(object: &Json, path: Path) -> Option<i64> {
    let mut found: Option<i64> = None;
    each(object, path, &mut |value| {
        if let Some(number) = value.as_i64() {
            found = Some(found.unwrap_or_default().saturating_add(number));
        }
    });
    found
}

/// A value that is no list and no object, as text.
pub(super) fn text(value: &Json) -> Option<Cow<'_, str>> {
    match value {
        Json::String(text) => Some(Cow::Borrowed(text)),
        Json::Bool(_) | Json::Number(_) => Some(Cow::Owned(value.to_string())),
        _ => None,
    }
}

/// Calls `with` for everything at a path.
pub(super) fn each<'a>(value: &'a Json, path: &str, with: &mut impl FnMut(&'a Json)) {
    let (step, rest) = path.split_once('/').map_or((path, None), |(step, rest)| (step, Some(rest)));
    let mut go_on = |child: &'a Json| match rest {
        Some(rest) => each(child, rest, with),
        None => with(child),
    };
    match (step, value) {
        ("*", Json::Array(items)) => items.iter().for_each(&mut go_on),
        ("*", Json::Object(entries)) => entries.values().for_each(&mut go_on),
        (name, Json::Object(entries)) => entries.get(name.replace("~1", "/").as_str()).into_iter().for_each(&mut go_on),
        _ => {}
    }
}
