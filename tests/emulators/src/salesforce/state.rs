//! The records, and the rules every way of writing them goes through.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::bulk::Job;
use super::ids;
use super::objects::{OBJECTS, STAGES};
use super::query::Cursors;
use super::refusal::Refusal;
use super::schema::{Field, Kind, Object};
use super::values::{fit, stamp};

/// A record: every field of its object by its name.
pub(super) type Row = Map<String, Value>;

/// A demo that writes more than this has gone wrong.
const ROWS_MAX: u64 = 200_000;

/// Who writes, and when.
#[derive(Clone, Debug)]
pub(super) struct Author {
    pub(super) user: String,
    pub(super) now: Timestamp,
}

#[derive(Clone, Default)]
pub(super) struct State {
    /// For each object, its records by id, the deleted ones among them.
    rows: BTreeMap<&'static str, BTreeMap<String, Row>>,
    made: u64,
    pub(super) cursors: Cursors,
    pub(super) jobs: BTreeMap<String, Job>,
    pub(super) jobs_made: u64,
    pub(super) usage: Usage,
    /// How often callers have changed records of an object.
    pub(super) updates: BTreeMap<&'static str, usize>,
    /// Whether records have no currency of their own.
    pub(super) single_currency: bool,
}

/// How many requests came since when.
#[derive(Clone, Default)]
pub(super) struct Usage {
    pub(super) since: Timestamp,
    pub(super) count: u64,
}

impl State {
    /// A record that is not deleted.
    pub(super) fn get(&self, object: &Object, id: &str) -> Option<&Row> {
        self.get_any(object, id).filter(|it| it.get("IsDeleted") != Some(&json!(true)))
    }

    fn get_any(&self, object: &Object, id: &str) -> Option<&Row> {
        self.rows.get(object.name)?.get(&ids::long(id)?)
    }

    /// The record a lookup leads to.
    pub(super) fn behind(&self, id: &str) -> Option<(&'static Object, &Row)> {
        let object = Object::of_id(id)?;
        Some((object, self.get_any(object, id)?))
    }

    /// The records of an object, the oldest first; the deleted ones on request.
    pub(super) fn all(&self, object: &Object, deleted: bool) -> impl Iterator<Item = &Row> {
        let rows = self.rows.get(object.name).into_iter().flat_map(BTreeMap::values);
        rows.filter(move |it| deleted || it.get("IsDeleted") != Some(&json!(true)))
    }

    /// The ids of the records that hold a value in a field; case does not matter.
    pub(super) fn holding(&self, object: &Object, field: &Field, value: &str) -> Vec<String> {
        let holds = |row: &&Row| {
            let held = row.get(field.name).and_then(Value::as_str);
            held.is_some_and(|it| it.to_lowercase() == value.to_lowercase())
        };
        self.all(object, false).filter(holds).map(|row| id_of(row).to_owned()).collect()
    }

    /// Keeps a record as it is given, without rules: how the first data come in.
    pub(super) fn seed(&mut self, object: &Object, given: Row, author: &Author) -> String {
        let row: Row = self.blank(object, author).into_iter().chain(given).collect();
        let id = id_of(&row).to_owned();
        self.rows.entry(object.name).or_default().insert(id.clone(), row);
        id
    }

    pub(super) fn create(
        &mut self,
        object: &'static Object,
        body: &Row,
        author: &Author,
    ) -> Result<String, Refusal> {
        let written = self.read(object, body, true)?;
        let missing = object.fields.iter().filter(|it| it.required && it.is_createable());
        let missing = missing.filter(|it| written.get(it.name).is_none_or(Value::is_null));
        let missing: Vec<&str> = missing.map(|it| it.name).collect();
        if !missing.is_empty() {
            return Err(required(&missing));
        }
        if self.made >= ROWS_MAX {
            return Err(Refusal::new(400, "STORAGE_LIMIT_EXCEEDED", "storage limit exceeded"));
        }
        self.check_unique(object, None, &written)?;
        let mut row = self.blank(object, author);
        row.extend(written.clone());
        derive(object, &mut row, &written);
        let id = id_of(&row).to_owned();
        if let Some(contact) = written.get("ContactId").filter(|_| object.name == "Opportunity") {
            self.add_contact_role(&id, contact, author);
        }
        self.rows.entry(object.name).or_default().insert(id.clone(), row);
        Ok(id)
    }

    /// `ContactId` of a new opportunity is not kept: it makes the primary contact role.
    fn add_contact_role(&mut self, opportunity: &str, contact: &Value, author: &Author) {
        if let (Some(object), false) = (Object::named("OpportunityContactRole"), contact.is_null())
        {
            let role = json!({
                "OpportunityId": opportunity, "ContactId": contact, "IsPrimary": true,
            });
            self.seed(object, crate::seed::object(role), author);
        }
    }

    pub(super) fn update(
        &mut self,
        object: &'static Object,
        id: &str,
        body: &Row,
        author: &Author,
    ) -> Result<(), Refusal> {
        let mut row = self.living(object, id)?.clone();
        let written = self.read(object, body, false)?;
        let cleared = object.fields.iter().filter(|it| it.required);
        let cleared: Vec<&str> = cleared
            .filter(|it| written.get(it.name).is_some_and(Value::is_null))
            .map(|it| it.name)
            .collect();
        if !cleared.is_empty() {
            return Err(required(&cleared));
        }
        self.check_unique(object, Some(id_of(&row)), &written)?;
        row.extend(written.clone());
        derive(object, &mut row, &written);
        touch(&mut row, author);
        if author.user == super::auth::user() {
            *self.updates.entry(object.name).or_default() += 1;
        }
        let id = id_of(&row).to_owned();
        self.rows.entry(object.name).or_default().insert(id, row);
        Ok(())
    }

    /// Marks a record as deleted, and those that belong to it.
    pub(super) fn delete(
        &mut self,
        object: &'static Object,
        id: &str,
        author: &Author,
    ) -> Result<(), Refusal> {
        let mut row = self.living(object, id)?.clone();
        if !object.writable {
            let message = format!("entity type cannot be deleted: {}", object.name);
            return Err(Refusal::new(400, "INVALID_TYPE_FOR_OPERATION", &message));
        }
        let id = id_of(&row).to_owned();
        row.insert("IsDeleted".to_owned(), json!(true));
        touch(&mut row, author);
        self.rows.entry(object.name).or_default().insert(id.clone(), row);
        for child in OBJECTS {
            let parents = child.fields.iter().filter(|it| {
                it.required
                    && matches!(it.kind, Kind::Reference(to, _) if to.contains(&object.name))
            });
            for parent in parents {
                for orphan in self.holding(child, parent, &id) {
                    self.delete(child, &orphan, author)?;
                }
            }
        }
        Ok(())
    }

    /// The record of an id: an error of its own when it was deleted.
    fn living(&self, object: &Object, id: &str) -> Result<&Row, Refusal> {
        let row = self.get_any(object, id).ok_or_else(Refusal::not_found)?;
        if row.get("IsDeleted") == Some(&json!(true)) {
            return Err(Refusal::new(404, "ENTITY_IS_DELETED", "entity is deleted"));
        }
        Ok(row)
    }

    /// The field values a body writes, under the fields' own names.
    fn read(&self, object: &'static Object, body: &Row, creating: bool) -> Result<Row, Refusal> {
        if !object.writable {
            let message = format!("entity type cannot be written: {}", object.name);
            return Err(Refusal::new(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", &message));
        }
        let mut written = Row::new();
        for (name, value) in body.iter().filter(|(name, _)| *name != "attributes") {
            if let (Some(lookup), Value::Object(by)) = (object.relationship(name), value) {
                written.insert(lookup.name.to_owned(), self.by_external_id(lookup, by)?);
                continue;
            }
            let known = |it: &&'static Field| self.has(it);
            let field = object.field(name).filter(known).ok_or_else(|| {
                let message = format!("No such column '{name}' on sobject of type {}", object.name);
                Refusal::new(400, "INVALID_FIELD", &message)
            })?;
            let open = if creating { field.is_createable() } else { field.is_updateable() };
            if !open {
                let message = format!(
                    "Unable to create/update fields: {name}. Please check the security settings of \
                     this field and verify that it is read/write for your profile or permission set."
                );
                return Err(Refusal::field("INVALID_FIELD_FOR_INSERT_UPDATE", &message, name));
            }
            let kept = fit(field, value)?;
            self.check_reference(field, &kept)?;
            written.insert(field.name.to_owned(), kept);
        }
        Ok(written)
    }

    /// Whether the org has a field: that of currencies it has only if there are several.
    pub(super) fn has(&self, field: &Field) -> bool {
        !(self.single_currency && field.name == "CurrencyIsoCode")
    }

    fn check_reference(&self, field: &Field, value: &Value) -> Result<(), Refusal> {
        let (Kind::Reference(to, _), Some(id)) = (field.kind, value.as_str()) else {
            return Ok(());
        };
        let target = Object::of_id(id).filter(|it| to.contains(&it.name));
        let Some(target) = target else {
            let message = format!("{}: id value of incorrect type: {id}", field.label);
            return Err(Refusal::field("MALFORMED_ID", &message, field.name));
        };
        match self.living(target, id) {
            Ok(_) => Ok(()),
            Err(gone) if gone.code == "ENTITY_IS_DELETED" => {
                Err(Refusal { status: 400, fields: vec![field.name.to_owned()], ..gone })
            }
            Err(_) => {
                let message = "invalid cross reference id";
                Err(Refusal::field("INVALID_CROSS_REFERENCE_KEY", message, field.name))
            }
        }
    }

    /// The id behind `{"Some_Key__c": "value"}`.
    fn by_external_id(&self, lookup: &Field, by: &Row) -> Result<Value, Refusal> {
        let Kind::Reference(to, _) = lookup.kind else { return Ok(Value::Null) };
        let mut named = by.iter().filter(|(name, _)| *name != "attributes");
        let found = named.next().and_then(|(name, value)| {
            let target = to.iter().find_map(|it| Object::named(it))?;
            Some((target, target.field(name).filter(|it| it.external_id)?, value.as_str()?))
        });
        let Some((target, field, value)) = found.filter(|_| named.next().is_none()) else {
            let message = format!("The external id of '{}' is not understood", lookup.name);
            return Err(Refusal::new(400, "INVALID_FIELD", &message));
        };
        if let [id] = self.holding(target, field, value).as_slice() {
            return Ok(json!(id));
        }
        let message = format!(
            "Foreign key external ID: {value} not found for field {} in entity {}",
            field.name, target.name
        );
        Err(Refusal::new(400, "INVALID_FIELD", &message))
    }

    fn check_unique(
        &self,
        object: &Object,
        own: Option<&str>,
        written: &Row,
    ) -> Result<(), Refusal> {
        for field in object.fields.iter().filter(|it| it.unique) {
            let Some(value) = written.get(field.name).and_then(Value::as_str) else { continue };
            let others = self.holding(object, field, value);
            if let Some(other) = others.iter().find(|it| Some(it.as_str()) != own) {
                let message = format!(
                    "duplicate value found: {} duplicates value on record with id: {other}",
                    field.name
                );
                return Err(Refusal::new(400, "DUPLICATE_VALUE", &message));
            }
        }
        Ok(())
    }

    /// A record with an id, its stamps and the defaults of its object.
    fn blank(&mut self, object: &Object, author: &Author) -> Row {
        self.made += 1;
        let now = stamp(author.now);
        let mut row = Row::new();
        for field in object.all_fields() {
            let default = match (field.name, field.kind) {
                ("Id", _) => json!(ids::make(object.prefix, self.made)),
                ("CreatedDate", _) => json!(now),
                ("CreatedById" | "OwnerId", _) => json!(author.user),
                ("CurrencyIsoCode", _) => json!("USD"),
                ("Status", Kind::Picklist([first, ..])) => json!(first),
                (_, Kind::Flag) => json!(false),
                _ => Value::Null,
            };
            row.insert(field.name.to_owned(), default);
        }
        touch(&mut row, author);
        row
    }
}

pub(super) fn id_of(row: &Row) -> &str {
    row.get("Id").and_then(Value::as_str).unwrap_or_default()
}

fn touch(row: &mut Row, author: &Author) {
    let now = json!(stamp(author.now));
    row.insert("LastModifiedDate".to_owned(), now.clone());
    row.insert("SystemModstamp".to_owned(), now);
    row.insert("LastModifiedById".to_owned(), json!(author.user));
}

/// What follows from other fields: names of people, and what a stage means.
fn derive(object: &Object, row: &mut Row, written: &Row) {
    let text = |row: &Row, name: &str| {
        row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    if ["Contact", "Lead"].contains(&object.name) {
        let whole = format!("{} {}", text(row, "FirstName"), text(row, "LastName"));
        row.insert("Name".to_owned(), json!(whole.trim()));
    }
    if object.name != "Opportunity" {
        return;
    }
    // It is only a way of naming the contact role when the record is made.
    row.insert("ContactId".to_owned(), Value::Null);
    let stage = text(row, "StageName");
    let Some((_, closed, won, odds, forecast)) = STAGES.iter().find(|(name, ..)| *name == stage)
    else {
        return;
    };
    row.insert("IsClosed".to_owned(), json!(closed));
    row.insert("IsWon".to_owned(), json!(won));
    if written.contains_key("StageName") {
        if !written.contains_key("Probability") {
            row.insert("Probability".to_owned(), json!(odds));
        }
        if !written.contains_key("ForecastCategoryName") {
            row.insert("ForecastCategoryName".to_owned(), json!(forecast));
        }
    }
    let category = text(row, "ForecastCategoryName");
    row.insert("ForecastCategory".to_owned(), json!(category));
}

fn required(names: &[&str]) -> Refusal {
    let message = format!("Required fields are missing: [{}]", names.join(", "));
    let fields = names.iter().map(|it| (*it).to_owned()).collect();
    Refusal { fields, ..Refusal::new(400, "REQUIRED_FIELD_MISSING", &message) }
}
