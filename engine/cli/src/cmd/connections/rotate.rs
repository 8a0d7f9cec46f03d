//! `flowright connections rotate`.

use base::Secret;
use flow::environment::{Part, Setting, Store};

use super::{
    args::{PlaceArgs, RotateArgs},
    ask::Answers,
    load,
};
use crate::{
    Outcome,
    cmd::serve::project_root,
    network,
    print::{Tone, note, tone},
};

pub(crate) fn run(place: &PlaceArgs, args: &RotateArgs) -> anyhow::Result<Outcome> {
    let (Some(name), Some(param)) = (&args.name, &args.param) else {
        let root = project_root(place.project.as_deref())?;
        network::vault(&root).rotate()?;
        note(tone(Tone::Good, "all secrets are sealed with another key"));
        return Ok(Outcome::Good);
    };
    let (root, project) = load(place)?;
    let mut connections = project.environment.iter().flat_map(|(_, it)| &it.connections);
    let connection = connections
        .find(|it| it.name == *name)
        .ok_or_else(|| anyhow::anyhow!("the environment has no connection `{name}`"))?;
    let setting = connection.params.iter().find(|it| it.name == *param);
    let setting = setting.map(|it| &it.setting).ok_or_else(|| {
        anyhow::anyhow!("connection `{name}` has no parameter `{param}` in the environment file")
    })?;
    let Some(secret) = kept(setting) else {
        anyhow::bail!(
            "parameter `{param}` of connection `{name}` is not kept here: the environment file does not say `${{secret:…}}`"
        );
    };
    let value = value(param)?;
    network::vault(&root).set_secrets(vec![(secret.to_owned(), value)])?;
    note(tone(Tone::Good, format!("`{secret}` has another value")));
    note("a running service takes it when it is started again");
    Ok(Outcome::Good)
}

/// The name in the store, if the value is one that is kept there and nothing else.
fn kept(setting: &Setting) -> Option<&str> {
    let Setting::Text(parts) = setting else { return None };
    match parts.as_slice() {
        [Part::Reference(it)] if it.store == Store::Secret => Some(&it.name),
        _ => None,
    }
}

fn value(param: &str) -> anyhow::Result<Secret<String>> {
    let mut answers = Answers::open()?;
    let value = answers.take(param, "", true)?;
    value.ok_or_else(|| {
        anyhow::anyhow!("there is no value: give it as the line `{param}=…` of standard input")
    })
}
