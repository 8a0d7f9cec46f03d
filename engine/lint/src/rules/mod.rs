//! The table of rules: one rule a file, sorted by number.

mod ambiguous_scalar;
mod bad_input;
mod bad_retry_policy;
mod case_mismatch;
mod constant_condition;
mod cross_flow_loop;
mod deep_nesting;
mod default_name;
mod deprecated;
mod deprecated_operation;
mod empty_block;
mod empty_collection_access;
mod expression_syntax;
mod filter_after_fetch;
mod hardcoded_environment;
mod hardcoded_secret;
mod injection;
mod insecure_transport;
mod invalid_choice;
mod invalid_cron;
mod invisible_character;
mod io_in_loop;
mod late_acknowledge;
mod limit_exceeded;
mod loop_append;
mod loop_item_out_of_scope;
mod mapping_lossy;
mod mapping_not_reversible;
mod mapping_read_only_target;
mod mapping_required_unmapped;
mod mapping_unknown_field;
mod maybe_skipped_reference;
mod missing_description;
mod no_concurrency_key;
mod no_dedup_key;
mod no_failure_path;
mod no_trigger_filter;
mod non_boolean_condition;
mod non_idempotent_retry;
mod not_upstream_reference;
mod null_join_key;
mod parallel_variable_write;
mod possibly_null;
mod quoted_literal;
mod reading;
mod redundant_expression;
mod response_contract;
mod secret_leak;
mod secure_io_missing;
mod self_trigger_loop;
mod ssrf;
mod subflow_contract;
mod swallowed_failure;
mod test_mode_left_on;
mod type_mismatch;
mod unauthenticated_trigger;
mod unbounded_list;
mod unbounded_loop;
mod unknown_action_reference;
mod unknown_connection;
mod unknown_field;
mod unknown_function;
mod unknown_operation;
mod unknown_parameter;
mod unknown_variable;
mod unpinned_connector;
mod unreachable_action;
mod unused_definition;
mod update_without_change_check;
mod wrong_argument_count;

use base::{Code, Diagnostic, Sink, Source, Span, suggest};
use expr::{Placed, check::TypeFinding};

use crate::{
    rule::Rule,
    view::{Place, View},
};

/// Every rule, by number.
pub const TABLE: &[Rule] = &[
    reading::INVALID_YAML,
    reading::DUPLICATE_KEY,
    ambiguous_scalar::RULE,
    reading::UNQUOTED_EXPRESSION,
    reading::UNSUPPORTED_YAML,
    invisible_character::RULE,
    reading::UNUSED_SUPPRESSION,
    reading::UNKNOWN_KEY,
    reading::MISSING_KEY,
    reading::WRONG_TYPE,
    reading::UNKNOWN_TYPE,
    reading::INVALID_NAME,
    reading::DUPLICATE_NAME,
    reading::INVALID_TIME,
    invalid_cron::RULE,
    deprecated::RULE,
    limit_exceeded::RULE,
    unknown_action_reference::RULE,
    case_mismatch::RULE,
    not_upstream_reference::RULE,
    maybe_skipped_reference::RULE,
    unknown_variable::RULE,
    unused_definition::RULE,
    unknown_parameter::RULE,
    reading::BAD_RUN_AFTER,
    loop_item_out_of_scope::RULE,
    subflow_contract::RULE,
    unknown_connection::RULE,
    expression_syntax::RULE,
    unknown_function::RULE,
    wrong_argument_count::RULE,
    type_mismatch::RULE,
    possibly_null::RULE,
    unknown_field::RULE,
    constant_condition::RULE,
    non_boolean_condition::RULE,
    null_join_key::RULE,
    empty_collection_access::RULE,
    quoted_literal::RULE,
    unreachable_action::RULE,
    unbounded_loop::RULE,
    parallel_variable_write::RULE,
    response_contract::RULE,
    empty_block::RULE,
    deep_nesting::RULE,
    unknown_operation::RULE,
    bad_input::RULE,
    invalid_choice::RULE,
    mapping_unknown_field::RULE,
    mapping_required_unmapped::RULE,
    mapping_read_only_target::RULE,
    mapping_lossy::RULE,
    mapping_not_reversible::RULE,
    deprecated_operation::RULE,
    unpinned_connector::RULE,
    no_failure_path::RULE,
    swallowed_failure::RULE,
    non_idempotent_retry::RULE,
    bad_retry_policy::RULE,
    self_trigger_loop::RULE,
    cross_flow_loop::RULE,
    no_dedup_key::RULE,
    no_concurrency_key::RULE,
    late_acknowledge::RULE,
    update_without_change_check::RULE,
    hardcoded_secret::RULE,
    hardcoded_environment::RULE,
    unauthenticated_trigger::RULE,
    injection::RULE,
    secret_leak::RULE,
    secure_io_missing::RULE,
    insecure_transport::RULE,
    ssrf::RULE,
    test_mode_left_on::RULE,
    io_in_loop::RULE,
    filter_after_fetch::RULE,
    unbounded_list::RULE,
    no_trigger_filter::RULE,
    loop_append::RULE,
    default_name::RULE,
    missing_description::RULE,
    redundant_expression::RULE,
];

/// Rules that offer an edit after which the flow does what it did, or what was surely meant.
const SAFE: &[&str] = &[
    "ambiguous-scalar",
    "bad-input",
    "bad-run-after",
    "case-mismatch",
    "deprecated",
    "invalid-choice",
    "invisible-character",
    "mapping-unknown-field",
    "non-boolean-condition",
    "redundant-expression",
    "secure-io-missing",
    "subflow-contract",
    "test-mode-left-on",
    "unknown-action-reference",
    "unknown-connection",
    "unknown-field",
    "unknown-function",
    "unknown-key",
    "unknown-operation",
    "unknown-parameter",
    "unknown-variable",
    "unpinned-connector",
    "unquoted-expression",
    "unused-suppression",
    "wrong-type",
];
/// Rules that offer an edit which a person should look at.
const UNSAFE: &[&str] = &[
    "deprecated-operation",
    "empty-block",
    "empty-collection-access",
    "insecure-transport",
    "possibly-null",
    "unused-definition",
];

impl Rule {
    /// Whether it mends what it finds, where one edit is the right one: `safe`, `unsafe`, or not at all.
    pub fn edit(&self) -> Option<&'static str> {
        let is_in = |all: &[&str]| all.contains(&self.code.slug);
        match (is_in(SAFE), is_in(UNSAFE)) {
            (true, _) => Some("safe"),
            (false, true) => Some("unsafe"),
            (false, false) => None,
        }
    }
}

/// The rule of that slug.
pub fn find(slug: &str) -> Option<&'static Rule> {
    TABLE.iter().find(|it| it.code.slug == slug)
}

/// Adds the known name that was probably meant, or says what there is if that is little.
fn suggested<'a>(
    found: Diagnostic,
    word: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Diagnostic {
    // Every short word is near to every other one.
    let is_near =
        |it: &&str| SHORT_CHARS_MAX < word.chars().count() || it.eq_ignore_ascii_case(word);
    if let Some(near) = suggest::closest(word, known.clone()).filter(is_near) {
        return found.meant(word, near, known);
    }
    let known: Vec<String> = known.take(LISTED_MAX + 1).map(|it| format!("`{it}`")).collect();
    if known.is_empty() || LISTED_MAX < known.len() {
        return found;
    }
    found.hint(format!("known: {}", known.join(", ")))
}

const SHORT_CHARS_MAX: usize = 2;

/// Adds what the check of types found under a rule's code, with the edits that it offers.
fn report(
    (view, place): (&View<'_>, Place),
    code: Code,
    placed: &Placed,
    found: &[TypeFinding],
    sink: &mut Sink,
) {
    for finding in found.iter().filter(|it| it.code == code) {
        let span = placed.place(&finding.range);
        let mut diagnostic = Diagnostic::new(code, span, finding.message.clone());
        diagnostic.severity = finding.severity;
        diagnostic.hint.clone_from(&finding.hint);
        if let (Some(instead), Some(_)) = (&finding.instead, placed.verbatim_at) {
            let text = quoted(view.source_at(place), placed.span, &instead.text);
            let title = format!("Write `{}`", instead.text);
            diagnostic = if instead.safe {
                diagnostic.fix(span, text, title)
            } else {
                diagnostic.unsafe_fix(span, text, title)
            };
        }
        sink.push(diagnostic);
    }
}

/// A part of a text as it stands between its quotes.
fn quoted(source: &Source, whole: Span, text: &str) -> String {
    let written = source.text().get(whole.start..whole.end).unwrap_or("");
    if written.starts_with('\'') { text.replace('\'', "''") } else { text.to_owned() }
}

/// Longer lists of names are no help.
const LISTED_MAX: usize = 6;
