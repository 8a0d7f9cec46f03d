//! How deliveries prove themselves, and what a service is answered that asks whose an address is.

use serde_json::{Map, Value, json};

use super::{connect, findings};
use crate::{
    Connection,
    proof::{Received, Verification, handshake, verification},
    webhook::webhook,
};

fn file(receive: &str) -> String {
    format!(
        r#"connector: x
version: 1.0.0
connection:
  params: {{ now: {{ type: secret }}, before: {{ type: secret }}, tenant: {{ type: string }} }}
http: {{ baseUrl: "https://x.example" }}
triggers:
  Happened:
    kind: webhook
    receive:
{receive}"#
    )
}

/// A request: method, address, headers, body.
type Sent<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str);

fn on<T>(connection: &Connection, sent: Sent<'_>, look: impl Fn(&Received<'_>) -> T) -> T {
    let (method, url, headers, body) = sent;
    let headers: Vec<(String, String)> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let query = url.split_once('?').map_or("", |it| it.1);
    let pairs = query.split('&').filter_map(|it| it.split_once('='));
    let queries: Map<String, Value> =
        pairs.map(|(name, value)| (name.to_owned(), value.into())).collect();
    assert_eq!(connection.name, "test");
    let body = body.as_bytes();
    look(&Received { method, url, queries: &queries, headers: &headers, body })
}

const URL: &str = "https://flows.example/hooks/a/b?x=1";

#[test]
fn digests_are_over_what_the_connector_says() {
    let check = |verify: &str, headers: &[(&str, &str)], body: &str, expected: &str| {
        let text =
            file(&format!("      verify: {{ scheme: hmac, algorithm: sha256, {verify} }}\n"));
        let connection = connect(&text, &["now=!k1", "before=!k2", "tenant=t"]);
        let webhook = webhook(connection.connector.trigger("Happened").unwrap()).unwrap();
        let shown = on(&connection, ("POST", URL, headers, body), |received| {
            let Verification::Hmac(digest) = verification(&connection, webhook, received)? else {
                panic!("a digest is asked for");
            };
            let keys = digest.secrets.iter().map(|it| format!("{:?}", it.expose()));
            let brought = digest.brought.iter().map(|it| format!("{it:?}"));
            let sent = digest.sent.map_or_else(String::new, |(at, _)| match at {
                Some(at) => format!(" at {at}"),
                None => " at no time".to_owned(),
            });
            Ok::<_, base::Failure>(format!(
                "{} {} {}{sent}",
                keys.collect::<Vec<_>>().join("+"),
                brought.collect::<Vec<_>>().join("+"),
                String::from_utf8_lossy(&digest.message)
            ))
        });
        assert_eq!(shown.unwrap_or_else(|it| it.message), expected, "{verify}");
    };
    let one = "secrets: \"@connection('now')\"";
    let plain = format!("header: X-Sig, {one}");
    check(&plain, &[("x-sig", "0aFF")], "{\"a\": 1}", "[107, 49] [10, 255] {\"a\": 1}");
    check(&plain, &[], "b", "[107, 49]  b");
    check(&plain, &[("x-sig", "0aF")], "b", "[107, 49]  b");
    check(&plain, &[("x-sig", "+1-2")], "b", "[107, 49]  b");
    let both = "header: X-Sig, prefix: \"V1=\", encoding: base64, secrets: [\"@connection('now')\", \"@connection('before')\"]";
    check(both, &[("X-Sig", "v1=AQI=")], "b", "[107, 49]+[107, 50] [1, 2] b");
    check(both, &[("X-Sig", "v2=AQI=")], "b", "[107, 49]+[107, 50]  b");
    let several = format!("signature: \"@split(headers('X-Sig'), ',')\", prefix: v1=, {one}");
    check(&several, &[("X-Sig", "t=5,v1=01, v1=02")], "b", "[107, 49] [1]+[2] b");
    check(&several, &[], "b", "[107, 49]  b");
    let composed = format!(
        "header: X-Sig, signed: \"@{{request('method')}}|@{{request('url')}}|@{{request('path')}}|@{{request('queries')?['x']}}|@{{headers('X-At')}}|@{{request('body')}}\", \
         timestamp: \"@headers('X-At')\", {one}"
    );
    check(
        &composed,
        &[("X-Sig", "01"), ("X-At", "1767607200")],
        "{ }",
        "[107, 49] [1] POST|https://flows.example/hooks/a/b?x=1|/hooks/a/b|1|1767607200|{ } at 2026-01-05T10:00:00.0000000Z",
    );
    check(
        &composed,
        &[("X-Sig", "01"), ("X-At", "soon")],
        "",
        "[107, 49] [1] POST|https://flows.example/hooks/a/b?x=1|/hooks/a/b|1|soon| at no time",
    );
    // Without a secret nothing could be believed.
    check(
        "header: X-Sig, secrets: \"@connection('tenant')\", secretEncoding: hex",
        &[],
        "",
        "connection `test` has no secret for deliveries that is written as the connector says",
    );
    check("header: X-Sig, secrets: []", &[], "", "connection `test` has no secret for deliveries");
}

#[test]
fn tokens_are_for_the_operators_values() {
    let check = |verify: &str, headers: &[(&str, &str)], expected: &str| {
        let text =
            file(&format!("      verify: {{ scheme: jwt, algorithms: [RS256], {verify} }}\n"));
        let connection = connect(&text, &["tenant=t"]);
        let webhook = webhook(connection.connector.trigger("Happened").unwrap()).unwrap();
        let shown = on(&connection, ("POST", URL, headers, ""), |received| {
            let Verification::Jwt(it) = verification(&connection, webhook, received)? else {
                panic!("a token is asked for");
            };
            Ok::<_, base::Failure>(format!(
                "{:?} {} {:?} {:?} {:?}",
                it.brought, it.keys_url, it.issuers, it.audiences, it.claims
            ))
        });
        assert_eq!(shown.unwrap_or_else(|it| it.message), expected, "{verify}");
    };
    let usual = "keysUrl: \"https://keys.example/@{connection('tenant')}\", issuer: [i1, \"i/@{connection('tenant')}\"], audience: a, claims: { azp: \"@connection('tenant')\" }";
    let rest = "https://keys.example/t [\"i1\", \"i/t\"] [\"a\"] [(\"azp\", String(\"t\"))]";
    check(usual, &[("Authorization", "bearer abc.d")], &format!("Some(\"abc.d\") {rest}"));
    check(usual, &[("Authorization", "Basic abc.d")], &format!("None {rest}"));
    check(usual, &[], &format!("None {rest}"));
    let other = format!("header: X-Token, {usual}");
    check(&other, &[("X-Token", " abc ")], &format!("Some(\"abc\") {rest}"));
    check(
        "keysUrl: https://keys.example, issuer: i, audience: \"@connection('before')\"",
        &[],
        "connection `test` has no audience of tokens",
    );
}

#[test]
fn who_asks_for_the_address_is_answered() {
    let text = file(
        r#"      verify: { scheme: basic, password: "@connection('now')" }
      handshake:
        - when: "@not(empty(request('queries')?['validationToken']))"
          body: "@request('queries')?['validationToken']"
        - method: GET
          when: "@equals(request('queries')?['mode'], 'subscribe')"
          body: "@{request('queries')?['challenge']}"
        - method: OPTIONS
          when: "@not(empty(headers('WebHook-Request-Origin')))"
          headers: { WebHook-Allowed-Origin: "@headers('WebHook-Request-Origin')" }
        - when: "@equals(body()?['type'], 'url_verification')"
          body: { challenge: "@body()?['challenge']", secret: "@connection('now')" }
        - when: "@equals(body()?['event'], 'validate')"
          verified: true
          body: { plain: "@body()?['token']", secret: "@connection('now')" }
"#,
    );
    let connection = connect(&text, &["now=!k1", "tenant=t"]);
    let webhook = webhook(connection.connector.trigger("Happened").unwrap()).unwrap();
    let check = |sent: Sent<'_>, proved: bool, expected: &str| {
        let shown = on(&connection, sent, |it| handshake(&connection, webhook, it, proved));
        let shown = match shown {
            Ok(None) => "-".to_owned(),
            Ok(Some(answer)) => format!("{} {}", answer["headers"], answer["body"]),
            Err(failure) => failure.message,
        };
        assert_eq!(shown, expected, "{sent:?}");
    };
    let plain =
        r#"{"Content-Type":"text/plain; charset=utf-8","X-Content-Type-Options":"nosniff"}"#;
    let bare = r#"{"X-Content-Type-Options":"nosniff"}"#;
    let json = [("content-type", "application/json")];
    let asked = ("POST", "https://a.example/?validationToken=<b>", &[][..], "");
    check(asked, false, &format!("{plain} \"<b>\""));
    check(asked, true, "-");
    check(("GET", asked.1, &[], ""), false, "-");
    check(
        ("GET", "https://a.example/?mode=subscribe&challenge=7", &[], ""),
        false,
        &format!("{plain} \"7\""),
    );
    check(
        ("OPTIONS", URL, &[("webhook-request-origin", "e.example")], ""),
        false,
        r#"{"WebHook-Allowed-Origin":"e.example","X-Content-Type-Options":"nosniff"} null"#,
    );
    check(("OPTIONS", URL, &[], ""), false, "-");
    // Nobody gets anything made of a secret who has not proved himself.
    let challenge = r#"{"type": "url_verification", "challenge": "c"}"#;
    check(
        ("POST", URL, &json, challenge),
        false,
        "parameter `now` of connection `test` is a secret, which only `auth` may use",
    );
    let validate = r#"{"event": "validate", "token": "p"}"#;
    check(("POST", URL, &json, validate), false, "-");
    check(
        ("POST", URL, &json, validate),
        true,
        &format!("{bare} {}", json!({ "plain": "p", "secret": "k1" })),
    );
    check(("POST", URL, &json, "{}"), false, "-");
    check(("POST", URL, &[], "no json"), true, "-");
}

#[test]
fn mistakes_in_proofs_are_found() {
    let check = |receive: &str, expected: &[&str]| {
        assert_eq!(findings(&file(&format!("      {receive}\n"))), expected, "{receive}");
    };
    check("verify: { scheme: basic }", &[]);
    check(
        "verify: { scheme: hmac, algorithm: md5, secrets: x, header: h }",
        &[
            "10:42 invalid-choice: `algorithm` cannot be `md5` (it is one of sha1, sha256, sha384, sha512)",
        ],
    );
    check(
        "verify: { scheme: hmac, algorithm: sha256 }",
        &[
            "10:15 missing-key: `verify` needs the key `secrets` (add `secrets:`)",
            "10:15 missing-key: `verify` needs `header` or `signature`",
        ],
    );
    check(
        "verify: { scheme: jwt, algorithms: [none, HS256], issuer: i, audience: a, keysUrl: u, secrets: s }",
        &[
            "10:42 invalid-choice: `algorithms` cannot be `none` (it is one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA)",
            "10:42 invalid-choice: `algorithms` cannot be `HS256` (did you mean `RS256`?)",
            "10:93 unknown-key: unknown key `secrets` in `verify` (known keys: scheme, algorithms, audience, claims, header, issuer, keysUrl, prefix, token, tolerance)",
        ],
    );
    check(
        "verify: { scheme: none }\n      handshake: { method: DELETE, body: x }",
        &[
            "11:18 missing-key: `handshake` needs the key `when` (add `when:`)",
            "11:28 invalid-choice: `method` cannot be `DELETE` (it is one of GET, HEAD, OPTIONS, POST, PUT)",
        ],
    );
}
