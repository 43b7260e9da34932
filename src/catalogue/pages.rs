//! The gateway's own pages, and what they stand on.

use std::sync::Arc;

use trackgate_schemes::Scheme;
use trackgate_schemes::store::Life;

use super::Services;
use super::schemes::{Contract, Schemes};
use crate::accounts::Visibility;
use crate::config::Config;
use crate::config::checked::{self, SchemeKind, Target};
use crate::endpoint::Endpoint;
use crate::layer::Dialect;
use crate::web::{AccountPages, Linked, Settings};

/// Pages with the schemes that they ask.
pub(super) struct Mounted {
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) schemes: Vec<Arc<dyn Scheme>>,
    /// The wording of their refusals.
    pub(super) dialect: Arc<dyn Dialect>,
}

/// The pages of this name.
pub(super) fn mount(
    name: &str,
    config: &Config,
    services: &Services,
    schemes: &Schemes,
    linked: Option<Linked>,
) -> Mounted {
    match name {
        "account" => {
            let settings = settings(config, linked);
            let pages = AccountPages::new(services.accounts.clone(), schemes.web(), settings);
            let schemes = vec![schemes.contract(Contract::Web)];
            Mounted { endpoints: pages.endpoints(), schemes, dialect: pages.dialect() }
        }
        other => unreachable!("the configuration was checked, and there are no pages {other}"),
    }
}

fn settings(config: &Config, linked: Option<Linked>) -> Settings {
    let pages = &config.pages.account;
    let mut sessions = vec![("web".to_owned(), Life { idle: pages.idle, absolute: Some(pages.absolute) })];
    for scheme in &config.schemes {
        if let SchemeKind::Sliding { idle, absolute, .. } = &scheme.kind {
            sessions.push((scheme.name.clone(), Life { idle: *idle, absolute: *absolute }));
        }
    }
    let mut trackers: Vec<String> = Vec::new();
    for route in &config.routes {
        if let Target::Tracker(name) = &route.target
            && !trackers.contains(name)
        {
            trackers.push(name.clone());
        }
    }
    let visibility = match config.trackers.livetracking.visibility {
        checked::Visibility::Private => Visibility::Private,
        checked::Visibility::Public => Visibility::Public,
    };
    Settings { account: pages.clone(), sessions, visibility, trackers, linked }
}
