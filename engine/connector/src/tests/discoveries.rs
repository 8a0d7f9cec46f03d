//! Schemas that only the service knows: how it is asked, what it says, what is kept.

use base::{ErrorClass, Failure, Outcome};
use serde_json::{Value, json};

use super::{call, connect, dynamics, findings};
use crate::{
    Catalog, Connection,
    discover::{Snapshot, question, read},
};

const FILE: &str = r##"connector: base
version: 1.0.0
http: { baseUrl: "https://x.example" }
schemas:
  Row:
    type: object
    title: A row
    discover:
      input: table
      operation: Describe
      with: { id: "t-@{input('table')}" }
      columns: "@body()?['columns']"
      column:
        when: "@not(equals(item()?['hidden'], true))"
        name: "@item()?['id']"
        type: "@item()?['kind']"
        title: "@item()?['label']"
        enum: "@item()?['choices']"
        required: "@item()?['must']"
      types:
        text: { type: string }
        number: { type: [number, "null"] }
      closed: true
  Settings:
    discover: { operation: Describe, with: { id: settings }, schema: "@body()?['schema']" }
  Note: { type: object, discover: { by: hand } }
operations:
  Describe:
    effect: read
    request: GET /tables/{id}
    params: { id: { type: string, required: true } }
  Add:
    effect: create
    request: POST /rows
    params: { table: { type: string, required: true } }
    body: { $ref: "#/schemas/Row" }
"##;

fn answer(body: &Value) -> Outcome {
    Outcome::succeeded(json!({ "statusCode": 200, "headers": { "ETag": "1" }, "body": body }))
}

fn asked(connection: &Connection, schema: &str, name: Option<&str>) -> Result<String, String> {
    let nothing = Value::Null;
    let asked = question(connection, schema, name, &call(&nothing)).map_err(|it| it.message)?;
    Ok(format!("{} {}", asked.0.id, asked.1))
}

fn found(schema: &str, outcome: &Outcome) -> Result<Value, String> {
    let (connection, nothing) = (connect(FILE, &[]), Value::Null);
    read(&connection, schema, (Some("orders"), &call(&nothing)), outcome).map_err(|it| it.message)
}

#[test]
fn services_are_asked_for_their_schemas() {
    let connection = connect(FILE, &[]);
    let check = |schema: &str, name: Option<&str>, expected: Result<&str, &str>| {
        let asked = asked(&connection, schema, name);
        assert_eq!(asked.as_deref().map_err(String::as_str), expected, "{schema}");
    };
    check("Row", Some("orders"), Ok(r#"Describe {"id":"t-orders"}"#));
    check("Row", None, Err("the schema depends on `table`; name one"));
    check("Settings", None, Ok(r#"Describe {"id":"settings"}"#));
    check("Note", None, Err("`base` does not say how to ask for a schema `Note`"));
    check("Other", None, Err("`base` does not say how to ask for a schema `Other`"));
    let table = Some("table".to_owned());
    assert_eq!(connection.connector.discovered(), [("Row", table), ("Settings", None)]);
    assert_eq!(
        asked_of_dynamics("opport'unities"),
        "$select=LogicalName%2CEntitySetName&$filter=EntitySetName%20eq%20%27opport%27%27unities%27"
    );
}

fn asked_of_dynamics(table: &str) -> String {
    let (connection, nothing) = (dynamics(), Value::Null);
    let (operation, inputs) =
        question(&connection, "RowWrite", Some(table), &call(&nothing)).unwrap();
    let token = super::token(&connection);
    let request = crate::request::build(&connection, operation, &call(&inputs), Some(&token));
    let url = request.unwrap().url;
    let (_, query) = url.split_once("/EntityDefinitions?").unwrap();
    query.split_once("&$expand=").unwrap().0.to_owned()
}

#[test]
fn columns_become_a_schema() {
    let body = json!({ "columns": [
        { "id": "name", "kind": "text", "label": "Name", "must": true },
        { "id": "count", "kind": "number" },
        { "id": "state", "kind": "text", "choices": ["a", "b"], "must": false },
        { "id": "odd", "kind": "blob" },
        { "id": "secret", "kind": "text", "hidden": true },
        { "kind": "text" },
    ] });
    let expected = json!({
        "type": "object",
        "title": "A row",
        "properties": {
            "name": { "type": "string", "title": "Name" },
            "count": { "type": ["number", "null"] },
            "state": { "type": "string", "enum": ["a", "b"] },
            "odd": {},
        },
        "required": ["name"],
        "additionalProperties": false,
    });
    assert_eq!(found("Row", &answer(&body)), Ok(expected));
    let schema = json!({ "type": "object", "properties": { "a": {} } });
    let body = json!({ "schema": schema });
    assert_eq!(found("Settings", &answer(&body)), Ok(schema));
    for (schema, body, expected) in [
        ("Row", json!({}), "`Describe` answered without a list of columns"),
        ("Row", json!({ "columns": [] }), "`Describe` answered without a column"),
        ("Settings", json!({ "schema": 5 }), "`Describe` answered without a schema"),
    ] {
        assert_eq!(found(schema, &answer(&body)), Err(expected.to_owned()));
    }
    let failed = Outcome::failed(Failure::of_class(ErrorClass::NotFound, "NotFound", "no table"));
    assert_eq!(found("Row", &failed), Err("no table".to_owned()));
}

#[test]
fn dynamics_tells_its_columns() {
    let (connection, nothing) = (dynamics(), Value::Null);
    let column = |name: &str, kind: &str, valid: (bool, bool)| {
        json!({
            "LogicalName": name, "AttributeType": kind, "AttributeOf": null,
            "DisplayName": { "UserLocalizedLabel": { "Label": name.to_uppercase() } },
            "IsValidForRead": valid.0, "IsValidForCreate": valid.1, "IsValidForUpdate": valid.1,
        })
    };
    let body = json!({ "value": [{ "LogicalName": "opportunity", "Attributes": [
        column("name", "String", (true, true)),
        column("estimatedvalue", "Money", (true, true)),
        column("parentaccountid", "Lookup", (true, true)),
        column("statecode", "State", (true, false)),
        column("hidden", "String", (false, true)),
    ] }] });
    let names = |schema: &str| {
        let read =
            read(&connection, schema, (Some("opportunities"), &call(&nothing)), &answer(&body));
        let schema = read.unwrap();
        let fields = schema["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        (
            fields.join(" "),
            schema["properties"]["name"].to_string(),
            schema["additionalProperties"].clone(),
        )
    };
    let name = r#"{"type":["string","null"],"title":"NAME"}"#.to_owned();
    assert_eq!(
        names("Row"),
        (
            "name estimatedvalue _parentaccountid_value statecode".to_owned(),
            name.clone(),
            Value::Null
        )
    );
    assert_eq!(
        names("RowWrite"),
        ("name estimatedvalue hidden".to_owned(), name, Value::Bool(false))
    );
}

#[test]
fn what_is_kept_is_known_again() {
    let snapshot = |name: Option<&str>, schema: &str, column: &str| Snapshot {
        connector: "base".to_owned(),
        name: name.map(str::to_owned),
        schemas: [(schema.to_owned(), json!({ "properties": { column: {} } }))].into(),
    };
    let about = [("pulled", json!("2026-01-05T10:00:00Z"))];
    for kept in [snapshot(Some("orders"), "Row", "a"), snapshot(None, "Settings", "s")] {
        let text = kept.write(&about).to_string();
        assert_eq!(Snapshot::read(&text), Ok(kept), "{text}");
    }
    for (text, expected) in [
        ("{", "this is not JSON: EOF while parsing an object at line 1 column 1"),
        ("{}", "`connector` is missing: which one it is a snapshot for"),
        (r#"{"connector": "a"}"#, "`schemas` is missing: an object of schemas by name"),
        (r#"{"connector": "a", "schemas": {"A": 1}}"#, "the schema `A` is not an object"),
        (r#"{"connector": "a", "schemas": {}, "name": 1}"#, "`name` is not text"),
    ] {
        assert_eq!(Snapshot::read(text), Err(expected.to_owned()));
    }
    let connector = super::load(FILE);
    let mut catalog = Catalog::new(vec![connector.as_ref().clone()]);
    let columns = |catalog: &Catalog, table: Option<&str>| {
        let given = |input: &str| table.filter(|_| input == "table").map(str::to_owned);
        let seen = catalog.seen(&connector, given);
        let fields = |schema: &str| {
            let found = seen.schemas[schema]["properties"].as_object();
            found.map(|it| it.keys().cloned().collect::<String>()).unwrap_or_default()
        };
        format!("{}-{}", fields("Row"), fields("Settings"))
    };
    assert_eq!(columns(&catalog, Some("orders")), "-");
    catalog.learn(&[
        snapshot(Some("orders"), "Row", "a"),
        snapshot(Some("lines"), "Row", "b"),
        snapshot(None, "Settings", "s"),
        Snapshot { connector: "gone".to_owned(), ..snapshot(None, "Settings", "x") },
    ]);
    for (table, expected) in
        [(Some("orders"), "a-s"), (Some("lines"), "b-s"), (Some("other"), "-s"), (None, "-s")]
    {
        assert_eq!(columns(&catalog, table), expected, "{table:?}");
    }
}

#[test]
fn mistakes_in_discoveries_are_found() {
    let check = |from: &str, to: &str, expected: &[&str]| {
        assert!(FILE.contains(from));
        assert_eq!(findings(&FILE.replace(from, to)), expected, "{to}");
    };
    check(
        "operation: Describe\n",
        "operation: Descibe\n",
        &["5:3 unknown-operation: there is no operation `Descibe` (did you mean `Describe`?)"],
    );
    check(
        "columns: \"@body()?['columns']\"\n",
        "colums: x\n",
        &[
            "9:7 missing-key: `discover` needs one of `schema`, `columns`",
            "12:7 unknown-key: unknown key `colums` in `discover` (did you mean `column`?)",
        ],
    );
    check(
        "title: \"@item()",
        "titel: \"@itme()",
        &[
            "17:9 unknown-key: unknown key `titel` in `column` (did you mean `title`?)",
            "17:18 unknown-function: there is no function `itme` (did you mean `item`?)",
        ],
    );
    check(
        "type: string }\n        number",
        "typ: string }\n        number",
        &["21:17 unknown-key: unknown key `typ` in type `text` (did you mean `type`?)"],
    );
}
