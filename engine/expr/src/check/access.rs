//! Taking a field or an item out of a value.

use std::ops::Range;

use base::code::{EMPTY_COLLECTION_ACCESS, POSSIBLY_NULL, TYPE_MISMATCH, UNKNOWN_FIELD};
use serde_json::Value;

use super::facts::is_call;
use super::{Checker, known_names};
use crate::ast::{Call, Expr, Node};
use crate::types::Type;

/// One access: `object[key]`, or `object?[key]`.
struct Access<'e> {
    object: &'e Expr,
    null_safe: bool,
    /// Whether a condition has made sure that the result is there.
    present: bool,
    /// The bytes of the key with its brackets.
    range: Range<usize>,
    /// The steps of `['a/b/c']` that are taken already.
    inside: String,
}

impl<'e> Checker<'e> {
    pub(super) fn access(
        &mut self,
        expr: &'e Expr,
        object: &'e Expr,
        key: &'e Expr,
        null_safe: bool,
    ) -> Type {
        let from = self.expr(object);
        let key = self.expr(key);
        let end = expr.range.end;
        let range = if object.range.end < end { object.range.end..end } else { expr.range.clone() };
        let present = self.is_present(expr);
        let access = Access { object, null_safe, present, range, inside: String::new() };
        self.select(access, &from, &key)
    }

    fn select(&mut self, mut access: Access<'e>, from: &Type, key: &Type) -> Type {
        if from.is_unknown() || from.is_never() {
            return from.clone();
        }
        if from.is_null() {
            if access.null_safe {
                return Type::Null;
            }
            let message = format!("{} is always null here", self.subject(&access));
            self.report(&access.range, TYPE_MISMATCH, message, None);
            return Type::Never;
        }
        if from.is_nullable() && !access.null_safe && !access.present {
            self.nullable(&access);
            access.present = true;
        }
        let value = from.non_null();
        let found = match key.constant() {
            Some(Value::String(name)) => self.name(&access, &value, name),
            Some(Value::Number(number)) if number.is_i64() => {
                self.index(&access, &value, number.as_i64().unwrap_or_default())
            }
            Some(_) | None => self.computed(&access, &value, key),
        };
        if from.is_nullable() && access.null_safe { found.or_null() } else { found }
    }

    fn nullable(&mut self, access: &Access<'e>) {
        let guarded = self.guarded(access);
        let hint = guarded.as_ref().map(|it| format!("write `{it}`"));
        let (code, message) = match Self::list_of(access.object) {
            Some(list) => {
                (EMPTY_COLLECTION_ACCESS, format!("`{}` may be empty", self.written(list)))
            }
            None => (POSSIBLY_NULL, format!("{} may be null", self.subject(access))),
        };
        self.report(&access.range, code, message, hint);
        if let Some(guarded) = guarded {
            self.offer(guarded, false);
        }
    }

    /// The access with a question mark, where it is written as one.
    fn guarded(&self, access: &Access<'e>) -> Option<String> {
        let segment = self.source.get(access.range.clone())?.trim();
        segment.starts_with(['[', '.']).then(|| format!("?{segment}"))
    }

    /// What is selected from, for messages.
    fn subject(&self, access: &Access<'e>) -> String {
        let object = self.written(access.object);
        match access.inside.as_str() {
            "" => format!("`{object}`"),
            inside => format!("`{inside}` of `{object}`"),
        }
    }

    /// The list of `first(list)` and `last(list)`, which are null when it is empty.
    pub(super) fn list_of(expr: &'e Expr) -> Option<&'e Expr> {
        match &expr.node {
            Node::Call(Call { arguments, .. })
                if is_call(expr, "first") || is_call(expr, "last") =>
            {
                arguments.first()
            }
            Node::Literal(_)
            | Node::Call(_)
            | Node::Access { .. }
            | Node::Path(_)
            | Node::Query(_) => None,
        }
    }

    fn name(&mut self, access: &Access<'e>, value: &Type, name: &str) -> Type {
        if !value.may_be_object() {
            let message = format!("{} has no field `{name}`", with_article(value));
            let hint = value.is_list().then(|| {
                let list = self.written(access.object);
                format!("take an item first, such as `first({list})` or `{list}[0]`")
            });
            self.report(&access.range, TYPE_MISMATCH, message, hint);
            return Type::Any;
        }
        if let Some(field) = value.field_in_any_case(name) {
            if field.required || access.present {
                return field.ty;
            }
            if access.null_safe {
                return field.ty.or_null();
            }
            let guarded = self.guarded(access);
            let hint = guarded.as_ref().map(|it| format!("write `{it}`"));
            self.report(&access.range, POSSIBLY_NULL, format!("`{name}` may be missing"), hint);
            if let Some(guarded) = guarded {
                self.offer(guarded, false);
            }
            return field.ty;
        }
        if let Some((first, rest)) = name.split_once('/')
            && value.field_in_any_case(first).is_some()
        {
            return self.steps(access, value, first, rest);
        }
        match value.rest() {
            Some(rest) if access.null_safe => rest.or_null(),
            Some(rest) => rest,
            None if value.is_only(&Type::Object) => {
                let message = format!("{} has no field `{name}`", self.subject(access));
                let hint = known_names(name, value.field_names());
                self.report(&access.range, UNKNOWN_FIELD, message, hint);
                self.offer_name(access, name, value);
                Type::Any
            }
            None => Type::Any,
        }
    }

    /// Offers the field that was meant where it is only a slip of the fingers.
    fn offer_name(&mut self, access: &Access<'e>, name: &str, value: &Type) {
        let slips = value.field_names().filter(|it| base::suggest::is_slip(name, it));
        let slips: Vec<&str> = slips.collect();
        let written = self.source.get(access.range.clone()).unwrap_or("");
        if let [meant] = slips.as_slice()
            && written.matches(name).count() == 1
        {
            self.offer(written.replacen(name, meant, 1), true);
        }
    }

    /// `['a/b/c']`: one step after another.
    fn steps(&mut self, access: &Access<'e>, value: &Type, first: &str, rest: &str) -> Type {
        let mut at = self.name(access, value, first);
        let mut inside = first.to_owned();
        for name in rest.split('/') {
            let index = name.parse::<i64>().ok().filter(|_| at.is_list());
            let key = index.map_or_else(|| Value::from(name), Value::from);
            let range = access.range.clone();
            let step = Access { inside: inside.clone(), range, ..*access };
            at = self.select(step, &at, &Type::of_value(&key));
            inside = format!("{inside}/{name}");
        }
        at
    }

    fn index(&mut self, access: &Access<'e>, value: &Type, index: i64) -> Type {
        if !value.may_be_array() {
            let message = format!("{} has no item `{index}`", with_article(value));
            let hint = value.may_be_object().then(|| "fields are selected by name".to_owned());
            self.report(&access.range, TYPE_MISMATCH, message, hint);
            return Type::Any;
        }
        let there = access.present || (index == 0 && value.is_filled());
        if there || (!access.null_safe && index != 0) {
            return value.element();
        }
        if access.null_safe {
            return value.element().or_null();
        }
        if value.is_list() {
            let list = self.written(access.object);
            let hint = format!("write `first({list})`, which is null then, or ask `empty` before");
            let message = format!("`{list}` may be empty");
            self.report(&access.range, EMPTY_COLLECTION_ACCESS, message, Some(hint));
            if let Some(guarded) = self.guarded(access) {
                self.offer(guarded, false);
            }
        }
        value.element()
    }

    /// A key that is not known before the run.
    fn computed(&mut self, access: &Access<'e>, value: &Type, key: &Type) -> Type {
        let names = key.is_never() || key.may_be_text();
        let indexes = key.is_never() || key.fits(&Type::Integer);
        let possible = (names && value.may_be_object()) || (indexes && value.may_be_array());
        if !possible {
            let message = format!("{} has no field or item by {}", with_article(value), key.name());
            self.report(&access.range, TYPE_MISMATCH, message, None);
        }
        if value.is_list() { value.element().or_null().join(&Type::Null) } else { Type::Any }
    }
}

/// `a string`, `an array or object`.
pub(super) fn with_article(ty: &Type) -> String {
    let name = ty.name();
    let vowel = name.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {name}", if vowel { "an" } else { "a" })
}
