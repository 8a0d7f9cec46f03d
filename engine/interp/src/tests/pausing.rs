//! Runs that somebody has pause: nothing begins, nothing is lost, and they go on where they were.

use super::{Play, check, plan};
use crate::view;

#[test]
fn what_was_asked_is_finished_and_nothing_begins() {
    check(
        "
        - { name: H, http: { method: GET, uri: http://a } }
        - { name: After, compose: \"@body('H')\" }
        - { name: G, http: { method: GET, uri: http://b } }
        ",
        "
        pause me
        pause me again
        answer H 200 1
        continue me
        continue me again
        ",
        r#"
            start null
              ask H@1 GET http://a
            pause me
            pause me again
            answer H 200 1
            continue me
              ask G@1 GET http://b
            continue me again
            H Succeeded [ok] = {"statusCode":200,"headers":{},"body":1}
            After Succeeded = 1
            G waits for an answer
            run open
        "#,
    );
}

#[test]
fn what_has_failed_is_not_asked_again_meanwhile() {
    check(
        "- { name: H, http: { method: GET, uri: http://a } }",
        "
        answer H 503
        pause me
        wake H
        pause me
        continue me
        answer H 200
        ",
        r#"
            start null
              ask H@1 GET http://a
            answer H 503
              pause H PT7.5S
            pause me
            wake H
            pause me
            continue me
              ask H@2 GET http://a
            answer H 200
              finish Succeeded
            H Succeeded [ServiceUnavailable PT7.5S, ok] = {"statusCode":200,"headers":{},"body":null}
            run Succeeded
        "#,
    );
    let plan = plan("- { name: H, http: { method: GET, uri: http://a } }");
    let play = Play::run(&plan, "answer H 503\npause me\nwake H");
    let nodes = view::tree(&plan, &play.run);
    assert_eq!(nodes[0].waits_for, Some("the run to go on"));
}

#[test]
fn what_was_accepted_is_looked_for_meanwhile() {
    check(
        "- { name: H, http: { method: GET, uri: http://a } }",
        "
        answer H 202 Location=http://a/1
        pause me
        wake H
        ",
        "
            start null
              ask H@1 GET http://a
            answer H 202 Location=http://a/1
              pause H PT10S
            pause me
            wake H
              ask H@2 GET http://a at http://a/1
            H waits for an answer [ok PT10S]
            run open
        ",
    );
}

#[test]
fn waits_go_on_and_times_stand_still() {
    // The wait is over during the pause, and so would be the time of the scope, all of which is left.
    check(
        "
        - name: S
          timeout: PT1H
          scope:
            - { name: W, wait: PT10M }
            - { name: H, http: { method: GET, uri: http://a } }
        ",
        "
        pause me
        wake W
        expire S
        continue me
        expire-early S
        expire S
        ",
        r#"
            start null
              deadline S PT3600S
              pause W PT600S
            pause me
            wake W
            expire S
            continue me
              deadline S PT3600S
              ask H@1 GET http://a
            expire-early S
              deadline S PT3600S
            expire S
              finish TimedOut
            S TimedOut ActionTimedOut ! ActionTimedOut: the action 'S' took longer than its timeout of PT3600S
              W Succeeded
              H Cancelled ActionCancelled ! ActionCancelled: the action 'S' around it took longer than it may
            run TimedOut {"code":"ActionTimedOut","message":"An action failed. No dependent actions succeeded."}
        "#,
    );
}

#[test]
fn a_paused_run_can_be_cancelled() {
    check(
        "
        - { name: H, http: { method: GET, uri: http://a } }
        - { name: After, compose: 1 }
        ",
        "
        pause me
        answer H 200
        cancel enough
        continue me
        ",
        r#"
            start null
              ask H@1 GET http://a
            pause me
            answer H 200
            cancel enough
              finish Cancelled
            continue me
            H Succeeded [ok] = {"statusCode":200,"headers":{},"body":null}
            After Skipped Terminated ! Terminated: the run was stopped
            run Cancelled {"code":"RunCancelled","message":"enough"}
        "#,
    );
}

#[test]
fn what_was_paused_before_it_began_begins_later() {
    check(
        "
        - { name: Time, compose: '@{utcNow()}' }
        - { name: H, http: { method: GET, uri: http://a } }
        ",
        "
        pause-early me
        begin
        continue me
        begin
        begin
        ",
        r#"
            start null
              ask H@1 GET http://a
            pause-early me
            begin
            continue me
            begin
              ask H@1 GET http://a
            begin
            Time Succeeded = "2026-01-01T00:00:00.0000000Z"
            H waits for an answer
            run open
        "#,
    );
}

#[test]
fn the_time_of_a_loop_stands_still() {
    // Each pass takes 25 minutes; the one during the pause takes nothing of the hour.
    check(
        "
        - { name: Clock, wait: PT2H }
        - name: Again
          runAfter: {}
          until: \"@false\"
          limit: { count: 9, timeout: PT1H }
          actions:
            - { name: W, wait: PT25M }
        ",
        "
        pause me
        wake Clock
        wake Again#0/W
        continue me
        wake Again#1/W
        wake Again#2/W
        wake Again#3/W
        ",
        r#"
            start null
              pause Clock PT7200S
              pause Again#0/W PT1500S
            pause me
            wake Clock
            wake Again#0/W
            continue me
              pause Again#1/W PT1500S
            wake Again#1/W
              pause Again#2/W PT1500S
            wake Again#2/W
              pause Again#3/W PT1500S
            wake Again#3/W
              finish Failed
            Clock Succeeded
            Again Failed UntilLimitReached ! UntilLimitReached: the loop 'Again' reached its time of PT3600S before its condition was true
              pass 1:
                W Succeeded
              pass 2:
                W Succeeded
              pass 3:
                W Succeeded
              pass 4:
                W Succeeded
            run Failed {"code":"ActionFailed","message":"An action failed. No dependent actions succeeded."}
        "#,
    );
}
