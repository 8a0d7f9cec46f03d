//! Questions to services: answers, retries, polling, time-outs, other flows.

use super::check;

const GET: &str = "- { name: H, http: { method: GET, uri: http://a } }";

#[test]
fn an_answer_ends_the_question() {
    check(
        GET,
        "answer H 201 {\"id\": 1}",
        r#"
            start null
              ask H@1 GET http://a
            answer H 201 {"id": 1}
              finish Succeeded
            H Succeeded Created [ok] = {"statusCode":201,"headers":{},"body":{"id":1}}
            run Succeeded
        "#,
    );
    check(
        GET,
        "answer H 404 {\"error\": \"gone\"}",
        r#"
            start null
              ask H@1 GET http://a
            answer H 404 {"error": "gone"}
              finish Failed
            H Failed NotFound [NotFound] = {"statusCode":404,"headers":{},"body":{"error":"gone"}} ! NotFound: the service answered with status 404 (NotFound)
            run Failed {"code":"ActionFailed","message":"An action failed. No dependent actions succeeded."}
        "#,
    );
    check(
        "
        - { name: H, http: { method: GET, uri: http://a }, retryPolicy: none }
        - { name: Record, runAfter: { H: [Failed] }, compose: \"@actions('H')\" }
        ",
        "answer H 429 \"slow down\"",
        r#"
            start null
              ask H@1 GET http://a
            answer H 429 "slow down"
              finish Succeeded
            H Failed 429 [429] = {"statusCode":429,"headers":{},"body":"slow down"} ! 429: the service answered with status 429 (429)
            Record Succeeded = {"name":"H","inputs":{"method":"GET","uri":"http://a"},"outputs":{"statusCode":429,"headers":{},"body":"slow down"},"startTime":"2026-01-01T00:00:00.0000000Z","endTime":"2026-01-01T00:00:00.0000000Z","trackingId":"run-1:H","clientTrackingId":"run-1","code":"429","status":"Failed"}
            run Succeeded
        "#,
    );
}

#[test]
fn the_default_policy_asks_four_times_more() {
    check(
        GET,
        "
        answer H 503
        wake H
        answer H 408
        wake H
        fail H transient
        wake H
        answer H 500
        wake H
        answer H 503
        ",
        r#"
            start null
              ask H@1 GET http://a
            answer H 503
              pause H PT7.5S
            wake H
              ask H@2 GET http://a
            answer H 408
              pause H PT15S
            wake H
              ask H@3 GET http://a
            fail H transient
              pause H PT30S
            wake H
              ask H@4 GET http://a
            answer H 500
              pause H PT45S
            wake H
              ask H@5 GET http://a
            answer H 503
              finish Failed
            H Failed ServiceUnavailable [ServiceUnavailable PT7.5S, RequestTimeout PT15S, NoAnswer PT30S, InternalServerError PT45S, ServiceUnavailable] = {"statusCode":503,"headers":{},"body":null} ! ServiceUnavailable: the service answered with status 503 (ServiceUnavailable)
            run Failed {"code":"ActionFailed","message":"An action failed. No dependent actions succeeded."}
        "#,
    );
}

#[test]
fn what_the_service_asks_for_wins_within_bounds() {
    check(
        GET,
        "answer H 429 Retry-After=21\nwake H\nanswer H 200",
        r#"
            start null
              ask H@1 GET http://a
            answer H 429 Retry-After=21
              pause H PT21S
            wake H
              ask H@2 GET http://a
            answer H 200
              finish Succeeded
            H Succeeded [429 PT21S, ok] = {"statusCode":200,"headers":{},"body":null}
            run Succeeded
        "#,
    );
    check(
        GET,
        "answer H 429 Retry-After=-5\nwake H\nanswer H 503 Retry-After=99999999\nwake H",
        r"
            start null
              ask H@1 GET http://a
            answer H 429 Retry-After=-5
              pause H PT7.5S
            wake H
              ask H@2 GET http://a
            answer H 503 Retry-After=99999999
              pause H PT86400S
            wake H
              ask H@3 GET http://a
            H waits for an answer [429 PT7.5S, ServiceUnavailable PT86400S]
            run open
        ",
    );
}

#[test]
fn policies_count_and_space_the_retries() {
    let with = |policy: &str| {
        format!("- {{ name: H, http: {{ method: GET, uri: http://a }}, retryPolicy: {policy} }}")
    };
    check(
        &with("none"),
        "answer H 503",
        r#"
            start null
              ask H@1 GET http://a
            answer H 503
              finish Failed
            H Failed ServiceUnavailable [ServiceUnavailable] = {"statusCode":503,"headers":{},"body":null} ! ServiceUnavailable: the service answered with status 503 (ServiceUnavailable)
            run Failed {"code":"ActionFailed","message":"An action failed. No dependent actions succeeded."}
        "#,
    );
    check(
        &with("{ type: fixed, count: 2, interval: PT30S }"),
        "answer H 503\nwake H\nanswer H 503\nwake H\nanswer H 503",
        r#"
            start null
              ask H@1 GET http://a
            answer H 503
              pause H PT30S
            wake H
              ask H@2 GET http://a
            answer H 503
              pause H PT30S
            wake H
              ask H@3 GET http://a
            answer H 503
              finish Failed
            H Failed ServiceUnavailable [ServiceUnavailable PT30S, ServiceUnavailable PT30S, ServiceUnavailable] = {"statusCode":503,"headers":{},"body":null} ! ServiceUnavailable: the service answered with status 503 (ServiceUnavailable)
            run Failed {"code":"ActionFailed","message":"An action failed. No dependent actions succeeded."}
        "#,
    );
    check(
        &with(
            "{ type: exponential, count: 3, interval: PT10S, minimumInterval: PT15S, maximumInterval: PT25S }",
        ),
        "answer H 503\nwake H\nanswer H 503\nwake H\nanswer H 503\nwake H\nanswer H 200",
        r#"
            start null
              ask H@1 GET http://a
            answer H 503
              pause H PT15S
            wake H
              ask H@2 GET http://a
            answer H 503
              pause H PT20S
            wake H
              ask H@3 GET http://a
            answer H 503
              pause H PT25S
            wake H
              ask H@4 GET http://a
            answer H 200
              finish Succeeded
            H Succeeded [ServiceUnavailable PT15S, ServiceUnavailable PT20S, ServiceUnavailable PT25S, ok] = {"statusCode":200,"headers":{},"body":null}
            run Succeeded
        "#,
    );
}

#[test]
fn what_will_not_pass_is_not_retried() {
    for class in [
        "auth",
        "conflict",
        "notFound",
        "alreadyExists",
        "ambiguous",
        "permission",
        "validation",
        "permanent",
    ] {
        check(
            GET,
            &format!("fail H {class}"),
            &format!(
                "
                start null
                  ask H@1 GET http://a
                fail H {class}
                  finish Failed
                H Failed NoAnswer [NoAnswer] ! NoAnswer: the service could not be reached
                run Failed {{\"code\":\"ActionFailed\",\"message\":\"An action failed. No dependent actions succeeded.\"}}
                "
            ),
        );
    }
}

#[test]
fn an_accepted_request_is_followed_until_it_is_done() {
    check(
        GET,
        "
        answer H 202 Location=http://a/1 Retry-After=3
        wake H
        answer H 202 Location=http://a/2
        wake H
        answer H 202
        wake H
        answer H 503
        wake H
        answer H 200 {\"done\": true}
        ",
        r#"
            start null
              ask H@1 GET http://a
            answer H 202 Location=http://a/1 Retry-After=3
              pause H PT3S
            wake H
              ask H@2 GET http://a at http://a/1
            answer H 202 Location=http://a/2
              pause H PT10S
            wake H
              ask H@3 GET http://a at http://a/2
            answer H 202
              pause H PT10S
            wake H
              ask H@4 GET http://a at http://a/2
            answer H 503
              pause H PT7.5S
            wake H
              ask H@5 GET http://a at http://a/2
            answer H 200 {"done": true}
              finish Succeeded
            H Succeeded [ok PT3S, ok PT10S, ok PT10S, ServiceUnavailable PT7.5S, ok] = {"statusCode":200,"headers":{},"body":{"done":true}}
            run Succeeded
        "#,
    );
}

#[test]
fn what_is_only_accepted_is_an_answer() {
    check(
        "- { name: H, http: { method: GET, uri: http://a }, operationOptions: [DisableAsyncPattern] }",
        "answer H 202 Location=http://a/1",
        r#"
            start null
              ask H@1 GET http://a
            answer H 202 Location=http://a/1
              finish Succeeded
            H Succeeded Accepted [ok] = {"statusCode":202,"headers":{"Location":"http://a/1"},"body":null}
            run Succeeded
        "#,
    );
    check(
        GET,
        "answer H 202",
        r#"
            start null
              ask H@1 GET http://a
            answer H 202
              finish Succeeded
            H Succeeded Accepted [ok] = {"statusCode":202,"headers":{},"body":null}
            run Succeeded
        "#,
    );
    check(
        "- { name: C, call: crm.Export, with: { a: 1 } }",
        "answer C 202 Location=/jobs/1",
        r#"
            start null
              ask C@1 crm.Export {"a":1}
            answer C 202 Location=/jobs/1
              pause C PT20S
            C waits for the result of an accepted request [ok PT20S]
            run open
        "#,
    );
}

#[test]
fn retries_count_anew_after_a_success() {
    check(
        "- { name: H, http: { method: GET, uri: http://a }, retryPolicy: { type: fixed, count: 1, interval: PT5S } }",
        "
        answer H 503
        wake H
        answer H 202 Location=http://a/1
        wake H
        answer H 503
        wake H
        answer H 200
        ",
        r#"
            start null
              ask H@1 GET http://a
            answer H 503
              pause H PT5S
            wake H
              ask H@2 GET http://a
            answer H 202 Location=http://a/1
              pause H PT10S
            wake H
              ask H@3 GET http://a at http://a/1
            answer H 503
              pause H PT5S
            wake H
              ask H@4 GET http://a at http://a/1
            answer H 200
              finish Succeeded
            H Succeeded [ServiceUnavailable PT5S, ok PT10S, ServiceUnavailable PT5S, ok] = {"statusCode":200,"headers":{},"body":null}
            run Succeeded
        "#,
    );
}

#[test]
fn a_time_out_ends_a_question_and_everything_in_a_container() {
    check(
        "- { name: H, http: { method: GET, uri: http://a }, timeout: PT20S }",
        "answer H 503\nwake H\nanswer H 503\nexpire H\nwake H\nanswer H 200",
        r#"
            start null
              deadline H PT20S
              ask H@1 GET http://a
            answer H 503
              pause H PT7.5S
            wake H
              ask H@2 GET http://a
            answer H 503
              pause H PT15S
            expire H
              pause H off
              finish TimedOut
            wake H
            answer H 200
            H TimedOut ActionTimedOut [ServiceUnavailable PT7.5S, ServiceUnavailable PT15S] ! ActionTimedOut: the action 'H' took longer than its timeout of PT20S
            run TimedOut {"code":"ActionTimedOut","message":"An action failed. No dependent actions succeeded."}
        "#,
    );
    check(
        "
        - name: Scope
          timeout: PT1M
          scope:
            - { name: Done, compose: 1 }
            - name: Loop
              foreach: '@range(1, 2)'
              actions:
                - { name: H, http: { method: GET, uri: http://a } }
                - { name: After H, compose: 1 }
            - { name: After loop, scope: [{ name: Inside, compose: 1 }] }
        - { name: Catch, runAfter: { Scope: [TimedOut] }, select: \"@item()['status']\", from: \"@result('Scope')\" }
        ",
        "answer Loop#0/H 200\nexpire Scope\nanswer Loop#1/H 200",
        r#"
            start null
              deadline Scope PT60S
              ask Loop#0/H@1 GET http://a
            answer Loop#0/H 200
              ask Loop#1/H@1 GET http://a
            expire Scope
              finish Succeeded
            answer Loop#1/H 200
            Scope TimedOut ActionTimedOut ! ActionTimedOut: the action 'Scope' took longer than its timeout of PT60S
              Done Succeeded = 1
              Loop Cancelled ActionCancelled ! ActionCancelled: the action 'Scope' around it took longer than it may
                pass 1:
                  H Succeeded [ok] = {"statusCode":200,"headers":{},"body":null}
                  After H Succeeded = 1
                pass 2:
                  H Cancelled ActionCancelled ! ActionCancelled: the action 'Scope' around it took longer than it may
                  After H Skipped ActionTimedOut ! ActionTimedOut: the action 'Scope' around it took longer than it may
              After loop Skipped ActionTimedOut ! ActionTimedOut: the action 'Scope' around it took longer than it may
            Catch Succeeded = {"body":["Succeeded","Cancelled","Skipped"]}
            run Succeeded
        "#,
    );
}

#[test]
fn a_deadline_is_off_when_the_action_ends_in_time() {
    check(
        "
        - { name: H, http: { method: GET, uri: http://a }, timeout: PT20S }
        - { name: W, wait: PT5S, timeout: PT3S }
        ",
        "answer H 200\nexpire W",
        r#"
            start null
              deadline H PT20S
              ask H@1 GET http://a
            answer H 200
              deadline H off
              deadline W PT3S
              pause W PT5S
            expire W
              pause W off
              finish TimedOut
            H Succeeded [ok] = {"statusCode":200,"headers":{},"body":null}
            W TimedOut ActionTimedOut ! ActionTimedOut: the action 'W' took longer than its timeout of PT3S
            run TimedOut {"code":"ActionTimedOut","message":"An action failed. No dependent actions succeeded."}
        "#,
    );
}

#[test]
fn calls_of_connectors_carry_their_inputs() {
    check(
        "
        - name: List
          call: crm.ListRecords
          with: { entityName: accounts, $top: '@add(1, 1)' }
          minimumItemCount: 100
        - { name: Old, call: { connection: crm, method: post, path: \"/tables/@{1}\" }, with: { body: { a: 1 } } }
        - { name: Webhook, call: { connection: crm, operation: Wait, webhook: true } }
        ",
        "answer List 200 {\"value\": []}\nanswer Old 201",
        r#"
            start null
              ask List@1 crm.ListRecords {"entityName":"accounts","$top":2} least 100
            answer List 200 {"value": []}
              ask Old@1 crm {"body":{"a":1},"method":"post","path":"/tables/1"}
            answer Old 201
              finish Failed
            List Succeeded [ok] = {"statusCode":200,"headers":{},"body":{"value":[]}}
            Old Succeeded Created [ok] = {"statusCode":201,"headers":{},"body":null}
            Webhook Failed CallbackUnavailable ! CallbackUnavailable: the action 'Webhook' waits to be called back, and this run has no address that a service could call; run it with `flowright serve`, or give its replies with `--mocks`
            run Failed {"code":"ActionFailed","message":"An action failed. No dependent actions succeeded."}
        "#,
    );
}

#[test]
fn other_flows_answer_like_services() {
    check(
        "
        - { name: Child, runFlow: other/flow, with: { n: \"@triggerBody()\" }, headers: { a: b } }
        - { name: Failing, runFlow: other, trigger: manual }
        ",
        "start 1\nanswer Child 202 Location=http://a\nfail Failing permanent",
        r#"
            start 1
              ask Child@1 flow other/flow None {"body":{"n":1},"headers":{"a":"b"}}
            answer Child 202 Location=http://a
              ask Failing@1 flow other Some("manual") {}
            fail Failing permanent
              finish Failed
            Child Succeeded Accepted [ok] = {"statusCode":202,"headers":{"Location":"http://a"},"body":null}
            Failing Failed NoAnswer [NoAnswer] ! NoAnswer: the service could not be reached
            run Failed {"code":"ActionFailed","message":"An action failed. No dependent actions succeeded."}
        "#,
    );
}

#[test]
fn a_connector_says_how_often_within_the_policy() {
    use base::{Duration, ErrorClass, Failure};
    use flow::RetryPolicy;
    let fixed = |count| Some(RetryPolicy::Fixed { count, interval: Duration::seconds(5) });
    for (policy, max, after, retries) in [
        (None, None, None, 4),
        (None, Some(2), None, 2),
        (None, Some(24), Some(3600), 24),
        (None, Some(u32::MAX), None, 90),
        (None, Some(0), None, 0),
        (fixed(3), Some(24), Some(3600), 3),
        (fixed(3), Some(1), Some(3600), 1),
        (Some(RetryPolicy::None), Some(24), Some(3600), 0),
    ] {
        let failure = Failure {
            retries_max: max,
            retry_after: after.map(Duration::seconds),
            ..Failure::of_class(ErrorClass::Throttled, "429", "later")
        };
        let pauses: Vec<Duration> =
            (0..200).map_while(|used| crate::next_pause(policy.as_ref(), used, &failure)).collect();
        assert_eq!(pauses.len(), retries, "{policy:?} {max:?}");
        let asked = failure.retry_after;
        assert!(pauses.iter().all(|it| asked.is_none_or(|asked| *it == asked)), "{pauses:?}");
    }
}
