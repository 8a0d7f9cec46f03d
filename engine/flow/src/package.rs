//! A flow folder as a whole: the flow and the mappings beside it.

use std::collections::BTreeMap;

use base::{Diagnostic, Sink, Source, Span, code, suggest};

use crate::{
    actions::ActionKind,
    import::{self, Beside},
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

    /// Takes in another text of the flow file; the mappings are not read again.
    pub fn set_flow(&mut self, file: &Source) {
        let of_mappings = self.diagnostics.split_off(self.diagnostics.len().min(1));
        *self = together(file, std::mem::take(&mut self.mappings), of_mappings);
    }

    /// Takes in another text of the mapping of that name, or one more mapping. The flow is read again only
    /// if it may have missed that one.
    pub fn set_mapping(&mut self, name: &str, file: &Source) {
        let (mapping, found) = mapping::read(file);
        let is_known = self.mappings.insert(name.to_owned(), mapping).is_some();
        match self.diagnostics.iter_mut().skip(1).find(|(it, _)| it.name() == file.name()) {
            Some(place) => *place = (file.clone(), found),
            None => self.diagnostics.push((file.clone(), found)),
        }
        let own = self.diagnostics.first().map(|(own, _)| own.clone()).filter(|_| !is_known);
        if let Some(own) = own {
            self.set_flow(&own);
        }
    }
}

/// A flow in a file of the cloud's, which may hold several.
#[derive(Clone, Debug)]
pub struct Definition {
    /// The id that calls of child flows name it by, where its file's name has it.
    pub id: Option<String>,
    /// The flow.
    pub package: Package,
}

/// The definitions of a file of the cloud's in its order; none if it is something else.
///
/// # Errors
/// What is wrong with a file that is not JSON.
pub fn definitions(
    file: &Source,
    beside: &[(String, Source)],
) -> Result<Vec<Definition>, Vec<Diagnostic>> {
    let beside = Beside::read(beside);
    let mut found = Vec::new();
    import::each(file, &beside, &mut |it| {
        let mut diagnostics = vec![(file.clone(), it.diagnostics)];
        diagnostics.extend(beside.diagnostics.iter().cloned());
        let package = Package { flow: it.flow, mappings: BTreeMap::new(), diagnostics };
        found.push(Definition { id: import::id_of_file(file.name()), package });
    })?;
    Ok(found)
}

/// Whether a file is one of the cloud's, by its name or, if that does not tell, by how it begins.
pub fn is_definition(name: &str, text: &str) -> bool {
    let ending = name.rsplit('/').next().and_then(|it| it.rsplit_once('.')).map(|(_, it)| it);
    let is = |wanted: &str| ending.is_some_and(|it| it.eq_ignore_ascii_case(wanted));
    is("json") || (!is("yaml") && !is("yml") && begins_as_json(text))
}

fn begins_as_json(text: &str) -> bool {
    let text = text.trim_start_matches(|it: char| it == '\u{feff}' || it.is_whitespace());
    ["{", "//", "/*"].iter().any(|it| text.starts_with(it))
}

/// What stands between a file's name and that of the definition in it that is meant.
pub const WHICH: char = '#';

/// Reads a package. Beside a flow are its mappings by name, beside a definition of the cloud's the
/// files that belong to it by theirs. Of several definitions the one is read whose name stands
/// behind the file's and [`WHICH`], else the first.
pub fn read(flow: &Source, beside: &[(String, Source)]) -> Package {
    let (name, which) = match flow.name().rsplit_once(WHICH) {
        Some((name, which)) => (name, Some(which)),
        None => (flow.name(), None),
    };
    if is_definition(name, flow.text()) {
        let file = if which.is_some() { Source::new(name, flow.text()) } else { flow.clone() };
        return read_definition(&file, which, beside);
    }
    let mut known = BTreeMap::new();
    let mut of_mappings = Vec::new();
    for (name, source) in beside {
        let (mapping, found) = mapping::read(source);
        known.insert(name.clone(), mapping);
        of_mappings.push((source.clone(), found));
    }
    together(flow, known, of_mappings)
}

/// A flow beside mappings that have been read.
fn together(
    file: &Source,
    mappings: BTreeMap<String, Mapping>,
    of_mappings: Vec<(Source, Vec<Diagnostic>)>,
) -> Package {
    let (flow, found) = parse::read(file);
    let mut sink = Sink::new();
    for it in found {
        sink.push(it);
    }
    check_uses(&flow, &mappings, &mut sink);
    let mut diagnostics = vec![(file.clone(), sink.into_sorted())];
    diagnostics.extend(of_mappings);
    Package { flow, mappings, diagnostics }
}

fn read_definition(file: &Source, which: Option<&str>, beside: &[(String, Source)]) -> Package {
    let mut found = definitions(file, beside).unwrap_or_default();
    let at = found.iter().position(|it| which.is_none_or(|name| it.package.flow.name == name));
    if let Some(at) = at {
        return found.swap_remove(at).package;
    }
    let (flow, diagnostics) = import::read(file);
    Package { flow, mappings: BTreeMap::new(), diagnostics: vec![(file.clone(), diagnostics)] }
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
