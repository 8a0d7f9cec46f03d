//! Random flows as data: every container, order, policy and kind of question, from a seed.
//!
//! Most seeds give flows whose end does not depend on who is faster: what shares variables, answers
//! the caller or ends the run has the run for itself, and no time-out is close. Those must end the
//! same whatever happens to the process. The others (`racy`) may do all of that at any place; of
//! them only the rules are checked that hold for every run.

use serde_json::{Map, Value, json};

use super::random::Random;

/// Flows that belong together.
#[derive(Debug)]
pub(crate) struct Made {
    /// Names and texts; the first is fired, the others are called.
    pub(crate) flows: Vec<(String, String)>,
    /// Whether the end may depend on who is faster.
    pub(crate) racy: bool,
}

/// Actions of one flow, more or less: loops multiply them.
const ACTIONS_MAX: usize = 24;
const DEPTH_MAX: usize = 4;

/// The flows of a seed.
pub(crate) fn flows(seed: u64) -> Made {
    let mut random = Random::new(seed, "flows");
    let racy = random.chance(30);
    let children = random.index(3);
    let names: Vec<String> = (0..=children).map(|it| format!("flow-{it}")).collect();
    let flows = names.iter().enumerate().map(|(index, name)| {
        // A flow calls only later ones, so that calls end.
        let callable = names.get(index + 1..).unwrap_or_default().to_vec();
        let actions = if index == 0 { ACTIONS_MAX } else { ACTIONS_MAX / 3 };
        let mut maker =
            Maker { random: random.clone(), racy, callable, left: actions, made: 0, loops: 0 };
        let flow = maker.flow(name);
        random = maker.random;
        (name.clone(), serde_json::to_string(&flow).unwrap())
    });
    Made { flows: flows.collect(), racy }
}

struct Maker {
    random: Random,
    racy: bool,
    callable: Vec<String>,
    left: usize,
    made: usize,
    loops: usize,
}

/// Where an action stands.
#[derive(Clone, Default)]
struct Place {
    depth: usize,
    /// Nothing else of the run goes on at the same time.
    alone: bool,
    /// Loops around it by name: whether a Foreach.
    loops: Vec<(String, bool)>,
    /// Actions that have certainly ended: name and whether a container.
    known: Vec<(String, bool)>,
}

impl Maker {
    fn flow(&mut self, name: &str) -> Value {
        let mut trigger = json!({ "name": "Go", "request": {} });
        if self.random.chance(25) {
            trigger["concurrency"] = json!({ "runs": 1 });
        }
        let variables = json!([
            { "name": "n", "type": "integer", "value": 1 },
            { "name": "list", "type": "array", "value": [] },
            { "name": "text", "type": "string", "value": "" },
        ]);
        let mut actions = vec![json!({ "name": "Init", "initialize": variables })];
        let place = Place { alone: true, ..Place::default() };
        let mut body = self.block(&place);
        for action in &mut body {
            let first = action["runAfter"].as_object().is_some_and(Map::is_empty);
            if first {
                action["runAfter"] = json!({ "Init": ["Succeeded"] });
            }
        }
        actions.extend(body);
        json!({
            "flow": name,
            "connections": { "crm": "dynamics-365" },
            "triggers": [trigger],
            "actions": actions,
        })
    }

    /// A chain, whose actions follow each other, or a web of branches.
    fn block(&mut self, place: &Place) -> Vec<Value> {
        let chain = self.random.chance(55);
        let most = if place.depth == 0 { 7 } else { 4 };
        let count = 1 + self.random.index(most);
        let mut actions: Vec<Value> = Vec::new();
        // What has certainly ended when an action starts.
        let mut before: Vec<Vec<(String, bool)>> = Vec::new();
        let mut names: Vec<String> = Vec::new();
        for index in 0..count {
            if self.left == 0 && index > 0 {
                break;
            }
            self.left = self.left.saturating_sub(1);
            let predecessors = self.predecessors(chain, index);
            let mut run_after = Map::new();
            let mut known = place.known.clone();
            for predecessor in predecessors {
                run_after.insert(names[predecessor].clone(), self.statuses());
                known.extend(before[predecessor].iter().cloned());
                let container = is_container(&actions[predecessor]);
                known.push((names[predecessor].clone(), container));
            }
            let alone = place.alone && (chain || count == 1);
            let inner = Place { alone, known: known.clone(), ..place.clone() };
            let (name, mut action) = self.action(&inner);
            action["runAfter"] = Value::Object(run_after);
            actions.push(action);
            before.push(known);
            names.push(name);
        }
        actions
    }

    fn predecessors(&mut self, chain: bool, index: usize) -> Vec<usize> {
        if index == 0 {
            return Vec::new();
        }
        if chain {
            return vec![index - 1];
        }
        let mut found: Vec<usize> = Vec::new();
        for _ in 0..self.random.index(3) {
            let one = self.random.index(index);
            if !found.contains(&one) {
                found.push(one);
            }
        }
        found
    }

    fn statuses(&mut self) -> Value {
        let all = ["Failed", "Skipped", "TimedOut"];
        if self.random.chance(45) {
            return json!(["Succeeded"]);
        }
        let mut some: Vec<&str> = all.into_iter().filter(|_| self.random.chance(45)).collect();
        if some.is_empty() || self.random.chance(70) {
            some.push("Succeeded");
        }
        json!(some)
    }

    fn name(&mut self) -> String {
        self.made += 1;
        // Names that paths have to escape, now and then.
        let mark = ["", "", "", " a/b", " #1", " 50%"][self.random.index(6)];
        format!("A{}{mark}", self.made)
    }

    fn action(&mut self, place: &Place) -> (String, Value) {
        let name = self.name();
        let deep = DEPTH_MAX <= place.depth || self.left == 0;
        let mut action = match self.random.below(if deep { 62 } else { 100 }) {
            0..14 => json!({ "compose": self.value(place) }),
            14..18 => self.list(),
            18..34 => self.question(place),
            34..40 => self.call_flow(place),
            40..46 => json!({ "wait": format!("PT{}S", 1 + self.random.below(40)) }),
            46..56 => self.variable(place),
            56..59 => self.response(place),
            59..62 => self.terminate(place),
            62..70 => json!({ "scope": self.block(&deeper(place)) }),
            70..74 => slow_scope(&name, self.random.chance(50)),
            74..82 => self.condition(place),
            82..86 => self.switch(place),
            86..95 => self.foreach(&name, place),
            _ => self.until(&name, place),
        };
        action["name"] = name.clone().into();
        if action.get("timeout").is_none() && self.random.chance(20) {
            let close = self.racy && self.random.chance(60);
            let timeout =
                if close { format!("PT{}S", 1 + self.random.below(30)) } else { "P20D".to_owned() };
            action["timeout"] = timeout.into();
        }
        if self.random.chance(10) {
            action["trackedProperties"] = json!({ "status": "@action()?['status']" });
        }
        (name, action)
    }

    /// Something to compute, which may fail.
    fn value(&mut self, place: &Place) -> Value {
        let mut all = vec![
            json!({ "one": 1, "two": ["@add(1, 1)", null] }),
            json!("@triggerBody()?['n']"),
            json!("@length(guid())"),
            json!("@concat('a', string(rand(3, 4)))"),
            json!("@length(utcNow())"),
            json!("{{trigger.body.text}} and more"),
            json!("$.trigger.body.list[*]"),
            json!("@div(1, sub(triggerBody()['n'], 2))"),
            json!("@int(triggerBody()['text'])"),
        ];
        for (name, foreach) in &place.loops {
            all.push(if *foreach {
                json!({ "item": format!("@items('{name}')"), "last": "@item()" })
            } else {
                json!(format!("@iterationIndexes('{name}')"))
            });
        }
        for (name, container) in place.known.iter().rev().take(3) {
            all.push(json!(format!("@outputs('{name}')")));
            all.push(json!(format!("@body('{name}')?['n']")));
            all.push(json!(format!("@outputs('{name}')['n']")));
            all.push(json!([
                format!("@actions('{name}')?['status']"),
                format!("@actions('{name}')?['code']"),
                format!("@actions('{name}')?['error']?['code']"),
            ]));
            if *container {
                all.push(json!(format!("@length(result('{name}'))")));
                all.push(json!(format!("@first(result('{name}'))?['status']")));
            }
        }
        if self.may_share(place) {
            all.push(json!("@variables('n')"));
            all.push(json!({ "list": "@variables('list')", "text": "@{variables('text')}" }));
        }
        self.random.pick(&all).clone()
    }

    fn may_share(&mut self, place: &Place) -> bool {
        place.alone || (self.racy && self.random.chance(70))
    }

    fn list(&mut self) -> Value {
        let all = [
            json!({ "select": { "x": "@item()" }, "from": "@triggerBody()?['list']" }),
            json!({ "filter": "@greater(item(), 1)", "from": "@triggerBody()?['list']" }),
            json!({ "join": "; ", "from": "@triggerBody()?['list']" }),
            json!({ "select": "@div(1, sub(item(), 2))", "from": "@triggerBody()?['list']" }),
            json!({ "table": "csv", "from": "@triggerBody()?['rows']" }),
            json!({ "parseJson": "@triggerBody()?['text']", "schema": {} }),
        ];
        self.random.pick(&all).clone()
    }

    fn question(&mut self, place: &Place) -> Value {
        let body = self.value(place);
        let mut action = match self.random.below(5) {
            4 => {
                let subscribe = json!({ "method": "POST", "uri": "https://service.example/hooks", "body": body });
                let unsubscribe =
                    json!({ "method": "DELETE", "uri": "https://service.example/hooks" });
                json!({ "httpWebhook": { "subscribe": subscribe, "unsubscribe": unsubscribe } })
            }
            0 => {
                json!({ "call": "crm.PerformUnboundAction", "with": { "actionName": "Do", "item": { "body": body } } })
            }
            1 => {
                json!({ "call": "crm.ListRecords", "with": { "entityName": "accounts", "$filter": body } })
            }
            _ => {
                json!({ "http": { "method": "POST", "uri": "https://service.example/", "body": body } })
            }
        };
        let seconds = 1 + self.random.below(20);
        let policy = match self.random.below(5) {
            0 => json!("none"),
            1 | 2 => {
                json!({ "type": "fixed", "count": 1 + self.random.below(3), "interval": format!("PT{seconds}S") })
            }
            3 => {
                json!({ "type": "exponential", "count": 2, "interval": format!("PT{seconds}S"), "maximumInterval": "PT30S" })
            }
            _ => return action,
        };
        action["retryPolicy"] = policy;
        action
    }

    fn call_flow(&mut self, place: &Place) -> Value {
        if self.callable.is_empty() {
            return json!({ "compose": self.value(place) });
        }
        let flow = self.random.pick(&self.callable).clone();
        let (n, text) = (self.random.below(4), self.value(place));
        json!({ "runFlow": flow, "with": { "n": n, "text": text, "list": [1, 2, 3] } })
    }

    fn variable(&mut self, place: &Place) -> Value {
        if !self.may_share(place) {
            return json!({ "compose": self.value(place) });
        }
        let value = self.value(place);
        match self.random.below(6) {
            0 => json!({ "set": { "name": "n", "value": self.random.below(9) } }),
            1 => json!({ "set": { "name": "n", "value": value } }),
            2 => json!({ "append": { "name": "text", "value": value } }),
            3 => json!({ "decrement": { "name": "n", "value": 2 } }),
            4 => json!({ "append": { "name": "list", "value": value } }),
            _ => json!({ "increment": { "name": "n" } }),
        }
    }

    fn response(&mut self, place: &Place) -> Value {
        if !place.loops.is_empty() || !self.may_share(place) {
            return json!({ "compose": "no answer here" });
        }
        let status = *self.random.pick(&[200, 200, 200, 202, 404, 503]);
        json!({ "respond": { "status": status, "body": self.value(place) } })
    }

    fn terminate(&mut self, place: &Place) -> Value {
        if !place.loops.is_empty() || !self.may_share(place) || self.random.chance(50) {
            return json!({ "compose": "no end here" });
        }
        match self.random.below(3) {
            0 => json!({ "terminate": "Succeeded" }),
            1 => json!({ "terminate": "Cancelled" }),
            _ => {
                json!({ "terminate": { "status": "Failed", "code": "Enough", "message": "@{triggerBody()?['n']}" } })
            }
        }
    }

    fn condition(&mut self, place: &Place) -> Value {
        let mut all = vec![
            json!("@equals(triggerBody()?['n'], 1)"),
            json!({ "or": [{ "greater": ["@triggerBody()?['n']", 1] }, { "not": true }] }),
            json!("@greater(div(4, sub(triggerBody()['n'], 3)), 0)"),
        ];
        for (name, _) in place.known.iter().rev().take(2) {
            all.push(json!(format!("@equals(actions('{name}')?['status'], 'Succeeded')")));
        }
        if self.may_share(place) {
            all.push(json!("@greater(variables('n'), 2)"));
        }
        let condition = self.random.pick(&all).clone();
        let (yes, no) = (self.block(&deeper(place)), self.block(&deeper(place)));
        if self.random.chance(40) {
            return json!({ "if": condition, "then": yes });
        }
        json!({ "if": condition, "then": yes, "else": no })
    }

    fn switch(&mut self, place: &Place) -> Value {
        let on = *self.random.pick(&["@triggerBody()?['n']", "@triggerBody()?['text']", "@null"]);
        let cases: Vec<Value> = (0..=self.random.below(3))
            .map(|case| json!({ "case": case, "actions": self.block(&deeper(place)) }))
            .collect();
        if self.random.chance(50) {
            return json!({ "switch": on, "cases": cases });
        }
        json!({ "switch": on, "cases": cases, "default": self.block(&deeper(place)) })
    }

    fn foreach(&mut self, name: &str, place: &Place) -> Value {
        if self.loops == 3 {
            return json!({ "compose": self.value(place) });
        }
        self.loops += 1;
        let items = match self.random.below(8) {
            0 => json!("@triggerBody()?['missing']"),
            1 => json!("@triggerBody()?['list']"),
            _ => json!(format!("@range(0, {})", self.random.below(5))),
        };
        let at_a_time = 1 + self.random.below(3);
        let mut inner = deeper(place);
        inner.alone &= at_a_time == 1;
        inner.loops.push((name.to_owned(), true));
        let actions = self.block(&inner);
        json!({ "foreach": items, "concurrency": at_a_time, "actions": actions })
    }

    fn until(&mut self, name: &str, place: &Place) -> Value {
        if self.loops == 3 {
            return json!({ "compose": self.value(place) });
        }
        self.loops += 1;
        let passes = self.random.below(4);
        let condition = if place.alone && self.random.chance(40) {
            format!("@greater(variables('n'), {passes})")
        } else {
            format!("@greaterOrEquals(iterationIndexes('{name}'), {passes})")
        };
        let mut inner = deeper(place);
        inner.loops.push((name.to_owned(), false));
        let limit = json!({ "count": 1 + self.random.below(4), "timeout": "P20D" });
        let on_limit = *self.random.pick(&["fail", "continue"]);
        let actions = self.block(&inner);
        json!({ "until": condition, "limit": limit, "onLimit": on_limit, "actions": actions })
    }
}

fn deeper(place: &Place) -> Place {
    Place { depth: place.depth + 1, ..place.clone() }
}

fn is_container(action: &Value) -> bool {
    ["scope", "if", "switch", "foreach", "until"].iter().any(|kind| action.get(kind).is_some())
}

/// Something that certainly takes too long.
fn slow_scope(name: &str, nested: bool) -> Value {
    let wait = json!({ "name": format!("{name} waits"), "wait": "PT30M" });
    let inner =
        if nested { json!({ "name": format!("{name} groups"), "scope": [wait] }) } else { wait };
    let first = json!({ "name": format!("{name} first"), "compose": 1 });
    let last = json!({ "name": format!("{name} last"), "compose": 2 });
    json!({ "scope": [first, inner, last], "timeout": "PT10S" })
}
