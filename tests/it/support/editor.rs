//! An editor: speaks the language server protocol with a program over its standard input and output.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// How long an answer may take on a machine that does other things as well.
const PATIENCE: Duration = Duration::from_mins(1);

/// An editor and its language server.
pub(crate) struct Editor {
    child: Child,
    to_server: Option<ChildStdin>,
    messages: Receiver<Value>,
    next_id: u64,
    /// What the server wants to know of the editor's configuration.
    pub(crate) settings: Value,
    /// The findings that were told last, by address.
    pub(crate) findings: BTreeMap<String, Vec<Value>>,
    /// What the server can do.
    pub(crate) capabilities: Value,
}

impl Editor {
    /// Starts a server and greets it.
    pub(crate) fn start(mut command: Command, settings: Value) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let to_server = child.stdin.take();
        let mut from_server = BufReader::new(child.stdout.take().unwrap());
        let (sender, messages) = channel();
        thread::spawn(move || {
            loop {
                let mut length = 0;
                loop {
                    let mut line = String::new();
                    if from_server.read_line(&mut line).unwrap_or(0) == 0 {
                        return;
                    }
                    let line = line.trim();
                    if line.is_empty() {
                        break;
                    }
                    if let Some(number) = line.strip_prefix("Content-Length: ") {
                        length = number.parse().unwrap();
                    }
                }
                let mut body = vec![0; length];
                if from_server.read_exact(&mut body).is_err()
                    || sender.send(serde_json::from_slice(&body).unwrap()).is_err()
                {
                    return;
                }
            }
        });
        let (findings, capabilities) = (BTreeMap::new(), Value::Null);
        let mut editor =
            Self { child, to_server, messages, next_id: 0, settings, findings, capabilities };
        let params = json!({ "processId": std::process::id(), "rootUri": null, "capabilities": {
            "workspace": { "configuration": true },
            "textDocument": { "completion": { "completionItem": { "snippetSupport": true } } },
        }});
        let greeting = editor.ask("initialize", &params);
        editor.capabilities = greeting["capabilities"].clone();
        editor.tell("initialized", &json!({}));
        editor
    }

    fn send(&mut self, message: &Value) {
        let body = message.to_string();
        let stream = self.to_server.as_mut().unwrap();
        write!(stream, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        stream.flush().unwrap();
    }

    /// Tells the server something.
    pub(crate) fn tell(&mut self, method: &str, params: &Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// The whole answer, or the error as `{error}`.
    pub(crate) fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.next_id += 1;
        let id = self.next_id;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            let message = self.receive(PATIENCE).unwrap_or_else(|| panic!("no answer to {method}"));
            if message["id"] == id && message.get("method").is_none() {
                return match message.get("error") {
                    Some(error) => json!({ "error": error }),
                    None => message["result"].clone(),
                };
            }
        }
    }

    /// Takes one message; what the server asks is answered, what it finds is kept.
    fn receive(&mut self, patience: Duration) -> Option<Value> {
        let message = self.messages.recv_timeout(patience).ok()?;
        if let (Some(method), Some(id)) = (message["method"].as_str(), message.get("id")) {
            let result = match method {
                "workspace/configuration" => {
                    let items = message["params"]["items"].as_array().unwrap().iter();
                    items
                        .map(|it| self.settings[it["section"].as_str().unwrap_or("")].clone())
                        .collect()
                }
                _ => Value::Null,
            };
            self.send(&json!({ "jsonrpc": "2.0", "id": id, "result": result }));
        } else if message["method"] == "textDocument/publishDiagnostics" {
            let uri = message["params"]["uri"].as_str().unwrap().to_owned();
            let found = message["params"]["diagnostics"].as_array().unwrap().clone();
            self.findings.insert(uri, found);
        }
        Some(message)
    }

    /// Waits until the findings of a file are as they are wanted.
    pub(crate) fn wait_for(&mut self, uri: &str, wanted: impl Fn(&[Value]) -> bool) {
        let end = Instant::now() + PATIENCE;
        loop {
            if self.findings.get(uri).is_some_and(|it| wanted(it)) {
                return;
            }
            let left = end.saturating_duration_since(Instant::now());
            let got = self.receive(left);
            assert!(got.is_some(), "the findings stay {:?}", self.findings.get(uri));
        }
    }

    /// Opens a file.
    pub(crate) fn open(&mut self, uri: &str, text: &str) {
        let document = json!({ "uri": uri, "languageId": "yaml", "version": 1, "text": text });
        self.tell("textDocument/didOpen", &json!({ "textDocument": document }));
    }

    /// What is asked about a position.
    pub(crate) fn at(&mut self, method: &str, uri: &str, (line, column): (usize, usize)) -> Value {
        let mut params = json!({
            "textDocument": { "uri": uri },
            "position": { "line": line, "character": column },
        });
        if method == "textDocument/references" {
            params["context"] = json!({ "includeDeclaration": true });
        }
        self.ask(method, &params)
    }

    /// Says goodbye; the server has to leave by itself.
    pub(crate) fn leave(mut self) -> i32 {
        self.ask("shutdown", &Value::Null);
        self.tell("exit", &Value::Null);
        drop(self.to_server.take());
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        drop(self.child.kill());
    }
}
