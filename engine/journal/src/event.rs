//! The events of a run: the only types of the core that are serialised.

use std::sync::Arc;

use base::{Duration, ErrorClass, Failure, Outcome, Status, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::path::Path;

/// Something that happened to a run. What the interpreter makes of it is recomputed, not stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When it happened; this is `now` for everything that follows from it.
    #[serde(with = "instant")]
    pub at: Timestamp,
    /// Where it happened.
    #[serde(default, skip_serializing_if = "is_run")]
    pub path: Path,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

fn is_run(path: &Path) -> bool {
    *path == Path::run()
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum EventKind {
    /// The run begins: everything it depends on that its flow version does not say.
    Started {
        /// Name of the trigger.
        trigger: String,
        /// `{headers, body, …}` as `triggerOutputs()` gives them.
        outputs: Arc<Value>,
        /// Values of the parameters, without the secure ones.
        parameters: Arc<Map<String, Value>>,
        /// What random numbers are drawn from.
        seed: u64,
        /// The run's identity in `workflow()['run']['name']`.
        run: String,
        /// Where services may call it back; none if nobody can.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        callback: Option<Callback>,
        /// Which run it does once more; none if an event started it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        again: Option<Again>,
        /// Who has started it by hand; none if an event did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// The turn of a run has come some time after it was admitted: it begins now, and nothing of it has
    /// begun before. Only the event after `Started` can be one, or one after a pause that came so early.
    Began,
    /// What was taken over from another run is behind; the first of the sets of actions that were
    /// held may begin.
    Resumed,
    /// An effect that cannot safely be repeated is about to be performed.
    Intended {
        /// Which attempt, from 1.
        attempt: u32,
    },
    /// An effect was answered.
    Answered {
        /// Which attempt, from 1.
        attempt: u32,
        /// The answer.
        #[serde(with = "outcome")]
        outcome: Outcome,
        /// When it was sent, if it had to wait before that. Says nothing to the interpreter.
        #[serde(default, with = "later", skip_serializing_if = "Option::is_none")]
        sent: Option<Timestamp>,
    },
    /// An intended effect has no answer, because the process died: nobody knows whether it happened.
    Unknown {
        /// Which attempt, from 1.
        attempt: u32,
    },
    /// A pause is over.
    Woken,
    /// The time that an action may take is over.
    Expired,
    /// A waiting action was called back.
    Called {
        /// `{headers, body}` of the call.
        outputs: Value,
    },
    /// Somebody has the run pause: no action begins before a `Continued`. What is being asked is answered.
    Paused {
        /// Who and why, for people.
        reason: String,
        /// Whether nothing of the run has begun: it does so with a `Began` after the pause.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unbegun: bool,
    },
    /// A paused run goes on.
    Continued {
        /// Who and why, for people.
        reason: String,
    },
    /// Somebody stopped the run.
    Cancelled {
        /// Who and why, for people.
        reason: String,
    },
    /// The run has ended. Written for readers; says nothing that the other events do not imply.
    Finished {
        /// How.
        #[serde(with = "status")]
        status: Status,
        /// The error of a failed run.
        #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
        error: Option<Value>,
        /// What the caller was answered, `{statusCode, headers, body}`.
        #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
        response: Option<Arc<Value>>,
    },
}

/// What a run does once more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Again {
    /// The run.
    pub of: String,
    /// Names of actions that do not begin before a `Resumed`: a set for each that comes, in their
    /// order. All other actions end with what the events of that run say, which follow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<Vec<String>>,
    /// Whether somebody has put another body into its event. Says nothing to the interpreter.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub edited: bool,
}

/// Where the services that a run waits for call it back.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Callback {
    /// The address that paths are appended to, without a slash at its end.
    pub url: String,
    /// Signs the addresses, so that only who was told one can call it; shown nowhere.
    pub key: String,
}

impl std::fmt::Debug for Callback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Callback").field("url", &self.url).finish_non_exhaustive()
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls these with references")]
mod instant {
    use super::{Deserialize as _, Deserializer, Serializer, Timestamp};

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(at.ticks())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(from).map(Timestamp::from_ticks)
    }
}

/// An instant that may be left out.
#[allow(clippy::ref_option, reason = "serde calls these with references")]
mod later {
    use super::{Deserialize as _, Deserializer, Serialize as _, Serializer, Timestamp};

    pub(super) fn serialize<S: Serializer>(
        at: &Option<Timestamp>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        at.map(Timestamp::ticks).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        Ok(Option::<i64>::deserialize(from)?.map(Timestamp::from_ticks))
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls these with references")]
mod status {
    use serde::de::Error as _;

    use super::{Deserialize as _, Deserializer, Serializer, Status};

    pub(super) fn serialize<S: Serializer>(status: &Status, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(status.name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Status, D::Error> {
        let name = String::deserialize(from)?;
        Status::parse(&name).ok_or_else(|| D::Error::custom(format!("no status `{name}`")))
    }
}

/// A member that is there, even if it is null: `null` outputs are not the same as none.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// How an outcome is written.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OutcomeRecord {
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    outputs: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<FailureRecord>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FailureRecord {
    code: String,
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    class: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after_ticks: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retries_max: Option<u32>,
}

mod outcome {
    use super::{
        Deserialize as _, Deserializer, Duration, ErrorClass, Failure, FailureRecord, Outcome,
        OutcomeRecord, Serialize as _, Serializer,
    };

    pub(super) fn serialize<S: Serializer>(outcome: &Outcome, to: S) -> Result<S::Ok, S::Error> {
        let failure = outcome.failure.as_ref().map(|it| FailureRecord {
            code: it.code.clone(),
            message: it.message.clone(),
            class: it.class.map(|class| class.name().to_owned()),
            retry_after_ticks: it.retry_after.map(Duration::ticks),
            retries_max: it.retries_max,
        });
        OutcomeRecord { outputs: outcome.outputs.clone(), failure }.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Outcome, D::Error> {
        let record = OutcomeRecord::deserialize(from)?;
        let failure = record.failure.map(|it| Failure {
            code: it.code,
            message: it.message,
            class: it.class.as_deref().and_then(ErrorClass::parse),
            retry_after: it.retry_after_ticks.map(Duration::from_ticks),
            retries_max: it.retries_max,
        });
        Ok(Outcome { outputs: record.outputs, failure })
    }
}
