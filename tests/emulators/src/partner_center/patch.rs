//! JSON Patch as the Referrals API takes it: an array of `add` and `replace` on documented paths.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::rules::{Refusal, Shape, check_value, invalid, money};

const OPERATIONS_MAX: usize = 200;

/// The documented paths and what each may hold.
const PATHS: &[(&str, Shape)] = &[
    ("/campaignId", Shape::Text),
    ("/consent/consentToShareReferralWithMicrosoftSellers", Shape::Flag),
    ("/customerProfile/team", Shape::Members),
    ("/customerProfile/team/-", Shape::Member),
    ("/details/closingDateTime", Shape::Instant),
    ("/details/currency", Shape::Currency),
    ("/details/dealValue", Shape::Money),
    ("/details/notes", Shape::Text),
    ("/details/requirements/solutions", Shape::Solutions),
    ("/details/requirements/solutions/-", Shape::Solution),
    ("/externalReferenceId", Shape::Text),
    ("/referralProgram", Shape::Text),
    ("/salesStage", Shape::Text),
    ("/status", Shape::Text),
    ("/statusReason", Shape::Text),
    ("/substatus", Shape::Text),
    ("/team", Shape::Members),
    ("/team/-", Shape::Member),
];

/// The paths of deal registration, below `/registrations/0`.
const REGISTRATION_PATHS: &[&str] = &[
    "/contract/startDateTime",
    "/contract/endDateTime",
    "/contract/signDateTime",
    "/contract/term",
    "/contract/value",
    "/solutionDetails/0/value",
    "/solutionDetails/0/currency",
    "/solutionDetails/0/isDeployedOnAzure",
    "/solutionDetails/0/primaryDeploymentOn",
    "/solutionDetails/0/pricingModel",
    "/solutionDetails/0/marketplaceTransactionDetails/isMarketplaceTransacted",
    "/solutionDetails/0/marketplaceTransactionDetails/marketplaceTransactionDateTime",
];

/// A patch that was read and whose every operation is allowed.
pub(crate) struct Patch(Vec<Operation>);

struct Operation {
    add: bool,
    path: String,
    value: Value,
}

impl Patch {
    pub(crate) fn read(body: &Value) -> Result<Self, Refusal> {
        let Value::Array(items) = body else {
            return Err(invalid("body", "the body must be an array of JSON Patch operations"));
        };
        if items.is_empty() || items.len() > OPERATIONS_MAX {
            return Err(invalid("body", "the number of operations is out of bounds"));
        }
        items.iter().map(Operation::read).collect::<Result<_, _>>().map(Self)
    }

    /// Whether it only concerns deal registration, which is open to deals already won.
    pub(crate) fn is_registration(&self) -> bool {
        self.0.iter().all(|it| it.path.starts_with("/registrations/"))
    }

    /// Applies every operation, or leaves the first refusal to a caller who discards `referral`.
    pub(crate) fn apply(&self, referral: &mut Map<String, Value>) -> Result<(), Refusal> {
        let mut whole = Value::Object(std::mem::take(referral));
        let applied = self.0.iter().try_for_each(|it| it.apply(&mut whole));
        *referral = crate::seed::object(whole);
        applied
    }
}

impl Operation {
    fn read(item: &Value) -> Result<Self, Refusal> {
        let text = |name: &str| item.get(name).and_then(Value::as_str);
        let path = text("path").ok_or_else(|| invalid("path", "an operation needs a `path`"))?;
        let add = match text("op") {
            Some("add") => true,
            Some("replace") => false,
            _ => return Err(invalid(path, "only `add` and `replace` are supported")),
        };
        let value = item.get("value").ok_or_else(|| invalid(path, "`value` is missing"))?;
        let shape = shape(path).ok_or_else(|| invalid(path, "the path cannot be patched"))?;
        if !add && path.ends_with("/-") {
            return Err(invalid(path, "there is nothing to replace after the last element"));
        }
        check_value(path, shape, value)?;
        let value = if shape == Shape::Money { money(value) } else { Some(value.clone()) };
        Ok(Self { add, path: path.to_owned(), value: value.unwrap_or_default() })
    }

    fn apply(&self, referral: &mut Value) -> Result<(), Refusal> {
        if self.path == "/registrations/-" {
            let mut value = self.value.clone();
            if let Value::Object(fields) = &mut value {
                fields.insert("id".to_owned(), json!(Uuid::new_v4().to_string()));
                fields.insert("status".to_owned(), json!("ReviewPending"));
            }
            if let Some(fields) = referral.as_object_mut() {
                fields.insert("registrationStatus".to_owned(), json!("ReviewPending"));
            }
            return put(referral, &self.path, value, true);
        }
        put(referral, &self.path, self.value.clone(), self.add)
    }
}

fn shape(path: &str) -> Option<Shape> {
    if path == "/registrations/-" {
        return Some(Shape::Anything);
    }
    if let Some(rest) = path.strip_prefix("/registrations/0") {
        return REGISTRATION_PATHS.contains(&rest).then_some(Shape::Anything);
    }
    PATHS.iter().find(|(known, _)| *known == path).map(|(_, shape)| *shape)
}

/// Sets the value a pointer names; missing objects on the way are made, missing elements are not.
fn put(whole: &mut Value, path: &str, value: Value, add: bool) -> Result<(), Refusal> {
    let missing = || invalid(path, "the path does not exist");
    let (parents, last) = path.rsplit_once('/').ok_or_else(missing)?;
    let mut place = whole;
    for name in parents.split('/').skip(1) {
        place = match place {
            Value::Array(items) => {
                name.parse::<usize>().ok().and_then(|at| items.get_mut(at)).ok_or_else(missing)?
            }
            Value::Object(fields) => {
                let empty = if last == "-" { json!([]) } else { json!({}) };
                let entry = fields.entry(name).or_insert(Value::Null);
                if entry.is_null() {
                    *entry = empty;
                }
                entry
            }
            _ => return Err(missing()),
        };
    }
    match place {
        Value::Array(items) if last == "-" && add => items.push(value),
        Value::Object(fields) => {
            fields.insert(last.to_owned(), value);
        }
        _ => return Err(missing()),
    }
    Ok(())
}
