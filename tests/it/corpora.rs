//! Recorded behaviour of the cloud: runs of `wdl-run-cases.jsonl` in the folder `FLOWRIGHT_CORPUS`.

use std::{collections::BTreeMap, env, fs, path::Path, sync::Arc};

use base::{Duration, Timestamp};
use interp::{Record, Run, fire};
use journal::{Event, EventKind};
use serde_json::{Map, Value, json};
use worker::{Deployed, Mocks};

use crate::support::case::{deployed, drive, package};

const NOW: &str = "2026-01-01T00:00:00Z";
const EVERY_STATUS: [&str; 4] = ["Succeeded", "Failed", "Skipped", "TimedOut"];

#[test]
#[allow(clippy::print_stderr, reason = "says that it was left out")]
fn recorded_runs_end_as_they_did_in_the_cloud() {
    let Some(corpus) = env::var_os("FLOWRIGHT_CORPUS") else {
        eprintln!("left out: FLOWRIGHT_CORPUS does not name the folder of the recorded runs");
        return;
    };
    let path = Path::new(&corpus).join("wdl-run-cases.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let rows: Vec<Value> = text.lines().map(|row| serde_json::from_str(row).unwrap()).collect();
    assert!(!rows.is_empty(), "{} has no runs", path.display());
    let mut wrong = Vec::new();
    for row in &rows {
        let found = differences(row);
        if !found.is_empty() {
            wrong.push(format!("{} {}\n  {}", row["id"], row["title"], found.join("\n  ")));
        }
    }
    let count = rows.len();
    assert!(
        wrong.is_empty(),
        "{} of {count} recorded runs differ\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// What differs from the record of one case.
fn differences(row: &Value) -> Vec<String> {
    let expected = &row["expected"];
    let files = vec![("case.json".to_owned(), row["definition"].to_string())];
    if expected["save_error"] == true {
        let refused = package(&files).has_errors();
        return if refused { Vec::new() } else { vec!["it must not load".to_owned()] };
    }
    let flow = deployed("case", files, &Map::new());
    let runs = runs(&flow, row);
    let Some(many) = expected["runs"].as_array() else {
        let [run] = &runs[..] else { return vec![format!("{} runs instead of one", runs.len())] };
        let mut found = of_run(&flow, run, expected);
        found.extend(of_results(row, expected));
        return found;
    };
    if many.len() != runs.len() {
        return vec![format!("{} runs instead of {}", runs.len(), many.len())];
    }
    runs.iter().zip(many).flat_map(|(run, expected)| of_run(&flow, run, expected)).collect()
}

/// The runs that the case's event starts.
fn runs(flow: &Arc<Deployed>, row: &Value) -> Vec<Run> {
    let mocks = Mocks::new(row.get("http").unwrap_or(&json!({}))).unwrap();
    let (now, outputs) = (Timestamp::parse(NOW).unwrap(), &row["trigger"]["outputs"]);
    let trigger = &flow.plan.flow.triggers[0];
    let (flow_of, parameters) = (&flow.plan.flow, &flow.parameters);
    let event = fire::Event {
        flow: flow_of,
        trigger,
        parameters,
        secure_parameters: &Map::new(),
        outputs: &outputs.clone().into(),
        now,
        callback_url: None,
    };
    let started = fire::fire(&event).unwrap().into_iter().map(|firing| EventKind::Started {
        trigger: trigger.name.as_str().to_owned(),
        outputs: firing.outputs,
        parameters: parameters.clone(),
        seed: 1,
        run: "run".to_owned(),
        callback: None,
        again: None,
        by: None,
    });
    let started = started.map(|kind| Event { at: now, path: journal::Path::run(), kind });
    started.map(|it| drive(flow, &mocks, &BTreeMap::new(), now, vec![it]).run).collect()
}

fn of_run(flow: &Deployed, run: &Run, expected: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut same = |what: String, actual: Value, expected: &Value| {
        if actual != *expected {
            found.push(format!("{what}: {actual} instead of {expected}"));
        }
    };
    let status = run.end().map(|end| end.status.name());
    same("run".to_owned(), json!(status), &expected["run_status"]);
    if let Some(response) = expected.get("response") {
        let status = run.response().map(|it| it["statusCode"].clone());
        same("response".to_owned(), json!(status), &response["statusCode"]);
    }
    for (name, value) in members(expected, "variables") {
        let actual = run.variables().find(|(known, _)| known == name).map(|(_, value)| value);
        same(format!("variable {name}"), json!(actual), value);
    }
    for (name, expected) in members(expected, "actions") {
        let id = flow.plan.flow.find(name).unwrap();
        let records: Vec<&Record> = run.records(id).map(|(_, record)| record).collect();
        for (key, value) in members(expected, "") {
            same(format!("{name} {key}"), property(&records, key, value), value);
        }
    }
    found
}

/// One property of an action that the record speaks of.
fn property(records: &[&Record], key: &str, expected: &Value) -> Value {
    if key == "statuses" {
        return records.iter().map(|it| it.status.name()).collect();
    }
    let Some(record) = records.last() else { return Value::Null };
    let failure = record.failure.as_ref();
    match key {
        "status" => record.status.name().into(),
        "code" => (*record.code).into(),
        "error_code" => json!(failure.map(|it| &it.code)),
        "error_message" => json!(failure.map(|it| &it.message)),
        "error_message_contains" => {
            let part = expected.as_str().unwrap();
            let contains = failure.is_some_and(|it| it.message.contains(part));
            if contains { expected.clone() } else { json!(failure.map(|it| &it.message)) }
        }
        "outputs" => json!(record.outputs.as_deref()),
        "iterations" => json!(record.repetitions),
        "attempts" => record.attempts.len().into(),
        "waits_s" => {
            let waits = record.attempts.iter().filter_map(|it| it.pause);
            let waits = waits.map(Duration::as_seconds).map(|it| {
                #[allow(clippy::cast_possible_truncation, reason = "the fraction is zero")]
                if it.fract() == 0.0 { json!(it as i64) } else { json!(it) }
            });
            waits.collect()
        }
        other => panic!("the corpus has `{other}`, which this test does not know"),
    }
}

/// Names in `result('Scope')`, asked by an action that is added for it. Their order says nothing.
fn of_results(row: &Value, expected: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (scope, names) in members(expected, "result") {
        let mut row = row.clone();
        row["definition"]["actions"]["Names"] = json!({
            "type": "Select",
            "inputs": { "from": format!("@result('{scope}')"), "select": "@item()['name']" },
            "runAfter": { scope.as_str(): EVERY_STATUS },
        });
        let files = vec![("case.json".to_owned(), row["definition"].to_string())];
        let flow = deployed("case", files, &Map::new());
        let run = runs(&flow, &row).remove(0);
        let record = run.record(flow.plan.flow.find("Names").unwrap(), &[]).unwrap();
        let sorted = |list: &Value| {
            let mut names: Vec<String> =
                list.as_array().unwrap().iter().map(ToString::to_string).collect();
            names.sort();
            names
        };
        let actual = &record.outputs.as_deref().unwrap()["body"];
        if sorted(actual) != sorted(names) {
            found.push(format!("result('{scope}'): {actual} instead of {names}"));
        }
    }
    found
}

/// The members of an object, or of a member of it.
fn members<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let value = if key.is_empty() { Some(value) } else { value.get(key) };
    value.and_then(Value::as_object).into_iter().flatten()
}
