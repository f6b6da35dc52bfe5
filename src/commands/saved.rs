//! Saved plans: the file that `plan --out` writes and that `apply FILE` and `show FILE` read.
//!
//! ```text
//! {"portolan_plan":1,"lineage":"…","serial":7,"version":"0.1.0"}⏎
//! the plan and what it was made from, sealed
//! ```
//!
//! The first line is for people and for telling files apart; it is authenticated with the rest.
//! The rest is sealed with the state's key: a plan holds sources, values and, with them,
//! secrets, of which a file that travels from one job to the next must show nothing. So a plan
//! can be applied only where that key is, and a plan that was changed or cut off is known.
//!
//! What is applied is the configuration as of the plan: the sources' texts and the variables'
//! values are in the file. What functions read from the file system is not, only its digests:
//! where those differ, the plan is refused as stale.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use portolan::apply::stale;
use portolan::plan::Plan;
use portolan::plan::file::{self, Origin, SavedPlan};
use portolan_lang::Diagnostic;
use portolan_state::Snapshot;
use portolan_state::seal::{KeySource, Row};
use serde::{Deserialize, Serialize};

use super::project::Project;
use super::{Failure, record};
use crate::{render, setup};

/// The newest form of these files; readers take older ones too.
const FORMAT: u64 = 1;

/// The largest file that is read: 4 GiB. A plan of 100,000 resources has some 100 MB.
const MOST_BYTES: u64 = 4 << 30;

/// The longest first line that can be one.
const MOST_HEADER_BYTES: usize = 4096;

/// The first line.
#[derive(Serialize, Deserialize)]
struct Header {
    portolan_plan: u64,
    lineage: String,
    serial: u64,
    version: String,
}

/// A plan that was read.
pub(crate) struct Saved {
    origin: Origin,
    plan: SavedPlan,
}

/// Saves a plan: whole, durably and readable for its owner alone, or not at all. A file that is
/// there is replaced.
pub(crate) fn write(file: &Path, plan: &Plan, origin: &Origin) -> Result<(), Failure> {
    let text = file::write(plan, origin)?;
    let bytes = seal(&setup::keys(), plan, &text)?;
    store(file, &bytes).map_err(|error| {
        Diagnostic::error("The plan cannot be saved")
            .detail(format!("{}: {error}.", file.display()))
            .help("See to the directory, or name another file.")
            .into()
    })
}

/// What is told of a plan that was saved.
pub(crate) fn told(file: &Path) -> String {
    let word = render::shell::word(&file.display().to_string());
    format!("\nSaved as {}. To carry it out:\n    portolan apply {word}", file.display())
}

fn seal(keys: &KeySource, plan: &Plan, text: &str) -> Result<Vec<u8>, Diagnostic> {
    let header = Header {
        portolan_plan: FORMAT,
        lineage: plan.lineage.to_string(),
        serial: plan.serial.0,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let header = serde_json::to_string(&header)
        .map_err(|error| Diagnostic::error("The plan cannot be saved").detail(error.to_string()))?;
    let sealer = keys.existing_or_new(&plan.lineage).map_err(record::explain)?;
    let sealed = sealer.seal(&Row::Plan(&header), text).map_err(record::explain)?;
    Ok([header.as_bytes(), b"\n", &sealed].concat())
}

/// A temporary file has mode 0600 and takes the place of the file that is there in one step.
fn store(file: &Path, bytes: &[u8]) -> io::Result<()> {
    if file.is_dir() {
        return Err(io::Error::other("it is a directory"));
    }
    let directory = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    portolan_files::sweep(directory);
    let mut temporary = portolan_files::new_file(directory, 0o600)?;
    temporary.write_all(bytes)?;
    temporary.as_file().sync_all()?;
    temporary.persist(file).map_err(|error| error.error)?;
    fs::File::open(directory)?.sync_all()
}

/// Reads a plan that [`write`] wrote.
pub(crate) fn read(file: &Path) -> Result<Saved, Failure> {
    let bytes = load(file).map_err(|error| {
        Diagnostic::error("The plan cannot be read").detail(format!("{}: {error}.", file.display()))
    })?;
    Ok(open(&setup::keys(), &file.display().to_string(), &bytes)?)
}

fn load(file: &Path) -> io::Result<Vec<u8>> {
    // Asked before the file is opened, because opening a pipe waits for its writer.
    if !fs::metadata(file)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    fs::File::open(file)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(io::Error::other("it is larger than 4 GiB"));
    }
    Ok(bytes)
}

fn open(keys: &KeySource, name: &str, bytes: &[u8]) -> Result<Saved, Diagnostic> {
    let first_line = &bytes[..bytes.len().min(MOST_HEADER_BYTES)];
    let line = first_line.split(|byte| *byte == b'\n').next().and_then(|line| std::str::from_utf8(line).ok());
    let header = line.and_then(|line| Some((line, serde_json::from_str::<serde_json::Value>(line).ok()?)));
    let Some((line, header)) = header.filter(|(_, header)| header.get("portolan_plan").is_some()) else {
        return Err(Diagnostic::error("Not a saved plan")
            .detail(format!("{name} was not written by `portolan plan --out`, or its beginning is damaged."))
            .help("Save one with `portolan plan --out FILE`."));
    };
    let damaged =
        |why: &str| Diagnostic::error("The saved plan is damaged").detail(format!("{name} {why}.")).help("Plan again.");
    if header["portolan_plan"].as_u64().is_some_and(|format| format > FORMAT) {
        return Err(Diagnostic::error("The saved plan is newer than this program")
            .detail(format!(
                "{name} has format {}; this program knows formats up to {FORMAT}.",
                header["portolan_plan"]
            ))
            .help("Use the version of the program that made it, or plan again."));
    }
    let header: Header = serde_json::from_value(header).map_err(|_| damaged("has a first line that is damaged"))?;
    let Some(sealed) = bytes.get(line.len() + 1..).filter(|sealed| !sealed.is_empty()) else {
        return Err(damaged("is cut off"));
    };
    let sealer = keys.existing(&header.lineage).map_err(|error| {
        record::explain(error).help(
            "A plan opens only with the key that it was sealed with: the one in PORTOLAN_STATE_KEY or in the file key beside the state.",
        )
    })?;
    let text = sealer.open(&Row::Plan(line), sealed).map_err(|error| {
        damaged("was changed or cut off after it was saved, or was sealed with another key")
            .help(format!("Plan again, or give the key of the state that it was made from ({error})."))
    })?;
    let (origin, plan) = file::read(&text)?;
    Ok(Saved { origin, plan })
}

impl Saved {
    /// The configuration as of the plan.
    pub(crate) fn project(&self) -> Result<Project, Failure> {
        Project::of_plan(&self.origin)
    }

    /// The plan as it can be shown, not applied.
    pub(crate) fn shown(&self) -> &Plan {
        self.plan.plan()
    }

    /// The configuration as of the plan, for showing: nothing outside of the file is looked at.
    pub(crate) fn shown_project(&self) -> Result<Project, Failure> {
        Project::shown(&self.origin)
    }

    /// The plan for what is recorded now; refused where that is not what it was made from.
    pub(crate) fn plan(&self, project: &Project, snapshot: &Snapshot) -> Result<SavedPlan, Failure> {
        let mut saved = self.plan.clone();
        // A state that was never written has no name yet: it gets one with its first lock.
        saved.adopt(&snapshot.lineage);
        match stale::problem(saved.plan(), snapshot) {
            Some(problem) => Err(project.failure(problem.into())),
            None => Ok(saved),
        }
    }
}

#[cfg(test)]
mod tests;
