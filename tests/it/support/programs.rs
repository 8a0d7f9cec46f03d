//! Connector programs of the tests, and projects that have them.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use base::{Outcome, Timestamp};
use connector::{Call, Connection};
use http_client::{Client, InvokeOptions};
use process_host::Host;
use serde_json::{Value, json};
use worker::{Clock as _, Project, SystemClock, programs::DESCRIPTION_FILE};

use super::service::{NoSecrets, root};

/// Whether there is a Python to run the programs with; says so if not.
#[allow(clippy::print_stderr, reason = "says that it was left out")]
pub(crate) fn has_python() -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).any(|it| it.join("python3").is_file());
    if !found {
        eprintln!("left out: there is no `python3` to run a connector's program with");
    }
    found
}

/// A host with the environment of the tests.
pub(crate) fn host() -> Host {
    let environment: BTreeMap<String, String> = env::vars().collect();
    Host::new(process_host::Options { environment, version: "0" })
}

/// A client whose programs are those of a host.
pub(crate) fn client(host: &Host) -> Client {
    let programs: Option<Arc<dyn connector::program::Programs>> = Some(Arc::new(host.clone()));
    Client::new(http_client::Options { programs, ..http_client::Options::default() }).unwrap()
}

/// The secret of the connections of the tests.
pub(crate) const PASSWORD: &str = "correct horse";

/// A project in a folder of its own, with one connector that is a program.
pub(crate) struct Stage {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) host: Host,
    pub(crate) client: Client,
    pub(crate) connection: Arc<Connection>,
}

impl Stage {
    /// With `odd.py`, started with these variables; `more` is appended to the connector's file.
    pub(crate) fn odd(variables: &[(&str, &str)], more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        odd(folder.path(), variables, more);
        Self::of(folder, "odd")
    }

    /// A project that is there, with the connection of that name.
    pub(crate) fn of(folder: tempfile::TempDir, name: &str) -> Self {
        let host = host();
        let client = client(&host);
        let project = Project::load(folder.path(), None).unwrap();
        let connection =
            Arc::clone(project.connections(&NoSecrets).0[name].connection.as_ref().unwrap());
        Self { folder, host, client, connection }
    }

    /// What the program has written down.
    pub(crate) fn log(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.path().join("odd.log")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    pub(crate) async fn call(&self, operation: &str, inputs: Value) -> Outcome {
        self.call_as(operation, inputs, "run:path").await
    }

    pub(crate) async fn call_as(&self, operation: &str, inputs: Value, key: &str) -> Outcome {
        let operation = self.connection.connector.operation(operation).unwrap();
        let call = Call {
            inputs: &inputs,
            idempotency_key: key,
            now: Timestamp::parse("2026-03-02T09:30:00Z").unwrap(),
            seed: 0,
            link: None,
            callback_url: None,
        };
        let options = InvokeOptions { attempt: 2, ..InvokeOptions::default() };
        self.client.invoke(&self.connection, operation, &call, options).await
    }
}

/// Writes a project with `odd.py` into a folder, described as the program describes itself.
pub(crate) fn odd(folder: &Path, variables: &[(&str, &str)], more: &str) {
    let program = root().join("tests/data/programs/odd.py");
    let log = folder.join("odd.log");
    let mut variables = variables.to_vec();
    let log = log.display().to_string();
    variables.push(("ODD_LOG", &log));
    let variables: serde_json::Map<String, Value> =
        variables.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    let connector = format!(
        "connector: odd\nversion: 1.0.0\nkind: process\ncommand: [python3, -u, {program}]\n\
         env: {env}\nconnection: {{ params: {{ password: {{ type: secret, required: true }}, \
         place: {{ type: string, default: here }} }} }}\n{more}",
        program = json!(program),
        env = Value::Object(variables),
    );
    let described = fs::read_to_string(root().join("tests/data/programs/odd.describe.json"));
    project(folder, "odd", &connector, described.ok().as_deref());
    let environment = format!(
        "connections: {{ odd: {{ connector: odd, params: {{ password: {PASSWORD} }} }} }}\n"
    );
    fs::write(folder.join("environments/test.yaml"), environment).unwrap();
}

/// Writes a project with one connector into a folder.
pub(crate) fn project(folder: &Path, name: &str, connector: &str, described: Option<&str>) {
    let home = folder.join("connectors").join(name);
    fs::create_dir_all(&home).unwrap();
    fs::create_dir_all(folder.join("flows")).unwrap();
    fs::create_dir_all(folder.join("environments")).unwrap();
    let settings = "environments: environments\nenvironment: test\n";
    fs::write(folder.join("flowright.yaml"), settings).unwrap();
    fs::write(home.join("connector.yaml"), connector).unwrap();
    if let Some(described) = described {
        fs::write(home.join(DESCRIPTION_FILE), described).unwrap();
    }
    let environment = format!("connections: {{ {name}: {{ connector: {name} }} }}\n");
    fs::write(folder.join("environments/test.yaml"), environment).unwrap();
}

/// Asks a connector's program what it can do, and keeps that as the command line does.
pub(crate) async fn describe(folder: &Path, name: &str) -> Value {
    let host = host();
    let project = Project::load(folder, None).unwrap();
    let connections = project.connections(&NoSecrets);
    let connection = connections.0[name].connection.as_ref().unwrap();
    let now = SystemClock::default().now();
    let described = client(&host).describe(connection, now).await.unwrap();
    let file: PathBuf = folder.join("connectors").join(name).join(DESCRIPTION_FILE);
    fs::write(file, described.to_string()).unwrap();
    host.shutdown().await;
    described
}
