//! Every bound of the program with its reason; the cloud's figure where it has one.

/// Bytes of one flow, mapping, connector or environment file. A bomb is refused before it is read.
pub const FILE_BYTES_MAX: usize = 1 << 20;
/// Bytes of what a connector's program says that it can do; a server with a thousand tools says 2 MB.
pub const DESCRIPTION_BYTES_MAX: usize = 8 << 20;
/// Bytes of one file of the cloud's, or of one inside an archive; real definitions reach 1.5 MB.
pub const WDL_BYTES_MAX: usize = 32 << 20;
/// Depth of a JSON tree: a case of a Switch takes four levels in each of 64 containers, and the
/// inputs of an action nest 128 more. Readers and evaluators recurse.
pub const JSON_DEPTH_MAX: usize = 384;
/// Definitions of one deployment template; real ones have some dozen.
pub const DEFINITIONS_MAX: usize = 1_000;
/// Files of an archive; a solution has a few hundred.
pub const ARCHIVE_FILES_MAX: usize = 10_000;
/// Bytes of an archive, packed; solutions with images reach some 10 MB.
pub const ARCHIVE_BYTES_MAX: usize = 64 << 20;
/// Bytes of an archive's definitions together, unpacked.
pub const UNPACKED_BYTES_MAX: usize = 256 << 20;
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
/// How deep flows may call each other.
pub const CALL_DEPTH_MAX: usize = 8;
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
/// Messages of one batch (as in the cloud).
pub const BATCH_MESSAGES_MAX: usize = 8_000;
/// Bytes of one batch (as in the cloud, whose figure is 80 MB; a run's first event holds them all).
pub const BATCH_BYTES_MAX: usize = 80 << 20;
/// Bytes of a response that is read (the cloud: 100 MB; the process keeps several at a time).
pub const RESPONSE_BYTES_MAX: usize = 16 << 20;
/// Bytes of a request to a trigger.
pub const REQUEST_BYTES_MAX: usize = 1 << 20;
/// Seconds that the caller of a trigger waits for the flow's answer (as in the cloud).
pub const ANSWER_WAIT_SECONDS: u64 = 120;
/// Bytes of a certificate that a webhook names.
pub const CERTIFICATE_BYTES_MAX: usize = 16 << 10;
/// Values longer than this are kept outside the journal, compressed.
pub const INLINE_BYTES_MAX: usize = 8 << 10;
/// Windows of a sliding window that are made up for at a time, so that a process which was down for
/// a month does not start all that it missed at once.
pub const WINDOWS_PER_LOOK_MAX: usize = 50;
/// Seconds between two polls at least, whatever a service asks for (the cloud: 1).
pub const POLL_SECONDS_MIN: i64 = 1;
/// Seconds between two polls when neither flow nor connector says.
pub const POLL_SECONDS_DEFAULT: i64 = 60;
/// Items of further pages that a poll reads, so that a long backlog comes in pieces that can be read.
pub const POLL_ITEMS_USUAL: usize = 5_000;
/// The same for a poll that has not got to the end of a backlog (the cloud splits at most so many).
pub const POLL_ITEMS_MAX: usize = 100_000;
/// Characters of an address that a service names for the next poll (the cloud: 2 KB).
pub const POLL_URL_CHARS_MAX: usize = 8_192;
/// Bytes of what a poll leaves for the next one: an instant or a page mark, not a copy of the data.
pub const CURSOR_BYTES_MAX: usize = 64 << 10;
