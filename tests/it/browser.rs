//! The pages in a real browser: the story of an operator, hostile texts, sizes, large runs.

use std::{collections::BTreeSet, fs, time::Instant};

use emulators::Running;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    crash::{Process, free_port},
    support::{
        chromium::Browser,
        git,
        recorder::Recorder,
        service::{PATIENCE, REGISTER, SYNC, connections, referral, world},
    },
};

/// The service as a process, with its pages in a browser.
pub(crate) struct Desk {
    folder: TempDir,
    world: Running,
    _process: Process,
    pub(crate) browser: Browser,
    url: String,
    /// The Git commit that the project is in; none where there is no `git`.
    commit: Option<String>,
}

impl Desk {
    /// `None` where there is no browser.
    pub(crate) async fn start(flows: &[(&str, &str)]) -> Option<Self> {
        let browser = Browser::start(1366, 850)?;
        let folder = crate::cosell::project_copy();
        let world = world().await;
        let environment = json!({ "connections": connections(&world) }).to_string();
        let environments = folder.path().join("flows/environments");
        fs::create_dir_all(&environments).unwrap();
        fs::write(environments.join("production.yaml"), environment).unwrap();
        for (name, text) in flows {
            let place = folder.path().join("flows").join(name);
            fs::create_dir_all(&place).unwrap();
            fs::write(place.join("flow.yaml"), text).unwrap();
        }
        let settings = folder.path().join("flowright.yaml");
        let text = fs::read_to_string(&settings).unwrap();
        fs::write(settings, text + "serve: { edit: true }\nhttp: { allowHosts: [127.0.0.1] }\n")
            .unwrap();
        let commit = git::commit(folder.path(), "Sync referrals both ways");
        let port = free_port();
        let process = Process::start(folder.path(), port);
        let url = format!("http://127.0.0.1:{port}");
        Some(Self { folder, world, _process: process, browser, url, commit })
    }

    pub(crate) fn open(&mut self, page: &str) {
        self.browser.open(&format!("{}/#{page}", self.url));
    }

    pub(crate) async fn api(&self, path: &str) -> Value {
        let text = reqwest::get(format!("{}{path}", self.url)).await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{path}: {text}"))
    }

    /// Starts a flow; the id of its run, which has ended.
    pub(crate) async fn run(&self, flow: &str, body: Value) -> String {
        let id = self.begin(flow, body).await;
        self.ended(&id).await;
        id
    }

    /// Starts a flow; the id of its run.
    pub(crate) async fn begin(&self, flow: &str, body: Value) -> String {
        let flow = flow.replace('/', "%2F");
        let about = self.api(&format!("/api/v1/flows/{flow}/outline")).await;
        let trigger = about["triggers"][0]["name"].as_str().unwrap().replace(' ', "%20");
        let address = format!("{}/api/v1/flows/{flow}/triggers/{trigger}/run", self.url);
        let body = json!({ "body": body }).to_string();
        let client = reqwest::Client::new();
        let request = client.post(address).header("content-type", "application/json").body(body);
        let answer = request.send().await.unwrap().text().await.unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        answer["runs"][0]["id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    async fn ended(&self, id: &str) {
        let begun = Instant::now();
        while self.api(&format!("/api/v1/runs/{id}/tree")).await["status"] == "Running" {
            assert!(begun.elapsed() < PATIENCE, "run `{id}` does not end");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    #[track_caller]
    pub(crate) fn is_calm(&mut self) {
        assert_eq!(self.browser.complaints(), BTreeSet::new());
    }
}

pub(crate) fn flow_page(flow: &str) -> String {
    format!("/flows/{}", flow.replace('/', "%2F"))
}

const ORDER: &str = "\
flow: New order
# This comment stays.
triggers:
  - name: When an order comes
    manual:
      inputs:
        number: { type: string, required: true, title: Order number }
        count: { type: integer, required: true, title: Pieces }
actions:
  - name: If it is large
    if: { greater: [\"@triggerBody()?['count']\", 10] }
    then: [{ name: Large, compose: ask }]
    else: [{ name: Small, compose: send }]
  - name: Price
    compose: \"@div(100, sub(triggerBody()?['count'], 2))\"
  - name: Done
    compose: \"@{triggerBody()?['number']} costs @{outputs('Price')}\"
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_registers_maps_looks_and_mends() {
    let Some(mut desk) = Desk::start(&[("shop/order", ORDER)]).await else { return };
    register(&mut desk).await;
    map(&mut desk).await;
    mend(&mut desk).await;
}

/// The address of the sync flow is copied, and registered by *Run flow*.
async fn register(desk: &mut Desk) {
    desk.open("/flows");
    desk.browser.sees("Partner Center to Dynamics 365");
    desk.browser.picture("my-flows");
    desk.browser.click("Partner Center to Dynamics 365");
    desk.browser.until("document.querySelector('.address input')");
    let address = desk.browser.eval("document.querySelector('.address input').value");
    let address = address.as_str().unwrap().to_owned();
    assert!(address.starts_with(&format!("{}/hooks/{SYNC}", desk.url)), "{address}");
    desk.browser.picture("flow");
    desk.open(&flow_page(REGISTER));
    desk.browser.click("Run");
    desk.browser.click("Continue");
    // What is required is asked for before anything is sent.
    desk.browser.click("Run flow");
    desk.browser.sees("This field is required");
    desk.browser.fill("Http Trigger Endpoint", &address);
    // What is filled in is not called missing any longer.
    desk.browser.until("!document.querySelector('dialog .field-error, dialog [aria-invalid]')");
    desk.browser.picture("run-flow");
    desk.browser.click("Run flow");
    desk.browser.sees("Your flow run successfully started");
    desk.browser.click("flow run page");
    desk.browser.until("document.querySelector('h1 .badge.good')");
    let registered = reqwest::get(format!("{}/_emulator/records", desk.world.partner_center.url()));
    let registered = registered.await.unwrap().text().await.unwrap();
    assert!(registered.contains(&address), "{registered}");
    desk.is_calm();
}

/// A mapping is changed in its table; the next run uses it.
async fn map(desk: &mut Desk) {
    let id = desk.world.partner_center.create_referral(referral());
    desk.open("/runs");
    desk.browser.until("document.querySelector('.runs tbody tr .badge.good')");
    desk.browser.sees(SYNC);
    let rows = |desk: &Desk| desk.world.dataverse.rows("opportunities");
    until("the opportunity is there", || !rows(desk).is_empty()).await;
    desk.open(&format!("{}/mappings?file=referral-to-opportunity.mapping.yaml", flow_page(SYNC)));
    desk.browser.fill("Source of description", "{{details.notes}} (from Microsoft)");
    desk.browser.picture("mapping");
    desk.browser.click("Save");
    desk.browser.sees("Saved");
    let file =
        desk.folder.path().join("flows").join(SYNC).join("referral-to-opportunity.mapping.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let line = "  description: { from: \"{{details.notes}} (from Microsoft)\", compare: text }\n";
    assert!(text.contains(line) && text.starts_with("# Which column of a Dynamics 365"), "{text}");
    assert!(text.contains("# left out if the CRM does not know the currency"), "{text}");
    // New events go to the new version within a second or two.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let changes = json!({ "details": { "notes": "Now mapped anew" } });
    assert!(desk.world.partner_center.patch_referral(&id, changes));
    let wanted = "Now mapped anew (from Microsoft)";
    until("the next run uses the mapping", || rows(desk)[0]["description"] == wanted).await;
    desk.open(&format!("{}/versions", flow_page(SYNC)));
    desk.browser.sees("Field of referral-to-opportunity");
    if let Some(commit) = desk.commit.clone() {
        desk.browser.sees("not committed");
        let link = format!("a[href='https://code.example.com/us/flows/commit/{commit}']");
        let shown =
            format!("document.querySelectorAll(\"td[data-label='Commit'] {link}\").length === 1");
        desk.browser.until(&shown);
        desk.browser.picture("versions");
        // The run of before the change belongs to the version that is committed.
        let runs = desk.api(&format!("/api/v1/runs?flow={SYNC}&limit=100")).await;
        let first = runs["value"].as_array().and_then(|it| it.last()).unwrap();
        desk.open(&format!("/runs/{}", first["id"].as_str().unwrap()));
        desk.browser.until(&format!("document.querySelector(\".facts {link}\")"));
        desk.browser.picture("run-of-a-commit");
    }
    desk.is_calm();
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    crate::crash::until(what, async || holds()).await;
}

/// A failed run is looked at, its flow mended, and the run retried from the action.
async fn mend(desk: &mut Desk) {
    let id = desk.run("shop/order", json!({ "number": "A-1", "count": 2 })).await;
    desk.open("/runs");
    desk.browser.until("document.querySelector('.runs tbody a.strong')");
    desk.browser.press("document.querySelector('.runs tbody a.strong')");
    // The first failed action is open, with what its expression saw.
    desk.browser.sees("Attempt to divide an integral or decimal value by zero");
    desk.browser.until("document.querySelector('.detail h2')?.textContent === 'Price'");
    desk.browser.picture("failed-run");
    let selected =
        desk.browser.eval("document.querySelector('.card.is-selected .card-title').textContent");
    assert_eq!(selected, "Price");
    // What was skipped says why, with both sides of the condition.
    desk.browser.press("document.querySelector('.card .fold')");
    desk.browser.press("document.querySelector('.branch.is-left summary')");
    desk.browser.press(
        "[...document.querySelectorAll('.card-main')].find((it) => it.innerText.startsWith('Large'))",
    );
    desk.browser.sees("Condition of “If it is large”");
    desk.browser.until("document.querySelector('.detail .comparison')?.innerText.replace(/\\s+/g, ' ').includes('is greater than 10')");
    desk.browser.picture("skipped");
    desk.open(&format!("{}/edit", flow_page("shop/order")));
    desk.browser.until("document.querySelector('.code-area')?.value");
    let text = ORDER.replace("sub(triggerBody()?['count'], 2)", "triggerBody()?['coun");
    desk.browser.fill("The file", &text);
    desk.browser.until("document.querySelector('.finding-list .error')");
    desk.browser.picture("editor");
    desk.browser.fill(
        "The file",
        &ORDER.replace("sub(triggerBody()?['count'], 2)", "triggerBody()?['count']"),
    );
    desk.browser.until("!document.querySelector('.finding-list .error')");
    desk.browser.click("Save");
    desk.browser.sees("Saved");
    let file = desk.folder.path().join("flows/shop/order/flow.yaml");
    assert!(fs::read_to_string(file).unwrap().contains("# This comment stays."));
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    desk.open(&format!("/runs/{id}"));
    desk.browser.click("Retry from here");
    desk.browser.click("Use the present version of the flow");
    desk.browser.until("document.querySelector('dialog .primary:not(:disabled)')");
    desk.browser.press("document.querySelector('dialog .primary')");
    desk.browser.until(&format!(
        "!location.hash.includes({}) && document.querySelector('h1 .badge.good')",
        json!(id)
    ));
    desk.browser.picture("retried");
    desk.is_calm();
}

/// An answer on the page of an address, one in the inbox; the page of a run follows by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_answer_where_they_are_asked() {
    let mail = Recorder::open("200 OK", "{}").await;
    let flow = format!(
        "flow: Ask\n\
         triggers: [{{ name: Go, manual: {{ inputs: {{ percent: {{ type: integer, required: true }} }} }} }}]\n\
         actions:\n\
         \x20 - name: Tell\n\
         \x20   http: {{ method: POST, uri: '{}', body: {{ link: \"@approvalUrl('Manager')\" }} }}\n\
         \x20 - name: Manager\n\
         \x20   approval: {{ title: \"Discount of @{{triggerBody()?['percent']}} %\", options: [Approve, Reject] }}\n\
         \x20 - name: Outcome\n\
         \x20   compose: \"@body('Manager')?['outcome']\"\n",
        mail.origin
    );
    let Some(mut desk) = Desk::start(&[("shop/ask", &flow)]).await else { return };
    let first = desk.begin("shop/ask", json!({ "percent": 30 })).await;
    until("the mail is sent", || mail.sent().len() == 1).await;
    let link: Value = serde_json::from_str(&mail.sent()[0].body).unwrap();
    let link = link["link"].as_str().unwrap().to_owned();
    desk.browser.open(&link);
    desk.browser.sees("Discount of 30 %");
    desk.browser.fill("Comments", "too much <b>");
    desk.browser.fill("Your name", "Ada");
    desk.browser.picture("approval");
    desk.browser.click("Reject");
    desk.browser.sees("Your answer: Reject");
    desk.ended(&first).await;
    // Who comes later is told.
    desk.browser.open(&link);
    desk.browser.sees("This has been answered already");
    let forged = link.replace("sig=", "sig=0");
    desk.browser.open(&forged);
    desk.browser.sees("There is no such approval");
    let late = desk.browser.complaints();
    assert!(late.iter().all(|it| it.contains("410") || it.contains("404")), "{late:?}");
    let second = desk.begin("shop/ask", json!({ "percent": 10 })).await;
    desk.open("/approvals");
    desk.browser.sees("Discount of 10 %");
    desk.browser.picture("approvals");
    desk.browser.click("Approve");
    desk.browser.sees("Nothing waits for an answer");
    desk.ended(&second).await;
    let outcome = desk.api(&format!("/api/v1/runs/{second}/action?path=Outcome")).await;
    assert_eq!(outcome["outputs"]["value"], "Approve", "{outcome}");
    // A page that is open shows what happens meanwhile.
    let third = desk.begin("shop/ask", json!({ "percent": 5 })).await;
    desk.open(&format!("/runs/{third}"));
    desk.browser.sees("Waits for");
    let client = reqwest::Client::new();
    let address = format!("{}/api/v1/approvals/{third}/Manager", desk.url);
    let body = json!({ "response": "Approve" }).to_string();
    let answer = client.post(address).header("content-type", "application/json").body(body);
    assert_eq!(answer.send().await.unwrap().status().as_u16(), 200);
    desk.browser.until("document.querySelector('h1 .badge.good')");
    desk.is_calm();
}

/// What runs as a script wherever a text becomes markup, an address, a style or a template.
const HOSTILE: [&str; 12] = [
    "<img src=x onerror=\"window.__ran=1;alert(1)\">",
    "<script>window.__ran=1;alert(1)</script>",
    "\"><svg onload=alert(1)>",
    "'><iframe src=javascript:alert(1)>",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    "{{constructor.constructor('alert(1)')()}}",
    "${alert(1)}",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
    "__proto__",
];

fn hostile_flow() -> String {
    let text = |at: usize| json!(HOSTILE[at]).to_string();
    let actions = HOSTILE.iter().enumerate().map(|(at, it)| {
        // Names hold no `#`, `/` or `%`, which addresses need.
        let name = json!(format!(
            "{at} {}",
            it.replace(['/', '#', '%'], "|").chars().take(60).collect::<String>()
        ));
        format!(
            "      - name: {name}\n        description: {}\n        compose: \"@triggerBody()\"\n",
            text(at)
        )
    });
    format!(
        "flow: {}\ndescription: {}\ntriggers:\n  - name: {}\n    manual:\n      inputs:\n        text: {{ type: string, title: {}, description: {} }}\n        more: {{ type: object }}\n    concurrency: {{ runs: 1, key: \"@triggerBody()?['text']\" }}\nactions:\n  - name: Group\n    scope:\n{}  - name: Fail\n    runAfter: {{ Group: [Succeeded] }}\n    if: {{ equals: [\"@triggerBody()?['text']\", nothing] }}\n    then: [{{ name: Not taken, compose: 1 }}]\n    else:\n      - name: Stop\n        terminate: {{ status: Failed, code: \"@triggerBody()?['text']\", message: \"@triggerBody()?['text']\" }}\n",
        text(0),
        text(1),
        text(2),
        text(3),
        text(4),
        actions.collect::<String>()
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_text_becomes_a_script() {
    let hostile = hostile_flow();
    let Some(mut desk) = Desk::start(&[("shop/hostile", &hostile)]).await else { return };
    let mut last = String::new();
    for text in HOSTILE {
        let mut more = json!({ "list": [text], "link": { "href": text } });
        more[text] = text.into();
        last = desk.run("shop/hostile", json!({ "text": text, "more": more })).await;
    }
    let flow = flow_page("shop/hostile");
    for page in [
        "/flows".to_owned(),
        flow.clone(),
        format!("{flow}/edit"),
        format!("{flow}/mappings"),
        format!("{flow}/versions"),
        "/runs".into(),
        format!(
            "/runs?key={}&error={}",
            "%3Cimg%20src=x%20onerror=alert(1)%3E", "javascript:alert(1)"
        ),
        "/connections".into(),
        "/activity".into(),
        format!("/runs/{last}"),
        format!("/runs/{last}?view=timeline"),
        format!("/runs/{last}?view=journal"),
        format!("/runs/{last}?action=%3Cscript%3Ealert(1)%3C/script%3E"),
        "/%3Cscript%3E".into(),
        "/runs/javascript:alert(1)".into(),
    ] {
        desk.open(&page);
        desk.browser.until(
            "document.querySelector('main .page') && ![...document.querySelectorAll('main .skeleton')].some((it) => it.getClientRects().length)",
        );
    }
    // An action and a run that do not exist were asked for.
    let found = desk.browser.complaints();
    let odd = found.iter().filter(|it| !it.contains("404"));
    assert_eq!(odd.collect::<Vec<_>>(), Vec::<&String>::new());
    desk.open(&flow);
    desk.browser.click("Run");
    desk.browser.until("document.querySelector('dialog form')");
    desk.open(&format!("/runs/{last}"));
    desk.browser.until("document.querySelectorAll('.card').length > 3");
    desk.browser.eval(
        "[...document.querySelectorAll('.fold[aria-expanded=false]')].forEach((it) => it.click())",
    );
    let cards = desk.browser.eval("document.querySelectorAll('button.card-main').length");
    for at in 0..cards.as_u64().unwrap() {
        desk.browser.eval(&format!("document.querySelectorAll('button.card-main')[{at}].click()"));
        desk.browser.until("document.querySelector('.detail h2')");
        desk.browser.eval(
            "document.querySelectorAll('.detail details').forEach((it) => { it.open = true; })",
        );
    }
    assert_eq!(desk.browser.eval("window.__ran ?? 0"), 0);
    assert_eq!(
        desk.browser.eval("document.querySelectorAll('main img, main script, main iframe').length"),
        0
    );
    // The policy holds whatever a page would do.
    desk.browser.eval("(() => { const it = document.createElement('script'); try { it.textContent = 'window.__ran = 2'; document.body.append(it); } catch { } })()");
    assert_eq!(desk.browser.eval("window.__ran ?? 0"), 0);
    desk.browser.until("window.__refused.some((it) => it.toLowerCase().includes('script'))");
}

const MANY: &str = "\
flow: Many
triggers:
  - name: Go
    manual: { inputs: { count: { type: integer, required: true } } }
actions:
  - name: For each
    foreach: \"@range(0, triggerBody()?['count'])\"
    concurrency: 20
    actions:
      - { name: Rest, compose: \"@mod(item(), 977)\" }
      - { name: Part, compose: \"@if(equals(outputs('Rest'), 976), div(1, 0), outputs('Rest'))\" }
";

/// However many passes a loop has, its page is as small and as quick.
#[allow(clippy::print_stderr, reason = "tells what it has measured")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_of_ten_thousand_passes() {
    let Some(mut desk) = Desk::start(&[("shop/many", MANY)]).await else { return };
    let id = desk.run("shop/many", json!({ "count": 10_000 })).await;
    desk.open(&format!("/runs/{id}"));
    desk.browser
        .until("document.querySelector('.strip-canvas') && document.querySelector('.pass .card')");
    let first =
        desk.browser.eval("performance.getEntriesByName('first-contentful-paint')[0].startTime");
    let shown = desk.browser.eval("performance.now()");
    eprintln!("10,000 passes: first paint after {first} ms, everything after at most {shown} ms");
    assert!(first.as_f64().unwrap() < 1_000.0, "{first}");
    let nodes = desk.browser.eval("document.querySelectorAll('*').length").as_u64().unwrap();
    assert!(nodes < 1_000, "{nodes}");
    assert_eq!(desk.browser.eval("document.querySelector('.pass-number').value"), "977");
    assert_eq!(
        desk.browser.eval("document.querySelector('.strip').getAttribute('aria-valuetext')"),
        "Iteration 977 of 10000, Failed"
    );
    desk.browser.picture("many");
    // By keyboard: the next one, the last one; then only those that failed.
    desk.browser.eval("document.querySelector('.strip').focus()");
    desk.browser.key("ArrowRight", 39);
    desk.browser.until("document.querySelector('.pass-number').value === '978'");
    desk.browser.key("End", 35);
    desk.browser.until("document.querySelector('.pass-number').value === '10,000'");
    desk.browser.press("[...document.querySelectorAll('.segment')].find((it) => it.textContent.startsWith('Failed'))");
    desk.browser.until("document.querySelector('.pass-number').value === '977'");
    desk.browser.click("Next iteration");
    desk.browser.until("document.querySelector('.pass-number').value === '1,954'");
    desk.browser.until("document.querySelector('.pass .card[data-path=\"For_each#1953/Part\"]')");
    desk.is_calm();
}

const ASK: &str = "\
flow: Ask
triggers: [{ name: Go, manual: {} }]
actions:
  - name: Manager
    approval: { title: Discount of 30 %, details: { customer: Contoso }, options: [Approve, Reject] }
";

/// Words that are broken or cut off: in lists, in the bar of pages, beside switches, in fields to choose from.
const CUT: &str = r"(() => {
  const context = document.createElement('canvas').getContext('2d');
  const shown = (selector) => [...document.querySelectorAll(selector)].filter((it) => it.getClientRects().length > 0);
  const isCut = (it) => {
    const style = getComputedStyle(it);
    context.font = style.font;
    return it.clientWidth < context.measureText(it.selectedOptions[0]?.textContent ?? '').width + parseFloat(style.paddingLeft) + 18;
  };
  const isBroken = (it) => it.scrollWidth > it.clientWidth || it.getBoundingClientRect().height > 24;
  const isTorn = (it) => it.getClientRects().length > 1;
  // Names in code may be broken anywhere, words only at their ends.
  const isSplit = (it) => {
    const texts = document.createTreeWalker(it, NodeFilter.SHOW_TEXT, (one) => one.parentElement.closest('code') ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
    while (texts.nextNode()) {
      for (const word of texts.currentNode.data.matchAll(/[\p{L}\p{N}]+/gu)) {
        const range = document.createRange();
        range.setStart(texts.currentNode, word.index);
        range.setEnd(texts.currentNode, word.index + word[0].length);
        if (range.getClientRects().length > 1) return true;
      }
    }
    return false;
  };
  return [...shown('.list td').filter(isSplit), ...shown('main select').filter(isCut), ...shown('.rail a span').filter(isBroken), ...shown('.switch-text, .timeline-axis span').filter(isTorn)].map((it) => it.outerHTML.slice(0, 120));
})()";

const SETTLED: &str = "document.querySelector('main .page') && ![...document.querySelectorAll('main .skeleton, dialog .skeleton')].some((it) => it.checkVisibility())";

/// A page, and what is pressed on it.
type Seen = (&'static str, String, Option<&'static str>);

/// Every page that there is, with panes and dialogs.
async fn everything(desk: &Desk) -> Vec<Seen> {
    let bad = desk.run("shop/order", json!({ "number": "A-1", "count": 2 })).await;
    let good = desk.run("shop/order", json!({ "number": "A-2", "count": 20 })).await;
    let many = desk.run("shop/many", json!({ "count": 1_000 })).await;
    let asks = desk.begin("shop/ask", json!({})).await;
    let (order, sync) = (flow_page("shop/order"), flow_page(SYNC));
    let run = |id: &str, rest: &str| format!("/runs/{id}{rest}");
    vec![
        ("flows", "/flows".to_owned(), None),
        ("flow", order.clone(), None),
        ("flow-large", sync.clone(), None),
        ("run-flow", order.clone(), Some("Run")),
        ("edit", format!("{order}/edit"), None),
        ("versions", format!("{order}/versions"), None),
        ("mappings", format!("{sync}/mappings"), None),
        (
            "mapping-large",
            format!("{sync}/mappings?file=referral-to-opportunity.mapping.yaml"),
            None,
        ),
        ("runs", "/runs".into(), None),
        ("runs-more", "/runs".into(), Some("More")),
        ("runs-none", "/runs?text=nowhere".into(), None),
        ("bulk", "/runs?status=Failed%2CTimedOut".into(), Some("Retry…")),
        ("between", "/runs?since=2026-01-01T00:00:00Z".into(), None),
        ("run-failed", run(&bad, ""), None),
        ("run-detail", run(&bad, "?action=Price"), None),
        ("run-handle", run(&bad, ""), Some("Mark as handled")),
        ("run-resubmit", run(&bad, ""), Some("Resubmit")),
        ("run-commands", run(&bad, "?view=journal"), Some("Command line")),
        ("run", run(&good, ""), None),
        ("run-loop", run(&many, ""), None),
        ("run-waits", run(&asks, ""), None),
        ("timeline", run(&bad, "?view=timeline"), None),
        ("journal", run(&bad, "?view=journal"), None),
        ("no-run", run("nobody", ""), None),
        ("approvals", "/approvals".into(), None),
        ("connections", "/connections".into(), None),
        ("activity", "/activity".into(), None),
    ]
}

/// Every page in both colours and three widths: nothing sticks out or is cut off, nothing complains, and
/// what axe finds with `FLOWRIGHT_AXE=<path of axe.min.js>`.
#[allow(clippy::print_stderr, reason = "says that it was left out")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_fit_and_can_be_read() {
    let flows = [("shop/order", ORDER), ("shop/many", MANY), ("shop/ask", ASK)];
    let Some(mut desk) = Desk::start(&flows).await else { return };
    let axe = std::env::var("FLOWRIGHT_AXE").ok().map(|it| fs::read_to_string(it).unwrap());
    if axe.is_none() {
        eprintln!("axe is skipped: FLOWRIGHT_AXE is not set");
    }
    let pages = everything(&desk).await;
    let mut faults = Vec::new();
    for (width, is_dark) in
        [(1366, false), (1366, true), (820, false), (820, true), (360, true), (360, false)]
    {
        desk.browser.resize(width, 800, is_dark);
        for (name, page, pressed) in &pages {
            desk.open(page);
            desk.browser.until(SETTLED);
            if let Some(pressed) = pressed {
                desk.browser.click(pressed);
                desk.browser.until(&format!(
                    "document.querySelector('dialog[open], .menu[open]') && {SETTLED}"
                ));
            }
            let place = format!("{name} at {width}{}", if is_dark { ", dark" } else { "" });
            let wide = desk.browser.eval("document.documentElement.scrollWidth");
            let out = desk.browser.eval("[...document.querySelectorAll('main *, dialog *')].filter((it) => it.checkVisibility() && it.getBoundingClientRect().right > innerWidth && !it.closest('.scroll-x, .code, .code-field')).slice(0, 5).map((it) => it.outerHTML.slice(0, 120))");
            if u64::from(width) < wide.as_u64().unwrap() {
                faults.push(format!("{place}: is {wide} wide: {out}"));
            }
            let cut = desk.browser.eval(CUT);
            if cut != json!([]) {
                faults.push(format!("{place}: cut off: {cut}"));
            }
            let file = format!("{name}-{width}{}", if is_dark { "-dark" } else { "" });
            desk.browser.picture(&file);
            if let Some(axe) = &axe {
                desk.browser.eval(axe);
                let found = desk.browser.eval("axe.run().then((it) => it.violations.map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 300)).join(' | ')}`))");
                if found != json!([]) {
                    faults.push(format!("{place}: {found}"));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    // One run that does not exist was asked for.
    let found = desk.browser.complaints();
    assert!(found.iter().all(|it| it.contains("404")), "{found:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_reached_by_keyboard() {
    let Some(mut desk) = Desk::start(&[("shop/order", ORDER)]).await else { return };
    desk.open(&flow_page("shop/order"));
    desk.browser.sees("New order");
    desk.browser.key("Tab", 9);
    assert_eq!(desk.browser.eval("document.activeElement.textContent"), "Skip to content");
    desk.browser.eval("window.__named('Run').focus()");
    desk.browser.key("Enter", 13);
    desk.browser.until("document.querySelector('dialog[open] input')");
    // The first field has the focus; Escape closes, and the focus is back.
    desk.browser.until("document.activeElement.tagName === 'INPUT'");
    desk.browser.key("Escape", 27);
    desk.browser.until("!document.querySelector('dialog')");
    desk.browser.until("document.activeElement.textContent === 'Run'");
    // Nothing that can be pressed is out of reach, and everything has a name.
    let unnamed = desk.browser.eval("[...document.querySelectorAll('button, a, input, select, textarea')].filter((it) => it.tabIndex < 0 || !(it.textContent.trim() || it.getAttribute('aria-label') || it.labels?.length)).map((it) => it.outerHTML)");
    assert_eq!(unnamed, json!([]));
    desk.is_calm();
}
