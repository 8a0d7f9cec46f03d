//! Clients that others wrote, against the emulators over TLS: the independent witnesses.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::CHAIN;
use crate::{Options, Running, start};

/// Names the folder the clients are installed in, and by that asks for this test.
const FOLDER: &str = "FLOWRIGHT_CLIENTS";
const SCRIPTS: &[&str] =
    &["jsforce.js", "dynamics_web_api.js", "simple_salesforce_client.py", "dataverse_client.py"];

#[tokio::test(flavor = "multi_thread")]
async fn real_clients_are_content() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        eprintln!("skipped: {FOLDER} names no folder to install npm and pip packages in");
        return;
    };
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
    install(&folder, &scripts);
    let options = Options { tls: true, signing: Some(CHAIN.clone()), ..Options::default() };
    let running = start(options).await.unwrap();
    let environment = environment(&running, &folder);
    let mut failed = Vec::new();
    for script in SCRIPTS {
        let node = Path::new(script).extension().is_some_and(|it| it == "js");
        let program = if node { "node".into() } else { folder.join("venv/bin/python") };
        let mut command = Command::new(program);
        command.arg(scripts.join(script)).envs(environment.clone());
        let done = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        eprint!("{}", String::from_utf8_lossy(&done.stdout));
        if !done.status.success() {
            failed.push(format!("{script}: {}", String::from_utf8_lossy(&done.stderr)));
        }
    }
    running.stop();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Gets the packages from their registries, unless they are there already.
fn install(folder: &Path, scripts: &Path) {
    fs::create_dir_all(folder).unwrap();
    fs::copy(scripts.join("package.json"), folder.join("package.json")).unwrap();
    run(Command::new("npm").args(["install", "--no-fund", "--no-audit"]).current_dir(folder));
    if !folder.join("venv/bin/python").exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(folder.join("venv")));
    }
    let list = scripts.join("requirements.txt");
    run(Command::new(folder.join("venv/bin/pip")).args(["install", "-q", "-r"]).arg(list));
}

fn run(command: &mut Command) {
    let done = command.output().unwrap();
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}

fn environment(running: &Running, folder: &Path) -> Vec<(&'static str, String)> {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let authority = write("authority.pem", running.tls_root_pem().unwrap());
    let org = running.salesforce.credentials();
    let tenant = running.dataverse.credentials();
    vec![
        ("NODE_PATH", folder.join("node_modules").display().to_string()),
        ("NODE_EXTRA_CA_CERTS", authority.clone()),
        ("REQUESTS_CA_BUNDLE", authority),
        ("SALESFORCE_URL", running.salesforce.url().to_owned()),
        ("SALESFORCE_CLIENT_ID", org.client_id.clone()),
        ("SALESFORCE_CLIENT_SECRET", org.client_secret.clone()),
        ("SALESFORCE_REFRESH_TOKEN", org.refresh_token.clone()),
        ("SALESFORCE_USERNAME", org.username.clone()),
        ("SALESFORCE_PASSWORD", org.password.clone()),
        ("SALESFORCE_SECURITY_TOKEN", org.security_token.clone()),
        ("SALESFORCE_KEY_FILE", write("app.key.pem", &running.salesforce.private_key_pem())),
        ("DATAVERSE_URL", running.dataverse.url().to_owned()),
        ("MICROSOFT_TENANT_ID", tenant.tenant_id.clone()),
        ("MICROSOFT_CLIENT_ID", tenant.client_id.clone()),
        ("MICROSOFT_CLIENT_SECRET", tenant.client_secret.clone()),
    ]
}
