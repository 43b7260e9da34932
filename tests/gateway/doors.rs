//! The documented command lines of the four trackers.
