//! Flags of `flowright init`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  flowright init my-flows                        a small project: one flow, its tests, an environment
  flowright init co-sell my-sync --crm dynamics  the co-sell flows for Dynamics 365, to be made your own

Nothing that is there is overwritten.
Exit codes: 0 it is written, 2 it is not."
)]
pub(crate) struct InitArgs {
    #[command(subcommand)]
    pub what: Option<InitWhat>,

    /// The folder of the project; this one if not given.
    pub folder: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum InitWhat {
    /// The co-sell packages with their connectors, mappings and tests, and two environments.
    CoSell(CoSellArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CoSellArgs {
    /// The folder of the project; this one if not given.
    pub folder: Option<PathBuf>,

    /// The CRM that deals are kept in.
    #[arg(long, value_enum, default_value_t = Crm::Dynamics)]
    pub crm: Crm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Crm {
    /// Dynamics 365 Sales.
    Dynamics,
    /// Salesforce Sales Cloud.
    Salesforce,
    /// One project for both.
    Both,
}

impl Crm {
    /// The connectors behind it.
    pub(crate) const fn connectors(self) -> &'static [&'static str] {
        match self {
            Self::Dynamics => &["dynamics-365"],
            Self::Salesforce => &["salesforce"],
            Self::Both => &["dynamics-365", "salesforce"],
        }
    }
}
