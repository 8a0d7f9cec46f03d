//! `step(plan, run, event) -> effects`: all control flow is here and in what it calls.

use std::{collections::BTreeSet, sync::Arc};

use base::{Duration, Failure, Outcome, Status};
use flow::ActionId;
use journal::{Event, EventKind};
use serde_json::Value;

use crate::{
    actions, callback,
    effect::Effect,
    exec::{Ended, Exec, Work},
    plan::Plan,
    ready, redact, retry,
    run::{Asking, BlockKey, Key, Phase, Run, Slot, Stage, State},
};

/// Takes one event into the run and says what is to be done about it.
///
/// An event of a path that has ended, or of an attempt that is over, changes nothing: events may
/// come late and twice. One of a path that has not been reached yet is kept until it is.
pub fn step(plan: &Plan, run: &mut Run, event: &Event) -> Vec<Effect> {
    let mut exec = Exec::new(plan, run, event.at);
    let begins = exec.run.is_new() && matches!(event.kind, EventKind::Began);
    if begins || (exec.run.end.is_none() && !exec.run.is_halted(plan)) {
        exec.take(event);
        exec.drain();
    }
    exec.effects
}

/// A run from its journal; the effects of the past are not asked again (see [`Run::outstanding`]).
pub fn replay(plan: &Plan, events: &[Event]) -> Run {
    let mut run = Run::default();
    for event in events {
        step(plan, &mut run, event);
    }
    run
}

impl Exec<'_> {
    fn take(&mut self, event: &Event) {
        let is_new = self.run.is_new();
        if is_new {
            self.run.stage = Stage::UnderWay;
        }
        match &event.kind {
            EventKind::Started { trigger, outputs, parameters, seed, run, callback, again, by } => {
                if self.run.begun {
                    if is_new {
                        self.run.stage = Stage::New;
                    }
                    return;
                }
                (self.run.begun, self.run.stage) = (true, Stage::New);
                self.run.id.clone_from(run);
                self.run.trigger.clone_from(trigger);
                self.run.trigger_outputs = Arc::clone(outputs);
                self.run.parameters = Arc::clone(parameters);
                self.run.seed = *seed;
                self.run.callback.clone_from(callback);
                self.run.by.clone_from(by);
                self.run.started = self.now;
                self.run.held =
                    again.iter().flat_map(|it| &it.held).map(|it| self.ids(it)).collect();
                self.run.tracking_id = self.tracking_id();
                self.run.keywords = self.keywords();
                self.work.push_back(Work::Enter(BlockKey::root()));
            }
            EventKind::Began if is_new || (self.run.is_unbegun() && self.run.paused.is_none()) => {
                self.run.forget_actions();
                self.work.push_back(Work::Enter(BlockKey::root()));
            }
            EventKind::Paused { reason, unbegun } if self.run.paused.is_none() => {
                if *unbegun && is_new {
                    self.run.forget_actions();
                    self.run.stage = Stage::Unbegun;
                }
                self.run.paused = Some((self.now, reason.clone()));
            }
            EventKind::Continued { .. } => self.go_on(),
            EventKind::Intended { .. }
            | EventKind::Answered { .. }
            | EventKind::Unknown { .. }
            | EventKind::Woken
            | EventKind::Expired
            | EventKind::Called { .. } => self.take_of_action(event),
            EventKind::Cancelled { reason } => {
                let failure = Failure::new("RunCancelled", reason.clone());
                self.terminate(Status::Cancelled, Some(&failure), None);
            }
            EventKind::Resumed => self.resume(),
            EventKind::Began | EventKind::Paused { .. } | EventKind::Finished { .. } => {}
        }
    }

    fn ids(&self, names: &[String]) -> BTreeSet<ActionId> {
        names.iter().filter_map(|name| self.plan.flow.find(name)).collect()
    }

    /// What was taken over from another run is behind. What is open has its full time from now on.
    fn resume(&mut self) {
        self.run.held.pop_front();
        for key in std::mem::take(&mut self.run.ready) {
            self.work.push_back(Work::Begin(key));
        }
        let open = self.run.slots.iter().filter_map(|(key, slot)| match slot {
            Slot::Open(open) => Some((key.clone(), open.alarm)),
            Slot::Done(_) => None,
        });
        for (key, alarm) in open.collect::<Vec<_>>() {
            if let Some(timeout) = self.action(&key).timeout {
                self.set_deadline(&key, self.now.after(timeout));
            }
            if let Some(due) = alarm {
                self.set_alarm(&key, due);
            }
        }
    }

    /// A pause is over: what would have begun begins, what would have been asked again is asked, and
    /// what has to end in time has as much of it as it had.
    fn go_on(&mut self) {
        let Some((since, _)) = self.run.paused.take() else { return };
        let stood = self.now.since(since).max(Duration::ZERO);
        let (mut deadlines, mut due) = (Vec::new(), Vec::new());
        let slots = self.run.slots.iter().filter(|(_, it)| matches!(it, Slot::Open(_)));
        for key in slots.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            let Some(Slot::Open(open)) = self.run.slots.get_mut(&key) else { continue };
            open.stood = Duration::from_ticks(open.stood.ticks().saturating_add(stood.ticks()));
            deadlines.extend(open.deadline.map(|it| (key.clone(), it.after(stood))));
            if open.is_put_off() {
                due.push(key.clone());
            }
        }
        for (key, deadline) in deadlines {
            self.set_deadline(&key, deadline);
        }
        for key in due {
            self.ask_again(&key);
        }
        for key in std::mem::take(&mut self.run.ready) {
            self.work.push_back(Work::Begin(key));
        }
    }

    /// An event of one action: it is open, or it has ended, or it has not been reached.
    fn take_of_action(&mut self, event: &Event) {
        let Some((action, passes)) = self.plan.locate(&event.path) else { return };
        let key = Key { action, passes };
        match self.run.slots.get(&key) {
            Some(Slot::Open(_)) => {}
            Some(Slot::Done(_)) => return,
            None => {
                return self.run.early.entry(event.path.clone()).or_default().push(event.clone());
            }
        }
        match &event.kind {
            EventKind::Intended { attempt } => {
                if let Some(asking) = self.asking(&key, *attempt) {
                    asking.intended = Some(*attempt);
                }
            }
            EventKind::Answered { attempt, outcome, sent } => {
                if let Some(asking) = self.asking(&key, *attempt) {
                    asking.sent = *sent;
                    self.answered(&key, outcome);
                }
            }
            EventKind::Unknown { attempt } => {
                if self.asking(&key, *attempt).is_some() {
                    self.answered(&key, &Outcome::failed(unknown_outcome()));
                }
            }
            EventKind::Woken => self.woken(&key),
            EventKind::Expired => self.expire(&key),
            EventKind::Called { outputs } => self.called(&key, outputs),
            EventKind::Started { .. }
            | EventKind::Paused { .. }
            | EventKind::Continued { .. }
            | EventKind::Cancelled { .. }
            | EventKind::Began
            | EventKind::Resumed
            | EventKind::Finished { .. } => {}
        }
    }

    pub(crate) fn drain(&mut self) {
        while let Some(work) = self.work.pop_front() {
            if self.run.end.is_some() || self.run.is_halted(self.plan) {
                self.work.clear();
                return;
            }
            match work {
                Work::Enter(block) => self.enter(&block),
                Work::Begin(key) => self.begin(&key),
                Work::Leave(block) => self.leave(&block),
            }
        }
    }

    /// Starts the actions of a block that wait for nobody.
    fn enter(&mut self, block: &BlockKey) {
        let members = self.plan.members(block.parent, block.branch);
        if members.is_empty() {
            self.work.push_back(Work::Leave(block.clone()));
            return;
        }
        self.run.open.insert(block.clone(), members.len());
        for id in members {
            if self.plan.flow.action(*id).run_after.is_empty() {
                let key = Key { action: *id, passes: block.passes.clone() };
                self.work.push_back(Work::Begin(key));
            }
        }
    }

    fn begin(&mut self, key: &Key) {
        // Two predecessors that end in the same step may both have found it ready.
        if self.run.slots.contains_key(key) {
            return;
        }
        let is_held = self.run.held.iter().any(|it| it.contains(&key.action));
        if is_held || self.run.paused.is_some() {
            return self.run.ready.push(key.clone());
        }
        self.run.actions += 1;
        if base::limits::ACTIONS_PER_RUN_MAX < self.run.actions {
            let limit = base::limits::ACTIONS_PER_RUN_MAX;
            let failure = Failure::new(
                "RunActionLimitExceeded",
                format!("the run has started {limit} actions"),
            );
            return self.terminate(Status::Failed, Some(&failure), None);
        }
        self.look(key, false);
        self.drawn.set(0);
        if let Some(ended) = actions::begin(self, key) {
            return self.complete(key, ended);
        }
        if !self.run.early.is_empty() {
            let path = self.plan.path(key.action, &key.passes);
            self.catching_up = true;
            for event in self.run.early.remove(&path).unwrap_or_default() {
                self.take_of_action(&event);
            }
            self.catching_up = false;
        }
    }

    /// A block has ended: its status is that of its leaves; its container goes on.
    fn leave(&mut self, block: &BlockKey) {
        self.run.open.remove(block);
        let status = ready::block_status(self.plan, self.run, block);
        let Some(parent) = block.parent else {
            let error = Ended::container(status).failure;
            return self.finish(status, error.as_deref());
        };
        let depth = self.plan.loops(parent).len();
        let passes = block.passes.get(..depth).unwrap_or(&block.passes).into();
        let key = Key { action: parent, passes };
        self.look(&key, true);
        self.drawn.set(0);
        if let Some(ended) = actions::block_ended(self, &key, status) {
            self.complete(&key, ended);
        }
    }

    /// Asks for the first time.
    pub(crate) fn ask(&mut self, key: &Key, asking: Asking) {
        let asking = Asking { turn: self.next_turn(key), ..asking };
        let inputs = self.shown_inputs(key, &asking);
        let effect = asking.effect(self.plan, self.run, key);
        self.open(key, State::Asking(asking), Some(inputs));
        self.effects.push(Effect::Ask(effect));
    }

    fn next_turn(&mut self, key: &Key) -> u32 {
        let turn = self.run.turns.entry(key.action).or_default();
        *turn = turn.saturating_add(1);
        *turn
    }

    /// The inputs of a question as records show them: without what proves that an address was told.
    fn shown_inputs(&self, key: &Key, asking: &Asking) -> Arc<Value> {
        let inputs = asking.request.inputs();
        let Some(callback) = self.run.callback.as_ref().filter(|_| asking.subscribes) else {
            return Arc::clone(inputs);
        };
        let path = self.plan.path(key.action, &key.passes);
        let signature = callback::signature(callback, &path);
        let mut shown = Value::clone(inputs);
        redact::replace(&mut shown, &signature);
        Arc::new(shown)
    }

    /// A service calls back: what it says is the action's result, whatever else is under way.
    fn called(&mut self, key: &Key, outputs: &Value) {
        let now = self.now;
        let Some(State::Asking(asking)) = self.state_mut(key) else { return };
        if !asking.subscribes {
            return;
        }
        // The call may come before the answer to the request that asked for it.
        if matches!(asking.phase, Phase::Asked { .. }) {
            asking.note(None, None, now);
        }
        let attempts = std::mem::take(&mut asking.history);
        self.disarm_pause(key);
        let ended = actions::answered(&Outcome::of_response(outputs.clone(), now));
        self.complete(key, Ended { attempts, ..ended });
    }

    fn answered(&mut self, key: &Key, outcome: &Outcome) {
        let action = self.action(key);
        let now = self.now;
        let Some(State::Asking(asking)) = self.state_mut(key) else { return };
        if let Some((location, pause)) = retry::accepted(action, asking, outcome, now) {
            asking.note(None, Some(pause), now);
            asking.retries = 0;
            return self.pause(key, pause, Some(location));
        }
        let pause = outcome
            .failure
            .as_ref()
            .filter(|failure| retry::may_ask_again(asking, failure))
            .and_then(|failure| retry::next_pause(action.retry.as_ref(), asking.retries, failure));
        asking.note(outcome.failure.clone(), pause, now);
        if let Some(pause) = pause {
            asking.retries += 1;
            let follow = asking.phase.follow().cloned();
            return self.pause(key, pause, follow);
        }
        if asking.subscribes && outcome.failure.is_none() {
            let answer = Arc::new(outcome.outputs.clone().unwrap_or_default());
            asking.phase = Phase::Subscribed { answer };
            return;
        }
        let attempts = std::mem::take(&mut asking.history);
        let ended = actions::answered(outcome);
        self.complete(key, Ended { attempts, ..ended });
    }

    fn pause(&mut self, key: &Key, pause: Duration, follow: Option<String>) {
        if let Some(State::Asking(asking)) = self.state_mut(key) {
            asking.phase = Phase::Pausing { follow };
        }
        self.set_alarm(key, self.now.after(pause));
    }

    fn woken(&mut self, key: &Key) {
        if !self.is_due(key, false) {
            return;
        }
        match self.state_mut(key) {
            Some(State::Waiting) => {
                self.complete(key, Ended::succeeded(None, Value::Null));
            }
            Some(State::Asking(Asking { phase: Phase::Pausing { follow }, .. })) => {
                // What was accepted is finished; what has failed is not asked again meanwhile.
                if follow.is_some() || self.run.paused.is_none() {
                    self.ask_again(key);
                }
            }
            Some(State::Asking(_) | State::Block | State::Foreach { .. } | State::Until { .. })
            | None => {}
        }
    }

    /// The pause before an attempt is over.
    fn ask_again(&mut self, key: &Key) {
        let (now, turn) = (self.now, self.next_turn(key));
        let Some(State::Asking(asking)) = self.state_mut(key) else { return };
        let Phase::Pausing { follow } = &mut asking.phase else { return };
        asking.phase = Phase::Asked { follow: follow.take() };
        asking.attempt += 1;
        asking.turn = turn;
        asking.began = now;
        let asking = asking.clone();
        let effect = asking.effect(self.plan, self.run, key);
        self.effects.push(Effect::Ask(effect));
    }

    /// The open question of an action, if this is its attempt.
    fn asking(&mut self, key: &Key, attempt: u32) -> Option<&mut Asking> {
        match self.state_mut(key)? {
            State::Asking(asking)
                if asking.attempt == attempt && matches!(asking.phase, Phase::Asked { .. }) =>
            {
                Some(asking)
            }
            State::Asking(_)
            | State::Block
            | State::Foreach { .. }
            | State::Until { .. }
            | State::Waiting => None,
        }
    }
}

fn unknown_outcome() -> Failure {
    Failure::new(
        "UnknownOutcome",
        "the process ended while the service was asked; it may or may not have done what was asked, \
         and it cannot be asked again without the risk of doing it twice: look there, then run \
         again from here or mark the action as done",
    )
}
