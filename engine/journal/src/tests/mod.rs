//! Tests of the journal: paths, the text of events, legality, and the store in memory.

mod memory;
mod text;
