//! A mapping from which not all of a value comes out.

use base::{Diagnostic, Sink, code};
use expr::Type;
use flow::{
    Mapping,
    mapping::{Comparison, Conversion, Field},
};
use serde_json::Value;

use crate::{
    fields::{self, Side},
    given,
    rule::{Hooks, Phase, Rule},
    view::{Place, View},
};

pub(super) const RULE: Rule = Rule {
    code: code::MAPPING_LOSSY,
    phase: Phase::Types,
    summary: "A mapping loses part of a value: digits, the time of day, the end of a text, the currency.",
    hooks: Hooks { mapping: Some(check), ..Hooks::NONE },
};

fn check(view: &View<'_>, mapping: &Mapping, sink: &mut Sink) {
    let (from, to) = (Side::of(view, mapping.from.as_ref()), Side::of(view, mapping.to.as_ref()));
    let place = view.place_in(mapping);
    for field in &mapping.fields {
        // What cannot be read is another finding.
        let source = fields::plain_source(view, field, place)
            .filter(|_| !fields::is_misread(field, &view.types_at(place)));
        let names: Option<Vec<&str>> =
            source.as_ref().map(|it| it.iter().map(String::as_str).collect());
        let read = from.as_ref().zip(names.as_ref()).and_then(|(from, path)| from.at(path));
        let written = to.as_ref().zip(fields::target(field)).and_then(|(to, path)| to.at(&path));
        let losses = [
            digits(read, written, field),
            time(read, written, field),
            length(read, written, field),
            values(view, field, place),
        ];
        for (message, hint) in losses.into_iter().flatten() {
            sink.push(Diagnostic::new(RULE.code, field.span, message).hint(hint));
        }
        if let (Some(from), Some(path)) = (&from, &names)
            && let Some(currency) = currency(view, mapping, from, path)
        {
            let message = format!("the amount is mapped, but not its currency `{currency}`");
            let hint = format!("map `{currency}`, too, or convert the amount");
            sink.push(Diagnostic::new(RULE.code, field.span, message).hint(hint));
        }
    }
}

type Loss = Option<(String, String)>;

/// Fractions of a number that is written as a whole one.
fn digits(read: Option<&Value>, written: Option<&Value>, field: &Field) -> Loss {
    if !is(read?, "number") || field.values.is_some() {
        return None;
    }
    let whole_target = written.is_some_and(|it| is(it, "integer") && !is(it, "number"));
    match field.convert {
        Some(Conversion::Integer) => Some((
            "a number with a fraction cannot be made a whole one: the mapping fails".to_owned(),
            "write `as: number` or `as: money`, or round it in an expression".to_owned(),
        )),
        None | Some(Conversion::Number | Conversion::Money) if whole_target => Some((
            "a number with a fraction is written to a field of whole numbers".to_owned(),
            "round it in an expression, such as `@int(first(split(string(…), '.')))`".to_owned(),
        )),
        None | Some(_) => None,
    }
}

/// The time of day of an instant that is written as a date.
fn time(read: Option<&Value>, written: Option<&Value>, field: &Field) -> Loss {
    let format = |it: Option<&Value>| it?.get("format")?.as_str().map(str::to_owned);
    if format(read).as_deref() != Some("date-time") {
        return None;
    }
    let target = format(written);
    match (field.convert, target.as_deref()) {
        (Some(Conversion::Date), Some("date-time")) => Some((
            "the time of day is lost, although the target takes one".to_owned(),
            "write `as: dateTime`".to_owned(),
        )),
        (None | Some(Conversion::Text | Conversion::DateTime), Some("date")) => Some((
            "an instant is written to a field of dates".to_owned(),
            "write `as: date` and `compare: date`".to_owned(),
        )),
        (Some(Conversion::Date), Some("date")) if field.compare == Comparison::Exact => Some((
            "the time of day is lost, so that the two sides always differ".to_owned(),
            "write `compare: date`".to_owned(),
        )),
        _ => None,
    }
}

/// The end of a text that is longer than the target takes.
fn length(read: Option<&Value>, written: Option<&Value>, field: &Field) -> Loss {
    let (read, written) = (read?, written?);
    let most = |it: &Value| it.get("maxLength").and_then(Value::as_u64);
    let limit = most(written)?;
    let short = ["enum", "format", "const"].iter().any(|it| read.get(*it).is_some());
    let fits = most(read).is_some_and(|it| it <= limit);
    if !is(read, "string") || short || fits || field.values.is_some() {
        return None;
    }
    let much = most(read)
        .map_or_else(|| "a text of any length".to_owned(), |it| format!("up to {it} characters"));
    Some((
        format!("{much} is written to a field of at most {limit}"),
        format!("cut it in an expression, such as `@take(…, {limit})`"),
    ))
}

/// Values that the source can have and `values` does not know.
fn values(view: &View<'_>, field: &Field, place: Place) -> Loss {
    let known = field.values.as_ref()?;
    if field.otherwise.is_some() || field.when.is_some() {
        return None;
    }
    let taken: Type = fields::taken(field, &view.types_at(place));
    let lacking: Vec<String> = taken
        .constants()?
        .iter()
        .filter(|it| !it.is_null())
        .map(expr::to_text)
        .filter(|it| !known.contains_key(it))
        .map(|it| format!("`{it}`"))
        .collect();
    (!lacking.is_empty()).then(|| {
        (
            format!("`values` does not say what {} becomes: the mapping fails", lacking.join(", ")),
            "add it, or `otherwise:` for all others".to_owned(),
        )
    })
}

/// Words that amounts of money are called by.
const AMOUNTS: &[&str] = &["amount", "budget", "price", "revenue", "total", "value"];

/// The currency beside an amount that nothing looks at.
fn currency(view: &View<'_>, mapping: &Mapping, from: &Side<'_>, path: &[&str]) -> Option<String> {
    let (name, before) = path.split_last()?;
    let lower = name.to_lowercase();
    if !AMOUNTS.iter().any(|it| lower.contains(it)) || !is(from.at(path)?, "number") {
        return None;
    }
    let beside = from.at(before)?.get("properties")?.as_object()?;
    let currency = beside.keys().find(|it| it.to_lowercase().contains("currency"))?;
    let place = view.place_in(mapping);
    let mapped = mapping.fields.iter().any(|it| {
        fields::sources(view, it, place).iter().any(|path| path.last() == Some(currency))
    });
    // The flow may look after it, where it is an id of another table.
    let mut handled = false;
    for action in &view.flow.actions {
        given::strings(action, &mut |placed| {
            handled |= placed.template.source().to_lowercase().contains("currency");
        });
        handled |= given::values(action)
            .iter()
            .any(|(_, it)| given::keys(it).iter().any(|it| it.to_lowercase().contains("currency")));
    }
    (!mapped && !handled).then(|| currency.clone())
}

/// Whether a schema allows values of a type.
fn is(schema: &Value, ty: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(name)) => name == ty,
        Some(Value::Array(names)) => names.iter().any(|it| it == ty),
        _ => false,
    }
}
