//! Asks for values: at the terminal, or as lines of standard input.

use std::{
    collections::BTreeMap,
    io::{self, BufRead as _, IsTerminal as _},
    path::Path,
    process::{Command, Stdio},
};

use anyhow::Context as _;
use base::Secret;
use cli::input;

use crate::print::note;

/// Bytes of standard input that are read.
const INPUT_BYTES_MAX: usize = 1 << 20;

/// Where values come from.
pub(crate) enum Answers {
    /// Somebody types them.
    Terminal,
    /// They were given as `name=value`, one in a line.
    Lines(BTreeMap<String, Secret<String>>),
}

impl Answers {
    /// As standard input is.
    pub(crate) fn open() -> anyhow::Result<Self> {
        if io::stdin().is_terminal() {
            return Ok(Self::Terminal);
        }
        let text = input::text(Path::new("-"), INPUT_BYTES_MAX)?;
        let mut lines = BTreeMap::new();
        for line in text.lines().filter(|it| !it.trim().is_empty()) {
            let (name, value) =
                line.split_once('=').context("standard input must hold lines `name=value`")?;
            lines.insert(name.trim().to_owned(), Secret::new(value.to_owned()));
        }
        Ok(Self::Lines(lines))
    }

    /// The value of a name; `None` if there is none.
    pub(crate) fn take(
        &mut self,
        name: &str,
        about: &str,
        is_secret: bool,
    ) -> anyhow::Result<Option<Secret<String>>> {
        match self {
            Self::Lines(lines) => Ok(lines.remove(name)),
            Self::Terminal => {
                let about = if about.is_empty() { String::new() } else { format!(" ({about})") };
                note(format!("{name}{about}:"));
                let hidden = is_secret.then(Hidden::start);
                let mut line = String::new();
                io::stdin().lock().read_line(&mut line).context("cannot read the terminal")?;
                drop(hidden);
                let line = line.trim_end_matches(['\r', '\n']);
                Ok((!line.is_empty()).then(|| Secret::new(line.to_owned())))
            }
        }
    }

    /// What was given and nobody asked for.
    pub(crate) fn left(&self) -> Vec<&str> {
        match self {
            Self::Terminal => Vec::new(),
            Self::Lines(lines) => lines.keys().map(String::as_str).collect(),
        }
    }
}

/// While it lives, the terminal does not show what is typed, if it can be told so.
struct Hidden;

impl Hidden {
    fn start() -> Self {
        stty("-echo");
        Self
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        stty("echo");
    }
}

fn stty(mode: &str) {
    let told =
        Command::new("stty").arg(mode).stdin(Stdio::inherit()).stderr(Stdio::null()).status();
    if !told.is_ok_and(|it| it.success()) {
        tracing::debug!(mode, "The terminal cannot be told to hide what is typed.");
    }
}
