//! `flowright runs cancel`, `pause`, `resume`, `resubmit` and `retry`: one run, some, or all that a filter lets through.

use std::io::{BufRead as _, IsTerminal as _};

use serde_json::{Map, Value, json};

use super::{
    args::TargetArgs,
    client::{Refused, Service, run_path},
    filter, list,
};
use crate::{
    Outcome,
    args::Shown,
    print::{Tone, line, note, safe, tone},
};

/// What is done.
pub(super) struct Change<'a> {
    /// `cancel`, `pause`, `resume`, `resubmit`, `retry`.
    pub verb: &'static str,
    /// `from`, `latest`, `reason`.
    pub members: Map<String, Value>,
    pub target: &'a TargetArgs,
    pub output: Shown,
}

impl Change<'_> {
    pub(super) async fn carry_out(&self, service: &Service) -> anyhow::Result<Outcome> {
        let members = filter::members(&self.target.filter)?;
        match (self.target.runs.is_empty(), members.is_empty()) {
            (false, true) => self.each(service).await,
            (true, false) => self.bulk(service, members).await,
            (false, false) => anyhow::bail!("name runs, or narrow them by flags, not both"),
            (true, true) => anyhow::bail!(
                "which runs? Name them, or narrow them by flags such as `--flow` and `--since`"
            ),
        }
    }

    fn body(&self, more: &[(&str, Value)]) -> Value {
        let mut body = self.members.clone();
        body.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        Value::Object(body)
    }

    async fn each(&self, service: &Service) -> anyhow::Result<Outcome> {
        let (mut told, mut is_good) = (Vec::new(), true);
        for run in &self.target.runs {
            match self.one(service, run).await {
                Ok(answer) => told.extend(answer),
                Err(error) => match error.downcast_ref::<Refused>() {
                    Some(refused) if refused.code != "RunNotFound" => {
                        is_good = false;
                        note(format!("{} {refused}", tone(Tone::Bad, "refused:")));
                        let error = json!({ "code": refused.code, "message": refused.to_string() });
                        told.push(json!({ "id": null, "of": run, "error": error }));
                    }
                    _ => return Err(error),
                },
            }
        }
        if self.output == Shown::Json {
            line(json!(told));
        }
        Ok(if is_good { Outcome::Good } else { Outcome::Bad })
    }

    /// What became of one run; none if it was left alone.
    async fn one(&self, service: &Service, run: &str) -> anyhow::Result<Option<Value>> {
        let path = run_path(run, &format!("/{}", self.verb));
        if ["cancel", "pause", "resume"].contains(&self.verb) {
            if self.target.preview {
                let shown = service.get(&run_path(run, "")).await?;
                list::print(std::slice::from_ref(&shown));
                return Ok(Some(shown));
            }
            let ended = service.post(&path, &self.body(&[])).await?;
            let status = ended["status"].as_str().unwrap_or_default();
            note(format!("{run} {}", tone(list::color(status), status)));
            return Ok(Some(ended));
        }
        let preview = service.post(&path, &self.body(&[("preview", true.into())])).await?;
        if self.target.preview || !self.target.yes {
            explain(run, &preview);
        }
        if self.target.preview {
            return Ok(Some(preview));
        }
        let is_harmless = preview["warnings"].as_array().is_none_or(Vec::is_empty);
        if !is_harmless && !self.target.yes && !confirm(self.verb)? {
            return Ok(None);
        }
        let begun = service.post(&path, &self.body(&[])).await?;
        if self.output == Shown::Text {
            line(begun["id"].as_str().unwrap_or_default());
        }
        Ok(Some(begun))
    }

    async fn bulk(&self, service: &Service, filter: Map<String, Value>) -> anyhow::Result<Outcome> {
        let path = "/api/v1/runs/actions";
        let shared = [("action", self.verb.into()), ("filter", Value::Object(filter))];
        let body = |more: (&str, Value)| {
            let mut all = shared.to_vec();
            all.push(more);
            self.body(&all)
        };
        let preview = service.post(path, &body(("preview", true.into()))).await?;
        let count = preview["count"].as_u64().unwrap_or(0);
        if self.output == Shown::Json && self.target.preview {
            line(&preview);
        } else {
            self.tell(&preview, count);
        }
        if count == 0 || self.target.preview {
            return Ok(Outcome::Good);
        }
        if !self.target.yes && !confirm(self.verb)? {
            return Ok(Outcome::Bad);
        }
        let (mut done, mut refused) = (Vec::new(), Vec::new());
        let mut before = preview["before"].clone();
        while !before.is_null() {
            let answer = service.post(path, &body(("before", before))).await?;
            done.extend(answer["done"].as_array().into_iter().flatten().cloned());
            refused.extend(answer["refused"].as_array().into_iter().flatten().cloned());
            before = answer["before"].clone();
        }
        for one in &refused {
            let (id, why) = (one["id"].as_str(), one["error"]["message"].as_str());
            let why = safe(why.unwrap_or_default());
            note(format!("{} {}: {why}", tone(Tone::Bad, "refused:"), id.unwrap_or_default()));
        }
        if self.output == Shown::Json {
            line(json!({ "done": done, "refused": refused }));
        }
        note(format!("{}: {} done, {} refused", self.verb, done.len(), refused.len()));
        Ok(if refused.is_empty() { Outcome::Good } else { Outcome::Bad })
    }

    fn tell(&self, preview: &Value, count: u64) {
        let more = if preview["hasMore"] == true { "more than " } else { "" };
        let rows = preview["value"].as_array().map_or(&[][..], Vec::as_slice);
        if self.output == Shown::Text && !rows.is_empty() {
            list::print(rows);
        }
        for row in rows.iter().filter(|it| it["refused"].is_object()) {
            let why = safe(row["refused"]["message"].as_str().unwrap_or_default());
            note(format!("{} {why}", tone(Tone::Warn, "will be refused:")));
        }
        warn(preview);
        note(format!("{}: {more}{count} runs", self.verb));
    }
}

/// What doing a run again comes to.
fn explain(run: &str, preview: &Value) {
    let names = |member: &str| {
        let names = preview[member].as_array().into_iter().flatten().filter_map(Value::as_str);
        names.map(|it| format!("`{}`", safe(it))).collect::<Vec<_>>().join(", ")
    };
    let from = names("from");
    let from = if from.is_empty() { "the beginning".to_owned() } else { from };
    note(format!("{run} again from {from}"));
    let kept = names("takenOver");
    if !kept.is_empty() {
        note(format!("  taken over: {kept}"));
    }
    warn(preview);
}

fn warn(preview: &Value) {
    for warning in preview["warnings"].as_array().into_iter().flatten() {
        let action = safe(warning["action"].as_str().unwrap_or_default());
        let message = warning["message"].as_str().unwrap_or_default();
        note(format!("{} `{action}`: {message}", tone(Tone::Warn, "warning:")));
    }
}

/// Asks whoever sits at the terminal.
pub(super) fn confirm(verb: &str) -> anyhow::Result<bool> {
    anyhow::ensure!(
        std::io::stdin().is_terminal(),
        "nothing was done: say `--yes` to {verb} without being asked"
    );
    note(format!("{verb}? [y/N]"));
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
