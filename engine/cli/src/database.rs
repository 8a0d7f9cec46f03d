//! Where a service keeps its runs: a file, or a database server.

use std::{
    convert::Infallible,
    fs,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use anyhow::Context as _;
use base::Secret;
use journal::Store;
use store_postgres::{Claim, PostgresStore};
use store_sqlite::SqliteStore;

/// What `--database` names.
#[derive(Clone, Debug)]
pub(crate) enum Database {
    /// A file of `SQLite`.
    File(PathBuf),
    /// The URL of a database server, which may hold a password.
    Server(Secret<String>),
    /// A URL of something else: its scheme.
    Foreign(String),
}

impl FromStr for Database {
    /// A refusal here would be printed together with the password.
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            return Ok(Self::File(PathBuf::from(path.strip_prefix("//").unwrap_or(path))));
        }
        Ok(match text.split_once("://") {
            Some(("postgres" | "postgresql", _)) => Self::Server(Secret::new(text.to_owned())),
            Some((scheme, _)) => Self::Foreign(scheme.to_owned()),
            None => Self::File(PathBuf::from(text)),
        })
    }
}

impl Database {
    /// The key that signs the addresses of triggers is in the same folder as the file, and in the
    /// project if there is no file.
    pub(crate) fn state_folder(&self, root: &Path) -> anyhow::Result<PathBuf> {
        let folder = match self {
            Self::File(path) => root.join(path).parent().unwrap_or(root).to_path_buf(),
            Self::Server(_) | Self::Foreign(_) => root.join(".flowright"),
        };
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
        Ok(folder)
    }

    /// Opens it and takes it over from whoever has it, or waits until nobody has it any more.
    pub(crate) async fn open(&self, root: &Path, standby: bool) -> anyhow::Result<Opened> {
        match self {
            Self::Server(url) => {
                let claim = if standby { Claim::WhenFree } else { Claim::Now };
                let options = store_postgres::Options { claim, ..Default::default() };
                let store = PostgresStore::connect(url.expose(), options).await;
                let server = Arc::new(store.context("cannot open the database")?);
                Ok(Opened { store: Arc::<PostgresStore>::clone(&server), server: Some(server) })
            }
            Self::File(_) if standby => {
                anyhow::bail!("`--standby` needs a database server: `--database postgres://…`")
            }
            Self::File(path) => {
                let path = root.join(path);
                let shown = path.display().to_string();
                let store = tokio::task::spawn_blocking(move || {
                    SqliteStore::open(&path, store_sqlite::Options::default())
                });
                let store = store.await?.with_context(|| format!("cannot open `{shown}`"))?;
                Ok(Opened { store: Arc::new(store), server: None })
            }
            Self::Foreign(scheme) => anyhow::bail!(
                "no database is reached by `{scheme}:`; `--database` takes the path of a file or \
                 `postgres://user:password@host/name`"
            ),
        }
    }
}

/// A database that this process has.
pub(crate) struct Opened {
    pub(crate) store: Arc<dyn Store>,
    server: Option<Arc<PostgresStore>>,
}

impl Opened {
    /// Lets those go on at once who wait for it. Without this they do so after some seconds, so
    /// a failure does no harm.
    pub(crate) async fn release(&self) {
        if let Some(server) = &self.server
            && let Err(error) = server.release().await
        {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "The database could not be released.");
        }
    }
}
