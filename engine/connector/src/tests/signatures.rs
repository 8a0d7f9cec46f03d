//! Digests of requests: the text that a file composes, and Amazon's published vectors.

use base::{HttpRequest, Timestamp};
use serde_json::json;

use super::{call, connect, show};
use crate::{
    auth::{Keys, sign},
    request::build,
};

fn sent(auth: &str, values: &[&str], operation: &str) -> Result<String, String> {
    let text = format!(
        "connector: x\nversion: 1.0.0\nconnection:\n  params: {{ id: {{ type: string }}, secret: {{ type: secret }}, \
         accessKeyId: {{ type: string }}, secretAccessKey: {{ type: secret }}, sessionToken: {{ type: secret }} }}\n  auth: {auth}\n\
         http: {{ baseUrl: \"https://x.example:8443\" }}\noperations:\n  It: {operation}\n"
    );
    let connection = connect(&text, values);
    let operation = connection.connector.operation("It").unwrap();
    let inputs = json!({ "x": "1", "q": "&", "body": { "a": 1 }, "name": "a b(c)" });
    let known =
        |name: &str| name == "body" && operation.body.is_some() || operation.param(name).is_some();
    let inputs: serde_json::Map<_, _> =
        inputs.as_object().unwrap().clone().into_iter().filter(|(name, _)| known(name)).collect();
    let inputs = inputs.into();
    build(&connection, operation, &call(&inputs), None).map(|it| show(&it)).map_err(|it| it.message)
}

const POST: &str = "{ effect: action, request: POST /a, params: { x: { type: string, in: query }, \
     q: { type: string, in: query } }, bodyParam: body, body: { type: object } }";
const GET: &str = "{ effect: read, request: GET /a }";

#[test]
fn requests_are_digested_as_the_file_says() {
    let azure = r#"{ type: hmac, keyEncoding: base64, encoding: base64, header: Authorization,
        headers: { x-ms-date: "@formatDateTime(utcNow(), 'R')" },
        canonical: "@concat(request('method'), '\n', request('path'), '?', request('query'), '\n',
          request('headers')['x-ms-date'], ';', request('host'), ';', request('bodySha256Base64'))",
        value: "HMAC-SHA256 Credential=@{connection('id')}&Signature=@{signature()}" }"#;
    assert_eq!(
        sent(azure, &["id=me", "secret=!awB5"], POST).unwrap(),
        "POST https://x.example:8443/a?x=1&q=%26\n\
         Content-Type: application/json\n\
         x-ms-date: Mon, 05 Jan 2026 10:00:00 GMT\n\
         Authorization: HMAC-SHA256 Credential=me&Signature=ZPJz/UTgEjRX5guT2vd3/aEukEammQCS6/34cX/D1/I=\n\n\
         {\"a\":1}\n"
    );
    let query = "{ type: hmac, algorithm: sha512, query: sig, \
         canonical: \"@{request('method')}@{request('path')}?@{request('query')}\" }";
    assert_eq!(
        sent(query, &["secret=!key"], GET).unwrap(),
        "GET https://x.example:8443/a?sig=cf7f443b3073f220af8b9fc337441614bf805f406e38bb6de8848f2307ebd351080f2f8bfe3b3dcc9116718ab555c6ca7b28c61e5e348969f73d91323cac8755\n"
    );
    let bad = |keys: &str, value: &str| {
        let auth = format!("{{ type: hmac, header: s, keyEncoding: {keys}, canonical: x }}");
        sent(&auth, &[value], GET).unwrap_err()
    };
    for (keys, value) in [("hex", "secret=!abc"), ("hex", "secret=!zz"), ("base64", "secret=!*")] {
        assert_eq!(bad(keys, value), "connection `test` has no key that can be read");
    }
    assert_eq!(bad("text", "id=1"), "connection `test` has no key that can be read");
}

type Vector = (&'static str, &'static str, &'static [(&'static str, &'static str)], &'static str);

/// Name, request line without its end, headers, signature. The signatures are those of Amazon's
/// published suite, for the key `AKIDEXAMPLE` at 2015-08-30T12:36:00Z.
const VECTORS: &[Vector] = &[
    (
        "get-vanilla",
        "GET /",
        &[],
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ),
    (
        "post-vanilla",
        "POST /",
        &[],
        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    ),
    (
        "get-vanilla-query-order-key-case",
        "GET /?Param2=value2&Param1=value1",
        &[],
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ),
    (
        "get-vanilla-query-order-value",
        "GET /?Param1=value1&Param1=value2",
        &[],
        "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694",
    ),
    (
        "get-vanilla-query-order-encoded",
        "GET /?Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
        &[],
        "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
    ),
    (
        "get-vanilla-utf8-query",
        "GET /?ሴ=bar",
        &[],
        "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
    ),
    (
        "get-vanilla-query-unreserved",
        "GET /?-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz=-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        &[],
        "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
    ),
    (
        "get-unreserved",
        "GET /-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        &[],
        "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
    ),
    (
        "get-space",
        "GET /example space/",
        &[],
        "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
    ),
    ("get-utf8", "GET /ሴ", &[], "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
    (
        "get-header-key-duplicate",
        "GET /",
        &[("My-Header1", "value2"), ("My-Header1", "value2"), ("My-Header1", "value1")],
        "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
    ),
    (
        "get-header-value-trim",
        "GET /",
        &[("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")],
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    ),
    (
        "get-vanilla-with-session-token",
        "GET /",
        &[(
            "X-Amz-Security-Token",
            "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267",
        )],
        "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
    ),
    (
        "post-header-value-case",
        "POST /",
        &[("My-Header1", "VALUE1")],
        "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
    ),
    (
        "post-vanilla-query",
        "POST /?Param1=value1",
        &[],
        "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
    ),
    (
        "post-x-www-form-urlencoded",
        "POST /#Param1=value1",
        &[
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Content-Length", "13"),
            (
                "x-amz-content-sha256",
                "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
            ),
        ],
        "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
    ),
];

#[test]
fn amazons_vectors_hold() {
    let now = Timestamp::parse("2015-08-30T12:36:00Z").unwrap();
    let keys = Keys {
        region: "us-east-1",
        service: "service",
        id: "AKIDEXAMPLE",
        secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    };
    for (name, line, headers, expected) in VECTORS {
        let (line, body) = line.split_once('#').map_or((*line, None), |(a, b)| (a, Some(b)));
        let (method, target) = line.split_once(' ').unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut request = HttpRequest {
            method: method.to_owned(),
            url: String::new(),
            headers: headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
            body: body.map(|it| it.as_bytes().to_vec()),
        };
        sign(&mut request, ("example.amazonaws.com", path, query), &keys, now);
        let proof = request.header("authorization").unwrap();
        assert!(proof.ends_with(&format!(", Signature={expected}")), "{name}: {proof}");
        assert!(
            proof.starts_with(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders="
            ),
            "{name}: {proof}"
        );
        assert_eq!(request.header("x-amz-date"), Some("20150830T123600Z"), "{name}");
    }
}

#[test]
fn requests_are_signed_for_amazon() {
    let named = "{ effect: read, request: \"GET /v1/{name}\", params: { name: { type: string, required: true }, q: { type: string } } }";
    let values = ["accessKeyId=AKID", "secretAccessKey=!SECRET", "sessionToken=!TOKEN"];
    let shown =
        sent("{ type: awsSigV4, region: eu-central-1, service: execute-api }", &values, named);
    let shown = shown.unwrap();
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines[0], "GET https://x.example:8443/v1/a%20b%28c%29?q=%26");
    assert_eq!(lines[1..3], ["x-amz-security-token: TOKEN", "x-amz-date: 20260105T100000Z"]);
    assert!(
        lines[3].starts_with(
            "authorization: AWS4-HMAC-SHA256 Credential=AKID/20260105/eu-central-1/execute-api/aws4_request, \
             SignedHeaders=host;x-amz-date;x-amz-security-token, Signature="
        ),
        "{shown}"
    );
    assert!(!shown.contains("SECRET"));
    let s3 =
        sent("{ type: awsSigV4, region: us-east-1, service: s3 }", &values[..2], POST).unwrap();
    assert!(
        s3.contains("x-amz-content-sha256: 015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862\n"),
        "{s3}"
    );
    let missing = sent("{ type: awsSigV4, region: r, service: s }", &["accessKeyId=A"], GET);
    assert_eq!(missing.unwrap_err(), "connection `test` has no secret access key");
}
