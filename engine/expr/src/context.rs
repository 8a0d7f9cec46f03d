//! What an evaluation may ask of the run it stands in.

use std::borrow::Cow;

use base::{Failure, Timestamp};
use serde_json::Value;

/// What an evaluation may ask. Every answer defaults to "there is none".
pub trait Context {
    /// The whole record of an action, as `actions('X')` shows it.
    fn action(&self, _name: &str) -> Option<Cow<'_, Value>> {
        None
    }

    /// What an action gave: null when it gave nothing, `None` when there is no such action.
    fn outputs(&self, _name: &str) -> Option<Cow<'_, Value>> {
        None
    }

    /// Records of the actions directly in a scope; of the current scope without a name.
    fn result(&self, _scope: Option<&str>) -> Option<Value> {
        None
    }

    /// The records of what has failed in a scope, at any depth, and is handled by nothing in it.
    fn failures(&self, _scope: Option<&str>) -> Option<Value> {
        None
    }

    /// The record of the trigger.
    fn trigger(&self) -> Option<Cow<'_, Value>> {
        None
    }

    /// What the trigger gave.
    fn trigger_outputs(&self) -> Option<Cow<'_, Value>> {
        None
    }

    /// The value of a variable; names are compared without case.
    fn variable(&self, _name: &str) -> Option<Cow<'_, Value>> {
        None
    }

    /// The value of a parameter.
    fn parameter(&self, _name: &str) -> Option<Cow<'_, Value>> {
        None
    }

    /// Why a parameter that is declared has no value.
    fn lacks_parameter(&self, _name: &str) -> Option<String> {
        None
    }

    /// The value of an app setting; names are compared without case.
    fn app_setting(&self, _name: &str) -> Option<Cow<'_, Value>> {
        None
    }

    /// The item of the innermost loop, `Select` or `Query`.
    fn item(&self) -> Option<Cow<'_, Value>> {
        None
    }

    /// The item of the enclosing Foreach of that name.
    fn items(&self, _name: &str) -> Option<Cow<'_, Value>> {
        None
    }

    /// Which turn an enclosing Until is in.
    fn iteration_index(&self, _name: &str) -> Option<usize> {
        None
    }

    /// The flow and the run, as `workflow()` shows them.
    fn workflow(&self) -> Option<Cow<'_, Value>> {
        None
    }

    /// The record of the action whose inputs these are.
    fn current_action(&self) -> Option<Cow<'_, Value>> {
        None
    }

    /// The address that a webhook is to call back.
    fn callback_url(&self) -> Option<String> {
        None
    }

    /// The page on which the approval of that name is answered.
    fn approval_url(&self, _name: &str) -> Option<String> {
        None
    }

    /// The time of the event that is being handled.
    fn now(&self) -> Timestamp {
        Timestamp::default()
    }

    /// The next of a seeded sequence.
    fn random(&self) -> u64 {
        0
    }

    /// Whether this position has its own function of a name that the table has, too.
    fn hosts(&self, _function: &str) -> bool {
        false
    }

    /// Functions that the table has not, or that [`Self::hosts`] names.
    fn host(&self, _function: &str, _arguments: &[Value]) -> Option<Result<Value, Failure>> {
        None
    }

    /// The longest beginning of a path that can be handed out cheaply, and how many segments it is.
    fn resolve(&self, _path: &[&str]) -> Option<(Cow<'_, Value>, usize)> {
        None
    }
}

/// Another context with `item()` replaced: for lists, and for mappings.
pub struct WithItem<'a> {
    inner: &'a dyn Context,
    item: &'a Value,
    is_document: bool,
}

impl<'a> WithItem<'a> {
    /// For `Select` and `Query`: paths still begin at the roots of the other context.
    pub const fn new(inner: &'a dyn Context, item: &'a Value) -> Self {
        Self { inner, item, is_document: false }
    }

    /// For mappings: the item is the document that paths begin at.
    pub const fn document(inner: &'a dyn Context, item: &'a Value) -> Self {
        Self { inner, item, is_document: true }
    }
}

impl Context for WithItem<'_> {
    fn action(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.inner.action(name)
    }

    fn outputs(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.inner.outputs(name)
    }

    fn result(&self, scope: Option<&str>) -> Option<Value> {
        self.inner.result(scope)
    }

    fn failures(&self, scope: Option<&str>) -> Option<Value> {
        self.inner.failures(scope)
    }

    fn trigger(&self) -> Option<Cow<'_, Value>> {
        self.inner.trigger()
    }

    fn trigger_outputs(&self) -> Option<Cow<'_, Value>> {
        self.inner.trigger_outputs()
    }

    fn variable(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.inner.variable(name)
    }

    fn parameter(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.inner.parameter(name)
    }

    fn lacks_parameter(&self, name: &str) -> Option<String> {
        self.inner.lacks_parameter(name)
    }

    fn app_setting(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.inner.app_setting(name)
    }

    fn item(&self) -> Option<Cow<'_, Value>> {
        Some(Cow::Borrowed(self.item))
    }

    fn items(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.inner.items(name)
    }

    fn iteration_index(&self, name: &str) -> Option<usize> {
        self.inner.iteration_index(name)
    }

    fn workflow(&self) -> Option<Cow<'_, Value>> {
        self.inner.workflow()
    }

    fn current_action(&self) -> Option<Cow<'_, Value>> {
        self.inner.current_action()
    }

    fn callback_url(&self) -> Option<String> {
        self.inner.callback_url()
    }

    fn approval_url(&self, name: &str) -> Option<String> {
        self.inner.approval_url(name)
    }

    fn now(&self) -> Timestamp {
        self.inner.now()
    }

    fn random(&self) -> u64 {
        self.inner.random()
    }

    fn hosts(&self, function: &str) -> bool {
        self.inner.hosts(function)
    }

    fn host(&self, function: &str, arguments: &[Value]) -> Option<Result<Value, Failure>> {
        self.inner.host(function, arguments)
    }

    fn resolve(&self, path: &[&str]) -> Option<(Cow<'_, Value>, usize)> {
        if !self.is_document {
            return match path {
                ["item", ..] => Some((Cow::Borrowed(self.item), 1)),
                _ => self.inner.resolve(path),
            };
        }
        // The path is walked here, so that no document is copied for one field of it.
        let mut value = self.item;
        for (depth, name) in path.iter().enumerate() {
            match value.get(*name) {
                Some(inner) => value = inner,
                None => return Some((Cow::Borrowed(value), depth)),
            }
        }
        Some((Cow::Borrowed(value), path.len()))
    }
}
