//! `flowright nodes`: the processes that share a database, and what each takes care of.

use journal::NodeState;
use serde_json::json;
use server::nodes;

use crate::{
    Outcome,
    args::{NodesArgs, Shown},
    cmd::serve::project_root,
    config,
    database::Database,
    print::{self, Tone, line, tone},
};

/// What was named, or what the project around the present folder says.
fn database(args: &NodesArgs) -> anyhow::Result<Database> {
    match (&args.database, project_root(None)) {
        (Some(given), _) => Ok(given.clone()),
        (None, Ok(root)) => config::database_of(None, &root),
        (None, Err(error)) => Err(error.context("name the database: `--database postgres://…`")),
    }
}

pub(crate) async fn run(args: &NodesArgs) -> anyhow::Result<Outcome> {
    let rows = database(args)?.nodes().await?;
    if args.output == Shown::Json {
        line(json!({ "value": rows.iter().map(nodes::show).collect::<Vec<_>>() }));
        return Ok(Outcome::Good);
    }
    let cells = rows.iter().map(|it| {
        let heard = it.heard.to_string();
        [print::safe(&it.name), print::safe(&it.address), it.shards.to_string(), heard]
    });
    let cells: Vec<[String; 4]> = cells.collect();
    let titles = ["NAME", "ADDRESS", "SHARDS", "LAST HEARD"].map(str::to_owned);
    let width = |column: usize| {
        let all = cells.iter().chain([&titles]).filter_map(|row| row.get(column));
        all.map(|it| it.chars().count()).max().unwrap_or(0)
    };
    let widths = [width(0), width(1), width(2), width(3)];
    let row = |cells: &[String; 4]| {
        let padded = cells.iter().zip(widths).map(|(it, width)| format!("{it:width$}  "));
        padded.collect::<String>()
    };
    line(tone(Tone::Faint, format!("{}STATE", row(&titles))));
    for (found, cells) in rows.iter().zip(&cells) {
        let state = tone(tone_of(found.state), found.state.name());
        line(format!("{}{state}", row(cells)));
    }
    Ok(Outcome::Good)
}

const fn tone_of(state: NodeState) -> Tone {
    match state {
        NodeState::Alive => Tone::Good,
        NodeState::Lost => Tone::Bad,
        NodeState::Left | NodeState::Replaced => Tone::Faint,
    }
}
