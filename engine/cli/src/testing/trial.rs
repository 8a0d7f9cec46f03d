//! One test: what it starts from is put together, its runs are driven, and what came of them checked.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use base::{Failure, Secret, Severity, Span, suggest};
use flow::{
    ActionKind, Flow, Trigger, TriggerKind,
    environment::Reference,
    test_file::{Calls, EventFrom, Expect, Given, Test, TriggerEnd},
};
use interp::fire::{Firing, fire};
use serde_json::{Map, Value, json};
use worker::{
    Deployed, Mocks, Performer, Project,
    local::Time,
    project::{FlowFile, Secrets},
};

use super::{
    Coverage, Fault, Suite, TestsOfFile, calls,
    check::{self, Facts, Seen},
    names::Names,
    recorder::Recorder,
    update::Edit,
};
use crate::once;

/// Errors of a flow that a fault lists.
const SHOWN_MAX: usize = 5;

/// One test with all that it needs.
pub(crate) struct Trial<'a> {
    suite: &'a Suite,
    file: &'a TestsOfFile,
    test: &'a Test,
}

/// Secrets are no part of a test: each is its own name.
struct Placeholders;

impl Secrets for Placeholders {
    fn resolve(&self, reference: &Reference) -> Result<Secret<String>, String> {
        Ok(Secret::new(format!("secret {}", reference.name)))
    }
}

/// What came of a test.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) faults: Vec<Fault>,
    pub(crate) coverage: Coverage,
    /// What a test that expects nothing could expect.
    pub(crate) offer: Option<Edit>,
}

/// A flow that is ready to be given the event.
struct Ready {
    flow: Deployed,
    children: BTreeMap<String, Arc<Deployed>>,
    trigger: Trigger,
    event: Arc<Value>,
    recorder: Recorder,
}

impl<'a> Trial<'a> {
    pub(crate) fn new(suite: &'a Suite, file: &'a TestsOfFile, test: usize) -> Self {
        Self { suite, file, test: &file.tests.tests[test] }
    }

    /// Where the test stands.
    pub(crate) fn span(&self) -> Span {
        self.test.span
    }

    pub(crate) fn carry_out(&self) -> Found {
        let ready = match self.prepare() {
            Ok(ready) => ready,
            Err(faults) => return Found { faults, ..Found::default() },
        };
        match tokio::runtime::Builder::new_current_thread().enable_time().build() {
            Ok(runtime) => runtime.block_on(self.run(&ready)),
            Err(error) => {
                let fault = self.fault("engine", format!("it cannot be run here: {error}"));
                Found { faults: vec![fault], ..Found::default() }
            }
        }
    }

    fn fault(&self, about: &str, message: impl Into<String>) -> Fault {
        Fault::new(self.test.span, about, message)
    }

    fn prepare(&self) -> Result<Ready, Vec<Fault>> {
        let one = |fault: Fault| vec![fault];
        let (file, siblings) = self.file.flow.as_ref().map_err(|message| {
            let span = self.file.tests.flow.as_ref().map_or(self.test.span, |it| it.1);
            one(Fault::new(span, "flow", message))
        })?;
        self.sound(file)?;
        let environment = self.test.setup.environment.as_ref();
        let project = self.suite.project(environment.map(|it| it.0.as_str())).ok_or_else(|| {
            let (name, span) = environment.cloned().unwrap_or_default();
            one(Fault::new(span, "environment", format!("there is no usable environment `{name}`")))
        })?;
        let parameters = self.parameters(project, &file.package.flow)?;
        let flow = project.deploy_one(file, &parameters, &Placeholders);
        let flow = flow.in_environment(environment.map_or("", |it| &it.0));
        let calls_flows = file.package.flow.actions.iter();
        let calls_flows = calls_flows.clone().any(|it| matches!(it.kind, ActionKind::Workflow(_)));
        let children = if calls_flows {
            once::children(project, siblings, (&parameters, &Placeholders))
        } else {
            BTreeMap::new()
        };
        let mut flows = vec![&flow.plan.flow];
        flows.extend(children.values().map(|it| &it.plan.flow));
        let faults = self.unknown_names(&Names::new(project, flows));
        if !faults.is_empty() {
            return Err(faults);
        }
        let wanted = self.test.setup.trigger.as_ref();
        let trigger = once::choose_trigger(&flow, wanted.map(|it| it.0.as_str()), "`trigger:`");
        let trigger = trigger.map_err(|error| {
            let span = wanted.map_or(self.test.span, |it| it.1);
            one(Fault::new(span, "trigger", error.to_string()))
        })?;
        let trigger = trigger.clone();
        let event = self.event(project, &trigger)?;
        let mocks = self.mocks(project)?;
        let recorder = Recorder::new(mocks);
        Ok(Ready { flow, children, trigger, event: Arc::new(event), recorder })
    }

    /// A flow with errors does not run.
    fn sound(&self, file: &FlowFile) -> Result<(), Vec<Fault>> {
        if !file.package.has_errors() {
            return Ok(());
        }
        let found = file.package.diagnostics.iter().flat_map(|(source, found)| {
            let errors = found.iter().filter(|it| it.severity == Severity::Error);
            errors.map(move |it| {
                let at = source.location(it.span.start);
                format!("{}:{}:{}: {}", source.name(), at.line, at.column, it.message)
            })
        });
        Err(vec![self.fault("flow", "the flow has errors").with(found.take(SHOWN_MAX))])
    }

    fn parameters(&self, project: &Project, flow: &Flow) -> Result<Map<String, Value>, Vec<Fault>> {
        let mut parameters = Map::new();
        if self.test.setup.environment.is_some() {
            let found = project.parameters(&Placeholders);
            parameters = found.map_err(|it| vec![self.fault("environment", it)])?;
        }
        let mut faults = Vec::new();
        for Given { name, span, value } in &self.test.setup.parameters {
            let declared = flow.parameters.iter();
            match declared.clone().find(|it| it.name.eq_ignore_ascii_case(name)) {
                Some(it) if it.ty.accepts(value) => {
                    parameters.insert(it.name.clone(), value.clone());
                }
                Some(it) => {
                    let ty = it.ty.name();
                    let message = format!("the parameter `{name}` is of type `{ty}`");
                    faults.push(Fault::new(*span, "parameters", message));
                }
                None => {
                    let known = declared.map(|it| it.name.as_str());
                    faults.push(unknown("parameter", name, *span, known));
                }
            }
        }
        if faults.is_empty() { Ok(parameters) } else { Err(faults) }
    }

    fn unknown_names(&self, names: &Names<'_>) -> Vec<Fault> {
        let mocks = self.test.setup.mocks.iter().map(|it| (&it.name, it.span, "mocks"));
        let runs = &self.test.expect.runs;
        let actions = runs.iter().flat_map(|it| &it.actions);
        let actions = actions.map(|it| (&it.name, it.span, "actions"));
        let calls = runs.iter().flat_map(|it| &it.calls).flat_map(Calls::items);
        let calls = calls.map(|it| (&it.name, it.span, "calls"));
        let all = mocks.chain(actions).chain(calls);
        all.filter_map(|(name, span, about)| names.check(name, span, about)).collect()
    }

    /// `triggerOutputs()` of the event.
    fn event(&self, project: &Project, trigger: &Trigger) -> Result<Value, Vec<Fault>> {
        match &self.test.setup.event {
            EventFrom::Nothing => Ok(json!({ "headers": {}, "body": {} })),
            EventFrom::Here(event) => Ok(once::as_outputs(event.clone())),
            EventFrom::File(name, span) => Ok(once::as_outputs(self.beside(project, name, *span)?)),
            EventFrom::Inputs(given) => {
                let known = match &trigger.kind {
                    TriggerKind::Manual(manual) => manual.inputs.clone(),
                    TriggerKind::Request(request) => request.inputs(),
                    _ => Vec::new(),
                };
                let names = || known.iter().map(|it| it.name.as_str());
                let strange = given.iter().filter(|it| names().all(|known| known != it.name));
                let faults: Vec<Fault> =
                    strange.map(|it| unknown("input", &it.name, it.span, names())).collect();
                if !faults.is_empty() {
                    return Err(faults);
                }
                let body: Map<String, Value> =
                    given.iter().map(|it| (it.name.clone(), it.value.clone())).collect();
                Ok(json!({ "headers": {}, "body": body }))
            }
        }
    }

    fn mocks(&self, project: &Project) -> Result<Mocks, Vec<Fault>> {
        let mut mocks = Map::new();
        for mock in &self.test.setup.mocks {
            let mut replies = Vec::new();
            for reply in &mock.replies {
                let mut value = reply.value.clone();
                if let Some((name, span)) = &reply.body_file {
                    value.insert("body".into(), self.beside(project, name, *span)?);
                }
                replies.push(Value::Object(value));
            }
            mocks.insert(mock.name.clone(), Value::Array(replies));
        }
        Mocks::new(&Value::Object(mocks)).map_err(|it| vec![self.fault("mocks", it)])
    }

    /// A file that a test names from where it is; it has to be in the project.
    fn beside(&self, project: &Project, name: &str, span: Span) -> Result<Value, Vec<Fault>> {
        let read = || -> anyhow::Result<Value> {
            let folder = self.file.path.parent().unwrap_or(Path::new("."));
            let path = folder.join(name);
            if !path.is_file() {
                anyhow::bail!("there is no file `{name}` beside the test");
            }
            let inside = path.canonicalize().ok().zip(project.root.canonicalize().ok());
            if inside.is_some_and(|(path, root)| !path.starts_with(root)) {
                anyhow::bail!("`{name}` is not in the project");
            }
            let is_data = ["json", "yaml", "yml"].iter().any(|it| {
                path.extension().and_then(|it| it.to_str()).is_some_and(|ext| ext == *it)
            });
            if is_data { once::read_data(&path) } else { once::read_text(&path).map(Value::String) }
        };
        read().map_err(|error| vec![Fault::new(span, "file", format!("{error:#}"))])
    }

    async fn run(&self, ready: &Ready) -> Found {
        let Ready { flow, trigger, event, .. } = ready;
        let now = self.test.setup.start();
        let expect = &self.test.expect;
        let mut found = Found { coverage: Coverage::of_flow(&flow.plan), ..Found::default() };
        let firings = match (fire(&flow.event(trigger, event, now)), &expect.trigger) {
            (Err(failure), TriggerEnd::Failed(error)) => {
                let facts = Facts::new(flow, event, now);
                let error = error.as_ref().map(|it| it.compare(Some(&failure.to_json()), &facts));
                let error = error.unwrap_or_default();
                found.faults.extend(error.iter().map(|it| check::fault("error", it)));
                return found;
            }
            (Ok(firings), TriggerEnd::Succeeded) if !firings.is_empty() => firings,
            (Ok(firings), TriggerEnd::Skipped) if firings.is_empty() => return found,
            (Err(failure), _) => {
                found.faults.push(self.trigger_failed(&failure));
                return found;
            }
            (Ok(firings), _) => {
                found.faults.push(self.other_trigger_end(&firings));
                return found;
            }
        };
        if firings.len() != expect.runs.len() {
            let (wanted, are) = (runs(expect.runs.len()), runs(firings.len()));
            let message = format!("expected {wanted}, but the event starts {are}");
            let fault = Fault::new(expect.span.unwrap_or(self.test.span), "runs", message);
            let hint = "of several runs, `expect` is a list with one item for each".to_owned();
            found.faults.push(fault.with([hint]));
        }
        for (index, firing) in firings.into_iter().enumerate() {
            self.one(ready, index, firing, &mut found).await;
        }
        found
    }

    /// One run that the event starts.
    async fn one(&self, ready: &Ready, index: usize, firing: Firing, found: &mut Found) {
        let Ready { flow, trigger, recorder, children, .. } = ready;
        let now = self.test.setup.start();
        let outputs = Arc::clone(&firing.outputs);
        let services = (recorder as &dyn Performer, Time::Virtual(now), children);
        let driven = once::drive(flow, trigger, firing, services, self.test.setup.seed);
        let run = driven.await.run;
        found.coverage.add(&flow.plan, &run);
        let Some(wanted) = self.test.expect.runs.get(index) else { return };
        let (made, facts) = (recorder.take(), Facts::new(flow, &outputs, now));
        let seen = Seen { flow, run: &run, calls: &made, facts: &facts };
        let mut faults = check::run(&seen, wanted, self.test.span);
        let shown = check::shown(&seen);
        let status = shown["status"].as_str().unwrap_or_default();
        if self.test.expect.span.is_none() {
            let calls: Value = made.iter().map(calls::as_written).collect();
            let mut expect = json!({ "status": status, "calls": calls });
            if let Some(response) = shown.get("response").filter(|it| !it.is_null()) {
                expect["response"] = response.clone();
            }
            found.offer = Some(Edit::say_all(self.test, expect));
        } else if !wanted.has_status {
            let implied =
                faults.iter_mut().filter(|it| it.about == "status" && it.wanted.is_none());
            implied.for_each(|it| it.edit = Some(Edit::say_status(wanted.span, status)));
        }
        found.faults.append(&mut faults);
    }

    fn trigger_failed(&self, failure: &Failure) -> Fault {
        let Expect { span, .. } = self.test.expect;
        let message = format!("the trigger failed: {}: {}", failure.code, failure.message);
        Fault::new(span.unwrap_or(self.test.span), "trigger", message)
    }

    fn other_trigger_end(&self, firings: &[Firing]) -> Fault {
        let span = self.test.expect.span.unwrap_or(self.test.span);
        let message = if firings.is_empty() {
            "the event starts no run: a condition of the trigger does not hold".to_owned()
        } else {
            format!("expected no run, but the event starts {}", runs(firings.len()))
        };
        Fault::new(span, "trigger", message)
    }
}

fn runs(count: usize) -> String {
    if count == 1 { "1 run".to_owned() } else { format!("{count} runs") }
}

fn unknown<'a>(
    what: &str,
    name: &str,
    span: Span,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Fault {
    let near = suggest::closest(name, known.clone());
    let hint = match near {
        Some(near) => format!("; did you mean `{near}`?"),
        None => format!("; there are: {}", known.collect::<Vec<_>>().join(", ")),
    };
    Fault::new(span, &format!("{what}s"), format!("there is no {what} `{name}`{hint}"))
}
