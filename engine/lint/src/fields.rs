//! The fields of a mapping beside the schemas of its source and its target.

use base::Severity;
use connector::Connector;
use expr::{
    Key, Tree, Type,
    check::{Environment, Paths, Piece, Root, check_tree},
};
use flow::{
    ActionKind, Mapping,
    mapping::{Conversion, Field},
};
use serde_json::Value;

use crate::view::{Place, View};

/// A schema of a connector.
pub(crate) struct Side<'a> {
    /// As the mapping names it.
    pub(crate) name: &'a str,
    pub(crate) connector: &'a Connector,
    pub(crate) schema: &'a Value,
}

impl<'a> Side<'a> {
    /// The schema that `connector#Schema` names, if there is one.
    pub(crate) fn of(view: &View<'a>, named: Option<&'a (String, base::Span)>) -> Option<Self> {
        let (name, _) = named?;
        let (connector, schema) = name.split_once('#')?;
        let connector = view.catalog().find(connector)?.as_ref();
        Some(Self { name, connector, schema: connector.schemas.get(schema)? })
    }

    /// The schema of what a path leads to.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&'a Value> {
        self.connector.schema_at(self.schema, path)
    }

    /// Whether the field at a path, or an object around it, is only read.
    pub(crate) fn is_read_only(&self, path: &[&str]) -> bool {
        // What stands beside a `$ref` counts as well as what it leads to.
        let own = |path: &[&str]| {
            let (name, before) = path.split_last()?;
            self.at(before)?.get("properties")?.get(*name)
        };
        (1..=path.len()).any(|length| {
            let path = path.get(..length).unwrap_or_default();
            let marked = |it: Option<&Value>| {
                it.and_then(|it| it.get("readOnly")) == Some(&Value::Bool(true))
            };
            marked(own(path)) || marked(self.at(path))
        })
    }

    /// The type of what a path leads to.
    pub(crate) fn ty(&self, path: &[&str]) -> Type {
        let schema = self.at(path);
        let named =
            |reference: &str| self.connector.schemas.get(reference.strip_prefix("#/schemas/")?);
        schema.map_or(Type::Any, |it| Type::of_schema(it, &named))
    }
}

/// The names that lead to a target; none if it is computed.
pub(crate) fn target(field: &Field) -> Option<Vec<&str>> {
    match &field.target {
        Key::Plain(name) => Some(name.split('/').collect()),
        Key::Computed(_) => None,
    }
}

/// The path of the source object that a field takes as it is.
pub(crate) fn plain_source(view: &View<'_>, field: &Field, place: Place) -> Option<Vec<String>> {
    let Tree::Template(placed) = &field.source else { return None };
    let pieces = placed.template.pieces(&view.types_at(place), Paths::Item);
    let [Piece::Value(_, origins)] = pieces.as_slice() else { return None };
    let [origin] = origins.as_slice() else { return None };
    let plain = origin.root == Root::Item && origin.through.is_empty() && !origin.path.is_empty();
    plain.then(|| origin.path.clone())
}

/// Every path of the source object that a field reads, also on the way through functions.
pub(crate) fn sources(view: &View<'_>, field: &Field, place: Place) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let trees = [Some(&field.source), field.otherwise.as_ref(), field.default.as_ref()];
    for tree in trees.into_iter().flatten() {
        tree.templates(&mut |placed| {
            let origins = placed.template.origins(&view.types_at(place), Paths::Item);
            found.extend(origins.into_iter().filter(|it| it.root == Root::Item).map(|it| it.path));
        });
    }
    found
}

/// The type of what `from` gives.
pub(crate) fn taken(field: &Field, types: &dyn Environment) -> Type {
    check_tree(&field.source, types, &mut |_, _| {})
}

/// Whether something is surely wrong with how `from` reads.
pub(crate) fn is_misread(field: &Field, types: &dyn Environment) -> bool {
    let mut is_wrong = false;
    check_tree(&field.source, types, &mut |_, it| is_wrong |= it.severity == Severity::Error);
    is_wrong
}

/// The type of what is written in the end.
pub(crate) fn made(field: &Field, types: &dyn Environment) -> Type {
    let of = |tree: &Tree| check_tree(tree, types, &mut |_, _| {});
    let taken = taken(field, types);
    let mut ty = taken.clone();
    if let Some(values) = &field.values {
        let all: Vec<Value> = values.values().cloned().collect();
        ty = Type::one_of(&all);
        if let Some(otherwise) = &field.otherwise {
            ty = ty.join(&of(otherwise));
        }
        if taken.is_nullable() {
            ty = ty.or_null();
        }
    }
    if let Some(default) = &field.default
        && (ty.is_nullable() || ty.is_unknown())
    {
        ty = ty.non_null().join(&of(default));
    }
    if let Some(conversion) = field.convert {
        let nullable = ty.is_nullable() && conversion != Conversion::List;
        ty = converted(conversion, &ty);
        if nullable {
            ty = ty.or_null();
        }
    }
    if field.required { ty.non_null() } else { ty }
}

fn converted(conversion: Conversion, ty: &Type) -> Type {
    match conversion {
        Conversion::Text if ty.non_null().fits(&Type::String) => ty.non_null(),
        Conversion::Text => Type::String,
        Conversion::Integer => Type::Integer,
        Conversion::Number | Conversion::Money => Type::Number,
        Conversion::Date | Conversion::DateTime => Type::Timestamp,
        Conversion::Boolean => Type::Boolean,
        Conversion::List if ty.is_list() => ty.non_null(),
        Conversion::List => Type::array_of(ty.non_null()),
    }
}

/// Whether an action of the flow applies the mapping, so that what it makes is written somewhere:
/// otherwise it only says how fields are compared.
pub(crate) fn is_applied(view: &View<'_>, mapping: &Mapping) -> bool {
    let name = view.package.mappings.iter().find(|(_, it)| std::ptr::eq(*it, mapping));
    let Some((name, _)) = name else { return false };
    let applies = |kind: &ActionKind| matches!(kind, ActionKind::Map(it) if it.mapping == *name);
    view.flow.actions.iter().any(|it| applies(&it.kind))
}
