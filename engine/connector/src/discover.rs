//! Schemas that only the service knows: how to ask for them, what it says, and what is kept of that.

use std::collections::BTreeMap;

use base::{ErrorClass, Failure, Outcome};
use expr::{Dialect, Template, Tree};
use serde_json::{Map, Value, json};

use crate::{
    connection::Connection,
    encode::invalid,
    model::{Connector, Operation},
    request::Call,
    response,
    scope::{Answer, Scope},
};

/// The keyword of a schema that says how to ask for it.
pub(crate) const KEYWORD: &str = "discover";
/// Columns of one schema; the widest tables have a thousand.
const COLUMNS_MAX: usize = 10_000;

/// What a service said of its schemas for one thing, such as a table, to be kept in a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// The connector.
    pub connector: String,
    /// What was asked for: the value of the input that chooses; none if nothing does.
    pub name: Option<String>,
    /// By the names that the connector gives them.
    pub schemas: BTreeMap<String, Value>,
}

impl Snapshot {
    /// From the text of a file.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn read(text: &str) -> Result<Self, String> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| format!("this is not JSON: {error}"))?;
        let connector = value.get("connector").and_then(Value::as_str);
        let connector =
            connector.ok_or("`connector` is missing: which one it is a snapshot for")?;
        let schemas = value.get("schemas").and_then(Value::as_object);
        let schemas = schemas.ok_or("`schemas` is missing: an object of schemas by name")?;
        if let Some((name, _)) = schemas.iter().find(|(_, it)| !it.is_object()) {
            return Err(format!("the schema `{name}` is not an object"));
        }
        let name = match value.get("name") {
            None | Some(Value::Null) => None,
            Some(Value::String(name)) => Some(name.clone()),
            Some(_) => return Err("`name` is not text".to_owned()),
        };
        let schemas = schemas.iter().map(|(name, it)| (name.clone(), it.clone())).collect();
        Ok(Self { connector: connector.to_owned(), name, schemas })
    }

    /// As a file has it; `about` are members that say more, such as when it was pulled.
    pub fn write(&self, about: &[(&str, Value)]) -> Value {
        let mut file = Map::new();
        file.insert("connector".to_owned(), self.connector.as_str().into());
        file.insert("name".to_owned(), self.name.as_deref().into());
        file.extend(about.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        file.insert("schemas".to_owned(), json!(self.schemas));
        Value::Object(file)
    }
}

/// How to ask for a schema.
struct Discovery {
    input: Option<String>,
    operation: String,
    with: Tree,
    shape: Shape,
}

/// What the answer is.
enum Shape {
    /// It holds a JSON Schema.
    Schema(Template),
    /// It holds a list of columns.
    Columns(Box<Columns>),
}

/// How a column is read.
struct Columns {
    items: Template,
    when: Option<Template>,
    name: Template,
    ty: Template,
    rest: Vec<(String, Template)>,
    types: Map<String, Value>,
    closed: bool,
}

/// An expression of a declaration.
fn text(of: &Value, name: &str) -> Option<Template> {
    Some(Template::parse(of.get(name)?.as_str()?, Dialect::Wdl).0)
}

impl Columns {
    fn of(discover: &Value) -> Option<Self> {
        let column = discover.get("column")?;
        let rest = column.as_object()?.keys();
        let rest = rest.filter(|it| !["name", "type", "when"].contains(&it.as_str()));
        Some(Self {
            items: text(discover, "columns")?,
            when: text(column, "when"),
            name: text(column, "name")?,
            ty: text(column, "type")?,
            rest: rest.filter_map(|it| Some((it.clone(), text(column, it)?))).collect(),
            types: discover.get("types")?.as_object()?.clone(),
            closed: discover.get("closed") == Some(&Value::Bool(true)),
        })
    }
}

impl Discovery {
    fn of(connector: &Connector, schema: &str) -> Option<Self> {
        let discover = &declaration(connector, schema)?;
        let text =
            |of: &Value, name: &str| Some(Template::parse(of.get(name)?.as_str()?, Dialect::Wdl).0);
        let operation = discover.get("operation")?.as_str()?.to_owned();
        let with = discover.get("with").cloned().unwrap_or_else(|| json!({}));
        let shape = match text(discover, "schema").map(Shape::Schema) {
            Some(schema) => schema,
            None => Shape::Columns(Box::new(Columns::of(discover)?)),
        };
        let input = discover.get("input").and_then(Value::as_str).map(str::to_owned);
        Some(Self { input, operation, with: Tree::from_value(&with, Dialect::Wdl).0, shape })
    }
}

/// What a schema says about how to ask for it, with what it takes over from another.
fn declaration(connector: &Connector, schema: &str) -> Option<Value> {
    let own = connector.schemas.get(schema)?.get(KEYWORD)?;
    let base = own.get("extends").and_then(Value::as_str);
    let base = base.and_then(|it| connector.schemas.get(it)?.get(KEYWORD)?.as_object());
    let mut all = base.cloned().unwrap_or_default();
    all.extend(own.as_object()?.clone());
    Some(Value::Object(all))
}

impl Connector {
    /// The schemas that the service can be asked for, each with the input that says for what.
    pub fn discovered(&self) -> Vec<(&str, Option<String>)> {
        let asked = self.schemas.keys().filter_map(|name| {
            let discovery = Discovery::of(self, name)?;
            Some((name.as_str(), discovery.input))
        });
        asked.collect()
    }

    /// The same with what a snapshot says.
    pub(crate) fn learned(&self, snapshot: &Snapshot) -> Self {
        let mut learned = self.clone();
        for (name, schema) in &snapshot.schemas {
            learned.schemas.insert(name.clone(), schema.clone());
        }
        learned
    }
}

/// The operation to ask for a schema, and its inputs. `name` is what is wanted, such as a table.
///
/// # Errors
/// If there is no such schema, or the inputs cannot be evaluated.
pub fn question<'a>(
    connection: &'a Connection,
    schema: &str,
    name: Option<&str>,
    call: &Call<'_>,
) -> Result<(&'a Operation, Value), Failure> {
    let discovery = declared(connection, schema)?;
    let inputs = chosen(&discovery, name)?;
    let scope = Scope { inputs: Some(&inputs), ..Scope::of_call(connection, call) };
    let operation = connection.connector.operation(&discovery.operation);
    let operation = operation
        .ok_or_else(|| invalid(format!("there is no operation `{}`", discovery.operation)))?;
    Ok((operation, scope.eval_tree(&discovery.with)?))
}

/// The schema in an answer.
///
/// # Errors
/// If the answer is a failure, or holds no schema.
pub fn read(
    connection: &Connection,
    schema: &str,
    (name, call): (Option<&str>, &Call<'_>),
    outcome: &Outcome,
) -> Result<Value, Failure> {
    if let Some(failure) = &outcome.failure {
        return Err(failure.clone());
    }
    let discovery = declared(connection, schema)?;
    let inputs = chosen(&discovery, name)?;
    let answer = Answer {
        status: outcome.status_code().unwrap_or(200),
        headers: outcome.outputs.as_ref().map(|it| it["headers"].clone()).unwrap_or_default(),
        body: response::body(outcome).clone(),
    };
    let scope =
        Scope { inputs: Some(&inputs), answer: Some(&answer), ..Scope::of_call(connection, call) };
    let nothing = |what: &str| {
        let message = format!("`{}` answered without {what}", discovery.operation);
        Failure::of_class(ErrorClass::NotFound, "SchemaNotFound", message)
    };
    let found = match &discovery.shape {
        Shape::Schema(template) => {
            let found = scope.eval(template)?;
            if !found.is_object() {
                return Err(nothing("a schema"));
            }
            found
        }
        Shape::Columns(columns) => {
            let Value::Array(items) = scope.eval(&columns.items)? else {
                return Err(nothing("a list of columns"));
            };
            if items.is_empty() {
                return Err(nothing("a column"));
            }
            object_of(columns, &items, &scope)?
        }
    };
    // What the file says of the schema holds besides.
    let mut schema = connection.connector.schemas.get(schema).cloned().unwrap_or_default();
    if let (Some(members), Value::Object(found)) = (schema.as_object_mut(), found) {
        members.shift_remove(KEYWORD);
        members.extend(found);
    }
    Ok(schema)
}

fn declared(connection: &Connection, schema: &str) -> Result<Discovery, Failure> {
    let found = Discovery::of(&connection.connector, schema);
    found.ok_or_else(|| {
        let connector = &connection.connector.name;
        invalid(format!("`{connector}` does not say how to ask for a schema `{schema}`"))
    })
}

fn chosen(discovery: &Discovery, name: Option<&str>) -> Result<Map<String, Value>, Failure> {
    match (&discovery.input, name) {
        (Some(input), Some(name)) => Ok(Map::from_iter([(input.clone(), name.into())])),
        (None, _) => Ok(Map::new()),
        (Some(input), None) => Err(invalid(format!("the schema depends on `{input}`; name one"))),
    }
}

/// The schema of an object with these columns.
fn object_of(columns: &Columns, items: &[Value], scope: &Scope<'_>) -> Result<Value, Failure> {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for item in items.iter().take(COLUMNS_MAX) {
        let scope = Scope {
            inputs: scope.inputs,
            answer: scope.answer,
            item: Some(item),
            ..Scope::new(scope.connection)
        };
        if let Some(when) = &columns.when
            && scope.eval(when)? != Value::Bool(true)
        {
            continue;
        }
        let Some(name) = scope.text(&columns.name)?.filter(|it| !it.is_empty()) else { continue };
        let ty = scope.text(&columns.ty)?.unwrap_or_default();
        // Of a kind that the connector does not know, anything may be given.
        let known = columns.types.get(&ty).and_then(Value::as_object);
        let mut column = known.cloned().unwrap_or_default();
        for (keyword, template) in &columns.rest {
            let value = scope.eval(template)?;
            if keyword == "required" {
                required.extend((value == Value::Bool(true)).then(|| Value::from(name.as_str())));
            } else if !value.is_null() {
                column.insert(keyword.clone(), value);
            }
        }
        properties.insert(name, Value::Object(column));
    }
    let mut object = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        object["required"] = required.into();
    }
    if columns.closed {
        object["additionalProperties"] = false.into();
    }
    Ok(object)
}
