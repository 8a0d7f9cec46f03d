//! Opening the database: whether the file is ours and whole, its settings, migrations, ownership.

use std::{
    fs::{File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use journal::StoreError;
use rusqlite::{Connection, OpenFlags, TransactionBehavior, config::DbConfig};

use crate::{Options, error::Failure, mark::Mark};

/// Marks our files ("Flow"), so that no other program's are taken for ours.
const APPLICATION_ID: i64 = 0x466c_6f77;

/// Numbered from 1, never edited once released; the number of the last is `user_version`.
const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_initial.sql"),
    include_str!("../migrations/0002_trigger.sql"),
    include_str!("../migrations/0003_operations.sql"),
    include_str!("../migrations/0004_sleep.sql"),
    include_str!("../migrations/0005_audit.sql"),
    include_str!("../migrations/0006_paused.sql"),
    include_str!("../migrations/0007_fewer_indexes.sql"),
];

/// Bytes of a page of a new file: each that changes is written by itself, and two events or more fit
/// into one.
const PAGE_BYTES: u32 = 8 << 10;

/// Pages of the write-ahead log after which it is copied back: rarely, for even latencies.
const AUTOCHECKPOINT_PAGES: u32 = 4_000;

/// Bytes to which a log that had to grow is cut again: what `AUTOCHECKPOINT_PAGES` take, twice.
const LOG_BYTES_KEPT: i64 = 64 << 20;

/// Prepared statements kept by a connection; there are fewer.
const STATEMENTS_MAX: usize = 64;

/// A database that this process owns.
pub(crate) struct Owned {
    pub(crate) connection: Connection,
    pub(crate) epoch: i64,
    pub(crate) commits: i64,
    /// The highest number that a run may have had.
    pub(crate) positions: i64,
    pub(crate) mark: Mark,
}

/// Opens a database for writing and takes it over from whoever had it.
pub(crate) fn open_owned(path: &Path, options: &Options) -> Result<Owned, StoreError> {
    let creating = |error| Failure::new("could not open or create the database file", error);
    let length = create_private(path).and_then(|file| file.metadata()).map_err(creating)?.len();
    let log = beside(path, "-wal");
    if length == 0 && log.metadata().is_ok_and(|it| it.len() > 0) {
        // SQLite would throw the log away.
        return Err(foreign(path, "is empty, but there is a write-ahead log beside it"));
    }
    let mut mark = Mark::open(path)
        .map_err(|error| Failure::new("could not open or create the mark file", error))?;
    let noted = mark.read().map_err(|error| Failure::new("could not read the mark file", error))?;

    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)
        .map_err(|error| Failure::new("could not open the database", error))?;
    connection.busy_timeout(options.busy_timeout).map_err(opening)?;
    // A file that is refused is left as it is, with its log.
    let keeping = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
    connection.set_db_config(keeping, true).map_err(opening)?;
    let known = identify(&connection, path)?;
    if known > 0 && length <= options.check_bytes_max {
        check(&connection, path)?;
    }
    find_loss(&connection, path, known, noted)?;
    connection.set_db_config(keeping, false).map_err(opening)?;
    if known == 0 {
        // Only a file without tables can be made one that gets shorter, or one of other pages.
        connection.pragma_update(None, "page_size", PAGE_BYTES).map_err(opening)?;
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL").map_err(opening)?;
    }
    configure(&connection, options)?;
    // Migrations may replace a table that others refer to.
    connection.pragma_update(None, "foreign_keys", false).map_err(opening)?;
    let (epoch, commits, positions) = take_over(&mut connection, path)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(opening)?;
    if known < MIGRATIONS.len() {
        // The file itself names its schema from now on, not only the log.
        let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
        connection.query_row(sql, [], |_| Ok(())).map_err(opening)?;
    }
    mark.write(commits).map_err(|error| Failure::new("could not write the mark file", error))?;
    Ok(Owned { connection, epoch, commits, positions, mark })
}

/// Opens a database that is there, for reading.
pub(crate) fn open_reader(path: &Path, options: &Options) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(options.busy_timeout)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(connection)
}

/// Opens a file for reading and writing, made for its owner's eyes only if it is not there.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The file that `SQLite` or we keep beside a database.
pub(crate) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// How many migrations the file has; 0 if there is nothing in it. Any other file is refused.
pub(crate) fn identify(connection: &Connection, path: &Path) -> Result<usize, StoreError> {
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(opening);
    let application = number("PRAGMA application_id")?;
    let version = number("PRAGMA user_version")?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    if application == 0 && version == 0 && tables == 0 {
        return Ok(0);
    }
    if application != APPLICATION_ID {
        return Err(foreign(path, "is a database of another program"));
    }
    match usize::try_from(version) {
        Ok(version) if (1..=MIGRATIONS.len()).contains(&version) => Ok(version),
        _ => Err(foreign(path, "was written by a newer version of this program")),
    }
}

/// Looks through the whole file, with its indexes: a run that an index has lost would not go on.
pub(crate) fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let found: String =
        connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(opening)?;
    if found == "ok" { Ok(()) } else { Err(foreign(path, &format!("is damaged ({found})"))) }
}

/// Refuses a file that has fewer commits than were noted beside it.
fn find_loss(
    connection: &Connection,
    path: &Path,
    known: usize,
    noted: i64,
) -> Result<(), StoreError> {
    let mut commits = 0;
    if known > 0 {
        let sql = "SELECT commits FROM owner";
        commits = connection.query_row(sql, [], |row| row.get(0)).map_err(opening)?;
    }
    if noted <= commits {
        return Ok(());
    }
    let lost = noted.saturating_sub(commits);
    let mark = Mark::path(path);
    let mark = mark.display();
    let what = format!(
        "has lost its last {lost} commits: put the file and its `-wal` back as they were, or \
         remove `{mark}` to go on without"
    );
    Err(foreign(path, &what))
}

fn configure(connection: &Connection, options: &Options) -> Result<(), StoreError> {
    let set = |name: &str, value: &dyn rusqlite::ToSql| {
        connection.pragma_update(None, name, value).map_err(opening)
    };
    let mode: String =
        connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(opening)?;
    if mode != "wal" {
        let cause = format!("the journal mode stays `{mode}`");
        return Err(Failure::new("the file system cannot share a write-ahead log", cause).into());
    }
    set("synchronous", &"FULL")?;
    set("wal_autocheckpoint", &AUTOCHECKPOINT_PAGES)?;
    set("journal_size_limit", &LOG_BYTES_KEPT)?;
    set("cell_size_check", &true)?;
    set("trusted_schema", &false)?;
    if let Some(bytes) = options.bytes_max {
        let page: i64 =
            connection.query_row("PRAGMA page_size", [], |row| row.get(0)).map_err(opening)?;
        let pages = i64::try_from(bytes).unwrap_or(i64::MAX) / page.max(1);
        set("max_page_count", &pages.clamp(1, i64::from(u32::MAX - 1)))?;
    }
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(())
}

/// Brings the schema up to date and becomes the owner, in one transaction. Gives the new epoch, the
/// number of commits and the highest number that a run may have had.
fn take_over(connection: &mut Connection, path: &Path) -> Result<(i64, i64, i64), StoreError> {
    let behavior = TransactionBehavior::Immediate;
    let tx = connection.transaction_with_behavior(behavior).map_err(opening)?;
    // Again, now that nobody else can write: two processes may have found the file empty.
    let known = identify(&tx, path)?;
    for (number, migration) in (1_u32..).zip(MIGRATIONS).skip(known) {
        tx.execute_batch(migration).map_err(opening)?;
        tx.pragma_update(None, "user_version", number).map_err(opening)?;
    }
    tx.pragma_update(None, "application_id", APPLICATION_ID).map_err(opening)?;
    let sql = "UPDATE owner SET epoch = epoch + 1, commits = commits + 1
        RETURNING epoch, commits, positions";
    let owner = tx
        .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .map_err(opening)?;
    tx.commit().map_err(opening)?;
    Ok(owner)
}

pub(crate) fn foreign(path: &Path, what: &str) -> StoreError {
    StoreError::Corrupt(format!("`{}` {what}", path.display()))
}

fn opening(error: rusqlite::Error) -> StoreError {
    Failure::new("could not open the database", error).into()
}
