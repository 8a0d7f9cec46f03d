//! Every bound of the program with its reason; the cloud's figure where it has one.

/// Bytes of one flow, mapping, connector or environment file. A bomb is refused before it is read.
pub const FILE_BYTES_MAX: usize = 1 << 20;
/// Bytes of one imported WDL JSON file; real definitions reach 1.5 MB.
pub const WDL_BYTES_MAX: usize = 16 << 20;
/// Nodes of one YAML file: a flow of 1,000 actions has about 20,000.
pub const YAML_NODES_MAX: usize = 200_000;
/// Depth of a YAML tree. Ours nests 64 containers (the cloud 8), each two or three levels deep.
pub const YAML_DEPTH_MAX: usize = 128;
/// Characters of one expression (the cloud: 8,192).
pub const EXPRESSION_CHARS_MAX: usize = 65_536;
/// Depth of one expression's tree: parser and evaluator recurse.
pub const EXPRESSION_DEPTH_MAX: usize = 64;
/// Steps of one evaluation: a linear walk over a large body, not a search.
pub const EXPRESSION_STEPS_MAX: usize = 5_000_000;
/// Bytes that one evaluation may produce (the cloud: 131,072 characters of text, 100 MB messages).
pub const EXPRESSION_OUTPUT_BYTES_MAX: usize = 100 << 20;
/// Bytes of one Handlebars template.
pub const TEMPLATE_BYTES_MAX: usize = 16 << 10;
/// Nesting of Handlebars blocks: 1,500 overflow a 2 MB stack, which would end the process.
pub const TEMPLATE_DEPTH_MAX: usize = 32;
/// Bytes that one Handlebars template may write.
pub const TEMPLATE_OUTPUT_BYTES_MAX: usize = 1 << 20;
/// Nesting of containers in a flow (the cloud: 8).
pub const NESTING_MAX: usize = 64;
/// Characters of an action's name (the cloud: 80).
pub const NAME_CHARS_MAX: usize = 128;
/// Items of one Foreach (the cloud: 100,000).
pub const FOREACH_ITEMS_MAX: usize = 1_000_000;
/// Iterations of a Foreach that run at a time (the cloud: 50).
pub const FOREACH_CONCURRENCY_MAX: usize = 1_000;
/// Iterations of an Until when the flow names no limit (as in the cloud).
pub const UNTIL_COUNT_DEFAULT: usize = 60;
/// Iterations of an Until at most (as in the cloud).
pub const UNTIL_COUNT_MAX: usize = 5_000;
/// Retries at most (as in the cloud).
pub const RETRIES_MAX: usize = 90;
/// Actions a run may perform in all; a run-away loop ends with a clear failure.
pub const ACTIONS_PER_RUN_MAX: usize = 10_000_000;
/// Bytes of a response that is read (the cloud: 100 MB; the process keeps several at a time).
pub const RESPONSE_BYTES_MAX: usize = 16 << 20;
/// Bytes of a request to a trigger.
pub const REQUEST_BYTES_MAX: usize = 1 << 20;
/// Bytes of a certificate that a webhook names.
pub const CERTIFICATE_BYTES_MAX: usize = 16 << 10;
/// Values longer than this are kept outside the journal, compressed.
pub const INLINE_BYTES_MAX: usize = 8 << 10;
