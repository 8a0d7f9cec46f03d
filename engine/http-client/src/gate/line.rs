//! Who waits at a gate, and who is next: knows no clock, is told what time it is.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use base::{Quota, quota::Rate};
use tokio::time::Instant;

/// A gate that is closed for longer sends away whoever waits: they come back when it opens, and need
/// not be kept in memory until then.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is said to whoever waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Ask now.
    Go,
    /// Come back after this.
    Closed(Duration),
}

/// Who waits. Within a flow the first to come is the first to go; flows take turns.
pub(super) struct Line<T> {
    quota: Quota,
    under_way: usize,
    /// When requests of the present period were made, if there is a rate.
    recent: VecDeque<Instant>,
    closed_until: Option<Instant>,
    waiting: BTreeMap<String, VecDeque<T>>,
    /// The flows that wait, the next one first.
    turns: VecDeque<String>,
    /// When somebody will look again.
    alarm: Option<Instant>,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self {
            quota: Quota::default(),
            under_way: 0,
            recent: VecDeque::new(),
            closed_until: None,
            waiting: BTreeMap::new(),
            turns: VecDeque::new(),
            alarm: None,
        }
    }
}

impl<T> Line<T> {
    pub(super) const fn set_quota(&mut self, quota: Quota) {
        self.quota = quota;
    }

    pub(super) fn join(&mut self, flow: &str, who: T) {
        if let Some(queue) = self.waiting.get_mut(flow) {
            queue.push_back(who);
        } else {
            self.waiting.insert(flow.to_owned(), VecDeque::from([who]));
            self.turns.push_back(flow.to_owned());
        }
    }

    /// A request has been answered.
    pub(super) const fn leave(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// Nobody asks before an instant; the latest one counts.
    pub(super) fn close(&mut self, until: Instant) {
        self.closed_until = Some(self.closed_until.map_or(until, |it| it.max(until)));
    }

    /// The next one to be told something, if anybody is; none of those who have `gone`.
    pub(super) fn next(&mut self, now: Instant, gone: impl Fn(&T) -> bool) -> Option<(T, Verdict)> {
        let opens = self.opens(now);
        let closed = self.closed_until.map(|until| until - now);
        let verdict = match (opens, closed) {
            (None, _) if self.is_full() => return None,
            (None, _) => Verdict::Go,
            (Some(_), Some(closed)) if PATIENCE < closed => Verdict::Closed(closed),
            (Some(_), _) => return None,
        };
        let who = self.first(gone)?;
        if verdict == Verdict::Go {
            self.under_way += 1;
            if self.quota.rate.is_some() {
                self.recent.push_back(now);
            }
        }
        Some((who, verdict))
    }

    /// When somebody has to look again though nobody comes or goes, unless that is known already.
    pub(super) fn take_alarm(&mut self, now: Instant) -> Option<Instant> {
        if self.turns.is_empty() {
            return None;
        }
        let at = self.opens(now)?;
        if self.alarm.is_some_and(|alarm| alarm <= at) {
            return None;
        }
        self.alarm = Some(at);
        Some(at)
    }

    pub(super) const fn alarm_rang(&mut self) {
        self.alarm = None;
    }

    const fn is_full(&self) -> bool {
        match self.quota.concurrency {
            Some(most) => most <= self.under_way && 0 < self.under_way,
            None => false,
        }
    }

    /// When time lets the next request through; none if it does now.
    fn opens(&mut self, now: Instant) -> Option<Instant> {
        if self.closed_until.is_some_and(|until| until <= now) {
            self.closed_until = None;
        }
        let Some(Rate { calls, per }) = self.quota.rate else {
            self.recent.clear();
            return self.closed_until;
        };
        let per = per.to_std();
        while self.recent.front().is_some_and(|first| *first + per <= now) {
            self.recent.pop_front();
        }
        let over = self.recent.len().checked_sub(calls.max(1));
        let free = over.and_then(|over| self.recent.get(over)).map(|it| *it + per);
        self.closed_until.max(free)
    }

    fn first(&mut self, gone: impl Fn(&T) -> bool) -> Option<T> {
        loop {
            let flow = self.turns.pop_front()?;
            let queue = self.waiting.get_mut(&flow)?;
            // Who has gone away does not use up the turn of the flow.
            while queue.front().is_some_and(&gone) {
                queue.pop_front();
            }
            let who = queue.pop_front();
            if queue.is_empty() {
                self.waiting.remove(&flow);
            } else {
                self.turns.push_back(flow);
            }
            if who.is_some() {
                return who;
            }
        }
    }
}
