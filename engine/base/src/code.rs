//! The table of stable codes of diagnostics. A code is the slug of the rule that found the fault.

use crate::diag::Severity;

/// A kind of fault in a file. The slug is the name in messages, suppressions and of the rule's page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// Number for searching, as in `FL201`.
    pub number: &'static str,
    /// Name that people read and write.
    pub slug: &'static str,
    /// How grave it is unless configuration says otherwise.
    pub severity: Severity,
}

macro_rules! codes {
    ($($name:ident $number:literal $slug:literal $severity:ident;)*) => {
        $(#[doc = concat!("`", $slug, "` (", $number, ").")]
        pub const $name: Code =
            Code { number: $number, slug: $slug, severity: Severity::$severity };)*

        /// Every code, by number.
        pub const TABLE: &[Code] = &[$($name),*];
    };
}

codes! {
    INVALID_YAML "FL001" "invalid-yaml" Error;
    DUPLICATE_KEY "FL002" "duplicate-key" Error;
    AMBIGUOUS_SCALAR "FL003" "ambiguous-scalar" Warning;
    UNQUOTED_EXPRESSION "FL004" "unquoted-expression" Error;
    UNSUPPORTED_YAML "FL005" "unsupported-yaml" Error;
    UNUSED_SUPPRESSION "FL007" "unused-suppression" Warning;
    UNKNOWN_KEY "FL101" "unknown-key" Error;
    MISSING_KEY "FL102" "missing-key" Error;
    WRONG_TYPE "FL103" "wrong-type" Error;
    UNKNOWN_TYPE "FL104" "unknown-type" Error;
    INVALID_NAME "FL105" "invalid-name" Error;
    DUPLICATE_NAME "FL106" "duplicate-name" Error;
    INVALID_TIME "FL107" "invalid-time" Error;
    LIMIT_EXCEEDED "FL110" "limit-exceeded" Error;
    UNKNOWN_ACTION_REFERENCE "FL201" "unknown-action-reference" Error;
    CASE_MISMATCH "FL202" "case-mismatch" Warning;
    NOT_UPSTREAM_REFERENCE "FL203" "not-upstream-reference" Error;
    UNKNOWN_VARIABLE "FL205" "unknown-variable" Error;
    UNKNOWN_PARAMETER "FL207" "unknown-parameter" Error;
    BAD_RUN_AFTER "FL208" "bad-run-after" Error;
    LOOP_ITEM_OUT_OF_SCOPE "FL209" "loop-item-out-of-scope" Error;
    SUBFLOW_CONTRACT "FL210" "subflow-contract" Error;
    UNKNOWN_CONNECTION "FL211" "unknown-connection" Error;
    EXPRESSION_SYNTAX "FL301" "expression-syntax" Error;
    UNKNOWN_FUNCTION "FL302" "unknown-function" Error;
    WRONG_ARGUMENT_COUNT "FL303" "wrong-argument-count" Error;
    TYPE_MISMATCH "FL304" "type-mismatch" Error;
    POSSIBLY_NULL "FL305" "possibly-null" Warning;
    UNKNOWN_FIELD "FL306" "unknown-field" Error;
    NON_BOOLEAN_CONDITION "FL308" "non-boolean-condition" Error;
    EMPTY_COLLECTION_ACCESS "FL310" "empty-collection-access" Warning;
    QUOTED_LITERAL "FL311" "quoted-literal" Warning;
    UNKNOWN_OPERATION "FL501" "unknown-operation" Error;
    BAD_INPUT "FL502" "bad-input" Error;
    INVALID_CHOICE "FL503" "invalid-choice" Error;
    MAPPING_UNKNOWN_FIELD "FL504" "mapping-unknown-field" Error;
    UNAUTHENTICATED_TRIGGER "FL703" "unauthenticated-trigger" Warning;
}
