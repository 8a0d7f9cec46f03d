//! Policies: what they make of requests and answers, and what cannot be read.

use serde_json::{Value, json};

use super::{call, response, show};
use crate::{
    Connection,
    openapi::{self, Files, Imported},
    policy, request,
};

/// A connector with these policies. Its operations are `Get` and `Post` of `/things/{id}`.
fn import(policies: &Value) -> Imported {
    let id = json!({ "name": "id", "in": "path", "required": true, "type": "string" });
    let definition = json!({
        "swagger": "2.0",
        "host": "api.things.net",
        "basePath": "/v1",
        "paths": { "/things/{id}": {
            "get": { "operationId": "Get", "parameters": [
                id,
                { "name": "kind", "in": "query", "type": "string" },
                { "name": "zone", "in": "header", "type": "string" },
            ] },
            "post": { "operationId": "Post", "parameters": [
                id,
                { "name": "body", "in": "body", "schema": { "type": "object" } },
            ] },
        } },
    });
    let properties = json!({ "properties": {
        "connectionParameters": {
            "host": { "type": "string" },
            "key": { "type": "securestring" },
        },
        "policyTemplateInstances": policies,
    } });
    let (definition, properties) = (definition.to_string(), properties.to_string());
    let files = Files {
        definition: definition.as_bytes(),
        properties: Some(properties.as_bytes()),
        has_script: false,
    };
    openapi::import("things", &files).unwrap()
}

/// One policy, written shortly; `at` is its section.
fn policy(id: &str, at: &str, parameters: &Value) -> Value {
    let mut all = serde_json::Map::new();
    for (name, value) in parameters.as_object().unwrap() {
        all.insert(format!("x-ms-apimTemplateParameter.{name}"), value.clone());
    }
    all.insert("x-ms-apimTemplate-policySection".to_owned(), at.into());
    json!({ "templateId": id, "title": "Test", "parameters": all })
}

fn connection(policies: &Value) -> Connection {
    let values = [
        ("host", crate::ConnectionValue::Plain("eu.things.net".into())),
        ("key", crate::ConnectionValue::Secret(base::Secret::new("s3cret".to_owned()))),
    ];
    let values = values.map(|(name, value)| (name.to_owned(), value)).into();
    let connector = import(policies).connector.into();
    let (connection, problems) = Connection::new("test", connector, values);
    assert_eq!(problems, Vec::new());
    connection
}

/// The request line and headers of `Get`.
fn check_get(policies: &Value, expected: &str) {
    let connection = connection(policies);
    let operation = connection.connector.operation("Get").unwrap();
    let inputs = json!({ "id": "a/b", "kind": "x y", "zone": "west" });
    let built = request::build(&connection, operation, &call(&inputs), None);
    let shown = built.map_or_else(|it| it.message, |it| show(&it));
    assert_eq!(shown.trim_end(), expected, "{policies}");
}

/// What `Post` sends as body.
fn check_body(policies: &Value, body: &Value, expected: &Value) {
    let connection = connection(policies);
    let operation = connection.connector.operation("Post").unwrap();
    let inputs = json!({ "id": "1", "body": body });
    let built = request::build(&connection, operation, &call(&inputs), None).unwrap();
    let sent: Value = serde_json::from_slice(&built.body.unwrap()).unwrap();
    assert_eq!(sent, *expected, "{policies}");
}

/// What flows see of an answer.
fn check_answer(policies: &Value, status: u16, body: &Value, expected: &Value) {
    let connection = connection(policies);
    let operation = connection.connector.operation("Get").unwrap();
    let answer = response(status, &[("Content-Type", "application/json")], &body.to_string());
    let answer = policy::respond(&connection, operation, &call(&Value::Null), answer).unwrap();
    let mut found = json!({ "body": answer.body_value() });
    if let Some(mark) = answer.header("x-mark") {
        found["mark"] = mark.into();
    }
    assert_eq!(found, *expected, "{policies}");
}

#[test]
fn policies_change_where_a_request_goes_and_what_it_says() {
    let get = "GET https://api.things.net/v1/things/a%2Fb?kind=x%20y\nzone: west";
    let set = |id: &str, name: &str, value: &str, exists: &str| {
        json!([policy(
            id,
            "Request",
            &json!({ "name": name, "value": value, "existsAction": exists })
        )])
    };
    check_get(&json!([]), get);
    for (policies, expected) in [
        (set("setheader", "X-Key", "Token @connectionParameters('key')", "override"), format!("{get}\nX-Key: Token s3cret")),
        (set("SetHeader", "Zone", "east", "skip"), get.to_owned()),
        (set("setHeader", "Zone", "east", "append"), "GET https://api.things.net/v1/things/a%2Fb?kind=x%20y\nZone: west,east".to_owned()),
        (set("setheader", "Z", "@headers('ZONE')-@{queryParameters('kind')}", ""), format!("{get}\nZ: west-x y")),
        (set("setheader", "Z", "@connectionParameters('nobody','b')@@c", ""), format!("{get}\nZ: b@c")),
        (set("setqueryparameter", "%24top", "5", "skip"), "GET https://api.things.net/v1/things/a%2Fb?kind=x%20y&$top=5\nzone: west".to_owned()),
        (set("setqueryparameter", "kind", "z", "skip"), get.to_owned()),
        (set("setqueryparameter", "kind", "z", "override"), "GET https://api.things.net/v1/things/a%2Fb?kind=z\nzone: west".to_owned()),
        (set("setqueryparameter", "kind", "z", "append"), "GET https://api.things.net/v1/things/a%2Fb?kind=x%20y&kind=z\nzone: west".to_owned()),
        (json!([policy("dynamichosturl", "", &json!({ "urlTemplate": "https://@connectionParameters('host')/rest/" }))]), "GET https://eu.things.net/rest/things/a%2Fb?kind=x%20y\nzone: west".to_owned()),
        (json!([policy("dynamichosturl", "", &json!({ "urlTemplate": "https://@headers('zone').things.net" }))]), "GET https://west.things.net/things/a%2Fb?kind=x%20y\nzone: west".to_owned()),
        (json!([policy("dynamichosturl", "", &json!({ "urlTemplate": "https://@connectionParameters('host')@evil" }))]), "the address of the service, which connection `test` and the inputs name, cannot be used".to_owned()),
        (json!([policy("routerequesttoendpoint", "", &json!({ "newPath": "v2/@connectionParameters('host')/{id}?by=@headers('zone')", "httpMethod": "POST" }))]), "POST https://api.things.net/v1/v2/eu.things.net/a%2Fb?kind=x%20y&by=west\nzone: west".to_owned()),
        (json!([policy("routerequesttoendpoint", "", &json!({ "newPath": "/all", "httpMethod": "@Request.OriginalHTTPMethod" }))]), "GET https://api.things.net/v1/all?kind=x%20y\nzone: west".to_owned()),
    ] {
        check_get(&policies, &expected);
    }
}

#[test]
fn policies_come_one_after_the_other() {
    let policies = json!([
        policy("setqueryparameter", "", &json!({ "name": "kind", "value": "big" })),
        policy(
            "setheader",
            "Request",
            &json!({ "name": "zone", "value": "@queryParameters('kind')" })
        ),
        policy(
            "dynamichosturl",
            "",
            &json!({ "urlTemplate": "https://@headers('zone').things.net" })
        ),
    ]);
    check_get(&policies, "GET https://big.things.net/things/a%2Fb?kind=big\nzone: big");
}

#[test]
fn policies_change_bodies() {
    let rows: Vec<Value> = serde_json::from_str(include_str!("policies.json")).unwrap();
    for row in &rows {
        let id = row["policy"].as_str().unwrap();
        let policies = json!([policy(id, "Request", &row["parameters"])]);
        check_body(&policies, &row["body"], &row["expected"]);
    }
}

#[test]
fn policies_change_answers() {
    let to_array = |at: &str| {
        json!([policy(
            "convertobjecttoarray",
            at,
            &json!({
                "propertyParentPath": "@body()", "propertySubPath": "m", "newPropertyPath": "@body().m",
            })
        )])
    };
    let body = json!({ "m": { "a": 1 } });
    let changed = json!({ "body": { "m": [{ "key": "a", "value": 1 }] } });
    check_answer(&to_array("Response"), 200, &body, &changed);
    check_answer(&to_array("Response"), 404, &body, &changed);
    check_answer(&to_array("Failure"), 200, &body, &json!({ "body": body }));
    check_answer(&to_array("Failure"), 404, &body, &changed);
    check_answer(&to_array("Request"), 200, &body, &json!({ "body": body }));
    let mark = json!([policy("setheader", "Response", &json!({ "name": "X-Mark", "value": "m" }))]);
    check_answer(&mark, 200, &json!(1), &json!({ "body": 1, "mark": "m" }));
}

#[test]
fn an_answer_cannot_be_given_a_secret() {
    let parameters = json!({ "name": "X-Mark", "value": "@connectionParameters('key')" });
    let connection = connection(&json!([policy("setheader", "Response", &parameters)]));
    let operation = connection.connector.operation("Get").unwrap();
    let answer = response(200, &[], "");
    let failure = policy::respond(&connection, operation, &call(&Value::Null), answer).unwrap_err();
    assert!(failure.message.contains("is a secret"), "{}", failure.message);
}

#[test]
fn a_value_is_looked_up_first() {
    let parameters = json!({
        "parameterTemplate": "@headers('If-Match')",
        "parameterValueUrl": "/tags/{id}?of=@queryParameters('kind')",
        "parameterValuePathTemplate": "@body()['@odata.etag']",
    });
    let connection = connection(&json!([policy("SetValueFromUrl", "Request", &parameters)]));
    let operation = connection.connector.operation("Get").unwrap();
    let inputs = json!({ "id": "1", "kind": "x y" });
    let call = call(&inputs);
    let asked = policy::lookups(&connection, operation, &call, None).unwrap();
    let lines: Vec<String> = asked.iter().map(|it| it.request.url.clone()).collect();
    assert_eq!(lines, ["https://api.things.net/v1/tags/1?of=x%20y"]);
    let after = |status: u16, body: &str| {
        let answers = [response(status, &[("content-type", "application/json")], body)];
        let built = request::build_after(&connection, operation, &call, (None, &answers));
        built.map_or_else(|it| it.message, |it| show(&it))
    };
    let get = "GET https://api.things.net/v1/things/1?kind=x%20y\nIf-Match: W/1\n";
    assert_eq!(after(200, r#"{"@odata.etag": "W/1"}"#), get);
    assert_eq!(after(200, "{}"), "`Test` asked first, and the answer has no such value");
    assert_eq!(after(404, "{}"), "`Test` asked first, and the service answered 404");
}

#[test]
fn what_cannot_be_read_refuses_its_operations() {
    for (id, parameters, expected) in [
        ("nosuchthing", json!({}), "policy `Test`: there is no policy template `nosuchthing`"),
        (
            "setheader",
            json!({ "name": "A b", "value": "1" }),
            "policy `Test`: `A b` is no name of a header",
        ),
        ("setheader", json!({ "name": "A" }), "policy `Test`: `value` is missing"),
        (
            "setheader",
            json!({ "name": "A", "value": "@secrets('x')" }),
            "policy `Test`: there is no function `secrets` that policies know, in `@secrets('x')`",
        ),
        (
            "setheader",
            json!({ "name": "A", "value": "@{concat('a'}" }),
            "policy `Test`: `concat('a'` is no expression",
        ),
        (
            "setvaluefromurl",
            json!({ "parameterTemplate": "@body().x", "parameterValueUrl": "/", "parameterValuePathTemplate": "x" }),
            "policy `Test`: the target is neither a header nor a parameter of the query",
        ),
    ] {
        let report = import(&json!([policy(id, "Request", &parameters)])).report;
        let found = report.refused.get("Get").map_or("", String::as_str);
        assert!(found.starts_with(expected), "{id}: {found}");
    }
}

#[test]
fn policies_are_for_the_operations_that_they_name() {
    let mut of_post = policy("setheader", "Request", &json!({ "name": "X", "value": "1" }));
    for (scope, is_for_get) in [
        (json!(["Post"]), false),
        (json!(["Get", "Post"]), true),
        (json!([]), true),
        (json!("['Post', 'Other']"), false),
        (json!("Get"), true),
        (json!(["get"]), false),
    ] {
        of_post["parameters"]["x-ms-apimTemplate-operationName"] = scope.clone();
        let all = import(&json!([of_post])).connector.policies;
        assert_eq!(all[0].is_for("Get"), is_for_get, "{scope}");
    }
}
