//! Approval: asks people and waits until one of them answers.

use base::{Span, code};
use expr::Tree;
use serde_json::{Value, json};
use yaml::Node;

use super::ActionKind;
use crate::{fields::Fields, reader::Reader};

/// A question to people.
#[derive(Clone, Debug)]
pub struct Approval {
    /// What is asked, in a line.
    pub title: Tree,
    /// What one has to know to answer.
    pub details: Option<Tree>,
    /// Who is to answer: addresses or names, as text with `;` between them or as a list.
    pub assigned_to: Option<Tree>,
    /// The answers that can be given: a list of texts.
    pub options: Tree,
    /// Where the options are written.
    pub options_span: Span,
}

/// Answers that can be given at most.
pub const OPTIONS_MAX: usize = 20;

/// Reads `approval: {title, details, assignedTo, options}`.
pub(crate) fn read(reader: &mut Reader, node: &Node) -> ActionKind {
    let mut fields = Fields::new(reader, node, "`approval`");
    let given = fields.given("options");
    let options = given
        .map_or_else(|| Tree::Value(json!(["Approve", "Reject"])), |options| reader.tree(options));
    let options_span = given.map_or(fields.at, |it| it.span);
    check_options(reader, options_span, &options);
    let approval = Approval {
        title: fields.required_tree(reader, "title"),
        details: fields.tree(reader, "details"),
        assigned_to: fields.tree(reader, "assignedTo"),
        options,
        options_span,
    };
    fields.finish(reader);
    ActionKind::Approval(approval)
}

/// Options that are not computed are checked now.
fn check_options(reader: &mut Reader, span: Span, options: &Tree) {
    if let Some(value) = options.constant()
        && choices(&value).is_none()
    {
        let message = format!("`options` must be a list of 1 to {OPTIONS_MAX} different texts");
        reader.report(code::WRONG_TYPE, span, message);
    }
}

/// The answers that can be given, if they can be.
pub fn choices(options: &Value) -> Option<Vec<&str>> {
    let texts: Vec<&str> = options.as_array()?.iter().map(Value::as_str).collect::<Option<_>>()?;
    let is_new = |(at, text): (usize, &&str)| {
        !text.trim().is_empty() && texts.iter().take(at).all(|other| other != text)
    };
    let fits = (1..=OPTIONS_MAX).contains(&texts.len());
    (fits && texts.iter().enumerate().all(is_new)).then_some(texts)
}
