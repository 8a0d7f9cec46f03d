//! Text from outside becomes part of a query, an address or a document as it is.

use base::{Diagnostic, Sink, code};
use expr::{Placed, check::Paths};
use flow::{ActionId, ActionKind};

use crate::{
    given::{self, Use},
    rule::{Hooks, Phase, Rule, Written},
    service::Access,
    sources::{Part, Traced},
    taint::{self, Trust},
    view::{Owner, Place, View},
};

pub(super) const RULE: Rule = Rule {
    code: code::INJECTION,
    phase: Phase::Types,
    summary: "Text from the trigger becomes part of a query, an address or a document as it is.",
    hooks: Hooks { action: Some(check), expression: Some(reread), ..Hooks::NONE },
};

/// A notation in which some characters mean something.
struct Notation {
    name: &'static str,
    /// Functions whose result means only itself there.
    escapes: &'static [&'static str],
    /// Text that a `replace` takes out of the way.
    special: &'static [&'static str],
    hint: &'static str,
    /// Whether it decides what is read or written, so that it is an error.
    is_query: bool,
}

const ODATA: Notation = Notation {
    name: "an OData filter",
    escapes: &["odataLiteral", "soqlLiteral", "encodeUriComponent", "uriComponent"],
    special: &["'"],
    hint: "write `odataLiteral(…)` in place of the quotes and what is between them",
    is_query: true,
};
const SOQL: Notation = Notation {
    name: "a SOQL query",
    escapes: &["soqlLiteral", "soqlBind", "encodeUriComponent", "uriComponent"],
    special: &["'"],
    hint: "write `@name` in the query and give the value in `parameters`, or use `soqlLiteral(…)`",
    is_query: true,
};
const SQL: Notation = Notation {
    name: "an SQL statement",
    escapes: &[],
    special: &["'"],
    hint: "give the value as a parameter of the statement",
    is_query: true,
};
const XML: Notation = Notation {
    name: "XML",
    escapes: &["encodeXmlValue", "encodeUriComponent", "uriComponent"],
    special: &["<", "&"],
    hint: "write `encodeXmlValue(…)` around it",
    is_query: false,
};
const FETCH_XML: Notation = Notation { name: "a FetchXML query", is_query: true, ..XML };
const HTML: Notation = Notation { name: "HTML", ..XML };
const JSON: Notation = Notation {
    name: "JSON that is read again",
    escapes: &["encodeUriComponent", "uriComponent"],
    special: &["\"", "\\"],
    hint: "make an object in a `compose` and put the value into it",
    is_query: false,
};
const XPATH: Notation = Notation {
    name: "an XPath",
    escapes: &["encodeXmlValue", "encodeUriComponent", "uriComponent"],
    special: &["'", "\""],
    hint: "select with a constant path and compare afterwards",
    is_query: false,
};
const ADDRESS: Notation = Notation {
    name: "an address",
    escapes: &["encodeUriComponent", "uriComponent", "urlPath"],
    special: &[],
    hint: "write `encodeUriComponent(…)` around it, or give it in `queries`",
    is_query: false,
};

fn check(view: &View<'_>, id: ActionId, sink: &mut Sink) {
    let action = view.flow.action(id);
    let access = Access::of(view, id);
    for (to, tree) in given::values(action) {
        given::placed(tree, &mut |key, placed| {
            let notation = match to {
                Use::Input | Use::Request("queries") => of_input(key, placed, access.as_ref()),
                Use::Path | Use::Request("uri") => Some(&ADDRESS),
                Use::Answer if is_html(view, id) => Some(&HTML),
                Use::Output if matches!(action.kind, ActionKind::ParseJson(_)) => Some(&JSON),
                _ => None,
            };
            if let Some(notation) = notation {
                let place = Place::start(Owner::Action(id));
                let parts = view.parts(placed, place);
                report(view, placed, &parts, notation, sink);
            }
        });
    }
}

/// What an input of an operation is read as.
fn of_input(key: &str, placed: &Placed, access: Option<&Access<'_>>) -> Option<&'static Notation> {
    let name = key.rsplit('/').next().unwrap_or(key);
    let operation = access.map_or("", |it| it.operation).to_ascii_lowercase();
    match name.to_ascii_lowercase().as_str() {
        "$filter" => Some(&ODATA),
        "fetchxml" => Some(&FETCH_XML),
        "query" | "statement" | "q" if operation.contains("soql") || operation.contains("sosl") => {
            Some(&SOQL)
        }
        "query" | "statement" | "sql"
            if operation.contains("sql") || operation.contains("nativequery") =>
        {
            Some(&SQL)
        }
        "body" | "messagebody" | "html" | "content" if is_markup(placed.template.source()) => {
            Some(&HTML)
        }
        _ => None,
    }
}

/// Whether tags are written around what is put in.
fn is_markup(text: &str) -> bool {
    text.split('<').skip(1).any(|it| {
        it.trim_start_matches('/').starts_with(|c: char| c.is_ascii_alphabetic())
            && it.contains('>')
    })
}

/// Whether an answer says that it is HTML.
fn is_html(view: &View<'_>, id: ActionId) -> bool {
    let ActionKind::Response(it) = &view.flow.action(id).kind else { return false };
    let headers = it.headers.as_ref().and_then(expr::Tree::constant);
    let headers = headers.as_ref().and_then(serde_json::Value::as_object);
    headers.into_iter().flatten().any(|(name, value)| {
        name.eq_ignore_ascii_case("content-type")
            && value.as_str().is_some_and(|it| it.to_ascii_lowercase().contains("html"))
    })
}

/// Texts that an expression puts together and reads again.
fn reread(view: &View<'_>, written: &Written<'_>, sink: &mut Sink) {
    if written.place.owner == Owner::Mapping {
        return;
    }
    let types = view.types_at(written.place);
    let calls =
        written.placed.template.calls(&["json", "xml", "xpath", "soql"], &types, Paths::Run);
    for call in calls {
        let (at, notation) = match call.function.as_str() {
            "json" => (0, &JSON),
            "xml" => (0, &XML),
            "xpath" => (1, &XPATH),
            _ => (2, &ODATA),
        };
        let Some(pieces) = call.arguments.into_iter().nth(at) else { continue };
        // A text that is nothing but the caller's is the caller's document.
        if notation.is_query || 1 < pieces.len() {
            report(view, written.placed, &view.parts_of(pieces, written.place), notation, sink);
        }
    }
}

fn report(view: &View<'_>, placed: &Placed, parts: &[Part], notation: &Notation, sink: &mut Sink) {
    for (nth, part) in parts.iter().enumerate() {
        let Part::Value(range, all) = part else { continue };
        let is_loose = |it: &&Traced| {
            taint::is_any_text(it) && !taint::passes(it, notation.escapes, notation.special)
        };
        let Some(loose) = all.iter().find(is_loose) else { continue };
        let alone = parts.len() == 1;
        // Documents that the caller sends whole, and addresses that it begins, are other matters.
        let is_document = !notation.is_query && notation.name != ADDRESS.name;
        let is_address = notation.name == ADDRESS.name && super::ssrf::is_before_host(parts, nth);
        if alone && is_document || is_address || is_made_by_service(view, notation, parts, nth) {
            continue;
        }
        let field = loose.path.last().filter(|it| *it != "body");
        let what = field.map_or_else(|| "text".to_owned(), |it| format!("`{it}`"));
        let message = format!("{what} from the trigger becomes part of {} as it is", notation.name);
        let mut found = view.lacking(Diagnostic::new(RULE.code, placed.place(range), message));
        if !notation.is_query || taint::trust(view.flow) == Trust::Known {
            found = found.warning();
        }
        // The cloud does not have this function.
        let is_wdl = view.flow.dialect == expr::Dialect::Wdl;
        let hint = if is_wdl && notation.escapes.contains(&"odataLiteral") {
            "write `replace(…, '''', '''''')` around it"
        } else {
            notation.hint
        };
        sink.push(found.hint(hint));
    }
}

/// Whether an `OData` filter has the value without quotes, where numbers and ids stand, and a service or
/// a flow of the project has sent it: those make their ids themselves.
fn is_made_by_service(view: &View<'_>, notation: &Notation, parts: &[Part], nth: usize) -> bool {
    let before = nth.checked_sub(1).and_then(|it| parts.get(it));
    let unquoted = match before {
        Some(Part::Text(text)) => text.ends_with(' ') || text.ends_with('('),
        Some(Part::Value(..)) | None => false,
    };
    notation.name == ODATA.name && unquoted && taint::trust(view.flow) == Trust::Known
}
