//! `flowright connectors new`: a connector file to begin with.

use anyhow::{Context as _, bail, ensure};
use base::{Severity, Source};
use worker::Project;

use super::args::NewArgs;
use crate::{
    Outcome,
    cmd::packages::put,
    print::{Tone, line, note, tone},
};

pub(crate) fn run(project: &Project, args: &NewArgs) -> anyhow::Result<Outcome> {
    let name = args.name.as_str();
    let is_known = project.catalog.find(name).is_some();
    ensure!(args.force || !is_known, "the project has a connector `{name}` already");
    let text = file(name, &args.base_url);
    // What is written has to be right: a wrong name or address would be found only later.
    let (_, found) = connector::read(&Source::new("connector.yaml", &text));
    if let Some(first) = found.iter().find(|it| it.severity == Severity::Error) {
        let hint = first.hint.as_deref().map(|it| format!(" ({it})")).unwrap_or_default();
        bail!("{}{hint}", first.message);
    }
    let address = args.base_url.as_str();
    let is_address = ["https://", "http://"].iter().any(|it| address.starts_with(it));
    ensure!(
        is_address && !address.contains(['?', '#', '"', '\\', '\n']),
        "`{address}` is not an address"
    );
    let folder = project.settings.connectors.first();
    let folder = folder.context("the project has no folder of connectors")?;
    let folder = project.root.join(&folder.path).join(name);
    for (file, text) in [("connector.yaml", text), ("README.md", readme(name))] {
        let path = folder.join(file);
        let is_written = put(&path, &text, args.force)?;
        ensure!(is_written, "`{}` is there already; --force overwrites it", path.display());
        line(path.display());
    }
    note(tone(Tone::Good, format!("`flowright connectors describe {name}` shows what it offers")));
    note("edit it, check it with `flowright lint`, and try it with `flowright connectors call`");
    Ok(Outcome::Good)
}

fn title(name: &str) -> String {
    let mut words = name.replace('-', " ");
    if let Some(first) = words.get(..1).map(str::to_uppercase) {
        words.replace_range(..1, &first);
    }
    words
}

fn file(name: &str, base_url: &str) -> String {
    TEMPLATE
        .replace("%NAME%", name)
        .replace("%TITLE%", &title(name))
        .replace("%BASE_URL%", base_url.trim_end_matches('/'))
}

fn readme(name: &str) -> String {
    README.replace("%NAME%", name).replace("%TITLE%", &title(name))
}

const README: &str = "# %TITLE%

Which service this is, and what it is used for.

## Credentials

1. Where to get the key, and which rights it needs.
2. Where it goes: `environments/<name>.yaml`.

```text
connections:
  %NAME%:
    params: { apiKey: \"${env:API_KEY}\" }
```

## Limits

How many requests the service allows, and what it answers beyond that.
";

const TEMPLATE: &str = r##"# %TITLE%. README.md says how to get the credentials; docs/spec/connector.md says what may stand here.
connector: %NAME%
version: 1.0.0
title: %TITLE%

connection:
  # What the operator gives in an environment. A secret is only for `auth`.
  params:
    baseUrl: { type: uri, default: "%BASE_URL%", description: Address of the service. }
    apiKey: { type: secret, required: true, description: Key of the account. }
  auth: { type: apiKey, in: header, name: x-api-key, value: "@connection('apiKey')" }
  # A call that shows whether a connection works.
  test: { operation: ListItems }

http:
  baseUrl: "@connection('baseUrl')"
  headers: { Accept: application/json }
  timeout: PT60S
  concurrency: 4

# What failures mean; the first rule that fits decides. Only `throttled` and `transient` are retried.
errors:
  - { when: { status: 429 }, class: throttled, retry: { after: "header:Retry-After", max: 8 } }
  - { when: { status: [500, 502, 503, 504] }, class: transient }
  - { when: { status: 409 }, class: alreadyExists }
errorMessage: "@body()?['error']?['message']"
errorCode: "@body()?['error']?['code']"

schemas:
  Item:
    type: object
    required: [name]
    properties:
      id: { type: string, readOnly: true }
      name: { type: string }
      price: { type: [number, "null"] }
      updatedAt: { type: string, format: date-time, readOnly: true }

operations:
  ListItems:
    title: List items
    effect: read
    request: GET /items
    params:
      search: { type: string, description: Words that the name contains. }
      updatedSince: { type: string, format: date-time }
      page: { type: integer, default: 1, minimum: 1 }
      pageSize: { type: integer, default: 100, maximum: 500 }
    returns:
      type: object
      properties: { items: { type: array, items: { $ref: "#/schemas/Item" } } }
    paginate: { page: page, pageSize: pageSize, items: "@body()?['items']" }
  GetItem:
    title: Get an item
    effect: read
    request: GET /items/{id}
    params: { id: { type: string, required: true } }
    returns: { $ref: "#/schemas/Item" }
  AddItem:
    title: Add an item
    effect: create
    request: POST /items
    bodyParam: item
    body: { $ref: "#/schemas/Item" }
    success: [200, 201]
    returns: { $ref: "#/schemas/Item" }
    # Without this, a call whose answer is lost is not repeated: nobody could know whether it was done.
    idempotency: { header: Idempotency-Key }
  DeleteItem:
    title: Remove an item
    effect: delete
    request: DELETE /items/{id}
    params: { id: { type: string, required: true } }
    success: [200, 204, 404]

triggers:
  ItemsChanged:
    title: When an item changes (asked for every minute)
    kind: poll
    poll:
      every: PT1M
      operation: ListItems
      with: { updatedSince: "@state('since')" }
      items: "@body()?['items']"
      cursor:
        since: { next: "@last(body()?['items'])?['updatedAt']", initial: "@utcNow()" }
      overlap: PT2M
      dedupe: { key: "@{item()?['id']}|@{item()?['updatedAt']}", keep: P7D }
    returns: { $ref: "#/schemas/Item" }
"##;
