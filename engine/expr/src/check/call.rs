//! Calls: whether there is such a function, how many arguments it takes and of which types.

use base::code::{
    EMPTY_COLLECTION_ACCESS, POSSIBLY_NULL, TYPE_MISMATCH, UNKNOWN_FUNCTION, WRONG_ARGUMENT_COUNT,
};
use serde_json::Value;

use super::{Checker, foreign, results};
use crate::ast::{Call, Expr, Node};
use crate::functions::{Function, Kind};
use crate::types::Type;

impl<'e> Checker<'e> {
    pub(super) fn call(&mut self, call: &'e Call) -> Type {
        if let Some(function) = call.function.filter(|_| !self.environment.hosts(&call.name)) {
            self.count(call, function);
            return match function.name {
                "if" => self.choose(call, function),
                "and" => self.decide(call, function, true),
                "or" => self.decide(call, function, false),
                "coalesce" => self.coalesce(call),
                _ => self.plain(call, function),
            };
        }
        let arguments: Vec<Type> = call.arguments.iter().map(|it| self.expr(it)).collect();
        if let Some(ty) = self.environment.host(&call.name, &arguments) {
            return ty;
        }
        let end = call.range.end.min(call.range.start + call.name.len());
        let named = self.source.get(call.range.start..end) == Some(&call.name);
        let range = if named { call.range.start..end } else { call.range.clone() };
        let message = format!("there is no function `{}`", call.name);
        self.report(&range, UNKNOWN_FUNCTION, message, foreign::suggestion(&call.name));
        Type::Any
    }

    fn count(&mut self, call: &Call, function: &Function) {
        let given = call.arguments.len();
        if function.takes(given) {
            return;
        }
        let plural = |count: usize| if count == 1 { "argument" } else { "arguments" };
        let wanted = match (function.arity_min(), function.arity_max()) {
            (0, Some(0)) => "no arguments".to_owned(),
            (0, Some(most)) => format!("at most {most} {}", plural(most)),
            (least, None) => format!("at least {least} {}", plural(least)),
            (least, Some(most)) if least == most => format!("{least} {}", plural(least)),
            (least, Some(most)) => format!("{least} to {most} arguments"),
        };
        let message = format!("`{}` takes {wanted}, not {given}", function.name);
        let params = function.params.iter().map(|it| match it.kind {
            Kind::Required => it.name.to_owned(),
            Kind::Optional => format!("{}?", it.name),
            Kind::Rest => format!("{}…", it.name),
        });
        let params = params.collect::<Vec<_>>().join(", ");
        let hint = format!("`{}({params})`", function.name);
        self.report(&call.range, WRONG_ARGUMENT_COUNT, message, Some(hint));
    }

    fn plain(&mut self, call: &'e Call, function: &'static Function) -> Type {
        let mut types = Vec::with_capacity(call.arguments.len());
        for (index, argument) in call.arguments.iter().enumerate() {
            let ty = self.expr(argument);
            types.push(self.argument(function, index, argument, &ty));
        }
        match (function.name, call.arguments.as_slice(), types.as_slice()) {
            ("equals", [a, b], [left, right]) => self.equality(call, (a, left), (b, right)),
            ("greater" | "greaterOrEquals" | "less" | "lessOrEquals", [..], [left, right])
                if !left.can_be_ordered_with(right) =>
            {
                let (left, right) = (left.name(), right.name());
                let message = format!("`{}` compares {left} with {right}", function.name);
                let hint = "turn the text into a number with `int` or `float`".to_owned();
                self.report(&call.range, TYPE_MISMATCH, message, Some(hint));
            }
            ("union" | "intersection", [..], types) => self.collections(call, types),
            _ => {}
        }
        results::of(function, self.environment, &types)
    }

    /// Checks one argument, and gives what is left of its type where that is right.
    fn argument(
        &mut self,
        function: &Function,
        index: usize,
        argument: &'e Expr,
        ty: &Type,
    ) -> Type {
        let Some(param) = function.param(index) else { return ty.clone() };
        let takes_null = param.ty.fits(&Type::Null) || param.kind == Kind::Optional;
        if ty.is_null() && takes_null {
            return ty.clone();
        }
        let value = ty.non_null();
        let (range, name) = (&argument.range, function.name);
        if (ty.is_null() || !value.fits(&param.ty)) && !ty.is_never() {
            let (wanted, given) = (param.ty.name(), ty.name());
            let message = format!("`{name}` takes {wanted} for `{}`, not {given}", param.name);
            let hint = conversion(&param.ty, &value);
            self.report(range, TYPE_MISMATCH, message, hint);
            return Type::Any;
        }
        if ty.is_nullable() && !takes_null {
            let (code, what) = match Self::list_of(argument) {
                Some(list) => {
                    (EMPTY_COLLECTION_ACCESS, format!("`{}` may be empty", self.written(list)))
                }
                None => (POSSIBLY_NULL, format!("`{}` may be null", self.written(argument))),
            };
            let message = format!("{what}, which `{name}` does not take");
            let instead = replacement(&value).or_else(|| replacement(&param.ty));
            let hint = instead.map(|it| format!("write `coalesce(…, {it})`"));
            self.report(range, code, message, hint);
            let written = self.source.get(range.clone()).map(str::trim);
            if let (Some(instead), Some(written)) = (instead, written) {
                self.offer(format!("coalesce({written}, {instead})"), false);
            }
            return value;
        }
        ty.clone()
    }

    /// Reports an equality that never holds.
    fn equality(&mut self, call: &Call, a: (&'e Expr, &Type), b: (&'e Expr, &Type)) {
        let ((left, left_ty), (right, right_ty)) = (a, b);
        if !left_ty.can_equal(right_ty) {
            let (one, other) = (left_ty.non_null().name(), right_ty.non_null().name());
            let message = format!("`equals` compares {one} with {other}, which are never equal");
            let hint = if left_ty.may_be_text() || right_ty.may_be_text() {
                Some("turn one of them into the type of the other with `int` or `string`".into())
            } else {
                None
            };
            self.warn(&call.range, TYPE_MISMATCH, message, hint);
            return;
        }
        for (literal, value, ty) in [(left, right, right_ty), (right, left, left_ty)] {
            let Node::Literal(wanted @ Value::String(_)) = &literal.node else { continue };
            self.choice(literal, wanted, value, ty);
        }
    }

    /// Reports a text that is none of the few that a value can be.
    fn choice(&mut self, literal: &Expr, wanted: &Value, value: &Expr, ty: &Type) {
        let Some(values @ [_, _, ..]) = ty.constants() else { return };
        if values.contains(wanted) {
            return;
        }
        let wanted_text = wanted.as_str().unwrap_or_default();
        let message = format!("`{}` is never `{wanted_text}`", self.written(value));
        let hint = super::known_names(wanted_text, values.iter().filter_map(Value::as_str));
        self.warn(&literal.range, TYPE_MISMATCH, message, hint);
    }

    /// Lists go with lists, objects with objects.
    fn collections(&mut self, call: &Call, types: &[Type]) {
        let lists = types.iter().any(|ty| !ty.may_be_object() && ty.may_be_array());
        let objects = types.iter().any(|ty| !ty.may_be_array() && ty.may_be_object());
        if lists && objects {
            let message = format!("`{}` mixes lists and objects", call.canonical_name());
            self.report(&call.range, TYPE_MISMATCH, message, None);
        }
    }

    fn choose(&mut self, call: &'e Call, function: &Function) -> Type {
        let [condition, yes, no] = call.arguments.as_slice() else { return self.rest(call, 0) };
        let asked = self.expr(condition);
        self.argument(function, 0, condition, &asked);
        let decided = asked.constant().and_then(Value::as_bool);
        let mut branch = |value, holds| {
            let (facts, findings) = (self.facts(), self.findings.len());
            self.learn(condition, holds);
            let ty = self.expr(value);
            self.forget(facts);
            if decided == Some(!holds) {
                self.findings.truncate(findings);
                return Type::Never;
            }
            ty
        };
        branch(yes, true).join(&branch(no, false))
    }

    /// `and` goes on while conditions hold, `or` while they do not.
    fn decide(&mut self, call: &'e Call, function: &Function, while_holds: bool) -> Type {
        let facts = self.facts();
        let mut all = Type::Never;
        for (index, condition) in call.arguments.iter().enumerate() {
            let asked = self.expr(condition);
            self.argument(function, index, condition, &asked);
            self.learn(condition, while_holds);
            if asked.constant() == Some(&Value::Bool(!while_holds)) {
                // What stands behind is never evaluated.
                all = asked;
                break;
            }
            all = all.join(&asked);
        }
        self.forget(facts);
        if all.constant().is_some_and(Value::is_boolean) { all } else { Type::Boolean }
    }

    fn coalesce(&mut self, call: &'e Call) -> Type {
        let mut sum = Type::Never;
        for argument in &call.arguments {
            let ty = self.expr(argument);
            sum = sum.non_null().join(&ty);
            if !ty.is_nullable() && !ty.is_unknown() && !ty.is_never() {
                // What stands behind is never evaluated.
                break;
            }
        }
        sum
    }

    fn rest(&mut self, call: &'e Call, from: usize) -> Type {
        for argument in call.arguments.iter().skip(from) {
            self.expr(argument);
        }
        Type::Any
    }
}

/// How a value is turned into what is asked for.
fn conversion(wanted: &Type, given: &Type) -> Option<String> {
    let text = wanted.is_only(&Type::String) && !wanted.is_only(&Type::Timestamp);
    let hint = if given.is_never() {
        return None;
    } else if text && given.is_only(&Type::Scalar) {
        "write `string(…)`"
    } else if text && given.is_list() {
        "write `join(…, ',')`"
    } else if wanted.is_only(&Type::Number) && given.is_only(&Type::String) {
        "write `int(…)` or `float(…)`"
    } else if wanted.is_only(&Type::Integer) && given.is_only(&Type::Number) {
        "write `int(…)`"
    } else if wanted.is_only(&Type::Boolean) && given.is_only(&Type::Number) {
        "compare it, such as `greater(…, 0)`"
    } else if wanted.is_only(&Type::Boolean) {
        "compare it, such as `equals(…, 'yes')`"
    } else if wanted.is_list() && given.is_only(&Type::String) {
        "write `split(…, ',')` or `createArray(…)`"
    } else if wanted.is_only(&Type::Object) && given.is_only(&Type::String) {
        "write `json(…)`"
    } else {
        return None;
    };
    Some(hint.to_owned())
}

/// What stands for nothing where such a value is expected.
fn replacement(expected: &Type) -> Option<&'static str> {
    [
        (Type::String, "''"),
        (Type::Number, "0"),
        (Type::Boolean, "false"),
        (Type::Array, "json('[]')"),
        (Type::Object, "json('{}')"),
    ]
    .into_iter()
    .find(|(ty, _)| expected.is_only(ty))
    .map(|(_, text)| text)
}
