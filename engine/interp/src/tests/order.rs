//! What runs after what, what is skipped and with which words, and how a block has ended.

use super::check;

#[test]
fn without_run_after_an_action_follows_the_one_before() {
    check(
        "
        - { name: A, compose: 1 }
        - { name: B, compose: \"@add(outputs('A'), 1)\" }
        - { name: C, runAfter: {}, compose: 3 }
        ",
        "",
        r"
            start null
              finish Succeeded
            A Succeeded = 1
            B Succeeded = 2
            C Succeeded = 3
            run Succeeded
        ",
    );
}

#[test]
fn a_status_that_does_not_match_skips_and_says_why() {
    check(
        "
        - { name: A, compose: \"@int('x')\" }
        - { name: On success, runAfter: { A: [Succeeded] }, compose: 1 }
        - { name: On failure, runAfter: { A: [Failed, TimedOut] }, compose: 2 }
        - { name: Either, runAfter: { A: [SUCCEEDED, failed] }, compose: 3 }
        ",
        "",
        r#"
            start null
              finish Failed
            A Failed BadRequest ! InvalidTemplate
            On success Skipped ActionSkipped ! ActionConditionFailed: The execution of template action 'On_success' is skipped: the 'runAfter' condition for action 'A' is not satisfied. Expected status values 'Succeeded' and actual value 'Failed'.
            On failure Succeeded = 2
            Either Succeeded = 3
            run Failed {"code":"ActionFailed","message":"An action failed. No dependent actions succeeded."}
        "#,
    );
    // Every predecessor must match; each of its own successors sees that it was skipped.
    check(
        "
        - { name: A, compose: 1 }
        - { name: B, runAfter: {}, compose: \"@int('x')\" }
        - { name: Both, runAfter: { A: [Succeeded], B: [Succeeded] }, compose: 1 }
        - { name: Any, runAfter: { A: [Succeeded], B: [Succeeded, Failed] }, compose: 2 }
        - { name: Chain 1, runAfter: { Both: [Skipped] }, compose: 3 }
        - { name: Chain 2, runAfter: { Chain 1: [Skipped] }, compose: 4 }
        - { name: Chain 3, runAfter: { Chain 2: [Skipped] }, compose: 5 }
        ",
        "",
        r"
            start null
              finish Succeeded
            A Succeeded = 1
            B Failed BadRequest ! InvalidTemplate
            Both Skipped ActionSkipped ! ActionConditionFailed: The execution of template action 'Both' is skipped: the 'runAfter' condition for action 'B' is not satisfied. Expected status values 'Succeeded' and actual value 'Failed'.
            Any Succeeded = 2
            Chain 1 Succeeded = 3
            Chain 2 Skipped ActionSkipped ! ActionConditionFailed: The execution of template action 'Chain_2' is skipped: the 'runAfter' condition for action 'Chain_1' is not satisfied. Expected status values 'Skipped' and actual value 'Succeeded'.
            Chain 3 Succeeded = 5
            run Succeeded
        ",
    );
}

#[test]
fn every_status_can_be_waited_for() {
    check(
        "
        - { name: A, http: { method: GET, uri: http://a }, timeout: PT1M }
        - { name: After time-out, runAfter: { A: [TimedOut] }, compose: 1 }
        - { name: After failure, runAfter: { A: [Failed] }, compose: 2 }
        - { name: After skip, runAfter: { After failure: [Skipped] }, compose: 3 }
        - { name: At last, runAfter: { A: [Succeeded, Failed, Skipped, TimedOut] }, compose: 4 }
        ",
        "expire A",
        r"
            start null
              deadline A PT60S
              ask A@1 GET http://a
            expire A
              finish Succeeded
            A TimedOut ActionTimedOut ! ActionTimedOut: the action 'A' took longer than its timeout of PT60S
            After time-out Succeeded = 1
            After failure Skipped ActionSkipped ! ActionConditionFailed: The execution of template action 'After_failure' is skipped: the 'runAfter' condition for action 'A' is not satisfied. Expected status values 'Failed' and actual value 'TimedOut'.
            After skip Succeeded = 3
            At last Succeeded = 4
            run Succeeded
        ",
    );
}

#[test]
fn what_is_in_a_skipped_container_is_skipped_at_all_levels() {
    check(
        "
        - { name: A, compose: \"@int('x')\" }
        - name: Scope
          scope:
            - { name: In scope, compose: 1 }
            - name: If
              if: '@true'
              then: [{ name: In condition, compose: 2 }]
            - name: Loop
              foreach: '@createArray(1)'
              actions: [{ name: In loop, compose: 3 }]
        - name: Words
          runAfter: { Scope: [Skipped] }
          select: \"@item()['error']['message']\"
          from: \"@result('Scope')\"
        - name: Of the condition
          compose: \"@actions('In_condition')['error']['message']\"
        - name: Of the loop
          compose: \"@result('Loop')[0]['status']\"
        ",
        "",
        r#"
            start null
              finish Succeeded
            A Failed BadRequest ! InvalidTemplate
            Scope Skipped ActionSkipped ! ActionConditionFailed: The execution of template action 'Scope' is skipped: the 'runAfter' condition for action 'A' is not satisfied. Expected status values 'Succeeded' and actual value 'Failed'.
            Words Succeeded = {"body":["The execution of template action 'In_scope' is skipped: dependant action 'Scope' completed with status 'Skipped' and code 'ActionSkipped'.","The execution of template action 'If' is skipped: dependant action 'Scope' completed with status 'Skipped' and code 'ActionSkipped'.","The execution of template action 'Loop' is skipped: dependant action 'Scope' completed with status 'Skipped' and code 'ActionSkipped'."]}
            Of the condition Succeeded = "The execution of template action 'In_condition' is skipped: dependant action 'If' completed with status 'Skipped' and code 'ActionSkipped'."
            Of the loop Succeeded = "Skipped"
            run Succeeded
        "#,
    );
}

/// A try, what follows it and a catch: the three usual shapes.
#[test]
fn the_status_of_a_block_is_that_of_its_leaves() {
    // A failure that is handled inside leaves the scope green and skips its catch.
    check(
        "
        - name: Try
          scope:
            - { name: A, compose: \"@int('x')\" }
            - { name: Handled, runAfter: { A: [Failed] }, compose: 1 }
        - { name: Catch, runAfter: { Try: [Failed, Skipped, TimedOut] }, compose: 2 }
        ",
        "",
        r"
            start null
              finish Succeeded
            Try Succeeded
              A Failed BadRequest ! InvalidTemplate
              Handled Succeeded = 1
            Catch Skipped ActionSkipped ! ActionConditionFailed: The execution of template action 'Catch' is skipped: the 'runAfter' condition for action 'Try' is not satisfied. Expected status values 'Failed, Skipped, TimedOut' and actual value 'Succeeded'.
            run Succeeded
        ",
    );
    // A catch that succeeds makes the run green.
    check(
        "
        - name: Try
          scope: [{ name: A, compose: \"@int('x')\" }]
        - { name: Catch, runAfter: { Try: [Failed] }, compose: 2 }
        ",
        "",
        r"
            start null
              finish Succeeded
            Try Failed ActionFailed ! ActionFailed
              A Failed BadRequest ! InvalidTemplate
            Catch Succeeded = 2
            run Succeeded
        ",
    );
    // What follows the try beside the catch is a skipped leaf: the failure shines through.
    check(
        "
        - { name: Try, compose: \"@int('x')\" }
        - { name: Next, runAfter: { Try: [Succeeded] }, compose: 1 }
        - { name: Catch, runAfter: { Try: [Failed] }, compose: 2 }
        ",
        "",
        r#"
            start null
              finish Failed
            Try Failed BadRequest ! InvalidTemplate
            Next Skipped ActionSkipped ! ActionConditionFailed: The execution of template action 'Next' is skipped: the 'runAfter' condition for action 'Try' is not satisfied. Expected status values 'Succeeded' and actual value 'Failed'.
            Catch Succeeded = 2
            run Failed {"code":"ActionFailed","message":"An action failed. No dependent actions succeeded."}
        "#,
    );
}

#[test]
fn skipped_leaves_count_as_their_predecessors_at_any_distance() {
    check(
        "
        - name: Far
          scope:
            - { name: A1, compose: \"@int('x')\" }
            - { name: A2, compose: 1 }
            - { name: A3, compose: 2 }
            - { name: A4, compose: 3 }
        - name: Two ways
          runAfter: { Far: [Failed] }
          scope:
            - { name: B1, compose: \"@int('x')\" }
            - { name: B2, runAfter: { B1: [Failed] }, compose: 1 }
            - { name: B3, runAfter: { B1: [Succeeded] }, compose: 1 }
            - { name: B4, runAfter: { B2: [Skipped], B3: [Skipped] }, compose: 1 }
        - name: Only skipped
          runAfter: { Two ways: [Failed] }
          scope:
            - { name: C1, compose: 1 }
            - { name: C2, runAfter: { C1: [Failed] }, compose: 1 }
        - name: Empty
          scope: []
        ",
        "",
        r"
            start null
              finish Succeeded
            Far Failed ActionFailed ! ActionFailed
              A1 Failed BadRequest ! InvalidTemplate
              A2 Skipped ActionSkipped ! ActionConditionFailed: The execution of template action 'A2' is skipped: the 'runAfter' condition for action 'A1' is not satisfied. Expected status values 'Succeeded' and actual value 'Failed'.
              A3 Skipped ActionSkipped ! ActionConditionFailed: The execution of template action 'A3' is skipped: the 'runAfter' condition for action 'A2' is not satisfied. Expected status values 'Succeeded' and actual value 'Skipped'.
              A4 Skipped ActionSkipped ! ActionConditionFailed: The execution of template action 'A4' is skipped: the 'runAfter' condition for action 'A3' is not satisfied. Expected status values 'Succeeded' and actual value 'Skipped'.
            Two ways Failed ActionFailed ! ActionFailed
              B1 Failed BadRequest ! InvalidTemplate
              B2 Succeeded = 1
              B3 Skipped ActionSkipped ! ActionConditionFailed: The execution of template action 'B3' is skipped: the 'runAfter' condition for action 'B1' is not satisfied. Expected status values 'Succeeded' and actual value 'Failed'.
              B4 Skipped ActionSkipped ! ActionConditionFailed: The execution of template action 'B4' is skipped: the 'runAfter' condition for action 'B2' is not satisfied. Expected status values 'Skipped' and actual value 'Succeeded'.
            Only skipped Succeeded
              C1 Succeeded = 1
              C2 Skipped ActionSkipped ! ActionConditionFailed: The execution of template action 'C2' is skipped: the 'runAfter' condition for action 'C1' is not satisfied. Expected status values 'Failed' and actual value 'Succeeded'.
            Empty Succeeded
            run Succeeded
        ",
    );
}

#[test]
fn failed_is_graver_than_timed_out_and_that_than_succeeded() {
    let flow = "
        - name: Slow
          scope:
            - { name: A, http: { method: GET, uri: http://a }, timeout: PT1M }
            - { name: B, runAfter: {}, compose: 1 }
        - name: Broken
          runAfter: { Slow: [TimedOut] }
          scope:
            - { name: C, http: { method: GET, uri: http://c }, timeout: PT1M }
            - { name: D, runAfter: {}, compose: \"@int('x')\" }
        ";
    check(
        flow,
        "expire A\nexpire C",
        r#"
            start null
              deadline A PT60S
              ask A@1 GET http://a
            expire A
              deadline C PT60S
              ask C@1 GET http://c
            expire C
              finish Failed
            Slow TimedOut ActionTimedOut ! ActionTimedOut: An action failed. No dependent actions succeeded.
              A TimedOut ActionTimedOut ! ActionTimedOut: the action 'A' took longer than its timeout of PT60S
              B Succeeded = 1
            Broken Failed ActionFailed ! ActionFailed
              C TimedOut ActionTimedOut ! ActionTimedOut: the action 'C' took longer than its timeout of PT60S
              D Failed BadRequest ! InvalidTemplate
            run Failed {"code":"ActionFailed","message":"An action failed. No dependent actions succeeded."}
        "#,
    );
}

#[test]
fn a_failed_expression_is_told_in_the_clouds_words() {
    check(
        "
        - { name: A, compose: \"@div(1, triggerBody()?['zero'])\" }
        - { name: Words, runAfter: { A: [Failed] }, compose: \"@actions('A')\" }
        - name: S
          scope: [{ name: B, compose: \"@int('x')\" }]
        - { name: More words, runAfter: { S: [Failed] }, compose: \"@actions('S')['error']\" }
        ",
        "start {\"zero\": 0}",
        r#"
            start {"zero": 0}
              finish Succeeded
            A Failed BadRequest ! InvalidTemplate
            Words Succeeded = {"name":"A","startTime":"2026-01-01T00:00:00.0000000Z","endTime":"2026-01-01T00:00:00.0000000Z","trackingId":"run-1:A","clientTrackingId":"run-1","code":"BadRequest","status":"Failed","error":{"code":"InvalidTemplate","message":"Unable to process template language expressions in action 'A' inputs at line '0' and column '0': 'Attempt to divide an integral or decimal value by zero in function 'div'.'."}}
            S Failed ActionFailed ! ActionFailed
              B Failed BadRequest ! InvalidTemplate
            More words Succeeded = {"code":"ActionFailed","message":"An action failed. No dependent actions succeeded."}
            run Succeeded
        "#,
    );
}
