//! Which commits of a Git repository hold files as they are somewhere else. `git` itself is asked; it only
//! reads, and runs nothing that a repository names.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, io,
    path::Path,
    process::Stdio,
    time::Duration,
};

use base::Timestamp;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::Command,
    time::timeout,
};

use crate::group::Group;

/// Commits that are looked at, the newest first.
const COMMITS_MAX: usize = 1_000;
/// Bytes of one answer of `git`.
const ANSWER_BYTES_MAX: u64 = 64 << 20;
/// How long one answer may take.
const ANSWER_WAIT: Duration = Duration::from_secs(10);
/// Characters of a subject that are kept.
const SUBJECT_CHARS_MAX: usize = 200;
/// What `git` gets of our environment: where programs are, and whose folders it may read.
const VARIABLES: [&str; 5] = ["PATH", "HOME", "XDG_CONFIG_HOME", "USERPROFILE", "SYSTEMROOT"];

/// Names of files below a folder, with `/`, and their texts.
pub type Files = Vec<(String, String)>;

/// A commit as its repository tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its whole name, in hexadecimal.
    pub id: String,
    /// When it was made.
    pub at: Timestamp,
    /// The first line of its message, cut at 200 characters.
    pub subject: String,
    /// Its page, if the repository has an origin that has pages.
    pub page: Option<String>,
}

/// Why there are no commits.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The folder is in no repository.
    #[error("the project lies in no Git repository")]
    NoRepository,
    /// There is no such program.
    #[error("there is no program `git` here")]
    NoGit,
    /// It took too long, or said too much.
    #[error("`git` did not answer within its bounds")]
    Unbounded,
    /// It refused.
    #[error("`git` says: {0}")]
    Refused(String),
    /// It could not be started, or not be read.
    #[error("`git` cannot be asked")]
    Io(#[from] io::Error),
}

/// For each version of files below a folder, the newest commit that changed one of them and in which all
/// are as in the version.
///
/// # Errors
/// Says why nobody can tell.
pub async fn commits(folder: &Path, versions: &[Files]) -> Result<Vec<Option<Commit>>, GitError> {
    let names: BTreeSet<&str> =
        versions.iter().flatten().map(|it| it.0.as_str()).filter(|it| is_below(it)).collect();
    let history = log(folder, &names).await?;
    let held = held(folder, &history, &names, versions).await?;
    let origin = origin(folder).await?;
    let find = |files: &Files| {
        let holds = |at: &BTreeMap<&str, Option<&String>>| {
            // What only other versions have must not be there either.
            at.len() == files.len()
                && files.iter().all(|(name, text)| at.get(name.as_str()) == Some(&Some(text)))
        };
        let at = held.iter().position(holds)?;
        let mut commit = history.get(at)?.clone();
        commit.page = origin.as_deref().and_then(|it| page(it, &commit.id));
        Some(commit)
    };
    Ok(versions.iter().map(|files| find(files).filter(|_| !files.is_empty())).collect())
}

/// Whether a name is one that can be asked for, a line each.
fn is_below(name: &str) -> bool {
    let is_part = |it: &str| !matches!(it, "" | "." | "..");
    name.split('/').all(is_part) && !name.contains(char::is_control)
}

/// The commits that changed one of these files, the newest first.
async fn log(folder: &Path, names: &BTreeSet<&str>) -> Result<Vec<Commit>, GitError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let most = format!("--max-count={COMMITS_MAX}");
    let mut arguments = vec!["log", "--no-show-signature", "--format=%H%x09%cI%x09%s", &most, "--"];
    arguments.extend(names);
    let answer = match ask(folder, &arguments, String::new()).await {
        Err(GitError::Refused(text)) if text.contains("does not have any commits") => Vec::new(),
        answer => answer?,
    };
    let read = |line: &str| {
        let mut parts = line.splitn(3, '\t');
        let (id, at, subject) = (parts.next()?, parts.next()?, parts.next()?);
        let at = Timestamp::parse(at)?;
        let subject = subject.chars().take(SUBJECT_CHARS_MAX).collect();
        Some(Commit { id: id.to_owned(), at, subject, page: None })
    };
    Ok(String::from_utf8_lossy(&answer).lines().filter_map(read).collect())
}

/// What each commit has under each name: a text that a version has there, too, or another one; names that
/// it does not have are missing. Only what is as long as a version's text is read.
async fn held<'a>(
    folder: &Path,
    history: &[Commit],
    names: &BTreeSet<&'a str>,
    versions: &'a [Files],
) -> Result<Vec<BTreeMap<&'a str, Option<&'a String>>>, GitError> {
    let places = || history.iter().flat_map(|it| names.iter().map(move |name| (it, *name)));
    let wishes: Vec<String> = places().map(|(it, name)| format!("{}:./{name}", it.id)).collect();
    if wishes.is_empty() {
        return Ok(Vec::new());
    }
    let listed = ask(folder, &["cat-file", "--batch-check"], lines(&wishes)).await?;
    let listed = String::from_utf8_lossy(&listed).into_owned();
    let objects: Vec<Option<(&str, usize)>> = listed.lines().map(object).collect();
    if objects.len() != history.len() * names.len() {
        return Err(GitError::Refused("an answer about other files than those asked for".into()));
    }
    let mut like: BTreeMap<(&str, usize), Vec<&String>> = BTreeMap::new();
    for (name, text) in versions.iter().flatten() {
        like.entry((name, text.len())).or_default().push(text);
    }
    let alike = places().zip(&objects).filter_map(|((_, name), object)| {
        let (id, length) = (*object)?;
        like.contains_key(&(name, length)).then_some(id)
    });
    let texts = texts(folder, &alike.collect()).await?;
    let mut held: Vec<BTreeMap<&str, Option<&String>>> = Vec::new();
    for (number, ((_, name), object)) in places().zip(&objects).enumerate() {
        if number % names.len() == 0 {
            held.push(BTreeMap::new());
        }
        let (Some(held), Some((id, length))) = (held.last_mut(), object) else { continue };
        let text = texts.get(*id);
        let all = like.get(&(name, *length)).into_iter().flatten().copied();
        held.insert(name, all.into_iter().find(|it| text.is_some_and(|t| t == it.as_bytes())));
    }
    Ok(held)
}

/// Questions, a line each.
fn lines<T: AsRef<str>>(all: &[T]) -> String {
    let mut text = String::new();
    for line in all {
        text.push_str(line.as_ref());
        text.push('\n');
    }
    text
}

/// Name and length of a file's text, in a line `NAME blob LENGTH`; none of what is not there.
fn object(line: &str) -> Option<(&str, usize)> {
    let mut parts = line.split(' ');
    let (id, kind, length) = (parts.next()?, parts.next()?, parts.next()?);
    if kind != "blob" || parts.next().is_some() {
        return None;
    }
    Some((id, length.parse().ok()?))
}

/// Texts by their names in the repository.
async fn texts(folder: &Path, ids: &BTreeSet<&str>) -> Result<BTreeMap<String, Vec<u8>>, GitError> {
    let wishes: Vec<&str> = ids.iter().copied().collect();
    let mut found = BTreeMap::new();
    if wishes.is_empty() {
        return Ok(found);
    }
    let answer = ask(folder, &["cat-file", "--batch"], lines(&wishes)).await?;
    let mut rest = answer.as_slice();
    while let Some(end) = rest.iter().position(|it| *it == b'\n') {
        let (line, after) = rest.split_at(end);
        let line = String::from_utf8_lossy(line).into_owned();
        let Some((id, length)) = object(&line) else { break };
        let Some(text) = after.get(1..length + 1) else { break };
        found.insert(id.to_owned(), text.to_vec());
        rest = after.get(length + 2..).unwrap_or_default();
    }
    Ok(found)
}

/// Where the repository came from, if it has an origin.
async fn origin(folder: &Path) -> Result<Option<String>, GitError> {
    match ask(folder, &["config", "--get", "remote.origin.url"], String::new()).await {
        Ok(answer) => Ok(Some(String::from_utf8_lossy(&answer).trim().to_owned())),
        Err(GitError::Refused(text)) if text.is_empty() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The page of a commit of a repository with that origin, without what an origin says of users and their
/// passwords: as GitHub, GitLab, Bitbucket, Azure Repos, Gitea and Forgejo have it.
pub(crate) fn page(origin: &str, id: &str) -> Option<String> {
    let (scheme, rest) = match origin.split_once("://") {
        Some((scheme @ ("https" | "http" | "ssh" | "git"), rest)) => (scheme, rest.to_owned()),
        Some(_) => return None,
        // As scp has it: `user@host:path`.
        None => {
            let (host, path) = origin.split_once(':').filter(|it| !it.0.contains('/'))?;
            ("ssh", format!("{host}/{path}"))
        }
    };
    let (host, path) = rest.split_once('/')?;
    let host = host.rsplit('@').next()?;
    let is_web = scheme.starts_with("http");
    // The port is that of the pages only if they have that scheme.
    let host = if is_web { host } else { host.split(':').next()? };
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let is_plain = |text: &str, more: &str| {
        !text.is_empty() && text.chars().all(|it| it.is_ascii_alphanumeric() || more.contains(it))
    };
    if !is_plain(host, ".-:") || !host.contains(['.', ':']) || !is_plain(path, "._~%+/-") {
        return None;
    }
    let scheme = if scheme == "http" { "http" } else { "https" };
    let azure = path.strip_prefix("v3/").filter(|_| host == "ssh.dev.azure.com");
    if let Some((account, repository)) = azure.and_then(|it| it.rsplit_once('/')) {
        return Some(format!("https://dev.azure.com/{account}/_git/{repository}/commit/{id}"));
    }
    let kind = match host {
        "bitbucket.org" => "commits",
        host if host.split('.').any(|it| it == "gitlab") => "-/commit",
        _ => "commit",
    };
    Some(format!("{scheme}://{host}/{path}/{kind}/{id}"))
}

/// What `git` answers to a question about a folder.
async fn ask(folder: &Path, arguments: &[&str], input: String) -> Result<Vec<u8>, GitError> {
    let mut command = Command::new("git");
    command
        // Nothing that the repository's own settings name is started.
        .args(["--no-pager", "--literal-pathspecs", "-c", "core.fsmonitor=false", "-C"])
        .arg(folder)
        .args(arguments)
        .env_clear()
        .envs(VARIABLES.iter().filter_map(|it| Some((it, env::var_os(it)?))))
        .envs([("LC_ALL", "C"), ("GIT_TERMINAL_PROMPT", "0"), ("GIT_OPTIONAL_LOCKS", "0")])
        .env("GIT_NO_LAZY_FETCH", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    let mut child = command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => GitError::NoGit,
        _ => GitError::Io(error),
    })?;
    let _group = Group::of(child.id());
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        let Some(mut stdin) = stdin else { return };
        // One that refuses does not read; what it says tells why.
        drop(stdin.write_all(input.as_bytes()).await);
    };
    let (mut answer, mut complaint) = (Vec::new(), Vec::new());
    let talk = async {
        let read = async {
            let Some(stdout) = stdout else { return Ok(0) };
            stdout.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await
        };
        let hear = async {
            let Some(stderr) = stderr else { return Ok(0) };
            stderr.take(1 << 16).read_to_end(&mut complaint).await
        };
        let ((), read, heard) = tokio::join!(write, read, hear);
        read.and(heard)?;
        child.wait().await
    };
    let ended = timeout(ANSWER_WAIT, talk).await.map_err(|_| GitError::Unbounded)??;
    if u64::try_from(answer.len()).is_ok_and(|it| ANSWER_BYTES_MAX <= it) {
        return Err(GitError::Unbounded);
    }
    if ended.success() {
        return Ok(answer);
    }
    let text = String::from_utf8_lossy(&complaint);
    if text.contains("not a git repository") {
        return Err(GitError::NoRepository);
    }
    let line = text.lines().next().unwrap_or_default();
    Err(GitError::Refused(line.trim_start_matches("fatal: ").to_owned()))
}
