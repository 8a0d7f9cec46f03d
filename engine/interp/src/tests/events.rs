//! Events that come late, twice, early or never; intents; cancellation; replay.

use journal::EventKind;
use serde_json::json;

use super::{Play, check, plan};
use crate::{Run, replay, step, view};

const TWO: &str = "
    - { name: H, http: { method: GET, uri: http://a } }
    - { name: After, compose: \"@body('H')\" }
    - { name: G, http: { method: GET, uri: http://b } }
    ";

#[test]
fn late_and_repeated_answers_change_nothing() {
    check(
        TWO,
        "
        answer H@2 200 \"of a later attempt\"
        answer H 503
        answer H@1 200 \"of an attempt that is over\"
        wake H
        wake H
        answer H@1 200 \"late\"
        answer H 200 \"right\"
        answer H 200 \"twice\"
        expire H
        wake Nobody
        answer Nobody 200
        ",
        r#"
            start null
              ask H@1 GET http://a
            answer H@2 200 "of a later attempt"
            answer H 503
              pause H PT7.5S
            answer H@1 200 "of an attempt that is over"
            wake H
              ask H@2 GET http://a
            wake H
            answer H@1 200 "late"
            answer H 200 "right"
              ask G@1 GET http://b
            answer H 200 "twice"
            expire H
            wake Nobody
            answer Nobody 200
            H Succeeded [ServiceUnavailable PT7.5S, ok] = {"statusCode":200,"headers":{},"body":"right"}
            After Succeeded = "right"
            G waits for an answer
            run open
        "#,
    );
}

#[test]
fn a_timer_that_goes_off_too_early_is_set_again() {
    check(
        "- { name: H, http: { method: GET, uri: http://a }, timeout: PT1H }\n- { name: W, wait: PT1M }",
        "
        wake-early H
        answer H 503
        wake-early H
        expire-early H
        wake H
        answer H 200
        wake-early W
        wake W
        ",
        r#"
            start null
              deadline H PT3600S
              ask H@1 GET http://a
            wake-early H
            answer H 503
              pause H PT7.5S
            wake-early H
              pause H PT7.5S
            expire-early H
              deadline H PT3600S
            wake H
              ask H@2 GET http://a
            answer H 200
              deadline H off
              pause W PT60S
            wake-early W
              pause W PT60S
            wake W
              finish Succeeded
            H Succeeded [ServiceUnavailable PT7.5S, ok] = {"statusCode":200,"headers":{},"body":null}
            W Succeeded
            run Succeeded
        "#,
    );
}

#[test]
fn an_event_of_an_action_that_is_not_reached_yet_waits_for_it() {
    check(
        TWO,
        "answer G@1 503\nwake G\nanswer G@2 200 \"early\"\nanswer H 200",
        r#"
            start null
              ask H@1 GET http://a
            answer G@1 503
            wake G
            answer G@2 200 "early"
            answer H 200
              ask G@1 GET http://b
              pause G PT7.5S
              ask G@2 GET http://b
              finish Succeeded
            H Succeeded [ok] = {"statusCode":200,"headers":{},"body":null}
            After Succeeded
            G Succeeded [ServiceUnavailable PT7.5S, ok] = {"statusCode":200,"headers":{},"body":"early"}
            run Succeeded
        "#,
    );
    check(
        "- { name: H, http: { method: GET, uri: http://a } }\n- { name: W, wait: PT1M }",
        "wake W\nanswer H 200",
        r#"
            start null
              ask H@1 GET http://a
            wake W
            answer H 200
              pause W PT60S
              finish Succeeded
            H Succeeded [ok] = {"statusCode":200,"headers":{},"body":null}
            W Succeeded
            run Succeeded
        "#,
    );
}

#[test]
fn an_intent_without_an_answer_is_an_unknown_outcome() {
    let mut plan = plan("- { name: H, http: { method: POST, uri: http://a } }");
    plan.unsafe_calls = vec![0];
    // Only connector calls are of that kind; a plain request is not.
    let play = Play::run(&plan, "intend H");
    assert_eq!(play.run.unknown(&plan).len(), 1);
    assert!(play.run.outstanding(&plan).is_empty());
    let play = Play::run(&plan, "intend H\nunknown H\nanswer H 200");
    let record = view::tree(&plan, &play.run).remove(0);
    assert_eq!(record.failure.unwrap().code, "UnknownOutcome");
    // An answer to the first attempt makes the second one a new question.
    let play = Play::run(&plan, "intend H\nanswer H 503\nwake H");
    assert_eq!((play.run.unknown(&plan).len(), play.run.outstanding(&plan).len()), (0, 1));
}

#[test]
fn what_can_be_looked_for_is_asked_again_as_a_repeated_question() {
    let mut plan = plan("- { name: C, call: crm.CreateRecord, with: { a: 1 } }");
    (plan.unsafe_calls, plan.sought_calls) = (vec![0], vec![0]);
    let open = |script: &str| {
        let run = Play::run(&plan, script).run;
        assert_eq!(run.unknown(&plan), []);
        let asks = run.outstanding(&plan).into_iter().map(|it| match it {
            crate::Effect::Ask(ask) => (ask.attempt, ask.intent, ask.repeated),
            other => panic!("{other:?}"),
        });
        asks.collect::<Vec<_>>()
    };
    assert_eq!(open(""), [(1, true, false)]);
    assert_eq!(open("intend C"), [(1, true, true)]);
    assert_eq!(open("intend C\nfail C transient\nwake C"), [(2, true, true)]);
    assert_eq!(open("intend C\nfail C permanent"), []);
    // What was accepted is looked at where it is.
    assert_eq!(open("intend C\nanswer C 202 Location=/1\nwake C"), [(2, false, false)]);
}

#[test]
fn calls_that_must_not_be_repeated_say_so() {
    let mut plan = plan("- { name: C, call: crm.CreateRecord, with: { a: 1 } }");
    plan.unsafe_calls = vec![0];
    let trace = Play::run(&plan, "answer C 202 Location=/1\nwake C").trace();
    let asks: Vec<&str> = trace.lines().filter(|row| row.starts_with("  ask")).collect();
    assert_eq!(
        asks,
        [
            "  ask C@1 crm.CreateRecord {\"a\":1} after intent",
            "  ask C@2 crm.CreateRecord {\"a\":1} at /1"
        ]
    );
}

#[test]
fn somebody_stops_the_run() {
    check(
        "
        - name: Scope
          scope:
            - { name: H, http: { method: GET, uri: http://a }, timeout: PT1H }
            - { name: After, compose: 1 }
        - { name: Catch, runAfter: { Scope: [Failed, Skipped, TimedOut] }, compose: 1 }
        ",
        "answer H 503\ncancel by ada: wrong record\nwake H\ncancel again",
        r#"
            start null
              deadline H PT3600S
              ask H@1 GET http://a
            answer H 503
              pause H PT7.5S
            cancel by ada: wrong record
              pause H off
              deadline H off
              finish Cancelled
            wake H
            cancel again
            Scope Cancelled ActionCancelled ! ActionCancelled: the run was stopped
              H Cancelled ActionCancelled [ServiceUnavailable PT7.5S] ! ActionCancelled: the run was stopped
              After Skipped Terminated ! Terminated: the run was stopped
            Catch Skipped Terminated ! Terminated: the run was stopped
            run Cancelled {"code":"RunCancelled","message":"by ada: wrong record"}
        "#,
    );
}

#[test]
fn a_run_is_not_started_twice() {
    let plan = plan(TWO);
    let mut play = Play::run(&plan, "");
    let started = play.events[0].clone();
    assert!(matches!(started.kind, EventKind::Started { .. }));
    assert_eq!(step(&plan, &mut play.run, &started), []);
}

#[test]
fn replaying_gives_the_same_run_and_the_same_open_questions() {
    let flow = "
        - name: Loop
          foreach: '@range(1, 3)'
          concurrency: 3
          actions:
            - { name: Id, compose: '@guid()' }
            - { name: H, http: { method: GET, uri: \"http://a/@{outputs('Id')}\" } }
        ";
    let plan = plan(flow);
    let play = Play::run(&plan, "answer Loop#1/H 200\nanswer Loop#0/H 503");
    let again: Run = replay(&plan, &play.events);
    let shown = |run: &Run| format!("{:?}", view::tree(&plan, run));
    assert_eq!(shown(&again), shown(&play.run));
    assert_eq!(again.outstanding(&plan).len(), 1);
}

#[test]
fn random_numbers_differ_between_and_within_actions() {
    let plan = plan(
        "
        - { name: A, http: { method: GET, uri: '@guid()', body: '@guid()' } }
        - { name: B, runAfter: {}, compose: ['@guid()', '@guid()'] }
        - name: Until
          runAfter: {}
          until: \"@equals(rand(0, 4), 3)\"
          limit: { count: 200 }
          actions: [{ name: C, compose: '@guid()' }]
        ",
    );
    let play = Play::run(&plan, "answer A 200");
    let tree = view::tree(&plan, &play.run);
    let asked = tree[0].inputs.as_deref().unwrap();
    let made = tree[1].outputs.as_deref().unwrap();
    let mut all = vec![&asked["uri"], &asked["body"], &made[0], &made[1]];
    let passes: Vec<_> =
        tree[2].blocks.iter().map(|(_, nodes)| nodes[0].outputs.clone().unwrap()).collect();
    all.extend(passes.iter().map(|it| &**it));
    let mut texts: Vec<String> = all.iter().map(ToString::to_string).collect();
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), all.len());
    assert_eq!(play.run.end().map(|it| it.status.name()), Some("Succeeded"));
    assert_ne!(json!(texts), json!([]));
}
