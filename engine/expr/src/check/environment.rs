//! What a check may ask of the flow that an expression stands in.

use crate::types::{Field, Type};

/// The types of what a [`crate::Context`] answers at run time. What is not known is anything.
pub trait Environment {
    /// The record of an action, as `actions('X')` shows it.
    fn action(&self, name: &str) -> Type {
        record(self.outputs(name))
    }

    /// What an action gives.
    fn outputs(&self, _name: &str) -> Type {
        Type::Any
    }

    /// The records of the actions in a scope; of the current scope without a name.
    fn result(&self, _scope: Option<&str>) -> Type {
        Type::filled_array_of(record(Type::Any))
    }

    /// The record of the trigger.
    fn trigger(&self) -> Type {
        record(self.trigger_outputs())
    }

    /// What the trigger gives.
    fn trigger_outputs(&self) -> Type {
        Type::Any
    }

    /// The value of a variable.
    fn variable(&self, _name: &str) -> Type {
        Type::Any
    }

    /// The value of a parameter.
    fn parameter(&self, _name: &str) -> Type {
        Type::Any
    }

    /// The item of the innermost loop, `Select` or `Query`.
    fn item(&self) -> Type {
        Type::Any
    }

    /// The item of the enclosing Foreach of that name.
    fn items(&self, _name: &str) -> Type {
        Type::Any
    }

    /// The flow and the run, as `workflow()` shows them.
    fn workflow(&self) -> Type {
        Type::Any
    }

    /// Whether a function is this position's own. By default those are that the table has not.
    fn hosts(&self, function: &str) -> bool {
        crate::functions::find(function).is_none()
    }

    /// What a function gives that only this position has; `None` if it has none of that name.
    fn host(&self, _function: &str, _arguments: &[Type]) -> Option<Type> {
        None
    }

    /// What the beginning of a path leads to, and how many segments that is; `None` if a path
    /// cannot begin so, which is not for this check to report.
    fn resolve(&self, path: &[&str]) -> Option<(Type, usize)> {
        usual_paths(self, path)
    }
}

/// Where the paths of a run lead.
pub fn usual_paths<E: Environment + ?Sized>(
    environment: &E,
    path: &[&str],
) -> Option<(Type, usize)> {
    match path {
        ["trigger", name @ ("body" | "headers" | "queries" | "relativePathParameters"), ..] => {
            Some((environment.trigger_outputs().member(name), 2))
        }
        ["trigger", "outputs", ..] => Some((environment.trigger_outputs(), 2)),
        ["actions", name, part @ ("body" | "headers" | "statusCode"), ..] => {
            Some((environment.outputs(name).member(part), 3))
        }
        ["actions", name, "outputs", ..] => Some((environment.outputs(name), 3)),
        ["variables", name, ..] => Some((environment.variable(name), 2)),
        ["parameters", name, ..] => Some((environment.parameter(name), 2)),
        ["items", name, ..] => Some((environment.items(name), 2)),
        ["item", ..] => Some((environment.item(), 1)),
        _ => None,
    }
}

/// The record of a trigger or an action with such outputs.
fn record(outputs: Type) -> Type {
    let field = |name: &str, ty| (name.to_owned(), Field { ty, required: true });
    Type::object_of(
        [field("name", Type::String), field("outputs", outputs), field("status", Type::String)],
        Some(Type::Any),
    )
}

/// An environment of which nothing is known.
pub struct Unknown;

impl Environment for Unknown {}
