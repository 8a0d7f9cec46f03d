//! Reads how answers go on in further ones.

use base::{Diagnostic, Span, code};
use yaml::{Mapping, Node};

use super::reader::Reader;
use crate::model::{NextPage, Operation, Paginate};

/// Pages of one call, if the connector names no limit: 5,000 items a page make a million.
const PAGES_MAX_DEFAULT: usize = 200;

/// The keys of which one says how the next page is asked for.
pub(crate) const WAYS: &[&str] =
    &["nextLink", "nextPath", "linkHeader", "offset", "page", "cursor"];
pub(crate) const KEYS: &[&str] = &[
    "cursor",
    "items",
    "linkHeader",
    "more",
    "nextLink",
    "nextPath",
    "offset",
    "page",
    "pageSize",
    "pagesMax",
];
pub(crate) const CURSOR_KEYS: &[&str] = &["param", "next"];

impl Reader {
    pub(super) fn paginate(&mut self, node: &Node) -> Option<Paginate> {
        let map = self.object(node, "`paginate`", KEYS)?;
        if map.get("items").is_none() {
            self.sink.missing_key(node.span, "items", "`paginate`");
        }
        let ways = WAYS.iter().filter(|it| map.get(it).is_some()).count();
        if ways != 1 {
            let message = format!("`paginate` needs one of {}", WAYS.join(", "));
            self.sink.push(Diagnostic::new(code::MISSING_KEY, node.span, message));
        }
        Some(Paginate {
            next: self.next_page(map)?,
            items: self.template(map, "items")?,
            more: self.template(map, "more"),
            page_size: self.text(map, "pageSize"),
            pages_max: self.count(map, "pagesMax").unwrap_or(PAGES_MAX_DEFAULT),
        })
    }

    fn next_page(&mut self, map: &Mapping) -> Option<NextPage> {
        if let Some(link) = self.template(map, "nextLink") {
            return Some(NextPage::Link(link));
        }
        if let Some(path) = self.template(map, "nextPath") {
            return Some(NextPage::Path(path));
        }
        if let Some(relation) = self.text(map, "linkHeader") {
            return Some(NextPage::LinkHeader(relation));
        }
        if let Some(param) = self.text(map, "offset") {
            return Some(NextPage::Offset(param));
        }
        if let Some(param) = self.text(map, "page") {
            return Some(NextPage::Page(param));
        }
        let node = map.get("cursor")?;
        let map = self.object(node, "`cursor`", CURSOR_KEYS)?;
        let param = self.required_text(map, ("param", "`cursor`"), node.span);
        if map.get("next").is_none() {
            self.sink.missing_key(node.span, "next", "`cursor`");
        }
        Some(NextPage::Cursor(param, self.template(map, "next")?))
    }

    /// Parameters that paging sets must be parameters, or the body's fields.
    pub(super) fn check_paging(&mut self, operation: &Operation, span: Span) {
        let Some(paginate) = &operation.paginate else { return };
        let set = match &paginate.next {
            NextPage::Offset(param) | NextPage::Page(param) | NextPage::Cursor(param, _) => {
                Some(param)
            }
            NextPage::Link(_) | NextPage::Path(_) | NextPage::LinkHeader(_) => None,
        };
        for name in set.into_iter().chain(&paginate.page_size) {
            let field = name.strip_prefix(&operation.body_param);
            let is_field =
                operation.body.is_some() && field.is_some_and(|rest| rest.starts_with('/'));
            if operation.param(name).is_none() && !is_field {
                let message = format!("`paginate` names `{name}`, which is not a parameter");
                let found = Diagnostic::new(code::UNKNOWN_PARAMETER, span, message);
                let known = operation.params.iter().map(|it| it.name.as_str());
                self.unknown_name(found, name, known);
            }
        }
    }
}
