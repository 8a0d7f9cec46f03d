//! Flags of `flowright new`.

use clap::{Args, Subcommand};

use crate::cmd::connectors::args::NewArgs as NewConnectorArgs;

#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    #[command(subcommand)]
    pub what: NewWhat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NewWhat {
    /// A flow with a test.
    Flow(NewFlowArgs),
    /// A connector file with comments; the same as `flowright connectors new`.
    Connector(NewConnectorArgs),
    /// A test of a flow, with its inputs and a reply for each of its calls.
    Test(NewTestArgs),
}

#[derive(Debug, Args)]
pub(crate) struct NewFlowArgs {
    /// Its folder below the project's flows, as in `orders/send-on`.
    pub name: String,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The test says nothing of what has to come of it. Put in the values that it is about, run
`flowright test FLOW --update`, and read what that has written."
)]
pub(crate) struct NewTestArgs {
    /// The flow's name in the project, or its folder.
    pub flow: String,

    /// The name of the file, `tests/NAME.test.yaml`.
    #[arg(default_value = "new")]
    pub name: String,
}
