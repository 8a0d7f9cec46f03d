//! Run history and the page of a run in a real browser: what operators do with runs that went wrong, by mouse and
//! by keyboard, and runs that come from files.

use serde_json::{Value, json};

use crate::{
    browser::{Desk, flow_page},
    support::recorder::Recorder,
};

const STOCK: &str = "\
flow: Stock
triggers:
  - name: When goods come
    manual:
      inputs:
        article: { type: string, required: true }
        pieces: { type: integer, required: true }
    concurrency: { runs: 1, key: \"@triggerBody()?['article']\" }
  - name: When goods are counted
    manual: { inputs: { article: { type: string } } }
actions:
  - { name: Remark, initialize: { name: remark, type: string, value: \"\" } }
  - { name: Total, initialize: { name: total, type: integer } }
  - name: For each
    foreach: [1, 2, 3]
    actions:
      - { name: Share, compose: \"@div(100, mul(triggerBody()?['pieces'], item()))\" }
";

/// Runs that failed, with these keys, and one that did not.
async fn stock(articles: &[&str]) -> Option<(Desk, Vec<String>)> {
    let desk = Desk::start(&[("shop/stock", STOCK)]).await?;
    let mut runs = Vec::new();
    for article in articles {
        runs.push(desk.run("shop/stock", json!({ "article": article, "pieces": 0 })).await);
    }
    desk.run("shop/stock", json!({ "article": "good", "pieces": 5 })).await;
    Some((desk, runs))
}

const NOT_HANDLED: &str = "/runs?status=Failed%2CTimedOut&handled=false";

/// The keys in the list of runs, as soon as there are so many.
fn keys(desk: &mut Desk, count: usize) -> Value {
    desk.browser.until(&format!("document.querySelectorAll('.runs tbody tr').length === {count}"));
    desk.browser.eval("[...document.querySelectorAll('.runs tbody tr')].map((it) => it.querySelector('[data-label=Key]').textContent)")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_deal_with_what_failed() {
    let Some((mut desk, runs)) = stock(&["bolts", "nuts", "screws"]).await else { return };
    desk.open(&format!("/runs/{}", runs[0]));
    desk.browser.sees("Trace");
    desk.browser.click("Mark as handled");
    desk.browser.fill("Note", "told the store <b>");
    desk.browser.click("Mark as handled");
    desk.browser.until(
        "document.querySelector('.notice.good')?.textContent.includes('told the store <b>')",
    );
    desk.browser.picture("handled");
    desk.open(NOT_HANDLED);
    assert_eq!(keys(&mut desk, 2), json!(["screws", "nuts"]));
    desk.browser.picture("not-handled");
    // Words: the address has them, and so they can be sent.
    desk.browser.fill("Search id, key, error…", "NUT failed");
    assert_eq!(keys(&mut desk, 1), json!(["nuts"]));
    assert!(desk.browser.eval("location.hash").as_str().unwrap().contains("text=NUT+failed"));
    // With another event it works.
    desk.open(&format!("/runs/{}", runs[1]));
    desk.browser.click("Resubmit");
    desk.browser.click("Change the event first");
    desk.browser.until("document.querySelector('dialog textarea')?.value.includes('nuts')");
    desk.browser.fill("Body of the event", "{ \"article\": ");
    desk.browser.press("document.querySelector('dialog .primary')");
    desk.browser.sees("This is no JSON");
    desk.browser.fill("Body of the event", "{ \"article\": \"nuts\", \"pieces\": 2 }");
    desk.browser.until("!document.querySelector('dialog .field-error')");
    desk.browser.picture("edited-event");
    desk.browser.press("document.querySelector('dialog .primary')");
    desk.browser
        .until("document.querySelector('h1 .badge.good') && !document.querySelector('dialog')");
    desk.browser.sees("event edited");
    desk.open(&format!("/runs/{}", runs[1]));
    desk.browser.sees("Done again");
    desk.browser.click("Save as test");
    desk.browser.click("Download");
    desk.browser.sees("The test is downloaded");
    desk.browser.click("Done");
    desk.browser.click("Command line");
    desk.browser.sees(&format!("flowright runs retry {} --from Share", runs[1]));
    desk.is_calm();
}

/// Asks somebody, and goes on with what they say.
const ASKS: &str = "\
flow: Asks
triggers: [{ name: Go, manual: {} }]
actions:
  - { name: Manager, approval: { title: May it go on?, options: [Yes, No] } }
  - { name: Outcome, compose: \"@body('Manager')?['outcome']\" }
";

/// How the run stands, and what its page has after `Outcome`.
const OUTCOME: &str =
    "document.querySelector('.card[data-path=Outcome] .mark').getAttribute('aria-label')";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_run_begins_nothing_until_it_is_resumed() {
    let Some(mut desk) = Desk::start(&[("shop/asks", ASKS)]).await else { return };
    let run = desk.begin("shop/asks", json!({})).await;
    desk.open(&format!("/runs/{run}"));
    desk.browser.until("document.querySelector('h1 .badge')?.textContent === 'Running'");
    desk.browser.press("document.querySelector('.card[data-path=Manager] .card-main')");
    desk.browser.until("document.querySelector('.detail a[href=\"#/approvals\"]')");
    desk.browser.click("Pause");
    desk.browser.sees("The run is paused");
    desk.browser.until("document.querySelector('h1 .badge')?.textContent === 'Paused'");
    desk.browser.picture("paused");
    desk.open("/runs?status=Paused");
    desk.browser.until("document.querySelectorAll('.runs tbody tr').length === 1");
    assert_eq!(desk.api("/api/v1/runs?status=Running&count=true").await["count"], 0);
    // What was asked may be answered; nothing follows from it yet.
    desk.open("/approvals");
    desk.browser.click("Yes");
    desk.browser.sees("Nothing waits for an answer");
    desk.open(&format!("/runs/{run}"));
    desk.browser.until("document.querySelector('.card[data-path=Manager] .mark.good')");
    desk.browser.until("document.querySelector('h1 .badge')?.textContent === 'Paused'");
    assert_eq!(desk.browser.eval(OUTCOME), "Not reached");
    desk.browser.click("Resume");
    desk.browser.until("document.querySelector('h1 .badge.good')");
    desk.browser.until(&format!("{OUTCOME} === 'Succeeded'"));
    let outcome = desk.api(&format!("/api/v1/runs/{run}/action?path=Outcome")).await;
    assert_eq!(outcome["outputs"]["value"], "Yes", "{outcome}");
    desk.is_calm();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_are_paused_and_resumed_together() {
    let Some(mut desk) = Desk::start(&[("shop/asks", ASKS)]).await else { return };
    for _ in 0..2 {
        desk.begin("shop/asks", json!({})).await;
    }
    for (action, verb, before, after) in [
        ("Pause…", "Pause (2)", "Running", "Paused"),
        ("Resume…", "Resume (2)", "Paused", "Running"),
    ] {
        desk.open(&format!("/runs?flow=shop%2Fasks&status={before}"));
        desk.browser.until("document.querySelectorAll('.runs tbody tr').length === 2");
        desk.browser.click("More");
        desk.browser.click(action);
        desk.browser.click(verb);
        desk.browser.sees("Done with 2 runs");
        let there = desk.api(&format!("/api/v1/runs?status={after}&count=true")).await;
        assert_eq!(there["count"], 2, "{action}: {there}");
    }
    desk.is_calm();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_is_tried_before_the_others() {
    let Some((mut desk, _)) = stock(&["bolts", "nuts"]).await else { return };
    desk.open(NOT_HANDLED);
    assert_eq!(keys(&mut desk, 2), json!(["nuts", "bolts"]));
    desk.browser.click("Retry…");
    desk.browser.until("document.querySelector('dialog .primary:not(:disabled)')");
    desk.browser.press("document.querySelector('dialog .primary')");
    desk.browser.sees("It ended as Failed");
    desk.browser.picture("tried");
    desk.browser.click("Retry the others (1)");
    desk.browser.sees("Done with 1 run");
    desk.browser.click("Done");
    let again = desk.api("/api/v1/runs?status=Failed&limit=500").await;
    let again = again["value"].as_array().unwrap().iter().filter(|it| !it["resubmitOf"].is_null());
    let mut again: Vec<&str> = again.map(|it| it["key"].as_str().unwrap()).collect();
    again.sort_unstable();
    // Neither was done twice.
    assert_eq!(again, ["bolts", "nuts"]);
    desk.is_calm();
}

fn order_flow(warehouse: &str) -> String {
    format!(
        "flow: New order\n\
         triggers:\n\
         \x20 - name: When an order comes\n\
         \x20   request: {{}}\n\
         \x20   concurrency: {{ runs: 1, key: \"@triggerBody()?['number']\" }}\n\
         actions:\n\
         \x20 - {{ name: Total, compose: \"@length(triggerBody()?['lines'])\" }}\n\
         \x20 - name: If it is express\n\
         \x20   if: {{ equals: [\"@triggerBody()?['express']\", true] }}\n\
         \x20   then: [{{ name: Mark, compose: express }}]\n\
         \x20 - name: Ask the warehouse\n\
         \x20   http: {{ method: PUT, uri: {warehouse}/orders, body: '@triggerBody()' }}\n\
         \x20   retryPolicy: {{ type: fixed, count: 2, interval: PT1S }}\n\
         \x20 - {{ name: Reserve, compose: \"@body('Ask_the_warehouse')\" }}\n\
         \x20 - name: Tell the shop\n\
         \x20   runAfter: {{ Reserve: [Succeeded, Failed] }}\n\
         \x20   terminate: {{ status: Failed, code: Later, message: the order waits }}\n"
    )
}

/// Attempts with what was answered and asked for; those that had to wait say so. The picture is the guide's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempts_say_what_came_of_them() {
    let head = "503 Service Unavailable\r\nretry-after: 1";
    let warehouse = Recorder::open(head, "\"closed until noon\"").await;
    let flow = order_flow(&warehouse.origin);
    let Some(mut desk) = Desk::start(&[("shop/order", &flow)]).await else { return };
    let body = json!({ "number": "A-1002", "express": true, "lines": [1, 2] });
    let run = desk.run("shop/order", body).await;
    desk.browser.resize(1240, 900, false);
    desk.open(&format!("/runs/{run}"));
    desk.browser.sees("Attempts (3)");
    let mut head: Vec<Value> = desk.browser.eval(ATTEMPTS).as_array().unwrap().clone();
    // On a busy machine any of them may have waited.
    head.retain(|it| it != "Waited");
    assert_eq!(head, ["Attempt", "Start", "Duration", "Retry-After", "Pause"]);
    desk.browser.until("document.querySelectorAll('.facts dt').length > 5");
    desk.browser.picture("guide-run-page");
    // The same with a first attempt that was sent later than it was to be.
    let mut shown = desk.api(&format!("/api/v1/runs/{run}")).await;
    let asked = shown["actions"].as_array_mut().unwrap();
    let asked = asked.iter_mut().find(|it| it["name"] == "Ask the warehouse").unwrap();
    asked["attempts"][1]["sentTime"] = asked["attempts"][1]["endTime"].clone();
    let journal = desk.api(&format!("/api/v1/runs/{run}/journal")).await["value"].clone();
    give(&mut desk, &json!({ "run": shown, "journal": journal }).to_string());
    desk.browser.sees("Attempts (3)");
    assert_eq!(desk.browser.eval(ATTEMPTS)[2], "Waited");
    desk.browser.click("Timeline");
    desk.browser.until("document.querySelector('.bar-part.quiet')?.title.startsWith('Waited ')");
    desk.is_calm();
}

/// The head of the table of attempts.
const ATTEMPTS: &str =
    "[...document.querySelectorAll('.detail .small-table th')].map((it) => it.textContent)";

/// Gives a file to the page as if somebody had chosen it.
fn give(desk: &mut Desk, text: &str) {
    desk.open("/runs");
    desk.browser.until("document.querySelector('input[type=file]')");
    desk.browser.eval(&format!(
        "(() => {{ const files = new DataTransfer(); files.items.add(new File([{}], 'run.json')); \
         const it = document.querySelector('input[type=file]'); it.files = files.files; \
         it.dispatchEvent(new Event('change')); }})()",
        json!(text)
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_from_files_are_shown_and_not_kept() {
    let Some((mut desk, runs)) = stock(&["bolts"]).await else { return };
    let run = desk.api(&format!("/api/v1/runs/{}", runs[0])).await;
    let journal = desk.api(&format!("/api/v1/runs/{}/journal", runs[0])).await["value"].clone();
    let before = desk.api("/api/v1/runs?count=true").await["count"].clone();
    // What `flowright runs export` writes.
    give(&mut desk, &json!({ "run": run, "journal": journal }).to_string());
    desk.browser.sees("From a file");
    desk.browser.until("document.querySelector('.detail h2')?.textContent === 'Share'");
    assert_eq!(
        desk.browser.eval("document.querySelector('.strip').getAttribute('aria-valuetext')"),
        "Iteration 1 of 3, Failed"
    );
    desk.browser.click("When goods come");
    desk.browser.sees("bolts");
    desk.browser.click("Timeline");
    desk.browser.until("document.querySelectorAll('.timeline-row').length > 2");
    desk.browser.picture("from-file");
    // A bare journal, also with one event a line.
    let lines: Vec<String> = journal.as_array().unwrap().iter().map(ToString::to_string).collect();
    let lines = lines.join("\n") + "\n";
    for text in [journal.to_string(), lines] {
        give(&mut desk, &text);
        desk.browser.until("document.querySelectorAll('.journal li').length === 2");
        desk.browser.sees("From a file");
    }
    for text in ["", "{}", "[1]", "[]", "{\"format\":\"flowright-run/1\"}"] {
        give(&mut desk, text);
        desk.browser.sees("This file is no downloaded run and no journal");
    }
    assert_eq!(desk.api("/api/v1/runs?count=true").await["count"], before);
    desk.is_calm();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copied_requests_have_no_secrets() {
    let Some(mut desk) = Desk::start(&[]).await else { return };
    desk.open("/flows");
    for (inputs, expected) in [
        (json!({ "uri": "https://x/y" }), "curl -X GET 'https://x/y'"),
        (
            json!({ "method": "POST", "uri": "https://u:canary@x/y?a=1&sig=canary&b",
                "queries": { "c d": "é", "api-key": "canary" },
                "headers": { "Accept": "*/*", "X-Api-Key": "canary", "Authorization": "Bearer canary", "Cookie": "a=canary" },
                "body": { "it's": 1, "password": "canary", "in": { "access_token": "canary" } } }),
            "curl -X POST 'https://<hidden>@x/y?a=1&sig=<hidden>&b&c%20d=%C3%A9&api-key=<hidden>' \
             -H 'Accept: */*' -H 'X-Api-Key: <hidden>' -H 'Authorization: <hidden>' -H 'Cookie: <hidden>' \
             -H 'content-type: application/json' \
             --data-raw '{\"it'\\''s\":1,\"password\":\"<hidden>\",\"in\":{\"access_token\":\"<hidden>\"}}'",
        ),
        (
            json!({ "method": "PUT; rm -rf", "uri": "x'y", "authentication": { "type": "Basic", "password": "canary" }, "body": "@file" }),
            "curl -X 'PUT; rm -rf' 'x'\\''y' -H 'authorization: <hidden>' --data-raw '@file'",
        ),
    ] {
        let made =
            desk.browser.eval(&format!("import('/ui/js/curl.js').then((it) => it.curl({inputs}))"));
        assert_eq!(made, expected);
    }
    desk.is_calm();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn triggers_and_variables_are_drawn_as_what_they_are() {
    let Some(mut desk) = Desk::start(&[("shop/stock", STOCK)]).await else { return };
    for page in [flow_page("shop/stock"), format!("{}/edit", flow_page("shop/stock"))] {
        desk.open(&page);
        desk.browser.until("document.querySelectorAll('.one-of .card.trigger').length === 2");
        let between = desk.browser.eval("[...document.querySelectorAll('.one-of .step')].map((it) => getComputedStyle(it, '::before').display).join()");
        assert_eq!(between, "inline,none");
        desk.browser.sees("Starts with one of these");
        desk.browser.sees("Initialize variable: remark (string) = \"\"");
        desk.browser.sees("Initialize variable: total (integer)");
    }
    desk.is_calm();
}

/// What can be reached by Tab and what cannot, and what has the focus without showing it.
const TABS: &str = "(async () => {
  const shown = (it) => it.checkVisibility({ visibilityProperty: true }) && !it.disabled;
  return [...document.querySelectorAll('button, a[href], input, select, textarea, summary, [tabindex=\"0\"]')].filter(shown)
    .filter((it) => it.tabIndex >= 0 && !it.dataset.tabbed && !(it.type === 'radio' && !it.checked)).map((it) => it.outerHTML.slice(0, 160));
})()";
const FOCUS: &str = "(() => {
  const it = document.activeElement;
  if (!it || it === document.body) return 'end';
  if (it.dataset.tabbed) return 'round';
  it.dataset.tabbed = 'yes';
  const seen = (one) => { const style = getComputedStyle(one); return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1; };
  const back = it.querySelector?.('.bar-back');
  const is = seen(it) || (it.closest('.code-field') && seen(it.closest('.code-field'))) || (back && getComputedStyle(back).stroke !== 'none');
  return is ? 'ok' : it.outerHTML.slice(0, 160);
})()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tab_leads_everywhere_and_is_seen() {
    let Some((mut desk, runs)) = stock(&["bolts", "nuts"]).await else { return };
    let stock = flow_page("shop/stock");
    for page in [
        "/runs".to_owned(),
        stock.clone(),
        format!("{stock}/edit"),
        format!("/runs/{}", runs[0]),
        format!("/runs/{}?view=timeline", runs[0]),
        format!("/runs/{}?view=journal", runs[0]),
        "/connections".into(),
        "/activity".into(),
    ] {
        desk.open(&page);
        desk.browser.until(
            "document.querySelector('main .page') && ![...document.querySelectorAll('main .skeleton')].some((it) => it.getClientRects().length)",
        );
        let mut unseen = Vec::new();
        for _ in 0..150 {
            desk.browser.key("Tab", 9);
            match desk.browser.eval(FOCUS).as_str().unwrap() {
                "ok" => {}
                "end" | "round" => break,
                other => unseen.push(other.to_owned()),
            }
        }
        assert_eq!(unseen, Vec::<String>::new(), "{page}");
        assert_eq!(desk.browser.eval(TABS), json!([]), "{page}");
    }
    // The first of them leads to the page, and to no other.
    desk.open("/runs");
    desk.browser.until("document.querySelector('.runs')");
    desk.browser.key("Tab", 9);
    desk.browser.key("Enter", 13);
    desk.browser.until("document.activeElement.tagName === 'MAIN' && location.hash === '#/runs'");
    bars_by_keyboard(&mut desk);
    pane_by_keyboard(&mut desk, &runs[0]);
    desk.is_calm();
}

/// The bars over time: one by Tab, the others by arrow keys.
fn bars_by_keyboard(desk: &mut Desk) {
    desk.open("/runs");
    desk.browser.until("document.querySelector('.bar[tabindex=\"0\"]')");
    desk.browser.eval("document.querySelector('.bar[tabindex=\"0\"]').focus()");
    desk.browser.key("ArrowRight", 39);
    desk.browser.until("document.activeElement === document.querySelectorAll('.bar')[1]");
    desk.browser.key("Enter", 13);
    desk.browser.until("location.hash.includes('since=') && location.hash.includes('until=')");
}

/// On a small screen the details cover the page: they have the focus, and Escape gives it back.
fn pane_by_keyboard(desk: &mut Desk, run: &str) {
    desk.browser.resize(360, 800, false);
    desk.open(&format!("/runs/{run}"));
    desk.browser.until("document.querySelector('button.card-main')");
    desk.browser.eval("document.querySelector('.card[data-path=Total] .card-main').focus()");
    desk.browser.key("Enter", 13);
    desk.browser.until("document.activeElement.matches('.detail.is-open .close-detail')");
    desk.browser.key("Escape", 27);
    desk.browser.until("!document.querySelector('.detail.is-open')");
    desk.browser.until("document.activeElement.closest('.card')?.dataset.path === 'Total'");
}
