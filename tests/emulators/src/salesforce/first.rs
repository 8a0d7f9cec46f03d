//! The records a new org has; every company and person is made up.

use serde_json::{Value, json};

use super::auth::{seller, user};
use super::ids;
use super::objects::{CURRENCIES, STAGES};
use super::schema::Object;
use super::state::{Author, State};

/// An org with its users, stages and currencies, and one solution to sell.
pub(super) fn state(author: &Author) -> State {
    let mut state = State::default();
    let people = [
        (user(), "Flowright", "Integration", "integration@fabrikam.example", "5550199"),
        (seller(), "Kyle", "Todd", "kyle.todd@fabrikam.example", "5550100"),
        (ids::make("005", 3), "Ana", "Bowman", "ana.bowman@fabrikam.example", "5550101"),
    ];
    for (id, first, last, email, phone) in people {
        let person = json!({
            "Id": id, "Name": format!("{first} {last}"), "FirstName": first, "LastName": last,
            "Username": email, "Email": email, "Phone": phone, "IsActive": true,
        });
        seed(&mut state, "User", person, author);
    }
    for (order, (name, closed, won, odds, forecast)) in STAGES.iter().enumerate() {
        let stage = json!({
            "MasterLabel": name, "ApiName": name, "IsActive": true, "IsClosed": closed,
            "IsWon": won, "SortOrder": order + 1, "DefaultProbability": odds,
            "ForecastCategoryName": forecast,
        });
        seed(&mut state, "OpportunityStage", stage, author);
    }
    for code in CURRENCIES {
        let rate = match *code {
            "EUR" => 0.92,
            "GBP" => 0.79,
            "JPY" => 151.0,
            _ => 1.0,
        };
        let currency = json!({
            "IsoCode": code, "ConversionRate": rate, "IsActive": true,
            "DecimalPlaces": if *code == "JPY" { 0 } else { 2 }, "IsCorporate": *code == "USD",
        });
        seed(&mut state, "CurrencyType", currency, author);
    }
    let solution = json!({
        "Name": "Fabrikam Analytics", "Solution_Identifier__c": "SOL-6115380-IPC",
        "Solution_Type__c": "Name", "Publisher__c": "Fabrikam Partner Inc",
    });
    seed(&mut state, "Microsoft_Solution_Detail__c", solution, author);
    state
}

/// Some records are addressed before others exist, so an id may be given.
fn seed(state: &mut State, name: &str, row: Value, author: &Author) {
    if let Some(object) = Object::named(name) {
        state.seed(object, crate::seed::object(row), author);
    }
}
