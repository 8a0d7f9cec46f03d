//! Responses as data: outputs, classes of trouble, pages, look-ups.

use base::{HttpResponse, Outcome};
use serde_json::{Value, json};

use super::{call, connect, dynamics, events, referrals, response};
use crate::{
    Connection,
    paging::Pages,
    response::read,
    unknown::{after_unknown, read_lookup},
};

const JSON: (&str, &str) = ("Content-Type", "application/json; odata.metadata=minimal");

fn outcome(connection: &Connection, operation: &str, answer: &HttpResponse) -> Outcome {
    let operation = connection.connector.operation(operation).unwrap();
    let inputs = json!({ "entityName": "accounts", "recordId": "r", "id": "r" });
    read(connection, operation, &call(&inputs), answer)
}

#[test]
fn successes_are_outputs() {
    let answer = response(200, &[JSON, ("OData-Version", "4.0")], "{\"value\":[]}");
    assert_eq!(
        outcome(&dynamics(), "ListRecords", &answer),
        Outcome::succeeded(json!({
            "statusCode": 200,
            "headers": { "Content-Type": "application/json; odata.metadata=minimal", "OData-Version": "4.0" },
            "body": { "value": [] },
        }))
    );
    let gone = outcome(&dynamics(), "DeleteRecord", &response(404, &[JSON], "{}"));
    assert_eq!((gone.failure.is_none(), gone.status_code()), (true, Some(404)));
}

#[test]
fn failures_have_class_code_and_message() {
    let check = |connection: &Connection, operation: &str, answer: HttpResponse, expected: &str| {
        let outcome = outcome(connection, operation, &answer);
        let failure = outcome.failure.unwrap();
        let class = failure.class.unwrap().name();
        let wait = failure.retry_after.map_or_else(String::new, |it| format!(", {it}"));
        assert_eq!(format!("{class} {}: {}{wait}", failure.code, failure.message), expected);
        assert!(outcome.outputs.is_some(), "the response is kept");
    };
    let error = |code: &str, message: &str| {
        json!({ "error": { "code": code, "message": message } }).to_string()
    };
    let json = |status, body: &str| response(status, &[JSON], body);
    check(
        &dynamics(),
        "GetItem",
        json(404, &error("0x80040217", "no such row")),
        "notFound NotFound: no such row (0x80040217)",
    );
    check(
        &dynamics(),
        "UpdateRecord",
        json(412, &error("0x80060882", "stale")),
        "conflict PreconditionFailed: stale (0x80060882)",
    );
    check(
        &dynamics(),
        "UpdateRecord",
        json(412, &error("0x80060892", "there already")),
        "alreadyExists PreconditionFailed: there already (0x80060892)",
    );
    check(
        &dynamics(),
        "ListRecords",
        response(429, &[JSON, ("Retry-After", "17")], &error("0x80072322", "too many")),
        "throttled 429: too many (0x80072322), PT17S",
    );
    check(
        &dynamics(),
        "ListRecords",
        response(503, &[("Retry-After", "Mon, 05 Jan 2026 10:00:30 GMT")], "<html>"),
        "transient ServiceUnavailable: the service answered 503, PT30S",
    );
    check(
        &dynamics(),
        "ListRecords",
        response(503, &[("Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT")], ""),
        "transient ServiceUnavailable: the service answered 503, PT0S",
    );
    check(
        &dynamics(),
        "ListRecords",
        response(500, &[("Retry-After", "soon")], ""),
        "transient InternalServerError: the service answered 500",
    );
    check(&dynamics(), "WhoAmI", json(401, ""), "auth Unauthorized: the service answered 401");
    check(&dynamics(), "WhoAmI", json(403, ""), "permission Forbidden: the service answered 403");
    check(&dynamics(), "WhoAmI", json(302, ""), "permanent Found: the service answered 302");
    check(
        &referrals(),
        "PatchReferralById",
        json(400, &error("invalidRequest", "closed")),
        "validation BadRequest: closed (invalidRequest)",
    );
    check(
        &events(),
        "EventRegistration",
        json(409, "{\"code\":\"409\",\"description\":\"use PUT\"}"),
        "alreadyExists Conflict: use PUT (409)",
    );
}

#[test]
fn outputs_can_be_shaped() {
    let text = "connector: x\nversion: 1.0.0\nhttp: { baseUrl: \"https://x.example\" }\noperations:\n  Get:\n    \
        effect: read\n    request: GET /a\n    params: { n: { type: string } }\n    \
        output: { id: \"@body()?['Id']\", asked: \"@input('n')\", status: \"@status()\", etag: \"@headers('ETag')\" }\n";
    let connection = connect(text, &[]);
    let operation = connection.connector.operation("Get").unwrap();
    let inputs = json!({ "n": "q" });
    let answer = response(200, &[JSON, ("etag", "W/1")], "{\"Id\": 5}");
    let outcome = read(&connection, operation, &call(&inputs), &answer);
    let body = json!({ "id": 5, "asked": "q", "status": 200, "etag": "W/1" });
    assert_eq!(outcome.outputs.unwrap()["body"], body);
}

/// Pages with these items and links; what comes of asking for so many items.
fn page_through(answers: &[(Value, Value)], items_min: usize) -> Result<Value, String> {
    let connection = dynamics();
    let operation = connection.connector.operation("ListRecords").unwrap();
    let inputs = json!({ "entityName": "accounts" });
    let call = call(&inputs);
    let address = "https://contoso.crm.dynamics.com/api/data/v9.2/accounts";
    let mut pages = Pages::new(&connection, operation, items_min);
    for (items, link) in answers {
        let body = json!({ "value": items, "@odata.nextLink": link }).to_string();
        let answer = response(200, &[JSON], &body);
        let next = pages
            .add(&call, address, &answer)
            .map_err(|it| format!("{}: {}", it.code, it.message))?;
        if next.is_none() {
            return Ok(pages.merge(&call, &answer).outputs.unwrap()["body"]["value"].clone());
        }
    }
    Err("there is a next page".to_owned())
}

#[test]
fn pages_are_followed_until_there_are_enough_items() {
    let origin = "https://contoso.crm.dynamics.com/api/data/v9.2/accounts?page=2";
    let third = origin.replace('2', "3");
    let pages =
        [(json!([1, 2]), json!(origin)), (json!([3, 4]), json!(third)), (json!([5]), Value::Null)];
    assert_eq!(page_through(&pages, 2), Ok(json!([1, 2])));
    assert_eq!(page_through(&pages, 3), Ok(json!([1, 2, 3, 4])));
    assert_eq!(page_through(&pages, 100), Ok(json!([1, 2, 3, 4, 5])));
}

#[test]
fn links_must_stay_with_the_service() {
    let check = |link: &str, expected: &str| {
        assert_eq!(
            page_through(&[(json!([1]), json!(link))], 9),
            Err(expected.to_owned()),
            "{link}"
        );
    };
    check("/api/data/v9.2/accounts?page=2", "there is a next page");
    check(
        "https://evil.example/x",
        "LinkRefused: the link to the next page leads to `https://evil.example`",
    );
    check(
        "http://contoso.crm.dynamics.com/x",
        "LinkRefused: the link to the next page leads to `http://contoso.crm.dynamics.com`",
    );
    check(
        "https://contoso.crm.dynamics.com@evil.example/x",
        "LinkRefused: the link to the next page leads to `https://evil.example`",
    );
    check(
        "//evil.example/x",
        "LinkRefused: the link to the next page leads to `https://evil.example`",
    );
    check("file:///etc/passwd", "LinkRefused: the link to the next page leads to `null`");
}

#[test]
fn too_many_pages_are_a_failure_not_a_shorter_list() {
    let link = |page: usize| format!("https://contoso.crm.dynamics.com/x?page={page}");
    let pages: Vec<_> = (0..300).map(|it| (json!([it]), json!(link(it)))).collect();
    assert_eq!(
        page_through(&pages, 100_000),
        Err("PaginationLimitExceeded: there are more than 200 items on 200 pages, and more is not read".to_owned())
    );
}

#[test]
fn a_call_of_unknown_outcome_is_looked_for() {
    let text = "connector: x\nversion: 1.0.0\nhttp: { baseUrl: \"https://x.example\" }\noperations:\n  List:\n    \
        effect: read\n    request: GET /a\n    params: { ref: { type: string } }\n  Make:\n    \
        effect: create\n    request: POST /a\n    body: {}\n    idempotency:\n      find:\n        operation: List\n        \
        with: { ref: \"@idempotencyKey()\" }\n        found: \"@first(body()?['value'])\"\n";
    let connection = connect(text, &[]);
    let make = connection.connector.operation("Make").unwrap();
    let inputs = json!({ "body/name": "A" });
    let call = call(&inputs);
    let lookup = after_unknown(&connection, make, &call).unwrap().unwrap();
    assert_eq!(
        (lookup.operation.id.as_str(), &lookup.inputs),
        ("List", &json!({ "ref": "run1:Create" }))
    );
    assert!(!make.repeat_is_safe());

    let answer =
        |body: Value| Outcome::succeeded(json!({ "statusCode": 200, "headers": {}, "body": body }));
    let check = |body: Value, expected: Option<Value>| {
        let found = read_lookup(&connection, make, &call, &answer(body)).unwrap();
        assert_eq!(found.map(|it| it.outputs.unwrap()["body"].clone()), expected);
    };
    check(json!({ "value": [] }), None);
    check(json!({ "value": [{ "id": 1 }] }), Some(json!({ "id": 1 })));
    let list = connection.connector.operation("List").unwrap();
    assert!(after_unknown(&connection, list, &call).unwrap().is_none());
}
