//! Where a run stands in line, and whether there is room for another one: of a lane as its trigger
//! says, of all together as there is memory for.

use std::{collections::BTreeMap, sync::Arc};

use base::RunId;
use flow::Trigger;
use journal::{Admission, Page, RunFilter, Shard};

use crate::{
    admit::{AdmitError, LinedUp, Request},
    deploy::Deployed,
    engine::{Inner, lock},
    lanes::{Entry, Lane, Whose},
};

/// Runs of a lane that are counted at a time.
const LOAD_PAGE: usize = 500;

/// Where a run stands in line.
pub(crate) fn entry_of(flow: &Deployed, admission: &Admission) -> Entry {
    lane_entry(flow, &admission.trigger, admission.key.as_deref(), admission.run.clone())
}

/// The same from the parts that the store keeps.
pub(crate) fn lane_entry(flow: &Deployed, trigger: &str, key: Option<&str>, run: RunId) -> Entry {
    let concurrency = flow.plan.flow.trigger(trigger).and_then(|it| it.concurrency.as_ref());
    let lane = concurrency.map(|concurrency| {
        let of = match &concurrency.group {
            Some(group) => Whose::Group(group.clone()),
            None => Whose::Trigger { flow: flow.name.clone(), trigger: trigger.to_owned() },
        };
        (Lane { of, key: key.unwrap_or_default().to_owned() }, concurrency.runs.max(1))
    });
    Entry { run, lane }
}

/// Where the runs of a lane belong; of one group they are of several flows.
pub(crate) fn shard_of(flow: &Deployed, trigger: &str, key: Option<&str>) -> Option<Shard> {
    let concurrency = flow.plan.flow.trigger(trigger)?.concurrency.as_ref()?;
    let key = key.unwrap_or_default();
    Some(match &concurrency.group {
        Some(group) => Shard::of_group(group, key),
        None => Shard::of_key(&flow.name, key),
    })
}

/// Refuses an event if the engine stops, or if there is no memory for runs that wait.
pub(crate) fn check_room(inner: &Inner) -> Result<(), AdmitError> {
    if inner.stopped() {
        return Err(AdmitError::Stopping);
    }
    let waiting = lock(&inner.mailboxes).len() + lock(&inner.lanes).waiting();
    if inner.waiting_max <= waiting { Err(AdmitError::Busy(waiting)) } else { Ok(()) }
}

/// Refuses an event if, with those of the same event before it, more would wait than may.
pub(crate) async fn check_queue(
    inner: &Inner,
    (flow, trigger): (&Deployed, &str),
    before: &[Entry],
    entry: &Entry,
) -> Result<(), AdmitError> {
    let Some((lane, width)) = &entry.lane else { return Ok(()) };
    let concurrency = flow.plan.flow.trigger(trigger).and_then(|it| it.concurrency.as_ref());
    let Some(most) = concurrency.and_then(|it| it.max_waiting) else { return Ok(()) };
    let ahead = before.iter().filter(|it| it.lane == entry.lane).count();
    let load = if inner.tenures.has(&entry.run) || inner.store.shared().is_none() {
        lock(&inner.lanes).load(lane)
    } else {
        let enough = most.saturating_add(*width).saturating_add(1);
        load_elsewhere(inner, lane, enough).await?
    };
    let waiting = (load + ahead + 1).saturating_sub(*width);
    if most < waiting { Err(AdmitError::QueueFull(waiting - 1)) } else { Ok(()) }
}

/// How many runs are in a lane that another process looks after, as far as that matters.
async fn load_elsewhere(inner: &Inner, lane: &Lane, enough: usize) -> Result<usize, AdmitError> {
    let mut load = 0;
    for (flow, trigger) in triggers_of(inner, lane) {
        let key = Some(lane.key.clone()).filter(|it| !it.is_empty());
        let (flow, trigger) = (Some(flow), Some(trigger));
        let filter = RunFilter { flow, trigger, open: true, key, ..Default::default() };
        let mut part = Page::Newest;
        loop {
            let page = inner.store.runs(&filter, part, LOAD_PAGE).await;
            let page = page.map_err(|error| AdmitError::Store(Arc::new(error)))?;
            load += page.len();
            part = page.last().map_or(Page::Newest, |it| Page::Before(it.position));
            if enough <= load {
                return Ok(load);
            }
            if page.len() < LOAD_PAGE {
                break;
            }
        }
    }
    Ok(load)
}

/// The flows and triggers whose runs are in a lane.
fn triggers_of(inner: &Inner, lane: &Lane) -> Vec<(String, String)> {
    match &lane.of {
        Whose::Trigger { flow, trigger } => vec![(flow.clone(), trigger.clone())],
        Whose::Group(group) => {
            let mut found = Vec::new();
            for (name, flow) in inner.flows().iter() {
                for trigger in &flow.plan.flow.triggers {
                    let of = trigger.concurrency.as_ref().and_then(|it| it.group.as_ref());
                    if of == Some(group) {
                        found.push((name.clone(), trigger.name.as_str().to_owned()));
                    }
                }
            }
            found
        }
    }
}

/// Whether as many runs wait for their turn as may, of a trigger whose runs are not told apart.
pub(crate) fn is_full(inner: &Inner, flow: &Deployed, trigger: &Trigger) -> bool {
    let Some(concurrency) = trigger.concurrency.as_ref().filter(|it| it.key.is_none()) else {
        return false;
    };
    let Some(most) = concurrency.max_waiting else { return false };
    let entry = lane_entry(flow, trigger.name.as_str(), None, RunId::new(String::new()));
    let load = entry.lane.map_or(0, |(lane, _)| lock(&inner.lanes).load(&lane));
    most + concurrency.runs.max(1) <= load
}

/// Those who came together each saw room in a queue that has not room for all of them. What a
/// trigger has fired by itself stays, for it asked before.
pub(crate) fn refuse_late(inner: &Inner, batch: &mut Vec<Request>) {
    let mut ahead: BTreeMap<Lane, usize> = BTreeMap::new();
    for request in std::mem::take(batch) {
        let LinedUp { admissions, entries, .. } = &request.lined_up;
        let lanes = entries.iter().filter_map(|it| it.lane.as_ref());
        let full = admissions.iter().zip(entries).find_map(|(admission, entry)| {
            let (lane, width) = entry.lane.as_ref()?;
            let most = max_waiting(inner, admission).filter(|_| request.state.is_none())?;
            let before = ahead.get(lane).copied().unwrap_or_default();
            let own = lanes.clone().filter(|(it, _)| it == lane).count();
            let waiting = (lock(&inner.lanes).load(lane) + before + own).saturating_sub(*width);
            (most < waiting).then(|| waiting - 1)
        });
        if let Some(waiting) = full {
            // Whoever has gone away need not be told.
            drop(request.answer.send(Err(AdmitError::QueueFull(waiting))));
            continue;
        }
        for (lane, _) in lanes {
            *ahead.entry(lane.clone()).or_default() += 1;
        }
        batch.push(request);
    }
}

/// How many runs of a run's lane may wait, if that is bounded.
fn max_waiting(inner: &Inner, admission: &Admission) -> Option<usize> {
    let flows = inner.flows();
    let trigger = flows.get(&admission.flow)?.plan.flow.trigger(&admission.trigger)?;
    trigger.concurrency.as_ref()?.max_waiting
}
