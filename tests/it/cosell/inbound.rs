//! Co-sell referrals become opportunities: the shipped flows against emulators of both services.

use std::time::Duration;

use base::Status;
use journal::RunRow;
use serde_json::{Map, Value, json};
use worker::Project;

use super::{Dice, check, edit, event, project_copy, referral_with};
use crate::support::service::{
    NoSecrets, Parts, SYNC, Sender, Service, action, connections, payload, project, referral, root,
    world,
};

#[tokio::test]
async fn a_new_referral_becomes_an_opportunity() {
    let (service, id) = Service::with_referral().await;
    let row = service.opportunity();
    let expected = json!({
        "name": "✔ Northwind warehouse analytics",
        "estimatedvalue": 30_000,
        "estimatedclosedate": "2027-06-30",
        "description": "Wants to see its stock in real time",
        "flowright_referralidentifier": id,
        "flowright_referrallink": format!("https://partner.microsoft.com/dashboard/v2/referrals/{id}"),
        "flowright_syncwithpartnercenter": true,
        "flowright_microsofthelp": "GeneralOrOther",
        "flowright_visibility": true,
        "statecode": 0,
        "statuscode": 2,
    });
    check(&row, &expected);
    let accounts = service.accounts();
    assert_eq!(accounts.len(), 1);
    let address = json!({
        "name": "Northwind Traders",
        "address1_line1": "1 Harbour Road",
        "address1_city": "Seattle",
        "address1_stateorprovince": "WA",
        "address1_postalcode": "98101",
        "address1_country": "US",
    });
    check(&accounts[0], &address);
    assert_eq!(row["_customerid_value"], accounts[0]["accountid"]);
    assert!(row["_transactioncurrencyid_value"].is_string(), "{row:#}");
    let linked = service.world.partner_center.referral(&id).unwrap();
    assert_eq!(linked["externalReferenceId"], row["opportunityid"]);
    // Writing the CRM's id to the referral is a change, which comes back as an event; its run finds
    // nothing to write.
    let rows = service.rows(SYNC).await;
    assert_eq!(rows.len(), 2, "{rows:#?}");
    let echo = service.shown(&rows[1]).await;
    assert_eq!(action(&echo, "Differences").unwrap()["outputs"]["body"]["changed"], false);
    assert_eq!(action(&echo, "Update existing opportunity").unwrap()["status"], "Skipped");
    assert_eq!(service.updates(), Vec::<Map<String, Value>>::new());
}

#[tokio::test]
async fn an_update_writes_only_what_has_changed() {
    let (service, id) = Service::with_referral().await;
    let cases = [
        (json!({ "details": { "dealValue": 45_000.5 } }), json!({ "estimatedvalue": 45_000.5 })),
        (json!({ "details": { "dealValue": "45000.50" } }), json!({})),
        (json!({ "details": { "notes": "more" } }), json!({ "description": "more" })),
        (json!({ "details": { "notes": null } }), json!({ "description": null })),
        (json!({ "details": { "notes": "" } }), json!({})),
        (
            json!({ "details": { "closingDateTime": "2027-07-01T23:59:59Z" } }),
            json!({ "estimatedclosedate": "2027-07-01" }),
        ),
        (json!({ "details": { "closingDateTime": "2027-07-01T00:00:00Z" } }), json!({})),
        (json!({ "name": "Renamed" }), json!({ "name": "✔ Renamed" })),
        (json!({ "status": "Active", "substatus": "Accepted" }), json!({ "statuscode": 1 })),
        (
            json!({ "name": "Again", "trackingInfo": { "microsoftMsxId": "7-X" } }),
            json!({ "name": "✔ Again", "flowright_microsoftcrmid": "7-X" }),
        ),
        (json!({ "favorite": true }), json!({})),
    ];
    for (change, expected) in cases {
        let before = service.updates().len();
        service.patch(&id, change.clone());
        service.quiet_and_good().await;
        let written = service.updates().split_off(before);
        let written: Value = match written.as_slice() {
            [] => json!({}),
            [only] => only.clone().into(),
            several => panic!("{several:?}"),
        };
        assert_eq!(written, expected, "{change}");
    }
    assert_eq!(service.opportunities().len(), 1);
}

#[tokio::test]
async fn closed_referrals_close_their_opportunities() {
    for (substatus, statecode, statuscode) in
        [("Won", 1, 3), ("Lost", 2, 4), ("Declined", 2, 4), ("Expired", 2, 4)]
    {
        let (service, id) = Service::with_referral().await;
        service.patch(&id, json!({ "status": "Closed", "substatus": substatus }));
        service.quiet_and_good().await;
        let expected = json!({ "statecode": statecode, "statuscode": statuscode });
        check(&service.opportunity(), &expected);
        // What comes after the end changes nothing.
        service.patch(&id, json!({ "details": { "notes": "late" } }));
        service.quiet_and_good().await;
        check(&service.opportunity(), &expected);
        assert_eq!(service.opportunity()["description"], "Wants to see its stock in real time");
    }
}

#[tokio::test]
async fn the_last_values_of_a_closed_referral_are_written() {
    let (service, id) = Service::with_referral().await;
    let details = json!({ "dealValue": 99_000 });
    service.patch(&id, json!({ "status": "Closed", "substatus": "Won", "details": details }));
    service.quiet_and_good().await;
    check(&service.opportunity(), &json!({ "statecode": 1, "estimatedvalue": 99_000 }));
}

#[tokio::test]
async fn other_referrals_create_nothing() {
    let service = Service::new().await;
    let partner = &service.world.partner_center;
    partner.create_referral(referral_with(json!({ "status": "Closed", "substatus": "Lost" })));
    partner.create_referral(referral_with(json!({ "type": "Independent" })));
    partner.create_referral(payload("referral.marketplace-lead"));
    let rows = service.quiet_and_good().await;
    assert_eq!(rows.len(), 3);
    assert_eq!(service.opportunities(), Vec::<Value>::new());
    assert_eq!(service.accounts(), Vec::<Value>::new());
    assert!(partner.referrals().iter().all(|it| it["externalReferenceId"].is_null()));
}

#[tokio::test]
async fn an_account_is_found_by_name_and_postal_code() {
    let service = Service::new().await;
    let account = |name: &str, code: &str| json!({ "name": name, "address1_postalcode": code });
    let crm = &service.world.dataverse;
    let other = crm.put_row("accounts", account("Northwind Traders", "10115")).unwrap();
    let known = crm.put_row("accounts", account("Northwind Traders", "98101")).unwrap();
    let partner = &service.world.partner_center;
    partner.create_referral(referral());
    service.quiet_and_good().await;
    assert_eq!(service.opportunity()["_customerid_value"], known);
    // A second deal of the same customer takes the same account, one at another place does not.
    partner.create_referral(referral_with(json!({ "name": "Second" })));
    service.quiet_and_good().await;
    let moved = json!({ "customerProfile": { "address": { "postalCode": "10115" } } });
    partner.create_referral(referral_with(moved));
    service.quiet_and_good().await;
    let mut of: Vec<Value> =
        service.opportunities().iter().map(|it| it["_customerid_value"].clone()).collect();
    of.sort_by_key(|it| *it == other);
    assert_eq!(of, [json!(known), json!(known), json!(other)]);
    assert_eq!(service.accounts().len(), 2);
}

#[tokio::test]
async fn names_with_quotes_find_their_account() {
    let service = Service::new().await;
    let partner = &service.world.partner_center;
    for name in ["O'Neil & Söhne", "x' or 'a' eq 'a", "100% #1 + more?"] {
        let customer = json!({ "customerProfile": { "name": name } });
        partner.create_referral(referral_with(customer.clone()));
        service.quiet_and_good().await;
        partner.create_referral(referral_with(customer));
        service.quiet_and_good().await;
    }
    let names: Vec<Value> = service.accounts().iter().map(|it| it["name"].clone()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert_eq!(service.opportunities().len(), 6);
}

#[tokio::test]
async fn an_unknown_currency_is_left_to_the_crm() {
    let service = Service::new().await;
    let referral = referral_with(json!({ "details": { "currency": "XTS" } }));
    service.world.partner_center.create_referral(referral);
    service.quiet_and_good().await;
    let row = service.opportunity();
    assert_eq!(row["estimatedvalue"].as_f64(), Some(30_000.0));
    let sent = service.world.dataverse.changes("opportunities");
    assert!(!sent[0].columns.contains_key("_transactioncurrencyid_value"), "{:?}", sent[0]);
}

/// Sends all at once, eight at a time.
async fn storm(sender: &Sender, events: &[Value]) {
    let mut lanes = Vec::new();
    for lane in 0..8 {
        let mine: Vec<Value> = events.iter().skip(lane).step_by(8).cloned().collect();
        let sender = sender.clone();
        lanes.push(tokio::spawn(async move {
            for event in mine {
                assert_eq!(sender.send(event.to_string().as_bytes()).await, 202);
            }
        }));
    }
    for lane in lanes {
        lane.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeated_and_shuffled_events_start_one_run_each() {
    const REFERRALS: usize = 4;
    const CHANGES: usize = 4;
    let world = world().await;
    let project = project(&root(), &connections(&world));
    let service = Service::start(world, &project, Parts::default()).await;
    let sender = Sender::new(&service);
    let mut dice = Dice(7);
    let mut tick = 0;
    let mut all = Vec::new();
    let ids: Vec<String> = (0..REFERRALS)
        .map(|at| {
            let customer = json!({ "customerProfile": { "name": format!("Customer {at}") } });
            service.world.partner_center.create_referral(referral_with(customer))
        })
        .collect();
    for wave in 0..=CHANGES {
        let name = if wave == 0 { "referral-created" } else { "referral-updated" };
        for id in &ids {
            service
                .patch(id, json!({ "details": { "dealValue": 1_000 * wave + dice.below(900) } }));
            tick += 1;
            all.push(event(name, id, tick));
        }
        // Of what was sent before, some comes again now; the rest in the end. Each comes ten times.
        let fresh = &all[all.len() - REFERRALS..];
        let mut now = [fresh; 5].concat();
        now.extend((0..REFERRALS).map(|_| all[dice.below(all.len())].clone()));
        dice.shuffle(&mut now);
        storm(&sender, &now).await;
    }
    let mut again = [&*all; 5].concat();
    dice.shuffle(&mut again);
    storm(&sender, &again).await;
    let rows = service.quiet_and_good().await;
    assert_eq!(rows.len(), all.len(), "one run for each event");
    let opportunities = service.opportunities();
    assert_eq!(opportunities.len(), REFERRALS);
    assert_eq!(service.accounts().len(), REFERRALS);
    for id in &ids {
        let referral = service.world.partner_center.referral(id).unwrap();
        let mine = opportunities.iter().find(|it| it["flowright_referralidentifier"] == *id);
        let mine = mine.unwrap();
        assert_eq!(mine["estimatedvalue"].as_f64(), referral["details"]["dealValue"].as_f64());
        assert_eq!(referral["externalReferenceId"], mine["opportunityid"]);
    }
    in_order(&rows);
}

/// Runs of one referral follow each other: none begins to work before the one before has ended.
fn in_order(rows: &[RunRow]) {
    for row in rows {
        let later = rows.iter().filter(|it| it.key == row.key && row.position < it.position);
        for later in later {
            assert!(row.finished <= later.finished, "{row:#?} {later:#?}");
        }
    }
}

#[tokio::test]
async fn redelivered_bytes_start_nothing() {
    let (service, _) = Service::with_referral().await;
    let before = service.rows(SYNC).await.len();
    let count = service.world.partner_center.deliveries().len();
    for at in (0..count).chain((0..count).rev()) {
        assert!(service.world.partner_center.redeliver(at));
    }
    assert_eq!(service.quiet_and_good().await.len(), before);
    let statuses = service.world.partner_center.deliveries().into_iter().skip(count);
    assert!(statuses.flat_map(|it| it.attempts).all(|it| it.status == Some(202)));
    assert!(service.updates().is_empty());
}

#[tokio::test]
async fn a_validation_event_is_answered_and_starts_nothing() {
    let service = Service::new().await;
    let partner = &service.world.partner_center;
    let login = partner.credentials();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let form = format!(
        "grant_type=refresh_token&client_id={}&client_secret={}&refresh_token={}&resource={}",
        login.client_id,
        login.client_secret,
        login.refresh_token,
        "https%3A%2F%2Fapi.partnercenter.microsoft.com"
    );
    let token = http
        .post(format!("{}/{}/oauth2/token", partner.url(), login.tenant_id))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form);
    let token = token.send().await.unwrap().text().await.unwrap();
    let token: Value = serde_json::from_str(&token).unwrap();
    let validate = http
        .post(format!("{}/webhooks/v1/registration/validationEvents", partner.url()))
        .header("authorization", format!("Bearer {}", token["access_token"].as_str().unwrap()));
    assert_eq!(validate.send().await.unwrap().status(), 200);
    let rows = service.quiet().await;
    let delivery = service.last_delivery();
    assert_eq!(delivery.event, "test-created");
    assert_eq!(delivery.attempts.len(), 1);
    assert_eq!(delivery.attempts[0].status, Some(202));
    assert_eq!(rows.len(), 0);
}

#[tokio::test]
async fn the_webhook_is_registered_and_not_taken_from_others() {
    let world = world().await;
    let project = project(&root(), &connections(&world));
    let service = Service::start(world, &project, Parts::default()).await;
    let cases = [
        ("https://a.example/hook", false, Ok(()), "https://a.example/hook"),
        ("https://a.example/hook", false, Ok(()), "https://a.example/hook"),
        ("https://b.example/hook", false, Err("EndpointRegistered"), "https://a.example/hook"),
        ("https://b.example/hook", true, Ok(()), "https://b.example/hook"),
        ("https://b.example/hook", true, Ok(()), "https://b.example/hook"),
    ];
    for (endpoint, overwrite, expected, registered) in cases {
        let row = service.run_register(endpoint, overwrite).await;
        let error = row.error.as_ref().and_then(|it| it["code"].as_str());
        let found =
            if row.status == Some(Status::Succeeded) { Ok(()) } else { Err(error.unwrap()) };
        assert_eq!(found, expected, "{endpoint} {overwrite}");
        assert_eq!(service.registered().await, registered, "{endpoint} {overwrite}");
    }
    let requests = service.world.partner_center.requests().into_iter();
    let writes = requests.filter(|it| it.target.ends_with("/registration") && it.method != "GET");
    let methods: Vec<String> = writes.map(|it| it.method).collect();
    assert_eq!(methods, ["POST", "PUT", "PUT", "PUT"]);
}

#[tokio::test]
async fn an_edited_mapping_is_used_by_the_next_event() {
    let folder = project_copy();
    let world = world().await;
    let connections = connections(&world);
    let service =
        Service::start(world, &project(folder.path(), &connections), Parts::default()).await;
    service.register().await;
    service.world.partner_center.create_referral(referral());
    service.quiet_and_good().await;
    assert_eq!(service.opportunity()["description"], "Wants to see its stock in real time");
    let before = service.engine.flows()[SYNC].sha.clone();
    edit(
        &folder.path().join("flows").join(SYNC).join("referral-to-opportunity.mapping.yaml"),
        "description: { from: $.details.notes, compare: text }",
        "description: \"@{item()?['customerProfile']?['name']}, @{item()?['details']?['notes']}\"",
    );
    let edited = project(folder.path(), &connections);
    service.engine.deploy(edited.deploy(&NoSecrets).unwrap()).await.unwrap();
    assert_ne!(service.engine.flows()[SYNC].sha, before);
    service.world.partner_center.create_referral(referral_with(json!({ "name": "Next" })));
    service.quiet_and_good().await;
    let rows = service.opportunities();
    let next = rows.iter().find(|it| it["name"] == "✔ Next").unwrap();
    assert_eq!(next["description"], "Northwind Traders, Wants to see its stock in real time");
}

#[tokio::test]
async fn recorded_payloads_are_understood() {
    let world = world().await;
    let project = project(&root(), &connections(&world));
    let service = Service::start(world, &project, Parts::default()).await;
    let sender = Sender::new(&service);
    let send = async |name: &str| sender.send(payload(name).to_string().as_bytes()).await;
    assert_eq!(send("webhook.test-created").await, 202);
    assert_eq!(service.quiet().await.len(), 0);

    let id = service.world.partner_center.create_referral(payload("referral.new-pending"));
    assert_eq!(id, "5dd4dc44-2c1a-4e16-8478-f783ebe815de");
    assert_eq!(send("webhook.referral-created").await, 202);
    assert_eq!(service.quiet_and_good().await.len(), 1);
    let expected = json!({
        "name": "✔ Contoso analytics migration",
        "estimatedvalue": 30_000,
        "estimatedclosedate": "2022-06-24",
        "statuscode": 2,
        "flowright_referralidentifier": id,
    });
    check(&service.opportunity(), &expected);

    service.patch(&id, payload("referral.shared-active"));
    assert_eq!(send("webhook.referral-updated").await, 202);
    service.quiet_and_good().await;
    check(&service.opportunity(), &json!({ "statuscode": 1 }));
    assert_eq!(service.updates().len(), 1, "{:?}", service.updates());

    for name in ["webhook.related-referral-created", "webhook.related-referral-updated"] {
        assert_eq!(send(name).await, 202);
    }
    assert_eq!(service.quiet_and_good().await.len(), 4);
    assert_eq!(service.updates().len(), 1);

    service.patch(&id, payload("referral.closed-won"));
    // The same event again is the same event, whatever the referral looks like by now.
    assert_eq!(send("webhook.referral-updated").await, 202);
    assert_eq!(service.quiet_and_good().await.len(), 4);
    let mut later = payload("webhook.referral-updated");
    later["ResourceChangeUtcDate"] = "2018-02-17T00:05:39.5485488+00:00".into();
    assert_eq!(sender.send(later.to_string().as_bytes()).await, 202);
    assert_eq!(service.quiet_and_good().await.len(), 5);
    check(&service.opportunity(), &json!({ "statecode": 1, "statuscode": 3 }));
}

#[tokio::test]
async fn names_of_an_event_in_any_case_are_understood() {
    let world = world().await;
    let project = project(&root(), &connections(&world));
    let service = Service::start(world, &project, Parts::default()).await;
    let id = service.world.partner_center.create_referral(referral());
    let event = json!({
        "eventName": "referral-created",
        "resourceUri": format!("http://localhost:16722/v1/referrals/{id}"),
        "resourceName": "referral",
        "resourceChangeUtcDate": "2018-02-17T00:05:39.5485487+00:00",
    });
    assert_eq!(Sender::new(&service).send(event.to_string().as_bytes()).await, 202);
    assert_eq!(service.quiet_and_good().await.len(), 1);
    assert_eq!(service.opportunities().len(), 1);
}

#[tokio::test]
async fn a_failure_is_written_to_the_audit_column() {
    let (service, id) = Service::with_referral().await;
    service.world.dataverse.fault(
        emulators::Fault::once("/api/data", emulators::FaultKind::Status(400)).for_method("PATCH"),
    );
    service.patch(&id, json!({ "name": "Refused" }));
    let rows = service.quiet().await;
    let last = rows.last().unwrap();
    assert_eq!(last.status, Some(Status::Failed));
    let error = last.error.as_ref().unwrap();
    assert_eq!(error["code"], "SynchronizationFailed");
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with("Update_existing_opportunity: "), "{message}");
    let audit = service.opportunity()["flowright_audit"].as_str().unwrap().to_owned();
    assert!(audit.ends_with(message), "{audit}");
    // The next event sets it right.
    service.patch(&id, json!({ "favorite": true }));
    tokio::time::sleep(Duration::from_millis(1)).await;
    let rows = service.quiet().await;
    assert_eq!(rows.last().unwrap().status, Some(Status::Succeeded));
    assert_eq!(service.opportunity()["name"], "✔ Refused");
}

#[test]
fn the_shipped_project_has_no_faults() {
    let project = Project::load(&root(), None).unwrap();
    assert!(!project.has_errors());
    assert!(project.flows.iter().any(|it| it.name == SYNC));
}
