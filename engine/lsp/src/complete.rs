//! What may stand where the cursor is: keys, values and names.

use base::Span;
use lsp_types::{
    CompletionItem, CompletionItemKind, CompletionTextEdit, Documentation, InsertTextFormat,
    MarkupContent, MarkupKind, Position,
};
use serde_json::Value;

use crate::{
    complete_expression,
    cursor::{At, Cursor, Step, locate},
    file::{self, File, View},
    notation,
    outline::Node,
    project::{FileKind, Project},
    schema::applies,
};

/// What may stand at a position of a file.
pub fn complete(project: &Project, file: &File, position: Position) -> Vec<CompletionItem> {
    let view = View { project, file };
    let offset = file.text.offset(position);
    let Some(cursor) = locate(file.text.as_str(), offset) else { return Vec::new() };
    let completion = Completion { view, cursor: &cursor, offset };
    let mut items = completion.all();
    items.dedup_by(|a, b| a.label == b.label);
    items
}

/// A completion in the making.
pub(crate) struct Completion<'a> {
    pub(crate) view: View<'a>,
    pub(crate) cursor: &'a Cursor,
    pub(crate) offset: usize,
}

impl Completion<'_> {
    fn all(&self) -> Vec<CompletionItem> {
        let schema = self.view.schema(&self.cursor.root);
        let file = self.cursor.root.to_json();
        let here = applies::at(&schema, &file, &self.cursor.path);
        match &self.cursor.at {
            At::Key { or_value, has_colon } => {
                let is_computed = self.view.file.kind == FileKind::Flow && *or_value;
                let writing = notation::writing(&self.cursor.before).filter(|_| is_computed);
                if let Some(writing) = writing {
                    return complete_expression::items(self, &writing);
                }
                let mut items = self.keys(&here, &schema, *has_colon);
                if *or_value {
                    items.extend(self.values(&here));
                    items.extend(self.first_item(&here));
                }
                items
            }
            At::Value { quote } => {
                if matches!(self.view.file.kind, FileKind::Flow | FileKind::Mapping)
                    && let Some(writing) = notation::writing(&self.cursor.before)
                {
                    return complete_expression::items(self, &writing);
                }
                let mut items = self.values(&here);
                items.extend(self.names());
                if quote.is_none() {
                    items.extend(self.notations());
                }
                items
            }
        }
    }

    /// Keys that the object may have and has not.
    fn keys(&self, here: &[&Value], root: &Value, has_colon: bool) -> Vec<CompletionItem> {
        let node = self.cursor.node(&self.cursor.path);
        let has = |key: &str| node.is_some_and(|it| it.get(key).is_some());
        let mut items: Vec<CompletionItem> = Vec::new();
        for (nth, (name, schema)) in properties(here).into_iter().enumerate() {
            if has(name) || items.iter().any(|it| it.label == *name) {
                continue;
            }
            let required = here.iter().any(|it| lists(it.get("required"), name));
            let mut item = new_item(name, CompletionItemKind::PROPERTY);
            item.documentation = documentation(root, schema);
            item.sort_text = Some(format!("{}{nth:04}", u8::from(!required)));
            let text = if has_colon { name.clone() } else { format!("{name}: ") };
            self.set(&mut item, text);
            items.push(item);
        }
        let is_new = node.is_none_or(|it| it.entries().len() <= 1);
        if is_new && matches!(self.cursor.path.last(), Some(Step::Item(_))) && offers_actions(here)
        {
            let mut item = new_item("parallel", CompletionItemKind::PROPERTY);
            item.documentation = Some(markdown("Branches that start together."));
            self.set(&mut item, "parallel: ".to_owned());
            items.push(item);
        }
        if self.cursor.key() == Some("runAfter") && self.view.file.kind == FileKind::Flow {
            items.extend(self.siblings(has_colon));
        }
        items
    }

    /// The actions of the same block, for `runAfter`.
    fn siblings(&self, has_colon: bool) -> Vec<CompletionItem> {
        let Some((own, path)) = file::action_at(self.cursor) else { return Vec::new() };
        let block = path.len().checked_sub(1).and_then(|it| path.get(..it));
        let Some(block) = block.and_then(|it| self.cursor.node(it)) else { return Vec::new() };
        let names = block.items().iter().filter_map(|it| it.get("name")?.text());
        let names = names.filter(|it| *it != own);
        names
            .map(|name| {
                let mut item = new_item(name, CompletionItemKind::REFERENCE);
                let key = yaml_key(name);
                let text = if has_colon { key } else { format!("{key}: [Succeeded]") };
                self.set(&mut item, text);
                item
            })
            .collect()
    }

    /// Values that a schema knows.
    fn values(&self, here: &[&Value]) -> Vec<CompletionItem> {
        let mut items: Vec<CompletionItem> = Vec::new();
        let mut push = |value: &Value, doc: Option<&Value>, kind| {
            let label = match value {
                Value::String(text) => text.clone(),
                Value::Null => return,
                other => other.to_string(),
            };
            if items.iter().any(|it| it.label == label) {
                return;
            }
            let mut item = new_item(&label, kind);
            item.documentation = doc.and_then(Value::as_str).map(markdown);
            item.sort_text = Some(format!("{:04}", items.len()));
            let is_text = value.is_string();
            let quoted = matches!(self.cursor.at, At::Value { quote: Some(_) });
            let text = if is_text && !quoted { yaml_value(&label) } else { label };
            self.set(&mut item, text);
            items.push(item);
        };
        for schema in here {
            let doc = schema.get("description");
            for value in schema.get("enum").and_then(Value::as_array).into_iter().flatten() {
                push(value, None, CompletionItemKind::ENUM_MEMBER);
            }
            if let Some(value) = schema.get("const") {
                push(value, doc, CompletionItemKind::VALUE);
            }
            for value in schema.get("examples").and_then(Value::as_array).into_iter().flatten() {
                push(value, None, CompletionItemKind::VALUE);
            }
            if let Some(value) = schema.get("default") {
                push(value, None, CompletionItemKind::VALUE);
            }
            if is_type(schema, "boolean") && !is_type(schema, "object") {
                push(&true.into(), None, CompletionItemKind::VALUE);
                push(&false.into(), None, CompletionItemKind::VALUE);
            }
        }
        items
    }

    /// The dash before the first item of a list.
    fn first_item(&self, here: &[&Value]) -> Option<CompletionItem> {
        let is_list = here.iter().any(|it| is_type(it, "array"));
        let is_block =
            here.iter().any(|it| it.get("items").is_some_and(|it| it.get("else").is_some()));
        if !is_list {
            return None;
        }
        let mut item = new_item("- ", CompletionItemKind::SNIPPET);
        item.detail = Some("an item of the list".to_owned());
        self.set(&mut item, if is_block { "- name: $0".to_owned() } else { "- $0".to_owned() });
        item.insert_text_format = Some(InsertTextFormat::SNIPPET);
        Some(item)
    }

    /// Names that only the file itself knows.
    fn names(&self) -> Vec<CompletionItem> {
        let root = &self.cursor.root;
        let mut keys = self.cursor.path.iter().rev().filter_map(|it| match it {
            Step::Key(key) => Some(key.as_str()),
            Step::Item(_) => None,
        });
        let (key, above) = (keys.next().unwrap_or_default(), keys.next().unwrap_or_default());
        let of_root = |key: &str| -> Vec<String> {
            let entries = root.get(key).map(Node::entries).unwrap_or_default();
            entries.iter().map(|it| it.key.clone()).collect()
        };
        let names: Vec<String> = match (key, above) {
            ("name", "set" | "increment" | "decrement" | "append") => {
                file::variables(root).into_iter().map(|(name, _)| name).collect()
            }
            ("connection", _) => of_root("connections"),
            ("staticResult", _) => of_root("staticResults"),
            ("trigger", "verify") => self.triggers_beside(),
            _ => Vec::new(),
        };
        names
            .into_iter()
            .map(|name| {
                let mut item = new_item(&name, CompletionItemKind::REFERENCE);
                self.set(&mut item, yaml_value(&name));
                item
            })
            .collect()
    }

    /// The triggers of the connector that is named beside.
    fn triggers_beside(&self) -> Vec<String> {
        let above = self.cursor.path.len().checked_sub(1).and_then(|it| self.cursor.path.get(..it));
        let connector = above.and_then(|it| self.cursor.node(it)?.get("connector")?.text());
        let connector = connector.and_then(|it| self.view.project.catalog.find(it));
        connector.map(|it| it.triggers.keys().cloned().collect()).unwrap_or_default()
    }

    /// How a value begins that is computed.
    fn notations(&self) -> Vec<CompletionItem> {
        if self.view.file.kind != FileKind::Flow && self.view.file.kind != FileKind::Mapping
            || !self.cursor.before.is_empty()
        {
            return Vec::new();
        }
        let ways = [
            ("@…", "\"@$0\"", "an expression: its value"),
            ("$.…", "\\$.$0", "a path: a value of the run"),
            ("{{…}}", "\"{{$0}}\"", "a text with values in it"),
        ];
        ways.into_iter()
            .map(|(label, text, detail)| {
                let mut item = new_item(label, CompletionItemKind::SNIPPET);
                item.detail = Some(detail.to_owned());
                item.insert_text_format = Some(InsertTextFormat::SNIPPET);
                item.sort_text = Some(format!("zz{label}"));
                self.set(&mut item, text.to_owned());
                item
            })
            .collect()
    }

    /// What is inserted in the place of what is being written.
    pub(crate) fn set(&self, item: &mut CompletionItem, text: String) {
        let start = self.offset.saturating_sub(self.cursor.before.len());
        let end = self.offset + self.cursor.behind.len();
        self.set_at(item, Span::new(start, end), text);
    }

    /// What is inserted in the place of some bytes.
    pub(crate) fn set_at(&self, item: &mut CompletionItem, span: Span, text: String) {
        let edit = self.view.file.text.edit(span, text);
        item.text_edit = Some(CompletionTextEdit::Edit(edit));
    }
}

/// Whether an item of a block is written, which may be branches as well.
fn offers_actions(here: &[&Value]) -> bool {
    properties(here).iter().any(|(name, _)| *name == "runAfter")
}

pub(crate) fn new_item(label: &str, kind: CompletionItemKind) -> CompletionItem {
    CompletionItem { label: label.to_owned(), kind: Some(kind), ..CompletionItem::default() }
}

/// Keys of objects, with their schemas, in the order in which they are listed.
fn properties<'s>(here: &[&'s Value]) -> Vec<(&'s String, &'s Value)> {
    let all = here.iter().filter_map(|it| it.get("properties").and_then(Value::as_object));
    all.flatten().collect()
}

fn lists(names: Option<&Value>, name: &str) -> bool {
    names.and_then(Value::as_array).is_some_and(|it| it.iter().any(|it| it == name))
}

pub(crate) fn is_type(schema: &Value, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(it)) => it == name,
        Some(Value::Array(names)) => names.iter().any(|it| it == name),
        _ => false,
    }
}

/// What a schema says for people, also where it only refers to another one.
pub(crate) fn description<'s>(root: &'s Value, schema: &'s Value) -> Option<&'s str> {
    let own = schema.get("description").and_then(Value::as_str);
    own.or_else(|| {
        let target = schema.get("$ref")?.as_str()?.strip_prefix('#')?;
        root.pointer(target)?.get("description")?.as_str()
    })
}

fn documentation(root: &Value, schema: &Value) -> Option<Documentation> {
    description(root, schema).map(markdown)
}

pub(crate) fn markdown(text: &str) -> Documentation {
    let value = text.to_owned();
    Documentation::MarkupContent(MarkupContent { kind: MarkupKind::Markdown, value })
}

/// A name as a key of YAML, also in brackets.
fn yaml_key(name: &str) -> String {
    let is_plain = name.chars().all(|c| c.is_alphanumeric() || " _-./()'$".contains(c))
        && name.starts_with(|c: char| c.is_alphanumeric() || c == '(' || c == '_');
    if is_plain {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// A text as a value of YAML.
fn yaml_value(text: &str) -> String {
    let written = yaml::emit(&yaml::Draft::Block(vec![("x".to_owned(), text.into())]));
    let value = written.trim_end().strip_prefix("x: ").unwrap_or(text);
    if value.contains('\n') { text.to_owned() } else { value.to_owned() }
}
