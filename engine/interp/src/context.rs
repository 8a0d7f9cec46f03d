//! What the expressions of a run may look at.

use std::{
    borrow::Cow,
    cell::{Cell, OnceCell},
};

use base::{Status, Timestamp};
use expr::Context;
use flow::{ActionId, ActionKind, TriggerKind};
use serde_json::{Map, Value, json};

use crate::{
    actions::variables,
    callback, causes,
    items::Lender,
    passes::Passes,
    plan::Plan,
    ready,
    record::{Correlation, Record, UNSPECIFIED, sanitized},
    run::{Asking, Key, OpenSlot, Phase, Run, Slot, State},
    settings,
};

/// The view from one action in one pass of its loops.
pub(crate) struct Scope<'a> {
    plan: &'a Plan,
    run: &'a Run,
    key: &'a Key,
    now: Timestamp,
    drawn: &'a Cell<u64>,
    /// Whether only the action's own record may be looked at.
    own: bool,
    /// The item of the innermost loop, once it was asked for: templates ask again and again.
    item: OnceCell<Option<&'a Value>>,
    /// Which value that never changes was lent last.
    lent: Cell<Option<Lender<'a>>>,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(
        plan: &'a Plan,
        run: &'a Run,
        key: &'a Key,
        now: Timestamp,
        drawn: &'a Cell<u64>,
    ) -> Self {
        let (item, lent) = (OnceCell::new(), Cell::new(None));
        Self { plan, run, key, now, drawn, own: false, item, lent }
    }

    /// The view of tracked properties: no other action, no variables.
    pub(crate) fn own(self) -> Self {
        Self { own: true, ..self }
    }

    /// Of what the last value that was lent is part; none if it may change.
    pub(crate) fn lender(&self) -> Option<Lender<'a>> {
        self.lent.get()
    }

    /// The passes that this action and another have in common.
    fn shared_passes(&self, other: ActionId) -> Passes {
        let ours = self.plan.loops(self.key.action);
        let shared = ours.iter().zip(self.plan.loops(other)).take_while(|(a, b)| a == b).count();
        self.key.passes.get(..shared).unwrap_or(&self.key.passes).into()
    }

    /// The record that `actions('name')` means here: of the same pass of the loops around both, and
    /// of the latest pass of loops around the other only.
    fn record(&self, id: ActionId) -> Option<(Passes, &'a Record)> {
        let found = self.run.records_within(id, &self.shared_passes(id)).next_back();
        found.map(|(passes, record)| (passes.clone(), record))
    }

    fn record_json(&self, id: ActionId, passes: &Passes, record: &Record) -> Value {
        record.to_json(self.plan.flow.action(id), &self.correlation(id, passes))
    }

    fn correlation(&self, id: ActionId, passes: &Passes) -> Correlation<'_> {
        Correlation {
            tracking_id: format!("{}:{}", self.run.id, self.plan.path(id, passes)),
            client_id: &self.run.tracking_id,
            keywords: &self.run.keywords,
        }
    }

    /// The record of this action while it is open: with what its service has answered so far.
    fn open_json(&self, open: &OpenSlot) -> Value {
        let action = self.plan.flow.action(self.key.action);
        let mut object = Map::new();
        object.insert("name".into(), action.name.as_str().into());
        if let Some(inputs) = &open.inputs {
            object.insert("inputs".into(), (*sanitized(inputs)).clone());
        }
        let mut status = "Running";
        if let State::Asking(Asking { phase: Phase::Subscribed { answer }, .. }) = &open.state {
            object.insert("outputs".into(), Value::clone(answer));
            status = "Waiting";
        }
        object.insert("startTime".into(), open.start.to_string().into());
        self.correlation(self.key.action, &self.key.passes).put(&mut object);
        object.insert("status".into(), status.into());
        Value::Object(object)
    }

    /// The entry of one action in `result()`. Of a Foreach's action it has the records of all
    /// passes as its outputs; of an Until's action it is the record of the last pass.
    fn result_entry(&self, id: ActionId, prefix: &Passes, within: &ActionKind) -> Option<Value> {
        let records: Vec<(&Passes, &Record)> = self.run.records_within(id, prefix).collect();
        let ((_, first), (passes, last)) = (records.first()?, records.last()?);
        let mut entry = self.record_json(id, passes, last);
        // A loop that was skipped or had no items has skipped actions, but no passes of them.
        let passed = prefix.len() < passes.len();
        let Some(object) = entry.as_object_mut().filter(|_| passed) else { return Some(entry) };
        if is_foreach(within) {
            object.shift_remove("inputs");
            object.shift_remove("error");
            object.shift_remove("trackedProperties");
            let all = records.iter().map(|(passes, record)| self.record_json(id, passes, record));
            object.insert("outputs".into(), Value::Array(all.collect()));
            object.insert("startTime".into(), first.start.to_string().into());
            object.insert("code".into(), UNSPECIFIED.into());
            object.insert("status".into(), status_of_all(&records).name().into());
        }
        object.insert("repetitionCount".into(), records.len().into());
        Some(entry)
    }

    /// The scope of that name, or the one around this action, and which passes of its loops are looked
    /// at.
    fn scope_of(&self, name: Option<&str>) -> Option<(ActionId, Passes)> {
        let id = match name {
            Some(name) => self.find(name)?,
            None => self.plan.flow.action(self.key.action).parent?,
        };
        // Inside of a loop its children are those of the present pass: what a pass has looked at would
        // else be in what the next one sees, and so on.
        let own = self.plan.loops(self.key.action).iter().position(|it| *it == id);
        let passes = own.and_then(|depth| self.key.passes.get(..=depth));
        Some((id, passes.map_or_else(|| self.shared_passes(id), Passes::from)))
    }

    /// The loop around this action that is called `name`, or the innermost one.
    fn enclosing(
        &self,
        name: Option<&str>,
        wanted: fn(&ActionKind) -> bool,
    ) -> Option<(ActionId, usize)> {
        let loops = self.plan.loops(self.key.action);
        let of_name = name.map(|name| self.plan.flow.find(name));
        let found = loops.iter().enumerate().rev().find(|(_, id)| {
            wanted(&self.plan.flow.action(**id).kind)
                && of_name.is_none_or(|wanted| wanted == Some(**id))
        });
        found.map(|(depth, id)| (*id, depth))
    }

    fn item_of(&self, id: ActionId, depth: usize) -> Option<&'a Value> {
        let passes = self.key.passes.get(..depth)?.into();
        let pass = *self.key.passes.get(depth)? as usize;
        match self.run.slots.get(&Key { action: id, passes })? {
            Slot::Open(open) => match &open.state {
                State::Foreach { items, .. } => {
                    self.lent.set(Some(Lender::Item(items, pass)));
                    items.get(pass)
                }
                State::Block | State::Until { .. } | State::Asking(_) | State::Waiting => None,
            },
            Slot::Done(_) => None,
        }
    }

    /// The pass of an action that is an Until itself.
    fn own_pass(&self) -> Option<u32> {
        match self.run.slots.get(self.key)? {
            Slot::Open(open) => match &open.state {
                State::Until { pass } => Some(*pass),
                State::Block | State::Foreach { .. } | State::Asking(_) | State::Waiting => None,
            },
            Slot::Done(_) => None,
        }
    }

    fn find(&self, name: &str) -> Option<ActionId> {
        self.plan.flow.find(name).filter(|id| !self.own || *id == self.key.action)
    }

    fn run_json(&self) -> Value {
        json!({
            "id": self.run.id,
            "name": self.run.id,
            "type": "Flowright/flows/runs",
            "startTime": self.run.started.to_string(),
        })
    }
}

/// The status of an action over all passes of its loop: skipped only if it always was.
fn status_of_all(records: &[(&Passes, &Record)]) -> Status {
    let statuses = records.iter().map(|(_, record)| record.status);
    let ran = statuses.filter(|it| *it != Status::Skipped);
    ran.reduce(ready::worse).unwrap_or(Status::Skipped)
}

fn is_foreach(kind: &ActionKind) -> bool {
    matches!(kind, ActionKind::Foreach(_))
}

fn is_until(kind: &ActionKind) -> bool {
    matches!(kind, ActionKind::Until(_))
}

impl Context for Scope<'_> {
    fn action(&self, name: &str) -> Option<Cow<'_, Value>> {
        let id = self.find(name)?;
        let Some((passes, record)) = self.record(id) else { return Some(Cow::Owned(Value::Null)) };
        Some(Cow::Owned(self.record_json(id, &passes, record)))
    }

    fn outputs(&self, name: &str) -> Option<Cow<'_, Value>> {
        let id = self.find(name)?;
        let outputs = self.record(id).and_then(|(_, record)| record.outputs.as_ref());
        self.lent.set(outputs.map(Lender::Whole));
        Some(outputs.map_or(Cow::Owned(Value::Null), |it| Cow::Borrowed(&**it)))
    }

    fn result(&self, scope: Option<&str>) -> Option<Value> {
        let (id, prefix) = self.scope_of(scope)?;
        let within = &self.plan.flow.action(id).kind;
        let branches = 0..self.plan.branches(id);
        let children = branches.flat_map(|branch| self.plan.members(Some(id), branch));
        Some(children.filter_map(|it| self.result_entry(*it, &prefix, within)).collect())
    }

    fn failures(&self, scope: Option<&str>) -> Option<Value> {
        let (id, prefix) = self.scope_of(scope)?;
        let causes = causes::causes(self.plan, self.run, id, &prefix).into_iter();
        Some(causes.map(|(id, passes, record)| self.record_json(id, passes, record)).collect())
    }

    fn trigger(&self) -> Option<Cow<'_, Value>> {
        let mut object = Map::new();
        object.insert("name".into(), self.run.trigger.as_str().into());
        object.insert("inputs".into(), self.trigger_inputs());
        object.insert("outputs".into(), Value::clone(&self.run.trigger_outputs));
        object.insert("startTime".into(), self.run.started.to_string().into());
        object.insert("endTime".into(), self.run.started.to_string().into());
        let found_by = Correlation {
            tracking_id: format!("{}:", self.run.id),
            client_id: &self.run.tracking_id,
            keywords: &self.run.keywords,
        };
        found_by.put(&mut object);
        object.insert("originHistoryName".into(), self.run.id.as_str().into());
        object.insert("status".into(), "Succeeded".into());
        object.insert("code".into(), "OK".into());
        Some(Cow::Owned(Value::Object(object)))
    }

    fn trigger_outputs(&self) -> Option<Cow<'_, Value>> {
        self.lent.set(Some(Lender::Whole(&self.run.trigger_outputs)));
        Some(Cow::Borrowed(&self.run.trigger_outputs))
    }

    fn variable(&self, name: &str) -> Option<Cow<'_, Value>> {
        let variable = self.run.variables.get(&*variables::folded(name)).filter(|_| !self.own);
        variable.map(|it| Cow::Borrowed(&it.value))
    }

    fn parameter(&self, name: &str) -> Option<Cow<'_, Value>> {
        let given = (self.run.parameters.as_ref(), &self.plan.secure_parameters);
        settings::parameter(&self.plan.flow, given, name)
    }

    fn lacks_parameter(&self, name: &str) -> Option<String> {
        settings::lacking(&self.plan.flow, &self.plan.secure_parameters, name)
    }

    fn app_setting(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.plan.secure_parameters.get(&settings::key(name)).map(Cow::Borrowed)
    }

    fn item(&self) -> Option<Cow<'_, Value>> {
        let innermost = || {
            let (id, depth) = self.enclosing(None, is_foreach)?;
            self.item_of(id, depth)
        };
        self.item.get_or_init(innermost).map(Cow::Borrowed)
    }

    fn items(&self, name: &str) -> Option<Cow<'_, Value>> {
        let (id, depth) = self.enclosing(Some(name), is_foreach)?;
        self.item_of(id, depth).map(Cow::Borrowed)
    }

    fn iteration_index(&self, name: &str) -> Option<usize> {
        if let Some((_, depth)) = self.enclosing(Some(name), is_until) {
            return self.key.passes.get(depth).map(|pass| *pass as usize);
        }
        // The loop's own condition looks at the pass that has just ended.
        let own = self.find(name) == Some(self.key.action);
        self.own_pass().filter(|_| own).map(|pass| pass as usize)
    }

    fn workflow(&self) -> Option<Cow<'_, Value>> {
        let mut workflow = json!({
            "id": self.plan.flow.name,
            "name": self.plan.flow.name,
            "type": "Flowright/flows",
            "location": "",
            "tags": {
                "flowDisplayName": self.plan.flow.name,
                "environmentName": self.plan.environment,
            },
        });
        workflow["run"] = self.run_json();
        Some(Cow::Owned(workflow))
    }

    fn current_action(&self) -> Option<Cow<'_, Value>> {
        if let Some(Slot::Open(open)) = self.run.slots.get(self.key) {
            return Some(Cow::Owned(self.open_json(open)));
        }
        let (passes, record) = self.record(self.key.action)?;
        Some(Cow::Owned(self.record_json(self.key.action, &passes, record)))
    }

    fn callback_url(&self) -> Option<String> {
        let callback = self.run.callback.as_ref()?;
        let waits = self.plan.flow.action(self.key.action).kind.waits_for_call();
        let path = || self.plan.path(self.key.action, &self.key.passes);
        waits.then(|| callback::address(callback, &path()))
    }

    fn approval_url(&self, name: &str) -> Option<String> {
        let id = self.plan.flow.find(name)?;
        let is_approval = matches!(self.plan.flow.action(id).kind, ActionKind::Approval(_));
        let callback = self.run.callback.as_ref().filter(|_| is_approval)?;
        let loops = self.plan.loops(id);
        let shared = loops.iter().zip(self.plan.loops(self.key.action));
        let is_near = shared.filter(|(a, b)| a == b).count() == loops.len();
        let passes = self.key.passes.get(..loops.len()).filter(|_| is_near)?;
        Some(callback::address(callback, &self.plan.path(id, passes)))
    }

    fn now(&self) -> Timestamp {
        self.now
    }

    fn random(&self) -> u64 {
        let drawn = self.drawn.get() + 1;
        self.drawn.set(drawn);
        // The condition of a loop is looked at after each pass, perhaps at the same instant.
        let turn = self.own_pass().unwrap_or(0);
        let drawn = u64::from(turn) << 32 | drawn;
        let path = self.plan.path(self.key.action, &self.key.passes);
        draw(self.run.seed, path.as_str(), self.now, drawn)
    }

    fn resolve(&self, path: &[&str]) -> Option<(Cow<'_, Value>, usize)> {
        let (root, rest) = path.split_first()?;
        match (*root, rest) {
            ("trigger", ["body", ..]) => {
                self.lent.set(Some(Lender::Whole(&self.run.trigger_outputs)));
                let body = self.run.trigger_outputs.get("body");
                Some((body.map_or(Cow::Owned(Value::Null), Cow::Borrowed), 2))
            }
            ("trigger", _) => Some((Cow::Owned(self.trigger_view()), 1)),
            ("actions", [name, "body", ..]) => {
                let outputs = self.outputs(name)?;
                Some((member(outputs, "body"), 3))
            }
            ("actions", [name, ..]) => Some((Cow::Owned(self.action_view(self.find(name)?)), 2)),
            ("actions", []) => {
                let ids = 0..self.plan.flow.actions.len();
                let all = ids.filter(|id| self.record(*id).is_some()).map(|id| {
                    (self.plan.flow.action(id).name.as_str().to_owned(), self.action_view(id))
                });
                Some((Cow::Owned(Value::Object(all.collect())), 1))
            }
            ("variables", [name, ..]) => self.variable(name).map(|it| (it, 2)),
            ("variables", []) => {
                let all = self.run.variables().map(|(name, it)| (name.to_owned(), it.clone()));
                Some((Cow::Owned(Value::Object(all.collect())), 1))
            }
            ("parameters", [name, ..]) => self.parameter(name).map(|it| (it, 2)),
            ("parameters", []) => Some((Cow::Owned(self.all_parameters()), 1)),
            ("item", _) => self.item().map(|it| (it, 1)),
            ("items", [name, ..]) => self.items(name).map(|it| (it, 2)),
            ("run", _) => Some((Cow::Owned(self.run_json()), 1)),
            ("flow", _) => Some((Cow::Owned(json!({ "name": self.plan.flow.name })), 1)),
            _ => None,
        }
    }
}

impl Scope<'_> {
    /// What the definition says about a request; other triggers have nothing to show.
    fn trigger_inputs(&self) -> Value {
        let trigger = self.plan.flow.trigger(&self.run.trigger);
        let mut inputs = Map::new();
        if let Some(TriggerKind::Request(request)) = trigger.map(|it| &it.kind) {
            let path = request.relative_path.as_ref().map(|it| it.as_str().into());
            for (name, value) in [
                ("method", request.method.as_deref().map(Value::from)),
                ("relativePath", path),
                ("schema", request.schema.as_ref().map(|it| it.source().clone())),
            ] {
                inputs.extend(value.map(|it| (name.to_owned(), it)));
            }
        }
        Value::Object(inputs)
    }

    /// `$.trigger`: the outputs with the name beside them.
    fn trigger_view(&self) -> Value {
        let mut view = self.run.trigger_outputs.as_object().cloned().unwrap_or_default();
        view.insert("name".into(), self.run.trigger.as_str().into());
        view.insert("outputs".into(), Value::clone(&self.run.trigger_outputs));
        Value::Object(view)
    }

    /// `$.actions.X`: the record with the members of its outputs beside it.
    fn action_view(&self, id: ActionId) -> Value {
        let Some((passes, record)) = self.record(id) else { return Value::Null };
        let mut view = Map::new();
        if let Some(outputs) = record.outputs.as_ref().and_then(|it| it.as_object()) {
            for name in ["statusCode", "headers", "body"] {
                if let Some(value) = outputs.get(name) {
                    view.insert(name.into(), value.clone());
                }
            }
        }
        if let Value::Object(record) = self.record_json(id, &passes, record) {
            view.extend(record);
        }
        Value::Object(view)
    }

    fn all_parameters(&self) -> Value {
        let all = self.plan.flow.parameters.iter().filter_map(|it| {
            self.parameter(&it.name).map(|value| (it.name.clone(), value.into_owned()))
        });
        Value::Object(all.collect())
    }
}

fn member<'a>(value: Cow<'a, Value>, name: &str) -> Cow<'a, Value> {
    match value {
        Cow::Borrowed(value) => value.get(name).map_or(Cow::Owned(Value::Null), Cow::Borrowed),
        Cow::Owned(mut value) => Cow::Owned(value.get_mut(name).map_or(Value::Null, Value::take)),
    }
}

/// A random number that depends on where and when it is drawn, not on what was drawn before
/// elsewhere: replaying in another order gives the same numbers. The mixing is `SplitMix64`.
pub(crate) fn draw(seed: u64, place: &str, now: Timestamp, index: u64) -> u64 {
    let mut state = seed ^ mix(now.ticks().cast_unsigned());
    for byte in place.bytes() {
        state = mix(state ^ u64::from(byte));
    }
    mix(state.wrapping_add(index.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
}

const fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
