//! All ways in which answers go on, as the requests that are made.

use serde_json::{Value, json};

use super::{call, connect, findings, response};
use crate::{
    Call, Link,
    paging::{Next, Pages},
    request::build,
};

fn file(paginate: &str) -> String {
    format!(
        r#"connector: x
version: 1.0.0
connection: {{ auth: {{ type: apiKey, in: query, name: key, value: k }} }}
http: {{ baseUrl: "https://x.example/v1" }}
operations:
  Find:
    effect: read
    request: POST /find
    params:
      q: {{ type: string }}
      skip: {{ type: integer }}
      page: {{ type: integer, internal: true, default: 0 }}
      top: {{ type: integer, default: 2 }}
      after: {{ type: string, in: header }}
    body: {{ type: object }}
    paginate: {{ items: "@body()?['data']?['rows']", {paginate} }}
"#
    )
}

/// Each request as `METHOD path header body`, and at the end the body of all pages.
fn follow(paginate: &str, inputs: &Value, answers: &[(&str, Value)]) -> Vec<String> {
    let connection = connect(&file(paginate), &[]);
    let operation = connection.connector.operation("Find").unwrap();
    let first = call(inputs);
    let mut pages = Pages::new(&connection, operation, 100);
    let (mut next, mut shown) = (None, Vec::new());
    for (link, body) in answers {
        let page = match &next {
            None => first,
            Some(Next::Link(link)) => Call { link: Some(Link::Page(link)), ..first },
            Some(Next::Inputs(inputs)) => Call { inputs, ..first },
        };
        let request = build(&connection, operation, &page, None).unwrap();
        let body_sent = request.body.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        let after = request.header("after").unwrap_or("");
        let url = request.url.trim_start_matches("https://x.example/");
        shown.push(format!("{} {url} {after} {body_sent}", request.method).trim_end().to_owned());
        let headers = [("content-type", "application/json"), ("Link", *link)];
        let answer = response(200, &headers, &body.to_string());
        match pages.add(&first, &request.url, &answer) {
            Err(failure) => {
                shown.push(format!("{}: {}", failure.code, failure.message));
                return shown;
            }
            Ok(Some(found)) => next = Some(found),
            Ok(None) => {
                let all = pages.merge(&first, &answer).outputs.unwrap();
                shown.push(all["body"].to_string());
                return shown;
            }
        }
    }
    shown.push("there is a next page".to_owned());
    shown
}

#[expect(clippy::needless_pass_by_value, reason = "rows of data are easier to read so")]
fn rows(rows: &[i32], more: Value) -> (&'static str, Value) {
    ("", json!({ "data": { "rows": rows }, "more": more }))
}

#[test]
fn the_next_page_is_asked_for_as_declared() {
    let check = |paginate: &str, inputs: Value, answers: &[(&str, Value)], expected: &[&str]| {
        assert_eq!(follow(paginate, &inputs, answers), expected, "{paginate}");
    };
    let all = r#"{"data":{"rows":[1,2,3]},"more":null}"#;
    let two = [rows(&[1, 2], json!("/v1/p2?x=1")), rows(&[3], Value::Null)];
    let start = "POST v1/find?page=0&top=2&key=k";
    check("nextLink: \"@body()?['more']\"", json!({}), &two, &[start, "GET v1/p2?x=1&key=k", all]);
    check("nextPath: \"@body()?['more']\"", json!({}), &two, &[start, "GET v1/p2?x=1&key=k", all]);
    let relative = [rows(&[1, 2], json!("p2")), rows(&[3], Value::Null)];
    check("nextPath: \"@body()?['more']\"", json!({}), &relative, &[start, "GET v1/p2?key=k", all]);
    let body = || json!({ "data": { "rows": [1] } });
    let header = "<https://x.example/a>; rel=\"prev\", </p2>; title=\"a, b\"; rel=\"last next\"";
    check(
        "linkHeader: next",
        json!({}),
        &[(header, body()), ("<https://x.example/a>; rel=first", body())],
        &[start, "GET p2?key=k", r#"{"data":{"rows":[1,1]}}"#],
    );
    let short = [rows(&[1, 2], Value::Null), rows(&[3], Value::Null)];
    check(
        "offset: skip, pageSize: top",
        json!({ "q": "a" }),
        &short,
        &["POST v1/find?q=a&page=0&top=2&key=k", "POST v1/find?q=a&skip=2&page=0&top=2&key=k", all],
    );
    // Without a page size only an empty page is known to be the last.
    let empty = [rows(&[1], Value::Null), rows(&[2, 3], Value::Null), rows(&[], Value::Null)];
    check(
        "offset: skip",
        json!({ "skip": 10 }),
        &empty,
        &[
            "POST v1/find?skip=10&page=0&top=2&key=k",
            "POST v1/find?skip=11&page=0&top=2&key=k",
            "POST v1/find?skip=13&page=0&top=2&key=k",
            all,
        ],
    );
    check(
        "page: page, more: \"@body()?['more']\"",
        json!({}),
        &[rows(&[1], json!(true)), rows(&[2], json!(true)), rows(&[3], json!(false))],
        &[
            start,
            "POST v1/find?page=1&top=2&key=k",
            "POST v1/find?page=2&top=2&key=k",
            r#"{"data":{"rows":[1,2,3]},"more":false}"#,
        ],
    );
    let cursors = [rows(&[1, 2], json!("c1")), rows(&[3], Value::Null)];
    check(
        "cursor: { param: after, next: \"@body()?['more']\" }",
        json!({}),
        &cursors,
        &[start, "POST v1/find?page=0&top=2&key=k c1", all],
    );
    check(
        "cursor: { param: body/cursor, next: \"@body()?['more']\" }",
        json!({ "body/q": "a", "body/cursor": null }),
        &cursors,
        &[
            "POST v1/find?page=0&top=2&key=k  {\"q\":\"a\",\"cursor\":null}",
            "POST v1/find?page=0&top=2&key=k  {\"q\":\"a\",\"cursor\":\"c1\"}",
            all,
        ],
    );
}

#[test]
fn pages_that_do_not_end_are_a_failure() {
    let check = |paginate: &str, answer: (&'static str, Value), n: usize, expected: &str| {
        let answers = vec![answer; 300];
        let shown = follow(paginate, &json!({}), &answers);
        assert_eq!((shown.len(), shown.last().map(String::as_str)), (n + 1, Some(expected)));
    };
    let again = "PaginationLoop: the service names the same page again and again";
    check("nextLink: \"@body()?['more']\"", rows(&[1], json!("/v1/p2")), 2, again);
    check("cursor: { param: after, next: \"@body()?['more']\" }", rows(&[], json!("c")), 2, again);
    check(
        "page: page, pagesMax: 7",
        rows(&[1], Value::Null),
        7,
        "PaginationLimitExceeded: there are more than 7 items on 7 pages, and more is not read",
    );
}

#[test]
fn paging_names_what_there_is() {
    let check = |paginate: &str, expected: &[&str]| {
        assert_eq!(findings(&file(paginate)), expected, "{paginate}");
    };
    check("page: page", &[]);
    check(
        "page: pgae, pageSize: size",
        &[
            "6:3 unknown-parameter: `paginate` names `pgae`, which is not a parameter (did you mean `page`?)",
            "6:3 unknown-parameter: `paginate` names `size`, which is not a parameter",
        ],
    );
    check(
        "page: page, offset: skip",
        &[
            "16:15 missing-key: `paginate` needs one of nextLink, nextPath, linkHeader, offset, page, cursor",
        ],
    );
    check(
        "pagesMax: 3",
        &[
            "16:15 missing-key: `paginate` needs one of nextLink, nextPath, linkHeader, offset, page, cursor",
        ],
    );
    check(
        "cursor: { param: after }",
        &["16:61 missing-key: `cursor` needs the key `next` (add `next:`)"],
    );
}
