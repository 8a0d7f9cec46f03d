//! Schemas that have been made: a large connector's takes longer than an editor waits between two keys.

use std::{
    cell::RefCell,
    collections::{BTreeSet, VecDeque},
    rc::Rc,
};

use serde_json::Value;

use super::Known;
use crate::project::FileKind;

/// What a schema is made of, beside the connectors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Makings {
    pub(crate) kind: FileKind,
    pub(crate) known: Known,
    /// The connectors whose schemas a mapping may name.
    pub(crate) used: BTreeSet<String>,
}

/// The schemas that were made last of one state of a project's connectors.
#[derive(Debug, Default)]
pub struct Made(RefCell<VecDeque<(Makings, Rc<Value>)>>);

/// Schemas that are kept: files that are open side by side.
const KEPT_MAX: usize = 16;

impl Made {
    /// The schema that is made of this, made once.
    pub(crate) fn of(&self, makings: Makings, make: impl FnOnce(&Makings) -> Value) -> Rc<Value> {
        let kept = self.0.borrow().iter().find(|(it, _)| *it == makings).map(|it| it.1.clone());
        kept.unwrap_or_else(|| {
            let made = Rc::new(make(&makings));
            let mut all = self.0.borrow_mut();
            all.truncate(KEPT_MAX - 1);
            all.push_front((makings, Rc::clone(&made)));
            made
        })
    }

    /// Forgets them all: a connector is another one now.
    pub(crate) fn forget(&mut self) {
        self.0.borrow_mut().clear();
    }
}
