//! `flowright runs export`: a run as a file, or as a test.

use std::fs;

use anyhow::{Context as _, bail};
use cli::testing::recorded;
use serde_json::{Value, json};

use super::{
    args::ExportArgs,
    client::{Service, run_path},
};
use crate::{Outcome, print};

pub(super) async fn run(service: &Service, args: &ExportArgs) -> anyhow::Result<Outcome> {
    let to = args.to.as_deref();
    if let Some(to) = to.filter(|it| it.exists() && !args.force) {
        bail!("`{}` is there already; give --force to overwrite it", to.display());
    }
    let run = service.get(&run_path(&args.run, "")).await?;
    let journal = journal(service, &args.run).await?;
    let text = if args.as_test {
        recorded::test_of(&run, &journal).map_err(anyhow::Error::msg)?
    } else {
        format!("{:#}\n", json!({ "run": run, "journal": journal }))
    };
    let Some(to) = to else {
        print::line(text.trim_end());
        return Ok(Outcome::Good);
    };
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(to, text).with_context(|| format!("cannot write `{}`", to.display()))?;
    let next = if args.as_test { "; look through it, then: flowright test " } else { "" };
    let file = if args.as_test { to.display().to_string() } else { String::new() };
    print::note(format!("written `{}`{next}{file}", to.display()));
    Ok(Outcome::Good)
}

/// Every event of a run.
async fn journal(service: &Service, run: &str) -> anyhow::Result<Vec<Value>> {
    let mut events: Vec<Value> = Vec::new();
    loop {
        let after = events.len();
        let page = service.get(&run_path(run, &format!("/journal?after={after}"))).await?;
        let more = page["value"].as_array().cloned().unwrap_or_default();
        let is_last = page["nextLink"].is_null() || more.is_empty();
        events.extend(more);
        if is_last {
            return Ok(events);
        }
    }
}
