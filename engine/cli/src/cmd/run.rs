//! `flowright run`: one flow, once, in this process.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Context as _, bail, ensure};
use base::{Severity, Status};
use cli::{once, summary};
use flow::{ActionKind, Flow, Trigger, TriggerKind, triggers::manual::Input};
use http_client::Egress;
use interp::{Run, fire::fire};
use process_host::Host;
use serde_json::{Map, Value, json};
use worker::{
    Clock as _, Deployed, Live, Mocks, Performer, Project, SystemClock,
    local::{Driven, Time},
    project::FlowFile,
};

use crate::{
    Outcome,
    args::RunArgs,
    choice::{self, Chosen},
    diagnostics, network,
    print::{self, Tone, note, tone},
    programs,
    secrets::ProcessSecrets,
    tree,
};

/// Faults of one flow that are shown before it runs, or does not.
const SHOWN_MAX: usize = 20;

/// Why there is no run, with a code for programs.
struct Refusal {
    code: &'static str,
    error: anyhow::Error,
}

/// Gives a trouble its code.
fn refuse<E: Into<anyhow::Error>>(code: &'static str) -> impl FnOnce(E) -> Refusal {
    move |error| Refusal { code, error: error.into() }
}

pub(crate) async fn run(args: &RunArgs) -> anyhow::Result<Outcome> {
    attempt(args).await.map_err(|Refusal { code, error }| {
        if args.as_json() {
            let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
            print::line(format!("{:#}", summary::of_refusal(code, &causes)));
        }
        error
    })
}

async fn attempt(args: &RunArgs) -> Result<Outcome, Refusal> {
    let project = choice::project(args.environment.as_deref()).map_err(refuse("InvalidProject"))?;
    let Chosen { file, siblings } = choice::find(&project, &args.flow, args.workflow.as_deref())
        .map_err(refuse("FlowNotFound"))?;
    if args.as_json() && file.package.has_errors() {
        let errors = summary::of_errors(&file.package.diagnostics);
        print::line(format!("{errors:#}"));
        return Ok(Outcome::Bad);
    }
    if report(&file) {
        return Ok(Outcome::Bad);
    }
    refuse_static_results(args, &project, &file, &siblings).map_err(refuse("StaticResults"))?;
    let secrets = ProcessSecrets { root: project.root.clone() };
    let parameters = parameters(args, &project, &secrets, &file.package.flow);
    let parameters = parameters.map_err(refuse("InvalidParameter"))?;
    let mut flow = project.deploy_one(&file, &parameters, &secrets);
    let flows = once::children(&project, &siblings, (&parameters, &secrets));
    let trigger = once::choose_trigger(&flow, args.trigger.as_deref(), "--trigger");
    let trigger = trigger.map_err(refuse("UnknownTrigger"))?.clone();
    if let Some(name) = &args.until {
        let id = choice::action(&flow, name).map_err(refuse("UnknownAction"))?;
        Arc::make_mut(&mut flow.plan).until = Some(id);
    }
    let outputs = event_outputs(args, &trigger).map_err(refuse("InvalidEvent"))?;
    let host = programs::host();
    let performer = performer(args, &project, &secrets, &host).map_err(refuse("InvalidMocks"))?;
    let done = runs(args, &flow, &trigger, outputs.into(), (&*performer, &flows)).await;
    host.shutdown().await;
    done
}

/// The runs that the event starts, one after the other.
async fn runs(
    args: &RunArgs,
    flow: &Deployed,
    trigger: &Trigger,
    outputs: Arc<Value>,
    (performer, flows): (&dyn Performer, &BTreeMap<String, Arc<Deployed>>),
) -> Result<Outcome, Refusal> {
    let clock = Arc::new(SystemClock::default());
    let now = clock.now();
    let firings = match fire(&flow.event(trigger, &outputs, now)) {
        Ok(firings) => firings,
        // What is given by hand is part of the command.
        Err(failure) if matches!(trigger.kind, TriggerKind::Manual(_)) => {
            let message = failure.message;
            let error = anyhow::anyhow!("{message}; inputs are given by --input NAME=VALUE");
            return Err(Refusal { code: "InvalidEvent", error });
        }
        Err(failure) => {
            note(format!("the trigger failed: {}", print::safe(&failure.message)));
            if args.as_json() {
                let shown = summary::of_trigger_failure(flow, trigger, &outputs, &failure);
                print::line(format!("{shown:#}"));
            }
            return Ok(Outcome::Bad);
        }
    };
    if firings.is_empty() {
        note("no run: a condition of the trigger does not hold for this event");
    }
    let mut all = Vec::new();
    for firing in firings {
        let time =
            if args.mocks.is_some() { Time::Virtual(now) } else { Time::Real(clock.clone()) };
        let driven = once::drive(flow, trigger, firing, (performer, time, flows), None).await;
        if !args.as_json() {
            show(flow, &driven);
        }
        all.push(driven.run);
    }
    if args.as_json() {
        let runs: Vec<&Run> = all.iter().collect();
        print::json(&summary::of_runs(flow, &runs, now));
    }
    let is_good = |run: &Run| match flow.plan.until {
        Some(id) => run.records(id).next().is_some_and(|(_, it)| it.status == Status::Succeeded),
        None => run.end().is_some_and(|end| end.status == Status::Succeeded),
    };
    Ok(if all.iter().all(is_good) { Outcome::Good } else { Outcome::Bad })
}

/// The environment's parameters, and those of the command line, which win.
fn parameters(
    args: &RunArgs,
    project: &Project,
    secrets: &ProcessSecrets,
    flow: &Flow,
) -> anyhow::Result<Map<String, Value>> {
    let mut parameters = project.parameters(secrets).map_err(anyhow::Error::msg)?;
    set_parameters(flow, &args.set, &mut parameters)?;
    Ok(parameters)
}

/// Who answers the flow's questions: the mocks if there are any, else the services.
fn performer(
    args: &RunArgs,
    project: &Project,
    secrets: &ProcessSecrets,
    host: &Host,
) -> anyhow::Result<Box<dyn Performer>> {
    if let Some(file) = &args.mocks {
        return Ok(Box::new(Mocks::new(&once::read_data(file)?).map_err(anyhow::Error::msg)?));
    }
    let client = network::client(&project.root, host)?;
    let hosts = project.settings.http.allow_hosts.iter();
    let egress = hosts.fold(Egress::public(), |egress, host| egress.allow(host));
    Ok(Box::new(Live::new(client, project.connections(secrets), egress)))
}

/// Static results are invented: they are only for runs in which nothing is called.
fn refuse_static_results(
    args: &RunArgs,
    project: &Project,
    file: &FlowFile,
    siblings: &[FlowFile],
) -> anyhow::Result<()> {
    if args.mocks.is_some() {
        return Ok(());
    }
    // Which flows are called is known only when they are; of one that calls any, all count.
    let flow = &file.package.flow;
    let calls = flow.actions.iter().any(|it| matches!(it.kind, ActionKind::Workflow(_)));
    let others = project.flows.iter().chain(siblings).filter(|_| calls);
    let others = others.map(|it| &it.package.flow);
    let mut actions = std::iter::once(flow).chain(others).flat_map(Flow::with_static_results);
    if let Some(action) = actions.next() {
        bail!(
            "the action `{}` has a static result, which is for tests only: give --mocks, or remove \
             its `staticResult`",
            print::safe(&action.display)
        );
    }
    Ok(())
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
        None if run.is_halted(&flow.plan) => print::line(tone(Tone::Warn, "stopped here")),
        None => {
            print::line(tone(Tone::Warn, "the run waits for something that cannot happen here"));
        }
    }
}

/// Prints what was found in a flow's files, except that it is fine; whether there are errors.
pub(crate) fn report(file: &FlowFile) -> bool {
    let all = file.package.diagnostics.iter();
    let all = all.flat_map(|(source, found)| found.iter().map(move |it| (source, it)));
    let all = all.filter(|(_, it)| Severity::Warning <= it.severity);
    let (mut errors, mut warnings): (Vec<_>, Vec<_>) =
        all.partition(|(_, it)| it.severity == Severity::Error);
    let (any, total) = (!errors.is_empty(), errors.len() + warnings.len());
    errors.append(&mut warnings);
    for (source, found) in errors.into_iter().take(SHOWN_MAX) {
        note(diagnostics::render(source, found));
    }
    if let Some(more) = total.checked_sub(SHOWN_MAX).filter(|it| 0 < *it) {
        note(format!("and {more} more, which `flowright lint` names"));
    }
    any
}

/// `triggerOutputs()` from the event file or the inputs.
fn event_outputs(args: &RunArgs, trigger: &Trigger) -> anyhow::Result<Value> {
    let mut outputs = match &args.event {
        Some(file) => once::as_outputs(once::read_data(file)?),
        None => json!({ "headers": {}, "body": {} }),
    };
    if args.inputs.is_empty() {
        return Ok(outputs);
    }
    let inputs = match &trigger.kind {
        TriggerKind::Manual(manual) => manual.inputs.clone(),
        TriggerKind::Request(request) => request.inputs(),
        _ => Vec::new(),
    };
    if inputs.is_empty() {
        bail!("--input is for triggers that declare inputs; give this one its event with --event");
    }
    outputs["body"] = typed_inputs(&inputs, &outputs["body"], &args.inputs)?;
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
        let value = parameter
            .ty
            .read(text)
            .with_context(|| format!("the parameter `{name}` cannot be read from `{text}`"))?;
        let ty = parameter.ty;
        ensure!(ty.accepts(&value), "the parameter `{name}` is of type `{}`", ty.name());
        parameters.insert(parameter.name.clone(), value);
    }
    Ok(())
}

/// The body with the inputs of the command line, each read by its type; what the trigger makes of
/// them is the trigger's.
fn typed_inputs(inputs: &[Input], body: &Value, given: &[String]) -> anyhow::Result<Value> {
    let mut values = body.as_object().cloned().unwrap_or_default();
    for pair in given {
        let (name, text) =
            pair.split_once('=').with_context(|| format!("`--input {pair}`: write NAME=VALUE"))?;
        let Some(input) = inputs.iter().find(|it| it.name == name) else {
            let known: Vec<&str> = inputs.iter().map(|it| it.name.as_str()).collect();
            bail!("the trigger has no input `{name}`; it has: {}", known.join(", "));
        };
        let value = input.ty.read(text).with_context(|| {
            format!("the input `{name}` ({}) cannot be read from `{text}`", input.title)
        })?;
        values.insert(name.to_owned(), value);
    }
    Ok(Value::Object(values))
}
