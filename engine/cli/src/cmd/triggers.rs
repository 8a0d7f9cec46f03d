//! `flowright triggers`: the addresses of triggers, and the key that signs them.

use serde_json::json;
use worker::{Hooks, Project};

use crate::{
    Outcome,
    args::{KeyPlaceArgs, RotateKeyArgs, TriggersArgs, TriggersCommand, TriggersListArgs},
    cmd::serve::{project_root, public_url},
    config, network,
    print::{self, Tone, line, note, tone},
    programs,
    secrets::ProcessSecrets,
    state,
};

pub(crate) fn run(args: &TriggersArgs) -> anyhow::Result<Outcome> {
    match &args.command {
        TriggersCommand::List(args) => list(args),
        TriggersCommand::RotateKey(args) => rotate(args),
    }
}

fn list(args: &TriggersListArgs) -> anyhow::Result<Outcome> {
    let KeyPlaceArgs { database, project, environment } = &args.place;
    let root = project_root(project.as_deref())?;
    let project = Project::load(&root, environment.as_deref())?;
    let secrets = ProcessSecrets { root: root.clone() };
    let database = config::database_of(database.as_ref(), &root)?;
    let public_url = public_url(&args.public_url)?;
    let hooks = Hooks {
        client: network::client(&root, &programs::host())?,
        connections: project.connections(&secrets),
        addresses: state::trigger_keys(&database.state_folder(&root)?)?.addresses(&public_url),
    };
    let mut all = Vec::new();
    for (name, flow) in &project.deploy(&secrets).map_err(anyhow::Error::msg)? {
        for trigger in &flow.plan.flow.triggers {
            let address = hooks.address(flow, trigger);
            let url = address.map(|path| format!("{}{path}", hooks.addresses.public_url));
            let kind = trigger.kind.key();
            if args.json {
                let (trigger, display) = (trigger.name.as_str(), &trigger.display);
                all.push(json!({
                    "flow": name, "trigger": trigger, "displayName": display, "kind": kind,
                    "url": url,
                }));
                continue;
            }
            let display = print::safe(&trigger.display);
            line(format!("{} {display} {}", tone(Tone::Strong, name), tone(Tone::Faint, kind)));
            if let Some(url) = url {
                line(format!("  {url}"));
            }
        }
    }
    if args.json {
        line(serde_json::to_string_pretty(&all)?);
    }
    Ok(Outcome::Good)
}

fn rotate(args: &RotateKeyArgs) -> anyhow::Result<Outcome> {
    let root = project_root(args.place.project.as_deref())?;
    let database = config::database_of(args.place.database.as_ref(), &root)?;
    let folder = database.state_folder(&root)?;
    let keys = state::rotate_trigger_key(&folder, args.revoke)?;
    note(tone(
        Tone::Good,
        "addresses are signed with a new key from the next start of the service on",
    ));
    note(if keys == 1 {
        "addresses that were given out before are void then"
    } else {
        "addresses of the key before stay good until it is rotated again, or with --revoke at once"
    });
    note("see the new ones with `flowright triggers list`");
    Ok(Outcome::Good)
}
