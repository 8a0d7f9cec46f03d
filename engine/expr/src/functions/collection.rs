//! Functions on lists, and on texts and objects where these are like lists.
//!
//! It is over 400 lines because it is one family, half of it the records of the functions.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::string::{cut, length as text_length};
use super::{Answer, Arguments, Eval, Function, Origin, optional, required, rest};
use crate::access::key_of;
use crate::coerce::{canonical, compare, equals};
use crate::digits;
use crate::error::EvalError;
use crate::operand::Operand;
use crate::types::Type;

const FAMILY: &str = "Collection";

pub(super) const CHUNK: Function = Function {
    name: "chunk",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "Cuts a text or a list into pieces of the same length.",
    params: &[required("collection", Type::StringOrArray), required("length", Type::Integer)],
    returns: Type::Array,
    eval: Eval::Pure(chunk),
    examples: &[
        ("chunk('abcdefg', 3)", "[\"abc\",\"def\",\"g\"]"),
        ("chunk(createArray(1, 2, 3), 2)", "[[1,2],[3]]"),
    ],
};

pub(super) const CONTAINS: Function = Function {
    name: "contains",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "Whether a list has an item, an object a key, a text a part; with regard to case.",
    params: &[required("collection", Type::Collection), required("value", Type::Any)],
    returns: Type::Boolean,
    eval: Eval::Pure(contains),
    examples: &[
        ("contains('hello world', 'world')", "true"),
        ("contains(createArray(1, 2), 3)", "false"),
        ("contains(json('{\"a\": 1}'), 'a')", "true"),
    ],
};

pub(super) const EMPTY: Function = Function {
    name: "empty",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "Whether a list, an object or a text has nothing in it; true for null.",
    params: &[required("collection", Type::CollectionOrNull)],
    returns: Type::Boolean,
    eval: Eval::Pure(empty),
    examples: &[("empty('')", "true"), ("empty(createArray(1))", "false")],
};

pub(super) const FIRST: Function = Function {
    name: "first",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The first item of a list, or the first character of a text.",
    params: &[required("collection", Type::StringOrArray)],
    returns: Type::Any,
    eval: Eval::Pure(first),
    examples: &[("first(createArray(0, 1, 2))", "0"), ("first('hello')", "\"h\"")],
};

pub(super) const INTERSECTION: Function = Function {
    name: "intersection",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The items, or the properties, that all of the collections have.",
    params: &[required("collection", Type::ArrayOrObject), rest("collection", Type::ArrayOrObject)],
    returns: Type::ArrayOrObject,
    eval: Eval::Pure(intersection),
    examples: &[
        ("intersection(createArray(1, 2, 3), createArray(101, 2, 1, 10))", "[1,2]"),
        ("intersection(json('{\"a\": 1, \"b\": 2}'), json('{\"a\": 1, \"b\": 3}'))", "{\"a\":1}"),
    ],
};

pub(super) const JOIN: Function = Function {
    name: "join",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The items of a list as one text, with a delimiter between them.",
    params: &[required("collection", Type::Array), required("delimiter", Type::String)],
    returns: Type::String,
    eval: Eval::Pure(join),
    examples: &[
        ("join(createArray('a', 'b', 'c'), '.')", "\"a.b.c\""),
        ("join(createArray(1, true), ', ')", "\"1, True\""),
    ],
};

pub(super) const LAST: Function = Function {
    name: "last",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The last item of a list, or the last character of a text.",
    params: &[required("collection", Type::StringOrArray)],
    returns: Type::Any,
    eval: Eval::Pure(last),
    examples: &[("last(createArray(0, 1, 2))", "2"), ("last('abcd')", "\"d\"")],
};

pub(super) const LENGTH: Function = Function {
    name: "length",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The number of items of a list, or of characters of a text.",
    params: &[required("collection", Type::StringOrArray)],
    returns: Type::Integer,
    eval: Eval::Pure(length),
    examples: &[("length('abcd')", "4"), ("length(createArray(0, 1, 2, 3))", "4")],
};

pub(super) const REVERSE: Function = Function {
    name: "reverse",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "A list from its end to its start.",
    params: &[required("collection", Type::Array)],
    returns: Type::Array,
    eval: Eval::Pure(reverse),
    examples: &[("reverse(createArray(0, 1, 2))", "[2,1,0]"), ("reverse(json('[]'))", "[]")],
};

pub(super) const SKIP: Function = Function {
    name: "skip",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "A list or a text without its first items.",
    params: &[required("collection", Type::StringOrArray), required("count", Type::Integer)],
    returns: Type::StringOrArray,
    eval: Eval::Pure(skip),
    examples: &[("skip(createArray(0, 1, 2, 3), 1)", "[1,2,3]"), ("skip('abc', 5)", "\"\"")],
};

pub(super) const SORT: Function = Function {
    name: "sort",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "A list in ascending order, objects by one of their properties.",
    params: &[required("collection", Type::Array), optional("sortBy", Type::String)],
    returns: Type::Array,
    eval: Eval::Pure(sort),
    examples: &[
        ("sort(createArray(2, 1, 0, 3))", "[0,1,2,3]"),
        ("sort(json('[{\"a\": 2}, {\"a\": 1}]'), 'a')", "[{\"a\":1},{\"a\":2}]"),
    ],
};

pub(super) const TAKE: Function = Function {
    name: "take",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The first items of a list or the first characters of a text.",
    params: &[required("collection", Type::StringOrArray), required("count", Type::Integer)],
    returns: Type::StringOrArray,
    eval: Eval::Pure(take),
    examples: &[("take(createArray(0, 1, 2, 3, 4), 3)", "[0,1,2]"), ("take('meow', 2)", "\"me\"")],
};

pub(super) const UNION: Function = Function {
    name: "union",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "All items, or all properties, of the collections; of equal keys the last wins.",
    params: &[required("collection", Type::ArrayOrObject), rest("collection", Type::ArrayOrObject)],
    returns: Type::ArrayOrObject,
    eval: Eval::Pure(union),
    examples: &[
        ("union(createArray(1, 2, 3), createArray(1, 2, 10))", "[1,2,3,10]"),
        ("union(json('{\"a\": 1}'), json('{\"a\": 2, \"b\": 3}'))", "{\"a\":2,\"b\":3}"),
    ],
};

const SEQUENCE: &str = "be an array or a string";

/// A text or a list.
enum Sequence<'a> {
    Text(Cow<'a, str>),
    List(Cow<'a, [Value]>),
}

fn sequence<'a>(args: &mut Arguments<'a>) -> Result<Sequence<'a>, EvalError> {
    match args.get(0).map(Operand::kind) {
        Some("String") => args.text(0).map(Sequence::Text),
        Some("Array") => args.array(0).map(Sequence::List),
        kind => Err(args.mismatch(0, SEQUENCE, kind.unwrap_or("Null"))),
    }
}

fn chunk(args: &mut Arguments<'_>) -> Answer<'static> {
    let sequence = sequence(args)?;
    let size = positive(args, 1)?;
    if size == 0 {
        return Err(args.mismatch(1, "be an integer greater than zero", "Integer"));
    }
    let whole = match &sequence {
        Sequence::Text(text) => text_length(text),
        Sequence::List(items) => items.len(),
    };
    args.affords(whole.div_ceil(size).saturating_mul(size_of::<Value>()))?;
    let pieces: Vec<Value> = match sequence {
        Sequence::Text(text) => {
            let units: Vec<u16> = text.encode_utf16().collect();
            units.chunks(size).map(|piece| String::from_utf16_lossy(piece).into()).collect()
        }
        Sequence::List(items) => items.chunks(size).map(|piece| piece.to_vec().into()).collect(),
    };
    Ok(pieces.into())
}

fn contains(args: &mut Arguments<'_>) -> Answer<'static> {
    let (collection, wanted) = (args.take(0), args.take(1));
    match (collection.json(), wanted.json()) {
        (Some(Value::String(text)), _) => Ok(text.contains(wanted.to_text().as_ref()).into()),
        (Some(Value::Array(items)), Some(wanted)) => {
            Ok(items.iter().any(|item| equals(item, wanted)).into())
        }
        (Some(Value::Array(items)), None) => {
            let wanted = wanted.into_value();
            Ok(items.iter().any(|item| equals(item, &wanted)).into())
        }
        (Some(Value::Object(map)), _) => {
            Ok(key_of(map, wanted.to_text().as_ref()).is_some().into())
        }
        _ => Err(args.mismatch(0, "be a dictionary, an array or a string", collection.kind())),
    }
}

fn empty(args: &mut Arguments<'_>) -> Answer<'static> {
    let value = args.take(0);
    match value.json() {
        Some(Value::Null) => Ok(true.into()),
        Some(Value::String(text)) => Ok(text.is_empty().into()),
        Some(Value::Array(items)) => Ok(items.is_empty().into()),
        Some(Value::Object(map)) => Ok(map.is_empty().into()),
        _ => Err(args.mismatch(0, "be an object, an array or a string", value.kind())),
    }
}

fn first<'a>(args: &mut Arguments<'a>) -> Answer<'a> {
    let known = digits::of(args.get(0));
    let item = match sequence(args)? {
        Sequence::Text(text) => cut(&text, 0, 1).into(),
        Sequence::List(Cow::Borrowed(items)) => items.first().map_or(Operand::NULL, Operand::lent),
        Sequence::List(Cow::Owned(items)) => {
            items.into_iter().next().map_or(Operand::NULL, Operand::from)
        }
    };
    Ok(digits::joined(item, known.and_then(|known| known.item(0).cloned())))
}

fn last<'a>(args: &mut Arguments<'a>) -> Answer<'a> {
    let known = digits::of(args.get(0));
    match sequence(args)? {
        Sequence::Text(text) => {
            let end = text_length(&text) as u64;
            Ok(cut(&text, end.saturating_sub(1), 1).into())
        }
        Sequence::List(Cow::Borrowed(items)) => {
            Ok(items.last().map_or(Operand::NULL, Operand::lent))
        }
        Sequence::List(Cow::Owned(mut items)) => {
            let item = items.pop().map_or(Operand::NULL, Operand::from);
            Ok(digits::joined(item, known.and_then(|known| known.item(items.len()).cloned())))
        }
    }
}

fn length(args: &mut Arguments<'_>) -> Answer<'static> {
    match sequence(args)? {
        Sequence::Text(text) => Ok(text_length(&text).into()),
        Sequence::List(items) => Ok(items.len().into()),
    }
}

fn reverse(args: &mut Arguments<'_>) -> Answer<'static> {
    let mut items = args.array(0)?.into_owned();
    items.reverse();
    Ok(items.into())
}

fn skip(args: &mut Arguments<'_>) -> Answer<'static> {
    let sequence = sequence(args)?;
    let count = positive(args, 1)?;
    match sequence {
        Sequence::Text(text) => Ok(cut(&text, count as u64, u64::MAX).into()),
        Sequence::List(items) => Ok(items.get(count..).unwrap_or_default().to_vec().into()),
    }
}

fn take(args: &mut Arguments<'_>) -> Answer<'static> {
    let sequence = sequence(args)?;
    let count = positive(args, 1)?;
    match sequence {
        Sequence::Text(text) => Ok(cut(&text, 0, count as u64).into()),
        Sequence::List(items) => {
            Ok(items.get(..count.min(items.len())).unwrap_or_default().to_vec().into())
        }
    }
}

fn positive(args: &Arguments<'_>, index: usize) -> Result<usize, EvalError> {
    let count = usize::try_from(args.integer(index)?);
    count.map_err(|_| args.mismatch(index, "be a positive integer", "Integer"))
}

fn join(args: &mut Arguments<'_>) -> Answer<'static> {
    let kind = args.get(0).map_or("Null", Operand::kind);
    let known = digits::of(args.get(0));
    let items = args.array(0).map_err(|_| args.mismatch(0, "be an array", kind))?;
    let delimiter = args.text(1)?;
    let text_of = |(index, item): (usize, &Value)| {
        let known = known.as_ref().and_then(|known| known.item(index));
        match known {
            None => crate::text::to_text(item),
            known => digits::joined(Operand::lent(item), known.cloned()).to_text().into_owned(),
        }
    };
    let texts: Vec<String> = items.iter().enumerate().map(text_of).collect();
    let delimiters = delimiter.len().saturating_mul(texts.len());
    args.affords(texts.iter().map(String::len).sum::<usize>().saturating_add(delimiters))?;
    Ok(texts.join(&delimiter).into())
}

fn sort(args: &mut Arguments<'_>) -> Answer<'static> {
    let mut items = args.array(0)?.into_owned();
    let by = args.optional_text(1)?;
    let mut unordered = None;
    items.sort_by(|a, b| {
        let (a, b) = match &by {
            Some(by) => (property(a, by), property(b, by)),
            None => (a, b),
        };
        order(a, b).unwrap_or_else(|| {
            unordered.get_or_insert((base::value::kind(a), base::value::kind(b)));
            Ordering::Equal
        })
    });
    match unordered {
        None => Ok(items.into()),
        Some((a, b)) => Err(args.failure(&format!(
            "expects an array whose items can be compared. Values of type '{a}' and '{b}' cannot"
        ))),
    }
}

fn property<'v>(value: &'v Value, name: &str) -> &'v Value {
    let found = value.as_object().and_then(|map| map.get(key_of(map, name)?));
    found.unwrap_or(&Value::Null)
}

/// Null first, then by value.
fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Null, _) | (_, Value::Null) => Some(b.is_null().cmp(&a.is_null())),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (a, b) => compare(&Operand::lent(a), &Operand::lent(b)),
    }
}

/// Arguments that are all lists or all objects.
enum Collections {
    Lists(Vec<Vec<Value>>),
    Objects(Vec<Map<String, Value>>),
}

fn collections(args: &mut Arguments<'_>) -> Result<Collections, EvalError> {
    let kinds: Vec<_> = (0..args.len()).filter_map(|at| args.get(at)).map(Operand::kind).collect();
    let odd = kinds.iter().position(|kind| !matches!(*kind, "Array" | "Object"));
    if let Some(at) = odd {
        return Err(args.mismatch(at, "be an array or an object", kinds[at]));
    }
    if kinds.windows(2).any(|pair| pair[0] != pair[1]) {
        return Err(args.failure("expects parameters of same type"));
    }
    if kinds.first() == Some(&"Array") {
        let lists = (0..kinds.len()).map(|at| args.array(at).map(Cow::into_owned));
        return lists.collect::<Result<_, _>>().map(Collections::Lists);
    }
    (0..kinds.len()).map(|at| args.object(at)).collect::<Result<_, _>>().map(Collections::Objects)
}

fn intersection(args: &mut Arguments<'_>) -> Answer<'static> {
    match collections(args)? {
        Collections::Lists(lists) => {
            let mut lists = lists.into_iter();
            let mut kept = distinct(lists.next().unwrap_or_default());
            for list in lists {
                let others: BTreeSet<_> = list.iter().map(canonical).collect();
                kept.retain(|item| others.contains(&canonical(item)));
            }
            Ok(kept.into())
        }
        Collections::Objects(objects) => {
            let mut objects = objects.into_iter();
            let mut kept = objects.next().unwrap_or_default();
            for other in objects {
                kept.retain(|key, value| other.get(key).is_some_and(|it| equals(value, it)));
            }
            Ok(kept.into())
        }
    }
}

fn union(args: &mut Arguments<'_>) -> Answer<'static> {
    match collections(args)? {
        Collections::Lists(lists) => Ok(distinct(lists.into_iter().flatten().collect()).into()),
        Collections::Objects(objects) => {
            Ok(objects.into_iter().flatten().collect::<Map<_, _>>().into())
        }
    }
}

/// The items without those that equal an earlier one.
fn distinct(items: Vec<Value>) -> Vec<Value> {
    let mut seen = BTreeSet::new();
    items.into_iter().filter(|item| seen.insert(canonical(item))).collect()
}
