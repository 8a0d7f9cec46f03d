//! `flowright explain`: the page of a rule.

use lint::{Phase, Rule, config, rules::TABLE};

use super::args::ExplainArgs;
use crate::{
    Outcome,
    print::{self, Tone, tone},
};

pub(crate) fn run(args: &ExplainArgs) -> anyhow::Result<Outcome> {
    let Some(word) = &args.rule else {
        for rule in TABLE {
            let (number, slug) = (rule.code.number, rule.code.slug);
            let kind = kind(rule);
            let number = tone(Tone::Faint, number);
            print::line(format!("{number}  {slug:<26} {kind:<17} {}", rule.summary));
        }
        return Ok(Outcome::Good);
    };
    let word = word.trim();
    let by_number = TABLE.iter().find(|it| it.code.number.eq_ignore_ascii_case(word));
    let rule = match by_number {
        Some(rule) => rule,
        None => match config::rules(&word.to_lowercase()).map_err(anyhow::Error::msg)?.as_slice() {
            [only] => *only,
            _ => anyhow::bail!("`{word}` stands for several rules; name one"),
        },
    };
    print::line(page(rule));
    Ok(Outcome::Good)
}

/// The page with what the table knows behind its title.
fn page(rule: &Rule) -> String {
    let (title, rest) = rule.code.page().split_once("\n\n").unwrap_or((rule.code.slug, ""));
    let needs = match rule.phase {
        Phase::File => "the file alone",
        Phase::Project => "the project: other flows, connectors, the environment",
        Phase::Types => "the types of values",
    };
    let mends = match rule.edit() {
        Some("safe") => " Mended by `--fix`, where one edit is the right one.",
        Some(_) => " Mended by `--unsafe-fixes`, where one edit is the right one.",
        None => "",
    };
    format!(
        "{}\n\n{} ({}, {}). Looks at {needs}.{mends}\n\n{}",
        tone(Tone::Strong, title),
        rule.summary,
        rule.code.number,
        kind(rule),
        rest.trim_end()
    )
}

fn kind(rule: &Rule) -> String {
    let severity = rule.code.severity.name();
    if rule.code.pedantic { format!("{severity}, pedantic") } else { severity.to_owned() }
}
