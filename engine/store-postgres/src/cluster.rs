//! A server for tests: started when first asked for, gone when the process is, whatever ended it.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

use std::{
    env, fs,
    io::Write as _,
    net::TcpListener,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

/// With this set to `1`, a machine without `PostgreSQL` fails the tests that need it.
const REQUIRE: &str = "FLOWRIGHT_REQUIRE_POSTGRES";

/// Knows when its parent has ended by the end of its input, then stops the server and cleans up.
const WATCHMAN: &str = r#"trap "" HUP INT TERM
read -r _
"$1/pg_ctl" stop --silent --mode immediate --pgdata "$2/data" >/dev/null 2>&1
rm -rf "$2""#;

/// One server with its folder.
#[derive(Debug)]
pub struct Cluster {
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
    /// Another user, if this one is root, as whom the server refuses to run.
    user: Option<&'static str>,
    /// Its input stays open as long as this process lives.
    _watchman: Child,
}

/// The server that the tests of a process share, or none on a machine that has none: then the test
/// has nothing to test and says so.
pub fn shared() -> Option<&'static Cluster> {
    static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
    SHARED.get_or_init(Cluster::start).as_ref()
}

impl Cluster {
    /// A server of one's own, to stop and to start.
    pub fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            assert!(
                env::var(REQUIRE).as_deref() != Ok("1"),
                "`{REQUIRE}` is set and PostgreSQL is not installed"
            );
            say("PostgreSQL is not installed: the tests that need it show nothing");
            return None;
        };
        let cluster = Self::create(programs);
        cluster.resume();
        Some(cluster)
    }

    fn create(programs: PathBuf) -> Self {
        let cluster = Self::found(programs);
        let password = cluster.folder.join("password");
        fs::write(&password, PASSWORD).unwrap();
        let mut initdb = cluster.program("initdb");
        initdb.arg("--pgdata").arg(cluster.data()).arg("--pwfile").arg(&password);
        initdb.args(["--username=postgres", "--encoding=UTF8", "--locale=C", "--no-instructions"]);
        initdb.args(["--auth-local=trust", "--auth-host=scram-sha-256"]);
        cluster.run(&initdb);
        cluster
    }

    /// Another server with everything that is on this one, which goes on meanwhile.
    #[must_use]
    pub fn copy(&self) -> Self {
        let copy = Self::found(self.programs.clone());
        let mut backup = copy.program("pg_basebackup");
        backup.args(["-U", "postgres", "--checkpoint=fast", "--wal-method=stream", "-h"]);
        backup.arg(&self.folder).args(["-p", &self.port.to_string(), "--pgdata"]).arg(copy.data());
        copy.run(&backup);
        copy.resume();
        copy
    }

    /// A folder with somebody who looks after it.
    fn found(programs: PathBuf) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // Short: the path of a socket may have about a hundred characters.
        let folder = env::temp_dir().join(format!("flowright-pg-{}-{number}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let user = other_user(&folder);
        let mut watchman = Command::new("sh");
        watchman.args(["-c", WATCHMAN, "watchman"]).args([&programs, &folder]);
        // What interrupts this process must not end it: it has its work to do then.
        let watchman =
            as_user(user, &watchman).stdin(Stdio::piped()).process_group(0).spawn().unwrap();
        // The number is given back at once; nobody else on the machine is likely to take it.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { programs, folder, port, user, _watchman: watchman }
    }

    /// Starts the server, and waits until it answers.
    pub fn resume(&self) {
        let mut options = format!(
            "-p {} -k {} -c listen_addresses=127.0.0.1 -c max_connections=200",
            self.port,
            self.folder.display()
        );
        if self.folder.join("server.key").exists() {
            let folder = self.folder.display();
            for (name, value) in [("cert", "crt"), ("key", "key")] {
                options = format!("{options} -c ssl_{name}_file={folder}/server.{value}");
            }
            options.push_str(" -c ssl=on");
        }
        let mut start = self.program("pg_ctl");
        start.args(["start", "--silent", "--wait", "--pgdata"]).arg(self.data());
        start.arg("--log").arg(self.folder.join("log")).args(["--options", &options]);
        self.run(&start);
    }

    /// Stops the server as a crash would: what it was doing is left undone.
    pub fn crash(&self) {
        let mut stop = self.program("pg_ctl");
        stop.args(["stop", "--silent", "--mode", "immediate", "--pgdata"]).arg(self.data());
        self.run(&stop);
    }

    /// From the next start on, connections may be encrypted with this certificate and its key, both
    /// in PEM.
    pub fn certify(&self, certificate: &str, key: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        for (name, text) in [("server.crt", certificate), ("server.key", key)] {
            let path = self.folder.join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            if let Some(user) = self.user {
                give(&path, user);
            }
        }
    }

    /// A new database; its address by the socket.
    pub fn database(&self) -> String {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        let folder = self.folder.to_str().unwrap().replace('/', "%2F");
        format!("postgres://postgres@{folder}:{}/{name}", self.port)
    }

    /// The address of a database by way of the network, which asks for the password.
    pub fn over_network(&self, url: &str) -> String {
        let name = url.rsplit('/').next().unwrap();
        format!("postgres://postgres:{PASSWORD}@127.0.0.1:{}/{name}", self.port)
    }

    /// What a statement prints, one line for a row, `|` between columns.
    pub fn ask(&self, url: &str, sql: &str) -> String {
        self.sql(url.rsplit('/').next().unwrap(), sql)
    }

    fn sql(&self, database: &str, sql: &str) -> String {
        let mut psql = self.program("psql");
        psql.args(["-v", "ON_ERROR_STOP=1", "-AtqX", "-U", "postgres", "-d", database, "-c", sql]);
        psql.arg("-h").arg(&self.folder).args(["-p", &self.port.to_string()]);
        self.run(&psql).trim_end().to_owned()
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn program(&self, name: &str) -> Command {
        Command::new(self.programs.join(name))
    }

    fn run(&self, command: &Command) -> String {
        let mut command = as_user(self.user, command);
        // The server inherits what it is not given, and a pipe would stay open as long as it runs.
        let output = self.folder.join(format!("{:?}", std::thread::current().id()));
        let file = fs::File::create(&output).unwrap();
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        let status = command.current_dir(&self.folder).status().unwrap();
        let text = fs::read_to_string(&output).unwrap();
        assert!(status.success(), "{command:?}: {text}");
        text
    }
}

/// Of the one user of every cluster.
pub const PASSWORD: &str = "correct-horse";

/// The folder of the server's programs.
fn programs() -> Option<PathBuf> {
    let is_there =
        |folder: &PathBuf| folder.join("initdb").exists() && folder.join("pg_ctl").exists();
    // As Debian keeps them, the newest release first.
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin")))
        })
        .collect();
    found.sort();
    let found = found.into_iter().rev().map(|(_, folder)| folder);
    let path = env::var_os("PATH").unwrap_or_default();
    found.chain(env::split_paths(&path)).find(is_there)
}

/// Whom the server runs as, if not as this user; the folder is then his.
fn other_user(folder: &Path) -> Option<&'static str> {
    use std::os::unix::fs::MetadataExt as _;
    if fs::metadata(folder).unwrap().uid() != 0 {
        return None;
    }
    let is_known =
        |user: &&str| Command::new("id").arg(user).output().is_ok_and(|it| it.status.success());
    let user = ["postgres", "nobody"].into_iter().find(is_known).unwrap();
    give(folder, user);
    Some(user)
}

fn give(path: &Path, user: &str) {
    let output = Command::new("id").args(["-u", user]).output().unwrap();
    let id = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
    std::os::unix::fs::chown(path, Some(id), None).unwrap();
}

fn as_user(user: Option<&str>, command: &Command) -> Command {
    let mut full = match user {
        Some(user) => {
            let mut full = Command::new("runuser");
            full.args(["-u", user, "--"]).arg(command.get_program());
            full
        }
        None => Command::new(command.get_program()),
    };
    full.args(command.get_args());
    full
}

/// Who runs the tests shall know what they do not show, so this is not captured with their output.
fn say(text: &str) {
    std::io::stderr().write_all(format!("{text}\n").as_bytes()).unwrap();
}
