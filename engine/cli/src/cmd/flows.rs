//! `flowright flows`: the deployed flows of a running service, turned on and off.

use serde_json::{Value, json};

use crate::{
    Outcome,
    args::Shown,
    cmd::runs::{
        args::{FlowsArgs, FlowsCommand},
        client::{Service, segment},
        table,
    },
    print::{Tone, line, note},
};

pub(crate) async fn run(args: &FlowsArgs) -> anyhow::Result<Outcome> {
    let service = Service::new(&args.service)?;
    let output = args.service.output;
    match &args.command {
        FlowsCommand::List => {
            let answer = service.get("/api/v1/flows").await?;
            if output == Shown::Json {
                line(&answer["value"]);
            } else {
                print(&answer["value"]);
            }
        }
        FlowsCommand::On { flow } => switch(&service, flow, true, output).await?,
        FlowsCommand::Off { flow } => switch(&service, flow, false, output).await?,
    }
    Ok(Outcome::Good)
}

async fn switch(service: &Service, flow: &str, on: bool, output: Shown) -> anyhow::Result<()> {
    let path = format!("/api/v1/flows/{}", segment(flow));
    let changed = service.patch(&path, &json!({ "on": on })).await?;
    if output == Shown::Json {
        line(&changed);
    } else {
        note(format!("`{flow}` is {}", if on { "on" } else { "off" }));
    }
    Ok(())
}

fn print(flows: &Value) {
    let text = |of: &Value, name: &str| of[name].as_str().unwrap_or_default().to_owned();
    let rows = flows.as_array().into_iter().flatten().map(|flow| {
        let (state, color) =
            if flow["on"] == true { ("on", Tone::Good) } else { ("off", Tone::Warn) };
        let version = text(flow, "version").chars().take(12).collect();
        vec![
            (text(flow, "flow"), Some(Tone::Strong)),
            (state.to_owned(), Some(color)),
            (version, Some(Tone::Faint)),
            (text(flow, "name"), None),
        ]
    });
    table::print(&["FLOW", "STATE", "VERSION", "NAME"], &rows.collect::<Vec<_>>());
}
