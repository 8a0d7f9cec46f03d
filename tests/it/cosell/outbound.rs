//! Opportunities become co-sell referrals: the shipped flows against emulators of both services.

use base::Status;
use emulators::{Fault, FaultKind};
use serde_json::{Value, json};

use super::{SOLUTION, Seller, check};
use crate::support::service::{
    BACK, Parts, Service, action, connections, project_with, referral, root, world,
};

/// A service whose environment has these parameters.
async fn service_with(parameters: Value) -> Service {
    let world = world().await;
    let project = project_with(&root(), &connections(&world), &parameters);
    let service = Service::start(world, &project, Parts::default()).await;
    service.register().await;
    service.subscribed().await;
    service
}

/// A service with one opportunity of a seller's that is in Partner Center; ids of both.
async fn shared(columns: Value) -> (Service, String, String) {
    let service = Service::new().await;
    let seller = Seller(&service);
    let id = seller.opportunity(&columns);
    seller.share(&id);
    service.calm().await;
    let referral = seller.row(&id)["flowright_referralidentifier"].as_str().unwrap().to_owned();
    (service, id, referral)
}

const CO_SELL: &str = "GeneralOrOther";

#[tokio::test]
async fn an_opportunity_becomes_a_shared_deal() {
    let service = Service::new().await;
    let seller = Seller(&service);
    let columns = json!({ "flowright_microsofthelp": CO_SELL, "flowright_visibility": true });
    let id = seller.opportunity(&columns);
    service.calm().await;
    assert_eq!(service.world.partner_center.referrals().len(), 0, "nobody has asked for it");
    let before = service.updates().len();
    seller.share(&id);
    service.calm().await;

    let own = service.own_referrals();
    assert_eq!(own.len(), 1, "{own:#?}");
    let expected = json!({
        "name": "Adatum stock rooms", "externalReferenceId": id, "type": "Shared",
        "status": "Active", "substatus": "Accepted", "qualification": "SalesQualified",
    });
    check(&own[0], &expected);
    let address = json!({
        "addressLine1": "5 Mill Lane", "city": "Leeds", "state": "WY", "postalCode": "LS1 1AA",
        "country": "GB",
    });
    check(&own[0]["customerProfile"]["address"], &address);
    assert_eq!(own[0]["customerProfile"]["name"], "Adatum");
    let contact = json!({
        "firstName": "Mina", "lastName": "Lee", "phoneNumber": "0113 555",
        "email": "mina@adatum.example",
    });
    check(&own[0]["customerProfile"]["team"][0], &contact);
    assert_eq!(own[0]["team"][0]["email"], "kyle.todd@fabrikam.example");
    let details = json!({
        "dealValue": 52_000, "currency": "USD", "closingDateTime": "2027-09-30T00:00:00Z",
        "notes": "Twelve rooms",
    });
    check(&own[0]["details"], &details);
    assert_eq!(own[0]["details"]["requirements"]["solutions"][0]["id"], SOLUTION);
    assert_eq!(own[0]["inviteContext"]["assistanceRequestCode"], CO_SELL);
    let all = service.world.partner_center.referrals();
    let microsofts: Vec<&Value> = all.iter().filter(|it| it["organizationId"] == "msft").collect();
    assert_eq!(microsofts.len(), 1);
    assert_eq!(microsofts[0]["engagementId"], own[0]["engagementId"]);

    let referral = own[0]["id"].as_str().unwrap();
    let row = json!({
        "name": "✔ Adatum stock rooms",
        "flowright_referralidentifier": referral,
        "flowright_referrallink": format!("https://partner.microsoft.com/dashboard/v2/referrals/{referral}"),
        "flowright_audit": null,
        "statuscode": 1,
    });
    check(&seller.row(&id), &row);
    // The seller's own change and one of the flows: every later run has found nothing to write.
    assert_eq!(service.updates().len(), before + 2, "{:?}", service.updates());
    assert_eq!(service.patches(), Vec::<Vec<String>>::new());
}

#[tokio::test]
async fn a_private_deal_stays_private_until_it_is_shown() {
    let (service, id, referral) = shared(json!({})).await;
    let seller = Seller(&service);
    let all = service.world.partner_center.referrals();
    assert_eq!(all.len(), 1, "{all:#?}");
    check(&all[0], &json!({ "type": "Independent" }));
    seller.edit(&id, json!({ "flowright_visibility": true }));
    service.calm().await;
    let consent = service.world.partner_center.referral(&referral).unwrap()["consent"].clone();
    assert_eq!(consent["consentToShareReferralWithMicrosoftSellers"], true);
    assert_eq!(service.world.partner_center.referrals().len(), 2);
    // It cannot be taken back: the flows do not try, and the column says what is.
    seller.edit(&id, json!({ "flowright_visibility": false, "description": "Thirteen rooms" }));
    service.calm().await;
    check(&seller.row(&id), &json!({ "flowright_visibility": true }));
    assert_eq!(service.world.partner_center.referrals().len(), 2);
}

#[tokio::test]
async fn an_edit_changes_only_what_differs() {
    let (service, id, referral) = shared(json!({ "flowright_visibility": true })).await;
    let seller = Seller(&service);
    let cases = [
        (json!({ "estimatedvalue": 61_000.25 }), vec!["/details/dealValue"]),
        (json!({ "estimatedvalue": 61_000.251 }), vec![]),
        (json!({ "description": "Fourteen rooms" }), vec!["/details/notes"]),
        (json!({ "description": null }), vec!["/details/notes"]),
        (json!({ "description": "" }), vec![]),
        (json!({ "estimatedclosedate": "2027-10-01" }), vec!["/details/closingDateTime"]),
        (json!({ "name": "Another name" }), vec![]),
        (
            json!({ "transactioncurrencyid@odata.bind": "/transactioncurrencies(b2e6d6a3-1d1c-4b4f-8e72-3a5c9d8f6e04)" }),
            vec!["/details/currency"],
        ),
        (
            json!({ "estimatedvalue": 1, "description": "Both" }),
            vec!["/details/dealValue", "/details/notes"],
        ),
        (
            json!({ "ownerid@odata.bind": "/systemusers(86d3ee96-f9af-4822-9233-111e4bb3442d)" }),
            vec!["/team/-"],
        ),
    ];
    for (change, expected) in cases {
        let (patches, updates) = (service.patches().len(), service.all_updates());
        seller.edit(&id, change.clone());
        service.calm().await;
        let written: Vec<String> = service.patches().split_off(patches).concat();
        assert_eq!(written, expected, "{change}");
        let most = if expected.is_empty() { 1 } else { 2 };
        let written = service.all_updates() - updates;
        assert!(written <= most, "{change}: {written} writes to the CRM");
    }
    let now = service.world.partner_center.referral(&referral).unwrap();
    check(&now["details"], &json!({ "dealValue": 1, "currency": "EUR", "notes": "Both" }));
    assert_eq!(now["team"].as_array().unwrap().len(), 2);
    assert_eq!(now["name"], "Adatum stock rooms", "it cannot be changed there");
    assert_eq!(seller.row(&id)["name"], "✔ Another name", "and nobody changes it here");
}

#[tokio::test]
async fn edits_on_both_sides_are_both_kept() {
    let (service, id, referral) = shared(json!({})).await;
    let seller = Seller(&service);
    // None of the two waits for the other.
    seller.edit(&id, json!({ "estimatedvalue": 70_000 }));
    service.patch(&referral, json!({ "details": { "notes": "From Partner Center" } }));
    service.calm().await;
    let expected = json!({ "estimatedvalue": 70_000, "description": "From Partner Center" });
    check(&seller.row(&id), &expected);
    let details = service.world.partner_center.referral(&referral).unwrap()["details"].clone();
    check(&details, &json!({ "dealValue": 70_000, "notes": "From Partner Center" }));
    // And what both have changed in the same way is no difference from then on.
    seller.edit(&id, json!({ "description": "Same" }));
    service.patch(&referral, json!({ "details": { "notes": "Same" } }));
    service.calm().await;
    service.patch(&referral, json!({ "details": { "notes": "From Partner Center" } }));
    service.calm().await;
    check(&seller.row(&id), &json!({ "description": "From Partner Center" }));
}

#[tokio::test]
async fn on_hold_waits_and_leaving_it_accepts() {
    let (service, referral) = Service::with_referral().await;
    let seller = Seller(&service);
    let row = service.opportunity();
    let id = row["opportunityid"].as_str().unwrap();
    check(&row, &json!({ "statuscode": 2 }));
    seller.edit(id, json!({ "estimatedvalue": 31_000 }));
    service.calm().await;
    assert_eq!(service.outcome(BACK).await, "skipped: on hold");
    let now = service.world.partner_center.referral(&referral).unwrap();
    check(&now, &json!({ "status": "New" }));
    check(&now["details"], &json!({ "dealValue": 30_000 }));
    seller.edit(id, json!({ "statuscode": 1 }));
    service.calm().await;
    let now = service.world.partner_center.referral(&referral).unwrap();
    check(&now, &json!({ "status": "Active", "substatus": "Accepted" }));
    check(&now["details"], &json!({ "dealValue": 31_000 }));
    check(&service.opportunity(), &json!({ "statuscode": 1, "estimatedvalue": 31_000 }));
}

#[tokio::test]
async fn won_and_lost_opportunities_close_their_referrals() {
    for (won, substatus, reason) in [(true, "Won", Value::Null), (false, "Lost", json!("Canceled"))]
    {
        let (service, id, referral) = shared(json!({})).await;
        service.world.dataverse.close_opportunity(&id, won).unwrap();
        service.calm().await;
        let now = service.world.partner_center.referral(&referral).unwrap();
        let expected =
            json!({ "status": "Closed", "substatus": substatus, "statusReason": reason });
        check(&now, &expected);
        // Nothing is edited after the end, and nobody tries.
        let patches = service.patches().len();
        Seller(&service).edit(&id, json!({ "statecode": 0, "statuscode": 1, "description": "x" }));
        service.calm().await;
        assert_eq!(service.outcome(BACK).await, "skipped: the referral is closed");
        assert_eq!(service.patches().len(), patches);
    }
}

#[tokio::test]
async fn what_is_missing_is_said_once_and_nothing_is_sent() {
    let cases = [
        (json!({ "estimatedvalue": null }), "the deal value (estimatedvalue) is missing"),
        (json!({ "estimatedclosedate": null }), "the close date (estimatedclosedate) is missing"),
        (
            json!({ "transactioncurrencyid@odata.bind": null }),
            "the currency (transactioncurrencyid) is missing",
        ),
        (
            json!({ "flowright_microsofthelp": CO_SELL, "parentcontactid@odata.bind": null }),
            "help is asked for, so the contact (parentcontactid) needs name, e-mail and telephone",
        ),
    ];
    for (columns, expected) in cases {
        let service = Service::new().await;
        let seller = Seller(&service);
        let id = seller.opportunity(&columns);
        seller.share(&id);
        service.quiet().await;
        let rows = service.rows(BACK).await;
        let error = rows.last().unwrap().error.clone().unwrap();
        assert_eq!(error["code"], "ReferralIncomplete", "{columns}");
        let message = format!("Not sent to Partner Center: {expected}");
        assert_eq!(error["message"], message, "{columns}");
        assert!(seller.audit(&id).ends_with(&message), "{}", seller.audit(&id));
        assert_eq!(seller.row(&id)["name"], "✖ Adatum stock rooms");
        // The same fault again is known: nothing is written any more.
        let (audit, updates) = (seller.audit(&id), service.updates().len());
        seller.edit(&id, json!({ "description": "Still the same" }));
        service.quiet().await;
        assert_eq!(seller.audit(&id), audit);
        assert_eq!(service.updates().len(), updates + 1);
        let sent = service.world.partner_center.requests().into_iter();
        assert_eq!(
            sent.filter(|it| it.method == "POST" && it.target.ends_with("/referrals")).count(),
            0
        );
    }
}

#[tokio::test]
async fn what_was_missing_and_is_there_is_sent() {
    let service = Service::new().await;
    let seller = Seller(&service);
    let (account, _) = seller.customer();
    let columns = json!({ "name": "Bare", "isrevenuesystemcalculated": false,
        "estimatedvalue": 5, "estimatedclosedate": "2027-01-01",
        "customerid_account@odata.bind": format!("/accounts({account})") });
    service
        .world
        .dataverse
        .put_row("accounts", json!({ "accountid": account, "address1_country": "United Kingdom" }))
        .unwrap();
    let id = service.world.dataverse.put_row("opportunities", columns).unwrap();
    seller.share(&id);
    service.quiet().await;
    let expected = "Not sent to Partner Center: no Microsoft solution with an id is given \
        (flowright_microsoftsolutions); the country of the account (address1_country) is \
        \"United Kingdom\"; two letters of ISO 3166-1 are needed, such as US";
    assert!(seller.audit(&id).ends_with(expected), "{}", seller.audit(&id));
    service
        .world
        .dataverse
        .put_row("accounts", json!({ "accountid": account, "address1_country": "gb" }))
        .unwrap();
    // A solution that is added starts a run of its own.
    seller.solution(&id, SOLUTION);
    service.quiet().await;
    check(&seller.row(&id), &json!({ "name": "✔ Bare" }));
    let own = service.own_referrals();
    assert_eq!(own.len(), 1);
    assert_eq!(own[0]["customerProfile"]["address"]["country"], "GB");
}

#[tokio::test]
async fn what_partner_center_refuses_is_in_the_audit_column() {
    let service = Service::new().await;
    let seller = Seller(&service);
    let id = seller.opportunity(&json!({}));
    let account = service.accounts()[0]["accountid"].clone();
    let wrong = json!({ "accountid": account, "address1_country": "XX" });
    service.world.dataverse.put_row("accounts", wrong).unwrap();
    seller.share(&id);
    service.quiet().await;
    let expected = "Create_the_referral: the country must be an ISO 3166-1 alpha-2 code";
    assert!(seller.audit(&id).ends_with(expected), "{}", seller.audit(&id));
    let rows = service.rows(BACK).await;
    assert_eq!(rows.last().unwrap().error.as_ref().unwrap()["code"], "SynchronizationFailed");
    assert_eq!(seller.audit(&id).lines().count(), 1);
}

#[tokio::test]
async fn a_referral_that_changes_meanwhile_keeps_both_changes() {
    let (service, id, referral) = shared(json!({})).await;
    let seller = Seller(&service);
    // The first write is refused as stale, whoever has changed what.
    let stale = Fault::once("/v1.0/engagements/referrals", FaultKind::Status(412));
    service.world.partner_center.fault(stale.for_method("PATCH"));
    service.patch(&referral, json!({ "favorite": true }));
    seller.edit(&id, json!({ "estimatedvalue": 80_000 }));
    service.calm().await;
    let now = service.world.partner_center.referral(&referral).unwrap();
    check(&now["details"], &json!({ "dealValue": 80_000 }));
    let sent = service.world.partner_center.requests().into_iter();
    let mut sent = sent.filter(|it| it.method == "PATCH");
    assert!(sent.all(|it| it.headers.contains_key("if-match")));
}

#[tokio::test]
async fn a_referral_whose_creation_was_not_heard_of_is_not_created_again() {
    let service = Service::new().await;
    let seller = Seller(&service);
    let id = seller.opportunity(&json!({}));
    let lost = Fault::once("/v1.0/engagements/referrals", FaultKind::LoseReply);
    service.world.partner_center.fault(lost.for_method("POST"));
    seller.share(&id);
    service.quiet().await;
    seller.edit(&id, json!({ "description": "Again" }));
    service.quiet().await;
    let own = service.own_referrals();
    assert_eq!(own.len(), 1, "{own:#?}");
    let expected =
        json!({ "flowright_referralidentifier": own[0]["id"], "name": "✔ Adatum stock rooms" });
    check(&seller.row(&id), &expected);
    assert_eq!(own[0]["details"]["notes"], "Again");
}

#[tokio::test]
async fn our_own_changes_start_nothing_if_we_know_who_we_are() {
    let service =
        service_with(json!({ "integrationUserId": "75c2dd85-e89e-4711-8122-000d3aa2331c" })).await;
    service.world.partner_center.create_referral(referral());
    service.calm().await;
    assert_eq!(service.opportunities().len(), 1);
    assert_eq!(service.rows(BACK).await.len(), 0);
    let row = service.opportunity();
    Seller(&service).edit(row["opportunityid"].as_str().unwrap(), json!({ "statuscode": 1 }));
    service.calm().await;
    assert_eq!(service.rows(BACK).await.len(), 1);
    check(&service.own_referrals()[0], &json!({ "status": "Active" }));
}

#[tokio::test]
async fn a_new_opportunity_is_left_alone_for_a_while() {
    let service = service_with(json!({ "createDelay": "PT1S" })).await;
    let seller = Seller(&service);
    let id = seller.opportunity(&json!({ "flowright_syncwithpartnercenter": true }));
    service.world.dataverse.settled().await;
    assert_eq!(service.own_referrals().len(), 0);
    seller.edit(&id, json!({ "estimatedvalue": 99 }));
    service.calm().await;
    let own = service.own_referrals();
    assert_eq!(own.len(), 1);
    assert_eq!(own[0]["details"]["dealValue"].as_f64(), Some(99.0));
    let rows = service.rows(BACK).await;
    let shown = service.shown(&rows[0]).await;
    assert_eq!(action(&shown, "Wait for the seller").unwrap()["status"], "Succeeded");
}

#[tokio::test]
async fn solutions_follow_both_ways() {
    let (service, id, referral) = shared(json!({ "flowright_visibility": true })).await;
    let seller = Seller(&service);
    let at_partner = || {
        let referral = service.world.partner_center.referral(&referral).unwrap();
        let solutions =
            referral["details"]["requirements"]["solutions"].as_array().unwrap().clone();
        solutions.iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let in_crm = || {
        let rows = service.world.dataverse.rows("flowright_microsoftsolutions").into_iter();
        let mut names: Vec<String> =
            rows.map(|it| it["flowright_name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    let second = seller.solution(&id, "SOL-2");
    service.calm().await;
    assert_eq!(at_partner(), [SOLUTION, "SOL-2"]);
    let mut three = service.world.partner_center.referral(&referral).unwrap()["details"]
        ["requirements"]["solutions"]
        .clone();
    three.as_array_mut().unwrap().push(json!({ "id": "SOL-3", "name": "SOL-3" }));
    service.patch(&referral, json!({ "details": { "requirements": { "solutions": three } } }));
    service.calm().await;
    assert_eq!(in_crm(), ["SOL-2", "SOL-3", SOLUTION]);
    // One that is removed is noticed with the next change of the opportunity.
    service.world.dataverse.delete_row("flowright_microsoftsolutions", &second).unwrap();
    seller.edit(&id, json!({ "description": "Without the second" }));
    service.calm().await;
    assert_eq!(at_partner(), [SOLUTION, "SOL-3"]);
    assert_eq!(in_crm(), ["SOL-3", SOLUTION]);
    let only = json!([{ "id": "SOL-3", "name": "SOL-3" }]);
    service.patch(&referral, json!({ "details": { "requirements": { "solutions": only } } }));
    service.calm().await;
    assert_eq!(in_crm(), ["SOL-3"]);
}

#[tokio::test]
async fn microsofts_answer_reaches_the_opportunity_once() {
    let (service, id, referral) = shared(json!({ "flowright_microsofthelp": CO_SELL })).await;
    let seller = Seller(&service);
    let all = service.world.partner_center.referrals();
    let theirs = all.iter().find(|it| it["organizationId"] == "msft").unwrap();
    let theirs = theirs["id"].as_str().unwrap();
    service.patch(theirs, json!({ "status": "Active", "substatus": "Accepted", "favorite": true }));
    service.calm().await;
    let own = service.world.partner_center.referral(&referral).unwrap();
    let row = seller.row(&id);
    assert!(row["flowright_microsoftcrmid"].is_string(), "{row:#}");
    assert_eq!(row["flowright_microsoftcrmid"], own["trackingInfo"]["microsoftMsxId"]);
    let audit = seller.audit(&id);
    assert!(audit.ends_with("Microsoft's side of the deal: Active / Accepted"), "{audit}");
    assert_eq!(service.opportunities().len(), 1, "their side is no deal of its own");
    let updates = service.all_updates();
    service.patch(theirs, json!({ "favorite": false }));
    service.calm().await;
    assert_eq!(service.all_updates(), updates);
    service.patch(
        theirs,
        json!({ "status": "Closed", "substatus": "Declined", "statusReason": "No" }),
    );
    service.calm().await;
    assert!(seller.audit(&id).ends_with("Closed / Declined"), "{}", seller.audit(&id));
    check(&seller.row(&id), &json!({ "statecode": 0 }));
}

#[tokio::test]
async fn an_opportunity_that_takes_no_part_any_more_is_left_alone() {
    let (service, id, referral) = shared(json!({})).await;
    let seller = Seller(&service);
    seller.edit(&id, json!({ "flowright_syncwithpartnercenter": false }));
    service.calm().await;
    let (patches, updates) = (service.patches().len(), service.all_updates());
    service.patch(&referral, json!({ "details": { "notes": "unheard" } }));
    service.calm().await;
    let expected = "skipped: flowright_syncwithpartnercenter is off";
    assert_eq!(service.outcome("co-sell/partner-center-to-dynamics").await, expected);
    seller.edit(&id, json!({ "estimatedvalue": 1 }));
    service.calm().await;
    assert_eq!((service.patches().len(), service.all_updates()), (patches, updates + 1));
    let rows = service.rows(BACK).await;
    assert!(rows.iter().all(|it| it.status == Some(Status::Succeeded)));
}

#[tokio::test]
async fn a_currency_that_the_crm_does_not_know_stays_what_it_is() {
    let service = Service::new().await;
    let unknown =
        json!({ "details": { "currency": "XTS" }, "status": "Active", "substatus": "Accepted" });
    let id = service.world.partner_center.create_referral(super::referral_with(unknown));
    service.calm().await;
    let record = service.opportunity()["opportunityid"].as_str().unwrap().to_owned();
    Seller(&service).edit(&record, json!({ "estimatedvalue": 9 }));
    service.calm().await;
    let details = service.world.partner_center.referral(&id).unwrap()["details"].clone();
    check(&details, &json!({ "currency": "XTS", "dealValue": 9 }));
}
