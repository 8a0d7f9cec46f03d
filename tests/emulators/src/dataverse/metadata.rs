//! `EntityDefinitions`: what the tables and columns are called and what they hold.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::route::{keyed, no_route, not_allowed};
use super::tables::{Column, Holds, TABLES, Table};
use super::{Refusal, bad_request};
use crate::filter::{self, Columns, Kind};
use crate::http::{Answer, Request};

/// Definitions are addressed by name, or by an id that follows from the name.
const SPACE: Uuid = Uuid::from_u128(0x0d47_1f3c_9e64_cf4c_6f8a_932a_1f6f_0b7c);
const CAST: &str = "Microsoft.Dynamics.CRM.";

/// The properties definitions may be filtered by.
struct Filterable;

impl Columns for Filterable {
    fn kind(&self, path: &str) -> Option<Kind> {
        Some(match path {
            "LogicalName" | "SchemaName" | "EntitySetName" | "AttributeType" => Kind::Text,
            "IsPrivate" | "IsCustomEntity" | "IsCustomAttribute" | "IsLogical" => Kind::Bool,
            "MetadataId" => Kind::Guid,
            _ => return None,
        })
    }

    fn functions(&self) -> bool {
        true
    }
}

pub(super) fn route(
    request: &Request,
    root: &str,
    (inner, below): (Option<&str>, &[&str]),
) -> Result<Answer, Refusal> {
    if request.method != "GET" {
        return Err(not_allowed());
    }
    let Some(inner) = inner else {
        let all = TABLES.iter().map(|it| (it, entity(it))).collect();
        return if below.is_empty() {
            listed(request, root, "EntityDefinitions", all)
        } else {
            Err(no_route())
        };
    };
    let table = TABLES.iter().find(|it| names(inner, it.logical)).ok_or_else(|| {
        let message = format!("Could not find an entity with the key {inner}");
        Refusal::new(404, "0x80060888", &message)
    })?;
    let (first, rest) = match below {
        [] => return shown(request, root, table, entity(table)),
        [first, rest @ ..] => (keyed(first)?, rest),
    };
    match (first, rest) {
        (("Attributes", None), []) => attributes(request, root, table, None),
        (("Attributes", None), [cast]) => attributes(request, root, table, cast.strip_prefix(CAST)),
        (("Attributes", Some(inner)), [] | [_]) => {
            let column = table
                .columns
                .iter()
                .find(|it| names(inner, &metadata_key(table, it)) || names(inner, it.name));
            let column = column.ok_or_else(no_route)?;
            shown(request, root, table, attribute(table, column))
        }
        (("Keys", None), []) => {
            listed(request, root, "Keys", keys(table).map(|it| (table, it)).into_iter().collect())
        }
        (("OneToManyRelationships", None), []) => {
            let all = table
                .collections
                .iter()
                .map(|it| (table, relationship(table, (it.name, it.set, it.column))));
            listed(request, root, "OneToManyRelationships", all.collect())
        }
        (("ManyToOneRelationships", None), []) => {
            let all = TABLES.iter().flat_map(|one| one.collections.iter().map(move |it| (one, it)));
            let all = all.filter(|(_, it)| it.set == table.set);
            let all = all.map(|(one, it)| (one, relationship(one, (it.name, it.set, it.column))));
            listed(request, root, "ManyToOneRelationships", all.collect())
        }
        (("ManyToManyRelationships", None), []) => {
            listed(request, root, "ManyToManyRelationships", Vec::new())
        }
        _ => Err(no_route()),
    }
}

/// Whether `LogicalName='account'`, or an id, names this.
fn names(inner: &str, name: &str) -> bool {
    match inner.split_once('=') {
        Some(("LogicalName", quoted)) => quoted.trim_matches('\'').eq_ignore_ascii_case(name),
        Some(_) => false,
        None => inner.trim().parse() == Ok(id_of(name)),
    }
}

fn id_of(name: &str) -> Uuid {
    Uuid::new_v5(&SPACE, name.as_bytes())
}

fn metadata_key(table: &Table, column: &Column) -> String {
    format!("{}.{}", table.logical, column.name)
}

fn attributes(
    request: &Request,
    root: &str,
    table: &'static Table,
    kind: Option<&str>,
) -> Result<Answer, Refusal> {
    let all = table.columns.iter().map(|it| (table, attribute(table, it)));
    let wanted = kind.map(|it| format!("#{CAST}{it}"));
    let all = all.filter(|(_, it)| {
        wanted
            .as_ref()
            .is_none_or(|wanted| it.get("@odata.type").and_then(Value::as_str) == Some(wanted))
    });
    listed(request, root, "Attributes", all.collect())
}

fn listed(
    request: &Request,
    root: &str,
    what: &str,
    all: Vec<(&'static Table, Value)>,
) -> Result<Answer, Refusal> {
    let mut found = Vec::new();
    let parameters = request.parameters();
    let filter = parameters.iter().find(|(name, _)| name == "$filter");
    let filter = filter.map(|(_, text)| filter::parse(text, &Filterable)).transpose();
    let filter = filter.map_err(|it| bad_request(&it))?;
    for (table, definition) in all {
        let read = |path: &str| definition.get(path).cloned().unwrap_or_default();
        if filter.as_ref().is_none_or(|it| it.matches(&read)) {
            found.push(narrowed(request, table, definition)?);
        }
    }
    let context = format!("{root}/$metadata#{what}");
    Ok(Answer::json(200, &json!({ "@odata.context": context, "value": found })))
}

fn shown(
    request: &Request,
    root: &str,
    table: &'static Table,
    definition: Value,
) -> Result<Answer, Refusal> {
    let mut body = Map::new();
    let context = format!("{root}/$metadata#EntityDefinitions/$entity");
    body.insert("@odata.context".to_owned(), json!(context));
    body.extend(crate::seed::object(narrowed(request, table, definition)?));
    Ok(Answer::json(200, &Value::Object(body)))
}

/// `$select`, and `$expand` of attributes, keys and option sets; whatever is expanded comes whole.
fn narrowed(request: &Request, table: &'static Table, definition: Value) -> Result<Value, Refusal> {
    let parameters = request.parameters();
    let given =
        |name: &str| parameters.iter().find(|(it, _)| it == name).map(|(_, it)| it.as_str());
    let mut fields = crate::seed::object(definition);
    let expanded: Vec<String> = given("$expand").map(top_level).unwrap_or_default();
    // An option set is only shown when it is expanded.
    let options = fields.shift_remove("OptionSet");
    if let Some(selected) = given("$select") {
        let selected: Vec<&str> = selected.split(',').map(str::trim).collect();
        fields.retain(|name, _| {
            selected.contains(&name.as_str()) || name == "MetadataId" || name.starts_with('@')
        });
    }
    for name in expanded {
        let value = match name.as_str() {
            "Attributes" => table.columns.iter().map(|it| attribute(table, it)).collect(),
            "Keys" => keys(table).into_iter().collect(),
            "OptionSet" => options.clone().unwrap_or_default(),
            "GlobalOptionSet" => Value::Null,
            _ => return Err(bad_request(&format!("could not find a navigation named '{name}'"))),
        };
        fields.insert(name, value);
    }
    Ok(Value::Object(fields))
}

/// The names of `Attributes($select=LogicalName),Keys`.
fn top_level(text: &str) -> Vec<String> {
    let (mut names, mut depth) = (vec![String::new()], 0_usize);
    for sign in text.chars() {
        match (sign, depth) {
            ('(', _) => depth += 1,
            (')', _) => depth = depth.saturating_sub(1),
            (',', 0) => names.push(String::new()),
            (_, 0) => names.iter_mut().last().into_iter().for_each(|it| it.push(sign)),
            _ => {}
        }
    }
    names.iter().map(|it| it.trim().to_owned()).collect()
}

fn label(text: &str) -> Value {
    let localized = json!({ "Label": text, "LanguageCode": 1033, "IsManaged": true });
    json!({ "LocalizedLabels": [localized], "UserLocalizedLabel": localized })
}

fn schema_name(logical: &str) -> String {
    let mut signs = logical.chars();
    match signs.next() {
        Some(first) if !logical.contains('_') => first.to_uppercase().chain(signs).collect(),
        _ => logical.to_owned(),
    }
}

fn entity(table: &Table) -> Value {
    let custom = table.logical.starts_with("flowright_");
    json!({
        "MetadataId": id_of(table.logical).to_string(), "LogicalName": table.logical,
        "SchemaName": schema_name(table.logical), "EntitySetName": table.set,
        "LogicalCollectionName": table.set, "PrimaryIdAttribute": table.id,
        "PrimaryNameAttribute": table.name, "DisplayName": label(&schema_name(table.logical)),
        "DisplayCollectionName": label(table.set), "OwnershipType":
            if table.column("ownerid").is_some() { "UserOwned" } else { "OrganizationOwned" },
        "IsCustomEntity": custom, "IsPrivate": false, "ChangeTrackingEnabled": true,
        "ObjectTypeCode": Value::Null,
    })
}

fn attribute(table: &Table, column: &Column) -> Value {
    let (kind, cast) = match (column.name, column.holds) {
        ("statecode", _) => ("State", "State"),
        ("statuscode", _) => ("Status", "Status"),
        (_, Holds::Id) => ("Uniqueidentifier", "UniqueIdentifier"),
        (_, Holds::Text(max)) if max > 1_024 => ("Memo", "Memo"),
        (_, Holds::Text(_)) => ("String", "String"),
        (_, Holds::Whole(..)) if column.name == "versionnumber" => ("BigInt", "BigInt"),
        (_, Holds::Whole(..)) => ("Integer", "Integer"),
        (_, Holds::Choice(_)) => ("Picklist", "Picklist"),
        (_, Holds::Money) => ("Money", "Money"),
        (_, Holds::Decimal) => ("Decimal", "Decimal"),
        (_, Holds::Flag) => ("Boolean", "Boolean"),
        (_, Holds::Date | Holds::Instant) => ("DateTime", "DateTime"),
        (_, Holds::Lookup(_)) => ("Lookup", "Lookup"),
    };
    let level = if column.required { "ApplicationRequired" } else { "None" };
    let own = !column.read_only;
    let mut shown = json!({
        "@odata.type": format!("#{CAST}{cast}AttributeMetadata"),
        "MetadataId": id_of(&metadata_key(table, column)).to_string(),
        "EntityLogicalName": table.logical, "LogicalName": column.name,
        "SchemaName": schema_name(column.name), "AttributeType": kind,
        "AttributeTypeName": { "Value": format!("{cast}Type") },
        "DisplayName": label(&schema_name(column.name)),
        "RequiredLevel": { "Value": level, "CanBeChanged": true },
        "IsPrimaryId": column.name == table.id, "IsPrimaryName": column.name == table.name,
        "IsCustomAttribute": column.name.starts_with("flowright_"), "IsLogical": false,
        "IsValidForRead": true, "IsValidForCreate": own && column.name != "statecode",
        "IsValidForUpdate": own && column.name != table.id,
    });
    match column.holds {
        Holds::Text(max) => shown["MaxLength"] = json!(max),
        Holds::Whole(min, max) => {
            shown["MinValue"] = json!(min);
            shown["MaxValue"] = json!(max);
        }
        Holds::Money => shown["Precision"] = json!(2),
        Holds::Date => shown["Format"] = json!("DateOnly"),
        Holds::Instant => shown["Format"] = json!("DateAndTime"),
        Holds::Lookup(targets) => {
            let tables = targets.iter().filter_map(|(_, set)| Table::named(set));
            shown["Targets"] = tables.map(|it| json!(it.logical)).collect();
        }
        Holds::Choice(choices) => {
            let options = choices.iter().map(
                |(value, text)| json!({ "Value": value, "Label": label(text), "IsManaged": true }),
            );
            let name = format!("{}_{}", table.logical, column.name);
            let options: Vec<Value> = options.collect();
            shown["OptionSet"] = json!({
                "Name": name, "IsGlobal": false, "OptionSetType": kind, "Options": options,
            });
        }
        Holds::Id | Holds::Decimal | Holds::Flag => {}
    }
    shown
}

fn keys(table: &Table) -> Option<Value> {
    let column = table.alternate_key?;
    Some(json!({
        "MetadataId": id_of(&format!("{}.key", table.logical)).to_string(),
        "LogicalName": format!("{column}_key"), "SchemaName": format!("{column}_key"),
        "EntityLogicalName": table.logical, "KeyAttributes": [column],
        "EntityKeyIndexStatus": "Active",
    }))
}

fn relationship(one: &Table, (name, set, column): (&str, &str, &str)) -> Value {
    let many = Table::named(set);
    json!({
        "MetadataId": id_of(name).to_string(), "SchemaName": name,
        "RelationshipType": "OneToManyRelationship", "ReferencedEntity": one.logical,
        "ReferencedAttribute": one.id, "ReferencingEntity": many.map(|it| it.logical),
        "ReferencingAttribute": column, "ReferencedEntityNavigationPropertyName": name,
    })
}
