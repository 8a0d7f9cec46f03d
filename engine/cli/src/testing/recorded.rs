//! A test made of a run that has been: the same event, the same answers, the same end.

use std::collections::BTreeSet;

use base::{ErrorClass, Outcome, Timestamp};
use journal::Path;
use serde_json::{Map, Value, json};
use yaml::Draft;

use super::{
    names::same,
    redacted::{Secrets, is_redacted},
    update::plain,
};

/// Headers that say nothing that a flow could use.
const NOISE: [&str; 16] = [
    "accept-encoding",
    "cache-control",
    "connection",
    "content-length",
    "date",
    "host",
    "keep-alive",
    "pragma",
    "server",
    "strict-transport-security",
    "traceparent",
    "tracestate",
    "transfer-encoding",
    "user-agent",
    "vary",
    "via",
];

/// The text of a file with one test, from a run and its journal as a service shows them.
///
/// # Errors
/// Says why there can be none.
pub fn test_of(run: &Value, journal: &[Value]) -> Result<String, String> {
    let secrets = Secrets::of(&json!([run, journal]));
    let (run, journal) = (secrets.redacted(run), secrets.redacted(&json!(journal)));
    let journal = journal.as_array().map(Vec::as_slice).unwrap_or_default();
    let recorded = Recorded::new(&run, journal)?;
    let id = text(&run, "id");
    let head = format!(
        "# Made of the run {id} of {}. Secrets are replaced ({}); data of people is not: look through it.\n",
        text(&run, "startTime"),
        secrets.len()
    );
    let flow = ("flow".to_owned(), Draft::from(text(&run, "flow")));
    let tests = ("tests".to_owned(), Draft::List(vec![recorded.test()]));
    Ok(head + &yaml::emit(&Draft::Block(vec![flow, tests])))
}

/// What an action was answered, by pass of the loops around it, in the order in which it came.
type Passes = Vec<(String, Vec<Value>)>;

/// A run of which a test is made.
struct Recorded<'a> {
    run: &'a Value,
    started: &'a Value,
    journal: &'a [Value],
    /// Every node of the run, and whether it is in a loop.
    nodes: Vec<(&'a Value, bool)>,
}

impl<'a> Recorded<'a> {
    fn new(run: &'a Value, journal: &'a [Value]) -> Result<Self, String> {
        let started = journal.first().filter(|it| it["type"] == "started");
        let started = started.ok_or("the journal of the run does not begin with its start")?;
        if started["again"]["held"].as_array().is_some_and(|it| !it.is_empty()) {
            let of = text(&started["again"], "of");
            return Err(format!(
                "the run went on from the middle of the run `{of}`, so that it has no answers of \
                 what came before; make a test of that one"
            ));
        }
        if run["status"] == "Running" || run["status"] == "Paused" {
            return Err("the run has not ended".to_owned());
        }
        let mut nodes = Vec::new();
        collect(&run["actions"], false, &mut nodes);
        Ok(Self { run, started, journal, nodes })
    }

    fn test(&self) -> Draft {
        let entry = |key: &str, value: Draft| (key.to_owned(), value);
        let mut test = vec![
            entry("name", format!("What the run {} did", text(self.run, "id")).into()),
            entry("now", text(self.started, "time").into()),
            entry("trigger", text(self.started, "trigger").into()),
            entry("seed", self.started["seed"].clone().into()),
        ];
        let parameters = self.started["parameters"].as_object().filter(|it| !it.is_empty());
        if let Some(parameters) = parameters {
            test.push(entry("parameters", long(&Value::Object(parameters.clone()))));
        }
        test.push(entry("event", long(&event(&self.started["outputs"]))));
        let mocks = self.mocks();
        if !mocks.is_empty() {
            test.push(entry("mocks", Draft::Block(mocks)));
        }
        test.push(entry("expect", self.expect()));
        Draft::Block(test)
    }

    /// The name of an action as the flow writes it.
    fn display(&self, name: &str) -> String {
        let found = self.nodes.iter().find(|(it, _)| same(text(it, "name"), name));
        found.map_or(name, |(it, _)| text(it, "name")).to_owned()
    }

    fn mocks(&self) -> Vec<(String, Draft)> {
        let mut answers: Vec<(String, Passes)> = Vec::new();
        for event in self.journal {
            let reply = match text(event, "type") {
                "answered" => reply(&event["outcome"]),
                "called" => response(&event["outputs"]),
                _ => continue,
            };
            let path = text(event, "path");
            let parts = Path::from_address(path.to_owned()).parts();
            let Some((loops, action)) = parts else { continue };
            let key = if loops.is_empty() { self.display(&action) } else { path.to_owned() };
            let at = answers.iter().position(|(known, _)| *known == action);
            let at = at.unwrap_or_else(|| {
                answers.push((action, Vec::new()));
                answers.len() - 1
            });
            let passes = &mut answers[at].1;
            match passes.iter_mut().find(|(known, _)| *known == key) {
                Some((_, replies)) => replies.push(reply),
                None => passes.push((key, vec![reply])),
            }
        }
        let mut mocks = Vec::new();
        for (action, passes) in answers {
            let all: Vec<&Value> = passes.iter().flat_map(|it| &it.1).collect();
            if let Some((first, rest)) = all.split_first()
                && rest.iter().all(|it| it == first)
            {
                let only = self.waiting(&action, (*first).clone());
                mocks.push((self.display(&action), long(&only)));
                continue;
            }
            for (key, replies) in passes {
                let draft = match replies.as_slice() {
                    [only] => long(only),
                    several => Draft::List(several.iter().map(long).collect()),
                };
                mocks.push((key, draft));
            }
        }
        mocks
    }

    /// The only answer to an action that then waited for a call in vain says that nobody calls.
    fn waiting(&self, action: &str, mut reply: Value) -> Value {
        let mut nodes = self.nodes.iter().filter(|(it, _)| same(text(it, "name"), action));
        let in_vain =
            nodes.any(|(it, _)| it["status"] == "TimedOut" || it["status"] == "Cancelled");
        let is_good = reply["statusCode"].as_u64().is_none_or(|it| it < 400);
        if in_vain && is_good && reply.get("error").is_none() {
            reply["callBack"] = false.into();
        }
        reply
    }

    fn expect(&self) -> Draft {
        let entry = |key: &str, value: Draft| (key.to_owned(), value);
        let mut expect = vec![entry("status", text(self.run, "status").into())];
        if let Some(code) = self.run["error"]["code"].as_str() {
            expect.push(entry("error", json!({ "code": code }).into()));
        }
        let finished = self.journal.iter().find(|it| it["type"] == "finished");
        let response = finished.map(|it| &it["response"]).filter(|it| it.is_object());
        if let Some(response) = response.and_then(|it| self.lasting(it)) {
            expect.push(entry("response", long(&response)));
        }
        let calls = self.calls();
        expect.push(entry("callsInAnyOrder", Draft::List(calls)));
        let mut actions = Vec::new();
        for (node, in_loop) in &self.nodes {
            let (name, status) = (text(node, "name"), text(node, "status"));
            if !in_loop && !status.is_empty() {
                actions.push((name.to_owned(), Draft::from(status)));
            }
        }
        if !actions.is_empty() {
            expect.push(entry("actions", Draft::Block(actions)));
        }
        Draft::Block(expect)
    }

    /// What was asked, with what is the same each time.
    fn calls(&self) -> Vec<Draft> {
        let asked: BTreeSet<String> = self
            .journal
            .iter()
            .filter(|it| it["type"] == "answered")
            .filter_map(|it| Path::from_address(text(it, "path").to_owned()).parts())
            .map(|(_, action)| action)
            .collect();
        let is_asked = |node: &Value| asked.iter().any(|it| same(it, text(node, "name")));
        let nodes = self.nodes.iter().map(|(node, _)| *node);
        let nodes = nodes.filter(|it| is_asked(it) && !list(&it["attempts"]).is_empty());
        let call = |node: &Value| {
            let name = text(node, "name");
            let inputs = self
                .lasting(&node["inputs"])
                .filter(|it| it.as_object().is_some_and(|it| !it.is_empty()));
            match inputs {
                Some(inputs) => Draft::Block(vec![(name.to_owned(), long(&inputs))]),
                None => name.into(),
            }
        };
        nodes.map(call).collect()
    }

    /// A value without what another run would have otherwise: secrets, times of this run, its name,
    /// and addresses that it can be called at.
    fn lasting(&self, value: &Value) -> Option<Value> {
        match value {
            Value::String(text) => (!self.is_passing(text)).then(|| plain(text).into()),
            Value::Null | Value::Bool(_) | Value::Number(_) => Some(value.clone()),
            Value::Array(items) => {
                let items = items.iter().map(|it| self.lasting(it));
                items.collect::<Option<Vec<_>>>().map(Value::Array)
            }
            Value::Object(members) => {
                let members = members.iter();
                let members =
                    members.filter_map(|(key, it)| Some((key.clone(), self.lasting(it)?)));
                Some(Value::Object(members.collect()))
            }
        }
    }

    fn is_passing(&self, text_: &str) -> bool {
        let time = |name: &str| self.run[name].as_str().and_then(Timestamp::parse);
        let is_of_run = Timestamp::parse(text_).is_some_and(|at| {
            time("startTime").is_some_and(|start| start <= at)
                && time("endTime").is_none_or(|end| at <= end)
        });
        let id = text(self.run, "id");
        is_of_run || is_redacted(text_) || (!id.is_empty() && text_.contains(id))
    }
}

/// Every node with those inside.
fn collect<'a>(nodes: &'a Value, in_loop: bool, found: &mut Vec<(&'a Value, bool)>) {
    for node in list(nodes) {
        found.push((node, in_loop));
        for block in list(&node["blocks"]) {
            let is_pass = text(block, "label").starts_with("pass ");
            collect(&block["actions"], in_loop || is_pass, found);
        }
    }
}

/// The event as a test has it: the body alone, if there is nothing else of interest.
fn event(outputs: &Value) -> Value {
    let Some(members) = outputs.as_object() else { return json!({ "body": outputs }) };
    let mut members: Map<String, Value> = members.clone();
    let headers = members.shift_remove("headers").map(|it| quiet(&it));
    members.entry("body").or_insert(Value::Null);
    if let Some(headers) = headers.filter(|it| it.as_object().is_some_and(|it| !it.is_empty())) {
        members.insert("headers".into(), headers);
    }
    Value::Object(members)
}

/// Headers without noise.
fn quiet(headers: &Value) -> Value {
    let headers = headers.as_object().cloned().unwrap_or_default();
    let is_noise = |name: &str| {
        let name = name.to_lowercase();
        NOISE.contains(&name.as_str())
            || name.starts_with("x-forwarded-")
            || name.starts_with("sec-")
    };
    Value::Object(headers.into_iter().filter(|(name, _)| !is_noise(name)).collect())
}

/// What a service said, as a reply of a test.
fn reply(outcome: &Value) -> Value {
    let mut reply = match &outcome["outputs"] {
        Value::Null => json!({}),
        outputs => response(outputs),
    };
    let failure = &outcome["failure"];
    let Some(code) = failure["code"].as_str() else { return reply };
    let class = failure["class"].as_str().unwrap_or_else(|| ErrorClass::Permanent.name());
    // The status alone may say the same.
    let of_status = Outcome::of_response(outcome["outputs"].clone(), Timestamp::default()).failure;
    let is_said = of_status.is_some_and(|it| {
        it.code == code && it.class.map(ErrorClass::name) == failure["class"].as_str()
    });
    if !is_said {
        reply["error"] = json!({ "code": code, "message": failure["message"], "class": class });
    }
    reply
}

/// A response without what a reply is anyway.
fn response(outputs: &Value) -> Value {
    let Some(members) = outputs.as_object() else { return json!({ "body": outputs }) };
    let mut reply = Map::new();
    for (key, value) in members {
        match key.as_str() {
            "statusCode" if *value == 200 => {}
            "headers" => {
                let headers = quiet(value);
                if headers.as_object().is_some_and(|it| !it.is_empty()) {
                    reply.insert(key.clone(), headers);
                }
            }
            "statusCode" | "body" => {
                reply.insert(key.clone(), value.clone());
            }
            _ => {}
        }
    }
    Value::Object(reply)
}

/// A value that may be large: each member on a line.
fn long(value: &Value) -> Draft {
    match value {
        Value::Object(members) if !members.is_empty() => {
            Draft::Block(members.iter().map(|(key, it)| (key.clone(), long(it))).collect())
        }
        Value::Array(items) if items.iter().any(|it| it.is_object() || it.is_array()) => {
            Draft::List(items.iter().map(long).collect())
        }
        value => Draft::Value(value.clone()),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of[name].as_str().unwrap_or_default()
}
