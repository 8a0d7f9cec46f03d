//! A case: a flow, an event, replies instead of services. `tests/cases/<area>/<case>/`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use base::{Outcome, Source, Timestamp};
use connector::Catalog;
use interp::{
    Plan, Run,
    effect::Ask,
    fire::{self, Firing},
};
use journal::{Event, EventKind};
use serde_json::{Map, Value, json};
use worker::{
    Deployed, Mocks, Performer,
    local::{Driver, Time},
};

/// When cases happen that do not say when.
const NOW: &str = "2026-01-01T00:00:00Z";

/// A run that has been driven as far as it goes.
pub(crate) struct Driven {
    /// Its state.
    pub(crate) run: Run,
    /// Its journal.
    pub(crate) events: Vec<Event>,
    /// What it asked services for, in order.
    pub(crate) asked: Vec<Ask>,
}

/// Mocks that remember what they were asked for.
struct Memory<'a> {
    mocks: &'a Mocks,
    asked: Mutex<Vec<Ask>>,
}

#[async_trait]
impl Performer for Memory<'_> {
    fn answers(&self, plan: &Plan, ask: &Ask) -> bool {
        self.mocks.answers(plan, ask)
    }

    async fn perform(&self, plan: &Plan, ask: &Ask, now: Timestamp) -> Outcome {
        self.asked.lock().unwrap().push(ask.clone());
        self.mocks.perform(plan, ask, now).await
    }

    fn call_back(&self, ask: &Ask) -> Option<Value> {
        self.mocks.call_back(ask)
    }
}

/// One case, ready to run.
pub(crate) struct Case {
    /// `area/case`.
    pub(crate) name: String,
    /// Where `trace.txt` is.
    pub(crate) folder: PathBuf,
    /// The flow.
    pub(crate) flow: Arc<Deployed>,
    /// The flows that it calls.
    pub(crate) children: BTreeMap<String, Arc<Deployed>>,
    pub(crate) trigger: String,
    pub(crate) outputs: Value,
    pub(crate) mocks: Mocks,
    now: Timestamp,
}

impl Case {
    /// Every case, by name.
    pub(crate) fn all() -> Vec<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
        let mut cases = Vec::new();
        for area in folders(&root) {
            for folder in folders(&area) {
                let name = folder.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                cases.push(Self::read(name, folder));
            }
        }
        assert!(!cases.is_empty(), "there are no cases in {}", root.display());
        cases
    }

    fn read(name: String, folder: PathBuf) -> Self {
        let settings = yaml_file(&folder.join("case.yaml"));
        let known = ["trigger", "outputs", "mocks", "parameters", "now"];
        let unknown = settings.keys().find(|key| !known.contains(&key.as_str()));
        assert_eq!(unknown, None, "{name}: unknown key in case.yaml");
        let given = settings.get("parameters").and_then(Value::as_object).cloned();
        let given = given.unwrap_or_default();
        let file = ["flow.yaml", "definition.json"].into_iter().find(|it| folder.join(it).exists());
        let file = file.unwrap_or_else(|| panic!("{name} has no flow.yaml and no definition.json"));
        let flow = deploy(&name, &folder.join(file), &given);
        let mut children = BTreeMap::new();
        for path in files(&folder.join("flows"), ".yaml") {
            let child = path.file_stem().unwrap().to_str().unwrap().to_owned();
            children.insert(child.clone(), deploy(&child, &path, &Map::new()));
        }
        let text = |key: &str| settings.get(key).and_then(Value::as_str).map(str::to_owned);
        let first = flow.plan.flow.triggers[0].name.as_str().to_owned();
        let now = text("now").unwrap_or_else(|| NOW.to_owned());
        Self {
            trigger: text("trigger").unwrap_or(first),
            outputs: settings.get("outputs").cloned().unwrap_or_else(|| json!({ "body": null })),
            mocks: Mocks::new(settings.get("mocks").unwrap_or(&json!({}))).unwrap(),
            now: Timestamp::parse(&now).unwrap(),
            name,
            folder,
            flow,
            children,
        }
    }

    /// The runs that the case's event starts, or why it starts none.
    pub(crate) fn firings(&self) -> Result<Vec<Firing>, base::Failure> {
        let flow = &self.flow.plan.flow;
        let trigger = flow.trigger(&self.trigger).unwrap();
        let parameters = &self.flow.parameters;
        fire::fire(&fire::Event {
            flow,
            trigger,
            parameters,
            secure_parameters: &Map::new(),
            outputs: &self.outputs.clone().into(),
            now: self.now,
            callback_url: None,
        })
    }

    /// The first event of a run.
    pub(crate) fn started(&self, firing: &Firing, index: usize) -> Event {
        let kind = EventKind::Started {
            trigger: self.trigger.clone(),
            outputs: firing.outputs.clone(),
            parameters: self.flow.parameters.clone(),
            seed: 1,
            run: format!("run-{index}"),
            callback: Some(journal::Callback {
                url: format!("https://flow.example/callbacks/run-{index}"),
                key: "key".to_owned(),
            }),
            again: None,
            by: None,
        };
        Event { at: self.now, path: journal::Path::run(), kind }
    }

    /// Goes on from these events until the run ends.
    pub(crate) fn drive(&self, events: Vec<Event>) -> Driven {
        let now = events.last().unwrap().at;
        drive(&self.flow, &self.mocks, &self.children, now, events)
    }

    /// Every run of the case from its beginning to its end.
    pub(crate) fn runs(&self) -> Vec<Driven> {
        let firings = self.firings().unwrap_or_default();
        let events = firings.iter().enumerate().map(|(index, it)| self.started(it, index + 1));
        events.map(|event| self.drive(vec![event])).collect()
    }
}

/// Drives one run in virtual time; an answer takes no time.
pub(crate) fn drive(
    flow: &Deployed,
    mocks: &Mocks,
    children: &BTreeMap<String, Arc<Deployed>>,
    now: Timestamp,
    events: Vec<Event>,
) -> Driven {
    let memory = Memory { mocks, asked: Mutex::default() };
    let mut unwatched = |_: &Event, _: &Run| {};
    let time = Time::Virtual(now);
    let mut driver =
        Driver { performer: &memory, time, flows: children, callback: None, watch: &mut unwatched };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let driven = runtime.block_on(driver.drive(&flow.plan, events));
    let asked = memory.asked.into_inner().unwrap();
    Driven { run: driven.run, events: driven.events, asked }
}

/// A flow file with the mappings beside it.
fn deploy(name: &str, path: &Path, given: &Map<String, Value>) -> Arc<Deployed> {
    let mut paths = vec![path.to_owned()];
    paths.extend(files(path.parent().unwrap(), ".mapping.yaml"));
    let read = |path: &PathBuf| {
        (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap())
    };
    let files: Vec<(String, String)> = paths.iter().map(read).collect();
    deployed(name, files, given)
}

/// A flow of these files, which must have no errors.
pub(crate) fn deployed(
    name: &str,
    files: Vec<(String, String)>,
    given: &Map<String, Value>,
) -> Arc<Deployed> {
    let package = package(&files);
    let found = package.diagnostics.iter().flat_map(|(source, found)| {
        let errors = found.iter().filter(|it| it.severity == base::Severity::Error);
        errors.map(move |it| {
            let line = source.location(it.span.start).line;
            format!("{}:{line}: {} {}", source.name(), it.code.slug, it.message)
        })
    });
    let found: Vec<String> = found.collect();
    assert!(found.is_empty(), "{name} cannot run\n{}", found.join("\n"));
    Arc::new(Deployed::new(name, files, package, &Catalog::default(), given))
}

/// A package of these files, the flow first.
pub(crate) fn package(files: &[(String, String)]) -> flow::Package {
    let sources = files.iter().map(|(name, text)| Source::new(name, text));
    let mut sources: Vec<Source> = sources.collect();
    let mappings = sources
        .split_off(1)
        .into_iter()
        .map(|it| (it.name().strip_suffix(".mapping.yaml").unwrap().to_owned(), it));
    flow::package::read(&sources[0], &mappings.collect::<Vec<_>>())
}

fn yaml_file(path: &Path) -> Map<String, Value> {
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (root, found) = yaml::parse(&text);
    assert!(found.is_empty(), "{}: {found:?}", path.display());
    root.and_then(|it| it.to_json().as_object().cloned()).unwrap_or_default()
}

fn folders(root: &Path) -> Vec<PathBuf> {
    entries(root).into_iter().filter(|it| it.is_dir()).collect()
}

fn files(root: &Path, ending: &str) -> Vec<PathBuf> {
    let all = entries(root).into_iter();
    all.filter(|it| it.is_file() && it.to_str().unwrap().ends_with(ending)).collect()
}

fn entries(root: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(root) else { return Vec::new() };
    let mut entries: Vec<PathBuf> = entries.map(|it| it.unwrap().path()).collect();
    entries.sort();
    entries
}
