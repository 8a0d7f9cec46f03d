//! Repositories that tests make, with the `git` of this machine.

use std::{path::Path, process::Command};

/// Commits all that a folder holds, whose repository came from `https://code.example.com/us/flows`. Gives
/// the commit; none if there is no `git` here, and says so.
#[allow(clippy::print_stderr, reason = "says that it was left out")]
pub(crate) fn commit(folder: &Path, subject: &str) -> Option<String> {
    let git = |arguments: &[&str]| {
        let who =
            ["-c", "user.name=A", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false"];
        let answer = Command::new("git").arg("-C").arg(folder).args(who).args(arguments).output();
        let answer = answer.ok()?;
        let complaint = String::from_utf8_lossy(&answer.stderr);
        assert!(answer.status.success(), "{arguments:?}: {complaint}");
        Some(String::from_utf8(answer.stdout).unwrap().trim().to_owned())
    };
    if git(&["--version"]).is_none() {
        eprintln!("not looked at: there is no program `git` here");
        return None;
    }
    if !folder.join(".git").exists() {
        git(&["init", "--quiet"])?;
        git(&["remote", "add", "origin", "https://code.example.com/us/flows.git"])?;
    }
    git(&["add", "--all"])?;
    git(&["commit", "--quiet", "--message", subject])?;
    git(&["rev-parse", "HEAD"])
}
