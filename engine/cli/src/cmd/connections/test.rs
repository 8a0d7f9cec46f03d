//! `flowright connections test`.

use std::time::Instant;

use serde_json::json;
use worker::{Clock as _, SystemClock, standing};

use super::{args::PlaceArgs, load};
use crate::{
    Outcome,
    args::Shown,
    choice, network,
    print::{self, Tone, line, tone},
    programs,
};

pub(crate) async fn run(place: &PlaceArgs, name: &str) -> anyhow::Result<Outcome> {
    let (root, project) = load(place)?;
    let connection = choice::connection(&project, name)?;
    let client = network::client(&root, &programs::host())?;
    let now = SystemClock::default().now();
    let began = Instant::now();
    let found = standing::test(&client, &connection, now).await;
    if let Err(failure) = &found
        && failure.code == "NothingToAsk"
    {
        anyhow::bail!("{}", failure.message);
    }
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let works = found.is_ok();
    if place.output == Shown::Json {
        let failure = found.as_ref().err();
        print::json(&json!({
            "name": name,
            "works": works,
            "what": found.as_ref().ok(),
            "code": failure.map(|it| it.code.as_str()),
            "message": failure.map(|it| it.message.as_str()),
            "tookMs": took_ms,
        }));
    } else {
        line(match &found {
            Ok(what) => format!("{} {what} ({took_ms} ms)", tone(Tone::Good, "works:")),
            Err(failure) => {
                let (code, message) = (print::safe(&failure.code), print::safe(&failure.message));
                format!("{} {code}: {message}", tone(Tone::Bad, "does not work:"))
            }
        });
    }
    Ok(if works { Outcome::Good } else { Outcome::Bad })
}
