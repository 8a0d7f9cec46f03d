//! Bringing the schema up to date, and becoming one of the processes that share it.

use std::time::Duration;

use journal::{Lease, NodeRow, NodeState, Shard, Shards, StoreError};
use tokio_postgres::{Error, Row, Transaction};

use crate::{Options, address::Address, error::Failure, link::Link, read};

/// Numbered from 1, never edited once released; the table `migration` has those that were run.
const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_initial.sql"),
    include_str!("../migrations/0002_operations.sql"),
    include_str!("../migrations/0003_sleep.sql"),
    include_str!("../migrations/0004_nodes.sql"),
    include_str!("../migrations/0005_audit.sql"),
    include_str!("../migrations/0006_paused.sql"),
];

/// Held while the schema is looked at and changed ("Flow").
const LOCK: i64 = 0x466c_6f77;

/// The oldest release that is still maintained.
const VERSION_MIN: i32 = 140_000;

/// A process that writes. `session` tells apart what it had sent before it lost its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// Its row.
    pub(crate) id: i64,
    pub(crate) session: i64,
    /// Number of the last batch that was written.
    pub(crate) batch: i64,
}

/// What a process has.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Holdings {
    /// Nobody else writes to these.
    pub(crate) owned: Shards,
    /// Something may be under way here of what others have now.
    pub(crate) lost: Shards,
}

/// Between two signs of life of who has nothing to write.
pub(crate) fn pause(lease: Duration) -> Duration {
    lease / 5
}

/// Brings the schema up to date and joins those who are there. Who is to follow one of its own name
/// gives that one up.
pub(crate) async fn open(address: &Address, options: &Options) -> Result<Node, StoreError> {
    let mut link = Link::open(address, options.patience).await?;
    let tx = link.client.transaction().await.map_err(opening)?;
    // Bringing the schema up to date may take its time; what comes before may not.
    let late = |_| Failure::late("could not open the database");
    let looking = async {
        examine(&tx).await?;
        let lock = "SELECT pg_advisory_xact_lock($1)";
        tx.execute(lock, &[&LOCK]).await.map(drop).map_err(opening)
    };
    tokio::time::timeout(options.patience, looking).await.map_err(late)??;
    migrate(&tx).await?;
    let row = tx.query_one(JOIN, &join_values(options, &milliseconds(options.lease))).await;
    let id: i64 = get(&row.map_err(opening)?, 0)?;
    if options.follow {
        let sql = "UPDATE node SET gone = 'replaced'
            WHERE name = $1 AND node <> $2 AND gone IS NULL";
        tx.execute(sql, &[&options.name, &id]).await.map_err(opening)?;
    }
    let sql = "DELETE FROM node WHERE gone IS NOT NULL AND heard < now() - interval '1 day'
        AND NOT EXISTS (SELECT FROM shard WHERE shard.node = node.node)";
    tx.execute(sql, &[]).await.map_err(opening)?;
    // If the answer to this is lost, there is a node that nobody is: it is given up in time.
    tx.commit().await.map_err(opening)?;
    Ok(Node { id, session: 0, batch: 0 })
}

const JOIN: &str = "INSERT INTO node (name, address, lease) VALUES ($1, $2, $3) RETURNING node";

fn milliseconds(lease: Duration) -> i64 {
    i64::try_from(lease.as_millis()).unwrap_or(i64::MAX)
}

fn join_values<'a>(
    options: &'a Options,
    lease: &'a i64,
) -> [&'a (dyn tokio_postgres::types::ToSql + Sync); 3] {
    [&options.name, &options.address, lease]
}

/// Comes back as a new node after this one was given up for lost; none if it has left or another one
/// of its name has come.
pub(crate) async fn rejoin(
    link: &Link,
    node: &Node,
    options: &Options,
) -> Result<Option<Node>, StoreError> {
    let sql = "SELECT gone FROM node WHERE node = $1";
    let rows = link.client.query(sql, &[&node.id]).await.map_err(opening)?;
    let gone: Option<String> = rows.first().map(|row| get(row, 0)).transpose()?.flatten();
    if matches!(gone.as_deref(), Some("left" | "replaced")) {
        return Ok(None);
    }
    let lease = milliseconds(options.lease);
    let row = link.client.query_one(JOIN, &join_values(options, &lease)).await.map_err(opening)?;
    Ok(Some(Node { id: get(&row, 0)?, session: 0, batch: 0 }))
}

/// Shows that the node is there, takes what is free up to its share if it may, and tells what it has.
pub(crate) async fn balance(
    link: &Link,
    node: &Node,
    holdings: &mut Holdings,
) -> Result<Lease, Error> {
    // What was lost is not taken again before nothing of it is under way.
    let takes = holdings.lost.is_empty();
    let Node { id, session, batch } = node;
    let rows = link.run(BALANCE, vec![id, session, batch, &takes]).await?;
    let Some(row) = rows.first() else { return Ok(Lease::default()) };
    let mine: Vec<i16> = row.try_get(0)?;
    let share: Option<i64> = row.try_get(1)?;
    let mine = mine.into_iter().filter_map(|it| u8::try_from(it).ok());
    holdings.owned = mine.map(Shard::new).collect();
    let share = share.and_then(|it| usize::try_from(it).ok()).unwrap_or(usize::MAX);
    let Holdings { owned, lost } = *holdings;
    Ok(Lease { owned, lost, surplus: owned.len().saturating_sub(share) })
}

pub(crate) const BALANCE: &str = "SELECT mine, share FROM balance($1, $2, $3, $4)";
pub(crate) const RELEASE: &str =
    "UPDATE shard SET node = NULL WHERE node = $1 AND shard = ANY($2::smallint[])";
pub(crate) const LEAVE: &str = "WITH given AS (UPDATE shard SET node = NULL WHERE node = $1)
    UPDATE node SET gone = 'left' WHERE node = $1 AND gone IS NULL";

/// What became of the last batch of a node.
pub(crate) struct Settled {
    /// The node, if it is still there.
    pub(crate) node: Option<Node>,
    /// Number of the last batch that was written.
    pub(crate) batch: i64,
}

/// Finds out, on a new connection, what became of the batches of an earlier one: waits for what is
/// still being written, and keeps what may yet arrive from counting.
pub(crate) async fn reclaim(link: &Link, node: &Node) -> Result<Settled, StoreError> {
    let sql = "UPDATE node SET session = session + 1 WHERE node = $1 AND gone IS NULL
        RETURNING session, batch";
    let rows = link.client.query(sql, &[&node.id]).await.map_err(opening)?;
    if let Some(row) = rows.first() {
        let node = Node { id: node.id, session: get(row, 0)?, batch: get(row, 1)? };
        return Ok(Settled { node: Some(node), batch: node.batch });
    }
    // Nothing of a node that is gone is written any more.
    let sql = "SELECT batch FROM node WHERE node = $1";
    let rows = link.client.query(sql, &[&node.id]).await.map_err(opening)?;
    let batch = rows.first().map(|row| get(row, 0)).transpose()?.unwrap_or(0);
    Ok(Settled { node: None, batch })
}

pub(crate) const NODES: &str = "SELECT name, address, (SELECT count(*) FROM shard
        WHERE shard.node = node.node AND node.gone IS NULL),
    (extract(epoch FROM joined) * 10000000)::bigint, (extract(epoch FROM heard) * 10000000)::bigint,
    coalesce(gone, CASE WHEN heard + lease * interval '1 millisecond' < clock_timestamp()
        THEN 'lost' ELSE 'alive' END) AS state
    FROM node WHERE gone IS NULL OR heard > now() - interval '1 hour'
    ORDER BY gone IS NOT NULL, name, node";

/// A row of `NODES`.
pub(crate) fn read_row(row: &Row) -> Result<NodeRow, StoreError> {
    let state: String = get(row, 5)?;
    let known = [NodeState::Alive, NodeState::Lost, NodeState::Left, NodeState::Replaced];
    let state = known.into_iter().find(|it| it.name() == state);
    Ok(NodeRow {
        name: get(row, 0)?,
        address: get(row, 1)?,
        shards: usize::try_from(get::<i64>(row, 2)?).unwrap_or(0),
        joined: read::timestamp(get(row, 3)?),
        heard: read::timestamp(get(row, 4)?),
        state: state.ok_or_else(|| StoreError::Corrupt("the state of a node".to_owned()))?,
    })
}

/// The nodes of a database, read by somebody who is none of them.
pub(crate) async fn list(
    address: &Address,
    patience: Duration,
) -> Result<Vec<NodeRow>, StoreError> {
    let link = Link::open(address, patience).await?;
    let known =
        link.client.query_one("SELECT to_regclass('flowright.node') IS NOT NULL", &[]).await;
    if !get::<bool>(&known.map_err(opening)?, 0)? {
        return Ok(Vec::new());
    }
    let rows = link.client.query(NODES, &[]).await.map_err(opening)?;
    rows.iter().map(read_row).collect()
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

fn get<T>(row: &Row, column: usize) -> Result<T, StoreError>
where
    T: for<'a> tokio_postgres::types::FromSql<'a>,
{
    row.try_get(column).map_err(opening)
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to `map_err`")]
fn opening(error: Error) -> StoreError {
    Failure::of("could not open the database", &error).into()
}
