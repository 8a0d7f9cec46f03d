//! How long reading and evaluating take: `cargo bench -p expr`.
//!
//! With `FLOWRIGHT_CORPUS` set to a folder, also every distinct expression of the flows in it.

#![allow(clippy::unwrap_used, reason = "a benchmark says what went wrong by panicking")]

use std::{
    borrow::Cow,
    collections::BTreeSet,
    fs,
    hint::black_box,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use base::Timestamp;
use expr::{Context, Dialect, Notation, Template};
use serde_json::{Value, json};

/// How long one measurement goes on.
const MEASURED: Duration = Duration::from_millis(500);
/// Repetitions of one expression of the corpus; the fastest counts, the others were interrupted.
const REPETITIONS: usize = 5;

const LOOKUP: &str = "@body('Get_item')?['customer']?['name']";
const TEN_CALLS: &str = "@if(and(equals(toLower(trim(body('Get_item')?['status'])), 'open'), \
     greater(length(variables('items')), 10)), concat('n-', string(add(variables('n'), 1)), '-', \
     toUpper(substring(body('Get_item')?['customer']?['name'], 0, 3))), 'none')";

/// A run with a few records.
struct Records {
    item: Value,
    items: Value,
    others: Value,
    n: Value,
}

impl Context for Records {
    fn outputs(&self, _name: &str) -> Option<Cow<'_, Value>> {
        Some(Cow::Borrowed(&self.item))
    }

    fn variable(&self, name: &str) -> Option<Cow<'_, Value>> {
        Some(Cow::Borrowed(match name {
            "items" => &self.items,
            "others" => &self.others,
            _ => &self.n,
        }))
    }

    fn now(&self) -> Timestamp {
        Timestamp::parse("2026-01-31T12:00:00Z").unwrap()
    }

    fn resolve(&self, path: &[&str]) -> Option<(Cow<'_, Value>, usize)> {
        match path {
            ["actions", _, "body", ..] => Some((Cow::Borrowed(&self.item["body"]), 3)),
            ["variables", name, ..] => Some((self.variable(name)?, 2)),
            _ => None,
        }
    }
}

/// Everything is there, and null.
struct Nulls;

const NULL: Option<Cow<'static, Value>> = Some(Cow::Owned(Value::Null));

impl Context for Nulls {
    fn action(&self, _name: &str) -> Option<Cow<'_, Value>> {
        NULL
    }

    fn outputs(&self, _name: &str) -> Option<Cow<'_, Value>> {
        NULL
    }

    fn trigger(&self) -> Option<Cow<'_, Value>> {
        NULL
    }

    fn trigger_outputs(&self) -> Option<Cow<'_, Value>> {
        NULL
    }

    fn variable(&self, _name: &str) -> Option<Cow<'_, Value>> {
        NULL
    }

    fn parameter(&self, _name: &str) -> Option<Cow<'_, Value>> {
        NULL
    }

    fn item(&self) -> Option<Cow<'_, Value>> {
        NULL
    }

    fn items(&self, _name: &str) -> Option<Cow<'_, Value>> {
        NULL
    }

    fn workflow(&self) -> Option<Cow<'_, Value>> {
        NULL
    }
}

fn main() {
    // `cargo test --benches` only asks whether it runs.
    let long = std::env::args().any(|argument| argument == "--bench");
    let records = records();
    measure("parse: 10 functions", long, || Template::parse(TEN_CALLS, Dialect::Wdl).1.len());
    let evaluated = [
        ("look-up", LOOKUP),
        ("look-up, JSONPath", "$.actions.Get_item.body.customer.name"),
        ("look-up, Handlebars", "Dear {{actions.Get_item.body.customer.name}}"),
        ("10 functions", TEN_CALLS),
        ("union of 2 × 1,000 items", "@union(variables('items'), variables('others'))"),
        ("date format", "@formatDateTime(utcNow(), 'dddd, d MMMM yyyy HH:mm:ss.fff', 'de-DE')"),
        (
            "time zone",
            "@convertTimeZone(utcNow(), 'UTC', 'W. Europe Standard Time', 'yyyy-MM-dd HH:mm')",
        ),
    ];
    for (name, text) in evaluated {
        let (template, errors) = Template::parse(text, Dialect::Flowright);
        assert!(errors.is_empty(), "{text}: {errors:?}");
        template.eval(&records).unwrap();
        measure(name, long, || template.eval(&records).is_ok());
    }
    if let Ok(folder) = std::env::var("FLOWRIGHT_CORPUS") {
        measure_corpus(Path::new(&folder));
    }
}

fn records() -> Records {
    let item = |n: usize| json!({ "id": n, "name": format!("item {n}") });
    Records {
        item: json!({ "body": { "status": " Open ", "customer": { "name": "Contoso" } } }),
        items: (0..1_000).map(item).collect(),
        others: (500..1_500).map(item).collect(),
        n: json!(41),
    }
}

/// A closed pipe is no error: whoever read had enough.
fn say(text: &str) {
    drop(writeln!(std::io::stdout(), "{text}"));
}

/// Prints the median time of one call, over batches of calls.
fn measure<T>(name: &str, long: bool, mut run: impl FnMut() -> T) {
    black_box(run());
    if !long {
        return;
    }
    let start = Instant::now();
    black_box(run());
    let batch = (Duration::from_millis(2).as_nanos() / start.elapsed().as_nanos().max(1)).max(1);
    let mut times = Vec::new();
    let start = Instant::now();
    while start.elapsed() < MEASURED {
        let start = Instant::now();
        for _ in 0..batch {
            black_box(run());
        }
        times.push(nanoseconds(start.elapsed()) / u64::try_from(batch).unwrap());
    }
    times.sort_unstable();
    say(&format!("{name:<30} {:>12}", shown(times[times.len() / 2])));
}

/// Reads and evaluates every distinct expression of the flows, and prints how long most take.
fn measure_corpus(folder: &Path) {
    let mut texts = BTreeSet::new();
    for kit in fs::read_dir(folder.join("flows")).unwrap() {
        for file in fs::read_dir(kit.unwrap().path()).unwrap() {
            let text = fs::read_to_string(file.unwrap().path()).unwrap();
            let text = text.trim_start_matches('\u{feff}');
            // Files that are no JSON hold no expressions that could be measured.
            if let Ok(document) = serde_json::from_str(text) {
                collect(&document, &mut texts);
            }
        }
    }
    let (mut parsing, mut evaluating) = (Vec::new(), Vec::new());
    for text in &texts {
        parsing.push(fastest(|| Template::parse(text, Dialect::Wdl)));
        let (template, _) = Template::parse(text, Dialect::Wdl);
        evaluating.push(fastest(|| template.eval(&Nulls)));
    }
    say(&format!("{} distinct expressions of flows, empty context:", texts.len()));
    for (name, mut times) in [("parse", parsing), ("evaluate", evaluating)] {
        times.sort_unstable();
        let at = |share: usize| shown(times[(times.len() - 1) * share / 1_000]);
        let most = (at(500), at(990), at(1_000));
        say(&format!("  {name:<10} median {}, p99 {}, most {}", most.0, most.1, most.2));
    }
}

fn collect(value: &Value, texts: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            let notation = Template::parse(text, Dialect::Wdl).0.notation();
            if matches!(notation, Notation::Expression | Notation::Interpolation) {
                texts.insert(text.clone());
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(map) => map.values().for_each(|item| collect(item, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn fastest<T>(mut run: impl FnMut() -> T) -> u64 {
    let time = || {
        let start = Instant::now();
        black_box(run());
        nanoseconds(start.elapsed())
    };
    std::iter::repeat_with(time).take(REPETITIONS).min().unwrap()
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap()
}

#[allow(clippy::cast_precision_loss, reason = "for display only")]
fn shown(nanoseconds: u64) -> String {
    if nanoseconds < 10_000 {
        format!("{nanoseconds} ns")
    } else {
        format!("{:.1} µs", nanoseconds as f64 / 1_000.0)
    }
}
