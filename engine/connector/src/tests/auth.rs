//! Requests for tokens, answers to them, and other proofs.

use base::{ErrorClass, Secret, base64};
use serde_json::json;

use super::{ask_token, call, connect, dynamics, referrals, response, show};
use crate::{
    auth::read_token,
    request::{build, shown},
};

#[test]
fn tokens_are_asked_for() {
    let request = ask_token(&dynamics(), None).unwrap().unwrap();
    assert_eq!(
        show(&request),
        "POST https://login.microsoftonline.com/contoso/oauth2/v2.0/token\n\
         accept: application/json\ncontent-type: application/x-www-form-urlencoded\n\n\
         grant_type=client_credentials&client_id=app&client_secret=s3cret&scope=https%3A%2F%2Fcontoso.crm.dynamics.com%2F.default\n"
    );
    let request = ask_token(&referrals(), None).unwrap().unwrap();
    assert_eq!(
        show(&request),
        "POST https://login.microsoftonline.com/contoso/oauth2/token\n\
         accept: application/json\ncontent-type: application/x-www-form-urlencoded\n\n\
         grant_type=refresh_token&refresh_token=refresh&client_id=app&client_secret=s3cret%26more&resource=https%3A%2F%2Fapi.partner.microsoft.com\n"
    );
    let rotated = Secret::new("newer".to_owned());
    let request = ask_token(&referrals(), Some(&rotated)).unwrap().unwrap();
    assert!(show(&request).contains("refresh_token=newer&"));
}

#[test]
fn tokens_are_read() {
    let connection = referrals();
    let read = |status, body: &str| {
        let answer = response(status, &[("content-type", "application/json; charset=utf-8")], body);
        read_token(&connection, &answer)
    };
    let token = read(
        200,
        r#"{"access_token": "A", "refresh_token": "R", "expires_in": "3600", "instance_url": "https://i"}"#,
    )
    .unwrap();
    assert_eq!(token.access.expose(), "A");
    assert_eq!(token.refresh.as_ref().map(|it| it.expose().as_str()), Some("R"));
    assert_eq!(token.lifetime.map(|it| it.to_string()).as_deref(), Some("PT3600S"));
    assert_eq!(token.field("instance_url"), json!("https://i"));
    assert_eq!(token.field("refresh_token"), json!(null));
    assert!(!format!("{token:?}").contains("\"A\""));

    let check = |status, body: &str, class, code: &str, message: &str| {
        let failure = read(status, body).unwrap_err();
        assert_eq!((failure.class, failure.code.as_str()), (Some(class), code));
        assert_eq!(failure.message, message);
    };
    check(
        400,
        r#"{"error": "invalid_grant", "error_description": "AADSTS70000: not s3cret&more\nTrace ID: 1"}"#,
        ErrorClass::Auth,
        "invalid_grant",
        "the token service answered 400 to connection `test`: AADSTS70000: not *sanitized*",
    );
    check(
        503,
        "<html>",
        ErrorClass::Transient,
        "TokenRefused",
        "the token service answered 503 to connection `test`",
    );
    check(
        200,
        "{}",
        ErrorClass::Auth,
        "TokenMissing",
        "the token service gave connection `test` no token",
    );
}

/// A connector whose one operation asks with a proof.
fn asking(auth: &str, params: &str) -> String {
    format!(
        "connector: x\nversion: 1.0.0\nconnection: {{ params: {{ {params} }}, auth: {{ {auth} }} }}\n\
         http: {{ baseUrl: \"https://x.example\" }}\noperations:\n  Get: {{ effect: read, request: GET /a, params: {{ q: {{ type: string }} }} }}\n"
    )
}

#[test]
fn other_proofs_are_given() {
    let check = |auth: &str, params: &str, values: &[&str], expected: &str| {
        let connection = connect(&asking(auth, params), values);
        let operation = connection.connector.operation("Get").unwrap();
        let inputs = json!({ "q": "1" });
        let request = build(&connection, operation, &call(&inputs), None).unwrap();
        assert_eq!(show(&request), expected);
    };
    check("type: none", "", &[], "GET https://x.example/a?q=1\n");
    check(
        "type: basic",
        "username: { type: string }, password: { type: secret }",
        &["username=Aladdin", "password=!open sesame"],
        "GET https://x.example/a?q=1\nauthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\n",
    );
    check(
        "type: apiKey, name: X-Key",
        "apiKey: { type: secret }",
        &["apiKey=!k"],
        "GET https://x.example/a?q=1\nX-Key: k\n",
    );
    check(
        "type: apiKey, in: query, name: key",
        "apiKey: { type: secret }",
        &["apiKey=!k&"],
        "GET https://x.example/a?q=1&key=k%26\n",
    );
    check(
        "type: apiKey, header: X-Key",
        "apiKey: { type: secret }",
        &["apiKey=!k"],
        "GET https://x.example/a?q=1\nX-Key: k\n",
    );
    check(
        "type: apiKey, query: key",
        "apiKey: { type: secret }",
        &["apiKey=!k&"],
        "GET https://x.example/a?q=1&key=k%26\n",
    );
    check(
        "type: clientCertificate",
        "certificate: { type: secret }, privateKey: { type: secret }",
        &["certificate=!c", "privateKey=!k"],
        "GET https://x.example/a?q=1\n",
    );
    check(
        "type: bearer",
        "token: { type: secret }",
        &["token=!t"],
        "GET https://x.example/a?q=1\nauthorization: Bearer t\n",
    );
}

#[test]
fn requests_are_shown_without_proof() {
    let check = |auth: &str, params: &str, values: &[&str], expected: &str| {
        let connection = connect(&asking(auth, params), values);
        let operation = connection.connector.operation("Get").unwrap();
        let inputs = json!({ "q": "1" });
        let request = shown(&connection, operation, &call(&inputs)).unwrap();
        assert_eq!(show(&request), expected);
    };
    check(
        "type: apiKey, header: X-Key",
        "apiKey: { type: secret }",
        &["apiKey=!canary"],
        "GET https://x.example/a?q=1\nX-Key: <hidden>\n",
    );
    check(
        "type: apiKey, query: key",
        "apiKey: { type: secret }",
        &["apiKey=!canary"],
        "GET https://x.example/a?q=1&key=%3Chidden%3E\n",
    );
    check(
        "type: bearer",
        "token: { type: secret }",
        &["token=!canary"],
        "GET https://x.example/a?q=1\nauthorization: Bearer <hidden>\n",
    );
    let dynamics = dynamics();
    let all = dynamics.connector.operations.values();
    let texts = all.filter_map(|it| shown(&dynamics, it, &call(&json!({}))).ok());
    let texts: Vec<String> = texts.map(|it| show(&it)).collect();
    assert!(!texts.is_empty());
    for text in texts {
        assert!(text.contains("Bearer <hidden>") && !text.contains("s3cret"), "{text}");
    }
}

#[test]
fn base64_has_one_text_for_one_value() {
    for (bytes, text) in
        [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
    {
        assert_eq!(base64::encode(bytes.as_bytes()), text);
        assert_eq!(base64::decode(text).as_deref(), Some(bytes.as_bytes()));
    }
    for text in ["Z", "Zg", "Zg=", "Zh==", "Zg===", "Z g=", "Zm9v=", "=", "Zm9-", "Zg==Zg=="] {
        assert_eq!(base64::decode(text), None, "{text}");
    }
}
