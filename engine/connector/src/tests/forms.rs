//! Bodies made of fields, files and lists, as the bytes that are sent.

use serde_json::{Value, json};

use super::{call, connect, findings};
use crate::request::build;

/// An operation with these keys, as a file.
fn file(operation: &str) -> String {
    format!(
        "connector: x\nversion: 1.0.0\nhttp: {{ baseUrl: \"https://x.example\" }}\noperations:\n  \
         Do:\n    effect: action\n    request: POST /do\n{operation}"
    )
}

/// What is sent, with the boundary written as `@@`.
fn sent(operation: &str, inputs: &Value) -> Result<String, String> {
    let connection = connect(&file(operation), &[]);
    let operation = connection.connector.operation("Do").unwrap();
    let request = build(&connection, operation, &call(inputs), None).map_err(|it| it.message)?;
    let media = request.header("content-type").unwrap_or("none").to_owned();
    let body = request.body.map(|it| String::from_utf8(it).unwrap()).unwrap_or_default();
    let url = request.url.trim_start_matches("https://x.example/do");
    let text = format!("{url} {media} {body}").replace("\r\n", "|");
    let boundary = media.split_once("boundary=").map_or("none there", |it| it.1);
    Ok(text.replace(boundary, "@@"))
}

const FIELDS: &str = "    params:
      a b: { type: string, in: form, required: true }
      n: { type: integer, in: form, default: 5 }
      tags: { type: array, in: form, arrays: multi }
      some: { type: array, in: form }
      file: { type: string, format: binary, in: form }
";

#[test]
fn fields_are_the_body() {
    let check = |encoding: &str, inputs: Value, expected: &str| {
        let text = format!("{FIELDS}{encoding}");
        assert_eq!(sent(&text, &inputs).unwrap_or_else(|it| it), expected);
    };
    let many = json!({ "a b": "ü&", "tags": ["x", null, 2], "some": [1, "b,c"], "file": "hi" });
    let urlencoded = "application/x-www-form-urlencoded";
    check(
        "",
        many,
        &format!(" {urlencoded} a%20b=%C3%BC%26&n=5&tags=x&tags=2&some=1%2Cb%2Cc&file=hi"),
    );
    check("", json!({ "a b": true, "n": null }), &format!(" {urlencoded} a%20b=true&n=5"));
    check("", json!({ "n": 1 }), "required parameter `a b` of `Do` is missing");
    check("", json!({ "body": {} }), "`Do` has no parameter `body`");
    check(
        "    encoding: json\n",
        json!({ "a b": "1", "tags": ["x"] }),
        " application/json {\"a b\":\"1\",\"n\":5,\"tags\":[\"x\"]}",
    );
    let file =
        json!({ "$content-type": "text/csv", "$filename": "ä\"1\".csv", "$content": "MSwy" });
    check(
        "    encoding: multipart\n",
        json!({ "a b": "1", "tags": ["x", "y"], "some": ["z"], "file": file }),
        " multipart/form-data; boundary=@@ \
         --@@|Content-Disposition: form-data; name=\"a b\"||1|\
         --@@|Content-Disposition: form-data; name=\"n\"||5|\
         --@@|Content-Disposition: form-data; name=\"tags\"||x|\
         --@@|Content-Disposition: form-data; name=\"tags\"||y|\
         --@@|Content-Disposition: form-data; name=\"some\"|Content-Type: application/json||[\"z\"]|\
         --@@|Content-Disposition: form-data; name=\"file\"; filename=\"ä%221%22.csv\"|\
         Content-Type: text/csv||1,2|--@@--|",
    );
    let multipart = "    encoding: multipart\n";
    let broken = json!({ "a b": "1", "file": { "$content": "not base64" } });
    check(multipart, broken, "field `file`: `$content` is not base64");
    let broken = json!({ "a b": "1", "file": { "$content": "", "$content-type": "a\r\nb: c" } });
    check(
        multipart,
        broken,
        "field `file`: the header `Content-Type` of a part has a line break in it",
    );
}

#[test]
fn bodies_of_several_parts_are_written() {
    let operation = "    encoding: multipart\n    headers: { Content-Type: multipart/form-data }\n    body: {}\n";
    let check = |body: Value, expected: &str| {
        let found = sent(operation, &json!({ "body": body }));
        assert_eq!(found.unwrap_or_else(|it| it), expected);
    };
    check(
        json!({ "name": "A", "none": null, "more": { "b": 1 } }),
        " multipart/form-data; boundary=@@ \
         --@@|Content-Disposition: form-data; name=\"name\"||A|\
         --@@|Content-Disposition: form-data; name=\"more\"|Content-Type: application/json||{\"b\":1}|--@@--|",
    );
    let part = |body: Value| json!({ "headers": { "Content-Id": "<1>" }, "body": body });
    check(
        json!({ "$content-type": "multipart/related", "$multipart": [part(json!("t")), part(json!([1]))] }),
        " multipart/related; boundary=@@ \
         --@@|Content-Id: <1>||t|--@@|Content-Id: <1>|Content-Type: application/json||[1]|--@@--|",
    );
    check(json!({ "$multipart": [{ "headers": { "a": 1 } }] }), "the header `a` is no text");
    check(json!([1]), "a form must be an object");
}

#[test]
fn lists_are_written_as_declared() {
    let check = |arrays: &str, expected: &str| {
        let operation = format!(
            "    params: {{ ids: {{ type: array, in: query{arrays} }}, H: {{ type: array, in: header }} }}\n"
        );
        let found = sent(&operation, &json!({ "ids": ["a", 2, null, true], "H": [1, 2] }));
        assert_eq!(found.unwrap(), format!("{expected} none "));
    };
    check("", "?ids=a%2C2%2Ctrue");
    check(", arrays: csv", "?ids=a%2C2%2Ctrue");
    check(", arrays: ssv", "?ids=a%202%20true");
    check(", arrays: tsv", "?ids=a%092%09true");
    check(", arrays: pipes", "?ids=a%7C2%7Ctrue");
    check(", arrays: multi", "?ids=a&ids=2&ids=true");
}

#[test]
fn a_form_is_no_other_body() {
    let check = |operation: &str, expected: &[&str]| {
        assert_eq!(findings(&file(operation)), expected, "{operation}");
    };
    let fields = "    params: { a: { type: string, in: form } }\n";
    check(&format!("{fields}    encoding: multipart\n"), &[]);
    check(
        &format!("{fields}    body: {{}}\n"),
        &["9:11 invalid-choice: there is a body besides the parameters in `form`, which make one"],
    );
    check(
        &format!("{fields}    encoding: text\n"),
        &["9:15 invalid-choice: parameters in `form` make a form, not text or bytes"],
    );
    check(
        "    params: { a: { type: array, arrays: commas } }\n",
        &[
            "8:41 invalid-choice: `arrays` cannot be `commas` (it is one of csv, ssv, tsv, pipes, multi)",
        ],
    );
}
