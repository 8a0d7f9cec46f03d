//! Headless Chromium, spoken to over a pair of pipes: no library, no port. It clicks and types as a person does.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use base::base64;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::service::PATIENCE;

/// Names that Chromium has on various systems.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// A browser with one tab.
pub(crate) struct Browser {
    child: Child,
    input: ChildStdin,
    answers: Receiver<Value>,
    session: String,
    last: u64,
    complaints: BTreeSet<String>,
    _profile: TempDir,
}

/// Looks at every page before its own scripts: what was refused by the policy, and functions for tests.
const PRELUDE: &str = r#"
window.__refused = [];
document.addEventListener('securitypolicyviolation', (it) => window.__refused.push(`${it.violatedDirective} ${it.blockedURI} ${it.sample}`));
window.__named = (text) => {
  const shown = (it) => it.getClientRects().length > 0 && !it.disabled;
  const dialog = [...document.querySelectorAll('dialog[open]')].pop();
  const all = [...(dialog ?? document).querySelectorAll('button,a,summary,input,select,textarea,[role=slider],label')].filter(shown);
  const label = (it) => it.getAttribute('aria-label') ?? (it.id && document.querySelector(`label[for="${it.id}"]`)?.textContent.replace(/ \*$/, ''));
  return all.find((it) => it.textContent.trim() === text && it.tagName !== 'LABEL') ?? all.find((it) => label(it) === text) ?? all.find((it) => it.textContent.trim() === text);
};
"#;

impl Browser {
    /// Starts Chromium; `None`, said on standard error, where there is none and none is required.
    #[allow(clippy::print_stderr, reason = "says that it was left out")]
    pub(crate) fn start(width: u32, height: u32) -> Option<Self> {
        let Some(program) = program() else {
            let is_required = std::env::var_os("FLOWRIGHT_REQUIRE_CHROMIUM").is_some();
            assert!(
                !is_required,
                "Chromium is not installed, and FLOWRIGHT_REQUIRE_CHROMIUM is set"
            );
            eprintln!("skipped: Chromium is not installed");
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        // Chromium reads commands from its file 3 and answers on 4.
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1"])
            .arg(program)
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            .args(["--remote-debugging-pipe", "--no-first-run", "--disable-extensions"])
            .args(["--disable-background-networking", "--disable-component-update"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (send, answers) = channel();
        std::thread::spawn(move || {
            for message in output.split(0).map_while(Result::ok) {
                let message = serde_json::from_slice(&message).unwrap();
                if send.send(message).is_err() {
                    return;
                }
            }
        });
        let (input, session) = (child.stdin.take().unwrap(), String::new());
        let complaints = BTreeSet::new();
        let mut it =
            Self { child, input, answers, session, last: 0, complaints, _profile: profile };
        let tab = it.ask("Target.createTarget", &json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": tab["targetId"], "flatten": true });
        let session = it.ask("Target.attachToTarget", &attach)["sessionId"].clone();
        session.as_str().unwrap().clone_into(&mut it.session);
        for method in ["Page.enable", "Runtime.enable", "Log.enable"] {
            it.ask(method, &json!({}));
        }
        it.ask("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": PRELUDE }));
        it.resize(width, height, false);
        Some(it)
    }

    /// The page in another size, light or dark.
    pub(crate) fn resize(&mut self, width: u32, height: u32, is_dark: bool) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.ask("Emulation.setDeviceMetricsOverride", &size);
        let scheme = if is_dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.ask("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    /// Asks the browser and waits for its answer.
    pub(crate) fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.last += 1;
        let mut message = json!({ "id": self.last, "method": method, "params": params });
        if !self.session.is_empty() {
            message["sessionId"] = self.session.as_str().into();
        }
        self.input.write_all(message.to_string().as_bytes()).unwrap();
        self.input.write_all(&[0]).unwrap();
        loop {
            let answer = self.answers.recv_timeout(PATIENCE);
            let mut answer = answer.unwrap_or_else(|_| panic!("no answer to {method}"));
            if answer["id"] == self.last {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].take();
            }
            self.note(&answer);
        }
    }

    /// What the browser says by itself.
    fn note(&mut self, event: &Value) {
        let params = &event["params"];
        let text = match event["method"].as_str().unwrap_or("") {
            "Runtime.exceptionThrown" => params["exceptionDetails"].to_string(),
            "Runtime.consoleAPICalled" if params["type"] == "error" => params["args"].to_string(),
            "Log.entryAdded" if params["entry"]["level"] == "error" => {
                format!("{} {}", params["entry"]["text"], params["entry"]["url"])
            }
            "Page.javascriptDialogOpening" => {
                self.last += 1;
                let accept = json!({ "id": self.last, "sessionId": self.session,
                    "method": "Page.handleJavaScriptDialog", "params": { "accept": true } });
                self.input.write_all(format!("{accept}\0").as_bytes()).unwrap();
                if params["type"] == "beforeunload" {
                    return;
                }
                format!("a script has run: {}", params["message"])
            }
            _ => return,
        };
        self.complaints.insert(text);
    }

    /// Errors of scripts and on the console, what the policy has refused, scripts that have run, since
    /// the last time.
    pub(crate) fn complaints(&mut self) -> BTreeSet<String> {
        let refused = self.eval("window.__refused ?? []");
        let refused = refused.as_array().into_iter().flatten().map(ToString::to_string);
        self.complaints.extend(refused);
        std::mem::take(&mut self.complaints)
    }

    /// The value of an expression in the page.
    pub(crate) fn eval(&mut self, expression: &str) -> Value {
        let params =
            json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let mut answer = self.ask("Runtime.evaluate", &params);
        assert!(
            answer["exceptionDetails"].is_null(),
            "{expression}: {}",
            answer["exceptionDetails"]
        );
        answer["result"]["value"].take()
    }

    /// Goes to an address as if it had been typed.
    pub(crate) fn open(&mut self, address: &str) {
        // Only what is behind `#` may differ, which loads nothing anew.
        self.ask("Page.navigate", &json!({ "url": "about:blank" }));
        self.ask("Page.navigate", &json!({ "url": address }));
        self.until("document.readyState === 'complete'");
    }

    /// Waits until an expression is true.
    pub(crate) fn until(&mut self, expression: &str) {
        let begun = Instant::now();
        loop {
            if self.eval(&format!("Boolean({expression})")) == true {
                return;
            }
            if PATIENCE < begun.elapsed() {
                let text = self.eval("document.body.innerText");
                self.picture("gave-up");
                panic!(
                    "`{expression}` does not come true; complaints: {:?}; the page: {text}",
                    self.complaints
                );
            }
            std::thread::sleep(Duration::from_millis(40));
        }
    }

    /// Waits until the page shows a text.
    pub(crate) fn sees(&mut self, text: &str) {
        self.until(&format!("document.body.innerText.includes({})", json!(text)));
    }

    /// Presses what is called so: a button, a link, a field.
    pub(crate) fn click(&mut self, name: &str) {
        let named = format!("window.__named({})", json!(name));
        self.until(&named);
        self.press(&named);
    }

    /// Presses the element that an expression gives.
    pub(crate) fn press(&mut self, element: &str) {
        let place = self.eval(&format!(
            "(async () => {{ const it = {element}; it.scrollIntoView({{ block: 'center' }}); \
             await new Promise(requestAnimationFrame); const box = it.getBoundingClientRect(); \
             return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({ "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1 });
            self.ask("Input.dispatchMouseEvent", &event);
        }
    }

    /// Puts a text into the place of what a field holds, and leaves it.
    pub(crate) fn fill(&mut self, name: &str, text: &str) {
        self.click(name);
        self.eval("document.activeElement.select()");
        self.ask("Input.insertText", &json!({ "text": text }));
        self.key("Tab", 9);
    }

    pub(crate) fn key(&mut self, name: &str, code: u32) {
        for kind in ["keyDown", "keyUp"] {
            let mut event =
                json!({ "type": kind, "key": name, "code": name, "windowsVirtualKeyCode": code });
            if name == "Enter" && kind == "keyDown" {
                event["text"] = "\r".into();
            }
            self.ask("Input.dispatchKeyEvent", &event);
        }
    }

    /// Keeps what is to be seen as `browser/<name>.png` in the target folder.
    pub(crate) fn picture(&mut self, name: &str) {
        let shot = self.ask("Page.captureScreenshot", &json!({ "format": "png" }));
        let bytes = base64::decode(shot["data"].as_str().unwrap()).unwrap();
        let here = std::env::current_exe().unwrap();
        let folder = here.ancestors().nth(3).unwrap().join("browser");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{name}.png")), bytes).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn program() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("FLOWRIGHT_CHROMIUM") {
        return Some(named.into());
    }
    let path = std::env::var_os("PATH")?;
    let mut all = std::env::split_paths(&path).flat_map(|it| NAMES.map(|name| it.join(name)));
    all.find(|it| it.is_file())
}
