//! Flags of `flowright test`.

use std::path::PathBuf;

use clap::ValueEnum;

/// How the results of tests are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Results {
    /// For people.
    Text,
    /// One JSON object, for programs.
    Json,
    /// XML, for build servers.
    Junit,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Tests are files `tests/*.test.yaml` in the folder of a flow:
  tests:
    - name: A new order is sent on
      event: { id: 7 }
      mocks:
        crm.CreateRecord: { statusCode: 201, body: { accountid: a1 } }
      expect:
        status: Succeeded
        calls:
          - crm.CreateRecord: { entityName: accounts }

Exit codes: 0 every test has passed, 1 some have not, or a file of tests has errors, 2 there are no
such tests, or the command could not be carried out.")]
pub(crate) struct TestArgs {
    /// Files of tests, folders, or names of flows; the whole project if none is given.
    pub paths: Vec<PathBuf>,

    /// Only tests whose name, or the name of whose flow, has this text in it.
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,

    /// Change the files so that they expect what there is; look at the changes before you keep them.
    #[arg(long)]
    pub update: bool,

    /// Tell which actions and branches no test goes through.
    #[arg(long)]
    pub coverage: bool,

    /// Fail if fewer actions of a flow than this are carried out by its tests.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub min_coverage: Option<u8>,

    /// How the results are written.
    #[arg(long, value_enum, default_value_t = Results::Text)]
    pub output: Results,
}
