//! From a name to where it is declared, to everywhere it is used, and to another name.

use std::collections::BTreeMap;

use base::{ActionName, Span, limits};
use expr::Notation;
use lsp_types::{Position, Range, TextEdit};
use yaml::Style;

use crate::{
    file::{File, View, in_expressions},
    names::{Form, Place, Symbol, places, same},
    project::{FileKind, MAPPING, Project},
    text::Text,
};

/// A place in a file of the project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The file, relative to the project.
    pub name: String,
    /// The place in it.
    pub range: Range,
}

/// Where what is named at a position is declared.
pub fn definition(project: &Project, file: &File, position: Position) -> Option<Target> {
    let view = View { project, file };
    let all = places(file.kind, file.text.as_str());
    // An operation is around its connection: the narrower place is meant.
    let offset = file.text.offset(position);
    let place = at(&all, offset)?;
    match place.symbol {
        Symbol::Action | Symbol::Variable | Symbol::Connection => {
            let declared = all.iter().find(|it| it.declares && it.is(place.symbol, &place.name))?;
            Some(Target { name: file.name.clone(), range: file.text.range(declared.span) })
        }
        Symbol::Parameter => in_flow(view, &all, place),
        Symbol::Mapping => {
            let folder = file.name.rsplit_once('/').map_or("", |(folder, _)| folder);
            let wanted = format!("{folder}/{}{MAPPING}", place.name);
            let wanted = wanted.trim_start_matches('/');
            let files = project.flows.iter().flat_map(|it| &it.package.diagnostics);
            let found = files.map(|(source, _)| source).find(|it| it.name() == wanted)?;
            Some(Target { name: found.name().to_owned(), range: Range::default() })
        }
        Symbol::Flow => {
            let is_it = |it: &&crate::project::FlowFile| {
                let last = it.name.rsplit('/').next().unwrap_or_default();
                [it.name.as_str(), last, it.good.name.as_str()].contains(&place.name.as_str())
            };
            let found = project.flows.iter().find(is_it)?;
            let (source, _) = found.package.diagnostics.first()?;
            Some(Target { name: source.name().to_owned(), range: Range::default() })
        }
        Symbol::Connector => in_connector(project, &place.name, None),
        Symbol::Operation => {
            let (connection, id) = place.name.split_once('.')?;
            let connector = all
                .iter()
                .skip_while(|it| !(it.declares && it.is(Symbol::Connection, connection)))
                .find(|it| it.symbol == Symbol::Connector)?;
            in_connector(project, &connector.name, Some(id))
        }
    }
}

/// The narrowest place at an offset.
fn at(all: &[Place], offset: usize) -> Option<&Place> {
    let here = all.iter().filter(|it| it.span.start <= offset && offset <= it.span.end);
    here.min_by_key(|it| it.span.end - it.span.start)
}

/// A parameter is declared in the flow, of a mapping in the one beside it.
fn in_flow(view: View<'_>, all: &[Place], place: &Place) -> Option<Target> {
    let declared = |all: &[Place]| {
        all.iter().find(|it| it.declares && it.is(Symbol::Parameter, &place.name)).map(|it| it.span)
    };
    if view.file.kind == FileKind::Flow {
        let range = view.file.text.range(declared(all)?);
        return Some(Target { name: view.file.name.clone(), range });
    }
    let flow = view.project.flows.get(view.flow_number()?)?;
    let (source, _) = flow.package.diagnostics.first()?;
    let span = declared(&places(FileKind::Flow, source.text()))?;
    let range = Text::new(source.text()).range(span);
    Some(Target { name: source.name().to_owned(), range })
}

/// The file of a connector, and the operation or trigger in it.
fn in_connector(project: &Project, name: &str, id: Option<&str>) -> Option<Target> {
    let connector = project.catalog.find(name)?;
    let sources = project.others.iter().map(|(source, _)| source);
    let mut files = sources.filter(|it| it.name().ends_with("connector.yaml"));
    let (source, root) = files.find_map(|it| {
        let head = format!("connector: {}", connector.name);
        let has_it = it.text().lines().any(|line| line.trim_end() == head);
        let root = has_it.then(|| yaml::parse(it.text()).0).flatten()?;
        Some((it, root))
    })?;
    let entry = id.and_then(|id| {
        let mut parts = ["operations", "triggers"].into_iter();
        parts.find_map(|part| root.get(part)?.as_map()?.entry(id))
    });
    let range = entry.map(|it| Text::new(source.text()).range(it.key.span));
    Some(Target { name: source.name().to_owned(), range: range.unwrap_or_default() })
}

/// Every place where what is named at a position is named.
pub fn references(project: &Project, file: &File, position: Position) -> Vec<Target> {
    let all = places(file.kind, file.text.as_str());
    let Some(place) = at(&all, file.text.offset(position)) else { return Vec::new() };
    let mut found = Vec::new();
    for (name, text, places) in related(project, file, place.symbol) {
        let same = places.iter().filter(|it| it.is(place.symbol, &place.name));
        found.extend(same.map(|it| Target { name: name.clone(), range: text.range(it.span) }));
    }
    found
}

/// The files that may name what this one names, with their places: mappings see the parameters of
/// their flow.
fn related(project: &Project, file: &File, symbol: Symbol) -> Vec<(String, Text, Vec<Place>)> {
    let own = places(file.kind, file.text.as_str());
    let mut found = vec![(file.name.clone(), file.text.clone(), own)];
    if symbol != Symbol::Parameter {
        return found;
    }
    let flow = View { project, file }.flow_number().and_then(|it| project.flows.get(it));
    for (source, _) in flow.into_iter().flat_map(|it| &it.package.diagnostics) {
        if source.name() == file.name {
            continue;
        }
        let kind =
            if source.name().ends_with(MAPPING) { FileKind::Mapping } else { FileKind::Flow };
        let places = places(kind, source.text());
        found.push((source.name().to_owned(), Text::new(source.text()), places));
    }
    found
}

/// What would be renamed at a position, and what it is called.
pub fn renamable(file: &File, position: Position) -> Option<(Range, String)> {
    let all = places(file.kind, file.text.as_str());
    let place = at(&all, file.text.offset(position))?;
    let is_ours = matches!(
        place.symbol,
        Symbol::Action | Symbol::Variable | Symbol::Parameter | Symbol::Connection
    );
    let declared = all.iter().find(|it| it.declares && it.is(place.symbol, &place.name));
    let name = declared.unwrap_or(place).name.clone();
    is_ours.then(|| (file.text.range(place.span), name))
}

/// The edits that give what is named at a position another name, by file.
///
/// # Errors
/// Says why it cannot be called so.
pub fn rename(
    project: &Project,
    file: &File,
    position: Position,
    name: &str,
) -> Result<BTreeMap<String, Vec<TextEdit>>, String> {
    let all = places(file.kind, file.text.as_str());
    let place = at(&all, file.text.offset(position)).ok_or("there is no name here")?;
    let symbol = place.symbol;
    check(symbol, name)?;
    if !same(symbol, name, &place.name) && all.iter().any(|it| it.declares && it.is(symbol, name)) {
        return Err(format!("there is a `{name}` already"));
    }
    let mut edits: BTreeMap<String, Vec<TextEdit>> = BTreeMap::new();
    for (file, text, places) in related(project, file, symbol) {
        for it in places.iter().filter(|it| it.is(symbol, &place.name)) {
            if !it.is_exact {
                let line = text.position(it.span.start).line + 1;
                let message = "a text with escapes names it: rename that by hand first";
                return Err(format!("{file}:{line}: {message}"));
            }
            let (span, new) = written(it, name);
            edits.entry(file.clone()).or_default().push(text.edit(span, new));
        }
    }
    Ok(edits)
}

fn check(symbol: Symbol, name: &str) -> Result<(), String> {
    let is_plain = match symbol {
        Symbol::Action => !ActionName::new(name).as_str().is_empty(),
        Symbol::Connection => !name.contains(['.', ' ', ':']),
        Symbol::Variable | Symbol::Parameter => true,
        Symbol::Mapping | Symbol::Flow | Symbol::Operation | Symbol::Connector => {
            return Err("this is the name of a file".to_owned());
        }
    };
    let fits = !name.trim().is_empty()
        && name.chars().count() <= limits::NAME_CHARS_MAX
        && !name.chars().any(char::is_control);
    if is_plain && fits { Ok(()) } else { Err(format!("`{name}` is no name for it")) }
}

/// A new name as that place has to write it.
fn written(place: &Place, name: &str) -> (Span, String) {
    let in_yaml = |style: Style, text: &str| match style {
        Style::SingleQuoted => text.replace('\'', "''"),
        Style::DoubleQuoted => text.replace('\\', "\\\\").replace('"', "\\\""),
        Style::Plain | Style::BlockScalar | Style::Block | Style::Flow => text.to_owned(),
    };
    let is_action = place.symbol == Symbol::Action;
    let spoken = if is_action { in_expressions(name) } else { name.to_owned() };
    match place.form {
        Form::Plain(Style::Plain) | Form::Key(Style::Plain) => {
            (place.span, plain(name, matches!(place.form, Form::Key(_))))
        }
        Form::Plain(style) | Form::Key(style) => (place.span, in_yaml(style, name)),
        Form::Quoted(style) => (place.span, in_yaml(style, &spoken.replace('\'', "''"))),
        Form::Bracketed => (place.span, spoken.replace('\'', "\\'")),
        Form::Dotted(notation) => {
            let is_word = spoken.chars().all(|c| c.is_alphanumeric() || c == '_');
            if is_word {
                return (place.span, spoken);
            }
            match notation {
                Notation::Handlebars => (place.span, format!("[{spoken}]")),
                Notation::JsonPath
                | Notation::Literal
                | Notation::Expression
                | Notation::Interpolation => {
                    // The dot goes, too.
                    let span = Span::new(place.span.start.saturating_sub(1), place.span.end);
                    (span, format!("['{}']", spoken.replace('\'', "\\'")))
                }
            }
        }
    }
}

/// A name without quotes, or with them where YAML needs them.
fn plain(name: &str, is_key: bool) -> String {
    let is_safe = name.starts_with(|c: char| c.is_alphanumeric() || c == '(' || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || " _-./()'$".contains(c))
        && !name.ends_with(' ')
        && name.parse::<f64>().is_err()
        && !["true", "false", "null"].contains(&name.to_ascii_lowercase().as_str());
    if is_safe || is_key && name == "on" {
        return name.to_owned();
    }
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}
