//! `flowright schema`: the schemas of a project take its files, and find what is wrong with them.

use std::{fs, process::Command};

use flow::schema::Schema;
use serde_json::Value;

use crate::support::service::{flowright, root};

fn schema(of: &str) -> Schema {
    let out = Command::new(flowright()).args(["schema", of]).current_dir(root()).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let value: Value = serde_json::from_slice(&out.stdout).unwrap();
    let (schema, invalid) = Schema::new(value);
    assert_eq!(invalid, None);
    schema
}

fn told(schema: &Schema, text: &str) -> Vec<String> {
    let value = yaml::parse(text).0.unwrap().to_json();
    schema.check(&value).unwrap().iter().map(|it| format!("{it:?}")).collect()
}

fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.to_str().unwrap().ends_with(ending) {
                found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found
}

#[test]
fn a_projects_schemas_take_its_files() {
    for (of, folder, ending, least) in [
        ("flow", "flows", "/flow.yaml", 20),
        ("mapping", "flows", ".mapping.yaml", 2),
        ("environment", "flows/environments", ".yaml", 1),
        ("connector", "connectors", "/connector.yaml", 5),
    ] {
        let schema = schema(of);
        let files = files(folder, ending);
        assert!(least <= files.len(), "{of}");
        for (path, text) in files {
            assert_eq!(told(&schema, &text), Vec::<String>::new(), "{path}");
        }
    }
    let text = fs::read_to_string(root().join("flowright.yaml")).unwrap();
    assert_eq!(told(&schema("project"), &text), Vec::<String>::new());
}

#[test]
fn calls_are_checked_by_their_operation() {
    let schema = schema("flow");
    let flow = |call: &str| {
        format!(
            "flow: x\nconnections: {{ crm: dynamics-365 }}\ntriggers: [{{ name: t, manual: }}]\nactions:\n  - {{ name: a, {call} }}\n"
        )
    };
    for (call, fits) in [
        ("call: crm.WhoAmI", true),
        ("call: crm.ListRecords, with: { entityName: accounts }", true),
        ("call: crm.ListRecords, with: { entityName: accounts, $top: 5 }", true),
        ("call: crm.ListRecords, with: { entityName: accounts, $top: \"@variables('n')\" }", true),
        ("call: crm.ListRecords, with: \"@body('x')\"", true),
        ("call: crm.CreateRecord, with: { entityName: accounts, item/name: Contoso }", true),
        ("call: { connection: crm, operation: Anything }", true),
        ("call: nobodyKnows.Anything, with: { a: 1 }", true),
        ("call: crm.ListRecrds, with: { entityName: accounts }", false),
        ("call: crm.ListRecords", false),
        ("call: crm.ListRecords, with: { entityNmae: accounts }", false),
        ("call: crm.ListRecords, with: { entityName: accounts, top: 5 }", false),
        ("call: crm.ListRecords, with: { entityName: [accounts] }", false),
        ("call: crm.ListRecords, with: { entityName: accounts, $top: [1] }", false),
    ] {
        let found = told(&schema, &flow(call));
        assert_eq!(found.is_empty(), fits, "{call}: {found:?}");
    }
}

#[test]
fn all_schemas_are_written_into_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let out = Command::new(flowright())
        .args(["schema", "--output"])
        .arg(folder.path())
        .current_dir(root())
        .output()
        .unwrap();
    assert!(out.status.success());
    let told = String::from_utf8(out.stdout).unwrap();
    for line in told.lines() {
        let value: Value = serde_json::from_str(&fs::read_to_string(line).unwrap()).unwrap();
        assert_eq!(Schema::new(value).1, None, "{line}");
    }
    assert!(5 <= told.lines().count(), "{told}");
    let out = Command::new(flowright()).arg("schema").current_dir(root()).output().unwrap();
    assert_eq!(out.status.code(), Some(2));
}
