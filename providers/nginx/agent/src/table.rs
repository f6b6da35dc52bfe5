//! The servers of upstreams that are followed without a reload.
//!
//! Where nginx has Lua, an upstream of pods has no servers of its own: a text of ours, the same for
//! all, chooses one for each request from a table that lies beside the releases. The workers read it
//! anew when it is another one, so that a change of pods is a new table and nothing else. It
//! outlasts the agent and nginx, and nginx needs nobody to begin with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use portolan_fleet::{Digest, Known, Pods, Server, Upstream};

/// Where the table lies, in the directory of the agent.
const TABLE: &str = "pods.table";

/// What chooses servers.
const CODE: &str = include_str!("pods.lua");

/// What the first line begins with: the format. Which table it is follows.
const HEAD: &str = "portolan-pods 1";

/// What nginx has in a tree beside its upstreams.
pub(crate) const BESIDE: &str = "lua_shared_dict portolan_failures 1m;\n";

/// How the last failure of a request comes to be known. A location may have another such block in its
/// place; then the failures count after which another server was asked.
pub(crate) const COUNTS: &str = "log_by_lua_block {\n    local pods = package.loaded.portolan_pods\n    if pods then pods.done() \
                                 end\n}\n";

/// An upstream whose servers stand in the table.
#[derive(Debug, Clone)]
pub(crate) struct Followed {
    /// What its line begins with: its name, and what tells it from others that were called so.
    pub(crate) key: String,
    upstream: Upstream,
    max_fails: u32,
    /// In milliseconds.
    fail_timeout: u64,
}

impl Followed {
    /// The upstream of this name, where it can be followed: taking turns is what our text knows, and
    /// it asks addresses alone.
    pub(crate) fn of(name: &str, upstream: &Upstream) -> Option<Followed> {
        let is_address = |address: &String| address.parse::<SocketAddr>().is_ok();
        let are_addresses = upstream.servers.iter().filter_map(|member| member.address.as_ref()).all(is_address);
        let takes_turns = upstream.balance.is_none() && upstream.standby == "backup";
        if !takes_turns || !are_addresses || upstream.is_stream {
            return None;
        }
        // What nginx has where nothing is said.
        let (mut max_fails, mut fail_timeout) = (1, 10_000);
        for parameter in &upstream.parameters {
            match parameter.split_once('=')? {
                ("max_fails", number) => max_fails = number.parse().ok()?,
                ("fail_timeout", time) => fail_timeout = milliseconds(time)?,
                _ => return None,
            }
        }
        let meaning = serde_json::to_vec(upstream).ok()?;
        let key = format!("{name}-{}", &Digest::of(&meaning).short()[..8]);
        Some(Followed { key, upstream: upstream.clone(), max_fails, fail_timeout })
    }

    /// The pods among its servers.
    pub(crate) fn pods(&self) -> impl Iterator<Item = &Pods> {
        self.upstream.servers.iter().filter_map(|member| member.pods.as_ref())
    }

    /// What stands in its line; `None` where nothing is known of its pods.
    pub(crate) fn line(&self, known: &Known) -> Option<String> {
        let servers = self.upstream.servers(known).ok()?;
        let mut line = format!("{} {}", self.max_fails, self.fail_timeout);
        let addresses = servers.iter().filter_map(|server| Some((server, server.address.parse().ok()?)));
        addresses.for_each(|(server, address)| line.push_str(&word(server, address)));
        Some(line)
    }

    /// What nginx includes in its upstream. The server is what nginx wants there; nobody asks it.
    pub(crate) fn conf(&self) -> String {
        format!(
            "server 0.0.0.1;\nbalancer_by_lua_block {{\n    (package.loaded.portolan_pods or dofile(ngx.config.prefix() .. \
             \"{}\")).balance(\"{}\")\n}}\n",
            code_file(),
            self.key
        )
    }
}

fn word(server: &Server, address: SocketAddr) -> String {
    let host = if address.is_ipv6() { format!("[{}]", address.ip()) } else { address.ip().to_string() };
    format!(" {host}|{}|{}|{}", address.port(), server.weight, u8::from(server.stands_by))
}

/// A time as nginx writes it: `10s`, `500ms`, `1m`, `10`.
fn milliseconds(time: &str) -> Option<u64> {
    let at = time.find(|char: char| !char.is_ascii_digit()).unwrap_or(time.len());
    let unit = match &time[at..] {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    time[..at].parse::<u64>().ok()?.checked_mul(unit)
}

/// Whether a file that nginx includes is one of [`Followed::conf`].
pub(crate) fn is_followed(conf: &str) -> bool {
    conf.contains("balancer_by_lua_block")
}

/// A configuration that nginx takes where it has what our text needs.
pub(crate) fn trial(load_modules: &str) -> String {
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary: String = temporary.iter().map(|name| format!("{name}_temp_path temp_{name};\n")).collect();
    format!(
        "{load_modules}pid trial.pid;\nerror_log trial.log;\nevents {{}}\nhttp {{\n{temporary}{BESIDE}{COUNTS}init_by_lua_block \
         {{ require \"ngx.balancer\" }}\nupstream pods {{\nserver 0.0.0.1;\nbalancer_by_lua_block {{ local nothing }}\n}}\n}}\n"
    )
}

/// The lines of `nginx.conf` that load modules.
pub(crate) fn load_modules(main: &str) -> String {
    main.lines().filter(|line| line.starts_with("load_module ")).map(|line| format!("{line}\n")).collect()
}

/// Where the text lies that chooses: workers of an older agent's release go on with theirs.
fn code_file() -> String {
    format!("pods-{}.lua", &Digest::of(CODE.as_bytes()).short()[..8])
}

/// The table, which is replaced as a whole. Whoever has a clone changes the same one.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    root: PathBuf,
    lines: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Table {
    /// The table of a directory as it lies there, or an empty one, and beside it what chooses.
    pub(crate) fn open(root: &Path) -> io::Result<Table> {
        replace(&root.join(code_file()), CODE)?;
        let text = fs::read_to_string(root.join(TABLE)).unwrap_or_default();
        let is_whole = text.starts_with(HEAD) && text.ends_with("end\n");
        let pair = |line: &str| line.split_once(' ').map(|(key, line)| (key.to_owned(), line.to_owned()));
        let lines = text.lines().skip(1).filter(|_| is_whole).filter_map(pair).collect();
        Ok(Table { root: root.to_owned(), lines: Arc::new(Mutex::new(lines)) })
    }

    /// Whether the servers of an upstream stand there.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.lock().contains_key(key)
    }

    /// The line of an upstream that was called so and meant something else.
    pub(crate) fn of_name(&self, name: &str) -> Option<String> {
        let lines = self.lock();
        let found = lines.iter().find(|(key, _)| key.rsplit_once('-').is_some_and(|(of, _)| of == name));
        found.map(|(_, line)| line.clone())
    }

    /// Adds lines of upstreams that a tree needs which is to be served, and that are not there yet.
    pub(crate) fn add(&self, lines: &BTreeMap<String, String>) -> io::Result<()> {
        self.change(|there| {
            for (key, line) in lines {
                there.entry(key.clone()).or_insert_with(|| line.clone());
            }
        })
    }

    /// Puts lines in place of those of before.
    pub(crate) fn put(&self, lines: Vec<(String, String)>) -> io::Result<()> {
        self.change(|there| there.extend(lines))
    }

    /// Forgets all upstreams but these.
    pub(crate) fn retain(&self, keys: &BTreeSet<String>) -> io::Result<()> {
        self.change(|there| there.retain(|key, _| keys.contains(key)))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        // Nobody ends in the middle of a change.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<String, String>)) -> io::Result<()> {
        let mut lines = self.lock();
        let mut new = lines.clone();
        change(&mut new);
        if new == *lines {
            return Ok(());
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        let mut text = format!("{HEAD} {now:x}\n");
        new.iter().for_each(|(key, line)| [key, " ", line, "\n"].iter().for_each(|part| text.push_str(part)));
        text.push_str("end\n");
        replace(&self.root.join(TABLE), &text)?;
        *lines = new;
        Ok(())
    }
}

/// Replaces a file in one step: who reads it sees all of the old one or all of the new one.
fn replace(place: &Path, text: &str) -> io::Result<()> {
    let beside = place.with_extension("new");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(&beside)?;
    file.write_all(text.as_bytes())?;
    // nginx's workers read it, also where they are another user's.
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    fs::rename(&beside, place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream(change: impl FnOnce(&mut serde_json::Value)) -> Upstream {
        let mut json = serde_json::json!({
            "parameters": ["max_fails=2", "fail_timeout=1m"],
            "standby": "backup",
            "servers": [{ "address": "[fd00::1]:80", "weight": 3, "stands_by": true }, { "address": "10.0.0.1:80", "weight": 1 }],
        });
        change(&mut json);
        serde_json::from_value(json).expect("an upstream")
    }

    #[test]
    fn a_line_has_what_nginx_would_be_told_of_each_server() {
        let followed = Followed::of("web", &upstream(|_| ())).expect("can be followed");
        let line = followed.line(&Known::new());
        assert_eq!(line.as_deref(), Some("2 60000 [fd00::1]|80|3|1 10.0.0.1|80|1|0"));
        let other = Followed::of("web", &upstream(|json| json["servers"][0]["weight"] = 4.into())).expect("too");
        assert_ne!(followed.key, other.key, "what means something else is called otherwise");
    }

    #[test]
    fn what_the_text_does_not_know_is_left_to_nginx() {
        let changes: [fn(&mut serde_json::Value); 5] = [
            |json| json["balance"] = "least_conn".into(),
            |json| json["standby"] = "down".into(),
            |json| json["is_stream"] = true.into(),
            |json| json["servers"][1]["address"] = "db.internal:80".into(),
            |json| json["parameters"] = serde_json::json!(["slow_start=1s"]),
        ];
        for (number, change) in changes.into_iter().enumerate() {
            assert!(Followed::of("web", &upstream(change)).is_none(), "{number}");
        }
    }

    #[test]
    fn times_are_read_as_nginx_reads_them() {
        assert_eq!(["10s", "500ms", "2", "1m"].map(milliseconds), [10_000, 500, 2_000, 60_000].map(Some));
        assert_eq!(["s", "1d", "1m30s", ""].map(milliseconds), [None; 4]);
    }

    #[test]
    fn a_table_outlasts_who_wrote_it() {
        let place = tempfile::tempdir().expect("a directory");
        let table = Table::open(place.path()).expect("opens");
        let lines = |pairs: &[(&str, &str)]| pairs.iter().map(|(key, line)| ((*key).into(), (*line).into())).collect();
        table.add(&lines(&[("a-1", "1 1"), ("b-1", "1 1")])).expect("writes");
        table.put(vec![("a-1".into(), "2 2".into())]).expect("writes");
        table.add(&lines(&[("a-1", "3 3")])).expect("writes");
        let read = Table::open(place.path()).expect("opens");
        assert_eq!((read.of_name("a").as_deref(), read.has("b-1")), (Some("2 2"), true));
        read.retain(&BTreeSet::from(["b-1".to_owned()])).expect("writes");
        assert!(!Table::open(place.path()).expect("opens").has("a-1"));
        // One that was not written to its end says nothing.
        let text = fs::read_to_string(place.path().join(TABLE)).expect("a table");
        fs::write(place.path().join(TABLE), &text[..text.len() - 2]).expect("writes");
        assert!(!Table::open(place.path()).expect("opens").has("b-1"));
    }
}
