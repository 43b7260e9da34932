//! One suite of rules for all adapters.
