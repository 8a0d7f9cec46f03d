//! What people who keep Salesforce in step run into, and what they are told; repairs.

use std::fs;

use worker::{Repeat, Since};

use super::{
    outbound::{deal, solve},
    *,
};
use crate::{
    cosell::{edit, project_copy},
    support::service::{action, flowright},
};

#[tokio::test]
async fn a_currency_that_is_not_kept_is_named() {
    // The flow knows of several currencies, the org does not.
    let org = Org::new().await;
    org.service.world.salesforce.have_one_currency();
    org.share(json!({})).await;
    let run = org.runs(Some(INBOUND)).await.pop().unwrap();
    let error = run.error.unwrap();
    let message = error["message"].as_str().unwrap();
    assert!(
        message.ends_with("No such column 'CurrencyIsoCode' on sobject of type Opportunity"),
        "{message}"
    );
    assert_eq!(org.records("Opportunity"), Vec::<Value>::new());

    // Both know of one, and the deal is in another.
    let org = Org::with(&json!({ "currencyField": "", "orgCurrency": "EUR" })).await;
    org.service.world.salesforce.have_one_currency();
    org.share(json!({})).await;
    let run = org.runs(Some(INBOUND)).await.pop().unwrap();
    let error = run.error.unwrap();
    assert_eq!(error["code"], "CurrencyNotHeld");
    let expected =
        "Not taken over: the deal is in USD, and the org has EUR only (currencyField, orgCurrency)";
    assert_eq!(error["message"], expected);
    assert_eq!(org.records("Opportunity"), Vec::<Value>::new());

    // In the org's own it goes both ways.
    let id = org.share(json!({ "details": { "currency": "EUR" } })).await;
    check(&org.opportunity(), &json!({ "Amount": 30_000, "Referral_Identifier__c": id }));
    let opportunity = org.opportunity()["Id"].clone();
    org.put("Opportunity", json!({ "Id": opportunity, "StageName": "Qualification", "Amount": 5 }));
    org.pass().await;
    check(&org.referral(&id), &json!({ "details/dealValue": 5, "details/currency": "EUR" }));
    deal(&org, json!({}));
    org.pass().await;
    let made = org.referrals().into_iter().find(|it| it["name"] == "Contoso rollout").unwrap();
    check(&made, &json!({ "details/currency": "EUR" }));
    // A deal that changes its currency is told so in the CRM, once.
    for _ in 0..2 {
        org.patch(&id, json!({ "details": { "currency": "USD" } })).await;
    }
    let rows = org.records("Opportunity");
    let row = rows.iter().find(|it| it["Referral_Identifier__c"] == *id).unwrap();
    check(row, &json!({ "Name": "✖ Northwind warehouse analytics", "Amount": 5 }));
    let audit = row["Audit__c"].as_str().unwrap();
    assert_eq!((audit.lines().count(), audit.ends_with(expected)), (1, true), "{audit}");
}

#[tokio::test]
async fn what_was_missed_is_found_when_the_org_answers_again() {
    let org = Org::new().await;
    let opportunity = deal(&org, json!({}));
    org.pass_well().await;
    // The requests of the day are used up.
    org.service.world.salesforce.set_requests_left(0);
    org.put("Opportunity", json!({ "Id": opportunity, "Amount": 5 }));
    org.service.world.salesforce.advance(LEAP);
    org.clock.leap(LEAP);
    let begun = Instant::now();
    loop {
        let triggers = org.service.engine.triggers().await.unwrap();
        let errors = triggers.iter().filter_map(|it| it.state.get("error"));
        let said = errors.map(ToString::to_string).any(|it| it.contains("REQUEST_LIMIT_EXCEEDED"));
        if said {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{triggers:#?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    org.service.world.salesforce.set_requests_left(10_000);
    org.pass().await;
    org.pass_well().await;
    check(&org.referrals()[0], &json!({ "details/dealValue": 5 }));
}

#[tokio::test]
async fn reconciling_repairs_what_was_lost() {
    let org = Org::reconciling().await;
    let opportunity = deal(&org, json!({}));
    org.pass_well().await;
    let id = org.opportunity()["Referral_Identifier__c"].as_str().unwrap().to_owned();
    let lose = |count: u32| {
        let kind = emulators::MishapKind::Lose;
        let event_prefix = "referral-".to_owned();
        let lost = emulators::Mishap { event_prefix, kind, count };
        org.service.world.partner_center.mishap(lost);
    };
    let run = async || {
        let row = org
            .service
            .run_to_end(RECONCILE, "Manually trigger a flow", json!({ "days": 2 }))
            .await;
        org.rest().await;
        let shown = org.service.shown(&row).await;
        let outcome = action(&shown, "Outcome").unwrap()["outputs"].clone();
        (row.status.unwrap(), outcome)
    };
    let (status, outcome) = run().await;
    assert_eq!(status, Status::Succeeded);
    assert_eq!(outcome, json!({ "looked": 2, "repaired": [], "failed": [] }));
    // What was seen at once is looked at twice; after that nothing is on its way.
    org.pass_well().await;
    // An update and a new deal of which nobody heard.
    lose(2);
    org.patch(&id, json!({ "details": { "notes": "Unheard" } })).await;
    org.share(json!({ "name": "Unseen" })).await;
    // And an opportunity that cannot be sent.
    let other = deal(&org, json!({ "Name": "Incomplete", "Amount": null }));
    org.pass().await;
    assert_eq!(org.records("Opportunity").len(), 2);
    let (status, outcome) = run().await;
    assert_eq!(status, Status::Failed);
    let of = |name: &str| -> Vec<Value> {
        let all = outcome[name].as_array().unwrap();
        all.iter().map(|it| json!([it["from"], it["name"], it["outcome"]])).collect()
    };
    assert_eq!(
        of("repaired"),
        [
            json!(["Partner Center", "Contoso rollout", "updated"]),
            json!(["Partner Center", "Unseen", "created"]),
        ]
    );
    assert_eq!(
        of("failed"),
        [json!([
            "Salesforce",
            "✖ Incomplete",
            "failed: Not sent to Partner Center, missing: the deal value (Amount)"
        ])]
    );
    let rows = org.records("Opportunity");
    assert_eq!(rows.len(), 3);
    check(
        rows.iter().find(|it| it["Id"] == *opportunity).unwrap(),
        &json!({ "Description": "Unheard" }),
    );
    org.put("Opportunity", json!({ "Id": other, "Amount": 1 }));
    org.pass().await;
    let (status, outcome) = run().await;
    assert_eq!((status, &outcome["repaired"]), (Status::Succeeded, &json!([])));
}

#[tokio::test]
async fn a_flow_that_another_one_needs_cannot_be_left_out() {
    let folder = project_copy();
    fs::remove_dir_all(folder.path().join("flows").join(UPDATES)).unwrap();
    let out = std::process::Command::new(flowright())
        .arg("lint")
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said =
        String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(!out.status.success());
    assert!(said.contains(&format!("there is no flow `{UPDATES}`")), "{said}");
}

#[tokio::test]
async fn an_edited_mapping_is_used_by_the_next_event() {
    let folder = project_copy();
    let file =
        folder.path().join("flows").join(INBOUND).join("referral-to-opportunity.mapping.yaml");
    edit(
        &file,
        "  Description: { from: $.details.notes, compare: text }\n",
        "  Description: { from: $.details.notes, compare: text }\n  NextStep: $.customerProfile.name\n",
    );
    let org = Org::at(folder.path(), &json!({}), &FLOWS).await;
    org.share(json!({})).await;
    org.good().await;
    check(&org.opportunity(), &json!({ "NextStep": "Northwind Traders" }));
}

#[tokio::test]
async fn a_row_without_details_is_no_solution() {
    let org = Org::new().await;
    let visible = json!({ "Microsoft_Partner_Center_Referral_Visibility__c": true });
    let opportunity = deal(&org, visible);
    org.put(
        "Microsoft_Partner_Center_Solution__c",
        json!({ "Opportunity__c": opportunity, "Name": "Only a name" }),
    );
    org.pass().await;
    let audit = org.opportunity()["Audit__c"].as_str().unwrap_or_default().to_owned();
    assert!(audit.ends_with("a solution id (Microsoft_Partner_Center_Solution__c)"), "{audit}");
    assert_eq!(org.sent().len(), 0);
    solve(&org, &opportunity);
    org.pass().await;
    assert_eq!(org.referrals().len(), 2);
}

/// Requests to Salesforce, those that ask for changes aside.
fn requests(org: &Org) -> usize {
    let all = org.service.world.salesforce.requests().into_iter();
    let all = all.filter(|it| it.target.starts_with("/services/data"));
    all.filter(|it| !it.target.contains("SystemModstamp%20%3E%3D")).count()
}

/// The README says how many requests of the day each thing costs.
#[tokio::test]
async fn what_it_costs() {
    let org = Org::new().await;
    let team = [
        json!({ "firstName": "K", "lastName": "T", "email": "kyle.todd@fabrikam.example", "phoneNumber": "5" }),
        json!({ "firstName": "A", "lastName": "B", "email": "ana.bowman@fabrikam.example", "phoneNumber": "5" }),
    ];
    let mut before = requests(&org);
    let mut cost = |org: &Org| {
        let now = requests(org);
        let cost = now - before;
        before = now;
        cost
    };
    let id = org.share(json!({ "status": "Active", "substatus": "Accepted", "team": team })).await;
    // The referral's own echo, and the poll that sees what was written.
    assert_eq!(cost(&org), 13 + 1);
    org.pass_well().await;
    org.pass_well().await;
    cost(&org);
    org.patch(&id, json!({ "details": { "notes": "more" } })).await;
    assert_eq!(cost(&org), 2, "an edit in Partner Center");
    org.pass_well().await;
    assert_eq!(cost(&org), 1, "the poll that sees it");
    let opportunity = org.opportunity()["Id"].clone();
    org.put("Opportunity", json!({ "Id": opportunity, "Amount": 5 }));
    org.pass_well().await;
    assert_eq!(cost(&org), 4, "an edit in Salesforce, and the event that follows");
    org.pass_well().await;
    assert_eq!(cost(&org), 1, "the poll that sees its agreement");
    deal(&org, json!({}));
    org.pass_well().await;
    assert_eq!(cost(&org), 8, "a new referral, and the event that follows");
}

#[tokio::test]
async fn solutions_that_are_refused_are_told_once() {
    let org = Org::new().await;
    let opportunity = deal(&org, json!({}));
    org.pass_well().await;
    let refused = || {
        let no = emulators::FaultKind::Status(403);
        emulators::Fault::once("/v1.0/engagements/referrals", no).for_method("PATCH")
    };
    org.service.world.partner_center.fault(refused());
    solve(&org, &opportunity);
    org.pass().await;
    let run = org.runs(Some(SOLUTIONS)).await.pop().unwrap();
    let message = run.error.unwrap()["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("Update_a_referral_with_solutions: "), "{message}");
    let row = org.opportunity();
    assert!(row["Audit__c"].as_str().unwrap().ends_with(&message), "{row:#}");
    // The failed run is done again once it is allowed.
    check(&row, &json!({ "Name": "✖ Contoso rollout" }));
    let whole =
        Repeat { since: Since::Beginning, latest: false, preview: false, body: None, by: None };
    org.service.engine.repeat(&run.run, &whole).await.unwrap();
    org.rest().await;
    let solutions = org.referrals()[0].pointer("/details/requirements/solutions/0/id").cloned();
    assert_eq!(solutions, Some(json!("SOL-6115380-IPC")));
    // With the next look the cross goes.
    org.pass().await;
    check(&org.opportunity(), &json!({ "Name": "✔ Contoso rollout" }));
}
