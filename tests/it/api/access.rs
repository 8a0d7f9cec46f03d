//! Who may do what: every route, every role, nobody at all.

use serde_json::{Value, json};
use server::{Role, openapi};

use super::{Api, Choice, read};

/// A path with something in the place of each name.
fn filled(path: &str) -> String {
    let parts = path.split('/').map(|it| if it.starts_with('{') { "0" } else { it });
    parts.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn every_route_lets_in_whom_it_should() {
    let api = Api::guarded().await;
    let tokens = Role::ALL.map(|role| (role, api.token(role, None)));
    let routes = openapi::listed();
    assert!(40 < routes.len(), "{}", routes.len());
    for (n, route) in routes.iter().enumerate() {
        let path = filled(route.path);
        let nobody = api.ask(route.method, &path, &Value::Null).await;
        // More wrong tokens than these are taken for guesses.
        let wrong = (n % 4 == 0).then_some("flowright_x_y");
        let stranger = api.ask_as(wrong, route.method, &path, &Value::Null).await;
        let Some(smallest) = route.role else {
            assert!(!matches!(nobody.0, 403 | 405) && nobody.0 < 500, "{route:?} {nobody:?}");
            continue;
        };
        for (status, body) in [nobody, stranger] {
            assert_eq!(
                (status, &body["error"]["code"]),
                (401, &json!("Unauthenticated")),
                "{route:?}"
            );
        }
        for (role, token) in &tokens {
            let (status, body) = api.ask_as(Some(token), route.method, &path, &Value::Null).await;
            if *role < Role::parse(smallest).unwrap() {
                assert_eq!(
                    (status, &body["error"]["code"]),
                    (403, &json!("Forbidden")),
                    "{route:?} {role}"
                );
            } else {
                assert!(!matches!(status, 401 | 403 | 405), "{route:?} {role} {status} {body}");
            }
        }
    }
}

#[tokio::test]
async fn tokens_are_for_their_part_only() {
    let api = Api::guarded().await;
    let token = api.token(Role::Admin, Some(&["runs", "metrics"]));
    for route in openapi::listed().iter().filter(|it| it.role.is_some()) {
        let path = filled(route.path);
        let (status, body) = api.ask_as(Some(&token), route.method, &path, &Value::Null).await;
        let is_let_in = ["runs", "metrics"].contains(&route.part);
        assert_eq!(status != 403, is_let_in, "{route:?} {status} {body}");
    }
}

#[tokio::test]
async fn no_other_method_and_no_other_path_leads_in() {
    let api = Api::guarded().await;
    for route in openapi::listed() {
        let path = filled(route.path);
        let known: Vec<&str> = openapi::listed()
            .iter()
            .filter(|it| it.path == route.path)
            .map(|it| it.method)
            .collect();
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
            if !known.contains(&method) {
                let (status, _) = api.ask(method, &path, &Value::Null).await;
                assert!(matches!(status, 401 | 404 | 405), "{method} {path} {status}");
            }
        }
    }
    for path in [
        "/api/v1",
        "/api/v1/",
        "/api/v2/runs",
        "/api//v1/runs",
        "/API/v1/runs",
        "/api/v1/runs/",
        "/api/v1/../v1/runs",
        "/api/v1/%72uns",
        "//api/v1/runs",
        "/api/v1/runs;x",
    ] {
        let (status, body) = api.ask("GET", path, &Value::Null).await;
        assert!(matches!(status, 401 | 404), "{path} {status} {body}");
    }
}

#[tokio::test]
async fn a_session_is_for_the_pages_of_this_service_only() {
    let api = Api::guarded().await;
    let token = api.token(Role::Operator, None);
    let (status, _) =
        api.ask("POST", "/api/v1/session", &json!({ "token": "flowright_a_b" })).await;
    assert_eq!(status, 401);
    let request =
        api.request("POST", "/api/v1/session").body(json!({ "token": token }).to_string());
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 201);
    let cookie = response.headers()["set-cookie"].to_str().unwrap().to_owned();
    for word in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=28800"] {
        assert!(cookie.contains(word), "{cookie}");
    }
    assert!(!cookie.contains(&token), "{cookie}");
    let pair = cookie.split(';').next().unwrap().to_owned();
    let own = format!("http://{}", api.address);
    let ask = async |method: &str, path: &str, cookie: &str, origin: Option<&str>| {
        let mut request = api.request(method, path).header("cookie", cookie);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        read(request.send().await.unwrap()).await
    };
    let (status, who) = ask("GET", "/api/v1/session", &pair, None).await;
    assert_eq!((status, &who["user"]["role"]), (200, &json!("operator")), "{who}");
    assert_eq!(ask("GET", "/api/v1/runs", &pair, None).await.0, 200);
    assert_eq!(ask("GET", "/api/v1/runs", &pair, Some("https://evil.example")).await.0, 403);
    let cancel = "/api/v1/runs/x/cancel";
    for (origin, expected) in [
        (None, 403),
        (Some("https://evil.example"), 403),
        (Some("null"), 403),
        (Some("http://127.0.0.1.evil.example"), 403),
        (Some("http://127.0.0.1:1"), 403),
        (Some(own.as_str()), 404),
    ] {
        let (status, body) = ask("POST", cancel, &pair, origin).await;
        assert_eq!(status, expected, "{origin:?} {body}");
    }
    // Nobody can make or change one.
    let (text, seal) = pair.split_once('=').unwrap().1.split_once('.').unwrap();
    let admin = String::from_utf8(base::base64::decode_url(text).unwrap()).unwrap();
    let admin = base::base64::encode_url(admin.replace("operator", "admin").as_bytes());
    for forged in [format!("{admin}.{seal}"), format!("{text}."), text.to_owned(), String::new()] {
        let cookie = format!("flowright_session={forged}");
        assert_eq!(ask("GET", "/api/v1/runs", &cookie, None).await.0, 401, "{forged}");
    }
    assert_eq!(ask("DELETE", "/api/v1/session", &pair, Some(&own)).await.0, 204);
    assert_eq!(ask("GET", "/api/v1/runs", &pair, None).await.0, 401);
}

#[tokio::test]
async fn a_session_ends_with_its_token() {
    let api = Api::guarded().await;
    let token = api.token(Role::Viewer, None);
    let body = json!({ "token": token }).to_string();
    let response = api.request("POST", "/api/v1/session").body(body).send().await.unwrap();
    let cookie = response.headers()["set-cookie"].to_str().unwrap().to_owned();
    let get = async || api.request("GET", "/api/v1/runs").header("cookie", &cookie).send().await;
    assert_eq!(get().await.unwrap().status(), 200);
    let admin = api.token(Role::Admin, None);
    let all = api.ask_as(Some(&admin), "GET", "/api/v1/tokens", &Value::Null).await.1;
    let id = all["value"][0]["id"].as_str().unwrap();
    let path = format!("/api/v1/tokens/{id}");
    assert_eq!(api.ask_as(Some(&admin), "DELETE", &path, &Value::Null).await.0, 200);
    assert_eq!(get().await.unwrap().status(), 401);
    assert_eq!(api.ask_as(Some(&token), "GET", "/api/v1/runs", &Value::Null).await.0, 401);
}

#[tokio::test]
async fn guesses_are_slowed_down() {
    let api = Api::guarded().await;
    let admin = api.token(Role::Admin, None);
    let mut statuses = Vec::new();
    for n in 0..30 {
        let token = format!("flowright_{n}_guess");
        statuses.push(api.ask_as(Some(&token), "GET", "/api/v1/runs", &Value::Null).await.0);
    }
    assert_eq!(statuses.iter().filter(|it| **it == 401).count(), 20, "{statuses:?}");
    assert_eq!(statuses.last(), Some(&429));
    // For a while, from this address, nobody is believed.
    assert_eq!(api.ask_as(Some(&admin), "GET", "/api/v1/runs", &Value::Null).await.0, 429);
}

#[tokio::test]
async fn an_address_asks_no_more_often_than_it_may() {
    let rate = |calls| Some(base::quota::Rate { calls, per: base::Duration::seconds(60) });
    let access = server::Access {
        api_rate: rate(5),
        hooks_rate: rate(3),
        proxies: vec!["127.0.0.1".parse().unwrap()],
        ..server::Access::default()
    };
    let api = Api::start(Choice { access, ..Choice::default() }).await;
    let from = async |path: &str, source: &str| {
        let request = api.request("GET", path).header("x-forwarded-for", source);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.headers().contains_key("retry-after"))
    };
    for n in 0..7 {
        let expected = if n < 5 { (200, false) } else { (429, true) };
        assert_eq!(from("/api/v1/runs", "192.0.2.1").await, expected, "{n}");
    }
    // What a stranger has put in front is not believed, and others are not disturbed.
    assert_eq!(from("/api/v1/runs", "192.0.2.9, 192.0.2.1").await, (429, true));
    assert_eq!(from("/api/v1/runs", "192.0.2.2").await, (200, false));
    for n in 0..4 {
        let expected = if n < 3 { 404 } else { 429 };
        assert_eq!(from("/hooks/nothing", "192.0.2.1").await.0, expected, "{n}");
    }
    assert_eq!(from("/health/live", "192.0.2.1").await.0, 200);
}

#[tokio::test]
async fn others_are_let_in_only_if_they_are_asked_who_they_are() {
    let everywhere = "0.0.0.0:0".parse().unwrap();
    let refused = server::Listener::bind(everywhere).await.map(drop).unwrap_err().to_string();
    assert!(refused.contains("refusing to listen"), "{refused}");
}
