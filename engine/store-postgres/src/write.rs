//! What is asked of the database before a batch is written, and the batch as one transaction. Each
//! is sent in one go.

use std::collections::{BTreeMap, BTreeSet};

use base::RunId;
use journal::Expiry;
use tokio_postgres::Error;

use crate::{
    columns::{Blobs, Ends, Events, Inbox, NewTimers, Notes, OldTimers, Rests, Runs, Triggers},
    link::{Doing, Link, Values, pipeline},
    node::{BALANCE, LEAVE, Node, RELEASE},
    plan::{Changes, Known, Old, View},
    work::{Entry, FlowRow, Work},
};

const FIND_RUNS: &str = "SELECT run, position, status IS NOT NULL, asleep, turn, paused,
    coalesce((SELECT max(number) FROM event WHERE event.run = run.position), 0)
    FROM run WHERE run = ANY($1::text[])";
const FIND_KNOWN: &str = "SELECT sha, run FROM inbox WHERE sha = ANY($1::bytea[])";
const FIND_VERSIONS: &str = "SELECT sha FROM flow_version WHERE sha = ANY($1::text[])";
const RESERVE: &str = "SELECT nextval('run_position_seq') FROM generate_series(1, $1::bigint)";

const FIND_OLD_RUNS: &str = "SELECT position FROM run WHERE finished < $1
    AND NOT EXISTS (SELECT 1 FROM run AS caller
        WHERE caller.run = run.parent_run AND caller.status IS NULL)
    AND NOT EXISTS (SELECT 1 FROM run AS called
        WHERE called.parent_run = run.run AND called.status IS NULL)
    ORDER BY finished, position LIMIT $2";
const FIND_OLD_KNOWN: &str = "SELECT sha FROM inbox WHERE since < $1 AND NOT EXISTS (
        SELECT 1 FROM run WHERE run.run = inbox.run AND run.position <> ALL($3::bigint[]))
    ORDER BY since LIMIT $2";

const FIND_RUNS_OF_KEY: &str = "WITH RECURSIVE family (run) AS (
        SELECT run FROM run WHERE key_sha = $1 AND order_key = $2
        UNION SELECT called.run FROM run AS called JOIN family ON called.parent_run = family.run)
    SELECT position FROM run WHERE run IN (SELECT run FROM family) AND finished < $3
    AND NOT EXISTS (SELECT 1 FROM run AS caller
        WHERE caller.run = run.parent_run AND caller.status IS NULL)
    AND NOT EXISTS (SELECT 1 FROM run AS called
        WHERE called.parent_run = run.run AND called.status IS NULL)
    ORDER BY finished, position LIMIT $4";
const FIND_KNOWN_OF_RUNS: &str = "SELECT sha FROM inbox WHERE run IN (
    SELECT run FROM run WHERE position = ANY($1::bigint[]))";

const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
const OWN: &str = "SELECT own($1, $2, $3)";
/// Losing it in a crash of the server does no harm, so the disk is not waited for.
const RENEW: &str = "SELECT set_config('synchronous_commit', 'off', true), own($1, $2, $3)";
const INSERT_FLOW: &str = "INSERT INTO flow_version (sha, flow, length, files)
    VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
const INSERT_BLOBS: &str = "INSERT INTO blob (sha, length, zstd)
    SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::bytea[]) ON CONFLICT DO NOTHING";
const INSERT_RUNS: &str = "INSERT INTO run (position, shard, run, sha, flow, trigger_name,
    order_key, key_sha, parent_run, parent_path, created, again_of)
    SELECT * FROM unnest($1::bigint[], $2::smallint[], $3::text[], $4::text[], $5::text[],
        $6::text[], $7::bytea[], $8::bytea[], $9::text[], $10::text[], $11::bigint[],
        $12::text[])";
const INSERT_INBOX: &str = "INSERT INTO inbox (sha, flow, trigger_name, run, since)
    SELECT * FROM unnest($1::bytea[], $2::text[], $3::text[], $4::text[], $5::bigint[])";
const INSERT_EVENTS: &str = "INSERT INTO event (run, number, text, sum, blob)
    SELECT * FROM unnest($1::bigint[], $2::integer[], $3::text[], $4::bigint[], $5::bytea[])";
const END_RUNS: &str = "UPDATE run SET status = new.status, error = new.error,
    error_code = new.code, finished = new.finished
    FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[])
        AS new (position, status, error, code, finished)
    WHERE run.position = new.position";
const REST_RUNS: &str = "UPDATE run SET asleep = new.asleep, turn = new.turn,
    paused = new.paused
    FROM unnest($1::bigint[], $2::boolean[], $3::boolean[], $4::boolean[])
        AS new (position, asleep, turn, paused)
    WHERE run.position = new.position";
const DELETE_TIMERS: &str = "DELETE FROM timer
    USING unnest($1::bigint[], $2::bytea[], $3::boolean[]) AS old (run, path_sha, deadline)
    WHERE timer.run = old.run AND timer.path_sha = old.path_sha
        AND timer.deadline = old.deadline";
const DELETE_TIMERS_OF: &str = "DELETE FROM timer WHERE run = ANY($1::bigint[])";
const PUT_TIMERS: &str = "INSERT INTO timer (run, path_sha, deadline, shard, path, due)
    SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::boolean[], $4::smallint[], $5::text[],
        $6::bigint[])
    ON CONFLICT (run, path_sha, deadline) DO UPDATE SET due = excluded.due";
const PUT_TRIGGERS: &str = "INSERT INTO trigger_state (flow, trigger_name, state, due)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[])
    ON CONFLICT (flow, trigger_name) DO UPDATE SET state = excluded.state, due = excluded.due";
const INSERT_MAIL: &str = "INSERT INTO mail (shard, note)
    SELECT * FROM unnest($1::smallint[], $2::text[])";
const DISCARD: &str = "DELETE FROM mail WHERE id = ANY($1::bigint[])
    AND shard = ANY($2::smallint[])";
/// A text that somebody is about to use again must not go: whoever writes texts waits for the end of
/// this transaction, and this one for theirs.
const LOCK_BLOBS: &str = "LOCK TABLE blob IN SHARE ROW EXCLUSIVE MODE";
const DELETE_EVENTS: &str = "WITH gone AS (
        DELETE FROM event WHERE run = ANY($1::bigint[]) RETURNING blob
    )
    DELETE FROM blob USING (SELECT DISTINCT blob FROM gone WHERE blob IS NOT NULL) AS old
    WHERE blob.sha = old.blob AND NOT EXISTS (
        SELECT 1 FROM event WHERE event.blob = old.blob AND event.run <> ALL($1::bigint[]))";
const DELETE_RUNS: &str = "DELETE FROM run WHERE position = ANY($1::bigint[])";
const DELETE_KNOWN: &str = "DELETE FROM inbox WHERE sha = ANY($1::bytea[])";
const COMMIT: &str = "COMMIT";

/// What `look` and `write` carry out.
pub(crate) const STATEMENTS: &[&str] = &[
    FIND_RUNS,
    FIND_KNOWN,
    FIND_VERSIONS,
    RESERVE,
    OWN,
    RENEW,
    BALANCE,
    RELEASE,
    LEAVE,
    INSERT_FLOW,
    INSERT_BLOBS,
    INSERT_RUNS,
    INSERT_INBOX,
    INSERT_EVENTS,
    END_RUNS,
    REST_RUNS,
    DELETE_TIMERS,
    DELETE_TIMERS_OF,
    PUT_TIMERS,
    PUT_TRIGGERS,
    INSERT_MAIL,
    DISCARD,
];

/// Everything that a batch speaks of.
#[derive(Default)]
struct Mentioned<'a> {
    runs: BTreeSet<&'a str>,
    inbox: BTreeSet<&'a [u8]>,
    versions: BTreeSet<&'a str>,
    n_entries: i64,
}

impl<'a> Mentioned<'a> {
    fn of(batch: &'a [Work]) -> Self {
        let mut all = Self::default();
        for work in batch {
            match work {
                Work::PutFlow(_) | Work::Post(_) | Work::Discard(_) | Work::Expire(_) => {}
                Work::Advance(entries, _) => all.entries(entries),
                Work::Append(steps) => {
                    for step in steps {
                        all.runs.insert(step.append.run.as_str());
                        all.entries(&step.children);
                    }
                }
            }
        }
        all
    }

    fn entries(&mut self, entries: &'a [Entry]) {
        for entry in entries {
            self.runs.insert(entry.admission.run.as_str());
            self.inbox.extend(entry.inbox.as_ref().map(<[u8; 32]>::as_slice));
            self.versions.insert(&entry.admission.sha);
            self.n_entries += 1;
        }
    }
}

/// What the database has of what a batch speaks of. Of this node's own runs it stays so until the batch
/// is written, or the writing fails, because nobody else writes to them. Another node may come first
/// with a known event: that is a conflict of the writing.
pub(crate) async fn look(link: &Link, batch: &[Work]) -> Result<View, Error> {
    let all = Mentioned::of(batch);
    let runs: Vec<_> = all.runs.into_iter().collect();
    let inbox: Vec<_> = all.inbox.into_iter().collect();
    let versions: Vec<_> = all.versions.into_iter().collect();
    let questions = [
        (!runs.is_empty()).then(|| link.run(FIND_RUNS, vec![&runs])),
        (!inbox.is_empty()).then(|| link.run(FIND_KNOWN, vec![&inbox])),
        (!versions.is_empty()).then(|| link.run(FIND_VERSIONS, vec![&versions])),
        (all.n_entries > 0).then(|| link.run(RESERVE, vec![&all.n_entries])),
    ];
    let mut view = View::default();
    let nothing = || -> Doing<'_> { Box::pin(async { Ok(Vec::new()) }) };
    let doing = questions.into_iter().map(|it| it.unwrap_or_else(nothing));
    let found = pipeline(doing.collect()).await?;
    let [runs, inbox, versions, positions] = &found[..] else { return Ok(view) };
    for row in runs {
        let rest = (row.try_get(3)?, row.try_get(4)?, row.try_get(5)?);
        let (position, has_ended, last) = (row.try_get(1)?, row.try_get(2)?, row.try_get(6)?);
        let known = Known { position, last, has_ended, rest };
        view.runs.insert(RunId::new(row.try_get::<_, String>(0)?), known);
    }
    for row in inbox {
        // The column has nothing but digests.
        if let Ok(sha) = row.try_get::<_, &[u8]>(0)?.try_into() {
            view.inbox.insert(sha, RunId::new(row.try_get::<_, String>(1)?));
        }
    }
    for row in versions {
        view.versions.insert(row.try_get(0)?);
    }
    view.positions = positions.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    view.positions.sort_unstable();
    let expiries = batch.iter().filter_map(|work| match work {
        Work::Expire(expiry) => Some(expiry),
        Work::PutFlow(_)
        | Work::Advance(..)
        | Work::Append(_)
        | Work::Post(_)
        | Work::Discard(_) => None,
    });
    // Whoever purges waits for it; what is old can wait.
    if let Some(expiry) = expiries.min_by_key(|it| it.key.is_none()) {
        view.old = look_for_old(link, expiry).await?;
    }
    Ok(view)
}

async fn look_for_old(link: &Link, expiry: &Expiry) -> Result<Old, Error> {
    let limit = i64::try_from(expiry.limit).unwrap_or(i64::MAX);
    let (ended, known) = (expiry.ended.ticks(), expiry.known.ticks());
    let runs = match &expiry.key {
        None => link.run(FIND_OLD_RUNS, vec![&ended, &limit]).await?,
        Some(key) => {
            let sha = base::digest::sha256(key.as_bytes()).to_vec();
            let key = key.as_bytes();
            link.run(FIND_RUNS_OF_KEY, vec![&sha, &key, &ended, &limit]).await?
        }
    };
    let runs: Vec<i64> = runs.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    let known = match expiry.key {
        None => link.run(FIND_OLD_KNOWN, vec![&known, &limit, &runs]).await?,
        Some(_) => link.run(FIND_KNOWN_OF_RUNS, vec![&runs]).await?,
    };
    let known = known.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    Ok(Old { runs, known })
}

/// Writes all changes and the number of the batch, if the caller was not given up. An error with
/// which the server refused a statement means that nothing is written; after any other, nobody
/// knows.
pub(crate) async fn write(
    link: &Link,
    node: &Node,
    next: i64,
    changes: &Changes<'_>,
) -> Result<(), Error> {
    let ended: BTreeSet<i64> = changes.ended.iter().map(|(position, _)| *position).collect();
    let (runs, events) = (Runs::of(changes), Events::of(changes));
    let (inbox, ends, rests) = (Inbox::of(changes), Ends::of(changes), Rests::of(changes));
    let (blobs, triggers) = (Blobs::of(changes), Triggers::of(changes));
    let notes = Notes::of(changes);
    let discarded: Values<'_> = vec![&changes.discarded, &changes.owned];
    let (old, new) = (OldTimers::of(changes), NewTimers::of(changes, &ended));
    let ended: Vec<i64> = ended.into_iter().collect();

    let mut all: Vec<Doing<'_>> = vec![link.command(BEGIN)];
    all.push(link.run(OWN, vec![&node.id, &node.session, &next]));
    // In one order on every node, as everything that two may write: else they could wait for each other.
    let flows: BTreeMap<_, _> = changes.flows.iter().map(|it| (&it.sha, it)).collect();
    all.extend(flows.into_values().map(|flow| {
        let FlowRow { sha, flow, files } = flow;
        link.run(INSERT_FLOW, vec![sha, flow, &files.length, &files.zstd])
    }));
    let Old { runs: old_runs, known } = &changes.old;
    if !old_runs.is_empty() {
        all.push(link.command(LOCK_BLOBS));
        all.push(link.run(DELETE_EVENTS, vec![old_runs]));
        all.push(link.run(DELETE_RUNS, vec![old_runs]));
    }
    if !known.is_empty() {
        all.push(link.run(DELETE_KNOWN, vec![known]));
    }
    let statements = [
        (INSERT_BLOBS, blobs.values()),
        (INSERT_RUNS, runs.values()),
        (INSERT_INBOX, inbox.values()),
        (INSERT_EVENTS, events.values()),
        (END_RUNS, ends.values()),
        (REST_RUNS, rests.values()),
        (DELETE_TIMERS, old.values()),
        (DELETE_TIMERS_OF, (!ended.is_empty()).then(|| vec![&ended as _])),
        (PUT_TIMERS, new.values()),
        (PUT_TRIGGERS, triggers.values()),
        (INSERT_MAIL, notes.values()),
        (DISCARD, (!changes.discarded.is_empty()).then_some(discarded)),
    ];
    let needed = statements.into_iter().filter_map(|(sql, values)| Some((sql, values?)));
    all.extend(needed.map(|(sql, values)| link.run(sql, values)));
    all.push(link.command(COMMIT));
    pipeline(all).await.map(drop)
}

/// Tells the others that the node is there.
pub(crate) async fn renew(link: &Link, node: &Node) -> Result<(), Error> {
    let Node { id, session, batch } = node;
    link.run(RENEW, vec![id, session, batch]).await.map(drop)
}
