//! `flowright demo`: the co-sell synchronisation as a story, each step verified.

mod args;
mod dynamics;
mod salesforce;
mod stage;
mod words;

pub(crate) use self::args::DemoArgs;
use self::{args::DemoCrm, stage::Stage, words::title};
use crate::{
    Outcome,
    print::{Tone, line, tone},
};

pub(crate) async fn run(args: &DemoArgs) -> anyhow::Result<Outcome> {
    title("Flowright: the co-sell synchronisation");
    let stage = Stage::begin(args).await?;
    let told = tell(&stage, args.crm).await;
    line("");
    match &told {
        Ok(()) => line(tone(Tone::Good, "✓ all of it was verified")),
        Err(error) => line(tone(Tone::Bad, format!("✗ {error}"))),
    }
    if args.keep {
        stage.keep().await;
    }
    stage.end().await?;
    told.map(|()| Outcome::Good)
}

/// The stories of the CRMs that are asked for, one after the other: Partner Center tells one address of its events.
async fn tell(stage: &Stage, crm: DemoCrm) -> anyhow::Result<()> {
    match crm {
        DemoCrm::Dynamics => dynamics::tell(stage).await,
        DemoCrm::Salesforce => salesforce::tell(stage).await,
        DemoCrm::Both => {
            dynamics::tell(stage).await?;
            salesforce::tell(stage).await
        }
    }
}

/// Says whose story comes.
fn story(text: &str) {
    line("");
    title(text);
}
