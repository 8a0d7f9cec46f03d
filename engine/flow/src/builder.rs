//! Puts a flow together: every action gets its number, its container and its predecessors.

use std::collections::{BTreeMap, BTreeSet};

use base::{ActionName, Diagnostic, Span, Status, StatusSet, code, limits, suggest};
use expr::Dialect;
use yaml::Node;

use crate::{
    graph,
    model::{Action, ActionId, Block, RunAfter},
    reader::Reader,
};

/// A flow in the making.
pub(crate) struct Builder {
    pub(crate) reader: Reader,
    /// What starts the flow; it is over before any action starts.
    pub(crate) trigger_names: Vec<ActionName>,
    slots: Vec<Option<Action>>,
    names: BTreeMap<String, ActionId>,
    name_spans: Vec<Span>,
    containers: Vec<Container>,
    blocks: Vec<Vec<Link>>,
    /// Suggestions that may still be looked for; each costs a look at a whole block.
    suggestions_left: usize,
}

/// Actions of a cycle that a message names.
const NAMED_MAX: usize = 10;

/// Suggestions for unknown names in one flow; whoever has more of them made one mistake.
const SUGGESTIONS_MAX: usize = 50;

struct Container {
    id: ActionId,
    is_loop: bool,
}

/// An action of a block and what it waits for.
pub(crate) struct Link {
    pub(crate) id: ActionId,
    pub(crate) after: After,
}

/// What an action waits for, before names are looked up.
pub(crate) enum After {
    /// These have succeeded: the ones before it in its list.
    Previous(Vec<ActionId>),
    /// What `runAfter` says.
    Named(Vec<Named>),
}

/// One entry of `runAfter`.
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) span: Span,
    pub(crate) statuses: StatusSet,
}

impl Builder {
    pub(crate) fn new(reader: Reader) -> Self {
        Self {
            reader,
            trigger_names: Vec::new(),
            slots: Vec::new(),
            names: BTreeMap::new(),
            name_spans: Vec::new(),
            containers: Vec::new(),
            blocks: Vec::new(),
            suggestions_left: SUGGESTIONS_MAX,
        }
    }

    /// Gives an action its number; its name must be new in the flow.
    pub(crate) fn open(&mut self, name: &ActionName, span: Span) -> ActionId {
        let id = self.slots.len();
        self.slots.push(None);
        self.name_spans.push(span);
        if name.as_str().is_empty() {
            // It has been reported that the name is missing.
            return id;
        }
        match self.names.get(name.folded()).and_then(|first| self.name_spans.get(*first)) {
            Some(first) => {
                let message = format!("two actions are called `{name}`");
                let found = Diagnostic::new(code::DUPLICATE_NAME, span, message)
                    .label(*first, "first here")
                    .hint("names are unique in the whole flow, case and blanks aside");
                self.reader.sink.push(found);
            }
            None => {
                self.names.insert(name.folded().to_owned(), id);
            }
        }
        id
    }

    /// Puts an action in its place.
    pub(crate) fn close(&mut self, id: ActionId, action: Action) {
        if let Some(slot) = self.slots.get_mut(id) {
            *slot = Some(action);
        }
    }

    /// What is read from here on is inside an action.
    pub(crate) fn enter(&mut self, id: ActionId, is_loop: bool, span: Span) {
        if self.containers.len() == limits::NESTING_MAX {
            let message = format!("actions nest at most {} deep", limits::NESTING_MAX);
            self.reader.report(code::LIMIT_EXCEEDED, span, message);
        }
        self.containers.push(Container { id, is_loop });
    }

    /// The action that was entered last is complete.
    pub(crate) fn leave(&mut self) {
        self.containers.pop();
    }

    /// The innermost action that is being read; a kind's own reader is inside its action.
    pub(crate) fn parent(&self) -> Option<ActionId> {
        self.containers.last().map(|it| it.id)
    }

    /// Whether the action that is being read stands in a container.
    pub(crate) fn in_container(&self) -> bool {
        1 < self.containers.len()
    }

    /// Whether the action that is being read stands in a loop, at any distance.
    pub(crate) fn in_loop(&self) -> bool {
        let outer = self.containers.len().saturating_sub(1);
        self.containers.iter().take(outer).any(|it| it.is_loop)
    }

    /// Takes the actions of a block, whose `runAfter` can be resolved when all names are known.
    pub(crate) fn block(&mut self, links: Vec<Link>) -> Block {
        let actions = links.iter().map(|it| it.id).collect();
        self.blocks.push(links);
        Block { actions }
    }

    /// Statuses of `runAfter`.
    pub(crate) fn statuses(&mut self, node: &Node) -> StatusSet {
        let choices = Status::ALL.map(|it| (it.name(), it));
        let mut statuses = StatusSet::default();
        for item in self.reader.list(node, "what `runAfter` says about an action") {
            if let Some(status) = self.reader.choice(item, "a status of `runAfter`", &choices) {
                statuses.insert(status);
            }
        }
        statuses
    }

    /// Ends the reading: predecessors are found, cycles reported.
    pub(crate) fn finish(mut self) -> (Reader, Vec<Action>, BTreeMap<String, ActionId>) {
        for links in std::mem::take(&mut self.blocks) {
            self.connect(&links);
        }
        // Every number that was given out has been closed by its reader.
        let actions: Vec<Action> = self.slots.into_iter().flatten().collect();
        (self.reader, actions, self.names)
    }

    fn connect(&mut self, links: &[Link]) {
        let ids: BTreeSet<ActionId> = links.iter().map(|it| it.id).collect();
        for link in links {
            let run_after = match &link.after {
                After::Previous(before) => self.previous(link.id, before),
                After::Named(named) => {
                    named.iter().filter_map(|it| self.named(link.id, &ids, it)).collect()
                }
            };
            if let Some(Some(action)) = self.slots.get_mut(link.id) {
                action.run_after = run_after;
            }
        }
        for cycle in graph::cycles(ids.iter().copied(), |id| self.predecessors(id)) {
            self.report_cycle(&cycle);
        }
    }

    fn previous(&self, id: ActionId, before: &[ActionId]) -> Vec<RunAfter> {
        let span = self.name_spans.get(id).copied().unwrap_or_default();
        let statuses = StatusSet::SUCCEEDED;
        before.iter().map(|it| RunAfter { predecessor: *it, statuses, span }).collect()
    }

    fn predecessors(&self, id: ActionId) -> Vec<ActionId> {
        let action = self.slots.get(id).and_then(Option::as_ref);
        action.map_or(Vec::new(), |it| it.run_after.iter().map(|it| it.predecessor).collect())
    }

    fn named(
        &mut self,
        id: ActionId,
        block: &BTreeSet<ActionId>,
        named: &Named,
    ) -> Option<RunAfter> {
        let name = ActionName::new(&named.name);
        let found = self.names.get(name.folded()).copied();
        if let Some(predecessor) = found.filter(|it| block.contains(it) && *it != id) {
            let statuses = named.statuses;
            return Some(RunAfter { predecessor, statuses, span: named.span });
        }
        let is_trigger = found.is_none() && self.trigger_names.contains(&name);
        if is_trigger && self.reader.dialect == Dialect::Wdl {
            // The cloud's agents write it; it holds whenever there is a run.
            return None;
        }
        let (message, hint) = match found {
            None if is_trigger => {
                let message = format!("`{}` is a trigger", named.name);
                (message, "every action runs after the trigger: remove this line".to_owned())
            }
            Some(other) if other == id => {
                (format!("`{}` runs after itself", named.name), "remove this line".to_owned())
            }
            Some(_) => {
                let message = format!("`{}` is not in the same block", named.name);
                (message, "name an action beside this one, or the container around it".to_owned())
            }
            None => {
                (format!("there is no action `{}`", named.name), self.suggestion(id, block, &name))
            }
        };
        let found = Diagnostic::new(code::BAD_RUN_AFTER, named.span, message);
        self.reader.sink.push(if hint.is_empty() { found } else { found.hint(hint) });
        None
    }

    fn suggestion(
        &mut self,
        id: ActionId,
        block: &BTreeSet<ActionId>,
        name: &ActionName,
    ) -> String {
        let Some(left) = self.suggestions_left.checked_sub(1) else { return String::new() };
        self.suggestions_left = left;
        let others = block.iter().filter(|it| **it != id);
        let displays = others.filter_map(|it| self.slots.get(*it)?.as_ref());
        let displays = displays.map(|it| it.display.as_str());
        let near = suggest::closest(name.as_str(), displays);
        near.map_or(String::new(), |near| format!("did you mean `{near}`?"))
    }

    fn report_cycle(&mut self, cycle: &[ActionId]) {
        let Some(first) = cycle.first() else { return };
        let name = |id: &ActionId| {
            let action = self.slots.get(*id).and_then(Option::as_ref);
            action.map_or(String::new(), |it| format!("`{}`", it.display))
        };
        let mut path: Vec<String> = cycle.iter().take(NAMED_MAX).map(name).collect();
        if NAMED_MAX < cycle.len() {
            path.push(format!("{} more", cycle.len() - NAMED_MAX));
        }
        path.push(name(first));
        let span = self.name_spans.get(*first).copied().unwrap_or_default();
        let message = format!("actions wait for each other: {}", path.join(" after "));
        let found = Diagnostic::new(code::BAD_RUN_AFTER, span, message);
        self.reader.sink.push(found.hint("remove one of the `runAfter` entries"));
    }
}
