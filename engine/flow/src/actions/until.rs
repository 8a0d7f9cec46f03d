//! Until: a block until a condition holds.

use base::{Duration, limits};
use expr::condition::Condition;
use yaml::Node;

use super::ActionKind;
use crate::{builder::Builder, fields::Fields, model::Block, reader::Reader, shape};

/// A loop that looks after each pass.
#[derive(Clone, Debug)]
pub struct Until {
    /// The loop ends when this is true.
    pub condition: Condition,
    /// Passes at most.
    pub count: usize,
    /// Time at most, looked at after each pass.
    pub timeout: Duration,
    /// Whether reaching a limit is a failure (our YAML) or not (the cloud).
    pub fails_at_limit: bool,
    /// What is done in each pass.
    pub block: Block,
}

/// What becomes of the action at its limit: whether it fails.
pub(crate) const OUTCOMES: &[(&str, bool)] = &[("fail", true), ("continue", false)];

/// Time for all passes when the flow names no limit (as in the cloud).
const TIMEOUT_DEFAULT: Duration = Duration::seconds(3600);

/// Whether its limits are those of a flow that names none.
pub(crate) fn is_default(until: &Until) -> bool {
    (until.count, until.timeout) == (limits::UNTIL_COUNT_DEFAULT, TIMEOUT_DEFAULT)
}

/// Reads `until` with `actions`, `limit: {count, timeout}` and `onLimit`.
pub(crate) fn read(builder: &mut Builder, fields: &mut Fields<'_>, node: &Node) -> ActionKind {
    let reader = &mut builder.reader;
    let condition = reader.condition(node, "`until`");
    let (count, timeout) = read_limit(reader, fields);
    let fails_at_limit = fields.given("onLimit");
    let fails_at_limit = fails_at_limit.and_then(|it| reader.choice(it, "`onLimit`", OUTCOMES));
    let fails_at_limit = fails_at_limit.unwrap_or(true);
    let block = fields.required(reader, "actions");
    let block = block.map(|it| builder.read_block(it, "`actions`")).unwrap_or_default();
    ActionKind::Until(Until { condition, count, timeout, fails_at_limit, block })
}

/// Reads `limit: {count, timeout}`; what is not there has the cloud's default.
pub(crate) fn read_limit(reader: &mut Reader, fields: &mut Fields<'_>) -> (usize, Duration) {
    let Some(node) = fields.given("limit") else {
        return (limits::UNTIL_COUNT_DEFAULT, TIMEOUT_DEFAULT);
    };
    let mut inner = Fields::new(reader, node, "`limit`").of(&shape::LIMIT);
    let count = inner.given("count");
    let count = count.and_then(|it| reader.whole(it, "`count`", (1, limits::UNTIL_COUNT_MAX)));
    let timeout = inner.given("timeout").and_then(|it| reader.duration(it, "`timeout`"));
    inner.finish(reader);
    (count.unwrap_or(limits::UNTIL_COUNT_DEFAULT), timeout.unwrap_or(TIMEOUT_DEFAULT))
}
