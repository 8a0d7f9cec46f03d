//! Keyed digests, tokens and passwords: what is genuine is believed, every change of it is not.

use std::sync::{Arc, Mutex};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
        RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use base::{Source, base64};
use connector::{
    Connection, ConnectionValue,
    proof::{Received, verification},
    webhook::webhook,
};
use serde_json::{Map, Value, json};

use super::{Server, at};
use crate::{Client, Delivery, Options};

/// A connection to a service that signs as said, with values by name.
fn connection(verify: &str, values: &[(&str, &str)]) -> Connection {
    let text = format!(
        "connector: x\nversion: 1.0.0\nconnection:\n  params: {{ secret: {{ type: secret }}, old: {{ type: secret }}, \
         url: {{ type: uri }} }}\nhttp: {{ baseUrl: \"https://x.example\" }}\ntriggers:\n  T:\n    kind: webhook\n    \
         receive:\n      verify: {verify}\n"
    );
    let (read, found) = connector::read(&Source::new("connector.yaml", &text));
    assert!(found.is_empty(), "{found:?}");
    let value = |it: &(&str, &str)| (it.0.to_owned(), ConnectionValue::Plain(it.1.into()));
    let (connection, problems) =
        Connection::new("test", Arc::new(read), values.iter().map(value).collect());
    assert_eq!(problems, Vec::new());
    connection
}

/// `ok`, or why a delivery is not believed.
async fn check(
    client: &Client,
    connection: &Connection,
    headers: &[(&str, &str)],
    (body, now): (&[u8], &str),
) -> String {
    let webhook = webhook(connection.connector.trigger("T").unwrap()).unwrap();
    let headers: Vec<(String, String)> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let url = "https://flows.example/hooks/a/b";
    let (headers, queries) = (headers.as_slice(), Map::new());
    let received = Received { method: "POST", url, queries: &queries, headers, body };
    let verification = verification(connection, webhook, &received).unwrap();
    let delivery = Delivery { headers, body, now: at(now) };
    match client.check(&verification, &delivery).await {
        Ok(()) => "ok".to_owned(),
        Err(rejected) => format!("{} {}", rejected.status, rejected.code),
    }
}

fn client() -> Client {
    Client::new(Options::default()).unwrap()
}

const NOON: &str = "2026-01-05T12:00:00Z";

#[tokio::test]
async fn the_examples_that_services_publish_are_genuine() {
    // GitHub, "Validating webhook deliveries".
    let github = connection(
        "{ scheme: hmac, algorithm: sha256, header: X-Hub-Signature-256, prefix: sha256=, secrets: \"@connection('secret')\" }",
        &[("secret", "It's a Secret to Everybody")],
    );
    let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let client = client();
    let headers = [("X-Hub-Signature-256", signature)];
    assert_eq!(check(&client, &github, &headers, (b"Hello, World!", NOON)).await, "ok");
    // Slack, "Verifying requests from Slack".
    let slack = connection(
        "{ scheme: hmac, algorithm: sha256, header: X-Slack-Signature, prefix: v0=, secrets: \"@connection('secret')\", \
         signed: \"v0:@{headers('X-Slack-Request-Timestamp')}:@{request('body')}\", \
         timestamp: \"@headers('X-Slack-Request-Timestamp')\", tolerance: PT5M }",
        &[("secret", "8f742231b10e8888abcd99yyyzzz85a5")],
    );
    let body = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow\
        &channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner\
        &command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J\
        %2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    let headers = [
        (
            "X-Slack-Signature",
            "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        ),
        ("X-Slack-Request-Timestamp", "1531420618"),
    ];
    let sent = "2018-07-12T18:36:58Z";
    assert_eq!(check(&client, &slack, &headers, (body, sent)).await, "ok");
    assert_eq!(check(&client, &slack, &headers, (body, "2018-07-12T18:41:58Z")).await, "ok");
    for now in ["2018-07-12T18:41:59Z", "2018-07-12T18:31:57Z", NOON] {
        let found = check(&client, &slack, &headers, (body, now)).await;
        assert_eq!(found, "401 TimestampTooOld", "{now}");
    }
    let untimed = [headers[0]];
    assert_eq!(check(&client, &slack, &untimed, (body, sent)).await, "401 SignatureInvalid");
}

#[tokio::test]
async fn every_algorithm_and_every_key_is_tried() {
    // RFC 4231 and RFC 2202, test case 2: the key is `Jefe`.
    let data = b"what do ya want for nothing?";
    let client = client();
    for (algorithm, digest) in [
        ("sha1", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
        ("sha256", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        (
            "sha384",
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
        ),
        (
            "sha512",
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ),
    ] {
        let verify = format!(
            "{{ scheme: hmac, algorithm: {algorithm}, header: S, secrets: [\"@connection('secret')\", \"@connection('old')\"] }}"
        );
        for (secret, old, expected) in
            [("Jefe", "x", "ok"), ("x", "Jefe", "ok"), ("x", "y", "401 SignatureInvalid")]
        {
            let connection = connection(&verify, &[("secret", secret), ("old", old)]);
            let headers = [("s", digest)];
            assert_eq!(check(&client, &connection, &headers, (data, NOON)).await, expected);
        }
    }
}

#[tokio::test]
async fn no_change_of_a_signed_delivery_is_believed() {
    let connection = connection(
        "{ scheme: hmac, algorithm: sha256, header: S, encoding: base64, secrets: \"@connection('secret')\" }",
        &[("secret", "It's a Secret to Everybody")],
    );
    let good = "dXEH6g6yUJ/CESIczphLijdXC211hsIsRvQ3nIsEPhc=";
    let client = client();
    let body = b"Hello, World!";
    assert_eq!(check(&client, &connection, &[("S", good)], (body, NOON)).await, "ok");
    let mut changed: Vec<(Vec<u8>, String)> = (0..body.len())
        .map(|at| {
            let mut bytes = body.to_vec();
            bytes[at] ^= 1;
            (bytes, good.to_owned())
        })
        .collect();
    changed.extend((0..43).map(|at| {
        let letter = if good.as_bytes()[at] == b'A' { "B" } else { "A" };
        let mut text = good.to_owned();
        text.replace_range(at..=at, letter);
        (body.to_vec(), text)
    }));
    changed.push((Vec::new(), good.to_owned()));
    changed.push((body.to_vec(), good.chars().take(40).collect()));
    for (body, signature) in changed {
        let found = check(&client, &connection, &[("S", &signature)], (&body, NOON)).await;
        assert!(found.starts_with("401 Signature"), "{found} {signature} {body:?}");
    }
    for headers in [&[][..], &[("S", "")], &[("S", "?")]] {
        let found = check(&client, &connection, headers, (body, NOON)).await;
        assert_eq!(found, "401 SignatureMissing", "{headers:?}");
    }
}

#[tokio::test]
async fn passwords_are_compared() {
    let connection = connection(
        "{ scheme: basic, username: caller, password: \"@connection('secret')\" }",
        &[("secret", "pass:word")],
    );
    let client = client();
    let proof = |pair: &str| format!("Basic {}", base64::encode(pair.as_bytes()));
    for (given, expected) in [
        (proof("caller:pass:word"), "ok"),
        (proof("caller:pass:word").replace("Basic", "basic "), "ok"),
        (proof("caller:pass:wort"), "401 CredentialsInvalid"),
        (proof("caller:"), "401 CredentialsInvalid"),
        (proof("caller:pass:word").replace("Basic", "Bearer"), "401 CredentialsInvalid"),
        (String::new(), "401 CredentialsInvalid"),
    ] {
        let headers = [("Authorization", given.as_str())];
        assert_eq!(check(&client, &connection, &headers, (b"", NOON)).await, expected, "{given}");
    }
    let good = proof("caller:pass:word");
    let twice = [("Authorization", good.as_str()), ("authorization", good.as_str())];
    for headers in [&twice[..], &[]] {
        let found = check(&client, &connection, headers, (b"", NOON)).await;
        assert_eq!(found, "401 CredentialsMissing");
    }
}

fn url64(bytes: &[u8]) -> String {
    base64::encode(bytes).trim_end_matches('=').replace('+', "-").replace('/', "_")
}

/// Who issues tokens in these tests.
struct Issuer {
    rsa: RsaKeyPair,
    curve: EcdsaKeyPair,
    edwards: Ed25519KeyPair,
}

impl Issuer {
    fn new() -> Self {
        let generate = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
        Self {
            rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
            curve: generate.unwrap(),
            edwards: Ed25519KeyPair::generate().unwrap(),
        }
    }

    fn keys(&self) -> Vec<Value> {
        let rsa = self.rsa.public_key();
        let number = |bytes: &[u8]| url64(bytes);
        let point = &self.curve.public_key().as_ref()[1..];
        vec![
            json!({ "kid": "r", "kty": "RSA", "use": "sig", "n": number(rsa.modulus().big_endian_without_leading_zero()),
                "e": number(rsa.exponent().big_endian_without_leading_zero()) }),
            json!({ "kid": "e", "kty": "EC", "crv": "P-256", "x": url64(&point[..32]), "y": url64(&point[32..]) }),
            json!({ "kid": "d", "kty": "OKP", "crv": "Ed25519", "x": url64(self.edwards.public_key().as_ref()) }),
            json!({ "kid": "short", "kty": "RSA", "n": "AQAB", "e": "AQAB" }),
            json!({ "kid": "sealing", "kty": "RSA", "use": "enc", "n": "AQAB", "e": "AQAB" }),
        ]
    }

    fn token(&self, head: &Value, claims: &Value) -> String {
        let part = |value: &Value| url64(value.to_string().as_bytes());
        let signed = format!("{}.{}", part(head), part(claims));
        let (message, random) = (signed.as_bytes(), SystemRandom::new());
        let signature = match head["alg"].as_str().unwrap_or_default() {
            "ES256" => self.curve.sign(&random, message).unwrap().as_ref().to_vec(),
            "EdDSA" => self.edwards.sign(message).as_ref().to_vec(),
            _ => {
                let mut signature = vec![0; self.rsa.public_modulus_len()];
                self.rsa.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
        };
        format!("{signed}.{}", url64(&signature))
    }
}

fn claims(changes: &Value) -> Value {
    // 2026-01-05T12:00:00Z is 1767614400.
    let mut claims = json!({
        "iss": "https://issuer.example/", "aud": "me", "exp": 1_767_614_460, "nbf": 1_767_614_340, "azp": "app",
    });
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

const JWT: &str = "{ scheme: jwt, algorithms: [RS256, ES256, EdDSA], keysUrl: \"@{connection('url')}/keys\", \
                   issuer: [other, https://issuer.example/], audience: me, claims: { azp: app }, tolerance: PT1M }";

#[tokio::test]
async fn tokens_must_be_signed_for_us_by_whom_we_know() {
    let issuer = Issuer::new();
    let keys = json!({ "keys": issuer.keys() }).to_string();
    let server = Server::start(move |_| super::json(&keys)).await;
    let connection = connection(JWT, &[("url", &server.origin)]);
    let client = client();
    let check = async |head: Value, changes: Value, now: &str, expected: &str| {
        let bearer = format!("Bearer {}", issuer.token(&head, &claims(&changes)));
        let headers = [("authorization", bearer.as_str())];
        let found = check(&client, &connection, &headers, (b"{}", now)).await;
        assert_eq!(found, expected, "{head} {changes}");
    };
    let rs = || json!({ "alg": "RS256", "kid": "r" });
    check(rs(), json!({}), NOON, "ok").await;
    check(json!({ "alg": "ES256", "kid": "e" }), json!({}), NOON, "ok").await;
    check(json!({ "alg": "EdDSA", "kid": "d" }), json!({}), NOON, "ok").await;
    // Without a name, the only key of the kind is meant; there are several of RSA.
    check(json!({ "alg": "ES256" }), json!({}), NOON, "ok").await;
    check(json!({ "alg": "RS256" }), json!({}), NOON, "401 TokenInvalid").await;
    check(rs(), json!({ "aud": ["you", "me"] }), NOON, "ok").await;
    check(rs(), json!({}), "2026-01-05T12:02:00Z", "ok").await;
    check(rs(), json!({}), "2026-01-05T12:02:01Z", "401 TokenExpired").await;
    check(rs(), json!({}), "2026-01-05T11:57:59Z", "401 TokenInvalid").await;
    for changes in [
        json!({ "iss": "https://issuer.example" }),
        json!({ "iss": null }),
        json!({ "aud": "you" }),
        json!({ "aud": null }),
        json!({ "aud": [] }),
        json!({ "exp": null }),
        json!({ "exp": "1767614460" }),
        json!({ "iat": 1_767_999_999 }),
        json!({ "azp": "another" }),
        json!({ "azp": null }),
    ] {
        check(rs(), changes, NOON, "401 TokenInvalid").await;
    }
    for alg in ["none", "HS256", "RS512", "rs256", "", "PS256"] {
        check(json!({ "alg": alg, "kid": "r" }), json!({}), NOON, "401 AlgorithmNotAllowed").await;
    }
    for head in [
        json!({ "alg": "RS256", "kid": "e" }),
        json!({ "alg": "RS256", "kid": "sealing" }),
        json!({ "alg": "RS256", "kid": "new" }),
        json!({ "alg": "RS256", "kid": "r", "crit": ["b64"] }),
    ] {
        check(head, json!({}), NOON, "401 TokenInvalid").await;
    }
    check(json!({ "alg": "RS256", "kid": "short" }), json!({}), NOON, "401 SignatureInvalid").await;
    assert_eq!(server.lines(), ["GET /keys"], "the keys are kept, and unknown ones make no flood");
}

#[tokio::test]
async fn no_change_of_a_token_is_believed() {
    let issuer = Issuer::new();
    let keys = json!({ "keys": issuer.keys() }).to_string();
    let server = Server::start(move |_| super::json(&keys)).await;
    let connection = connection(JWT, &[("url", &server.origin)]);
    let client = client();
    let good = issuer.token(&json!({ "alg": "RS256", "kid": "r" }), &claims(&json!({})));
    let believed = async |token: &str| {
        let bearer = format!("Bearer {token}");
        check(&client, &connection, &[("authorization", &bearer)], (b"{}", NOON)).await == "ok"
    };
    assert!(believed(&good).await);
    for at in (0..good.len() - 1).step_by(3) {
        let letter = if good.as_bytes()[at] == b'A' { "B" } else { "A" };
        let mut token = good.clone();
        token.replace_range(at..=at, letter);
        assert!(!believed(&token).await, "{at} {token}");
    }
    let [head, body, _] = good.split('.').collect::<Vec<_>>()[..] else { panic!() };
    let deep = url64(format!("{{\"alg\":{}1{}}}", "[".repeat(99), "]".repeat(99)).as_bytes());
    for token in [
        String::new(),
        format!("{head}.{body}"),
        format!("{head}.{body}."),
        format!("{good}."),
        format!("{good}.x"),
        format!("{deep}.{body}.x"),
        "a".repeat(20_000),
    ] {
        assert!(!believed(&token).await, "{token}");
    }
}

#[tokio::test]
async fn keys_are_fetched_again_when_they_change() {
    let (old, new) = (Issuer::new(), Issuer::new());
    let mut changed = new.keys();
    changed[0]["kid"] = "r2".into();
    let published = Arc::new(Mutex::new(old.keys()));
    let shared = Arc::clone(&published);
    let server = Server::start(move |_| match shared.lock().unwrap().as_slice() {
        [] => (500, Vec::new(), Vec::new()),
        keys => super::json(&json!({ "keys": keys }).to_string()),
    })
    .await;
    let connection = connection(JWT, &[("url", &server.origin)]);
    let client = client();
    let ask = async |issuer: &Issuer, kid: &str, seconds: i64| {
        let exp = 1_767_614_460 + seconds;
        let token = issuer.token(
            &json!({ "alg": "RS256", "kid": kid }),
            &claims(&json!({ "exp": exp, "nbf": exp - 120 })),
        );
        let now = at(NOON).after(base::Duration::seconds(seconds)).to_string();
        let bearer = format!("Bearer {token}");
        let found = check(&client, &connection, &[("authorization", &bearer)], (b"", &now)).await;
        format!("{found}, {} fetched", server.lines().len())
    };
    assert_eq!(ask(&old, "r", 0).await, "ok, 1 fetched");
    *published.lock().unwrap() = changed;
    assert_eq!(ask(&new, "r2", 30).await, "401 TokenInvalid, 1 fetched");
    assert_eq!(ask(&new, "r2", 60).await, "ok, 2 fetched");
    assert_eq!(ask(&old, "r", 61).await, "401 TokenInvalid, 2 fetched");
    published.lock().unwrap().clear();
    assert_eq!(ask(&new, "r2", 100).await, "ok, 2 fetched");
    assert_eq!(ask(&new, "r3", 200).await, "503 KeysUnavailable, 3 fetched");
    assert_eq!(ask(&new, "r2", 90_000).await, "503 KeysUnavailable, 4 fetched");
}
