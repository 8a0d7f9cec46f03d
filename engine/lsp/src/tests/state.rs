//! What is kept from one key to the next, and what holds for the program as well as for editors.

use std::rc::Rc;

use base::Source;
use lint::{FileFindings, baseline::Baseline, config, glob::Pattern};

use super::{FLOW, MAPPING, changed, open, project};
use crate::{File, FileKind, Project, Text, file::View, findings, outline};

const FLOW_NAME: &str = "flows/sync/flow.yaml";
const MAPPING_NAME: &str = "flows/sync/fields.mapping.yaml";

fn file(kind: FileKind, name: &str, text: &str) -> File {
    File { kind, name: name.to_owned(), text: Text::new(text) }
}

#[test]
fn schemas_are_made_once() {
    let mut project = project();
    let schema = |project: &Project, kind: FileKind, name: &str, text: &str| {
        let file = file(kind, name, text);
        View { project, file: &file }.schema(&outline::read(text))
    };
    for (kind, name, text) in [
        (FileKind::Flow, FLOW_NAME, FLOW),
        (FileKind::Mapping, MAPPING_NAME, MAPPING),
        (FileKind::Environment, "flows/environments/production.yaml", "parameters: {}\n"),
        (FileKind::Project, "flowright.yaml", "flows: [flows]\n"),
        (FileKind::Test, "flows/sync/tests/a.test.yaml", "tests: []\n"),
        (FileKind::Connector, "connectors/x/connector.yaml", "connector: x\n"),
    ] {
        let first = schema(&project, kind, name, text);
        let longer = format!("{text}# and more\n");
        assert!(Rc::ptr_eq(&first, &schema(&project, kind, name, &longer)), "{kind:?}");
    }
    // What it is made of makes another one.
    let first = schema(&project, FileKind::Flow, FLOW_NAME, FLOW);
    let other = changed("  crm: dynamics-365\n", "  erp: dynamics-365\n");
    let second = schema(&project, FileKind::Flow, FLOW_NAME, &other);
    assert!(!Rc::ptr_eq(&first, &second));
    assert!(second.to_string().contains("erp.ListRecords"));
    assert!(Rc::ptr_eq(&first, &schema(&project, FileKind::Flow, FLOW_NAME, FLOW)));
    let connector = "connector: dynamics-365\nversion: 9.0.0\nhttp: { baseUrl: 'https://x.example.com' }\noperations: { Only: { effect: read, request: GET /x } }\n";
    project.update(FileKind::Connector, "connectors/dynamics-365/connector.yaml", connector);
    let third = schema(&project, FileKind::Flow, FLOW_NAME, FLOW).to_string();
    assert!(third.contains("crm.Only") && !third.contains("crm.ListRecords"));
}

#[test]
fn only_the_edited_file_is_read_again() {
    let mut project = project();
    let flow_before = project.flows[0].package.flow.clone();
    project.update(FileKind::Mapping, MAPPING_NAME, &MAPPING.replace("$.name", "$.nam"));
    let package = &project.flows[0].package;
    assert_eq!(package.diagnostics[1].0.text(), MAPPING.replace("$.name", "$.nam"));
    assert_eq!(format!("{flow_before:?}"), format!("{:?}", package.flow));
    // A mapping that is new is one that the flow may name.
    let flow = changed("map: fields", "map: others");
    project.update(FileKind::Flow, FLOW_NAME, &flow);
    let is_missed = |project: &Project| {
        let found = &project.flows[0].package.diagnostics[0].1;
        found.iter().any(|it| it.message.contains("no mapping `others`"))
    };
    assert!(is_missed(&project));
    project.update(FileKind::Mapping, "flows/sync/others.mapping.yaml", MAPPING);
    assert!(!is_missed(&project));
    assert_eq!(project.flows[0].package.mappings.len(), 2);
    // A broken file says nothing of what the flow is.
    project.update(FileKind::Flow, FLOW_NAME, "flow: [\n");
    assert_eq!(project.flows[0].good.name, "Sync");
    // What other files may name is learned.
    project.update(FileKind::Flow, FLOW_NAME, &changed("flow: Sync", "flow: Later"));
    assert!(project.known.flows.contains("Later") && !project.known.flows.contains("Sync"));
    assert!(project.known.environments.contains("production"));
    assert_eq!(project.flows.len(), 2);
    project.update(
        FileKind::Flow,
        "flows/third/flow.yaml",
        "flow: Third\ntriggers: []\nactions: []\n",
    );
    assert!(project.known.flows.contains("Third"));
}

/// Slugs of what an editor is told of a file.
fn told(project: &mut Project, name: &str, text: &str) -> Vec<&'static str> {
    let (file, _) = open(project, name, text);
    let found = findings(project, &file);
    let own = found.into_iter().find(|(source, _)| source.name() == name);
    own.map(|(_, found)| found.iter().map(|it| it.code.slug).collect()).unwrap_or_default()
}

/// A project whose file says this of lint.
fn configured(said: &str) -> Project {
    let source = Source::new("flowright.yaml", &format!("lint: {said}\n"));
    let (settings, faults) = flow::project::read(&source);
    assert!(faults.is_empty(), "{faults:?}");
    let (config, faults) = config::read(settings.lint.as_ref().unwrap());
    assert!(faults.is_empty(), "{faults:?}");
    Project { settings: config.settings, exclude: config.exclude, ..project() }
}

#[test]
fn the_configuration_holds_in_editors() {
    let faulty = "flow: F\ntriggers: [{ name: t, manual: }]\nactions: [{ name: A, compose: \"@nothing(outputs('B'))\" }]\n";
    let environment = "parameter: {}\n";
    let place = "flows/environments/production.yaml";
    let (function, action) = ("unknown-function", "unknown-action-reference");
    for (said, of_flow, of_environment) in [
        ("{}", &[function, action][..], &["unknown-key"][..]),
        ("{ ignore: [FL302] }", &[action], &["unknown-key"]),
        ("{ files: [{ paths: \"flows/sync/**\", ignore: all }] }", &[], &["unknown-key"]),
        (
            "{ files: [{ paths: \"flows/environments/**\", ignore: [unknown-key] }] }",
            &[function, action],
            &[],
        ),
        (
            "{ files: [{ paths: \"other/**\", ignore: all }] }",
            &[function, action],
            &["unknown-key"],
        ),
        ("{ exclude: \"flows/sync/**\" }", &[], &["unknown-key"]),
        ("{ exclude: [\"flows/**\", \"!flows/sync/\"] }", &[function, action], &[]),
    ] {
        assert_eq!(told(&mut configured(said), FLOW_NAME, faulty), of_flow, "{said}");
        assert_eq!(told(&mut configured(said), place, environment), of_environment, "{said}");
    }
    let text = faulty.replace("actions: [", "# lint: ignore[unknown-function] later\nactions: [");
    assert_eq!(told(&mut project(), FLOW_NAME, &text), [action]);
    let text = format!("# lint: ignore-file[unknown-key] later\n{environment}");
    assert_eq!(told(&mut project(), place, &text), Vec::<&str>::new());
}

#[test]
fn what_was_there_before_is_not_told() {
    let text = changed("body('Rows')", "body('Rws')");
    let mut project = project();
    let (file, _) = open(&mut project, FLOW_NAME, &text);
    let all = findings(&project, &file);
    assert!(all[0].1.iter().any(|it| it.code.slug == "unknown-action-reference"));
    let all: Vec<FileFindings> =
        all.into_iter().map(|(source, found)| FileFindings { source, found }).collect();
    project.baseline = Baseline::of(&all);
    assert_eq!(told(&mut project, FLOW_NAME, &text), Vec::<&str>::new());
    let newer = text.replace("foreach:", "forech:");
    assert!(told(&mut project, FLOW_NAME, &newer).contains(&"unknown-key"));
    project.exclude = vec![Pattern::parse("flows/").unwrap()];
    assert_eq!(told(&mut project, FLOW_NAME, &newer), Vec::<&str>::new());
}

#[test]
fn the_files_of_the_project_are_judged_as_the_program_does() {
    let mut project = project();
    assert_eq!(
        told(&mut project, "flowright.yaml", "lint: { ignore: [unknown-varable] }\n"),
        ["wrong-type"]
    );
    let place = "flows/environments/production.yaml";
    project.others.push((Source::new(place, ""), Vec::new()));
    let text = "connections: { dynamics-365: { auth: nothing } }\n";
    assert_eq!(told(&mut project, place, text), ["invalid-choice"]);
    assert_eq!(
        told(&mut project, place, "connections: { dynamics-365: {} }\n"),
        Vec::<&str>::new()
    );
}
