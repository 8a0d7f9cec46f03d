//! Commits of a repository that is made here, with the `git` of this machine.

use std::{path::Path, process::Command};

use crate::git::{Files, GitError, commits, page};

/// Asks `git` for something; none if there is no such program.
fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let who = ["-c", "user.name=A", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false"];
    let answer = Command::new("git").arg("-C").arg(folder).args(who).args(arguments).output();
    let answer = answer.ok()?;
    assert!(answer.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&answer.stderr));
    Some(String::from_utf8(answer.stdout).unwrap().trim().to_owned())
}

/// Whether there is a repository to try with.
#[allow(clippy::print_stderr, reason = "says that it was left out")]
fn begun(folder: &Path) -> bool {
    let is_there = git(folder, &["init", "--quiet"]).is_some();
    if !is_there {
        eprintln!("left out: there is no program `git` here");
    }
    is_there
}

fn files(all: &[(&str, &str)]) -> Files {
    all.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

/// Writes files and commits all that the folder holds.
fn commit(folder: &Path, all: &[(&str, &str)], subject: &str) -> String {
    for (name, text) in all {
        let file = folder.join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    git(folder, &["add", "--all"]).unwrap();
    git(folder, &["commit", "--quiet", "--message", subject]).unwrap();
    git(folder, &["rev-parse", "HEAD"]).unwrap()
}

#[tokio::test]
async fn the_commit_of_each_version_is_found() {
    let top = tempfile::tempdir().unwrap();
    if !begun(top.path()) {
        return;
    }
    // The project need not be the whole repository.
    let project = top.path().join("sync [1]");
    std::fs::create_dir(&project).unwrap();
    let (flow, table) = ("flows/a b/flow.yaml", "flows/a b/x.mapping.yaml");
    let look = async |all: &[Files]| {
        let found = commits(&project, all).await.unwrap();
        found.into_iter().map(|it| it.map(|it| (it.id, it.subject))).collect::<Vec<_>>()
    };
    let one = files(&[(flow, "one\n")]);
    assert_eq!(look(std::slice::from_ref(&one)).await, [None], "nothing is committed");

    let first = commit(&project, &[(flow, "one\n")], "Say one");
    let second = commit(&project, &[(flow, "two\n"), (table, "fields: 1\n")], "Say two\tand map");
    commit(&project, &[("README.md", "of other files\n")], "Explain");
    let fourth = commit(&project, &[(table, "fields: 2\n")], "Map \u{e4}ll");
    let versions = [
        one,
        files(&[(flow, "two\n"), (table, "fields: 1\n")]),
        files(&[(flow, "two\n"), (table, "fields: 2\n")]),
        // As long as another one, and never committed.
        files(&[(flow, "six\n"), (table, "fields: 2\n")]),
        // The mapping was there whenever the flow was so.
        files(&[(flow, "two\n")]),
        files(&[("../outside", "no\n")]),
        files(&[]),
    ];
    let is = |id: &str, subject: &str| Some((id.to_owned(), subject.to_owned()));
    let expected = [
        is(&first, "Say one"),
        is(&second, "Say two\tand map"),
        is(&fourth, "Map \u{e4}ll"),
        None,
        None,
        None,
        None,
    ];
    assert_eq!(look(&versions).await, expected);

    // Back to what it was: the newer commit is told.
    let back = commit(&project, &[(table, "fields: 1\n")], "Map as before");
    assert_eq!(look(&versions[1..2]).await, [is(&back, "Map as before")]);
    git(&project, &["remote", "add", "origin", "git@code.example.com:us/sync.git"]).unwrap();
    let found = commits(&project, &versions[..1]).await.unwrap();
    let expected = format!("https://code.example.com/us/sync/commit/{first}");
    assert_eq!(found[0].as_ref().unwrap().page.as_ref(), Some(&expected));
}

#[tokio::test]
async fn settings_of_a_repository_start_nothing() {
    let top = tempfile::tempdir().unwrap();
    let folder = top.path();
    if !begun(folder) {
        return;
    }
    let first = commit(folder, &[("flow.yaml", "one\n")], "Say one");
    let trap = format!("touch {}", folder.join("sprung").display());
    for name in ["core.fsmonitor", "core.pager", "diff.external", "gpg.program", "core.sshCommand"]
    {
        git(folder, &["config", name, &trap]).unwrap();
    }
    git(folder, &["config", "log.showSignature", "true"]).unwrap();
    let found = commits(folder, &[files(&[("flow.yaml", "one\n")])]).await.unwrap();
    assert_eq!(found[0].as_ref().unwrap().id, first);
    assert!(!folder.join("sprung").exists());
}

#[tokio::test]
async fn a_folder_without_repository_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let error = commits(folder.path(), &[files(&[("flow.yaml", "one\n")])]).await.unwrap_err();
    assert!(matches!(error, GitError::NoRepository | GitError::NoGit), "{error}");
}

#[test]
fn pages_of_origins() {
    for (origin, expected) in [
        ("https://github.com/us/sync.git", Some("https://github.com/us/sync/commit/f00")),
        ("https://me:secret@github.com/us/sync", Some("https://github.com/us/sync/commit/f00")),
        ("git@github.com:us/sync.git", Some("https://github.com/us/sync/commit/f00")),
        (
            "ssh://git@git.example.com:2222/us/a.b/",
            Some("https://git.example.com/us/a.b/commit/f00"),
        ),
        (
            "http://git.example.com:3000/us/sync",
            Some("http://git.example.com:3000/us/sync/commit/f00"),
        ),
        ("git@gitlab.com:g/sub/sync.git", Some("https://gitlab.com/g/sub/sync/-/commit/f00")),
        ("git@bitbucket.org:us/sync.git", Some("https://bitbucket.org/us/sync/commits/f00")),
        (
            "https://dev.azure.com/us/Co%20sell/_git/sync",
            Some("https://dev.azure.com/us/Co%20sell/_git/sync/commit/f00"),
        ),
        (
            "git@ssh.dev.azure.com:v3/us/Cosell/sync",
            Some("https://dev.azure.com/us/Cosell/_git/sync/commit/f00"),
        ),
        ("/srv/git/sync.git", None),
        ("../sync", None),
        ("file:///srv/git/sync.git", None),
        ("javascript:alert(1)//x", None),
        ("https://git.example.com/\"onclick=\"x", None),
        ("C:\\work\\sync", None),
        ("", None),
    ] {
        assert_eq!(page(origin, "f00").as_deref(), expected, "{origin}");
    }
}
