//! What the machine can do at most: a handler that only answers, and a disk that only syncs.

use std::{
    fs::File,
    io::Write as _,
    time::{Duration, Instant},
};

use axum::{Json, Router, routing::post};
use serde_json::{Value, json};

/// Serves a handler that reads JSON and answers with twelve of its fields, and prints its address.
pub(crate) fn serve() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let line = format!("{}\n", listener.local_addr()?);
        std::io::stdout().write_all(line.as_bytes())?;
        axum::serve(listener, Router::new().route("/", post(answer))).await?;
        Ok(())
    })
}

async fn answer(Json(referral): Json<Value>) -> Json<Value> {
    let (customer, details) = (&referral["customerProfile"], &referral["details"]);
    let contact = &customer["team"][0];
    Json(json!({
        "name": referral["name"],
        "referralid": referral["id"],
        "engagementid": referral["engagementId"],
        "accountname": customer["name"],
        "city": customer["address"]["city"],
        "country": customer["address"]["country"],
        "contact": contact["firstName"],
        "email": contact["email"],
        "estimatedvalue": details["dealValue"],
        "currency": details["currency"],
        "closedate": details["closingDateTime"],
        "notes": details["notes"],
    }))
}

/// How often in a second 4 KB can be made durable, one after the other.
pub(crate) fn syncs_per_second(file: &mut File) -> anyhow::Result<f64> {
    let block = [7; 4096];
    let (begun, mut count) = (Instant::now(), 0.0);
    while begun.elapsed() < Duration::from_secs(1) {
        file.write_all(&block)?;
        file.sync_data()?;
        count += 1.0;
    }
    Ok(count / begun.elapsed().as_secs_f64())
}
