//! The shipped connector for Dynamics 365 against an emulated environment: relations, named
//! environments, and what the connectors before it could do.

use base::{Failure, Outcome, Timestamp};
use connector::{
    Call, Connection, ConnectionValue,
    trigger::SubscriptionCall,
    webhook::{Subscriber, subscription_inputs, subscription_state, webhook},
};
use emulators::Running;
use http_client::{Client, InvokeOptions, Options};
use serde_json::{Value, json};

use crate::{connectors::shipped, support::service::world};

/// An environment, and a connection to it.
struct Environment {
    world: Running,
    connection: Connection,
    client: Client,
}

impl Environment {
    async fn new() -> Self {
        let world = world().await;
        let (_, connector) =
            shipped().into_iter().find(|(_, it)| it.name == "dynamics-365").unwrap();
        let crm = &world.dataverse;
        let app = crm.credentials();
        let values = [
            ("orgUrl", crm.url()),
            ("loginUrl", crm.url()),
            ("tenantId", &app.tenant_id),
            ("clientId", &app.client_id),
            ("clientSecret", &app.client_secret),
        ];
        let plain =
            |(name, value): (&str, &str)| (name.to_owned(), ConnectionValue::Plain(value.into()));
        let (connection, problems) =
            Connection::new("crm", connector, values.into_iter().map(plain).collect());
        assert_eq!(problems, Vec::new());
        Self { world, connection, client: Client::new(Options::default()).unwrap() }
    }

    async fn outcome(&self, operation: &str, inputs: &Value) -> Outcome {
        let operation = self.connection.connector.operation(operation).unwrap();
        self.client
            .invoke(&self.connection, operation, &call(inputs), InvokeOptions::default())
            .await
    }

    /// The body of a call that succeeds.
    async fn ask(&self, operation: &str, inputs: Value) -> Value {
        let outcome = self.outcome(operation, &inputs).await;
        assert_eq!(outcome.failure, None, "{operation} {inputs}");
        outcome.outputs.unwrap()["body"].take()
    }

    async fn failure(&self, operation: &str, inputs: Value) -> Failure {
        let outcome = self.outcome(operation, &inputs).await;
        outcome.failure.unwrap_or_else(|| panic!("{operation} {inputs} succeeds"))
    }

    fn put(&self, set: &str, columns: Value) -> String {
        self.world.dataverse.put_row(set, columns).unwrap()
    }

    /// The row of a table with that name.
    fn row(&self, set: &str, name: &str) -> Value {
        let rows = self.world.dataverse.rows(set);
        rows.into_iter().find(|it| it["name"] == name).unwrap_or_else(|| panic!("no `{name}`"))
    }
}

fn call(inputs: &Value) -> Call<'_> {
    Call {
        inputs,
        idempotency_key: "run1:Step",
        now: Timestamp::parse("2026-01-05T10:00:00Z").unwrap(),
        seed: 1,
        link: None,
        callback_url: None,
    }
}

#[tokio::test]
async fn rows_are_related_and_no_longer() {
    let crm = Environment::new().await;
    let account = crm.put("accounts", json!({ "name": "Contoso" }));
    let deal = crm.put("opportunities", json!({ "name": "Deal" }));
    let address = format!("{}/api/data/v9.2/opportunities({deal})", crm.world.dataverse.url());
    let mut inputs = json!({
        "entityName": "accounts",
        "recordId": account,
        "associationEntityRelationship": "opportunity_parent_account",
        "item/@odata.id": address,
    });
    crm.ask("AssociateEntities", inputs.clone()).await;
    assert_eq!(crm.row("opportunities", "Deal")["_parentaccountid_value"], json!(account));
    let other = inputs.as_object_mut().unwrap();
    other.remove("item/@odata.id");
    other.insert("$id".to_owned(), address.into());
    crm.ask("DisassociateEntities", inputs).await;
    assert_eq!(crm.row("opportunities", "Deal")["_parentaccountid_value"], Value::Null);
}

#[tokio::test]
async fn a_flow_may_name_the_environment_of_its_connection_only() {
    let crm = Environment::new().await;
    crm.put("accounts", json!({ "name": "Contoso" }));
    let inputs = |organization: &str| json!({ "organization": organization, "entityName": "accounts", "$filter": "name eq 'Contoso'" });
    let found = crm.ask("ListRecordsWithOrganization", inputs(crm.world.dataverse.url())).await;
    assert_eq!(found["value"][0]["name"], json!("Contoso"));
    let elsewhere = inputs(crm.world.partner_center.url());
    let before = crm.world.partner_center.requests().len();
    let refused = crm.failure("ListRecordsWithOrganization", elsewhere).await;
    assert_eq!(refused.code, "AddressRefused");
    assert_eq!(crm.world.partner_center.requests().len(), before, "nothing was sent there");
}

#[tokio::test]
async fn older_operations_write_lookups_by_value_and_table() {
    let crm = Environment::new().await;
    let users = crm.ask("GetItems_V2", json!({ "table": "systemusers", "$top": 1 })).await;
    let user = users["value"][0]["systemuserid"].as_str().unwrap().to_owned();
    let inputs = json!({
        "dataset": "default.cds",
        "table": "opportunities",
        "item/name": "Deal",
        "item/_ownerid_value": user,
        "item/_ownerid_type": "systemusers",
        "item/_customerid_type": "",
        "item/_statecode_label": "Open",
    });
    crm.ask("PostItem_V2", inputs.clone()).await;
    // The same call again meets the same row.
    crm.ask("PostItem_V2", inputs).await;
    let row = crm.row("opportunities", "Deal");
    assert_eq!(row["_ownerid_value"], json!(user));
    let id = row["opportunityid"].as_str().unwrap();
    let change = json!({
        "table": "opportunities", "id": id, "item/estimatedvalue": 7, "item/_ownerid_type": "",
    });
    crm.ask("PatchItem_V2", change).await;
    let read = crm.ask("GetItem_V2", json!({ "table": "opportunities", "id": id })).await;
    assert_eq!((&read["ItemInternalId"], read["estimatedvalue"].as_f64()), (&json!(id), Some(7.0)));
    crm.ask("DeleteItem", json!({ "table": "opportunities", "id": id })).await;
    let gone = json!({ "table": "opportunities", "id": id, "item/name": "Again" });
    assert_eq!(crm.failure("PatchItem_V2", gone).await.code, "NotFound");
}

#[tokio::test]
async fn older_triggers_subscribe_by_the_name_of_the_table() {
    let crm = Environment::new().await;
    let trigger = crm.connection.connector.trigger("SubscribeOnUpdatedItems").unwrap();
    let create: &SubscriptionCall =
        webhook(trigger).unwrap().subscription.as_ref().unwrap().create.as_ref().unwrap();
    let wanted = json!({
        "dataset": "default.cds",
        "table": "opportunities",
        "scope": "Organization",
        "subscriptionRequest/AttributeFilters": ["name", "estimatedvalue"],
    });
    let nothing = Value::Null;
    let address = "https://flows.example/hooks/x?sig=1";
    let subscriber = Subscriber { inputs: &wanted, callback_url: address, subscription: &nothing };
    let inputs =
        subscription_inputs(&crm.connection, trigger, (create, &call(&nothing)), &subscriber)
            .unwrap();
    let outcome = crm.outcome(&create.operation, &inputs).await;
    assert_eq!(outcome.failure, None, "{inputs}");
    let state = subscription_state(&crm.connection, create, &outcome).unwrap();
    assert!(state["id"].is_string(), "{state}");
    let asked = crm.world.dataverse.requests();
    let sent: Value = serde_json::from_str(&asked.last().unwrap().body).unwrap();
    let expected = json!({
        "version": 1,
        "url": address,
        "message": 3,
        "scope": 4,
        "filteringattributes": "name,estimatedvalue",
        "runas": 3,
        "entityname": "opportunity",
    });
    assert_eq!(sent, expected);
}
