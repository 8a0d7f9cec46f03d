//! The text of a query as tokens, each with the column it begins in.

use super::super::refusal::Refusal;
use super::Piece;

/// Longer than any query an integration writes; the service itself stops there.
const QUERY_CHARS_MAX: usize = 100_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Open,
    Close,
    Comma,
    /// `=`, `!=` and so on.
    Operator(String),
    /// The inside of quotes, escapes and all.
    Quoted(String),
    /// A name, a number, a date or a keyword.
    Word(String),
}

impl Token {
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Open => "(".to_owned(),
            Self::Close => ")".to_owned(),
            Self::Comma => ",".to_owned(),
            Self::Operator(text) | Self::Word(text) => text.clone(),
            Self::Quoted(text) => format!("'{text}'"),
        }
    }
}

pub(super) fn malformed(column: usize, message: &str) -> Refusal {
    let message = format!("ERROR at Row:1:Column:{column}\n{message}");
    Refusal::new(400, "MALFORMED_QUERY", &message)
}

pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, Refusal> {
    if text.chars().count() > QUERY_CHARS_MAX {
        return Err(Refusal::new(400, "QUERY_TOO_COMPLICATED", "the query is too long"));
    }
    let mut tokens = Vec::new();
    let mut signs = text.chars().enumerate().peekable();
    while let Some((at, sign)) = signs.next() {
        let token = match sign {
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            '\'' => {
                let mut inner = String::new();
                loop {
                    match signs.next() {
                        None => return Err(malformed(at + 1, "unexpected token: '<EOF>'")),
                        Some((_, '\'')) => break,
                        Some((at, '\\')) => {
                            let (_, escaped) = signs.next().unwrap_or((at, ' '));
                            if !r#"nNrRtTbBfF"'\_%"#.contains(escaped) {
                                let text = format!(
                                    "Illegal character sequence '\\{escaped}' in string literal"
                                );
                                return Err(malformed(at + 1, &text));
                            }
                            inner.extend(['\\', escaped]);
                        }
                        Some((_, it)) => inner.push(it),
                    }
                }
                Token::Quoted(inner)
            }
            '=' => Token::Operator("=".to_owned()),
            '!' | '<' | '>' => {
                let next = signs.next_if(|(_, it)| *it == '=' || (sign == '<' && *it == '>'));
                let mut operator = String::from(sign);
                operator.extend(next.map(|(_, it)| it));
                Token::Operator(operator)
            }
            it if it.is_whitespace() => continue,
            it if is_word(it) => {
                let mut word = String::from(it);
                while let Some((_, it)) = signs.next_if(|(_, it)| is_word(*it)) {
                    word.push(it);
                }
                Token::Word(word)
            }
            it => return Err(malformed(at + 1, &format!("unexpected token: '{it}'"))),
        };
        tokens.push((at + 1, token));
    }
    Ok(tokens)
}

fn is_word(sign: char) -> bool {
    sign.is_ascii_alphanumeric() || "_.:+-".contains(sign)
}

/// The text a literal stands for.
pub(super) fn unescape(inner: &str) -> String {
    let mut out = String::new();
    let mut signs = inner.chars();
    while let Some(sign) = signs.next() {
        match (sign, signs.as_str().chars().next()) {
            ('\\', Some(escaped)) => {
                signs.next();
                match escaped {
                    '_' | '%' => out.extend(['\\', escaped]),
                    it => out.push(meant(it)),
                }
            }
            (it, _) => out.push(it),
        }
    }
    out
}

/// The pattern a literal stands for: `%` and `_` are wild unless they are escaped.
pub(super) fn pattern(inner: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut signs = inner.chars();
    while let Some(sign) = signs.next() {
        pieces.push(match sign {
            '%' => Piece::Many,
            '_' => Piece::One,
            '\\' => Piece::Exactly(signs.next().map_or('\\', meant)),
            it => Piece::Exactly(it),
        });
    }
    pieces
}

fn meant(escaped: char) -> char {
    match escaped.to_ascii_lowercase() {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'b' => '\u{8}',
        'f' => '\u{c}',
        _ => escaped,
    }
}
