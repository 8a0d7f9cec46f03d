//! Tests of the journal: paths, the text of events, legality, and the store in memory.

mod body;
mod memory;
mod text;
