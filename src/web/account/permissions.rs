//! Grants in plain words.

use trackgate_schemes::{Grant, Grants};

use crate::web::words::Words;

/// One thing that an account or token may do.
#[derive(Clone, Debug)]
pub(in crate::web) struct Permission {
    /// The grant as written; `*` for all everyday ones.
    pub(in crate::web) grant: String,
    /// What it is called.
    pub(in crate::web) name: String,
    /// What it lets one do.
    pub(in crate::web) about: String,
}

/// What these grants let one do, in the form in which they are written.
pub(in crate::web) fn permissions(words: &Words, grants: &Grants) -> Vec<Permission> {
    let everyday = grants.allow_all(&Grants::EVERYDAY).then(|| EVERYDAY.to_owned());
    let listed = grants.listed().iter().map(|grant| grant.as_str().to_owned());
    everyday.into_iter().chain(listed).map(|grant| permission(words, grant)).collect()
}

/// What a token of an account with these grants may be made for.
pub(super) fn offered(words: &Words, grants: &Grants) -> Vec<Permission> {
    let mut offered: Vec<String> = KNOWN
        .iter()
        .filter(|text| grants.allow(&text.parse::<Grant>().expect("they are area:action")))
        .map(|text| (*text).to_owned())
        .collect();
    for grant in grants.listed() {
        if !offered.iter().any(|text| text == grant.as_str()) {
            offered.push(grant.as_str().to_owned());
        }
    }
    if grants.allow_all(&Grants::EVERYDAY) {
        offered.push(EVERYDAY.to_owned());
    }
    offered.into_iter().map(|grant| permission(words, grant)).collect()
}

fn permission(words: &Words, grant: String) -> Permission {
    let key = if grant == EVERYDAY { "everyday".to_owned() } else { grant.replace([':', '-'], "_") };
    let found = words.find(&["permissions.", &key].concat()).map(ToOwned::to_owned);
    let about = words.find(&["permissions.", &key, "_about"].concat()).unwrap_or_default().to_owned();
    Permission { name: found.unwrap_or_else(|| grant.clone()), about, grant }
}

/// How everyday grants are written.
const EVERYDAY: &str = "*";

/// What trackers ask for.
const KNOWN: [&str; 6] =
    ["points:write", "points:read", "sessions:write", "sessions:read", "profile:read", "profile:write"];
