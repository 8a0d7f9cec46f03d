//! A filter of `OData` as the condition of a query.

use super::super::ours::soql_quote;
use super::tokens::{self, Kind, Token, Trouble};

/// Conditions inside of each other at most.
const DEPTH_MAX: usize = 50;

/// A condition and how tightly it holds together. The service takes `AND` and `OR` beside each other
/// only in parentheses, and so everything that is not of one kind gets them.
struct Condition {
    text: String,
    kind: Joined,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Joined {
    No,
    And,
    Or,
    Not,
}

impl Condition {
    fn single(text: String) -> Self {
        Self { text, kind: Joined::No }
    }

    /// As a part of a condition of that kind.
    fn inside(self, kind: Joined) -> String {
        if self.kind == Joined::No || self.kind == kind {
            self.text
        } else {
            format!("({})", self.text)
        }
    }
}

/// What stands on one side of a comparison.
enum Side {
    /// A field, or a function of one.
    Field(String),
    /// `true`, `false`, a number, a text.
    Literal(String),
    Null,
}

const COMPARISONS: &[(&str, &str, &str)] = &[
    ("eq", "=", "="),
    ("ne", "!=", "!="),
    ("gt", ">", "<"),
    ("ge", ">=", "<="),
    ("lt", "<", ">"),
    ("le", "<=", ">="),
];

/// Functions that ask something of a text: name, what stands before and after it in the pattern.
const PATTERNS: &[(&str, &str, &str)] = &[
    ("contains", "%", "%"),
    ("endswith", "%", ""),
    ("startswith", "", "%"),
    ("substringof", "%", "%"),
];

/// Functions of a field. Texts are compared without regard to case anyway.
const OF_FIELD: &[(&str, &str)] = &[
    ("date", "DAY_ONLY"),
    ("day", "DAY_IN_MONTH"),
    ("hour", "HOUR_IN_DAY"),
    ("month", "CALENDAR_MONTH"),
    ("tolower", ""),
    ("toupper", ""),
    ("year", "CALENDAR_YEAR"),
];

/// Reads a whole filter.
pub(super) fn read(filter: &str) -> Result<String, Trouble> {
    let end = filter.chars().count() + 1;
    let mut reader = Reader { tokens: tokens::read(filter)?, next: 0, end, depth: 0 };
    let condition = reader.or()?;
    match reader.take_any() {
        None => Ok(condition.text),
        Some(token) => Err((token.at, format!("{} is one too many", shown(&token.kind)))),
    }
}

struct Reader {
    tokens: Vec<Token>,
    next: usize,
    end: usize,
    depth: usize,
}

impl Reader {
    fn or(&mut self) -> Result<Condition, Trouble> {
        self.depth += 1;
        if DEPTH_MAX < self.depth {
            return Err((self.at(), format!("it is more than {DEPTH_MAX} levels deep")));
        }
        let first = self.and()?;
        let all = self.more("or", first, Joined::Or, Self::and)?;
        self.depth -= 1;
        Ok(all)
    }

    fn and(&mut self) -> Result<Condition, Trouble> {
        let first = self.not()?;
        self.more("and", first, Joined::And, Self::not)
    }

    fn more(
        &mut self,
        word: &str,
        first: Condition,
        kind: Joined,
        read: fn(&mut Self) -> Result<Condition, Trouble>,
    ) -> Result<Condition, Trouble> {
        if !self.is_next(word) {
            return Ok(first);
        }
        let mut parts = vec![first.inside(kind)];
        while self.take(word) {
            parts.push(read(self)?.inside(kind));
        }
        let joint = format!(" {} ", word.to_ascii_uppercase());
        Ok(Condition { text: parts.join(&joint), kind })
    }

    fn not(&mut self) -> Result<Condition, Trouble> {
        let mut negated = false;
        while self.take("not") {
            negated = !negated;
        }
        let condition = self.single()?;
        Ok(if negated { negation(&condition) } else { condition })
    }

    fn single(&mut self) -> Result<Condition, Trouble> {
        if self.take_kind(&Kind::Open) {
            let inner = self.or()?;
            self.expect(&Kind::Close)?;
            return Ok(inner);
        }
        if let Some((_, before, after)) = self.function(PATTERNS.iter().copied(), |it| it.0) {
            let condition = self.pattern(before, after)?;
            return Ok(if self.is_denied()? { negation(&condition) } else { condition });
        }
        let at = self.at();
        let left = self.side()?;
        if self.take("in") {
            return self.list(at, left);
        }
        let Some((operator, swapped)) = self.comparison() else {
            return match left {
                // A field alone is asked whether it is true.
                Side::Field(field) => Ok(Condition::single(format!("{field} = true"))),
                Side::Literal(_) | Side::Null => {
                    Err((self.at(), "a comparison such as `eq` is missing".to_owned()))
                }
            };
        };
        let right = self.side()?;
        let (field, operator, value) = match (left, right) {
            (Side::Field(field), value) => (field, operator, value),
            (value, Side::Field(field)) => (field, swapped, value),
            (Side::Literal(_) | Side::Null, Side::Literal(_) | Side::Null) => {
                return Err((at, "a comparison needs a field".to_owned()));
            }
        };
        match value {
            Side::Literal(value) => Ok(Condition::single(format!("{field} {operator} {value}"))),
            Side::Null if matches!(operator, "=" | "!=") => {
                Ok(Condition::single(format!("{field} {operator} null")))
            }
            Side::Null => Err((at, "only `eq` and `ne` compare with null".to_owned())),
            Side::Field(_) => Err((at, "two fields cannot be compared".to_owned())),
        }
    }

    /// `contains(Name, 'x')`, or `substringof('x', Name)` of the third version.
    fn pattern(&mut self, before: &str, after: &str) -> Result<Condition, Trouble> {
        self.expect(&Kind::Open)?;
        let at = self.at();
        let first = self.argument()?;
        self.expect(&Kind::Comma)?;
        let second = self.argument()?;
        self.expect(&Kind::Close)?;
        let ((Ok(field), Err(text)) | (Err(text), Ok(field))) = (first, second) else {
            return Err((at, "a field and a text are needed".to_owned()));
        };
        let quoted = soql_quote(&text).replace('%', "\\%").replace('_', "\\_");
        let inner =
            quoted.strip_prefix('\'').and_then(|it| it.strip_suffix('\'')).unwrap_or_default();
        Ok(Condition::single(format!("{field} LIKE '{before}{inner}{after}'")))
    }

    /// An argument of a function that asks something of a text: a field, or the text.
    fn argument(&mut self) -> Result<Result<String, String>, Trouble> {
        let at = self.at();
        if let Some(Kind::Text(text)) = self.peek(0) {
            let text = text.clone();
            self.next += 1;
            return Ok(Err(text));
        }
        match self.side()? {
            Side::Field(field) => Ok(Ok(field)),
            Side::Literal(_) | Side::Null => Err((at, "a field or a text is needed".to_owned())),
        }
    }

    /// Whether `eq false` or `ne true` follows.
    fn is_denied(&mut self) -> Result<bool, Trouble> {
        let at = self.at();
        let Some((operator, _)) = self.comparison() else { return Ok(false) };
        match (operator, self.side()?) {
            ("=", Side::Literal(value)) if value == "true" => Ok(false),
            ("!=", Side::Literal(value)) if value == "false" => Ok(false),
            ("=" | "!=", Side::Literal(value)) if matches!(value.as_str(), "true" | "false") => {
                Ok(true)
            }
            _ => Err((at, "this function is true or false, and nothing else".to_owned())),
        }
    }

    fn list(&mut self, at: usize, left: Side) -> Result<Condition, Trouble> {
        let Side::Field(field) = left else {
            return Err((at, "a field is needed before `in`".to_owned()));
        };
        self.expect(&Kind::Open)?;
        let mut values = Vec::new();
        loop {
            let at = self.at();
            match self.side()? {
                Side::Literal(value) => values.push(value),
                Side::Null | Side::Field(_) => {
                    return Err((at, "a list holds texts, numbers or dates".to_owned()));
                }
            }
            if !self.take_kind(&Kind::Comma) {
                break;
            }
        }
        self.expect(&Kind::Close)?;
        Ok(Condition::single(format!("{field} IN ({})", values.join(", "))))
    }

    fn side(&mut self) -> Result<Side, Trouble> {
        if let Some((_, function)) = self.function(OF_FIELD.iter().copied(), |it| it.0) {
            self.expect(&Kind::Open)?;
            let at = self.at();
            let field = match self.take_any() {
                Some(Token { kind: Kind::Word(word), .. }) => tokens::path(&word),
                Some(_) | None => None,
            };
            let field = field.ok_or_else(|| (at, "a field is needed".to_owned()))?;
            self.expect(&Kind::Close)?;
            let whole = if function.is_empty() { field } else { format!("{function}({field})") };
            return Ok(Side::Field(whole));
        }
        let Some(Token { at, kind }) = self.take_any() else {
            return Err((self.end, "something is missing".to_owned()));
        };
        match kind {
            Kind::Text(text) => Ok(Side::Literal(soql_quote(&text))),
            Kind::Plain(text) => Ok(Side::Literal(text)),
            Kind::Word(word) => match word.to_ascii_lowercase().as_str() {
                "null" => Ok(Side::Null),
                "true" | "false" => Ok(Side::Literal(word.to_ascii_lowercase())),
                _ if self.peek(0) == Some(&Kind::Open) => {
                    Err((at, format!("`{word}` is no function that Salesforce knows")))
                }
                _ => match tokens::path(&word) {
                    Some(path) => Ok(Side::Field(path)),
                    None => Err((at, format!("`{word}` is no field"))),
                },
            },
            Kind::Open | Kind::Close | Kind::Comma => {
                Err((at, format!("a field or a value is needed, not {}", shown(&kind))))
            }
        }
    }

    fn comparison(&mut self) -> Option<(&'static str, &'static str)> {
        let (_, operator, swapped) = COMPARISONS.iter().find(|(word, ..)| self.is_next(word))?;
        self.next += 1;
        Some((operator, swapped))
    }

    /// One of these functions, if it comes next. Its parenthesis is left.
    fn function<T: Copy>(
        &mut self,
        mut known: impl Iterator<Item = T>,
        name: fn(&T) -> &str,
    ) -> Option<T> {
        let (Some(Kind::Word(word)), Some(Kind::Open)) = (self.peek(0), self.peek(1)) else {
            return None;
        };
        let found = known.find(|it| name(it).eq_ignore_ascii_case(word))?;
        self.next += 1;
        Some(found)
    }

    fn peek(&self, ahead: usize) -> Option<&Kind> {
        self.tokens.get(self.next + ahead).map(|it| &it.kind)
    }

    fn take_any(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.next).cloned();
        self.next += usize::from(token.is_some());
        token
    }

    fn is_next(&self, word: &str) -> bool {
        matches!(self.peek(0), Some(Kind::Word(it)) if it.eq_ignore_ascii_case(word))
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.is_next(word);
        self.next += usize::from(found);
        found
    }

    fn take_kind(&mut self, kind: &Kind) -> bool {
        let found = self.peek(0) == Some(kind);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, wanted: &Kind) -> Result<(), Trouble> {
        match self.take_any() {
            Some(token) if token.kind == *wanted => Ok(()),
            Some(token) => {
                let what = format!("{} is needed, not {}", shown(wanted), shown(&token.kind));
                Err((token.at, what))
            }
            None => Err((self.end, format!("{} is missing", shown(wanted)))),
        }
    }

    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |it| it.at)
    }
}

fn negation(condition: &Condition) -> Condition {
    Condition { text: format!("NOT ({})", condition.text), kind: Joined::Not }
}

fn shown(kind: &Kind) -> String {
    match kind {
        Kind::Open => "`(`".to_owned(),
        Kind::Close => "`)`".to_owned(),
        Kind::Comma => "`,`".to_owned(),
        Kind::Word(word) | Kind::Plain(word) => format!("`{word}`"),
        Kind::Text(text) => format!("the text `{text}`"),
    }
}
