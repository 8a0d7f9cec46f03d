//! Which actions and branches of a flow its tests go through.

use std::collections::BTreeMap;

use base::{Span, Status};
use flow::{ActionId, ActionKind};
use interp::{Plan, Run};

/// What runs of one flow went through.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// Actions by their place in the flow, and whether any run carried them out.
    actions: BTreeMap<ActionId, (String, Span, bool)>,
    /// Branches of conditions, switches and loops, and whether any run took them.
    branches: BTreeMap<(ActionId, usize), (String, String, Span, bool)>,
}

/// A branch that could have been taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// The action whose branch it is.
    pub action: String,
    /// `yes`, `no`, a case, or what a loop does.
    pub label: String,
    /// Where the action stands.
    pub span: Span,
}

/// What no test went through.
#[derive(Clone, Debug, Default)]
pub struct Missed {
    /// Names and places of actions.
    pub actions: Vec<(String, Span)>,
    /// Branches.
    pub branches: Vec<Branch>,
}

impl Coverage {
    /// Nothing of a flow.
    pub(crate) fn of_flow(plan: &Plan) -> Self {
        let mut coverage = Self::default();
        for (id, action) in plan.flow.actions.iter().enumerate() {
            let span = action.span;
            coverage.actions.insert(id, (action.display.clone(), span, false));
            for (branch, label) in labels(&action.kind).into_iter().enumerate() {
                let entry = (action.display.clone(), label, span, false);
                coverage.branches.insert((id, branch), entry);
            }
        }
        coverage
    }

    /// Adds what a run went through.
    pub(crate) fn add(&mut self, plan: &Plan, run: &Run) {
        for (id, (_, _, done)) in &mut self.actions {
            *done |= run.records(*id).any(|(_, it)| it.status != Status::Skipped);
        }
        for ((id, branch), (.., taken)) in &mut self.branches {
            *taken |= is_taken(plan, run, *id, *branch);
        }
    }

    /// Adds what other runs of the same flow went through.
    pub fn merge(&mut self, other: &Self) {
        for (id, (name, span, done)) in &other.actions {
            let own = self.actions.entry(*id).or_insert_with(|| (name.clone(), *span, false));
            own.2 |= done;
        }
        for (key, branch) in &other.branches {
            let own = self.branches.entry(*key).or_insert_with(|| {
                let (name, label, span, _) = branch;
                (name.clone(), label.clone(), *span, false)
            });
            own.3 |= branch.3;
        }
    }

    /// How many actions were carried out, and how many there are.
    pub fn actions(&self) -> (usize, usize) {
        (self.actions.values().filter(|it| it.2).count(), self.actions.len())
    }

    /// How many branches were taken, and how many there are.
    pub fn branches(&self) -> (usize, usize) {
        (self.branches.values().filter(|it| it.3).count(), self.branches.len())
    }

    /// What no run went through, in the order of the flow.
    pub fn missed(&self) -> Missed {
        let actions = self.actions.values().filter(|it| !it.2);
        let branches = self.branches.values().filter(|it| !it.3);
        Missed {
            actions: actions.map(|(name, span, _)| (name.clone(), *span)).collect(),
            branches: branches
                .map(|(action, label, span, _)| Branch {
                    action: action.clone(),
                    label: label.clone(),
                    span: *span,
                })
                .collect(),
        }
    }
}

/// The ways that an action may go.
fn labels(kind: &ActionKind) -> Vec<String> {
    match kind {
        ActionKind::Condition(_) => vec!["yes".to_owned(), "no".to_owned()],
        ActionKind::Switch(switch) => {
            let cases = switch.cases.iter().map(|it| it.name.clone());
            cases.chain(["default".to_owned()]).collect()
        }
        ActionKind::Foreach(_) | ActionKind::Until(_) => vec!["a pass".to_owned()],
        _ => Vec::new(),
    }
}

fn is_taken(plan: &Plan, run: &Run, id: ActionId, branch: usize) -> bool {
    let result = |it: &interp::Record| it.inputs.as_ref()?.get("expressionResult").cloned();
    let mut records = run.records(id).map(|(_, it)| it);
    match &plan.flow.action(id).kind {
        ActionKind::Condition(_) => records.filter_map(result).any(|it| it == (branch == 0)),
        ActionKind::Switch(switch) => records.filter_map(result).any(|value| {
            let case = switch.cases.iter().position(|case| expr::equals(&case.value, &value));
            case.unwrap_or(switch.cases.len()) == branch
        }),
        ActionKind::Foreach(_) | ActionKind::Until(_) => {
            records.any(|it| it.repetitions.is_some_and(|passes| 0 < passes))
        }
        _ => false,
    }
}
