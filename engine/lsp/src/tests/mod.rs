//! What the server answers at a cursor, which is written `‸`.

mod complete;
mod navigate;
mod others;
mod outline;
mod shipped;
mod state;

use std::{fs, path::Path};

use base::Source;
use connector::Catalog;
use lsp_types::Position;

use crate::{File, FileKind, FlowFile, Project, Text, schema::Known};

/// A project with a flow and a mapping beside it, and the shipped connectors.
pub(crate) fn project() -> Project {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut catalog = Catalog::default();
    let mut others = Vec::new();
    for name in ["dynamics-365", "partner-center-referrals"] {
        let file = format!("connectors/{name}/connector.yaml");
        let text = fs::read_to_string(root.join(&file)).unwrap();
        let source = Source::new(&file, &text);
        let (connector, found) = connector::read(&source);
        catalog.add(connector);
        others.push((source, found));
    }
    let flow = Source::new("flows/sync/flow.yaml", FLOW);
    let mapping = Source::new("flows/sync/fields.mapping.yaml", MAPPING);
    let package = flow::package::read(&flow, &[("fields".to_owned(), mapping)]);
    let other = Source::new(
        "flows/other/flow.yaml",
        "flow: Other\ntriggers: [{ name: t, flow: }]\nactions: []\n",
    );
    let flows = vec![
        FlowFile::new("sync".to_owned(), package),
        FlowFile::new("other".to_owned(), flow::package::read(&other, &[])),
    ];
    let mut known = Known::default();
    for it in &flows {
        known.add(&it.name, &it.package.flow);
    }
    known.environments.insert("production".to_owned());
    Project { root: "/p".into(), flows, catalog, others, known, ..Project::default() }
}

pub(crate) const FLOW: &str = r#"flow: Sync
parameters:
  field: { type: string, default: x }
connections:
  crm: dynamics-365
  partnerCenter: partner-center-referrals
triggers:
  - name: Event
    request:
      schema: { type: object, properties: { id: { type: string }, size: { type: integer } } }
actions:
  - name: Count
    initialize: { name: total, type: integer, value: 0 }
  - name: Get the referral
    call: partnerCenter.GetReferralById
    with: { id: "@triggerBody()?['id']" }
  - name: Rows
    call: crm.ListRecords
    with: { entityName: accounts }
  - name: Fields
    map: fields
    from: $.actions.Get_the_referral.body
  - name: Each row
    foreach: "@body('Rows')?['value']"
    actions:
      - name: Add
        increment: { name: total, value: "@variables('total')" }
      - name: Say
        compose: { a: "{{actions.Get_the_referral.body.name}}", b: "x @{body('Get_the_referral')?['name']}" }
  - name: End
    runAfter: { Each row: [Succeeded], Get the referral: [Succeeded] }
    compose: "@concat(parameters('field'), body('Get_the_referral')?['id'])"
"#;

pub(crate) const MAPPING: &str = "mapping: fields\nfrom: partner-center-referrals#Referral\nto: dynamics-365#RowWrite\nfields:\n  name: $.name\n  \"@{parameters('field')}\": $.id\n";

/// A file of the project as it is being written, and where the cursor is.
pub(crate) fn open(project: &mut Project, name: &str, text: &str) -> (File, Position) {
    let at = text.find('‸').unwrap_or(0);
    let content = text.replacen('‸', "", 1);
    let kind = FileKind::of(Path::new(name)).unwrap();
    project.update(kind, name, &content);
    let text = Text::new(content);
    let position = text.position(at);
    (File { kind, name: name.to_owned(), text }, position)
}

/// The flow with a part of it written otherwise.
pub(crate) fn changed(from: &str, to: &str) -> String {
    assert!(FLOW.contains(from), "{from}");
    FLOW.replacen(from, to, 1)
}

/// The flow with an action at the end, which begins in column 2.
pub(crate) fn with_action(action: &str) -> String {
    format!("{FLOW}{action}")
}
