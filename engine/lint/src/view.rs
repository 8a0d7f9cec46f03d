//! What rules look at: a flow with the answers that several of them need.

use std::{cell::OnceCell, collections::BTreeMap};

use base::{Diagnostic, Severity, Source};
use connector::{Catalog, Connector};
use expr::{Dialect, Notation, Placed, Use, What};
use flow::{
    ActionId, ActionKind, Flow, Mapping, Package,
    actions::variables::{Declaration, Variables},
    resolve::Upstream,
};

use crate::{
    locate::Locator,
    project::Project,
    settings::Settings,
    sources::Sources,
    types::{At, FlowTypes},
    walk::{self, Seen},
};

/// One flow of a project.
pub(crate) struct View<'a> {
    pub(crate) project: &'a Project<'a>,
    pub(crate) source: &'a Source,
    pub(crate) flow: &'a Flow,
    /// The flow with its mappings.
    pub(crate) package: &'a Package,
    pub(crate) settings: &'a Settings,
    /// Declared variables by folded name.
    variables: BTreeMap<String, &'a Declaration>,
    /// Which actions are over when.
    pub(crate) upstream: Upstream<'a>,
    locator: OnceCell<Locator>,
    types: OnceCell<FlowTypes>,
    pub(crate) sources: Sources,
    usages: OnceCell<Vec<Usage>>,
}

/// A string in which something is computed, for questions about all of them.
pub(crate) struct Usage {
    pub(crate) place: Place,
    pub(crate) uses: Vec<Use>,
    /// Whether it may refer to what it does not name, such as a variable whose name is computed.
    pub(crate) is_open: bool,
}

impl<'a> View<'a> {
    pub(crate) fn new(
        project: &'a Project<'a>,
        source: &'a Source,
        (package, flow): (&'a Package, &'a Flow),
        settings: &'a Settings,
    ) -> Self {
        let declared = flow.actions.iter().filter_map(|it| {
            if let ActionKind::Variables(Variables::Initialize(declared)) = &it.kind {
                Some(declared)
            } else {
                None
            }
        });
        let variables = declared.flatten().map(|it| (it.name.to_lowercase(), it)).collect();
        Self {
            project,
            source,
            flow,
            package,
            settings,
            variables,
            upstream: Upstream::new(flow),
            locator: OnceCell::new(),
            types: OnceCell::new(),
            sources: Sources::default(),
            usages: OnceCell::new(),
        }
    }

    /// The declaration of a variable, in any case.
    pub(crate) fn variable(&self, name: &str) -> Option<&'a Declaration> {
        self.variables.get(&name.to_lowercase()).copied()
    }

    /// The names of all variables.
    pub(crate) fn variable_names(&self) -> impl Iterator<Item = &'a str> {
        self.variables.values().map(|it| it.name.as_str())
    }

    /// The places of what the typed tree keeps no place of.
    pub(crate) fn locator(&self) -> &Locator {
        self.locator.get_or_init(|| Locator::new(self.source, self.flow.dialect))
    }

    /// What is known of the values that an expression sees there.
    pub(crate) fn types_at(&self, place: Place) -> At<'_, 'a> {
        self.types.get_or_init(|| FlowTypes::new(self)).at(self, place)
    }

    /// Where the strings of a mapping stand.
    pub(crate) fn place_in(&self, mapping: &Mapping) -> Place {
        let number = self.package.mappings.values().position(|it| std::ptr::eq(it, mapping));
        number.map_or_else(|| Place::start(Owner::Mapping).each(), Place::of_mapping)
    }

    /// The file that a place is in.
    pub(crate) fn source_at(&self, place: Place) -> &'a Source {
        let name = place.mapping.and_then(|it| self.package.mappings.keys().nth(it));
        let file = name.and_then(|name| {
            let mut beside = self.package.diagnostics.iter().skip(1).map(|(source, _)| source);
            let own = format!("{name}.mapping.yaml");
            beside.find(|it| it.name().rsplit('/').next() == Some(own.as_str()))
        });
        file.unwrap_or(self.source)
    }

    /// What every string of the flow refers to.
    pub(crate) fn usages(&self) -> &[Usage] {
        self.usages.get_or_init(|| {
            let mut all = Vec::new();
            walk::every(self.flow, &mut |seen| {
                if let Seen::String(placed, place) = seen {
                    all.push(Usage::new(placed, place));
                }
            });
            all
        })
    }

    pub(crate) fn catalog(&self) -> &'a Catalog {
        self.project.catalog
    }

    /// The connector of a connection of the flow, if both are known.
    pub(crate) fn connector(&self, connection: &str) -> Option<&'a Connector> {
        let declared = self.flow.connections.iter().find(|it| it.name == connection)?;
        self.project.catalog.find(&declared.connector).map(AsRef::as_ref)
    }

    /// Something that this installation lacks or knows otherwise. An imported flow was made for
    /// the connectors of the cloud: it loads, and fails only where it gets there.
    pub(crate) fn lacking(&self, mut found: Diagnostic) -> Diagnostic {
        if self.flow.dialect == Dialect::Wdl {
            found.severity = found.severity.min(Severity::Warning);
        }
        found
    }
}

impl Usage {
    pub(crate) fn new(placed: &Placed, place: Place) -> Self {
        let uses = walk::uses(placed, place);
        let is_open = is_open(placed, &uses);
        Self { place, uses, is_open }
    }
}

/// Functions that look up what their argument names.
const LOOKUPS: &[&str] = &[
    "actionBody",
    "actionOutputs",
    "actions",
    "body",
    "failures",
    "formDataMultiValues",
    "formDataValue",
    "items",
    "iterationIndexes",
    "multipartBody",
    "outputs",
    "parameters",
    "result",
    "variables",
];

/// A function that looks up a name which is not written down, or a path with unknown steps.
fn is_open(placed: &Placed, uses: &[Use]) -> bool {
    if placed.template.notation() == Notation::JsonPath && uses.is_empty() {
        return !["$.trigger", "$.run", "$.flow"]
            .iter()
            .any(|it| placed.template.source().starts_with(it));
    }
    let mut rest = uses.iter().peekable();
    while let Some(it) = rest.next() {
        let What::Function { name, arguments } = &it.what else { continue };
        let looks_up = LOOKUPS.iter().any(|known| known.eq_ignore_ascii_case(name));
        let is_named = rest.peek().is_some_and(|next| {
            !matches!(next.what, What::Function { .. })
                && it.range.start <= next.range.start
                && next.range.end <= it.range.end
        });
        // Without a name it is about the scope around it.
        if looks_up
            && !is_named
            && (0 < *arguments
                || ["failures", "result"].iter().any(|it| it.eq_ignore_ascii_case(name)))
        {
            return true;
        }
    }
    false
}

/// Where a string or a condition stands, which decides what it may refer to.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) owner: Owner,
    pub(crate) moment: Moment,
    /// Whether the place itself gives `item()`: the members of a list that is worked on.
    pub(crate) has_item: bool,
    /// Which of the package's mappings it is in.
    pub(crate) mapping: Option<usize>,
}

/// What a string belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    Trigger,
    Action(ActionId),
    /// What the run gives back.
    Outputs,
    /// A mapping: the source object is its document and its item.
    Mapping,
}

/// When a string is evaluated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before its owner starts.
    Start,
    /// After each pass of the loop that it ends.
    Pass,
    /// When its owner is over.
    End,
}

impl Place {
    pub(crate) const fn start(owner: Owner) -> Self {
        Self { owner, moment: Moment::Start, has_item: false, mapping: None }
    }

    /// In the mapping with that number.
    pub(crate) const fn of_mapping(number: usize) -> Self {
        Self { owner: Owner::Mapping, moment: Moment::Start, has_item: true, mapping: Some(number) }
    }

    /// The same place with another time of evaluation.
    pub(crate) const fn at(self, moment: Moment) -> Self {
        Self { moment, ..self }
    }

    /// The same place, evaluated for each member of a list.
    pub(crate) const fn each(self) -> Self {
        Self { has_item: true, ..self }
    }

    /// The action that the place belongs to.
    pub(crate) const fn action(&self) -> Option<ActionId> {
        match self.owner {
            Owner::Action(id) => Some(id),
            Owner::Trigger | Owner::Outputs | Owner::Mapping => None,
        }
    }
}
