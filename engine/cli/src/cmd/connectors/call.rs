//! `flowright connectors call`: one call of an operation, from the command line.

use std::{
    io::{BufRead as _, IsTerminal as _},
    path::Path,
};

use anyhow::{Context as _, bail, ensure};
use cli::input;
use connector::{
    Connector, Operation,
    model::{Effect, Param},
};
use http_client::InvokeOptions;
use serde_json::{Map, Value, json};
use worker::Project;

use super::{args::CallArgs, find, no_operation, through::Through};
use crate::{
    Outcome,
    args::Shown,
    print::{self, Tone, note, safe, tone},
};

/// Bytes of a file of inputs.
const INPUT_BYTES_MAX: usize = 32 << 20;

pub(super) async fn run(
    project: &Project,
    args: &CallArgs,
    output: Shown,
) -> anyhow::Result<Outcome> {
    let (connector, part) = find(project, &args.name)?;
    let id = part.context("say which operation, as in `connector.Operation`")?;
    let operation = connector.operation(id).ok_or_else(|| no_operation(connector, id))?;
    let inputs = inputs(connector, operation, args)?;
    let through = Through::open(project, connector, &args.through)?;
    if operation.effect != Effect::Read && !args.yes {
        confirm(operation, &through.connection.name)?;
    }
    let options = InvokeOptions { items_min: args.items, ..InvokeOptions::default() };
    let call = through.call(&inputs);
    let outcome = through.client.invoke(&through.connection, operation, &call, options).await;
    let outputs = outcome.outputs.unwrap_or_default();
    if output == Shown::Json {
        let mut shown = outputs.as_object().cloned().unwrap_or_default();
        if let Some(failure) = &outcome.failure {
            shown.insert("error".to_owned(), failure.to_json());
        }
        print::json(&shown);
    } else {
        if let Some(status) = outputs.get("statusCode") {
            note(tone(Tone::Faint, format!("the service answered {status}")));
        }
        match outputs.get("body") {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => print::line(safe(text)),
            Some(body) => print::json(body),
        }
    }
    let Some(failure) = outcome.failure else { return Ok(Outcome::Good) };
    let class = failure.class.map_or("", |it| it.name());
    note(format!("{} {}", tone(Tone::Bad, format!("{class}:")), safe(&failure.message)));
    Ok(Outcome::Bad)
}

/// Asks whoever sits at the terminal.
fn confirm(operation: &Operation, connection: &str) -> anyhow::Result<()> {
    let effect = operation.effect.name();
    ensure!(
        std::io::stdin().is_terminal(),
        "nothing was done: `{}` is a call that may change something ({effect}); say `--yes` to make it",
        operation.id
    );
    note(format!("call `{}` ({effect}) through `{connection}`? [y/N]", operation.id));
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    ensure!(matches!(answer.trim(), "y" | "Y" | "yes"), "nothing was done");
    Ok(())
}

fn inputs(connector: &Connector, operation: &Operation, args: &CallArgs) -> anyhow::Result<Value> {
    let mut inputs = match &args.with_json {
        Some(file) => object(file)?,
        None => Map::new(),
    };
    for pair in &args.with {
        let (name, text) =
            pair.split_once('=').with_context(|| format!("`--with {pair}` is not NAME=VALUE"))?;
        inputs.insert(name.to_owned(), value(connector, operation, name, text)?);
    }
    Ok(Value::Object(inputs))
}

fn object(file: &Path) -> anyhow::Result<Map<String, Value>> {
    let shown = file.display();
    let text = input::text(file, INPUT_BYTES_MAX)?;
    let (node, found) = yaml::parse(&text);
    if let Some(first) = found.iter().find(|it| it.severity == base::Severity::Error) {
        bail!("`{shown}` cannot be read: {}", first.message);
    }
    match node.map(|it| it.to_json()) {
        Some(Value::Object(object)) => Ok(object),
        Some(_) | None => bail!("`{shown}` must hold an object of inputs by name"),
    }
}

/// A value as the operation takes it: text where it takes text, JSON elsewhere.
fn value(
    connector: &Connector,
    operation: &Operation,
    name: &str,
    text: &str,
) -> anyhow::Result<Value> {
    let schema = match operation.param(name) {
        Some(Param { schema, .. }) => connector.schema(schema),
        None => operation.body.as_ref().and_then(|body| {
            let mut path = name.split('/');
            path.next().filter(|it| *it == operation.body_param)?;
            connector.schema_at(body, &path.collect::<Vec<_>>())
        }),
    };
    let types = schema.and_then(|it| it.get("type")).cloned().unwrap_or(Value::Null);
    let takes = |name: &str| types == *name || types == json!([name, "null"]);
    let parsed = serde_json::from_str(text);
    match parsed {
        _ if takes("string") => Ok(text.into()),
        Ok(value) => Ok(value),
        // Of what is not known, text that is no JSON is text.
        Err(_) if types.is_null() => Ok(text.into()),
        Err(_) => bail!("`{name}` takes {types}, and `{}` is no JSON", safe(text)),
    }
}
