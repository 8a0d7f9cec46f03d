//! Reads flows and looks into them, some at a time: each is gone before the next one is read.

use std::{
    collections::BTreeSet,
    num::NonZero,
    panic::resume_unwind,
    sync::atomic::{AtomicUsize, Ordering},
    thread::{self, Builder},
};

use anyhow::Context as _;
use flow::Package;
use lint::{Checked, FlowFile, Settings};
use worker::{Project, places::Listed, project};

use super::{ignored::Ignored, scope::Wanted};

/// Threads that look into flows; more would wait for memory.
const THREADS_MAX: usize = 4;
/// A thread takes some five megabytes, which it is worth for so many files: those take most of a second.
const FILES_MIN: usize = 1000;
/// What a main thread usually has: files may be nested deeply.
const STACK_BYTES: usize = 8 << 20;

/// Something to look into.
pub(super) enum Item<'a> {
    /// What is on the disk.
    Listed(&'a Listed),
    /// A flow that has been read.
    Flow(&'a project::FlowFile),
    /// What is not on the disk.
    Typed(&'a str, &'a [Package]),
}

/// What looking into a thing gave.
#[derive(Default)]
pub(super) struct Looked {
    pub(super) checked: Vec<Checked<'static>>,
    /// Files that are reported on besides those that were known.
    pub(super) names: Vec<String>,
}

/// Whoever looks.
pub(super) struct Look<'a> {
    pub(super) project: &'a Project,
    /// The flows whose mappings others may name.
    pub(super) known: &'a lint::Project<'a>,
    pub(super) settings: &'a Settings,
    pub(super) wanted: &'a Wanted,
    /// Names of the files that are reported on, as far as they are known.
    pub(super) names: &'a BTreeSet<String>,
}

impl Look<'_> {
    /// Looks into everything; the answers are in its order.
    ///
    /// # Errors
    /// The first thing that cannot be read.
    pub(super) fn all(&self, items: &[Item<'_>]) -> anyhow::Result<Vec<Looked>> {
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let threads = threads.min(THREADS_MAX).min(items.len() / FILES_MIN).max(1);
        let next = AtomicUsize::new(0);
        let mut looked = thread::scope(|scope| {
            let others: Vec<_> = (1..threads)
                .map(|_| {
                    let thread = Builder::new().stack_size(STACK_BYTES);
                    thread.spawn_scoped(scope, || self.some(items, &next))
                })
                .collect::<Result<_, _>>()
                .context("cannot start a thread")?;
            let mut looked = self.some(items, &next);
            for other in others {
                looked.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
            }
            anyhow::Ok(looked)
        })?;
        looked.sort_by_key(|(number, _)| *number);
        looked.into_iter().map(|(_, it)| it).collect()
    }

    /// Looks into what no other thread has begun with.
    fn some(&self, items: &[Item<'_>], next: &AtomicUsize) -> Vec<(usize, anyhow::Result<Looked>)> {
        let mut ignored = self.wanted.ignored();
        let mut looked = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(number) else { return looked };
            looked.push((number, self.one(item, &mut ignored)));
        }
    }

    fn one(&self, item: &Item<'_>, ignored: &mut Ignored) -> anyhow::Result<Looked> {
        let mut looked = Looked::default();
        match item {
            Item::Flow(file) => looked.checked.push(self.flow(file)),
            Item::Typed(name, packages) => {
                looked.checked.extend(packages.iter().map(|it| self.check(name, it)));
            }
            Item::Listed(Listed::Flow(place)) => {
                looked.checked.push(self.flow(&self.project.read(place)?));
            }
            Item::Listed(file) => self.project.open_listed(file, &mut |file| {
                if file.files.first().is_none_or(|it| self.wanted.takes(it.name(), ignored)) {
                    looked.checked.push(self.check(&file.name, &file.package));
                    let files = file.package.diagnostics.iter();
                    looked.names.extend(files.map(|(source, _)| source.name().to_owned()));
                }
            })?,
        }
        Ok(looked)
    }

    /// Of a flow that is not reported on only what others see of it is needed.
    fn flow(&self, file: &project::FlowFile) -> Checked<'static> {
        if file.files.iter().any(|it| self.names.contains(it.name())) {
            return self.check(&file.name, &file.package);
        }
        Checked::seen(self.known, &FlowFile { name: &file.name, package: &file.package })
    }

    fn check(&self, name: &str, package: &Package) -> Checked<'static> {
        Checked::of(self.known, &FlowFile { name, package }, self.settings)
    }
}
