//! Where the values of a flow come from in the end: through variables, compositions, lists, mappings.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    ops::Range,
};

use expr::{
    Key, Placed, Tree, Type,
    check::{Origin, Pass, Paths, Piece, Root},
};
use flow::{
    ActionId, ActionKind, Mapping,
    actions::variables::{Change, Variables},
    mapping::{Conversion, Field},
};

use crate::view::{Owner, Place, View};

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// What has started the run.
    Trigger,
    /// The answer of a service, or of another flow.
    Action(ActionId),
    /// A parameter, by its place in the flow's list.
    Parameter(usize),
    /// A setting of the process.
    Setting,
}

/// One value that is part of another, and what has happened to it on the way.
#[derive(Clone, Debug)]
pub(crate) struct Traced {
    pub(crate) source: Source,
    /// The fields that lead to it, as far as they are written out.
    pub(crate) path: Vec<String>,
    /// The functions that it has passed through, the first one first.
    pub(crate) through: Vec<Pass>,
    /// What is known of it where it was taken last.
    pub(crate) ty: Type,
}

/// One stretch of the text, or the only value, that a string gives.
#[derive(Debug)]
pub(crate) enum Part {
    /// As it is written.
    Text(String),
    /// Computed, at these bytes of the string.
    Value(Range<usize>, Vec<Traced>),
}

/// What was found out already.
#[derive(Default)]
pub(crate) struct Sources {
    /// By what is asked for; empty while it is being found out, which ends circles.
    known: RefCell<BTreeMap<Question, Vec<Traced>>>,
    depth: Cell<usize>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Question {
    Outputs(ActionId, Vec<String>),
    Variable(String, Vec<String>),
    List(ActionId, Vec<String>),
}

/// More of them say nothing more.
const TRACED_MAX: usize = 64;
/// Actions that take from each other; what is further away is not looked at.
const DEPTH_MAX: usize = 48;
/// Answers that are found out for one flow: a variable set to a part of itself asks for ever more.
const QUESTIONS_MAX: usize = 2_000;

/// Where an item is taken from.
#[derive(Clone, Copy)]
enum About<'a> {
    /// The place says it.
    Place(Place),
    /// A mapping's source object, which stands there.
    Source(&'a Tree, Place),
}

impl View<'_> {
    /// What a string is put together of.
    pub(crate) fn parts(&self, placed: &Placed, place: Place) -> Vec<Part> {
        let pieces = placed.template.pieces(&self.types_at(place), paths(place));
        self.parts_of(pieces, place)
    }

    /// The same of pieces of a string that stands there.
    pub(crate) fn parts_of(&self, pieces: Vec<Piece>, place: Place) -> Vec<Part> {
        let parts = pieces.into_iter().map(|it| match it {
            Piece::Text(text) => Part::Text(text),
            Piece::Value(range, origins) => {
                Part::Value(range, self.followed(origins, &[], About::Place(place)))
            }
        });
        parts.collect()
    }

    /// Everything that is part of a string's value.
    pub(crate) fn traced(&self, placed: &Placed, place: Place) -> Vec<Traced> {
        self.of_string(placed, &[], About::Place(place))
    }

    /// Everything that is part of a value.
    pub(crate) fn traced_tree(&self, tree: &Tree, place: Place) -> Vec<Traced> {
        self.of_tree(tree, &[], About::Place(place))
    }

    /// What there is at a path of a value.
    fn of_tree(&self, tree: &Tree, path: &[String], about: About<'_>) -> Vec<Traced> {
        let mut found = match tree {
            Tree::Value(_) => Vec::new(),
            Tree::Template(placed) => self.of_string(placed, path, about),
            Tree::Array(items) => {
                items.iter().flat_map(|it| self.of_tree(it, path, about)).collect()
            }
            Tree::Object(entries) => {
                let (name, rest) = match path {
                    [] => (None, path),
                    [name, rest @ ..] => (Some(name), rest),
                };
                let wanted = |key: &Key| match (key, name) {
                    (Key::Plain(key), Some(name)) => key == name,
                    (Key::Computed(_), _) | (_, None) => true,
                };
                let entries = entries.iter().filter(|(key, _)| wanted(key));
                entries.flat_map(|(_, it)| self.of_tree(it, rest, about)).collect()
            }
        };
        found.truncate(TRACED_MAX);
        found
    }

    fn of_string(&self, placed: &Placed, path: &[String], about: About<'_>) -> Vec<Traced> {
        let place = about.place();
        let origins = placed.template.origins(&self.types_at(place), paths(place));
        self.followed(origins, path, about)
    }

    fn followed(&self, origins: Vec<Origin>, path: &[String], about: About<'_>) -> Vec<Traced> {
        let mut found = Vec::new();
        for mut origin in origins {
            origin.path.extend_from_slice(path);
            origin.ty = path.iter().fold(origin.ty, |ty, name| inside(&ty, name));
            for mut it in self.follow(&origin, about) {
                it.through.extend_from_slice(&origin.through);
                if !origin.ty.is_unknown() {
                    it.ty = origin.ty.clone();
                }
                found.push(it);
            }
        }
        found.truncate(TRACED_MAX);
        found
    }

    fn follow(&self, origin: &Origin, about: About<'_>) -> Vec<Traced> {
        let path = origin.path.as_slice();
        let end = |source| {
            let (path, ty) = (path.to_vec(), origin.ty.clone());
            vec![Traced { source, path, through: Vec::new(), ty }]
        };
        match &origin.root {
            Root::Trigger => end(Source::Trigger),
            Root::Setting => end(Source::Setting),
            Root::Parameter(name) => {
                let all = &self.flow.parameters;
                let at = all.iter().position(|it| it.name.eq_ignore_ascii_case(name));
                at.map_or_else(Vec::new, |it| end(Source::Parameter(it)))
            }
            Root::Variable(name) => {
                // A variable may be set to part of itself: then only the first step is told apart.
                let (first, rest) = path.split_at(path.len().min(1));
                let mut all = self.asked(Question::Variable(name.to_lowercase(), first.into()));
                for it in &mut all {
                    it.path.extend_from_slice(rest);
                    it.ty = rest.iter().fold(it.ty.clone(), |ty, name| inside(&ty, name));
                }
                all
            }
            Root::Action(name) => {
                let Some(id) = self.flow.find(name) else { return Vec::new() };
                match self.flow.action(id).kind {
                    ActionKind::ApiConnection(_)
                    | ActionKind::Http(_)
                    | ActionKind::HttpWebhook(_)
                    | ActionKind::Workflow(_) => end(Source::Action(id)),
                    _ => self.asked(Question::Outputs(id, path.into())),
                }
            }
            Root::Items(name) => {
                let id = self.flow.find(name);
                id.map_or_else(Vec::new, |id| self.asked(Question::List(id, path.into())))
            }
            Root::Item => match about {
                About::Source(from, place) => self.of_tree(from, path, About::Place(place)),
                About::Place(place) => {
                    let list = self.item_of(place);
                    list.map_or_else(Vec::new, |id| self.asked(Question::List(id, path.into())))
                }
            },
        }
    }

    /// The action whose list the item of a place is of.
    fn item_of(&self, place: Place) -> Option<ActionId> {
        let here = place.action()?;
        if place.has_item {
            return Some(here);
        }
        let is_loop = |id: &ActionId| matches!(self.flow.action(*id).kind, ActionKind::Foreach(_));
        self.flow.ancestors(here).find(is_loop)
    }

    /// Answers a question once.
    fn asked(&self, question: Question) -> Vec<Traced> {
        if let Some(known) = self.sources.known.borrow().get(&question) {
            return known.clone();
        }
        let answered = self.sources.known.borrow().len();
        if DEPTH_MAX <= self.sources.depth.get() || QUESTIONS_MAX <= answered {
            return Vec::new();
        }
        self.sources.depth.set(self.sources.depth.get() + 1);
        self.sources.known.borrow_mut().insert(question.clone(), Vec::new());
        let mut answer = match &question {
            Question::Outputs(id, path) => self.outputs(*id, path),
            Question::Variable(name, path) => self.written(name, path),
            Question::List(id, path) => self.list(*id, path),
        };
        answer.truncate(TRACED_MAX);
        self.sources.known.borrow_mut().insert(question, answer.clone());
        self.sources.depth.set(self.sources.depth.get() - 1);
        answer
    }

    /// The items that an action goes over.
    fn list(&self, id: ActionId, path: &[String]) -> Vec<Traced> {
        let place = Place::start(Owner::Action(id));
        let from = match &self.flow.action(id).kind {
            ActionKind::Foreach(it) => &it.items,
            ActionKind::Select(it) => &it.from,
            ActionKind::Query(it) => &it.from,
            ActionKind::Table(it) => &it.from,
            _ => return Vec::new(),
        };
        let mut items = self.of_tree(from, path, About::Place(place));
        if path.is_empty() {
            for it in &mut items {
                it.ty = element(&it.ty);
            }
        }
        items
    }

    /// Everything that a variable is ever set to.
    fn written(&self, name: &str, path: &[String]) -> Vec<Traced> {
        let mut found = Vec::new();
        for (id, action) in self.flow.actions.iter().enumerate() {
            let ActionKind::Variables(variables) = &action.kind else { continue };
            let place = About::Place(Place::start(Owner::Action(id)));
            match variables {
                Variables::Initialize(all) => {
                    let all = all.iter().filter(|it| it.name.to_lowercase() == name);
                    let values = all.filter_map(|it| it.value.as_ref());
                    found.extend(values.flat_map(|it| self.of_tree(it, path, place)));
                }
                Variables::Set(Change { name: of, value, .. })
                | Variables::Append(Change { name: of, value, .. }) => {
                    if let Some(value) = value.as_ref().filter(|_| of.to_lowercase() == name) {
                        found.extend(self.of_tree(value, path, place));
                    }
                }
                // Only numbers are counted with.
                Variables::Increment(_) | Variables::Decrement(_) => {}
            }
        }
        found
    }

    /// What an action that computes gives at a path of its outputs.
    fn outputs(&self, id: ActionId, path: &[String]) -> Vec<Traced> {
        let place = Place::start(Owner::Action(id));
        let here = About::Place(place);
        let each = About::Place(place.each());
        let body = match path {
            [] => Some(path),
            [first, rest @ ..] => (first == "body").then_some(rest),
        };
        match (&self.flow.action(id).kind, body) {
            (ActionKind::Compose(it), _) => self.of_tree(&it.inputs, body.unwrap_or(path), here),
            (ActionKind::ParseJson(it), Some(path)) => self.of_tree(&it.content, path, here),
            (ActionKind::Query(it), Some(path)) => self.of_tree(&it.from, path, here),
            (ActionKind::Select(it), Some(path)) => self.of_tree(&it.select, path, each),
            (ActionKind::Compare(it), Some(_)) => self.of_tree(&it.left, &[], here),
            (ActionKind::Map(it), Some(path)) => {
                let mapping = self.package.mappings.get(&it.mapping);
                mapping.map_or_else(Vec::new, |mapping| {
                    self.mapped(mapping, path, About::Source(&it.from, place))
                })
            }
            (ActionKind::Join(it), Some(_)) => passed("join", self.of_tree(&it.from, &[], here)),
            (ActionKind::Table(it), Some(_)) if it.columns.is_empty() => {
                passed("table", self.of_tree(&it.from, &[], here))
            }
            (ActionKind::Table(it), Some(_)) => {
                let columns = it.columns.iter();
                passed("table", columns.flat_map(|it| self.of_tree(&it.value, &[], each)).collect())
            }
            (ActionKind::Expression(it), Some(_)) => {
                passed(&it.kind, self.of_tree(&it.inputs, &[], here))
            }
            _ => Vec::new(),
        }
    }

    /// What a mapping makes at a path of its target.
    fn mapped(&self, mapping: &Mapping, path: &[String], about: About<'_>) -> Vec<Traced> {
        let wanted = |field: &&Field| match (&field.target, path.first()) {
            (Key::Plain(key), Some(name)) => key.split('/').next() == Some(name),
            (Key::Computed(_), _) | (_, None) => true,
        };
        let mut found = Vec::new();
        for field in mapping.fields.iter().filter(wanted) {
            let rest = path.get(1..).unwrap_or_default();
            // With `values` the source only decides which of them it is.
            let source = field.values.is_none().then_some(&field.source);
            let trees = [source, field.otherwise.as_ref(), field.default.as_ref()];
            for tree in trees.into_iter().flatten() {
                let all = self.of_tree(tree, rest, about);
                found.extend(match field.convert.and_then(function) {
                    Some(function) => passed(function, all),
                    None => all,
                });
            }
        }
        found
    }
}

impl About<'_> {
    /// Where the string itself stands.
    const fn place(self) -> Place {
        match self {
            Self::Place(place) => place,
            Self::Source(..) => Place::start(Owner::Mapping).each(),
        }
    }
}

/// What a field of a value is, or of the items of a list.
fn inside(ty: &Type, name: &str) -> Type {
    let ty = if ty.is_list() { ty.element() } else { ty.clone() };
    Some(ty.member(name)).filter(|it| !it.is_null()).unwrap_or(Type::Any)
}

fn element(ty: &Type) -> Type {
    if ty.is_list() { ty.element() } else { Type::Any }
}

fn paths(place: Place) -> Paths {
    if place.owner == Owner::Mapping { Paths::Item } else { Paths::Run }
}

/// The function that does the same as a conversion.
const fn function(conversion: Conversion) -> Option<&'static str> {
    match conversion {
        Conversion::Integer => Some("int"),
        Conversion::Number | Conversion::Money => Some("float"),
        Conversion::Date | Conversion::DateTime => Some("formatDateTime"),
        Conversion::Boolean => Some("bool"),
        Conversion::Text | Conversion::List => None,
    }
}

fn passed(function: &str, mut all: Vec<Traced>) -> Vec<Traced> {
    for it in &mut all {
        let function = function.to_owned();
        it.through.push(Pass { function, argument: 0, constants: Vec::new() });
    }
    all
}
