//! Connections as operators set them up: files that keep their comments, secrets that are kept
//! encrypted, logins in a browser and on another device, against a small OAuth service.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use base::{base64, digest::sha256};
use cli::environment_file::{NewConnection, Refused, with_connection};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::service::flowright;

fn new(name: &str) -> NewConnection {
    NewConnection {
        name: name.to_owned(),
        connector: None,
        auth: None,
        params: vec![("url".to_owned(), "https://${env:HOST}/a\"b".to_owned())],
    }
}

#[test]
fn files_keep_what_is_not_touched() {
    let lines = |indent: &str| {
        format!(
            "{indent}new:\n{indent}  params:\n{indent}    url: \"https://${{env:HOST}}/a\\\"b\"\n"
        )
    };
    let check = |before: &str, expected: &str| {
        assert_eq!(with_connection(before, &new("new"), false).unwrap(), expected, "{before}");
    };
    let two = lines("  ");
    check("", &format!("connections:\n{two}"));
    check("# only a comment", &format!("# only a comment\n\nconnections:\n{two}"));
    check(
        "parameters:\n  a: 1 # one\n",
        &format!("parameters:\n  a: 1 # one\n\nconnections:\n{two}"),
    );
    check("connections:\nparameters: {}\n", &format!("connections:\n{two}parameters: {{}}\n"));
    check("connections: {}\n", &format!("connections:\n{two}"));
    check(
        "connections:\n    # the first\n    a:\n        params: { x: 1 } # kept\n# end\nparameters: {}\n",
        &format!(
            "connections:\n    # the first\n    a:\n        params: {{ x: 1 }} # kept\n{}# end\nparameters: {{}}\n",
            lines("    ")
        ),
    );
    check(
        "connections:\n  a:\n    connector: b",
        &format!("connections:\n  a:\n    connector: b\n{two}"),
    );
    check(
        "connections:\n  a:\n    params:\n      key: |\n        -----BEGIN\n        x\n\n  # two\n  b: { params: {} }\n",
        &format!(
            "connections:\n  a:\n    params:\n      key: |\n        -----BEGIN\n        x\n\n  # two\n  b: {{ params: {{}} }}\n{two}"
        ),
    );
    let before = "connections:\n  a: {} # a\n  new: # old\n    connector: x\n  b: {} # b\n";
    assert_eq!(with_connection(before, &new("new"), false), Err(Refused::Exists));
    assert_eq!(
        with_connection(before, &new("new"), true).unwrap(),
        format!("connections:\n  a: {{}} # a\n{two}  b: {{}} # b\n")
    );
    for by_hand in ["connections: { a: {} }\n", "{ parameters: {} }\n"] {
        assert_eq!(with_connection(by_hand, &new("new"), false), Err(Refused::ByHand), "{by_hand}");
    }
    let faulty = with_connection("conections: {}\n", &new("new"), false);
    assert!(matches!(faulty, Err(Refused::Faulty(_))), "{faulty:?}");
}

/// A service with a token service beside it.
struct Service {
    origin: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Refresh tokens in the order they were used.
    used: Vec<String>,
    given: usize,
    polls: usize,
    /// Challenge and redirect of codes.
    codes: BTreeMap<String, (String, String)>,
    /// What `GET /me` was asked with.
    proofs: Vec<String>,
}

impl Service {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                thread::spawn(move || answer(stream, &state));
            }
        });
        Self { origin, state }
    }
}

fn answer(mut stream: TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    if reader.read_line(&mut line).unwrap_or(0) == 0 {
        return;
    }
    let (mut length, mut proof) = (0, String::new());
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let header = header.trim();
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(": ").unwrap();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "authorization" | "x-key" => value.clone_into(&mut proof),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let target = line.split(' ').nth(1).unwrap().to_owned();
    let (status, extra, body) = route(&target, &proof, &String::from_utf8(body).unwrap(), state);
    let text = body.to_string();
    let head = format!(
        "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\n{extra}content-length: {}\r\nconnection: close\r\n\r\n",
        text.len()
    );
    stream.write_all(format!("{head}{text}").as_bytes()).unwrap();
}

fn form(text: &str) -> BTreeMap<String, String> {
    let decode = |text: &str| {
        let mut bytes = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            if byte == b'%' {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                let digits = std::str::from_utf8(&digits).unwrap();
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
            } else {
                bytes.push(byte);
            }
        }
        String::from_utf8(bytes).unwrap()
    };
    let pairs = text.split('&').filter_map(|it| it.split_once('='));
    pairs.map(|(name, value)| (decode(name), decode(value))).collect()
}

fn route(target: &str, proof: &str, body: &str, state: &Mutex<State>) -> (u16, String, Value) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (query, body) = (form(query), form(body));
    let mut state = state.lock().unwrap();
    let refused = |code: &str| (400, String::new(), json!({ "error": code }));
    match path {
        "/me" => {
            state.proofs.push(proof.to_owned());
            let good =
                proof == "k1" || proof == "k2" || proof == format!("Bearer access-{}", state.given);
            (if good { 200 } else { 401 }, String::new(), json!({ "name": "me" }))
        }
        "/authorize" => {
            assert_eq!(query["response_type"], "code");
            assert_eq!(query["code_challenge_method"], "S256");
            assert_eq!((query["client_id"].as_str(), query["scope"].as_str()), ("app", "a b"));
            let code = format!("code-{}", state.codes.len());
            let kept = (query["code_challenge"].clone(), query["redirect_uri"].clone());
            state.codes.insert(code.clone(), kept);
            let to = format!("{}?code={code}&state={}", query["redirect_uri"], query["state"]);
            (302, format!("location: {to}\r\n"), json!({}))
        }
        "/device" => {
            let device = json!({ "device_code": "D", "user_code": "WXYZ", "interval": 1,
                                 "verification_uri": "https://v.example", "expires_in": 60 });
            (200, String::new(), device)
        }
        "/token" => {
            assert_eq!(body["client_id"], "app");
            match body["grant_type"].as_str() {
                "authorization_code" => {
                    let Some((challenge, redirect)) = state.codes.remove(&body["code"]) else {
                        return refused("invalid_grant");
                    };
                    let digest = base64::encode_url(&sha256(body["code_verifier"].as_bytes()));
                    if digest != challenge || redirect != body["redirect_uri"] {
                        return refused("invalid_grant");
                    }
                }
                "urn:ietf:params:oauth:grant-type:device_code" => {
                    state.polls += 1;
                    if state.polls < 3 {
                        return refused("authorization_pending");
                    }
                }
                "refresh_token" => {
                    let expected = format!("refresh-{}", state.given);
                    if body["refresh_token"] != expected {
                        return refused("invalid_grant");
                    }
                    state.used.push(body["refresh_token"].clone());
                }
                other => return refused(other),
            }
            state.given += 1;
            let token = json!({ "access_token": format!("access-{}", state.given),
                                "refresh_token": format!("refresh-{}", state.given), "expires_in": 3600 });
            (200, String::new(), token)
        }
        _ => (404, String::new(), json!({})),
    }
}

const CONNECTOR: &str = r#"connector: svc
version: 1.0.0
connection:
  params:
    url: { type: uri, required: true }
    clientId: { type: string, default: app }
    apiKey: { type: secret, description: the key }
  auth:
    oneOf:
      - { name: key, type: apiKey, header: X-Key }
      - name: person
        type: oauth2
        grant: authorizationCode
        authorizeUrl: "@{connection('url')}/authorize"
        tokenUrl: "@{connection('url')}/token"
        scope: a b
      - name: device
        type: oauth2
        grant: deviceCode
        deviceUrl: "@{connection('url')}/device"
        tokenUrl: "@{connection('url')}/token"
  test: { operation: Me }
http: { baseUrl: "@connection('url')" }
operations:
  Me: { effect: read, request: GET /me }
"#;

const ENVIRONMENT: &str = "# The values of this environment.\nparameters:\n  a: 1 # one\n";

fn project() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(
        "flowright.yaml",
        "flows: [flows]\nconnectors: [connectors]\nenvironments: environments\nenvironment: dev\n",
    );
    write("connectors/svc/connector.yaml", CONNECTOR);
    write("environments/dev.yaml", ENVIRONMENT);
    folder
}

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(flowright());
    for name in ["FLOWRIGHT_PROJECT", "FLOWRIGHT_ENVIRONMENT", "FLOWRIGHT_SECRET_KEY"] {
        command.env_remove(name);
    }
    command.arg("connections").args(args).current_dir(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Exit code, standard output and error of a command that is given some lines.
fn run(folder: &Path, args: &[&str], input: &str) -> (i32, String, String) {
    let mut child = command(folder, args).spawn().unwrap();
    // A command that asks for nothing may be gone already.
    child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
    ended(child)
}

fn ended(child: Child) -> (i32, String, String) {
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Adds a connection that is told by its way.
fn add(folder: &Path, service: &Service, way: &str, input: &str) {
    let url = format!("url={}", service.origin);
    let args = ["add", way, "--connector", "svc", "--auth", way, "--set", &url];
    let (code, _, err) = run(folder, &args, input);
    assert_eq!(code, 0, "{err}");
}

#[test]
fn connections_are_added_tested_and_their_secrets_replaced() {
    let (project, service) = (project(), Service::start());
    let folder = project.path();
    add(folder, &service, "key", "apiKey=k1\n");
    let text = fs::read_to_string(folder.join("environments/dev.yaml")).unwrap();
    let expected = format!(
        "{ENVIRONMENT}\nconnections:\n  key:\n    connector: \"svc\"\n    auth: \"key\"\n    params:\n      \
         url: \"{}\"\n      apiKey: \"${{secret:key.apiKey}}\"\n",
        service.origin
    );
    assert_eq!(text, expected);
    for name in ["secrets", "secret.key"] {
        let path = folder.join(".flowright").join(name);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
    let (code, out, err) = run(folder, &["test", "key"], "");
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.starts_with("works: `Me` answered 200 ("), "{out}");
    assert_eq!(service.state.lock().unwrap().proofs, ["k1"]);

    assert_eq!(run(folder, &["rotate", "key", "apiKey"], "apiKey=wrong\n").0, 0);
    let (code, out, _) = run(folder, &["test", "key"], "");
    assert_eq!(code, 1);
    assert!(out.starts_with("does not work: Unauthorized: "), "{out}");
    assert_eq!(run(folder, &["rotate", "key", "apiKey"], "apiKey=k2\n").0, 0);
    let key = fs::read(folder.join(".flowright/secret.key")).unwrap();
    assert_eq!(run(folder, &["rotate", "--key"], "").0, 0);
    assert_ne!(fs::read(folder.join(".flowright/secret.key")).unwrap(), key);
    let (code, out, _) = run(folder, &["test", "key", "--output", "json"], "");
    let shown: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &shown["works"], &shown["code"]), (0, &json!(true), &json!(null)));
    let (code, out, _) = run(folder, &["list", "--output", "json"], "");
    let shown: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, shown),
        (
            0,
            json!([{ "name": "key", "connector": "svc", "auth": "apiKey", "grant": null,
                     "loggedIn": null, "usable": true, "problem": null }])
        )
    );
}

#[test]
fn mistakes_change_nothing() {
    let project = project();
    let folder = project.path();
    let check = |args: &[&str], input: &str, expected: &str| {
        let (code, out, err) = run(folder, args, input);
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(err.contains(expected), "{err}");
        assert_eq!(fs::read_to_string(folder.join("environments/dev.yaml")).unwrap(), ENVIRONMENT);
        assert!(!folder.join(".flowright").exists());
    };
    let good = "url=https://x.example";
    check(&["add", "svd", "--set", good], "", "has no connector `svd`; did you mean `svc`?");
    check(
        &["add", "svc", "--set", good, "--set", "apiKey=k"],
        "",
        "everybody on this machine could read",
    );
    check(
        &["add", "svc", "--set", "ulr=x"],
        "",
        "no connection parameter `ulr`; did you mean `url`?",
    );
    check(&["add", "svc"], "", "`url` is missing: give it with `--set url=…`");
    check(&["add", "svc", "--set", "url=ftp://x"], "", "must be an absolute http or https address");
    check(&["add", "svc", "--set", good, "--auth", "other"], "", "it has key, person, device");
    check(&["add", "svc", "--set", good], "apiKey", "lines `name=value`");
    check(&["add", "svc", "--set", good], "key=k\n", "no connection parameter `key`");
    check(&["test", "crm"], "", "the environment has no connection `crm`");
    check(&["rotate", "crm", "x"], "", "the environment has no connection `crm`");
    check(&["rotate", "crm"], "", "PARAM");
    check(&["list", "--environment", "prod"], "", "there is no environment `prod`");
}

#[test]
fn lint_knows_the_ways_to_prove_who_asks() {
    let project = project();
    let file = project.path().join("environments/dev.yaml");
    let lint = |auth: &str| {
        let text = format!(
            "connections:\n  svc:\n    auth: {auth}\n    params: {{ url: \"https://x.example\" }}\n"
        );
        fs::write(&file, text).unwrap();
        let mut command = Command::new(flowright());
        command.env_remove("FLOWRIGHT_ENVIRONMENT").current_dir(project.path());
        let output = command.args(["lint", "--output-format", "concise"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(lint("person"), "");
    let found = lint("persona");
    assert!(found.contains("environments/dev.yaml:3:11"), "{found}");
    assert!(found.contains("`svc` has no way `persona` to prove who asks"), "{found}");
}

#[test]
fn somebody_agrees_in_a_browser() {
    let (project, service) = (project(), Service::start());
    let folder = project.path();
    add(folder, &service, "person", "");
    let (code, out, _) = run(folder, &["list"], "");
    assert_eq!(code, 1);
    assert!(
        out.contains("nobody has logged in; run `flowright connections login person`"),
        "{out}"
    );
    let (code, out, _) = run(folder, &["test", "person"], "");
    assert_eq!(code, 1);
    assert!(out.starts_with("does not work: LoginRequired: "), "{out}");

    let mut child = command(folder, &["login", "person"]).spawn().unwrap();
    let mut url = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut url).unwrap();
    let location = browse(url.trim()).1.expect("the service sends the browser on");
    assert!(location.starts_with("http://127.0.0.1:"), "{location}");
    let (place, query) = location.split_once('?').unwrap();
    // What comes with another state, from elsewhere or twice is not the browser that was sent.
    let origin = place.strip_suffix("/callback").unwrap();
    for (target, expected) in [
        (format!("{place}?code=stolen&state=guess"), "HTTP/1.1 400 "),
        (format!("{place}?code=stolen"), "HTTP/1.1 400 "),
        (format!("{place}?{query}&state=again"), "HTTP/1.1 400 "),
        (format!("{origin}/favicon.ico"), "HTTP/1.1 404 "),
    ] {
        let status = browse(&target).0;
        assert!(status.starts_with(expected), "{target}: {status}");
    }
    assert!(browse(&location).0.starts_with("HTTP/1.1 200 "));
    let (code, _, err) = ended(child);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("`person` is logged in"), "{err}");

    // Each process goes on with the refresh token that the one before was given.
    for _ in 0..3 {
        let (code, out, err) = run(folder, &["test", "person"], "");
        assert_eq!((code, err.as_str()), (0, ""), "{out}");
    }
    assert_eq!(service.state.lock().unwrap().used, ["refresh-1", "refresh-2", "refresh-3"]);
    let sealed = fs::read_to_string(folder.join(".flowright/secrets")).unwrap();
    assert!(!sealed.contains("refresh"), "{sealed}");
    assert_eq!(run(folder, &["list"], "").0, 0);
}

#[test]
fn somebody_declines() {
    let (project, service) = (project(), Service::start());
    add(project.path(), &service, "person", "");
    let mut child = command(project.path(), &["login", "person"]).spawn().unwrap();
    let mut url = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let asked = form(url.trim().split_once('?').unwrap().1);
    let (redirect, state) = (&asked["redirect_uri"], &asked["state"]);
    let told = browse(&format!(
        "{redirect}?error=access_denied&error_description=not%20today%0d%0aX&state={state}"
    ));
    assert!(told.0.starts_with("HTTP/1.1 200 "), "{}", told.0);
    let (code, _, err) = ended(child);
    assert_eq!(code, 1);
    assert!(err.contains("the login was declined (access_denied): not todayX"), "{err}");
    let (code, _, err) =
        run(project.path(), &["login", "person", "--redirect", "https://evil.example/"], "");
    assert_eq!(code, 2);
    assert!(err.contains("is not an address of this machine"), "{err}");
}

#[test]
fn somebody_agrees_on_another_device() {
    let (project, service) = (project(), Service::start());
    let folder = project.path();
    add(folder, &service, "device", "");
    let (code, out, err) = run(folder, &["login", "device"], "");
    assert_eq!((code, out.as_str()), (0, "https://v.example WXYZ\n"), "{err}");
    assert_eq!(service.state.lock().unwrap().polls, 3);
    assert_eq!(run(folder, &["test", "device"], "").0, 0);
    add(folder, &service, "key", "apiKey=k1\n");
    let (code, _, err) = run(folder, &["login", "key"], "");
    assert_eq!(code, 2);
    assert!(err.contains("connection `key` needs no login"), "{err}");
}

/// Asks as a browser does: the status line, and where it is sent on.
fn browse(url: &str) -> (String, Option<String>) {
    let (host, target) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "GET /{target} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let location = text.lines().find_map(|it| it.strip_prefix("location: ")).map(str::to_owned);
    (text.lines().next().unwrap_or_default().to_owned(), location)
}
