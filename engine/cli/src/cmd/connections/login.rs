//! `flowright connections login`.

use connector::auth::{self, Grant};
use http_client::login::BrowserLogin;
use worker::{Clock as _, SystemClock};

use super::{
    args::{LoginArgs, PlaceArgs},
    load,
};
use crate::{
    Outcome, choice, network,
    print::{Tone, line, note, tone},
    programs,
};

pub(crate) async fn run(place: &PlaceArgs, args: &LoginArgs) -> anyhow::Result<Outcome> {
    let (root, project) = load(place)?;
    let connection = choice::connection(&project, &args.name)?;
    let client = network::client(&root, &programs::host())?;
    let clock = SystemClock::default();
    let now = || clock.now();
    let done = match auth::grant(&connection) {
        Some(Grant::AuthorizationCode) => {
            let login = BrowserLogin::start(&connection, args.redirect.as_deref()).await;
            let login = login.map_err(|it| anyhow::anyhow!("{}", it.message))?;
            note("open this address in a browser on this machine:");
            line(&login.url);
            client.finish_login(&connection, login, now).await
        }
        Some(Grant::DeviceCode) => {
            let device = client.start_device_login(&connection, now()).await;
            let device = device.map_err(|it| anyhow::anyhow!("{}", it.message))?;
            note("open this address on any device and type the code:");
            line(format!(
                "{} {}",
                crate::print::safe(&device.address),
                crate::print::safe(&device.user_code)
            ));
            client.finish_device_login(&connection, &device, now).await
        }
        Some(_) | None => anyhow::bail!(
            "connection `{}` needs no login: nobody has to agree to what it does",
            args.name
        ),
    };
    match done {
        Ok(()) => {
            note(tone(Tone::Good, format!("`{}` is logged in", args.name)));
            Ok(Outcome::Good)
        }
        Err(failure) => {
            note(tone(Tone::Bad, crate::print::safe(&failure.message)));
            Ok(Outcome::Bad)
        }
    }
}
