//! Published connectors in a project: found, called by flows, checked from the command line.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use worker::Project;

use crate::support::service::flowright;

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/openapi")
}

fn write(folder: &Path, name: &str, text: &str) {
    let file = folder.join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

/// A project with our definitions, one of them below a connector file.
fn project() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "flowright.yaml", "flows: [flows]\nconnectors: [connectors]\n");
    for name in ["orders", "tickets", "events", "library", "scripted"] {
        let target = root.join("connectors/published").join(name);
        fs::create_dir_all(&target).unwrap();
        for file in fs::read_dir(data().join(name)).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), target.join(file.file_name())).unwrap();
        }
    }
    let overlay = "connector: my-tickets
import:
  openapi: ./apiDefinition.swagger.json
  properties: ./apiProperties.json
  operations: [ListTickets, GetTicket]
operations:
  ListTickets: { effect: read, title: All tickets }
";
    write(root, "connectors/published/tickets/connector.yaml", overlay);
    folder
}

#[test]
fn a_project_lists_published_connectors_and_reads_them_when_asked() {
    let folder = project();
    let project = Project::load(folder.path(), None).unwrap();
    assert!(!project.has_errors(), "{:#?}", project.diagnostics);
    let listed = project.catalog.listings().map(|it| (it.name.as_str(), it.operations));
    let listed: Vec<(&str, usize)> = listed.collect();
    let expected =
        [("events", 6), ("library", 9), ("my-tickets", 2), ("orders", 15), ("scripted", 2)];
    assert_eq!(listed, expected);
    // Only the one that a connector file builds on was read.
    assert_eq!(format!("{:?}", project.catalog).matches("is_read: true").count(), 1);
    let by_alias = project.catalog.find("/providers/Microsoft.PowerApps/apis/shared_OrdersOfAShop");
    assert_eq!(by_alias.unwrap().name, "orders");
    assert_eq!(project.catalog.find("scripted").unwrap().operations.len(), 1);
    let tickets = project.catalog.find("my-tickets").unwrap();
    assert_eq!(tickets.operation("ListTickets").unwrap().title, "All tickets");
    assert!(tickets.operation("CreateTicket").is_none());
}

#[test]
fn a_connector_file_cannot_import_from_outside_of_its_folder() {
    let folder = project();
    let text =
        "connector: x\nversion: 1.0.0\nimport: { openapi: ../orders/apiDefinition.swagger.json }\n";
    write(folder.path(), "connectors/x/connector.yaml", text);
    let project = Project::load(folder.path(), None).unwrap();
    let mut all = project.diagnostics.iter().flat_map(|(_, found)| found);
    assert!(all.any(|it| it.message.contains("is not beside the connector file")));
}

fn run(args: &[&str], folder: &Path) -> (i32, String, String) {
    let output = Command::new(flowright())
        .args(args)
        .current_dir(folder)
        .env_remove("FLOWRIGHT_PROJECT")
        .env_remove("FLOWRIGHT_ENVIRONMENT")
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn flows_that_call_published_operations_are_checked() {
    let folder = project();
    let flow = |with: &str| {
        format!(
            "flow: remind\nconnections: {{ shop: orders }}\ntriggers: [{{ name: Go, manual: }}]\n\
             actions:\n  - name: Create\n    call: shop.CreateOrder\n    with: {with}\n"
        )
    };
    // What has a default need not be given.
    let right = "{ order/customer: C, order/address/street: S, order/amount: 2.5 }";
    write(folder.path(), "flows/remind/flow.yaml", &flow(right));
    let (code, out, err) = run(&["lint"], folder.path());
    assert_eq!(code, 0, "{out}{err}");
    write(
        folder.path(),
        "flows/remind/flow.yaml",
        &flow("{ order/customer: C, ordr/amount: 2.5 }"),
    );
    let (code, out, _) = run(&["lint", "--output-format", "concise"], folder.path());
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("ordr/amount"), "{out}");
}

#[test]
fn the_command_tells_what_can_be_called() {
    let data = data();
    let (code, out, err) = run(&["connectors", "check", "."], &data);
    assert_eq!((code, err.as_str()), (1, ""), "{out}");
    for line in [
        "scripted  1 operation, 1 only by script  https://scripted-of-tests.net",
        "  script   Computed",
        "  refused  NeedsMore: policy `No such thing`: there is no policy template `summonspirits`",
        "events  6 operations, of them 4 triggers  https://happenings-of-tests.net",
    ] {
        assert!(out.lines().any(|it| it == line), "{line}\n{out}");
    }
    assert!(out.ends_with(" 2 refused, 1 need a script\n"), "{out}");
    let (code, out, _) = run(&["connectors", "check", "library"], &data);
    assert_eq!(code, 0, "{out}");
    let (code, out, _) = run(&["connectors", "check", "library", "--output", "json"], &data);
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &told["summary"]["operations"]), (0, &json!(9)));
    assert_eq!(told["definitions"][0]["name"], "library");
    let (code, _, err) = run(&["connectors", "check", "nowhere"], &data);
    assert_eq!(code, 2, "{err}");
    let broken = tempfile::tempdir().unwrap();
    write(broken.path(), "a/apiDefinition.swagger.json", "{\"swagger\": ");
    let (code, out, _) = run(&["connectors", "check", "."], broken.path());
    assert!(code == 1 && out.contains("unreadable the definition cannot be read"), "{out}");
}
