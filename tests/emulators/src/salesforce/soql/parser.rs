//! Tokens as a query: grammar, names and types of values, with the refusals of the service.

use jiff::Timestamp;

use super::super::refusal::Refusal;
use super::super::schema::{Field, Kind, Object};
use super::super::{ids, values};
use super::lexer::{Token, malformed, pattern, tokens, unescape};
use super::{Condition, Operator, Order, Part, Path, Query, Scalar, Select, Test, dates};

const DEPTH_MAX: usize = 50;
const OFFSET_MAX: usize = 2_000;
/// `FIELDS(ALL)` and `FIELDS(CUSTOM)` need a limit of at most this.
const UNBOUNDED_FIELDS_MAX: usize = 200;

/// Reads a query; relative dates are meant as of `now`.
pub(in super::super) fn parse(text: &str, now: Timestamp) -> Result<Query, Refusal> {
    let mut all = tokens(text)?;
    let end = text.chars().count() + 1;
    all.reverse();
    let mut parser = Parser { tokens: all, end, now };
    let query = parser.query()?;
    match parser.tokens.pop() {
        None => Ok(query),
        Some((at, token)) => Err(unexpected(at, &token)),
    }
}

struct Parser {
    /// In reverse, so that the next token is popped.
    tokens: Vec<(usize, Token)>,
    end: usize,
    now: Timestamp,
}

/// What stands between `SELECT` and `FROM`, before the object is known.
enum Item {
    Count,
    Name(String),
    Fields(String),
}

impl Parser {
    fn query(&mut self) -> Result<Query, Refusal> {
        self.keyword("select")?;
        let mut items = vec![self.item()?];
        while self.take(&Token::Comma) {
            items.push(self.item()?);
        }
        self.keyword("from")?;
        let (_, name) = self.word()?;
        let from = Object::named(&name).ok_or_else(|| {
            let message = format!(
                "sObject type '{name}' is not supported. If you are attempting to use a custom object, \
                 be sure to append the '__c' after the entity name."
            );
            Refusal::new(400, "INVALID_TYPE", &message)
        })?;
        let filter = if self.take_word("where") { Some(self.condition(from, 0)?) } else { None };
        let mut order = Vec::new();
        if self.take_word("order") {
            self.keyword("by")?;
            order.push(self.order(from)?);
            while self.take(&Token::Comma) {
                order.push(self.order(from)?);
            }
        }
        let limit = if self.take_word("limit") { Some(self.number()?) } else { None };
        let offset = if self.take_word("offset") { self.number()? } else { 0 };
        if offset > OFFSET_MAX {
            let message = format!("Maximum SOQL offset allowed is {OFFSET_MAX}");
            return Err(Refusal::new(400, "NUMBER_OUTSIDE_VALID_RANGE", &message));
        }
        let select = select(from, &items, limit)?;
        Ok(Query { from, select, filter, order, limit, offset })
    }

    fn item(&mut self) -> Result<Item, Refusal> {
        let (at, name) = self.word()?;
        if !self.take(&Token::Open) {
            return Ok(Item::Name(name));
        }
        match name.to_ascii_lowercase().as_str() {
            "count" if self.take(&Token::Close) => Ok(Item::Count),
            "fields" => {
                let (_, which) = self.word()?;
                self.expect(&Token::Close)?;
                Ok(Item::Fields(which.to_ascii_uppercase()))
            }
            _ => Err(malformed(at, &format!("the sandbox does not know `{name}(…)` in a query"))),
        }
    }

    /// Conditions joined by one kind of word; both kinds need parentheses.
    fn condition(&mut self, from: &'static Object, depth: usize) -> Result<Condition, Refusal> {
        if depth > DEPTH_MAX {
            return Err(Refusal::new(
                400,
                "QUERY_TOO_COMPLICATED",
                "the query is nested too deeply",
            ));
        }
        if self.take_word("not") {
            let inner = self.term(from, depth)?;
            return self.joined(from, depth, Condition::Not(Box::new(inner)));
        }
        let first = self.term(from, depth)?;
        self.joined(from, depth, first)
    }

    fn joined(
        &mut self,
        from: &'static Object,
        depth: usize,
        first: Condition,
    ) -> Result<Condition, Refusal> {
        let mut terms = vec![first];
        for (word, join) in
            [("and", Condition::All as fn(_) -> _), ("or", Condition::Any as fn(_) -> _)]
        {
            if !self.take_word(word) {
                continue;
            }
            terms.push(self.term(from, depth)?);
            while self.take_word(word) {
                terms.push(self.term(from, depth)?);
            }
            return Ok(join(terms));
        }
        Ok(Condition::All(terms))
    }

    fn term(&mut self, from: &'static Object, depth: usize) -> Result<Condition, Refusal> {
        if self.take(&Token::Open) {
            let inner = self.condition(from, depth + 1)?;
            self.expect(&Token::Close)?;
            return Ok(inner);
        }
        let (at, name) = self.word()?;
        // `NOT` may only begin a condition, not stand after another one.
        if ["not", "and", "or"].contains(&name.to_ascii_lowercase().as_str()) {
            return Err(malformed(at, &format!("unexpected token: '{name}'")));
        }
        let path = if self.take(&Token::Open) {
            let (_, field) = self.word()?;
            self.expect(&Token::Close)?;
            let unknown = || malformed(at, &format!("the sandbox does not know `{name}` of that"));
            Path::find(from, &field)?.of_function(&name).ok_or_else(unknown)?
        } else {
            Path::find(from, &name)?
        };
        if !path.field.is_filterable() {
            let message = format!("field '{}' can not be filtered in a query call", path.name());
            return Err(Refusal::new(400, "INVALID_FIELD", &message));
        }
        let test = self.test(&path.compared())?;
        Ok(Condition::Test(path, test))
    }

    fn test(&mut self, field: &Field) -> Result<Test, Refusal> {
        let (at, token) = self.next()?;
        match token {
            Token::Operator(operator) => {
                let operator = match operator.as_str() {
                    "=" => Operator::Equal,
                    "!=" | "<>" => Operator::Unequal,
                    "<" => Operator::Less,
                    "<=" => Operator::LessOrEqual,
                    ">" => Operator::Greater,
                    ">=" => Operator::GreaterOrEqual,
                    _ => return Err(malformed(at, &format!("unexpected token: '{operator}'"))),
                };
                let value = self.scalar(field)?;
                let ordered = !matches!(operator, Operator::Equal | Operator::Unequal);
                if ordered && matches!(field.kind, Kind::Flag) {
                    let message = format!("invalid operator on boolean field {}", field.name);
                    return Err(Refusal::new(400, "INVALID_QUERY_FILTER_OPERATOR", &message));
                }
                Ok(Test::Compare(operator, value))
            }
            Token::Word(word) if word.eq_ignore_ascii_case("like") => match self.next()? {
                (_, Token::Quoted(inner)) if is_text(field) => Ok(Test::Like(pattern(&inner))),
                (_, Token::Quoted(_)) => {
                    let message = format!("invalid operator on {} field", field.type_name());
                    Err(Refusal::new(400, "INVALID_QUERY_FILTER_OPERATOR", &message))
                }
                (at, token) => Err(unexpected(at, &token)),
            },
            Token::Word(word) if word.eq_ignore_ascii_case("in") => self.list(field, false),
            Token::Word(word) if word.eq_ignore_ascii_case("not") => {
                self.keyword("in")?;
                self.list(field, true)
            }
            token => Err(unexpected(at, &token)),
        }
    }

    fn list(&mut self, field: &Field, negated: bool) -> Result<Test, Refusal> {
        self.expect(&Token::Open)?;
        let mut values = vec![self.scalar(field)?];
        while self.take(&Token::Comma) {
            values.push(self.scalar(field)?);
        }
        self.expect(&Token::Close)?;
        Ok(Test::In { values, negated })
    }

    fn scalar(&mut self, field: &Field) -> Result<Scalar, Refusal> {
        let (at, token) = self.next()?;
        let (found, quoted) = match &token {
            Token::Quoted(inner) => (quoted(&unescape(inner), field)?, true),
            Token::Word(word) if word.eq_ignore_ascii_case("null") => (Some(Scalar::Null), false),
            Token::Word(word) => (bare(word, field, self.now), false),
            _ => return Err(unexpected(at, &token)),
        };
        found.ok_or_else(|| {
            let (kind, quotes) = (field.type_name(), if quoted { "should not" } else { "should" });
            let message = format!(
                "value of filter criterion for field '{}' must be of type {kind} and {quotes} be \
                 enclosed in quotes",
                field.name
            );
            Refusal::new(400, "INVALID_FIELD", &message)
        })
    }

    fn order(&mut self, from: &'static Object) -> Result<Order, Refusal> {
        let (_, name) = self.word()?;
        let path = Path::find(from, &name)?;
        if !path.field.is_filterable() {
            let message = format!("field '{}' can not be sorted in a query call", path.name());
            return Err(Refusal::new(400, "INVALID_FIELD", &message));
        }
        let descending = self.take_word("desc");
        if !descending {
            self.take_word("asc");
        }
        let mut nulls_last = false;
        if self.take_word("nulls") {
            nulls_last = self.take_word("last");
            if !nulls_last {
                self.keyword("first")?;
            }
        }
        Ok(Order { path, descending, nulls_last })
    }

    fn number(&mut self) -> Result<usize, Refusal> {
        let (at, word) = self.word()?;
        word.parse().map_err(|_| malformed(at, &format!("unexpected token: '{word}'")))
    }

    fn next(&mut self) -> Result<(usize, Token), Refusal> {
        self.tokens.pop().ok_or_else(|| malformed(self.end, "unexpected token: '<EOF>'"))
    }

    fn word(&mut self) -> Result<(usize, String), Refusal> {
        match self.next()? {
            (at, Token::Word(word)) => Ok((at, word)),
            (at, token) => Err(unexpected(at, &token)),
        }
    }

    fn keyword(&mut self, keyword: &str) -> Result<(), Refusal> {
        match self.word()? {
            (_, word) if word.eq_ignore_ascii_case(keyword) => Ok(()),
            (at, word) => Err(malformed(at, &format!("unexpected token: '{word}'"))),
        }
    }

    fn expect(&mut self, token: &Token) -> Result<(), Refusal> {
        match self.next()? {
            (_, it) if it == *token => Ok(()),
            (at, it) => Err(unexpected(at, &it)),
        }
    }

    fn take(&mut self, token: &Token) -> bool {
        self.tokens.pop_if(|(_, it)| it == token).is_some()
    }

    fn take_word(&mut self, word: &str) -> bool {
        let same = |it: &mut (usize, Token)| matches!(&it.1, Token::Word(it) if it.eq_ignore_ascii_case(word));
        self.tokens.pop_if(same).is_some()
    }
}

fn select(from: &'static Object, items: &[Item], limit: Option<usize>) -> Result<Select, Refusal> {
    let mut paths = Vec::new();
    for item in items {
        match item {
            Item::Count if items.len() == 1 => return Ok(Select::Count),
            Item::Count => {
                let message = "Grouped query must use the alias of COUNT() with other fields";
                return Err(Refusal::new(400, "MALFORMED_QUERY", message));
            }
            Item::Name(name) => paths.push(Path::find(from, name)?),
            Item::Fields(which) => {
                let custom = match which.as_str() {
                    "ALL" => None,
                    "STANDARD" => Some(false),
                    "CUSTOM" => Some(true),
                    _ => return Err(malformed(1, &format!("unexpected token: '{which}'"))),
                };
                if custom != Some(false) && limit.is_none_or(|it| it > UNBOUNDED_FIELDS_MAX) {
                    let message = "The SOQL FIELDS function must have a LIMIT of at most 200";
                    return Err(Refusal::new(400, "MALFORMED_QUERY", message));
                }
                let fields = from.all_fields();
                let fields =
                    fields.filter(|it| custom.is_none_or(|custom| it.is_custom() == custom));
                paths.extend(fields.map(|field| Path {
                    lookups: Vec::new(),
                    field,
                    part: Part::Whole,
                }));
            }
        }
    }
    Ok(Select::Fields(paths))
}

fn is_text(field: &Field) -> bool {
    matches!(field.kind, Kind::Text(_) | Kind::Picklist(_) | Kind::Url | Kind::Email | Kind::Phone)
}

fn quoted(text: &str, field: &Field) -> Result<Option<Scalar>, Refusal> {
    match field.kind {
        Kind::Id | Kind::Reference(..) => match ids::long(text) {
            Some(id) => Ok(Some(Scalar::Text(id))),
            None if text.is_empty() => Ok(Some(Scalar::Null)),
            None => {
                let message = format!("invalid ID field: {text}");
                Err(Refusal::new(400, "INVALID_QUERY_FILTER_OPERATOR", &message))
            }
        },
        // There are no empty texts, only none.
        _ if is_text(field) && text.is_empty() => Ok(Some(Scalar::Null)),
        _ if is_text(field) => Ok(Some(Scalar::Text(text.to_owned()))),
        _ => Ok(None),
    }
}

fn bare(word: &str, field: &Field, now: Timestamp) -> Option<Scalar> {
    match field.kind {
        Kind::Currency | Kind::Double | Kind::Percent | Kind::Whole => {
            word.parse().ok().filter(|it: &f64| it.is_finite()).map(Scalar::Number)
        }
        Kind::Flag if word.eq_ignore_ascii_case("true") => Some(Scalar::Flag(true)),
        Kind::Flag if word.eq_ignore_ascii_case("false") => Some(Scalar::Flag(false)),
        Kind::Date => dates::literal(word, now).or_else(|| dates::day(word)),
        Kind::DateTime => dates::literal(word, now).or_else(|| {
            let at = values::instant(word)?.as_millisecond();
            word.contains('T').then_some(Scalar::Span(at, at))
        }),
        _ => None,
    }
}

fn unexpected(at: usize, token: &Token) -> Refusal {
    malformed(at, &format!("unexpected token: '{}'", token.shown()))
}
