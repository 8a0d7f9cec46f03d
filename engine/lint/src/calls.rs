//! Which flows a run calls, by the trigger that has started it, and whether it surely does.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, btree_map},
};

use base::{ActionName, Status};
use flow::{ActionId, ActionKind, Block, Flow, Trigger, resolve::Upstream};

use crate::{
    constant::Known,
    face::{Call, Echo, Face},
    project::{FlowFile, Project},
    view::View,
};

/// The flows of a project as they see each other.
pub(crate) struct Calls<'a> {
    pub(crate) flows: Vec<Member<'a>>,
    by_name: BTreeMap<String, usize>,
}

/// One flow among others.
pub(crate) struct Member<'a> {
    pub(crate) face: Face,
    /// Found when somebody asks, if the flow is at hand.
    echo: OnceCell<Echo>,
    flow: Option<(&'a Project<'a>, FlowFile<'a>)>,
    /// Whether something is to be said of it.
    pub(crate) is_wanted: bool,
}

impl<'a> Member<'a> {
    /// A flow that has been looked into and may be gone.
    pub(crate) fn looked_into(view: &View<'_>, file: &FlowFile<'_>) -> Member<'static> {
        let echo = OnceCell::from(Echo::of(view, file));
        Member { face: Face::of(file), echo, flow: None, is_wanted: true }
    }

    /// A flow without a file, of which nothing can be said.
    pub(crate) fn empty(file: &FlowFile<'_>) -> Member<'static> {
        let echo = OnceCell::from(Echo::default());
        Member { face: Face::of(file), echo, flow: None, is_wanted: true }
    }

    /// A flow of which nothing is to be said, and which may be gone.
    pub(crate) fn seen(project: &Project<'_>, file: &FlowFile<'_>) -> Member<'static> {
        let echo = OnceCell::from(Echo::of_file(project, file));
        Member { face: Face::of(file), echo, flow: None, is_wanted: false }
    }

    /// A flow of which nothing is to be said.
    pub(crate) fn beside(project: &'a Project<'a>, file: FlowFile<'a>) -> Self {
        let flow = Some((project, file));
        Self { face: Face::of(&file), echo: OnceCell::new(), flow, is_wanted: false }
    }

    /// Which changes start it, and which it makes.
    pub(crate) fn echo(&self) -> &Echo {
        self.echo.get_or_init(|| {
            self.flow
                .as_ref()
                .map_or_else(Echo::default, |(project, file)| Echo::of_file(project, file))
        })
    }
}

impl<'a> Calls<'a> {
    pub(crate) fn new(flows: Vec<Member<'a>>) -> Self {
        let mut by_name = BTreeMap::new();
        for (number, Member { face, .. }) in flows.iter().enumerate() {
            let last = face.folder.rsplit('/').next().unwrap_or_default();
            for name in [face.name.as_str(), face.folder.as_str(), last] {
                let entry = by_name.entry(ActionName::new(name).folded().to_owned());
                if let btree_map::Entry::Vacant(place) = entry {
                    place.insert(number);
                }
            }
        }
        Self { flows, by_name }
    }

    /// The flow that `runFlow` calls by this name: its own, its folder or the last part of that.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.by_name.get(ActionName::new(name).folded()).copied()
    }

    /// What a flow can be called by, for suggestions.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.flows.iter().flat_map(|it| [it.face.name.as_str(), it.face.folder.as_str()])
    }

    /// What a flow is called in messages.
    pub(crate) fn name(&self, flow: usize) -> &str {
        self.flows.get(flow).map_or("", |it| it.face.name.as_str())
    }
}

/// A call of a flow of the project.
pub(crate) struct Site<'a> {
    /// The flow that calls.
    pub(crate) caller: usize,
    /// The call.
    pub(crate) call: &'a Call,
    /// The flow that is called.
    pub(crate) callee: usize,
    /// Calls that the called run makes, by their number, and whether it surely makes them.
    pub(crate) next: Vec<(usize, bool)>,
}

/// Every call of a project whose flow is known.
pub(crate) fn sites<'a>(calls: &'a Calls<'_>) -> Vec<Site<'a>> {
    let mut sites = Vec::new();
    // The calls of each flow, by their numbers.
    let mut of_flow: BTreeMap<usize, Vec<(usize, &Call)>> = BTreeMap::new();
    for (caller, member) in calls.flows.iter().enumerate() {
        for call in &member.face.calls {
            let Some(callee) = calls.find(&call.flow) else { continue };
            of_flow.entry(caller).or_default().push((sites.len(), call));
            sites.push(Site { caller, call, callee, next: Vec::new() });
        }
    }
    for site in &mut sites {
        let Some(inside) = of_flow.get(&site.callee) else { continue };
        let Some(member) = calls.flows.get(site.callee) else { continue };
        site.next = next(&member.face, site.call, inside);
    }
    sites
}

/// The calls that a called run makes, of all that its flow has.
fn next(callee: &Face, call: &Call, inside: &[(usize, &Call)]) -> Vec<(usize, bool)> {
    let Some(number) = callee.fired(call) else { return Vec::new() };
    let is_plain = callee.triggers.get(number).is_some_and(|it| it.is_plain);
    let next = inside.iter().filter_map(|(site, call)| match call.reach.get(number)? {
        Reach::Never => None,
        Reach::Maybe => Some((*site, false)),
        Reach::Surely => Some((*site, is_plain)),
    });
    next.collect()
}

/// Whether a run gets to an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    Never,
    Maybe,
    /// If nothing fails before.
    Surely,
}

/// A run as far as it is known before it starts.
pub(crate) struct Run<'a> {
    flow: &'a Flow,
    upstream: Upstream<'a>,
    known: Known<'a>,
}

impl<'a> Run<'a> {
    /// A run that a trigger has started.
    pub(crate) fn new(flow: &'a Flow, trigger: &'a Trigger) -> Self {
        let known = Known { trigger: Some(trigger.name.as_str()) };
        Self { flow, upstream: Upstream::new(flow), known }
    }

    pub(crate) fn gets_to(&self, id: ActionId) -> Reach {
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
