//! Every route of the service: who may ask it, what it takes and gives. Routing, roles, the audit log and the
//! published description are made from this list.

mod api;
mod pages;

use std::collections::BTreeSet;

use axum::routing::MethodRouter;

use crate::{Shared, access::Role};

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum May {
    /// Everybody.
    Anybody,
    /// Whoever has this role, or a greater one.
    Role(Role),
}

const ANYBODY: May = May::Anybody;
const VIEWER: May = May::Role(Role::Viewer);
const OPERATOR: May = May::Role(Role::Operator);
const EDITOR: May = May::Role(Role::Editor);
const ADMIN: May = May::Role(Role::Admin);

/// What a parameter of a query is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Number,
    Flag,
    /// An instant, or how long ago.
    Instant,
}

/// A parameter of a query.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Param {
    pub name: &'static str,
    pub kind: Kind,
    pub is_required: bool,
    pub about: &'static str,
}

const fn text(name: &'static str, about: &'static str) -> Param {
    Param { name, kind: Kind::Text, is_required: false, about }
}

const fn number(name: &'static str, about: &'static str) -> Param {
    Param { name, kind: Kind::Number, is_required: false, about }
}

const fn flag(name: &'static str, about: &'static str) -> Param {
    Param { name, kind: Kind::Flag, is_required: false, about }
}

const fn instant(name: &'static str, about: &'static str) -> Param {
    Param { name, kind: Kind::Instant, is_required: false, about }
}

/// One method at one path.
#[derive(Clone, Copy)]
pub(crate) struct Route {
    /// What the audit log calls it, and the description its `operationId`.
    pub id: &'static str,
    pub method: &'static str,
    pub path: &'static str,
    pub may: May,
    pub about: &'static str,
    pub query: &'static [Param],
    /// The schema of the body, and whether there must be one.
    pub body: Option<(&'static str, bool)>,
    /// What is answered if all is well: statuses and schemas.
    pub gives: &'static [(u16, &'static str)],
    /// What else may come of it than what every route may answer.
    pub faults: &'static [u16],
    /// Members of the body that the audit log keeps.
    pub noted: &'static [&'static str],
    /// Whether nothing is different after it, whatever its method says.
    pub only_reads: bool,
    pub handler: fn() -> MethodRouter<Shared>,
}

impl Route {
    const fn new(
        id: &'static str,
        (method, path): (&'static str, &'static str),
        may: May,
        about: &'static str,
        handler: fn() -> MethodRouter<Shared>,
    ) -> Self {
        let (query, body, gives, faults, noted): (_, _, &'static [_], &'static [_], &'static [_]) =
            (&[], None, &[(200, "Any")], &[], &[]);
        let only_reads = false;
        Self {
            id,
            method,
            path,
            may,
            about,
            query,
            body,
            gives,
            faults,
            noted,
            only_reads,
            handler,
        }
    }

    const fn query(mut self, query: &'static [Param]) -> Self {
        self.query = query;
        self
    }

    const fn takes(mut self, schema: &'static str) -> Self {
        self.body = Some((schema, true));
        self
    }

    const fn may_take(mut self, schema: &'static str) -> Self {
        self.body = Some((schema, false));
        self
    }

    const fn gives(mut self, gives: &'static [(u16, &'static str)]) -> Self {
        self.gives = gives;
        self
    }

    const fn faults(mut self, faults: &'static [u16]) -> Self {
        self.faults = faults;
        self
    }

    const fn notes(mut self, noted: &'static [&'static str]) -> Self {
        self.noted = noted;
        self
    }

    const fn only_reads(mut self) -> Self {
        self.only_reads = true;
        self
    }

    /// Whether something is different after it.
    pub(crate) fn changes(&self) -> bool {
        self.method != "GET" && !self.only_reads
    }

    /// The part of the API that it belongs to: what tokens can be confined to.
    pub(crate) fn part(&self) -> &'static str {
        let rest = self.path.strip_prefix("/api/v1/").or_else(|| self.path.strip_prefix('/'));
        rest.and_then(|it| it.split('/').next()).unwrap_or_default()
    }

    /// The names of what stands in braces in its path.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        let parts = self.path.split('/');
        parts.filter_map(|it| it.strip_prefix('{')?.strip_suffix('}'))
    }
}

/// Every route, in the order of the documentation.
pub(crate) fn all() -> impl Iterator<Item = &'static Route> {
    api::ROUTES.iter().chain(pages::ROUTES)
}

/// The parts that tokens can be confined to.
pub(crate) fn parts() -> Vec<&'static str> {
    let protected = all().filter(|it| it.may != ANYBODY);
    protected.map(Route::part).collect::<BTreeSet<_>>().into_iter().collect()
}
