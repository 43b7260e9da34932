//! The binary as scripts use it: exit codes, signals, commands beside a running gateway.
