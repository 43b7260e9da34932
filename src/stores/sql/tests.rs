//! Tests of what only this adapter has.
