//! How types relate: what is common to two, what both may be, whether one may stand for another.

use std::sync::Arc;

use serde_json::Value;

use super::{
    ARRAY, Detail, Field, Fields, Items, Kinds, NULL, NUMBER, OBJECT, OBJECTS, STRING, Type,
};

impl Type {
    /// What is of this type or of the other.
    #[must_use]
    pub fn join(&self, other: &Self) -> Self {
        if self.is_never() || other.is_unknown() || self.same(other) {
            return other.clone();
        }
        if other.is_never() || self.is_unknown() {
            return self.clone();
        }
        let constants = match (self.values(), other.values()) {
            (Some(mut ours), Some(theirs)) => {
                for value in theirs {
                    if !ours.contains(&value) {
                        ours.push(value);
                    }
                }
                Some(ours)
            }
            (Some(_) | None, _) => None,
        };
        let items = match (self.kinds & ARRAY, other.kinds & ARRAY) {
            (0, _) => other.items().cloned(),
            (_, 0) => self.items().cloned(),
            _ => self.items().zip(other.items()).map(|(ours, theirs)| Items {
                each: ours.each.join(&theirs.each),
                filled: ours.filled && theirs.filled,
            }),
        };
        let fields = match (self.kinds & OBJECT, other.kinds & OBJECT) {
            (0, _) => other.fields().cloned(),
            (_, 0) => self.fields().cloned(),
            _ => self.fields().zip(other.fields()).map(|(ours, theirs)| ours.join(theirs)),
        };
        let kinds = self.kinds | other.kinds;
        Self::build(kinds, Detail { constants, items, fields, ..Detail::default() })
    }

    /// What is of this type and of the other; of the parts, what either says.
    #[must_use]
    pub fn meet(&self, other: &Self) -> Self {
        if self.is_unknown() || self.same(other) {
            return other.clone();
        }
        if other.is_unknown() {
            return self.clone();
        }
        let kinds = self.kinds & other.kinds;
        let constants = match (self.constants(), other.constants()) {
            (Some(ours), Some(theirs)) => {
                Some(ours.iter().filter(|it| theirs.contains(it)).cloned().collect())
            }
            (one, other) => one.or(other).map(<[Value]>::to_vec),
        };
        let items = match (self.items(), other.items()) {
            (Some(ours), Some(theirs)) => Some(Items {
                each: ours.each.meet(&theirs.each),
                filled: ours.filled || theirs.filled,
            }),
            (one, other) => one.or(other).cloned(),
        };
        let fields = match (self.fields(), other.fields()) {
            (Some(ours), Some(theirs)) => Some(ours.meet(theirs)),
            (one, other) => one.or(other).cloned(),
        };
        Self::build(kinds, Detail { constants, items, fields, ..Detail::default() })
    }

    fn same(&self, other: &Self) -> bool {
        let same_detail = match (&self.detail, &other.detail) {
            (Some(ours), Some(theirs)) => Arc::ptr_eq(ours, theirs),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        self.kinds == other.kinds && same_detail
    }

    /// All the values, if they are known; null is one.
    fn values(&self) -> Option<Vec<Value>> {
        let plain = self.kinds & !NULL;
        match self.constants() {
            Some(values) => Some(values.to_vec()),
            None if plain == 0 => Some(Vec::new()),
            None => None,
        }
    }

    /// Whether a value of this type can stand where `wanted` is asked for. Says yes when in doubt.
    pub fn fits(&self, wanted: &Self) -> bool {
        self.is_never() || self.kinds == 0 || related(self.kinds) & wanted.kinds != 0
    }

    /// Whether two values of these types can be equal. Says yes when in doubt; null is not looked
    /// at, because comparing with it is always right.
    pub(crate) fn can_equal(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.kinds & !NULL, other.kinds & !NULL);
        if ours == 0 || theirs == 0 {
            return true;
        }
        let numbers = |kinds: Kinds| {
            if kinds & NUMBER == 0 { related(kinds) } else { related(kinds) | NUMBER }
        };
        numbers(ours) & numbers(theirs) != 0
    }

    /// Whether both are ordered the same way: numbers with numbers, texts with texts.
    pub(crate) fn can_be_ordered_with(&self, other: &Self) -> bool {
        let both = |kinds: Kinds| self.kinds & kinds != 0 && other.kinds & kinds != 0;
        self.is_never() || other.is_never() || both(NUMBER) || both(STRING)
    }

    /// Whether all are numbers of one kind.
    pub(crate) fn is_only(&self, other: &Self) -> bool {
        !self.is_never() && self.kinds & !other.kinds == 0
    }

    /// Whether every value of this type is a value of the other. What is unknown is assignable.
    pub fn is_assignable(&self, to: &Self) -> bool {
        if self.is_unknown() || to.is_unknown() || self.same(to) {
            return true;
        }
        let mut accepted = to.kinds;
        if accepted & OBJECTS != 0 {
            // XML can be carried as bytes, and both as objects.
            accepted |= OBJECTS & !OBJECT;
        }
        if self.kinds & !accepted != 0 {
            return false;
        }
        if let Some(theirs) = to.constants() {
            let plain = self.kinds & !NULL;
            let known = self.constants();
            if plain != 0 && !known.is_some_and(|ours| ours.iter().all(|it| theirs.contains(it))) {
                return false;
            }
        }
        if let (true, Some(theirs)) = (self.kinds & ARRAY != 0, to.items()) {
            let empty = !self.is_filled() && theirs.filled;
            if empty || !self.element().is_assignable(&theirs.each) {
                return false;
            }
        }
        match (self.kinds & OBJECT, self.fields(), to.fields()) {
            (0, ..) | (_, None, _) | (_, _, None) => true,
            (_, Some(ours), Some(theirs)) => ours.is_assignable(theirs),
        }
    }
}

/// Kinds that a value of these may be taken for: a timestamp is a text, an envelope an object.
const fn related(kinds: Kinds) -> Kinds {
    let texts = if kinds & STRING == 0 { 0 } else { STRING };
    let objects = if kinds & OBJECTS == 0 { 0 } else { OBJECTS };
    kinds | texts | objects
}

impl Fields {
    /// A field that one of the two lacks may be missing.
    fn join(&self, other: &Self) -> Self {
        let mut known = self.known.clone();
        for (name, field) in &mut known {
            match (other.known.get(name), &other.rest) {
                (Some(theirs), _) => {
                    field.ty = field.ty.join(&theirs.ty);
                    field.required &= theirs.required;
                }
                (None, rest) => {
                    field.ty = field.ty.join(rest.as_ref().unwrap_or(&Type::Never));
                    field.required = false;
                }
            }
        }
        for (name, field) in &other.known {
            if !self.known.contains_key(name) {
                let ty = field.ty.join(self.rest.as_ref().unwrap_or(&Type::Never));
                known.insert(name.clone(), Field { ty, required: false });
            }
        }
        let rest = match (&self.rest, &other.rest) {
            (Some(ours), Some(theirs)) => Some(ours.join(theirs)),
            (one, other) => one.clone().or_else(|| other.clone()),
        };
        Self { known, rest }
    }

    fn meet(&self, other: &Self) -> Self {
        let mut known = self.known.clone();
        for (name, field) in &other.known {
            let ours = known.get(name);
            let ty = ours.map_or_else(|| field.ty.clone(), |it| it.ty.meet(&field.ty));
            let required = field.required || ours.is_some_and(|it| it.required);
            known.insert(name.clone(), Field { ty, required });
        }
        let rest = self.rest.as_ref().zip(other.rest.as_ref()).map(|(one, it)| one.meet(it));
        Self { known, rest }
    }

    fn is_assignable(&self, to: &Self) -> bool {
        let theirs = |(name, wanted): (&String, &Field)| match (self.known.get(name), &self.rest) {
            (Some(field), _) => {
                (field.required || !wanted.required) && field.ty.is_assignable(&wanted.ty)
            }
            (None, Some(rest)) => rest.is_unknown() || !wanted.required,
            (None, None) => !wanted.required,
        };
        let ours = |(name, field): (&String, &Field)| {
            to.known.contains_key(name)
                || to.rest.as_ref().is_some_and(|rest| field.ty.is_assignable(rest))
        };
        let rest = match (&self.rest, &to.rest) {
            (None, _) => true,
            (Some(ours), Some(theirs)) => ours.is_assignable(theirs),
            (Some(ours), None) => ours.is_unknown(),
        };
        rest && to.known.iter().all(theirs) && self.known.iter().all(ours)
    }
}
