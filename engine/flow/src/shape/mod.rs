//! The objects of our files as tables: their keys, what each takes, and what it is for. Readers,
//! JSON Schemas, editors and the formatter go by these and nothing else.

mod actions;
mod files;
mod flows;
mod json;
mod serve;
mod takes;
mod triggers;
mod visit;

use std::sync::LazyLock;

use serde_json::Value;

pub(crate) use self::{actions::*, files::*, flows::*, serve::*, triggers::*};
pub use self::{
    takes::{Name, Takes},
    visit::{Seen, visit},
};

/// An object of a file.
#[derive(Debug)]
pub struct Shape {
    /// Its name in JSON Schemas.
    pub name: &'static str,
    /// What it is.
    pub doc: &'static str,
    /// Its keys, in the order in which files are written.
    pub keys: &'static [Key],
    /// Kinds of which it has exactly one, each with further keys.
    pub kinds: &'static [Kind],
}

/// A key of an object.
#[derive(Debug)]
pub struct Key {
    /// How it is written.
    pub name: &'static str,
    /// What its value is for.
    pub doc: &'static str,
    /// What its value has to be.
    pub takes: Takes,
    /// Whether it has to be there.
    pub required: bool,
    /// What holds without it, as JSON.
    pub default: Option<&'static str>,
    /// A value as an example, as JSON.
    pub example: Option<&'static str>,
}

/// One of the kinds of an object.
#[derive(Debug)]
pub struct Kind {
    /// The key that makes an object one of this kind.
    pub key: Key,
    /// Keys that only this kind has.
    pub beside: &'static [Key],
}

impl Key {
    pub(crate) const fn new(name: &'static str, takes: Takes, doc: &'static str) -> Self {
        Self { name, doc, takes, required: false, default: None, example: None }
    }

    pub(crate) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(crate) const fn default(mut self, json: &'static str) -> Self {
        self.default = Some(json);
        self
    }

    pub(crate) const fn example(mut self, json: &'static str) -> Self {
        self.example = Some(json);
        self
    }
}

impl Shape {
    /// An object without kinds.
    pub(crate) const fn new(name: &'static str, doc: &'static str, keys: &'static [Key]) -> Self {
        Self { name, doc, keys, kinds: &[] }
    }

    /// The kinds of an object that has these keys; exactly one if the object is as it should be.
    /// A key that another kind has beside it is no kind: `recurrence` says how often `on` asks.
    pub fn kinds_of<'k>(&self, keys: impl Iterator<Item = &'k str>) -> Vec<&'static Kind> {
        let found: Vec<&'static Kind> =
            keys.filter_map(|key| self.kinds.iter().find(|it| it.key.name == key)).collect();
        let is_beside =
            |key: &str| found.iter().any(|it| it.beside.iter().any(|beside| beside.name == key));
        found.iter().filter(|it| !is_beside(it.key.name)).copied().collect()
    }

    /// The entry of a key, of a kind's keys those of this kind.
    pub fn key(&self, kind: Option<&'static Kind>, name: &str) -> Option<&Key> {
        let of_kind = kind.into_iter().flat_map(|it| std::iter::once(&it.key).chain(it.beside));
        let starts = self.kinds.iter().filter(|_| kind.is_none()).map(|it| &it.key);
        self.keys.iter().chain(of_kind).chain(starts).find(|it| it.name == name)
    }

    /// The keys in the order in which they are written: a kind after what says when it runs,
    /// blocks of actions last.
    pub fn order(&self, kind: Option<&Kind>) -> Vec<&'static str> {
        let is_head = |it: &&Key| HEAD.contains(&it.name);
        let of_kind =
            kind.into_iter().flat_map(|it| std::iter::once(&it.key).chain(it.beside)).collect();
        let (blocks, plain): (Vec<&Key>, Vec<&Key>) = {
            let of_kind: Vec<&Key> = of_kind;
            of_kind.into_iter().partition(|it| it.takes.is_block())
        };
        let head = self.keys.iter().filter(|it| kind.is_some() && is_head(it));
        let tail = self.keys.iter().filter(|it| kind.is_none() || !is_head(it));
        head.chain(plain).chain(tail).chain(blocks).map(|it| it.name).collect()
    }
}

/// Keys that stand before an object's kind.
const HEAD: &[&str] = &["name", "description", "runAfter"];

/// The files of a project that flows are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum File {
    /// `flow.yaml`.
    Flow,
    /// `*.mapping.yaml`.
    Mapping,
    /// `environments/*.yaml`.
    Environment,
    /// `flowright.yaml`.
    Project,
}

impl File {
    /// Every one by its name on the command line.
    pub const ALL: [(&'static str, Self); 4] = [
        ("flow", Self::Flow),
        ("mapping", Self::Mapping),
        ("environment", Self::Environment),
        ("project", Self::Project),
    ];

    /// The object that such a file is.
    pub const fn shape(self) -> &'static Shape {
        match self {
            Self::Flow => &FLOW,
            Self::Mapping => &MAPPING,
            Self::Environment => &ENVIRONMENT,
            Self::Project => &PROJECT,
        }
    }

    /// The keys that say what an action does.
    pub fn kinds_of_actions(self) -> Vec<&'static str> {
        match self {
            Self::Flow => ACTION.kinds.iter().map(|it| it.key.name).collect(),
            Self::Mapping | Self::Environment | Self::Project => Vec::new(),
        }
    }

    /// The JSON Schema of such files, whatever the project.
    pub fn schema(self) -> &'static Value {
        static SCHEMAS: LazyLock<[Value; 4]> =
            LazyLock::new(|| File::ALL.map(|(_, file)| json::of_file(file.shape())));
        let [flow, mapping, environment, project] = &*SCHEMAS;
        match self {
            Self::Flow => flow,
            Self::Mapping => mapping,
            Self::Environment => environment,
            Self::Project => project,
        }
    }
}

/// The words of a table that a reader chooses from.
pub(crate) fn words<T>(table: &[(&'static str, T)]) -> Vec<&'static str> {
    table.iter().map(|(name, _)| *name).collect()
}
