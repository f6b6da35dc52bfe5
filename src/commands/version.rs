//! `portolan version`

use std::io::Write;

use serde_json::json;

use super::arguments::VersionArguments;
use super::{Exit, Outcome};

pub(crate) fn run(arguments: &VersionArguments) -> Outcome {
    let version = env!("CARGO_PKG_VERSION");
    let platform = format!("{}_{}", std::env::consts::OS, std::env::consts::ARCH);
    let mut out = std::io::stdout().lock();
    if arguments.json {
        let json = json!({"portolan_version": version, "platform": platform});
        writeln!(out, "{json:#}")?;
    } else {
        writeln!(out, "Portolan {version} on {platform}")?;
    }
    Ok(Exit::Success)
}
