//! From Salesforce to Partner Center.

use super::*;

/// An opportunity that can be sent, with everything around it.
pub(super) fn deal(org: &Org, changes: Value) -> String {
    let account = org.put(
        "Account",
        json!({
            "Name": "Contoso", "BillingStreet": "One Main Street", "BillingCity": "Redmond",
            "BillingState": "WA", "BillingPostalCode": "98052", "BillingCountry": "us",
        }),
    );
    let contact = json!({
        "AccountId": account, "FirstName": "Sue", "LastName": "Smith",
        "Email": "sue.smith@contoso.example", "Phone": "5550123",
    });
    let contact = org.put("Contact", contact);
    let mut fields = json!({
        "Name": "Contoso rollout", "AccountId": account, "StageName": "Qualification",
        "CloseDate": "2027-05-31", "Amount": 70_000, "Description": "As discussed",
        "Sync_with_Partner_Center__c": true, "ContactId": contact,
    });
    merge(&mut fields, changes);
    org.put("Opportunity", fields)
}

/// Adds a row of solutions to an opportunity.
pub(super) fn solve(org: &Org, opportunity: &str) -> String {
    let details = org.records("Microsoft_Solution_Detail__c");
    org.put(
        "Microsoft_Partner_Center_Solution__c",
        json!({
            "Opportunity__c": opportunity, "Name": "Fabrikam Analytics",
            "Microsoft_Solution_Detail__c": details[0]["Id"],
        }),
    )
}

#[tokio::test]
async fn an_opportunity_becomes_a_private_deal() {
    let org = Org::new().await;
    let opportunity = deal(&org, json!({}));
    org.pass_well().await;
    let referrals = org.referrals();
    assert_eq!(referrals.len(), 1, "{referrals:#?}");
    check(
        &referrals[0],
        &json!({
            "name": "Contoso rollout", "externalReferenceId": opportunity, "type": "Independent",
            "qualification": "SalesQualified", "status": "Active", "substatus": "Accepted",
            "customerProfile/name": "Contoso", "customerProfile/address/country": "US",
            "customerProfile/address/postalCode": "98052",
            "customerProfile/address/addressLine1": "One Main Street",
            "customerProfile/team/0/email": "sue.smith@contoso.example",
            "details/dealValue": 70_000, "details/currency": "USD", "details/notes": "As discussed",
            "details/closingDateTime": "2027-05-31T00:00:00Z",
            "team/0/email": "kyle.todd@fabrikam.example", "team/0/phoneNumber": "5550100",
            "consent/consentToShareReferralWithMicrosoftSellers": false,
            "inviteContext/assistanceRequestCode": "Unknown",
        }),
    );
    let id = referrals[0]["id"].clone();
    check(
        &org.opportunity(),
        &json!({
            "Name": "✔ Contoso rollout", "Referral_Identifier__c": id, "StageName": "Qualification",
            "Referral_Link__c": format!("https://partner.microsoft.com/dashboard/v2/referrals/{}", id.as_str().unwrap()),
            "Audit__c": null, "Amount": 70_000,
        }),
    );
    let created = org.runs(Some(OUTBOUND)).await;
    assert!(!created.is_empty());
    let (sent, written) = (org.sent().len(), org.written("Opportunity"));
    assert_eq!(sent, 1);
    // The referral's id, the mark and the agreement are one write.
    assert_eq!(written.len(), 1, "{written:#?}");
    let written = written.len();
    org.pass_well().await;
    assert_eq!((org.sent().len(), org.written("Opportunity").len()), (sent, written));
    assert_eq!(org.outcome(OUTBOUND).await, "no difference");
}

#[tokio::test]
async fn help_of_microsoft_makes_two_referrals() {
    let org = Org::new().await;
    let help = json!({ "How_can_Microsoft_help__c": "Quotes or licensing" });
    let opportunity = deal(&org, help);
    solve(&org, &opportunity);
    org.pass_well().await;
    let referrals = org.referrals();
    assert_eq!(referrals.len(), 2, "{referrals:#?}");
    assert_eq!(referrals[0]["engagementId"], referrals[1]["engagementId"]);
    let (own, microsofts) = if referrals[0]["organizationId"] == "msft" {
        (&referrals[1], &referrals[0])
    } else {
        (&referrals[0], &referrals[1])
    };
    check(
        own,
        &json!({
            "type": "Shared", "externalReferenceId": opportunity,
            "consent/consentToShareReferralWithMicrosoftSellers": true,
            "inviteContext/assistanceRequestCode": "QuotesOrLicensing",
            "target/0": { "type": "SolutionProfile", "id": "SOL-6115380-IPC" },
            "details/requirements/solutions/0/id": "SOL-6115380-IPC",
        }),
    );
    check(
        microsofts,
        &json!({
            "organizationId": "msft", "externalReferenceId": null,
            "target/0": { "type": "BusinessProfileLocation", "id": "msft" },
        }),
    );
    check(
        &org.opportunity(),
        &json!({ "Referral_Identifier__c": own["id"], "Name": "✔ Contoso rollout" }),
    );
    // Microsoft accepts, and its id arrives.
    org.patch(
        microsofts["id"].as_str().unwrap(),
        json!({ "status": "Active", "substatus": "Accepted" }),
    )
    .await;
    org.good().await;
    let row = org.opportunity();
    assert!(row["Microsoft_CRM_Identifier__c"].is_string(), "{row:#}");
    // Nothing of it goes round.
    let sent = org.sent().len();
    org.pass_well().await;
    org.pass_well().await;
    assert_eq!(org.sent().len(), sent);
}

#[tokio::test]
async fn what_is_missing_is_said_and_nothing_is_sent() {
    let country = json!({ "account": { "BillingCountry": "United States" } });
    let cases = [
        (json!({ "Amount": null }), json!({}), "the deal value (Amount)"),
        (json!({ "AccountId": null }), json!({}), "an account"),
        (json!({}), country, "the account's country as two letters (BillingCountry)"),
        (
            json!({ "How_can_Microsoft_help__c": "General or other", "ContactId": null }),
            json!({}),
            "a solution id (Microsoft_Partner_Center_Solution__c); a customer contact with first name, last name, email and phone (Contact Roles)",
        ),
        (
            json!({ "Microsoft_Partner_Center_Referral_Visibility__c": true }),
            json!({}),
            "a solution id (Microsoft_Partner_Center_Solution__c)",
        ),
    ];
    for (changes, more, missing) in cases {
        let org = Org::new().await;
        let id = deal(&org, changes);
        if let Some(account) = more.get("account") {
            let mut fields = account.clone();
            fields["Id"] = org.records("Account")[0]["Id"].clone();
            org.put("Account", fields);
        }
        org.pass().await;
        let expected = format!("Not sent to Partner Center, missing: {missing}");
        let row = org.opportunity();
        assert!(row["Audit__c"].as_str().unwrap_or_default().ends_with(&expected), "{row:#}");
        check(&row, &json!({ "Name": "✖ Contoso rollout", "Referral_Identifier__c": null }));
        for _ in 0..3 {
            org.pass().await;
        }
        let runs = org.runs(Some(OUTBOUND)).await;
        assert!(runs.len() <= 3, "{runs:#?}");
        for run in runs {
            let error = run.error.unwrap();
            assert_eq!(
                (&error["code"], &error["message"]),
                (&json!("ReferralIncomplete"), &json!(expected))
            );
        }
        let row = org.opportunity();
        assert_eq!(row["Audit__c"].as_str().unwrap().lines().count(), 1, "{row:#}");
        assert_eq!(org.sent().len(), 0);
        // A solution that is added later sends the deal, if nothing else is missing.
        if missing.starts_with("a solution") && !missing.contains("contact") {
            solve(&org, &id);
            org.pass().await;
            check(&org.opportunity(), &json!({ "Name": "✔ Contoso rollout" }));
            assert_eq!(org.referrals().len(), 2);
        }
    }
}

#[tokio::test]
async fn an_update_sends_only_what_has_changed() {
    let org = Org::new().await;
    let opportunity = deal(&org, json!({}));
    org.pass_well().await;
    let id = org.opportunity()["Referral_Identifier__c"].as_str().unwrap().to_owned();
    let cases = [
        (json!({ "Amount": 80_000.5 }), json!([["/details/dealValue", 80_000.5]])),
        (json!({ "Description": null }), json!([["/details/notes", null]])),
        (json!({ "CurrencyIsoCode": "EUR" }), json!([["/details/currency", "EUR"]])),
        (
            json!({ "CloseDate": "2027-06-30" }),
            json!([["/details/closingDateTime", "2027-06-30T00:00:00Z"]]),
        ),
        (json!({ "Name": "Renamed by the seller" }), json!([])),
        (json!({ "NextStep": "Call" }), json!([])),
        (json!({ "StageName": "Value Proposition" }), json!([])),
        (
            json!({ "StageName": "Closed Won" }),
            json!([["/status", "Closed"], ["/substatus", "Won"]]),
        ),
    ];
    for (change, expected) in cases {
        let (sent, written) = (org.sent().len(), org.written("Opportunity").len());
        let mut fields = change.clone();
        fields["Id"] = json!(opportunity);
        org.put("Opportunity", fields);
        org.pass_well().await;
        let patches: Vec<Value> = org.sent().split_off(sent).iter().map(body).collect();
        let pairs = |patch: &Value| -> Value {
            patch.as_array().unwrap().iter().map(|it| json!([it["path"], it["value"]])).collect()
        };
        let found = patches.first().map_or_else(|| json!([]), pairs);
        assert!(patches.len() <= 1, "{change} {patches:#?}");
        assert_eq!(found, expected, "{change}");
        let writes = org.written("Opportunity").len() - written;
        assert!(writes <= 1, "{change}: {writes} writes");
        org.pass_well().await;
        assert_eq!(org.sent().len(), sent + patches.len(), "{change} goes round");
        assert_eq!(org.written("Opportunity").len(), written + writes, "{change} goes round");
    }
    check(
        &org.opportunity(),
        &json!({ "StageName": "Closed Won", "Name": "✔ Renamed by the seller" }),
    );
    check(
        &org.referral(&id),
        &json!({ "status": "Closed", "substatus": "Won", "name": "Contoso rollout" }),
    );
}

#[tokio::test]
async fn a_lost_deal_has_a_reason() {
    let org = Org::new().await;
    let opportunity = deal(&org, json!({}));
    org.pass_well().await;
    org.put("Opportunity", json!({ "Id": opportunity, "StageName": "Closed Lost" }));
    org.pass_well().await;
    check(
        &org.referrals()[0],
        &json!({ "status": "Closed", "substatus": "Lost", "statusReason": "Lost in the CRM" }),
    );
    // Partner Center takes nothing more, and the seller is told so, once.
    org.put("Opportunity", json!({ "Id": opportunity, "Amount": 1 }));
    for _ in 0..3 {
        org.pass_well().await;
    }
    let row = org.opportunity();
    let audit = row["Audit__c"].as_str().unwrap();
    assert!(audit.ends_with("the referral is closed there and takes no changes"), "{audit}");
    assert_eq!(audit.lines().count(), 1);
    check(&row, &json!({ "Name": "✖ Contoso rollout", "Amount": 1 }));
}

#[tokio::test]
async fn what_is_on_hold_stays_until_it_leaves() {
    let org = Org::new().await;
    let id = org.share(json!({})).await;
    let opportunity = org.opportunity()["Id"].clone();
    org.put("Opportunity", json!({ "Id": opportunity, "Amount": 1 }));
    org.pass_well().await;
    assert_eq!(org.outcome(OUTBOUND).await, "skipped: on hold");
    check(&org.referral(&id), &json!({ "details/dealValue": 30_000, "status": "New" }));
    org.put("Opportunity", json!({ "Id": opportunity, "StageName": "Needs Analysis" }));
    org.pass_well().await;
    check(
        &org.referral(&id),
        &json!({ "details/dealValue": 1, "status": "Active", "substatus": "Accepted" }),
    );
    org.pass_well().await;
    check(&org.opportunity(), &json!({ "StageName": "Needs Analysis", "Amount": 1 }));
}

#[tokio::test]
async fn both_sides_are_edited_at_once() {
    let org = Org::new().await;
    let opportunity = deal(&org, json!({}));
    org.pass_well().await;
    let id = org.opportunity()["Referral_Identifier__c"].as_str().unwrap().to_owned();
    // The seller's edit is not seen yet when Microsoft's arrives.
    org.put("Opportunity", json!({ "Id": opportunity, "Amount": 1_000 }));
    org.patch(&id, json!({ "details": { "notes": "From Microsoft" } })).await;
    check(&org.opportunity(), &json!({ "Amount": 1_000, "Description": "From Microsoft" }));
    org.pass_well().await;
    check(
        &org.referral(&id),
        &json!({ "details/dealValue": 1_000, "details/notes": "From Microsoft" }),
    );
    // And back to what it was: a change as any other.
    org.put("Opportunity", json!({ "Id": opportunity, "Amount": 70_000 }));
    org.pass_well().await;
    check(&org.referral(&id), &json!({ "details/dealValue": 70_000 }));
    // One field on both sides: the event that is looked at first wins, and both end the same.
    org.put("Opportunity", json!({ "Id": opportunity, "Amount": 5 }));
    org.patch(&id, json!({ "details": { "dealValue": 6 } })).await;
    org.pass_well().await;
    let amount = org.opportunity()["Amount"].as_f64();
    assert_eq!(amount, org.referral(&id)["details"]["dealValue"].as_f64());
    // A notification that never came: the seller's next edit brings it along.
    let kind = emulators::MishapKind::Lose;
    let lost = emulators::Mishap { event_prefix: "referral-".to_owned(), kind, count: 1 };
    org.service.world.partner_center.mishap(lost);
    org.patch(&id, json!({ "details": { "notes": "Unheard" } })).await;
    org.pass_well().await;
    check(&org.opportunity(), &json!({ "Description": "From Microsoft" }));
    org.put("Opportunity", json!({ "Id": opportunity, "CloseDate": "2027-12-31" }));
    org.pass_well().await;
    check(&org.opportunity(), &json!({ "Description": "Unheard", "CloseDate": "2027-12-31" }));
    check(
        &org.referral(&id),
        &json!({ "details/notes": "Unheard", "details/closingDateTime": "2027-12-31T00:00:00Z" }),
    );
}

#[tokio::test]
async fn rows_of_solutions_go_to_the_referral() {
    let org = Org::new().await;
    let visible = json!({ "Microsoft_Partner_Center_Referral_Visibility__c": true });
    let opportunity = deal(&org, visible);
    let row = solve(&org, &opportunity);
    org.pass_well().await;
    let id = org.opportunity()["Referral_Identifier__c"].as_str().unwrap().to_owned();
    let ids = |org: &Org| -> Vec<String> {
        let referral = org.referral(&id);
        let all = referral.pointer("/details/requirements/solutions").unwrap();
        all.as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&org), ["SOL-6115380-IPC"]);
    let detail = json!({ "Name": "Fabrikam Insights", "Solution_Identifier__c": "SOL-2" });
    let detail = org.put("Microsoft_Solution_Detail__c", detail);
    let second = json!({ "Opportunity__c": opportunity, "Name": "Fabrikam Insights", "Microsoft_Solution_Detail__c": detail });
    let second = org.put("Microsoft_Partner_Center_Solution__c", second);
    org.pass_well().await;
    assert_eq!(ids(&org), ["SOL-6115380-IPC", "SOL-2"]);
    org.service
        .world
        .salesforce
        .delete_record("Microsoft_Partner_Center_Solution__c", &row)
        .unwrap();
    org.pass_well().await;
    assert_eq!(ids(&org), ["SOL-2"]);
    // The last one of a shared deal must stay.
    org.service
        .world
        .salesforce
        .delete_record("Microsoft_Partner_Center_Solution__c", &second)
        .unwrap();
    org.pass_well().await;
    org.pass_well().await;
    assert_eq!(ids(&org), ["SOL-2"]);
    let audit = org.opportunity()["Audit__c"].as_str().unwrap().to_owned();
    assert!(audit.ends_with("a shared deal needs at least one"), "{audit}");
    assert_eq!(audit.lines().count(), 1);
}

#[tokio::test]
async fn a_private_deal_is_shared_later() {
    let org = Org::new().await;
    let opportunity = deal(&org, json!({}));
    solve(&org, &opportunity);
    org.pass_well().await;
    assert_eq!(org.referrals().len(), 1);
    let visible =
        json!({ "Id": opportunity, "Microsoft_Partner_Center_Referral_Visibility__c": true });
    org.put("Opportunity", visible);
    org.pass_well().await;
    let referrals = org.referrals();
    assert_eq!(referrals.len(), 2);
    check(&referrals[0], &json!({ "consent/consentToShareReferralWithMicrosoftSellers": true }));
    // It cannot be taken back.
    let hidden =
        json!({ "Id": opportunity, "Microsoft_Partner_Center_Referral_Visibility__c": false });
    org.put("Opportunity", hidden);
    let sent = org.sent().len();
    org.pass_well().await;
    assert_eq!(org.sent().len(), sent);
    let shown = json!({ "Microsoft_Partner_Center_Referral_Visibility__c": true });
    check(&org.opportunity(), &shown);
    let written = org.written("Opportunity").len();
    org.pass_well().await;
    org.patch(referrals[0]["id"].as_str().unwrap(), json!({ "favorite": true })).await;
    assert_eq!(org.written("Opportunity").len(), written);
}

#[tokio::test]
async fn only_opportunities_that_take_part_are_sent() {
    let org = Org::new().await;
    deal(&org, json!({ "Sync_with_Partner_Center__c": false }));
    org.pass_well().await;
    assert_eq!(org.referrals(), Vec::<Value>::new());
    let id = org.opportunity()["Id"].clone();
    org.put(
        "Opportunity",
        json!({ "Id": id, "Sync_with_Partner_Center__c": true, "StageName": "Closed Lost" }),
    );
    org.pass_well().await;
    assert_eq!(org.outcome(OUTBOUND).await, "skipped: closed before it was shared");
    assert_eq!(org.referrals(), Vec::<Value>::new());
}

#[tokio::test]
async fn an_answer_that_is_lost_makes_no_second_deal() {
    for path in ["/v1.0/engagements/referrals", "/services/data"] {
        let org = Org::new().await;
        let fault = || emulators::Fault::once(path, emulators::FaultKind::LoseReply);
        let (partner, crm) = (&org.service.world.partner_center, &org.service.world.salesforce);
        if path.starts_with("/v1") {
            partner.fault(fault().for_method("POST"));
        } else {
            crm.fault(fault().for_method("PATCH"));
        }
        deal(&org, json!({}));
        for _ in 0..3 {
            org.pass().await;
        }
        assert_eq!(org.referrals().len(), 1, "{path}");
        check(&org.opportunity(), &json!({ "Name": "✔ Contoso rollout" }));
        assert!(org.opportunity()["Referral_Identifier__c"].is_string());
    }
}

#[tokio::test]
async fn a_new_owner_joins_the_team() {
    let org = Org::new().await;
    let opportunity = deal(&org, json!({}));
    org.pass_well().await;
    let users = org.records("User");
    let ana = users.iter().find(|it| it["FirstName"] == "Ana").unwrap();
    org.put("Opportunity", json!({ "Id": opportunity, "OwnerId": ana["Id"] }));
    org.pass_well().await;
    check(
        &org.referrals()[0],
        &json!({
            "team/0/email": "kyle.todd@fabrikam.example", "team/1/email": "ana.bowman@fabrikam.example",
            "team/2": null,
        }),
    );
    let (sent, written) = (org.sent().len(), org.written("Opportunity").len());
    org.put("Opportunity", json!({ "Id": opportunity, "NextStep": "Call" }));
    org.pass_well().await;
    assert_eq!((org.sent().len(), org.written("Opportunity").len()), (sent, written));
}

#[tokio::test]
async fn an_edit_between_reading_and_writing_is_kept() {
    let org = Org::new().await;
    let opportunity = deal(&org, json!({}));
    org.pass_well().await;
    let id = org.opportunity()["Referral_Identifier__c"].as_str().unwrap().to_owned();
    // The patch waits, and is overtaken by an edit of the same deal.
    let partner = &org.service.world.partner_center;
    let slow = emulators::FaultKind::Delay(Duration::from_millis(400));
    partner.fault(emulators::Fault::once("/v1.0/engagements/referrals", slow).for_method("PATCH"));
    org.put("Opportunity", json!({ "Id": opportunity, "Amount": 5 }));
    org.service.world.salesforce.advance(LEAP);
    org.clock.leap(LEAP);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(partner.patch_referral(&id, json!({ "details": { "notes": "In between" } })));
    org.rest().await;
    org.pass_well().await;
    check(&org.referral(&id), &json!({ "details/dealValue": 5, "details/notes": "In between" }));
    check(&org.opportunity(), &json!({ "Amount": 5, "Description": "In between" }));
}

#[tokio::test]
async fn a_new_opportunity_is_left_to_the_seller_for_a_while() {
    let org = Org::with(&json!({ "createDelay": "PT10M" })).await;
    let opportunity = deal(&org, json!({}));
    let look = async |leap: Duration| {
        org.service.world.salesforce.advance(leap);
        org.clock.leap(leap);
        tokio::time::sleep(Duration::from_millis(300)).await;
    };
    look(Duration::from_mins(2)).await;
    // Edits meanwhile wait for their turn, and not once more for the seller.
    org.put("Opportunity", json!({ "Id": opportunity, "Amount": 5 }));
    look(Duration::from_mins(2)).await;
    assert_eq!(org.referrals(), Vec::<Value>::new());
    look(Duration::from_mins(9)).await;
    org.rest().await;
    org.good().await;
    check(&org.referrals()[0], &json!({ "details/dealValue": 5 }));
    assert_eq!(org.referrals().len(), 1);
    assert!(1 < org.runs(Some(OUTBOUND)).await.len());
}

#[tokio::test]
async fn line_ends_are_no_difference() {
    let org = Org::new().await;
    let opportunity = deal(&org, json!({ "Description": "one\r\ntwo" }));
    org.pass_well().await;
    let id = org.opportunity()["Referral_Identifier__c"].as_str().unwrap().to_owned();
    let (sent, written) = (org.sent().len(), org.written("Opportunity").len());
    // Whoever reads it in a form of the other side saves it with the other's line ends.
    org.patch(&id, json!({ "details": { "notes": "one\ntwo" } })).await;
    org.put("Opportunity", json!({ "Id": opportunity, "Description": "one\r\ntwo " }));
    org.pass_well().await;
    assert_eq!((org.sent().len(), org.written("Opportunity").len()), (sent, written));
}
