//! `flowright connections list`.

use serde_json::Value;
use worker::standing;

use super::{args::PlaceArgs, load};
use crate::{
    Outcome,
    args::Shown,
    network,
    print::{self, Tone, line, tone},
    programs,
    secrets::ProcessSecrets,
};

pub(crate) async fn run(place: &PlaceArgs) -> anyhow::Result<Outcome> {
    let (root, project) = load(place)?;
    let client = network::client(&root, &programs::host())?;
    let connections = project.connections(&ProcessSecrets { root });
    let mut all = Vec::new();
    for (name, entry) in &connections.0 {
        all.push(standing::describe(&client, name, entry).await);
    }
    let is_good = all.iter().all(|it| it["usable"] == true);
    if place.output == Shown::Json {
        print::json(&all);
    } else {
        all.iter().for_each(show);
    }
    Ok(if is_good { Outcome::Good } else { Outcome::Bad })
}

fn show(connection: &Value) {
    let text = |key: &str| print::safe(connection[key].as_str().unwrap_or_default());
    let how = [text("auth"), text("grant")].join(" ");
    let state = if connection["usable"] == true {
        tone(Tone::Good, "can be used")
    } else {
        tone(Tone::Bad, text("problem"))
    };
    let (name, connector) = (text("name"), text("connector"));
    line(format!(
        "{} {connector} {} {state}",
        tone(Tone::Strong, name),
        tone(Tone::Faint, how.trim())
    ));
}
