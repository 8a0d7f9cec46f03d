//! Flows that ask connector programs, in a service that is killed: nothing is lost or done twice.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use base::digest::hmac_sha256_hex;
use serde_json::{Value, json};

use crate::{
    crash::{Process, free_port, until},
    support::{
        programs::{PASSWORD, describe, has_python, odd},
        service::flowright,
    },
};

/// A project with `odd.py`, and what it has written down.
struct Stage(tempfile::TempDir);

impl Stage {
    async fn new(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        odd(folder.path(), &[], more);
        describe(folder.path(), "odd").await;
        fs::write(folder.path().join("odd.log"), "").unwrap();
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn flow(&self, name: &str, trigger: &str, action: &str) {
        let folder = self.path().join("flows").join(name);
        fs::create_dir_all(&folder).unwrap();
        let text = format!(
            "flow: {name}\nconnections: {{ odd: odd }}\ntriggers:\n  - {{ name: T, {trigger} }}\n\
             actions:\n  - {{ name: A, {action} }}\n"
        );
        fs::write(folder.join("flow.yaml"), text).unwrap();
    }

    /// A trigger on the lines of a file.
    fn on_lines(&self, file: &str) -> String {
        let file = self.path().join(file);
        fs::write(&file, "").unwrap();
        let retry = "retryPolicy: { type: fixed, count: 9, interval: PT1S }";
        format!("on: odd.OnLine, with: {{ file: {} }}, {retry}", json!(file))
    }

    fn append(&self, file: &str, lines: &[&str]) {
        let mut file = fs::File::options().append(true).open(self.path().join(file)).unwrap();
        file.write_all((lines.join("\n") + "\n").as_bytes()).unwrap();
    }

    fn log(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path().join("odd.log")).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    fn count(&self, what: &str) -> usize {
        self.log().iter().filter(|it| it.starts_with(what)).count()
    }

    /// How many pages the program has died of. One that outlives its engine for a moment may die of
    /// the same page as the next.
    fn deaths(&self) -> usize {
        let log = self.log();
        log.iter().filter(|it| it.starts_with("died of")).collect::<BTreeSet<_>>().len()
    }

    fn run(&self, flow: &str) -> (Value, Output) {
        let flow = self.path().join("flows").join(flow);
        let out = Command::new(flowright())
            .args(["run", "--output", "json"])
            .arg(flow)
            .current_dir(self.path())
            .output()
            .unwrap();
        (serde_json::from_slice(&out.stdout).unwrap(), out)
    }
}

async fn get(port: u16, path: &str) -> Value {
    let url = format!("http://127.0.0.1:{port}/api/v1/{path}");
    let text = reqwest::get(url).await.unwrap().text().await.unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The runs of a flow that have ended: how, and with what error.
async fn ended(port: u16, flow: &str) -> Vec<(String, Value)> {
    let runs = get(port, &format!("runs?limit=500&flow={flow}")).await;
    let runs = runs["value"].as_array().unwrap().iter();
    let runs = runs.filter(|it| !it["endTime"].is_null());
    runs.map(|it| (it["status"].as_str().unwrap().to_owned(), it["errorCode"].clone())).collect()
}

/// What the runs of a flow were started for, and how often each.
async fn bodies(port: u16, flow: &str) -> BTreeMap<String, usize> {
    let runs = get(port, &format!("runs?limit=500&flow={flow}")).await;
    let mut found = BTreeMap::new();
    for run in runs["value"].as_array().unwrap() {
        let id = run["id"].as_str().unwrap();
        let journal = get(port, &format!("runs/{id}/journal")).await;
        let text = journal.to_string();
        let body = text.split_once("\"body\":\"").unwrap().1.split('"').next().unwrap();
        *found.entry(body.to_owned()).or_default() += 1;
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polled_lines_start_one_run_each_however_often_anybody_dies() {
    if !has_python() {
        return;
    }
    let stage = Stage::new("").await;
    stage.flow("lines", &stage.on_lines("lines"), "compose: one");
    // What was there before the flow is not for it.
    stage.append("lines", &["old"]);
    let port = free_port();
    let mut process = Process::start(stage.path(), port);
    // Only what is asked next shows that the first answer was kept.
    until("it has begun", async || 0 < stage.count("poll 1 ")).await;
    let mut expected = BTreeMap::new();
    for round in 0..3 {
        let names = ["a", "b", "die", "c", "d", "e", "f"].map(|it| match it {
            "die" => it.to_owned(),
            it => format!("{it}{round}"),
        });
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        for name in &names {
            *expected.entry((*name).to_owned()).or_insert(0) += 1;
        }
        stage.append("lines", &names);
        if round % 2 == 0 {
            // Somewhere in the middle of it.
            tokio::time::sleep(Duration::from_millis(300 * round)).await;
            process.kill();
            process = Process::start(stage.path(), port);
        }
        let died = usize::try_from(round).unwrap() + 1;
        until("the program has died of it", async || died == stage.deaths()).await;
    }
    // A line that comes again is another event.
    until("all lines have come", async || bodies(port, "lines").await == expected).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(bodies(port, "lines").await, expected);
    // The program of an engine that is killed does not outlive it.
    fs::write(stage.path().join("odd.log"), "").unwrap();
    until("it is asked again", async || 0 < stage.count("poll")).await;
    process.kill();
    until("the program has ended", async || {
        stage.log().last().is_some_and(|it| it == "left alone")
    })
    .await;
}

#[tokio::test]
async fn what_may_be_done_again_is_done_again_under_the_same_key() {
    if !has_python() {
        return;
    }
    let stage = Stage::new("").await;
    let retry = "retryPolicy: { type: fixed, count: 5, interval: PT1S }";
    let manual = "manual: {}";
    stage.flow("blind", manual, &format!("call: odd.CreateAndDie, {retry}"));
    stage.flow("keyed", manual, &format!("call: odd.CreateOnceAndDie, {retry}"));
    let error = |class: &str| json!(json!({ "class": class, "message": "no" }).to_string());
    for (name, class) in [("throttled", "throttled"), ("refused", "validation")] {
        let with = format!("with: {{ times: 2, text: {} }}", error(class));
        stage.flow(name, manual, &format!("call: odd.Fail, {with}, {retry}"));
    }
    // Nobody knows whether it was done, so it is not asked again.
    let (run, _) = stage.run("blind");
    let action = &run["actions"]["A"];
    assert_eq!((&action["status"], &action["attempts"]), (&json!("Failed"), &json!(1)), "{run}");
    assert_eq!(action["error"]["code"], "ConnectionLost", "{run}");
    assert_eq!(stage.count("create"), 1);
    // The program knows the key, so it is.
    let (run, _) = stage.run("keyed");
    let action = &run["actions"]["A"];
    assert_eq!((&action["status"], &action["attempts"]), (&json!("Succeeded"), &json!(2)), "{run}");
    assert_eq!(action["outputs"]["body"], "made");
    assert_eq!(stage.count("create"), 2);
    // The class of an error decides.
    for (name, attempts, status) in [("throttled", 3, "Succeeded"), ("refused", 1, "Failed")] {
        fs::write(stage.path().join("odd.log"), "").unwrap();
        let (run, _) = stage.run(name);
        let action = &run["actions"]["A"];
        assert_eq!(action["status"], status, "{name}: {run}");
        assert_eq!(action["attempts"], attempts, "{name}: {run}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_asked_when_the_engine_was_killed_has_an_unknown_outcome() {
    if !has_python() {
        return;
    }
    let stage = Stage::new("").await;
    stage.flow("blind", &stage.on_lines("blind"), "call: odd.CreateAndHang");
    let port = free_port();
    let mut process = Process::start(stage.path(), port);
    // Only what is asked next shows that the first answer was kept.
    until("it has begun", async || 0 < stage.count("poll 0 ")).await;
    stage.append("blind", &["one"]);
    until("it creates", async || stage.count("create") == 1).await;
    process.kill();
    let _process = Process::start(stage.path(), port);
    until("the run has ended", async || ended(port, "blind").await.len() == 1).await;
    assert_eq!(ended(port, "blind").await[0].0, "Failed");
    let run = get(port, "runs?limit=1").await["value"][0]["id"].as_str().unwrap().to_owned();
    let shown = get(port, &format!("runs/{run}")).await.to_string();
    assert!(shown.contains("\"UnknownOutcome\""), "{shown}");
    assert_eq!(stage.count("create"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_subscribes_verifies_and_unsubscribes() {
    if !has_python() {
        return;
    }
    let stage = Stage::new("").await;
    stage.flow("calls", "on: odd.OnCall, with: { about: weather }", "compose: one");
    let port = free_port();
    let process = Process::start(stage.path(), port);
    until("it has subscribed", async || stage.count("subscribe ") == 1).await;
    let log = stage.log();
    let url = log.iter().find_map(|it| it.strip_prefix("subscribe ")).unwrap().to_owned();
    assert!(url.starts_with(&format!("http://127.0.0.1:{port}/hooks/calls/T?sig=")), "{url}");
    let send = async |url: &str, signature: &str| {
        let request = reqwest::Client::new()
            .post(url)
            .header("content-type", "application/json")
            .header("x-signature", signature)
            .body(r#"{"rain":true}"#);
        request.send().await.unwrap().status().as_u16()
    };
    let good = hmac_sha256_hex(PASSWORD.as_bytes(), br#"{"rain":true}"#);
    assert_eq!(send(&url, "forged").await, 401);
    assert_eq!(send(url.split('?').next().unwrap(), &good).await, 401);
    assert_eq!(ended(port, "calls").await, []);
    assert_eq!(send(&url, &good).await, 202);
    until("it runs", async || ended(port, "calls").await.len() == 1).await;
    assert_eq!(ended(port, "calls").await[0].0, "Succeeded");
    until("it has renewed", async || 0 < stage.count("renew OnCall of weather")).await;
    fs::remove_dir_all(stage.path().join("flows/calls")).unwrap();
    stage.flow("other", "manual: {}", "compose: one");
    until("it has unsubscribed", async || 0 < stage.count("unsubscribe OnCall of weather")).await;
    assert_eq!(stage.count("subscribe "), 1);
    drop(process);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_in_the_documents_copies_rows() {
    if !has_python() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let example = crate::support::service::root().join("docs/examples/python-connector");
    copy(&example, folder.path());
    let database = folder.path().join("shop.db");
    let sql = |text: &str| {
        let program = "import sqlite3, sys, json\n\
            base = sqlite3.connect(sys.argv[1])\n\
            found = base.execute(sys.argv[2]).fetchall()\n\
            base.commit()\nprint(json.dumps(found))";
        let out = Command::new("python3")
            .args(["-c", program])
            .arg(&database)
            .arg(text)
            .output()
            .unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        serde_json::from_slice::<Value>(&out.stdout).unwrap()
    };
    sql("CREATE TABLE orders (item TEXT, price REAL, count INTEGER)");
    sql("CREATE TABLE invoices (item TEXT, amount REAL)");
    sql("INSERT INTO orders VALUES ('old', 1, 1)");
    let environment = fs::read_to_string(folder.path().join("environments/local.yaml")).unwrap();
    let environment = environment.replace("${env:TABLE_FILE}", &database.display().to_string());
    fs::write(folder.path().join("environments/local.yaml"), environment).unwrap();
    let described = describe(folder.path(), "table").await;
    let kept = fs::read_to_string(example.join("connectors/table/describe.json")).unwrap();
    assert_eq!(described, serde_json::from_str::<Value>(&kept).unwrap());
    // Nobody wants to wait here for as long as there.
    let file = folder.path().join("connectors/table/describe.json");
    fs::write(&file, kept.replace("PT10S", "PT1S")).unwrap();
    let lint = Command::new(flowright()).arg("lint").current_dir(folder.path()).output().unwrap();
    assert!(lint.status.success(), "{}", String::from_utf8_lossy(&lint.stdout));
    let port = free_port();
    let mut process = Process::start(folder.path(), port);
    let mut first = Value::Null;
    // What it asks for next is another time once it has been asked.
    until("it has begun", async || {
        let next = get(port, "triggers").await["value"][0]["nextTime"].clone();
        let is_other = !first.is_null() && first != next;
        first = next;
        is_other
    })
    .await;
    sql("INSERT INTO orders VALUES ('pen', 2, 3), ('ink', 5, 2)");
    process.kill();
    let _process = Process::start(folder.path(), port);
    let expected = json!([["ink", 10.0], ["pen", 6.0]]);
    until("the invoices are there", async || {
        sql("SELECT item, amount FROM invoices ORDER BY item") == expected
    })
    .await;
}

#[test]
fn what_a_program_can_do_is_written_beside_its_file() {
    if !has_python() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    odd(folder.path(), &[], "");
    let file = folder.path().join("connectors/odd/describe.json");
    let kept: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    fs::remove_file(&file).unwrap();
    let flow = "flow: one\nconnections: { odd: odd }\ntriggers: [{ name: T, manual: {} }]\n\
                actions: [{ name: A, call: odd.Echo }]\n";
    fs::create_dir_all(folder.path().join("flows/one")).unwrap();
    fs::write(folder.path().join("flows/one/flow.yaml"), flow).unwrap();
    let flowright = |arguments: &[&str]| {
        let mut command = Command::new(flowright());
        let out = command.args(arguments).current_dir(folder.path()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (out.status.code().unwrap(), text(&out.stdout), text(&out.stderr))
    };
    // Nothing is started to find out.
    let (code, found, _) = flowright(&["lint"]);
    assert_eq!(code, 1, "{found}");
    assert!(found.contains("flowright connectors describe odd --save"), "{found}");
    assert!(found.contains("has no operation `Echo`"), "{found}");
    let (code, said, _) = flowright(&["connectors", "describe", "odd"]);
    assert!(code == 0 && !said.contains("Echo"), "{said}");
    assert!(!folder.path().join("odd.log").exists());

    let (code, _, said) = flowright(&["connectors", "describe", "odd", "--save"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("+ Echo") && said.contains("+ OnLine"), "{said}");
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), kept);
    assert_eq!(flowright(&["lint"]).0, 0);
    let (_, _, said) = flowright(&["connectors", "describe", "odd", "--save"]);
    assert!(!said.contains('+'), "{said}");

    let (code, _, said) = flowright(&["connectors", "describe", "add", "--save"]);
    assert!(code == 2 && said.contains("did you mean `odd`?"), "{code} {said}");
    for (variable, expected) in
        [("crash", "there is no licence"), ("version", "speaks version `99`")]
    {
        odd(folder.path(), &[("ODD_START", variable)], "");
        let (code, _, said) = flowright(&["connectors", "describe", "odd", "--save"]);
        assert!(code == 1 && said.contains(expected), "{code} {said}");
    }
    fs::write(&file, "{").unwrap();
    let (code, found, _) = flowright(&["lint"]);
    assert!(code == 1 && found.contains("`describe.json` beside the file is not JSON"), "{found}");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
