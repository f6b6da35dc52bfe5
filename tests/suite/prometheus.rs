//! A real Prometheus.

use std::process::{Child, Command, Stdio};

use portolan_test_support::tools;

/// A Prometheus, which ends with this.
pub(crate) struct Prometheus {
    process: Child,
    _folder: tempfile::TempDir,
    /// Where it answers.
    pub(crate) address: String,
}

impl Prometheus {
    /// Starts it in a directory with these files, of which one is its configuration, `prometheus.yml`.
    /// `None` where servers are left out.
    pub(crate) fn start(files: &[(&str, &str)]) -> Option<Prometheus> {
        let program = tools::program("prometheus", "prometheus")?;
        let folder = tempfile::tempdir().expect("a directory");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("writes");
        }
        let address = format!("127.0.0.1:{}", tools::free_port());
        let log = std::fs::File::create(folder.path().join("log")).expect("a file");
        let process = Command::new(program)
            .arg("--config.file=prometheus.yml")
            .arg("--storage.tsdb.path=data")
            .arg(format!("--web.listen-address={address}"))
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("starts");
        Some(Prometheus { process, _folder: folder, address })
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
