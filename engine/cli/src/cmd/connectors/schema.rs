//! `flowright connectors schema`: schemas that only the service knows, kept where lint finds them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail, ensure};
use connector::{
    Connector,
    discover::{self, Snapshot},
};
use expr::{Key, Tree};
use flow::{ActionKind, TriggerKind};
use http_client::InvokeOptions;
use serde_json::{Value, json};
use worker::{Project, project::SNAPSHOTS};

use super::{args::PullArgs, find, meant, through::Through};
use crate::{
    Outcome,
    args::Shown,
    cmd::packages::put,
    print::{self, Tone, line, note, safe, tone},
};

/// More columns than any table has: all of them are wanted.
const ITEMS: usize = 10_000;

/// What is wanted of one thing: its name, and the schemas.
type Wanted<'a> = BTreeMap<Option<String>, Vec<&'a str>>;

pub(super) async fn pull(
    project: &Project,
    args: &PullArgs,
    output: Shown,
) -> anyhow::Result<Outcome> {
    let (connector, schema) = find(project, &args.name)?;
    let wanted = wanted(project, connector, schema, &args.of)?;
    let through = Through::open(project, connector, &args.through)?;
    let (mut pulled, mut refused) = (Vec::new(), Vec::new());
    for (name, schemas) in wanted {
        match ask(&through, name.as_deref(), &schemas).await {
            Ok((found, etag)) => {
                let file = write(project, connector, (name, schemas), (found, etag, &through))?;
                if output == Shown::Text {
                    line(&file);
                }
                pulled.push(file);
            }
            Err(failure) => {
                let of = name.as_deref().unwrap_or(&connector.name);
                let message = safe(&failure.message);
                note(format!("{} `{}`: {message}", tone(Tone::Bad, "not pulled:"), safe(of)));
                refused.push(json!({ "name": name, "error": failure.to_json() }));
            }
        }
    }
    if output == Shown::Json {
        print::json(&json!({ "pulled": pulled, "refused": refused }));
    }
    Ok(if refused.is_empty() { Outcome::Good } else { Outcome::Bad })
}

/// Which schemas are wanted of what.
fn wanted<'a>(
    project: &Project,
    connector: &'a Connector,
    schema: Option<&str>,
    of: &[String],
) -> anyhow::Result<Wanted<'a>> {
    let known = connector.discovered();
    ensure!(!known.is_empty(), "all schemas of `{}` are in its file", connector.name);
    if let Some(schema) = schema
        && !known.iter().any(|(name, _)| *name == schema)
    {
        let near = base::suggest::closest(schema, known.iter().map(|it| it.0));
        bail!("`{}` has no schema `{schema}` that is asked for{}", connector.name, meant(near));
    }
    let mut wanted = Wanted::new();
    for (name, input) in known.into_iter().filter(|(name, _)| schema.is_none_or(|it| it == *name)) {
        let things = match &input {
            None => [None].into(),
            Some(_) if !of.is_empty() => of.iter().cloned().map(Some).collect(),
            Some(input) => named(project, connector, input).into_iter().map(Some).collect(),
        };
        let things: BTreeSet<Option<String>> = things;
        for thing in things {
            wanted.entry(thing).or_default().push(name);
        }
    }
    ensure!(
        !wanted.is_empty(),
        "no flow of the project names what the schemas of `{}` are of; say it, as in `{} NAME`",
        connector.name,
        connector.name
    );
    Ok(wanted)
}

/// What the project's flows give this input of a connector's operations and triggers.
fn named(project: &Project, connector: &Connector, input: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for flow in project.flows.iter().map(|it| &it.package.flow) {
        let calls = flow.actions.iter().filter_map(|it| match &it.kind {
            ActionKind::ApiConnection(call) => Some((&call.connection, &call.parameters)),
            _ => None,
        });
        let uses = flow.triggers.iter().filter_map(|it| match &it.kind {
            TriggerKind::ApiConnection(on) => Some((&on.connection, &on.parameters)),
            _ => None,
        });
        for (connection, parameters) in calls.chain(uses) {
            let declared = flow.connections.iter().find(|it| it.name == *connection);
            let of = declared.and_then(|it| project.catalog.find(&it.connector));
            if of.is_some_and(|it| it.name == connector.name) {
                found.extend(constant(parameters, input));
            }
        }
    }
    found
}

fn constant(inputs: &Tree, name: &str) -> Option<String> {
    let value = match inputs {
        Tree::Value(value) => value.get(name).cloned(),
        Tree::Object(entries) => entries.iter().find_map(|(key, value)| match key {
            Key::Plain(key) if key == name => value.constant(),
            Key::Plain(_) | Key::Computed(_) => None,
        }),
        Tree::Template(_) | Tree::Array(_) => None,
    };
    value?.as_str().map(str::to_owned)
}

/// The schemas of one thing, and how the service tells a change of them.
async fn ask(
    through: &Through,
    name: Option<&str>,
    schemas: &[&str],
) -> Result<(BTreeMap<String, Value>, Option<String>), base::Failure> {
    let (mut found, mut etag) = (BTreeMap::new(), None);
    let mut known: Vec<(String, Value, base::Outcome)> = Vec::new();
    for schema in schemas {
        let call = through.call(&Value::Null);
        let (operation, inputs) = discover::question(&through.connection, schema, name, &call)?;
        // Several schemas may be parts of one answer.
        let same = known.iter().find(|(id, asked, _)| *id == operation.id && *asked == inputs);
        let mut outcome = same.map(|(_, _, outcome)| outcome.clone());
        if outcome.is_none() {
            let options = InvokeOptions { items_min: ITEMS, ..InvokeOptions::default() };
            let call = through.call(&inputs);
            let asked = through.client.invoke(&through.connection, operation, &call, options).await;
            known.push((operation.id.clone(), inputs, asked.clone()));
            outcome = Some(asked);
        }
        let outcome = outcome.unwrap_or_default();
        etag = etag.or_else(|| outcome.header("etag").map(str::to_owned));
        let read = discover::read(&through.connection, schema, (name, &call), &outcome)?;
        found.insert((*schema).to_owned(), read);
    }
    Ok((found, etag))
}

/// Writes what was found, beside what the file has of other schemas.
fn write(
    project: &Project,
    connector: &Connector,
    (name, schemas): (Option<String>, Vec<&str>),
    (mut found, etag, through): (BTreeMap<String, Value>, Option<String>, &Through),
) -> anyhow::Result<String> {
    let file = name.as_deref().or_else(|| schemas.first().copied()).unwrap_or_default();
    let file = base::http::percent_path(file).replace('/', "%2F");
    let below = format!("{SNAPSHOTS}/{}/{file}.json", connector.name);
    let path = project.root.join(&below);
    if path.is_file() {
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read `{}`", path.display()))?;
        // One that cannot be read is of no use to anybody.
        let kept = Snapshot::read(&text).map(|it| it.schemas).unwrap_or_default();
        for (schema, value) in kept {
            found.entry(schema).or_insert(value);
        }
    }
    let snapshot = Snapshot { connector: connector.name.clone(), name, schemas: found };
    let about = [("pulled", through.now.to_string().into()), ("etag", etag.into())];
    let text = serde_json::to_string_pretty(&snapshot.write(&about))? + "\n";
    put(&path, &text, true)?;
    Ok(below)
}
