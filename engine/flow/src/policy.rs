//! Retry policies as definitions write them.

use base::{Duration, code, limits};
use yaml::Node;

use crate::{fields::Fields, reader::Reader, shape};

/// What to do when a service is asked and fails in a way that may pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RetryPolicy {
    /// Never again.
    None,
    /// Again after the same pause.
    Fixed {
        /// Retries after the first attempt.
        count: usize,
        /// The pause.
        interval: Duration,
    },
    /// Again after pauses that double.
    Exponential {
        /// Retries after the first attempt.
        count: usize,
        /// The first pause.
        interval: Duration,
        /// No pause is shorter.
        minimum: Option<Duration>,
        /// No pause is longer.
        maximum: Option<Duration>,
    },
}

#[derive(Clone, Copy)]
pub(crate) enum Type {
    None,
    Fixed,
    Exponential,
}

pub(crate) const TYPES: &[(&str, Type)] =
    &[("none", Type::None), ("fixed", Type::Fixed), ("exponential", Type::Exponential)];

impl RetryPolicy {
    /// Reads `none` or `{type, count, interval, minimumInterval, maximumInterval}`.
    pub(crate) fn read(reader: &mut Reader, node: &Node) -> Option<Self> {
        let what = "`type` of `retryPolicy`";
        if node.as_str().is_some_and(|it| it.eq_ignore_ascii_case("none")) {
            return Some(Self::None);
        }
        let mut fields = Fields::new(reader, node, "`retryPolicy`").of(&shape::RETRY);
        let ty = fields.required(reader, "type").and_then(|it| reader.choice(it, what, TYPES));
        let count = fields.given("count");
        let count = count.and_then(|it| reader.whole(it, "`count`", (1, limits::RETRIES_MAX)));
        let [interval, minimum, maximum] = ["interval", "minimumInterval", "maximumInterval"]
            .map(|key| fields.given(key).and_then(|it| reader.duration(it, &format!("`{key}`"))));
        let at = fields.at;
        let has_count = fields.node("count").is_some();
        let has_interval = fields.node("interval").is_some();
        fields.finish(reader);
        let ty = ty?;
        if matches!(ty, Type::None) {
            return Some(Self::None);
        }
        for (key, there) in [("count", has_count), ("interval", has_interval)] {
            if !there {
                reader.sink.missing_key(at, key, "`retryPolicy`");
            }
        }
        if let (Some(least), Some(most)) = (minimum, maximum)
            && most < least
        {
            let message = "`maximumInterval` is shorter than `minimumInterval`";
            reader.report(code::INVALID_TIME, at, message);
        }
        let (count, interval) = (count?, interval?);
        Some(match ty {
            Type::None => Self::None,
            Type::Fixed => Self::Fixed { count, interval },
            Type::Exponential => Self::Exponential { count, interval, minimum, maximum },
        })
    }
}
