//! Starts a program: where it is found, what it is told, and what it may take up.

use std::{
    collections::BTreeMap,
    env, io,
    path::{Path, PathBuf},
    process::Stdio,
};

use base::{ErrorClass, Failure};
use connector::{
    Connection,
    program::{Program, environment},
};
use tokio::process::{Child, Command};

use crate::group::Group;

/// A program that was started.
pub(crate) struct Started {
    pub(crate) child: Child,
    pub(crate) group: Group,
}

/// Starts the program of a connection. It gets the variables that its file names, `PATH`, and nothing
/// else of ours.
pub(crate) fn start(
    connection: &Connection,
    program: &Program,
    own: &BTreeMap<String, String>,
) -> Result<Started, Failure> {
    let named = environment(connection, program, &|name| own.get(name).cloned())?;
    let path = own.get("PATH").map(String::as_str).unwrap_or_default();
    let folder = Path::new(&program.folder);
    let (first, arguments) = program
        .command
        .split_first()
        .ok_or_else(|| not_started(connection, "its file names no command"))?;
    let file = find(first, folder, path).ok_or_else(|| {
        let message = format!("there is no program `{first}` that can be run");
        not_started(connection, &message)
    })?;
    let mut command = Command::new(file);
    command
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", path)
        .envs(named.iter().map(|(name, value)| (name, value.expose())))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    let child = command.spawn().map_err(|error| not_started(connection, &why(&error)))?;
    let group = Group::of(child.id());
    group.limit(&program.limits).map_err(|error| {
        not_started(connection, &format!("it cannot be kept within its limits: {error}"))
    })?;
    Ok(Started { child, group })
}

fn why(error: &io::Error) -> String {
    format!("the system says: {error}")
}

fn not_started(connection: &Connection, why: &str) -> Failure {
    let message = format!("the program of connection `{}` was not started: {why}", connection.name);
    Failure::of_class(ErrorClass::Permanent, "ProgramNotStarted", message)
}

/// The file of a program: below the connector's folder if it is named with a slash, else where
/// programs are looked for.
fn find(name: &str, folder: &Path, path: &str) -> Option<PathBuf> {
    if name.contains('/') || Path::new(name).is_absolute() {
        let file = folder.join(name);
        return file.is_file().then(|| std::path::absolute(file).ok()).flatten();
    }
    let folders = env::split_paths(path).filter(|it| it.is_absolute());
    folders.map(|it| it.join(name)).find(|it| is_program(it))
}

#[cfg(unix)]
fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(file: &Path) -> bool {
    file.is_file()
}
