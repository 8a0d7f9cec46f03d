//! Credentials or personal data that the records of runs show.

use base::{Diagnostic, Sink, code};
use connector::model::Effect;
use expr::Dialect;
use flow::{Action, ActionId, ActionKind};

use super::secret_leak::{PROOFS, holds_secret};
use crate::{
    edits,
    given::{self, Use},
    rule::{Hooks, Phase, Rule},
    service::Access,
    view::{Owner, Place, View},
};

pub(super) const RULE: Rule = Rule {
    code: code::SECURE_IO_MISSING,
    phase: Phase::Project,
    summary: "Credentials or personal data are sent or fetched, and the records of runs show them.",
    hooks: Hooks { action: Some(check), ..Hooks::NONE },
};

/// Names of what nobody should read in a record, folded: credentials, then personal data.
const NAMES: &[&str] = &[
    "password",
    "passwd",
    "pwd",
    "clientsecret",
    "secret",
    "apikey",
    "accesstoken",
    "refreshtoken",
    "privatekey",
    "clientassertion",
    "ssn",
    "socialsecuritynumber",
    "passportnumber",
    "taxid",
    "iban",
    "creditcard",
    "creditcardnumber",
    "cardnumber",
    "dateofbirth",
    "birthdate",
];

fn check(view: &View<'_>, id: ActionId, sink: &mut Sink) {
    let action = view.flow.action(id);
    let (span, asks) = match &action.kind {
        ActionKind::Http(_) => (action.name_span, true),
        ActionKind::ApiConnection(it) => (it.target_span, true),
        _ => (action.name_span, false),
    };
    if !asks {
        return;
    }
    if !action.secure_inputs
        && let Some(name) = sent(view, id)
    {
        let message = format!("records of runs show `{name}`");
        let found = Diagnostic::new(RULE.code, span, message);
        let wanted =
            if action.secure_outputs { "secure: [inputs, outputs]" } else { "secure: [inputs]" };
        sink.push(secured(view, action, found.hint("add `secure: [inputs]`"), wanted));
    }
    if !action.secure_outputs && gets_secret(view, id) {
        let message = "records of runs show the credentials that this gets";
        let found = Diagnostic::new(RULE.code, span, message);
        let found = found.hint("add `secure: [inputs, outputs]`");
        sink.push(secured(view, action, found, "secure: [inputs, outputs]"));
    }
}

/// The finding with the key that mends it.
fn secured(view: &View<'_>, action: &Action, found: Diagnostic, wanted: &str) -> Diagnostic {
    let entry = view.locator().entry(action.name_span, &["secure"]);
    let edit = match entry.filter(|_| view.flow.dialect == Dialect::Flowright) {
        Some(entry) => Some((entry.key.span.to(entry.value.span), wanted.to_owned())),
        None => edits::with_key(view, action.name_span, wanted),
    };
    match edit {
        Some((span, text)) => found.fix(span, text, format!("Write `{wanted}`")),
        None => found,
    }
}

/// The name of something sensitive that is sent, unless it is known to be a secret, which is
/// another rule's.
fn sent(view: &View<'_>, id: ActionId) -> Option<String> {
    let action = view.flow.action(id);
    let place = Place::start(Owner::Action(id));
    let access = Access::of(view, id);
    // What the operation does not take is not sent.
    let takes = |key: &str| {
        access.as_ref().and_then(|it| it.known).is_none_or(|(_, operation)| {
            let first = key.split('/').next().unwrap_or(key);
            let body = operation.body.is_some() && operation.body_param == first;
            body || operation.params.iter().any(|it| it.is_for(key) && !it.internal)
        })
    };
    for (to, tree) in given::values(action) {
        let shown = match to {
            Use::Input => true,
            Use::Request(part) => part == "headers" || part == "body" || part == "queries",
            _ => false,
        };
        if !shown {
            continue;
        }
        let mut declared = Vec::new();
        given::placed(tree, &mut |key, placed| {
            if holds_secret(view, placed, place) {
                declared.push(key.to_owned());
            }
        });
        let found = given::keys(tree).into_iter().find(|key| {
            let name = key.rsplit('/').next().unwrap_or(key);
            is_sensitive(name)
                && takes(key)
                && !declared.contains(key)
                && !(to == Use::Request("headers")
                    && PROOFS.iter().any(|it| it.eq_ignore_ascii_case(name)))
        });
        if let Some(key) = found {
            return Some(key.rsplit('/').next().unwrap_or(&key).to_owned());
        }
    }
    None
}

fn is_sensitive(name: &str) -> bool {
    let folded: String = name.chars().filter(|it| it.is_alphanumeric()).collect();
    let folded = folded.to_lowercase();
    NAMES.contains(&folded.as_str())
        || ["password", "clientsecret", "apikey"].iter().any(|it| folded.ends_with(it))
}

/// Whether an action fetches a secret or a token.
fn gets_secret(view: &View<'_>, id: ActionId) -> bool {
    match &view.flow.action(id).kind {
        ActionKind::Http(it) => {
            let mut asks =
                it.request.uri.constant().is_some_and(|it| is_token(&expr::to_text(&it)));
            it.request.uri.templates(&mut |placed| asks |= is_token(placed.template.source()));
            asks
        }
        ActionKind::ApiConnection(_) => Access::of(view, id).is_some_and(|it| {
            let name = it.operation.to_ascii_lowercase();
            it.effect == Effect::Read
                && name.starts_with("get")
                && name.contains("secret")
                && !name.contains("metadata")
        }),
        _ => false,
    }
}

fn is_token(address: &str) -> bool {
    let address = address.to_ascii_lowercase();
    address.contains("/oauth2/") && address.contains("token") || address.ends_with("/oauth/token")
}
