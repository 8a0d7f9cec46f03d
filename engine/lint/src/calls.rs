//! Which flows a run calls, by the trigger that has started it, and whether it surely does.

use std::collections::BTreeMap;

use base::Status;
use flow::{
    ActionId, ActionKind, Block, Flow, Trigger, actions::workflow::Workflow, resolve::Upstream,
};

use crate::{constant::Known, view::Calls};

/// A call of a flow of the project.
pub(crate) struct Site<'a> {
    /// The flow that calls.
    pub(crate) caller: usize,
    /// The call.
    pub(crate) called: &'a Workflow,
    /// The flow that is called.
    pub(crate) callee: usize,
    /// Calls that the called run makes, by their number, and whether it surely makes them.
    pub(crate) next: Vec<(usize, bool)>,
}

/// Every call of a project whose flow is known.
pub(crate) fn sites<'a>(calls: &Calls<'a>) -> Vec<Site<'a>> {
    let mut sites = Vec::new();
    // The calls of each flow, by their numbers, with the actions that make them.
    let mut of_flow: BTreeMap<usize, Vec<(usize, ActionId)>> = BTreeMap::new();
    for (caller, file) in calls.project.flows.iter().enumerate() {
        for (id, action) in file.flow().actions.iter().enumerate() {
            let ActionKind::Workflow(called) = &action.kind else { continue };
            let Some(callee) = calls.find(&called.flow) else { continue };
            of_flow.entry(caller).or_default().push((sites.len(), id));
            sites.push(Site { caller, called, callee, next: Vec::new() });
        }
    }
    for site in &mut sites {
        let Some(inside) = of_flow.get(&site.callee) else { continue };
        let Some(file) = calls.project.flows.get(site.callee) else { continue };
        site.next = next(file.flow(), site.called, inside);
    }
    sites
}

/// The calls that a called run makes, of all that its flow has.
fn next(flow: &Flow, called: &Workflow, inside: &[(usize, ActionId)]) -> Vec<(usize, bool)> {
    let Some(trigger) = trigger(flow, called) else { return Vec::new() };
    let fires = trigger.conditions.is_empty() && trigger.split_on.is_none();
    let run = Run {
        flow,
        upstream: Upstream::new(flow),
        known: Known { trigger: Some(trigger.name.as_str()) },
    };
    let next = inside.iter().filter_map(|(number, id)| match run.gets_to(*id) {
        Reach::Never => None,
        Reach::Maybe => Some((*number, false)),
        Reach::Surely => Some((*number, fires)),
    });
    next.collect()
}

/// The trigger that a call fires: the named one, else the first that can be called.
pub(crate) fn trigger<'a>(callee: &'a Flow, called: &Workflow) -> Option<&'a Trigger> {
    match &called.trigger {
        Some(name) => callee.trigger(name),
        None => callee.triggers.iter().find(|it| it.kind.is_callable()),
    }
}

/// Whether a run gets to an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Never,
    Maybe,
    /// If nothing fails before.
    Surely,
}

/// A run as far as it is known before it starts.
struct Run<'a> {
    flow: &'a Flow,
    upstream: Upstream<'a>,
    known: Known<'a>,
}

impl Run<'_> {
    fn gets_to(&self, id: ActionId) -> Reach {
        let chain = std::iter::once(id).chain(self.flow.ancestors(id));
        let least = chain.map(|it| self.past(it).min(self.within(it))).min();
        least.unwrap_or(Reach::Surely)
    }

    /// What comes before an action.
    fn past(&self, id: ActionId) -> Reach {
        let action = self.flow.action(id);
        let mut least = Reach::Surely;
        if action.run_after.iter().any(|it| !it.statuses.contains(Status::Succeeded)) {
            least = Reach::Maybe;
        }
        for (other, before) in self.flow.actions.iter().enumerate() {
            let ActionKind::Condition(it) = &before.kind else { continue };
            let (then, otherwise) = (self.ends(&it.then), self.ends(&it.otherwise));
            if !(then || otherwise) || !self.upstream.is_before(other, id) {
                continue;
            }
            least = least.min(match self.known.truth(&it.condition) {
                None => Reach::Maybe,
                Some(true) if then => Reach::Never,
                Some(false) if otherwise => Reach::Never,
                Some(_) => Reach::Surely,
            });
        }
        least
    }

    /// Whether a block ends the run.
    fn ends(&self, block: &Block) -> bool {
        let ends = |id: &ActionId| matches!(self.flow.action(*id).kind, ActionKind::Terminate(_));
        block.actions.iter().any(ends)
    }

    /// What the container around an action lets in.
    fn within(&self, id: ActionId) -> Reach {
        let Some(parent) = self.flow.action(id).parent else { return Reach::Surely };
        let taken = match &self.flow.action(parent).kind {
            ActionKind::Condition(it) => match self.known.truth(&it.condition) {
                Some(true) => &it.then,
                Some(false) => &it.otherwise,
                None => return Reach::Maybe,
            },
            ActionKind::Switch(it) => match self.known.value_of(&it.on) {
                Some(value) => {
                    let case = it.cases.iter().find(|case| case.value == value);
                    case.map_or(&it.default, |case| &case.block)
                }
                None => return Reach::Maybe,
            },
            ActionKind::Foreach(_) => return Reach::Maybe,
            _ => return Reach::Surely,
        };
        if taken.actions.contains(&id) { Reach::Surely } else { Reach::Never }
    }
}
