//! Forged deliveries: against the running service, none starts a run or makes it call anybody.

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use emulators::SigningChain;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::support::service::{
    Parts, SYNC, Service, base64, chain, connections, one_way, project, world,
};

const LEAF: &str = "/cert/pcnotifications-dispatch.sandbox.cer";

/// A listener that answers one file and counts who asks.
struct Host {
    origin: String,
    asked: Arc<AtomicUsize>,
}

impl Host {
    async fn new(status: u16, location: &str, body: &[u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let head = format!(
            "HTTP/1.1 {status} x\r\nlocation: {location}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        let answer = [head.as_bytes(), body].concat();
        let counter = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                let mut request = [0; 4096];
                drop(stream.read(&mut request).await);
                drop(stream.write_all(&answer).await);
            }
        });
        Self { origin, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// The service, with hosts that certificates may come from and one that nobody may ask.
struct Gate {
    service: Service,
    /// An allowed host with the certificate of a chain that is not trusted.
    other: Host,
    /// An allowed host with a root that signed itself and calls itself Microsoft.
    own: Host,
    /// An allowed host that sends whoever asks to the decoy.
    moved: Host,
    /// Nobody may ask it.
    decoy: Host,
    stranger: SigningChain,
}

impl Gate {
    async fn new() -> Self {
        let world = world().await;
        let stranger = SigningChain::generate().unwrap();
        let decoy = Host::new(200, "", chain().leaf_der()).await;
        let other = Host::new(200, "", stranger.leaf_der()).await;
        let own = Host::new(200, "", stranger.root_pem().as_bytes()).await;
        let moved = Host::new(302, &format!("{}{LEAF}", decoy.origin), b"").await;
        let mut connections = connections(&world);
        let hosts = &mut connections["partner-center-events"]["params"]["certificateHosts"];
        let hosts = hosts.as_array_mut().unwrap();
        hosts.extend([&other, &own, &moved].map(|it| Value::from(it.origin.as_str())));
        hosts.push("certificates.example".into());
        let project = project(one_way().path(), &connections);
        let service = Service::start(world, &project, Parts::default()).await;
        Self { service, other, own, moved, decoy, stranger }
    }

    fn certificate_url(&self) -> String {
        format!("{}{LEAF}", self.service.world.partner_center.certificate_origin())
    }

    /// A genuine delivery of a body; `None` takes a header away.
    fn delivery(&self, body: &[u8], changes: &[(&str, Option<&str>)]) -> Message {
        let mut headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("x-ms-signature".to_owned(), signature(chain(), body)),
            ("x-ms-certificate-url".to_owned(), self.certificate_url()),
            ("x-ms-signature-algorithm".to_owned(), "rsa-sha256".to_owned()),
        ];
        for (name, value) in changes {
            headers.retain(|(known, _)| known != name);
            headers.extend(value.map(|value| ((*name).to_owned(), value.to_owned())));
        }
        Message { method: "POST", headers, body: body.to_vec() }
    }

    /// Sends to the sync flow; the status and the code of the answer.
    async fn send(&self, message: &Message) -> (u16, String) {
        self.send_to(&self.service.trigger_url(SYNC), message).await
    }

    async fn send_to(&self, url: &str, message: &Message) -> (u16, String) {
        let path = url.split_once(&self.service.address.to_string()).unwrap().1;
        send_raw(&self.service, path, message).await
    }

    fn certificate_requests(&self) -> usize {
        let requests = self.service.world.partner_center.requests();
        requests.iter().filter(|it| it.target.starts_with("/cert")).count()
    }

    async fn runs(&self) -> usize {
        self.service.quiet().await.len()
    }
}

struct Message {
    method: &'static str,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// By hand, so that nothing about the request is set right on its way.
async fn send_raw(service: &Service, path: &str, message: &Message) -> (u16, String) {
    let mut stream = TcpStream::connect(service.address).await.unwrap();
    let mut head = format!("{} {path} HTTP/1.1\r\nhost: {}\r\n", message.method, service.address);
    for (name, value) in &message.headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    let bytes = message.body.len();
    write!(head, "content-length: {bytes}\r\nconnection: close\r\n\r\n").unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    // A server that has heard enough may close before it has read everything.
    drop(stream.write_all(&message.body).await);
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).unwrap_or_else(|| panic!("no answer")).parse().unwrap();
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let code = serde_json::from_str::<Value>(body)
        .ok()
        .and_then(|it| Some(it["error"]["code"].as_str()?.to_owned()));
    (status, code.unwrap_or_default())
}

fn signature(by: &SigningChain, body: &[u8]) -> String {
    format!("Signature {}", base64(&by.sign(body)))
}

fn body() -> Vec<u8> {
    let event = json!({
        "EventName": "referral-created",
        "ResourceUri": "https://api.partnercenter.microsoft.com/engagements/v1/referrals/5dd4dc44-2c1a-4e16-8478-f783ebe815de",
        "ResourceName": "referral",
        "AuditUri": null,
        "ResourceChangeUtcDate": "2026-01-05T10:00:00.0000000+00:00",
    });
    event.to_string().into_bytes()
}

#[tokio::test]
async fn nothing_is_fetched_for_a_delivery_that_names_no_allowed_place() {
    let gate = Gate::new().await;
    let (body, good) = (body(), gate.certificate_url());
    let origin = gate.service.world.partner_center.certificate_origin().to_owned();
    let (host, port) = origin.trim_start_matches("http://").split_once(':').unwrap();
    let decoy = gate.decoy.origin.trim_start_matches("http://");
    let urls = [
        format!("{}{LEAF}", gate.decoy.origin),
        format!("{origin}@{decoy}{LEAF}"),
        format!("http://{host}:{port}@{decoy}{LEAF}"),
        format!("http://x@{host}:{port}{LEAF}"),
        format!("http://{host}%2e:{port}{LEAF}"),
        format!("http://127%2e0%2e0%2e1:{port}{LEAF}"),
        format!("http://{host}.:{port}{LEAF}"),
        format!("http://localhost:{port}{LEAF}"),
        format!("http://2130706433:{port}{LEAF}"),
        format!("http://[::ffff:127.0.0.1]:{port}{LEAF}"),
        format!("http://0x7f.1:{port}{LEAF}"),
        format!("http://{host}:1{LEAF}"),
        format!("https://{host}:{port}{LEAF}"),
        format!("{good}?x=1"),
        format!("{good}#x"),
        format!("{origin}/%2e%2e/cert"),
        format!("{origin}/../cert"),
        format!("{origin}/cert/%00.cer"),
        format!("{origin}.evil.example{LEAF}"),
        format!("{origin}\\@{decoy}{LEAF}"),
        "http://certificates.example/leaf.cer".to_owned(),
        "https://certificates.example:8443/leaf.cer".to_owned(),
        "https://certificates.example./leaf.cer".to_owned(),
        "https://certificates.example@evil.example/leaf.cer".to_owned(),
        "https://3psostorageacct.blob.core.windows.net/cert/leaf.cer".to_owned(),
        "file:///etc/passwd".to_owned(),
    ];
    for url in &urls {
        let changes = [("x-ms-certificate-url", Some(url.as_str()))];
        let answer = gate.send(&gate.delivery(&body, &changes)).await;
        assert_eq!(answer, (401, "CertificateUrlNotAllowed".to_owned()), "{url}");
    }
    let headers: [(&str, Option<&str>, u16, &str); 10] = [
        ("x-ms-signature", None, 401, "SignatureMissing"),
        ("x-ms-signature", Some("Bearer x"), 401, "SignatureMissing"),
        ("x-ms-signature", Some("Signature ?"), 401, "SignatureInvalid"),
        ("x-ms-certificate-url", None, 400, "IncompleteSignature"),
        ("x-ms-signature-algorithm", None, 400, "IncompleteSignature"),
        ("x-ms-signature-algorithm", Some("none"), 401, "AlgorithmNotAllowed"),
        ("x-ms-signature-algorithm", Some("hs256"), 401, "AlgorithmNotAllowed"),
        ("x-ms-signature-algorithm", Some("hmac-sha256"), 401, "AlgorithmNotAllowed"),
        ("x-ms-signature-algorithm", Some("rsa-sha1"), 401, "AlgorithmNotAllowed"),
        ("x-ms-signature-algorithm", Some(""), 401, "AlgorithmNotAllowed"),
    ];
    for (name, value, status, code) in headers {
        let answer = gate.send(&gate.delivery(&body, &[(name, value)])).await;
        assert_eq!(answer, (status, code.to_owned()), "{name}: {value:?}");
    }
    assert_eq!(gate.certificate_requests(), 0);
    assert_eq!(gate.decoy.asked(), 0);
    assert_eq!([&gate.other, &gate.own, &gate.moved].map(Host::asked), [0, 0, 0]);
    assert_eq!(gate.runs().await, 0);
    // The same with nothing changed is genuine, so each refusal above has the reason it names.
    assert_eq!(gate.send(&gate.delivery(&body, &[])).await.0, 202);
    assert_eq!(gate.runs().await, 1);
    assert_eq!(gate.certificate_requests(), 1);
}

#[tokio::test]
async fn forged_bodies_signatures_and_certificates_are_refused() {
    let gate = Gate::new().await;
    let body = body();
    let genuine = gate.delivery(&body, &[]);
    let wrong = (401, "SignatureInvalid".to_owned());
    for at in [0, body.len() / 2, body.len() - 1] {
        let mut flipped = body.clone();
        flipped[at] ^= 1;
        let message = Message { body: flipped, headers: genuine.headers.clone(), method: "POST" };
        assert_eq!(gate.send(&message).await, wrong, "byte {at}");
    }
    for forged in [&b"{}"[..], b"", &[&body, &b"\n"[..]].concat(), &body[..body.len() - 1]] {
        let headers = genuine.headers.clone();
        let message = Message { body: forged.to_vec(), headers, method: "POST" };
        assert_eq!(gate.send(&message).await, wrong, "{}", String::from_utf8_lossy(forged));
    }
    let of_stranger = signature(&gate.stranger, &body);
    let of_other = signature(chain(), b"another body");
    for signature in [of_stranger.as_str(), &of_other, "Signature AAAA"] {
        let changes = [("x-ms-signature", Some(signature))];
        assert_eq!(gate.send(&gate.delivery(&body, &changes)).await, wrong, "{signature}");
    }
    let other = format!("{}{LEAF}", gate.other.origin);
    let own = format!("{}{LEAF}", gate.own.origin);
    let moved = format!("{}{LEAF}", gate.moved.origin);
    for (url, code) in [
        (&other, "CertificateNotTrusted"),
        (&own, "CertificateNotTrusted"),
        (&moved, "CertificateUnavailable"),
    ] {
        let changes = [
            ("x-ms-signature", Some(of_stranger.as_str())),
            ("x-ms-certificate-url", Some(url.as_str())),
        ];
        assert_eq!(
            gate.send(&gate.delivery(&body, &changes)).await,
            (401, code.to_owned()),
            "{url}"
        );
    }
    assert_eq!([&gate.other, &gate.own, &gate.moved].map(Host::asked), [1, 1, 1]);
    assert_eq!(gate.decoy.asked(), 0, "a redirect was followed");
    assert_eq!(gate.runs().await, 0);
    assert_eq!(gate.send(&genuine).await.0, 202);
    assert_eq!(gate.runs().await, 1);
}

/// A delivery that was signed once and for all, with the certificates it was signed with.
mod vector {
    pub(super) const BODY: &[u8] =
        include_bytes!("../../engine/http-client/src/tests/data/body.json");
    pub(super) const LEAF: &[u8] =
        include_bytes!("../../engine/http-client/src/tests/data/leaf.cer");
    pub(super) const ROOT: &str = include_str!("../../engine/http-client/src/tests/data/root.pem");
    pub(super) const SIGNATURE: &str =
        include_str!("../../engine/http-client/src/tests/data/signature.rsa-sha256.b64");
    pub(super) const TAMPERED: &[u8] =
        include_bytes!("../../engine/http-client/src/tests/data/body.tampered.json");
}

#[tokio::test]
async fn the_recorded_signature_is_accepted() {
    let world = world().await;
    let host = Host::new(200, "", vector::LEAF).await;
    let mut connections = connections(&world);
    let params = &mut connections["partner-center-events"]["params"];
    params["certificateHosts"] = json!([host.origin]);
    params["trustAnchors"] = vector::ROOT.into();
    let project = project(one_way().path(), &connections);
    let service = Service::start(world, &project, Parts::default()).await;
    let url = service.trigger_url(SYNC);
    let path = url.split_once(&service.address.to_string()).unwrap().1;
    let message = |body: &[u8], header: &str| Message {
        method: "POST",
        headers: vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            (header.to_owned(), format!("Signature {}", vector::SIGNATURE.trim())),
            ("X-MS-Certificate-Url".to_owned(), format!("{}/leaf.cer", host.origin)),
            ("X-MS-Signature-Algorithm".to_owned(), "rsa-sha256".to_owned()),
        ],
        body: body.to_vec(),
    };
    let tampered = send_raw(&service, path, &message(vector::TAMPERED, "X-MS-Signature")).await;
    assert_eq!(tampered, (401, "SignatureInvalid".to_owned()));
    assert_eq!(service.quiet().await.len(), 0);
    for header in ["X-MS-Signature", "Authorization"] {
        let answer = send_raw(&service, path, &message(vector::BODY, header)).await;
        assert_eq!(answer.0, 202, "{header}");
    }
    let rows = service.quiet().await;
    assert_eq!(rows.len(), 1, "the same event twice");
    assert_eq!(rows[0].key.as_deref(), Some("4111fffc-f9ee-4d53-bba6-569135228642"));
    assert_eq!(host.asked(), 1, "the certificate is kept");
}

#[tokio::test]
async fn what_is_wrong_with_a_genuine_delivery_is_said() {
    let gate = Gate::new().await;
    for body in [&b"{"[..], b"\xff", b"{\"EventName\":}", b"{} {}"] {
        let answer = gate.send(&gate.delivery(body, &[])).await;
        assert_eq!(
            answer,
            (400, "InvalidRequestContent".to_owned()),
            "{}",
            String::from_utf8_lossy(body)
        );
    }
    for method in ["GET", "PUT", "DELETE", "PATCH"] {
        let message = Message { method, ..gate.delivery(&body(), &[]) };
        assert_eq!(gate.send(&message).await, (405, "MethodNotAllowed".to_owned()), "{method}");
    }
    // The connector takes 64 KB, the server 1 MB; neither is read as JSON before it is refused.
    for (bytes, status) in [(65_536, 400), (65_537, 413), (1 << 20, 413), ((1 << 20) + 1, 413)] {
        let large = gate.delivery(&vec![b' '; bytes], &[]);
        assert_eq!(gate.send(&large).await.0, status, "{bytes} bytes");
    }
    let nowhere = format!("http://{}/hooks/co-sell/nothing", gate.service.address);
    let answer = gate.send_to(&nowhere, &gate.delivery(&body(), &[])).await;
    assert_eq!(answer, (404, "TriggerNotFound".to_owned()));
    // Values that are no event of Partner Center start nothing either.
    for body in ["null", "[]", "1", "\"x\"", "{}", "{\"EventName\":[]}", "{\"EventName\":\"x\"}"] {
        let answer = gate.send(&gate.delivery(body.as_bytes(), &[])).await;
        assert!([202, 400].contains(&answer.0), "{body}: {answer:?}");
    }
    assert_eq!(gate.runs().await, 0);
}

const OPEN_FLOW: &str = "
flow: Open
triggers:
  - name: Call
    request: { method: POST }
    respond: { status: 202 }
actions:
  - name: Got
    compose: $.trigger.body
";

#[tokio::test]
async fn addresses_of_unsigned_triggers_carry_their_own_signature() {
    let folder = one_way();
    let flow = folder.path().join("flows/open");
    std::fs::create_dir_all(&flow).unwrap();
    std::fs::write(flow.join("flow.yaml"), OPEN_FLOW).unwrap();
    let world = world().await;
    let connections = connections(&world);
    let project = project(folder.path(), &connections);
    let service = Service::start(world, &project, Parts::default()).await;
    let url = service.trigger_url("open");
    let (path, sig) =
        url.split_once(&service.address.to_string()).unwrap().1.split_once("?sig=").unwrap();
    assert_eq!(sig.len(), 64);
    let message = |bytes: usize| Message {
        method: "POST",
        headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
        body: vec![b'x'; bytes],
    };
    let unsigned = (401, "DirectApiAuthorizationRequired".to_owned());
    let other = if sig.starts_with('0') { "1" } else { "0" };
    let wrong = format!("{other}{}", sig.get(1..).unwrap());
    for query in [
        String::new(),
        "?sig=".to_owned(),
        format!("?sig={wrong}"),
        format!("?sig={}", sig.get(1..).unwrap()),
        format!("?SIG={sig}"),
        format!("?sig={}", sig.to_uppercase()),
    ] {
        let answer = send_raw(&service, &format!("{path}{query}"), &message(1)).await;
        assert_eq!(answer, unsigned, "{query}");
    }
    assert_eq!(service.rows("open").await.len(), 0);
    let signed = format!("{path}?sig={sig}");
    for (bytes, status) in [(1, 202), (1 << 20, 202), ((1 << 20) + 1, 413)] {
        assert_eq!(send_raw(&service, &signed, &message(bytes)).await.0, status, "{bytes} bytes");
    }
    assert_eq!(service.rows("open").await.len(), 2);
    let get = Message { method: "GET", ..message(0) };
    assert_eq!(send_raw(&service, &signed, &get).await.0, 405);
}

const ANSWERS: &str = "
flow: Answers
triggers:
  - name: Call
    request: { method: POST }
actions:
  - name: Nap
    wait: PT0.05S
  - name: If asked to fail
    if: \"@equals(triggerBody(), 'fail')\"
    then:
      - name: Fail
        terminate: { status: Failed, code: Asked, message: as asked }
  - name: Answer
    respond:
      status: 201
      headers: { x-part: one }
      body: { got: \"@triggerBody()\" }
  - name: Sleep on
    wait: PT1H
";

const QUEUED: &str = "
flow: Queued
triggers:
  - name: Call
    request: { method: POST }
    concurrency: { runs: 1, maxWaiting: 1 }
actions:
  - name: Nap
    wait: PT1H
";

#[tokio::test]
async fn callers_get_the_answer_of_the_flow() {
    let folder = one_way();
    // The last one lies in the folder of another, and its name could be that of a trigger there.
    for (name, text) in [("answers", ANSWERS), ("queued", QUEUED), ("queued/open", OPEN_FLOW)] {
        let flow = folder.path().join("flows").join(name);
        std::fs::create_dir_all(&flow).unwrap();
        let text = text.replace("    respond: { status: 202 }\n", "");
        std::fs::write(flow.join("flow.yaml"), text).unwrap();
    }
    let world = world().await;
    let connections = connections(&world);
    let project = project(folder.path(), &connections);
    let service = Service::start(world, &project, Parts::default()).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let call = async |flow: &str, body: &'static str| {
        let request = http.post(service.trigger_url(flow)).header("content-type", "text/plain");
        request.body(body).send().await.unwrap()
    };
    let good = call("answers", "hello").await;
    assert_eq!(good.status(), 201);
    assert_eq!(good.headers()["x-part"], "one");
    let run = good.headers()["x-flowright-run-id"].to_str().unwrap().to_owned();
    assert_eq!(good.text().await.unwrap(), r#"{"got":"hello"}"#);
    let rows = service.rows("answers").await;
    assert_eq!(rows[0].run.as_str(), run);
    assert_eq!(rows[0].status, None, "the run goes on after its answer");
    assert_eq!(call("answers", "fail").await.status(), 502);

    // A flow that never answers keeps nobody waiting, however long it takes.
    let statuses: [u16; 3] = [
        call("queued", "1").await.status().as_u16(),
        call("queued", "2").await.status().as_u16(),
        call("queued/open", "3").await.status().as_u16(),
    ];
    assert_eq!(statuses, [202, 202, 202]);
    let full = call("queued", "4").await;
    assert_eq!(full.status(), 429);
    assert!(full.headers().contains_key("retry-after"));
    assert_eq!(service.rows("queued").await.len(), 2);
    // Short addresses, for people: a flow has one trigger.
    let url = service.trigger_url("queued/open");
    let (long, sig) = url.split_once('?').unwrap();
    let short = long.strip_suffix("/Call").unwrap();
    let answer = http.post(format!("{short}?{sig}")).send().await.unwrap();
    assert_eq!(answer.status(), 202);
}
