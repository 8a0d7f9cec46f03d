//! Signing in at an identity provider, which is a small one here.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr, TcpListener as Free},
    sync::{Arc, Mutex},
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base::{Secret, base64, digest::sha256};
use serde_json::{Value, json};
use server::{Access, Oidc, Role, RoleRule};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use worker::{Clock as _, SystemClock};

use super::{Api, Choice};

/// What the provider does wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Fault {
    #[default]
    None,
    Nonce,
    Audience,
    Issuer,
    Expired,
    Signature,
    NoAlgorithm,
    Refused,
}

struct Issuer {
    origin: String,
    key: EcdsaKeyPair,
    fault: Mutex<Fault>,
    roles: Mutex<Value>,
    /// Challenge and nonce of each code that was given out.
    codes: Mutex<BTreeMap<String, (String, String)>>,
}

impl Issuer {
    async fn open() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).unwrap();
        let issuer = Arc::new(Self {
            origin: format!("http://{}", listener.local_addr().unwrap()),
            key: EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref()).unwrap(),
            fault: Mutex::default(),
            roles: Mutex::new(json!(["Flowright.Operator", "other"])),
            codes: Mutex::default(),
        });
        let mine = Arc::clone(&issuer);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let issuer = Arc::clone(&mine);
                tokio::spawn(async move { issuer.answer(stream).await });
            }
        });
        issuer
    }

    async fn answer(&self, mut stream: TcpStream) {
        let mut text = String::new();
        loop {
            let mut part = [0; 4_096];
            let count = stream.read(&mut part).await.unwrap_or(0);
            text.push_str(&String::from_utf8_lossy(&part[..count]));
            let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
            let length = head.lines().find_map(|it| it.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |it| it.parse().unwrap());
            if count == 0 || (text.contains("\r\n\r\n") && length <= body.len()) {
                break;
            }
        }
        let path = text.split(' ').nth(1).unwrap_or("").to_owned();
        let body = text.split_once("\r\n\r\n").map_or("", |it| it.1);
        let (status, answer) = match path.split('?').next().unwrap() {
            "/.well-known/openid-configuration" => (200, self.description()),
            "/keys" => (200, self.keys()),
            "/token" => self.token(&text, body),
            _ => (404, Value::Null),
        };
        let answer = answer.to_string();
        let whole = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{answer}",
            answer.len()
        );
        drop(stream.write_all(whole.as_bytes()).await);
    }

    fn description(&self) -> Value {
        let origin = &self.origin;
        json!({
            "issuer": origin,
            "authorization_endpoint": format!("{origin}/authorize"),
            "token_endpoint": format!("{origin}/token"),
            "jwks_uri": format!("{origin}/keys"),
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        })
    }

    fn keys(&self) -> Value {
        let point = self.key.public_key().as_ref();
        let (x, y) = (base64::encode_url(&point[1..33]), base64::encode_url(&point[33..]));
        json!({ "keys": [{ "kty": "EC", "crv": "P-256", "kid": "k1", "use": "sig", "x": x, "y": y }] })
    }

    /// As a person does who agrees: gives the address to go back to.
    fn agree(&self, address: &str) -> String {
        let query = pairs(address.split_once('?').unwrap().1);
        for (name, value) in [
            ("response_type", "code"),
            ("client_id", "flowright"),
            ("code_challenge_method", "S256"),
        ] {
            assert_eq!(query[name], value);
        }
        let code = format!("code-{}", self.codes.lock().unwrap().len());
        let known = (query["code_challenge"].clone(), query["nonce"].clone());
        self.codes.lock().unwrap().insert(code.clone(), known);
        format!("{}?code={code}&state={}", query["redirect_uri"], query["state"])
    }

    fn token(&self, head: &str, body: &str) -> (u16, Value) {
        let form = pairs(body);
        let basic = base64::encode(b"flowright:the%20secret");
        assert!(head.contains(&format!("authorization: Basic {basic}")), "{head}");
        let Some((challenge, nonce)) = self.codes.lock().unwrap().remove(&form["code"]) else {
            return (400, json!({ "error": "invalid_grant" }));
        };
        assert_eq!(base64::encode_url(&sha256(form["code_verifier"].as_bytes())), challenge);
        let fault = *self.fault.lock().unwrap();
        if fault == Fault::Refused {
            return (400, json!({ "error": "invalid_grant", "error_description": "canary" }));
        }
        let now = SystemClock::default().now().ticks() / 10_000_000;
        let pick = |wrong: Fault, bad: Value, good: Value| if fault == wrong { bad } else { good };
        let claims = json!({
            "iss": pick(Fault::Issuer, json!("https://evil.example"), json!(self.origin)),
            "aud": pick(Fault::Audience, json!("somebody else"), json!(["flowright"])),
            "nonce": pick(Fault::Nonce, json!("another"), json!(nonce)),
            "exp": pick(Fault::Expired, json!(now - 3600), json!(now + 600)),
            "iat": now,
            "sub": "4711",
            "email": "ada@example.com",
            "roles": *self.roles.lock().unwrap(),
        });
        let algorithm = if fault == Fault::NoAlgorithm { "none" } else { "ES256" };
        let head = json!({ "alg": algorithm, "kid": "k1" }).to_string();
        let part = |text: &str| base64::encode_url(text.as_bytes());
        let signed = format!("{}.{}", part(&head), part(&claims.to_string()));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        let mut signature = signature.as_ref().to_vec();
        if fault == Fault::Signature {
            signature[5] ^= 1;
        }
        (200, json!({ "id_token": format!("{signed}.{}", base64::encode_url(&signature)) }))
    }
}

fn pairs(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('&').filter_map(|it| it.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), decoded(value))).collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next().unwrap(), rest.next().unwrap()];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}

async fn start(issuer: &Issuer) -> Api {
    let port = Free::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let origin = format!("http://127.0.0.1:{port}");
    let rule = |role, value: &str| RoleRule { role, value: value.to_owned() };
    let oidc = Oidc {
        issuer: issuer.origin.clone(),
        client_id: "flowright".to_owned(),
        client_secret: Some(Secret::new("the secret".to_owned())),
        scopes: vec!["email".to_owned()],
        claim: "roles".to_owned(),
        rules: vec![
            rule(Role::Operator, "Flowright.Operator"),
            rule(Role::Admin, "Flowright.Admin"),
        ],
        origin: origin.clone(),
    };
    let access = Access { oidc: Some(oidc), ..Access::default() };
    let place = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    Api::start(Choice { access, origin: Some((place, origin)), ..Choice::default() }).await
}

fn cookies(response: &reqwest::Response) -> String {
    let all = response.headers().get_all("set-cookie").iter();
    let pairs = all.map(|it| it.to_str().unwrap().split(';').next().unwrap().to_owned());
    pairs.filter(|it| !it.ends_with('=')).collect::<Vec<_>>().join("; ")
}

/// Goes there and comes back: what is answered then.
async fn sign_in(api: &Api, issuer: &Issuer) -> reqwest::Response {
    let begun = api.request("GET", "/auth/login?next=%2Fui%2Fruns").send().await.unwrap();
    assert_eq!(begun.status(), 303);
    let back = issuer.agree(begun.headers()["location"].to_str().unwrap());
    api.http.get(back).header("cookie", cookies(&begun)).send().await.unwrap()
}

#[tokio::test]
async fn people_sign_in_at_the_identity_provider() {
    let issuer = Issuer::open().await;
    let api = start(&issuer).await;
    assert_eq!(api.ask("GET", "/api/v1/runs", &Value::Null).await.0, 401);
    let session = api.get("/api/v1/session").await;
    assert_eq!((&session["signIn"], &session["required"]), (&json!(["oidc"]), &json!(true)));
    let done = sign_in(&api, &issuer).await;
    assert_eq!(
        (done.status().as_u16(), done.headers()["location"].to_str().unwrap()),
        (303, "/ui/runs")
    );
    let cookie = cookies(&done);
    let get = async |path: &str| {
        super::read(api.request("GET", path).header("cookie", &cookie).send().await.unwrap()).await
    };
    let (_, session) = get("/api/v1/session").await;
    let expected =
        json!({ "name": "ada@example.com", "kind": "oidc", "role": "operator", "only": null });
    assert_eq!(session["user"], expected);
    assert_eq!(get("/api/v1/runs").await.0, 200);
    assert_eq!(get("/api/v1/audit").await.0, 403);
    *issuer.roles.lock().unwrap() = json!("Flowright.Admin");
    let cookie = cookies(&sign_in(&api, &issuer).await);
    let request = api.request("GET", "/api/v1/audit").header("cookie", &cookie);
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn whoever_is_not_vouched_for_is_not_let_in() {
    let issuer = Issuer::open().await;
    let api = start(&issuer).await;
    for fault in [
        Fault::Nonce,
        Fault::Audience,
        Fault::Issuer,
        Fault::Expired,
        Fault::Signature,
        Fault::NoAlgorithm,
        Fault::Refused,
    ] {
        *issuer.fault.lock().unwrap() = fault;
        let done = sign_in(&api, &issuer).await;
        let (status, cookie) = (done.status(), cookies(&done));
        let text = done.text().await.unwrap();
        assert!(status == 502 && !cookie.contains("session"), "{fault:?} {status} {text}");
        assert!(!text.contains("canary"), "{text}");
    }
    *issuer.fault.lock().unwrap() = Fault::None;
    *issuer.roles.lock().unwrap() = json!(["nothing of ours"]);
    assert_eq!(sign_in(&api, &issuer).await.status(), 403);
}

#[tokio::test]
async fn a_sign_in_is_ended_by_whoever_has_begun_it() {
    let issuer = Issuer::open().await;
    let api = start(&issuer).await;
    let begin = async || api.request("GET", "/auth/login").send().await.unwrap();
    let (mine, other) = (begin().await, begin().await);
    let back = issuer.agree(mine.headers()["location"].to_str().unwrap());
    // With the cookie of another sign-in, without any, and with a changed one.
    let cookie = cookies(&mine);
    for brought in [cookies(&other), String::new(), cookie.replace('a', "b")] {
        let response = api.http.get(&back).header("cookie", brought).send().await.unwrap();
        assert_eq!(response.status(), 401);
    }
    let denied = back.replace("?code=code-0", "?error=access_denied");
    let response = api.http.get(denied).header("cookie", &cookie).send().await.unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!(api.http.get(&back).header("cookie", &cookie).send().await.unwrap().status(), 303);
    // A code is good once.
    assert_eq!(api.http.get(&back).header("cookie", &cookie).send().await.unwrap().status(), 502);
    for next in
        ["https://evil.example", "//evil.example", "/%5Cevil.example", "javascript:alert(1)"]
    {
        let begun = api.request("GET", &format!("/auth/login?next={next}")).send().await.unwrap();
        let back = issuer.agree(begun.headers()["location"].to_str().unwrap());
        let done = api.http.get(back).header("cookie", cookies(&begun)).send().await.unwrap();
        assert_eq!(done.headers()["location"], "/", "{next}");
    }
}
