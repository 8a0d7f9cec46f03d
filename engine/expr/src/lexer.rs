//! From the text of an expression to its tokens.

use std::ops::Range;

use crate::error::SyntaxError;

/// A word of the language.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    Name(String),
    Integer(i64),
    Float(f64),
    Text(String),
    Open,
    Close,
    OpenBracket,
    CloseBracket,
    Comma,
    Dot,
    Question,
    /// A character that has no place in an expression.
    Stray(char),
    End,
}

/// A word and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Lexeme {
    pub(crate) token: Token,
    pub(crate) range: Range<usize>,
}

/// Cuts `text` into tokens, the last of which is `End`; positions count from `offset`.
pub(crate) fn lex(text: &str, offset: usize) -> (Vec<Lexeme>, Vec<SyntaxError>) {
    let mut lexer = Lexer { text, at: 0, offset, errors: Vec::new() };
    let mut lexemes = Vec::new();
    let mut after_dot = false;
    loop {
        lexer.skip_blanks();
        let start = lexer.at;
        let token = lexer.token(after_dot);
        after_dot = token == Token::Dot;
        let done = token == Token::End;
        lexemes.push(Lexeme { token, range: start + offset..lexer.at + offset });
        if done {
            return (lexemes, lexer.errors);
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    offset: usize,
    errors: Vec<SyntaxError>,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn skip_while(&mut self, mut wanted: impl FnMut(char) -> bool) -> &'t str {
        let start = self.at;
        while self.peek().is_some_and(&mut wanted) {
            self.bump();
        }
        self.text.get(start..self.at).unwrap_or("")
    }

    fn skip_blanks(&mut self) {
        self.skip_while(is_blank);
    }

    fn token(&mut self, after_dot: bool) -> Token {
        let Some(c) = self.peek() else { return Token::End };
        let number = c.is_ascii_digit() || c == '+' || c == '-';
        if is_name(c) && (after_dot || !number) {
            return Token::Name(self.skip_while(is_name).to_owned());
        }
        if number {
            return self.number();
        }
        self.bump();
        match c {
            '(' => Token::Open,
            ')' => Token::Close,
            '[' => Token::OpenBracket,
            ']' => Token::CloseBracket,
            ',' => Token::Comma,
            '.' => Token::Dot,
            '?' => Token::Question,
            '\'' => self.quoted(),
            c => Token::Stray(c),
        }
    }

    /// The rest of a text in quotes; two quotes are one.
    fn quoted(&mut self) -> Token {
        let start = self.at - 1;
        let mut text = String::new();
        loop {
            text.push_str(self.skip_while(|c| c != '\''));
            if self.bump().is_none() {
                let range = self.offset + start..self.offset + self.at;
                let error = SyntaxError::new(range, "the text has no closing quote");
                self.errors.push(error.hint("end it with `'`; a quote inside is written `''`"));
                return Token::Text(text);
            }
            if self.peek() != Some('\'') {
                return Token::Text(text);
            }
            self.bump();
            text.push('\'');
        }
    }

    fn number(&mut self) -> Token {
        let start = self.at;
        if self.peek().is_some_and(|c| c == '+' || c == '-') {
            self.bump();
        }
        let whole = self.skip_while(|c| c.is_ascii_digit());
        let mut float = false;
        let mut fraction = "";
        if self.peek() == Some('.') {
            float = true;
            self.bump();
            fraction = self.skip_while(|c| c.is_ascii_digit());
        }
        let mut complete = !(whole.is_empty() && fraction.is_empty());
        if self.peek().is_some_and(|c| c == 'e' || c == 'E') {
            float = true;
            self.bump();
            if self.peek().is_some_and(|c| c == '+' || c == '-') {
                self.bump();
            }
            complete &= !self.skip_while(|c| c.is_ascii_digit()).is_empty();
        }
        complete &= self.skip_while(is_name).is_empty();
        let text = self.text.get(start..self.at).unwrap_or("");
        let range = self.offset + start..self.offset + self.at;
        let token = if float {
            text.parse().ok().map(Token::Float)
        } else {
            text.parse().ok().map(Token::Integer)
        };
        let error = match (complete, &token) {
            (true, Some(_)) => None,
            (true, None) => Some(format!("`{text}` does not fit in a 64-bit integer")),
            (false, _) => Some(format!("`{text}` is not a number")),
        };
        self.errors.extend(error.map(|message| SyntaxError::new(range, message)));
        token.unwrap_or(Token::Integer(0))
    }
}

/// Blanks of Unicode, and the zero-width mark that some editors leave behind.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}' || c == '\u{180e}'
}

fn is_name(c: char) -> bool {
    !is_blank(c) && !matches!(c, '.' | ',' | '(' | ')' | '{' | '}' | '@' | '[' | ']' | '?' | '\'')
}
