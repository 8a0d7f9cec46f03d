//! Triggers that nothing but the time fires.

use base::{Duration, Failure, Timestamp, limits::WINDOWS_PER_LOOK_MAX};
use flow::{TriggerKind, triggers::recurrence::Recurrence};
use serde_json::json;
use tokio::time::sleep;

use super::{
    progress::Progress,
    task::{Halt, Task},
};

/// Between two looks at windows that were missed.
const BACKLOG_PAUSE: std::time::Duration = std::time::Duration::from_millis(100);
/// Before a window whose trigger has failed is tried again.
const FAILED_PAUSE: Duration = Duration::seconds(60);

impl Task {
    /// A recurrence fires once for all that was missed, and not while runs stand in its way.
    pub(super) async fn fire_once(
        &mut self,
        due: Timestamp,
        now: Timestamp,
        held: bool,
    ) -> Result<(), Halt> {
        let mut progress = self.progress.clone();
        let next = self.sound().and_then(|it| it.next(progress.deployed, now));
        let outputs = json!({ "scheduledTime": due.to_string() });
        let fired = if held {
            Err(Failure::new("TriggerSkipped", "runs that are still open stand in its way"))
        } else {
            self.firings(outputs, Some(due.to_string()), now)
        };
        let firings = match fired {
            Ok(firings) => {
                (progress.fired, progress.error) = (Some(due), None);
                firings
            }
            Err(failure) => self.failed(&mut progress, &failure, now),
        };
        self.save(firings, (progress, next)).await
    }

    /// Every window fires once it is over, also those that were missed, some at a time.
    pub(super) async fn fire_windows(&mut self, now: Timestamp) -> Result<(), Halt> {
        let mut progress = self.progress.clone();
        let mut all = Vec::new();
        let most = if self.is_single() { 1 } else { WINDOWS_PER_LOOK_MAX };
        let mut n_windows = 0;
        let next = loop {
            let Some((end, due)) = self.window(&progress) else { break None };
            if now < due || most <= n_windows {
                break Some(due);
            }
            let begin = progress.window.unwrap_or(end);
            let outputs = json!({
                "windowStartTime": begin.to_string(),
                "windowEndTime": end.to_string(),
            });
            match self.firings(outputs, Some(format!("{begin}/{end}")), now) {
                Ok(firings) => all.extend(firings),
                Err(failure) => {
                    all.extend(self.failed(&mut progress, &failure, now));
                    break Some(now.after(FAILED_PAUSE));
                }
            }
            (progress.window, progress.fired, progress.error) = (Some(end), Some(begin), None);
            n_windows += 1;
        };
        self.save(all, (progress, next)).await?;
        if most <= n_windows {
            sleep(BACKLOG_PAUSE).await;
        }
        Ok(())
    }

    /// The delay of a sliding window; none of any other trigger.
    pub(super) fn sliding(&self) -> Option<Duration> {
        let TriggerKind::Recurrence(Recurrence::Every(every)) = &self.trigger().kind else {
            return None;
        };
        let delay = every.delay.as_deref().and_then(Duration::parse_iso);
        every.sliding.then(|| delay.unwrap_or(Duration::ZERO))
    }

    /// The end of the next window, and when it fires.
    pub(super) fn window(&self, progress: &Progress) -> Option<(Timestamp, Timestamp)> {
        let end = self.sound()?.next(progress.deployed, progress.window?)?;
        Some((end, end.after(self.sliding().unwrap_or(Duration::ZERO))))
    }
}
