//! Connector files: the shipped ones are without fault, mistakes are found at their place.

use super::{DYNAMICS, EVENTS, REFERRALS, dynamics, findings, load};
use crate::{Catalog, Connection, ConnectionValue};

#[test]
fn shipped_connectors_have_no_finding() {
    for text in [REFERRALS, EVENTS, DYNAMICS] {
        assert_eq!(findings(text), Vec::<String>::new());
    }
}

const SMALL: &str = r##"connector: small
version: 1.0.0
http: { baseUrl: "https://api.example" }
schemas:
  Row: { type: object, properties: { id: { type: string } } }
operations:
  Get:
    effect: read
    request: GET /rows/{id}
    params: { id: { type: string, required: true } }
    returns: { $ref: "#/schemas/Row" }
"##;

#[test]
fn what_a_service_allows_is_read() {
    let check = |http: &str, expected: (Option<usize>, Option<(usize, i64)>), told: usize| {
        let text =
            SMALL.replace("\"https://api.example\"", &format!("\"https://a.example\", {http}"));
        assert_eq!(findings(&text).len(), told, "{http}: {:?}", findings(&text));
        let quota = crate::read(&base::Source::new("connector.yaml", &text)).0.http.quota;
        let rate = quota.rate.map(|it| (it.calls, it.per.ticks() / 10_000_000));
        assert_eq!((quota.concurrency, rate), expected, "{http}");
    };
    check("timeout: PT5S", (None, None), 0);
    check("concurrency: 4", (Some(4), None), 0);
    check("rate: { calls: 6000, per: PT5M }", (None, Some((6_000, 300))), 0);
    check("rate: { calls: 6000 }", (None, None), 1);
    check("rate: { calls: -1, per: soon, each: 1 }", (None, None), 3);
    check("rate: often", (None, None), 1);
}

fn check(replace: (&str, &str), expected: &[&str]) {
    assert!(SMALL.contains(replace.0), "`{}` is in the file", replace.0);
    assert_eq!(findings(&SMALL.replace(replace.0, replace.1)), expected, "{}", replace.1);
}

#[test]
fn mistakes_are_found_at_their_place() {
    check(("version", "version"), &[]);
    check(
        ("operations:", "operatons:"),
        &["6:1 unknown-key: unknown key `operatons` in a connector (did you mean `operations`?)"],
    );
    check(
        ("effect: read", "efect: read"),
        &[
            "7:3 missing-key: operation `Get` needs the key `effect` (add `effect:`)",
            "8:5 unknown-key: unknown key `efect` in operation `Get` (did you mean `effect`?)",
        ],
    );
    check(
        ("effect: read", "effect: raed"),
        &["8:13 invalid-choice: `effect` cannot be `raed` (did you mean `read`?)"],
    );
    check(
        ("GET /rows/{id}", "FETCH rows"),
        &[
            "9:14 wrong-type: `FETCH rows` is not a method and a path (write it as in `GET /referrals/{id}`)",
        ],
    );
    check(
        ("/rows/{id}", "/rows/{ids}"),
        &["7:3 missing-key: `ids` is in the path and is not a parameter (did you mean `id`?)"],
    );
    check(
        ("required: true", "required: false"),
        &["7:3 missing-key: parameter `id` is in the path and must be required"],
    );
    check(
        ("#/schemas/Row", "#/schemas/Rows"),
        &[
            "7:3 unknown-type: there is no schema `#/schemas/Rows` (write it as in `#/schemas/Name`)",
        ],
    );
    check(
        ("https://api.example", "@conection('url')"),
        &["3:20 unknown-function: there is no function `conection` (did you mean `connection`?)"],
    );
    check(
        ("connector: small", "connector: Small one"),
        &[
            "1:12 invalid-name: `Small one` is not a name for a connector (use small letters, digits and hyphens)",
        ],
    );
    check(
        ("type: object, properties", "type: objekt, properties"),
        &["5:16 invalid-choice: `type` cannot be `objekt` (did you mean `object`?)"],
    );
    check(
        (
            "operations:",
            "connection: { auth: { type: oauth2, grant: implicit, tokenUrl: x } }\noperations:",
        ),
        &[
            "6:44 invalid-choice: `grant` cannot be `implicit` (it is one of clientCredentials, refreshToken, authorizationCode, deviceCode, jwtBearer, password)",
        ],
    );
    check(
        (
            "    returns:",
            "    idempotency: { find: { operation: Gett, found: \"@body()\" } }\n    returns:",
        ),
        &["7:3 unknown-operation: there is no operation `Gett` (did you mean `Get`?)"],
    );
}

#[test]
fn anything_is_read_without_panic() {
    for text in ["", "[]", "a", "{", "connector: {}\noperations: []\ntriggers: 3\nerrors: {}\n"] {
        assert_ne!(findings(text), Vec::<String>::new(), "{text}");
    }
    // Every beginning of a file is a file that somebody is writing.
    for (at, _) in DYNAMICS.char_indices().step_by(61) {
        findings(DYNAMICS.get(..at).unwrap());
    }
}

#[test]
fn catalog_finds_names_exactly_and_aliases_in_any_case() {
    let connectors = [REFERRALS, EVENTS, DYNAMICS].map(|it| (*load(it)).clone());
    let catalog = Catalog::new(connectors.to_vec());
    let check = |name: &str, expected: Option<&str>| {
        assert_eq!(catalog.find(name).map(|it| it.name.as_str()), expected, "{name}");
    };
    check("dynamics-365", Some("dynamics-365"));
    check("Dynamics-365", None);
    check("shared_commondataserviceforapps", Some("dynamics-365"));
    check("Shared_CommonDataServiceForApps", Some("dynamics-365"));
    check(
        "/providers/Microsoft.PowerApps/apis/shared_partnercenterref",
        Some("partner-center-referrals"),
    );
    check("shared_partnercenterevents", Some("partner-center-events"));
    assert_eq!(catalog.closest("dynamics365"), Some("dynamics-365"));
}

#[test]
fn connections_are_checked_once() {
    let check = |values: &[(&str, &str)], expected: &[&str]| {
        let value = |(name, value): &(&str, &str)| {
            ((*name).to_owned(), ConnectionValue::Plain((*value).into()))
        };
        let values = values.iter().map(value).collect();
        let (_, problems) = Connection::new("crm", load(DYNAMICS), values);
        let problems: Vec<String> = problems.into_iter().map(|it| it.message).collect();
        assert_eq!(problems, expected);
    };
    let whole = [("orgUrl", "https://a.example"), ("tenantId", "t"), ("clientId", "c")];
    let with = |more| whole.into_iter().chain([more]).collect::<Vec<_>>();
    check(&with(("clientSecret", "s")), &[]);
    check(&whole, &["parameter `clientSecret` of connection `crm` is missing"]);
    check(
        &[("orgUrl", "ftp://a"), ("tenantId", "t"), ("clientId", "c"), ("clientSecret", "s")],
        &[
            "parameter `orgUrl` of connection `crm` must be an absolute http or https address without user name or query",
        ],
    );
    check(
        &[
            ("orgUrl", "https://u:p@a.example"),
            ("tenantId", "t"),
            ("clientId", "c"),
            ("clientSecret", "s"),
        ],
        &[
            "parameter `orgUrl` of connection `crm` must be an absolute http or https address without user name or query",
        ],
    );
    check(
        &[whole.as_slice(), &[("clientSecret", "s"), ("tenant", "t")]].concat(),
        &[
            "parameter `tenant` of connection `crm` is not a parameter of `dynamics-365`; did you mean `tenantId`?",
        ],
    );
}

#[test]
fn secrets_are_out_of_reach_of_expressions() {
    let text = SMALL
        .replace("https://api.example", "@connection('key')")
        .replace("schemas:", "connection: { params: { key: { type: secret } } }\nschemas:");
    let values = [("key".to_owned(), ConnectionValue::Plain("https://s.example".into()))];
    let (connection, _) = Connection::new("test", load(&text), values.into());
    let inputs = serde_json::json!({ "id": 1 });
    let operation = connection.connector.operation("Get").unwrap();
    let failure =
        crate::request::build(&connection, operation, &super::call(&inputs), None).unwrap_err();
    assert_eq!(
        failure.message,
        "parameter `key` of connection `test` is a secret, which only `auth` may use"
    );
    assert!(!format!("{:?}", dynamics()).contains("s3cret"));
}

#[test]
fn schemas_are_followed_and_circles_end() {
    let connector = load(REFERRALS);
    let check = |path: &[&str], expected: Option<&str>| {
        let start = serde_json::json!({ "$ref": "#/schemas/Referral" });
        let found = connector.schema_at(&start, path).and_then(|it| it.get("type"));
        assert_eq!(found.map(ToString::to_string).as_deref(), expected, "{path:?}");
    };
    check(&["name"], Some("\"string\""));
    check(&["customerProfile", "address", "city"], Some("\"string\""));
    check(&["team", "0", "email"], Some("\"string\""));
    check(&["nme"], None);
    let circle = SMALL.replace(
        "Row: { type: object, properties: { id: { type: string } } }",
        "Row: { $ref: \"#/schemas/Row\" }",
    );
    let connector = load(&circle);
    assert_eq!(connector.schema(&connector.schemas["Row"]), None);
}
