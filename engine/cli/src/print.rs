//! Standard output for data, standard error for people.

use std::{
    fmt::Display,
    io::{BufWriter, IsTerminal as _, Write as _},
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
};

use serde::Serialize;
use tracing_subscriber::{
    EnvFilter, Registry, layer::SubscriberExt as _, reload, util::SubscriberInitExt as _,
};

use crate::args::{Color, LogFormat};

static COLOR: AtomicU8 = AtomicU8::new(0);
/// Whether notes are log lines, too.
static LOGGED: AtomicBool = AtomicBool::new(false);

/// Which log lines are written, as long as they are.
static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Which log lines are written.
pub(crate) fn log_filter() -> String {
    let filter = FILTER.get().and_then(|it| it.with_current(ToString::to_string).ok());
    filter.unwrap_or_else(|| "off".to_owned())
}

/// Writes other log lines from now on.
///
/// # Errors
/// Says what is wrong with the filter.
pub(crate) fn set_log_filter(text: &str) -> Result<(), String> {
    let filter: EnvFilter = text.parse().map_err(|error| format!("`{text}`: {error}"))?;
    let handle = FILTER.get().ok_or("this process writes no log")?;
    handle.reload(filter).map_err(|error| error.to_string())
}

/// Decides about colours once, from the flag, the environment and the terminal.
pub(crate) fn set_color(color: Color) {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|it| !it.is_empty());
    let on = match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto if is_set("NO_COLOR") => false,
        Color::Auto if is_set("FORCE_COLOR") || is_set("CLICOLOR_FORCE") => true,
        Color::Auto => std::io::stdout().is_terminal() && std::io::stderr().is_terminal(),
    };
    COLOR.store(u8::from(on), Ordering::Relaxed);
}

/// Whether colours are used.
pub(crate) fn colored() -> bool {
    COLOR.load(Ordering::Relaxed) == 1
}

/// A colour for a meaning.
#[derive(Clone, Copy)]
pub(crate) enum Tone {
    Good,
    Bad,
    Warn,
    Faint,
    Strong,
    Accent,
}

/// Text in the colour of a meaning.
pub(crate) fn tone(tone: Tone, text: impl Display) -> String {
    if !colored() {
        return text.to_string();
    }
    let code = match tone {
        Tone::Good => "32",
        Tone::Bad => "31",
        Tone::Warn => "33",
        Tone::Faint => "2",
        Tone::Strong => "1",
        Tone::Accent => "36",
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}

/// A line of data. A closed pipe is not an error: whoever read had enough.
pub(crate) fn line(text: impl Display) {
    drop(writeln!(std::io::stdout(), "{text}"));
}

/// Data as it is, with its own line ends.
pub(crate) fn text(text: &str) {
    drop(write!(std::io::stdout(), "{text}"));
}

/// Data in many parts, each written as it is made.
pub(crate) fn parts(parts: impl Iterator<Item = String>) {
    let mut out = BufWriter::with_capacity(PARTS_BYTES, std::io::stdout().lock());
    for part in parts {
        if out.write_all(part.as_bytes()).is_err() {
            return;
        }
    }
    drop(out.flush());
}

/// What is collected of many parts before it is written.
const PARTS_BYTES: usize = 64 << 10;

/// Whether notes are lines of the log.
pub(crate) fn is_logged() -> bool {
    LOGGED.load(Ordering::Relaxed)
}

/// JSON over several lines, written as it is made.
pub(crate) fn json(value: &impl Serialize) {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let written = serde_json::to_writer_pretty(&mut out, value);
    drop(written.map_err(std::io::Error::from).and_then(|()| writeln!(out)));
}

/// A line for people.
pub(crate) fn note(text: impl Display) {
    if is_logged() {
        let text = text.to_string();
        return tracing::info!("{}", text.trim());
    }
    drop(writeln!(std::io::stderr(), "{text}"));
}

/// Why a command could not be carried out, with every cause.
pub(crate) fn error(error: &anyhow::Error) {
    if is_logged() {
        let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
        return tracing::error!(causes = causes.get(1..).unwrap_or_default().join(": "), "{error}");
    }
    let mut causes = error.chain();
    if let Some(first) = causes.next() {
        note(format!("{}: {first}", tone(Tone::Bad, "error")));
    }
    for cause in causes {
        note(format!("  {} {cause}", tone(Tone::Faint, "because:")));
    }
}

/// Log lines go to standard error; `RUST_LOG` decides, else the number of `-v`.
pub(crate) fn start_log(verbose: u8, format: LogFormat) {
    let usual = match (verbose, format) {
        (0, LogFormat::Text) => "warn",
        // Notes are among them.
        (0, LogFormat::Json) | (1, _) => "info",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usual));
    let (filter, handle) = reload::Layer::new(filter);
    // There is one log of a process, and it is started once.
    drop(FILTER.set(handle));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    match format {
        LogFormat::Text => {
            let lines = lines.with_ansi(colored());
            tracing_subscriber::registry().with(filter).with(lines).init();
        }
        LogFormat::Json => {
            LOGGED.store(true, Ordering::Relaxed);
            COLOR.store(0, Ordering::Relaxed);
            let lines = lines.with_ansi(false).json().flatten_event(true);
            let lines = lines.with_current_span(false).with_span_list(true);
            tracing_subscriber::registry().with(filter).with(lines).init();
        }
    }
}

/// Text from outside without anything that could steer the terminal.
pub(crate) fn safe(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() && character != '\n' && character != '\t' {
            safe.extend(character.escape_unicode());
        } else {
            safe.push(character);
        }
    }
    safe
}

/// How far a long command is, on one line of a terminal that shows nothing else.
pub(crate) struct Progress {
    what: &'static str,
    total: usize,
    done: usize,
    shown: bool,
}

/// Steps from one showing to the next.
const PROGRESS_STEPS: usize = 25;

impl Progress {
    pub(crate) fn new(what: &'static str, total: usize) -> Self {
        let shown = std::io::stderr().is_terminal() && !std::io::stdout().is_terminal();
        Self { what, total, done: 0, shown }
    }

    /// Begins another step.
    pub(crate) fn step(&mut self) {
        self.done += 1;
        if self.shown && self.done.is_multiple_of(PROGRESS_STEPS) {
            drop(write!(std::io::stderr(), "\r{} of {} {}", self.done, self.total, self.what));
        }
    }

    /// Takes the line away.
    pub(crate) fn end(&self) {
        if self.shown {
            drop(write!(std::io::stderr(), "\r\x1b[K"));
        }
    }
}
