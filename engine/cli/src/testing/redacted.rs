//! Secrets in what a run has seen, found by where they stand and what they look like, and replaced by
//! the same word wherever they stand.

use std::collections::BTreeMap;

use serde_json::Value;

/// What secrets are replaced by, with a number.
const WORD: &str = "redacted-";
/// Shorter texts would be found in any other.
const SECRET_CHARS_MIN: usize = 4;
/// What the names of secrets have in them, in small letters and without `-` and `_`.
const NAMES: [&str; 14] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "apikey",
    "accesskey",
    "accountkey",
    "privatekey",
    "subscriptionkey",
    "functionskey",
    "authorization",
    "cookie",
    "credential",
    "connectionstring",
];
/// Tokens that say only where a list goes on.
const PLACES: [&str; 5] = ["nexttoken", "pagetoken", "skiptoken", "continuationtoken", "synctoken"];
/// Parameters of addresses that are secrets.
const PARAMETERS: [&str; 9] = [
    "sig",
    "code",
    "key",
    "token",
    "access_token",
    "api_key",
    "apikey",
    "password",
    "client_secret",
];
/// What stands before a secret in a header.
const SCHEMES: [&str; 3] = ["bearer ", "basic ", "sharedaccesssignature "];

/// The secrets of a run, and what stands in their places.
#[derive(Debug, Default)]
pub(super) struct Secrets(BTreeMap<String, String>);

impl Secrets {
    /// Those that are found in a value.
    pub(super) fn of(value: &Value) -> Self {
        let mut secrets = Self::default();
        secrets.collect(value, false);
        secrets
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The value without them.
    pub(super) fn redacted(&self, value: &Value) -> Value {
        self.replaced(value, false)
    }

    fn replaced(&self, value: &Value, is_secret: bool) -> Value {
        match value {
            Value::String(text) => self.without(text).into(),
            Value::Number(_) if is_secret => 0.into(),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
            Value::Array(items) => items.iter().map(|it| self.replaced(it, is_secret)).collect(),
            Value::Object(members) => {
                let member = |(key, it): (&String, &Value)| {
                    (self.without(key), self.replaced(it, is_secret || is_name(key)))
                };
                Value::Object(members.iter().map(member).collect())
            }
        }
    }

    fn without(&self, text: &str) -> String {
        let mut text = text.to_owned();
        // Long ones first: they may have short ones in them.
        let mut all: Vec<(&String, &String)> = self.0.iter().collect();
        all.sort_by_key(|(secret, _)| std::cmp::Reverse(secret.len()));
        for (secret, word) in all {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), word);
            }
        }
        text
    }

    fn collect(&mut self, value: &Value, is_secret: bool) {
        match value {
            Value::String(text) if is_secret => {
                let bare = SCHEMES.iter().find_map(|scheme| after(text, scheme));
                self.add(bare.unwrap_or(text));
            }
            Value::String(text) => self.collect_text(text),
            Value::Array(items) => items.iter().for_each(|it| self.collect(it, is_secret)),
            Value::Object(members) => {
                for (key, it) in members {
                    self.collect(it, is_secret || is_name(key));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn collect_text(&mut self, text: &str) {
        // JSON in a text has names, too.
        if text.starts_with(['{', '['])
            && let Ok(inner) = serde_json::from_str::<Value>(text)
        {
            return self.collect(&inner, false);
        }
        if text.contains("PRIVATE KEY-----") {
            return self.add(text);
        }
        if let Some(rest) = SCHEMES.iter().find_map(|scheme| after(text, scheme))
            && !rest.contains(' ')
        {
            self.add(rest);
        }
        for word in text.split(|it: char| it.is_whitespace() || "\"'<>(),;".contains(it)) {
            if is_signed_token(word) {
                self.add(word);
            }
            if let Some((_, rest)) = word.split_once("://") {
                self.collect_address(rest);
            }
            // Of texts that say how to connect.
            let named = word.split_once('=').filter(|(name, _)| is_name(name));
            if let Some((_, secret)) = named {
                self.add(secret);
            }
        }
    }

    fn collect_address(&mut self, rest: &str) {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if let Some((user, _)) = host.rsplit_once('@')
            && let Some((_, password)) = user.split_once(':')
        {
            self.add(password);
        }
        let query = rest.split_once('?').map_or("", |(_, query)| query);
        for (name, secret) in query.split('&').filter_map(|it| it.split_once('=')) {
            let is_known = PARAMETERS.iter().any(|it| it.eq_ignore_ascii_case(name));
            if is_known || is_name(name) {
                self.add(secret);
            }
        }
    }

    fn add(&mut self, secret: &str) {
        let is_hidden = secret == interp::HIDDEN || secret.starts_with(WORD);
        if secret.chars().count() < SECRET_CHARS_MIN || is_hidden {
            return;
        }
        let number = self.0.len() + 1;
        self.0.entry(secret.to_owned()).or_insert_with(|| format!("{WORD}{number}"));
    }
}

/// Whether a text has something in the place of a secret.
pub(super) fn is_redacted(text: &str) -> bool {
    text.contains(WORD) || text.contains(interp::HIDDEN)
}

fn is_name(name: &str) -> bool {
    let name: String =
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    let is_token = name.ends_with("token") && !PLACES.iter().any(|it| name.ends_with(it));
    is_token || NAMES.iter().any(|it| name.contains(it))
}

fn after<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(scheme.len())?;
    head.eq_ignore_ascii_case(scheme).then_some(rest)
}

/// Three parts in base64, of which the first is an object.
fn is_signed_token(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    let is_part = |it: &&str| {
        10 < it.len() && it.chars().all(|it| it.is_ascii_alphanumeric() || "-_=".contains(it))
    };
    word.starts_with("eyJ") && parts.len() == 3 && parts.iter().all(is_part)
}
