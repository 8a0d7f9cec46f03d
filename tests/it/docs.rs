//! What the documents say is true: flows in them lint clean, examples run, links lead somewhere.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use base::{Source, Status, Timestamp};
use connector::Catalog;
use flow::{Package, TriggerKind};
use interp::fire::{Event as FireEvent, fire};
use journal::{Event, EventKind};
use serde_json::{Map, Value, json};
use worker::{
    Deployed, Mocks, Project,
    local::{Driver, Time},
};

/// When the examples run.
const NOW: &str = "2026-03-02T09:30:00Z";

#[test]
fn flows_in_documents_lint_clean() {
    let mut catalog = project().catalog;
    // Pages call a published connector as it is in the tests.
    catalog.add(imported("connector: orders").unwrap());
    let mut n_flows = 0;
    for page in pages() {
        let name = relative(&page);
        let blocks = yaml_blocks(&fs::read_to_string(&page).unwrap());
        let mappings: Vec<(String, Source)> = blocks
            .iter()
            .filter_map(|(line, text)| {
                let mapping = first_value(text, "mapping")?;
                let file = format!("{name}:{line}/{mapping}.mapping.yaml");
                Some((mapping, Source::new(&file, text)))
            })
            .collect();
        for (line, text) in &blocks {
            let source = Source::new(&format!("{name}:{line}"), text);
            if first_value(text, "flow").is_some() {
                n_flows += 1;
                let package = flow::package::read(&source, &mappings);
                lints_clean(&catalog, &name, &package);
            } else if first_value(text, "connector").is_some() {
                // One that imports builds on a definition of the tests that is called as it is.
                let found = match connector::import_of(&source) {
                    Some(_) => connector::read_over(&source, imported(text)).1,
                    None => connector::read(&source).1,
                };
                assert!(found.is_empty(), "{name}:{line}: {found:#?}");
            } else if first_value(text, "connections").is_some() {
                // An excerpt of an environment: what a flow says of connections is inside a flow.
                let (_, found) = flow::environment::read(&source);
                assert!(found.is_empty(), "{name}:{line}: {found:#?}");
            }
        }
    }
    assert!(0 < n_flows, "no document holds a flow");
}

/// The connector of the tests' definition that has the name of the file.
fn imported(text: &str) -> Result<connector::Connector, String> {
    let name = first_value(text, "connector").unwrap();
    let folder = root().join("tests/data/openapi").join(&name);
    let definition = fs::read(folder.join("apiDefinition.swagger.json")).unwrap();
    let properties = fs::read(folder.join("apiProperties.json")).unwrap();
    let files = connector::openapi::Files {
        definition: &definition,
        properties: Some(&properties),
        has_script: false,
    };
    connector::openapi::import(&name, &files).map(|it| it.connector)
}

#[test]
fn shipped_flows_lint_clean() {
    let project = project();
    assert!(!project.flows.is_empty(), "the project has no flow");
    let flows: Vec<lint::FlowFile<'_>> = project
        .flows
        .iter()
        .map(|it| lint::FlowFile { name: &it.name, package: &it.package })
        .collect();
    let checked = lint::Project { flows: &flows, catalog: &project.catalog, environment: None };
    let mut found = lint::check(&checked);
    for (source, of_file) in &project.diagnostics {
        found.push(lint::FileFindings { source: source.clone(), found: of_file.clone() });
    }
    let text = lint::report::concise(&found);
    assert!(text.is_empty(), "\n{text}");
}

#[tokio::test]
async fn examples_run() {
    let project = project();
    let flows: BTreeMap<String, Arc<Deployed>> = project
        .flows
        .iter()
        .map(|it| {
            (
                it.name.clone(),
                Arc::new(project.deploy_one(it, &Map::new(), &crate::support::service::NoSecrets)),
            )
        })
        .collect();
    let examples: Vec<_> = flows.values().filter(|it| it.name.starts_with("examples/")).collect();
    assert!(!examples.is_empty(), "there is no example");
    for flow in examples {
        run_example(flow, &flows).await;
    }
}

async fn run_example(flow: &Deployed, flows: &BTreeMap<String, Arc<Deployed>>) {
    let folder = root().join("flows").join(&flow.name);
    let name = &flow.name;
    let outputs = json!({ "headers": {}, "body": data(&folder.join("event.json")) });
    let mocks = folder.join("mocks.json");
    let mocks = if mocks.exists() { data(&mocks) } else { json!({}) };
    let performer = Mocks::new(&mocks).unwrap();
    let now = Timestamp::parse(NOW).unwrap();
    let (tree, parameters) = (&flow.plan.flow, &flow.parameters);
    let trigger = &tree.triggers[0];
    if let TriggerKind::Manual(manual) = &trigger.kind {
        let given = outputs["body"].as_object().unwrap();
        let required = manual.inputs.iter().filter(|it| it.required);
        let missing: Vec<_> = required.filter(|it| !given.contains_key(&it.name)).collect();
        assert!(missing.is_empty(), "{name}: the event has no {missing:?}");
    }
    let event = FireEvent {
        flow: tree,
        trigger,
        parameters,
        secure_parameters: &Map::new(),
        outputs: &outputs.clone().into(),
        now,
        callback_url: None,
    };
    let firings = fire(&event).unwrap();
    assert_eq!(firings.len(), 1, "{name}: the event starts one run");
    let kind = EventKind::Started {
        trigger: trigger.name.as_str().to_owned(),
        outputs: firings[0].outputs.clone(),
        parameters: parameters.clone(),
        seed: 1,
        run: "example".to_owned(),
        callback: Some(journal::Callback {
            url: "https://flow.example/callbacks/example".to_owned(),
            key: "key".to_owned(),
        }),
        again: None,
        by: None,
    };
    let started = Event { at: now, path: journal::Path::run(), kind };
    let time = Time::Virtual(now);
    let mut driver =
        Driver { performer: &performer, time, flows, callback: None, watch: &mut |_, _| {} };
    let driven = driver.drive(&flow.plan, vec![started]).await;
    let shown = interp::view::tree(&flow.plan, &driven.run);
    let status = driven.run.end().map(|it| it.status);
    assert_eq!(status, Some(Status::Succeeded), "{name}: {shown:#?}");
}

#[test]
fn generated_pages_are_up_to_date() {
    for (path, text) in xtask::generated() {
        let present = fs::read_to_string(root().join(path)).unwrap_or_default();
        assert!(present == text, "`{path}` is out of date: run `cargo xtask gen`");
    }
}

#[test]
fn links_lead_somewhere() {
    let mut faults = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for link in links(&text) {
            let file = link.split('#').next().unwrap_or_default();
            let is_elsewhere = link.contains("://") || file.is_empty();
            if !is_elsewhere && !page.parent().unwrap().join(file).exists() {
                faults.push(format!("{}: {link}", relative(&page)));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn protections_name_tests_that_exist() {
    let page = fs::read_to_string(root().join("docs/SECURITY.md")).unwrap();
    let rows = page.lines().filter(|it| it.starts_with("| S"));
    let cells = rows.filter_map(|it| it.split(" | ").nth(3));
    let quoted =
        cells.flat_map(|it| it.split('`').skip(1).step_by(2)).filter(|it| !it.contains('/'));
    let names: Vec<&str> = quoted.map(|it| it.rsplit(' ').next().unwrap_or(it)).collect();
    assert!(10 < names.len(), "the table of threats has lost its tests");
    let code = sources(&root().join("engine")) + &sources(&root().join("tests"));
    let missing = names.iter().filter(|it| !code.contains(&format!("fn {it}(")));
    let missing: Vec<_> = missing.collect();
    assert!(missing.is_empty(), "docs/SECURITY.md names no test: {missing:?}");
}

/// Every Rust file below a folder, one after the other.
fn sources(folder: &Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.push_str(&sources(&path));
        } else if path.extension().is_some_and(|it| it == "rs") {
            all.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
    all
}

#[test]
fn every_library_has_its_reason() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let reasons = fs::read_to_string(root().join("docs/adr/0013-dependencies.md")).unwrap();
    let section = manifest.split("[workspace.dependencies]").nth(1).unwrap();
    let lines = section.lines().skip(1).take_while(|it| !it.starts_with('['));
    let names = lines.filter(|it| !it.contains("path = ")).filter_map(|it| it.split_once(" = "));
    let names: BTreeSet<&str> = names.map(|(name, _)| name).collect();
    let listed = reasons.lines().filter_map(|it| it.strip_prefix("| `")?.split('`').next());
    let listed: BTreeSet<&str> = listed.collect();
    assert_eq!(names, listed, "docs/adr/0013-dependencies.md says why each library is here");
}

fn lints_clean(catalog: &Catalog, name: &str, package: &Package) {
    let flows = [lint::FlowFile { name, package }];
    let checked = lint::Project { flows: &flows, catalog, environment: None };
    let text = lint::report::concise(&lint::check(&checked));
    assert!(text.is_empty(), "\n{text}");
}

/// The fenced blocks in YAML: number of the first line, and text.
fn yaml_blocks(page: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String, bool)> = None;
    for (index, line) in page.lines().enumerate() {
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (None, Some(language)) => {
                open = Some((index + 2, String::new(), language.starts_with("yaml")));
            }
            (Some(_), Some(_)) => {
                if let Some((line, text, true)) = open.take() {
                    blocks.push((line, text));
                }
            }
            (Some((_, text, _)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fenced block is not closed");
    blocks
}

/// The value of a key, if it is the first of the file.
fn first_value(text: &str, key: &str) -> Option<String> {
    let first = text.lines().find(|it| !it.trim().is_empty() && !it.starts_with('#'))?;
    let value = first.strip_prefix(key)?.strip_prefix(':')?;
    Some(value.trim().to_owned())
}

/// The targets of `[text](target)`.
fn links(page: &str) -> Vec<String> {
    let is_outside_code = |(index, _): &(usize, &str)| index % 2 == 0;
    let prose: String =
        page.split("```").enumerate().filter(is_outside_code).map(|(_, text)| text).collect();
    let targets = prose.split("](").skip(1);
    targets.filter_map(|it| it.split_once(')')).map(|(target, _)| target.to_owned()).collect()
}

/// The README and every page below `docs`, the rules' own aside: those are run by their own tests.
fn pages() -> Vec<PathBuf> {
    let mut found = vec![root().join("README.md")];
    let mut folders = ["docs", "flows", "connectors"].map(|it| root().join(it)).to_vec();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("docs/rules") {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn project() -> Project {
    Project::load(root(), None).unwrap()
}

fn data(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
