//! The route table from the routes of a configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::Method;
use trackgate_policies::{Policy, RequireGrants};
use trackgate_schemes::{Grants, Scheme};

use super::CatalogueError;
use super::policies::policies;
use super::schemes::Schemes;
use super::trackers::{Mounted, mount};
use crate::accounts::AccountService;
use crate::config::Config;
use crate::config::checked::{self, Access, Credentials, IdentityForm, Match};
use crate::gateway::{Fallback, Route, RouteTable, Target, well_known};
use crate::layer::{Dialect, Gate, Mode, PlainDialect};
use crate::proxy::{self, AssertionKey, HostHeader, Sending, Upstream};
use crate::trackers;

pub(super) fn table(
    config: &Config,
    accounts: &AccountService,
    schemes: &Schemes,
    assertion: &Arc<AssertionKey>,
) -> Result<RouteTable, CatalogueError> {
    let mut maker =
        Maker { config, accounts, schemes, assertion, mounted: BTreeMap::new(), upstreams: BTreeMap::new() };
    let mut routes = vec![well_known(assertion)];
    let mut fallbacks = Vec::new();
    for route in &config.routes {
        match &route.target {
            checked::Target::Tracker(name) => {
                routes.extend(maker.tracker_routes(route, name)?);
                let mounted = maker.mounted(name)?;
                if let Some(header) = mounted.own_header.clone() {
                    fallbacks.push(Fallback { header, dialect: mounted.tracker.dialect() });
                }
            }
            checked::Target::Upstream { name, credentials, identity } => {
                routes.push(maker.upstream_route(route, name, *credentials, *identity)?);
            }
        }
    }
    Ok(RouteTable::new(routes, fallbacks)?)
}

struct Maker<'a> {
    config: &'a Config,
    accounts: &'a AccountService,
    schemes: &'a Schemes,
    assertion: &'a Arc<AssertionKey>,
    mounted: BTreeMap<String, Mounted>,
    upstreams: BTreeMap<String, Upstream>,
}

impl Maker<'_> {
    /// One route for each end point of the tracker that the configured route covers.
    fn tracker_routes(&mut self, route: &checked::Route, name: &str) -> Result<Vec<Route>, CatalogueError> {
        let rules = route.rule.as_ref().map(policies).unwrap_or_default();
        let dialect = self.dialect(route)?;
        let contract = self.mounted(name)?.schemes.clone();
        let endpoints = self.mounted(name)?.tracker.endpoints();
        let own = self.mounted(name)?.tracker.dialect();
        let mut routes = Vec::new();
        for endpoint in endpoints.into_iter().filter(|endpoint| covers(&route.matches, endpoint)) {
            let mut policies = rules.clone();
            if !endpoint.grants.is_empty() {
                let wanted: Arc<dyn Policy> = Arc::new(RequireGrants::new(Grants::of(endpoint.grants.iter().cloned())));
                policies.insert(0, wanted);
            }
            let gate = match (endpoint.access, &route.access) {
                // What the contract leaves open (a sign-in, say) cannot ask for a credential.
                (trackers::Access::Public { reason }, _) => {
                    Gate::new(Mode::Public { reason: reason.into() }, Vec::new(), policies)
                }
                (trackers::Access::Protected, Access::Contract) => {
                    Gate::new(Mode::Required, contract.clone(), policies)
                }
                (trackers::Access::Protected, access) => self.gate(access, policies)?,
            };
            routes.push(Route {
                name: Arc::clone(&route.name),
                methods: vec![endpoint.method.clone()],
                path: endpoint.path.to_owned(),
                hosts: route.hosts.clone(),
                gate,
                target: Target::Tracker(Arc::clone(&endpoint.handler)),
                dialect: dialect.clone().or(endpoint.dialect).unwrap_or_else(|| Arc::clone(&own)),
                max_body_bytes: route.max_body_bytes.unwrap_or(endpoint.max_body_bytes),
                raw_path: false,
            });
        }
        Ok(routes)
    }

    fn upstream_route(
        &mut self,
        route: &checked::Route,
        name: &str,
        credentials: Credentials,
        identity: IdentityForm,
    ) -> Result<Route, CatalogueError> {
        let Match::Path { methods, path } = &route.matches else { unreachable!("a route to an upstream has a path") };
        let gate = self.gate(&route.access, route.rule.as_ref().map(policies).unwrap_or_default())?;
        let sending = Sending {
            credentials: match credentials {
                Credentials::Drop => proxy::Credentials::Drop,
                Credentials::Pass => proxy::Credentials::Pass,
            },
            carriers: gate.schemes().iter().map(|scheme| scheme.carrier()).collect(),
            identity: match identity {
                IdentityForm::Headers => proxy::IdentityForm::Plain,
                IdentityForm::Signed => proxy::IdentityForm::Signed(Arc::clone(self.assertion)),
            },
            ..Sending::default()
        };
        Ok(Route {
            name: Arc::clone(&route.name),
            methods: methods.clone(),
            path: path.clone(),
            hosts: route.hosts.clone(),
            gate,
            target: Target::Proxy { upstream: self.upstream(name)?, sending: Arc::new(sending) },
            dialect: self.dialect(route)?.unwrap_or_else(|| Arc::new(PlainDialect)),
            max_body_bytes: route.max_body_bytes.unwrap_or(self.config.limits.body_bytes),
            raw_path: route.raw_path,
        })
    }

    fn gate(&self, access: &Access, policies: Vec<Arc<dyn Policy>>) -> Result<Gate, CatalogueError> {
        Ok(match access {
            Access::Contract => unreachable!("only a tracker's route can leave it to the contract"),
            Access::Public { reason } => Gate::new(Mode::Public { reason: Arc::clone(reason) }, Vec::new(), policies),
            Access::Schemes { names, optional } => {
                let schemes = names.iter().map(|name| self.schemes.named(name));
                let schemes = schemes.collect::<Result<Vec<Arc<dyn Scheme>>, _>>()?;
                Gate::new(if *optional { Mode::Optional } else { Mode::Required }, schemes, policies)
            }
        })
    }

    /// The wording that a route names, if it names one.
    fn dialect(&mut self, route: &checked::Route) -> Result<Option<Arc<dyn Dialect>>, CatalogueError> {
        Ok(match route.dialect.as_deref() {
            None => None,
            Some("plain") => Some(Arc::new(PlainDialect)),
            Some(tracker) => Some(self.mounted(tracker)?.tracker.dialect()),
        })
    }

    fn mounted(&mut self, name: &str) -> Result<&Mounted, CatalogueError> {
        if !self.mounted.contains_key(name) {
            let mounted = mount(name, self.config, self.accounts, self.schemes)?;
            self.mounted.insert(name.to_owned(), mounted);
        }
        Ok(self.mounted.get(name).expect("it was inserted above"))
    }

    fn upstream(&mut self, name: &str) -> Result<Upstream, CatalogueError> {
        if let Some(upstream) = self.upstreams.get(name) {
            return Ok(upstream.clone());
        }
        let config = self.config.upstreams.iter().find(|upstream| upstream.name == name);
        let config = config.expect("the configuration was checked");
        let mut settings = proxy::Settings::new(name, config.url.clone());
        settings.connect_timeout = config.connect_timeout;
        settings.response_timeout = config.response_timeout;
        settings.idle_timeout = config.idle_timeout;
        settings.host = match config.host {
            checked::Host::Client => HostHeader::Client,
            checked::Host::Upstream => HostHeader::Upstream,
        };
        let upstream = Upstream::new(settings);
        let upstream = upstream.map_err(|source| CatalogueError::Upstream { name: name.to_owned(), source })?;
        self.upstreams.insert(name.to_owned(), upstream.clone());
        Ok(upstream)
    }
}

/// Whether a configured route covers this end point.
fn covers(matches: &Match, endpoint: &trackers::Endpoint) -> bool {
    match matches {
        Match::EveryEndpoint => true,
        Match::Path { methods, path } => {
            let method = |method: &Method| methods.is_empty() || methods.contains(method);
            method(&endpoint.method) && endpoint.path == path
        }
    }
}
