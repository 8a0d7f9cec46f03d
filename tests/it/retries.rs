//! Every case again from each of its actions on: the same end, and nothing that came before is asked.

use base::{Status, Timestamp};
use interp::{
    Plan, Run,
    again::{Retry, RetryError, retry},
};
use journal::{Again, Event, EventKind, Path};

use crate::{
    prefixes::difference,
    support::{Case, case::Driven, trace},
};

/// The journal that a run begins with which does another one again.
pub(crate) fn taken_over(driven: &Driven, begun: Timestamp, retry: Retry) -> Vec<Event> {
    let Retry { held, events, .. } = retry;
    let mut started = driven.events[0].clone();
    if let EventKind::Started { again, .. } = &mut started.kind {
        *again = Some(Again { of: "former".to_owned(), held, ..Again::default() });
    }
    // Some cases tell the time: what happens again must happen when it happened.
    let at = events.iter().map(|it| it.at).fold(begun, Timestamp::max);
    let resumed = Event { at, path: Path::run(), kind: EventKind::Resumed };
    std::iter::once(started).chain(events).chain([resumed]).collect()
}

/// When an action has begun, or the outermost loop around it.
fn begun_at(plan: &Plan, driven: &Driven, name: &str) -> Timestamp {
    let id = plan.flow.find(name).unwrap();
    let id = plan.loops(id).first().copied().unwrap_or(id);
    driven.run.record(id, &[]).map_or(driven.events[0].at, |it| it.start)
}

/// Whether something was under way when the run or a group was ended: what that is depends on what came
/// first, which may be otherwise.
fn is_cut_off(plan: &Plan, run: &Run) -> bool {
    let mut all = (0..plan.flow.actions.len()).flat_map(|id| run.records(id));
    all.any(|(_, record)| record.status == Status::Cancelled)
}

#[test]
fn a_run_that_is_done_again_from_anywhere_ends_as_it_did() {
    let (mut wrong, mut n_retried, mut n_kept) = (Vec::new(), 0, 0);
    for case in Case::all() {
        let plan = &case.flow.plan;
        for driven in case.runs() {
            if driven.run.end().is_none() {
                continue;
            }
            let expected = trace::end_of(plan, &driven.run);
            for action in &plan.flow.actions {
                let name = action.display.as_str();
                let found = match retry((plan, &driven.events), plan, Some(name)) {
                    Ok(found) => found,
                    Err(RetryError::NotReached(_)) => continue,
                    Err(error) => {
                        wrong.push(format!("{} from {name}: {error}", case.name));
                        continue;
                    }
                };
                n_retried += 1;
                n_kept += found.events.len();
                let kept: Vec<Path> = found.events.iter().map(|it| it.path.clone()).collect();
                let begun = begun_at(plan, &driven, name);
                let again = case.drive(taken_over(&driven, begun, found));
                for ask in again.asked.iter().filter(|it| kept.contains(&it.path)) {
                    wrong.push(format!("{} from {name} asked {ask:?}", case.name));
                }
                let actual = trace::end_of(plan, &again.run);
                if actual != expected && !is_cut_off(plan, &driven.run) {
                    let ends = difference(&expected, &actual);
                    wrong.push(format!("{} from {name}\n{ends}", case.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(100 < n_retried && 100 < n_kept, "{n_retried} runs took over {n_kept} events");
}
