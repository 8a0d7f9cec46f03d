//! What is known of the actions that have been started, by action and pass.

use std::{cmp::Ordering, collections::BTreeMap};

use flow::ActionId;

use crate::{
    passes::Passes,
    run::{Key, Slot},
};

/// Slots in the order of actions and passes.
///
/// Those in loops, of which there may be very many, lie apart by action: the few others, loops among
/// them, are looked for at every pass.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slots {
    outside: BTreeMap<Key, Slot>,
    inside: Vec<BTreeMap<Key, Slot>>,
}

impl Slots {
    pub(crate) fn get(&self, key: &Key) -> Option<&Slot> {
        if key.passes.is_empty() {
            return self.outside.get(key);
        }
        let all = self.inside.get(key.action)?;
        // Passes mostly come one after the other: what is asked for is the last, or not there yet.
        let (last, slot) = all.last_key_value()?;
        match key.cmp(last) {
            Ordering::Greater => None,
            Ordering::Equal => Some(slot),
            Ordering::Less => all.get(key),
        }
    }

    pub(crate) fn get_mut(&mut self, key: &Key) -> Option<&mut Slot> {
        if key.passes.is_empty() {
            return self.outside.get_mut(key);
        }
        self.inside.get_mut(key.action)?.get_mut(key)
    }

    pub(crate) fn contains_key(&self, key: &Key) -> bool {
        self.get(key).is_some()
    }

    pub(crate) fn insert(&mut self, key: Key, slot: Slot) {
        if key.passes.is_empty() {
            self.outside.insert(key, slot);
            return;
        }
        if self.inside.len() <= key.action {
            self.inside.resize_with(key.action + 1, BTreeMap::new);
        }
        if let Some(all) = self.inside.get_mut(key.action) {
            all.insert(key, slot);
        }
    }

    /// Those of an action in these passes of the outer loops around it.
    pub(crate) fn within(
        &self,
        action: ActionId,
        passes: &[u32],
    ) -> impl DoubleEndedIterator<Item = (&Key, &Slot)> {
        let passes = Passes::from(passes);
        let last = Key { action, passes: passes.and(u32::MAX) };
        let first = Key { action, passes };
        let outside =
            if first.passes.is_empty() { self.outside.get_key_value(&first) } else { None };
        let inside = self.inside.get(action).into_iter();
        outside.into_iter().chain(inside.flat_map(move |it| it.range(first.clone()..=last.clone())))
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Key, &Slot)> {
        let last = self.outside.last_key_value().map_or(0, |(key, _)| key.action + 1);
        (0..last.max(self.inside.len())).flat_map(|action| self.within(action, &[]))
    }
}
