//! What passwords, keys and tokens look like, and what only stands in their place.

use std::ops::Range;

/// How sure it is that something is a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grade {
    /// Its form says so.
    Sure,
    /// It is where secrets are, and no word.
    Likely,
}

/// A form that only secrets have: what they begin with, and what follows.
struct Form {
    begins: &'static str,
    what: &'static str,
    /// Characters behind the beginning, at least and at most.
    length: (usize, usize),
    may_hold: fn(char) -> bool,
}

const fn form(
    begins: &'static str,
    what: &'static str,
    length: (usize, usize),
    may_hold: fn(char) -> bool,
) -> Form {
    Form { begins, what, length, may_hold }
}

const FORMS: &[Form] = &[
    form("sig=", "the signature of a shared address", (40, 200), is_encoded),
    form("AccountKey=", "the key of a storage account", (60, 200), is_encoded),
    form("SharedAccessKey=", "the key of a service bus", (40, 200), is_encoded),
    form("eyJ", "a token", (60, 10_000), is_token),
    form("ghp_", "a token of GitHub", (36, 255), is_word),
    form("github_pat_", "a token of GitHub", (40, 255), is_word),
    form("glpat-", "a token of GitLab", (20, 100), is_word),
    form("AKIA", "a key of Amazon", (16, 16), is_upper),
    form("AIza", "a key of Google", (35, 35), is_word),
    form("sk_live_", "a key of Stripe", (24, 200), is_word),
    form("SG.", "a key of SendGrid", (60, 80), is_token),
    form("xoxb-", "a token of Slack", (40, 200), is_word),
    form("xoxp-", "a token of Slack", (40, 200), is_word),
    form("Bearer ", "a token", (40, 10_000), is_token),
];

fn is_encoded(c: char) -> bool {
    c.is_ascii_alphanumeric() || "%_-+/=".contains(c)
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._-~+/=".contains(c)
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

const fn is_upper(c: char) -> bool {
    c.is_ascii_uppercase() || c.is_ascii_digit()
}

/// Everything in a text that has the form of a secret, and what it is.
pub(crate) fn recognized(text: &str) -> Vec<(Range<usize>, &'static str)> {
    let mut found: Vec<(Range<usize>, &'static str)> = Vec::new();
    for form in FORMS {
        for (at, _) in text.match_indices(form.begins) {
            let Some(rest) = text.get(at + form.begins.len()..) else { continue };
            let length = rest.find(|c: char| !(form.may_hold)(c)).unwrap_or(rest.len());
            let Some(secret) = rest.get(..length) else { continue };
            let continues = text.get(..at).and_then(|it| it.chars().next_back());
            let is_inside = continues.is_some_and(is_word) && form.begins != "sig=";
            let end = at + form.begins.len() + length;
            let is_known = found.iter().any(|(it, _)| it.start < end && at < it.end);
            let fits = (form.length.0..=form.length.1).contains(&length) && has_form(form, secret);
            if fits && !is_inside && !is_known && !is_placeholder(secret) && is_random(secret, 3.5)
            {
                found.push((at..end, form.what));
            }
        }
    }
    private_keys(text, &mut found);
    found.sort_by_key(|(range, _)| range.start);
    found
}

fn has_form(form: &Form, secret: &str) -> bool {
    match form.begins {
        // A token has three parts, of which the second begins like the first.
        "eyJ" => secret.split_once('.').is_some_and(|(_, rest)| rest.starts_with("eyJ")),
        "sig=" | "Bearer " => has_digit_and_letter(secret),
        _ => true,
    }
}

fn private_keys(text: &str, found: &mut Vec<(Range<usize>, &'static str)>) {
    for (at, marker) in text.match_indices("PRIVATE KEY-----") {
        let begin = text.get(..at).and_then(|it| it.rfind("-----BEGIN ")).filter(|it| at - it < 40);
        let Some(begin) = begin else { continue };
        let end = at + marker.len();
        let rest = text.get(end..).unwrap_or("");
        let body = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\\' || c == 'n');
        let length = body.find(|c: char| !is_encoded(c)).unwrap_or(body.len());
        if 40 <= length {
            found.push((begin..end, "a private key"));
        }
    }
}

/// Keys behind which secrets stand, without case and marks.
const KEYS: &[&str] = &[
    "accesskey",
    "accesstoken",
    "accountkey",
    "apikey",
    "apisecret",
    "apitoken",
    "appsecret",
    "authtoken",
    "bearertoken",
    "clientsecret",
    "connectionstring",
    "functionkey",
    "ocpapimsubscriptionkey",
    "passphrase",
    "password",
    "privatekey",
    "pwd",
    "refreshtoken",
    "secret",
    "secretkey",
    "securitytoken",
    "sharedaccesskey",
    "sharedkey",
    "subscriptionkey",
    "xapikey",
    "xfunctionskey",
];

/// What a text behind a key is, if the key is one of secrets.
pub(crate) fn named(key: &str, text: &str) -> Option<Grade> {
    let key: String =
        key.chars().filter(char::is_ascii_alphanumeric).map(|it| it.to_ascii_lowercase()).collect();
    KEYS.contains(&key.as_str()).then(|| guess(text)).flatten()
}

const SURE_CHARS_MIN: usize = 16;
const LIKELY_CHARS_MIN: usize = 8;

/// Whether a text is made up by a machine, or a password.
pub(crate) fn guess(text: &str) -> Option<Grade> {
    let length = text.chars().count();
    if length < LIKELY_CHARS_MIN || is_placeholder(text) || !has_digit_and_letter(text) {
        return None;
    }
    let sure = SURE_CHARS_MIN <= length && is_random(text, 3.3) && !text.contains(' ');
    Some(if sure { Grade::Sure } else { Grade::Likely })
}

fn has_digit_and_letter(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_digit()) && text.contains(|c: char| c.is_ascii_alphabetic())
}

/// Words of what people write in the place of a secret.
const PLACEHOLDERS: &[&str] = &[
    "abcdef",
    "change",
    "dummy",
    "example",
    "fake",
    "here",
    "insert",
    "mock",
    "parameter",
    "password",
    "placeholder",
    "redact",
    "replace",
    "sample",
    "secret",
    "test",
    "todo",
    "xxx",
    "your",
    "00000000",
    "12345678",
    "***",
    "...",
];

/// What only stands in the place of a secret, or is computed.
fn is_placeholder(text: &str) -> bool {
    let lower = text.to_lowercase();
    text.contains(['<', '>', '{', '}', '[', ']', '@', '$', '#', '(', ')'])
        || PLACEHOLDERS.iter().any(|it| lower.contains(it))
}

/// Whether the characters are as mixed as those that a machine has drawn: bits of information in each.
fn is_random(text: &str, bits_min: f64) -> bool {
    let mut counts = std::collections::BTreeMap::new();
    let mut total = 0_u32;
    for c in text.chars() {
        *counts.entry(c).or_insert(0_u32) += 1;
        total += 1;
    }
    let share = |count: &u32| f64::from(*count) / f64::from(total.max(1));
    let bits: f64 = counts.values().map(share).map(|it| -it * it.log2()).sum();
    bits_min <= bits
}
