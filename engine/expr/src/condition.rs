//! The condition of an `If` in Power Automate's JSON form: `and`, `or`, `not` and comparisons.

use serde_json::Value;

use crate::context::Context;
use crate::error::EvalError;
use crate::functions;
use crate::operand::Operand;
use crate::template::Template;
use crate::tree::{Key, Placed, Tree};

/// What an `If` asks.
#[derive(Clone, Debug)]
pub enum Condition {
    /// An expression that must give a boolean.
    Template(Placed),
    /// All of them.
    And(Vec<Self>),
    /// One of them.
    Or(Vec<Self>),
    /// The opposite.
    Not(Box<Self>),
    /// A comparison of two values.
    Compare {
        /// How they are compared.
        operator: Operator,
        /// What is compared, two of them.
        operands: Vec<Tree>,
    },
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// Deep equality by type.
    Equals,
    /// A text, a list or an object holds the value.
    Contains,
    /// Numbers by value, texts without case.
    Greater,
    /// Greater or equal.
    GreaterOrEquals,
    /// Numbers by value, texts without case.
    Less,
    /// Less or equal.
    LessOrEquals,
    /// Texts, without case.
    StartsWith,
    /// Texts, without case.
    EndsWith,
}

impl Operator {
    /// Every operator and its key.
    pub const ALL: &[(&str, Self)] = &[
        ("equals", Self::Equals),
        ("contains", Self::Contains),
        ("greater", Self::Greater),
        ("greaterOrEquals", Self::GreaterOrEquals),
        ("less", Self::Less),
        ("lessOrEquals", Self::LessOrEquals),
        ("startsWith", Self::StartsWith),
        ("endsWith", Self::EndsWith),
    ];

    /// The operator of that key; case does not matter.
    pub fn parse(key: &str) -> Option<Self> {
        let named = |(name, _): &&(&str, Self)| name.eq_ignore_ascii_case(key);
        Self::ALL.iter().find(named).map(|(_, operator)| *operator)
    }

    /// The key, which is also the function that carries it out.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, it)| *it == self).map_or("equals", |(name, _)| name)
    }
}

impl Condition {
    /// Reads a condition. The error says what is wrong with it.
    pub fn read(tree: Tree) -> Result<Self, String> {
        match tree {
            Tree::Template(placed) => Ok(Self::Template(placed)),
            Tree::Value(Value::Bool(truth)) => {
                let (template, _) = Template::parse_expression(&truth.to_string());
                Ok(Self::Template(Placed::nowhere(template)))
            }
            Tree::Value(other) => {
                let kind = base::value::kind(&other);
                Err(format!("a condition is an expression or an object, not a {kind}"))
            }
            Tree::Array(_) => Err("a condition is an expression or an object, not a list".into()),
            Tree::Object(entries) => Self::read_object(entries.into()),
        }
    }

    fn read_object(entries: Vec<(Key, Tree)>) -> Result<Self, String> {
        let count = entries.len();
        let mut entries = entries.into_iter();
        let (Some((Key::Plain(key), operand)), 1) = (entries.next(), count) else {
            return Err(format!("a condition has one operator, this has {count}"));
        };
        let lower = key.to_ascii_lowercase();
        if lower == "not" {
            let operand = match operand {
                Tree::Array(items) if items.len() == 1 => items.into_iter().next(),
                other => Some(other),
            };
            let operand = operand.unwrap_or(Tree::Value(Value::Null));
            return Self::read(operand).map(|inner| Self::Not(Box::new(inner)));
        }
        let Tree::Array(operands) = operand else {
            return Err(format!("`{key}` takes a list of operands"));
        };
        match (lower.as_str(), Operator::parse(&key)) {
            ("and", _) => {
                operands.into_iter().map(Self::read).collect::<Result<_, _>>().map(Self::And)
            }
            ("or", _) => {
                operands.into_iter().map(Self::read).collect::<Result<_, _>>().map(Self::Or)
            }
            (_, Some(_)) if operands.len() != 2 => {
                Err(format!("`{key}` compares two operands, not {}", operands.len()))
            }
            (_, Some(operator)) => Ok(Self::Compare { operator, operands }),
            (_, None) => Err(format!("`{key}` is not an operator of conditions")),
        }
    }

    /// Whether the condition holds.
    pub fn eval(&self, ctx: &dyn Context) -> Result<bool, EvalError> {
        match self {
            Self::Template(placed) => truth(&placed.template.eval(ctx)?),
            Self::And(all) => {
                for condition in all {
                    if !condition.eval(ctx)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Or(any) => {
                for condition in any {
                    if condition.eval(ctx)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Not(inner) => inner.eval(ctx).map(|holds| !holds),
            Self::Compare { operator, operands } => {
                let values = operands.iter().map(|operand| operand.eval(ctx).map(Operand::from));
                let values = values.collect::<Result<Vec<_>, _>>()?;
                let Some(function) = functions::find(operator.name()) else {
                    return Err(EvalError::template(format!("there is no `{}`", operator.name())));
                };
                truth(&functions::apply(function, ctx, values)?.into_value())
            }
        }
    }

    /// Shows every template, in the order of the file.
    pub fn templates(&self, visit: &mut dyn FnMut(&Placed)) {
        match self {
            Self::Template(placed) => visit(placed),
            Self::And(all) | Self::Or(all) => all.iter().for_each(|it| it.templates(visit)),
            Self::Not(inner) => inner.templates(visit),
            Self::Compare { operands, .. } => operands.iter().for_each(|it| it.templates(visit)),
        }
    }
}

fn truth(value: &Value) -> Result<bool, EvalError> {
    value.as_bool().ok_or_else(|| {
        EvalError::template(format!(
            "The result of the condition is of type '{}' but is expected to be a value of type \
             'Boolean'.",
            base::value::kind(value)
        ))
    })
}
