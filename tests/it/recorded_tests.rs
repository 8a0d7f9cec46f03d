//! `flowright runs export --as-test`: a test made of a run does as the run did.

use std::fs;

use cli::testing::{self, recorded};
use interp::view;
use serde_json::{Value, json};

use crate::support::{Case, case::Driven};

/// A run as a service shows it.
fn shown(case: &Case, driven: &Driven) -> (Value, Vec<Value>) {
    let plan = &case.flow.plan;
    let end = driven.run.end();
    let run = json!({
        "id": "run-1",
        "flow": "case",
        "status": end.map_or("Running", |it| it.status.name()),
        "error": end.and_then(|it| it.error.clone()),
        "startTime": driven.events.first().map(|it| it.at.to_string()),
        "endTime": end.map(|it| it.at.to_string()),
        "actions": view::tree(plan, &driven.run).iter().map(view::Node::to_json).collect::<Vec<_>>(),
    });
    let event = |it: &journal::Event| {
        let mut shown = view::event(plan, it);
        shown["time"] = it.at.to_string().into();
        shown
    };
    (run, driven.events.iter().map(event).collect())
}

/// Cases that a test cannot do again, and why.
const APART: &[(&str, &str)] = &[
    ("connectors/calls", "one of its calls has no mock, which no test allows"),
    ("data/three-notations", "it needs a secure parameter, whose value is in no journal"),
];

#[test]
fn every_case_does_the_same_as_a_test() {
    let (mut count, mut wrong) = (0, Vec::new());
    for case in Case::all().iter().filter(|it| APART.iter().all(|(name, _)| *name != it.name)) {
        let runs = case.runs();
        let Some(driven) = runs.first().filter(|it| it.run.end().is_some() && runs.len() == 1)
        else {
            continue;
        };
        let (run, journal) = shown(case, driven);
        let text = recorded::test_of(&run, &journal).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let flow = folder.path().join("flows/case");
        copy(&case.folder, &flow);
        if !flow.join("flow.yaml").exists() {
            continue;
        }
        fs::create_dir(flow.join("tests")).unwrap();
        fs::write(folder.path().join("flowright.yaml"), "flows: [flows]\n").unwrap();
        fs::write(flow.join("tests/run.test.yaml"), &text).unwrap();
        let suite = testing::find(folder.path(), &[]).unwrap();
        let file = &suite.files[0];
        let mut found: Vec<String> = file.found.iter().map(|it| it.message.clone()).collect();
        let verdicts = testing::run(&suite, None);
        for fault in verdicts.iter().flat_map(|it| &it.faults) {
            found.push(format!("{}\n  {}", fault.message, fault.details.join("\n  ")));
        }
        count += 1;
        if !found.is_empty() || verdicts.len() != 1 {
            wrong.push(format!("=== {}\n{text}\n{}", case.name, found.join("\n")));
        }
    }
    assert!(wrong.is_empty(), "{} of {count}\n{}", wrong.len(), wrong.join("\n"));
    assert!(30 < count, "only {count} cases");
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if entry.path().is_dir() {
            // Called flows are known by the names of their files.
            for flow in fs::read_dir(entry.path()).unwrap() {
                let flow = flow.unwrap().path();
                let name = flow.file_stem().unwrap();
                let home = to.parent().unwrap().join(name);
                fs::create_dir_all(&home).unwrap();
                fs::copy(&flow, home.join("flow.yaml")).unwrap();
            }
        } else if name != "case.yaml" && name != "trace.txt" {
            fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}

#[test]
fn secrets_are_replaced_and_ids_are_kept() {
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlLW9mLWl0";
    let body = json!({
        "id": "5dd4dc44-2c1a-4e16-8478-f783ebe815de",
        "accessToken": "abcdef-123456",
        "pin_password": 4711,
        "nextPageToken": "page-2",
        "note": format!("see https://bob:hunter22@example.com/x?sig=SIGNED1&id=7 and {jwt}"),
        "again": "the token was abcdef-123456.",
        "inner": "{\"client_secret\":\"in a text\"}",
    });
    let run = json!({ "id": "run-1", "flow": "case", "status": "Succeeded", "startTime": "2026-01-01T00:00:00Z", "actions": [] });
    let journal = [json!({
        "type": "started", "time": "2026-01-01T00:00:00Z", "trigger": "manual", "seed": u64::MAX,
        "parameters": {}, "outputs": { "headers": { "Authorization": "Bearer top-secret-1", "X-Order": "7", "Host": "h" }, "body": body },
    })];
    let text = recorded::test_of(&run, &journal).unwrap();
    for secret in ["abcdef", "4711", "hunter22", "SIGNED1", "top-secret-1", jwt, "in a text"] {
        assert!(!text.contains(secret), "{secret}\n{text}");
    }
    for kept in
        ["5dd4dc44-2c1a-4e16-8478-f783ebe815de", "page-2", "id=7", "X-Order", "Bearer redacted-"]
    {
        assert!(text.contains(kept), "{kept}\n{text}");
    }
    assert!(!text.contains("Host:"), "{text}");
}
