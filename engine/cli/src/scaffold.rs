//! Projects to begin with: a small one, and the co-sell packages that are in the program.

use std::collections::{BTreeMap, BTreeSet};

use base::Source;
use flow::{
    ActionKind, Flow, TriggerKind,
    environment::{self, Reference, Store},
    triggers::manual::Input,
};
use serde_json::{Value, json};
use yaml::{Draft, Node};

include!(concat!(env!("OUT_DIR"), "/packages.rs"));

/// The line that tells editors of a schema, which is elsewhere in a new project.
const SCHEMA_LINE: &str = "# yaml-language-server:";
const MINIMAL: &str = "minimal/";
const PACKAGES: &str = "flows/co-sell/";
const ENVIRONMENT: &str = "environments/production.yaml";
/// What a variable of the development environment begins with.
const DEVELOPMENT: &str = "DEV_";

/// CRM systems that the packages are for, and their connectors.
const CRMS: [(&str, &str); 2] = [("Dynamics 365", "dynamics-365"), ("Salesforce", "salesforce")];

/// A file of a project: its path and text.
pub type File = (String, String);

/// A project with one small flow.
pub fn minimal() -> Vec<File> {
    let files = FILES.iter().filter_map(|(path, text)| Some((path.strip_prefix(MINIMAL)?, text)));
    let named = |path: &str| if path == "gitignore" { ".gitignore" } else { path }.to_owned();
    files.map(|(path, text)| (named(path), (*text).to_owned())).collect()
}

/// A project with the co-sell packages for these CRM systems, by their connectors.
///
/// # Errors
/// If the program has no packages for one of them.
pub fn co_sell(crms: &[&str]) -> Result<Vec<File>, String> {
    let packages = packages();
    let others = CRMS.iter().map(|(_, it)| *it).filter(|it| !crms.contains(it));
    let others: Vec<&str> = others.collect();
    let is_wanted =
        |package: &Package| package.connectors.iter().all(|it| !others.contains(&it.as_str()));
    let wanted: Vec<&Package> = packages.values().filter(|it| is_wanted(it)).collect();
    for crm in crms {
        if !wanted.iter().any(|it| it.connectors.contains(*crm)) {
            let name = CRMS.iter().find(|(_, it)| it == crm).map_or(*crm, |(name, _)| *name);
            return Err(format!("this program has no co-sell packages for {name}"));
        }
    }
    let connectors: BTreeSet<&str> =
        wanted.iter().flat_map(|it| &it.connectors).map(String::as_str).collect();
    let parameters: BTreeSet<&str> =
        wanted.iter().flat_map(|it| &it.parameters).map(String::as_str).collect();
    let mut files = Vec::new();
    for package in &wanted {
        files.extend(package.files.iter().map(|(path, text)| as_file(path, text)));
    }
    for (path, text) in FILES.iter().filter(|(path, _)| path.starts_with("connectors/")) {
        let name = path.split('/').nth(1).unwrap_or_default();
        if connectors.contains(name) {
            files.push(as_file(path, text));
        }
    }
    let production = FILES.iter().find(|(path, _)| *path == ENVIRONMENT);
    let production = production.ok_or("this program has no environment of the packages")?.1;
    let production = narrowed(production, &connectors, &parameters);
    let variables = variables(&production);
    let own = |line: &str| {
        let is_comment = line.trim_start().starts_with('#');
        if is_comment {
            line.to_owned()
        } else {
            line.replace("${env:", &format!("${{env:{DEVELOPMENT}"))
        }
    };
    let development: String = production.split_inclusive('\n').map(own).collect();
    files.push(("environments/development.yaml".to_owned(), development));
    files.push((ENVIRONMENT.to_owned(), production));
    files.push(("README.md".to_owned(), readme(&wanted, &variables)));
    for (path, text) in minimal() {
        if path == "flowright.yaml" || path == ".gitignore" {
            files.push((path, text));
        }
    }
    files.sort();
    Ok(files)
}

/// One co-sell package.
struct Package {
    /// Its name, as in `co-sell/register-webhooks`.
    name: String,
    title: String,
    description: String,
    files: Vec<(&'static str, &'static str)>,
    connectors: BTreeSet<String>,
    parameters: BTreeSet<String>,
}

/// Every package of the program by its folder.
fn packages() -> BTreeMap<String, Package> {
    let mut packages = BTreeMap::new();
    for (path, text) in FILES {
        let folder = path.strip_prefix(PACKAGES).and_then(|it| it.strip_suffix("/flow.yaml"));
        let Some(folder) = folder else { continue };
        let (flow, _) = flow::read(&Source::new(path, text));
        let home = format!("{PACKAGES}{folder}/");
        let files = FILES.iter().filter(|(path, _)| path.starts_with(&home)).copied();
        let package = Package {
            name: format!("co-sell/{folder}"),
            title: flow.name.clone(),
            description: flow.description.clone().unwrap_or_default(),
            files: files.collect(),
            connectors: connectors_of(&flow),
            parameters: flow.parameters.iter().map(|it| it.name.clone()).collect(),
        };
        packages.insert(folder.to_owned(), package);
    }
    packages
}

/// The connectors that a flow calls, or that know how its callers prove who they are.
fn connectors_of(flow: &Flow) -> BTreeSet<String> {
    let called = flow.connections.iter().map(|it| it.connector.clone());
    let verified = flow.triggers.iter().filter_map(|it| match &it.kind {
        TriggerKind::Request(request) => request.verify.as_ref().map(|it| it.connector.clone()),
        _ => None,
    });
    called.chain(verified).collect()
}

/// A file as a project of somebody else has it: without ways into this repository.
fn as_file(path: &str, text: &str) -> File {
    let is_page = path.rsplit_once('.').is_some_and(|(_, it)| it == "md");
    let text = if is_page { without_links(text) } else { without_schema(text) };
    (path.to_owned(), text)
}

fn without_schema(text: &str) -> String {
    text.split_inclusive('\n').filter(|it| !it.starts_with(SCHEMA_LINE)).collect()
}

/// Links that lead out of what is copied become their words.
fn without_links(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("](") {
        let link = after.split_once(')').filter(|(target, _)| leads_out(target));
        let words = before.rsplit_once('[').filter(|(_, words)| !words.contains(']'));
        if let (Some((_, behind)), Some((before, words))) = (link, words) {
            kept.push_str(before);
            kept.push_str(words);
            rest = behind;
        } else {
            kept.push_str(before);
            kept.push_str("](");
            rest = after;
        }
    }
    kept + rest
}

fn leads_out(target: &str) -> bool {
    target.starts_with("../../..") || (target.starts_with("..") && target.contains("docs/"))
}

/// An environment with those connections and parameters only that the packages have.
fn narrowed(text: &str, connectors: &BTreeSet<&str>, parameters: &BTreeSet<&str>) -> String {
    let (read, _) = environment::read(&Source::new(ENVIRONMENT, text));
    let unused = read
        .connections
        .iter()
        .filter(|it| !connectors.contains(it.connector.as_deref().unwrap_or(it.name.as_str())));
    let unused: Vec<&str> = unused.map(|it| it.name.as_str()).collect();
    let strange = read.parameters.iter().map(|it| it.name.as_str());
    let strange: Vec<&str> = strange.filter(|it| !parameters.contains(it)).collect();
    let text = without(text, "connections", &unused);
    without(&text, "parameters", &strange)
}

/// A YAML text without some entries of one of its objects, and the comments above them.
fn without(text: &str, object: &str, names: &[&str]) -> String {
    let Some(root) = yaml::parse(text).0 else { return text.to_owned() };
    let Some(map) = root.get(object).and_then(Node::as_map) else { return text.to_owned() };
    let after_line = |at: usize| {
        text.get(at..).and_then(|it| it.find('\n')).map_or(text.len(), |it| at + it + 1)
    };
    let end = |at: usize| after_line(text.get(..at).map_or(at, |it| it.trim_end().len()));
    let start =
        root.as_map().and_then(|it| it.entry(object)).map_or(0, |it| after_line(it.key.span.end));
    let (mut kept, mut from, mut entry_start) = (String::new(), 0, start);
    let mut left = map.len();
    for entry in map {
        let entry_end = end(entry.value.span.end.max(entry.key.span.end));
        if names.contains(&entry.key.text.as_str()) {
            kept.push_str(text.get(from..entry_start).unwrap_or_default());
            from = entry_end;
            left -= 1;
        }
        entry_start = entry_end;
    }
    kept.push_str(text.get(from..).unwrap_or_default());
    if left == 0 {
        // An object without entries would be nothing.
        kept = kept.replacen(&format!("{object}:\n"), &format!("{object}: {{}}\n"), 1);
    }
    kept
}

/// The variables that an environment names, by connection.
fn variables(text: &str) -> Vec<(String, Vec<String>)> {
    let (read, _) = environment::read(&Source::new(ENVIRONMENT, text));
    let of = |it: &environment::ConnectionSetting| {
        let mut names = Vec::new();
        let mut see = |reference: &Reference| {
            if reference.store == Store::Env {
                names.push(reference.name.clone());
            }
        };
        it.params.iter().for_each(|it| it.setting.references(&mut see));
        (it.name.clone(), names)
    };
    read.connections.iter().map(of).collect()
}

fn readme(packages: &[&Package], variables: &[(String, Vec<String>)]) -> String {
    let packages = packages.iter().map(|it| {
        format!("| `{}` | {}: {} |\n", it.name, it.title, it.description.replace('\n', " ").trim())
    });
    let variables = variables.iter().map(|(connection, names)| {
        let names = names.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
        format!("| `{connection}` | {names} |\n")
    });
    README
        .replace("%PACKAGES%", &packages.collect::<String>())
        .replace("%VARIABLES%", &variables.collect::<String>())
        .replace("%DEV%", DEVELOPMENT)
}

const README: &str = "\
# Co-sell

Keeps co-sell deals of Microsoft Partner Center and of the CRM in step. The files are yours: change them.

| flow | what it does |
| --- | --- |
%PACKAGES%
## Begin

```sh
flowright lint                  # is everything right?
flowright test                  # do the flows do what they should? Nothing is called
```

Then tell the environment who you are. It only names the secrets; give them as variables of the process, or
write `${secret:name}` in their place and let `flowright connections rotate` keep them.

| connection | variables of production |
| --- | --- |
%VARIABLES%
Those of `environments/development.yaml` have `%DEV%` before their names.

```sh
flowright connections test      # do the services answer?
flowright serve --environment production
```

At last run `co-sell/register-webhooks` once, so that Partner Center sends its events: its endpoint is the address that
`flowright triggers list` prints for the flow that takes them.

## Change

| to change | edit |
| --- | --- |
| which field gets what | `*.mapping.yaml` beside the flow |
| names of columns, marks, owners | `parameters` of the environment; each flow says what it has |
| what a flow does | its `flow.yaml`; add a test to `tests` first |
";

/// A flow of that name with a test.
pub fn flow(name: &str) -> Vec<File> {
    const HOME: &str = "flows/hello/";
    let title = name.rsplit('/').next().unwrap_or(name).replace(['-', '_'], " ");
    let mut letters = title.chars();
    let title: String =
        letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    let title = Value::from(title);
    let head = "description: Greets somebody. Change it, or put a folder with a flow of your own beside it.\n";
    let own = minimal().into_iter().filter_map(|(path, text)| {
        let text = text.replace("flow: Hello\n", &format!("flow: {title}\n"));
        let path = path.strip_prefix(HOME)?.replace("hello", "first");
        Some((path, text.replace(head, "description: What it is for.\n")))
    });
    own.collect()
}

/// A test of a flow with everything that it needs, and nothing that is expected. `name` is the flow's
/// where the folder does not say it.
pub fn test(flow: &Flow, name: Option<&str>) -> String {
    let entry = |key: &str, value: Draft| (key.to_owned(), value);
    let mut test = vec![entry("name", "What it is about".into())];
    let trigger = flow.triggers.first();
    if let Some(trigger) = trigger.filter(|_| 1 < flow.triggers.len()) {
        test.push(entry("trigger", trigger.display.as_str().into()));
    }
    let inputs = match trigger.map(|it| &it.kind) {
        Some(TriggerKind::Manual(manual)) => manual.inputs.clone(),
        Some(TriggerKind::Request(request)) => request.inputs(),
        _ => Vec::new(),
    };
    if inputs.is_empty() {
        test.push(entry("event", json!({}).into()));
    } else {
        let given = inputs.iter().map(|it| (it.name.clone(), Draft::from(example(it))));
        test.push(entry("inputs", Draft::Block(given.collect())));
    }
    let calls = flow.actions.iter().filter(|it| is_call(&it.kind));
    let mocks = calls.map(|it| {
        let reply = if it.kind.waits_for_call() {
            json!([{ "statusCode": 202 }, { "body": {} }])
        } else {
            json!({ "statusCode": 200, "body": {} })
        };
        (it.display.clone(), Draft::from(reply))
    });
    let mocks: Vec<(String, Draft)> = mocks.collect();
    if !mocks.is_empty() {
        test.push(entry("mocks", Draft::Block(mocks)));
    }
    let mut file = Vec::new();
    file.extend(name.map(|it| entry("flow", it.into())));
    file.push(entry("tests", Draft::List(vec![Draft::Block(test)])));
    yaml::emit(&Draft::Block(file))
}

/// Whether an action needs a reply.
fn is_call(kind: &ActionKind) -> bool {
    let asks = matches!(kind, ActionKind::ApiConnection(_) | ActionKind::Http(_));
    asks || kind.waits_for_call()
}

/// A value that an input takes.
fn example(input: &Input) -> Value {
    if let Some(default) = input.default.clone().or_else(|| input.choices.first().cloned()) {
        return default;
    }
    match input.ty.name() {
        "integer" | "float" => 1.into(),
        "boolean" => true.into(),
        "array" => json!([]),
        "object" => json!({}),
        _ => input.title.as_str().into(),
    }
}
