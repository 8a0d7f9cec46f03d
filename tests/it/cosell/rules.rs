//! What the synchronisation does with deals that are not as they should be, and what it says then.

use std::{fs, process::Command};

use base::Status;
use emulators::{Fault, FaultKind, Mishap, MishapKind};
use journal::RunRow;
use serde_json::{Value, json};
use worker::{Repeat, Since};

use super::{Seller, check, project_copy, referral_with};
use crate::support::service::{
    BACK, Parts, SYNC, Service, action, connections, flowright, project_with, referral, root, world,
};

const RECONCILE: &str = "co-sell/reconcile-dynamics";

async fn service_with(parameters: Value) -> Service {
    let world = world().await;
    let project = project_with(&root(), &connections(&world), &parameters);
    let service = Service::start(world, &project, Parts::default()).await;
    service.register().await;
    service.subscribed().await;
    service
}

#[tokio::test]
async fn a_deal_that_is_left_alone_says_why() {
    let gone = "0c5d7a6e-8f0b-4c4e-9a53-5f3f0f0a1b2c";
    let cases = [
        (json!({ "externalReferenceId": gone }), "skipped: CRM id not found"),
        (json!({ "externalReferenceId": "OPP-17" }), "skipped: CRM id not found"),
        (json!({ "externalReferenceId": "x' or 1 eq 1" }), "skipped: CRM id not found"),
        (
            json!({ "status": "Closed", "substatus": "Won" }),
            "skipped: the referral is closed and was never in the CRM",
        ),
        (json!({ "type": "Independent" }), "skipped: a lead"),
    ];
    let service = Service::new().await;
    for (changes, expected) in cases {
        service.world.partner_center.create_referral(referral_with(changes.clone()));
        service.calm().await;
        assert_eq!(service.outcome(SYNC).await, expected, "{changes}");
    }
    assert_eq!(service.opportunities(), Vec::<Value>::new());
    // A deal of our own pipeline is none of Microsoft's leads.
    let own = json!({ "type": "Independent", "direction": "Outgoing", "name": "Own" });
    service.world.partner_center.create_referral(referral_with(own));
    service.calm().await;
    assert_eq!(service.opportunity()["name"], "✔ Own");
}

#[tokio::test]
async fn leads_become_opportunities_only_if_they_are_asked_for() {
    let service = service_with(json!({ "syncCoSellOnly": false })).await;
    let lead = json!({ "type": "Independent", "name": "Lead" });
    service.world.partner_center.create_referral(referral_with(lead));
    service.calm().await;
    assert_eq!(service.opportunity()["name"], "✔ Lead");
}

#[tokio::test]
async fn an_opportunity_that_the_referral_names_is_taken() {
    let service = Service::new().await;
    let named = Seller(&service).opportunity(&json!({}));
    let changes = json!({ "externalReferenceId": named.to_uppercase(), "name": "Named" });
    let id = service.world.partner_center.create_referral(referral_with(changes));
    service.calm().await;
    let expected = json!({
        "opportunityid": named, "flowright_referralidentifier": id, "name": "✔ Named",
        "flowright_syncwithpartnercenter": true,
    });
    check(&service.opportunity(), &expected);
    // A second referral cannot have it, too.
    let again = json!({ "externalReferenceId": named, "name": "Second" });
    service.world.partner_center.create_referral(referral_with(again));
    service.calm().await;
    assert_eq!(
        service.outcome(SYNC).await,
        "skipped: the CRM id is that of another referral's opportunity"
    );
    check(&service.opportunity(), &expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deals_of_a_new_customer_that_come_together_share_its_records() {
    let service = Service::new().await;
    for n in 0..6 {
        let named = json!({ "name": format!("Deal {n}") });
        service.world.partner_center.create_referral(referral_with(named));
    }
    service.calm().await;
    assert_eq!(service.opportunities().len(), 6);
    assert_eq!(service.accounts().len(), 1);
    assert_eq!(service.world.dataverse.rows("contacts").len(), 1);
    assert_eq!(service.world.dataverse.rows("flowright_solutiondetails").len(), 1);
    assert_eq!(service.world.dataverse.rows("flowright_microsoftsolutions").len(), 6);
}

#[tokio::test]
async fn a_contact_and_a_seller_that_the_crm_knows_are_taken() {
    let service = Service::new().await;
    let colleague = "86d3ee96-f9af-4822-9233-111e4bb3442d";
    let people = json!({
        "customerProfile": { "team": [{ "firstName": "Ana", "lastName": "Trujillo",
            "phoneNumber": "2065550100", "email": "ana@northwind.example" }] },
        "team": [{ "firstName": "Ana", "lastName": "Bowman", "phoneNumber": "1",
            "email": "ana.bowman@fabrikam.example" }],
    });
    service.world.partner_center.create_referral(referral_with(people));
    service.calm().await;
    let row = service.opportunity();
    assert_eq!(row["_ownerid_value"], colleague);
    let contacts = service.world.dataverse.rows("contacts");
    assert_eq!(row["_parentcontactid_value"], contacts[0]["contactid"]);
    let expected = json!({ "fullname": "Ana Trujillo", "telephone1": "2065550100",
        "_parentcustomerid_value": row["_customerid_value"] });
    check(&contacts[0], &expected);
}

#[tokio::test]
async fn without_marks_and_agreement_the_last_event_wins() {
    let service = service_with(json!({ "displayCheckMark": false, "syncStateField": "" })).await;
    let active = json!({ "status": "Active", "substatus": "Accepted" });
    let id = service.world.partner_center.create_referral(referral_with(active));
    service.calm().await;
    let row = service.opportunity();
    check(&row, &json!({ "name": "Northwind warehouse analytics", "flowright_syncstate": null }));
    let seller = Seller(&service);
    seller.edit(row["opportunityid"].as_str().unwrap(), json!({ "estimatedvalue": 7 }));
    service.calm().await;
    service.patch(&id, json!({ "details": { "notes": "later" } }));
    service.calm().await;
    check(&service.opportunity(), &json!({ "estimatedvalue": 7, "description": "later" }));
    let details = service.world.partner_center.referral(&id).unwrap()["details"].clone();
    check(&details, &json!({ "dealValue": 7, "notes": "later" }));
    // A fault is said in the audit column only.
    let fault = Fault::once("/api/data", FaultKind::Status(400)).for_method("PATCH");
    service.world.dataverse.fault(fault);
    service.patch(&id, json!({ "details": { "notes": "refused" } }));
    service.quiet().await;
    let row = service.opportunity();
    check(&row, &json!({ "name": "Northwind warehouse analytics" }));
    assert!(row["flowright_audit"].as_str().unwrap().contains("Update_existing_opportunity: "));
}

#[tokio::test]
async fn a_fault_is_told_once_until_it_is_over() {
    let (service, id) = Service::with_referral().await;
    let refuse = async |note: &str| {
        // The update itself is refused, the audit line is taken.
        let fault = Fault::once("/api/data/v9.2/opportunities(", FaultKind::Status(400));
        service.world.dataverse.fault(fault.for_method("PATCH"));
        service.patch(&id, json!({ "details": { "notes": note } }));
        service.quiet().await;
        let row = service.opportunity();
        (row["name"].clone(), row["flowright_audit"].as_str().unwrap().lines().count())
    };
    assert_eq!(refuse("one").await, (json!("✖ Northwind warehouse analytics"), 1));
    assert_eq!(refuse("two").await, (json!("✖ Northwind warehouse analytics"), 1));
    service.patch(&id, json!({ "favorite": true }));
    service.quiet().await;
    let expected = json!({ "name": "✔ Northwind warehouse analytics", "description": "two" });
    check(&service.opportunity(), &expected);
    assert_eq!(refuse("three").await, (json!("✖ Northwind warehouse analytics"), 2));
}

/// Fires the reconciliation by hand.
async fn reconcile(service: &Service, inputs: Value) -> (RunRow, Value) {
    let row = service.run_to_end(RECONCILE, "Manually trigger a flow", inputs).await;
    let shown = service.shown(&row).await;
    let outcome = action(&shown, "Outcome").unwrap()["outputs"].clone();
    service.quiet().await;
    (row, outcome)
}

#[tokio::test]
async fn what_was_missed_is_found_and_repaired() {
    let (service, id) = Service::with_referral().await;
    let seller = Seller(&service);
    let record = service.opportunity()["opportunityid"].as_str().unwrap().to_owned();
    seller.edit(&record, json!({ "statuscode": 1 }));
    service.calm().await;
    // Nobody hears of any of this.
    let lose = || Mishap { event_prefix: String::new(), kind: MishapKind::Lose, count: 1 };
    service.world.partner_center.mishap(lose());
    service.patch(&id, json!({ "details": { "notes": "missed there" } }));
    service.world.partner_center.mishap(lose());
    service.world.partner_center.create_referral(referral_with(json!({ "name": "Missed" })));
    service.world.dataverse.mishap(lose());
    seller.edit(&record, json!({ "estimatedvalue": 33_333 }));
    service.calm().await;
    assert_eq!(service.opportunities().len(), 1);

    // To look is not to touch.
    let before = (service.all_updates(), service.patches().len());
    let (_, outcome) = reconcile(&service, json!({ "repair": false })).await;
    let outcomes: Vec<&Value> =
        outcome["notInStep"].as_array().unwrap().iter().map(|it| &it["outcome"]).collect();
    assert_eq!(outcomes, ["would be updated", "would be created", "would be updated"]);
    assert_eq!((outcome["repaired"].clone(), outcome["looked"].clone()), (json!([]), json!(3)));
    assert_eq!((service.all_updates(), service.patches().len()), before);
    assert_eq!(service.opportunities().len(), 1);

    let (row, outcome) = reconcile(&service, json!({})).await;
    assert_eq!(row.status, Some(Status::Succeeded), "{:?}", row.error);
    let repaired = outcome["repaired"].as_array().unwrap();
    let told = |it: &Value| format!("{}: {} {}", it["from"], it["name"], it["outcome"]);
    let told: Vec<String> = repaired.iter().map(told).collect();
    let expected = [
        r#""Partner Center": "Northwind warehouse analytics" "updated""#,
        r#""Partner Center": "Missed" "created""#,
    ];
    // What the first of them wrote is an event of Dynamics 365, whose run may be the one that brings the rest.
    assert_eq!(told.get(..2).unwrap_or_default(), expected);
    check(
        &seller.row(&record),
        &json!({ "estimatedvalue": 33_333, "description": "missed there" }),
    );
    let details = service.world.partner_center.referral(&id).unwrap()["details"].clone();
    check(&details, &json!({ "dealValue": 33_333, "notes": "missed there" }));
    assert_eq!(service.opportunities().len(), 2);

    let (updates, patches) = (service.all_updates(), service.patches().len());
    let (_, outcome) = reconcile(&service, json!({ "days": 1 })).await;
    assert_eq!(outcome["repaired"], json!([]));
    assert_eq!((service.all_updates(), service.patches().len()), (updates, patches));
}

#[tokio::test]
async fn what_cannot_be_repaired_is_told() {
    let service = Service::new().await;
    let seller = Seller(&service);
    let id = seller.opportunity(&json!({ "estimatedvalue": null }));
    seller.share(&id);
    service.quiet().await;
    service.world.partner_center.create_referral(referral());
    service.quiet().await;
    let (row, outcome) = reconcile(&service, json!({})).await;
    let error = row.error.unwrap();
    assert_eq!(error["code"], "DealsNotInStep");
    let message = error["message"].as_str().unwrap();
    assert!(
        message.starts_with("1 could not be brought into step, the first of them"),
        "{message}"
    );
    assert!(message.ends_with("the deal value (estimatedvalue) is missing"), "{message}");
    assert_eq!(outcome["looked"], 3);
    assert_eq!(outcome["failed"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn one_deal_alone_can_be_reconciled() {
    let (service, id) = Service::with_referral().await;
    service.world.partner_center.create_referral(referral_with(json!({ "name": "Other" })));
    service.calm().await;
    let (_, outcome) = reconcile(&service, json!({ "referralId": id })).await;
    assert_eq!(outcome["looked"], 2, "one look from each side");
}

// What users of the co-sell connector ran into, and what happens here.

#[tokio::test]
async fn a_called_flow_that_is_missing_is_found_before_anything_runs() {
    let folder = project_copy();
    fs::remove_dir_all(folder.path().join("flows/co-sell/referral-updates-dynamics")).unwrap();
    let lint = Command::new(flowright()).arg("lint").current_dir(folder.path()).output().unwrap();
    let text = String::from_utf8_lossy(&lint.stdout).into_owned();
    assert_eq!(lint.status.code(), Some(1), "{text}");
    assert!(text.contains("there is no flow `co-sell/referral-updates-dynamics`"), "{text}");
}

#[tokio::test]
async fn an_expired_password_is_named_and_the_failed_run_is_done_again() {
    let (service, id) = Service::with_referral().await;
    // With a new token it is asked once more.
    let expired = Fault::once("/v1.0/engagements", FaultKind::Status(401)).times(2);
    service.world.partner_center.fault(expired);
    service.patch(&id, json!({ "details": { "dealValue": 31_000 } }));
    let rows = service.quiet().await;
    let failed = rows.last().unwrap();
    let message = failed.error.as_ref().unwrap()["message"].as_str().unwrap();
    assert!(message.starts_with("Get_the_referral: "), "{message}");
    check(&service.opportunity(), &json!({ "estimatedvalue": 30_000 }));
    let repeat =
        Repeat { since: Since::Beginning, latest: false, preview: false, body: None, by: None };
    let again = service.engine.repeat(&failed.run, &repeat).await.unwrap();
    let again = service.engine.wait(&again.run.unwrap()).await.unwrap();
    assert_eq!(again.status, Some(Status::Succeeded), "{:?}", again.error);
    service.quiet().await;
    check(&service.opportunity(), &json!({ "estimatedvalue": 31_000 }));
}

#[tokio::test]
async fn who_may_not_is_told_so() {
    let (service, id) = Service::with_referral().await;
    let record = service.opportunity()["opportunityid"].as_str().unwrap().to_owned();
    Seller(&service).edit(&record, json!({ "statuscode": 1 }));
    service.calm().await;
    let denied = Fault::once("/v1.0/engagements", FaultKind::Status(403)).for_method("PATCH");
    service.world.partner_center.fault(denied.times(2));
    Seller(&service).edit(&record, json!({ "estimatedvalue": 1 }));
    service.quiet().await;
    let rows = service.rows(BACK).await;
    let error = rows.iter().rev().find_map(|it| it.error.clone()).unwrap();
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with("Update_the_referral_as_it_is_now: "), "{message}");
    assert!(service.opportunity()["flowright_audit"].as_str().unwrap().ends_with(message));
    // The next change brings both.
    Seller(&service).edit(&record, json!({ "description": "again" }));
    service.quiet().await;
    let details = service.world.partner_center.referral(&id).unwrap()["details"].clone();
    check(&details, &json!({ "dealValue": 1, "notes": "again" }));
    assert_eq!(service.opportunity()["name"], "✔ Northwind warehouse analytics");
}

#[tokio::test]
async fn a_connection_that_is_missing_is_named() {
    let world = world().await;
    let mut some = connections(&world);
    some.as_object_mut().unwrap().remove("dynamics-365");
    let project = project_with(&root(), &some, &json!({}));
    let service = Service::start(world, &project, Parts::default()).await;
    service.register().await;
    service.world.partner_center.create_referral(referral());
    let rows = service.quiet().await;
    let message = rows[0].error.as_ref().unwrap()["message"].as_str().unwrap().to_owned();
    assert!(message.contains("dynamics-365"), "{message}");
}
