//! `flowright run`: one flow, once, in this process.

use std::{
    collections::BTreeMap,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, bail, ensure};
use base::{Severity, Status, Timestamp};
use cli::summary;
use flow::{Flow, Trigger, TriggerKind, model::ParameterType, triggers::manual::Manual};
use http_client::{Client, Egress};
use interp::{
    Run,
    fire::{Event as FireEvent, Firing, fire},
};
use journal::{Event, EventKind};
use serde_json::{Map, Value, json};
use worker::{
    Clock as _, Deployed, Live, Mocks, Performer, Project, SystemClock,
    local::{Driven, Driver, Time},
    project::FlowFile,
};

use crate::{
    Outcome,
    args::RunArgs,
    diagnostics,
    print::{self, Tone, note, tone},
    secrets::ProcessSecrets,
    tree,
};

/// Bytes of an event or mocks file.
const INPUT_BYTES_MAX: usize = 16 << 20;

pub(crate) async fn run(args: &RunArgs) -> anyhow::Result<Outcome> {
    let here = std::env::current_dir()?;
    let root = Project::find(&here).unwrap_or(here);
    let project = Project::load(&root, args.environment.as_deref())?;
    let file = find_flow(&project, &args.flow)?;
    if args.as_json() && file.package.has_errors() {
        let errors = summary::of_errors(&file.package.diagnostics);
        print::line(format!("{errors:#}"));
        return Ok(Outcome::Bad);
    }
    if report_errors(&file) {
        return Ok(Outcome::Bad);
    }
    let secrets = ProcessSecrets { root };
    let mut parameters = project.parameters(&secrets).map_err(anyhow::Error::msg)?;
    set_parameters(&file.package.flow, &args.set, &mut parameters)?;
    let flow = project.deploy_one(&file, &parameters);
    let flows: BTreeMap<String, Arc<Deployed>> = project
        .flows
        .iter()
        .map(|it| (it.name.clone(), Arc::new(project.deploy_one(it, &parameters))))
        .collect();
    let trigger = choose_trigger(&flow, args.trigger.as_deref())?;
    let outputs = event_outputs(args, trigger)?;
    let performer = performer(args, &project, &secrets)?;
    let clock = Arc::new(SystemClock::default());
    let now = clock.now();
    let event = FireEvent {
        flow: &flow.plan.flow,
        trigger,
        parameters: &flow.parameters,
        secure_parameters: &flow.plan.secure_parameters,
        outputs: &outputs,
        now,
    };
    let firings = fire(&event).map_err(|failure| anyhow::anyhow!("{}", failure.message))?;
    if firings.is_empty() {
        note("no run: a condition of the trigger does not hold for this event");
    }
    let mut all = Vec::new();
    for firing in firings {
        let time =
            if args.mocks.is_some() { Time::Virtual(now) } else { Time::Real(clock.clone()) };
        let driven = drive(&flow, trigger, firing, (&*performer, time, &flows)).await;
        if !args.as_json() {
            show(&flow, &driven);
        }
        all.push(driven.run);
    }
    if args.as_json() {
        let runs: Vec<&Run> = all.iter().collect();
        print::line(format!("{:#}", summary::of_runs(&flow, &runs, now)));
    }
    let is_good = |run: &Run| run.end().is_some_and(|end| end.status == Status::Succeeded);
    Ok(if all.iter().all(is_good) { Outcome::Good } else { Outcome::Bad })
}

/// Who answers the flow's questions: the mocks if there are any, else the services.
fn performer(
    args: &RunArgs,
    project: &Project,
    secrets: &ProcessSecrets,
) -> anyhow::Result<Box<dyn Performer>> {
    if let Some(file) = &args.mocks {
        return Ok(Box::new(Mocks::new(&read_data(file)?).map_err(anyhow::Error::msg)?));
    }
    let client = Client::new(http_client::Options::default())?;
    let hosts = project.settings.http.allow_hosts.iter();
    let egress = hosts.fold(Egress::public(), |egress, host| egress.allow(host));
    Ok(Box::new(Live::new(client, project.connections(secrets), egress)))
}

async fn drive(
    flow: &Deployed,
    trigger: &Trigger,
    firing: Firing,
    (performer, time, flows): (&dyn Performer, Time, &BTreeMap<String, Arc<Deployed>>),
) -> Driven {
    let at = match &time {
        Time::Virtual(now) => *now,
        Time::Real(clock) => clock.now(),
    };
    let kind = EventKind::Started {
        trigger: trigger.name.as_str().to_owned(),
        outputs: firing.outputs,
        parameters: flow.parameters.clone(),
        seed: seed(at),
        run: format!("local-{}", at.ticks()),
    };
    let started = Event { at, path: journal::Path::run(), kind };
    let mut driver = Driver { performer, time, flows, watch: &mut |_, _| {} };
    driver.drive(&flow.plan, vec![started]).await
}

const fn seed(at: Timestamp) -> u64 {
    at.ticks().cast_unsigned()
}

fn show(flow: &Deployed, driven: &Driven) {
    let run = &driven.run;
    print::line(tone(Tone::Strong, print::safe(&flow.plan.flow.name)));
    tree::print(&flow.plan, run);
    if let Some(response) = run.response() {
        print::line(format!("{} {}", tone(Tone::Accent, "response"), tree::short(response)));
    }
    match run.end() {
        Some(end) => {
            let color = if end.status == Status::Succeeded { Tone::Good } else { Tone::Bad };
            let message =
                end.error.as_ref().and_then(|it| it.get("message")).and_then(Value::as_str);
            let message = message.map(|it| format!(": {}", print::safe(it))).unwrap_or_default();
            print::line(format!("{}{message}", tone(color, end.status.name())));
        }
        None => {
            print::line(tone(Tone::Warn, "the run waits for something that cannot happen here"));
        }
    }
}

/// A flow by its name in the project, else by its path.
fn find_flow(project: &Project, wanted: &str) -> anyhow::Result<FlowFile> {
    let name = wanted.trim_end_matches('/');
    let by_name = |it: &&FlowFile| it.name == name || it.package.flow.name == wanted;
    if let Some(found) = project.flows.iter().find(by_name) {
        return Ok(FlowFile {
            name: found.name.clone(),
            files: found.files.clone(),
            package: found.package.clone(),
        });
    }
    let path = Path::new(wanted);
    let file = if path.is_dir() { path.join("flow.yaml") } else { PathBuf::from(wanted) };
    if file.is_file() {
        return Ok(project.load_file(&file)?);
    }
    let names = project.flows.iter().map(|it| it.name.as_str());
    match base::suggest::closest(name, names) {
        Some(near) => bail!(
            "there is no flow `{wanted}` in this project, nor such a file; did you mean `{near}`?"
        ),
        None => bail!("there is no flow `{wanted}` in this project, nor such a file"),
    }
}

/// Prints the errors of a flow's files; whether there are any.
pub(crate) fn report_errors(file: &FlowFile) -> bool {
    let mut any = false;
    for (source, found) in &file.package.diagnostics {
        for found in found.iter().filter(|it| it.severity == Severity::Error) {
            any = true;
            note(diagnostics::render(source, found));
        }
    }
    any
}

fn choose_trigger<'a>(flow: &'a Deployed, name: Option<&str>) -> anyhow::Result<&'a Trigger> {
    let triggers = &flow.plan.flow.triggers;
    match (name, triggers.as_slice()) {
        (Some(name), _) => flow
            .plan
            .flow
            .trigger(name)
            .with_context(|| format!("the flow has no trigger `{name}`")),
        (None, [only]) => Ok(only),
        (None, []) => bail!("the flow has no trigger"),
        (None, several) => {
            let names: Vec<&str> = several.iter().map(|it| it.display.as_str()).collect();
            bail!("the flow has several triggers; choose one with --trigger: {}", names.join(", "))
        }
    }
}

/// `triggerOutputs()` from the event file or the inputs.
fn event_outputs(args: &RunArgs, trigger: &Trigger) -> anyhow::Result<Value> {
    let mut outputs = match &args.event {
        Some(file) => as_outputs(read_data(file)?),
        None => json!({ "headers": {}, "body": {} }),
    };
    if let TriggerKind::Manual(manual) = &trigger.kind {
        outputs["body"] = manual_inputs(manual, &outputs["body"], &args.inputs)?;
    } else if !args.inputs.is_empty() {
        bail!("--input is for manual triggers; give this one its event with --event");
    }
    Ok(outputs)
}

/// Parameters of `--set`, as their declared types read them.
fn set_parameters(
    flow: &Flow,
    given: &[String],
    parameters: &mut Map<String, Value>,
) -> anyhow::Result<()> {
    for pair in given {
        let (name, text) =
            pair.split_once('=').with_context(|| format!("`--set {pair}`: write NAME=VALUE"))?;
        let known = || flow.parameters.iter();
        let Some(parameter) = known().find(|it| it.name.eq_ignore_ascii_case(name)) else {
            let known: Vec<&str> = known().map(|it| it.name.as_str()).collect();
            bail!("the flow has no parameter `{name}`; it has: {}", known.join(", "));
        };
        let value = typed(parameter.ty, text)
            .with_context(|| format!("the parameter `{name}` cannot be read from `{text}`"))?;
        let ty = parameter.ty;
        ensure!(ty.accepts(&value), "the parameter `{name}` is of type `{}`", ty.name());
        parameters.insert(parameter.name.clone(), value);
    }
    Ok(())
}

/// A trigger's record with its `outputs`, and what has a `body` and nothing but members of outputs,
/// give the outputs; anything else is the body.
fn as_outputs(event: Value) -> Value {
    const MEMBERS: [&str; 5] =
        ["body", "headers", "queries", "relativePathParameters", "statusCode"];
    const RECORD: [&str; 8] =
        ["name", "inputs", "outputs", "status", "code", "startTime", "endTime", "trackingId"];
    let has_only = |keys: &[&str], needed: &str| {
        event.as_object().is_some_and(|event| {
            event.contains_key(needed) && event.keys().all(|key| keys.contains(&key.as_str()))
        })
    };
    let record = event.get("outputs").filter(|it| it.is_object() || it.is_null());
    let record = record.filter(|_| has_only(&RECORD, "outputs")).cloned();
    let mut outputs = match record {
        Some(Value::Null) => json!({}),
        Some(outputs) => outputs,
        None if has_only(&MEMBERS, "body") => event,
        None => json!({ "body": event }),
    };
    if let Some(outputs) = outputs.as_object_mut() {
        outputs.entry("headers").or_insert_with(|| json!({}));
    }
    outputs
}

fn manual_inputs(manual: &Manual, body: &Value, given: &[String]) -> anyhow::Result<Value> {
    let mut values = body.as_object().cloned().unwrap_or_default();
    for pair in given {
        let (name, text) =
            pair.split_once('=').with_context(|| format!("`--input {pair}`: write NAME=VALUE"))?;
        let Some(input) = manual.inputs.iter().find(|it| it.name == name) else {
            let known: Vec<&str> = manual.inputs.iter().map(|it| it.name.as_str()).collect();
            bail!("the trigger has no input `{name}`; it has: {}", known.join(", "));
        };
        values.insert(
            name.to_owned(),
            typed(input.ty, text).with_context(|| {
                format!("the input `{name}` ({}) cannot be read from `{text}`", input.title)
            })?,
        );
    }
    for input in &manual.inputs {
        match (&input.default, values.contains_key(&input.name)) {
            (Some(default), false) => {
                values.insert(input.name.clone(), default.clone());
            }
            (None, false) if input.required => {
                bail!(
                    "the input `{}` ({}) is required: give --input {}=…",
                    input.name,
                    input.title,
                    input.name
                );
            }
            _ => {}
        }
    }
    Ok(Value::Object(values))
}

fn typed(ty: ParameterType, text: &str) -> anyhow::Result<Value> {
    if ty == ParameterType::String {
        return Ok(text.into());
    }
    if ty == ParameterType::Array && !text.trim_start().starts_with('[') {
        return Ok(text.split(',').map(|it| Value::from(it.trim())).collect());
    }
    Ok(serde_json::from_str(text)?)
}

/// A file with JSON or YAML; `-` is standard input.
fn read_data(file: &Path) -> anyhow::Result<Value> {
    let mut bytes = Vec::new();
    let most = u64::try_from(INPUT_BYTES_MAX + 1)?;
    if file == Path::new("-") {
        std::io::stdin().take(most).read_to_end(&mut bytes)?;
    } else {
        let open = std::fs::File::open(file);
        let open = open.with_context(|| format!("cannot read `{}`", file.display()))?;
        open.take(most).read_to_end(&mut bytes)?;
    }
    if INPUT_BYTES_MAX < bytes.len() {
        bail!("`{}` has more than {INPUT_BYTES_MAX} bytes", file.display());
    }
    let text =
        String::from_utf8(bytes).with_context(|| format!("`{}` is not text", file.display()))?;
    if let Ok(value) = serde_json::from_str(&text) {
        return Ok(value);
    }
    serde_yaml::from_str(&text)
        .with_context(|| format!("`{}` is neither JSON nor YAML", file.display()))
}
