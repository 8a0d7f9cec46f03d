//! Runs both emulators for a demo until Ctrl-C.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this binary talks to a person")]

use std::process::ExitCode;

use emulators::{Options, Running, start};

const USAGE: &str = "usage: emulators [--partner-center PORT] [--dataverse PORT]";

#[tokio::main]
async fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("error: {message}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let running = match start(options).await {
        Ok(running) => running,
        Err(error) => {
            eprintln!("error: could not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    show(&running);
    if let Err(error) = tokio::signal::ctrl_c().await {
        eprintln!("error: could not wait for Ctrl-C: {error}");
        return ExitCode::FAILURE;
    }
    running.stop();
    ExitCode::SUCCESS
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options =
        Options { partner_center_port: 8071, dataverse_port: 8072, ..Options::default() };
    while let Some(name) = arguments.next() {
        let port = match name.as_str() {
            "--partner-center" => &mut options.partner_center_port,
            "--dataverse" => &mut options.dataverse_port,
            _ => return Err(format!("unknown argument `{name}`")),
        };
        let value = arguments.next().ok_or_else(|| format!("`{name}` needs a port"))?;
        *port = value.parse().map_err(|_| format!("`{value}` is no port"))?;
    }
    Ok(options)
}

fn show(running: &Running) {
    let Running { partner_center, dataverse } = running;
    let credentials = partner_center.credentials();
    println!("Partner Center   {}", partner_center.url());
    println!("Dataverse        {}", dataverse.url());
    println!("tenant id        {}", credentials.tenant_id);
    println!("client id        {}", credentials.client_id);
    println!("client secret    {}", credentials.client_secret);
    println!("refresh token    {}", credentials.refresh_token);
    println!("certificates at  {}", partner_center.certificate_origin());
    println!("root certificate of the signed notifications:");
    println!("{}", partner_center.root_certificate_pem());
}
