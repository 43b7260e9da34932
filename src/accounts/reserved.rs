//! Names that only the operator may give.

use trackgate_schemes::AccountName;

/// Whether nobody can take this name at a door: a reader of lists, pages or the audit trail would take its
/// owner for the service itself. A text that cannot be a name is not reserved.
pub fn is_reserved(name: &str) -> bool {
    AccountName::parse(name).is_ok_and(|name| RESERVED.contains(&name.as_str()))
}

/// In canonical form. `operator` is who the audit trail says acted at the command line; the others are
/// what the original of the tracker `livetracking` keeps for itself.
const RESERVED: [&str; 7] = ["admin", "administrator", "livetracking", "operator", "password", "public", "root"];
