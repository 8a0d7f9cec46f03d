//! Grants that somebody agrees to or signs, several ways to prove who asks, and what is kept.

use base::{Duration, Secret, base64, digest::sha256};
use serde_json::{Value, json};

use super::{Plain, ask_token, call, connect, findings, response, show};
use crate::{
    Connection, Token,
    auth::{
        Asking, Authorization, Stored, authorization_url, client_certificate, code_request,
        device_request, device_token_request, identity, read_device, read_token,
    },
    request::build,
};

const PARAMS: &str = "clientId: { type: string }, clientSecret: { type: secret }, \
     username: { type: string }, password: { type: secret }, privateKey: { type: secret }, \
     apiKey: { type: secret }";

fn file(params: &str, auth: &str) -> String {
    format!(
        "connector: x\nversion: 1.0.0\nconnection: {{ params: {{ {params} }}, auth: {{ {auth} }} }}\n\
         http: {{ baseUrl: \"@coalesce(token('instance_url'), 'https://x.example')\" }}\n\
         operations:\n  Get: {{ effect: read, request: GET /a }}\n"
    )
}

fn of(auth: &str, values: &[&str]) -> Connection {
    connect(&file(PARAMS, auth), values)
}

fn asking() -> Asking<'static> {
    Asking { now: call(&Value::Null).now, refresh: None, signer: &Plain }
}

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

#[test]
fn passwords_and_refresh_tokens_are_exchanged() {
    let check = |auth: &str, values: &[&str], refresh: Option<&str>, expected: &str| {
        let refresh = refresh.map(secret);
        let shown = match ask_token(&of(auth, values), refresh.as_ref()) {
            Ok(request) => String::from_utf8(request.unwrap().body.unwrap()).unwrap(),
            Err(failure) => format!("{}: {}", failure.code, failure.message),
        };
        assert_eq!(shown, expected, "{auth}");
    };
    let password = "type: oauth2, grant: password, tokenUrl: 'https://l.example/t', scope: api";
    check(
        password,
        &["clientId=c", "clientSecret=!s", "username=u", "password=!p w"],
        None,
        "grant_type=password&username=u&password=p%20w&client_id=c&client_secret=s&scope=api",
    );
    check(
        password,
        &["clientId=c", "username=u", "password=!p"],
        None,
        "grant_type=password&username=u&password=p&client_id=c&scope=api",
    );
    check(password, &["clientId=c"], None, "InvalidConnection: connection `test` has no user name");
    let code = "type: oauth2, grant: authorizationCode, tokenUrl: 'https://l.example/t', \
         authorizeUrl: 'https://l.example/a', scope: api";
    check(
        code,
        &["clientId=c"],
        None,
        "LoginRequired: nobody has logged in to connection `test`; run `flowright connections login test`",
    );
    check(
        code,
        &["clientId=c"],
        Some("kept"),
        "grant_type=refresh_token&refresh_token=kept&client_id=c",
    );
}

#[test]
fn assertions_are_signed() {
    let salesforce = "type: oauth2, grant: jwtBearer, tokenUrl: 'https://l.example/t', \
         subject: \"@connection('username')\", audience: 'https://login.salesforce.com'";
    let google = "type: oauth2, grant: jwtBearer, tokenUrl: 'https://l.example/t', keyId: k1, \
         issuer: \"@connection('username')\", lifetime: PT1H, claims: { scope: a b, n: '@add(1, 1)' }";
    let check = |auth: &str, header: Value, claims: Value| {
        let values = ["clientId=c", "username=u@x.example", "privateKey=!KEY"];
        let request = ask_token(&of(auth, &values), None).unwrap().unwrap();
        let body = String::from_utf8(request.body.unwrap()).unwrap();
        let start = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
        let parts: Vec<&str> = body.strip_prefix(start).unwrap().split('.').collect();
        let part = |value: &Value| base64::encode_url(value.to_string().as_bytes());
        let text = format!("{}.{}", part(&header), part(&claims));
        let signature = base64::encode_url(format!("KEY|{text}").as_bytes());
        assert_eq!(parts.join("."), format!("{text}.{signature}"));
    };
    check(
        salesforce,
        json!({ "alg": "RS256", "typ": "JWT" }),
        json!({ "iss": "c", "sub": "u@x.example", "aud": "https://login.salesforce.com",
                "iat": 1_767_607_200, "exp": 1_767_607_380 }),
    );
    check(
        google,
        json!({ "alg": "RS256", "typ": "JWT", "kid": "k1" }),
        json!({ "iss": "u@x.example", "aud": "https://l.example/t", "iat": 1_767_607_200,
                "exp": 1_767_610_800, "scope": "a b", "n": 2 }),
    );
    // The certificate's bytes are `hello`.
    let client = "type: oauth2, grant: clientCredentials, clientAuth: assertion, scope: s, \
         tokenUrl: 'https://l.example/t', certificate: \"-----BEGIN CERTIFICATE-----\\naGVsbG8=\\n-----END CERTIFICATE-----\"";
    let connection = of(client, &["clientId=c", "privateKey=!KEY"]);
    let request = ask_token(&connection, None).unwrap().unwrap();
    let body = String::from_utf8(request.body.unwrap()).unwrap();
    let start = "grant_type=client_credentials&client_id=c&client_assertion_type=\
         urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=";
    let rest = body.strip_prefix(start).unwrap().strip_suffix("&scope=s").unwrap();
    let header = json!({ "alg": "RS256", "typ": "JWT",
                         "x5t#S256": base64::encode_url(&sha256(b"hello")) });
    let first = rest.split('.').next().unwrap();
    assert_eq!(first, base64::encode_url(header.to_string().as_bytes()));
    let failed = |values: &[&str]| ask_token(&of(salesforce, values), None).unwrap_err().message;
    assert_eq!(failed(&["clientId=c"]), "connection `test` has no private key");
    assert_eq!(
        failed(&["clientId=c", "privateKey=!bad"]),
        "connection `test` cannot sign: the key is no RSA key"
    );
}

#[test]
fn a_browser_is_sent_to_agree() {
    let connection = of(
        "type: oauth2, grant: authorizationCode, tokenUrl: 'https://l.example/t', \
         authorizeUrl: 'https://l.example/a?tenant=1', scope: 'api offline', query: { prompt: consent }",
        &["clientId=c", "clientSecret=!s"],
    );
    // The verifier and its challenge of RFC 7636, appendix B.
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let challenge = base64::encode_url(&sha256(verifier.as_bytes()));
    assert_eq!(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    let redirect = "http://127.0.0.1:81/callback";
    let attempt = Authorization { redirect, state: "s+t", challenge: &challenge };
    assert_eq!(
        authorization_url(&connection, &attempt).unwrap(),
        "https://l.example/a?tenant=1&response_type=code&client_id=c\
         &redirect_uri=http%3A%2F%2F127.0.0.1%3A81%2Fcallback&scope=api%20offline&state=s%2Bt\
         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256\
         &prompt=consent"
    );
    let request =
        code_request(&connection, (&secret("c&d"), redirect), &secret(verifier), &asking())
            .unwrap();
    assert_eq!(
        show(&request),
        "POST https://l.example/t\naccept: application/json\n\
         content-type: application/x-www-form-urlencoded\n\n\
         grant_type=authorization_code&code=c%26d&redirect_uri=http%3A%2F%2F127.0.0.1%3A81%2Fcallback\
         &code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk&client_id=c&client_secret=s\n"
    );
    let other = device_request(&connection, &asking()).unwrap_err();
    assert_eq!(other.message, "connection `test` does not get its tokens by `deviceCode`");
}

#[test]
fn another_device_is_given_a_code() {
    let connection = of(
        "type: oauth2, grant: deviceCode, tokenUrl: 'https://l.example/t', \
         deviceUrl: 'https://l.example/d', scope: api",
        &["clientId=c"],
    );
    let shown = show(&device_request(&connection, &asking()).unwrap());
    assert!(shown.starts_with("POST https://l.example/d\n"), "{shown}");
    assert!(shown.ends_with("\n\nclient_id=c&scope=api\n"), "{shown}");
    let read = |status, body: Value| {
        read_device(&connection, &response(status, &[], &body.to_string()))
            .map(|it| (it.user_code, it.address, it.interval, it.lifetime))
            .map_err(|it| it.code)
    };
    let whole = json!({ "device_code": "D", "user_code": "AB-CD", "verification_uri": "https://v",
                        "interval": 2, "expires_in": "60" });
    assert_eq!(read(200, whole.clone()), Ok(("AB-CD".into(), "https://v".into(), 2, 60)));
    let google = json!({ "device_code": "D", "user_code": "A", "verification_url": "https://g" });
    assert_eq!(read(200, google), Ok(("A".into(), "https://g".into(), 5, 900)));
    assert_eq!(read(200, json!({})), Err("DeviceCodeMissing".into()));
    assert_eq!(read(400, json!({ "error": "invalid_scope" })), Err("invalid_scope".into()));
    let device = read_device(&connection, &response(200, &[], &whole.to_string())).unwrap();
    let shown = show(&device_token_request(&connection, &device, &asking()).unwrap());
    assert!(
        shown.ends_with(
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code=D&client_id=c\n"
        ),
        "{shown}"
    );
    let pending = response(400, &[], r#"{"error": "authorization_pending"}"#);
    assert_eq!(read_token(&connection, &pending).unwrap_err().code, "authorization_pending");
    // GitHub says so with 200.
    let pending = response(200, &[], r#"{"error": "slow_down"}"#);
    assert_eq!(read_token(&connection, &pending).unwrap_err().code, "slow_down");
}

#[test]
fn one_of_several_ways_is_chosen() {
    let ways = "oneOf: [ { name: key, type: apiKey, header: X-Key }, \
         { name: app, type: oauth2, grant: clientCredentials, tokenUrl: 'https://l.example/t' }, \
         { name: nothing, type: none } ]";
    let values = ["clientId=c", "clientSecret=!s", "apiKey=!k"];
    let inputs = json!({});
    let sent = |connection: &Connection, token: Option<&Token>| {
        let operation = connection.connector.operation("Get").unwrap();
        show(&build(connection, operation, &call(&inputs), token).unwrap())
    };
    let first = of(ways, &values);
    assert_eq!(sent(&first, None), "GET https://x.example/a\nX-Key: k\n");
    assert!(ask_token(&first, None).unwrap().is_none());
    let nothing = of(ways, &values).with_way("nothing").unwrap();
    assert_eq!(sent(&nothing, None), "GET https://x.example/a\n");
    let app = of(ways, &values).with_way("app").unwrap();
    assert!(ask_token(&app, None).unwrap().is_some());
    let body = r#"{"access_token": "T", "instance_url": "https://i.example"}"#;
    let token = read_token(&app, &response(200, &[], body)).unwrap();
    assert_eq!(sent(&app, Some(&token)), "GET https://i.example/a\nauthorization: Bearer T\n");
    assert_ne!(app.fingerprint(), first.fingerprint());
    let unknown = |auth: &str| of(auth, &values).with_way("other").unwrap_err().message;
    assert_eq!(
        unknown(ways),
        "connection `test`: the connector `x` has no way `other` to prove who asks; it has key, app, nothing"
    );
    assert_eq!(
        unknown("type: none"),
        "connection `test`: the connector `x` has no way `other` to prove who asks; it has only one way"
    );
    let empty = of(ways, &[]);
    let operation = empty.connector.operation("Get").unwrap();
    let failure = build(&empty, operation, &call(&inputs), None).unwrap_err();
    assert_eq!(failure.message, "connection `test` has no key");
}

#[test]
fn mistakes_in_auth_are_found() {
    let check = |auth: &str, expected: &[&str]| {
        assert_eq!(findings(&file("clientId: { type: string }", auth)), expected, "{auth}");
    };
    check(
        "type: oauth2, grant: clientCredentials",
        &["3:61 missing-key: `auth` of type `oauth2` needs the key `tokenUrl` (add `tokenUrl:`)"],
    );
    check(
        "oneOf: [ { name: a, type: none }, { name: a, type: none } ]",
        &["3:105 duplicate-name: there are two ways `a`"],
    );
    check(
        "type: hmac, key: x, header: h",
        &["3:61 missing-key: `auth` of type `hmac` needs the key `canonical` (add `canonical:`)"],
    );
    check(
        "type: bearer",
        &[
            "3:61 missing-key: there is no `token` in `auth` and no parameter `token` (add `token` to `params`)",
        ],
    );
    check(
        "oneOf: [ { name: a, type: apiKey, value: k } ]",
        &["3:72 missing-key: `auth` needs the key `header` (add `header:`)"],
    );
    check("oneOf: { a: 1 }", &["3:70 wrong-type: `oneOf` must be a list, not an object"]);
}

#[test]
fn certificates_are_whole_or_missing() {
    let params = "certificate: { type: secret }, privateKey: { type: secret }";
    let text = file(params, "type: clientCertificate");
    let whole = connect(&text, &["certificate=!C", "privateKey=!K"]);
    let pem = client_certificate(&whole).unwrap().unwrap();
    assert_eq!(pem.expose(), "C\nK\n");
    let half = connect(&text, &["certificate=!C"]);
    let failure = client_certificate(&half).unwrap_err();
    assert_eq!(failure.message, "connection `test` has no private key");
    assert!(client_certificate(&of("type: none", &[])).unwrap().is_none());
}

#[test]
fn kept_tokens_come_back_for_the_same_application_only() {
    let auth = |url: &str| {
        format!("type: oauth2, grant: authorizationCode, authorizeUrl: x, tokenUrl: '{url}'")
    };
    let one = of(&auth("https://l.example/t"), &["clientId=c", "clientSecret=!s"]);
    let other_secret = of(&auth("https://l.example/t"), &["clientId=c", "clientSecret=!new"]);
    let other_client = of(&auth("https://l.example/t"), &["clientId=d", "clientSecret=!s"]);
    let other_place = of(&auth("https://m.example/t"), &["clientId=c", "clientSecret=!s"]);
    let of_one = identity(&one).unwrap().unwrap();
    assert_eq!(identity(&other_secret).unwrap().unwrap(), of_one);
    assert_ne!(identity(&other_client).unwrap().unwrap(), of_one);
    assert_ne!(identity(&other_place).unwrap().unwrap(), of_one);
    assert_eq!(identity(&of("type: none", &[])).unwrap(), None);

    let now = call(&Value::Null).now;
    let until = now.after(Duration::seconds(60));
    let body = r#"{"access_token": "A", "expires_in": 60, "instance_url": "https://i"}"#;
    let token = read_token(&one, &response(200, &[], body)).unwrap();
    let kept = Stored::new(&of_one, &token, None, until).to_text();
    let back = Stored::from_text(&kept).unwrap();
    assert_eq!((back.identity.as_str(), back.refresh.is_none()), (of_one.as_str(), true));
    let (token, good_until) = back.token(now).unwrap();
    assert_eq!((token.access.expose().as_str(), good_until), ("A", until));
    assert_eq!(token.field("instance_url"), json!("https://i"));
    assert!(back.token(until).is_none());
    let refresh = secret("R");
    let kept = Stored::new(&of_one, &token, Some(&refresh), until).to_text();
    assert!(!kept.expose().contains("\"A\""));
    assert_eq!(Stored::from_text(&kept).unwrap().refresh, Some(refresh));
    for text in ["", "{}", "[]", "null", "{\"identity\": 3}"] {
        assert!(Stored::from_text(&secret(text)).is_none(), "{text}");
    }
}
