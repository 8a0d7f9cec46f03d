//! Rules that the readers of the files carry out: they are in the table so that pages, suppression
//! and the list of rules have them too.

use base::{Code, code};

use crate::rule::{Hooks, Phase, Rule};

const fn rule(code: Code, summary: &'static str) -> Rule {
    Rule { code, phase: Phase::File, summary, hooks: Hooks::NONE }
}

pub(super) const INVALID_YAML: Rule =
    rule(code::INVALID_YAML, "The file is not YAML that can be read.");

pub(super) const DUPLICATE_KEY: Rule =
    rule(code::DUPLICATE_KEY, "A key stands twice in the same object.");

pub(super) const UNQUOTED_EXPRESSION: Rule =
    rule(code::UNQUOTED_EXPRESSION, "An expression without the quotes that YAML needs around it.");

pub(super) const UNSUPPORTED_YAML: Rule = rule(
    code::UNSUPPORTED_YAML,
    "A feature of YAML that flow files do not use: anchors, tags, merge keys, several documents.",
);

pub(super) const UNUSED_SUPPRESSION: Rule = rule(
    code::UNUSED_SUPPRESSION,
    "A comment suppresses a rule that finds nothing there, or that does not exist.",
);

pub(super) const UNKNOWN_KEY: Rule =
    rule(code::UNKNOWN_KEY, "A key that the format does not have.");

pub(super) const MISSING_KEY: Rule = rule(code::MISSING_KEY, "A key that must be there is not.");

pub(super) const WRONG_TYPE: Rule =
    rule(code::WRONG_TYPE, "A value of another type than the format has there.");

pub(super) const UNKNOWN_TYPE: Rule =
    rule(code::UNKNOWN_TYPE, "A type, of an action or of a value, that does not exist here.");

pub(super) const INVALID_NAME: Rule =
    rule(code::INVALID_NAME, "A name that is empty, too long or has characters it must not have.");

pub(super) const DUPLICATE_NAME: Rule =
    rule(code::DUPLICATE_NAME, "Two things that are told apart by their names have the same.");

pub(super) const INVALID_TIME: Rule =
    rule(code::INVALID_TIME, "A duration, an instant or a schedule that cannot be read.");

pub(super) const BAD_RUN_AFTER: Rule = rule(
    code::BAD_RUN_AFTER,
    "`runAfter` names what is not beside the action, or makes actions wait for each other.",
);
