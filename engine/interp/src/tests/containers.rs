//! Conditions, switches, loops, Terminate.

use super::check;

#[test]
fn a_condition_takes_one_branch_and_skips_the_other() {
    check(
        "
        - name: Yes
          if: { and: [{ greater: [\"@triggerBody()['n']\", 1] }, { not: { equals: [a, A] } }] }
          then: [{ name: A, compose: 1 }]
          else: [{ name: B, compose: 2 }]
        - name: No
          if: \"@equals(1, 2)\"
          then: [{ name: C, compose: 1 }]
        - { name: Words, compose: \"@actions('C')['error']\" }
        - { name: Inputs, compose: \"@actions('Yes')['inputs']\" }
        ",
        "start {\"n\": 2}",
        r#"
            start {"n": 2}
              finish Succeeded
            Yes Succeeded
              yes:
                A Succeeded = 1
              no:
                B Skipped ActionSkipped ! ActionBranchingConditionNotSatisfied: The execution of template action 'B' skipped: the branching condition for this action is not satisfied.
            No Succeeded
              yes:
                C Skipped ActionSkipped ! ActionBranchingConditionNotSatisfied: The execution of template action 'C' skipped: the branching condition for this action is not satisfied.
            Words Succeeded = {"code":"ActionBranchingConditionNotSatisfied","message":"The execution of template action 'C' skipped: the branching condition for this action is not satisfied."}
            Inputs Succeeded = {"expressionResult":true}
            run Succeeded
        "#,
    );
    check(
        "
        - name: Not a boolean
          if: \"@string('yes')\"
          then: [{ name: A, compose: 1 }]
          else: [{ name: B, compose: 2 }]
        - { name: Words, runAfter: { Not a boolean: [Failed] }, compose: \"@actions('Not_a_boolean')['error']\" }
        - name: Fails inside
          if: '@true'
          then: [{ name: C, compose: \"@int('x')\" }]
        ",
        "",
        r#"
            start null
              finish Failed
            Not a boolean Failed BadRequest ! InvalidTemplate
              yes:
                A Skipped ActionSkipped ! ActionDependencyFailed: The execution of template action 'A' is skipped: dependant action 'Not_a_boolean' completed with status 'Failed' and code 'BadRequest'.
              no:
                B Skipped ActionSkipped ! ActionDependencyFailed: The execution of template action 'B' is skipped: dependant action 'Not_a_boolean' completed with status 'Failed' and code 'BadRequest'.
            Words Succeeded = {"code":"InvalidTemplate","message":"Unable to process template language expressions for action 'Not_a_boolean' at line '0' and column '0': 'The result of the condition is of type 'String' but is expected to be a value of type 'Boolean'.'."}
            Fails inside Failed ActionFailed ! ActionFailed
              yes:
                C Failed BadRequest ! InvalidTemplate
            run Failed {"code":"ActionFailed","message":"An action failed. No dependent actions succeeded."}
        "#,
    );
}

const SWITCH: &str = "
    - name: Switch
      switch: \"@triggerBody()\"
      cases:
        - { case: a, actions: [{ name: A, compose: 1 }] }
        - { case: b, name: Bee, actions: [{ name: B, compose: 2 }] }
      default: [{ name: D, compose: 0 }]
    ";

#[test]
fn a_switch_takes_the_case_of_the_same_type_and_spelling() {
    check(
        SWITCH,
        "start \"b\"",
        r#"
            start "b"
              finish Succeeded
            Switch Succeeded
              a:
                A Skipped ActionSkipped ! ActionBranchingConditionNotSatisfied: The execution of template action 'A' skipped: the branching condition for this action is not satisfied.
              Bee:
                B Succeeded = 2
              default:
                D Skipped ActionSkipped ! ActionBranchingConditionNotSatisfied: The execution of template action 'D' skipped: the branching condition for this action is not satisfied.
            run Succeeded
        "#,
    );
    check(
        SWITCH,
        "start \"A\"",
        r#"
            start "A"
              finish Succeeded
            Switch Succeeded
              a:
                A Skipped ActionSkipped ! ActionBranchingConditionNotSatisfied: The execution of template action 'A' skipped: the branching condition for this action is not satisfied.
              Bee:
                B Skipped ActionSkipped ! ActionBranchingConditionNotSatisfied: The execution of template action 'B' skipped: the branching condition for this action is not satisfied.
              default:
                D Succeeded = 0
            run Succeeded
        "#,
    );
    check(
        SWITCH,
        "start 1",
        r#"
            start 1
              finish Failed
            Switch Failed ActionFailed ! ActionFailed
              a:
                A Failed InternalServerError ! ActionConditionFailed: The execution of template action 'A' failed: an unexpected exception encountered when evaluating branching condition. 'Template language function 'strongEquals' expects parameters of same type, but found 'Integer,String' distinct types.'
              Bee:
                B Failed InternalServerError ! ActionConditionFailed: The execution of template action 'B' failed: an unexpected exception encountered when evaluating branching condition. 'Template language function 'strongEquals' expects parameters of same type, but found 'Integer,String' distinct types.'
              default:
                D Failed InternalServerError ! ActionConditionFailed: The execution of template action 'D' failed: an unexpected exception encountered when evaluating branching condition. 'Template language function 'strongEquals' expects parameters of same type, but found 'Integer,String' distinct types.'
            run Failed {"code":"ActionFailed","message":"An action failed. No dependent actions succeeded."}
        "#,
    );
    check(
        SWITCH,
        "start null",
        r#"
            start null
              finish Failed
            Switch Failed ExpressionEvaluationFailed ! ExpressionEvaluationFailed: The execution of template action 'Switch' failed: The result of the evaluation of 'scope' action expression '@triggerBody()' is not valid. It is of type 'Null' but is expected to be a value of type 'String, Integer'.
              a:
                A Skipped ActionSkipped ! ActionDependencyFailed: The execution of template action 'A' is skipped: dependant action 'Switch' completed with status 'Failed' and code 'ExpressionEvaluationFailed'.
              Bee:
                B Skipped ActionSkipped ! ActionDependencyFailed: The execution of template action 'B' is skipped: dependant action 'Switch' completed with status 'Failed' and code 'ExpressionEvaluationFailed'.
              default:
                D Skipped ActionSkipped ! ActionDependencyFailed: The execution of template action 'D' is skipped: dependant action 'Switch' completed with status 'Failed' and code 'ExpressionEvaluationFailed'.
            run Failed {"code":"ActionFailed","message":"An action failed. No dependent actions succeeded."}
        "#,
    );
}

#[test]
fn a_switch_fails_with_its_expression_and_goes_on_with_numbers() {
    check(
        "
        - name: Switch
          switch: \"@int(triggerBody())\"
          cases: [{ case: 1, actions: [{ name: A, compose: 1 }] }]
        ",
        "start \"x\"",
        r#"
            start "x"
              finish Failed
            Switch Failed BadRequest ! InvalidTemplate
              1:
                A Skipped ActionSkipped ! ActionDependencyFailed: The execution of template action 'A' is skipped: dependant action 'Switch' completed with status 'Failed' and code 'BadRequest'.
            run Failed {"code":"ActionFailed","message":"An action failed. No dependent actions succeeded."}
        "#,
    );
    check(
        "
        - name: Switch
          switch: \"@triggerBody()\"
          cases: [{ case: 1, actions: [{ name: A, compose: 1 }] }]
        ",
        "start 1.0",
        r"
            start 1.0
              finish Succeeded
            Switch Succeeded
              1:
                A Succeeded = 1
            run Succeeded
        ",
    );
}

#[test]
fn all_items_run_even_after_one_has_failed() {
    check(
        "
        - name: Loop
          foreach: '@createArray(1, 0, 2)'
          actions:
            - { name: Divide, compose: '@div(10, item())' }
            - { name: Next, compose: \"@outputs('Divide')\" }
        ",
        "",
        r#"
            start null
              finish Failed
            Loop Failed ActionFailed ! ActionFailed
              pass 1:
                Divide Succeeded = 10
                Next Succeeded = 10
              pass 2:
                Divide Failed BadRequest ! InvalidTemplate
                Next Skipped ActionSkipped ! ActionConditionFailed: The execution of template action 'Next' is skipped: the 'runAfter' condition for action 'Divide' is not satisfied. Expected status values 'Succeeded' and actual value 'Failed'.
              pass 3:
                Divide Succeeded = 5
                Next Succeeded = 5
            run Failed {"code":"ActionFailed","message":"An action failed. No dependent actions succeeded."}
        "#,
    );
}

#[test]
fn a_loop_has_so_many_passes_at_a_time() {
    let flow = "
        - name: Loop
          foreach: '@range(1, 4)'
          concurrency: 2
          actions: [{ name: H, http: { method: GET, uri: \"http://a/@{items('Loop')}\" } }]
        ";
    check(
        flow,
        "answer Loop#1/H 200\nanswer Loop#0/H 404\nanswer Loop#3/H 200",
        r#"
            start null
              ask Loop#0/H@1 GET http://a/1
              ask Loop#1/H@1 GET http://a/2
            answer Loop#1/H 200
              ask Loop#2/H@1 GET http://a/3
            answer Loop#0/H 404
              ask Loop#3/H@1 GET http://a/4
            answer Loop#3/H 200
            Loop waits for its actions
              pass 1:
                H Failed NotFound [NotFound] = {"statusCode":404,"headers":{},"body":null} ! NotFound: the service answered with status 404 (NotFound)
              pass 2:
                H Succeeded [ok] = {"statusCode":200,"headers":{},"body":null}
              pass 3:
                H waits for an answer
              pass 4:
                H Succeeded [ok] = {"statusCode":200,"headers":{},"body":null}
            run open
        "#,
    );
    let one_by_one = "
        - name: Loop
          foreach: '@range(1, 2)'
          actions: [{ name: H, http: { method: GET, uri: \"http://a/@{item()}\" } }]
        ";
    check(
        one_by_one,
        "answer Loop#0/H 200\nanswer Loop#1/H 200",
        r#"
            start null
              ask Loop#0/H@1 GET http://a/1
            answer Loop#0/H 200
              ask Loop#1/H@1 GET http://a/2
            answer Loop#1/H 200
              finish Succeeded
            Loop Succeeded
              pass 1:
                H Succeeded [ok] = {"statusCode":200,"headers":{},"body":null}
              pass 2:
                H Succeeded [ok] = {"statusCode":200,"headers":{},"body":null}
            run Succeeded
        "#,
    );
}

#[test]
fn a_loop_needs_a_list() {
    check(
        "
        - name: Loop
          foreach: \"@triggerBody()?['rows']\"
          actions: [{ name: A, compose: 1 }]
        - { name: Empty, runAfter: { Loop: [Failed] }, foreach: \"@json('[]')\", actions: [{ name: B, compose: 1 }] }
        - { name: Of it, compose: \"@result('Empty')\" }
        ",
        "",
        r#"
            start null
              finish Succeeded
            Loop Failed ExpressionEvaluationFailed ! ExpressionEvaluationFailed: The execution of template action 'Loop' failed: the result of the evaluation of 'foreach' expression '@triggerBody()?['rows']' is of type 'Null'. The result must be a valid array.
            Empty Succeeded
            Of it Succeeded = [{"name":"B","startTime":"2026-01-01T00:00:00.0000000Z","endTime":"2026-01-01T00:00:00.0000000Z","trackingId":"run-1:B","clientTrackingId":"run-1","code":"ActionSkipped","status":"Skipped","error":{"code":"ActionBranchingConditionNotSatisfied","message":"The execution of template action 'B' skipped: the branching condition for this action is not satisfied."}}]
            run Succeeded
        "#,
    );
}

#[test]
fn loops_nest_and_each_pass_sees_its_own() {
    check(
        "
        - { name: Set up, initialize: { name: s, type: string, value: '' } }
        - name: Outer
          foreach: \"@createArray('a', 'b')\"
          actions:
            - name: Inner
              foreach: '@range(1, 2)'
              actions:
                - { name: Text, compose: \"@{items('Outer')}@{items('Inner')}@{item()}\" }
                - { name: Add, append: { name: s, value: \"@{outputs('Text')} \" } }
            - { name: Last, compose: \"@outputs('Text')\" }
        ",
        "",
        r#"
            start null
              finish Succeeded
            Set up Succeeded
            Outer Succeeded
              pass 1:
                Inner Succeeded
                  pass 1:
                    Text Succeeded = "a11"
                    Add Succeeded = {"body":{"name":"s","value":"a11 "}}
                  pass 2:
                    Text Succeeded = "a22"
                    Add Succeeded = {"body":{"name":"s","value":"a22 "}}
                Last Succeeded = "a22"
              pass 2:
                Inner Succeeded
                  pass 1:
                    Text Succeeded = "b11"
                    Add Succeeded = {"body":{"name":"s","value":"b11 "}}
                  pass 2:
                    Text Succeeded = "b22"
                    Add Succeeded = {"body":{"name":"s","value":"b22 "}}
                Last Succeeded = "b22"
            variable s = "a11 a22 b11 b22 "
            run Succeeded
        "#,
    );
}

#[test]
fn until_looks_after_each_pass() {
    check(
        "
        - { name: Set up, initialize: { name: n, type: integer, value: 0 } }
        - name: Until
          until: \"@equals(outputs('Index'), 2)\"
          actions:
            - { name: Count, increment: { name: n } }
            - { name: Index, compose: \"@iterationIndexes('Until')\" }
        - { name: Passes, compose: \"@actions('Until')['repetitionCount']\" }
        - { name: Of it, compose: \"@length(result('Until'))\" }
        ",
        "",
        r#"
            start null
              finish Succeeded
            Set up Succeeded
            Until Succeeded
              pass 1:
                Count Succeeded = {"body":{"name":"n","value":1}}
                Index Succeeded = 0
              pass 2:
                Count Succeeded = {"body":{"name":"n","value":2}}
                Index Succeeded = 1
              pass 3:
                Count Succeeded = {"body":{"name":"n","value":3}}
                Index Succeeded = 2
            Passes Succeeded = 3
            Of it Succeeded = 2
            variable n = 3
            run Succeeded
        "#,
    );
}

#[test]
fn until_ends_at_a_limit() {
    check(
        "
        - name: Fails
          until: '@false'
          limit: { count: 2 }
          actions: [{ name: A, compose: 1 }]
        - name: Goes on
          runAfter: { Fails: [Failed] }
          until: '@false'
          limit: { count: 1 }
          onLimit: continue
          actions: [{ name: B, compose: 1 }]
        - name: In time
          until: '@false'
          limit: { timeout: PT1M }
          actions: [{ name: C, wait: PT40S }]
        ",
        "wake In_time#0/C\nwake In_time#1/C",
        r#"
            start null
              pause In_time#0/C PT40S
            wake In_time#0/C
              pause In_time#1/C PT40S
            wake In_time#1/C
              finish Failed
            Fails Failed UntilLimitReached ! UntilLimitReached: the loop 'Fails' reached its 2 passes before its condition was true
              pass 1:
                A Succeeded = 1
              pass 2:
                A Succeeded = 1
            Goes on Succeeded
              pass 1:
                B Succeeded = 1
            In time Failed UntilLimitReached ! UntilLimitReached: the loop 'In_time' reached its time of PT60S before its condition was true
              pass 1:
                C Succeeded
              pass 2:
                C Succeeded
            run Failed {"code":"ActionFailed","message":"An action failed. No dependent actions succeeded."}
        "#,
    );
}

#[test]
fn a_failing_pass_does_not_stop_until_and_the_last_one_decides() {
    check(
        "
        - { name: Set up, initialize: { name: n, type: integer, value: 2 } }
        - name: Until
          until: \"@equals(variables('n'), 0)\"
          actions:
            - { name: Count, decrement: { name: n } }
            - { name: Divide, compose: \"@div(1, sub(variables('n'), 1))\" }
        - name: Not a boolean
          until: \"@string('x')\"
          actions: [{ name: A, compose: 1 }]
        ",
        "",
        r#"
            start null
              finish Failed
            Set up Succeeded
            Until Succeeded
              pass 1:
                Count Succeeded = {"body":{"name":"n","value":1}}
                Divide Failed BadRequest ! InvalidTemplate
              pass 2:
                Count Succeeded = {"body":{"name":"n","value":0}}
                Divide Succeeded = -1
            Not a boolean Failed BadRequest ! InvalidTemplate
              pass 1:
                A Succeeded = 1
            variable n = 0
            run Failed {"code":"ActionFailed","message":"An action failed. No dependent actions succeeded."}
        "#,
    );
}

#[test]
fn terminate_ends_the_run_wherever_it_stands() {
    check(
        "
        - { name: A, compose: \"@int('x')\" }
        - { name: Stop, runAfter: { A: [Failed] }, terminate: Succeeded }
        - { name: B, compose: 1 }
        ",
        "",
        r"
            start null
              finish Succeeded
            A Failed BadRequest ! InvalidTemplate
            Stop Succeeded
            B Skipped Terminated ! Terminated: the run was ended by the action 'Stop'
            run Succeeded
        ",
    );
    check(
        "
        - name: Scope
          scope:
            - { name: A, compose: 1 }
            - { name: Stop, terminate: { status: Failed, code: \"@{outputs('A')}\", message: Enough } }
            - { name: B, compose: 1 }
            - { name: In parallel, runAfter: {}, scope: [{ name: C, compose: 1 }] }
        - { name: After, runAfter: { Scope: [Succeeded, Failed, Skipped, TimedOut] }, compose: 1 }
        ",
        "",
        r#"
            start null
              finish Failed
            Scope Cancelled ActionCancelled ! ActionCancelled: the run was ended by the action 'Stop'
              A Succeeded = 1
              Stop Succeeded
              B Skipped Terminated ! Terminated: the run was ended by the action 'Stop'
              In parallel Cancelled ActionCancelled ! ActionCancelled: the run was ended by the action 'Stop'
                C Skipped Terminated ! Terminated: the run was ended by the action 'Stop'
            After Skipped Terminated ! Terminated: the run was ended by the action 'Stop'
            run Failed {"code":"1","message":"Enough"}
        "#,
    );
}

#[test]
fn terminate_cancels_what_is_open_beside_it() {
    check(
        "
        - name: Slow
          scope:
            - { name: H, http: { method: GET, uri: http://a }, timeout: PT1H }
            - { name: After H, compose: 1 }
        - { name: Wait, runAfter: {}, wait: PT1M }
        - { name: Stop, terminate: Cancelled }
        ",
        "answer H 503\nwake Wait\nwake H\nanswer H 200",
        r"
            start null
              pause Wait PT60S
              deadline H PT3600S
              ask H@1 GET http://a
            answer H 503
              pause H PT7.5S
            wake Wait
              pause H off
              deadline H off
              finish Cancelled
            wake H
            answer H 200
            Slow Cancelled ActionCancelled ! ActionCancelled: the run was ended by the action 'Stop'
              H Cancelled ActionCancelled [ServiceUnavailable PT7.5S] ! ActionCancelled: the run was ended by the action 'Stop'
              After H Skipped Terminated ! Terminated: the run was ended by the action 'Stop'
            Wait Succeeded
            Stop Succeeded
            run Cancelled
        ",
    );
    // The scope has been started in the same step and not been entered yet.
    check(
        "
        - name: Scope
          scope: [{ name: A, compose: 1 }]
        - { name: Stop, runAfter: {}, terminate: Succeeded }
        ",
        "",
        r"
            start null
              finish Succeeded
            Scope Cancelled ActionCancelled ! ActionCancelled: the run was ended by the action 'Stop'
              A Skipped Terminated ! Terminated: the run was ended by the action 'Stop'
            Stop Succeeded
            run Succeeded
        ",
    );
}
