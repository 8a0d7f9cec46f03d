//! Paths as `JSONPath` and Handlebars write them: a name that leads nowhere gives null, or fails.

use std::ops::Range;

use base::code::{POSSIBLY_NULL, TYPE_MISMATCH, UNKNOWN_FIELD};

use super::access::with_article;
use super::{Checker, known_names};
use crate::ast::{Base, Expr, Path, Segment};
use crate::jsonpath::Query;
use crate::types::Type;

impl<'e> Checker<'e> {
    pub(super) fn path(&mut self, path: &'e Path, expr: &'e Expr) -> Type {
        let (start, taken) = match &path.base {
            Base::Root => match self.root(&path.segments) {
                Some(found) => found,
                None => return Type::Any,
            },
            Base::Frame(up) => (self.frame(*up), 0),
            Base::Local(_, name) => {
                return match name.as_str() {
                    "index" => Type::Integer,
                    "first" | "last" => Type::Boolean,
                    _ => Type::String.join(&Type::Integer),
                };
            }
        };
        let strict = path.strict && !self.is_present(expr);
        self.follow(start, &path.segments, taken, &Walk { range: &expr.range, strict })
    }

    /// A query gives the list of what it finds; where it looks must be there.
    pub(super) fn query(&mut self, query: &'e Query, expr: &'e Expr) -> Type {
        for path in query.paths() {
            if let Some((start, taken)) = self.root(path) {
                self.follow(start, path, taken, &Walk { range: &expr.range, strict: false });
            }
        }
        Type::Array
    }

    fn root(&self, path: &[Segment]) -> Option<(Type, usize)> {
        let names: Vec<&str> = path.iter().map_while(Segment::name).collect();
        self.environment.resolve(&names)
    }

    fn frame(&self, up: usize) -> Type {
        let at = self.frames.len().checked_sub(up + 1);
        at.and_then(|at| self.frames.get(at)).cloned().unwrap_or(Type::Any)
    }

    fn follow(&mut self, start: Type, path: &[Segment], taken: usize, walk: &Walk<'_>) -> Type {
        let mut at = start;
        for (nth, segment) in path.iter().enumerate().skip(taken) {
            if at.is_unknown() || at.is_never() {
                return Type::Any;
            }
            let range = self.place(path, nth, walk.range);
            let before = path.get(..nth).unwrap_or_default();
            if at.is_nullable() && walk.strict {
                let message = format!("`{}` may be null", dotted(before));
                let hint = "ask `{{#if …}}` before, or use a path `$.…`".to_owned();
                self.report(&range, POSSIBLY_NULL, message, Some(hint));
            }
            let nullable = at.is_nullable() && !walk.strict;
            let value = at.non_null();
            at = match Self::step(&value, segment) {
                Ok((ty, true)) => ty,
                Ok((ty, false)) if walk.strict => {
                    let message = format!("`{}` may be missing", segment_text(segment));
                    let hint = "ask `{{#if …}}` before, or use a path `$.…`".to_owned();
                    self.report(&range, POSSIBLY_NULL, message, Some(hint));
                    ty
                }
                Ok((ty, false)) => ty.or_null(),
                Err(Wrong::Kind) if value.is_never() => return Type::Null,
                Err(Wrong::Kind) => {
                    let name = segment_text(segment);
                    let message = match segment {
                        Segment::Index(_) => {
                            format!("{} has no item `{name}`", with_article(&value))
                        }
                        Segment::Name(_) | Segment::Either(_) => {
                            format!("{} has no field `{name}`", with_article(&value))
                        }
                    };
                    let hint = value.is_list().then(|| "take an item first, such as `[0]`".into());
                    self.report(&range, TYPE_MISMATCH, message, hint);
                    return Type::Any;
                }
                Err(Wrong::Name) => {
                    let name = segment_text(segment);
                    let message = format!("`{}` has no field `{name}`", dotted(before));
                    let hint = known_names(&name, value.field_names());
                    self.report(&range, UNKNOWN_FIELD, message, hint);
                    return Type::Any;
                }
            };
            if nullable {
                at = at.or_null();
            }
        }
        at
    }

    /// What one segment leads to, and whether that is always there.
    fn step(value: &Type, segment: &Segment) -> Result<(Type, bool), Wrong> {
        let name = match segment {
            Segment::Name(name) => name,
            Segment::Either(name) if !value.may_be_array() => name,
            Segment::Either(_) | Segment::Index(_) => {
                let index = match segment {
                    Segment::Index(index) => Some(*index),
                    Segment::Either(digits) | Segment::Name(digits) => digits.parse().ok(),
                };
                if !value.may_be_array() {
                    return Err(Wrong::Kind);
                }
                if value.may_be_object() {
                    return Ok((Type::Any, true));
                }
                let first = matches!(index, Some(0 | -1));
                return Ok((value.element(), first && value.is_filled()));
            }
        };
        if !value.may_be_object() {
            return Err(Wrong::Kind);
        }
        match (value.field(name), value.rest()) {
            (Some(field), _) => Ok((field.ty.clone(), field.required)),
            // Whether it is there is not known: nothing is said.
            (None, Some(rest)) => Ok((rest.or_null(), true)),
            (None, None) if value.is_only(&Type::Object) => Err(Wrong::Name),
            (None, None) => Ok((Type::Any, true)),
        }
    }

    /// The bytes of one segment, if it is found in the text as it is; else the whole path.
    fn place(&self, path: &[Segment], nth: usize, range: &Range<usize>) -> Range<usize> {
        let text = self.source.get(range.clone()).unwrap_or("");
        let mut end = 0;
        let mut start = None;
        for segment in path.iter().take(nth + 1) {
            let name = segment_text(segment);
            start = text.get(end..).and_then(|rest| rest.find(&name)).map(|at| end + at);
            match start {
                Some(at) => end = at + name.len(),
                None => return range.clone(),
            }
        }
        start.map_or_else(|| range.clone(), |at| range.start + at..range.start + end)
    }
}

struct Walk<'r> {
    range: &'r Range<usize>,
    /// Whether it is an error that there is no such thing.
    strict: bool,
}

enum Wrong {
    /// What is selected from has no fields, or no items.
    Kind,
    /// It has no field of that name.
    Name,
}

fn segment_text(segment: &Segment) -> String {
    match segment {
        Segment::Name(name) | Segment::Either(name) => name.clone(),
        Segment::Index(index) => index.to_string(),
    }
}

fn dotted(path: &[Segment]) -> String {
    if path.is_empty() {
        return "this".to_owned();
    }
    path.iter().map(segment_text).collect::<Vec<_>>().join(".")
}
