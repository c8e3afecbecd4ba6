//! chromedriver as a process of its own. Killed, it would leave its browsers: it is asked to end with them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

/// What it says once it serves.
const STARTED: &str = "started successfully on port ";

/// It ends its browsers within this, or is killed without.
const END: Duration = Duration::from_secs(10);

/// A chromedriver that runs; dropped, it ends, and its browsers with it, also those of a test that failed.
pub(crate) struct Driver {
    child: Child,
    port: u16,
    /// Where it says hardly anything more; closed, it could not.
    _said: BufReader<ChildStdout>,
}

impl Driver {
    /// On a port that it chooses.
    pub(crate) fn start() -> Self {
        let started = Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = started.unwrap_or_else(|error| {
            panic!("chromedriver does not run ({error}); scripts/setup installs chromium and chromium-driver")
        });
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let port =
            said.by_ref().lines().map(Result::unwrap).find_map(|line| port_of(&line)).expect("the driver's port");
        Self { child, port, _said: said }
    }

    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Driver {
    /// Returns once no browser of it is left.
    fn end(&self) -> std::io::Result<()> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(END))?;
        stream.write_all(b"GET /shutdown HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
        stream.read_to_end(&mut Vec::new()).map(drop)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.end();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn port_of(line: &str) -> Option<u16> {
    line.split_once(STARTED)?.1.trim_end_matches('.').parse().ok()
}
