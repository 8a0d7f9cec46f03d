//! Which runs may be worked on now: order and parallelism per key.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use base::RunId;

/// A run in its lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub run: RunId,
    /// Lane and how many of its runs may be active; none if the run is not ordered.
    pub lane: Option<(Lane, usize)>,
}

/// Runs of the same lane start in the order of their admission.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Lane {
    pub flow: String,
    pub trigger: String,
    pub key: String,
}

/// The queues of ordered runs. Only names of runs are here; the runs are in the store.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    /// The lane of each run that has its turn.
    active: BTreeMap<RunId, Lane>,
    states: BTreeMap<Lane, LaneState>,
    /// Runs that wait in all lanes together.
    waiting: usize,
}

#[derive(Debug, Default)]
struct LaneState {
    active: BTreeSet<RunId>,
    waiting: VecDeque<RunId>,
}

impl Lanes {
    /// Takes in a run, in the order of admission; whether it may start now.
    pub(crate) fn enter(&mut self, entry: Entry) -> bool {
        let Some((lane, width)) = entry.lane else { return true };
        let state = self.states.entry(lane.clone()).or_default();
        if width <= state.active.len() || !state.waiting.is_empty() {
            state.waiting.push_back(entry.run);
            self.waiting += 1;
            return false;
        }
        state.active.insert(entry.run.clone());
        self.active.insert(entry.run, lane);
        true
    }

    /// A run has ended. Gives the run that may start in its place.
    pub(crate) fn leave(&mut self, run: &RunId) -> Option<RunId> {
        let lane = self.active.remove(run)?;
        let state = self.states.get_mut(&lane)?;
        state.active.remove(run);
        let Some(next) = state.waiting.pop_front() else {
            if state.active.is_empty() {
                self.states.remove(&lane);
            }
            return None;
        };
        self.waiting -= 1;
        state.active.insert(next.clone());
        self.active.insert(next.clone(), lane);
        Some(next)
    }

    /// How many runs wait for their turn.
    pub(crate) const fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many runs of a lane are active or wait.
    pub(crate) fn load(&self, lane: &Lane) -> usize {
        self.states.get(lane).map_or(0, |state| state.active.len() + state.waiting.len())
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, Lane, Lanes};
    use base::RunId;

    fn entry(run: &str, key: Option<&str>) -> Entry {
        let lane = key.map(|key| {
            let lane = Lane { flow: "f".into(), trigger: "t".into(), key: key.into() };
            (lane, 1)
        });
        Entry { run: RunId::new(run), lane }
    }

    #[test]
    fn runs_of_one_key_follow_each_other_and_others_do_not_wait() {
        let mut lanes = Lanes::default();
        let events = [("a1", Some("a")), ("a2", Some("a")), ("b1", Some("b")), ("x", None)];
        let started = events.map(|(run, key)| lanes.enter(entry(run, key)));
        assert_eq!(started, [true, false, true, true]);
        assert_eq!(lanes.waiting(), 1);
        let mut leave = |run: &str| lanes.leave(&RunId::new(run)).map(|it| it.to_string());
        assert_eq!(leave("a1").as_deref(), Some("a2"));
        assert_eq!(leave("a1"), None, "a run leaves once");
        assert_eq!(leave("a2"), None);
        assert!(lanes.enter(entry("a3", Some("a"))));
    }
}
