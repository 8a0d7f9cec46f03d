//! Published connectors: one request for each operation goes over the wire and is compared with what
//! the definition says, read again by code that shares nothing with the importer.

mod exchange;
mod expected;
mod project;
mod raw;
mod sample;
mod server;
mod triggers;

use std::{env, fs, path::Path, sync::mpsc};

use http_client::{Client, Options};
use serde_json::Value;

use self::{
    exchange::{Tally, Wire},
    raw::Raw,
};

/// Sends one request for each operation of these connectors.
async fn sent(connectors: &[Raw]) -> (Vec<String>, Tally) {
    let (told, seen) = mpsc::channel();
    let origin = server::start(told);
    let client = Client::new(Options::default()).unwrap();
    let wire = Wire { client: &client, origin: &origin, seen: &seen };
    let (mut unreadable, mut total) = (Vec::new(), Tally::default());
    for raw in connectors {
        match exchange::all(raw, &wire).await {
            Ok(tally) => {
                total.operations += tally.operations;
                total.scripted += tally.scripted;
                total.callable += tally.callable;
                total.wrong.extend(tally.wrong);
            }
            Err(why) => unreadable.push(format!("{}: {why}", raw.name)),
        }
    }
    (unreadable, total)
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_definitions_are_sent_as_they_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/openapi");
    let mut folders: Vec<_> = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    folders.sort();
    let connectors = folders.iter().map(|folder| {
        let name = folder.file_name().unwrap().to_str().unwrap();
        let definition = folder.join("apiDefinition.swagger.json");
        let properties = folder.join("apiProperties.json");
        let has_script = folder.join("script.csx").is_file();
        Raw::load(name, &definition, Some(&properties), has_script)
    });
    let connectors: Vec<Raw> = connectors.collect();
    let (unreadable, tally) = sent(&connectors).await;
    assert_eq!(unreadable, Vec::<String>::new());
    let refused = "tickets NeedsMore: refused: policy `No such thing`: there is no policy template \
                   `summonspirits`";
    assert_eq!(tally.wrong, [refused]);
    assert!(tally.callable > 20, "{tally:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::print_stderr, reason = "says that it was left out, and how many there were")]
async fn published_definitions_are_sent_as_they_say() {
    let Some(corpus) = env::var_os("FLOWRIGHT_CORPUS") else {
        eprintln!("left out: FLOWRIGHT_CORPUS does not name the folder of published connectors");
        return;
    };
    let corpus = Path::new(&corpus);
    let index = fs::read_to_string(corpus.join("connectors-index.json")).unwrap();
    let index: Vec<Value> = serde_json::from_str(&index).unwrap();
    let connectors = index.iter().map(|it| {
        let text = |key: &str| it[key].as_str();
        let folder = corpus.join("connectors").join(text("dir").unwrap());
        let properties = text("properties").map(|it| folder.join(it));
        let definition = folder.join(text("definition").unwrap());
        let has_script = it["has_script"] == true;
        Raw::load(text("dir").unwrap(), &definition, properties.as_deref(), has_script)
    });
    let connectors: Vec<Raw> = connectors.collect();
    let readable = connectors.iter().filter(|it| it.is_readable()).count();
    let (unreadable, tally) = sent(&connectors).await;
    let Tally { operations, scripted, callable, wrong } = tally;
    let free = operations - scripted;
    let loaded = connectors.len() - unreadable.len();
    eprintln!(
        "{loaded} of {readable} readable definitions load; {callable} of {free} operations without a \
         script are sent as they say; {scripted} need a script\n{}",
        wrong.join("\n")
    );
    assert!(99 * readable <= 100 * loaded, "{}", unreadable.join("\n"));
    assert!(95 * free <= 100 * callable, "{callable} of {free}\n{}", wrong.join("\n"));
}
