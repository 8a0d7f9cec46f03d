//! Scope: grouping.

use crate::{
    exec::{Ended, Exec, Work},
    run::{BlockKey, Key, State},
};

pub(super) fn begin(exec: &mut Exec<'_>, key: &Key) -> Option<Ended> {
    exec.open(key, State::Block, None);
    let passes = key.passes.clone();
    exec.work.push_back(Work::Enter(BlockKey { parent: Some(key.action), branch: 0, passes }));
    None
}
