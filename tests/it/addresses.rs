//! The addresses of triggers and the key that signs them, with the real binary.

use std::{fs, path::Path, process::Command};

use reqwest::Client;
use serde_json::Value;

use crate::{
    crash::{Process, free_port},
    support::service::flowright,
};

fn triggers(folder: &Path, args: &[&str]) -> String {
    let mut command = Command::new(flowright());
    command.arg("triggers").args(args).current_dir(folder);
    let output = command.env_remove("FLOWRIGHT_PROJECT").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The address of the flow's request trigger.
fn address(folder: &Path, port: u16) -> String {
    let url = format!("http://127.0.0.1:{port}");
    let listing = triggers(folder, &["list", "--json", "--public-url", &url]);
    let listing: Value = serde_json::from_str(&listing).unwrap();
    let all = listing.as_array().unwrap();
    assert_eq!((&all[1]["kind"], &all[1]["url"]), (&"recurrence".into(), &Value::Null));
    all[0]["url"].as_str().unwrap().to_owned()
}

async fn post(url: &str) -> u16 {
    Client::new().post(url).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn the_key_of_addresses_can_be_rotated() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::create_dir_all(folder.join("flows/order")).unwrap();
    fs::write(folder.join("flowright.yaml"), "flows: [flows]\n").unwrap();
    let flow = "flow: Order
triggers:
  - { name: Go, request: }
  - { name: Daily, recurrence: { frequency: Day, interval: 1 } }
actions: [{ name: Done, compose: 1 }]
";
    fs::write(folder.join("flows/order/flow.yaml"), flow).unwrap();
    let port = free_port();
    let first = address(folder, port);
    let process = Process::start(folder, port);
    assert_eq!(post(&first).await, 202);
    drop(process);

    triggers(folder, &["rotate-key"]);
    let second = address(folder, port);
    let process = Process::start(folder, port);
    assert_ne!(first, second);
    assert_eq!([post(&first).await, post(&second).await], [202, 202], "both for a while");
    drop(process);

    triggers(folder, &["rotate-key"]);
    let third = address(folder, port);
    let process = Process::start(folder, port);
    let answers = [post(&first).await, post(&second).await, post(&third).await];
    assert_eq!(answers, [401, 202, 202], "one key back");
    drop(process);

    triggers(folder, &["rotate-key", "--revoke"]);
    let fourth = address(folder, port);
    let _process = Process::start(folder, port);
    assert_eq!([post(&third).await, post(&fourth).await], [401, 202]);
}
