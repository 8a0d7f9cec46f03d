//! What editors show of what is under the cursor, and of the call around it.

use expr::functions;
use lsp_types::{
    Hover, HoverContents, MarkupContent, MarkupKind, ParameterInformation, ParameterLabel,
    Position, SignatureHelp, SignatureInformation,
};
use serde_json::Value;

use crate::{
    complete::{description, markdown},
    complete_expression::{about, params, signature},
    cursor::{At, Cursor, Step, locate},
    file::{self, File, View, in_expressions},
    notation::{self, What},
    project::{FileKind, Project},
    schema::applies,
};

/// What there is to say about a position of a file.
pub fn hover(project: &Project, file: &File, position: Position) -> Option<Hover> {
    let view = View { project, file };
    let offset = file.text.offset(position);
    let cursor = locate(file.text.as_str(), offset)?;
    let text = match &cursor.at {
        At::Key { .. } => of_key(view, &cursor),
        At::Value { .. } => of_expression(view, &cursor).or_else(|| of_value(view, &cursor)),
    }?;
    let contents = MarkupContent { kind: MarkupKind::Markdown, value: text };
    Some(Hover { contents: HoverContents::Markup(contents), range: None })
}

/// What a key is for.
fn of_key(view: View<'_>, cursor: &Cursor) -> Option<String> {
    let key = format!("{}{}", cursor.before, cursor.behind);
    let mut path = cursor.path.clone();
    path.push(Step::Key(key.clone()));
    if cursor.key() == Some("runAfter") {
        return of_action(view, cursor, &key);
    }
    explain(view, cursor, &path, &key)
}

/// What a value is for, and what this one means.
fn of_value(view: View<'_>, cursor: &Cursor) -> Option<String> {
    let value = format!("{}{}", cursor.before, cursor.behind);
    explain(view, cursor, &cursor.path, &value)
}

fn explain(view: View<'_>, cursor: &Cursor, path: &[Step], written: &str) -> Option<String> {
    let schema = view.schema(&cursor.root);
    // The mark of the cursor is in the key or the value; it counts as what it will be.
    let root = crate::outline::read(view.file.text.as_str());
    let here = applies::at(&schema, &root.to_json(), path);
    let mut told: Vec<String> = Vec::new();
    for it in &here {
        let is_choice = it.get("const").is_some_and(|it| it != written);
        let text = description(&schema, it).filter(|_| !is_choice);
        if let Some(text) = text.filter(|text| !told.iter().any(|it| it == text)) {
            told.push(text.to_owned());
        }
    }
    let words: Vec<String> = here
        .iter()
        .filter_map(|it| it.get("enum").and_then(Value::as_array))
        .flatten()
        .filter(|it| !it.is_null())
        .map(|it| format!("`{}`", expr::to_text(it)))
        .collect();
    if !words.is_empty() && words.len() <= WORDS_MAX {
        told.push(format!("One of {}", words.join(", ")));
    }
    if let Some(default) = here.iter().find_map(|it| it.get("default")) {
        told.push(format!("Without it: `{}`", expr::to_text(default)));
    }
    (!told.is_empty()).then(|| told.join("\n\n"))
}

/// Words that are listed of a choice.
const WORDS_MAX: usize = 20;

/// What a part of an expression is.
fn of_expression(view: View<'_>, cursor: &Cursor) -> Option<String> {
    if !matches!(view.file.kind, FileKind::Flow | FileKind::Mapping) {
        return None;
    }
    let is_word = |c: &char| c.is_alphanumeric() || *c == '_';
    let writing = notation::writing(&cursor.before)?;
    let rest: String = cursor.behind.chars().take_while(is_word).collect();
    let quoted: String = cursor.behind.chars().take_while(|it| *it != '\'').collect();
    let action = file::action_at(cursor).map(|(name, _)| name);
    match writing.what {
        What::Name(name) => {
            let function = functions::find(&format!("{name}{rest}"))?;
            Some(format!("```\n{}\n```\n{}", signature(function), about(function)))
        }
        What::Argument(text) => {
            let name = format!("{text}{quoted}");
            let (function, nth) = writing.calls.last()?;
            if *nth != 0 {
                return None;
            }
            match function.to_ascii_lowercase().as_str() {
                "variables" | "parameters" | "items" => {
                    let ty = view.type_of(&format!("@{function}('{name}')"), action.as_deref());
                    Some(format!("`{name}`: `{ty}`"))
                }
                _ => of_action(view, cursor, &name),
            }
        }
        What::Member { of, name, is_quoted } => {
            let name = name + if is_quoted { &quoted } else { &rest };
            let ty = view.type_of(&format!("@{of}?['{name}']"), action.as_deref());
            Some(format!("`{name}`: `{ty}`"))
        }
        What::Segment { above, name } => {
            let name = name + &rest;
            if let ["actions"] = above.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                return of_action(view, cursor, &name);
            }
            if above.is_empty()
                && let Some(function) = functions::find(&name)
                && writing.notation == notation::Notation::Handlebars
            {
                return Some(format!("```\n{}\n```\n{}", signature(function), about(function)));
            }
            let path: String =
                above.iter().chain([&name]).flat_map(|it| ["['", it, "']"]).collect();
            let ty = view.type_of(&format!("${path}"), action.as_deref());
            Some(format!("`{name}`: `{ty}`"))
        }
    }
}

/// What an action does and gives.
fn of_action(view: View<'_>, cursor: &Cursor, name: &str) -> Option<String> {
    let wanted = base::ActionName::new(name);
    let all = file::actions(&cursor.root);
    let (display, node) = all.into_iter().find(|(it, _)| base::ActionName::new(it) == wanted)?;
    let mut told = vec![format!("**{display}**")];
    if let Some(text) = node.get("description").and_then(|it| it.text()) {
        told.push(text.to_owned());
    }
    let ty = view.outputs_of(&in_expressions(display));
    if !ty.is_unknown() {
        told.push(format!("gives `{ty}`"));
    }
    Some(told.join("\n\n"))
}

/// The call around the cursor.
pub fn signature_help(project: &Project, file: &File, position: Position) -> Option<SignatureHelp> {
    let view = View { project, file };
    if !matches!(view.file.kind, FileKind::Flow | FileKind::Mapping) {
        return None;
    }
    let cursor = locate(file.text.as_str(), file.text.offset(position))?;
    let writing = notation::writing(&cursor.before)?;
    let (name, nth) = writing.calls.last()?;
    let function = functions::find(name)?;
    let last = function.params.len().saturating_sub(1);
    let active = u32::try_from((*nth).min(last)).ok();
    let parameters = params(function)
        .into_iter()
        .map(|it| ParameterInformation { label: ParameterLabel::Simple(it), documentation: None });
    let information = SignatureInformation {
        label: signature(function),
        documentation: Some(markdown(&about(function))),
        parameters: Some(parameters.collect()),
        active_parameter: active,
    };
    Some(SignatureHelp {
        signatures: vec![information],
        active_signature: Some(0),
        active_parameter: active,
    })
}
