//! Runs the emulators for demos, clients and tests in other languages, until Ctrl-C.
#![allow(clippy::print_stderr, reason = "this binary talks to a person")]

use std::fmt::Display;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use emulators::{Chaos, Clock, Options, Running, start};
use serde_json::{Value, json};

const HELP: &str = "\
Local emulators of Partner Center, Dataverse and Salesforce. Nothing reaches the real services.

usage: cargo run -p emulators -- [options]

  --partner-center PORT   where Partner Center listens (8071); 0 takes a free port
  --dataverse PORT        where Dataverse listens (8072)
  --salesforce PORT       where Salesforce listens (8073)
  --tls                   speak HTTPS, under an authority made at every start
  --ca-file FILE          with --tls: write that authority's certificate there, for your client
  --key-file FILE         write the private key of the Salesforce app there, for the JWT grant
  --clock INSTANT         stand still at this time, such as 2026-03-01T08:00:00Z
  --chaos SEED:PERCENT    let that many of a hundred requests and deliveries suffer a fault; the
                          same seed and the same requests give the same faults
  --json                  print addresses and credentials as one line of JSON
  --help                  this text

Every listener has a page at / with its records and the last requests, and these routes:

  GET    /_emulator/records              the whole state
  GET    /_emulator/requests             every request, without secrets
  GET    /_emulator/deliveries           every notification, with its attempts
  GET    /_emulator/clock                the time
  POST   /_emulator/clock                {\"advance\": \"P14D\"}
  POST   /_emulator/faults               {\"kind\": \"throttle\", \"pathPrefix\": \"/api\", \"count\": 2,
                                          \"retryAfterSeconds\": 3}; kinds: throttle, status, delay,
                                          reset, loseReply
  POST   /_emulator/mishaps              {\"kind\": \"duplicate\", \"event\": \"referral-\"};
                                          kinds: duplicate, reorder, lose
  POST   /_emulator/chaos                {\"seed\": 7, \"percent\": 10}; DELETE ends it
  POST   /_emulator/redeliver/0          a notification once more, byte for byte

What somebody else does in the service:

  POST   /_emulator/referrals            Partner Center: Microsoft shares a deal
  PATCH  /_emulator/referrals/ID         Partner Center: Microsoft changes it
  POST   /_emulator/records/SET          Dataverse and Salesforce: a colleague writes a record
  DELETE /_emulator/records/SET/ID       Dataverse and Salesforce: a colleague deletes it
  POST   /_emulator/sessions/expire      Salesforce: every session ends
  POST   /_emulator/limits               Salesforce: {\"left\": 3} requests are left today

tests/emulators/README.md says what is emulated and how faithfully.";

/// What the command line asks for.
struct Asked {
    options: Options,
    chaos: Option<Chaos>,
    ca_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
    json: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|it| it == "--help" || it == "-h") {
        say(HELP);
        return ExitCode::SUCCESS;
    }
    let asked = match read(arguments.into_iter()) {
        Ok(asked) => asked,
        Err(message) => {
            eprintln!("error: {message}\n  see `--help`");
            return ExitCode::from(2);
        }
    };
    match run(asked).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn run(asked: Asked) -> Result<(), String> {
    let running = start(asked.options).await.map_err(|it| format!("could not start: {it}"))?;
    running.chaos(asked.chaos.as_ref());
    let write = |path: &PathBuf, text: &str| {
        std::fs::write(path, text)
            .map_err(|it| format!("could not write `{}`: {it}", path.display()))
    };
    if let (Some(path), Some(pem)) = (&asked.ca_file, running.tls_root_pem()) {
        write(path, pem)?;
    }
    if let Some(path) = &asked.key_file {
        write(path, &running.salesforce.private_key_pem())?;
    }
    let facts = facts(&running);
    if asked.json {
        say(&facts);
    } else {
        show(&facts);
        say("root certificate of the signed notifications:");
        say(running.partner_center.root_certificate_pem());
    }
    let waited = tokio::signal::ctrl_c().await;
    running.stop();
    waited.map_err(|it| format!("could not wait for Ctrl-C: {it}"))
}

fn read(mut arguments: impl Iterator<Item = String>) -> Result<Asked, String> {
    let mut options = Options {
        partner_center_port: 8071,
        dataverse_port: 8072,
        salesforce_port: 8073,
        ..Options::default()
    };
    let (mut chaos, mut ca_file, mut key_file, mut json) = (None, None, None, false);
    while let Some(name) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("`{name}` needs a value"));
        match name.as_str() {
            "--partner-center" => options.partner_center_port = port(&value()?)?,
            "--dataverse" => options.dataverse_port = port(&value()?)?,
            "--salesforce" => options.salesforce_port = port(&value()?)?,
            "--tls" => options.tls = true,
            "--ca-file" => ca_file = Some(PathBuf::from(value()?)),
            "--key-file" => key_file = Some(PathBuf::from(value()?)),
            "--clock" => {
                let text = value()?;
                let at = text.parse().map_err(|_| format!("`{text}` is no instant"))?;
                options.clock = Clock::fixed(at);
            }
            "--chaos" => chaos = Some(dice(&value()?)?),
            "--json" => json = true,
            _ => return Err(format!("unknown argument `{name}`")),
        }
    }
    if ca_file.is_some() && !options.tls {
        return Err("`--ca-file` needs `--tls`".to_owned());
    }
    Ok(Asked { options, chaos, ca_file, key_file, json })
}

fn port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| format!("`{text}` is no port"))
}

fn dice(text: &str) -> Result<Chaos, String> {
    let wrong = || format!("`{text}` is not `SEED:PERCENT`");
    let (seed, percent) = text.split_once(':').ok_or_else(wrong)?;
    let percent = percent.parse().ok().filter(|it| *it <= 100).ok_or_else(wrong)?;
    Ok(Chaos { seed: seed.parse().map_err(|_| wrong())?, percent })
}

/// Writes a line; that nobody reads it is no reason to stop.
fn say(line: impl Display) {
    drop(writeln!(std::io::stdout(), "{line}"));
}

/// Addresses, and what each service wants to be shown.
fn facts(running: &Running) -> Value {
    let Running { partner_center, dataverse, salesforce, .. } = running;
    let (microsoft, app) = (partner_center.credentials(), salesforce.credentials());
    json!({
        "partnerCenter": { "url": partner_center.url(), "certificateHost": partner_center.certificate_origin() },
        "dataverse": { "url": dataverse.url() },
        "microsoft": {
            "tenantId": microsoft.tenant_id, "clientId": microsoft.client_id,
            "clientSecret": microsoft.client_secret, "refreshToken": microsoft.refresh_token,
            "username": microsoft.username, "password": microsoft.password,
        },
        "salesforce": {
            "url": salesforce.url(), "clientId": app.client_id, "clientSecret": app.client_secret,
            "refreshToken": app.refresh_token, "username": app.username, "password": app.password,
            "securityToken": app.security_token,
        },
    })
}

fn show(facts: &Value) {
    for (group, members) in facts.as_object().into_iter().flatten() {
        for (name, value) in members.as_object().into_iter().flatten() {
            say(format!("{group:<14} {name:<16} {}", value.as_str().unwrap_or_default()));
        }
    }
}
