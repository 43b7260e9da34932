//! Routes as they run: names resolved, rules read, nothing open by accident.

use std::path::Path;
use std::sync::Arc;

use http::Method;
use ipnet::IpNet;
use trackgate_policies::{RateLimit, TimeWindow};
use trackgate_schemes::{CanonicalPath, Grants, PathFault};

use super::super::error::{Fault, nearest};
use super::super::written::{self, Auth, IdentityForm, RateBy};
use super::forward_auth;
use super::schemes::realm;
use super::{Credentials, Limits, Rewrite, Scheme, SchemeKind, Upstream, translation, upgrades};

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
    /// Protocols to which requests may switch, in lower case.
    pub upgrades: Vec<String>,
    /// What the upstream gets in place of the path.
    pub rewrite: Option<Arc<Rewrite>>,
    /// Whether answers tell how long the gateway itself took.
    pub server_timing: bool,
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
        /// The realm of their challenges; `None` for each scheme's own.
        realm: Option<String>,
        /// Whether a request without a credential goes on as anonymous.
        optional: bool,
    },
}

/// Who answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// Another proxy, which asks whether it may.
    ForwardAuth,
    /// The gateway's own pages of this name.
    Pages(String),
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

/// The pages that a route can name.
const PAGES: [&str; 1] = ["account"];

/// The trackers that a route can name.
pub(super) const TRACKERS: [&str; 4] = ["fittrackee", "livetracking", "lptracker", "sessions"];

pub(super) fn check(
    written: Vec<written::Route>,
    schemes: &[Scheme],
    upstreams: &[Upstream],
    limits: &Limits,
    base: &Path,
    warnings: &mut Vec<String>,
) -> Result<Vec<Route>, Fault> {
    if written.is_empty() {
        let trackers = TRACKERS.iter().map(|name| (*name, Target::Tracker((*name).to_owned())));
        let pages = PAGES.iter().map(|name| (*name, Target::Pages((*name).to_owned())));
        return Ok(trackers.chain(pages).map(|(name, target)| whole(name, target)).collect());
    }
    let known = Known { schemes, upstreams, base };
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
        if let Access::Public { .. } = checked.access
            && checked.rule.is_some()
        {
            warnings
                .push(format!("the route `{}` is open to everybody; `allow` sees nobody's grants there", checked.name));
        }
        if let (Access::Public { .. } | Access::Schemes { optional: true, .. }, Target::Upstream { credentials, .. }) =
            (&checked.access, &checked.target)
            && credentials.is_service()
        {
            let (name, how) = (&checked.name, "goes on in the name of the gateway's own account at the upstream");
            warnings.push(format!("whoever asks the route `{name}`, without any credential too, {how}"));
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
    /// Where relative paths of secrets begin.
    base: &'a Path,
}

fn whole(name: &str, target: Target) -> Route {
    Route {
        name: name.into(),
        matches: Match::EveryEndpoint,
        hosts: Vec::new(),
        access: Access::Contract,
        rule: None,
        target,
        dialect: None,
        max_body_bytes: None,
        raw_path: false,
        upgrades: Vec::new(),
        rewrite: None,
        server_timing: false,
    }
}

fn one(written: written::Route, known: &Known<'_>) -> Result<Route, Fault> {
    if written.name.is_empty() {
        return Err(Fault::new("a route needs a `name`"));
    }
    let target = target(&written, known)?;
    let matches = match (&written.r#match, &target) {
        (Some(text), _) => matcher(text).map_err(|message| Fault::new(message).under("match"))?,
        (None, Target::Pages(_) | Target::Tracker(_)) => Match::EveryEndpoint,
        (None, Target::ForwardAuth) => {
            return Err(Fault::new("a route for forward-auth needs `match`, such as `/files/{*rest}`"));
        }
        (None, Target::Upstream { .. }) => {
            return Err(Fault::new("a route to an upstream needs `match`, such as `GET /files/{*rest}`"));
        }
    };
    let access = access(&written, &target, known)?;
    if let (Access::Public { .. }, Target::Upstream { credentials, .. }) = (&access, &target)
        && credentials.is_personal()
    {
        let message = "nobody is known on a route that is open to everybody, so nobody has a credential upstream";
        return Err(Fault::new(message).under("credentials").under("send"));
    }
    let rule = written.allow.as_ref().map(rule).transpose().map_err(|fault| fault.under("allow"))?;
    if let Some(name) = &written.dialect
        && name != "plain"
        && !TRACKERS.contains(&name.as_str())
    {
        return Err(unknown("dialect", name, TRACKERS.into_iter().chain(["plain"])).under("dialect"));
    }
    if written.raw_path && !matches!(target, Target::ForwardAuth | Target::Upstream { .. }) {
        return Err(Fault::new("only routes to an upstream can take raw paths").under("raw_path"));
    }
    let upgrades = upgrades::check(&written.upgrades, &matches, &target).map_err(|fault| fault.under("upgrades"))?;
    let rewrite = rewrite(&written, &matches, &target)?;
    if written.server_timing && !matches!(target, Target::Upstream { .. }) {
        return Err(Fault::new("only routes to an upstream tell times").under("server_timing"));
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
        upgrades,
        rewrite,
        server_timing: written.server_timing,
    })
}

/// What the upstream gets in place of the path.
fn rewrite(written: &written::Route, matches: &Match, target: &Target) -> Result<Option<Arc<Rewrite>>, Fault> {
    let (key, text) = match (&written.strip_prefix, &written.rewrite) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            return Err(Fault::new("a route has `strip_prefix` or `rewrite`, not both").under("rewrite"));
        }
        (Some(prefix), None) => ("strip_prefix", prefix),
        (None, Some(template)) => ("rewrite", template),
    };
    let (Match::Path { path, .. }, Target::Upstream { .. }) = (matches, target) else {
        return Err(Fault::new("only what goes to an upstream can have another path there").under(key));
    };
    if written.raw_path {
        return Err(Fault::new("a path that is taken byte for byte goes on as it is").under(key));
    }
    let made = if key == "rewrite" { Rewrite::of(text, path) } else { Rewrite::without(text, path) };
    made.map(|rewrite| Some(Arc::new(rewrite))).map_err(|message| Fault::new(message).under(key))
}

fn target(written: &written::Route, known: &Known<'_>) -> Result<Target, Fault> {
    if written.forward_auth {
        return forward_auth::target(written);
    }
    match (&written.upstream, &written.tracker, &written.pages) {
        (Some(name), None, None) => {
            let Some(upstream) = known.upstreams.iter().find(|upstream| upstream.name == *name) else {
                let names = known.upstreams.iter().map(|upstream| upstream.name.as_str());
                return Err(unknown("upstream", name, names).under("upstream"));
            };
            let credentials = translation::check(&written.send, upstream, known.base);
            Ok(Target::Upstream {
                name: name.clone(),
                credentials: credentials.map_err(|fault| fault.under("send"))?,
                identity: written.send.identity,
            })
        }
        (None, Some(name), None) if TRACKERS.contains(&name.as_str()) => Ok(Target::Tracker(name.clone())),
        (None, Some(name), None) => Err(unknown("tracker", name, TRACKERS.into_iter()).under("tracker")),
        (None, None, Some(name)) if PAGES.contains(&name.as_str()) => Ok(Target::Pages(name.clone())),
        (None, None, Some(name)) => Err(unknown("page", name, PAGES.into_iter()).under("pages")),
        (Some(_), Some(_), _) => Err(Fault::new("a route has an `upstream` or a `tracker`, not both").under("tracker")),
        (Some(_), _, Some(_)) => Err(Fault::new("a route has an `upstream` or `pages`, not both").under("pages")),
        (_, Some(_), Some(_)) => Err(Fault::new("a route has a `tracker` or `pages`, not both").under("pages")),
        (None, None, None) => Err(Fault::new("a route needs an `upstream`, a `tracker` or `pages`")),
    }
}

fn access(written: &written::Route, target: &Target, known: &Known<'_>) -> Result<Access, Fault> {
    if let Target::Pages(_) = target {
        // Another credential than their own cookie would make them an API without a contract.
        let keys = [
            ("auth", written.auth.is_some()),
            ("realm", written.realm.is_some()),
            ("public", written.public.is_some()),
        ];
        return match keys.into_iter().chain([("optional", written.optional)]).find(|(_, is_there)| *is_there) {
            Some((key, _)) => Err(Fault::new("pages ask for their own sign-in, and for nothing else").under(key)),
            None => Ok(Access::Contract),
        };
    }
    let names = match (&written.auth, target) {
        (None, Target::Tracker(_)) if written.realm.is_some() => {
            return Err(Fault::new("the tracker's contract sets the realm; name `auth` to set another").under("realm"));
        }
        (None, Target::Tracker(_)) if written.public.is_none() && !written.optional => return Ok(Access::Contract),
        (None, _) => {
            let message = "a route needs `auth`: a list of schemes, or `auth = \"none\"` with `public = \"why\"`";
            return Err(Fault::new(message));
        }
        (Some(Auth::Word(word)), _) if word == "none" => {
            if written.optional {
                return Err(Fault::new("a route without schemes cannot be `optional`").under("optional"));
            }
            if written.realm.is_some() {
                return Err(Fault::new("a route without schemes challenges nobody").under("realm"));
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
    let has_realm = |name| matches!(kind(name), Some(SchemeKind::Basic { .. } | SchemeKind::Bearer { .. }));
    if written.realm.is_some() && !names.iter().any(has_realm) {
        return Err(Fault::new("none of the route's schemes is of kind `basic` or `bearer`").under("realm"));
    }
    let realm = written.realm.clone().map(|text| realm(Some(text))).transpose()?;
    Ok(Access::Schemes { names, realm, optional: written.optional })
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
    if path.contains("//") {
        return Err(format!("{}: no request would match", PathFault::EmptySegment));
    }
    let mut names = Vec::new();
    for segment in path.split('/') {
        check_segment(segment)?;
        if names.last().is_some_and(|name: &&str| name.starts_with("{*")) {
            return Err("only the last segment can be a rest".to_owned());
        }
        if segment.starts_with('{') {
            if names.contains(&segment) {
                return Err(format!("`{segment}` stands there twice"));
            }
            names.push(segment);
        }
    }
    Ok(Match::Path { methods: list, path: path.to_owned() })
}

/// A segment is a parameter or a text, as it stands in a canonical path.
fn check_segment(segment: &str) -> Result<(), String> {
    let name = segment.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
    if let Some(name) = name.map(|name| name.strip_prefix('*').unwrap_or(name)) {
        let is_word = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        return if is_word { Ok(()) } else { Err(format!("`{segment}` is not a parameter such as {{id}}")) };
    }
    if segment.contains(['{', '}', '*']) {
        return Err(format!("a parameter is a whole segment, such as {{id}} or {{*rest}}; `{segment}` is not"));
    }
    let path = format!("/{segment}");
    let canonical = CanonicalPath::parse(&path).map_err(|fault| format!("{fault}: no request would match"))?;
    match canonical.as_str().strip_prefix('/') {
        Some(canonical) if canonical != segment => Err(format!("write `{segment}` as `{canonical}`")),
        _ => Ok(()),
    }
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

/// Whether a route answers a method, host and path pattern that an earlier one answers already.
fn collide(earlier: &Route, later: &Route) -> bool {
    let hosts = earlier.hosts.is_empty() || earlier.hosts.iter().any(|host| later.hosts.contains(host));
    match (&earlier.matches, &later.matches) {
        (Match::Path { methods: m, path: p }, Match::Path { methods: n, path: q }) => {
            let methods = m.is_empty() || m.iter().any(|method| n.contains(method));
            hosts && methods && same_shape(p, q)
        }
        (Match::EveryEndpoint, Match::EveryEndpoint) => hosts && earlier.target == later.target,
        _ => false,
    }
}

/// Whether two path patterns are the same but for the names of parameters.
pub(crate) fn same_shape(one: &str, other: &str) -> bool {
    let shape = |segment: &str| match segment {
        rest if rest.starts_with("{*") => "{*}".to_owned(),
        parameter if parameter.starts_with('{') => "{}".to_owned(),
        text => text.to_owned(),
    };
    one.split('/').map(shape).eq(other.split('/').map(shape))
}

fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Fault {
    let list = known.clone().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let meant = nearest(name, known).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
    let list = if list.is_empty() { "none is configured".to_owned() } else { format!("there are {list}") };
    Fault::new(format!("there is no {what} `{name}` ({list}){meant}"))
}
