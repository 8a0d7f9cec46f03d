//! `flowright backup` and `flowright restore`: a copy of the runs, made while the service runs.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::{
    Outcome,
    args::{BackupArgs, RestoreArgs, WhereArgs},
    cmd::serve::project_root,
    config,
    database::Database,
    print::{Tone, note, tone},
};

pub(crate) fn backup(args: &BackupArgs) -> anyhow::Result<Outcome> {
    let database = file(
        &args.place,
        &format!(
            "pg_dump --format=custom --schema=flowright --file={} \"$FLOWRIGHT_DATABASE\"",
            args.file.display()
        ),
    )?;
    store_sqlite::backup(&database, &args.file)
        .with_context(|| format!("cannot copy `{}`", database.display()))?;
    let bytes = args.file.metadata().map_or(0, |it| it.len());
    let (from, to) = (database.display(), args.file.display());
    note(format!("{} `{from}` to `{to}` ({bytes} bytes)", tone(Tone::Good, "copied")));
    let key = database.with_file_name("trigger.key");
    if key.is_file() {
        let key = key.display();
        note(format!("what signs the addresses of triggers is not in it: keep `{key}`, too"));
    }
    Ok(Outcome::Good)
}

pub(crate) fn restore(args: &RestoreArgs) -> anyhow::Result<Outcome> {
    let database = file(
        &args.place,
        &format!(
            "pg_restore --clean --if-exists --single-transaction --dbname=\"$FLOWRIGHT_DATABASE\" {}",
            args.file.display()
        ),
    )?;
    if let Some(folder) = database.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    }
    let restored = store_sqlite::restore(&args.file, &database, args.force);
    if matches!(restored, Err(store_sqlite::BackupError::Exists(_))) {
        let database = database.display();
        bail!("`{database}` is there already: `--force` puts the copy in its place");
    }
    restored.with_context(|| format!("cannot restore `{}`", args.file.display()))?;
    let (from, to) = (args.file.display(), database.display());
    note(format!("{} `{from}` to `{to}`", tone(Tone::Good, "restored")));
    Ok(Outcome::Good)
}

/// The file that the runs are in; of a database server its own tools make copies.
fn file(place: &WhereArgs, command: &str) -> anyhow::Result<PathBuf> {
    if let Some(Database::File(path)) = &place.database
        && path.is_absolute()
    {
        return Ok(path.clone());
    }
    let root = || project_root(place.project.as_deref().map(Path::new));
    let database = match &place.database {
        Some(given) => given.clone(),
        None => config::database_of(None, &root()?)?,
    };
    match database {
        Database::File(path) => Ok(root()?.join(path)),
        Database::Server(_) => bail!(
            "the copies of a database server are made by its own tools, while it runs:\n  {command}"
        ),
        Database::Foreign(scheme) => bail!("no database is reached by `{scheme}:`"),
    }
}
