//! A note beside the database of how many commits it has, so that a lost tail does not go unseen.
//!
//! `SQLite` takes a write-ahead log that was cut short for one whose last commits never happened.
//! The note is written after each commit and never synced: whatever it says was durable before. It
//! may lag behind, after a loss of power or when it could not be written; then it finds less.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use crate::open::{beside, create_private};

/// The note's file, open.
pub(crate) struct Mark {
    file: File,
}

impl Mark {
    /// Opens the note of a database; makes one that says nothing if there is none.
    pub(crate) fn open(database: &Path) -> io::Result<Self> {
        Ok(Self { file: create_private(&Self::path(database))? })
    }

    pub(crate) fn path(database: &Path) -> PathBuf {
        beside(database, "-mark")
    }

    /// What the note says; an unreadable one says nothing.
    pub(crate) fn read(&mut self) -> io::Result<i64> {
        self.file.seek(SeekFrom::Start(0))?;
        let mut bytes = Vec::new();
        (&self.file).take(64).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).trim().parse().unwrap_or(0))
    }

    /// Notes a number of commits.
    pub(crate) fn write(&mut self, commits: i64) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(format!("{commits:>19}\n").as_bytes())
    }
}
