//! The list of referrals: documented filters and orders, pages of one hundred.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::REFERRALS_PATH;
use super::rules::{Refusal, invalid};
use crate::filter::{self, Columns, Expr, Kind};
use crate::http::{Answer, Request, encode};

const PAGE: usize = 100;
const CONTEXT: &str = "https://api.partner.microsoft.com/v1.0/$metadata#Referrals";

struct Filters;

impl Columns for Filters {
    fn kind(&self, path: &str) -> Option<Kind> {
        Some(match path {
            "engagementId" => Kind::Guid,
            "updatedDateTime" => Kind::DateTime,
            "status"
            | "substatus"
            | "email"
            | "qualification"
            | "direction"
            | "customerProfile/address/country" => Kind::Text,
            _ => return None,
        })
    }

    fn functions(&self) -> bool {
        false
    }
}

#[derive(Default)]
struct Query {
    filter: Option<Expr>,
    order: Vec<(String, bool)>,
    select: Vec<String>,
    top: Option<usize>,
    skip: usize,
    offset: usize,
    /// The options as sent, without the page's place, to be repeated in the next link.
    options: Vec<(String, String)>,
}

/// Answers the list from all referrals, the oldest first.
pub(super) fn list(all: &[Value], request: &Request, url: &str) -> Result<Answer, Refusal> {
    let query = Query::read(request)?;
    let mut found: Vec<&Value> = all
        .iter()
        .filter(|it| {
            query.filter.as_ref().is_none_or(|filter| filter.matches(&|path: &str| read(it, path)))
        })
        .collect();
    for (path, descending) in query.order.iter().rev() {
        found.sort_by(|a, b| {
            let order = filter::compare(&read(a, path), &read(b, path));
            if *descending { order.reverse() } else { order }
        });
    }
    let count = found.len();
    let wanted: Vec<&Value> =
        found.into_iter().skip(query.skip).take(query.top.unwrap_or(usize::MAX)).collect();
    let page = wanted.iter().skip(query.offset).take(PAGE).map(|it| query.project(it));
    let mut body = Map::new();
    body.insert("@odata.context".to_owned(), json!(CONTEXT));
    body.insert("@odata.count".to_owned(), json!(count));
    body.insert("value".to_owned(), Value::Array(page.collect()));
    let next = query.offset.saturating_add(PAGE);
    if next < wanted.len() {
        let mut link = format!("{url}{REFERRALS_PATH}?");
        for (name, value) in &query.options {
            link.extend([name, "=", &encode(value), "&"]);
        }
        let token = URL_SAFE_NO_PAD.encode(format!("page {next}"));
        link.extend(["$skiptoken=", &token]);
        body.insert("@odata.nextLink".to_owned(), json!(link));
    }
    Ok(Answer::json(200, &Value::Object(body)))
}

impl Query {
    fn read(request: &Request) -> Result<Self, Refusal> {
        let mut query = Self::default();
        for (name, value) in request.parameters() {
            let wrong = |message: String| invalid(&name, &message);
            let number = || value.parse::<usize>().map_err(|_| wrong("not a number".to_owned()));
            match name.as_str() {
                "$filter" => {
                    query.filter = Some(filter::parse(&value, &Filters).map_err(wrong)?);
                }
                "$orderby" => {
                    let known = |it: &str| ["createdDateTime", "updatedDateTime"].contains(&it);
                    query.order = filter::parse_order(&value, &known).map_err(wrong)?;
                }
                "$select" => {
                    query.select = value.split(',').map(|it| it.trim().to_owned()).collect();
                    let blank = crate::seed::blank_referral();
                    if let Some(name) = query.select.iter().find(|it| !blank.contains_key(*it)) {
                        return Err(wrong(format!("could not find a property named `{name}`")));
                    }
                }
                "$top" => query.top = Some(number()?),
                "$skip" => query.skip = number()?,
                "$count" if ["true", "false"].contains(&value.as_str()) => {}
                "$skiptoken" => {
                    query.offset =
                        place(&value).ok_or_else(|| wrong("unknown token".to_owned()))?;
                    continue;
                }
                _ if name.starts_with('$') => {
                    return Err(wrong("the option is not supported".to_owned()));
                }
                _ => {}
            }
            query.options.push((name, value));
        }
        Ok(query)
    }

    fn project(&self, referral: &Value) -> Value {
        let Some(fields) = referral.as_object().filter(|_| !self.select.is_empty()) else {
            let mut whole = referral.clone();
            if let Some(fields) = whole.as_object_mut() {
                fields.shift_remove("@odata.context");
            }
            return whole;
        };
        let chosen = fields.iter().filter(|(name, _)| self.select.contains(name));
        Value::Object(chosen.map(|(name, value)| (name.clone(), value.clone())).collect())
    }
}

fn place(token: &str) -> Option<usize> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    text.strip_prefix("page ")?.parse().ok()
}

/// A column of a referral; `email` is any address of the customer's or the partner's team.
fn read(referral: &Value, path: &str) -> Value {
    if path == "email" {
        let teams = ["/customerProfile/team", "/team"];
        let members = teams.iter().filter_map(|it| referral.pointer(it)?.as_array()).flatten();
        return members.filter_map(|it| it.get("email").cloned()).collect();
    }
    referral.pointer(&format!("/{path}")).cloned().unwrap_or_default()
}
