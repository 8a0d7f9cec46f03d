//! A flow made ready to run: its mappings at hand, its order computed once.

use std::collections::BTreeMap;

use base::ActionName;
use expr::Looks;
use flow::{ActionId, ActionKind, Block, Flow, Mapping};
use journal::Path;
use serde_json::{Map, Value};

use crate::passes::Passes;

/// Everything a step may look at besides the run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The flow.
    pub flow: Flow,
    /// Its mappings by name.
    pub mappings: BTreeMap<String, Mapping>,
    /// Values of secure parameters and app settings, which are not in the journal.
    pub secure_parameters: Map<String, Value>,
    /// What the environment is called, as `workflow()` tells it.
    pub environment: String,
    /// Calls that must not be repeated blindly: their intent is written before they are made.
    pub unsafe_calls: Vec<ActionId>,
    /// Those of them that can be looked for, so that they are repeated if they were not made.
    pub sought_calls: Vec<ActionId>,
    /// Calls that make something new whenever another run makes them, whatever they are known by.
    pub creating_calls: Vec<ActionId>,
    /// The action behind which the run stops, to be looked at.
    pub until: Option<ActionId>,
    places: Vec<Place>,
    top: Vec<ActionId>,
    /// Whether some expression may look at the outputs of an action.
    read: Vec<bool>,
}

/// Where an action stands.
#[derive(Clone, Debug, Default)]
struct Place {
    branch: usize,
    loops: Vec<ActionId>,
    successors: Vec<ActionId>,
    members: Vec<Vec<ActionId>>,
}

impl Plan {
    /// A plan without secure parameters in which every call may be repeated.
    pub fn new(flow: Flow, mappings: BTreeMap<String, Mapping>) -> Self {
        let mut places = vec![Place::default(); flow.actions.len()];
        for (id, action) in flow.actions.iter().enumerate() {
            let blocks = action.kind.blocks();
            places[id].members = blocks.iter().map(|it| it.actions.clone()).collect();
            for (branch, block) in blocks.into_iter().enumerate() {
                for child in &block.actions {
                    places[*child].branch = branch;
                }
            }
            for link in &action.run_after {
                places[link.predecessor].successors.push(id);
            }
            let ancestors = flow.ancestors(id).filter(|it| is_loop(&flow.actions[*it].kind));
            let mut loops: Vec<ActionId> = ancestors.collect();
            loops.reverse();
            places[id].loops = loops;
        }
        let top = flow.root.actions.clone();
        let read = read_outputs(&flow, &mappings);
        Self {
            flow,
            mappings,
            secure_parameters: Map::new(),
            environment: String::new(),
            unsafe_calls: Vec::new(),
            sought_calls: Vec::new(),
            creating_calls: Vec::new(),
            until: None,
            places,
            top,
            read,
        }
    }

    /// Whether some expression may look at the outputs of an action; sure only if none looks at records.
    pub(crate) fn reads_outputs(&self, id: ActionId) -> bool {
        self.read.get(id).is_none_or(|it| *it)
    }

    /// The loops around an action, outermost first.
    pub fn loops(&self, id: ActionId) -> &[ActionId] {
        &self.places[id].loops
    }

    /// The actions that run after an action.
    pub fn successors(&self, id: ActionId) -> &[ActionId] {
        &self.places[id].successors
    }

    /// Which of its parent's blocks an action stands in.
    pub fn branch(&self, id: ActionId) -> usize {
        self.places[id].branch
    }

    /// The actions of one block of a container, or of the flow.
    pub fn members(&self, parent: Option<ActionId>, branch: usize) -> &[ActionId] {
        match parent {
            None => &self.top,
            Some(id) => self.places[id].members.get(branch).map_or(&[], Vec::as_slice),
        }
    }

    /// How many blocks a container has.
    pub fn branches(&self, id: ActionId) -> usize {
        self.places[id].members.len()
    }

    /// Every action inside a container, at any depth, in the order of the file.
    pub fn descendants(&self, id: ActionId) -> Vec<ActionId> {
        let mut found = Vec::new();
        let mut stack: Vec<ActionId> = self.places[id].members.concat();
        stack.reverse();
        while let Some(id) = stack.pop() {
            found.push(id);
            stack.extend(self.places[id].members.concat().into_iter().rev());
        }
        found
    }

    /// The address of an action in the given passes of its loops.
    pub fn path(&self, id: ActionId, passes: &[u32]) -> Path {
        let loops = self.loops(id).iter().zip(passes);
        let loops = loops.map(|(id, pass)| (self.flow.actions[*id].name.as_str(), *pass));
        Path::new(loops, self.flow.actions[id].name.as_str())
    }

    /// The action at an address; `None` if this version of the flow has no such place.
    pub fn locate(&self, path: &Path) -> Option<(ActionId, Passes)> {
        let (loops, action) = path.parts()?;
        let id = self.flow.find(&action)?;
        let expected = self.loops(id);
        let same = loops.len() == expected.len()
            && loops
                .iter()
                .zip(expected)
                .all(|((name, _), id)| self.flow.actions[*id].name == ActionName::new(name));
        same.then(|| (id, loops.into_iter().map(|(_, pass)| pass).collect()))
    }

    /// The top level as a block.
    pub fn root(&self) -> &Block {
        &self.flow.root
    }
}

/// Which actions have outputs that are looked at: by name, by a name that is computed, or by the
/// action's own tracked properties.
fn read_outputs(flow: &Flow, mappings: &BTreeMap<String, Mapping>) -> Vec<bool> {
    let all: Vec<&Looks> = mappings.values().map(|it| &it.looks).chain([&flow.looks]).collect();
    let any = all.iter().any(|it| it.any_outputs);
    let mut read: Vec<bool> =
        flow.actions.iter().map(|it| any || it.tracked_properties.is_some()).collect();
    for name in all.iter().flat_map(|it| &it.outputs) {
        if let Some(of_action) = flow.find(name).and_then(|id| read.get_mut(id)) {
            *of_action = true;
        }
    }
    read
}

/// Whether the blocks of an action run more than once.
pub(crate) const fn is_loop(kind: &ActionKind) -> bool {
    matches!(kind, ActionKind::Foreach(_) | ActionKind::Until(_))
}
