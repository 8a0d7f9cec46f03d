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
    /// Whether it is looked for only where it is asked for: a matter of taste, or often meant so.
    pub pedantic: bool,
}

macro_rules! codes {
    ($($name:ident $number:literal $slug:literal $severity:ident $($set:ident)?;)*) => {
        $(#[doc = concat!("`", $slug, "` (", $number, ").")]
        pub const $name: Code = Code {
            number: $number,
            slug: $slug,
            severity: Severity::$severity,
            pedantic: !stringify!($($set)?).is_empty(),
        };)*

        impl Code {
            /// The page that explains it, in Markdown; each code has one.
            pub fn page(self) -> &'static str {
                match self.slug {
                    $($slug => include_str!(concat!(
                        env!("CARGO_MANIFEST_DIR"), "/../../docs/rules/", $slug, ".md"
                    )),)*
                    _ => "",
                }
            }
        }

        /// Every code, by number.
        pub const TABLE: &[Code] = &[$($name),*];
    };
}

// A code whose severity is followed by `pedantic` is one of those.
codes! {
    INVALID_YAML "FL001" "invalid-yaml" Error;
    DUPLICATE_KEY "FL002" "duplicate-key" Error;
    AMBIGUOUS_SCALAR "FL003" "ambiguous-scalar" Warning;
    UNQUOTED_EXPRESSION "FL004" "unquoted-expression" Error;
    UNSUPPORTED_YAML "FL005" "unsupported-yaml" Error;
    INVISIBLE_CHARACTER "FL006" "invisible-character" Warning;
    UNUSED_SUPPRESSION "FL007" "unused-suppression" Warning;
    UNKNOWN_KEY "FL101" "unknown-key" Error;
    MISSING_KEY "FL102" "missing-key" Error;
    WRONG_TYPE "FL103" "wrong-type" Error;
    UNKNOWN_TYPE "FL104" "unknown-type" Error;
    INVALID_NAME "FL105" "invalid-name" Error;
    DUPLICATE_NAME "FL106" "duplicate-name" Error;
    INVALID_TIME "FL107" "invalid-time" Error;
    INVALID_CRON "FL108" "invalid-cron" Error;
    DEPRECATED "FL109" "deprecated" Warning;
    LIMIT_EXCEEDED "FL110" "limit-exceeded" Error;
    UNKNOWN_ACTION_REFERENCE "FL201" "unknown-action-reference" Error;
    CASE_MISMATCH "FL202" "case-mismatch" Warning;
    NOT_UPSTREAM_REFERENCE "FL203" "not-upstream-reference" Error;
    MAYBE_SKIPPED_REFERENCE "FL204" "maybe-skipped-reference" Warning;
    UNKNOWN_VARIABLE "FL205" "unknown-variable" Error;
    UNUSED_DEFINITION "FL206" "unused-definition" Info pedantic;
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
    CONSTANT_CONDITION "FL307" "constant-condition" Warning;
    NON_BOOLEAN_CONDITION "FL308" "non-boolean-condition" Error;
    NULL_JOIN_KEY "FL309" "null-join-key" Warning pedantic;
    EMPTY_COLLECTION_ACCESS "FL310" "empty-collection-access" Warning;
    QUOTED_LITERAL "FL311" "quoted-literal" Warning;
    UNREACHABLE_ACTION "FL401" "unreachable-action" Warning;
    UNBOUNDED_LOOP "FL402" "unbounded-loop" Error;
    PARALLEL_VARIABLE_WRITE "FL403" "parallel-variable-write" Error;
    RESPONSE_CONTRACT "FL404" "response-contract" Error;
    EMPTY_BLOCK "FL405" "empty-block" Warning;
    DEEP_NESTING "FL406" "deep-nesting" Info pedantic;
    UNKNOWN_OPERATION "FL501" "unknown-operation" Error;
    BAD_INPUT "FL502" "bad-input" Error;
    INVALID_CHOICE "FL503" "invalid-choice" Error;
    MAPPING_UNKNOWN_FIELD "FL504" "mapping-unknown-field" Error;
    MAPPING_REQUIRED_UNMAPPED "FL505" "mapping-required-unmapped" Error;
    MAPPING_READ_ONLY_TARGET "FL506" "mapping-read-only-target" Error;
    MAPPING_LOSSY "FL507" "mapping-lossy" Warning;
    MAPPING_NOT_REVERSIBLE "FL508" "mapping-not-reversible" Warning;
    DEPRECATED_OPERATION "FL509" "deprecated-operation" Warning;
    UNPINNED_CONNECTOR "FL510" "unpinned-connector" Info pedantic;
    NO_FAILURE_PATH "FL601" "no-failure-path" Warning;
    SWALLOWED_FAILURE "FL602" "swallowed-failure" Warning;
    NON_IDEMPOTENT_RETRY "FL603" "non-idempotent-retry" Warning;
    BAD_RETRY_POLICY "FL604" "bad-retry-policy" Warning;
    SELF_TRIGGER_LOOP "FL605" "self-trigger-loop" Error;
    CROSS_FLOW_LOOP "FL606" "cross-flow-loop" Warning;
    NO_DEDUP_KEY "FL607" "no-dedup-key" Warning;
    NO_CONCURRENCY_KEY "FL608" "no-concurrency-key" Warning;
    LATE_ACKNOWLEDGE "FL609" "late-acknowledge" Warning;
    UPDATE_WITHOUT_CHANGE_CHECK "FL610" "update-without-change-check" Info pedantic;
    HARDCODED_SECRET "FL701" "hardcoded-secret" Error;
    HARDCODED_ENVIRONMENT "FL702" "hardcoded-environment" Warning;
    UNAUTHENTICATED_TRIGGER "FL703" "unauthenticated-trigger" Warning;
    INJECTION "FL704" "injection" Error;
    SECRET_LEAK "FL705" "secret-leak" Error;
    SECURE_IO_MISSING "FL706" "secure-io-missing" Warning;
    INSECURE_TRANSPORT "FL707" "insecure-transport" Warning;
    SSRF "FL708" "ssrf" Warning;
    TEST_MODE_LEFT_ON "FL709" "test-mode-left-on" Warning;
    IO_IN_LOOP "FL801" "io-in-loop" Warning;
    FILTER_AFTER_FETCH "FL802" "filter-after-fetch" Warning;
    UNBOUNDED_LIST "FL803" "unbounded-list" Warning;
    NO_TRIGGER_FILTER "FL804" "no-trigger-filter" Warning;
    LOOP_APPEND "FL805" "loop-append" Info pedantic;
    DEFAULT_NAME "FL901" "default-name" Info pedantic;
    MISSING_DESCRIPTION "FL902" "missing-description" Info pedantic;
    REDUNDANT_EXPRESSION "FL903" "redundant-expression" Info pedantic;
}
