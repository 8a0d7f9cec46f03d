//! Definitions that the clouds take, in forms that look wrong: whatever is said of them, nothing is an error.

use std::{fs, path::Path};

use base::{Severity, Source};
use connector::Catalog;
use flow::package;
use serde_json::Value;

use crate::{FlowFile, Project, check};

#[test]
#[allow(clippy::disallowed_methods, reason = "tests read their data")]
fn odd_definitions_have_no_errors() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = fs::read_to_string(root.join("tests/data/definitions/odd.json")).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    let mut catalog = Catalog::default();
    let connector =
        fs::read_to_string(root.join("connectors/dynamics-365/connector.yaml")).unwrap();
    catalog.add(connector::read(&Source::new("connector.yaml", &connector)).0);
    let mut errors = Vec::new();
    for (name, definition) in all.as_object().unwrap() {
        let text = serde_json::to_string_pretty(definition).unwrap();
        let source = Source::new(&format!("{name}.json"), &text);
        let Ok(found) = package::definitions(&source, &[]) else { panic!("{name} is no JSON") };
        assert!(!found.is_empty(), "{name} holds no definition");
        for package in found.iter().map(|it| &it.package) {
            let flows = [FlowFile { name, package }];
            let project = Project { flows: &flows, catalog: &catalog, environment: None };
            for it in check(&project).iter().flat_map(|it| &it.found) {
                if it.severity == Severity::Error {
                    let line = source.location(it.span.start).line;
                    errors.push(format!("{name}:{line} {}: {}", it.code.slug, it.message));
                }
            }
        }
    }
    assert!(errors.is_empty(), "{errors:#?}");
}
