//! Routes as they run: names resolved, rules read, nothing open by accident.

use std::sync::Arc;

use http::Method;
use ipnet::IpNet;
use trackgate_policies::{RateLimit, TimeWindow};
use trackgate_schemes::{CanonicalPath, Grants};

use super::super::error::{Fault, nearest};
use super::super::written::{self, Auth, Credentials, IdentityForm, RateBy};
use super::{Limits, Scheme, SchemeKind, Upstream};

/// What is answered for one kind of request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Route {
    /// Its name in logs and explanations.
    pub name: Arc<str>,
    /// Which requests.
    pub matches: Match,
    /// For which hosts, lower case without port; none for any.
    pub hosts: Vec<String>,
    /// Who may ask.
    pub access: Access,
    /// What an identity must fulfil.
    pub rule: Option<Rule>,
    /// Who answers.
    pub target: Target,
    /// The wording of refusals; `None` for the target's own.
    pub dialect: Option<String>,
    /// Largest request body in bytes; `None` for the end point's own or the general limit.
    pub max_body_bytes: Option<u64>,
    /// Whether paths are taken byte for byte.
    pub raw_path: bool,
}

/// Which requests a route answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Match {
    /// Every end point of a tracker.
    EveryEndpoint,
    /// These methods (none for any) on this path, parameters in braces.
    Path {
        /// The methods.
        methods: Vec<Method>,
        /// The path.
        path: String,
    },
}

/// Who may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// As the tracker's own contract says.
    Contract,
    /// Everybody, for the reason that the operator wrote.
    Public {
        /// The operator's words.
        reason: Arc<str>,
    },
    /// Whoever one of these schemes knows, asked in this order.
    Schemes {
        /// Names of schemes.
        names: Vec<String>,
        /// Whether a request without a credential goes on as anonymous.
        optional: bool,
    },
}

/// Who answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// An in-process tracker.
    Tracker(String),
    /// An upstream.
    Upstream {
        /// Its name.
        name: String,
        /// What becomes of the client's credentials.
        credentials: Credentials,
        /// How it is told who is asking.
        identity: IdentityForm,
    },
}

/// What an identity must fulfil: everything that is there.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Rule {
    /// These grants.
    pub grants: Grants,
    /// One of these networks, when there is any.
    pub networks: Vec<IpNet>,
    /// None of these networks.
    pub deny_networks: Vec<IpNet>,
    /// No more requests than this.
    pub rate: Option<RateRule>,
    /// Only at these times.
    pub hours: Option<TimeWindow>,
    /// Only these methods, when there is any.
    pub methods: Vec<Method>,
    /// One of these, when there is any.
    pub any: Vec<Rule>,
    /// All of these.
    pub all: Vec<Rule>,
    /// Not this.
    pub not: Option<Box<Rule>>,
}

/// A rate and whose requests are counted together.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RateRule {
    /// How many.
    pub limit: RateLimit,
    /// Whose.
    pub by: RateBy,
}

/// The trackers that a route can name.
pub(super) const TRACKERS: [&str; 4] = ["fittrackee", "livetracking", "lptracker", "sessions"];

pub(super) fn check(
    written: Vec<written::Route>,
    schemes: &[Scheme],
    upstreams: &[Upstream],
    limits: &Limits,
    warnings: &mut Vec<String>,
) -> Result<Vec<Route>, Fault> {
    if written.is_empty() {
        return Ok(TRACKERS.iter().map(|tracker| whole_tracker(tracker)).collect());
    }
    let known = Known { schemes, upstreams };
    let mut routes: Vec<Route> = Vec::new();
    for (index, route) in written.into_iter().enumerate() {
        let checked = one(route, &known).map_err(|fault| fault.under(index))?;
        if routes.iter().any(|other| other.name == checked.name) {
            return Err(Fault::new(format!("two routes are named `{}`", checked.name)).under("name").under(index));
        }
        if let Some(other) = routes.iter().find(|other| collide(other, &checked)) {
            let message = format!("the route `{}` answers the same requests", other.name);
            return Err(Fault::new(message).under("match").under(index));
        }
        if let Some(other) = routes.iter().find(|other| hides(other, &checked)) {
            let message = format!("the route `{}` before it answers all of these requests", other.name);
            return Err(Fault::new(message).under("match").under(index));
        }
        if let Access::Public { .. } = checked.access
            && checked.rule.is_some()
        {
            warnings
                .push(format!("the route `{}` is open to everybody; `allow` sees nobody's grants there", checked.name));
        }
        if checked.max_body_bytes.is_some_and(|bytes| bytes > 100 * limits.body_bytes.max(1 << 20)) {
            warnings.push(format!("the route `{}` takes very large bodies", checked.name));
        }
        routes.push(checked);
    }
    Ok(routes)
}

struct Known<'a> {
    schemes: &'a [Scheme],
    upstreams: &'a [Upstream],
}

fn whole_tracker(tracker: &str) -> Route {
    Route {
        name: tracker.into(),
        matches: Match::EveryEndpoint,
        hosts: Vec::new(),
        access: Access::Contract,
        rule: None,
        target: Target::Tracker(tracker.to_owned()),
        dialect: None,
        max_body_bytes: None,
        raw_path: false,
    }
}

fn one(written: written::Route, known: &Known<'_>) -> Result<Route, Fault> {
    if written.name.is_empty() {
        return Err(Fault::new("a route needs a `name`"));
    }
    let target = target(&written, known)?;
    let matches = match (&written.r#match, &target) {
        (Some(text), _) => matcher(text).map_err(|message| Fault::new(message).under("match"))?,
        (None, Target::Tracker(_)) => Match::EveryEndpoint,
        (None, Target::Upstream { .. }) => {
            return Err(Fault::new("a route to an upstream needs `match`, such as `GET /files/{*rest}`"));
        }
    };
    let access = access(&written, &target, known)?;
    let rule = written.allow.as_ref().map(rule).transpose().map_err(|fault| fault.under("allow"))?;
    if let Some(name) = &written.dialect
        && name != "plain"
        && !TRACKERS.contains(&name.as_str())
    {
        return Err(unknown("dialect", name, TRACKERS.into_iter().chain(["plain"])).under("dialect"));
    }
    if written.raw_path && matches!(target, Target::Tracker(_)) {
        return Err(Fault::new("only routes to an upstream can take raw paths").under("raw_path"));
    }
    let hosts = written.hosts.iter().enumerate();
    let hosts = hosts.map(|(index, written)| host(written).map_err(|fault| fault.under(index).under("hosts")));
    let hosts = hosts.collect::<Result<_, _>>()?;
    Ok(Route {
        name: written.name.into(),
        matches,
        hosts,
        access,
        rule,
        target,
        dialect: written.dialect,
        max_body_bytes: written.max_body.map(|size| size.0),
        raw_path: written.raw_path,
    })
}

fn target(written: &written::Route, known: &Known<'_>) -> Result<Target, Fault> {
    match (&written.upstream, &written.tracker) {
        (Some(name), None) => {
            let names = known.upstreams.iter().map(|upstream| upstream.name.as_str());
            if !names.clone().any(|known| known == name) {
                return Err(unknown("upstream", name, names).under("upstream"));
            }
            Ok(Target::Upstream {
                name: name.clone(),
                credentials: written.send.credentials,
                identity: written.send.identity,
            })
        }
        (None, Some(name)) if TRACKERS.contains(&name.as_str()) => Ok(Target::Tracker(name.clone())),
        (None, Some(name)) => Err(unknown("tracker", name, TRACKERS.into_iter()).under("tracker")),
        (Some(_), Some(_)) => Err(Fault::new("a route has an `upstream` or a `tracker`, not both").under("tracker")),
        (None, None) => Err(Fault::new("a route needs an `upstream` or a `tracker`")),
    }
}

fn access(written: &written::Route, target: &Target, known: &Known<'_>) -> Result<Access, Fault> {
    let names = match (&written.auth, target) {
        (None, Target::Tracker(_)) if written.public.is_none() && !written.optional => return Ok(Access::Contract),
        (None, _) => {
            let message = "a route needs `auth`: a list of schemes, or `auth = \"none\"` with `public = \"why\"`";
            return Err(Fault::new(message));
        }
        (Some(Auth::Word(word)), _) if word == "none" => {
            if written.optional {
                return Err(Fault::new("a route without schemes cannot be `optional`").under("optional"));
            }
            return match &written.public {
                Some(reason) if !reason.trim().is_empty() => Ok(Access::Public { reason: reason.as_str().into() }),
                _ => Err(Fault::new("`auth = \"none\"` needs `public = \"why everybody may\"`").under("auth")),
            };
        }
        (Some(Auth::Word(word)), _) => vec![word.clone()],
        (Some(Auth::Schemes(names)), _) => names.clone(),
    };
    if names.is_empty() {
        return Err(Fault::new("an empty list would let nobody in; name a scheme, or write \"none\"").under("auth"));
    }
    if written.public.is_some() {
        return Err(Fault::new("`public` belongs to `auth = \"none\"`").under("public"));
    }
    for (index, name) in names.iter().enumerate() {
        let schemes = known.schemes.iter().map(|scheme| scheme.name.as_str());
        if !schemes.clone().any(|known| known == name) {
            return Err(unknown("scheme", name, schemes).under(index).under("auth"));
        }
        if names.iter().skip(index + 1).any(|later| later == name) {
            return Err(Fault::new(format!("`{name}` stands there twice")).under("auth"));
        }
    }
    // A signed-token scheme takes every `Bearer` for its own: nothing behind it would ever be asked.
    let kind = |name: &String| known.schemes.iter().find(|scheme| scheme.name == *name).map(|scheme| &scheme.kind);
    let jwts = names.iter().filter(|name| matches!(kind(name), Some(SchemeKind::Jwt { .. }))).count();
    if jwts > 1 {
        return Err(
            Fault::new("only one `jwt` scheme can stand in a route: the first would judge every token").under("auth")
        );
    }
    Ok(Access::Schemes { names, optional: written.optional })
}

fn matcher(text: &str) -> Result<Match, String> {
    let (methods, path) = match text.split_once(' ') {
        Some((methods, path)) => (methods, path.trim()),
        None => ("", text),
    };
    let mut list = Vec::new();
    for method in methods.split(',').filter(|method| !method.is_empty()) {
        if !method.bytes().all(|b| b.is_ascii_uppercase() || b == b'-') || matches!(method, "CONNECT" | "TRACE") {
            return Err(format!("`{method}` is not a method that can be routed"));
        }
        list.push(Method::from_bytes(method.as_bytes()).map_err(|_| format!("`{method}` is not a method"))?);
    }
    if !path.starts_with('/') {
        return Err(format!("`{text}` is not `METHOD /path` or `/path`"));
    }
    let is_whole = |segment: &str| {
        let inside = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(segment);
        !inside.contains(['{', '}'])
    };
    if !path.split('/').all(is_whole) {
        return Err("a parameter is a whole segment, such as `/files/{name}`".to_owned());
    }
    let plain: String = path.chars().filter(|c| !matches!(c, '{' | '}' | '*')).collect();
    let canonical = CanonicalPath::parse(&plain).map_err(|fault| format!("{fault}: no request would match"))?;
    if canonical.as_str() != plain {
        return Err(format!("no request would match: paths are compared in the form `{canonical}`"));
    }
    let mut probe = matchit::Router::new();
    probe.insert(path, ()).map_err(|error| error.to_string())?;
    Ok(Match::Path { methods: list, path: path.to_owned() })
}

/// A host as requests are compared with it: lower case, without port and final dot.
fn host(written: &str) -> Result<String, Fault> {
    let host = written.trim_end_matches('.').to_ascii_lowercase();
    let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    let is_address = |inside: &str| inside.parse::<std::net::Ipv6Addr>().is_ok();
    let inside = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if inside.map_or(!host.is_empty() && host.bytes().all(is_name), is_address) {
        return Ok(host);
    }
    Err(Fault::new(format!("`{written}` is not a host without a port: no request would match")))
}

fn rule(written: &written::Rule) -> Result<Rule, Fault> {
    let grants = written
        .grants
        .join(" ")
        .parse()
        .map_err(|_| Fault::new("a grant is area:action, such as points:write").under("grants"))?;
    let limit = written.rate.as_ref().map(|text| text.parse::<RateLimit>()).transpose();
    let limit = limit.map_err(|error| Fault::new(error.to_string()).under("rate"))?;
    let rate = limit.map(|limit| RateRule { limit, by: written.rate_by.unwrap_or_default() });
    let hours = written.hours.as_ref().map(|text| text.parse::<TimeWindow>()).transpose();
    let mut methods = Vec::new();
    for (index, method) in written.methods.iter().enumerate() {
        let parsed =
            Method::from_bytes(method.as_bytes()).ok().filter(|_| method.bytes().all(|b| b.is_ascii_uppercase()));
        methods.push(parsed.ok_or_else(|| Fault::new("a method is upper case").under(index).under("methods"))?);
    }
    let list = |key: &str, rules: &[written::Rule]| {
        let each = rules
            .iter()
            .enumerate()
            .map(|(index, rule)| self::rule(rule).map_err(|fault| fault.under(index).under(key)));
        each.collect::<Result<Vec<_>, _>>()
    };
    let not = written.not.as_deref().map(rule).transpose().map_err(|fault| fault.under("not"))?;
    Ok(Rule {
        grants,
        networks: written.networks.clone(),
        deny_networks: written.deny_networks.clone(),
        rate,
        hours: hours.map_err(|error| Fault::new(error.to_string()).under("hours"))?,
        methods,
        any: list("any", &written.any)?,
        all: list("all", &written.all)?,
        not: not.map(Box::new),
    })
}

/// A path pattern without the names of its parameters.
fn shape(path: &str) -> Vec<&str> {
    let nameless = |segment| match segment {
        segment if str::starts_with(segment, "{*") => "{*}",
        segment if str::starts_with(segment, "{") => "{}",
        segment => segment,
    };
    path.split('/').map(nameless).collect()
}

/// Whether nothing is left for a route behind another: of one path the first that fits answers.
fn hides(first: &Route, later: &Route) -> bool {
    fn covers<T: PartialEq>(some: &[T], others: &[T]) -> bool {
        some.is_empty() || !others.is_empty() && others.iter().all(|other| some.contains(other))
    }
    match (&first.matches, &later.matches) {
        (Match::Path { methods: some, path }, Match::Path { methods: others, path: other }) => {
            first.raw_path == later.raw_path
                && shape(path) == shape(other)
                && covers(some, others)
                && covers(&first.hosts, &later.hosts)
        }
        _ => false,
    }
}

/// Whether two routes answer one and the same method, host and path pattern.
fn collide(a: &Route, b: &Route) -> bool {
    let hosts = a.hosts.is_empty() && b.hosts.is_empty() || a.hosts.iter().any(|host| b.hosts.contains(host));
    match (&a.matches, &b.matches) {
        (Match::Path { methods: some, path }, Match::Path { methods: others, path: other }) => {
            let methods = some.is_empty() && others.is_empty() || some.iter().any(|method| others.contains(method));
            hosts && methods && shape(path) == shape(other)
        }
        (Match::EveryEndpoint, Match::EveryEndpoint) => hosts && a.target == b.target,
        _ => false,
    }
}

fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Fault {
    let list = known.clone().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let meant = nearest(name, known).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
    let list = if list.is_empty() { "none is configured".to_owned() } else { format!("there are {list}") };
    Fault::new(format!("there is no {what} `{name}` ({list}){meant}"))
}
