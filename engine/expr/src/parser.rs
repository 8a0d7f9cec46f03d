//! From tokens to the tree; a broken text still gives a tree, and every fault its place.

use std::ops::Range;

use base::limits::{EXPRESSION_CHARS_MAX, EXPRESSION_DEPTH_MAX};
use serde_json::Value;

use crate::ast::{Call, Expr, Node};
use crate::error::SyntaxError;
use crate::functions;
use crate::lexer::{Lexeme, Token, lex};

/// Reads one expression; positions count from `offset`.
pub(crate) fn parse(text: &str, offset: usize) -> (Expr, Vec<SyntaxError>) {
    let everything = offset..offset + text.len();
    if EXPRESSION_CHARS_MAX < text.chars().take(EXPRESSION_CHARS_MAX + 1).count() {
        let message = format!("an expression has at most {EXPRESSION_CHARS_MAX} characters");
        let nothing = Expr { range: everything.clone(), node: Node::Literal(Value::Null) };
        return (nothing, vec![SyntaxError::limit(everything, message)]);
    }
    let (lexemes, errors) = lex(text, offset);
    let mut parser = Parser { lexemes, at: 0, depth: 0, errors };
    let expr = parser.expression();
    if parser.peek() != &Token::End && parser.errors.is_empty() {
        let found = parser.found();
        let range = parser.range();
        parser.fail(range, format!("{found} follows a complete expression"));
    }
    parser.errors.sort_by_key(|error| error.range.start);
    (expr, parser.errors)
}

struct Parser {
    lexemes: Vec<Lexeme>,
    at: usize,
    depth: usize,
    errors: Vec<SyntaxError>,
}

const END: Lexeme = Lexeme { token: Token::End, range: 0..0 };

impl Parser {
    fn lexeme(&self) -> &Lexeme {
        self.lexemes.get(self.at).or(self.lexemes.last()).unwrap_or(&END)
    }

    fn peek(&self) -> &Token {
        &self.lexeme().token
    }

    fn range(&self) -> Range<usize> {
        self.lexeme().range.clone()
    }

    fn bump(&mut self) -> Lexeme {
        let lexeme = self.lexeme().clone();
        self.at += 1;
        lexeme
    }

    fn take(&mut self, wanted: &Token) -> bool {
        let taken = self.peek() == wanted;
        self.at += usize::from(taken);
        taken
    }

    /// Where the last token ended.
    fn end(&self) -> usize {
        self.at.checked_sub(1).and_then(|at| self.lexemes.get(at)).map_or(0, |it| it.range.end)
    }

    fn found(&self) -> String {
        match self.peek() {
            Token::Name(name) => format!("`{name}`"),
            Token::Integer(_) | Token::Float(_) => "a number".to_owned(),
            Token::Text(_) => "a text".to_owned(),
            Token::Open => "`(`".to_owned(),
            Token::Close => "`)`".to_owned(),
            Token::OpenBracket => "`[`".to_owned(),
            Token::CloseBracket => "`]`".to_owned(),
            Token::Comma => "`,`".to_owned(),
            Token::Dot => "`.`".to_owned(),
            Token::Question => "`?`".to_owned(),
            Token::Stray(c) => format!("`{c}`"),
            Token::End => "the end".to_owned(),
        }
    }

    fn fail(&mut self, range: Range<usize>, message: impl Into<String>) {
        self.errors.push(SyntaxError::new(range, message));
    }

    fn fail_with_hint(&mut self, range: Range<usize>, message: impl Into<String>, hint: &str) {
        self.errors.push(SyntaxError::new(range, message).hint(hint));
    }

    /// Takes a closing bracket. Behind a fault since `faults` it looks for it further on; else it
    /// says that it is missing, and goes on as if it were there.
    fn close(&mut self, wanted: &Token, sign: char, opened: usize, faults: usize) {
        if self.take(wanted) {
            return;
        }
        if faults < self.errors.len() {
            return self.skip_to(wanted);
        }
        let found = self.found();
        self.fail(opened..opened + 1, format!("this has no closing `{sign}`: found {found}"));
    }

    fn skip_to(&mut self, wanted: &Token) {
        let mut open = 0_usize;
        while self.peek() != &Token::End {
            match self.bump().token {
                Token::Open | Token::OpenBracket => open += 1,
                token if open == 0 && token == *wanted => return,
                Token::Close | Token::CloseBracket => open = open.saturating_sub(1),
                _ => {}
            }
        }
    }

    /// A value with everything that is taken out of it.
    fn expression(&mut self) -> Expr {
        if EXPRESSION_DEPTH_MAX <= self.depth {
            return self.too_deep();
        }
        self.depth += 1;
        let start = self.range().start;
        let depth = self.depth;
        let mut expr = self.primary();
        loop {
            let null_safe = self.peek() == &Token::Question;
            let next = if null_safe { self.at + 1 } else { self.at };
            let accessor = self.lexemes.get(next).map(|it| it.token.clone());
            if !matches!(accessor, Some(Token::Dot | Token::OpenBracket)) {
                if null_safe {
                    let range = self.range();
                    self.fail(range, "after `?` comes `.name` or `['name']`");
                    self.bump();
                }
                break;
            }
            if matches!(expr.node, Node::Literal(_)) {
                let range = self.range();
                self.fail(range, "nothing can be taken out of a literal");
            }
            self.depth += 1;
            if EXPRESSION_DEPTH_MAX < self.depth {
                expr = self.too_deep();
                break;
            }
            self.at = next + 1;
            let key = match accessor {
                Some(Token::Dot) => self.property(),
                _ => self.subscript(),
            };
            let range = start..self.end();
            let (object, key) = (Box::new(expr), Box::new(key));
            expr = Expr { range, node: Node::Access { object, key, null_safe } };
        }
        self.depth = depth - 1;
        expr
    }

    /// Gives up on the rest: parser and evaluator recurse.
    fn too_deep(&mut self) -> Expr {
        let range = self.range();
        let message = format!("an expression nests at most {EXPRESSION_DEPTH_MAX} deep");
        self.errors.push(SyntaxError::limit(range.clone(), message));
        self.at = self.lexemes.len();
        Expr { range, node: Node::Literal(Value::Null) }
    }

    fn property(&mut self) -> Expr {
        let range = self.range();
        if let Token::Name(name) = self.peek().clone() {
            self.bump();
            return Expr { range, node: Node::Literal(name.into()) };
        }
        let found = self.found();
        self.fail(range.clone(), format!("after `.` comes a name, not {found}"));
        Expr { range, node: Node::Literal(Value::Null) }
    }

    fn subscript(&mut self) -> Expr {
        let (opened, faults) = (self.end() - 1, self.errors.len());
        let key = self.expression();
        self.close(&Token::CloseBracket, ']', opened, faults);
        key
    }

    fn primary(&mut self) -> Expr {
        let range = self.range();
        let literal = |value| Expr { range: range.clone(), node: Node::Literal(value) };
        match self.peek().clone() {
            Token::Integer(number) => {
                self.bump();
                literal(number.into())
            }
            Token::Float(number) => {
                self.bump();
                literal(number.into())
            }
            Token::Text(text) => {
                self.bump();
                literal(text.into())
            }
            Token::Name(name) => self.named(&name),
            Token::OpenBracket => {
                self.fail_with_hint(
                    range.clone(),
                    "there are no list literals",
                    "use `createArray`",
                );
                self.bump();
                literal(Value::Null)
            }
            Token::Stray('{') => {
                self.fail_with_hint(range.clone(), "there are no object literals", "use `json`");
                self.bump();
                literal(Value::Null)
            }
            _ => {
                let found = self.found();
                self.fail(range.clone(), format!("expected a value, found {found}"));
                literal(Value::Null)
            }
        }
    }

    /// A keyword or a call.
    fn named(&mut self, name: &str) -> Expr {
        let range = self.range();
        let called = self.lexemes.get(self.at + 1).map(|it| &it.token) == Some(&Token::Open);
        self.bump();
        if called {
            return self.call(name, range.start);
        }
        let keyword = match name.to_ascii_lowercase().as_str() {
            "null" => Some(Value::Null),
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => None,
        };
        if keyword.is_none() {
            let message = format!("`{name}` is neither a call nor a literal");
            let hint = if functions::find(name).is_some() {
                format!("write `{name}(…)`")
            } else {
                "texts are written in single quotes".to_owned()
            };
            self.fail_with_hint(range.clone(), message, &hint);
        }
        Expr { range, node: Node::Literal(keyword.unwrap_or(Value::Null)) }
    }

    fn call(&mut self, name: &str, start: usize) -> Expr {
        let (opened, faults) = (self.range().start, self.errors.len());
        self.bump();
        let mut arguments = Vec::new();
        if self.peek() != &Token::Close && self.peek() != &Token::End {
            arguments.push(self.expression());
            while self.take(&Token::Comma) {
                arguments.push(self.expression());
            }
        }
        self.close(&Token::Close, ')', opened, faults);
        let range = start..self.end();
        let function = functions::find(name);
        let call = Call { name: name.to_owned(), function, arguments, range: range.clone() };
        Expr { range, node: Node::Call(call) }
    }
}
