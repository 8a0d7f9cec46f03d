//! The shipped connectors: what they send and what they make of answers, by the examples beside them.
//!
//! A file of `connectors/*/examples` is a list of documents: what is given, then what comes of it.
//! `UPDATE_EXPECT=1` writes the second kind anew. `connection.yaml` is what all examples of a
//! connector have in common.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use base::{HttpRequest, HttpResponse, Outcome, Source, Timestamp};
use connector::{
    Call, Connection, ConnectionValue, Connector, Operation, Token, poll, prepare, request,
    response,
    route::{self, CALLBACK_URL},
};
use serde_json::{Map, Value, json};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../connectors")
}

/// The connectors in the repository, each with its folder.
pub(crate) fn shipped() -> Vec<(PathBuf, Arc<Connector>)> {
    let mut folders: Vec<PathBuf> =
        fs::read_dir(folder()).unwrap().map(|it| it.unwrap().path()).collect();
    folders.retain(|it| it.is_dir());
    folders.sort();
    let load = |folder: PathBuf| {
        let text = fs::read_to_string(folder.join("connector.yaml")).unwrap();
        let (connector, found) = connector::read(&Source::new("connector.yaml", &text));
        assert!(found.is_empty(), "{}: {found:#?}", folder.display());
        (folder, Arc::new(connector))
    };
    folders.into_iter().map(load).collect()
}

fn yaml(text: &str) -> Value {
    let (node, found) = yaml::parse(text);
    assert!(found.is_empty(), "{found:?}\n{text}");
    node.map_or(Value::Null, |it| it.to_json())
}

/// One example: a call or a poll, what is answered, and what is expected.
struct Example {
    /// As it stands in the file.
    text: String,
    given: Value,
}

/// The examples of a file with what it expects of them.
fn examples(text: &str) -> Vec<(Example, String)> {
    let mut examples: Vec<(Example, String)> = Vec::new();
    for text in text.split("\n---\n") {
        let text = text.trim_start_matches("---\n").trim_end();
        let given = yaml(text);
        if given.get("operation").is_some() || given.get("trigger").is_some() {
            examples.push((Example { text: text.to_owned(), given }, String::new()));
        } else {
            text.clone_into(&mut examples.last_mut().unwrap().1);
        }
    }
    examples
}

#[test]
fn every_example_holds() {
    let update = env::var_os("UPDATE_EXPECT").is_some();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (folder, connector) in shipped() {
        let common = yaml(&fs::read_to_string(folder.join("examples/connection.yaml")).unwrap());
        for path in files(&folder) {
            let text = fs::read_to_string(&path).unwrap();
            let mut documents = Vec::new();
            for (example, expected) in examples(&text) {
                count += 1;
                let actual = outcome(&connector, &common, &example.given);
                if actual != expected && !update {
                    wrong.push(format!("=== {}\n{}\n---\n{actual}", path.display(), example.text));
                }
                documents.push(format!("{}\n---\n{actual}", example.text));
            }
            if update {
                fs::write(&path, documents.join("\n---\n") + "\n").unwrap();
            }
        }
    }
    let hint = "review, then run again with UPDATE_EXPECT=1";
    assert!(wrong.is_empty(), "{hint}\n{}", wrong.join("\n"));
    assert!(100 < count, "only {count} examples were found");
}

/// The files with examples.
fn files(folder: &Path) -> Vec<PathBuf> {
    let all = fs::read_dir(folder.join("examples")).unwrap().map(|it| it.unwrap().path());
    let mut files: Vec<PathBuf> =
        all.filter(|it| it.file_name().is_some_and(|it| it != "connection.yaml")).collect();
    files.sort();
    files
}

#[test]
fn everything_that_flows_can_ask_has_an_example() {
    for (folder, connector) in shipped() {
        let name = &connector.name;
        let mut shown = BTreeSet::new();
        let mut failures = 0;
        for path in files(&folder) {
            for (example, expected) in examples(&fs::read_to_string(path).unwrap()) {
                let id = example.given.get("operation").or_else(|| example.given.get("trigger"));
                shown.insert(id.and_then(Value::as_str).unwrap().to_owned());
                failures += usize::from(expected.contains("\nfailure:"));
            }
        }
        let operations = connector.operations.values().filter(|it| !it.internal).map(|it| &it.id);
        let polls = connector.triggers.values().filter(|it| poll::poll(it).is_some());
        for id in operations.chain(polls.map(|it| &it.id)) {
            assert!(shown.contains(id), "no example of `{name}` shows `{id}`");
        }
        assert!(2 <= failures, "`{name}` shows {failures} failures only");
        assert!(folder.join("README.md").is_file(), "`{name}` has no README.md");
    }
}

/// What comes of an example, as YAML.
fn outcome(connector: &Arc<Connector>, common: &Value, given: &Value) -> String {
    let known = [
        "callbackUrl",
        "connection",
        "inputs",
        "operation",
        "responses",
        "state",
        "token",
        "trigger",
    ];
    for key in given.as_object().unwrap().keys() {
        assert!(known.contains(&key.as_str()), "unknown key `{key}` in {given}");
    }
    let connection = connection(connector, &[common, given]);
    let mut asked = Asked {
        token: token(&connection, &[common, given]),
        connection,
        responses: given.get("responses").and_then(Value::as_array).cloned().unwrap_or_default(),
        requests: Vec::new(),
    };
    let nothing = json!({});
    let inputs = given.get("inputs").unwrap_or(&nothing);
    let call = Call {
        inputs,
        idempotency_key: "run1:Step",
        now: Timestamp::parse("2026-01-05T10:00:00Z").unwrap(),
        seed: 7,
        link: None,
        callback_url: given.get("callbackUrl").and_then(Value::as_str),
    };
    let came = if let Some(id) = given.get("trigger").and_then(Value::as_str) {
        asked.poll(id, &call, given.get("state"))
    } else {
        let id = given["operation"].as_str().unwrap();
        let operation = connector.operation(id).unwrap_or_else(|| panic!("no `{id}`")).clone();
        outputs(&asked.call(&operation, &call))
    };
    assert!(asked.responses.is_empty(), "not asked for: {:?}", asked.responses);
    written(&asked.requests, &came)
}

fn connection(connector: &Arc<Connector>, parts: &[&Value]) -> Connection {
    let mut values = BTreeMap::new();
    for part in parts {
        for (name, value) in part.get("connection").and_then(Value::as_object).into_iter().flatten()
        {
            values.insert(name.clone(), ConnectionValue::Plain(value.clone()));
        }
    }
    let (connection, problems) = Connection::new("example", Arc::clone(connector), values);
    assert!(problems.is_empty(), "{}: {problems:?}", connector.name);
    connection
}

/// The token that the service gave, with what else it said.
fn token(connection: &Connection, parts: &[&Value]) -> Token {
    let mut answer = json!({ "access_token": "T0KEN", "expires_in": 3600 });
    for part in parts {
        for (name, value) in part.get("token").and_then(Value::as_object).into_iter().flatten() {
            answer[name] = value.clone();
        }
    }
    connector::auth::read_token(connection, &answered(&json!({ "body": answer }))).unwrap()
}

/// A response of an example: 200 and JSON if it does not say otherwise.
fn answered(given: &Value) -> HttpResponse {
    let mut headers = Vec::new();
    for (name, value) in given.get("headers").and_then(Value::as_object).into_iter().flatten() {
        headers.push((name.to_ascii_lowercase(), value.as_str().unwrap().to_owned()));
    }
    let body = match given.get("body") {
        None => Vec::new(),
        Some(Value::String(text)) => text.clone().into_bytes(),
        Some(body) => {
            if !headers.iter().any(|(name, _)| name == "content-type") {
                headers.push(("content-type".to_owned(), "application/json".to_owned()));
            }
            body.to_string().into_bytes()
        }
    };
    let status = given.get("status").and_then(Value::as_u64).unwrap_or(200);
    HttpResponse { status: u16::try_from(status).unwrap(), headers, body }
}

/// A connection, what it is answered, and what was asked of it.
struct Asked {
    connection: Connection,
    token: Token,
    responses: Vec<Value>,
    requests: Vec<String>,
}

impl Asked {
    fn call(&mut self, operation: &Operation, call: &Call<'_>) -> Outcome {
        let connection = self.connection.clone();
        let asked = match prepare::question(&connection, operation, call) {
            Ok(asked) => asked,
            Err(failure) => return Outcome::failed(failure),
        };
        let Some((prepare, before, inputs)) = asked else {
            return self.exchange(operation, call).0;
        };
        let (outcome, response) = self.exchange(before, &Call { inputs: &inputs, ..*call });
        if let Some(failure) = outcome.failure {
            return Outcome::failed(failure);
        }
        let Some(response) = response else { return outcome };
        match prepare::inputs(&connection, (operation, prepare), call, &response) {
            Ok(inputs) => self.exchange(operation, &Call { inputs: &inputs, ..*call }).0,
            Err(failure) => Outcome::failed(failure),
        }
    }

    fn exchange(
        &mut self,
        operation: &Operation,
        call: &Call<'_>,
    ) -> (Outcome, Option<HttpResponse>) {
        let connection = &self.connection;
        let request = match request::build(connection, operation, call, Some(&self.token)) {
            Ok(request) => request,
            Err(failure) => return (Outcome::failed(failure), None),
        };
        self.requests.push(shown(&request));
        assert!(!self.responses.is_empty(), "no response to\n{}", shown(&request));
        let response = answered(&self.responses.remove(0));
        (response::read(connection, operation, call, &response), Some(response))
    }

    /// One pass: from the state of the last one, or the first.
    fn poll(&mut self, id: &str, call: &Call<'_>, state: Option<&Value>) -> Map<String, Value> {
        let connection = self.connection.clone();
        let trigger = connection.connector.trigger(id).unwrap_or_else(|| panic!("no `{id}`"));
        let started = poll::start(&connection, trigger, call).unwrap();
        let state = state.unwrap_or(&started);
        let inputs = poll::inputs(&connection, trigger, call, state).unwrap();
        let asked = &poll::poll(trigger).unwrap().operation;
        let operation = connection.connector.operation(asked).unwrap().clone();
        let outcome = self.call(&operation, &Call { inputs: &inputs, ..*call });
        if outcome.failure.is_some() {
            return outputs(&outcome);
        }
        let found = poll::read(&connection, trigger, (call, state), &outcome).unwrap();
        let event = |it: &connector::webhook::Event| json!({ "key": it.dedupe_key, "body": it.outputs["body"] });
        let wanted = found.events.iter().filter(|it| it.wanted);
        let events: Vec<Value> = wanted.map(event).collect();
        let mut state = found.state;
        state.as_object_mut().unwrap().remove("$start");
        Map::from_iter([("events".to_owned(), events.into()), ("state".to_owned(), state)])
    }
}

fn outputs(outcome: &Outcome) -> Map<String, Value> {
    let mut came = Map::new();
    if let Some(outputs) = &outcome.outputs {
        let of = |name: &str| outputs.get(name).cloned().unwrap_or_default();
        came.insert(
            "outputs".to_owned(),
            json!({ "statusCode": of("statusCode"), "body": of("body") }),
        );
    }
    if let Some(failure) = &outcome.failure {
        let mut shown = json!({
            "class": failure.class.map(base::ErrorClass::name),
            "code": failure.code,
            "message": failure.message,
        });
        if let Some(after) = failure.retry_after {
            shown["retryAfter"] = after.to_string().into();
        }
        came.insert("failure".to_owned(), shown);
    }
    came
}

/// A request as text; JSON in lines.
fn shown(request: &HttpRequest) -> String {
    let mut lines = vec![format!("{} {}", request.method, request.url)];
    lines.extend(request.headers.iter().map(|(name, value)| format!("{name}: {value}")));
    if let Some(body) = &request.body {
        let text = String::from_utf8_lossy(body).into_owned();
        let json: Option<Value> = serde_json::from_str(&text).ok();
        let pretty = json.filter(|it| it.is_array() || it.is_object());
        let text = pretty.map_or(text, |it| serde_json::to_string_pretty(&it).unwrap());
        lines.extend([String::new(), text]);
    }
    lines.join("\n")
}

fn written(requests: &[String], came: &Map<String, Value>) -> String {
    let mut text = if requests.is_empty() { "requests: []\n" } else { "requests:\n" }.to_owned();
    for request in requests {
        text.push_str("  - |\n");
        for line in request.lines() {
            text.push_str(format!("    {line}").trim_end());
            text.push('\n');
        }
    }
    for (name, value) in came {
        let value = serde_json::to_string_pretty(value).unwrap();
        text.extend([name, ": ", &value, "\n"]);
    }
    text.trim_end().to_owned()
}

/// What the flows of the corpus ask of one connector.
#[derive(Debug, Default)]
struct Uses {
    calls: usize,
    resolved: usize,
    keys: usize,
    known: usize,
    unresolved: BTreeMap<String, usize>,
}

impl Uses {
    fn miss(&mut self, what: String) {
        *self.unresolved.entry(what).or_default() += 1;
    }

    /// Counts the names that a flow gives to what it found.
    fn keys<'v>(
        &mut self,
        id: &str,
        known: &dyn Fn(&str) -> bool,
        keys: impl Iterator<Item = &'v str>,
    ) {
        self.calls += 1;
        self.resolved += 1;
        for key in keys {
            self.keys += 1;
            if known(key) {
                self.known += 1;
            } else {
                self.miss(format!("{id}: {key}"));
            }
        }
    }
}

/// Every distinct definition of a folder.
fn definitions(folder: &Path, all: &mut BTreeMap<String, Value>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            definitions(&path, all);
        } else if let Ok(text) = fs::read_to_string(&path) {
            let read = serde_json::from_str(text.trim_start_matches('\u{feff}'));
            if let Ok(definition) = read {
                all.insert(text, definition);
            }
        }
    }
}

/// Shows every action and trigger, wherever it stands.
fn actions(value: &Value, visit: &mut dyn FnMut(&str, &Value)) {
    match value {
        Value::Object(members) => {
            if let (Some(Value::String(kind)), Some(inputs)) =
                (members.get("type"), members.get("inputs"))
            {
                visit(&kind.to_ascii_lowercase(), inputs);
            }
            members.values().for_each(|it| actions(it, visit));
        }
        Value::Array(items) => items.iter().for_each(|it| actions(it, visit)),
        _ => {}
    }
}

/// The connector that older definitions mean: `shared_teams_1`, `office365-2`.
fn older_name(host: &Value) -> Option<String> {
    let connection = host.get("connection")?;
    let text = connection.get("referenceName").or_else(|| connection.get("name"))?.as_str()?;
    let quoted = text.split('\'').nth(3).or_else(|| text.split('\'').nth(1));
    let name = quoted.unwrap_or(text).trim_start_matches("shared_");
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches(['-', '_']);
    // A number may be part of the name.
    let name = if name == "office" { "office365" } else { name };
    Some(format!("shared_{name}"))
}

/// A path without its expressions: each stands for one value.
fn plain(path: &str) -> String {
    let mut plain = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once("@{") {
        plain.push_str(before);
        plain.push('x');
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    plain + rest
}

#[test]
fn calls_of_real_flows_resolve() {
    let Some(corpus) = env::var_os("FLOWRIGHT_CORPUS") else {
        eprintln!("left out: FLOWRIGHT_CORPUS does not name the folder of the definitions");
        return;
    };
    let connectors = shipped().into_iter().map(|(_, it)| (*it).clone()).collect();
    let catalog = connector::Catalog::new(connectors);
    let mut all = BTreeMap::new();
    definitions(&Path::new(&corpus).join("flows"), &mut all);
    let mut uses: BTreeMap<(String, &str), Uses> = BTreeMap::new();
    for definition in all.values() {
        actions(definition, &mut |kind, inputs| {
            let host = inputs.get("host").unwrap_or(&Value::Null);
            let id = ["apiId", "connectionName"].iter().find_map(|it| host.get(it)?.as_str());
            let operation = host.get("operationId").and_then(Value::as_str);
            if let (true, Some(id), Some(operation)) =
                (kind.starts_with("openapiconnection"), id, operation)
            {
                if let Some(connector) = catalog.find(id) {
                    let used = uses.entry((connector.name.clone(), "by id")).or_default();
                    by_id(connector, operation, inputs, used);
                }
            } else if kind.starts_with("apiconnection") {
                let connector = older_name(host).and_then(|it| catalog.find(&it).cloned());
                if let Some(connector) = connector {
                    let used = uses.entry((connector.name.clone(), "by path")).or_default();
                    by_path(&connector, kind, inputs, used);
                }
            }
        });
    }
    let mut sums = BTreeMap::from([("by id", [0; 4]), ("by path", [0; 4])]);
    for ((connector, how), used) in &uses {
        eprintln!("{connector} {how}: {used:?}");
        let sum = sums.get_mut(how).unwrap();
        for (sum, of) in sum.iter_mut().zip([used.calls, used.resolved, used.keys, used.known]) {
            *sum += of;
        }
    }
    eprintln!("calls, resolved, keys, known: {sums:?}");
    let [calls, resolved, keys, known] = sums["by id"];
    assert!(1_000 < calls && calls * 98 <= resolved * 100, "{resolved} of {calls} calls");
    assert_eq!(keys, known, "keys of calls");
    let [calls, resolved, keys, known] = sums["by path"];
    assert_eq!(keys, known, "keys of older calls");
    assert!(1_000 < calls && calls * 95 <= resolved * 100, "{resolved} of {calls} older calls");
}

fn by_id(connector: &Connector, id: &str, inputs: &Value, used: &mut Uses) {
    let empty = Map::new();
    let given = inputs.get("parameters").and_then(Value::as_object).unwrap_or(&empty);
    let keys = given.keys().map(String::as_str);
    if let Some(operation) = connector.operation(id).filter(|it| !it.internal) {
        let of_body = |key: &str| {
            let rest = key.strip_prefix(operation.body_param.as_str());
            operation.body.is_some() && rest.is_some_and(|it| it.is_empty() || it.starts_with('/'))
        };
        used.keys(id, &|key| operation.param(key).is_some() || of_body(key), keys);
        for param in operation.params.iter().filter(|it| it.required) {
            if !given.contains_key(&param.name) {
                used.miss(format!("{id}: without {}", param.name));
            }
        }
    } else if let Some(trigger) = connector.trigger(id) {
        used.keys(id, &|key| trigger.params.iter().any(|it| it.name == key), keys);
    } else {
        used.calls += 1;
        used.miss(id.to_owned());
    }
}

fn by_path(connector: &Connector, kind: &str, inputs: &Value, used: &mut Uses) {
    let text = inputs.to_string().replace("@{listCallbackUrl()}", CALLBACK_URL);
    let text = text.replace("@listCallbackUrl()", CALLBACK_URL);
    let mut given: Value = serde_json::from_str(&text).unwrap();
    let path = inputs.get("path").and_then(Value::as_str).map(plain);
    let usual = if kind.ends_with("webhook") { "post" } else { "get" };
    if let (Some(path), Some(members)) = (&path, given.as_object_mut()) {
        members.insert("path".to_owned(), path.clone().into());
        members.entry("method").or_insert_with(|| usual.into());
    }
    let inputs =
        |inputs: &Value| -> Vec<String> { inputs.as_object().unwrap().keys().cloned().collect() };
    if let Ok((operation, found)) = route::find(connector, &given) {
        let known = |key: &str| operation.param(key).is_some() || key == operation.body_param;
        used.keys(&operation.id, &known, inputs(&found).iter().map(String::as_str));
    } else if let Ok((trigger, found)) = route::find_trigger(connector, &given) {
        let known = |key: &str| trigger.params.iter().any(|it| it.name == key);
        used.keys(&trigger.id, &known, inputs(&found).iter().map(String::as_str));
    } else {
        used.calls += 1;
        used.miss(format!("{} {}", given["method"], path.unwrap_or_default()));
    }
}

/// What lint finds in a flow, by code and message.
fn faults(
    name: &str,
    package: &flow::package::Package,
    catalog: &connector::Catalog,
) -> Vec<String> {
    let flows = [lint::FlowFile { name, package }];
    let found = lint::check(&lint::Project { flows: &flows, catalog, environment: None });
    let all = found.into_iter().flat_map(|it| it.found);
    all.map(|it| format!("{}: {}", it.code.slug, it.message)).collect()
}

#[test]
fn real_flows_have_no_faults_by_what_connectors_know() {
    let Some(corpus) = env::var_os("FLOWRIGHT_CORPUS") else {
        eprintln!("left out: FLOWRIGHT_CORPUS does not name the folder of the definitions");
        return;
    };
    let connectors = shipped().into_iter().map(|(_, it)| (*it).clone()).collect();
    let (none, catalog) = (connector::Catalog::default(), connector::Catalog::new(connectors));
    let mut all = BTreeMap::new();
    definitions(&Path::new(&corpus).join("flows"), &mut all);
    let mut more: BTreeMap<String, usize> = BTreeMap::new();
    for text in all.keys() {
        let package = flow::package::read(&Source::new("definition.json", text), &[]);
        let known = faults("flow", &package, &none);
        for fault in faults("flow", &package, &catalog) {
            if !known.contains(&fault) {
                *more.entry(fault).or_default() += 1;
            }
        }
    }
    eprintln!("{more:#?}");
    // Operations that there are none of are counted above; what there is must fit.
    let codes = ["unknown-parameter", "invalid-choice", "bad-input"];
    let wrong = more.keys().filter(|it| codes.iter().any(|code| it.starts_with(code)));
    assert_eq!(wrong.collect::<Vec<_>>(), Vec::<&String>::new());
}
