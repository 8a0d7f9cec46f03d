//! The Referrals API: read, create, replace, patch, and the other party's own changes.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::list;
use super::notice::Notice;
use super::patch::Patch;
use super::rules::{self, Refusal, at, invalid};
use super::{Fields, REFERRALS_PATH, Service, State, new_id};
use crate::clock::seven_digits;
use crate::http::{Answer, Request};
use crate::seed;

/// The organisation that owns the other side of a shared deal.
const MICROSOFT: &str = "msft";
/// How long a deal must have been open to be registered once it is won.
const REGISTERED_AFTER: SignedDuration = SignedDuration::from_hours(72);
/// How long a new referral waits for an answer before it expires.
const ANSWER_WITHIN: SignedDuration = SignedDuration::from_hours(14 * 24);

impl Service {
    pub(super) fn referrals(&self, request: &Request, rest: &str) -> Result<Answer, Refusal> {
        // The published connector calls `{id}`, `{id}/` and `{id}//`, three names of one resource.
        let id = rest.trim_matches('/').to_lowercase();
        if id.contains('/') || (!rest.is_empty() && !rest.starts_with('/')) {
            return Err(not_found("path"));
        }
        match (request.method.as_str(), id.as_str()) {
            ("GET", "") => list::list(&self.lock().oldest_first(), request, &self.url),
            ("POST", "") => self.create(request),
            (_, "") => Err(not_allowed()),
            ("GET", id) => {
                let state = self.lock();
                let referral = state.referrals.get(id).ok_or_else(|| not_found("id"))?;
                Ok(shown(200, referral))
            }
            ("PUT", id) => self.replace(request, id),
            ("PATCH", id) => self.patch(request, id),
            _ => Err(not_allowed()),
        }
    }

    fn create(&self, request: &Request) -> Result<Answer, Refusal> {
        let body = body(request)?;
        rules::check_new(&body)?;
        let mut referral = seed::blank_referral();
        let mut state = self.lock();
        if at(&body, "engagementId").is_null() {
            referral.insert("status".to_owned(), json!("Active"));
            referral.insert("substatus".to_owned(), json!("Accepted"));
        } else {
            state.join(&mut referral, &body)?;
        }
        take_settable(&mut referral, &body);
        rules::check_state(&referral)?;
        if at(&referral, "status") == "Closed" {
            return Err(invalid("status", "a referral cannot be created closed"));
        }
        let stamp = self.clock.tick();
        state.insert(&mut referral, stamp);
        self.notify(&state, "created", &referral, stamp);
        Ok(shown(200, &referral))
    }

    fn replace(&self, request: &Request, id: &str) -> Result<Answer, Refusal> {
        let mut state = self.lock();
        let before = state.referrals.get(id).ok_or_else(|| not_found("id"))?.clone();
        if request.header("if-match").is_none() {
            let text = "replacing a referral requires `If-Match`";
            return Err(Refusal::new(428, "preconditionFailed", "If-Match", text));
        }
        check_etag(request, &before)?;
        let body = body(request)?;
        rules::check_whole(&body)?;
        if body.get("id").and_then(Value::as_str).is_some_and(|it| it != id) {
            return Err(invalid("id", "the id in the body is another one"));
        }
        let mut after = before.clone();
        let blank = seed::blank_referral();
        for name in rules::SETTABLE {
            let kept = ["status", "substatus"].contains(name);
            if let Some(value) = blank.get(*name).filter(|_| !kept) {
                after.insert((*name).to_owned(), value.clone());
            }
        }
        take_settable(&mut after, &body);
        self.commit(&mut state, &before, &mut after)?;
        Ok(shown(200, &after))
    }

    fn patch(&self, request: &Request, id: &str) -> Result<Answer, Refusal> {
        let mut state = self.lock();
        let before = state.referrals.get(id).ok_or_else(|| not_found("id"))?.clone();
        check_etag(request, &before)?;
        check_media_type(request)?;
        let body = request.json().map_err(|error| invalid("body", &error))?;
        let patch = Patch::read(&body)?;
        let mut after = before.clone();
        patch.apply(&mut after)?;
        if patch.is_registration() && at(&before, "substatus") == "Won" {
            check_registrable(&before)?;
            self.store(&mut state, &mut after);
        } else {
            self.commit(&mut state, &before, &mut after)?;
        }
        if request.prefers("return=representation") {
            return Ok(shown(200, &after).with("preference-applied", "return=representation"));
        }
        Ok(Answer::empty(204).with("etag", text(&after, "eTag")))
    }

    /// Judges the whole change, then makes it and tells the subscriber.
    fn commit(
        &self,
        state: &mut State,
        before: &Fields,
        after: &mut Fields,
    ) -> Result<(), Refusal> {
        if is_microsofts(before) {
            let text = "the referral belongs to Microsoft";
            return Err(Refusal::new(403, "accessDenied", "organizationId", text));
        }
        if at(before, "status") == "Closed" {
            return Err(invalid("status", "a closed referral cannot be edited"));
        }
        rules::check_change(before, after)?;
        self.store(state, after);
        Ok(())
    }

    fn store(&self, state: &mut State, after: &mut Fields) {
        let stamp = self.clock.tick();
        state.update(after, stamp);
        self.notify(state, "updated", after, stamp);
    }

    pub(super) fn create_incoming(&self, given: &Fields) -> String {
        let mut referral = seed::incoming_referral();
        seed::merge(&mut referral, given);
        let mut state = self.lock();
        let stamp = self.clock.tick();
        state.insert(&mut referral, stamp);
        self.notify(&state, "created", &referral, stamp);
        text(&referral, "id").to_owned()
    }

    pub(super) fn patch_incoming(&self, id: &str, changes: &Fields) -> bool {
        let mut state = self.lock();
        let Some(mut referral) = state.referrals.get(id).cloned() else { return false };
        seed::merge(&mut referral, changes);
        referral.insert("id".to_owned(), json!(id));
        state.accept(&mut referral);
        self.store(&mut state, &mut referral);
        true
    }

    /// Closes the new referrals nobody answered in time.
    pub(super) fn expire(&self) {
        let now = self.clock.now();
        let mut state = self.lock();
        let due: Vec<Fields> = state
            .referrals
            .values()
            .filter(|it| at(it, "status") == "New")
            .filter(|it| instant(it, "expirationDateTime").is_some_and(|end| end <= now))
            .cloned()
            .collect();
        for mut referral in due {
            referral.insert("status".to_owned(), json!("Closed"));
            referral.insert("substatus".to_owned(), json!("Expired"));
            self.store(&mut state, &mut referral);
        }
    }

    /// Tells the subscriber, if it wants to know; `what` is `created` or `updated`.
    fn notify(&self, state: &State, what: &str, referral: &Fields, changed: Timestamp) {
        let resource_name = if is_microsofts(referral) { "related-referral" } else { "referral" };
        let event = &format!("{resource_name}-{what}");
        let Some(registration) = state.registration.as_ref().filter(|it| it.wants(event)) else {
            return;
        };
        let id = text(referral, "id");
        let notice = Notice {
            event,
            resource_name,
            // The documented host, which is not the API's: receivers must take the id only.
            resource_uri: &format!(
                "https://api.partnercenter.microsoft.com/engagements/v1/referrals/{id}"
            ),
            resource_id: id,
            changed,
        };
        self.send(&notice, registration);
    }
}

impl State {
    /// Makes `referral` Microsoft's side of an engagement the partner already has.
    fn join(&self, referral: &mut Fields, body: &Fields) -> Result<(), Refusal> {
        let engagement = text(body, "engagementId").to_lowercase();
        let mut sides = self.referrals.values().filter(|it| text(it, "engagementId") == engagement);
        let Some(own) = sides.next() else {
            return Err(invalid("engagementId", "there is no such engagement"));
        };
        if sides.next().is_some() || is_microsofts(own) {
            return Err(invalid("engagementId", "the engagement has both its sides already"));
        }
        let microsoft = json!({ "type": "BusinessProfileLocation", "id": "msft" });
        if !at(body, "target").as_array().is_some_and(|it| it.contains(&microsoft)) {
            return Err(invalid("target", "the second side of an engagement is Microsoft's"));
        }
        if at(own, "consent").get(rules::SHARE) != Some(&json!(true)) {
            let target = format!("consent/{}", rules::SHARE);
            return Err(invalid(&target, "the deal is not shared with Microsoft"));
        }
        referral.insert("engagementId".to_owned(), json!(engagement));
        referral.insert("organizationId".to_owned(), json!(MICROSOFT));
        referral.insert("organizationName".to_owned(), json!("Microsoft"));
        Ok(())
    }

    /// Once Microsoft has accepted its side, both sides carry the id of its own CRM.
    fn accept(&mut self, referral: &mut Fields) {
        if !is_microsofts(referral) || at(referral, "status") != "Active" {
            return;
        }
        let engagement = text(referral, "engagementId").to_owned();
        let sides = self.referrals.values_mut();
        for side in sides.filter(|it| text(it, "engagementId") == engagement).chain([referral]) {
            if let Some(Value::Object(tracking)) = side.get_mut("trackingInfo") {
                let id = tracking.entry("microsoftMsxId").or_insert(Value::Null);
                if id.is_null() {
                    // Derived, so that both sides get the same one.
                    let digits: String = engagement.chars().filter(char::is_ascii_digit).collect();
                    *id = json!(format!("7-{}", digits.get(..10).unwrap_or(&digits)));
                }
            }
        }
    }

    /// Completes a new referral and keeps it.
    fn insert(&mut self, referral: &mut Fields, stamp: Timestamp) {
        let free = |id: &str| id.parse::<Uuid>().is_ok() && !self.referrals.contains_key(id);
        let given = text(referral, "id").to_lowercase();
        let id = if free(&given) { given } else { new_id() };
        if text(referral, "engagementId").is_empty() {
            referral.insert("engagementId".to_owned(), json!(new_id()));
        }
        let engagement = text(referral, "engagementId").to_owned();
        let base = format!("https://api.partner.microsoft.com{REFERRALS_PATH}");
        let links = json!({
            "relatedReferrals": {
                "uri": format!("{base}?$filter=engagementId eq {engagement}"), "method": "GET",
            },
            "self": { "uri": format!("{base}/{id}"), "method": "GET" },
        });
        referral.insert("links".to_owned(), links);
        referral.insert("id".to_owned(), json!(id));
        referral.insert("createdDateTime".to_owned(), json!(seven_digits(stamp, "Z")));
        let end = stamp.saturating_add(ANSWER_WITHIN).unwrap_or(Timestamp::MAX);
        let open = at(referral, "status") == "New";
        let end = if open { json!(seven_digits(end, "Z")) } else { Value::Null };
        referral.insert("expirationDateTime".to_owned(), end);
        self.update(referral, stamp);
    }

    /// Stamps a changed referral and keeps it.
    fn update(&mut self, referral: &mut Fields, stamp: Timestamp) {
        self.changes += 1;
        let seconds = stamp.as_second() & 0xffff_ffff;
        let etag = format!("\"{:08x}-0000-0100-0000-{seconds:08x}0000\"", self.changes);
        let now = json!(seven_digits(stamp, "Z"));
        referral.insert("eTag".to_owned(), json!(etag));
        let status = text(referral, "status").to_owned();
        let reached: BTreeMap<_, _> =
            [("Active", "acceptedDateTime"), ("Closed", "closedDateTime")].into();
        if let Some(name) = reached.get(status.as_str()) {
            referral.insert("expirationDateTime".to_owned(), Value::Null);
            if at(referral, name).is_null() {
                referral.insert((*name).to_owned(), now.clone());
            }
        }
        referral.insert("updatedDateTime".to_owned(), now);
        self.referrals.insert(text(referral, "id").to_owned(), referral.clone());
    }
}

/// Takes what a caller may set; sections are merged so that absent members keep a value.
fn take_settable(referral: &mut Fields, body: &Fields) {
    let given = body.iter().filter(|(name, _)| rules::SETTABLE.contains(&name.as_str()));
    let given: Fields = given.map(|(name, value)| (name.clone(), value.clone())).collect();
    seed::merge(referral, &given);
    let value = at(referral, "details/dealValue");
    if let Some(number) = rules::money(value)
        && let Some(Value::Object(details)) = referral.get_mut("details")
    {
        details.insert("dealValue".to_owned(), number);
    }
}

/// A won deal can only be registered when it was open long enough.
fn check_registrable(referral: &Fields) -> Result<(), Refusal> {
    let times = instant(referral, "createdDateTime").zip(instant(referral, "closedDateTime"));
    let long = times.is_some_and(|(made, won)| made.duration_until(won) >= REGISTERED_AFTER);
    let text = "72 hours must lie between the creation of a deal and its being won";
    if long { Ok(()) } else { Err(invalid("registrations", text)) }
}

fn body(request: &Request) -> Result<Fields, Refusal> {
    check_media_type(request)?;
    match request.json() {
        Ok(Value::Object(body)) => Ok(body),
        Ok(_) => Err(invalid("body", "the body must be a referral")),
        Err(error) => Err(invalid("body", &error)),
    }
}

fn check_media_type(request: &Request) -> Result<(), Refusal> {
    let kind = request.header("content-type").unwrap_or_default().to_ascii_lowercase();
    let json = kind.starts_with("application/json");
    let text = "the body must be `application/json`";
    if json { Ok(()) } else { Err(Refusal::new(415, "invalidRequest", "Content-Type", text)) }
}

fn check_etag(request: &Request, referral: &Fields) -> Result<(), Refusal> {
    let Some(given) = request.header("if-match") else { return Ok(()) };
    let current = text(referral, "eTag");
    if given.split(',').map(str::trim).any(|it| it == "*" || it == current) {
        return Ok(());
    }
    Err(Refusal::new(412, "resourceModified", "If-Match", "the referral was changed meanwhile"))
}

fn shown(status: u16, referral: &Fields) -> Answer {
    Answer::json(status, &Value::Object(referral.clone())).with("etag", text(referral, "eTag"))
}

fn is_microsofts(referral: &Fields) -> bool {
    text(referral, "organizationId") == MICROSOFT
}

fn text<'a>(referral: &'a Fields, path: &str) -> &'a str {
    at(referral, path).as_str().unwrap_or_default()
}

fn instant(referral: &Fields, path: &str) -> Option<Timestamp> {
    text(referral, path).parse().ok()
}

fn not_found(target: &str) -> Refusal {
    Refusal::new(404, "itemNotFound", target, "there is no such referral")
}

fn not_allowed() -> Refusal {
    Refusal::new(405, "invalidRequest", "method", "the method is not allowed here")
}
