//! `local.settings.json` of a Logic Apps project: values that must not be among a flow's files.

use std::collections::{BTreeMap, BTreeSet};

use base::{Secret, Source, Span};
use expr::{Context, Dialect, Template};
use flow::environment::{Reference, Store};
use interp::settings::{key, named};
use serde_json::{Map, Value, json};

use crate::{
    deploy::Deployed,
    project::{FlowFile, LoadError, Secrets},
};

/// The file's name.
pub(crate) const FILE: &str = "local.settings.json";

/// Values of app settings by name.
pub type Settings = BTreeMap<String, Secret<String>>;

/// Takes the values out of a file, and gives what may be shown of it: their names.
///
/// # Errors
/// If it is not JSON. What it says is in no message.
pub(crate) fn take(file: &Source) -> Result<(Source, Settings), LoadError> {
    let (root, _) = yaml::parse_json(file.text());
    let root = root.ok_or_else(|| LoadError::NotJson(file.name().to_owned()))?.to_json();
    // Values that are encrypted are not the settings.
    let is_plain = root.get("IsEncrypted") != Some(&Value::Bool(true));
    let values = root.get("Values").and_then(Value::as_object).filter(|_| is_plain);
    let texts = values.into_iter().flatten().filter(|(_, value)| !value.is_null());
    let settings: Settings =
        texts.map(|(name, value)| (name.clone(), Secret::new(expr::to_text(value)))).collect();
    let names: Map<String, Value> =
        settings.keys().map(|name| (name.clone(), Value::Null)).collect();
    Ok((Source::new(file.name(), &json!({ "Values": names }).to_string()), settings))
}

/// What a definition may ask for: the values beside it, and what it names and the environment of the
/// process has.
pub(crate) fn of_definition(file: &FlowFile, secrets: &dyn Secrets) -> Settings {
    if file.package.flow.dialect != Dialect::Wdl {
        return Settings::new();
    }
    let mut settings = file.settings.clone();
    let known: BTreeSet<String> = settings.keys().map(|it| it.to_lowercase()).collect();
    for name in file.files.iter().flat_map(|it| named(it.text())) {
        let reference =
            Reference { store: Store::Env, name: name.to_owned(), span: Span::default() };
        // What the service itself is told, the password of its database among it, is not for flows.
        let is_ours = name.to_lowercase().starts_with("flowright_");
        if !is_ours
            && !known.contains(&name.to_lowercase())
            && let Ok(value) = secrets.resolve(&reference)
        {
            settings.insert(name.to_owned(), value);
        }
    }
    settings
}

impl Deployed {
    /// The same with app settings, and with the parameters that are made of them.
    #[must_use]
    pub(crate) fn with_settings(mut self, settings: &Settings) -> Self {
        let mut secure: Map<String, Value> = settings
            .iter()
            .map(|(name, value)| (key(name), value.expose().as_str().into()))
            .collect();
        let flow = &self.plan.flow;
        let lacking = flow.parameters.iter().filter(|it| !self.parameters.contains_key(&it.name));
        for (parameter, text) in lacking.filter_map(|it| Some((it, it.settings()?))) {
            let (template, _) = Template::parse(text, flow.dialect);
            // One that lacks a setting has no value; whoever asks for it is told which.
            if let Ok(value) = template.eval(&Known(&secure)) {
                let typed = value.as_str().filter(|_| !parameter.ty.accepts(&value));
                let typed = typed.and_then(|text| parameter.ty.read(text).ok());
                secure.insert(parameter.name.clone(), typed.unwrap_or(value));
            }
        }
        // Nobody else has the plan yet; a copy would serve as well.
        let plan = std::sync::Arc::make_mut(&mut self.plan);
        for (name, value) in secure {
            plan.secure_parameters.entry(name).or_insert(value);
        }
        self
    }
}

/// What the parameters of all flows of a project may look at.
struct Known<'a>(&'a Map<String, Value>);

impl Context for Known<'_> {
    fn app_setting(&self, name: &str) -> Option<std::borrow::Cow<'_, Value>> {
        self.0.get(&key(name)).map(std::borrow::Cow::Borrowed)
    }
}
