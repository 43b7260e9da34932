//! Bad input is refused clearly, in the wording of each tracker.
