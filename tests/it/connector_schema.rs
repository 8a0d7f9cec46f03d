//! The published JSON Schema of connector files: it admits what the reader reads, and finds what it finds.

use std::{fs, path::PathBuf};

use base::{Severity, Source};
use flow::schema::Schema;
use serde_json::Value;

use crate::support::service::root;

fn published() -> Schema {
    let text = fs::read_to_string(root().join("docs/reference/connector.schema.json")).unwrap();
    let (schema, invalid) = Schema::new(serde_json::from_str(&text).unwrap());
    assert_eq!(invalid, None);
    schema
}

/// What the schema says of a file, the first finding.
fn told(schema: &Schema, text: &str) -> Option<String> {
    let (node, _) = yaml::parse(text);
    // What is no YAML is told by every reader.
    let Some(node) = node else { return Some("this is not YAML".to_owned()) };
    let value: Value = node.to_json();
    let found = schema.check(&value).unwrap();
    found.first().map(|it| format!("{it:?}"))
}

fn has_errors(text: &str) -> bool {
    let (_, found) = connector::read(&Source::new("connector.yaml", text));
    found.iter().any(|it| it.severity == Severity::Error)
}

fn shipped() -> Vec<(PathBuf, String)> {
    let folders = fs::read_dir(root().join("connectors")).unwrap();
    let files = folders.map(|it| it.unwrap().path().join("connector.yaml"));
    let files = files.filter(|it| it.is_file());
    files.map(|it| (it.clone(), fs::read_to_string(it).unwrap())).collect()
}

#[test]
fn shipped_connectors_are_as_published() {
    let schema = published();
    let files = shipped();
    assert!(3 <= files.len());
    for (path, text) in files {
        assert!(!has_errors(&text), "{}", path.display());
        assert_eq!(told(&schema, &text), None, "{}", path.display());
    }
}

const FULL: &str = r##"connector: full
version: 1.0.0
title: All there is
aliases: [shared_full]
connection:
  params:
    baseUrl: { type: uri, required: true, example: "https://x.example" }
    secret: { type: secret }
  auth:
    oneOf:
      - { name: app, type: oauth2, grant: clientCredentials, tokenUrl: "https://login.example", clientId: a, clientSecret: "@connection('secret')", form: { scope: x } }
      - { name: key, type: apiKey, header: x-key, value: "@connection('secret')" }
  test: { operation: Get, with: { id: 1 } }
http:
  baseUrl: "@connection('baseUrl')"
  headers: { Accept: application/json, X-Version: 2 }
  timeout: PT60S
  rate: { calls: 10, per: PT1M }
errors:
  - { when: { status: [429, 503], code: [LIMIT, 7] }, class: throttled, retry: { after: "header:X-Reset", max: 3 } }
  - { when: { test: "@equals(status(), 300)" }, class: ambiguous, message: several }
errorCode: "@body()?['code']"
schemas:
  Row:
    type: object
    required: [name]
    properties: { name: { type: string }, tags: { type: array, items: { type: [string, "null"] } } }
    discover:
      input: table
      operation: Get
      with: { id: "@input('table')" }
      columns: "@body()"
      column: { name: "@item()?['n']", type: "@item()?['t']", maxLength: "@item()?['m']" }
      types: { text: { type: string } }
      closed: true
  Note: { discover: { by: hand } }
operations:
  Get:
    effect: read
    request: GET /rows/{id}
    routes: GET /old/{id}
    params:
      id: { type: string, required: true, encode: double }
      tags: { type: array, arrays: multi, dynamicValues: { operation: Get, with: { id: 1 }, value: "@item()" } }
      skip: { type: integer, internal: true, default: 0 }
    returns: { $ref: "#/schemas/Row" }
    success: 200
    paginate: { offset: skip, items: "@body()" }
  Old: { extends: Get, title: The older one }
  Add:
    effect: create
    request: POST /rows
    body: { $ref: "#/schemas/Row" }
    encoding: multipart
    idempotency: { find: { operation: Get, with: { id: 1 }, found: "@body()" } }
    output: { id: "@body()?['id']" }
triggers:
  Polled:
    kind: poll
    params: { table: { type: string } }
    poll:
      every: PT1M
      operation: Get
      with: { id: 1 }
      items: "@body()"
      cursor: { since: { next: "@utcNow()", initial: "@utcNow()" } }
      dedupe: { key: "@item()", keep: P7D }
  Told:
    kind: webhook
    cardinality: singleton
    subscription:
      create: { operation: Add, with: { body/name: "@callbackUrl()" }, id: "@body()?['id']" }
      renewEvery: P1D
    receive:
      status: 202
      verify: { scheme: hmac, algorithm: sha256, header: X-Sig, secrets: ["@connection('secret')"], tolerance: PT5M }
      handshake: { method: GET, when: "@true", body: hi }
      filter: "@true"
"##;

#[test]
fn damaged_files_are_found() {
    let schema = published();
    assert!(!has_errors(FULL), "{:?}", connector::read(&Source::new("f", FULL)).1);
    assert_eq!(told(&schema, FULL), None);
    let damages = [
        ("connector: full\n", ""),
        ("connector: full", "connector: Full Name"),
        ("title: All", "tittle: All"),
        ("type: uri", "type: url"),
        ("example: \"https", "exmaple: \"https"),
        ("grant: clientCredentials, ", ""),
        ("grant: clientCredentials", "grant: client_credentials"),
        ("type: apiKey, ", "type: apikey, "),
        ("header: x-key", "haeder: x-key"),
        ("name: key, ", "name: key, extra: 1, "),
        ("test: { operation: Get", "test: { operations: Get"),
        ("  baseUrl: \"@connection('baseUrl')\"\n", ""),
        ("timeout: PT60S", "timeout: 60"),
        ("calls: 10, ", ""),
        ("status: [429, 503]", "status: [42]"),
        ("class: throttled", "class: throttle"),
        ("class: ambiguous, ", ""),
        ("retry: { after", "retry: { later"),
        ("max: 3", "max: -1"),
        ("type: array, items", "typ: array, items"),
        ("type: [string, \"null\"]", "type: [text]"),
        ("closed: true", "closed: truth"),
        ("columns: \"@body()\"", "colums: \"@body()\""),
        ("maxLength: \"@item", "maxlength: \"@item"),
        ("effect: read\n", ""),
        ("effect: read\n", "effect: reads\n"),
        ("request: GET /rows/{id}\n", "request: FETCH /rows/{id}\n"),
        ("routes: GET /old/{id}", "routes: old"),
        ("encode: double", "encode: twice"),
        ("arrays: multi", "arrays: many"),
        ("value: \"@item()\" }", "vaule: \"@item()\" }"),
        ("#/schemas/Row\" }\n    success", "#/Row\" }\n    success"),
        ("success: 200", "success: ok"),
        ("offset: skip", "offset: skip, page: skip"),
        ("offset: skip, ", ""),
        (", items: \"@body()\" }", " }"),
        ("encoding: multipart", "encoding: xml"),
        (", found: \"@body()\"", ""),
        ("kind: poll", "kind: polling"),
        ("every: PT1M", "every: 1"),
        ("next: \"@utcNow()\", ", ""),
        ("key: \"@item()\", ", ""),
        ("cardinality: singleton", "cardinality: one"),
        ("operation: Add, with", "operaton: Add, with"),
        ("renewEvery: P1D", "renewEvery: 1"),
        ("algorithm: sha256", "algorithm: md5"),
        ("scheme: hmac", "scheme: mac"),
        (", secrets: [\"@connection('secret')\"]", ""),
        ("method: GET, ", "method: DELETE, "),
        ("when: \"@true\", ", ""),
        ("filter: \"@true\"", "fitler: \"@true\""),
    ];
    for (from, to) in damages {
        assert!(FULL.contains(from), "{from}");
        let text = FULL.replacen(from, to, 1);
        assert!(has_errors(&text), "the reader does not mind `{to}` for `{from}`");
        assert!(told(&schema, &text).is_some(), "the schema does not mind `{to}` for `{from}`");
    }
}
