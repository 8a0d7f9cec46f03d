//! A flow folder as a whole: the flow and the mappings beside it.

use std::collections::BTreeMap;

use base::{Diagnostic, Sink, Source, Span, code, suggest};

use crate::{
    actions::ActionKind,
    import,
    mapping::{self, Mapping},
    model::Flow,
    parse,
};

/// A flow with what it needs.
#[derive(Clone, Debug)]
pub struct Package {
    /// The flow.
    pub flow: Flow,
    /// Its mappings by name: the file's name without `.mapping.yaml`.
    pub mappings: BTreeMap<String, Mapping>,
    /// What was found, file by file: the flow first, then the mappings as they were given.
    pub diagnostics: Vec<(Source, Vec<Diagnostic>)>,
}

impl Package {
    /// Whether any file has a fault that keeps the flow from running.
    pub fn has_errors(&self) -> bool {
        let mut found = self.diagnostics.iter().flat_map(|(_, found)| found);
        found.any(|it| it.severity == base::Severity::Error)
    }
}

/// Reads a package. A flow whose file is called `*.json` is read as a definition of the cloud's.
pub fn read(flow: &Source, mappings: &[(String, Source)]) -> Package {
    let is_json = flow.name().rsplit('.').next().is_some_and(|it| it.eq_ignore_ascii_case("json"));
    let (tree, found) = if is_json { import::read(flow) } else { parse::read(flow) };
    let mut known = BTreeMap::new();
    let mut of_mappings = Vec::new();
    for (name, source) in mappings {
        let (mapping, found) = mapping::read(source);
        known.insert(name.clone(), mapping);
        of_mappings.push((source.clone(), found));
    }
    let mut sink = Sink::new();
    for it in found {
        sink.push(it);
    }
    check_uses(&tree, &known, &mut sink);
    let mut diagnostics = vec![(flow.clone(), sink.into_sorted())];
    diagnostics.extend(of_mappings);
    Package { flow: tree, mappings: known, diagnostics }
}

/// Every mapping that the flow names must be there.
fn check_uses(flow: &Flow, known: &BTreeMap<String, Mapping>, sink: &mut Sink) {
    for action in &flow.actions {
        let used: Option<(&str, Span)> = match &action.kind {
            ActionKind::Map(it) => Some((&it.mapping, it.mapping_span)),
            ActionKind::Compare(it) => it.using.as_ref().map(|(name, span)| (&**name, *span)),
            _ => None,
        };
        let Some((name, span)) = used.filter(|(name, _)| !known.contains_key(*name)) else {
            continue;
        };
        let message = format!("there is no mapping `{name}` beside this flow");
        let found = Diagnostic::new(code::MAPPING_UNKNOWN_FIELD, span, message);
        sink.push(match suggest::closest(name, known.keys().map(String::as_str)) {
            Some(near) => found.hint(format!("did you mean `{near}`?")),
            None => found.hint(format!("add the file `{name}.mapping.yaml`")),
        });
    }
}
