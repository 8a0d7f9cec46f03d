//! Making types: of values, of parts, of other types.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::access::same_name;

use super::{
    ALL, ARRAY, BINARY, BOOLEAN, CONSTANTS_MAX, DECIMAL, DEPTH_MAX, Detail, FIELDS_MAX, FLOAT,
    Field, Fields, INTEGER, Items, Kinds, NODES_MAX, NULL, OBJECT, STRING, Type, XML,
};

impl Type {
    /// Keeps what is said about the kinds that are there, unless it is too much to keep.
    pub(super) fn build(mut kinds: Kinds, mut detail: Detail) -> Self {
        if let Some(values) = &mut detail.constants {
            values.retain(|value| kinds_of(value) & kinds != 0);
            if values.is_empty() {
                kinds &= NULL;
                detail.constants = None;
            }
        }
        if kinds == ALL || kinds == 0 {
            return Self { kinds, detail: None };
        }
        detail.items = detail.items.filter(|_| kinds & ARRAY != 0);
        detail.fields = detail.fields.filter(|_| kinds & OBJECT != 0);
        detail.constants = detail.constants.filter(|it| it.len() <= CONSTANTS_MAX);
        if let Some(fields) = &mut detail.fields
            && FIELDS_MAX < fields.known.len()
        {
            *fields = Fields { known: BTreeMap::new(), rest: Some(Self::Any) };
        }
        let parts = || {
            let fields = detail.fields.iter();
            let inside = fields.clone().flat_map(|it| it.known.values().map(|field| &field.ty));
            let rest = fields.filter_map(|it| it.rest.as_ref());
            detail.items.iter().map(|it| &it.each).chain(inside).chain(rest)
        };
        let depth = 1 + parts().map(Self::depth).max().unwrap_or(0);
        let nodes = 1 + parts().map(Self::nodes).sum::<usize>();
        let says = detail.constants.is_some() || detail.items.is_some() || detail.fields.is_some();
        if !says || DEPTH_MAX < depth || NODES_MAX < nodes {
            return Self { kinds, detail: None };
        }
        Self { kinds, detail: Some(Arc::new(Detail { depth, nodes, ..detail })) }
    }

    fn depth(&self) -> usize {
        self.detail.as_ref().map_or(1, |detail| detail.depth)
    }

    fn nodes(&self) -> usize {
        self.detail.as_ref().map_or(1, |detail| detail.nodes)
    }

    /// A list of such items.
    pub fn array_of(each: Self) -> Self {
        let items = Some(Items { each, filled: false });
        Self::build(ARRAY, Detail { items, ..Detail::default() })
    }

    /// A list of at least one such item.
    pub fn filled_array_of(each: Self) -> Self {
        let items = Some(Items { each, filled: true });
        Self::build(ARRAY, Detail { items, ..Detail::default() })
    }

    /// An object of these fields; `rest` is what other fields hold, `None` if there are no others.
    pub fn object_of(
        fields: impl IntoIterator<Item = (String, Field)>,
        rest: Option<Self>,
    ) -> Self {
        let fields = Some(Fields { known: fields.into_iter().collect(), rest });
        Self::build(OBJECT, Detail { fields, ..Detail::default() })
    }

    /// One of these values. Lists and objects are told by their parts.
    pub fn one_of(values: &[Value]) -> Self {
        let all = values.iter().map(Self::of_value);
        all.fold(Self::Never, |one, other| one.join(&other))
    }

    /// The type of a value that is known: plain values as constants, objects with no other fields.
    pub fn of_value(value: &Value) -> Self {
        Self::of_value_within(value, DEPTH_MAX)
    }

    fn of_value_within(value: &Value, room: usize) -> Self {
        let Some(room) = room.checked_sub(1) else { return Self::Any };
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                let constants = Some(vec![value.clone()]);
                Self::build(kinds_of(value), Detail { constants, ..Detail::default() })
            }
            Value::Array(items) => {
                let all = items.iter().map(|item| Self::of_value_within(item, room));
                let each = all.fold(Self::Never, |one, other| one.join(&other));
                let items = Some(Items { each, filled: !items.is_empty() });
                Self::build(ARRAY, Detail { items, ..Detail::default() })
            }
            Value::Object(map) => {
                if let Some(content_type) = map.get("$content-type").and_then(Value::as_str) {
                    let kinds = if content_type.contains("xml") { XML } else { BINARY };
                    return Self { kinds, detail: None };
                }
                let field = |(name, value): (&String, &Value)| {
                    let ty = Self::of_value_within(value, room);
                    (name.clone(), Field { ty, required: true })
                };
                Self::object_of(map.iter().map(field), None)
            }
        }
    }

    /// Only what is of these kinds.
    pub(super) fn only(&self, kinds: Kinds) -> Self {
        let left = self.kinds & kinds;
        let Some(detail) = &self.detail else { return Self { kinds: left, detail: None } };
        if left == self.kinds {
            return self.clone();
        }
        Self::build(left, Detail::clone(detail))
    }

    /// The same without null.
    #[must_use]
    pub fn non_null(&self) -> Self {
        self.only(!NULL)
    }

    /// The same, or null.
    #[must_use]
    pub fn or_null(&self) -> Self {
        self.join(&Self::Null)
    }

    /// The lists of it.
    pub(crate) fn as_array(&self) -> Self {
        self.only(ARRAY)
    }

    /// The same, with at least one item where it is a list.
    pub(crate) fn filled(&self) -> Self {
        if self.is_unknown() || self.kinds & ARRAY == 0 {
            return self.clone();
        }
        let items = Some(Items { each: self.element(), filled: true });
        let detail = self.detail.as_deref().cloned().unwrap_or_default();
        Self::build(self.kinds, Detail { items, ..detail })
    }

    /// The same, perhaps empty where it is a list.
    pub(crate) fn perhaps_empty(&self) -> Self {
        match self.detail.as_deref() {
            Some(detail) if detail.items.is_some() => {
                let items = Some(Items { each: self.element(), filled: false });
                Self::build(self.kinds, Detail { items, ..detail.clone() })
            }
            Some(_) | None => self.clone(),
        }
    }

    /// The same without the constants: a sample says of which kind a value is, not which it is.
    #[must_use]
    pub fn widened(&self) -> Self {
        self.mapped(&|detail| detail.constants = None)
    }

    /// The same, but objects whose fields are told have no others: for schemas that tell all.
    #[must_use]
    pub fn closed(&self) -> Self {
        self.mapped(&|detail| {
            if let Some(fields) = detail.fields.as_mut().filter(|it| !it.known.is_empty())
                && fields.rest.as_ref().is_some_and(Self::is_unknown)
            {
                fields.rest = None;
            }
        })
    }

    /// The same, but where no field of an object is required all are: a schema that requires nothing
    /// says nothing of what may be missing.
    #[must_use]
    pub fn presumed(&self) -> Self {
        self.mapped(&|detail| {
            if let Some(fields) = &mut detail.fields
                && !fields.known.values().any(|field| field.required)
            {
                fields.known.values_mut().for_each(|field| field.required = true);
            }
        })
    }

    fn mapped(&self, change: &dyn Fn(&mut Detail)) -> Self {
        let Some(detail) = self.detail.as_deref() else { return self.clone() };
        let mut detail = detail.clone();
        if let Some(items) = &mut detail.items {
            items.each = items.each.mapped(change);
        }
        if let Some(fields) = &mut detail.fields {
            for field in fields.known.values_mut() {
                field.ty = field.ty.mapped(change);
            }
            fields.rest = fields.rest.as_ref().map(|rest| rest.mapped(change));
        }
        change(&mut detail);
        Self::build(self.kinds, detail)
    }

    /// An object with one field more, or with another type of it.
    pub(crate) fn with_field(&self, name: &str, field: Option<Field>) -> Self {
        let Some(fields) = self.fields() else { return Self::Object };
        let mut fields = fields.clone();
        let name = if fields.known.contains_key(name) {
            name.to_owned()
        } else {
            let mut alike = fields.known.keys().filter(|key| same_name(key, name)).cloned();
            match (alike.next(), alike.next()) {
                (known, None) => known.unwrap_or_else(|| name.to_owned()),
                // The first in the document is meant; the type does not keep their order.
                (_, Some(_)) => return Self::Any,
            }
        };
        match field {
            Some(field) => fields.known.insert(name, field),
            None => fields.known.remove(&name),
        };
        Self::build(OBJECT, Detail { fields: Some(fields), ..Detail::default() })
    }

    /// An object with the fields of both; those of the other win.
    pub(crate) fn merged(&self, other: &Self) -> Self {
        let (Some(ours), Some(theirs)) = (self.fields(), other.fields()) else {
            return Self::Object;
        };
        let mut known = ours.known.clone();
        for (name, field) in &theirs.known {
            let under = ours.known.get(name).map(|it| it.ty.clone());
            let under = under.or_else(|| ours.rest.clone()).unwrap_or(Self::Never);
            let required = field.required || ours.known.get(name).is_some_and(|it| it.required);
            let ty = if field.required { field.ty.clone() } else { field.ty.join(&under) };
            known.insert(name.clone(), Field { ty, required });
        }
        let rest = match (&ours.rest, &theirs.rest) {
            (Some(ours), Some(theirs)) => Some(ours.join(theirs)),
            (one, other) => one.clone().or_else(|| other.clone()),
        };
        if theirs.rest.is_some() {
            // A field that the other is not known to have may be hidden by one of the same name.
            for (name, field) in &mut known {
                if !theirs.known.contains_key(name) {
                    field.ty = field.ty.join(theirs.rest.as_ref().unwrap_or(&Self::Never));
                }
            }
        }
        Self::build(OBJECT, Detail { fields: Some(Fields { known, rest }), ..Detail::default() })
    }
}

fn kinds_of(value: &Value) -> Kinds {
    match value {
        Value::Null => NULL,
        Value::Bool(_) => BOOLEAN,
        Value::Number(number) if number.is_f64() => FLOAT,
        Value::Number(number) if number.is_i64() => INTEGER,
        Value::Number(_) => INTEGER | DECIMAL,
        Value::String(_) => STRING,
        Value::Array(_) => ARRAY,
        Value::Object(_) => OBJECT,
    }
}
