//! Policies of published connectors: what their gateway does to requests and answers, done here.

mod body;
mod moment;
mod path;
mod read;
mod request;
mod response;
mod text;

use std::collections::BTreeSet;

use self::path::Segment;
pub(crate) use self::{
    path::{Chain, Root},
    read::{Declared, Poll, read},
    request::{Draft, apply, origins, placeholder},
    text::{Text, members, of_answer, quote},
};

pub use self::{
    request::{Lookup, lookups},
    response::respond,
};

/// One policy, and what it is for.
#[derive(Clone, Debug)]
pub struct Policy {
    /// What it is called, for people.
    pub title: String,
    /// The operations that it is for; none means all.
    pub operations: Option<BTreeSet<String>>,
    /// Whether it is done to requests or to answers.
    pub section: Section,
    pub(crate) kind: Kind,
}

/// What a policy is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Requests, before they are sent.
    Request,
    /// Every answer.
    Response,
    /// Answers that are failures.
    Failure,
}

impl Policy {
    /// One that sets a key of the connection in every request.
    pub(crate) fn key(name: &str, in_query: bool, param: &str) -> Self {
        let (name, exists) = (name.to_owned(), Exists::Override);
        let value = Text::of_connection(param);
        let kind = if in_query {
            Kind::Query { name, value, exists }
        } else {
            Kind::Header { name, value, exists }
        };
        let title = format!("key `{param}`");
        Self { title, operations: None, section: Section::Request, kind }
    }

    /// The address of the host, if it names one.
    pub(crate) const fn host(&self) -> Option<&Text> {
        match &self.kind {
            Kind::Host(text) => Some(text),
            Kind::Header { .. }
            | Kind::Query { .. }
            | Kind::Route { .. }
            | Kind::Lookup { .. }
            | Kind::Body(_) => None,
        }
    }

    /// The header or, of another policy, the parameter of the query that it sets.
    pub(crate) fn target(&self, in_query: bool) -> Option<&str> {
        match &self.kind {
            Kind::Header { name, .. } if !in_query => Some(name),
            Kind::Query { name, .. } if in_query => Some(name),
            Kind::Header { .. }
            | Kind::Query { .. }
            | Kind::Host(_)
            | Kind::Route { .. }
            | Kind::Lookup { .. }
            | Kind::Body(_) => None,
        }
    }

    /// The names that its texts ask of a function.
    pub(crate) fn names(&self, root: Root) -> impl Iterator<Item = &str> {
        let text = match &self.kind {
            Kind::Header { value, .. }
            | Kind::Query { value, .. }
            | Kind::Body(Change::Set { value, .. }) => Some(value),
            Kind::Host(text) | Kind::Route { path: text, .. } => Some(text),
            Kind::Lookup { address, .. } => Some(address),
            Kind::Body(_) => None,
        };
        text.into_iter().flat_map(move |it| it.names(root))
    }

    /// Whether it is for that operation.
    pub fn is_for(&self, operation: &str) -> bool {
        self.operations.as_ref().is_none_or(|it| it.contains(operation))
    }
}

/// What happens to a value that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exists {
    Override,
    Skip,
    Append,
}

/// Where a value that is looked up goes.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Header(String),
    Query(String),
}

/// What a policy does.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// Sets a header.
    Header { name: String, value: Text, exists: Exists },
    /// Sets a parameter of the query.
    Query { name: String, value: Text, exists: Exists },
    /// Sends the request to another host.
    Host(Text),
    /// Sends the request to another path, by another method if one is named.
    Route { path: Text, method: Option<String> },
    /// Asks another address first, and sets a header or a parameter to what the answer says.
    Lookup { target: Target, method: String, address: Text, value: Chain },
    /// Changes the body.
    Body(Change),
}

/// A change of a body.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// Sets a member of an object, or of each object of a list.
    Set { parent: Chain, path: Vec<Segment>, value: Text },
    /// Moves a member, or only what is in it, elsewhere.
    Move { from: Chain, path: Vec<Segment>, to: Chain, to_path: Vec<Segment>, members: bool },
    /// Makes a new value of one that is there.
    Convert { parent: Chain, path: Vec<Segment>, to: Place, how: Convert },
}

/// Where the new value of a conversion goes.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// From the body on.
    Body(Vec<Segment>),
    /// From the parent on, which is the item where the parent is a list.
    Item(Vec<Segment>),
}

/// How a new value is made.
#[derive(Clone, Debug)]
pub(crate) enum Convert {
    /// A text with another in place of each occurrence.
    Replace { from: String, to: String },
    /// A text with everything escaped that has a meaning in addresses.
    Encode,
    /// A text with separators becomes a list of objects with one member.
    Split { separators: String, member: String },
    /// A list of objects becomes an object, by a member of each.
    ToObject { key: Vec<Segment>, keep: bool },
    /// An object becomes a list of objects with key and value.
    ToArray { key: String, value: String },
}
