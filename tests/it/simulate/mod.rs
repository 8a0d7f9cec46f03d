//! Random flows in a world where everything goes wrong: the same end as if nothing had.
//!
//! A seed makes flows ([`make`]) and the answers of the services. The engine runs them once in a calm
//! world and once in one where processes die at any write, are replaced while they live, stores fail and
//! are slow, and clocks jump ([`process`]). The interpreter alone gets events twice, late and before
//! their time ([`deliver`]). `SIM_SEED=<n> cargo test -p it simulate` repeats one seed, `SIM_SEEDS=<n>`
//! runs so many, from `SIM_FIRST` on; `RUN_SLOW_TESTS=1` runs 10,000.

mod check;
mod deliver;
mod make;
mod process;
mod random;
mod shadow;
mod store;

use std::{collections::BTreeMap, env, fmt::Write as _};

use base::Status;
use journal::{EventKind, Store as _};

use self::{
    make::Made,
    process::{Simulated, World, simulate},
    store::Loss,
};
use crate::{prefixes::difference, support::trace};

/// Seeds of a usual test run, for each of the two tests.
const SEEDS: u64 = 500;
/// Seeds of a thorough one.
const SEEDS_SLOW: u64 = 10_000;

fn seeds() -> Vec<u64> {
    let number = |name: &str| -> Option<u64> {
        env::var(name).ok().map(|it| it.parse().unwrap_or_else(|_| panic!("{name} is a number")))
    };
    if let Some(seed) = number("SIM_SEED") {
        return vec![seed];
    }
    let slow = env::var_os("RUN_SLOW_TESTS").is_some();
    let count = number("SIM_SEEDS").unwrap_or(if slow { SEEDS_SLOW } else { SEEDS });
    let first = number("SIM_FIRST").unwrap_or(0);
    (first..first + count).collect()
}

/// Fails with what is wrong of each seed and how to see it again.
fn judge(check: impl Fn(u64) -> Vec<String>) {
    let mut report = String::new();
    let mut failed = 0;
    for seed in seeds() {
        let wrong = check(seed);
        if !wrong.is_empty() && failed < 5 {
            let again = format!("SIM_SEED={seed} cargo test -p it simulate");
            writeln!(report, "=== {again}\n{}", wrong.join("\n")).unwrap();
        }
        failed += usize::from(!wrong.is_empty());
    }
    assert!(failed == 0, "{failed} seeds fail\n{report}");
}

/// The ends of all runs by names that do not depend on chance, and what is wrong with them.
struct Ends {
    of_runs: BTreeMap<String, String>,
    wrong: Vec<String>,
    /// Some question has no answer that anybody knows.
    unknown: bool,
}

fn ends(simulated: &Simulated) -> Ends {
    let Simulated { store, shadow } = simulated;
    let mut wrong = shadow.complaints();
    let mut ends = BTreeMap::new();
    let mut unknown = false;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    shadow.each(|id, name, plan, run| {
        let (row, events) = runtime.block_on(store.load(id)).unwrap().unwrap();
        if row.status.is_none() {
            return wrong.push(format!("{name} has not ended"));
        }
        unknown |= events.iter().any(|it| matches!(it.kind, EventKind::Unknown { .. }));
        let replayed = interp::replay(plan, &events);
        let (end, again) = (trace::end_of(plan, run), trace::end_of(plan, &replayed));
        if end != again {
            wrong.push(format!("{name} read again is another\n{}", difference(&end, &again)));
        }
        let bad = check::records(plan, &replayed);
        wrong.extend(bad.into_iter().map(|it| format!("{name}: {it}")));
        if row.status != replayed.end().map(|it| it.status) {
            wrong.push(format!("{name} is listed as {:?}", row.status));
        }
        ends.insert(name.to_owned(), end);
    });
    Ends { of_runs: ends, wrong, unknown }
}

/// What is wrong with the runs of a world, by themselves and against a calm one.
fn wrongs(seed: u64, made: &Made, world: World) -> Vec<String> {
    let flows = process::deployed(made);
    let calm = ends(&simulate(seed, made, &flows, World::calm(seed)));
    let mut wrong: Vec<String> =
        calm.wrong.iter().map(|it| format!("in a calm world: {it}")).collect();
    let wild = ends(&simulate(seed, made, &flows, world));
    wrong.extend(wild.wrong);
    if made.racy || wild.unknown {
        return wrong;
    }
    if !calm.of_runs.keys().eq(wild.of_runs.keys()) {
        wrong.push(format!("runs: {:?}, {:?}", calm.of_runs.keys(), wild.of_runs.keys()));
    }
    for (name, expected) in &calm.of_runs {
        let actual = wild.of_runs.get(name).map_or("", String::as_str);
        if actual != expected {
            wrong.push(format!("{name} ends in another way\n{}", difference(expected, actual)));
        }
    }
    wrong
}

#[test]
fn whatever_goes_wrong_runs_end_as_if_it_had_not() {
    judge(|seed| {
        let made = make::flows(seed);
        let world = World::wild(seed, made.racy);
        wrongs(seed, &made, world)
    });
}

#[test]
fn events_that_come_twice_late_or_early_change_no_end() {
    judge(|seed| deliver::wrongs(seed, &make::flows(seed)));
}

/// A checker that finds nothing is worth nothing: each loss is found with some seed.
#[test]
fn losses_are_found_out() {
    let found = |world: &dyn Fn(u64) -> World| {
        (0..60).any(|seed| {
            let made = make::flows(seed);
            !wrongs(seed, &made, world(seed)).is_empty()
        })
    };
    for loss in [Loss::Step, Loss::Timers, Loss::AfterEnd] {
        assert!(found(&|seed| World { loss, ..World::calm(seed) }), "{loss:?}");
    }
    assert!(found(&|seed| World { fickle: true, ..World::calm(seed) }), "fickle services");
    assert!(!found(&World::calm), "a calm world");
}

/// What a seed found once it finds again.
#[test]
fn a_seed_is_one_history() {
    let history = |seed: u64| {
        let made = make::flows(seed);
        let flows = process::deployed(&made);
        let simulated = simulate(seed, &made, &flows, World::wild(seed, made.racy));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut lines = Vec::new();
        simulated.shadow.each(|id, name, _, _| {
            let (_, events) = runtime.block_on(simulated.store.load(id)).unwrap().unwrap();
            // The ids and seeds of called runs are drawn anew every time.
            let events = events.iter().skip(1);
            lines.extend(events.map(|it| format!("{name} {} {} {:?}", it.at, it.path, it.kind)));
        });
        lines.sort();
        lines
    };
    for seed in 0..40 {
        assert_eq!(history(seed), history(seed), "seed {seed}");
    }
}

/// The flows are worth running: they end in every way, with every kind of event.
#[test]
fn random_flows_are_many_kinds_of_flows() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 0..150 {
        let made = make::flows(seed);
        let flows = process::deployed(&made);
        let simulated = simulate(seed, &made, &flows, World::wild(seed, made.racy));
        simulated.shadow.each(|id, name, plan, run| {
            let mut note = |what: String| *seen.entry(what).or_default() += 1;
            note(format!("run {:?}", run.end().map(|it| it.status)));
            note(format!("{} deep", name.split(" > ").count()));
            let (_, events) = runtime.block_on(simulated.store.load(id)).unwrap().unwrap();
            for event in events {
                let kind = format!("{:?}", event.kind);
                note(kind.split(['(', ' ']).next().unwrap_or_default().to_owned());
            }
            for (id, action) in plan.flow.actions.iter().enumerate() {
                for (_, record) in run.records(id) {
                    let kind = format!("{:?}", action.kind);
                    let kind = kind.split(['(', ' ']).next().unwrap_or_default().to_owned();
                    note(format!("{kind} {:?}", record.status));
                }
            }
        });
    }
    let kinds = ["Scope", "Condition", "Switch", "Foreach", "Until", "Http", "ApiConnection"];
    for kind in kinds {
        for status in [Status::Succeeded, Status::Failed, Status::Skipped] {
            let what = format!("{kind} {status:?}");
            assert!(seen.contains_key(&what), "no {what}: {seen:#?}");
        }
    }
    let mut others: Vec<String> =
        ["Intended", "Answered", "Unknown", "Woken", "Expired"].map(str::to_owned).to_vec();
    others.extend(["Cancelled", "3 deep"].map(str::to_owned));
    let all = [Status::Succeeded, Status::Failed, Status::TimedOut, Status::Cancelled];
    others.extend(all.map(|status| format!("run {:?}", Some(status))));
    for what in others {
        assert!(seen.contains_key(&what), "no {what}: {seen:#?}");
    }
}
