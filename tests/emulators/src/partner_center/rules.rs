//! What Partner Center accepts: required fields, enumerations, the life cycle, the consent ratchet.

use serde_json::{Map, Value};

use crate::http::Answer;

/// A request that is not accepted, as the Referrals API says it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) target: String,
}

impl Refusal {
    pub(crate) fn new(status: u16, code: &'static str, target: &str, message: &str) -> Self {
        Self { status, code, message: message.to_owned(), target: target.to_owned() }
    }

    pub(crate) fn answer(&self) -> Answer {
        let error = serde_json::json!({
            "error": { "code": self.code, "message": self.message, "target": self.target }
        });
        Answer::json(self.status, &error)
    }
}

/// 400 with the field that is wrong.
pub(crate) fn invalid(target: &str, message: &str) -> Refusal {
    Refusal::new(400, "invalidRequest", target, message)
}

type Fields = Map<String, Value>;
type Checked = Result<(), Refusal>;

/// Fields a caller may set when creating or replacing a referral.
pub(crate) const SETTABLE: &[&str] = &[
    "name",
    "externalReferenceId",
    "status",
    "substatus",
    "statusReason",
    "type",
    "qualification",
    "campaignId",
    "salesStage",
    "referralProgram",
    "target",
    "customerProfile",
    "consent",
    "details",
    "team",
    "inviteContext",
];
const DETAILS: &[&str] = &[
    "notes",
    "dealValue",
    "currency",
    "closingDateTime",
    "customerRequestedContact",
    "customerAction",
    "incentiveLevel",
    "requirements",
];
const CUSTOMER: &[&str] = &["name", "size", "isMatchingComplete", "address", "team", "ids"];
const ADDRESS: &[&str] =
    &["addressLine1", "addressLine2", "city", "state", "postalCode", "country", "region"];
const CONSENT: &[&str] = &[
    "consentToToShareInfoWithOthers",
    "consentToContact",
    "consentToMicrosoftToContactSpecificPartners",
    SHARE,
];
const MEMBER: &[&str] =
    &["firstName", "lastName", "phoneNumber", "email", "title", "contactPreference"];
const MEMBER_REQUIRED: &[&str] = &["firstName", "lastName", "phoneNumber", "email"];
pub(crate) const SHARE: &str = "consentToShareReferralWithMicrosoftSellers";

const TYPES: &[&str] = &["Independent", "Shared"];
const QUALIFICATIONS: &[&str] = &["None", "Direct", "MarketingQualified", "SalesQualified"];
const ASSISTANCE: &[&str] = &[
    "Unknown",
    "GeneralOrOther",
    "CustomerTechnicalArchitecture",
    "ProofOfConceptOrDemo",
    "QuotesOrLicensing",
    "PostSalesCustomerSuccess",
    "WorkloadSpecificValueProposition",
];
const SIZES: &[&str] = &[
    "",
    "1to50employees",
    "51to500employees",
    "Morethan500employees",
    "1to9employees",
    "10to50employees",
    "51to250employees",
    "251to1000employees",
    "1001to5000employees",
    "5001to10000employees",
    "10001to20000employees",
    "Morethan20000employees",
];
const TARGETS: &[&str] = &["None", "BusinessProfileLocation", "SolutionProfile"];

/// ISO 3166-1 alpha-2, officially assigned codes.
const COUNTRIES: &str = "\
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT \
BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH \
ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT \
HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS \
LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI \
NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG \
SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG \
UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

/// The value at a `/`-separated path; null when something on the way is absent.
pub(crate) fn at<'a>(fields: &'a Fields, path: &str) -> &'a Value {
    let mut names = path.split('/');
    let first = names.next().and_then(|name| fields.get(name));
    let found = names.fold(first, |value, name| value.and_then(|it| it.get(name)));
    found.unwrap_or(&Value::Null)
}

fn text<'a>(fields: &'a Fields, path: &str) -> &'a str {
    at(fields, path).as_str().unwrap_or_default()
}

/// The rules of a whole referral, whether it is created or replaced.
pub(crate) fn check_whole(body: &Fields) -> Checked {
    check_names(body)?;
    for name in ["type", "customerProfile", "consent", "details"] {
        if at(body, name).is_null() {
            return Err(invalid(name, &format!("`{name}` is required")));
        }
    }
    for path in ["name", "customerProfile/name", "details/closingDateTime", "details/currency"] {
        if text(body, path).is_empty() {
            return Err(invalid(path, &format!("`{path}` is required")));
        }
    }
    if at(body, "details/dealValue").is_null() {
        return Err(invalid("details/dealValue", "`details/dealValue` is required"));
    }
    check_enums(body)?;
    check_value("details/dealValue", Shape::Money, at(body, "details/dealValue"))?;
    check_value("details/currency", Shape::Currency, at(body, "details/currency"))?;
    check_value("details/closingDateTime", Shape::Instant, at(body, "details/closingDateTime"))?;
    let country = text(body, "customerProfile/address/country");
    if !COUNTRIES.split(' ').any(|code| code == country) {
        let target = "customerProfile/address/country";
        return Err(invalid(target, "the country must be an ISO 3166-1 alpha-2 code"));
    }
    check_sharing(body)
}

/// What only a new referral must have; older ones may lack it.
pub(crate) fn check_new(body: &Fields) -> Checked {
    check_whole(body)?;
    check_people(body)?;
    let attributes = at(body, "details/requirements/additionalRequirements/attributes");
    let intent = attributes.as_array().into_iter().flatten().any(|it| {
        it.get("type").and_then(Value::as_str) == Some("CustomerMarketplaceIntent")
            && matches!(it.get("id").and_then(Value::as_str), Some("Yes" | "No" | "HaveNotDecided"))
    });
    if !intent {
        let target = "details/requirements/additionalRequirements/attributes";
        return Err(invalid(target, "the attribute `CustomerMarketplaceIntent` is required"));
    }
    Ok(())
}

/// Names nobody knows are refused, so that a misspelt field is not lost in silence.
fn check_names(body: &Fields) -> Checked {
    let blank = crate::seed::blank_referral();
    for name in body.keys() {
        if name == "links" {
            return Err(invalid("links", "`links` must not be sent"));
        }
        if !blank.contains_key(name) && !name.starts_with("@odata.") {
            return Err(invalid(name, &format!("the property `{name}` does not exist")));
        }
    }
    let sections = [
        ("details", DETAILS),
        ("customerProfile", CUSTOMER),
        ("customerProfile/address", ADDRESS),
        ("consent", CONSENT),
    ];
    for (path, known) in sections {
        match at(body, path) {
            Value::Null => {}
            Value::Object(section) => {
                if let Some(name) = section.keys().find(|it| !known.contains(&it.as_str())) {
                    let target = format!("{path}/{name}");
                    return Err(invalid(&target, &format!("the property `{name}` does not exist")));
                }
            }
            _ => return Err(invalid(path, &format!("`{path}` must be an object"))),
        }
    }
    Ok(())
}

fn check_enums(body: &Fields) -> Checked {
    let enums = [
        ("type", TYPES),
        ("qualification", QUALIFICATIONS),
        ("customerProfile/size", SIZES),
        ("inviteContext/assistanceRequestCode", ASSISTANCE),
    ];
    for (path, allowed) in enums {
        let value = at(body, path);
        if !value.is_null() && !value.as_str().is_some_and(|it| allowed.contains(&it)) {
            return Err(invalid(path, &format!("`{path}` has an unknown value")));
        }
    }
    for target in at(body, "target").as_array().into_iter().flatten() {
        let kind = target.get("type").and_then(Value::as_str).unwrap_or_default();
        if !TARGETS.contains(&kind) {
            return Err(invalid("target", "`target` has an unknown type"));
        }
    }
    for (name, value) in at(body, "consent").as_object().into_iter().flatten() {
        if !value.is_boolean() {
            return Err(invalid(&format!("consent/{name}"), "a consent must be true or false"));
        }
    }
    Ok(())
}

fn check_people(body: &Fields) -> Checked {
    check_value("team", Shape::Members, at(body, "team"))?;
    let complete = at(body, "team").as_array().is_some_and(|all| all.iter().any(is_complete));
    if !complete {
        return Err(invalid("team", "one contact with name, phone and e-mail is required"));
    }
    let customer = at(body, "customerProfile/team");
    if !customer.is_null() {
        check_value("customerProfile/team", Shape::Members, customer)?;
    }
    let code = text(body, "inviteContext/assistanceRequestCode");
    let help = !code.is_empty() && code != "Unknown";
    if help && !customer.as_array().is_some_and(|all| all.iter().any(is_complete)) {
        let target = "customerProfile/team";
        return Err(invalid(target, "asking for help requires a customer contact"));
    }
    Ok(())
}

fn is_complete(member: &Value) -> bool {
    let filled =
        |name: &&str| member.get(name).and_then(Value::as_str).is_some_and(|it| !it.is_empty());
    MEMBER_REQUIRED.iter().all(filled)
}

fn check_sharing(referral: &Fields) -> Checked {
    let shared = at(referral, "consent").get(SHARE) == Some(&Value::Bool(true));
    let solutions = at(referral, "details/requirements/solutions");
    if shared && solutions.as_array().is_none_or(Vec::is_empty) {
        let target = "details/requirements/solutions";
        return Err(invalid(target, "sharing with Microsoft requires a solution"));
    }
    if !solutions.is_null() {
        check_value("details/requirements/solutions", Shape::Solutions, solutions)?;
    }
    Ok(())
}

/// What a patched field may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Text,
    Flag,
    Money,
    Currency,
    Instant,
    Members,
    Member,
    Solutions,
    Solution,
    Anything,
}

pub(crate) fn check_value(path: &str, shape: Shape, value: &Value) -> Checked {
    let fits = match shape {
        Shape::Text => value.is_null() || value.is_string(),
        Shape::Flag => value.is_boolean(),
        Shape::Money => money(value).is_some(),
        Shape::Currency => {
            let code = value.as_str().unwrap_or_default();
            code.len() == 3 && code.bytes().all(|it| it.is_ascii_uppercase())
        }
        Shape::Instant => value.as_str().is_some_and(|it| it.parse::<jiff::Timestamp>().is_ok()),
        Shape::Members => value.as_array().is_some_and(|all| all.iter().all(is_member)),
        Shape::Member => is_member(value),
        Shape::Solutions => value.as_array().is_some_and(|all| all.iter().all(is_solution)),
        Shape::Solution => is_solution(value),
        Shape::Anything => true,
    };
    if fits {
        Ok(())
    } else {
        Err(invalid(path, &format!("`{path}` has a value that does not fit")))
    }
}

/// A number that is not negative; texts are read as numbers, as Partner Center's own sample has it.
pub(crate) fn money(value: &Value) -> Option<Value> {
    let number = match value {
        Value::Number(_) => value.clone(),
        Value::String(text) => serde_json::from_str(text.trim()).ok()?,
        _ => return None,
    };
    number.as_f64().filter(|it| *it >= 0.0).map(|_| number)
}

fn is_member(value: &Value) -> bool {
    value.as_object().is_some_and(|member| {
        member.iter().all(|(name, value)| match name.as_str() {
            "contactPreference" => value.is_object() || value.is_null(),
            _ => MEMBER.contains(&name.as_str()) && (value.is_string() || value.is_null()),
        })
    })
}

fn is_solution(value: &Value) -> bool {
    value.get("id").and_then(Value::as_str).is_some_and(|it| !it.is_empty())
}

/// Whether `after` may follow `before`; states between the two are not judged.
pub(crate) fn check_change(before: &Fields, after: &Fields) -> Checked {
    let (old, new) = (text(before, "status"), text(after, "status"));
    check_state(after)?;
    let allowed = matches!((old, new), ("New", _) | ("Active", "Active" | "Closed"));
    if !allowed {
        return Err(invalid("status", &format!("`{old}` cannot become `{new}`")));
    }
    let share = |fields| at(fields, "consent").get(SHARE) == Some(&Value::Bool(true));
    if share(before) && !share(after) {
        let target = format!("consent/{SHARE}");
        return Err(invalid(&target, "the consent to share cannot be withdrawn"));
    }
    if share(after) {
        check_sharing(after)?;
    }
    if at(after, "team").as_array().is_some_and(Vec::is_empty)
        && at(before, "team").as_array().is_some_and(|it| !it.is_empty())
    {
        return Err(invalid("team", "the last contact cannot be removed"));
    }
    Ok(())
}

/// Status, substatus and reason must go together.
pub(crate) fn check_state(referral: &Fields) -> Checked {
    let (status, substatus) = (text(referral, "status"), text(referral, "substatus"));
    let allowed: &[&str] = match status {
        "New" => &["Pending", "Received"],
        "Active" => &["Accepted"],
        "Closed" => &["Won", "Lost", "Declined", "Expired"],
        _ => return Err(invalid("status", "`status` has an unknown value")),
    };
    if !allowed.contains(&substatus) {
        let message = format!("the substatus `{substatus}` does not belong to `{status}`");
        return Err(invalid("substatus", &message));
    }
    let reason = text(referral, "statusReason").trim();
    if matches!(substatus, "Lost" | "Declined") && reason.is_empty() {
        return Err(invalid("statusReason", "closing as lost or declined requires a reason"));
    }
    Ok(())
}
