//! From Partner Center to Salesforce.

use super::*;

#[tokio::test]
async fn a_new_referral_becomes_an_opportunity() {
    let org = Org::new().await;
    let id = org.share(json!({})).await;
    org.good().await;
    let row = org.opportunity();
    let expected = json!({
        "Name": "✔ Northwind warehouse analytics",
        "Amount": 30_000,
        "CurrencyIsoCode": "USD",
        "CloseDate": "2027-06-30",
        "Description": "Wants to see its stock in real time",
        "StageName": "Prospecting",
        "Referral_Identifier__c": id,
        "Referral_Link__c": format!("https://partner.microsoft.com/dashboard/v2/referrals/{id}"),
        "Sync_with_Partner_Center__c": true,
        "How_can_Microsoft_help__c": "General or other",
        "Microsoft_Partner_Center_Referral_Visibility__c": true,
        "Audit__c": null,
    });
    check(&row, &expected);
    let accounts = org.records("Account");
    assert_eq!(accounts.len(), 1);
    let address = json!({
        "Name": "Northwind Traders",
        "BillingStreet": "1 Harbour Road",
        "BillingCity": "Seattle",
        "BillingState": "WA",
        "BillingPostalCode": "98101",
        "BillingCountry": "US",
    });
    check(&accounts[0], &address);
    assert_eq!(row["AccountId"], accounts[0]["Id"]);
    let contacts = org.records("Contact");
    check(
        &contacts[0],
        &json!({ "FirstName": "Sue", "LastName": "Smith", "Email": "sue.smith@contoso.example", "Phone": "1234567890" }),
    );
    let roles = org.records("OpportunityContactRole");
    assert_eq!(roles.len(), 1);
    check(
        &roles[0],
        &json!({ "OpportunityId": row["Id"], "ContactId": contacts[0]["Id"], "IsPrimary": true }),
    );
    let solutions = org.records("Microsoft_Partner_Center_Solution__c");
    assert_eq!(solutions.len(), 1);
    check(&solutions[0], &json!({ "Opportunity__c": row["Id"], "Name": "Fabrikam Analytics" }));
    assert_eq!(org.referral(&id)["externalReferenceId"], row["Id"]);
    // The flow's own writes come back, as a notification and with the next poll, and change nothing.
    let (sent, written) = (org.sent().len(), org.written("Opportunity").len());
    org.pass_well().await;
    assert_eq!((org.sent().len(), org.written("Opportunity").len()), (sent, written));
    assert_eq!(org.outcome(OUTBOUND).await, "skipped: on hold");
}

#[tokio::test]
async fn an_update_writes_only_what_has_changed() {
    let org = Org::new().await;
    let id = org.share(json!({})).await;
    let cases = [
        (json!({ "details": { "dealValue": 45_000.5 } }), json!({ "Amount": 45_000.5 })),
        (json!({ "details": { "dealValue": "45000.50" } }), json!({})),
        (json!({ "details": { "currency": "EUR" } }), json!({ "CurrencyIsoCode": "EUR" })),
        (json!({ "details": { "notes": "more" } }), json!({ "Description": "more" })),
        (json!({ "details": { "notes": null } }), json!({ "Description": null })),
        (json!({ "details": { "notes": "" } }), json!({})),
        (
            json!({ "details": { "closingDateTime": "2027-07-01T23:59:59Z" } }),
            json!({ "CloseDate": "2027-07-01" }),
        ),
        (json!({ "details": { "closingDateTime": "2027-07-01T00:00:00Z" } }), json!({})),
        (json!({ "name": "Renamed" }), json!({ "Name": "✔ Renamed" })),
        (
            json!({ "status": "Active", "substatus": "Accepted" }),
            json!({ "StageName": "Qualification" }),
        ),
        (
            json!({ "name": "Again", "trackingInfo": { "microsoftMsxId": "7-X" } }),
            json!({ "Name": "✔ Again", "Microsoft_CRM_Identifier__c": "7-X" }),
        ),
        (json!({ "favorite": true }), json!({})),
    ];
    for (change, expected) in cases {
        let before = org.written("Opportunity").len();
        org.patch(&id, change.clone()).await;
        org.good().await;
        let mut written: Vec<Value> =
            org.written("Opportunity").split_off(before).iter().map(body).collect();
        assert!(written.len() <= 1, "{change} {written:#?}");
        let mut written = written.pop().unwrap_or_else(|| json!({}));
        let agreed = written.as_object_mut().unwrap().remove("Sync_State__c");
        assert_eq!(agreed.is_some(), expected != json!({}), "{change}");
        assert_eq!(written, expected, "{change}");
    }
    assert_eq!(org.records("Opportunity").len(), 1);
    let sent = org.sent().len();
    org.pass_well().await;
    assert_eq!(org.sent().len(), sent, "what came from Partner Center goes back there");
    assert_eq!(org.outcome(OUTBOUND).await, "no difference");
}

#[tokio::test]
async fn closed_referrals_close_their_opportunities() {
    for (substatus, stage) in [
        ("Won", "Closed Won"),
        ("Lost", "Closed Lost"),
        ("Declined", "Closed Lost"),
        ("Expired", "Closed Lost"),
    ] {
        let org = Org::new().await;
        let id = org.share(json!({ "status": "Active", "substatus": "Accepted" })).await;
        let details = json!({ "dealValue": 99_000 });
        org.patch(&id, json!({ "status": "Closed", "substatus": substatus, "details": details }))
            .await;
        org.good().await;
        check(
            &org.opportunity(),
            &json!({ "StageName": stage, "IsClosed": true, "Amount": 99_000 }),
        );
        let sent = org.sent().len();
        org.pass_well().await;
        assert_eq!(org.sent().len(), sent);
        check(&org.opportunity(), &json!({ "Audit__c": null }));
    }
}

#[tokio::test]
async fn other_referrals_create_nothing_and_say_why() {
    let org = Org::new().await;
    let lost = json!({ "status": "Closed", "substatus": "Lost" });
    for (changes, expected) in [
        (lost, "skipped: the referral is closed and was never in the CRM"),
        (json!({ "type": "Independent" }), "skipped: a lead"),
        (json!({ "externalReferenceId": "006000000000000AAA" }), "skipped: CRM id not found"),
        (json!({ "externalReferenceId": "our own number" }), "skipped: CRM id not found"),
    ] {
        org.share(changes.clone()).await;
        org.good().await;
        assert_eq!(org.outcome(INBOUND).await, expected, "{changes}");
    }
    assert_eq!(org.records("Opportunity"), Vec::<Value>::new());
    assert_eq!(org.records("Account"), Vec::<Value>::new());
    assert_eq!(org.sent().len(), 0);
}

#[tokio::test]
async fn leads_come_too_on_request() {
    let org = Org::with(&json!({ "syncCoSellOnly": false })).await;
    org.share(json!({ "type": "Independent" })).await;
    org.good().await;
    org.opportunity();
}

#[tokio::test]
async fn names_and_marks_are_as_the_parameters_say() {
    let parameters = json!({
        "displayCheckMark": false, "onHoldStage": "Needs Analysis", "currencyField": "",
        "helpField": "NextStep", "referralLinkPrefix": "https://example.com/", "syncStateField": "",
    });
    let org = Org::with(&parameters).await;
    let id = org.share(json!({ "name": "x".repeat(200) })).await;
    org.good().await;
    let row = org.opportunity();
    check(
        &row,
        &json!({
            "Name": "x".repeat(120), "StageName": "Needs Analysis", "CurrencyIsoCode": "USD",
            "NextStep": "General or other", "How_can_Microsoft_help__c": null,
            "Referral_Link__c": format!("https://example.com/{id}"), "Sync_State__c": null,
        }),
    );
    // Without an agreement the two are compared as they are: what differs is written, once.
    let before = org.written("Opportunity").len();
    org.patch(&id, json!({ "details": { "dealValue": 5 } })).await;
    org.pass_well().await;
    assert_eq!(org.written("Opportunity").len(), before + 1);
    check(&org.opportunity(), &json!({ "Amount": 5 }));
}

#[tokio::test]
async fn customers_are_found_again() {
    let org = Org::new().await;
    let account = |name: &str, code: &str| json!({ "Name": name, "BillingPostalCode": code });
    let other = org.put("Account", account("Northwind Traders", "10115"));
    let known = org.put("Account", account("Northwind Traders", "98101"));
    org.share(json!({})).await;
    org.share(json!({ "name": "Second" })).await;
    let moved = json!({ "customerProfile": { "address": { "postalCode": "10115" } } });
    org.share(moved).await;
    org.good().await;
    let mut of: Vec<Value> =
        org.records("Opportunity").iter().map(|it| it["AccountId"].clone()).collect();
    of.sort_by_key(|it| *it == other);
    assert_eq!(of, [json!(known), json!(known), json!(other)]);
    assert_eq!((org.records("Account").len(), org.records("Contact").len()), (2, 2));
    for name in ["O'Neil & Söhne", "x' OR Name != '", "100% #1 + more?\\"] {
        for _ in 0..2 {
            org.share(json!({ "customerProfile": { "name": name } })).await;
        }
    }
    org.good().await;
    assert_eq!((org.records("Account").len(), org.records("Opportunity").len()), (5, 9));
}

#[tokio::test]
async fn the_sales_team_are_users_of_the_org() {
    let org = Org::new().await;
    let member = |first: &str, email: &str| json!({ "firstName": first, "lastName": "B", "email": email, "phoneNumber": "5" });
    let team = [
        member("Ana", "ANA.bowman@fabrikam.example"),
        member("Kyle", "kyle.todd@fabrikam.example"),
        member("Nobody", "nobody@fabrikam.example"),
    ];
    org.share(json!({ "team": team })).await;
    org.good().await;
    let users = org.records("User");
    let user = |email: &str| users.iter().find(|it| it["Email"] == email).unwrap()["Id"].clone();
    let row = org.opportunity();
    assert_eq!(row["OwnerId"], user("ana.bowman@fabrikam.example"));
    let members = org.records("OpportunityTeamMember");
    assert_eq!(members.len(), 1, "{members:#?}");
    assert_eq!(members[0]["UserId"], user("kyle.todd@fabrikam.example"));
}

#[tokio::test]
async fn a_deal_that_names_its_opportunity_is_linked_to_it() {
    let org = Org::new().await;
    let fields = json!({
        "Name": "Ours", "StageName": "Value Proposition", "CloseDate": "2027-01-31", "Amount": 5,
    });
    let known = org.put("Opportunity", fields);
    // People copy the short form.
    let id = org.share(json!({ "externalReferenceId": known.get(..15), "status": "Active", "substatus": "Accepted" })).await;
    org.good().await;
    check(
        &org.opportunity(),
        &json!({
            "Referral_Identifier__c": id, "Amount": 30_000, "StageName": "Value Proposition",
            "Sync_with_Partner_Center__c": true, "Name": "✔ Northwind warehouse analytics",
        }),
    );
    // The same id on a second deal is a mistake that changes nothing.
    org.share(json!({ "externalReferenceId": known, "details": { "dealValue": 1 } })).await;
    org.good().await;
    assert_eq!(
        org.outcome(INBOUND).await,
        "skipped: the CRM id is that of another referral's opportunity"
    );
    check(&org.opportunity(), &json!({ "Referral_Identifier__c": id, "Amount": 30_000 }));
}

#[tokio::test]
async fn microsofts_decision_arrives() {
    let org = Org::new().await;
    let id = org.share(json!({ "status": "Active", "substatus": "Accepted" })).await;
    let engagement = org.referral(&id)["engagementId"].clone();
    let theirs =
        json!({ "engagementId": engagement, "organizationId": "msft", "direction": "Outgoing" });
    let theirs = org.share(theirs).await;
    org.good().await;
    org.patch(&theirs, json!({ "status": "Active", "substatus": "Accepted" })).await;
    org.pass_well().await;
    let row = org.opportunity();
    let identifier = row["Microsoft_CRM_Identifier__c"].as_str().unwrap();
    assert!(identifier.starts_with("7-"), "{identifier}");
    let audit = row["Audit__c"].as_str().unwrap();
    let lines: Vec<&str> = audit.lines().collect();
    assert!(
        lines.last().unwrap().ends_with("Microsoft's side of the deal: Active / Accepted"),
        "{audit}"
    );
    let written = org.written("Opportunity").len();
    org.patch(&theirs, json!({ "favorite": true })).await;
    org.pass_well().await;
    assert_eq!(org.written("Opportunity").len(), written);
    assert_eq!(org.outcome(UPDATES).await, "no difference");
    assert_eq!(org.records("Opportunity").len(), 1);
}

#[tokio::test]
async fn solutions_become_rows() {
    let org = Org::new().await;
    let id = org.share(json!({})).await;
    let solution = |id: &str| json!({ "id": id, "name": format!("Solution {id}"), "type": "Name" });
    let names = |org: &Org| {
        let mut all: Vec<String> = org
            .records("Microsoft_Partner_Center_Solution__c")
            .iter()
            .map(|it| it["Name"].as_str().unwrap().to_owned())
            .collect();
        all.sort();
        all
    };
    assert_eq!(names(&org), ["Fabrikam Analytics"]);
    let two =
        json!({ "details": { "requirements": { "solutions": [solution("A"), solution("B")] } } });
    org.patch(&id, two).await;
    org.pass_well().await;
    assert_eq!(names(&org), ["Solution A", "Solution B"]);
    let sent = org.sent().len();
    let none = json!({ "details": { "requirements": { "solutions": [solution("B")] } } });
    org.patch(&id, none).await;
    org.pass_well().await;
    assert_eq!(names(&org), ["Solution B"]);
    assert_eq!(org.sent().len(), sent, "what came from Partner Center goes back there");
}

#[tokio::test]
async fn a_failure_is_told_once() {
    let org = Org::new().await;
    let id = org.share(json!({ "status": "Active", "substatus": "Accepted" })).await;
    // A currency that the org does not have.
    org.patch(&id, json!({ "details": { "currency": "XTS" } })).await;
    let row = org.runs(Some(INBOUND)).await.pop().unwrap();
    assert_eq!(row.status, Some(Status::Failed));
    let error = row.error.unwrap();
    assert_eq!(error["code"], "SynchronizationFailed");
    let message = error["message"].as_str().unwrap();
    assert!(
        message.starts_with("Update_existing_opportunity: ") && message.contains("XTS"),
        "{message}"
    );
    let after = org.opportunity();
    assert_eq!(after["Name"], "✖ Northwind warehouse analytics");
    assert!(after["Audit__c"].as_str().unwrap().ends_with(message), "{after:#}");
    for _ in 0..3 {
        org.pass().await;
        org.patch(&id, json!({ "favorite": true })).await;
    }
    let audit = org.opportunity()["Audit__c"].as_str().unwrap().to_owned();
    assert_eq!(audit.matches(message).count(), 1, "{audit}");
    assert!(audit.lines().count() <= 2, "{audit}");
    // What is set right is in step again.
    org.patch(&id, json!({ "details": { "currency": "EUR" } })).await;
    org.pass().await;
    check(
        &org.opportunity(),
        &json!({ "Name": "✔ Northwind warehouse analytics", "CurrencyIsoCode": "EUR" }),
    );
}

#[tokio::test]
async fn people_of_a_known_deal_are_followed() {
    let org = Org::new().await;
    let member = |first: &str, email: &str| json!({ "firstName": first, "lastName": "B", "email": email, "phoneNumber": "5" });
    let kyle = member("Kyle", "kyle.todd@fabrikam.example");
    let id = org
        .share(json!({ "team": [kyle.clone()], "status": "Active", "substatus": "Accepted" }))
        .await;
    org.pass_well().await;
    let counts = |org: &Org| {
        ["Account", "Contact", "OpportunityContactRole", "OpportunityTeamMember"]
            .map(|it| org.records(it).len())
    };
    assert_eq!(counts(&org), [1, 1, 1, 0]);
    // A colleague joins, and the customer has another contact.
    let ana = member("Ana", "Ana.Bowman@fabrikam.example");
    let customer = json!({ "team": [member("Tom", "tom@contoso.example")] });
    org.patch(&id, json!({ "team": [kyle, ana], "customerProfile": customer })).await;
    org.pass_well().await;
    assert_eq!(counts(&org), [1, 2, 2, 1]);
    let contacts = org.records("Contact");
    check(
        &contacts[1],
        &json!({ "Email": "tom@contoso.example", "AccountId": contacts[0]["AccountId"] }),
    );
    let (sent, written) = (org.sent().len(), org.written("Opportunity").len());
    org.patch(&id, json!({ "favorite": true })).await;
    org.pass_well().await;
    assert_eq!((org.sent().len(), org.written("Opportunity").len()), (sent, written));
    assert_eq!(counts(&org), [1, 2, 2, 1]);
}

#[tokio::test]
async fn two_deals_of_a_new_customer_make_one_account() {
    let org = Org::new().await;
    for n in 0..4 {
        let mut deal = referral();
        deal["name"] = json!(format!("Deal {n}"));
        org.service.world.partner_center.create_referral(deal);
    }
    org.rest().await;
    org.good().await;
    assert_eq!(org.records("Opportunity").len(), 4);
    assert_eq!((org.records("Account").len(), org.records("Contact").len()), (1, 1));
}

#[tokio::test]
async fn a_customer_that_the_org_refuses_is_told() {
    let org = Org::new().await;
    let customer = json!({ "address": { "state": "x".repeat(100) } });
    org.share(json!({ "customerProfile": customer })).await;
    let run = org.runs(Some(INBOUND)).await.pop().unwrap();
    let message = run.error.unwrap()["message"].as_str().unwrap().to_owned();
    assert!(
        message.starts_with("Customer: Create_the_account: ")
            && message.contains("data value too large"),
        "{message}"
    );
    assert_eq!(org.records("Opportunity"), Vec::<Value>::new());
}
