//! The flags of `flowright lint` and `flowright explain`.

use std::path::PathBuf;

use base::Severity;
use clap::ValueEnum;
use lint::Target;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Source excerpts, for people.
    Full,
    /// One line per finding.
    Concise,
    /// One JSON array, for programs.
    Json,
    /// One JSON object per line, for programs.
    Jsonl,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Commands of GitHub's runners.
    Github,
    /// A code quality report of GitLab.
    Gitlab,
    /// A test report.
    Junit,
    /// Reviewdog's format.
    Rdjson,
}

/// From which severity on findings make the command end with 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    Error,
    Warning,
    Info,
    /// It never does.
    Never,
}

impl FailOn {
    /// Whether a finding of that severity is one too many.
    pub(crate) fn is_reached(self, severity: Severity) -> bool {
        match self {
            Self::Error => Severity::Error <= severity,
            Self::Warning => Severity::Warning <= severity,
            Self::Info => true,
            Self::Never => false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TargetName {
    Flowright,
    PowerAutomate,
    LogicApps,
}

impl TargetName {
    pub(crate) const fn target(self) -> Target {
        match self {
            Self::Flowright => Target::Flowright,
            Self::PowerAutomate => Target::PowerAutomate,
            Self::LogicApps => Target::LogicApps,
        }
    }
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Rules are named by their slug (`unknown-variable`), their number (`FL205`) or its beginning (`FL2`);
`default`, `pedantic` and `all` stand for several. `flowright explain RULE` shows the page of one.

Exit codes: 0 nothing at or above `--fail-on`, 1 findings, 2 the command could not be carried out or
there was nothing to check, 3 a fault of this program."
)]
pub(crate) struct LintArgs {
    /// Files or folders; the whole project if none is given. `-` reads one file from standard input.
    pub paths: Vec<PathBuf>,

    /// How findings are written.
    #[arg(long, value_enum, default_value_t = Format::Full, env = "FLOWRIGHT_OUTPUT_FORMAT")]
    pub output_format: Format,

    /// The environment to check against; the project's own choice if not given.
    #[arg(long, env = "FLOWRIGHT_ENVIRONMENT")]
    pub environment: Option<String>,

    /// The severity from which on a finding makes the command end with 1.
    #[arg(long, value_enum, default_value_t = FailOn::Error)]
    pub fail_on: FailOn,

    /// Let it pass when there is nothing to check.
    #[arg(long)]
    pub allow_empty: bool,

    #[command(flatten)]
    pub rules: RuleArgs,

    #[command(flatten)]
    pub edits: EditArgs,

    /// Report also what comments suppress.
    #[arg(long)]
    pub no_ignores: bool,

    #[command(flatten)]
    pub baseline: BaselineArgs,

    /// Show how many findings of each rule there are, in place of the findings.
    #[arg(long)]
    pub statistics: bool,

    /// The name of the file that is read from standard input.
    #[arg(long, value_name = "NAME", default_value = "flow.yaml")]
    pub stdin_filename: String,
}

/// What is looked for.
#[derive(Debug, clap::Args)]
pub(crate) struct RuleArgs {
    /// Only these rules.
    #[arg(long, value_name = "RULES", value_delimiter = ',')]
    pub select: Vec<String>,

    /// These rules as well.
    #[arg(long, value_name = "RULES", value_delimiter = ',')]
    pub extend_select: Vec<String>,

    /// Not these rules.
    #[arg(long, value_name = "RULES", value_delimiter = ',')]
    pub ignore: Vec<String>,

    /// Where the flows are to run, which decides how much they may hold.
    #[arg(long, value_enum)]
    pub target: Option<TargetName>,
}

/// What is changed in the files.
#[derive(Debug, clap::Args)]
pub(crate) struct EditArgs {
    /// Make the edits that surely keep what a flow does.
    #[arg(long)]
    pub fix: bool,

    /// Make the other edits, too; look at them afterwards.
    #[arg(long)]
    pub unsafe_fixes: bool,

    /// Show the edits and make none.
    #[arg(long)]
    pub diff: bool,

    /// Write a comment above each finding that suppresses it, with this reason.
    #[arg(
        long,
        value_name = "REASON",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "",
        conflicts_with_all = ["fix", "unsafe_fixes", "diff"]
    )]
    pub add_ignore: Option<String>,
}

/// What is known already.
#[derive(Debug, clap::Args)]
pub(crate) struct BaselineArgs {
    /// Leave out the findings that this file has; the project's own choice if not given.
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,

    /// Write all findings into the baseline, so that only new ones are reported from now on.
    #[arg(long, conflicts_with_all = ["fix", "unsafe_fixes", "diff", "add_ignore"])]
    pub update_baseline: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArgs {
    /// A rule by its slug or number; all of them in a list if none is given.
    pub rule: Option<String>,
}
