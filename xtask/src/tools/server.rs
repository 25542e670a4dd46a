//! A server of files on this machine, `esky serve` or another, and an account of what it sends.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::human_size;

/// The running server; it ends with this.
pub(crate) struct Server {
    child: Child,
    url: String,
    totals: Arc<Mutex<Totals>>,
    /// Where its configuration is.
    _scratch: Option<TempDir>,
}

/// How much was asked for and sent.
#[derive(Clone, Copy, Default)]
pub(crate) struct Totals {
    /// Number of requests.
    pub(crate) requests: u64,
    /// Bytes sent, without headers.
    pub(crate) bytes: u64,
}

impl Totals {
    /// What was added since `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        Self {
            requests: self.requests - earlier.requests,
            bytes: self.bytes - earlier.bytes,
        }
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} requests with {}",
            self.requests,
            human_size(self.bytes)
        )
    }
}

impl Server {
    /// Starts the command, which has to be `esky serve`.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("`esky serve` could not be started")?;
        let mut line = String::new();
        let stdout = child.stdout.take().context("stdout is a pipe")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let url = line
            .trim_end()
            .rsplit_once(" at ")
            .map(|(_, url)| url.to_owned());
        match url {
            Some(url) if !url.is_empty() => Self::listen_to(child, url, None),
            _ => {
                let _ = child.kill();
                anyhow::bail!("`esky serve` does not say where it serves: {line}");
            }
        }
    }

    /// Takes over a running server that writes a line for each request to stderr, which ends with its size in bytes.
    pub(super) fn listen_to(
        mut child: Child,
        url: String,
        scratch: Option<TempDir>,
    ) -> Result<Self> {
        let totals = Arc::new(Mutex::new(Totals::default()));
        let (stderr, shared) = (
            child.stderr.take().context("stderr is a pipe")?,
            Arc::clone(&totals),
        );
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                println!("   > {line}");
                let mut totals = shared.lock().unwrap_or_else(PoisonError::into_inner);
                totals.requests += 1;
                totals.bytes += bytes_of(&line).unwrap_or(0);
            }
        });
        Ok(Self {
            child,
            url,
            totals,
            _scratch: scratch,
        })
    }

    /// Where the repository is.
    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    /// What was sent until now.
    pub(crate) fn totals(&self) -> Totals {
        *self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The number before the last word.
fn bytes_of(line: &str) -> Option<u64> {
    line.rsplit(' ').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_is_read_from_a_line_of_the_server() {
        assert_eq!(bytes_of("GET /timestamp.json 200 559 bytes"), Some(559));
        assert_eq!(bytes_of("GET /x 200 1 byte"), Some(1));
        assert_eq!(bytes_of("?"), None);
    }
}
