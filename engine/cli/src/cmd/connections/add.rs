//! `flowright connections add`.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, bail, ensure};
use base::Secret;
use cli::environment_file::{NewConnection, Refused, with_connection};
use connector::{
    Connection, ConnectionValue, Connector,
    model::{ConnectionParam, ParamKind},
};
use worker::{Project, project::LoadError};

use super::{
    args::{AddArgs, PlaceArgs},
    ask::Answers,
    load,
};
use crate::{
    Outcome,
    choice::{self, meant},
    cmd::serve::project_root,
    network,
    print::{Tone, note, tone},
};

/// What was given for a connection: what stands in the file, and what is kept in the vault.
#[derive(Default)]
struct Given {
    params: Vec<(String, String)>,
    secrets: Vec<(String, Secret<String>)>,
}

pub(crate) fn run(place: &PlaceArgs, args: &AddArgs) -> anyhow::Result<Outcome> {
    let (root, project) = load_or_make(place)?;
    let named = args.connector.as_deref().unwrap_or(&args.name);
    let connector = choice::connector(&project, named)?;
    let given = values(args, connector)?;
    check(args, connector, &given)?;
    let (source, _) = project.environment.as_ref().context("there is no environment")?;
    let connection = NewConnection {
        name: args.name.clone(),
        connector: (named != args.name).then(|| named.to_owned()),
        auth: args.auth.clone(),
        params: given.params,
    };
    let changed = with_connection(source.text(), &connection, args.force).map_err(|why| match why {
        Refused::Exists => anyhow::anyhow!(
            "the environment has a connection `{}`; put another in its place with `--force`",
            args.name
        ),
        Refused::Faulty(fault) => anyhow::anyhow!("`{}` has errors: {fault}", source.name()),
        Refused::ByHand => anyhow::anyhow!(
            "`{}` is written in a way that only a person should change; add this to its connections:\n{}",
            source.name(),
            connection.lines(2)
        ),
    })?;
    if !given.secrets.is_empty() {
        network::vault(&root).set_secrets(given.secrets)?;
    }
    let path = root.join(source.name());
    write(&path, &changed)?;
    note(tone(Tone::Good, format!("`{}` is in `{}`", args.name, source.name())));
    note(format!("see whether it works with `flowright connections test {}`", args.name));
    Ok(Outcome::Good)
}

/// The project; an environment that is named and not there is made.
fn load_or_make(place: &PlaceArgs) -> anyhow::Result<(PathBuf, Project)> {
    let root = project_root(place.project.as_deref())?;
    if let Err(LoadError::NoEnvironment { name, folder, .. }) =
        Project::load(&root, place.environment.as_deref())
    {
        let is_name = !name.is_empty()
            && name.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | '.'))
            && !name.starts_with('.');
        ensure!(is_name, "`{name}` is no name for an environment");
        fs::create_dir_all(&folder)?;
        write(&folder.join(format!("{name}.yaml")), "# Secrets are only named here.\n")?;
    }
    load(place)
}

/// The values: of the command line, then those that are asked for.
fn values(args: &AddArgs, connector: &Connector) -> anyhow::Result<Given> {
    let params = &connector.connection.params;
    let mut set = BTreeMap::new();
    for text in &args.set {
        let (name, value) =
            text.split_once('=').with_context(|| format!("`--set {text}` is not `name=value`"))?;
        let param = connector.connection.param(name).with_context(|| {
            let near = base::suggest::closest(name, params.iter().map(|it| it.name.as_str()));
            let near = meant(near);
            format!("`{}` has no connection parameter `{name}`{near}", connector.name)
        })?;
        ensure!(
            param.kind != ParamKind::Secret || is_reference(value),
            "`{name}` is a secret, which everybody on this machine could read on the command line; leave it out to \
             be asked, or give `${{env:NAME}}` or `${{file:path}}`"
        );
        set.insert(name, value);
    }
    let mut answers = Answers::open()?;
    let mut given = Given::default();
    for param in params {
        let is_secret = param.kind == ParamKind::Secret;
        let value = match set.get(param.name.as_str()) {
            Some(value) => Some((*value).to_owned()),
            // What the connector presets is rarely another.
            None if param.default.is_some() && matches!(answers, Answers::Terminal) => None,
            None => answer(&mut answers, param, is_secret)?,
        };
        let Some(value) = value else {
            ensure!(
                !param.required || param.default.is_some(),
                "`{}` is missing: {}",
                param.name,
                if is_secret {
                    format!("give it as the line `{}=…` of standard input", param.name)
                } else {
                    format!("give it with `--set {}=…`", param.name)
                }
            );
            continue;
        };
        if is_secret && !is_reference(&value) {
            let name = format!("{}.{}", args.name, param.name);
            given.params.push((param.name.clone(), format!("${{secret:{name}}}")));
            given.secrets.push((name, Secret::new(value)));
        } else {
            given.params.push((param.name.clone(), value));
        }
    }
    if let Some(left) = answers.left().first() {
        bail!("`{}` has no connection parameter `{left}`, or it was given twice", connector.name);
    }
    Ok(given)
}

fn answer(
    answers: &mut Answers,
    param: &ConnectionParam,
    is_secret: bool,
) -> anyhow::Result<Option<String>> {
    let found = answers.take(&param.name, &param.description, is_secret)?;
    Ok(found.map(|it| it.expose().clone()))
}

/// Whether a text only names where the value is.
fn is_reference(text: &str) -> bool {
    let inside = text.strip_prefix("${").and_then(|it| it.strip_suffix('}'));
    inside.is_some_and(|it| {
        let store = it.split_once(':').map_or("", |(store, _)| store);
        matches!(store, "env" | "file" | "secret") && !it.contains(['{', '}'])
    })
}

/// Whether the connector takes the values, as far as they are known.
fn check(args: &AddArgs, connector: &Arc<Connector>, given: &Given) -> anyhow::Result<()> {
    let mut values = BTreeMap::new();
    for (name, value) in &given.params {
        // What is referred to may not be there on this machine.
        let known = if value.contains("${") { None } else { Some(value.clone()) };
        if let Some(known) = known {
            values.insert(name.clone(), ConnectionValue::Plain(known.into()));
        }
    }
    let literal: Vec<String> = values.keys().cloned().collect();
    let (connection, problems) = Connection::new(&args.name, Arc::clone(connector), values);
    let mentions = |message: &str| literal.iter().any(|it| message.contains(&format!("`{it}`")));
    if let Some(problem) = problems.iter().find(|it| mentions(&it.message)) {
        bail!("{}", problem.message);
    }
    if let Some(way) = &args.auth {
        connection.with_way(way).map_err(|it| anyhow::anyhow!("{}", it.message))?;
    }
    Ok(())
}

/// Puts a whole file in the place of another one.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let beside = path.with_extension("yaml.new");
    let writing = || format!("cannot write `{}`", path.display());
    let mut file = fs::File::create(&beside).with_context(writing)?;
    file.write_all(text.as_bytes()).with_context(writing)?;
    file.sync_all().with_context(writing)?;
    fs::rename(&beside, path).with_context(writing)
}
