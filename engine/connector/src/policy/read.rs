//! Reads policy instances of `apiProperties.json`.

use std::collections::BTreeSet;

use expr::{Dialect, Template};
use serde_json::Value;

use super::{
    Change, Convert, Exists, Kind, Place, Policy, Section, Target, Text,
    path::{self, Chain, Root},
    text,
};
use crate::model::{NextPage, Paginate};

/// What an instance says.
pub(crate) enum Declared {
    /// Something done to requests or answers.
    Policy(Policy),
    /// How a trigger is polled.
    Poll(Poll),
    /// The member of the body that names the next page.
    NextLink { operations: Option<BTreeSet<String>>, name: String },
    /// An answer that means that the connection's credentials are void.
    Unauthenticated { operations: Option<BTreeSet<String>>, status: u16 },
    /// Something that cannot be done here, so that operations it is for cannot be called.
    Refused { operations: Option<BTreeSet<String>>, reason: String },
}

/// How a trigger is polled.
pub(crate) struct Poll {
    pub(crate) operations: Option<BTreeSet<String>>,
    /// Parameters of the query by what the last answer says.
    pub(crate) query: Vec<(String, Text)>,
    /// The list of new items.
    pub(crate) items: Chain,
    /// The member of the answer that names a further page.
    pub(crate) next_link: Option<String>,
}

impl Poll {
    /// How its answer goes on, if the policy says so.
    pub(crate) fn paginate(&self) -> Option<Paginate> {
        let link = self.next_link.as_ref()?;
        let member = |path: &str| Template::parse(&format!("@{path}"), Dialect::Wdl).0;
        Some(Paginate {
            next: NextPage::Link(member(&format!("bodyAt({})", text::quote(link)))),
            items: member(&text::of_answer(&self.items)?),
            more: None,
            page_size: None,
            pages_max: PAGES_MAX,
        })
    }
}

/// Pages of one poll.
const PAGES_MAX: usize = 200;

/// What the names of a template's own parameters begin with.
const PREFIX: &str = "x-ms-apimTemplateParameter.";

/// Reads one instance.
pub(crate) fn read(instance: &Value) -> Declared {
    let said = |name: &str| instance.get(name).and_then(Value::as_str).unwrap_or_default();
    let id = said("templateId").trim().to_ascii_lowercase();
    let title = if said("title").is_empty() { id.clone() } else { said("title").to_owned() };
    let parameters = Parameters(instance.get("parameters").unwrap_or(&Value::Null));
    let operations = parameters.operations();
    let declared = match id.as_str() {
        "pollingtrigger" => poll(&parameters, operations.clone()).map(Declared::Poll),
        "updatenextlink" => parameters
            .text("nextLinkPropertyName")
            .map(|name| Declared::NextLink { operations: operations.clone(), name }),
        "setconnectionstatustounauthenticated" => {
            let status = parameters.status();
            Ok(Declared::Unauthenticated { operations: operations.clone(), status })
        }
        _ => kind(&id, &parameters).map(|kind| {
            let section = match kind {
                Kind::Header { .. } | Kind::Body(_) => parameters.section(),
                Kind::Query { .. } | Kind::Host(_) | Kind::Route { .. } | Kind::Lookup { .. } => {
                    Section::Request
                }
            };
            let (title, operations) = (title.clone(), operations.clone());
            Declared::Policy(Policy { title, operations, section, kind })
        }),
    };
    declared.unwrap_or_else(|reason| Declared::Refused {
        operations,
        reason: format!("policy `{title}`: {reason}"),
    })
}

fn kind(id: &str, parameters: &Parameters<'_>) -> Result<Kind, String> {
    let named = || -> Result<_, String> {
        Ok((
            parameters.text("name")?.trim().to_owned(),
            parameters.template("value")?,
            parameters.exists(),
        ))
    };
    Ok(match id {
        "setheader" => {
            let (name, value, exists) = named()?;
            if !crate::encode::is_header_name(&name) {
                return Err(format!("`{name}` is no name of a header"));
            }
            Kind::Header { name, value, exists }
        }
        "setqueryparameter" => {
            let (name, value, exists) = named()?;
            let name = percent_encoding::percent_decode_str(&name).decode_utf8_lossy();
            Kind::Query { name: name.into_owned(), value, exists }
        }
        "dynamichosturl" => Kind::Host(parameters.template("urlTemplate")?),
        "routerequesttoendpoint" => Kind::Route {
            path: parameters.template("newPath")?,
            method: parameters.method("httpMethod"),
        },
        "setvaluefromurl" => lookup(parameters)?,
        _ => Kind::Body(change(id, parameters)?),
    })
}

fn lookup(parameters: &Parameters<'_>) -> Result<Kind, String> {
    let target = parameters.chain("parameterTemplate")?;
    let target = match target.root {
        Root::Headers => Target::Header(target.argument),
        Root::QueryParameters => Target::Query(target.argument),
        Root::Body | Root::TriggerBody | Root::Item | Root::ConnectionParameters => {
            return Err("the target is neither a header nor a parameter of the query".to_owned());
        }
    };
    let value = parameters.text("parameterValuePathTemplate")?;
    let value = Chain::parse_whole(&value).unwrap_or_else(|| body(path::sub_path(&value)));
    Ok(Kind::Lookup {
        target,
        method: parameters.method("httpMethod").unwrap_or_else(|| "GET".to_owned()),
        address: parameters.template("parameterValueUrl")?,
        value,
    })
}

fn change(id: &str, parameters: &Parameters<'_>) -> Result<Change, String> {
    let how = match id {
        "setproperty" => {
            return Ok(Change::Set {
                parent: parameters.parent("newPropertyParentPathTemplate")?,
                path: parameters.path("newPropertySubPathTemplate"),
                value: parameters.template("propertyValuePathTemplate")?,
            });
        }
        "moveproperties" => {
            return Ok(Change::Move {
                from: parameters.parent("srcParentPath")?,
                path: parameters.path("srcSubPath"),
                to: parameters.parent("dstParentPath")?,
                to_path: parameters.path("dstSubPath"),
                members: parameters.flag("copyOnlySubProperties", false),
            });
        }
        "stringreplace" => Convert::Replace {
            from: parameters.text("sourceString")?,
            to: parameters.text("replacementString")?,
        },
        "encodepropertyvalue" => Convert::Encode,
        "stringtoarray" => Convert::Split {
            separators: parameters.text("delimiterList")?,
            member: parameters.text("childPropertyName")?,
        },
        "convertarraytoobject" => Convert::ToObject {
            key: path::sub_path(&parameters.text("keyWithinCollectionPath")?),
            keep: parameters.flag("retainKey", true),
        },
        "convertobjecttoarray" => Convert::ToArray {
            key: parameters.text("keyName").unwrap_or_else(|_| "key".to_owned()),
            value: parameters.text("valueName").unwrap_or_else(|_| "value".to_owned()),
        },
        _ => return Err(format!("there is no policy template `{id}`")),
    };
    Ok(Change::Convert {
        parent: parameters.parent("propertyParentPath")?,
        path: parameters.path("propertySubPath"),
        to: parameters.place("newPropertyPath")?,
        how,
    })
}

fn poll(parameters: &Parameters<'_>, operations: Option<BTreeSet<String>>) -> Result<Poll, String> {
    let items = parameters.chain("triggerDataPath")?;
    let config = parameters.get("triggerConfig").and_then(Value::as_object);
    let mut query = Vec::new();
    let mut next_link = None;
    for (name, value) in config.into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match name.as_str() {
            // A line that was left empty.
            "" => {}
            "x-ms-triggerConfig-nextLink" => next_link = Some(value),
            name => query.push((name.to_owned(), Text::parse(&value)?)),
        }
    }
    Ok(Poll { operations, query, items, next_link })
}

/// The parameters of an instance; names are compared without case.
struct Parameters<'a>(&'a Value);

impl Parameters<'_> {
    fn get(&self, name: &str) -> Option<&Value> {
        let wanted = format!("{PREFIX}{name}");
        let mut all = self.0.as_object()?.iter();
        all.find(|(known, _)| known.eq_ignore_ascii_case(&wanted)).map(|(_, value)| value)
    }

    fn text(&self, name: &str) -> Result<String, String> {
        match self.get(name) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => Ok(value.to_string()),
            Some(_) | None => Err(format!("`{name}` is missing")),
        }
    }

    fn template(&self, name: &str) -> Result<Text, String> {
        Text::parse(&self.text(name)?)
    }

    fn chain(&self, name: &str) -> Result<Chain, String> {
        let text = self.text(name)?;
        let text = text.trim().trim_start_matches("@{").trim_end_matches('}');
        Chain::parse_whole(text).ok_or_else(|| format!("`{text}` is no path"))
    }

    /// The path of a parent, which is in the body.
    fn parent(&self, name: &str) -> Result<Chain, String> {
        let text = self.text(name)?;
        match Chain::parse_whole(&text) {
            Some(chain) if chain.root.is_tree() => Ok(chain),
            Some(_) => Err(format!("`{text}` is not in the body")),
            None => Ok(body(path::sub_path(&text))),
        }
    }

    fn path(&self, name: &str) -> Vec<path::Segment> {
        self.text(name).map(|it| path::sub_path(&it)).unwrap_or_default()
    }

    fn place(&self, name: &str) -> Result<Place, String> {
        let text = self.text(name)?;
        Ok(match Chain::parse_whole(&text) {
            Some(Chain { root: Root::Body | Root::TriggerBody, segments, .. }) => {
                Place::Body(segments)
            }
            Some(Chain { root: Root::Item, segments, .. }) => Place::Item(segments),
            Some(_) => return Err(format!("`{text}` is not in the body")),
            None => Place::Item(path::sub_path(&text)),
        })
    }

    fn exists(&self) -> Exists {
        match self.text("existsAction").unwrap_or_default().to_ascii_lowercase().as_str() {
            "skip" => Exists::Skip,
            "append" => Exists::Append,
            _ => Exists::Override,
        }
    }

    fn flag(&self, name: &str, usual: bool) -> bool {
        match self.text(name).unwrap_or_default().to_ascii_lowercase().as_str() {
            "true" => true,
            "false" => false,
            _ => usual,
        }
    }

    /// A method; one that is computed is the request's own.
    fn method(&self, name: &str) -> Option<String> {
        let method = self.text(name).ok()?.trim().to_ascii_uppercase();
        (!method.is_empty() && method.chars().all(|it| it.is_ascii_alphabetic())).then_some(method)
    }

    fn status(&self) -> u16 {
        let all = self.0.as_object().into_iter().flatten();
        let mut found = all.filter_map(|(_, value)| match value {
            Value::Number(number) => u16::try_from(number.as_u64()?).ok(),
            Value::String(text) => text.trim().parse().ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        });
        found.find(|it| (400..=599).contains(it)).unwrap_or(401)
    }

    fn section(&self) -> Section {
        let section = self.0.get("x-ms-apimTemplate-policySection").and_then(Value::as_str);
        match section.unwrap_or_default().to_ascii_lowercase().as_str() {
            "response" => Section::Response,
            "failure" => Section::Failure,
            _ => Section::Request,
        }
    }

    /// The operations that are named: a list, or the text of one. An empty list names all.
    fn operations(&self) -> Option<BTreeSet<String>> {
        let names: BTreeSet<String> = match self.0.get("x-ms-apimTemplate-operationName")? {
            Value::Array(items) => {
                items.iter().filter_map(Value::as_str).map(|it| it.trim().to_owned()).collect()
            }
            Value::String(text) => {
                let parts = text.split(['[', ']', ',', '\'', '"']).map(str::trim);
                parts.filter(|it| !it.is_empty()).map(str::to_owned).collect()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => return None,
        };
        (!names.is_empty()).then_some(names)
    }
}

fn body(segments: Vec<path::Segment>) -> Chain {
    Chain { root: Root::Body, argument: String::new(), default: None, segments }
}
