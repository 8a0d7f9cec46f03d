//! Edits of flow files that rules offer: an action taken out, a key added, a condition turned around. What
//! stands beside it stays as it is.

use base::Span;
use expr::{Dialect, What};
use flow::{Action, ActionId};
use yaml::{Entry, Kind, Node, Style};

use crate::view::View;

/// The lines of an action, if nothing is missed when it is gone.
pub(crate) fn whole_action(view: &View<'_>, id: ActionId) -> Option<Span> {
    let action = view.flow.action(id);
    if view.flow.dialect != Dialect::Flowright || is_named(view, action) {
        return None;
    }
    let (items, at) = item_of(view.locator().root()?, action.name_span)?;
    if items.len() < 2 || names_in_run_after(view, id) {
        return None;
    }
    lines(view.source.text(), items.get(at)?.span, Some("- "))
}

/// Whether any string refers to an action.
fn is_named(view: &View<'_>, action: &Action) -> bool {
    let folded = action.name.folded();
    let refers = |name: &str| base::ActionName::new(name).folded() == folded;
    view.usages().iter().flat_map(|it| &it.uses).any(|it| match &it.what {
        What::Action { name, .. }
        | What::Result { name }
        | What::Items { name }
        | What::IterationIndexes { name } => refers(name),
        What::Function { .. }
        | What::Variable { .. }
        | What::Parameter { .. }
        | What::Item
        | What::Root { .. } => false,
    })
}

/// Whether an action says itself that it runs after this one.
fn names_in_run_after(view: &View<'_>, id: ActionId) -> bool {
    let after = |it: &&Action| it.run_after.iter().any(|it| it.predecessor == id);
    let mut all = view.flow.actions.iter().filter(after);
    all.any(|it| view.locator().entry(it.name_span, &["runAfter"]).is_some())
}

/// The lines of an entry, if nothing else stands on them.
pub(crate) fn whole_entry(view: &View<'_>, key: Span, value: Span) -> Option<Span> {
    lines(view.source.text(), key.to(value), None)
}

/// A key that is added to the object whose name stands there: behind the name.
pub(crate) fn with_key(view: &View<'_>, name: Span, text: &str) -> Option<(Span, String)> {
    if view.flow.dialect != Dialect::Flowright {
        return None;
    }
    let object = view.locator().object(name)?;
    if object.style == Style::Flow {
        return Some((Span::new(name.end, name.end), format!(", {text}")));
    }
    let source = view.source.text();
    let before = source.get(..name.start)?;
    let line = before.rfind('\n').map_or(0, |it| it + 1);
    // The first key of an item stands behind its dash.
    let entry = object.as_map()?.entry("name")?;
    let column = entry.key.span.start.checked_sub(line)?;
    let end = source.get(name.end..)?.find('\n').map_or(source.len(), |it| name.end + it);
    Some((Span::new(end, end), format!("\n{}{text}", " ".repeat(column))))
}

/// A condition of which only `else` does something, turned around: the bytes and what stands there then.
pub(crate) fn turned_around(view: &View<'_>, action: &Action) -> Option<(Span, String)> {
    let object = view.locator().object(action.name_span)?;
    if view.flow.dialect != Dialect::Flowright || object.style != Style::Block {
        return None;
    }
    let map = object.as_map()?;
    let (asked, otherwise) = (map.entry("if")?, map.entry("else")?);
    let text = view.source.text();
    let mut edits =
        vec![(asked.value.span, not(text, asked)?), (otherwise.key.span, "then".to_owned())];
    if let Some(then) = map.entry("then") {
        edits.push((whole_entry(view, then.key.span, then.value.span)?, String::new()));
    }
    edits.sort_by_key(|(span, _)| span.start);
    let all = Span::new(edits.first()?.0.start, edits.last()?.0.end);
    let (mut made, mut at) = (String::new(), all.start);
    for (span, new) in edits {
        made.push_str(text.get(at..span.start)?);
        made.push_str(&new);
        at = span.end;
    }
    Some((all, made))
}

/// A condition that is one expression, the other way.
fn not(text: &str, asked: &Entry) -> Option<String> {
    let written = text.get(asked.value.span.start..asked.value.span.end)?;
    let quote = written.chars().next().filter(|it| ['"', '\''].contains(it))?;
    let inner = written.strip_prefix(quote)?.strip_suffix(quote)?.strip_prefix('@')?;
    let is_expression = !inner.starts_with(['{', '@']) && asked.value.as_scalar().is_some();
    is_expression.then(|| format!("{quote}@not({}){quote}", inner.trim()))
}

/// The list that has an action, and its place there.
fn item_of(node: &Node, name: Span) -> Option<(&[Node], usize)> {
    let inside = |it: &Node| it.span.start <= name.start && name.end <= it.span.end;
    match &node.kind {
        Kind::Seq(items) => {
            let at = items.iter().position(inside)?;
            let item = items.get(at)?;
            let is_it = item.get("name").is_some_and(|it| it.span == name);
            if is_it && node.style == Style::Block {
                Some((items, at))
            } else {
                item_of(item, name)
            }
        }
        Kind::Map(map) => {
            let below = map.iter().map(|it| &it.value).find(|it| inside(it))?;
            item_of(below, name)
        }
        Kind::Null | Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) | Kind::Str(_) => None,
    }
}

/// The lines of some bytes, if nothing stands on them but these, what is to stand before them, and a comment.
fn lines(text: &str, span: Span, before: Option<&str>) -> Option<Span> {
    let written = text.get(span.start..span.end)?;
    let end = span.start + written.trim_end().len();
    let start = text.get(..span.start)?.rfind('\n').map_or(0, |it| it + 1);
    let head = text.get(start..span.start)?.trim_start_matches(' ');
    let rest = text.get(end..)?;
    let line_end = rest.find('\n').map_or(text.len(), |it| end + it + 1);
    let tail = text.get(end..line_end)?.trim();
    let is_alone = head == before.unwrap_or("") && (tail.is_empty() || tail.starts_with('#'));
    is_alone.then(|| Span::new(start, line_end))
}
