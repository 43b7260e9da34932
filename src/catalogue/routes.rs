//! The route table from the routes of a configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{HeaderMap, Method};
use trackgate_policies::{Policy, RequireGrants};
use trackgate_schemes::{Carrier, Grants, Reason, Scheme};

use super::CatalogueError;
use super::Services;
use super::openapi::{self, Described, Document};
use super::policies::policies;
use super::schemes::Schemes;
use super::trackers::{Mounted, mount};
use super::translate::{LinkedSet, Translators};
use crate::config::Config;
use crate::config::checked::{self, Access, Credentials, IdentityForm, Match, PLAIN_COOKIE, SECURE_COOKIE, same_shape};
use crate::gateway::{Beyond, Fallback, Route, RouteTable, Target, Unrouted, docs, well_known};
use crate::layer::{Dialect, Gate, Mode, PlainDialect};
use crate::proxy::{self, AssertionKey, Sending, Upstream};
use crate::trackers::work::Worker;
use crate::trackers::{self, Endpoint, Reach, Tracker};
use crate::web::{Linked, LinkedServer};

/// What is made of the routes of a configuration.
pub(super) struct Made {
    pub(super) table: RouteTable,
    /// By what the questions of other proxies are judged: what the configuration names, and nothing that comes of
    /// itself.
    pub(super) forward_auth: RouteTable,
    /// What the trackers' end points among them are.
    pub(super) document: Document,
    /// Who works in the background for the trackers that are mounted.
    pub(super) workers: Vec<Arc<dyn Worker>>,
    /// The trackers that are mounted.
    pub(super) trackers: Vec<Arc<dyn Tracker>>,
    /// The upstreams to which a route leads.
    pub(super) upstreams: Vec<Upstream>,
}

pub(super) fn table(
    config: &Config,
    services: &Services,
    schemes: &Schemes,
    assertion: &Arc<AssertionKey>,
    translators: &Translators,
    before: &[Upstream],
) -> Result<Made, CatalogueError> {
    let mut maker = Maker {
        config,
        services,
        schemes,
        assertion,
        translators,
        before,
        mounted: BTreeMap::new(),
        upstreams: BTreeMap::new(),
        described: Vec::new(),
    };
    let mut routes = vec![well_known(assertion)];
    let mut fallbacks = Vec::new();
    let mut beyond = Vec::new();
    for route in &config.routes {
        match &route.target {
            checked::Target::Pages(name) => routes.extend(maker.page_routes(route, name)?),
            checked::Target::Tracker(name) => {
                for (reach, made) in maker.tracker_routes(route, name)? {
                    match reach {
                        Reach::Path => routes.push(made),
                        reach => beyond.push(Beyond { reach, route: made }),
                    }
                }
                let mounted = maker.mounted(name)?;
                if let Some(header) = mounted.own_header.clone() {
                    fallbacks.push(Fallback { header, dialect: mounted.tracker.dialect() });
                }
            }
            checked::Target::ForwardAuth => routes.push(maker.forward_auth_route(route)?),
            checked::Target::Upstream { name, credentials, identity } => {
                routes.push(maker.upstream_route(route, name, credentials, *identity)?);
            }
        }
    }
    let trackers = maker.mounted.values().map(|mounted| Arc::clone(&mounted.tracker)).collect();
    let workers = maker.mounted.values().flat_map(|mounted| mounted.tracker.workers()).collect();
    // Without the first, which nobody named.
    let forward_auth = RouteTable::new(routes.iter().skip(1).cloned().collect(), fallbacks.clone())?;
    routes.retain(|route| !matches!(route.target, Target::ForwardAuth));
    let upstreams = maker.upstreams.values().cloned().collect();
    let table = RouteTable::new(routes.clone(), fallbacks.clone())?;
    let document = openapi::document(&maker.described, &table, schemes);
    // What an operator put in their place, or an upstream answers, comes first.
    let is_free = |route: &Route| {
        table.find(&Method::GET, None, &route.path, &HeaderMap::new()).is_err_and(|unrouted| is_not_found(&unrouted))
    };
    let docs: Vec<Route> = docs(document.text()).into_iter().filter(|route| is_free(route)).collect();
    if maker.described.is_empty() || docs.is_empty() {
        return Ok(Made { table: table.and_beyond(beyond), forward_auth, document, workers, trackers, upstreams });
    }
    routes.extend(docs);
    let table = RouteTable::new(routes, fallbacks)?.and_beyond(beyond);
    Ok(Made { table, forward_auth, document, workers, trackers, upstreams })
}

struct Maker<'a> {
    config: &'a Config,
    services: &'a Services,
    schemes: &'a Schemes,
    assertion: &'a Arc<AssertionKey>,
    translators: &'a Translators,
    /// The upstreams of the configuration before.
    before: &'a [Upstream],
    mounted: BTreeMap<String, Mounted>,
    upstreams: BTreeMap<String, Upstream>,
    described: Vec<Described>,
}

/// What the end points that one configured route covers have in common.
struct SharedByRoute {
    rules: Vec<Arc<dyn Policy>>,
    /// The wording that the route names, if it names one.
    dialect: Option<Arc<dyn Dialect>>,
    contract: Vec<Arc<dyn Scheme>>,
    /// The wording of who answers.
    own: Arc<dyn Dialect>,
}

impl Maker<'_> {
    /// One route for each end point of the tracker that the configured route covers.
    fn tracker_routes(&mut self, route: &checked::Route, name: &str) -> Result<Vec<(Reach, Route)>, CatalogueError> {
        let mounted = self.mounted(name)?;
        let (tracker, contract) = (Arc::clone(&mounted.tracker), mounted.schemes.clone());
        let endpoints = covered(route, &format!("the tracker `{name}`"), tracker.endpoints())?;
        let shared = self.shared(route, contract, tracker.dialect())?;
        let mut routes = Vec::new();
        for endpoint in endpoints {
            let reach = endpoint.reach;
            let made = self.in_process(route, endpoint, &shared)?;
            if reach == Reach::Path {
                self.described.push(Described { tracker: Arc::clone(&tracker), route: made.clone() });
            }
            routes.push((reach, made));
        }
        Ok(routes)
    }

    /// The same for pages, which stand in no document.
    fn page_routes(&mut self, route: &checked::Route, name: &str) -> Result<Vec<Route>, CatalogueError> {
        let linked = self.linked()?;
        let pages = super::pages::mount(name, self.config, self.services, self.schemes, linked);
        let endpoints = covered(route, &format!("the set of pages `{name}`"), pages.endpoints)?;
        let shared = self.shared(route, pages.schemes, pages.dialect)?;
        endpoints.into_iter().map(|endpoint| self.in_process(route, endpoint, &shared)).collect()
    }

    /// The servers whose accounts people link themselves.
    fn linked(&mut self) -> Result<Option<Linked>, CatalogueError> {
        let Some(links) = self.translators.links() else { return Ok(None) };
        let mut sets = Vec::new();
        for set in LinkedSet::all(self.config).into_iter().filter(|set| set.has_secret || set.verified_by.is_some()) {
            let check = match &set.verified_by {
                Some(name) => Some(self.translators.verifier(name, self.upstream(name)?)),
                None => None,
            };
            let has_user = set.has_user || check.is_some();
            sets.push(LinkedServer { name: set.name, has_user, keeps_secret: set.has_secret, check });
        }
        Ok((!sets.is_empty()).then(|| Linked { links: Arc::clone(links), sets }))
    }

    fn shared(
        &mut self,
        route: &checked::Route,
        contract: Vec<Arc<dyn Scheme>>,
        own: Arc<dyn Dialect>,
    ) -> Result<SharedByRoute, CatalogueError> {
        let rules = route.rule.as_ref().map(policies).unwrap_or_default();
        Ok(SharedByRoute { rules, dialect: self.dialect(route)?, contract, own })
    }

    fn in_process(
        &self,
        route: &checked::Route,
        endpoint: Endpoint,
        shared: &SharedByRoute,
    ) -> Result<Route, CatalogueError> {
        let mut policies = shared.rules.clone();
        if !endpoint.grants.is_empty() {
            let wanted: Arc<dyn Policy> = Arc::new(RequireGrants::new(Grants::of(endpoint.grants.iter().cloned())));
            policies.insert(0, wanted);
        }
        let gate = match (endpoint.access, &route.access) {
            // What the contract leaves open (a sign-in, say) cannot ask for a credential.
            (trackers::Access::Public { reason }, _) => {
                Gate::new(Mode::Public { reason: reason.into() }, Vec::new(), policies)
            }
            (asked, Access::Contract) => {
                let mode = if asked == trackers::Access::Optional { Mode::Optional } else { Mode::Required };
                Gate::new(mode, endpoint.schemes.unwrap_or_else(|| shared.contract.clone()), policies)
            }
            (_, access) => self.gate(access, policies)?,
        };
        let methods = match endpoint.reach {
            Reach::DoubleSlash => Vec::new(),
            _ => vec![endpoint.method],
        };
        Ok(Route {
            name: Arc::clone(&route.name),
            methods,
            path: endpoint.path.to_owned(),
            hosts: route.hosts.clone(),
            gate,
            target: Target::Tracker(endpoint.handler),
            dialect: shared.dialect.clone().or(endpoint.dialect).unwrap_or_else(|| Arc::clone(&shared.own)),
            max_body_bytes: route.max_body_bytes.unwrap_or(endpoint.max_body_bytes),
            raw_path: false,
        })
    }

    fn upstream_route(
        &mut self,
        route: &checked::Route,
        name: &str,
        credentials: &Credentials,
        identity: IdentityForm,
    ) -> Result<Route, CatalogueError> {
        let Match::Path { methods, path } = &route.matches else { unreachable!("a route to an upstream has a path") };
        let gate = self.gate(&route.access, route.rule.as_ref().map(policies).unwrap_or_default())?;
        let translator = match credentials {
            Credentials::Drop | Credentials::Pass => None,
            Credentials::Translate(translation) => Some(self.translators.translator(route, name, translation)?),
        };
        // What could be read as the header of ours is withheld too.
        let own = translator.iter().map(|translator| Carrier::Header(translator.header().clone()));
        let sending = Sending {
            credentials: match credentials {
                Credentials::Drop | Credentials::Translate(_) => proxy::Credentials::Drop,
                Credentials::Pass => proxy::Credentials::Pass,
            },
            carriers: match credentials {
                // A credential for another route would be as good there in the hands of this upstream.
                Credentials::Drop | Credentials::Translate(_) => {
                    self.schemes.carriers().iter().cloned().chain(own).collect()
                }
                Credentials::Pass => gate.schemes().iter().map(|scheme| scheme.carrier()).collect(),
            },
            own_cookies: [PLAIN_COOKIE, SECURE_COOKIE].map(Box::from).into(),
            identity: match identity {
                IdentityForm::Headers => proxy::IdentityForm::Plain,
                IdentityForm::Signed => proxy::IdentityForm::Signed(Arc::clone(self.assertion)),
            },
            upgrades: route.upgrades.iter().filter_map(|protocol| protocol.parse().ok()).collect(),
            translator: translator.map(Arc::new),
            rewrite: route.rewrite.clone(),
            server_timing: route.server_timing,
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

    fn forward_auth_route(&mut self, route: &checked::Route) -> Result<Route, CatalogueError> {
        let Match::Path { methods, path } = &route.matches else { unreachable!("a route for questions has a path") };
        Ok(Route {
            name: Arc::clone(&route.name),
            methods: methods.clone(),
            path: path.clone(),
            hosts: route.hosts.clone(),
            gate: self.gate(&route.access, route.rule.as_ref().map(policies).unwrap_or_default())?,
            target: Target::ForwardAuth,
            dialect: self.dialect(route)?.unwrap_or_else(|| Arc::new(PlainDialect)),
            max_body_bytes: 0,
            raw_path: route.raw_path,
        })
    }

    fn gate(&self, access: &Access, policies: Vec<Arc<dyn Policy>>) -> Result<Gate, CatalogueError> {
        Ok(match access {
            Access::Contract => unreachable!("only a tracker's route can leave it to the contract"),
            Access::Public { reason } => Gate::new(Mode::Public { reason: Arc::clone(reason) }, Vec::new(), policies),
            Access::Schemes { names, realm, optional } => {
                let schemes = names.iter().map(|name| self.schemes.named_in_realm(name, realm.as_deref()));
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
            let mounted = mount(name, self.config, self.services, self.schemes)?;
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
        let upstream = super::upstreams::make(config)?;
        let before = self.before.iter().find(|before| before.name() == name);
        let upstream = before.map_or_else(|| upstream.clone(), |before| upstream.clone().taking_over(before));
        self.upstreams.insert(name.to_owned(), upstream.clone());
        Ok(upstream)
    }
}

/// Whether a configured route covers this end point.
fn covers(matches: &Match, endpoint: &Endpoint) -> bool {
    match matches {
        Match::EveryEndpoint => true,
        Match::Path { methods, path } => {
            let method = |method: &Method| methods.is_empty() || methods.contains(method);
            method(&endpoint.method) && same_shape(endpoint.path, path)
        }
    }
}

/// Those of these end points that a configured route covers. `whose` they are is for the error.
fn covered(route: &checked::Route, whose: &str, endpoints: Vec<Endpoint>) -> Result<Vec<Endpoint>, CatalogueError> {
    if let Err(detail) = check_covered(&route.matches, whose, &endpoints) {
        return Err(CatalogueError::Endpoint { route: Arc::clone(&route.name), detail });
    }
    Ok(endpoints.into_iter().filter(|endpoint| covers(&route.matches, endpoint)).collect())
}

/// Checks that there is every method and path that a route names.
///
/// # Errors
///
/// What is not there, and the end points that are most like it.
fn check_covered(matches: &Match, whose: &str, endpoints: &[Endpoint]) -> Result<(), String> {
    let Match::Path { methods, path } = matches else { return Ok(()) };
    let here: Vec<&Method> =
        endpoints.iter().filter(|endpoint| same_shape(endpoint.path, path)).map(|endpoint| &endpoint.method).collect();
    if here.is_empty() {
        let mut paths: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.path).collect();
        paths.sort_by(|one, other| {
            strsim::jaro_winkler(path, other).total_cmp(&strsim::jaro_winkler(path, one)).then(one.cmp(other))
        });
        paths.dedup();
        let nearest = paths.into_iter().take(NEAREST).map(|path| {
            let methods = endpoints.iter().filter(|endpoint| endpoint.path == path).map(|each| each.method.as_str());
            format!("`{} {path}`", methods.collect::<Vec<_>>().join(","))
        });
        let nearest = nearest.collect::<Vec<_>>().join(", ");
        return Err(format!("{whose} has no end point `{path}`; the nearest are {nearest}"));
    }
    // A HEAD is answered wherever a GET is.
    let has = |method: &Method| here.contains(&method) || (*method == Method::HEAD && methods.contains(&Method::GET));
    match methods.iter().find(|method| !has(method)) {
        Some(missing) => {
            let here = here.into_iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
            Err(format!("`{path}` of {whose} takes no `{missing}`, only {here}"))
        }
        None => Ok(()),
    }
}

/// Whether no route has the path at all.
fn is_not_found(unrouted: &Unrouted) -> bool {
    unrouted.why.reason == Reason::NotFound
}

/// How many end points are named when one is not there.
const NEAREST: usize = 3;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Response;

    use super::*;
    use crate::message::Body;
    use crate::trackers::Call;

    fn endpoints() -> Vec<Endpoint> {
        let answer = |_call: Call| async { Response::new(Body::from(Bytes::new())) };
        let all = [
            (Method::GET, "/auth"),
            (Method::OPTIONS, "/auth"),
            (Method::GET, "/user/{username}"),
            (Method::POST, "/register"),
            (Method::GET, "/time"),
        ];
        all.into_iter().map(|(method, path)| Endpoint::new(method, path, answer)).collect()
    }

    fn checked(methods: &[Method], path: &str) -> Result<(), String> {
        let matches = Match::Path { methods: methods.to_vec(), path: path.to_owned() };
        let covered = endpoints().iter().filter(|endpoint| covers(&matches, endpoint)).count();
        let checked = check_covered(&matches, "the tracker `livetracking`", &endpoints());
        assert!(checked.is_err() || covered > 0, "a route that covers nothing");
        checked
    }

    #[test]
    fn cfg_01_a_route_that_covers_no_end_point_names_the_nearest() {
        let told = checked(&[], "/atuh").unwrap_err();
        assert!(
            told.starts_with(
                "the tracker `livetracking` has no end point `/atuh`; the nearest are `GET,OPTIONS /auth`, "
            ),
            "{told}"
        );
        let told = checked(&[Method::GET], "/users/{username}").unwrap_err();
        assert!(told.contains("the nearest are `GET /user/{username}`, "), "{told}");
        assert!(checked(&[], "/user/bob").is_err());
    }

    #[test]
    fn cfg_01_a_method_that_no_end_point_has_is_told_with_those_there_are() {
        let told = checked(&[Method::GET, Method::PUT], "/auth").unwrap_err();
        assert_eq!(told, "`/auth` of the tracker `livetracking` takes no `PUT`, only GET, OPTIONS");
        let told = checked(&[Method::HEAD], "/auth").unwrap_err();
        assert_eq!(told, "`/auth` of the tracker `livetracking` takes no `HEAD`, only GET, OPTIONS");
        assert_eq!(checked(&[Method::GET, Method::HEAD], "/auth"), Ok(()));
        assert_eq!(checked(&[], "/auth"), Ok(()));
        assert_eq!(checked(&[Method::GET], "/user/{name}"), Ok(()));
    }
}
