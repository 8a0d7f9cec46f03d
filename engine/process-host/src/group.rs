//! The processes that a program has started, as a whole: how they are ended and what they may take up.

use connector::program::Limits;

/// All processes of a program. When this goes, they go.
pub(crate) struct Group {
    #[cfg(unix)]
    leader: Option<rustix::process::Pid>,
}

#[cfg(unix)]
impl Group {
    /// The group whose first process has that id.
    pub(crate) fn of(id: Option<u32>) -> Self {
        let id = id.and_then(|it| i32::try_from(it).ok());
        Self { leader: id.and_then(rustix::process::Pid::from_raw) }
    }

    /// Asks all of them to end.
    pub(crate) fn terminate(&self) {
        self.send(rustix::process::Signal::TERM);
    }

    /// Ends all of them, once: later the id may be somebody else's.
    pub(crate) fn kill(&mut self) {
        self.send(rustix::process::Signal::KILL);
        self.leader = None;
    }

    fn send(&self, signal: rustix::process::Signal) {
        let Some(leader) = self.leader else { return };
        if let Err(error) = rustix::process::kill_process_group(leader, signal)
            && error != rustix::io::Errno::SRCH
        {
            tracing::warn!(%error, "The processes of a connector's program could not be told to end.");
        }
    }

    /// Bounds what the first of them may take up; those that it starts get the same bounds.
    #[cfg(target_os = "linux")]
    pub(crate) fn limit(&self, limits: &Limits) -> std::io::Result<()> {
        use rustix::{
            io::Errno,
            process::{Resource, Rlimit, getrlimit, prlimit},
        };
        // A dump of its memory would hold what it was told of secrets.
        let bounds = [
            (Resource::Core, Some(0)),
            (Resource::As, limits.memory_bytes),
            (Resource::Cpu, limits.cpu_seconds),
            (Resource::Nofile, limits.open_files),
        ];
        for (resource, most) in bounds {
            let Some(most) = most else { continue };
            // Nobody may have more than the engine itself.
            let most = getrlimit(resource).maximum.map_or(most, |own| own.min(most));
            let bound = Rlimit { current: Some(most), maximum: Some(most) };
            match prlimit(self.leader, resource, bound) {
                // One that has ended already needs no bounds.
                Ok(_) | Err(Errno::SRCH) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

#[cfg(not(unix))]
impl Group {
    pub(crate) fn of(_id: Option<u32>) -> Self {
        Self {}
    }

    pub(crate) fn terminate(&self) {}

    pub(crate) fn kill(&mut self) {}
}

#[cfg(not(target_os = "linux"))]
impl Group {
    pub(crate) fn limit(&self, limits: &Limits) -> std::io::Result<()> {
        if [limits.memory_bytes, limits.cpu_seconds, limits.open_files].iter().any(Option::is_some)
        {
            tracing::warn!("This system cannot bound what a connector's program takes up.");
        }
        Ok(())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
