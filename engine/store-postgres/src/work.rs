//! Requests to write, made ready as far as that can be done without the database.

use base::{RunId, Timestamp, digest::sha256};
use journal::{
    Admission, Append, Expiry, FlowVersion, Path, Post, StoreError, TriggerState,
    body::{Body, Packed},
    codec, status,
};

use crate::error::Failure;

/// A SHA-256.
pub(crate) type Sha = [u8; 32];

/// What is to be written, all of it or none.
pub(crate) enum Work {
    PutFlow(FlowRow),
    Advance(Vec<Entry>, Vec<TriggerRow>),
    Append(Vec<Step>),
    Post(Vec<NoteRow>),
    /// Notes by their numbers.
    Discard(Vec<i64>),
    Expire(Expiry),
}

/// A note as it will be stored.
pub(crate) struct NoteRow {
    pub(crate) shard: i16,
    pub(crate) text: String,
}

/// A flow version as it will be stored.
pub(crate) struct FlowRow {
    pub(crate) sha: String,
    pub(crate) flow: String,
    pub(crate) files: Packed,
}

/// An admission with the texts of its events.
pub(crate) struct Entry {
    pub(crate) admission: Admission,
    pub(crate) created: Timestamp,
    /// The run that it does once more.
    pub(crate) again_of: Option<RunId>,
    pub(crate) rows: Vec<Body>,
    /// The step that it is stored with; its events are among those of the admission.
    pub(crate) then: Option<Step>,
    /// What it is known by.
    pub(crate) inbox: Option<Sha>,
    pub(crate) key_sha: Option<Sha>,
    /// What its owner is told, if that is somebody else.
    pub(crate) begin: NoteRow,
}

/// A step with the texts of its events.
pub(crate) struct Step {
    pub(crate) append: Append,
    pub(crate) rows: Vec<Body>,
    pub(crate) children: Vec<Entry>,
    pub(crate) posts: Vec<NoteRow>,
}

/// Where a trigger has got to, as it will be stored.
pub(crate) struct TriggerRow {
    pub(crate) flow: String,
    pub(crate) trigger: String,
    pub(crate) state: String,
    pub(crate) due: Option<Timestamp>,
}

impl Work {
    pub(crate) fn put_flow(version: FlowVersion) -> Result<Self, StoreError> {
        let FlowVersion { sha, flow, files } = version;
        let files = serde_json::to_string(&files)
            .map_err(|error| Failure::new("could not write a flow version as text", error))?;
        let files = Packed::new(&files).map_err(compressing)?;
        Ok(Self::PutFlow(FlowRow { sha, flow, files }))
    }

    pub(crate) async fn advance(
        admissions: Vec<Admission>,
        states: Vec<TriggerState>,
    ) -> Result<Self, StoreError> {
        let triggers = states.into_iter().map(TriggerRow::new).collect::<Result<_, _>>()?;
        Ok(Self::Advance(entries(admissions).await?, triggers))
    }

    pub(crate) async fn append(batch: Vec<Append>) -> Result<Self, StoreError> {
        let mut steps = Vec::with_capacity(batch.len());
        for mut append in batch {
            let rows = packed(status::check_append(&append)?).await?;
            let paths = append.arm.iter().map(|timer| timer.path.as_str());
            if paths.chain([append.run.as_str()]).any(has_nul) {
                let reason = NUL.to_owned();
                return Err(StoreError::IllegalEvent { run: append.run, reason });
            }
            let children = entries(std::mem::take(&mut append.children)).await?;
            let posts = notes(&std::mem::take(&mut append.posts))?;
            steps.push(Step { append, rows, children, posts });
        }
        Ok(Self::Append(steps))
    }

    /// About how many bytes it takes.
    pub(crate) fn bytes(&self) -> usize {
        let of_entries =
            |entries: &[Entry]| entries.iter().flat_map(|it| &it.rows).map(size).sum::<usize>();
        match self {
            Self::Discard(_) | Self::Expire(_) => 0,
            Self::Post(notes) => notes.iter().map(|it| it.text.len()).sum(),
            Self::PutFlow(flow) => flow.files.zstd.len(),
            Self::Advance(entries, triggers) => {
                let states: usize = triggers.iter().map(|it| it.state.len()).sum();
                of_entries(entries) + states
            }
            Self::Append(steps) => {
                let of_step = |step: &Step| {
                    let rows: usize = step.rows.iter().map(size).sum();
                    rows + of_entries(&step.children)
                };
                steps.iter().map(of_step).sum()
            }
        }
    }
}

impl NoteRow {
    fn new(post: &Post) -> Result<Self, StoreError> {
        let text = codec::encode_note(&post.note)
            .map_err(|error| Failure::new("could not write a note as text", error))?;
        Ok(Self { shard: i16::from(post.shard.number()), text })
    }
}

/// Notes as they will be stored.
pub(crate) fn notes(posts: &[Post]) -> Result<Vec<NoteRow>, StoreError> {
    posts.iter().map(NoteRow::new).collect()
}

impl TriggerRow {
    fn new(new: TriggerState) -> Result<Self, StoreError> {
        let state = status::check_trigger(&new)?;
        let TriggerState { flow, trigger, state: _, due } = new;
        if has_nul(&flow) || has_nul(&trigger) {
            return Err(status::unreadable_trigger(&flow, &trigger));
        }
        Ok(Self { flow, trigger, state, due })
    }
}

/// Texts of events that are written together, as they will be stored.
async fn packed(texts: Vec<String>) -> Result<Vec<Body>, StoreError> {
    let mut rows = Vec::with_capacity(1);
    for row in codec::rows(texts) {
        rows.push(pack(row).await?);
    }
    Ok(rows)
}

async fn entries(admissions: Vec<Admission>) -> Result<Vec<Entry>, StoreError> {
    let mut entries = Vec::with_capacity(admissions.len());
    for mut admission in admissions {
        let (created, again_of) = (admission.created(), admission.again_of());
        let then = admission.first_step();
        // A long event has a row of its own.
        let mut rows = Vec::from_iter(status::take_packed(&mut admission)?.map(Body::Packed));
        let mut texts = Vec::new();
        if rows.is_empty() {
            texts.push(status::check_admission(&admission)?);
        }
        if let Some(append) = &then {
            texts.extend(status::check_append(append)?);
        }
        let then = then.map(|append| Step {
            append,
            rows: Vec::new(),
            children: Vec::new(),
            posts: Vec::new(),
        });
        rows.extend(packed(texts).await?);
        let Admission { run, flow, sha, trigger, .. } = &admission;
        let parent = admission.parent.iter().flat_map(|it| [it.run.as_str(), it.path.as_str()]);
        let again = again_of.as_ref().map(RunId::as_str);
        let names = [run.as_str(), flow, sha, trigger].into_iter().chain(parent).chain(again);
        if names.into_iter().any(has_nul) {
            let reason = NUL.to_owned();
            return Err(StoreError::IllegalEvent { run: run.clone(), reason });
        }
        let inbox = admission.dedupe.as_ref().map(|key| inbox_sha(flow, trigger, key));
        let key_sha = admission.key.as_ref().map(|key| sha256(key.as_bytes()));
        let begin = NoteRow::new(&Post::begin(&admission))?;
        entries.push(Entry { admission, created, again_of, rows, then, inbox, key_sha, begin });
    }
    Ok(entries)
}

/// Data may hold this character: events are JSON, where it is escaped, and keys are kept as bytes.
const NUL: &str = "a name in it holds a NUL character, which the database cannot store";

fn has_nul(text: &str) -> bool {
    text.contains('\0')
}

/// Compresses a long text, on a thread where that may take its time.
async fn pack(text: String) -> Result<Body, StoreError> {
    if !Body::is_long(&text) {
        return Ok(Body::Inline(text));
    }
    let packed = tokio::task::spawn_blocking(move || Body::new(text)).await;
    let packed = packed.map_err(|error| Failure::new("compressing did not end", error))?;
    packed.map_err(|error| compressing(error).into())
}

fn compressing(error: std::io::Error) -> Failure {
    Failure::new("could not compress a text", error)
}

fn size(body: &Body) -> usize {
    match body {
        Body::Inline(text) => text.len(),
        Body::Packed(packed) => packed.zstd.len(),
    }
}

/// What an event of a trigger is known by. The lengths keep one's end from being another's start.
fn inbox_sha(flow: &str, trigger: &str, key: &str) -> Sha {
    let text = format!("{}:{flow}{}:{trigger}{key}", flow.len(), trigger.len());
    sha256(text.as_bytes())
}

/// What the timers of an action are found by: a path may be longer than an index takes.
pub(crate) fn path_sha(path: &Path) -> Sha {
    sha256(path.as_str().as_bytes())
}
