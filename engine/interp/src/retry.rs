//! When a question is asked again, and where the result of an accepted one is looked for.

use base::{Duration, ErrorClass, Failure, Outcome, Timestamp, http, limits::RETRIES_MAX};
use flow::{Action, RetryPolicy};

use crate::{effect::Request, run::Asking};

/// Retries of the default policy (4, after 7.5, 15, 30 and 45 seconds).
const DEFAULT_COUNT: usize = 4;
const DEFAULT_INTERVAL: Duration = Duration::milliseconds(7_500);
const DEFAULT_MAXIMUM: Duration = Duration::seconds(45);
/// Between looks at an accepted request that does not say when to come back: plain HTTP, connectors.
const POLL_HTTP: Duration = Duration::seconds(10);
const POLL_CONNECTOR: Duration = Duration::seconds(20);
/// A service is not looked at more often, whatever it says.
const POLL_MIN: Duration = Duration::seconds(1);
/// Longer pauses are not believed: a day is the longest interval a policy may have.
const PAUSE_MAX: Duration = Duration::seconds(86_400);

/// The pause before the next attempt, after so many retries; none if there is to be none. Where the
/// flow has no policy, a connector that knows its service says how often; else it may only say less.
pub fn next_pause(
    policy: Option<&RetryPolicy>,
    used: usize,
    failure: &Failure,
) -> Option<Duration> {
    if !failure.class.is_some_and(ErrorClass::retryable) {
        return None;
    }
    let doublings = u32::try_from(used).unwrap_or(u32::MAX);
    let pause = match policy {
        None => DEFAULT_INTERVAL.doubled(doublings).min(DEFAULT_MAXIMUM),
        Some(RetryPolicy::None) => return None,
        Some(RetryPolicy::Fixed { interval, .. }) => *interval,
        Some(RetryPolicy::Exponential { interval, minimum, maximum, .. }) => {
            let pause = interval.doubled(doublings);
            let pause = maximum.map_or(pause, |maximum| pause.min(maximum));
            minimum.map_or(pause, |minimum| pause.max(minimum))
        }
    };
    (used < retries_max(policy, failure))
        .then(|| failure.retry_after.unwrap_or(pause).max(Duration::ZERO).min(PAUSE_MAX))
}

/// How often a question is asked again at most.
pub(crate) fn retries_max(policy: Option<&RetryPolicy>, failure: &Failure) -> usize {
    let count = match policy {
        None => DEFAULT_COUNT,
        Some(RetryPolicy::None) => 0,
        Some(RetryPolicy::Fixed { count, .. } | RetryPolicy::Exponential { count, .. }) => *count,
    };
    match failure.retries_max.and_then(|it| usize::try_from(it).ok()) {
        Some(max) if policy.is_none() => max.min(RETRIES_MAX),
        Some(max) => count.min(max),
        None => count,
    }
}

/// Whether a question may be asked again at all. Another flow is asked once: its run is known by the
/// question. What must not be done twice is asked again only if it was certainly not done, or can be
/// looked for first.
pub(crate) fn may_ask_again(asking: &Asking, failure: &Failure) -> bool {
    match asking.request {
        Request::Flow { .. }
        | Request::Batch { .. }
        | Request::Approval { .. }
        | Request::Unsubscribe { .. } => false,
        Request::Operation { .. } | Request::Route { .. } | Request::Http { .. } => {
            !asking.intent
                || asking.sought
                || failure.class == Some(ErrorClass::Throttled)
                || NOT_SENT.contains(&failure.code.as_str())
        }
    }
}

/// Codes of failures after which nothing has reached the service.
const NOT_SENT: [&str; 2] = ["ConnectionFailed", "ServiceUnavailable"];

/// Where to look for the result, and after which pause, if the answer is a 202 with a Location.
pub(crate) fn accepted(
    action: &Action,
    asking: &Asking,
    outcome: &Outcome,
    now: Timestamp,
) -> Option<(String, Duration)> {
    let usual = match &asking.request {
        Request::Http { .. } => POLL_HTTP,
        Request::Operation { .. } | Request::Route { .. } => POLL_CONNECTOR,
        Request::Flow { .. }
        | Request::Batch { .. }
        | Request::Approval { .. }
        | Request::Unsubscribe { .. } => return None,
    };
    let asynchronous = !asking.subscribes
        && outcome.failure.is_none()
        && outcome.status_code() == Some(202)
        && !action.has_option("DisableAsyncPattern");
    if !asynchronous {
        return None;
    }
    // While it is still at work a service may leave out where to look: it is the same place.
    let follow = asking.phase.follow().map(String::as_str);
    let location = outcome.header("location").or(follow)?;
    let asked = outcome.header("retry-after").and_then(|it| http::retry_after(it, now));
    let pause = asked.unwrap_or(usual).max(POLL_MIN).min(PAUSE_MAX);
    Some((location.to_owned(), pause))
}
