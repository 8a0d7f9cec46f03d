//! Approvals: which wait for an answer, and taking answers in.

use base::{RunId, Timestamp};
use flow::{ActionKind, actions::approval::choices};
use interp::OpenApproval;
use journal::{Page, Path, RunFilter, StoreError};
use serde_json::{Value, json};

use crate::{callbacks::CallBackError, engine::Engine};

/// An approval that waits for an answer.
#[derive(Clone, Debug)]
pub struct Approval {
    /// The run that waits.
    pub run: RunId,
    /// Its flow.
    pub flow: String,
    /// What is asked.
    pub open: OpenApproval,
}

/// Some of the approvals that wait.
#[derive(Clone, Debug, Default)]
pub struct Approvals {
    /// Those of the newest runs first.
    pub found: Vec<Approval>,
    /// Where to go on, if there may be more.
    pub next: Option<Page>,
}

/// Why an answer counts.
#[derive(Clone, Debug)]
pub enum Proof {
    /// The caller may answer approvals.
    Trusted,
    /// What stands in the address that the flow gave out.
    Signature(String),
}

/// An answer to an approval.
#[derive(Clone, Debug)]
pub struct Answer {
    /// One of the options.
    pub response: String,
    /// What else was said.
    pub comments: Option<String>,
    /// Who answered, as far as is known.
    pub responder: Option<String>,
}

/// Why an approval was not answered.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// It is not one of the options.
    #[error("`{response}` is not one of the options: {options}")]
    NotAnOption {
        /// What was answered.
        response: String,
        /// What could be.
        options: String,
    },
    /// Comments or names are longer than anybody reads.
    #[error("comments have at most {COMMENTS_CHARS_MAX} characters, and names {NAME_CHARS_MAX}")]
    TooLong,
    /// Nobody waits for it, or it cannot be stored.
    #[error(transparent)]
    Call(#[from] CallBackError),
}

/// Characters of comments that are taken in.
pub(crate) const COMMENTS_CHARS_MAX: usize = 10_000;
/// Characters of the name of whoever answers.
pub(crate) const NAME_CHARS_MAX: usize = 200;

/// Runs that are looked at for one page of approvals.
const LOOKS_MAX: usize = 1_000;
const ROWS: usize = 100;

impl Engine {
    /// Approvals that wait, of the runs of a page.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn approvals(&self, from: Page, limit: usize) -> Result<Approvals, StoreError> {
        let filter = RunFilter { open: true, ..RunFilter::default() };
        let (mut found, mut page) = (Vec::new(), from);
        for _ in 0..LOOKS_MAX.div_ceil(ROWS) {
            let rows = self.page_of_runs(&filter, page, ROWS).await?;
            let is_last = rows.len() < ROWS;
            for row in rows {
                page = Page::Before(row.position);
                let plan = self.0.plan(&row.flow, &row.sha).await?;
                if !plan.flow.actions.iter().any(|it| matches!(it.kind, ActionKind::Approval(_))) {
                    continue;
                }
                let (_, events) = match self.load(&row.run).await {
                    Ok(loaded) => loaded,
                    Err(StoreError::UnknownRun(_)) => continue,
                    Err(error) => return Err(error),
                };
                let open = interp::replay(&plan, &events).approvals(&plan);
                found.extend(open.into_iter().map(|open| Approval {
                    run: row.run.clone(),
                    flow: row.flow.clone(),
                    open,
                }));
                if limit <= found.len() {
                    return Ok(Approvals { found, next: Some(page) });
                }
            }
            if is_last {
                return Ok(Approvals { found, next: None });
            }
        }
        Ok(Approvals { found, next: Some(page) })
    }

    /// An approval that waits, for whoever may answer it.
    ///
    /// # Errors
    /// If the address was not given to anybody, nobody waits there any more, or the store failed.
    pub async fn approval(
        &self,
        run: &RunId,
        path: &Path,
        proof: &Proof,
    ) -> Result<Approval, CallBackError> {
        if let Proof::Signature(signature) = proof {
            self.genuine_call(run, path, signature).await?;
        }
        let shown = self.show(run).await;
        let (row, plan, state) = shown.map_err(|error| match error {
            StoreError::UnknownRun(_) => CallBackError::Unknown,
            error => CallBackError::Store(error),
        })?;
        let open = state.approvals(&plan).into_iter().find(|it| it.path == *path);
        let open = open.ok_or(CallBackError::NotAwaited)?;
        Ok(Approval { run: row.run, flow: row.flow, open })
    }

    /// Takes an answer in. When this returns, it is durable.
    ///
    /// # Errors
    /// If it is not one of the options, nobody waits for it any more, or it cannot be stored.
    pub async fn answer_approval(
        &self,
        run: &RunId,
        path: &Path,
        proof: &Proof,
        answer: Answer,
    ) -> Result<(), AnswerError> {
        let length = |text: &Option<String>| text.as_ref().map_or(0, |it| it.chars().count());
        if COMMENTS_CHARS_MAX < length(&answer.comments)
            || NAME_CHARS_MAX < length(&answer.responder)
        {
            return Err(AnswerError::TooLong);
        }
        let approval = self.approval(run, path, proof).await?;
        let options = approval.open.inputs.get("options").and_then(choices).unwrap_or_default();
        if !options.contains(&answer.response.as_str()) {
            let options: Vec<String> = options.iter().map(|it| format!("`{it}`")).collect();
            let (response, options) = (answer.response, options.join(", "));
            return Err(AnswerError::NotAnOption { response, options });
        }
        let outputs = outputs(&approval, &answer, self.0.now());
        Ok(self.take_call(run, path.clone(), outputs).await?)
    }
}

/// The outputs of the action, shaped as those of Power Automate's approvals.
fn outputs(approval: &Approval, answer: &Answer, now: Timestamp) -> Value {
    let OpenApproval { inputs, since, .. } = &approval.open;
    let part = |name: &str| inputs.get(name).cloned().unwrap_or_default();
    json!({
        "body": {
            "outcome": answer.response,
            "title": part("title"),
            "details": part("details"),
            "assignedTo": part("assignedTo"),
            "completionDate": now.to_string(),
            "responses": [{
                "approverResponse": answer.response,
                "comments": answer.comments,
                "responder": { "displayName": answer.responder },
                "requestDate": since.to_string(),
                "responseDate": now.to_string(),
            }],
        },
    })
}
