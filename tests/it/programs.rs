//! Connectors that are programs: how they are asked, and what happens when they do not behave.

use std::time::{Duration, Instant};

use base::{ErrorClass, Outcome};
use serde_json::{Value, json};

use crate::{
    crash::until,
    support::programs::{PASSWORD, Stage, describe, has_python, odd},
};

/// Limits under which nothing takes long.
const SHORT: &str = "limits: { start: PT30S, call: PT2S, lineBytes: 100000 }";

fn failed(outcome: &Outcome) -> (&str, Option<ErrorClass>) {
    let failure = outcome.failure.as_ref().unwrap_or_else(|| panic!("{outcome:?}"));
    (&failure.code, failure.class)
}

fn body(outcome: &Outcome) -> &Value {
    assert!(outcome.failure.is_none(), "{outcome:?}");
    &outcome.outputs.as_ref().unwrap()["body"]
}

fn message(outcome: &Outcome) -> &str {
    &outcome.failure.as_ref().unwrap().message
}

/// Whether there is a process of that id that is not dead.
fn is_alive(id: u64) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    status.lines().any(|it| it.starts_with("State:") && !it.contains('Z') && !it.contains('X'))
}

async fn dies(id: u64) {
    let begun = Instant::now();
    while is_alive(id) {
        assert!(begun.elapsed() < Duration::from_mins(1), "{id} lives on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_program_is_told_what_it_needs_and_nothing_else() {
    if !has_python() {
        return;
    }
    let stage = Stage::odd(&[("GREETING", "hello")], "");
    let outcome = stage.call("Echo", json!({ "text": "one" })).await;
    let expected = json!({
        "operation": "Echo", "inputs": { "text": "one" },
        "attempt": 2, "idempotencyKey": "run:path", "deadlineMs": 120_000,
        "now": "2026-03-02T09:30:00.0000000Z",
        "connection": { "name": "odd", "values": { "password": PASSWORD, "place": "here" } },
    });
    assert_eq!(body(&outcome), &expected);
    let outcome = stage.call("Env", json!({})).await;
    let told = body(&outcome);
    assert_eq!(told["environment"]["GREETING"], "hello");
    // Shells and Python set some for themselves; none of these is from us.
    for name in ["CARGO_MANIFEST_DIR", "CARGO_PKG_NAME", "HOME", "USER", "FLOWRIGHT_DATABASE"] {
        assert_eq!(told["environment"].get(name), None, "{name}");
    }
    assert!(!told.to_string().contains(PASSWORD));
    let folder = stage.folder.path().join("connectors/odd").canonicalize().unwrap();
    assert_eq!(told["folder"], json!(folder));
    // What it is given is checked before it is asked.
    for (inputs, expected) in [(json!({ "txt": 1 }), "did you mean `text`?"), (json!(1), "object")]
    {
        let outcome = stage.call("Echo", inputs).await;
        assert_eq!(failed(&outcome).1, Some(ErrorClass::Validation));
        assert!(message(&outcome).contains(expected), "{outcome:?}");
    }
    stage.host.shutdown().await;
    assert_eq!(stage.log(), ["shutdown", "left alone"]);
    assert_eq!(failed(&stage.call("Echo", json!({})).await).0, "ConnectionFailed");
}

#[tokio::test]
async fn answers_are_read_as_those_of_services() {
    if !has_python() {
        return;
    }
    let stage = Stage::odd(&[], "errorMessage: \"@body()?['why']\"");
    let outcome = stage.call("Bytes", json!({})).await;
    let outputs = outcome.outputs.as_ref().unwrap();
    assert_eq!(outputs["headers"], json!({ "Content-Type": "image/png", "X-Number": "7" }));
    assert_eq!(outputs["body"], json!({ "$content-type": "image/png", "$content": "iVBORw==" }));
    let transient = Some(ErrorClass::Transient);
    let permanent = Some(ErrorClass::Permanent);
    let cases = [
        (json!({ "status": 503, "body": { "why": "later" } }), ("ServiceUnavailable", transient)),
        (json!({ "status": 404 }), ("NotFound", Some(ErrorClass::NotFound))),
        (json!({ "status": 99 }), ("InvalidAnswer", permanent)),
        (json!({ "status": "ok" }), ("InvalidAnswer", permanent)),
        (json!({ "headers": [] }), ("InvalidAnswer", permanent)),
        (json!({ "headers": { "a": {} } }), ("InvalidAnswer", permanent)),
        (json!({ "bodyBase64": "?" }), ("InvalidAnswer", permanent)),
        (json!([]), ("InvalidAnswer", permanent)),
        (json!(null), ("InvalidAnswer", permanent)),
        (json!({ "error": {} }), ("ProgramError", permanent)),
        (json!({ "error": "no" }), ("ProgramError", permanent)),
        (
            json!({ "error": { "data": { "class": "throttled" } } }),
            ("ProgramError", Some(ErrorClass::Throttled)),
        ),
    ];
    for (answer, expected) in cases {
        let outcome = stage.call("Broken", json!({ "text": answer.to_string() })).await;
        assert_eq!(failed(&outcome), expected, "{answer}");
    }
    let said = format!("the key {PASSWORD} is no good");
    let error = json!({ "class": "auth", "code": "BadKey", "message": said, "retryAfterMs": 1500 });
    let outcome = stage.call("Fail", json!({ "text": error.to_string() })).await;
    let failure = outcome.failure.unwrap();
    assert_eq!((failure.code.as_str(), failure.class), ("BadKey", Some(ErrorClass::Auth)));
    assert_eq!(failure.message, "the key *sanitized* is no good");
    assert_eq!(failure.retry_after, Some(base::Duration::milliseconds(1_500)));
}

#[tokio::test]
async fn many_questions_are_answered_side_by_side_within_the_limit() {
    if !has_python() {
        return;
    }
    let stage = Stage::odd(&[], "limits: { concurrency: 4 }");
    stage.call("Slow", json!({ "times": 0 })).await;
    let calls = (0..8).map(|n| stage.call("Slow", json!({ "times": 300 + n })));
    let mut calls: Vec<_> = calls.map(Box::pin).collect();
    for (n, call) in calls.iter_mut().enumerate() {
        // All are under way before the first is waited for.
        tokio::select! { biased; it = call => panic!("{n} {it:?}"), () = std::future::ready(()) => {} }
    }
    for (n, call) in calls.into_iter().enumerate() {
        assert_eq!(body(&call.await), &json!(300 + n));
    }
    let (mut open, mut most) = (0_usize, 0);
    for line in stage.log() {
        open = if line == "begin" { open + 1 } else { open - 1 };
        most = most.max(open);
    }
    // The engine may be asking what it can do meanwhile.
    assert!(open == 0 && (2..=4).contains(&most), "{open} {most}");
}

#[tokio::test]
async fn a_program_that_dies_is_started_again() {
    if !has_python() {
        return;
    }
    let stage = Stage::odd(&[], SHORT);
    let first = stage.call("Die", json!({})).await;
    assert_eq!(failed(&first), ("ConnectionLost", Some(ErrorClass::Transient)));
    assert!(message(&first).contains("signal: 9"), "{first:?}");
    // The first time may be an accident.
    assert_eq!(body(&stage.call("Die", json!({})).await), "alive");
}

#[tokio::test]
async fn what_others_have_asked_of_it_is_lost_with_it() {
    if !has_python() {
        return;
    }
    let stage = Stage::odd(&[], "");
    body(&stage.call("Slow", json!({ "times": 0 })).await);
    let (slow, die) = tokio::join!(stage.call("Slow", json!({ "times": 60_000 })), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        stage.call("Die", json!({})).await
    });
    for outcome in [slow, die] {
        assert_eq!(failed(&outcome), ("ConnectionLost", Some(ErrorClass::Transient)));
    }
}

#[tokio::test]
async fn a_program_that_does_not_start_rests_longer_and_longer() {
    if !has_python() {
        return;
    }
    let stage = Stage::odd(&[("ODD_START", "crash")], SHORT);
    let mut pauses = Vec::new();
    for _ in 0..6 {
        let outcome = stage.call("Echo", json!({})).await;
        assert_eq!(failed(&outcome), ("ConnectionFailed", Some(ErrorClass::Transient)));
        let failure = outcome.failure.unwrap();
        assert!(failure.message.contains("exit status: 3"), "{failure:?}");
        assert!(failure.message.contains("there is no licence"), "{failure:?}");
        pauses.push(failure.retry_after.is_some());
    }
    // Two starts, then it is left alone.
    assert_eq!(pauses, [false, false, true, true, true, true]);
    assert_eq!(stage.log(), ["start", "start"]);
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    stage.call("Echo", json!({})).await;
    let outcome = stage.call("Echo", json!({})).await;
    let pause = outcome.failure.unwrap().retry_after.unwrap();
    assert!(base::Duration::seconds(1) < pause, "{pause:?}");
    assert_eq!(stage.log().len(), 3);
}

#[tokio::test]
async fn what_cannot_be_started_is_said() {
    if !has_python() {
        return;
    }
    for (start, limits, expected) in [
        ("never", "limits: { start: PT0.5S }", ("ConnectionFailed", Some(ErrorClass::Transient))),
        ("version", "", ("ProtocolNotSupported", Some(ErrorClass::Permanent))),
    ] {
        let stage = Stage::odd(&[("ODD_START", start)], limits);
        let outcome = stage.call("Echo", json!({})).await;
        assert_eq!(failed(&outcome), expected, "{outcome:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    odd(folder.path(), &[], "");
    let file = folder.path().join("connectors/odd/connector.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    for (command, expected) in [
        ("no-such-program-anywhere", "there is no program"),
        ("./nothing.sh", "there is no program"),
        ("./connector.yaml", "ermission denied"),
    ] {
        let text = text.replace("[python3,", &format!("[{command},"));
        let folder = tempfile::tempdir().unwrap();
        odd(folder.path(), &[], "");
        std::fs::write(folder.path().join("connectors/odd/connector.yaml"), text).unwrap();
        let stage = Stage::of(folder, "odd");
        for _ in 0..4 {
            let outcome = stage.call("Echo", json!({})).await;
            assert_eq!(failed(&outcome), ("ProgramNotStarted", Some(ErrorClass::Permanent)));
            assert!(message(&outcome).contains(expected), "{outcome:?}");
        }
    }
}

#[tokio::test]
async fn a_program_that_hangs_is_told_then_replaced() {
    if !has_python() {
        return;
    }
    let stage = Stage::odd(&[], SHORT);
    let begun = Instant::now();
    let outcome = stage.call("Hang", json!({})).await;
    assert_eq!(failed(&outcome), ("TimedOut", Some(ErrorClass::Transient)));
    assert!(begun.elapsed() < Duration::from_mins(1));
    let own = body(&stage.call("Family", json!({})).await)["own"].as_u64().unwrap();
    assert!(stage.log()[1].starts_with("cancel "), "{:?}", stage.log());
    // It still answers others, so it is not taken for hung by this one.
    assert!(is_alive(own));
    // Whoever asks may go away before the answer.
    let hangs = || stage.log().iter().filter(|it| *it == "hangs").count() == 2;
    tokio::select! {
        outcome = stage.call("Hang", json!({})) => panic!("{outcome:?}"),
        () = until("it hangs again", async || hangs()) => {}
    }
    dies(own).await;
    assert_eq!(stage.log().iter().filter(|it| it.starts_with("cancel ")).count(), 2);
    assert_ne!(body(&stage.call("Family", json!({})).await)["own"].as_u64().unwrap(), own);
}

#[tokio::test]
async fn floods_garbage_and_second_answers_do_no_harm() {
    if !has_python() {
        return;
    }
    let stage = Stage::odd(&[], "limits: { lineBytes: 100000 }");
    assert_eq!(body(&stage.call("Flood", json!({ "times": 50_000 })).await), "done");
    assert_eq!(body(&stage.call("Garbage", json!({ "times": 20 })).await), "done");
    assert_eq!(body(&stage.call("Twice", json!({})).await)["operation"], "Twice");
    assert_eq!(body(&stage.call("Slow", json!({ "times": 1 })).await), &json!(1));
    // Too much of it ends it.
    let outcome = stage.call("Garbage", json!({ "times": 500 })).await;
    assert_eq!(failed(&outcome), ("ConnectionLost", Some(ErrorClass::Transient)));
    assert!(message(&outcome).contains("not the protocol"), "{outcome:?}");
    let outcome = stage.call("Long", json!({ "times": 200_000 })).await;
    assert!(message(&outcome).contains("more than 100000 bytes"), "{outcome:?}");
}

#[tokio::test]
async fn whatever_a_program_has_started_ends_with_it() {
    if !has_python() {
        return;
    }
    let ids = |outcome: &Outcome| {
        let id = |name: &str| body(outcome)[name].as_u64().unwrap();
        (id("own"), id("child"))
    };
    let stage = Stage::odd(&[], "limits: { idle: PT1S, call: PT30S }");
    let (own, child) = ids(&stage.call("Family", json!({})).await);
    assert!(is_alive(own) && is_alive(child));
    // Nobody asks it any more.
    dies(own).await;
    dies(child).await;
    let (own, child) = ids(&stage.call("Family", json!({})).await);
    // It dies by itself.
    stage.call("Die", json!({ "times": 9 })).await;
    dies(own).await;
    dies(child).await;
    let (own, child) = ids(&stage.call("Family", json!({})).await);
    // Whoever has started it goes away without a word.
    drop(stage);
    dies(own).await;
    dies(child).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_program_gets_no_more_than_its_limits() {
    if !has_python() {
        return;
    }
    let limits = "limits: { memoryBytes: 400000000, openFiles: 64, cpuSeconds: 30 }";
    let stage = Stage::odd(&[], limits);
    let family = stage.call("Family", json!({})).await;
    for who in ["own", "child"] {
        let id = &body(&family)[who];
        let bounds = std::fs::read_to_string(format!("/proc/{id}/limits")).unwrap();
        for (name, most) in [
            ("Max address space", "400000000"),
            ("Max open files", "64"),
            ("Max cpu time", "30"),
            ("Max core file size", "0"),
        ] {
            let line = bounds.lines().find_map(|it| it.strip_prefix(name)).unwrap();
            let found: Vec<&str> = line.split_whitespace().take(2).collect();
            assert_eq!(found, [most, most], "{who} {name}");
        }
    }
}

#[tokio::test]
async fn what_it_can_do_is_what_is_kept_beside_its_file() {
    if !has_python() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    odd(folder.path(), &[], "");
    let described = describe(folder.path(), "odd").await;
    let kept = crate::support::service::root().join("tests/data/programs/odd.describe.json");
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(kept).unwrap()).unwrap();
    assert_eq!(described, kept);
    let stage = Stage::of(folder, "odd");
    // Its answer goes on being asked for under the file's description after it has changed.
    assert_eq!(body(&stage.call("Change", json!({})).await), "changed");
    assert_eq!(body(&stage.call("Slow", json!({ "times": 3 })).await), &json!(3));
    let schema = stage.call("$discover", json!({ "schema": "Row", "inputs": {} })).await;
    assert_eq!(body(&schema)["properties"], json!({ "Row": { "type": "string" } }));
}
