//! Which values somebody else decides about, and what makes them harmless.

use expr::{Type, check::Pass};
use flow::{Flow, TriggerKind};

use crate::sources::{Source, Traced};

/// How little is known of who starts a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trust {
    /// Whoever knows the address.
    Anybody,
    /// A service, a person or another flow; what they hand on is often somebody else's text.
    Known,
}

/// Who starts a flow.
pub(crate) fn trust(flow: &Flow) -> Trust {
    let open = flow.triggers.iter().any(|it| match &it.kind {
        TriggerKind::Request(request) => {
            let by_platform =
                request.kind.as_deref().is_some_and(|it| !it.eq_ignore_ascii_case("Http"));
            request.verify.is_none() && !by_platform
        }
        TriggerKind::HttpWebhook(_) => true,
        TriggerKind::Manual(_)
        | TriggerKind::Recurrence(_)
        | TriggerKind::ApiConnection(_)
        | TriggerKind::Http(_)
        | TriggerKind::Flow(_)
        | TriggerKind::Batch(_)
        | TriggerKind::Unsupported(_) => false,
    });
    if open { Trust::Anybody } else { Trust::Known }
}

/// Whether a value comes from outside and may still be any text.
pub(crate) fn is_any_text(value: &Traced) -> bool {
    value.source == Source::Trigger
        && may_be_any_text(&value.ty)
        && !value.through.iter().any(fixes)
}

/// Whether a type leaves open which text a value is.
fn may_be_any_text(ty: &Type) -> bool {
    let holds_text = ty.may_be_text() || ty.fits(&Type::ArrayOrObject);
    holds_text && ty.constants().is_none()
}

/// Whether what a function gives is of a form that holds nothing unexpected.
fn fixes(pass: &Pass) -> bool {
    let Some(function) = expr::functions::find(&pass.function) else { return false };
    let plain = ["base64", "guid", "hmacSha256", "sha256", "uuidv5", "formatNumber"];
    !function.returns.may_be_text()
        || function.family == "Date and time"
        || plain.contains(&function.name)
}

/// Whether a value passes through one of these functions, or has this text replaced.
pub(crate) fn passes(value: &Traced, functions: &[&str], replaced: &[&str]) -> bool {
    value.through.iter().any(|pass| {
        let text = |at: usize| pass.constants.get(at).and_then(Option::as_ref)?.as_str();
        let replaces =
            pass.function == "replace" && text(1).is_some_and(|it| replaced.contains(&it));
        functions.contains(&pass.function.as_str()) || replaces
    })
}
