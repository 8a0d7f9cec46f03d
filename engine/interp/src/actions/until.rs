//! Until: a block, then a look at the condition, until it holds or a limit is reached.

use base::{Duration, Failure, Status};
use flow::actions::until::Until;

use crate::{
    exec::{Ended, Exec, Work},
    run::{BlockKey, Key, Slot, State},
};

pub(super) fn begin(exec: &mut Exec<'_>, key: &Key) -> Option<Ended> {
    exec.open(key, State::Until { pass: 0 }, None);
    enter(exec, key, 0);
    None
}

fn enter(exec: &mut Exec<'_>, key: &Key, pass: u32) {
    let passes = key.passes.and(pass);
    exec.work.push_back(Work::Enter(BlockKey { parent: Some(key.action), branch: 0, passes }));
}

/// A failing pass does not stop the loop; its status is the last pass's.
pub(super) fn pass_ended(
    exec: &mut Exec<'_>,
    key: &Key,
    action: &Until,
    status: Status,
) -> Option<Ended> {
    let holds = action.condition.eval(&exec.scope(key));
    let holds = holds.map_err(|error| exec.invalid_condition(key, &error));
    // No time passes while the run is paused.
    let now = exec.run.paused.as_ref().map_or(exec.now, |(since, _)| *since);
    let spent = match exec.run.slots.get(key) {
        Some(Slot::Open(slot)) => now.since(slot.start.after(slot.stood)),
        Some(Slot::Done(_)) | None => Duration::ZERO,
    };
    let Some(State::Until { pass }) = exec.state_mut(key) else { return None };
    let done = *pass as usize + 1;
    let holds = match holds {
        Ok(holds) => holds,
        Err(failure) => return Some(Ended { repetitions: Some(done), ..Ended::failed(failure) }),
    };
    if holds {
        return Some(Ended { repetitions: Some(done), ..Ended::container(status) });
    }
    let timed_out = action.timeout <= spent;
    if action.count <= done || timed_out {
        let ended = if action.fails_at_limit {
            at_limit(exec, key, action, timed_out)
        } else {
            Ended::container(status)
        };
        return Some(Ended { repetitions: Some(done), ..ended });
    }
    let Some(State::Until { pass }) = exec.state_mut(key) else { return None };
    *pass += 1;
    let next = *pass;
    enter(exec, key, next);
    None
}

fn at_limit(exec: &Exec<'_>, key: &Key, action: &Until, timed_out: bool) -> Ended {
    let name = &exec.action(key).name;
    let limit = if timed_out {
        format!("its time of {}", action.timeout)
    } else {
        format!("its {} passes", action.count)
    };
    Ended::failed(Failure::new(
        "UntilLimitReached",
        format!("the loop '{name}' reached {limit} before its condition was true"),
    ))
}
