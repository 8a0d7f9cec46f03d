//! The story of Salesforce: a deal that Microsoft shares, one that a seller shares, and edits on both sides.

use anyhow::{Context as _, ensure};
use emulators::Logged;
use serde_json::{Value, json};

use super::{
    dynamics::referral,
    stage::Stage,
    story,
    words::{fact, facts, good, step, text},
};

/// From Partner Center.
const SYNC: &str = "co-sell/partner-center-to-salesforce";
/// To Partner Center.
const BACK: &str = "co-sell/salesforce-to-partner-center";
const MAPPING: &str = "referral-to-opportunity.mapping.yaml";
const NOTES: &str = "  Description: { from: $.details.notes, compare: text }";
const NOTES_WITH_CUSTOMER: &str = "  Description: { from: \"@{item()?['customerProfile']?['name']}: @{item()?['details']?['notes']}\", compare: text }";

pub(super) async fn tell(stage: &Stage) -> anyhow::Result<()> {
    story("Partner Center and Salesforce");
    let org = Org(stage);
    stage.register(SYNC).await?;
    good("Partner Center has the registration");
    let asked = || org.stage().world.salesforce.requests().into_iter().any(|it| asks(&it));
    stage.until(|| asked().then_some(())).await.context("nobody asks Salesforce")?;
    good("Salesforce is asked what has changed: here every other second, usually every minute");
    let deal = org.shared_by_microsoft().await?;
    org.changed_by_microsoft(&deal).await?;
    let own = org.shared_by_the_seller().await?;
    org.changed_by_the_seller(&own).await?;
    org.changed_by_both(&own).await?;
    org.mapped_anew().await
}

fn asks(request: &Logged) -> bool {
    request.target.contains("/query?") && request.status == Some(200)
}

/// A deal in both systems.
struct Deal {
    referral: String,
    opportunity: String,
}

/// The emulated org and what happens around it.
struct Org<'a>(&'a Stage);

impl Org<'_> {
    const fn stage(&self) -> &Stage {
        self.0
    }

    fn records(&self, object: &str) -> Vec<Value> {
        self.0.world.salesforce.records(object)
    }

    fn opportunity(&self, id: &str) -> anyhow::Result<Value> {
        let mut rows = self.records("Opportunity").into_iter();
        rows.find(|it| it["Id"] == *id).context("the opportunity is gone")
    }

    fn of_referral(&self, id: &str) -> Option<Value> {
        let mut rows = self.records("Opportunity").into_iter();
        rows.find(|it| it["Referral_Identifier__c"] == *id)
    }

    fn referral(&self, id: &str) -> anyhow::Result<Value> {
        self.0.world.partner_center.referral(id).context("the referral is gone")
    }

    /// What the flows wrote to opportunities that were there, what both sides agree on aside.
    fn updates(&self) -> Vec<Value> {
        let requests = self.0.world.salesforce.requests().into_iter();
        let writes = requests.filter(|it| it.method == "PATCH" && it.status == Some(204));
        let writes = writes.filter(|it| it.target.contains("/sobjects/Opportunity/"));
        let bodies = writes.filter_map(|it| serde_json::from_str::<Value>(&it.body).ok());
        let bodies = bodies.map(|mut it| {
            if let Some(fields) = it.as_object_mut() {
                fields.shift_remove("Sync_State__c");
            }
            it
        });
        bodies.filter(|it| *it != json!({})).collect()
    }

    /// What the flows wrote to referrals.
    fn patches(&self) -> Vec<String> {
        let requests = self.0.world.partner_center.requests().into_iter();
        let patches = requests.filter(|it| it.method == "PATCH" && it.status == Some(204));
        patches.map(|it| it.body).collect()
    }

    /// Changes a record as a seller would.
    fn sell(&self, object: &str, fields: Value) -> anyhow::Result<String> {
        self.0.world.salesforce.put_record(object, fields).map_err(anyhow::Error::msg)
    }

    /// Microsoft creates a referral; an opportunity appears.
    async fn shared_by_microsoft(&self) -> anyhow::Result<Deal> {
        step("Microsoft shares a deal: a referral is created in Partner Center");
        let partner = &self.0.world.partner_center;
        let id = partner.create_referral(referral("Northwind warehouse analytics"));
        facts(&self.referral(&id)?, &["id", "name", "status", "substatus", "details/dealValue"]);
        step("A signed webhook starts a run; the opportunity appears in Salesforce");
        let found = self.0.until(|| self.of_referral(&id)).await;
        found.context("no opportunity appeared")?;
        let runs = self.0.quiet(SYNC).await?;
        let first = runs.iter().rfind(|it| it.key.as_deref() == Some(&*id));
        self.0.show(first.context("no run has made the opportunity")?).await?;
        let row = self.of_referral(&id).context("the opportunity is gone")?;
        facts(&row, &["Name", "Amount", "CloseDate", "StageName", "Referral_Identifier__c"]);
        ensure!(row["Name"] == "✔ Northwind warehouse analytics", "the name was not mapped");
        ensure!(row["Amount"].as_f64() == Some(30_000.0), "the value was not mapped");
        ensure!(row["CloseDate"] == "2027-06-30", "the date was not mapped");
        let of_row = |it: &Value| it["OpportunityId"] == row["Id"];
        ensure!(self.records("OpportunityContactRole").iter().any(of_row), "it has no contact");
        good("the opportunity has the referral's values, its customer and its contact");
        ensure!(self.referral(&id)?["externalReferenceId"] == row["Id"], "it is not known there");
        good("the referral knows the opportunity's id");
        Ok(Deal { referral: id, opportunity: text(&row["Id"]) })
    }

    /// Microsoft changes the deal; only what differs is written.
    async fn changed_by_microsoft(&self, deal: &Deal) -> anyhow::Result<()> {
        step("Microsoft changes the deal's value and notes");
        let before = self.updates().len();
        let details = json!({ "dealValue": 45_000, "notes": "Now with two warehouses" });
        let changes = json!({ "details": details });
        let partner = &self.0.world.partner_center;
        ensure!(partner.patch_referral(&deal.referral, changes), "the referral is gone");
        self.0.until(|| self.updates().get(before).cloned()).await.context("nothing came")?;
        self.0.quiet(SYNC).await?;
        let written = self.updates().split_off(before);
        fact("written", &json!(written).to_string());
        let expected = json!([{ "Amount": 45_000, "Description": "Now with two warehouses" }]);
        ensure!(json!(written) == expected, "something else was written");
        good("one request, and only the two changed fields in it");
        step("The seller moves the opportunity on");
        let fields = json!({ "Id": deal.opportunity, "StageName": "Needs Analysis" });
        self.sell("Opportunity", fields)?;
        let accepted = || self.referral(&deal.referral).ok().filter(|it| it["status"] == "Active");
        let accepted = self.0.until(accepted).await.context("the referral was not accepted")?;
        self.0.quiet(BACK).await?;
        facts(&accepted, &["status", "substatus"]);
        ensure!(self.opportunity(&deal.opportunity)?["StageName"] == "Needs Analysis", "moved");
        good("the referral is accepted, and the stage stays as the seller has set it");
        Ok(())
    }

    /// A seller asks for an opportunity to be shared; a referral appears, and Microsoft's side of it.
    async fn shared_by_the_seller(&self) -> anyhow::Result<Deal> {
        step("A seller shares a deal: an opportunity asks for Microsoft's help");
        let opportunity = self.seller_opportunity()?;
        let row = self.opportunity(&opportunity)?;
        facts(&row, &["Name", "Amount", "How_can_Microsoft_help__c"]);
        let known = || {
            let row = self.opportunity(&opportunity).ok()?;
            row["Referral_Identifier__c"].as_str().map(ToOwned::to_owned)
        };
        let referral = self.0.until(known).await.context("no referral appeared")?;
        let runs = self.0.quiet(BACK).await?;
        let of_deal = runs.iter().rfind(|it| it.key.as_deref() == Some(&*opportunity));
        self.0.show(of_deal.context("no run has made the referral")?).await?;
        let shared = self.referral(&referral)?;
        facts(&shared, &["id", "name", "status", "customerProfile/name", "details/dealValue"]);
        ensure!(shared["name"] == "Adatum stock rooms", "the name was not mapped");
        ensure!(shared["externalReferenceId"] == *opportunity, "it does not know the opportunity");
        let both = self.0.world.partner_center.referrals().into_iter();
        let both = both.filter(|it| it["engagementId"] == shared["engagementId"]).count();
        ensure!(both == 2, "Microsoft's side of the deal is missing");
        good(
            "the referral has the opportunity's values, and Microsoft has its own side of the deal",
        );
        let row = self.opportunity(&opportunity)?;
        facts(&row, &["Name", "Referral_Link__c"]);
        ensure!(row["Name"] == "✔ Adatum stock rooms", "the opportunity has no check mark");
        good("the opportunity has its check mark and the link");
        Ok(Deal { referral, opportunity })
    }

    /// A complete opportunity of a seller's; that it takes part is said last, as people do.
    fn seller_opportunity(&self) -> anyhow::Result<String> {
        let account = json!({
            "Name": "Adatum", "BillingStreet": "5 Mill Lane", "BillingCity": "Leeds",
            "BillingState": "West Yorkshire", "BillingPostalCode": "LS1 1AA",
            "BillingCountry": "GB",
        });
        let account = self.sell("Account", account)?;
        let contact = json!({
            "AccountId": account, "FirstName": "Mina", "LastName": "Lee",
            "Email": "mina@adatum.example", "Phone": "0113 555 0100",
        });
        let contact = self.sell("Contact", contact)?;
        let opportunity = json!({
            "Name": "Adatum stock rooms", "AccountId": account, "ContactId": contact,
            "StageName": "Qualification", "CloseDate": "2027-09-30", "Amount": 52_000,
            "Description": "Twelve rooms", "How_can_Microsoft_help__c": "General or other",
        });
        let opportunity = self.sell("Opportunity", opportunity)?;
        let known = self.records("Microsoft_Solution_Detail__c").into_iter().next();
        let known = known.context("no solution is known")?;
        let solution = json!({
            "Name": known["Name"], "Opportunity__c": opportunity,
            "Microsoft_Solution_Detail__c": known["Id"],
        });
        self.sell("Microsoft_Partner_Center_Solution__c", solution)?;
        let takes_part = json!({ "Id": opportunity, "Sync_with_Partner_Center__c": true });
        self.sell("Opportunity", takes_part)?;
        Ok(opportunity)
    }

    /// The seller edits the deal; the referral follows.
    async fn changed_by_the_seller(&self, deal: &Deal) -> anyhow::Result<()> {
        step("The seller changes the value");
        let (patches, updates) = (self.patches().len(), self.updates().len());
        self.sell("Opportunity", json!({ "Id": deal.opportunity, "Amount": 61_000 }))?;
        self.0.until(|| self.patches().get(patches).cloned()).await.context("nothing was sent")?;
        self.0.quiet(BACK).await?;
        let sent = self.patches().split_off(patches);
        let [only] = sent.as_slice() else { anyhow::bail!("it was written more than once") };
        fact("JSON Patch", only);
        let value = self.referral(&deal.referral)?["details"]["dealValue"].as_f64();
        ensure!(value == Some(61_000.0), "the value did not arrive");
        ensure!(self.updates().len() == updates, "the edit came back");
        good("one request, with the one field that has changed, and no echo");
        Ok(())
    }

    /// Both sides are edited at the same time; both edits stay.
    async fn changed_by_both(&self, deal: &Deal) -> anyhow::Result<()> {
        step("Both sides are edited at the same time");
        let patches = self.patches().len();
        self.sell("Opportunity", json!({ "Id": deal.opportunity, "Amount": 64_000 }))?;
        let changes = json!({ "details": { "notes": "Fifteen rooms" } });
        let partner = &self.0.world.partner_center;
        ensure!(partner.patch_referral(&deal.referral, changes), "the referral is gone");
        self.0.until(|| self.patches().get(patches).cloned()).await.context("nothing was sent")?;
        self.0.quiet(BACK).await?;
        let (row, shared) = (self.opportunity(&deal.opportunity)?, self.referral(&deal.referral)?);
        facts(&row, &["Amount", "Description"]);
        facts(&shared, &["details/dealValue", "details/notes"]);
        let values = (row["Amount"].as_f64(), shared["details"]["dealValue"].as_f64());
        ensure!(values == (Some(64_000.0), Some(64_000.0)), "the seller's edit was lost");
        ensure!(row["Description"] == "Fifteen rooms", "the edit in Partner Center was lost");
        ensure!(shared["details"]["notes"] == "Fifteen rooms", "the edit was taken back");
        good("each has the other's edit, and none was lost");
        Ok(())
    }

    /// A mapping is edited while the service runs; the next event goes by it.
    async fn mapped_anew(&self) -> anyhow::Result<()> {
        step("A customer edits the mapping while the service runs");
        self.0.edit(SYNC, MAPPING, (NOTES, NOTES_WITH_CUSTOMER)).await?;
        let id = self.0.world.partner_center.create_referral(referral("Second deal"));
        let row = self.0.until(|| self.of_referral(&id)).await;
        let row = row.context("no opportunity appeared")?;
        self.0.quiet(SYNC).await?;
        facts(&row, &["Name", "Description"]);
        let expected = "Northwind Traders: Wants to see its stock in real time";
        ensure!(row["Description"] == expected, "the edited mapping was not used");
        good("the next event used the edited mapping; nothing was restarted");
        Ok(())
    }
}
