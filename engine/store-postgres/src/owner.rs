//! Bringing the schema up to date, and becoming the one process that writes.

use std::time::Duration;

use journal::StoreError;
use tokio_postgres::{Error, Transaction};

use crate::{Claim, Options, address::Address, error::Failure, link::Link};

/// Numbered from 1, never edited once released; the table `migration` has those that were run.
const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_initial.sql"),
    include_str!("../migrations/0002_operations.sql"),
];

/// Held while the schema is looked at and changed ("Flow").
const LOCK: i64 = 0x466c_6f77;

/// The oldest release that is still maintained.
const VERSION_MIN: i32 = 140_000;

/// Who writes. `session` tells apart what one process had sent before it lost its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ownership {
    pub(crate) epoch: i64,
    pub(crate) session: i64,
    /// Number of the last batch that was written.
    pub(crate) batch: i64,
    /// Milliseconds for which a sign of life counts.
    pub(crate) lease: i64,
}

/// Becomes the owner, as the options say: now, or when there is none.
pub(crate) async fn claim(address: &Address, options: &Options) -> Result<Ownership, StoreError> {
    let mut link = Some(Link::open(address, options.patience).await?);
    let mut has_waited = false;
    loop {
        if let Some(open) = &mut link {
            match attempt(open, options).await {
                Ok(Some(owner)) => return Ok(owner),
                Ok(None) => {}
                // What has worked once is away for a time only.
                Err(StoreError::Io(_)) if has_waited => link = None,
                Err(error) => return Err(error),
            }
        } else {
            link = Link::open(address, options.patience).await.ok();
        }
        has_waited = true;
        tokio::time::sleep(pause(options.lease)).await;
    }
}

/// Between two looks at a lease, and between two renewals of it.
pub(crate) fn pause(lease: Duration) -> Duration {
    lease / 5
}

/// Brings the schema up to date and takes the database over; none if it has to wait for its owner,
/// who may be of an older version: then nothing is touched.
async fn attempt(link: &mut Link, options: &Options) -> Result<Option<Ownership>, StoreError> {
    let lease = i64::try_from(options.lease.as_millis()).unwrap_or(i64::MAX);
    let tx = link.client.transaction().await.map_err(opening)?;
    // Bringing the schema up to date may take its time; what comes before may not.
    let late = |_| Failure::late("could not open the database");
    let is_owned = tokio::time::timeout(options.patience, is_owned(&tx)).await.map_err(late)??;
    if options.claim == Claim::WhenFree && is_owned {
        return Ok(None);
    }
    migrate(&tx).await?;
    let sql = "UPDATE owner SET epoch = epoch + 1, session = 0,
        until = clock_timestamp() + $1::bigint * interval '1 millisecond'
        RETURNING epoch, session, batch";
    let row = tx.query_one(sql, &[&lease]).await.map_err(opening)?;
    // If the answer to this is lost, somebody has an epoch that nobody uses: no harm is done.
    tx.commit().await.map_err(opening)?;
    ownership(&row, lease).map(Some)
}

/// Whether somebody has the database who was heard of. Nobody else looks at this meanwhile.
async fn is_owned(tx: &Transaction<'_>) -> Result<bool, StoreError> {
    examine(tx).await?;
    tx.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await.map_err(opening)?;
    if !is_ours(tx).await? {
        return Ok(false);
    }
    let sql = "SELECT clock_timestamp() < until FROM owner";
    let row = tx.query_one(sql, &[]).await.map_err(opening)?;
    get(&row, 0)
}

/// Whether the database has our schema.
async fn is_ours(tx: &Transaction<'_>) -> Result<bool, StoreError> {
    let sql = "SELECT to_regclass('flowright.migration') IS NOT NULL";
    let row = tx.query_one(sql, &[]).await.map_err(opening)?;
    get(&row, 0)
}

/// Refuses a server that could not keep the promises.
async fn examine(tx: &Transaction<'_>) -> Result<(), StoreError> {
    let sql = "SELECT current_setting('server_version_num')::integer,
        current_setting('server_encoding'), current_setting('fsync')";
    let row = tx.query_one(sql, &[]).await.map_err(opening)?;
    let (version, encoding, fsync): (i32, String, String) =
        (get(&row, 0)?, get(&row, 1)?, get(&row, 2)?);
    let cause = if version < VERSION_MIN {
        "the server is older than PostgreSQL 14".to_owned()
    } else if encoding != "UTF8" {
        format!("its encoding is `{encoding}`; create it with `ENCODING 'UTF8'`")
    } else if fsync != "on" {
        "the server runs with `fsync = off`, so a power cut takes what it has committed".to_owned()
    } else {
        return Ok(());
    };
    Err(Failure::new("the database cannot be used", cause).into())
}

async fn migrate(tx: &Transaction<'_>) -> Result<(), StoreError> {
    if !is_ours(tx).await? {
        // Whoever may not make a schema may have been given one.
        let sql = "DO $$ BEGIN
            IF to_regnamespace('flowright') IS NULL THEN CREATE SCHEMA flowright; END IF;
        END $$;
        CREATE TABLE flowright.migration (
            number integer PRIMARY KEY,
            at timestamptz NOT NULL DEFAULT now()
        )";
        tx.batch_execute(sql).await.map_err(opening)?;
    }
    let row = tx.query_one("SELECT coalesce(max(number), 0) FROM migration", &[]).await;
    let known: i32 = get(&row.map_err(opening)?, 0)?;
    let known = usize::try_from(known).unwrap_or(usize::MAX);
    if MIGRATIONS.len() < known {
        let what = "the database was written by a newer version of this program";
        return Err(StoreError::Corrupt(what.to_owned()));
    }
    for (number, migration) in (1_i32..).zip(MIGRATIONS).skip(known) {
        tx.batch_execute(migration).await.map_err(opening)?;
        let sql = "INSERT INTO migration (number) VALUES ($1)";
        tx.execute(sql, &[&number]).await.map_err(opening)?;
    }
    Ok(())
}

/// Finds out, on a new connection, what became of the batches of an earlier one: waits for what is
/// still being written, and keeps what may yet arrive from counting. None if another process has
/// taken over.
pub(crate) async fn reclaim(
    link: &Link,
    owner: &Ownership,
) -> Result<Option<Ownership>, StoreError> {
    let sql = "UPDATE owner SET session = session + 1 WHERE epoch = $1
        RETURNING epoch, session, batch";
    let rows = link.client.query(sql, &[&owner.epoch]).await.map_err(opening)?;
    rows.first().map(|row| ownership(row, owner.lease)).transpose()
}

fn ownership(row: &tokio_postgres::Row, lease: i64) -> Result<Ownership, StoreError> {
    Ok(Ownership { epoch: get(row, 0)?, session: get(row, 1)?, batch: get(row, 2)?, lease })
}

fn get<T>(row: &tokio_postgres::Row, column: usize) -> Result<T, StoreError>
where
    T: for<'a> tokio_postgres::types::FromSql<'a>,
{
    row.try_get(column).map_err(opening)
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to `map_err`")]
fn opening(error: Error) -> StoreError {
    Failure::of("could not open the database", &error).into()
}
