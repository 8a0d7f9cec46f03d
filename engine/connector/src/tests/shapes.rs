//! Bodies and requests that a connector file describes itself, and what has to be asked before.

use serde_json::{Value, json};

use super::{call, connect, findings, load, response, show};
use crate::{Call, Connection, Link, prepare, request::build, response::read};

const PARTS: &str = r#"
connector: parts
version: 1.0.0
connection:
  params: { base: { type: uri, default: "https://a.example/api" }, home: { type: uri, default: "https://b.example" } }
http: { baseUrl: "@connection('base')", followLinksTo: ["https://c.example"], headers: { Accept: application/json } }
operations:
  Send:
    effect: action
    request: POST /send
    body: { type: object }
    send: SEND
    output: OUTPUT
  Any:
    effect: action
    request:
      method: "@input('method')"
      url: "@input('url')"
      headers: "@input('headers')"
    params:
      method: { in: input, type: string, default: get }
      url: { in: input, type: string }
      headers: { in: input, type: object }
    headers: { X-Kind: any }
    body: {}
    encoding: text
  Elsewhere:
    effect: read
    baseUrl: "@input('place')"
    request: GET /x
    params: { place: { in: input, type: string } }
  Find:
    effect: read
    request: GET /find
    params: { name: { type: string, required: true } }
  Write:
    effect: update
    request: PUT /rows/{id}
    params:
      name: { in: input, type: string, required: true }
      id: { type: string, default: "-", internal: true }
    prepare:
      when: "@not(equals(input('name'), 'none'))"
      operation: Find
      with: { name: "@toUpper(input('name'))" }
      give: { id: "@body()?['id']" }
    send: { name: "@input('name')" }
"#;

fn parts(send: &str, output: &str) -> Connection {
    connect(&PARTS.replace("SEND", send).replace("OUTPUT", output), &[])
}

fn request(connection: &Connection, operation: &str, inputs: &Value) -> Result<String, String> {
    let operation = connection.connector.operation(operation).unwrap();
    let request = build(connection, operation, &call(inputs), None);
    request.map(|it| show(&it)).map_err(|it| it.message)
}

#[test]
fn a_body_may_have_another_form_than_its_inputs() {
    let check = |send: &str, body: Value, expected: Option<&str>| {
        let sent = request(&parts(send, "'@body()'"), "Send", &json!({ "body": body })).unwrap();
        let sent = sent.split_once("\n\n").map(|(_, body)| body.trim_end());
        assert_eq!(sent, expected, "{send}");
    };
    let at = |expression: &str| format!("\"@{expression}\"");
    check("null", json!({ "a": 1 }), None);
    check(&at("input('body')?['none']"), json!({ "a": 1 }), None);
    check("{ a: 1, b: [x] }", json!({}), Some(r#"{"a":1,"b":["x"]}"#));
    // What is computed as null is not there; what the flow gives as null is.
    check(
        "{ a: \"@input('body')?['a']\", b: { c: \"@input('body')?['none']\" }, d: null }",
        json!({ "a": { "x": null } }),
        Some(r#"{"a":{"x":null},"b":{}}"#),
    );
    let names = "{ to: { $each: \"@split(input('body')['to'], ';')\", $where: \"@not(empty(trim(item())))\", $as: { name: \"@trim(item())\" } } }";
    check(names, json!({ "to": " a; ;b;" }), Some(r#"{"to":[{"name":"a"},{"name":"b"}]}"#));
    check(
        "{ $each: \"@input('body')\", $where: \"@not(startsWith(item()['name'], '_'))\", $name: \"@toUpper(item()['name'])\", $as: \"@item()['value']\" }",
        json!({ "a": 1, "_b": 2, "c": null }),
        Some(r#"{"A":1,"C":null}"#),
    );
    check("{ $each: \"@input('body')['list']\" }", json!({ "list": [1, 2] }), Some("[1,2]"));
    check("{ a: { $each: \"@input('body')?['none']\", $as: 1 } }", json!({}), Some("{}"));
    let nested = "{ $each: \"@input('body')['list']\", $as: { $each: \"@item()\", $as: \"@add(item(), 1)\" } }";
    check(nested, json!({ "list": [[1, 2], [3]] }), Some("[[2,3],[4]]"));
    let failed = request(
        &parts("{ $each: \"@input('body')['a']\" }", "'@body()'"),
        "Send",
        &json!({ "body": { "a": 1 } }),
    );
    assert_eq!(failed, Err("what `$each` is given is neither a list nor an object".to_owned()));
}

#[test]
fn outputs_may_be_made_of_lists() {
    let check = |output: &str, body: &str, expected: Value| {
        let connection = parts("null", output);
        let operation = connection.connector.operation("Send").unwrap();
        let nothing = json!({});
        let answer = response(200, &[("content-type", "application/json")], body);
        let outcome = read(&connection, operation, &call(&nothing), &answer);
        assert_eq!(outcome.failure, None, "{output}");
        assert_eq!(outcome.outputs.unwrap()["body"], expected, "{output}");
    };
    let list = r#"{"list": [{"n": "a"}, {"n": "b", "off": true}, {"n": "c"}]}"#;
    check(
        "{ value: { $each: \"@body()?['list']\", $where: \"@not(equals(item()?['off'], true))\", $as: { Name: \"@item()?['n']\", Gone: \"@item()?['x']\" } } }",
        list,
        json!({ "value": [{ "Name": "a", "Gone": null }, { "Name": "c", "Gone": null }] }),
    );
    check(
        "{ names: { $each: \"@body()?['list']\", $as: \"@item()?['n']\", $join: '; ' } }",
        list,
        json!({ "names": "a; b; c" }),
    );
}

#[test]
fn a_flow_may_describe_the_request_below_the_address_of_the_connection() {
    let connection = parts("null", "'@body()'");
    let check = |inputs: Value, expected: Result<&str, &str>| {
        let actual = request(&connection, "Any", &inputs);
        let actual = actual.as_deref().map(str::trim_end).map_err(String::as_str);
        assert_eq!(actual, expected, "{inputs}");
    };
    let common = "Accept: application/json\nX-Kind: any";
    let ok = |line: &str| format!("{line}\n{common}");
    check(json!({ "url": "/x?a=b c#d" }), Ok(&ok("GET https://a.example/api/x?a=b%20c")));
    check(json!({ "url": "x" }), Ok(&ok("GET https://a.example/api/x")));
    check(
        json!({ "url": " https://A.example:443/api/x " }),
        Ok(&ok("GET https://a.example/api/x")),
    );
    check(json!({ "url": "https://a.example/api" }), Ok(&ok("GET https://a.example/api")));
    check(json!({ "url": "" }), Ok(&ok("GET https://a.example/api")));
    check(json!({ "url": "?x=1" }), Ok(&ok("GET https://a.example/api?x=1")));
    check(
        json!({ "method": " Post ", "url": "/x", "body": "text", "headers": { "accept": "*/*", "X-N": 5, "X-Null": null } }),
        Ok(
            "POST https://a.example/api/x\nX-Kind: any\naccept: */*\nX-N: 5\nContent-Type: text/plain; charset=utf-8\n\ntext",
        ),
    );
    let other = |address: &str| {
        format!(
            "`{address}` is not an address of connection `test`, which is for `https://a.example/api`"
        )
    };
    for (url, shown) in [
        ("https://b.example/api/x", "https://b.example/api/x"),
        ("http://a.example/api/x", "http://a.example/api/x"),
        ("https://a.example:444/api/x", "https://a.example:444/api/x"),
        ("https://a.example.b.example/api", "https://a.example.b.example/api"),
        ("https://a.example/apis", "https://a.example/apis"),
        ("/../x", "https://a.example/x"),
        ("/%2e%2e/x", "https://a.example/x"),
        ("..\\x", "https://a.example/x"),
        ("https://u@a.example/api/x", "https://a.example/api/x"),
        ("https://:p@a.example/api/x", "https://a.example/api/x"),
        ("ftp://a.example/api/x", "ftp://a.example/api/x"),
        ("https://a.example@b.example/api/x", "https://b.example/api/x"),
    ] {
        check(json!({ "url": url }), Err(&other(shown)));
    }
    // Two slashes do not begin another host.
    check(json!({ "url": "//b.example/api" }), Ok(&ok("GET https://a.example/api/b.example/api")));
    check(json!({ "url": "https://" }), Err("the address `https://` cannot be read: empty host"));
    check(
        json!({ "url": "x", "method": "CONNECT" }),
        Err("`CONNECT` is not a method; it is one of DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"),
    );
    for name in
        ["Host", "AUTHORIZATION", "content-length", "Transfer-Encoding", "a b", "", "x\r\ny"]
    {
        let expected = format!("header `{name}` cannot be set by a flow");
        check(json!({ "url": "x", "headers": { name: "v" } }), Err(&expected));
    }
    check(
        json!({ "url": "x", "headers": { "X-A": "a\r\nX-B: b" } }),
        Err("header `X-A` must not hold line breaks or control characters"),
    );
}

#[test]
fn the_base_of_one_operation_stays_with_the_connection() {
    let connection = parts("null", "'@body()'");
    let check = |place: &str, expected: Result<&str, &str>| {
        let actual = request(&connection, "Elsewhere", &json!({ "place": place }));
        let actual = actual.map(|it| it.lines().next().unwrap().to_owned());
        assert_eq!(actual.as_deref().map_err(String::as_str), expected, "{place}");
    };
    check("https://a.example/other/", Ok("GET https://a.example/other/x"));
    check("https://c.example", Ok("GET https://c.example/x"));
    let other = "`https://b.example/` is not an address of connection `test`, which is for `https://a.example/api`";
    check("https://b.example", Err(other));
    check("a.example", Err("the address `a.example` cannot be read: relative URL without a base"));
    check(
        "https://a.example/?x=1",
        Err(
            "`https://a.example/` is not an address of connection `test`, which is for `https://a.example/api`",
        ),
    );
}

#[test]
fn what_has_to_be_asked_before_gives_inputs() {
    let connection = parts("null", "'@body()'");
    let operation = connection.connector.operation("Write").unwrap();
    let asked = |inputs: &Value| {
        let question = prepare::question(&connection, operation, &call(inputs)).unwrap();
        question.map(|(_, before, inputs)| (before.id.clone(), inputs))
    };
    let given = json!({ "name": "a" });
    assert_eq!(asked(&given), Some(("Find".to_owned(), json!({ "name": "A" }))));
    assert_eq!(asked(&json!({ "name": "none" })), None);
    // A link that the service named is followed as it is.
    let linked = Call { link: Some(Link::Page("https://a.example/api/2")), ..call(&given) };
    assert!(prepare::question(&connection, operation, &linked).unwrap().is_none());
    let failed = prepare::question(&connection, operation, &call(&json!({})));
    assert_eq!(failed.unwrap_err().message, "required parameter `name` of `Write` is missing");
    let (before, ..) = prepare::question(&connection, operation, &call(&given)).unwrap().unwrap();
    let answer = response(200, &[("content-type", "application/json")], r#"{"id": "7/8"}"#);
    let inputs = prepare::inputs(&connection, (operation, before), &call(&given), &answer).unwrap();
    assert_eq!(
        request(&connection, "Write", &inputs).unwrap(),
        "PUT https://a.example/api/rows/7%2F8\nAccept: application/json\nContent-Type: application/json\n\n{\"name\":\"a\"}\n"
    );
}

#[test]
fn mistakes_in_these_parts_are_found() {
    let whole = PARTS.replace("SEND", "null").replace("OUTPUT", "'@body()'");
    load(&whole);
    let check = |replace: (&str, &str), expected: &str| {
        assert!(whole.contains(replace.0), "{}", replace.0);
        let found = findings(&whole.replacen(replace.0, replace.1, 1));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains(expected), "{found:?}");
    };
    check(
        ("      operation: Find\n", "      operation: Fnd\n"),
        "there is no operation `Fnd` (did you mean `Find`?)",
    );
    check(("      give: { id: \"@body()?['id']\" }\n", ""), "`prepare` needs the key `give`");
    check(("      url: \"@input('url')\"\n", ""), "`request` needs the key `url`");
    check(
        ("      url: \"@input('url')\"\n", "      uri: x\n      url: y\n"),
        "unknown key `uri` in `request`",
    );
    check(
        ("\"@toUpper(input('name'))\"", "\"@toUper(input('name'))\""),
        "there is no function `toUper`",
    );
    let check = |send: &str, expected: &[&str]| {
        let found = findings(&PARTS.replace("SEND", send).replace("OUTPUT", "'@body()'"));
        let found: Vec<_> =
            found.iter().filter_map(|it| it.split_once(": ")).map(|it| it.1).collect();
        assert_eq!(found, expected, "{send}");
    };
    check("{ a: [{ $each: '@body()', $as: { b: 1 } }], $filter: x }", &[]);
    check(
        "{ a: { $where: '@true', $as: 1 } }",
        &["an object with `$each` needs the key `$each` (add `$each:`)"],
    );
    check(
        "{ $each: '@body()', $wher: '@true' }",
        &["unknown key `$wher` in an object with `$each` (did you mean `$where`?)"],
    );
}
