//! Copies of a database: made while it is in use, checked, and put back.

use std::{
    fs::{self, File, OpenOptions},
    path::{Path, PathBuf},
    time::Duration,
};

use journal::StoreError;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::{
    error::Failure,
    mark::Mark,
    open::{beside, check, foreign, identify},
};

/// How long a copy waits for a writer that has the database to itself for a moment.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a copy could not be made or put back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is something in its place already.
    #[error("`{}` is there already", .0.display())]
    Exists(PathBuf),
    /// There is no database.
    #[error("there is no database `{}`", .0.display())]
    Missing(PathBuf),
    /// A process has the database open.
    #[error("`{}` is in use: stop the service first", .0.display())]
    InUse(PathBuf),
    /// A file is damaged, or is none of ours.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Copies a database, which may be in use, into a new file for its owner's eyes only. Everything is in
/// the copy that was acknowledged before this was called.
///
/// # Errors
/// If there is no such database, the file is there already, or the disk fails; then there is no copy.
pub fn backup(database: &Path, to: &Path) -> Result<(), BackupError> {
    if !database.is_file() {
        return Err(BackupError::Missing(database.to_owned()));
    }
    let copy = create_new(to)?;
    let made = copy_into(database, to).and_then(|()| {
        copy.sync_all().map_err(|error| Failure::new("could not write the copy", error))?;
        verify(to)?;
        sync_folder(to)
    });
    if made.is_err() {
        // Half a copy must not be taken for one.
        fs::remove_file(to).ok();
    }
    Ok(made?)
}

fn create_new(path: &Path) -> Result<File, BackupError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => BackupError::Exists(path.to_owned()),
        _ => StoreError::from(Failure::new("could not make the copy", error)).into(),
    })
}

fn copy_into(database: &Path, to: &Path) -> Result<(), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags).map_err(copying)?;
    connection.busy_timeout(PATIENCE).map_err(copying)?;
    if identify(&connection, database)? == 0 {
        return Err(foreign(database, "is empty"));
    }
    let to = to.to_str().ok_or_else(|| foreign(to, "is not a name in UTF-8"))?;
    connection.execute("VACUUM INTO ?1", [to]).map(drop).map_err(copying)
}

/// Looks whether a copy is one of our databases and whole.
///
/// # Errors
/// If it is not.
pub fn verify(copy: &Path) -> Result<(), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(copy, flags).map_err(copying)?;
    if identify(&connection, copy)? == 0 {
        return Err(foreign(copy, "is empty"));
    }
    check(&connection, copy)
}

/// Puts a copy in the place of a database that nobody has open. `force` allows that there is one.
///
/// # Errors
/// If the copy is damaged, there is a database and no `force`, or somebody has it open; then nothing
/// has changed.
pub fn restore(copy: &Path, database: &Path, force: bool) -> Result<(), BackupError> {
    if !copy.is_file() {
        return Err(BackupError::Missing(copy.to_owned()));
    }
    verify(copy)?;
    let log = beside(database, "-wal");
    if database.exists() || log.exists() {
        if !force {
            return Err(BackupError::Exists(database.to_owned()));
        }
        if is_in_use(database) {
            return Err(BackupError::InUse(database.to_owned()));
        }
    }
    let new = beside(database, "-restoring");
    // One that an earlier attempt has left is of no use to anybody.
    fs::remove_file(&new).ok();
    let mut file = create_new(&new)?;
    let failed = |error| Failure::new("could not put the copy back", error);
    let copied = File::open(copy)
        .and_then(|mut from| std::io::copy(&mut from, &mut file))
        .and_then(|_| file.sync_all())
        .map_err(|error| StoreError::from(failed(error)))
        .and_then(|()| verify(&new));
    if let Err(error) = copied {
        fs::remove_file(&new).ok();
        return Err(error.into());
    }
    // What stands beside the old database says nothing about the new one.
    for path in [log, beside(database, "-shm"), Mark::path(database)] {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::from(failed(error)).into());
            }
            Ok(()) | Err(_) => {}
        }
    }
    fs::rename(&new, database).map_err(|error| StoreError::from(failed(error)))?;
    Ok(sync_folder(database)?)
}

/// Whether another connection has the database open: only the last one may put its log away.
fn is_in_use(database: &Path) -> bool {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let Ok(connection) = Connection::open_with_flags(database, flags) else { return false };
    let mode =
        connection.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get::<_, String>(0));
    match mode {
        Ok(mode) => mode == "wal",
        // One that cannot be read is there to be replaced.
        Err(error) => matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
        ),
    }
}

/// A new name is durable when its folder is.
fn sync_folder(path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    let synced = File::open(folder.unwrap_or(Path::new("."))).and_then(|it| it.sync_all());
    synced.map_err(|error| Failure::new("could not write the folder of the file", error).into())
}

fn copying(error: rusqlite::Error) -> StoreError {
    Failure::new("could not copy the database", error).into()
}
