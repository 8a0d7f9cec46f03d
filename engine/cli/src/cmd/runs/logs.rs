//! `flowright runs logs` and `flowright runs wait`: what happens to a run, as it happens.

use std::time::{Duration, Instant};

use journal::Path;
use serde_json::Value;

use super::{
    args::{LogsArgs, WaitArgs},
    client::{Service, run_path},
    filter,
    list::time,
};
use crate::{
    Outcome,
    args::Shown,
    print::{Tone, line, note, safe, tone},
};

/// Between two looks.
const LOOK_MIN: Duration = Duration::from_millis(200);
const LOOK_MAX: Duration = Duration::from_secs(2);

pub(super) async fn logs(
    service: &Service,
    args: &LogsArgs,
    output: Shown,
) -> anyhow::Result<Outcome> {
    let (mut after, mut pause) = (0_u64, LOOK_MIN);
    loop {
        let path = run_path(&args.run, &format!("/journal?after={after}"));
        let page = service.get(&path).await?;
        let events: Vec<&Value> = page["value"].as_array().into_iter().flatten().collect();
        for event in &events {
            after = event["number"].as_u64().unwrap_or(after);
            if output == Shown::Json {
                line(event);
            } else {
                tell(event);
            }
        }
        let is_over = !super::list::is_open(&page["status"]) || !args.follow;
        if page["nextLink"].is_null() && is_over {
            return Ok(Outcome::Good);
        }
        pause = if events.is_empty() { (pause * 2).min(LOOK_MAX) } else { LOOK_MIN };
        if page["nextLink"].is_null() {
            tokio::time::sleep(pause).await;
        }
    }
}

fn tell(event: &Value) {
    let at = event["time"].as_str().map(time).unwrap_or_default();
    let (what, color) = words(event);
    let place = event["path"].as_str().map(place).unwrap_or_default();
    let place =
        if place.is_empty() { place } else { format!("{} ", tone(Tone::Strong, safe(&place))) };
    line(format!("{} {place}{}", tone(Tone::Faint, at), tone(color, safe(&what))));
}

/// An action with the passes of its loops, which people count from one.
fn place(path: &str) -> String {
    let Some((loops, action)) = Path::from_address(path.to_owned()).parts() else {
        return path.to_owned();
    };
    let loops = loops.iter().map(|(name, pass)| format!("{name} pass {} › ", u64::from(*pass) + 1));
    format!("{}{action}", loops.collect::<String>())
}

fn words(event: &Value) -> (String, Tone) {
    let text = |name: &str| event[name].as_str().unwrap_or_default();
    let nth = event["attempt"].as_u64().filter(|it| 1 < *it);
    let nth = nth.map(|it| format!(" (attempt {it})")).unwrap_or_default();
    match text("type") {
        "started" => match event["again"]["of"].as_str() {
            Some(of) => (format!("began again what run {of} had done"), Tone::Accent),
            None => (format!("began with the trigger `{}`", text("trigger")), Tone::Accent),
        },
        "resumed" => ("went on behind what was taken over".to_owned(), Tone::Accent),
        "intended" => (format!("is about to be asked{nth}"), Tone::Faint),
        "answered" => answered(&event["outcome"], &nth),
        "unknown" => ("may or may not have happened: the process ended".to_owned(), Tone::Bad),
        "woken" => ("was woken".to_owned(), Tone::Faint),
        "expired" => ("took longer than it may".to_owned(), Tone::Bad),
        "called" => ("was called back".to_owned(), Tone::Good),
        "paused" => (format!("was paused: {}", text("reason")), Tone::Warn),
        "continued" => (format!("goes on: {}", text("reason")), Tone::Accent),
        "cancelled" => (format!("was cancelled: {}", text("reason")), Tone::Warn),
        "finished" => {
            let code = event["error"]["code"].as_str().map(|it| format!(": {it}"));
            let color = super::list::color(text("status"));
            (format!("ended as {}{}", text("status"), code.unwrap_or_default()), color)
        }
        other => (other.to_owned(), Tone::Warn),
    }
}

fn answered(outcome: &Value, nth: &str) -> (String, Tone) {
    let failure = &outcome["failure"];
    if let Some(code) = failure["code"].as_str() {
        let message = failure["message"].as_str().unwrap_or_default();
        return (format!("failed{nth}: {code}: {message}"), Tone::Bad);
    }
    let status = outcome["outputs"]["statusCode"].as_u64();
    let status = status.map(|it| format!(": {it}")).unwrap_or_default();
    (format!("was answered{nth}{status}"), Tone::Good)
}

pub(super) async fn wait(
    service: &Service,
    args: &WaitArgs,
    output: Shown,
) -> anyhow::Result<Outcome> {
    let limit = args.timeout.as_deref().map(filter::length).transpose()?;
    let (begun, mut pause) = (Instant::now(), LOOK_MIN);
    loop {
        let run = service.get(&run_path(&args.run, "")).await?;
        let status = run["status"].as_str().unwrap_or_default();
        if !super::list::is_open(&run["status"]) {
            if output == Shown::Json {
                line(&run);
            } else {
                note(format!("{} {}", args.run, tone(super::list::color(status), status)));
            }
            return Ok(if status == "Succeeded" { Outcome::Good } else { Outcome::Bad });
        }
        let limit = limit.map(base::Duration::to_std);
        anyhow::ensure!(
            limit.is_none_or(|it| begun.elapsed() < it),
            "run `{}` has not ended after {}",
            args.run,
            args.timeout.as_deref().unwrap_or_default()
        );
        let rest = limit.map_or(pause, |it| it.saturating_sub(begun.elapsed()));
        tokio::time::sleep(pause.min(rest)).await;
        pause = (pause * 2).min(LOOK_MAX);
    }
}
