//! How long an editor waits after a key in a flow of many actions: `cargo bench -p lsp`, or with a number.

#![allow(clippy::unwrap_used, reason = "a benchmark says what went wrong by panicking")]

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use base::Source;
use connector::Catalog;
use lsp::{File, FileKind, FlowFile, Project, Text, complete, findings, schema::Known};
use lsp_types::Position;

/// Actions of the flow.
const ACTIONS: usize = 200;
/// Keys that are typed; the slowest counts, half of them leave a broken file.
const KEYS: usize = 20;
const NAME: &str = "flows/long/flow.yaml";
/// Other flows of the project, which start and call each other.
const OTHERS: usize = 500;

fn main() {
    let given = std::env::args().skip(1).find_map(|it| it.parse().ok());
    let actions = given.unwrap_or(ACTIONS);
    let text = text(actions);
    let mut project = project(&text);
    let mut slowest = [Duration::ZERO; 2];
    let end = text.trim_end().len();
    for key in 0..KEYS {
        let mut content = text.clone();
        content.insert_str(end, if key % 2 == 0 { "x" } else { "\n    wi" });
        let file = File { kind: FileKind::Flow, name: NAME.to_owned(), text: Text::new(content) };
        let begun = Instant::now();
        project.update(file.kind, NAME, file.text.as_str());
        let found = findings(&project, &file);
        let told = begun.elapsed();
        assert!(!found.is_empty());
        let begun = Instant::now();
        let at = Position::new(u32::MAX, 0);
        complete(&project, &file, at);
        slowest = [slowest[0].max(told), slowest[1].max(begun.elapsed())];
    }
    let mut out = std::io::stdout();
    let lines = text.lines().count();
    writeln!(out, "{actions} actions, {lines} lines, {OTHERS} other flows").unwrap();
    writeln!(out, "findings after a key, at most {:>8.1?}", slowest[0]).unwrap();
    writeln!(out, "completion,           at most {:>8.1?}", slowest[1]).unwrap();
}

/// A flow of calls, conditions and loops that look at each other.
fn text(actions: usize) -> String {
    let head = "flow: Long
connections: { crm: dynamics-365 }
triggers:
  - name: Changed
    on: crm.SubscribeWebhookTrigger
    with: { subscriptionRequest/message: 4, subscriptionRequest/entityname: table0, subscriptionRequest/scope: 4 }
actions:
";
    let mut text = head.to_owned();
    for nth in 0..actions.div_ceil(4) {
        write!(
            text,
            "  - name: Rows {nth}
    call: crm.ListRecords
    with: {{ entityName: accounts, $filter: \"@concat('name eq ', '{nth}')\" }}
  - name: Any {nth}
    if: \"@greater(length(body('Rows_{nth}')?['value']), 0)\"
    then:
      - name: Each {nth}
        foreach: \"@body('Rows_{nth}')?['value']\"
        actions:
          - name: Say {nth}
            compose: \"@{{item()?['name']}} of @{{length(body('Rows_{nth}')?['value'])}}\"
"
        )
        .unwrap();
    }
    text
}

/// A flow that starts when rows of one table change, changes those of another one, and calls the next.
fn other(nth: usize) -> String {
    let next = (nth + 1) % OTHERS;
    format!(
        "flow: Other {nth}
connections: {{ crm: dynamics-365 }}
triggers:
  - name: Changed
    on: crm.SubscribeWebhookTrigger
    with: {{ subscriptionRequest/message: 4, subscriptionRequest/entityname: table{nth}, subscriptionRequest/scope: 4 }}
  - name: Called
    flow:
actions:
  - name: Write
    call: crm.UpdateRecord
    with: {{ entityName: table{next}s, recordId: \"@triggerBody()?['id']\", item/name: x }}
  - name: Next
    if: \"@equals(rand(0, 2), 1)\"
    then: [{{ name: Go, runFlow: Other {next}, trigger: Called }}]
"
    )
}

fn project(text: &str) -> Project {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut catalog = Catalog::default();
    for entry in fs::read_dir(root.join("connectors")).unwrap() {
        if let Ok(text) = fs::read_to_string(entry.unwrap().path().join("connector.yaml")) {
            catalog.add(connector::read(&Source::new("connector.yaml", &text)).0);
        }
    }
    let package = flow::package::read(&Source::new(NAME, text), &[]);
    let mut flows = vec![FlowFile::new("long".to_owned(), package)];
    for nth in 0..OTHERS {
        let source = Source::new(&format!("flows/other{nth}/flow.yaml"), &other(nth));
        flows.push(FlowFile::new(format!("other{nth}"), flow::package::read(&source, &[])));
    }
    let mut known = Known::default();
    for it in &flows {
        known.add(&it.name, &it.package.flow);
    }
    Project { root, flows, catalog, known, ..Project::default() }
}
