//! The `trackgate` binary.
fn main() {}
