//! SOSL as far as integrations use it: `FIND {words} IN NAME FIELDS RETURNING Account(Id, Name LIMIT 5)`.

use serde_json::{Value, json};

use super::Call;
use super::refusal::Refusal;
use super::schema::{Field, Kind};
use super::soql::{self, Select};
use super::state::{Row, State};
use crate::http::Answer;

/// How many records an answer has at most.
const FOUND_MAX: usize = 2_000;

/// What is looked for, and where.
struct Search {
    /// Words and phrases in lower case, all of which must be found.
    terms: Vec<String>,
    within: Within,
    /// A query for each object, whose rows must also hold the terms.
    returning: Vec<String>,
    limit: usize,
}

#[derive(Clone, Copy)]
enum Within {
    All,
    Name,
    Email,
    Phone,
}

/// `search`.
pub(super) fn search(state: &State, call: &Call<'_>) -> Result<Answer, Refusal> {
    if call.method() != "GET" {
        return Err(Refusal::not_allowed(call.method()));
    }
    let text = call.parameter("q").unwrap_or_default();
    let search = read(&text)?;
    let mut found: Vec<Value> = Vec::new();
    for soql in &search.returning {
        let query = soql::parse(soql, call.author.now)?;
        let Select::Fields(paths) = &query.select else {
            return Err(malformed("COUNT() cannot be returned"));
        };
        let holds = |row: &&Row| search.holds(row, query.from.all_fields());
        let rows: Vec<&Row> = soql::run_where(&query, state, holds);
        found.extend(rows.iter().map(|it| soql::render(state, query.from, it, paths, &call.base)));
    }
    found.truncate(search.limit);
    Ok(Answer::json(200, &json!({ "searchRecords": found })))
}

fn malformed(message: &str) -> Refusal {
    Refusal::new(400, "MALFORMED_SEARCH", message)
}

fn read(text: &str) -> Result<Search, Refusal> {
    let rest = keyword(text.trim(), "find").ok_or_else(|| malformed("`FIND` is missing"))?;
    let inner = rest.strip_prefix('{').and_then(|it| it.split_once('}'));
    let (words, rest) = inner.ok_or_else(|| malformed("the words must stand in braces"))?;
    let terms = terms(words)?;
    let mut rest = rest.trim();
    let mut within = Within::All;
    if let Some(after) = keyword(rest, "in") {
        let places = [
            ("all", Within::All),
            ("name", Within::Name),
            ("email", Within::Email),
            ("phone", Within::Phone),
        ];
        let found = places.iter().find_map(|(name, it)| Some((*it, keyword(after, name)?)));
        let (place, after) = found.ok_or_else(|| malformed("the fields to search are unknown"))?;
        within = place;
        rest = keyword(after, "fields").ok_or_else(|| malformed("`FIELDS` is missing"))?;
    }
    let mut limit = FOUND_MAX;
    let mut returning = Vec::new();
    let mut list = keyword(rest, "returning")
        .ok_or_else(|| malformed("the sandbox wants `RETURNING` and the objects"))?;
    loop {
        let (one, after) = returned(list)?;
        returning.push(one);
        list = after.trim();
        match list.strip_prefix(',') {
            Some(after) => list = after.trim(),
            None => break,
        }
    }
    if let Some(number) = keyword(list, "limit") {
        limit = number.parse().map_err(|_| malformed("the limit is no number"))?;
        list = "";
    }
    if !list.is_empty() {
        return Err(malformed(&format!("unexpected token: {list}")));
    }
    Ok(Search { terms, within, returning, limit: limit.min(FOUND_MAX) })
}

/// What follows a keyword.
fn keyword<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (first, rest) = text.split_at_checked(word.len())?;
    let ends = rest.chars().next().is_none_or(|it| !it.is_ascii_alphanumeric());
    (first.eq_ignore_ascii_case(word) && ends).then(|| rest.trim_start())
}

/// One object as a query, and what follows it.
fn returned(text: &str) -> Result<(String, &str), Refusal> {
    let end = text.find(|it: char| !it.is_ascii_alphanumeric() && it != '_');
    let (name, rest) = text.split_at(end.unwrap_or(text.len()));
    if name.is_empty() {
        return Err(malformed("the name of an object is missing"));
    }
    let Some(rest) = rest.trim_start().strip_prefix('(') else {
        return Ok((format!("SELECT Id FROM {name}"), rest));
    };
    let (mut depth, mut quoted, mut escaped) = (1_usize, false, false);
    for (at, sign) in rest.char_indices() {
        match sign {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let (inner, after) = rest.split_at(at);
            let after = after.strip_prefix(')').unwrap_or(after);
            return Ok((query(name, inner), after));
        }
    }
    Err(malformed("a parenthesis is not closed"))
}

/// `Id, Name WHERE … LIMIT 5` of an object as a query of its own.
fn query(name: &str, inner: &str) -> String {
    let lower = inner.to_ascii_lowercase();
    let clauses = [" where ", " order by ", " limit ", " offset "];
    let at = clauses.iter().filter_map(|it| lower.find(it)).min().unwrap_or(inner.len());
    let (fields, rest) = inner.split_at(at);
    format!("SELECT {fields} FROM {name}{rest}")
}

/// The words, and the phrases in quotes.
fn terms(words: &str) -> Result<Vec<String>, Refusal> {
    let mut terms = Vec::new();
    for (at, part) in words.split('"').enumerate() {
        let part = part.to_lowercase().replace('\\', "");
        if at % 2 == 1 {
            terms.push(part);
        } else {
            terms.extend(part.split_whitespace().filter(|it| *it != "and").map(str::to_owned));
        }
    }
    let long = |it: &String| it.chars().filter(|it| it.is_alphanumeric()).count() > 1;
    if terms.is_empty() || !terms.iter().all(long) {
        return Err(malformed("search term must be longer than one character"));
    }
    Ok(terms)
}

impl Search {
    fn holds(&self, row: &Row, fields: impl Iterator<Item = &'static Field>) -> bool {
        let texts =
            fields.filter(|it| self.looks_at(it)).filter_map(|it| row.get(it.name)?.as_str());
        let texts: Vec<String> = texts.map(str::to_lowercase).collect();
        self.terms.iter().all(|term| texts.iter().any(|text| is_in(term, text)))
    }

    fn looks_at(&self, field: &Field) -> bool {
        match self.within {
            Within::All => matches!(
                field.kind,
                Kind::Text(_) | Kind::Area(_) | Kind::Email | Kind::Phone | Kind::Url
            ),
            Within::Name => field.name == "Name",
            Within::Email => field.kind == Kind::Email,
            Within::Phone => field.kind == Kind::Phone,
        }
    }
}

/// Whether a text has the term as whole words; a star at the end stands for the rest of a word.
fn is_in(term: &str, text: &str) -> bool {
    let parted = |it: &str| -> Vec<String> {
        let words = it.split(|sign: char| !sign.is_alphanumeric() && sign != '*');
        words.filter(|it| !it.is_empty()).map(str::to_owned).collect()
    };
    let (wanted, words) = (parted(term), parted(text));
    words.windows(wanted.len().max(1)).any(|window| {
        window.iter().zip(&wanted).all(|(word, wanted)| match wanted.strip_suffix('*') {
            Some(start) => word.starts_with(start),
            None => word == wanted,
        })
    })
}
