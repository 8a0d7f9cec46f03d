//! What operators do: runs that are done again, flows that are turned off, old runs that go.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::{Command, Output},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use base::{Duration, Failure, Outcome, RunId, Status, Timestamp};
use interp::{Plan, effect::Ask};
use journal::{Event, EventKind, MemoryStore, RunFilter, Store};
use serde_json::{Value, json};
use worker::{AdmitError, Engine, Flows, Performer, Repeat, RepeatError, Retention, Since};

use crate::{
    crash::{Moment, Mortal},
    engine::{self, SLEEPER, end, fire, flows},
    requests::serve,
    support::service::{Parts, action, flowright},
};

/// A service that refuses some, and knows who asked under which key.
#[derive(Default)]
struct Desk {
    refuses: Mutex<BTreeSet<String>>,
    asked: Mutex<Vec<(String, String)>>,
}

#[async_trait]
impl Performer for Desk {
    async fn perform(&self, _plan: &Plan, ask: &Ask, _now: Timestamp) -> Outcome {
        let path = ask.path.to_string();
        self.asked.lock().unwrap().push((path.clone(), ask.idempotency_key.clone()));
        if self.refuses.lock().unwrap().contains(&path) {
            return Outcome::failed(Failure::new("Refused", format!("`{path}` is refused")));
        }
        let body = json!({ "of": path });
        let response = json!({ "statusCode": 200, "headers": {}, "body": body });
        Outcome::of_response(response, Timestamp::default())
    }
}

impl Desk {
    fn refuse(&self, paths: &[&str]) {
        *self.refuses.lock().unwrap() = paths.iter().map(|it| (*it).to_owned()).collect();
    }

    /// Who was asked since the last time.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap()).into_iter().map(|it| it.0).collect()
    }
}

const ORDER: &str = "
flow: Order
triggers:
  - name: Go
    manual: {}
    concurrency: { key: \"@triggerBody()?['id']\", runs: 1 }
actions:
  - { name: Count, initialize: { name: count, type: integer, value: 1 } }
  - { name: First, http: { method: POST, uri: 'https://service.example/first' } }
  - { name: More, increment: { name: count, value: 10 } }
  - name: Group
    scope:
      - { name: Before, http: { method: GET, uri: 'https://service.example/before' } }
      - { name: Broken, http: { method: GET, uri: 'https://service.example/broken' } }
      - name: Each
        foreach: [1, 2]
        actions:
          - { name: Call, http: { method: POST, uri: 'https://service.example/call' } }
  - { name: Result, compose: \"@{variables('count')} @{body('First')?['of']} @{workflow()['run']['name']}\" }
";

const CALLER: &str = "
flow: Caller
triggers:
  - { name: Go, manual: {} }
actions:
  - { name: Call, runFlow: order, with: { body: { id: '1' } } }
";

const NAPS: &str = "
flow: Naps
triggers:
  - { name: Go, manual: {} }
actions:
  - { name: Nap, wait: PT0.2S }
  - name: Bounded
    timeout: PT1H
    scope:
      - { name: Second nap, wait: PT0.2S }
      - { name: Ask, http: { method: GET, uri: 'https://service.example/' }, retryPolicy: { type: none } }
";

async fn start(store: Arc<dyn Store>, desk: &Arc<Desk>, flows: Flows) -> Engine {
    engine::start(store, desk, flows, 100).await
}

async fn shown(engine: &Engine, run: &RunId, name: &str) -> Value {
    action(&engine::shown(engine, run).await, name).cloned().unwrap_or_default()
}

const fn how(since: Since, latest: bool) -> Repeat {
    Repeat { since, latest, preview: false, body: None, by: None }
}

fn from(action: &str) -> Since {
    Since::Action(action.to_owned())
}

#[tokio::test]
async fn a_failed_run_goes_on_from_what_failed() {
    let (store, desk) = (Arc::new(MemoryStore::new()), Arc::new(Desk::default()));
    let engine = start(store, &desk, flows(&[("order", ORDER)])).await;
    desk.refuse(&["Broken"]);
    let failed = fire(&engine, "order", json!({ "id": "7" })).await.unwrap();
    let row = end(&engine, &failed).await;
    assert_eq!(row.status, Some(Status::Failed));
    let details = row.error.as_ref().unwrap()["details"].clone();
    let expected =
        json!([{ "code": "Refused", "message": "`Broken` is refused", "target": "Broken" }]);
    assert_eq!(details, expected);
    let code = RunFilter { code: Some("Refused".to_owned()), ..RunFilter::default() };
    assert_eq!(engine.runs(&code, 9).await.unwrap(), [row]);
    assert_eq!(desk.asked(), ["First", "Before", "Broken"]);

    desk.refuse(&[]);
    let again = engine.repeat(&failed, &how(Since::Failure, false)).await.unwrap();
    assert_eq!((again.from, again.twice), (vec!["Broken".to_owned()], vec![]));
    assert_eq!(again.kept, ["Count", "First", "More", "Before"]);
    let run = again.run.unwrap();
    let row = end(&engine, &run).await;
    assert_eq!(row.status, Some(Status::Succeeded), "{:?}", row.error);
    assert_eq!((row.again_of, row.key.as_deref(), row.parent), (Some(failed), Some("7"), None));
    assert!(row.created <= row.finished.unwrap());
    let asked = std::mem::take(&mut *desk.asked.lock().unwrap());
    let expected = ["Broken", "Each#0/Call", "Each#1/Call"];
    assert_eq!(asked.iter().map(|it| it.0.as_str()).collect::<Vec<_>>(), expected);
    assert!(asked.iter().all(|(path, key)| *key == format!("{run}:{path}")), "{asked:?}");
    let result = shown(&engine, &run, "Result").await;
    assert_eq!(result["outputs"], format!("11 First {run}"));

    // Once more, from further back and from further on: what is taken over may itself be so.
    let again = engine.repeat(&run, &how(from("Call"), false)).await.unwrap();
    assert_eq!((again.from, again.twice), (vec!["Each".to_owned()], vec!["Call".to_owned()]));
    let third = end(&engine, &again.run.unwrap()).await;
    assert_eq!(third.status, Some(Status::Succeeded));
    assert_eq!(desk.asked(), ["Each#0/Call", "Each#1/Call"]);
    let again = engine.repeat(&third.run, &how(from("first"), false)).await.unwrap();
    let fourth = end(&engine, &again.run.unwrap()).await;
    assert_eq!(desk.asked(), ["First", "Before", "Broken", "Each#0/Call", "Each#1/Call"]);
    let result = shown(&engine, &fourth.run, "Result").await;
    assert_eq!(result["outputs"], format!("11 First {}", fourth.run));
}

#[tokio::test]
async fn a_resubmitted_run_is_a_new_one_of_the_same_event() {
    let (store, desk) = (Arc::new(MemoryStore::new()), Arc::new(Desk::default()));
    let engine = start(store, &desk, flows(&[("order", ORDER)])).await;
    let first = fire(&engine, "order", json!({ "id": "7" })).await.unwrap();
    end(&engine, &first).await;
    let preview = Repeat { preview: true, ..how(Since::Beginning, false) };
    let told = engine.repeat(&first, &preview).await.unwrap();
    assert_eq!((told.run, told.twice), (None, vec!["First".to_owned(), "Call".to_owned()]));
    assert_eq!(engine.runs(&RunFilter::default(), 9).await.unwrap().len(), 1);
    desk.asked();
    for latest in [false, true] {
        let again = engine.repeat(&first, &how(Since::Beginning, latest)).await.unwrap();
        let row = end(&engine, &again.run.unwrap()).await;
        assert_eq!((row.status, row.again_of), (Some(Status::Succeeded), Some(first.clone())));
        assert_eq!(desk.asked().len(), 5);
        let (_, events) = engine.load(&row.run).await.unwrap();
        let EventKind::Started { outputs, .. } = &events[0].kind else { panic!("{events:?}") };
        assert_eq!(outputs["body"], json!({ "id": "7" }));
    }
}

#[tokio::test]
async fn the_present_version_takes_over_what_has_a_place_in_it() {
    let (store, desk) = (Arc::new(MemoryStore::new()), Arc::new(Desk::default()));
    let engine = start(store, &desk, flows(&[("order", ORDER)])).await;
    desk.refuse(&["Broken"]);
    let failed = fire(&engine, "order", json!({ "id": "7" })).await.unwrap();
    end(&engine, &failed).await;
    desk.asked();

    // What was taken over must still be there.
    let renamed = ORDER.replace("First", "Foremost");
    engine.deploy(flows(&[("order", &renamed)])).await.unwrap();
    let refused = engine.repeat(&failed, &how(Since::Failure, true)).await.unwrap_err();
    assert!(refused.to_string().ends_with("taken over: `First`"), "{refused}");
    let unknown = engine.repeat(&failed, &how(from("Frist"), true)).await.unwrap_err();
    assert_eq!(unknown.to_string(), "the flow has no action `Frist`");

    // Its repaired successor has another address, and an action that was not there.
    let new = "      - { name: New, http: { method: GET, uri: 'https://service.example/new' } }\n";
    let (before, after) = ORDER.split_once("      - { name: Broken").unwrap();
    let repaired = format!("{before}{new}      - {{ name: Broken{after}");
    engine.deploy(flows(&[("order", &repaired)])).await.unwrap();
    desk.refuse(&[]);
    let again = engine.repeat(&failed, &how(Since::Failure, true)).await.unwrap();
    assert_eq!(again.version, engine.flows()["order"].sha);
    let row = end(&engine, &again.run.unwrap()).await;
    assert_eq!(row.status, Some(Status::Succeeded), "{:?}", row.error);
    assert_eq!(desk.asked(), ["New", "Broken", "Each#0/Call", "Each#1/Call"]);
    engine.deploy(Flows::new()).await.unwrap();
    let gone = engine.repeat(&failed, &how(Since::Failure, true)).await;
    assert!(matches!(gone, Err(RepeatError::NoFlow(_))), "{gone:?}");
    let old = engine.repeat(&failed, &how(Since::Failure, false)).await.unwrap();
    assert_eq!(end(&engine, &old.run.unwrap()).await.status, Some(Status::Succeeded));
}

#[tokio::test]
async fn a_run_that_is_done_again_survives_death_at_every_write() {
    let desk = Arc::new(Desk::default());
    let store = Arc::new(MemoryStore::new());
    let engine =
        start(Arc::clone(&store) as Arc<dyn Store>, &desk, flows(&[("order", ORDER)])).await;
    desk.refuse(&["Broken"]);
    let failed = fire(&engine, "order", json!({ "id": "7" })).await.unwrap();
    end(&engine, &failed).await;
    engine.stop();
    desk.refuse(&[]);
    let (mut store, mut n_deaths) = (store, 0);
    for moment in [Moment::Before, Moment::After] {
        for write in 1.. {
            store = Arc::new(store.reopen());
            let mortal = Mortal::new(Arc::clone(&store) as Arc<dyn Store>);
            let engine =
                start(Arc::clone(&mortal) as Arc<dyn Store>, &desk, flows(&[("order", ORDER)]))
                    .await;
            desk.asked();
            mortal.arm(Some((write, moment)));
            let again = engine.repeat(&failed, &how(Since::Failure, false)).await;
            if let Ok(again) = &again {
                let run = again.run.clone().unwrap();
                tokio::select! {
                    _ = end(&engine, &run) => {}
                    () = mortal.death() => {}
                }
            }
            let died = mortal.is_dead();
            engine.stop();
            store = Arc::new(store.reopen());
            let engine =
                start(Arc::clone(&store) as Arc<dyn Store>, &desk, flows(&[("order", ORDER)]))
                    .await;
            let filter = RunFilter { again_of: Some(failed.clone()), ..RunFilter::default() };
            for row in engine.runs(&filter, 1_000).await.unwrap() {
                let row = end(&engine, &row.run).await;
                assert_eq!(
                    row.status,
                    Some(Status::Succeeded),
                    "{moment:?} {write}: {:?}",
                    row.error
                );
            }
            let asked = desk.asked();
            let kept = ["First", "Before"];
            assert!(!asked.iter().any(|it| kept.contains(&it.as_str())), "{asked:?}");
            engine.stop();
            if !died {
                break;
            }
            n_deaths += 1;
        }
    }
    assert!(n_deaths >= 6, "{n_deaths}");
}

#[tokio::test]
async fn waits_that_are_over_are_not_waited_for_again() {
    let (store, desk) = (Arc::new(MemoryStore::new()), Arc::new(Desk::default()));
    let engine = start(Arc::clone(&store) as Arc<dyn Store>, &desk, flows(&[("naps", NAPS)])).await;
    desk.refuse(&["Ask"]);
    let failed = fire(&engine, "naps", json!({})).await.unwrap();
    end(&engine, &failed).await;
    desk.refuse(&[]);
    let again = engine.repeat(&failed, &how(Since::Failure, false)).await.unwrap();
    let row = end(&engine, &again.run.unwrap()).await;
    assert_eq!(row.status, Some(Status::Succeeded));
    assert!(row.finished.unwrap().since(row.created) < Duration::milliseconds(190));
    let again = engine.repeat(&failed, &how(from("Second nap"), false)).await.unwrap();
    let row = end(&engine, &again.run.unwrap()).await;
    let took = row.finished.unwrap().since(row.created);
    assert!(Duration::milliseconds(190) < took && took < Duration::milliseconds(10_000), "{took}");
    assert_eq!(store.next_due(journal::Shards::ALL).await.unwrap(), None);
}

#[tokio::test]
async fn a_flow_that_is_off_takes_no_events() {
    let (store, desk) = (Arc::new(MemoryStore::new()), Arc::new(Desk::default()));
    let both = || flows(&[("order", ORDER), ("caller", CALLER)]);
    let engine = start(Arc::clone(&store) as Arc<dyn Store>, &desk, both()).await;
    assert!(engine.switch("ordr", false).await.is_err());
    engine.switch("order", false).await.unwrap();
    engine.stop();
    let store = Arc::new(store.reopen());
    let engine = start(Arc::clone(&store) as Arc<dyn Store>, &desk, both()).await;
    assert!(engine.is_off("order") && !engine.is_off("caller"));
    let refused = fire(&engine, "order", json!({ "id": "7" })).await;
    assert!(matches!(refused, Err(AdmitError::FlowOff(_))), "{refused:?}");
    let caller = fire(&engine, "caller", json!({})).await.unwrap();
    let row = end(&engine, &caller).await;
    assert_eq!(row.error.unwrap()["details"][0]["code"], "WorkflowTriggerIsNotEnabled");
    engine.switch("order", true).await.unwrap();
    let run = fire(&engine, "order", json!({ "id": "7" })).await.unwrap();
    assert_eq!(end(&engine, &run).await.status, Some(Status::Succeeded));
}

#[tokio::test]
async fn old_runs_go_and_open_ones_stay() {
    let (store, desk) = (Arc::new(MemoryStore::new()), Arc::new(Desk::default()));
    let all = flows(&[("order", ORDER), ("sleeper", SLEEPER)]);
    let engine = start(store, &desk, all).await;
    let open = fire(&engine, "sleeper", json!({})).await.unwrap();
    for id in 0..3 {
        let run = fire(&engine, "order", json!({ "id": id.to_string() })).await.unwrap();
        end(&engine, &run).await;
    }
    let keep = |age| Retention { age: Some(age), bytes: None };
    let none = engine.expire(keep(Duration::seconds(3_600))).await.unwrap();
    assert_eq!(none.runs, 0);
    let gone = engine.expire(keep(Duration::seconds(-1))).await.unwrap();
    assert_eq!(gone.runs, 3);
    let left: Vec<RunId> =
        engine.runs(&RunFilter::default(), 9).await.unwrap().into_iter().map(|it| it.run).collect();
    assert_eq!(left, [open]);
}

#[tokio::test]
async fn a_file_that_holds_too_much_loses_its_oldest_runs() {
    let folder = tempfile::tempdir().unwrap();
    let options = store_sqlite::Options::default();
    let store = store_sqlite::SqliteStore::open(&folder.path().join("runs.db"), options).unwrap();
    let store: Arc<dyn Store> = Arc::new(store);
    let desk = Arc::new(Desk::default());
    let engine = start(Arc::clone(&store), &desk, flows(&[("order", ORDER)])).await;
    // Compression must not help.
    let noise = |n: u32| -> String {
        let digit = |it: u32| it.wrapping_mul(it).wrapping_add(n).wrapping_mul(2_654_435_761) >> 28;
        (0..300_000).map(|it| char::from(b'a' + u8::try_from(digit(it)).unwrap())).collect()
    };
    for n in 0..12_u32 {
        let body = json!({ "id": "7", "note": noise(n) });
        let run = fire(&engine, "order", body).await.unwrap();
        end(&engine, &run).await;
    }
    let full = store.size().await.unwrap().unwrap();
    let keep = |bytes| Retention { age: None, bytes: Some(bytes) };
    assert_eq!(engine.expire(keep(full)).await.unwrap().runs, 0);
    let gone = engine.expire(keep(full / 2)).await.unwrap();
    assert!(0 < gone.runs && store.size().await.unwrap().unwrap() <= full / 2, "{gone:?}");
}

/// The program against a service.
struct Cli {
    url: String,
}

impl Cli {
    async fn run(&self, args: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(flowright());
        command.args(args).args(["--url", &self.url]).env_remove("FLOWRIGHT_URL");
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        told(&output)
    }

    /// The same, which must go well.
    async fn good(&self, args: &[&str]) -> String {
        let (code, out, err) = self.run(args).await;
        assert_eq!(code, 0, "{args:?}\n{out}{err}");
        out
    }

    async fn json(&self, args: &[&str]) -> Value {
        let out = self.good(&[args, &["--output", "json"]].concat()).await;
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
    }
}

fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

const RATIO: &str = "
flow: Ratio
triggers:
  - name: Go
    manual: {}
actions:
  - { name: Ratio, compose: \"@div(10, triggerBody()?['by'])\" }
  - name: Wait a little
    if: \"@equals(triggerBody()?['by'], 1)\"
    then:
      - { name: Nap, wait: PT1H }
";

#[tokio::test]
async fn the_program_operates_a_service() {
    let service = serve(&[("ratio", RATIO)], Parts::default()).await;
    let cli = Cli { url: format!("http://{}", service.address) };
    let mut runs = BTreeMap::new();
    for by in [0, 5, 0, 1] {
        let run = fire(&service.engine, "ratio", json!({ "by": by })).await.unwrap();
        if by != 1 {
            end(&service.engine, &run).await;
        }
        runs.insert(by, run.to_string());
    }
    let (failed, good, open) = (&runs[&0], &runs[&5], &runs[&1]);
    let ids = |list: Value| -> Vec<String> {
        let all = list.as_array().unwrap().iter();
        all.map(|it| it["id"].as_str().unwrap().to_owned()).collect()
    };
    let listed = cli.json(&["runs", "list", "--flow", "ratio"]).await;
    assert_eq!(ids(listed).len(), 4);
    let listed =
        cli.json(&["runs", "list", "--where", "status=Failed,Running,flow=ratio", "-n", "2"]).await;
    assert_eq!(ids(listed), [open.clone(), failed.clone()]);
    let listed = cli.json(&["runs", "list", "--error", "InvalidTemplate", "--since", "1h"]).await;
    assert_eq!(ids(listed).len(), 2);
    let table = cli.good(&["runs", "list", "--flow", "ratio"]).await;
    assert!(table.contains("RUN") && table.contains("Ratio: InvalidTemplate"), "{table}");
    let shown = cli.good(&["runs", "show", failed]).await;
    assert!(shown.contains("✗ Ratio") && shown.contains("Failed"), "{shown}");
    let written: Value = serde_json::from_str(&cli.good(&["runs", "export", good]).await).unwrap();
    assert_eq!(written["journal"][0]["type"], "started", "{written}");
    let test = cli.good(&["runs", "export", good, "--as-test"]).await;
    assert!(test.contains("flow: ratio\n") && test.contains("status: Succeeded"), "{test}");
    let (code, _, err) = cli.run(&["runs", "export", open, "--as-test"]).await;
    assert!(code == 2 && err.contains("has not ended"), "{err}");
    let logs = cli.good(&["runs", "logs", good, "--follow"]).await;
    assert!(
        logs.contains("began with the trigger `Go`") && logs.contains("ended as Succeeded"),
        "{logs}"
    );

    assert_eq!(cli.run(&["runs", "wait", good]).await.0, 0);
    assert_eq!(cli.run(&["runs", "wait", failed]).await.0, 1);
    let (code, _, err) = cli.run(&["runs", "wait", open, "--timeout", "1s"]).await;
    assert_eq!(code, 2, "{err}");
    assert_eq!(cli.run(&["runs", "cancel", open]).await.0, 0);
    let (code, _, err) = cli.run(&["runs", "cancel", open]).await;
    assert!(code == 1 && err.contains("has ended already, as Cancelled"), "{err}");
    let (code, _, err) = cli.run(&["runs", "show", "nobody"]).await;
    assert!(code == 2 && err.contains("no run `nobody`"), "{err}");

    // One by one, and all at once.
    let again = cli.good(&["runs", "resubmit", good]).await;
    let row = end(&service.engine, &RunId::new(again.trim())).await;
    assert_eq!(row.again_of, Some(RunId::new(good.clone())));
    let (code, _, err) = cli.run(&["runs", "retry", good]).await;
    assert!(code == 1 && err.contains("no action of the run has failed"), "{err}");
    let (code, out, err) = cli.run(&["runs", "retry", "--flow", "ratio"]).await;
    assert!(code == 2 && out.contains(failed) && err.contains("--yes"), "{out}{err}");
    let preview = cli.json(&["runs", "retry", "--flow", "ratio", "--preview"]).await;
    assert_eq!((&preview["count"], &preview["hasMore"]), (&json!(2), &json!(false)));
    let done = cli.json(&["runs", "retry", "--flow", "ratio", "--yes"]).await;
    assert_eq!(done["done"].as_array().map(Vec::len), Some(2), "{done}");
    let (code, _, err) = cli.run(&["runs", "retry"]).await;
    assert!(code == 2 && err.contains("which runs?"), "{err}");

    let flows = cli.json(&["flows", "list"]).await;
    assert!(flows.as_array().unwrap().iter().any(|it| it["flow"] == "ratio" && it["on"] == true));
    cli.good(&["flows", "off", "ratio"]).await;
    assert!(service.engine.is_off("ratio"));
    let (code, _, err) = cli.run(&["flows", "off", "ratoi"]).await;
    assert!(code == 2 && err.contains("there is no flow `ratoi`"), "{err}");

    let nobody = Cli { url: "http://127.0.0.1:1".to_owned() };
    let (code, _, err) = nobody.run(&["runs", "list"]).await;
    assert!(code == 2 && err.contains("is `flowright serve` running?"), "{err}");
}

#[tokio::test]
async fn the_program_pauses_and_forgets_runs() {
    let service = serve(&[("ratio", RATIO)], Parts::default()).await;
    let cli = Cli { url: format!("http://{}", service.address) };
    let open = fire(&service.engine, "ratio", json!({ "by": 1 })).await.unwrap().to_string();
    cli.good(&["runs", "pause", &open, "--reason", "the CRM rests"]).await;
    let listed = cli.json(&["runs", "list", "--status", "Paused"]).await;
    assert_eq!((&listed[0]["id"], &listed[1]), (&json!(open), &Value::Null));
    let shown = cli.good(&["runs", "show", &open]).await;
    assert!(shown.contains("Paused") && shown.contains("the CRM rests"), "{shown}");
    let done = cli.json(&["runs", "resume", "--where", "flow=ratio", "--yes"]).await;
    assert_eq!(done["done"].as_array().map(Vec::len), Some(1), "{done}");
    let logs = cli.good(&["runs", "logs", &open]).await;
    assert!(logs.contains("was paused: the CRM rests"), "{logs}");
    let (code, _, err) = cli.run(&["runs", "purge", "--key", "nobody", "--yes"]).await;
    assert!(code == 0 && err.contains("0 runs deleted"), "{err}");
}

#[tokio::test]
async fn the_api_pages_both_ways_and_tells_nothing_to_pages_from_elsewhere() {
    let service = serve(&[("ratio", RATIO)], Parts::default()).await;
    let origin = format!("http://{}", service.address);
    for _ in 0..5 {
        let run = fire(&service.engine, "ratio", json!({ "by": 2 })).await.unwrap();
        end(&service.engine, &run).await;
    }
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let get = async |path: &str| -> Value {
        let text = http.get(format!("{origin}{path}")).send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let first = get("/api/v1/runs?flow=ratio&limit=2&count=true").await;
    assert_eq!((&first["count"], first["previousLink"].is_null()), (&json!(5), true));
    let second = get(first["nextLink"].as_str().unwrap()).await;
    let third = get(second["nextLink"].as_str().unwrap()).await;
    assert_eq!(third["value"].as_array().map(Vec::len), Some(1));
    assert!(third["nextLink"].is_null());
    let back = get(third["previousLink"].as_str().unwrap()).await;
    assert_eq!(back["value"], second["value"]);
    let back = get(back["previousLink"].as_str().unwrap()).await;
    assert_eq!(back["value"], first["value"]);

    let id = first["value"][0]["id"].as_str().unwrap().to_owned();
    let journal = get(&format!("/api/v1/runs/{id}/journal")).await;
    assert_eq!(journal["value"][0]["type"], "started");
    assert!(journal["value"][0].get("callback").is_none(), "{journal}");
    for (path, code) in [
        ("/api/v1/runs?status=Gone", "InvalidStatus"),
        ("/api/v1/runs?since=yesterday", "InvalidTime"),
        ("/api/v1/runs?before=1&after=2", "InvalidQuery"),
        ("/api/v1/runs?colour=red", "InvalidQuery"),
        ("/api/v1/runs/nobody/journal", "RunNotFound"),
    ] {
        assert_eq!(get(path).await["error"]["code"], code, "{path}");
    }
    let post = async |path: &str, body: Value, from: Option<&str>| {
        let mut request = http.post(format!("{origin}{path}")).body(body.to_string());
        if let Some(from) = from {
            request = request.header("origin", from);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        (status, answer["error"]["code"].as_str().unwrap_or_default().to_owned())
    };
    let bulk = "/api/v1/runs/actions";
    let all = json!({ "action": "resubmit" });
    assert_eq!(post(bulk, all.clone(), None).await, (400, "FilterRequired".to_owned()));
    let strange =
        post(&format!("/api/v1/runs/{id}/resubmit"), json!({}), Some("https://evil.example")).await;
    assert_eq!(strange, (403, "ForbiddenOrigin".to_owned()));
    let own = post(&format!("/api/v1/runs/{id}/resubmit"), json!({}), Some(&origin)).await;
    assert_eq!(own.0, 201);
    assert_eq!(post(&format!("/api/v1/runs/{id}/cancel"), json!({}), None).await.0, 409);
    let unknown = json!({ "fro": "A" });
    let refused = post(&format!("/api/v1/runs/{id}/retry"), unknown, None).await;
    assert_eq!(refused, (400, "InvalidRequestContent".to_owned()));
    let events: Vec<Event> = service.engine.load(&RunId::new(id)).await.unwrap().1;
    assert_eq!(events.len(), 2);
}

#[tokio::test]
async fn copies_are_made_and_put_back_by_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (database, copy) = (file("runs.db"), file("copy.db"));
    let run = |args: &[&str]| {
        let mut command = Command::new(flowright());
        told(&command.args(args).env_remove("FLOWRIGHT_DATABASE").output().unwrap())
    };
    let options = store_sqlite::Options::default();
    let path = std::path::PathBuf::from(&database);
    let store = Arc::new(store_sqlite::SqliteStore::open(&path, options.clone()).unwrap());
    let desk = Arc::new(Desk::default());
    let engine =
        start(Arc::clone(&store) as Arc<dyn Store>, &desk, flows(&[("order", ORDER)])).await;
    let first = fire(&engine, "order", json!({ "id": "7" })).await.unwrap();
    end(&engine, &first).await;
    let (code, _, err) = run(&["backup", &copy, "--database", &database]);
    assert!(code == 0 && err.contains("copied"), "{err}");
    let (code, _, err) = run(&["backup", &copy, "--database", &database]);
    assert!(code == 2 && err.contains("is there already"), "{err}");
    let (code, _, err) = run(&["restore", &copy, "--database", &database]);
    assert!(code == 2 && err.contains("--force"), "{err}");
    let (code, _, err) = run(&["restore", &copy, "--database", &database, "--force"]);
    assert!(code == 2 && err.contains("stop the service first"), "{err}");
    let url = "postgres://somebody:hunter2@db.example/runs";
    let (code, _, err) = run(&["backup", &copy, "--database", url]);
    assert!(code == 2 && err.contains("pg_dump") && !err.contains("hunter2"), "{err}");
    let other = file("other/runs.db");
    let (code, _, err) = run(&["restore", &copy, "--database", &other]);
    assert_eq!(code, 0, "{err}");
    let store = store_sqlite::SqliteStore::open(other.as_ref(), options).unwrap();
    let row = store.load(&first).await.unwrap().unwrap().0;
    assert_eq!(row.status, Some(Status::Succeeded));
}
