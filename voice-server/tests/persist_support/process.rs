//! The server as a process of its own.

use super::no_hang;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const BINARY: &str = env!("CARGO_BIN_EXE_voice-server");

/// All callers are of one address here, and a tenant's of one user.
const LIMITS: &str = "[limits]\ndrain_ms = 0\nconnections_of_address = 256\nuser_requests_per_s = 10_000\n";

/// Where a server keeps everything; several processes use it one after the other.
pub(crate) struct Home {
    folder: tempfile::TempDir,
    /// Variables for the server.
    variables: Vec<(String, String)>,
}

/// A server that is about to serve.
pub(crate) struct Starting {
    child: Child,
}

/// A server that runs; killed when dropped.
pub(crate) struct ServerProcess {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Home {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("server.toml"), LIMITS).unwrap();
        Self { folder, variables: Vec::new() }
    }

    /// With this variable in the server's environment.
    pub(crate) fn with(mut self, variable: &str, value: &str) -> Self {
        self.variables.push((variable.into(), value.into()));
        self
    }

    /// What the server's environment says.
    pub(crate) fn variable(&self, variable: &str) -> Option<String> {
        self.variables.iter().find(|(name, _)| name == variable).map(|(_, value)| value.clone())
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        for (variable, _) in std::env::vars() {
            if variable.starts_with("VOICE_") || variable.ends_with("_API_KEY") || variable.starts_with("DATABASE_") {
                command.env_remove(variable);
            }
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.args(args).arg("--config").arg(self.path().join("server.toml"));
        command.arg("--data").arg(self.data()).arg("--models").arg(self.path().join("none"));
        command
    }

    /// A token for a user of a tenant, both made where they are missing.
    pub(crate) fn token(&self, tenant: &str) -> String {
        let output = self.command(&["token", "--tenant", tenant, "--ttl", "1d"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Starts a server and waits until it serves.
    pub(crate) fn start(&self) -> ServerProcess {
        let mut starting = self.spawn();
        let line = starting.first_line();
        let address = line.trim().strip_prefix("listening on ").and_then(|address| address.parse().ok());
        let address = address.unwrap_or_else(|| panic!("the server did not start:\n{}", self.read_log()));
        ServerProcess { child: starting.child, address }
    }

    /// Starts a server that may not come to serve.
    pub(crate) fn spawn(&self) -> Starting {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log()).unwrap();
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0", "--max-calls", "400"]);
        Starting { child: command.stdout(Stdio::piped()).stderr(log).spawn().unwrap() }
    }

    fn log(&self) -> PathBuf {
        self.path().join("server.log")
    }

    pub(crate) fn read_log(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }
}

impl Starting {
    /// Empty if it ended before it served.
    fn first_line(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        line
    }

    /// Waits until it says that it cannot serve, as it should.
    pub(crate) fn until_it_gave_up(mut self) {
        assert_eq!(self.first_line(), "", "it serves");
        let status = self.child.wait().unwrap();
        assert_eq!(status.code(), Some(1));
    }
}

impl ServerProcess {
    /// As if by the system, at this very moment: no destructor runs, no buffer is flushed.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// In order; it exits with 0.
    pub(crate) async fn stop(mut self) {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
        // Callers of this process have to read on until then.
        let status = no_hang(async {
            loop {
                match self.child.try_wait().unwrap() {
                    Some(status) => break status,
                    None => tokio::task::yield_now().await,
                }
            }
        })
        .await;
        assert!(status.success(), "{status}");
    }

    /// Asks until the store has everything that the journal holds.
    pub(crate) async fn until_stored(&self) {
        no_hang(async {
            while self.metric("voice_journal_unstored_bytes") != Some(0.0) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        let text = self.get("/metrics");
        text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
