//! The first data of Partner Center and Dataverse; every company and person is made up.

use serde_json::{Map, Value, json};

/// The organisation that owns the partner's referrals.
pub(crate) const PARTNER_ID: &str = "b97870f2-fb0f-4b44-b597-992d4ecbe23d";
pub(crate) const PARTNER_NAME: &str = "Fabrikam Partner Inc";
pub(crate) const PARTNER_MPN: &str = "6115379";

pub(crate) const USER_ID: &str = "75c2dd85-e89e-4711-8122-000d3aa2331c";
pub(crate) const BUSINESS_UNIT_ID: &str = "1b0f6f0e-7a34-4f0c-9a2a-5c3a6f1d2e01";
pub(crate) const COLLEAGUE_ID: &str = "86d3ee96-f9af-4822-9233-111e4bb3442d";
const STRANGER_ID: &str = "97e4ffa7-0ab0-4933-a344-222f5cc4553e";
const CHILD_UNIT_ID: &str = "2c107f1f-8b45-4150-8b3b-6d4b702e3f12";
const OTHER_UNIT_ID: &str = "3d218020-9c56-4261-9c4c-7e5c813f4023";
pub(crate) const ORGANIZATION_ID: &str = "5d1f3c9e-64cf-4c6f-8a93-2a1f6f0b7c02";
pub(crate) const CURRENCY_USD: &str = "a1d5c5f2-0c0b-4a3e-9d61-2f4b8c7e5d03";
pub(crate) const CURRENCY_EUR: &str = "b2e6d6a3-1d1c-4b4f-8e72-3a5c9d8f6e04";

/// Rows present in every new Dataverse: table, id, columns.
pub(crate) fn rows() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("transactioncurrencies", CURRENCY_USD, currency("USD", "US Dollar", "$", 1.0)),
        ("transactioncurrencies", CURRENCY_EUR, currency("EUR", "Euro", "€", 0.92)),
        ("businessunits", BUSINESS_UNIT_ID, json!({ "name": "Fabrikam Partner Inc" })),
        ("businessunits", CHILD_UNIT_ID, unit("Fabrikam West", BUSINESS_UNIT_ID)),
        ("businessunits", OTHER_UNIT_ID, unit("Fabrikam Services", CHILD_UNIT_ID)),
        ("systemusers", USER_ID, person("Kyle", "Todd", BUSINESS_UNIT_ID)),
        ("systemusers", COLLEAGUE_ID, person("Ana", "Bowman", BUSINESS_UNIT_ID)),
        ("systemusers", STRANGER_ID, person("Lee", "Gu", CHILD_UNIT_ID)),
    ]
}

fn unit(name: &str, parent: &str) -> Value {
    json!({ "name": name, "_parentbusinessunitid_value": parent })
}

fn person(first: &str, last: &str, unit: &str) -> Value {
    let address = format!("{first}.{last}@fabrikam.example").to_lowercase();
    json!({
        "fullname": format!("{first} {last}"), "firstname": first, "lastname": last,
        "internalemailaddress": address, "domainname": address, "isdisabled": false,
        "address1_telephone1": "5550100",
        "_businessunitid_value": unit,
    })
}

fn currency(code: &str, name: &str, symbol: &str, rate: f64) -> Value {
    json!({
        "isocurrencycode": code, "currencyname": name, "currencysymbol": symbol,
        "exchangerate": rate,
    })
}

/// Every field of a referral with the value it has when nobody said anything.
pub(crate) fn blank_referral() -> Map<String, Value> {
    let mut blank = object(blank_head());
    blank.extend(object(blank_sections()));
    blank
}

fn blank_head() -> Value {
    json!({
        "@odata.context":
            "https://api.partner.microsoft.com/v1.0/engagements/referrals/$metadata#Referrals/$entity",
        "id": null, "engagementId": null, "name": null,
        "organizationId": PARTNER_ID, "organizationName": PARTNER_NAME,
        "lastModifiedVia": null, "lastRunId": null, "externalReferenceId": null,
        "createdDateTime": null, "updatedDateTime": null, "expirationDateTime": null,
        "status": "New", "substatus": "Pending", "statusReason": null,
        "qualification": "SalesQualified", "type": "Independent", "referralSource": null,
        "eTag": null, "favorite": false, "campaignId": null, "salesStage": null,
        "quality": "Unknown", "isSpam": false, "direction": "Outgoing", "mpnId": PARTNER_MPN,
        "referralProgram": null, "dealSensitivity": "None", "createdVia": null, "tags": [],
        "acceptedDateTime": null, "closedDateTime": null, "callToAction": null,
        "registrationStatus": "None", "target": [],
    })
}

fn blank_sections() -> Value {
    json!({
        "customerProfile": {
            "name": null, "size": "", "isMatchingComplete": true,
            "address": {
                "addressLine1": null, "addressLine2": "", "city": null, "state": null,
                "postalCode": null, "country": null, "region": null,
            },
            "team": [], "ids": [],
        },
        "consent": {
            "consentToToShareInfoWithOthers": false, "consentToContact": false,
            "consentToMicrosoftToContactSpecificPartners": false,
            "consentToShareReferralWithMicrosoftSellers": false,
        },
        "details": {
            "notes": null, "dealValue": null, "currency": null, "closingDateTime": null,
            "customerRequestedContact": null, "customerAction": null, "incentiveLevel": null,
            "requirements": {
                "industries": [], "products": [], "services": [], "solutions": [], "offers": [],
                "salesPlays": [], "additionalRequirements": {},
            },
        },
        "team": [],
        "inviteContext": {
            "notes": null, "assistanceRequestCode": "Unknown", "invitedMpnId": null,
            "invitedBy": { "organizationId": PARTNER_ID, "organizationName": PARTNER_NAME },
        },
        "links": {},
        "trackingInfo": {
            "microsoftMsxId": null, "microsoftUSFedOpportunityId": null,
            "microsoftUSFedLeadId": null, "migratedPSCDealId": null, "migratedPSCPartnerDealId": null,
        },
        "registrations": [],
    })
}

/// What Microsoft's own referrals say unless told otherwise: incoming, shared, to be answered.
pub(crate) fn incoming_referral() -> Map<String, Value> {
    let incoming = json!({
        "name": "Contoso analytics migration", "type": "Shared", "direction": "Incoming",
        "target": [{ "type": "SolutionProfile", "id": "SOL-6115380-IPC" }],
        "customerProfile": {
            "name": "Contoso Customer Inc",
            "address": {
                "addressLine1": "One Main Street", "city": "Redmond", "postalCode": "98052",
                "country": "US", "region": "WA",
            },
            "team": [member("Sue", "Smith", "sue.smith@contoso.example", "1234567890")],
        },
        "consent": {
            "consentToToShareInfoWithOthers": true, "consentToContact": true,
            "consentToShareReferralWithMicrosoftSellers": true,
        },
        "details": {
            "notes": "Needs a supply chain rollout", "dealValue": 30000, "currency": "USD",
            "closingDateTime": "2027-06-24T00:00:00Z",
            "requirements": { "solutions": [{
                "id": "SOL-6115380-IPC", "name": "Fabrikam Analytics", "type": "Name",
                "price": null, "quantity": null, "currency": null, "publisherName": null,
                "solutionType": null, "closingDateTime": null,
            }] },
        },
        "team": [member("Kyle", "Todd", "kyle.todd@fabrikam.example", "5550100")],
        "inviteContext": {
            "notes": "Please help this customer", "assistanceRequestCode": "GeneralOrOther",
            "invitedMpnId": PARTNER_MPN,
            "invitedBy": { "organizationId": "msft", "organizationName": "Microsoft" },
        },
    });
    let mut referral = blank_referral();
    merge(&mut referral, &object(incoming));
    referral
}

fn member(first: &str, last: &str, email: &str, phone: &str) -> Value {
    json!({
        "firstName": first, "lastName": last, "phoneNumber": phone, "email": email, "title": null,
        "contactPreference": { "locale": "en-us", "disableNotifications": null },
    })
}

/// The members of an object; a plain value has none.
pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// Merges `changes` into `target` member by member; arrays and plain values are replaced.
pub(crate) fn merge(target: &mut Map<String, Value>, changes: &Map<String, Value>) {
    for (name, change) in changes {
        match (target.get_mut(name), change) {
            (Some(Value::Object(inner)), Value::Object(change)) => merge(inner, change),
            _ => {
                target.insert(name.clone(), change.clone());
            }
        }
    }
}
