//! The gateway's own pages, and what they stand on.

use std::sync::Arc;

use trackgate_schemes::Scheme;

use super::schemes::{Contract, Schemes};
use super::{CatalogueError, Services};
use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::layer::Dialect;
use crate::web::{AccountPages, Settings};

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
) -> Result<Mounted, CatalogueError> {
    match name {
        "account" => {
            let settings = Settings { account: config.pages.account.clone() };
            let pages = AccountPages::new(services.accounts.clone(), schemes.web(), settings);
            let schemes = vec![schemes.contract(Contract::Web)];
            Ok(Mounted { endpoints: pages.endpoints(), schemes, dialect: pages.dialect() })
        }
        other => unreachable!("the configuration was checked, and there are no pages {other}"),
    }
}
