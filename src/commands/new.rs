//! `portolan new`

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use portolan_lang::Diagnostic;

use super::arguments::NewArguments;
use super::{Exit, Outcome, print};
use crate::render::shell;

const CONFIGURATION: &str = include_str!("new/main.hcl");

/// What is made anew on each machine, and the state, which may hold secrets.
const IGNORED: &str = "/.portolan/\n/out/\n";

pub(crate) fn run(arguments: &NewArguments) -> Outcome {
    let directory = &arguments.directory;
    let existed = directory.exists();
    refuse_unless_empty(directory)?;
    write_project(directory).map_err(|error| {
        take_back(directory, existed);
        Diagnostic::error("Cannot write the project").detail(format!("{}: {error}.", directory.display()))
    })?;
    print(|out| tell(out, directory))?;
    Ok(Exit::Success)
}

fn refuse_unless_empty(directory: &Path) -> Result<(), Diagnostic> {
    let refused = |reason: &str| {
        Diagnostic::error("Cannot begin a project here")
            .detail(format!("{} {reason}.", directory.display()))
            .help("Name a directory that does not exist yet, or an empty one.")
    };
    match fs::read_dir(directory) {
        Ok(mut entries) => entries.next().map_or(Ok(()), |_| Err(refused("is not empty"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(refused(&format!("cannot be used: {error}"))),
    }
}

/// The configuration comes last, and under its name only when it is whole.
fn write_project(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    fs::write(directory.join(".gitignore"), IGNORED)?;
    let unfinished = directory.join(UNFINISHED);
    fs::write(&unfinished, CONFIGURATION)?;
    fs::rename(unfinished, directory.join("main.hcl"))
}

const UNFINISHED: &str = ".main.hcl.new";

/// Removes what was written before something went wrong. What cannot be removed stays: the
/// first problem is the one to tell.
fn take_back(directory: &Path, existed: bool) {
    for name in [".gitignore", UNFINISHED] {
        let _ = fs::remove_file(directory.join(name));
    }
    if !existed {
        let _ = fs::remove_dir(directory);
    }
}

fn tell(out: &mut dyn Write, directory: &Path) -> io::Result<()> {
    let place = directory.display();
    writeln!(out, "A first project is in {place}: read {place}/main.hcl, then")?;
    writeln!(out)?;
    writeln!(out, "    cd {}", shell::word(&place.to_string()))?;
    writeln!(out, "    portolan plan     # says what will happen")?;
    writeln!(out, "    portolan apply    # makes it so, in {place}/out")?;
    Ok(())
}
