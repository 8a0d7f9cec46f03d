//! Texts that are put together, with the blocks of Handlebars.

use base::code::TYPE_MISMATCH;

use super::Checker;
use super::access::with_article;
use super::facts::Known;
use crate::ast::{Expr, Part};
use crate::types::Type;

impl<'e> Checker<'e> {
    pub(super) fn parts(&mut self, parts: &'e [Part]) {
        for part in parts {
            match part {
                Part::Text(_) => {}
                Part::Value(expr) => {
                    self.expr(expr);
                }
                Part::If { condition, then, otherwise } => {
                    self.expr(condition);
                    let facts = self.facts();
                    self.note(condition, Known::Filled);
                    self.parts(then);
                    self.forget(facts);
                    self.parts(otherwise);
                }
                Part::With { value, body, otherwise } => {
                    let about = self.expr(value).non_null().filled();
                    self.block(about, body);
                    self.parts(otherwise);
                }
                Part::Each { list, body, otherwise } => {
                    let about = self.each(list);
                    self.block(about, body);
                    self.parts(otherwise);
                }
            }
        }
    }

    fn block(&mut self, about: Type, body: &'e [Part]) {
        let outer = self.facts_for_block();
        self.frames.push(about);
        self.parts(body);
        self.frames.pop();
        self.facts = outer;
    }

    /// What `each` is about in turn.
    fn each(&mut self, list: &'e Expr) -> Type {
        let ty = self.expr(list);
        if !ty.is_null() && !ty.non_null().fits(&Type::ArrayOrObject) {
            let kind = with_article(&ty);
            let message = format!("`each` goes over a list or an object, not over {kind}");
            self.report(&list.range, TYPE_MISMATCH, message, None);
        }
        if ty.is_list() { ty.element() } else { Type::Any }
    }
}
