//! What a running service follows: the files of its project, and the tokens that are made and revoked beside it.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use base::Timestamp;
use serde_json::json;
use server::{
    Workshop,
    access::tokens::{Token, TokenFile},
    audit::noticed,
};
use tokio::sync::watch;
use worker::{Engine, Flows, Project};

use crate::{
    cmd::{
        serve::{report_faulty, versions},
        tokens::HERE,
    },
    print::{self, Tone, note, tone},
    secrets::ProcessSecrets,
};

/// How often files are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// What is followed.
pub(crate) struct Reload {
    /// What is deployed to.
    pub engine: Engine,
    /// Who shows the project's files.
    pub workshop: Arc<Workshop>,
    /// The tokens of the service.
    pub tokens: Option<Arc<TokenFile>>,
    /// The project's folder.
    pub root: PathBuf,
    /// The environment that was asked for.
    pub environment: Option<String>,
}

impl Reload {
    /// Looks at the project's files and deploys what has changed. A flow with errors keeps its last
    /// good version.
    pub(crate) async fn run(self, stopped: watch::Receiver<bool>) {
        let mut known = versions(&self.engine.flows());
        let mut tokens = self.known_tokens();
        let mut stamp = None;
        while !*stopped.borrow() {
            tokio::time::sleep(EVERY).await;
            self.notice_tokens(&mut tokens).await;
            // What keeps files from being looked at is told by loading them, once.
            let now = worker::project::stamp(&self.root).map_err(|error| error.to_string());
            if stamp.as_ref() == Some(&now) {
                continue;
            }
            stamp = Some(now);
            match self.load() {
                Ok((project, flows)) => self.take(project, flows, &mut known).await,
                Err(error) => {
                    print::error(&error);
                    let message = "the project cannot be read; the flows stay as they were";
                    note(tone(Tone::Bad, message));
                }
            }
        }
    }

    fn load(&self) -> anyhow::Result<(Project, Flows)> {
        let secrets = ProcessSecrets { root: self.root.clone() };
        let project = Project::load(&self.root, self.environment.as_deref())?;
        let flows = project.deploy(&secrets).map_err(anyhow::Error::msg)?;
        Ok((project, flows))
    }

    async fn take(&self, project: Project, all: Flows, known: &mut Vec<(String, String, String)>) {
        let now = versions(&all);
        let has_changed = now != *known;
        if has_changed {
            *known = now;
            self.deploy(&project, all).await;
        }
        self.workshop.renew(project);
    }

    async fn deploy(&self, project: &Project, all: Flows) {
        let before = self.engine.flows();
        let mut next = all;
        for name in report_faulty(project) {
            note(tone(
                Tone::Bad,
                format!("the flow `{name}` has errors; its last good version stays"),
            ));
            match before.get(&name) {
                Some(good) => next.insert(name, Arc::clone(good)),
                None => next.remove(&name),
            };
        }
        let changes = changes(&before, &next, self.engine.now());
        match self.engine.deploy(next).await {
            Ok(()) => {
                note(tone(Tone::Good, "flows have changed; new events go to the new version"));
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                return tracing::error!(error, "Changed flows could not be stored.");
            }
        }
        for entry in changes {
            self.note(entry).await;
        }
    }

    async fn note(&self, entry: journal::AuditEntry) {
        let noted = self.engine.note(entry).await;
        if let Err(error) = noted {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "A change could not be noted.");
        }
    }

    fn known_tokens(&self) -> BTreeMap<String, Token> {
        let Some(file) = &self.tokens else { return BTreeMap::new() };
        // Whoever is asked who they are looks at the file, too, and tells what is wrong with it.
        let tokens = file.list().unwrap_or_default();
        tokens.into_iter().map(|it| (it.id.clone(), it)).collect()
    }

    /// Notes what the command line has done with tokens.
    async fn notice_tokens(&self, known: &mut BTreeMap<String, Token>) {
        let now = self.known_tokens();
        if now == *known {
            return;
        }
        for (id, token) in &now {
            let before = known.get(id);
            let details = json!({ "name": token.name, "role": token.role.name() });
            if before.is_none() && token.created_by == HERE {
                let at = self.engine.now();
                self.note(noticed(at, "tokens.create", id, details.clone())).await;
            }
            let was_good = before.is_none_or(|it| it.revoked.is_none());
            if was_good && token.revoked_by.as_deref() == Some(HERE) {
                self.note(noticed(self.engine.now(), "tokens.revoke", id, details)).await;
            }
        }
        *known = now;
    }
}

/// Flows that came, changed and went, for the audit log.
fn changes(before: &Flows, next: &Flows, at: Timestamp) -> Vec<journal::AuditEntry> {
    let version = |flows: &Flows, name: &str| flows.get(name).map(|it| it.sha.clone());
    let names = before.keys().chain(next.keys().filter(|it| !before.contains_key(*it)));
    let changed = names.filter_map(|name| {
        let (old, new) = (version(before, name), version(next, name));
        let details = json!({ "before": old, "version": new });
        (old != new).then(|| noticed(at, "flows.deploy", name, details))
    });
    changed.collect()
}
