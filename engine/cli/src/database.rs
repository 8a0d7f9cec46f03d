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
use journal::{NodeRow, Store};
use store_postgres::PostgresStore;
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

    /// Opens it. A file is taken over from whoever has it; the processes of a server share it.
    pub(crate) async fn open(
        &self,
        root: &Path,
        (node, address): (Option<&str>, &str),
    ) -> anyhow::Result<Arc<dyn Store>> {
        match self {
            Self::Server(url) => {
                let options = store_postgres::Options {
                    name: node.map_or_else(node_name, str::to_owned),
                    address: address.to_owned(),
                    // A name that somebody has chosen is whoever has it last.
                    follow: node.is_some(),
                    ..Default::default()
                };
                let store = PostgresStore::connect(url.expose(), options).await;
                Ok(Arc::new(store.context("cannot open the database")?))
            }
            Self::File(_) if node.is_some() => {
                anyhow::bail!("`--node` needs a database server: `--database postgres://…`")
            }
            Self::File(path) => {
                let path = root.join(path);
                let shown = path.display().to_string();
                let store = tokio::task::spawn_blocking(move || {
                    SqliteStore::open(&path, store_sqlite::Options::default())
                });
                let store = store.await?.with_context(|| format!("cannot open `{shown}`"))?;
                Ok(Arc::new(store))
            }
            Self::Foreign(scheme) => Err(foreign(scheme)),
        }
    }

    /// The processes that share it.
    pub(crate) async fn nodes(&self) -> anyhow::Result<Vec<NodeRow>> {
        match self {
            Self::Server(url) => {
                PostgresStore::nodes_of(url.expose()).await.context("cannot read the database")
            }
            Self::File(path) => anyhow::bail!(
                "`{}` is a file, which one process has; name a database server: \
                 `--database postgres://…`",
                path.display()
            ),
            Self::Foreign(scheme) => Err(foreign(scheme)),
        }
    }
}

fn foreign(scheme: &str) -> anyhow::Error {
    anyhow::anyhow!(
        "no database is reached by `{scheme}:`; `--database` takes the path of a file or \
         `postgres://user:password@host/name`"
    )
}

/// The name of the machine with the number of the process.
fn node_name() -> String {
    let of_system = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let host = of_system.or_else(|| std::env::var("HOSTNAME").ok());
    let host = host.or_else(|| std::env::var("COMPUTERNAME").ok()).unwrap_or_default();
    let host = host.trim();
    format!("{}-{}", if host.is_empty() { "node" } else { host }, std::process::id())
}
