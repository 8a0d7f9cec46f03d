//! The story of Dynamics 365: a deal that Microsoft shares, one that a seller shares, and edits on both sides.

use anyhow::{Context as _, ensure};
use emulators::{ChangeKind, DeliveryState};
use serde_json::{Map, Value, json};

use super::{
    stage::Stage,
    story,
    words::{fact, facts, good, step, text},
};

/// From Partner Center.
const SYNC: &str = "co-sell/partner-center-to-dynamics";
/// To Partner Center.
const BACK: &str = "co-sell/dynamics-to-partner-center";
const MAPPING: &str = "referral-to-opportunity.mapping.yaml";
const NOTES: &str = "  description: { from: $.details.notes, compare: text }";
const NOTES_WITH_CUSTOMER: &str = "  description: { from: \"@{item()?['customerProfile']?['name']}: @{item()?['details']?['notes']}\", compare: text }";

pub(super) async fn tell(stage: &Stage) -> anyhow::Result<()> {
    story("Partner Center and Dynamics 365");
    stage.register(SYNC).await?;
    good("Partner Center has the registration");
    let subscribed = || stage.world.dataverse.requests().iter().any(subscribes);
    stage.until(|| subscribed().then_some(())).await.context("nobody listens to Dynamics 365")?;
    good(
        "Dynamics 365 tells the other flow about its opportunities, a subscription of its trigger",
    );
    let deal = shared_by_microsoft(stage).await?;
    changed_by_microsoft(stage, &deal).await?;
    delivered_twice(stage).await?;
    let own = shared_by_the_seller(stage).await?;
    changed_by_the_seller(stage, &own).await?;
    changed_by_both(stage, &own).await?;
    mapped_anew(stage).await
}

fn subscribes(request: &emulators::Logged) -> bool {
    request.target.ends_with("/callbackregistrations") && request.status == Some(204)
}

/// A deal in both systems.
struct Deal {
    referral: String,
    opportunity: String,
}

impl Stage {
    fn opportunities(&self) -> Vec<Value> {
        self.world.dataverse.rows("opportunities")
    }

    fn opportunity(&self, id: &str) -> anyhow::Result<Value> {
        let mut rows = self.opportunities().into_iter();
        rows.find(|it| it["opportunityid"] == *id).context("the opportunity is gone")
    }

    fn referral(&self, id: &str) -> anyhow::Result<Value> {
        self.world.partner_center.referral(id).context("the referral is gone")
    }

    /// Columns of each update of an opportunity, what both sides agree on aside.
    fn updates(&self) -> Vec<Map<String, Value>> {
        let changes = self.world.dataverse.changes("opportunities").into_iter();
        let updates = changes.filter(|it| it.kind == ChangeKind::Update).map(|mut it| {
            it.columns.shift_remove("flowright_syncstate");
            it.columns
        });
        updates.filter(|it| !it.is_empty()).collect()
    }

    /// What the flows wrote to referrals.
    fn patches(&self) -> Vec<String> {
        let requests = self.world.partner_center.requests().into_iter();
        let patches = requests.filter(|it| it.method == "PATCH" && it.status == Some(204));
        patches.map(|it| it.body).collect()
    }

    /// Changes a record as a seller would.
    fn sell(&self, set: &str, columns: Value) -> anyhow::Result<String> {
        self.world.dataverse.put_row(set, columns).map_err(anyhow::Error::msg)
    }
}

/// Microsoft creates a referral; an opportunity appears.
async fn shared_by_microsoft(stage: &Stage) -> anyhow::Result<Deal> {
    step("Microsoft shares a deal: a referral is created in Partner Center");
    let referral =
        stage.world.partner_center.create_referral(referral("Northwind warehouse analytics"));
    let shared = stage.referral(&referral)?;
    facts(&shared, &["id", "name", "status", "substatus", "details/dealValue"]);
    step("A signed webhook starts a run; the opportunity appears in Dynamics 365");
    let rows = stage.until(|| Some(stage.opportunities()).filter(|it| !it.is_empty())).await;
    rows.context("no opportunity appeared")?;
    let runs = stage.quiet(SYNC).await?;
    if let Some(first) = runs.last() {
        stage.show(first).await?;
    }
    let rows = stage.opportunities();
    let [row] = rows.as_slice() else {
        anyhow::bail!("{} opportunities appeared instead of one", rows.len());
    };
    let names = ["name", "estimatedvalue", "estimatedclosedate", "flowright_referralidentifier"];
    facts(row, &names);
    ensure!(row["flowright_referralidentifier"] == *referral, "it has another referral's id");
    ensure!(row["name"] == "✔ Northwind warehouse analytics", "the name was not mapped");
    ensure!(row["estimatedvalue"].as_f64() == Some(30_000.0), "the value was not mapped");
    ensure!(row["estimatedclosedate"] == "2027-06-30", "the date was not mapped");
    good("the opportunity has the referral's values, and waits on hold until the seller accepts");
    let linked = stage.referral(&referral)?;
    ensure!(linked["externalReferenceId"] == row["opportunityid"], "the referral does not know it");
    ensure!(stage.updates().is_empty(), "the opportunity was written again");
    good("the referral knows the opportunity's id, and that write was recognised as our own");
    Ok(Deal { referral, opportunity: text(&row["opportunityid"]) })
}

/// Microsoft changes the deal; only what differs is written.
async fn changed_by_microsoft(stage: &Stage, deal: &Deal) -> anyhow::Result<()> {
    step("Microsoft changes the deal's value and notes");
    let details = json!({ "dealValue": 45_000, "notes": "Now with two warehouses" });
    let changes = json!({ "details": details });
    ensure!(stage.world.partner_center.patch_referral(&deal.referral, changes), "it is gone");
    let update = stage.until(|| stage.updates().into_iter().next()).await;
    let update = update.context("the opportunity was not updated")?;
    stage.quiet(SYNC).await?;
    for (name, value) in &update {
        fact(&format!("written: {name}"), &text(value));
    }
    let names: Vec<&str> = update.keys().map(String::as_str).collect();
    let only_these =
        names.len() == 2 && names.contains(&"estimatedvalue") && names.contains(&"description");
    ensure!(only_these, "other columns were written too: {names:?}");
    ensure!(stage.updates().len() == 1, "the opportunity was written more than once");
    good("one request, and only the two changed columns in it");
    step("The seller takes the opportunity off hold");
    let columns = json!({ "opportunityid": deal.opportunity, "statuscode": 1 });
    stage.sell("opportunities", columns)?;
    let accepted = || stage.referral(&deal.referral).ok().filter(|it| it["status"] == "Active");
    let accepted = stage.until(accepted).await.context("the referral was not accepted")?;
    stage.quiet(BACK).await?;
    facts(&accepted, &["status", "substatus"]);
    good("the referral is accepted");
    Ok(())
}

/// The last webhook comes once more; nothing happens.
async fn delivered_twice(stage: &Stage) -> anyhow::Result<()> {
    step("The last webhook is delivered once more, byte for byte");
    let (before, updates) = (stage.quiet(SYNC).await?.len(), stage.updates().len());
    let partner = &stage.world.partner_center;
    let last = partner.deliveries().len().checked_sub(1).context("there was no delivery")?;
    ensure!(partner.redeliver(last), "the delivery cannot be repeated");
    partner.settled().await;
    let again = partner.deliveries().pop().context("the repeated delivery is not listed")?;
    ensure!(again.state == DeliveryState::Delivered, "the repeated delivery was refused");
    let status = again.attempts.last().and_then(|it| it.status);
    fact("answer", &status.map(|it| it.to_string()).unwrap_or_default());
    let after = stage.quiet(SYNC).await?.len();
    ensure!(before == after, "the repeated delivery started a run");
    ensure!(stage.updates().len() == updates, "the repeated delivery changed the opportunity");
    good("accepted, recognised, and nothing happened");
    Ok(())
}

/// A seller asks for an opportunity to be shared; a referral appears, and Microsoft's side of it.
async fn shared_by_the_seller(stage: &Stage) -> anyhow::Result<Deal> {
    step("A seller shares a deal: an opportunity asks for Microsoft's help");
    let opportunity = seller_opportunity(stage)?;
    let row = stage.opportunity(&opportunity)?;
    facts(&row, &["name", "estimatedvalue", "flowright_microsofthelp"]);
    let columns = json!({ "opportunityid": opportunity, "flowright_syncwithpartnercenter": true });
    stage.sell("opportunities", columns)?;
    let known = || {
        let row = stage.opportunity(&opportunity).ok()?;
        row["flowright_referralidentifier"].as_str().map(ToOwned::to_owned)
    };
    let referral = stage.until(known).await.context("no referral appeared")?;
    let runs = stage.quiet(BACK).await?;
    let of_deal = runs.iter().rfind(|it| it.key.as_deref() == Some(&*opportunity));
    stage.show(of_deal.context("no run has made the referral")?).await?;
    let shared = stage.referral(&referral)?;
    facts(&shared, &["id", "name", "status", "customerProfile/name", "details/dealValue"]);
    ensure!(shared["name"] == "Adatum stock rooms", "the name was not mapped");
    ensure!(shared["externalReferenceId"] == *opportunity, "it does not know the opportunity");
    let both = stage.world.partner_center.referrals().into_iter();
    let both = both.filter(|it| it["engagementId"] == shared["engagementId"]).count();
    ensure!(both == 2, "Microsoft's side of the deal is missing");
    good("the referral has the opportunity's values, and Microsoft has its own side of the deal");
    let row = stage.opportunity(&opportunity)?;
    facts(&row, &["name", "flowright_referrallink"]);
    ensure!(row["name"] == "✔ Adatum stock rooms", "the opportunity has no check mark");
    good("the opportunity has its check mark and the link");
    Ok(Deal { referral, opportunity })
}

/// A complete opportunity of a seller's.
fn seller_opportunity(stage: &Stage) -> anyhow::Result<String> {
    let account = json!({
        "name": "Adatum", "address1_line1": "5 Mill Lane", "address1_city": "Leeds",
        "address1_stateorprovince": "West Yorkshire", "address1_postalcode": "LS1 1AA",
        "address1_country": "GB",
    });
    let account = stage.sell("accounts", account)?;
    let contact = json!({
        "firstname": "Mina", "lastname": "Lee", "emailaddress1": "mina@adatum.example",
        "telephone1": "0113 555 0100",
        "parentcustomerid_account@odata.bind": format!("/accounts({account})"),
    });
    let contact = stage.sell("contacts", contact)?;
    let opportunity = json!({
        "name": "Adatum stock rooms", "estimatedvalue": 52_000,
        "estimatedclosedate": "2027-09-30", "description": "Twelve rooms",
        "flowright_microsofthelp": "GeneralOrOther",
        "customerid_account@odata.bind": format!("/accounts({account})"),
        "parentcontactid@odata.bind": format!("/contacts({contact})"),
    });
    let opportunity = stage.sell("opportunities", opportunity)?;
    let known = stage.world.dataverse.rows("flowright_solutiondetails").into_iter().next();
    let known = known.context("no solution is known")?;
    let solution = json!({
        "flowright_name": known["flowright_name"],
        "flowright_OpportunityId@odata.bind": format!("/opportunities({opportunity})"),
        "flowright_SolutionDetailId@odata.bind":
            format!("/flowright_solutiondetails({})", text(&known["flowright_solutiondetailid"])),
    });
    stage.sell("flowright_microsoftsolutions", solution)?;
    Ok(opportunity)
}

/// The seller edits the deal; the referral follows.
async fn changed_by_the_seller(stage: &Stage, deal: &Deal) -> anyhow::Result<()> {
    step("The seller changes the value");
    let (patches, updates) = (stage.patches().len(), stage.updates().len());
    let columns = json!({ "opportunityid": deal.opportunity, "estimatedvalue": 61_000 });
    stage.sell("opportunities", columns)?;
    stage.until(|| stage.patches().get(patches).cloned()).await.context("nothing was sent")?;
    stage.quiet(BACK).await?;
    let sent = stage.patches().split_off(patches);
    let [only] = sent.as_slice() else { anyhow::bail!("the referral was written more than once") };
    fact("JSON Patch", only);
    let value = stage.referral(&deal.referral)?["details"]["dealValue"].as_f64();
    ensure!(value == Some(61_000.0), "the value did not arrive");
    ensure!(stage.updates().len() == updates + 1, "somebody else has edited the opportunity");
    good("one request, with the one field that has changed, and no echo");
    Ok(())
}

/// Both sides are edited at the same time; both edits stay.
async fn changed_by_both(stage: &Stage, deal: &Deal) -> anyhow::Result<()> {
    step("Both sides are edited at the same time");
    let columns = json!({ "opportunityid": deal.opportunity, "estimatedvalue": 64_000 });
    stage.sell("opportunities", columns)?;
    let changes = json!({ "details": { "notes": "Fifteen rooms" } });
    ensure!(stage.world.partner_center.patch_referral(&deal.referral, changes), "it is gone");
    stage.quiet(BACK).await?;
    let (row, shared) = (stage.opportunity(&deal.opportunity)?, stage.referral(&deal.referral)?);
    facts(&row, &["estimatedvalue", "description"]);
    facts(&shared, &["details/dealValue", "details/notes"]);
    let values = (row["estimatedvalue"].as_f64(), shared["details"]["dealValue"].as_f64());
    ensure!(values == (Some(64_000.0), Some(64_000.0)), "the seller's edit was lost");
    ensure!(row["description"] == "Fifteen rooms", "the edit in Partner Center was lost");
    ensure!(shared["details"]["notes"] == "Fifteen rooms", "the edit was taken back");
    good("each has the other's edit, and none was lost");
    Ok(())
}

/// A mapping is edited while the service runs; the next event goes by it.
async fn mapped_anew(stage: &Stage) -> anyhow::Result<()> {
    step("A customer edits the mapping while the service runs");
    stage.edit(SYNC, MAPPING, (NOTES, NOTES_WITH_CUSTOMER)).await?;
    let id = stage.world.partner_center.create_referral(referral("Second deal"));
    let found = || {
        let mut rows = stage.opportunities().into_iter();
        rows.find(|it| it["flowright_referralidentifier"] == *id)
    };
    let row = stage.until(found).await.context("no opportunity appeared")?;
    stage.quiet(SYNC).await?;
    facts(&row, &["name", "description"]);
    let expected = "Northwind Traders: Wants to see its stock in real time";
    ensure!(row["description"] == expected, "the edited mapping was not used");
    good("the next event used the edited mapping; nothing was restarted");
    Ok(())
}

/// What Microsoft shares.
pub(super) fn referral(name: &str) -> Value {
    json!({
        "name": name,
        "type": "Shared",
        "qualification": "SalesQualified",
        "customerProfile": {
            "name": "Northwind Traders",
            "address": {
                "addressLine1": "1 Harbour Road",
                "city": "Seattle",
                "state": "WA",
                "postalCode": "98101",
                "country": "US",
            },
            "team": [{
                "firstName": "Ana",
                "lastName": "Trujillo",
                "phoneNumber": "2065550100",
                "email": "ana@northwind.example",
            }],
        },
        "consent": { "consentToShareReferralWithMicrosoftSellers": true },
        "details": {
            "dealValue": 30_000,
            "currency": "USD",
            "closingDateTime": "2027-06-30T00:00:00Z",
            "notes": "Wants to see its stock in real time",
        },
        "inviteContext": { "assistanceRequestCode": "GeneralOrOther" },
    })
}
