//! When trying again makes sense, as connectors read it in answers.

use serde_json::json;

use super::{call, connect, findings, response};
use crate::response::read;

fn file(errors: &str) -> String {
    format!(
        "connector: x\nversion: 1.0.0\nhttp: {{ baseUrl: \"https://x.example\" }}\nerrors:\n{errors}\
         errorCode: \"@body()?['code']\"\noperations:\n  Get: {{ effect: read, request: GET /a }}\n"
    )
}

/// Class, pause and number of retries.
fn told(errors: &str, status: u16, headers: &[(&str, &str)], body: &str) -> String {
    let connection = connect(&file(errors), &[]);
    let operation = connection.connector.operation("Get").unwrap();
    let headers: Vec<(&str, &str)> =
        [("content-type", "application/json")].iter().chain(headers).copied().collect();
    let (inputs, answer) = (json!({}), response(status, &headers, body));
    let failure = read(&connection, operation, &call(&inputs), &answer).failure.unwrap();
    let pause = failure.retry_after.map_or_else(|| "-".to_owned(), |it| it.to_string());
    let max = failure.retries_max.map_or_else(|| "-".to_owned(), |it| it.to_string());
    format!("{} {pause} {max}", failure.class.unwrap().name())
}

#[test]
fn pauses_are_read_where_the_connector_says() {
    // The call is made at 2026-01-05T10:00:00Z, which is 1767607200.
    let check = |after: &str, headers: &[(&str, &str)], body: &str, expected: &str| {
        let rule = format!(
            "  - {{ when: {{ status: 429 }}, class: throttled, retry: {{ after: \"{after}\", max: 3 }} }}\n"
        );
        assert_eq!(told(&rule, 429, headers, body), format!("throttled {expected} 3"), "{after}");
    };
    let header = "header:X-Reset";
    check(header, &[("x-reset", "30")], "", "PT30S");
    check(header, &[("x-reset", "1767607290")], "", "PT90S");
    check(header, &[("x-reset", "Mon, 05 Jan 2026 10:00:30 GMT")], "", "PT30S");
    check(header, &[("x-reset", "2026-01-05T10:01:00Z")], "", "PT60S");
    check(header, &[("x-reset", "2026-01-05T09:00:00Z")], "", "PT0S");
    check(header, &[("x-reset", "soon")], "", "-");
    // What the service says in the usual way counts where the connector finds nothing.
    check(header, &[("Retry-After", "7")], "", "PT7S");
    check(header, &[("Retry-After", "7"), ("X-Reset", "9")], "", "PT9S");
    check("PT1H", &[("Retry-After", "7")], "", "PT3600S");
    check("15", &[], "", "PT15S");
    check("@body()?['wait']", &[], "{\"wait\": 1.5}", "PT1.5S");
    check("@body()?['wait']", &[], "{\"wait\": \"PT2M\"}", "PT120S");
    check("@body()?['wait']", &[], "{\"wait\": {}}", "-");
    check("@div(1, 0)", &[], "", "-");
}

#[test]
fn the_first_rule_that_fits_decides() {
    let rules = "  - { when: { code: [LIMIT, 7] }, class: throttled, retry: { after: PT1H, max: 24 } }
  - { when: { status: 300, code: X }, class: permanent }
  - { when: { status: 300 }, class: ambiguous }
  - { when: { status: 400, test: \"@contains(coalesce(body()?['text'], ''), 'lock')\" }, class: transient }
";
    let check = |status: u16, body: &str, expected: &str| {
        assert_eq!(told(rules, status, &[], body), expected, "{status} {body}");
    };
    check(403, "{\"code\": \"LIMIT\"}", "throttled PT3600S 24");
    check(403, "{\"code\": 7}", "throttled PT3600S 24");
    check(403, "{\"code\": \"limit\"}", "permission - -");
    check(300, "{\"code\": \"X\"}", "permanent - -");
    check(300, "[]", "ambiguous - -");
    check(400, "{\"text\": \"row lock\"}", "transient - -");
    check(400, "{\"text\": 5}", "validation - -");
    check(400, "{}", "validation - -");
}

#[test]
fn hints_that_say_nothing_are_told() {
    let check = |rule: &str, expected: &[&str]| {
        assert_eq!(findings(&file(&format!("  - {rule}\n"))), expected, "{rule}");
    };
    check(
        "{ when: { status: 404 }, class: notFound, retry: { max: 1 } }",
        &["5:54 invalid-choice: `retry` says nothing: `notFound` is not retried"],
    );
    check(
        "{ when: { status: 429 }, class: throttled, retry: { after: soon, maximum: 1 } }",
        &[
            "5:64 invalid-time: `after` is not a pause (write it as in `PT60S`, `header:Retry-After` or `@body()`)",
            "5:70 unknown-key: unknown key `maximum` in `retry` (known keys: after, max)",
        ],
    );
    check(
        "{ when: { status: 429, code: { a: 1 } }, class: throttled }",
        &["5:34 wrong-type: `code` must be text, a whole number or a list of them, not an object"],
    );
}
