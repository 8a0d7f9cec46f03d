//! The `OData` `$filter` and `$orderby` subset of both services: reading, checking, evaluating.

use std::cmp::Ordering;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value;
use uuid::Uuid;

/// Deeper nesting than any flow writes, and far from the stack's end.
const DEPTH_MAX: usize = 50;
const TERMS_MAX: usize = 500;

/// What a column holds, which decides the literals it may be compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Guid,
    Number,
    Bool,
    DateTime,
    Date,
}

/// The columns a service lets its callers filter by.
pub(crate) trait Columns {
    fn kind(&self, path: &str) -> Option<Kind>;
    /// Whether `not`, `contains`, `startswith` and `endswith` are understood.
    fn functions(&self) -> bool;
    /// The columns of the records in a collection, for `any` and `all`.
    fn collection(&self, _name: &str) -> Option<&'static dyn Columns> {
        None
    }
}

/// A record that a filter is held against.
pub(crate) trait Record {
    /// A column's value; an array means any of it.
    fn value(&self, path: &str) -> Value;
    /// The records in a collection.
    fn related(&self, _name: &str) -> Vec<Box<dyn Record + '_>> {
        Vec::new()
    }
}

impl<F: Fn(&str) -> Value> Record for F {
    fn value(&self, path: &str) -> Value {
        self(path)
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Expr {
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    Compare {
        path: String,
        operator: Operator,
        literal: Literal,
    },
    Call {
        function: Function,
        path: String,
        text: String,
    },
    /// Whether any, or every, record of a collection satisfies the inner filter.
    Collection {
        name: String,
        all: bool,
        inner: Option<Box<Expr>>,
    },
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Operator {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Function {
    Contains,
    StartsWith,
    EndsWith,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    Guid(Uuid),
    Instant(Timestamp),
    Date(Date),
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Open,
    Close,
    Comma,
    Quoted(String),
    Word(String),
}

/// Reads a filter; the error names what is wrong.
pub(crate) fn parse(text: &str, columns: &dyn Columns) -> Result<Expr, String> {
    let mut tokens = tokens(text)?;
    tokens.reverse();
    let mut parser = Parser { tokens, columns, variable: String::new(), terms: 0 };
    let expr = parser.or(0)?;
    match parser.tokens.pop() {
        None => Ok(expr),
        Some(token) => Err(format!("unexpected {token:?} in the filter")),
    }
}

/// Reads `a desc,b` into paths with a descending mark.
pub(crate) fn parse_order(
    text: &str,
    known: &dyn Fn(&str) -> bool,
) -> Result<Vec<(String, bool)>, String> {
    let mut order = Vec::new();
    for part in text.split(',').map(str::trim) {
        let mut words = part.split_whitespace();
        let path = words.next().unwrap_or_default();
        let descending = match (words.next(), words.next()) {
            (None | Some("asc"), None) => false,
            (Some("desc"), None) => true,
            _ => return Err(format!("`{part}` is no order")),
        };
        if !known(path) {
            return Err(format!("could not find a property named `{path}`"));
        }
        order.push((path.to_owned(), descending));
    }
    Ok(order)
}

/// The order of two column values: null first, numbers by size, instants by time, text without case.
pub(crate) fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) => {
            let pair = a.as_f64().zip(b.as_f64());
            pair.and_then(|(a, b)| a.partial_cmp(&b)).unwrap_or(Ordering::Equal)
        }
        (Value::String(a), Value::String(b)) => {
            match (a.parse::<Timestamp>(), b.parse::<Timestamp>()) {
                (Ok(a), Ok(b)) => a.cmp(&b),
                _ => a.to_lowercase().cmp(&b.to_lowercase()),
            }
        }
        _ => Ordering::Equal,
    }
}

impl Expr {
    /// Whether a record satisfies the filter.
    pub(crate) fn matches(&self, record: &dyn Record) -> bool {
        let any = |path: &str, test: &dyn Fn(&Value) -> bool| match record.value(path) {
            Value::Array(items) => items.iter().any(test),
            one => test(&one),
        };
        match self {
            Self::And(a, b) => a.matches(record) && b.matches(record),
            Self::Or(a, b) => a.matches(record) || b.matches(record),
            Self::Not(inner) => !inner.matches(record),
            Self::Collection { name, all, inner } => {
                let holds = |it: Box<dyn Record + '_>| {
                    inner.as_ref().is_none_or(|inner| inner.matches(it.as_ref()))
                };
                let mut related = record.related(name).into_iter();
                if *all { related.all(holds) } else { related.any(holds) }
            }
            Self::Compare { path, operator, literal } => {
                any(path, &|it| holds(it, *operator, literal))
            }
            Self::Call { function, path, text } => any(path, &|it| {
                let it = it.as_str().unwrap_or_default().to_lowercase();
                let text = text.to_lowercase();
                match function {
                    Function::Contains => it.contains(&text),
                    Function::StartsWith => it.starts_with(&text),
                    Function::EndsWith => it.ends_with(&text),
                }
            }),
        }
    }
}

fn holds(value: &Value, operator: Operator, literal: &Literal) -> bool {
    let order = match (value, literal) {
        (Value::Null, Literal::Null) => Some(Ordering::Equal),
        (Value::Bool(a), Literal::Bool(b)) => Some(a.cmp(b)),
        (Value::Number(a), Literal::Number(b)) => a.as_f64().and_then(|a| a.partial_cmp(b)),
        (Value::String(a), Literal::Text(b)) => Some(a.to_lowercase().cmp(&b.to_lowercase())),
        (Value::String(a), Literal::Guid(b)) => a.parse::<Uuid>().ok().map(|a| a.cmp(b)),
        (Value::String(a), Literal::Instant(b)) => a.parse::<Timestamp>().ok().map(|a| a.cmp(b)),
        (Value::String(a), Literal::Date(b)) => a.parse::<Date>().ok().map(|a| a.cmp(b)),
        _ => None,
    };
    match (operator, order) {
        (Operator::Eq, order) => order == Some(Ordering::Equal),
        (Operator::Ne, order) => order != Some(Ordering::Equal),
        (_, None) => false,
        (Operator::Gt, Some(order)) => order.is_gt(),
        (Operator::Ge, Some(order)) => order.is_ge(),
        (Operator::Lt, Some(order)) => order.is_lt(),
        (Operator::Le, Some(order)) => order.is_le(),
    }
}

struct Parser<'a> {
    /// In reverse, so that the next token is popped.
    tokens: Vec<Token>,
    columns: &'a dyn Columns,
    /// Inside `any` and `all`, what paths begin with; empty elsewhere.
    variable: String,
    terms: usize,
}

impl Parser<'_> {
    fn or(&mut self, depth: usize) -> Result<Expr, String> {
        let mut left = self.and(depth)?;
        while self.take_word("or") {
            left = Expr::Or(Box::new(left), Box::new(self.and(depth)?));
        }
        Ok(left)
    }

    fn and(&mut self, depth: usize) -> Result<Expr, String> {
        let mut left = self.term(depth)?;
        while self.take_word("and") {
            left = Expr::And(Box::new(left), Box::new(self.term(depth)?));
        }
        Ok(left)
    }

    fn term(&mut self, depth: usize) -> Result<Expr, String> {
        self.terms += 1;
        if depth > DEPTH_MAX || self.terms > TERMS_MAX {
            return Err("the filter is too large".to_owned());
        }
        match self.tokens.pop() {
            Some(Token::Open) => {
                let inner = self.or(depth + 1)?;
                self.expect(&Token::Close)?;
                Ok(inner)
            }
            Some(Token::Word(word)) if word == "not" && self.columns.functions() => {
                Ok(Expr::Not(Box::new(self.term(depth + 1)?)))
            }
            Some(Token::Word(word)) if self.tokens.last() == Some(&Token::Open) => self.call(&word),
            Some(Token::Word(path)) => self.comparison(&path),
            Some(token) => Err(format!("unexpected {token:?} in the filter")),
            None => Err("the filter ends too early".to_owned()),
        }
    }

    fn call(&mut self, name: &str) -> Result<Expr, String> {
        if let Some((collection, quantifier @ ("any" | "all"))) = name.rsplit_once('/') {
            return self.collection(collection, quantifier == "all");
        }
        let function = match name {
            "contains" => Function::Contains,
            "startswith" => Function::StartsWith,
            "endswith" => Function::EndsWith,
            _ => return Err(format!("an unknown function with name `{name}` was found")),
        };
        if !self.columns.functions() {
            return Err(format!("the function `{name}` is not supported here"));
        }
        self.expect(&Token::Open)?;
        let Some(Token::Word(path)) = self.tokens.pop() else {
            return Err(format!("`{name}` needs a column first"));
        };
        let path = self.own(&path)?;
        self.expect(&Token::Comma)?;
        let Some(Token::Quoted(text)) = self.tokens.pop() else {
            return Err(format!("`{name}` needs a quoted text second"));
        };
        self.expect(&Token::Close)?;
        match self.columns.kind(&path) {
            Some(Kind::Text) => Ok(Expr::Call { function, path, text }),
            Some(_) => Err(format!("`{path}` is not a text column")),
            None => Err(format!("could not find a property named `{path}`")),
        }
    }

    /// Reads `any(o:o/name eq 'x')` from behind its name.
    fn collection(&mut self, name: &str, all: bool) -> Result<Expr, String> {
        let columns = self.columns.collection(name).filter(|_| self.variable.is_empty());
        let columns =
            columns.ok_or_else(|| format!("could not find a collection named `{name}`"))?;
        self.expect(&Token::Open)?;
        if !all && self.tokens.last() == Some(&Token::Close) {
            self.tokens.pop();
            return Ok(Expr::Collection { name: name.to_owned(), all, inner: None });
        }
        let Some(Token::Word(word)) = self.tokens.pop() else {
            return Err(format!("a variable is missing in `{name}`"));
        };
        let (variable, rest) =
            word.split_once(':').ok_or_else(|| format!("`{word}` is no variable with a colon"))?;
        if !rest.is_empty() {
            self.tokens.push(Token::Word(rest.to_owned()));
        }
        let outer = std::mem::replace(&mut self.columns, columns);
        self.variable = format!("{variable}/");
        let inner = self.or(1);
        self.columns = outer;
        self.variable.clear();
        let inner = Some(Box::new(inner?));
        self.expect(&Token::Close)?;
        Ok(Expr::Collection { name: name.to_owned(), all, inner })
    }

    /// A path without the variable it must begin with.
    fn own(&self, path: &str) -> Result<String, String> {
        match path.strip_prefix(&self.variable) {
            Some(rest) => Ok(rest.to_owned()),
            None => Err(format!("`{path}` does not begin with `{}`", self.variable)),
        }
    }

    fn comparison(&mut self, path: &str) -> Result<Expr, String> {
        let path = self.own(path)?;
        let kind = self.columns.kind(&path);
        let kind = kind.ok_or_else(|| format!("could not find a property named `{path}`"))?;
        let operator = match self.tokens.pop() {
            Some(Token::Word(word)) => match word.as_str() {
                "eq" => Operator::Eq,
                "ne" => Operator::Ne,
                "gt" => Operator::Gt,
                "ge" => Operator::Ge,
                "lt" => Operator::Lt,
                "le" => Operator::Le,
                _ => return Err(format!("`{word}` is no comparison")),
            },
            _ => return Err(format!("a comparison is missing after `{path}`")),
        };
        let literal = match self.tokens.pop() {
            Some(Token::Quoted(text)) => quoted(&text, kind),
            Some(Token::Word(word)) => bare(&word, kind),
            _ => return Err(format!("a value is missing after `{path}`")),
        };
        let literal =
            literal.ok_or_else(|| format!("`{path}` cannot be compared with that value"))?;
        Ok(Expr::Compare { path, operator, literal })
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.tokens.last(), Some(Token::Word(it)) if it == word);
        if found {
            self.tokens.pop();
        }
        found
    }

    fn expect(&mut self, token: &Token) -> Result<(), String> {
        match self.tokens.pop() {
            Some(it) if it == *token => Ok(()),
            Some(it) => Err(format!("expected {token:?} instead of {it:?}")),
            None => Err(format!("expected {token:?} at the end")),
        }
    }
}

fn quoted(text: &str, kind: Kind) -> Option<Literal> {
    match kind {
        Kind::Text => Some(Literal::Text(text.to_owned())),
        Kind::Guid => text.parse().ok().map(Literal::Guid),
        Kind::DateTime | Kind::Date => moment(text, kind),
        Kind::Number | Kind::Bool => None,
    }
}

fn bare(word: &str, kind: Kind) -> Option<Literal> {
    match (kind, word) {
        (_, "null") => Some(Literal::Null),
        (Kind::Bool, "true") => Some(Literal::Bool(true)),
        (Kind::Bool, "false") => Some(Literal::Bool(false)),
        (Kind::Number, _) => {
            word.parse().ok().filter(|it: &f64| it.is_finite()).map(Literal::Number)
        }
        (Kind::Guid, _) => word.parse().ok().map(Literal::Guid),
        (Kind::DateTime | Kind::Date, _) => moment(word, kind),
        (Kind::Text | Kind::Bool, _) => None,
    }
}

fn moment(text: &str, kind: Kind) -> Option<Literal> {
    let instant = match text.parse::<Timestamp>() {
        Ok(instant) => instant,
        Err(_) if text.len() == 10 => format!("{text}T00:00:00Z").parse().ok()?,
        Err(_) => return None,
    };
    Some(match kind {
        Kind::Date => Literal::Date(instant.to_zoned(jiff::tz::TimeZone::UTC).date()),
        _ => Literal::Instant(instant),
    })
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        tokens.push(match sign {
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            '\'' => {
                let mut quoted = String::new();
                loop {
                    match signs.next() {
                        None => return Err("a quoted text is not closed".to_owned()),
                        // Two quotes stand for one; a single one closes the text.
                        Some('\'') if signs.next_if_eq(&'\'').is_none() => break,
                        Some(it) => quoted.push(it),
                    }
                }
                Token::Quoted(quoted)
            }
            it if it.is_whitespace() => continue,
            it => {
                let mut word = String::from(it);
                while let Some(it) =
                    signs.next_if(|it| !it.is_whitespace() && !"(),'".contains(*it))
                {
                    word.push(it);
                }
                Token::Word(word)
            }
        });
    }
    Ok(tokens)
}
