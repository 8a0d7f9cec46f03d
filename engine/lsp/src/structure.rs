//! The outline of a file: symbols, folding, lenses.

use lsp_types::{CodeLens, Command, DocumentSymbol, FoldingRange, Range, SymbolKind};
use serde_json::json;
use yaml::{Kind, Node};

use crate::{file::File, outline, project::FileKind, text::Text};

/// What a file has in it, as a tree.
pub fn symbols(file: &File) -> Vec<DocumentSymbol> {
    let (Some(root), _) = yaml::parse(file.text.as_str()) else { return Vec::new() };
    match file.kind {
        FileKind::Flow => {
            let text = &file.text;
            let triggers = root.get("triggers").and_then(Node::as_seq).unwrap_or_default();
            let mut all: Vec<DocumentSymbol> =
                triggers.iter().filter_map(|it| named(text, it, SymbolKind::EVENT)).collect();
            for (part, kind) in
                [("parameters", SymbolKind::CONSTANT), ("connections", SymbolKind::INTERFACE)]
            {
                all.extend(root.get(part).map(|it| entries(text, it, kind)).unwrap_or_default());
            }
            all.extend(root.get("actions").map(|it| block(text, it)).unwrap_or_default());
            all
        }
        FileKind::Mapping => part(file, &root, "fields", SymbolKind::FIELD),
        FileKind::Environment => {
            let mut all = part(file, &root, "parameters", SymbolKind::CONSTANT);
            all.extend(part(file, &root, "connections", SymbolKind::INTERFACE));
            all
        }
        FileKind::Connector => {
            let mut all = part(file, &root, "operations", SymbolKind::METHOD);
            all.extend(part(file, &root, "triggers", SymbolKind::EVENT));
            all.extend(part(file, &root, "schemas", SymbolKind::STRUCT));
            all
        }
        FileKind::Test => {
            let tests = root.get("tests").and_then(Node::as_seq).unwrap_or_default();
            tests.iter().filter_map(|it| named(&file.text, it, SymbolKind::METHOD)).collect()
        }
        FileKind::Project => entries(&file.text, &root, SymbolKind::PROPERTY),
    }
}

fn part(file: &File, root: &Node, key: &str, kind: SymbolKind) -> Vec<DocumentSymbol> {
    root.get(key).map(|it| entries(&file.text, it, kind)).unwrap_or_default()
}

fn entries(text: &Text, node: &Node, kind: SymbolKind) -> Vec<DocumentSymbol> {
    let entries = node.as_map().into_iter().flatten();
    entries
        .map(|it| {
            let whole = text.range(it.key.span.to(it.value.span));
            symbol(&it.key.text, kind, whole, text.range(it.key.span))
        })
        .collect()
}

fn symbol(name: &str, kind: SymbolKind, range: Range, own: Range) -> DocumentSymbol {
    #[allow(deprecated, reason = "the field has no default")]
    DocumentSymbol {
        name: if name.is_empty() { "…".to_owned() } else { name.to_owned() },
        detail: None,
        kind,
        tags: None,
        deprecated: None,
        range,
        selection_range: own,
        children: None,
    }
}

fn named(text: &Text, node: &Node, kind: SymbolKind) -> Option<DocumentSymbol> {
    let name = node.get("name")?;
    Some(symbol(name.as_str()?, kind, text.range(node.span), text.range(name.span)))
}

fn block(text: &Text, node: &Node) -> Vec<DocumentSymbol> {
    let mut all = Vec::new();
    for item in node.as_seq().unwrap_or_default() {
        if let Some(branches) = item.get("parallel").and_then(Node::as_seq) {
            all.extend(branches.iter().flat_map(|it| block(text, it)));
            continue;
        }
        let holds = ["scope", "if", "switch", "foreach", "until"];
        let kind = if holds.iter().any(|it| item.get(it).is_some()) {
            SymbolKind::NAMESPACE
        } else {
            SymbolKind::FUNCTION
        };
        let Some(mut symbol) = named(text, item, kind) else { continue };
        let kinds = flow::shape::File::Flow.kinds_of_actions();
        symbol.detail = kinds.into_iter().find(|it| item.get(it).is_some()).map(str::to_owned);
        let own = ["scope", "then", "else", "actions", "default"].into_iter();
        let mut inside: Vec<DocumentSymbol> =
            own.filter_map(|it| item.get(it)).flat_map(|it| block(text, it)).collect();
        let cases = item.get("cases").and_then(Node::as_seq).unwrap_or_default();
        let cases = cases.iter().filter_map(|it| it.get("actions"));
        inside.extend(cases.flat_map(|it| block(text, it)));
        symbol.children = Some(inside).filter(|it| !it.is_empty());
        all.push(symbol);
    }
    all
}

/// What can be folded: every object and list of several lines.
pub fn folding(file: &File) -> Vec<FoldingRange> {
    let mut found = Vec::new();
    if let (Some(root), _) = yaml::parse(file.text.as_str()) {
        fold(&file.text, &root, &mut found);
    }
    found
}

fn fold(text: &Text, node: &Node, found: &mut Vec<FoldingRange>) {
    let mut add = |start: usize, end: usize| {
        let (first, last) = (text.position(start).line, text.position(end).line);
        if first < last {
            found.push(FoldingRange {
                start_line: first,
                end_line: last,
                ..FoldingRange::default()
            });
        }
    };
    match &node.kind {
        Kind::Seq(items) => {
            for it in items {
                add(it.span.start, it.span.end);
            }
            for it in items {
                fold(text, it, found);
            }
        }
        Kind::Map(map) => {
            for it in map {
                add(it.key.span.start, it.value.span.end);
            }
            for it in map {
                fold(text, &it.value, found);
            }
        }
        Kind::Null | Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) | Kind::Str(_) => {}
    }
}

/// What can be done with a file: a flow can be run and tested, an action can be run up to.
pub fn lenses(file: &File, path: &str) -> Vec<CodeLens> {
    if file.kind != FileKind::Flow {
        return Vec::new();
    }
    let root = outline::read(file.text.as_str());
    let Some(first) = root.entries().first() else { return Vec::new() };
    let head = file.text.range(first.key_span);
    let lens =
        |range: Range, title: &str, command: &str, arguments: Vec<serde_json::Value>| CodeLens {
            range,
            command: Some(Command::new(title.to_owned(), command.to_owned(), Some(arguments))),
            data: None,
        };
    let mut all = vec![
        lens(head, "Run", "flowright.run", vec![json!(path)]),
        lens(head, "Test", "flowright.test", vec![json!(path)]),
    ];
    let actions = root.get("actions").map(outline::Node::items).unwrap_or_default();
    for it in actions {
        if let Some(name) = it.get("name").and_then(outline::Node::text) {
            let range = file.text.range(it.span);
            let range = Range::new(range.start, range.start);
            all.push(lens(
                range,
                "Run up to here",
                "flowright.runUntil",
                vec![json!(path), json!(name)],
            ));
        }
    }
    all
}
