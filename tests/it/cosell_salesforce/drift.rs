//! Salesforce and Partner Center are edited at once, and the process dies meanwhile: nothing is lost, nothing goes
//! back and forth.

use async_trait::async_trait;
use emulators::{MishapKind, Running};

use super::*;
use crate::cosell::drift::{Crm, Field, edited_at_random};

/// The org; the clock goes on over all processes.
#[derive(Default)]
struct Salesforce(Arc<LeapingClock>);

const fn column(field: Field) -> &'static str {
    match field {
        Field::Value => "Amount",
        Field::Close => "CloseDate",
        Field::Notes => "Description",
    }
}

#[async_trait]
impl Crm for Salesforce {
    fn edit(&self, world: &Running, record: &str, field: Field, value: &Value) {
        let mut fields = json!({ "Id": record });
        fields[column(field)] = value.clone();
        world.salesforce.put_record("Opportunity", fields).unwrap();
    }

    fn read(&self, world: &Running, record: &str, field: Field) -> Value {
        let mut rows = world.salesforce.records("Opportunity").into_iter();
        rows.find(|it| it["Id"] == *record).unwrap()[column(field)].clone()
    }

    fn writes(&self, world: &Running) -> usize {
        world.salesforce.updates("Opportunity")
    }

    /// Polls lose nothing and repeat themselves anyway; what goes wrong is that sessions end.
    fn mishap(&self, world: &Running, _: MishapKind) {
        world.salesforce.expire_sessions();
    }

    fn parts(&self) -> Parts {
        Parts { clock: Arc::<LeapingClock>::clone(&self.0), ..Parts::default() }
    }

    fn flow(&self) -> &'static str {
        INBOUND
    }

    async fn ready(&self, service: &Service) {
        rest(service, &self.0).await;
    }

    async fn calm(&self, service: &Service) {
        service.world.salesforce.advance(LEAP);
        self.0.leap(LEAP);
        rest(service, &self.0).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edits_on_both_sides_of_salesforce_are_never_lost() {
    edited_at_random(&Salesforce::default()).await;
}
