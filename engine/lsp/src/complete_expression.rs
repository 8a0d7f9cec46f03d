//! What may be written in expressions, paths and templates.

use base::Span;
use expr::functions::{Function, Kind, TABLE};
use lsp_types::{CompletionItem, CompletionItemKind, InsertTextFormat};
use serde_json::Value;

use crate::{
    complete::{Completion, markdown, new_item},
    file::{self, in_expressions},
    notation::{Notation, What, Writing},
    outline::Node,
    project::FileKind,
};

/// What a path begins with in actions, and what that is.
const ROOTS: &[(&str, &str)] = &[
    ("trigger", "the event that started the run: `body`, `headers`, `queries`"),
    ("actions", "what actions that are over have given"),
    ("variables", "variables of the run"),
    ("parameters", "parameters of the flow"),
    ("item", "the item of the loop around"),
    ("items", "the item of a loop around, by the loop's name"),
    ("run", "the run"),
    ("flow", "the flow"),
];
/// What a path begins with in a trigger.
const EVENT: &[(&str, &str)] = &[
    ("body", "the body of the event"),
    ("headers", "its headers"),
    ("queries", "query parameters of its address"),
    ("relativePathParameters", "parameters in the path of its address"),
    ("trigger", "the event"),
    ("parameters", "parameters of the flow"),
    ("flow", "the flow"),
];
/// What an action's record has.
const RECORD: &[&str] = &["body", "outputs", "headers", "statusCode", "status", "error", "name"];
/// Functions whose first argument is the name of an action.
const OF_ACTIONS: &[&str] = &[
    "body",
    "outputs",
    "actions",
    "actionbody",
    "actionoutputs",
    "result",
    "items",
    "iterationindexes",
    "formdatavalue",
    "formdatamultivalues",
    "multipartbody",
];

pub(crate) fn items(completion: &Completion<'_>, writing: &Writing) -> Vec<CompletionItem> {
    let context = Context { completion, writing };
    match &writing.what {
        What::Name(name) => context.functions(name),
        What::Argument(text) => context.argument(text),
        What::Member { of, name, is_quoted } => context.members(of, name, *is_quoted),
        What::Segment { above, name } => context.segments(above, name),
    }
}

struct Context<'a> {
    completion: &'a Completion<'a>,
    writing: &'a Writing,
}

impl Context<'_> {
    fn root(&self) -> &Node {
        &self.completion.cursor.root
    }

    fn action(&self) -> Option<String> {
        file::action_at(self.completion.cursor).map(|(name, _)| name)
    }

    fn in_trigger(&self) -> bool {
        let first = self.completion.cursor.path.first();
        matches!(first, Some(crate::cursor::Step::Key(key)) if key == "triggers")
    }

    fn is_mapping(&self) -> bool {
        self.completion.view.file.kind == FileKind::Mapping
    }

    /// An item in the place of what has been written of it.
    fn item(
        &self,
        label: &str,
        kind: CompletionItemKind,
        (written, text): (&str, String),
    ) -> CompletionItem {
        let mut item = new_item(label, kind);
        let end = self.completion.offset;
        let span = Span::new(end.saturating_sub(written.len()), end);
        self.completion.set_at(&mut item, span, text);
        item
    }

    fn functions(&self, written: &str) -> Vec<CompletionItem> {
        let functions = TABLE.iter().map(|function| {
            let name = function.name;
            let kind = CompletionItemKind::FUNCTION;
            let is_handlebars = self.writing.notation == Notation::Handlebars;
            let text = match (function.params.is_empty(), is_handlebars) {
                (true, false) => format!("{name}()"),
                (_, true) => name.to_owned(),
                (false, false) => format!("{name}($0)"),
            };
            let mut item = self.item(name, kind, (written, text));
            item.insert_text_format = Some(InsertTextFormat::SNIPPET);
            item.detail = Some(signature(function));
            item.documentation = Some(markdown(&about(function)));
            item
        });
        functions.collect()
    }

    /// Names in quotes, by what is called with them.
    fn argument(&self, written: &str) -> Vec<CompletionItem> {
        let Some((function, nth)) = self.writing.calls.last() else { return Vec::new() };
        if *nth != 0 {
            return Vec::new();
        }
        let function = function.to_ascii_lowercase();
        let names: Vec<(String, String)> = match function.as_str() {
            "variables" => file::variables(self.root()),
            "parameters" => self.parameters(),
            "items" | "iterationindexes" => self.loops(),
            name if OF_ACTIONS.contains(&name) => self.actions(),
            _ => return Vec::new(),
        };
        let closes = !self.completion.cursor.behind.starts_with('\'');
        names
            .into_iter()
            .map(|(name, detail)| {
                let text = name.replace('\'', "''") + if closes { "'" } else { "" };
                let mut item = self.item(&name, CompletionItemKind::REFERENCE, (written, text));
                item.detail = Some(detail);
                item
            })
            .collect()
    }

    fn parameters(&self) -> Vec<(String, String)> {
        if !self.is_mapping() {
            return file::parameters(self.root());
        }
        let declared = self.completion.view.flow().map(|it| it.parameters.as_slice());
        let declared = declared.unwrap_or_default().iter();
        declared.map(|it| (it.name.clone(), it.ty.name().to_owned())).collect()
    }

    /// Actions, those before the cursor first.
    fn actions(&self) -> Vec<(String, String)> {
        let own = self.action();
        let all = file::actions(self.root());
        let others = all.into_iter().filter(|(name, _)| Some(*name) != own.as_deref());
        others.map(|(name, node)| (in_expressions(name), kind_of(node))).collect()
    }

    fn loops(&self) -> Vec<(String, String)> {
        let all = file::actions(self.root());
        let loops = all
            .into_iter()
            .filter(|(_, it)| it.get("foreach").is_some() || it.get("until").is_some());
        loops.map(|(name, node)| (in_expressions(name), kind_of(node))).collect()
    }

    /// Fields of what an expression gives.
    fn members(&self, of: &str, written: &str, is_quoted: bool) -> Vec<CompletionItem> {
        let fields = self.fields(of);
        let behind = self.completion.cursor.behind.as_str();
        let is_index = self.completion.cursor.before.trim_end().ends_with('[');
        let closes = if behind.starts_with('\'') { "" } else { "']" };
        fields
            .into_iter()
            .map(|(name, detail)| {
                let text = match (is_quoted, is_index) {
                    (true, _) => format!("{}{closes}", name.replace('\'', "''")),
                    (false, true) => format!("'{}']", name.replace('\'', "''")),
                    (false, false) => name.clone(),
                };
                let mut item = self.item(&name, CompletionItemKind::FIELD, (written, text));
                item.detail = Some(detail);
                item
            })
            .collect()
    }

    fn fields(&self, of: &str) -> Vec<(String, String)> {
        if self.is_mapping() && of.to_ascii_lowercase().starts_with("item()") {
            return self.source_fields(&members_of(of));
        }
        let ty = self.completion.view.type_of(&format!("@{of}"), self.action().as_deref());
        fields_of(&ty)
    }

    /// Fields of the object that a mapping reads.
    fn source_fields(&self, path: &[String]) -> Vec<(String, String)> {
        let Some(from) = self.root().get("from").and_then(Node::text) else { return Vec::new() };
        let Some((connector, schema)) = from.split_once('#') else { return Vec::new() };
        let Some(connector) = self.completion.view.project.catalog.find(connector) else {
            return Vec::new();
        };
        let Some(schema) = connector.schemas.get(schema) else { return Vec::new() };
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let Some(schema) = connector.schema_at(schema, &path) else { return Vec::new() };
        let fields = schema.get("properties").and_then(Value::as_object);
        let fields = fields.into_iter().flatten().map(|(name, it)| {
            let known = connector.schema(it).unwrap_or(it);
            (name.clone(), known.get("type").map(expr::to_text).unwrap_or_default())
        });
        fields.collect()
    }

    /// What a path goes on with.
    fn segments(&self, above: &[String], written: &str) -> Vec<CompletionItem> {
        let words: Vec<&str> = above.iter().map(String::as_str).collect();
        let named = |all: &[(&str, &str)]| -> Vec<(String, String)> {
            all.iter().map(|(name, doc)| ((*name).to_owned(), (*doc).to_owned())).collect()
        };
        let names: Vec<(String, String)> = match words.as_slice() {
            _ if self.is_mapping() => self.source_fields(above),
            [] if self.in_trigger() => named(EVENT),
            [] => named(ROOTS),
            ["actions"] => self.actions(),
            ["variables"] => file::variables(self.root()),
            ["parameters"] => self.parameters(),
            ["items"] => self.loops(),
            ["actions", _] => RECORD.iter().map(|it| ((*it).to_owned(), String::new())).collect(),
            _ => {
                let path: String = above.iter().flat_map(|it| ["['", it, "']"]).collect();
                let ty =
                    self.completion.view.type_of(&format!("${path}"), self.action().as_deref());
                fields_of(&ty)
            }
        };
        let mut items: Vec<CompletionItem> =
            names.into_iter().map(|it| self.segment(&it, written)).collect();
        if above.is_empty() && self.writing.notation == Notation::Handlebars {
            items.extend(self.functions(written));
        }
        items
    }

    fn segment(&self, (name, detail): &(String, String), written: &str) -> CompletionItem {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let kind = CompletionItemKind::FIELD;
        let mut item = if name.chars().all(is_word) {
            self.item(name, kind, (written, name.clone()))
        } else if self.writing.notation == Notation::Handlebars {
            self.item(name, kind, (written, format!("[{name}]")))
        } else {
            // The dot before it goes, too, and editors look for what they replace.
            let dotted = format!(".{written}");
            let text = format!("['{}']", name.replace('\'', "\\'"));
            let mut item = self.item(name, kind, (&dotted, text));
            item.filter_text = Some(format!(".{name}"));
            item
        };
        item.detail = Some(detail.clone()).filter(|it| !it.is_empty());
        item
    }
}

/// The key that says what an action does.
fn kind_of(node: &Node) -> String {
    let shape = flow::shape::File::Flow;
    let kinds = shape.kinds_of_actions();
    let keys = node.entries().iter().map(|it| it.key.as_str());
    keys.into_iter().find(|it| kinds.contains(it)).unwrap_or_default().to_owned()
}

fn fields_of(ty: &expr::Type) -> Vec<(String, String)> {
    let names = ty.field_names();
    names
        .map(|name| {
            let of = ty.field(name).map_or_else(String::new, |it| it.ty.to_string());
            (name.to_owned(), of)
        })
        .collect()
}

/// The names in `item()?['a']?['b']`.
fn members_of(text: &str) -> Vec<String> {
    let quoted = text.split('\'').skip(1).step_by(2);
    quoted.map(str::to_owned).collect()
}

/// A function with its parameters and what it gives.
pub(crate) fn signature(function: &Function) -> String {
    let params: Vec<String> = params(function);
    format!("{}({}): {}", function.name, params.join(", "), function.returns.name())
}

/// The parameters of a function as signatures show them.
pub(crate) fn params(function: &Function) -> Vec<String> {
    let one = |it: &expr::functions::Param| {
        let mark = match it.kind {
            Kind::Required => "",
            Kind::Optional => "?",
            Kind::Rest => "…",
        };
        format!("{}{mark}: {}", it.name, it.ty.name())
    };
    function.params.iter().map(one).collect()
}

/// What a function does, with an example.
pub(crate) fn about(function: &Function) -> String {
    let example = function.examples.first();
    let example = example.map(|(call, gives)| format!("\n\n`{call}` gives `{gives}`"));
    format!("{}{}", function.summary, example.unwrap_or_default())
}
