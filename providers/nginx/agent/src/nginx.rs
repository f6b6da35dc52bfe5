//! The nginx beside the agent: asked, told, and looked at.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::{Instant, sleep, timeout};

use crate::table::trial;

/// How long nginx may take to check a tree.
const LONGEST_CHECK: Duration = Duration::from_secs(120);

/// How long all workers may take to serve a tree at least; more for one that takes long to check.
const LONGEST_RELOAD: Duration = Duration::from_secs(10);

/// How long nginx may take to say what it serves.
const LONGEST_ANSWER: Duration = Duration::from_secs(2);

/// After how long without another word nginx has given up a tree: it tries to get a port every half
/// a second.
const LAST_WORD: Duration = Duration::from_secs(1);

/// How often it is looked for new workers.
const PAUSE: Duration = Duration::from_millis(5);

/// How many bytes of nginx's words are told.
const MOST_WORDS: usize = 2_000;

/// How many bytes of a new part of the log are read.
const MOST_LOG: u64 = 256 << 10;

/// The process whose workers serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Master(Pid);

/// An nginx in a directory.
#[derive(Debug, Clone)]
pub(crate) struct Nginx {
    program: PathBuf,
    root: PathBuf,
    status: SocketAddr,
}

impl Nginx {
    pub(crate) fn new(program: &Path, root: &Path, status: SocketAddr) -> Nginx {
        Nginx { program: program.to_owned(), root: root.to_owned(), status }
    }

    /// What it says of its version: `nginx/1.22.1`.
    pub(crate) async fn version(&self) -> io::Result<String> {
        let output = Command::new(&self.program).arg("-v").stdin(Stdio::null()).kill_on_drop(true).output().await?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let version = said.split_once("version: ").map_or(&*said, |(_, version)| version);
        Ok(version.trim().to_owned())
    }

    /// The part of a tree in which nginx says what it serves.
    pub(crate) fn status_text(&self, name: &str) -> String {
        format!(
            "# Written by the agent, which asks here what is served.\nserver {{\n    listen {};\n    server_name _;\n    \
             access_log off;\n    default_type text/plain;\n    location = /revision {{\n        return 200 \"{name}\";\n    \
             }}\n    location / {{\n        return 404;\n    }}\n}}\n",
            self.status
        )
    }

    /// Whether it has what upstreams need that are followed without a reload, with these modules.
    pub(crate) async fn can_follow(&self, load_modules: &str) -> io::Result<bool> {
        let place = self.root.join("scratch").join("trial.conf");
        fs::write(&place, trial(load_modules))?;
        Ok(self.check_file(&place).await?.is_ok())
    }

    /// What nginx says against the tree in a folder, in its own words. It is asked in a directory
    /// of its own, so that nothing that runs is touched.
    pub(crate) async fn check(&self, folder: &Path) -> io::Result<Result<(), String>> {
        self.check_file(&folder.join("nginx.conf")).await
    }

    async fn check_file(&self, file: &Path) -> io::Result<Result<(), String>> {
        let scratch = self.root.join("scratch");
        let mut command = Command::new(&self.program);
        command.args(["-t", "-q", "-p"]).arg(&scratch).arg("-c").arg(file);
        // The log that is open before the configuration is read lies there as well.
        command.arg("-e").arg(scratch.join("check.log"));
        command.stdin(Stdio::null()).kill_on_drop(true);
        let Ok(output) = timeout(LONGEST_CHECK, command.output()).await else {
            return Ok(Err(format!("nginx -t does not end within {} s", LONGEST_CHECK.as_secs())));
        };
        let output = output?;
        let said = String::from_utf8_lossy(&output.stderr);
        Ok(if output.status.success() { Ok(()) } else { Err(words(&said)) })
    }

    /// The process that runs in the directory, if one does.
    pub(crate) fn master(&self) -> Option<Master> {
        let text = fs::read_to_string(self.root.join("nginx.pid")).ok()?;
        let pid = Pid::from_raw(text.trim().parse().ok()?)?;
        // The number may be another program's by now.
        title(pid).is_some_and(|title| title.starts_with("nginx: master")).then_some(Master(pid))
    }

    /// The workers that take connections.
    pub(crate) fn workers(&self, master: Master) -> BTreeSet<i32> {
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        pids.filter(|pid| parent(*pid) == Some(master.0.as_raw_nonzero().get()))
            .filter(|pid| {
                let title = Pid::from_raw(*pid).and_then(title).unwrap_or_default();
                title.starts_with("nginx: worker process") && !title.contains("shutting down")
            })
            .collect()
    }

    /// Tells it to read its configuration again.
    pub(crate) fn reload(&self, master: Master) -> io::Result<()> {
        Ok(kill_process(master.0, Signal::HUP)?)
    }

    /// What it says it serves.
    pub(crate) async fn serves(&self) -> io::Result<String> {
        let late = || io::Error::other(format!("nobody answers at {} in time", self.status));
        timeout(LONGEST_ANSWER, self.ask()).await.map_err(|_| late())?
    }

    async fn ask(&self) -> io::Result<String> {
        let mut stream = TcpStream::connect(self.status).await?;
        stream.write_all(b"GET /revision HTTP/1.0\r\n\r\n").await?;
        let mut answer = Vec::new();
        stream.take(64 << 10).read_to_end(&mut answer).await?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        match answer.split_once("\r\n\r\n") {
            Some((head, body)) if head.split(' ').nth(1) == Some("200") => Ok(body.trim().to_owned()),
            _ => Err(io::Error::other(format!("{} does not say what is served", self.status))),
        }
    }

    /// Where the log of errors ends now.
    pub(crate) fn log_end(&self) -> u64 {
        fs::metadata(self.root.join("error.log")).map_or(0, |log| log.len())
    }

    /// What nginx says since then about why it does not go on with a tree.
    fn complaint(&self, since: u64) -> Option<String> {
        let mut log = File::open(self.root.join("error.log")).ok()?;
        let length = log.metadata().ok()?.len();
        // Somebody may have put another one there.
        log.seek(SeekFrom::Start(if since <= length { since } else { 0 })).ok()?;
        let mut said = Vec::new();
        log.take(MOST_LOG).read_to_end(&mut said).ok()?;
        let said = String::from_utf8_lossy(&said).into_owned();
        let lines: Vec<&str> = said.lines().filter(|line| line.contains("[emerg]")).collect();
        (!lines.is_empty()).then(|| words(&lines.join("\n")))
    }

    /// Waits until workers that were not there before serve what is called so, and all that were
    /// there before take no connections any more. Otherwise why not.
    pub(crate) async fn comes_to_serve(
        &self,
        name: &str,
        before: &BTreeSet<i32>,
        log_end: u64,
        check: Duration,
    ) -> Result<(), String> {
        let until = Instant::now() + LONGEST_RELOAD.max(check * 5);
        let mut quiet = (log_end, Instant::now());
        loop {
            let Some(master) = self.master() else { return Err("nginx ended".to_owned()) };
            let workers = self.workers(master);
            if !workers.is_empty() && workers.is_disjoint(before) {
                match self.serves().await {
                    Ok(served) if served == name => return Ok(()),
                    Ok(served) if Instant::now() >= until => return Err(format!("nginx still serves {served}")),
                    Err(error) if Instant::now() >= until => return Err(error.to_string()),
                    _ => {}
                }
            }
            // It tries for some time to get a port: what it says is its last word once it is quiet.
            let end = self.log_end();
            if end != quiet.0 {
                quiet = (end, Instant::now());
            }
            if let Some(words) = self.complaint(log_end).filter(|_| quiet.1.elapsed() >= LAST_WORD) {
                return Err(words);
            }
            if Instant::now() >= until {
                return Err("nginx was told to reload, and keeps its old workers".to_owned());
            }
            sleep(PAUSE).await;
        }
    }
}

/// What a process calls itself.
fn title(pid: Pid) -> Option<String> {
    let text = fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}

fn parent(pid: i32) -> Option<i32> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Its name stands in parentheses, and may hold anything.
    text.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// The lines that say what is wrong, without when and who said so.
fn words(said: &str) -> String {
    let lines = said.lines().filter(|line| line.contains("[emerg]") || line.contains("[crit]"));
    let lines = lines.map(|line| {
        let line = line.find('[').map_or(line, |at| &line[at..]);
        // 2026/01/01 00:00:00 [emerg] 1234#1234: what is wrong
        match line.split_once("#").and_then(|(_, rest)| rest.split_once(": ")) {
            Some((_, rest))
                if line.split('#').next().is_some_and(|head| head.ends_with(|end: char| end.is_ascii_digit())) =>
            {
                format!("[emerg] {rest}")
            }
            _ => line.to_owned(),
        }
    });
    let mut told: Vec<String> = Vec::new();
    for line in lines {
        if !told.contains(&line) {
            told.push(line);
        }
    }
    let mut told = if told.is_empty() { said.trim().to_owned() } else { told.join("; ") };
    let end = (0..=MOST_WORDS.min(told.len())).rev().find(|at| told.is_char_boundary(*at)).unwrap_or_default();
    told.truncate(end);
    told
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn what_is_wrong_is_told_without_when() {
        let test =
            "nginx: [emerg] unknown directive \"x\" in /a/conf.d/b.conf:3\nnginx: configuration file /a test failed\n";
        assert_eq!(words(test), "[emerg] unknown directive \"x\" in /a/conf.d/b.conf:3");
        let log = "2026/01/01 10:00:00 [emerg] 12#12: bind() to 127.0.0.1:80 failed (98: Address already in use)\n";
        assert_eq!(words(&log.repeat(3)), "[emerg] bind() to 127.0.0.1:80 failed (98: Address already in use)");
        assert_eq!(words("something else\n"), "something else");
    }
}
