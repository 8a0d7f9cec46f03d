//! The rows of a batch as columns: one array for each, so that one statement writes a table.

use std::collections::{BTreeMap, BTreeSet};

use base::{RunId, Timestamp};
use journal::{
    body::{self, Body},
    status,
};

use crate::{
    link::Values,
    plan::{Changes, shard_of},
};

/// Columns of the rows of one table: one vector for each, so that one statement inserts them all.
macro_rules! columns {
    ($name:ident { $($column:ident: $type:ty),* $(,)? }) => {
        #[derive(Default)]
        pub(crate) struct $name<'a> {
            $($column: Vec<$type>,)*
        }

        impl<'a> $name<'a> {
            /// The values of the statement, or none if there are no rows.
            pub(crate) fn values(&self) -> Option<Values<'_>> {
                let all: Values<'_> = vec![$(&self.$column),*];
                let is_empty = [$(self.$column.is_empty()),*].into_iter().all(|it| it);
                (!is_empty).then_some(all)
            }
        }
    };
}

columns!(Blobs { sha: &'a [u8], length: i64, zstd: &'a [u8] });

impl<'a> Blobs<'a> {
    pub(crate) fn of(changes: &Changes<'a>) -> Self {
        // One that is there twice would be sent twice.
        let blobs: BTreeMap<_, _> = changes.blobs.iter().map(|it| (&it.sha, *it)).collect();
        let mut all = Self::default();
        for (sha, blob) in blobs {
            all.sha.push(sha);
            all.length.push(blob.length);
            all.zstd.push(&blob.zstd);
        }
        all
    }
}

columns!(Runs {
    position: i64,
    shard: i16,
    run: &'a str,
    sha: &'a str,
    flow: &'a str,
    trigger: &'a str,
    key: Option<&'a [u8]>,
    key_sha: Option<&'a [u8]>,
    parent_run: Option<&'a str>,
    parent_path: Option<&'a str>,
    created: i64,
    again_of: Option<&'a str>,
});

impl<'a> Runs<'a> {
    pub(crate) fn of(changes: &Changes<'a>) -> Self {
        let mut all = Self::default();
        for (position, entry) in &changes.runs {
            let new = &entry.admission;
            all.position.push(*position);
            all.shard.push(shard_of(&new.run));
            all.run.push(new.run.as_str());
            all.sha.push(&new.sha);
            all.flow.push(&new.flow);
            all.trigger.push(&new.trigger);
            all.key.push(new.key.as_deref().map(str::as_bytes));
            all.key_sha.push(entry.key_sha.as_ref().map(<[u8; 32]>::as_slice));
            all.parent_run.push(new.parent.as_ref().map(|it| it.run.as_str()));
            all.parent_path.push(new.parent.as_ref().map(|it| it.path.as_str()));
            all.created.push(entry.created.ticks());
            all.again_of.push(entry.again_of.as_ref().map(RunId::as_str));
        }
        all
    }
}

columns!(Inbox { sha: &'a [u8], flow: &'a str, trigger: &'a str, run: &'a str, since: i64 });

impl<'a> Inbox<'a> {
    pub(crate) fn of(changes: &Changes<'a>) -> Self {
        let mut all = Self::default();
        // In one order on every node: else two could wait for each other.
        let known = changes.runs.iter().filter_map(|(_, it)| Some((it.inbox.as_ref()?, *it)));
        for (sha, entry) in known.collect::<BTreeMap<_, _>>() {
            all.sha.push(sha);
            all.flow.push(&entry.admission.flow);
            all.trigger.push(&entry.admission.trigger);
            all.run.push(entry.admission.run.as_str());
            all.since.push(entry.admission.started.at.ticks());
        }
        all
    }
}

columns!(Events {
    run: i64,
    number: i32,
    text: Option<&'a str>,
    sum: Option<i64>,
    blob: Option<&'a [u8]>,
});

impl<'a> Events<'a> {
    pub(crate) fn of(changes: &Changes<'a>) -> Self {
        let mut all = Self::default();
        for (run, number, body) in &changes.events {
            let (text, sum, blob) = match body {
                Body::Inline(text) => (Some(text.as_str()), Some(body::sum(text)), None),
                Body::Packed(packed) => (None, None, Some(packed.sha.as_slice())),
            };
            all.run.push(*run);
            all.number.push(*number);
            all.text.push(text);
            all.sum.push(sum);
            all.blob.push(blob);
        }
        all
    }
}

columns!(Ends {
    position: i64,
    status: &'a str,
    error: Option<String>,
    code: Option<String>,
    finished: i64,
});

impl Ends<'_> {
    pub(crate) fn of(changes: &Changes<'_>) -> Self {
        let mut all = Self::default();
        for (position, end) in &changes.ended {
            all.position.push(*position);
            all.status.push(end.status.name());
            all.code.push(end.error.as_ref().and_then(status::error_code));
            all.error.push(end.error.as_ref().map(ToString::to_string));
            all.finished.push(end.at.ticks());
        }
        all
    }
}

columns!(Rests { position: &'a i64, asleep: bool, turn: bool, paused: bool });

impl<'a> Rests<'a> {
    pub(crate) fn of(changes: &'a Changes<'_>) -> Self {
        let mut all = Self::default();
        for (position, (asleep, turn, paused)) in &changes.rests {
            all.position.push(position);
            all.asleep.push(*asleep);
            all.turn.push(*turn);
            all.paused.push(*paused);
        }
        all
    }
}

columns!(OldTimers { run: i64, path_sha: &'a [u8], deadline: bool });

impl<'a> OldTimers<'a> {
    pub(crate) fn of(changes: &'a Changes<'_>) -> Self {
        let mut all = Self::default();
        for ((run, path_sha, deadline), new) in &changes.timers {
            if new.is_none() {
                all.run.push(*run);
                all.path_sha.push(path_sha);
                all.deadline.push(*deadline);
            }
        }
        all
    }
}

columns!(NewTimers {
    run: i64,
    path_sha: &'a [u8],
    deadline: bool,
    shard: i16,
    path: &'a str,
    due: i64,
});

impl<'a> NewTimers<'a> {
    pub(crate) fn of(changes: &'a Changes<'_>, ended: &BTreeSet<i64>) -> Self {
        let mut all = Self::default();
        for ((run, path_sha, deadline), new) in &changes.timers {
            let Some((shard, path, due)) = new.filter(|_| !ended.contains(run)) else { continue };
            all.run.push(*run);
            all.path_sha.push(path_sha);
            all.deadline.push(*deadline);
            all.shard.push(shard);
            all.path.push(path);
            all.due.push(due);
        }
        all
    }
}

columns!(Triggers { flow: &'a str, trigger: &'a str, state: &'a str, due: Option<i64> });

impl<'a> Triggers<'a> {
    pub(crate) fn of(changes: &Changes<'a>) -> Self {
        let mut all = Self::default();
        for ((flow, trigger), new) in &changes.triggers {
            all.flow.push(flow);
            all.trigger.push(trigger);
            all.state.push(&new.state);
            all.due.push(new.due.map(Timestamp::ticks));
        }
        all
    }
}

columns!(Notes { shard: i16, text: &'a str });

impl<'a> Notes<'a> {
    pub(crate) fn of(changes: &Changes<'a>) -> Self {
        let mut all = Self::default();
        for note in &changes.mail {
            all.shard.push(note.shard);
            all.text.push(note.text);
        }
        all
    }
}
