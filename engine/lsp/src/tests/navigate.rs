//! Definitions, references and renaming.

use lsp_types::Position;

use super::{FLOW, MAPPING, changed, open, project};
use crate::{FileKind, Text, definition, references, rename};

/// The line that the definition begins with, in which file.
fn defined(name: &str, text: &str) -> Option<(String, String)> {
    let mut project = project();
    let (file, at) = open(&mut project, name, text);
    let target = definition(&project, &file, at)?;
    let own = file.text.as_str().to_owned();
    let sources =
        project.flows.iter().flat_map(|it| &it.package.diagnostics).chain(&project.others);
    let mut sources = sources.map(|(source, _)| source);
    let content = if target.name == file.name {
        own
    } else {
        sources.find(|it| it.name() == target.name).unwrap().text().to_owned()
    };
    let line = usize::try_from(target.range.start.line).unwrap();
    Some((target.name, content.lines().nth(line).unwrap_or("").trim().to_owned()))
}

fn check_defined(from: &str, to: &str, file: &str, line: &str) {
    let found = defined("flows/sync/flow.yaml", &changed(from, to));
    assert_eq!(found, Some((file.to_owned(), line.to_owned())), "{to}");
}

#[test]
fn definitions() {
    let own = "flows/sync/flow.yaml";
    check_defined("body('Rows')", "body('Ro‸ws')", own, "- name: Rows");
    check_defined("$.actions.Get_the", "$.actions.G‸et_the", own, "- name: Get the referral");
    check_defined("{{actions.Get_the", "{{actions.Get_t‸he", own, "- name: Get the referral");
    check_defined("{ Each row:", "{ Ea‸ch row:", own, "- name: Each row");
    check_defined(
        "variables('total')",
        "variables('t‸otal')",
        own,
        "initialize: { name: total, type: integer, value: 0 }",
    );
    check_defined(
        "parameters('field')",
        "parameters('fi‸eld')",
        own,
        "field: { type: string, default: x }",
    );
    check_defined("call: crm.ListRecords", "call: c‸rm.ListRecords", own, "crm: dynamics-365");
    check_defined(
        "call: crm.ListRecords",
        "call: crm.List‸Records",
        "connectors/dynamics-365/connector.yaml",
        "ListRecords:",
    );
    check_defined(
        "crm: dynamics-365",
        "crm: dynam‸ics-365",
        "connectors/dynamics-365/connector.yaml",
        "# Rows of Dataverse, which Dynamics 365 keeps its data in. README.md says how to get the credentials.",
    );
    check_defined(
        "map: fields",
        "map: fie‸lds",
        "flows/sync/fields.mapping.yaml",
        "mapping: fields",
    );
    let mapping = MAPPING.replacen("parameters('field", "parameters('fi‸eld", 1);
    let found = defined("flows/sync/fields.mapping.yaml", &mapping);
    assert_eq!(found, Some((own.to_owned(), "field: { type: string, default: x }".to_owned())));
    assert_eq!(defined(own, &changed("flow: Sync", "flow: S‸ync")), None);
}

#[test]
fn uses() {
    let count = |from: &str, to: &str| {
        let mut project = project();
        let (file, at) = open(&mut project, "flows/sync/flow.yaml", &changed(from, to));
        references(&project, &file, at).len()
    };
    // Its name, a path, two templates, `runAfter` and an expression.
    assert_eq!(count("- name: Get the", "- name: G‸et the"), 6);
    assert_eq!(count("body('Rows')", "body('Ro‸ws')"), 2);
    assert_eq!(count("name: total, type", "name: to‸tal, type"), 3);
    assert_eq!(count("crm: dynamics", "c‸rm: dynamics"), 2);
    // The mapping asks for it, too.
    assert_eq!(count("  field: {", "  fi‸eld: {"), 3);
}

/// The flow and the mapping after a rename.
fn renamed(from: &str, to: &str, new: &str) -> Result<(String, String), String> {
    let mut project = project();
    let (file, at) = open(&mut project, "flows/sync/flow.yaml", &changed(from, to));
    let edits = rename(&project, &file, at, new)?;
    let apply = |name: &str, text: &str| {
        let mut text = Text::new(text);
        let mut edits = edits.get(name).cloned().unwrap_or_default();
        edits.sort_by_key(|it| it.range.start);
        for it in edits.into_iter().rev() {
            text.apply(vec![lsp_types::TextDocumentContentChangeEvent {
                range: Some(it.range),
                range_length: None,
                text: it.new_text,
            }]);
        }
        text.as_str().to_owned()
    };
    Ok((apply("flows/sync/flow.yaml", FLOW), apply("flows/sync/fields.mapping.yaml", MAPPING)))
}

#[test]
fn an_action_is_renamed_in_every_notation() {
    let (flow, _) = renamed("body('Rows')", "body('R‸ows')", "All the rows").unwrap();
    assert_eq!(
        flow,
        FLOW.replace("name: Rows", "name: All the rows")
            .replace("body('Rows')", "body('All_the_rows')")
    );
    let (flow, _) = renamed("- name: Get the", "- name: Ge‸t the", "Read it").unwrap();
    let expected = FLOW
        .replace("name: Get the referral", "name: Read it")
        .replace("Get_the_referral", "Read_it")
        .replace("Get the referral: [", "Read it: [");
    assert_eq!(flow, expected);
    // A name that no word of a path can be.
    let (flow, _) =
        renamed("- name: Get the", "- name: Ge‸t the", "(Step) it's \"new\": go").unwrap();
    for part in [
        "- name: \"(Step) it's \\\"new\\\": go\"\n",
        "from: $.actions['(Step)_it\\'s_\"new\":_go'].body\n",
        "\"(Step) it's \\\"new\\\": go\": [Succeeded]",
        "body('(Step)_it''s_\\\"new\\\":_go')?['id']",
    ] {
        assert!(flow.contains(part), "{part}\n{flow}");
    }
    assert!(!flow.contains("Get_the_referral"), "{flow}");
    // Renamed and renamed back it is the same.
    let mut project = project();
    let (flow, _) = renamed("- name: Rows", "- name: R‸ows", "All").unwrap();
    project.update(FileKind::Flow, "flows/sync/flow.yaml", &flow);
}

#[test]
fn other_names_are_renamed() {
    let (flow, _) = renamed("name: total, type", "name: t‸otal, type", "sum").unwrap();
    assert_eq!(flow, FLOW.replace("total", "sum"));
    let (flow, mapping) = renamed("  field: {", "  f‸ield: {", "column").unwrap();
    assert!(flow.contains("  column: { type") && flow.contains("parameters('column')"), "{flow}");
    assert!(mapping.contains("@{parameters('column')}"), "{mapping}");
    let (flow, _) = renamed("call: crm.List", "call: c‸rm.List", "dynamics").unwrap();
    assert_eq!(flow, FLOW.replace("  crm: ", "  dynamics: ").replace("crm.List", "dynamics.List"));
}

#[test]
fn what_cannot_be_renamed_says_why() {
    for (from, to, new, reason) in [
        ("- name: Rows", "- name: R‸ows", "end", "there is a `end` already"),
        ("- name: Rows", "- name: R‸ows", " ", "` ` is no name for it"),
        ("crm: dyn", "c‸rm: dyn", "a.b", "`a.b` is no name for it"),
        ("map: fields", "map: f‸ields", "other", "this is the name of a file"),
        ("flow: Sync", "flow: S‸ync", "x", "there is no name here"),
    ] {
        assert_eq!(renamed(from, to, new).unwrap_err(), reason, "{to}");
    }
    // Where a text has escapes, the place is told and nothing is changed.
    let mut project = project();
    let text = changed(
        "\"@concat(parameters('field'), body('Get_the_referral')?['id'])\"",
        "\"@concat('\\\"', body('Rows'))\"",
    );
    let (file, _) = open(&mut project, "flows/sync/flow.yaml", &text);
    let line =
        u32::try_from(text.lines().position(|it| it.contains("name: Rows")).unwrap()).unwrap();
    let reason = rename(&project, &file, Position::new(line, 12), "All").unwrap_err();
    assert!(reason.contains("a text with escapes names it"), "{reason}");
}
