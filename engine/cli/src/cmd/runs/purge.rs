//! `flowright runs purge`: what is there of a person or a deal is deleted.

use serde_json::{Value, json};

use super::{args::PurgeArgs, change::confirm, client::Service};
use crate::{
    Outcome,
    args::Shown,
    print::{line, note},
};

pub(super) async fn run(
    service: &Service,
    args: &PurgeArgs,
    output: Shown,
) -> anyhow::Result<Outcome> {
    let path = "/api/v1/runs/purge";
    let ask = |preview: bool| json!({ "key": args.key, "preview": preview });
    let preview = service.post(path, &ask(true)).await?;
    let count = |of: &Value, name: &str| of[name].as_u64().unwrap_or(0);
    let (ended, open) = (count(&preview, "runs"), count(&preview, "open"));
    if args.preview {
        if output == Shown::Json {
            line(&preview);
        }
        note(format!("purge: {ended} runs and what they called; {open} are open and stay"));
        return Ok(Outcome::Good);
    }
    if !args.yes {
        note(format!("purge: {ended} runs and what they called are deleted; {open} are open"));
        if !confirm("purge")? {
            return Ok(Outcome::Bad);
        }
    }
    let purged = service.post(path, &ask(false)).await?;
    if output == Shown::Json {
        line(&purged);
    }
    let (runs, open) = (count(&purged, "runs"), count(&purged, "open"));
    note(format!("purge: {runs} runs deleted"));
    if 0 < open {
        note(format!("{open} runs of the key are open and stay: cancel them, and purge again"));
    }
    Ok(if open == 0 { Outcome::Good } else { Outcome::Bad })
}
