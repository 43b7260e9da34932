//! A gateway as a process of its own before an upstream of the test, so that what it costs can be counted.

use std::io::BufReader;
use std::time::{Duration, Instant};

use super::Client;
use super::recorder::Recorder;
use crate::harness::{Process, connect};

pub(super) struct Apart {
    process: Process,
    pub(super) up: Recorder,
    _folder: tempfile::TempDir,
}

impl Apart {
    /// With these routes to the upstream `up`, which is given so much time for the head of an answer.
    pub(super) fn start(patience: &str, up: Recorder, routes: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("trackgate.toml");
        let timeout = format!("timeout = {{ response = \"{patience}\" }}");
        let upstream = format!("[upstreams.up]\nurls = [\"http://{}\"]\n{timeout}", up.address);
        std::fs::write(&file, format!("log.access = false\nlisten.threads = 1\n{upstream}\n{routes}")).unwrap();
        let process = Process::serve(&folder.path().join("data"), &["--config", file.to_str().unwrap()]);
        Self { process, up, _folder: folder }
    }

    pub(super) fn client(&self) -> Client {
        Client { stream: BufReader::new(connect(self.process.address)) }
    }

    /// Resident memory in KiB.
    pub(super) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Open files and sockets.
    pub(super) fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.process.child.id())).unwrap().count()
    }

    /// Waits until no more descriptors are open than these.
    pub(super) fn wait_for_descriptors(&self, most: usize) {
        let late = Instant::now() + Duration::from_secs(15);
        while self.descriptors() > most {
            assert!(Instant::now() < late, "{} descriptors are open instead of {most}", self.descriptors());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The soft limit of open files that it runs with.
    pub(super) fn most_descriptors(&self) -> String {
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", self.process.child.id())).unwrap();
        let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
        line.trim().to_owned()
    }
}
