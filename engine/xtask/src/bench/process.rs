//! The measured process: started on a copy of the benchmark's project, looked at, killed.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::Context as _;

/// A server that is up.
pub(crate) struct Process {
    child: Child,
    /// `host:port`.
    pub address: String,
    /// Addresses of the flows by name: path and query.
    pub flows: Vec<(String, String)>,
}

impl Process {
    /// `flowright serve` on a project.
    pub(crate) fn serve(
        program: &Path,
        project: &Path,
        database: Option<&str>,
    ) -> anyhow::Result<Self> {
        let mut command = Command::new(program);
        command.args(["serve", "--listen", "127.0.0.1:0", "--project"]).arg(project);
        if let Some(database) = database {
            command.args(["--database", database]);
        }
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        let mut lines = BufReader::new(child.stderr.take().context("no stderr")?).lines();
        let (mut address, mut flows) = (String::new(), Vec::new());
        for line in lines.by_ref() {
            let line = line?;
            if let Some((_, host)) = line.split_once("listening on http://") {
                host.trim().clone_into(&mut address);
            }
            if let Some((_, rest)) = line.split_once(&format!("http://{address}/hooks/")) {
                let flow = rest.split('/').next().unwrap_or_default();
                flows.push((flow.to_owned(), format!("/hooks/{rest}")));
            }
            if line.starts_with("web pages: ") {
                break;
            }
        }
        anyhow::ensure!(!flows.is_empty(), "the service did not start");
        // What it says later must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self { child, address, flows })
    }

    /// A program that prints its address.
    pub(crate) fn floor() -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.arg("bench-floor").stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no stdout")?).read_line(&mut line)?;
        Ok(Self { child, address: line.trim().to_owned(), flows: Vec::new() })
    }

    /// The address of a flow's trigger.
    pub(crate) fn hook(&self, flow: &str) -> anyhow::Result<&str> {
        let found = self.flows.iter().find(|(name, _)| name == flow);
        found.map(|(_, path)| path.as_str()).with_context(|| format!("`{flow}` is not served"))
    }

    /// Processor time so far.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let (_, fields) = stat.rsplit_once(") ").context("no process")?;
        let ticks: u64 =
            fields.split(' ').skip(11).take(2).filter_map(|it| it.parse::<u64>().ok()).sum();
        // Linux counts in hundredths of a second for programs, whatever the kernel does inside.
        Ok(Duration::from_millis(ticks * 10))
    }

    /// Memory in MB: present, and the most so far.
    pub(crate) fn memory(&self) -> anyhow::Result<(f64, f64)> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let read = |name: &str| {
            let line = status.lines().find_map(|it| it.strip_prefix(name))?;
            let kilobytes: f64 = line.split_whitespace().next()?.parse().ok()?;
            Some(kilobytes / 1024.0)
        };
        Ok((read("VmRSS:").unwrap_or(0.0), read("VmHWM:").unwrap_or(0.0)))
    }

    /// As a power cut would: no handler runs.
    pub(crate) fn kill(&mut self) {
        // One that is gone already need not be killed.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
