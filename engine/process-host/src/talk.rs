//! What programs say to people: their standard error and their faults, bounded and without secrets.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use connector::Connection;
use tokio::io::{AsyncRead, BufReader};

use crate::lines::{self, Line};

/// Lines that are logged within any [`WINDOW`]; of the others only the number is told.
const LINES_MAX: usize = 50;
const WINDOW: Duration = Duration::from_secs(10);
/// Bytes of a line that are logged.
const LINE_BYTES_MAX: usize = 2_000;
/// Characters of the last line in messages of failures.
const LAST_CHARS_MAX: usize = 300;

/// Where a program's words go.
#[derive(Clone)]
pub(crate) struct Talk {
    connection: Arc<Connection>,
    said: Arc<Mutex<Said>>,
}

struct Said {
    since: Instant,
    lines: usize,
    dropped: usize,
    last: Option<String>,
}

impl Talk {
    pub(crate) fn new(connection: &Connection) -> Self {
        let said = Said { since: Instant::now(), lines: 0, dropped: 0, last: None };
        Self { connection: Arc::new(connection.clone()), said: Arc::new(Mutex::new(said)) }
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether one more line may be logged, and how many were not since the last that was.
    fn admit(&self) -> Option<usize> {
        let mut said = self.said();
        if WINDOW <= said.since.elapsed() {
            (said.since, said.lines) = (Instant::now(), 0);
        }
        if said.lines < LINES_MAX {
            said.lines += 1;
            return Some(std::mem::take(&mut said.dropped));
        }
        said.dropped += 1;
        None
    }

    /// A text as it may be logged: no secrets, no control characters, not long.
    fn tidied(&self, text: &str, chars_max: usize) -> String {
        let text = self.connection.redact(text);
        let shown = text.chars().filter(|it| !it.is_control() || *it == '\t').take(chars_max);
        shown.collect()
    }

    /// The program has done what it should not.
    pub(crate) fn fault(&self, what: &str, detail: &str) {
        let Some(dropped) = self.admit() else { return };
        let (connection, detail) = (&self.connection.name, self.tidied(detail, LAST_CHARS_MAX));
        tracing::warn!(connection, what, detail, dropped, "A connector's program is at fault.");
    }

    fn line(&self, line: &[u8]) {
        let text = self.tidied(&String::from_utf8_lossy(line), LINE_BYTES_MAX);
        if !text.trim().is_empty() {
            self.said().last = Some(text.chars().take(LAST_CHARS_MAX).collect());
        }
        let Some(dropped) = self.admit() else { return };
        let connection = &self.connection.name;
        tracing::info!(connection, text, dropped, "A connector's program says something.");
    }

    /// What it said last, for the message of a failure.
    pub(crate) fn last(&self) -> Option<String> {
        self.said().last.clone()
    }

    /// Reads standard error to its end, so that a program never waits for somebody to read it.
    pub(crate) async fn listen(self, stderr: impl AsyncRead + Unpin) {
        let mut from = BufReader::new(stderr);
        while let Ok(Some(line)) = lines::next(&mut from, LINE_BYTES_MAX).await {
            let (Line::Whole(line) | Line::Cut(line)) = line;
            self.line(&line);
        }
    }
}
