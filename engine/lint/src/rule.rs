//! What a rule is: a code, a sentence, and the hooks that the walk calls.

use base::{Code, Diagnostic, Sink, Source};
use expr::{Placed, Tree, Use, check::TypeFinding, condition::Condition};
use flow::{ActionId, Mapping, Trigger};

use crate::{
    calls::Calls,
    view::{Place, View},
};

/// One rule. Its page is `docs/rules/<slug>.md`.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Number, slug and usual severity.
    pub code: Code,
    /// What it has to know.
    pub phase: Phase,
    /// What it finds, in one sentence.
    pub summary: &'static str,
    /// Where it looks; nowhere if the readers of the files find it.
    pub(crate) hooks: Hooks,
}

impl Rule {
    /// The part of the table that it belongs to.
    pub fn group(&self) -> &'static str {
        match self.code.number.get(2..3) {
            Some("0") => "syntax",
            Some("1") => "format",
            Some("2") => "references",
            Some("3") => "expressions",
            Some("4") => "control flow",
            Some("5") => "connectors",
            Some("6") => "reliability",
            Some("7") => "security",
            Some("8") => "speed",
            _ => "style",
        }
    }
}

/// What a rule has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The file alone.
    File = 1,
    /// The project: other flows, connectors, the environment.
    Project = 2,
    /// The types of values and where they come from.
    Types = 3,
}

/// Where a rule looks. Every hook is called once for each thing of its kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hooks {
    /// What a reader has found under the rule's code: may add a hint.
    pub(crate) found: Option<fn(&View<'_>, &mut Diagnostic)>,
    /// The text of a flow or mapping file that is written in YAML.
    pub(crate) file: Option<fn(&Source, &mut Sink)>,
    /// A flow.
    pub(crate) flow: Option<fn(&View<'_>, &mut Sink)>,
    /// A trigger.
    pub(crate) trigger: Option<fn(&View<'_>, &Trigger, &mut Sink)>,
    /// An action.
    pub(crate) action: Option<fn(&View<'_>, ActionId, &mut Sink)>,
    /// Something that is true or false.
    pub(crate) condition: Option<fn(&View<'_>, &Asked<'_>, &mut Sink)>,
    /// A value of an input, with all that is in it.
    pub(crate) tree: Option<fn(&View<'_>, &Tree, Place, &mut Sink)>,
    /// A string in which something is computed.
    pub(crate) expression: Option<fn(&View<'_>, &Written<'_>, &mut Sink)>,
    /// A mapping file.
    pub(crate) mapping: Option<fn(&View<'_>, &Mapping, &mut Sink)>,
    /// All flows together; the findings of each go to the sink of its number.
    pub(crate) project: Option<fn(&Calls<'_>, &mut [Sink])>,
}

impl Hooks {
    /// A rule that looks nowhere.
    pub(crate) const NONE: Self = Self {
        found: None,
        file: None,
        flow: None,
        trigger: None,
        action: None,
        condition: None,
        tree: None,
        expression: None,
        mapping: None,
        project: None,
    };
}

/// A condition and where it stands.
pub(crate) struct Asked<'a> {
    pub(crate) condition: &'a Condition,
    pub(crate) place: Place,
}

/// A string in which something is computed, what it refers to, and where it stands.
pub(crate) struct Written<'a> {
    pub(crate) placed: &'a Placed,
    pub(crate) uses: &'a [Use],
    /// What the check of its types found.
    pub(crate) types: &'a [TypeFinding],
    pub(crate) place: Place,
}
