//! What the demo may be asked.

use std::path::PathBuf;

use clap::ValueEnum;

/// The CRMs that the demo has a story for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DemoCrm {
    /// Dynamics 365.
    Dynamics,
    /// Salesforce.
    Salesforce,
    /// First the one, then the other.
    Both,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// Whose story is told.
    #[arg(long, value_enum, default_value_t = DemoCrm::Dynamics)]
    pub crm: DemoCrm,

    /// Leave everything running at the end, with the addresses printed.
    #[arg(long)]
    pub keep: bool,

    /// The project's folder with the co-sell flows; if not given the one around the present folder, and
    /// without one the flows that this program brings.
    #[arg(long, env = "FLOWRIGHT_PROJECT")]
    pub project: Option<PathBuf>,
}
