//! Addresses: what is understood, what is encrypted, what is shown.

use crate::{Options, PostgresStore, address::Address, tests::chain};

/// Place and whether it is encrypted, or a part of the message.
#[track_caller]
fn check(url: &str, expected: Result<(&str, bool), &str>) {
    let found = Address::parse(url);
    match (&found, expected) {
        (Ok(address), Ok((place, is_encrypted))) => {
            assert_eq!(address.to_string(), place, "{url}");
            assert_eq!(address.tls.is_some(), is_encrypted, "{url}");
        }
        (Err(text), Err(part)) if text.contains(part) => {
            assert!(!text.contains("hunter2"), "{text}");
        }
        _ => panic!("{url}: {found:?}, not {expected:?}"),
    }
}

#[test]
fn addresses() {
    let here = "postgres://u:hunter2@localhost/runs";
    check(here, Ok(("postgres://localhost:5432/runs", false)));
    check("postgresql://u@127.0.0.1:5433/runs", Ok(("postgres://127.0.0.1:5433/runs", false)));
    check("postgres://u@[::1]/runs", Ok(("postgres://::1:5432/runs", false)));
    check("postgres://u@%2Frun%2Fpg/runs", Ok(("postgres:///run/pg:5432/runs", false)));
    let there = "postgres://u:hunter2@db.example.com/runs";
    check(there, Ok(("postgres://db.example.com:5432/runs", true)));
    check(&format!("{there}?sslmode=disable"), Ok(("postgres://db.example.com:5432/runs", false)));
    check(&format!("{here}?sslmode=require"), Ok(("postgres://localhost:5432/runs", true)));
    check(
        &format!("{there}?connect_timeout=9&sslmode=verify-full"),
        Ok(("postgres://db.example.com:5432/runs", true)),
    );
    let two = "postgres://u@a.example.com:1,b.example.com:2/runs";
    check(two, Ok(("postgres://a.example.com:1,b.example.com:2/runs", true)));
    check(
        "postgres://u@localhost,db.example.com/runs",
        Ok(("postgres://localhost:5432,db.example.com:5432/runs", true)),
    );

    check(&format!("{there}?sslmode=prefer"), Err("`sslmode=prefer` is not supported"));
    check(&format!("{here}?sslrootcert=/a.pem"), Err("without encryption"));
    check(&format!("{there}?sslrootcert=/nowhere.pem"), Err("`/nowhere.pem` holds no usable"));
    check("postgres://u:hunter2@localhost", Err("names no database"));
    check("postgres://u:hunter2@localhost/runs?x=1", Err("unknown option"));
    check("postgres://u:hunter2%@localhost/runs", Ok(("postgres://localhost:5432/runs", false)));
    check("postgres://u:hunter2@localhost:port/runs", Err("not of the form"));
    check("mysql://u:hunter2@localhost/runs", Err("not of the form"));
}

#[tokio::test]
async fn a_database_that_is_away_is_named_without_its_password() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("postgres://u:hunter2@{free}/runs");
    let error = PostgresStore::connect(&url, Options::default()).await.unwrap_err();
    let text = format!("{} {error:?}", chain(&error));
    assert!(text.contains("could not connect") && text.contains("refused"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}
