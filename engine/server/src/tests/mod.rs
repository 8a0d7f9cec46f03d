//! What the pages ask, without a service around it.

mod mappings;
