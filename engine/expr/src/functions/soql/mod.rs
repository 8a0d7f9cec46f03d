//! Queries of Salesforce: made of what `OData` asks for, and with values in place of names.

use serde_json::Value;

use super::ours::soql_literal_of;
use super::{Answer, Arguments, Eval, Function, Origin, optional, required};
use crate::error::EvalError;
use crate::operand::Operand;
use crate::types::Type;

mod filter;
mod tokens;

pub(crate) const SOQL: Function = Function {
    name: "soql",
    family: "Flowright",
    origin: Origin::Flowright,
    summary: "A query of Salesforce for what the `$select`, `$filter`, `$orderby`, `$top` and `$skip` of OData ask for.",
    params: &[
        required("table", Type::String),
        optional("select", Type::String),
        optional("filter", Type::String),
        optional("orderby", Type::String),
        optional("top", Type::Any),
        optional("skip", Type::Any),
    ],
    returns: Type::String,
    eval: Eval::Pure(soql),
    examples: &[
        (
            "soql('Account', 'Id,Name', 'Name eq ''O''''Neil'' and Employees gt 5', 'Name desc', 10)",
            "\"SELECT Id, Name FROM Account WHERE Name = 'O\\\\'Neil' AND Employees > 5 ORDER BY Name DESC NULLS LAST LIMIT 10\"",
        ),
        (
            "soql('Lead', 'Id', 'contains(Company, ''50%'') or Email eq null')",
            "\"SELECT Id FROM Lead WHERE Company LIKE '%50\\\\%%' OR Email = null\"",
        ),
    ],
};

pub(crate) const SOQL_BIND: Function = Function {
    name: "soqlBind",
    family: "Flowright",
    origin: Origin::Flowright,
    summary: "A query of Salesforce with a literal in place of each `@name`; quotes in texts are escaped.",
    params: &[required("query", Type::String), required("values", Type::Object)],
    returns: Type::String,
    eval: Eval::Pure(soql_bind),
    examples: &[
        (
            "soqlBind('SELECT Id FROM Lead WHERE LastName = @name', json('{\"name\":\"O''Neil\"}'))",
            "\"SELECT Id FROM Lead WHERE LastName = 'O\\\\'Neil'\"",
        ),
        (
            "soqlBind('SELECT Id FROM Lead WHERE Email = ''a@b''', json('{}'))",
            "\"SELECT Id FROM Lead WHERE Email = 'a@b'\"",
        ),
    ],
};

/// Characters of a query at most, as the service has it.
const QUERY_CHARS_MAX: usize = 100_000;
/// Records that the service skips at most.
const OFFSET_MAX: i64 = 2_000;
/// Up to so many records the service gives all fields without their names.
const ALL_FIELDS_LIMIT_MAX: i64 = 200;

fn soql(args: &mut Arguments<'_>) -> Answer<'static> {
    let (top, skip) = (count(args, 4)?, count(args, 5)?);
    if skip.is_some_and(|it| OFFSET_MAX < it) {
        return Err(args.failure(&format!("can skip {OFFSET_MAX} records at most")));
    }
    let table = args.text(0)?;
    if !tokens::is_name(&table) {
        return Err(
            args.failure(&format!("expects its first parameter to name a table, not '{table}'"))
        );
    }
    let fields = match args.optional_text(1)?.filter(|it| !matches!(it.trim(), "" | "*")) {
        Some(select) => selected(args, &select)?,
        None if top.is_some_and(|it| it <= ALL_FIELDS_LIMIT_MAX) => "FIELDS(ALL)".to_owned(),
        None => "FIELDS(STANDARD)".to_owned(),
    };
    let mut query = format!("SELECT {fields} FROM {table}");
    let mut add = |clause: &str, text: &str| query.extend([" ", clause, " ", text]);
    if let Some(filter) = args.optional_text(2)?.filter(|it| !it.trim().is_empty()) {
        let unreadable = |(at, what): (usize, String)| {
            args.failure(&format!("cannot read the filter at character {at}: {what}"))
        };
        add("WHERE", &filter::read(&filter).map_err(unreadable)?);
    }
    if let Some(order) = args.optional_text(3)?.filter(|it| !it.trim().is_empty()) {
        add("ORDER BY", &ordered(args, &order)?);
    }
    if let Some(top) = top {
        add("LIMIT", &top.to_string());
    }
    if let Some(skip) = skip {
        add("OFFSET", &skip.to_string());
    }
    bounded(args, query)
}

fn bounded(args: &Arguments<'_>, query: String) -> Answer<'static> {
    if query.chars().count() <= QUERY_CHARS_MAX {
        return Ok(query.into());
    }
    Err(args.failure(&format!("would make a query of more than {QUERY_CHARS_MAX} characters")))
}

/// A number of records; texts count, as parameters of a query are texts.
fn count(args: &Arguments<'_>, at: usize) -> Result<Option<i64>, EvalError> {
    let Some(value) = args.get(at).filter(|it| !it.is_null()) else { return Ok(None) };
    let number = match value.json() {
        Some(Value::String(text)) if text.trim().is_empty() => return Ok(None),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(other) => other.as_i64(),
        None => None,
    };
    match number.filter(|it| 0 <= *it) {
        Some(number) => Ok(Some(number)),
        None => Err(args.mismatch(at, "be a whole number from 0 on", value.kind())),
    }
}

/// The fields of `$select`, each once: the service refuses a query that names one twice.
fn selected(args: &Arguments<'_>, select: &str) -> Result<String, EvalError> {
    let mut fields: Vec<String> = Vec::new();
    for given in select.split(',').map(str::trim).filter(|it| !it.is_empty()) {
        let field = tokens::path(given).ok_or_else(|| {
            args.failure(&format!("expects fields in its second parameter, not '{given}'"))
        })?;
        if !fields.iter().any(|it| it.eq_ignore_ascii_case(&field)) {
            fields.push(field);
        }
    }
    Ok(fields.join(", "))
}

fn ordered(args: &Arguments<'_>, order: &str) -> Result<String, EvalError> {
    let mut keys = Vec::new();
    for given in order.split(',').map(str::trim).filter(|it| !it.is_empty()) {
        let mut words = given.split_whitespace();
        let field = words.next().and_then(tokens::path);
        let direction = match words.next().map(str::to_ascii_lowercase).as_deref() {
            None => Some(""),
            Some("asc") => Some(" ASC"),
            // `OData` has null as the least, the service has it first in either direction.
            Some("desc") => Some(" DESC NULLS LAST"),
            Some(_) => None,
        };
        let (Some(field), Some(direction), None) = (field, direction, words.next()) else {
            return Err(args.failure(&format!(
                "expects fields with 'asc' or 'desc' in its fourth parameter, not '{given}'"
            )));
        };
        keys.push(format!("{field}{direction}"));
    }
    Ok(keys.join(", "))
}

fn soql_bind(args: &mut Arguments<'_>) -> Answer<'static> {
    let query = args.text(0)?;
    let values = args.object(1)?;
    let mut bound = String::with_capacity(query.len());
    let mut rest = query.chars().peekable();
    let mut quoted = false;
    while let Some(c) = rest.next() {
        match c {
            '\\' if quoted => {
                bound.push(c);
                bound.extend(rest.next());
            }
            '@' if !quoted => {
                let mut name = String::new();
                while let Some(c) = rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                    name.push(c);
                }
                let Some(value) = values.get(&name) else {
                    return Err(args.failure(&format!("is given no value for '@{name}'")));
                };
                bound.push_str(&soql_literal_of(args, &Operand::lent(value))?);
            }
            c => {
                quoted ^= c == '\'';
                bound.push(c);
            }
        }
    }
    bounded(args, bound)
}
