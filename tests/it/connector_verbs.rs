//! `flowright connectors` as people and scripts use it: what it prints, sends, writes and exits with.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use crate::support::{
    responder::{Answer, Asked, Responder, json as answer},
    service::{flowright, root},
};

const SHOP: &str = r##"connector: shop
version: 1.2.0
title: Shop
aliases: [shared_shop]
connection:
  params:
    baseUrl: { type: uri, required: true, description: Where it is. }
    key: { type: secret, required: true }
  auth: { type: apiKey, in: header, name: x-key, value: "@connection('key')" }
http: { baseUrl: "@connection('baseUrl')" }
errorMessage: "@body()?['why']"
schemas:
  Row:
    type: object
    discover:
      input: table
      operation: Columns
      with: { table: "@input('table')" }
      columns: "@body()?['columns']"
      column: { name: "@item()?['name']", type: "@item()?['kind']" }
      types: { text: { type: string }, number: { type: [number, "null"] } }
      closed: true
operations:
  Columns: { internal: true, effect: read, request: "GET /columns/{table}", params: { table: { type: string, required: true } } }
  List:
    title: List rows
    effect: read
    request: GET /rows/{table}
    params:
      table: { type: string, required: true, description: Which table., dynamicValues: { operation: Tables, value: "@item()" } }
      top: { type: integer, default: 2 }
      state: { type: string, enum: [open, closed] }
      page: { type: integer, internal: true, default: 1 }
    returns: { type: object, properties: { value: { type: array, items: { $ref: "#/schemas/Row" } } } }
    paginate: { page: page, pageSize: top, items: "@body()?['value']" }
  Tables: { effect: read, request: GET /tables }
  Add:
    title: Add a row
    effect: create
    request: POST /rows/{table}
    params: { table: { type: string, required: true } }
    bodyParam: item
    body: { $ref: "#/schemas/Row" }
    returns: { $ref: "#/schemas/Row" }
triggers:
  Changed:
    title: When a row changes
    kind: poll
    params: { table: { type: string, required: true } }
    poll: { operation: List, with: { table: "@input('table')" }, items: "@body()?['value']" }
    returns: { $ref: "#/schemas/Row" }
"##;

const FLOW: &str = "flow: orders
connections: { shop: shop }
triggers: [{ name: T, on: shop.Changed, with: { table: lines } }]
actions:
  - { name: Add, call: shop.Add, with: { table: orders, item/name: A, item/pirce: 5 } }
  - { name: Use, compose: $.actions.Add.body.nmae }
";

fn serve(asked: &Asked) -> Answer {
    if asked.header("x-key") != Some("s3cret") {
        return answer(401, &json!({ "why": "no key" }));
    }
    let (method, target) = asked.line.split_once(' ').unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let column = |name: &str, kind: &str| json!({ "name": name, "kind": kind });
    match (method, path) {
        ("GET", "/rows/orders") => {
            let rows = if query.contains("page=1") { json!([1, 2]) } else { json!([3]) };
            answer(200, &json!({ "value": rows }))
        }
        ("POST", "/rows/orders") => answer(201, &serde_json::from_str(&asked.body).unwrap()),
        ("GET", "/columns/orders") => answer(
            200,
            &json!({ "columns": [column("name", "text"), column("price", "number"), column("x@y", "text")] }),
        ),
        ("GET", "/columns/lines") => answer(200, &json!({ "columns": [column("id", "text")] })),
        _ => answer(404, &json!({ "why": "no such table" })),
    }
}

/// A project with the shop.
struct Scene {
    folder: tempfile::TempDir,
    shop: Responder,
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let scene = Self { shop: Responder::start(serve).await, folder };
        scene.put("flowright.yaml", "environment: test\n");
        scene.put("connectors/shop/connector.yaml", SHOP);
        scene.put("flows/orders/flow.yaml", FLOW);
        let params = format!("{{ baseUrl: \"{}\", key: s3cret }}", scene.shop.origin);
        let wrong = format!("{{ baseUrl: \"{}\", key: wrong }}", scene.shop.origin);
        scene.put(
            "environments/test.yaml",
            &format!("connections: {{ shop: {{ params: {params} }} }}\n"),
        );
        scene.put(
            "environments/two.yaml",
            &format!(
                "connections:\n  good: {{ connector: shop, params: {params} }}\n  bad: {{ connector: shop, params: {wrong} }}\n"
            ),
        );
        scene
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Exit code, standard output, standard error.
    async fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        run(self.folder.path(), arguments).await
    }
}

async fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let (folder, arguments) = (folder.to_owned(), arguments.iter().map(|it| (*it).to_owned()));
    let arguments: Vec<String> = arguments.collect();
    let done = tokio::task::spawn_blocking(move || {
        let mut command = Command::new(flowright());
        command.current_dir(folder).args(arguments).env_remove("FLOWRIGHT_ENVIRONMENT");
        command.stdin(std::process::Stdio::null()).output().unwrap()
    });
    let done = done.await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (done.status.code().unwrap(), text(&done.stdout), text(&done.stderr))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connectors_are_described() {
    let scene = Scene::new().await;
    let (code, out, _) = scene.run(&["connectors", "list"]).await;
    assert_eq!(
        (code, out.contains("shop       3           1         1.2.0    Shop")),
        (0, true),
        "{out}"
    );
    let (code, out, _) = scene.run(&["connectors", "describe", "shared_shop"]).await;
    assert_eq!(code, 0, "{out}");
    for part in
        ["Shop 1.2.0", "baseUrl", "required", "Add        create  Add a row", "Changed  poll"]
    {
        assert!(out.contains(part), "{part}\n{out}");
    }
    assert!(!out.contains("Columns"), "what is internal is not offered\n{out}");
    let (code, out, _) = scene.run(&["connectors", "describe", "shop.List"]).await;
    assert_eq!(code, 0, "{out}");
    for part in [
        "shop.List  List rows",
        "read, GET /rows/{table}, further pages on demand",
        "table  string   required           Which table.; values: Tables",
        "top    integer            2",
        "one of \"open\", \"closed\"",
        "body/value  array of object",
        "call: shop.List\nwith: { table: \"…\" }",
    ] {
        assert!(out.contains(part), "{part}\n{out}");
    }
    let (_, out, _) =
        scene.run(&["connectors", "describe", "shop.Changed", "--output", "json"]).await;
    let shown: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(shown["example"], json!({ "on": "shop.Changed", "with": { "table": "…" } }));
    assert_eq!(shown["inputs"][0]["type"], "string");
    for (name, expected) in [
        ("shop.Lst", "`shop` has no operation `Lst`; did you mean `List`?"),
        ("sop", "the project has no connector `sop`; did you mean `shop`?"),
    ] {
        let (code, _, err) = scene.run(&["connectors", "describe", name]).await;
        assert_eq!((code, err.contains(expected)), (2, true), "{err}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operations_are_called() {
    let scene = Scene::new().await;
    let check = async |arguments: &[&str], expected: (i32, &str, &str)| {
        let (code, out, err) = scene.run(&[&["connectors", "call"], arguments].concat()).await;
        let out = out.split_whitespace().collect::<String>();
        let fits = (code, out.as_str()) == (expected.0, expected.1) && err.contains(expected.2);
        assert!(fits, "{arguments:?}\n{code} {out}\n{err}");
    };
    let orders = ["shop.List", "--with", "table=orders"];
    check(&orders, (0, r#"{"value":[1,2]}"#, "the service answered 200")).await;
    check(&[&orders[..], &["--items", "9"]].concat(), (0, r#"{"value":[1,2,3]}"#, "")).await;
    let json = [&orders[..], &["--output", "json"]].concat();
    let (_, out, _) = scene.run(&[&["connectors", "call"], &json[..]].concat()).await;
    let shown: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&shown["statusCode"], &shown["body"]), (&json!(200), &json!({ "value": [1, 2] })));
    check(
        &["shop.List", "--with", "table=5"],
        (1, r#"{"why":"nosuchtable"}"#, "notFound: no such table"),
    )
    .await;
    check(
        &["shop.List", "--with", "top=2"],
        (1, "", "required parameter `table` of `List` is missing"),
    )
    .await;
    check(
        &["shop.List", "--with", "top=x"],
        (2, "", "`top` takes \"integer\", and `x` is no JSON"),
    )
    .await;
    check(&["shop.List", "--with", "table"], (2, "", "`--with table` is not NAME=VALUE")).await;
    check(&["shop"], (2, "", "say which operation")).await;
    // Whatever may change something is asked about, or told not to be.
    scene.put("inputs.yaml", "table: orders\nitem: { price: 5 }\n");
    let add = ["shop.Add", "--with-json", "inputs.yaml", "--with", "item/name=7"];
    check(&add, (2, "", "say `--yes` to make it")).await;
    check(&[&add[..], &["--yes"]].concat(), (0, r#"{"price":5,"name":7}"#, "answered 201")).await;
    check(&[&orders[..], &["--env", "two"]].concat(), (2, "", "several connections to `shop`"))
        .await;
    let through = |name| [&orders[..], &["--env", "two", "--connection", name]].concat();
    check(&through("good"), (0, r#"{"value":[1,2]}"#, "")).await;
    check(&through("bad"), (1, r#"{"why":"nokey"}"#, "auth: no key")).await;
    check(&through("best"), (2, "", "no connection `best`")).await;
    let lines = scene.shop.lines();
    assert_eq!(lines.iter().filter(|it| it.starts_with("POST")).count(), 1, "{lines:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_services_say_of_their_schemas_is_kept_for_lint() {
    let scene = Scene::new().await;
    let findings = async || {
        let (code, out, err) = scene.run(&["lint", "--output-format", "concise"]).await;
        let found: Vec<&str> = out.lines().filter_map(|it| Some(it.split_once(": ")?.1)).collect();
        (
            code,
            format!("{}{}", found.join("\n"), if found.is_empty() { err } else { String::new() }),
        )
    };
    assert_eq!(findings().await.0, 0, "nothing is known of the tables");
    let (code, out, err) = scene.run(&["connectors", "schema", "pull", "shop"]).await;
    assert_eq!(
        (code, out.as_str()),
        (0, "schemas/shop/lines.json\nschemas/shop/orders.json\n"),
        "{err}"
    );
    let file = fs::read_to_string(scene.path("schemas/shop/orders.json")).unwrap();
    let kept: Value = serde_json::from_str(&file).unwrap();
    assert_eq!(
        (&kept["connector"], &kept["name"], &kept["schemas"]["Row"]),
        (
            &json!("shop"),
            &json!("orders"),
            &json!({
                "type": "object",
                "properties": { "name": { "type": "string" }, "price": { "type": ["number", "null"] }, "x@y": { "type": "string" } },
                "additionalProperties": false,
            })
        )
    );
    assert!(kept["pulled"].as_str().unwrap().starts_with("20"), "{file}");
    let (code, found) = findings().await;
    assert_eq!(code, 1);
    for expected in ["`Add` has no field `pirce`", "nmae"] {
        assert!(found.contains(expected), "{expected}\n{found}");
    }
    let errors = found.lines().filter(|line| line.contains("error["));
    assert_eq!(errors.count(), 2, "{found}");
    // Of a table that nobody has heard of, nothing is kept.
    let (code, _, err) = scene.run(&["connectors", "schema", "pull", "shop.Row", "gone"]).await;
    assert_eq!((code, err.contains("not pulled: `gone`: no such table")), (1, true), "{err}");
    assert!(!scene.path("schemas/shop/gone.json").exists());
    let (code, _, err) = scene.run(&["connectors", "schema", "pull", "shop.Rows"]).await;
    assert_eq!(
        (code, err.contains("no schema `Rows` that is asked for; did you mean `Row`?")),
        (2, true),
        "{err}"
    );
    scene.put("schemas/shop/orders.json", "{");
    let (code, found) = findings().await;
    assert!(code == 1 && found.contains("this is not JSON"), "{found}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_connector_is_without_fault() {
    let scene = Scene::new().await;
    let (code, out, err) =
        scene.run(&["connectors", "new", "my-crm", "--base-url", "https://crm.example/v1/"]).await;
    assert_eq!(code, 0, "{err}");
    let files = ["connectors/my-crm/connector.yaml", "connectors/my-crm/README.md"];
    assert!(files.iter().all(|it| out.contains(it) && scene.path(it).is_file()), "{out}");
    let (code, out, err) = scene.run(&["lint", "connectors/my-crm"]).await;
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    assert!(err.contains("no findings"), "{err}");
    let (code, out, _) = scene.run(&["connectors", "describe", "my-crm.AddItem"]).await;
    assert!(code == 0 && out.contains("item/name") && !out.contains("item/id "), "{out}");
    for (arguments, expected) in [
        (&["new", "my-crm"][..], "has a connector `my-crm` already"),
        (&["new", "My CRM"], "`My CRM` is not a name for a connector"),
        (&["new", "other", "--base-url", "crm.example"], "`crm.example` is not an address"),
    ] {
        let (code, _, err) = scene.run(&[&["connectors"], arguments].concat()).await;
        assert_eq!((code, err.contains(expected)), (2, true), "{err}");
    }
    assert!(!scene.path("connectors/other").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shipped_connectors_are_described() {
    let (code, out, _) = run(&root(), &["connectors", "list", "--output", "json"]).await;
    let all: Vec<Value> = serde_json::from_str(&out).unwrap();
    assert!(code == 0 && 3 <= all.len(), "{out}");
    for connector in &all {
        let name = connector["name"].as_str().unwrap();
        let (code, out, err) =
            run(&root(), &["connectors", "describe", name, "--output", "json"]).await;
        assert_eq!(code, 0, "{err}");
        let shown: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(shown["operations"].as_array().unwrap().len() as u64, connector["operations"]);
    }
}
