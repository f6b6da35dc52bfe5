//! The program, run as a process over a configuration in a directory of the test's own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A configuration and all that becomes of it.
pub(crate) struct Project {
    directory: TempDir,
}

impl Project {
    /// A project with `main.hcl`.
    pub(crate) fn new(main: impl AsRef<[u8]>) -> Project {
        let project = Project { directory: tempfile::tempdir().expect("a directory") };
        project.write("main.hcl", main);
        project
    }

    /// A copy of one of the examples, without what somebody made who tried it.
    pub(crate) fn example(name: &str) -> Project {
        let project = Project { directory: tempfile::tempdir().expect("a directory") };
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name), project.root());
        project
    }

    pub(crate) fn root(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root().join(relative)
    }

    pub(crate) fn write(&self, relative: &str, content: impl AsRef<[u8]>) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().expect("a parent")).expect("makes a directory");
        fs::write(path, content).expect("writes");
    }

    pub(crate) fn read(&self, relative: &str) -> String {
        fs::read_to_string(self.path(relative)).expect("a file")
    }

    /// The program with these arguments, to be run in the project.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portolan"));
        command.arg("-C").arg(self.root()).args(arguments).stdin(Stdio::null());
        command
    }

    /// Starts the program with its output going nowhere.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts")
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        Said::of(&self.command(arguments).output().expect("the program starts"))
    }

    /// Runs the program, which has to end with 0.
    pub(crate) fn succeed(&self, arguments: &[&str]) -> Said {
        let said = self.run(arguments);
        assert_eq!(said.code, Some(0), "{arguments:?}\n{}", said.all());
        said
    }

    /// Runs the program, which has to refuse and to say why.
    pub(crate) fn refused(&self, arguments: &[&str], why: &str) -> Said {
        let said = self.run(arguments);
        assert_eq!(said.code, Some(1), "{arguments:?}\n{}", said.all());
        assert!(said.error_in_one_line().contains(why), "{why:?} is not in\n{}", said.error);
        assert!(!said.error.contains("panicked"), "{}", said.error);
        said
    }

    /// Nothing is left to do.
    pub(crate) fn is_settled(&self) {
        let said = self.run(&["plan", "--detailed-exitcode"]);
        assert_eq!(said.code, Some(0), "{}", said.all());
    }

    /// All files below a directory of the project, by their paths from there.
    pub(crate) fn files(&self, relative: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        collect(&self.path(relative), &self.path(relative), &mut found);
        found
    }
}

/// What the program said and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    /// `None` where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) text: String,
    pub(crate) error: String,
}

impl Said {
    pub(crate) fn of(output: &Output) -> Said {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { code: output.status.code(), text: text(&output.stdout), error: text(&output.stderr) }
    }

    pub(crate) fn all(&self) -> String {
        format!("{}{}", self.text, self.error)
    }

    /// The error without the places where it is folded to the width of a page.
    pub(crate) fn error_in_one_line(&self) -> String {
        let lines = self.error.lines().map(|line| line.trim().trim_start_matches('│').trim());
        lines.collect::<Vec<_>>().join(" ")
    }
}

/// Waits until something is so, for at most a minute.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(60), "not within a minute: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("makes a directory");
    for entry in fs::read_dir(from).expect("lists") {
        let entry = entry.expect("an entry");
        if ["out", ".portolan"].iter().any(|made| entry.file_name() == *made) {
            continue;
        }
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copies");
        }
    }
}

fn collect(root: &Path, directory: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(root, &path, found);
        } else {
            let content = fs::read(&path).unwrap_or_default();
            found.insert(path.strip_prefix(root).expect("below").to_owned(), content);
        }
    }
}

/// A configuration over two directory clusters, an nginx, a zone and `terraform_data`, with
/// dependencies between all of them: 44 resources and five more for each `size`.
pub(crate) fn mixed(size: usize) -> String {
    include_str!("mixed.hcl").replace("SIZE", &size.to_string())
}
