//! `flowright connections list`.

use connector::auth;
use serde_json::{Value, json};
use worker::live::Entry;

use super::{args::PlaceArgs, load};
use crate::{
    Outcome,
    args::Shown,
    network,
    print::{self, Tone, line, tone},
    secrets::ProcessSecrets,
};

pub(crate) fn run(place: &PlaceArgs) -> anyhow::Result<Outcome> {
    let (root, project) = load(place)?;
    let vault = network::vault(&root);
    let connections = project.connections(&ProcessSecrets { root });
    let mut all = Vec::new();
    for (name, entry) in &connections.0 {
        let token = vault.token(name)?;
        all.push(describe(name, entry, token.as_ref().and_then(auth::Stored::from_text).as_ref()));
    }
    let is_good = all.iter().all(|it| it["usable"] == true);
    if place.output == Shown::Json {
        print::json(&all);
    } else {
        all.iter().for_each(show);
    }
    Ok(if is_good { Outcome::Good } else { Outcome::Bad })
}

fn describe(name: &str, entry: &Entry, token: Option<&auth::Stored>) -> Value {
    let mut shown = json!({ "name": name, "connector": entry.connector });
    let mut set = |key: &str, value: Value| shown[key] = value;
    match &entry.connection {
        Ok(connection) => {
            let grant = auth::grant(connection);
            set("auth", connection.auth().kind().into());
            set("grant", grant.map_or(Value::Null, |it| it.name().into()));
            let is_in = match auth::identity(connection) {
                Ok(Some(identity)) => token.is_some_and(|it| it.identity == identity),
                Ok(None) | Err(_) => false,
            };
            let needs = grant.is_some_and(auth::Grant::needs_login);
            set("loggedIn", if needs { is_in.into() } else { Value::Null });
            set("usable", (!needs || is_in).into());
            let missing = format!("nobody has logged in; run `flowright connections login {name}`");
            set("problem", if needs && !is_in { missing.into() } else { Value::Null });
        }
        Err(failure) => {
            set("usable", false.into());
            set("problem", failure.message.as_str().into());
        }
    }
    shown
}

fn show(connection: &Value) {
    let text = |key: &str| print::safe(connection[key].as_str().unwrap_or_default());
    let how = [text("auth"), text("grant")].join(" ");
    let state = if connection["usable"] == true {
        tone(Tone::Good, "can be used")
    } else {
        tone(Tone::Bad, text("problem"))
    };
    let (name, connector) = (text("name"), text("connector"));
    line(format!(
        "{} {connector} {} {state}",
        tone(Tone::Strong, name),
        tone(Tone::Faint, how.trim())
    ));
}
