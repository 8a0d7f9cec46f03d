//! Why a scope has failed: the failures in it that nothing handles.

use base::Status;
use flow::{Action, ActionId};

use crate::{passes::Passes, plan::Plan, record::Record, run::Run};

/// The actions in a scope, at any depth, that have failed or timed out and of which nothing was to run
/// after that, in the order of the file and of passes. A container is among them only if it has failed
/// by itself.
pub(crate) fn causes<'r>(
    plan: &Plan,
    run: &'r Run,
    scope: ActionId,
    within: &Passes,
) -> Vec<(ActionId, &'r Passes, &'r Record)> {
    let mut found = Vec::new();
    collect(plan, run, (scope, within), &mut found);
    found
}

fn collect<'r>(
    plan: &Plan,
    run: &'r Run,
    (scope, within): (ActionId, &Passes),
    found: &mut Vec<(ActionId, &'r Passes, &'r Record)>,
) {
    for branch in 0..plan.branches(scope) {
        let members = plan.members(Some(scope), branch);
        for id in members {
            for (passes, record) in run.records_within(*id, within) {
                let handled = || {
                    members.iter().any(|other| {
                        let other_ran = || {
                            let record = run.record(*other, passes);
                            record.is_none_or(|it| it.status != Status::Skipped)
                        };
                        handles(plan.flow.action(*other), *id, record.status) && other_ran()
                    })
                };
                if !failed(record) || handled() {
                    continue;
                }
                let before = found.len();
                collect(plan, run, (*id, passes), found);
                if found.len() == before {
                    found.push((*id, passes, record));
                }
            }
        }
    }
}

fn failed(record: &Record) -> bool {
    matches!(record.status, Status::Failed | Status::TimedOut)
}

/// Whether an action runs after another one that has ended so.
fn handles(action: &Action, other: ActionId, status: Status) -> bool {
    let mut links = action.run_after.iter();
    links.any(|link| link.predecessor == other && link.statuses.contains(status))
}
