//! Who asks over HTTP: how each names the original request, and what it can pass on to the client.

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use trackgate_schemes::Rejection;

use super::Answered;
use super::original::{Fault, Named, Original, take, take_client};
use crate::gateway::TrustedProxies;
use crate::message::Body;

/// A make of proxy.
///
/// | path | names the original request by | passes refusals on |
/// | --- | --- | --- |
/// | `/auth/caddy`, `/auth/haproxy`, `/auth/traefik` | `X-Forwarded-Method`, `-Uri`, `-Host`, `-For` | as they are |
/// | `/auth/envoy/…` | the question's own method, target behind the prefix and `Host`; `X-Forwarded-For` | as they are, 5xx as its own |
/// | `/auth/nginx` | `X-Original-Method`, `X-Original-URI`, `X-Original-Host`, `X-Forwarded-For` | 401 with a challenge, 403 |
///
/// The last address in `X-Forwarded-For` is the client's, unless it is one of `listen.trusted_proxies`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asker {
    Caddy,
    Envoy,
    HaProxy,
    Nginx,
    Traefik,
}

impl Asker {
    /// Who asks at this path.
    pub(super) fn of(path: &str) -> Option<Self> {
        match path.strip_prefix("/auth/")? {
            "caddy" => Some(Self::Caddy),
            "haproxy" => Some(Self::HaProxy),
            "nginx" => Some(Self::Nginx),
            "traefik" => Some(Self::Traefik),
            rest => rest.starts_with("envoy/").then_some(Self::Envoy),
        }
    }

    /// Reads the original request out of a question.
    ///
    /// # Errors
    ///
    /// [`Fault`] if it is not named in full.
    pub(super) fn read(self, parts: Parts, proxies: &TrustedProxies, target_bytes: usize) -> Result<Original, Fault> {
        let Parts { method, uri, mut headers, .. } = parts;
        let lines = self.names();
        if self == Self::Envoy {
            let client = take_client(&mut headers, proxies, lines.client)?;
            let host = uri.authority().map(|place| HeaderValue::from_str(place.as_str()));
            let host = host.and_then(Result::ok).or_else(|| headers.get(header::HOST).cloned());
            let host = host.ok_or(Fault::Missing { header: "host", how: "send the original one" })?;
            let target = uri.path_and_query().map_or("", |target| target.as_str());
            let target = target.strip_prefix(ENVOY_PREFIX).unwrap_or_default();
            let named = Named { method: method.as_str().as_bytes(), target: target.as_bytes(), host: host.as_bytes() };
            return Ok(Original::new(named, headers, client, target_bytes));
        }
        let method = take(&mut headers, lines.method.0, lines.method.1)?;
        let target = take(&mut headers, lines.target.0, lines.target.1)?;
        let host = take(&mut headers, lines.host.0, lines.host.1)?;
        let client = take_client(&mut headers, proxies, lines.client)?;
        let named = Named { method: method.as_bytes(), target: target.as_bytes(), host: host.as_bytes() };
        Ok(Original::new(named, headers, client, target_bytes))
    }

    /// The answer in a form that it can pass on, and that it never takes for consent when it is none.
    pub(super) fn word(self, answered: Answered) -> Response<Body> {
        let Answered { why, mut response } = answered;
        let Some(why) = why else { return response };
        // What is wrong with the original request is no reason to end the connection of the question.
        response.headers_mut().remove(header::CONNECTION);
        let real = response.status();
        let status = self.passable(real, &why);
        if status != real {
            *response.status_mut() = status;
            response.headers_mut().insert(REAL_STATUS, real.as_u16().into());
        }
        if self == Self::Nginx {
            join_challenges(response.headers_mut());
        }
        response
    }

    /// The status by which it refuses, nearest to what the client should see.
    fn passable(self, real: StatusCode, why: &Rejection) -> StatusCode {
        let is_refusal = |status: StatusCode| status.is_client_error() || status.is_server_error();
        let status = [real, why.reason.status()].into_iter().find(|status| is_refusal(*status));
        let status = status.unwrap_or(StatusCode::FORBIDDEN);
        match (self, status) {
            (Self::Nginx, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => status,
            (Self::Nginx, _) => StatusCode::FORBIDDEN,
            _ => status,
        }
    }

    fn names(self) -> &'static Names {
        match self {
            Self::Caddy => &CADDY,
            Self::Envoy => &ENVOY,
            Self::HaProxy => &HAPROXY,
            Self::Nginx => &NGINX,
            Self::Traefik => &TRAEFIK,
        }
    }
}

/// One line with all challenges (RFC 9110 section 11.6.1): nginx before 1.23 passes on one line only.
fn join_challenges(headers: &mut HeaderMap) {
    let mut lines = headers.get_all(header::WWW_AUTHENTICATE).iter();
    let Some(first) = lines.next() else { return };
    let mut all = first.as_bytes().to_vec();
    for line in lines {
        all.extend_from_slice(b", ");
        all.extend_from_slice(line.as_bytes());
    }
    if let Ok(all) = HeaderValue::from_bytes(&all) {
        headers.insert(header::WWW_AUTHENTICATE, all);
    }
}

/// The headers by which an original request is named, each with what to set in the asker's configuration.
struct Names {
    method: (&'static str, &'static str),
    target: (&'static str, &'static str),
    host: (&'static str, &'static str),
    client: &'static str,
}

const NGINX: Names = Names {
    method: ("x-original-method", "set `proxy_set_header X-Original-Method $request_method;`"),
    target: ("x-original-uri", "set `proxy_set_header X-Original-URI $request_uri;`"),
    host: ("x-original-host", "set `proxy_set_header X-Original-Host $host;`"),
    client: "set `proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;`",
};

const HAPROXY: Names = forwarded("ask by examples/forward-auth/haproxy.lua, which sets it");
const TRAEFIK: Names = forwarded("ask by the middleware ForwardAuth, which sets it");
const CADDY: Names = forwarded("ask by the directive forward_auth, which sets it");
const ENVOY: Names = forwarded("allow it in `allowed_headers`, and let Envoy set it by `use_remote_address: true`");

const fn forwarded(how: &'static str) -> Names {
    Names {
        method: ("x-forwarded-method", how),
        target: ("x-forwarded-uri", how),
        host: ("x-forwarded-host", how),
        client: how,
    }
}

const ENVOY_PREFIX: &str = "/auth/envoy";

/// What is said at any other path.
pub(super) const UNKNOWN: &str =
    "ask at /auth/caddy, /auth/envoy/…, /auth/haproxy, /auth/nginx or /auth/traefik; see examples/forward-auth";

/// The status that the client should see, when the asker cannot be told by it.
const REAL_STATUS: HeaderName = HeaderName::from_static("x-trackgate-status");

#[cfg(test)]
mod tests {
    use http::{Method, Request};
    use proptest::prelude::*;
    use trackgate_schemes::Reason;

    use super::*;
    use crate::gateway::ForwardedHeader;

    const LINES: [(&str, &str); 5] = [
        ("x-forwarded-method", "PUT"),
        ("x-forwarded-uri", "/a/b?c=d"),
        ("x-forwarded-host", "a.example:8443"),
        ("x-forwarded-for", "203.0.113.1, 198.51.100.7"),
        ("authorization", "Basic eA=="),
    ];

    fn read(asker: Asker, target: &str, lines: &[(&str, &str)]) -> Result<Original, Fault> {
        let request = Request::builder().method("DELETE").uri(target).header("host", "127.0.0.1:9091");
        let request = lines.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let proxies = TrustedProxies::new(vec!["192.0.2.0/24".parse().unwrap()], ForwardedHeader::XForwardedFor);
        assert_eq!(Asker::of(request.uri_ref().unwrap().path()), Some(asker));
        asker.read(request.body(()).unwrap().into_parts().0, &proxies.unwrap(), 100)
    }

    /// The same lines under the names of nginx.
    fn for_nginx(lines: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
        let name = |name| match name {
            "x-forwarded-method" => "x-original-method",
            "x-forwarded-uri" => "x-original-uri",
            "x-forwarded-host" => "x-original-host",
            other => other,
        };
        lines.iter().map(|(own, value)| (name(*own), *value)).collect()
    }

    #[test]
    fn every_asker_names_the_original_request() {
        let askers = [(Asker::Caddy, "caddy"), (Asker::HaProxy, "haproxy"), (Asker::Traefik, "traefik")];
        let mut all: Vec<Original> =
            askers.into_iter().map(|(asker, path)| read(asker, &format!("/auth/{path}"), &LINES).unwrap()).collect();
        all.push(read(Asker::Nginx, "/auth/nginx", &for_nginx(&LINES)).unwrap());
        for original in all {
            assert_eq!(original.method, Method::PUT);
            assert_eq!(original.uri, "/a/b?c=d");
            assert_eq!(
                (original.host.as_str(), &original.headers["host"]),
                ("a.example:8443", &"a.example:8443".parse::<HeaderValue>().unwrap())
            );
            assert_eq!(original.client, Some("198.51.100.7".parse().unwrap()));
            assert_eq!(original.headers.len(), 2, "{:?}", original.headers);
            assert_eq!(original.headers["authorization"], "Basic eA==");
            assert_eq!(original.fault, None);
        }
    }

    #[test]
    fn envoy_names_it_behind_the_prefix() {
        let original =
            read(Asker::Envoy, "/auth/envoy/a/b?c=d", &[("x-forwarded-for", "198.51.100.7, 192.0.2.8")]).unwrap();
        assert_eq!((original.method, original.uri), (Method::DELETE, "/a/b?c=d".parse().unwrap()));
        assert_eq!(original.host, "127.0.0.1:9091");
        assert_eq!(original.client, Some("198.51.100.7".parse().unwrap()), "behind a trusted proxy");
        let fault = read(Asker::Envoy, "/auth/envoy/a", &[]).unwrap_err();
        assert!(
            fault.to_string().contains("`x-forwarded-for` is missing") && fault.to_string().contains("allowed_headers")
        );
    }

    #[test]
    fn a_missing_line_is_told_with_how_to_set_it() {
        for (index, name) in
            ["x-original-method", "x-original-uri", "x-original-host", "x-forwarded-for"].iter().enumerate()
        {
            let mut lines = for_nginx(&LINES);
            lines.remove(index);
            let told = read(Asker::Nginx, "/auth/nginx", &lines).unwrap_err().to_string();
            assert!(told.contains(&format!("`{name}` is missing")) && told.contains("`proxy_set_header X-"), "{told}");
            let empty = [&lines[..], &[(*name, "")]].concat();
            assert_eq!(read(Asker::Nginx, "/auth/nginx", &empty).is_err(), *name != "x-forwarded-for", "{name}");
        }
    }

    #[test]
    fn hdr_04_two_lines_of_one_name_are_refused() {
        for (name, value) in LINES.into_iter().take(3) {
            let twice = [&LINES[..], &[(name, value)]].concat();
            let fault = read(Asker::Traefik, "/auth/traefik", &twice).unwrap_err();
            assert!(matches!(fault, Fault::Twice { header } if header == name), "{fault:?}");
        }
    }

    #[test]
    fn sld_11_the_client_is_whom_the_asker_saw() {
        let client = |lines: &[&str]| {
            let lines = lines.iter().map(|line| ("x-forwarded-for", *line));
            let all: Vec<_> = LINES.into_iter().filter(|(name, _)| *name != "x-forwarded-for").chain(lines).collect();
            read(Asker::HaProxy, "/auth/haproxy", &all).unwrap().client.map(|client| client.to_string())
        };
        assert_eq!(client(&["10.0.0.1", "198.51.100.7"]).unwrap(), "198.51.100.7");
        assert_eq!(client(&["10.0.0.1, 127.0.0.1"]).unwrap(), "127.0.0.1", "peers are no proxies of ours");
        assert_eq!(client(&["198.51.100.7, 192.0.2.9"]).unwrap(), "198.51.100.7");
        assert_eq!(client(&["::ffff:198.51.100.7"]).unwrap(), "198.51.100.7");
        assert_eq!(client(&["198.51.100.7, unknown"]), None);
        assert_eq!(client(&[""]), None);
    }

    #[test]
    fn pth_01_what_no_request_line_could_have_is_the_client_s_fault() {
        let long = format!("/{}", "x".repeat(100));
        for (name, value, reason) in [
            ("x-forwarded-uri", "a", Reason::BadRequest),
            ("x-forwarded-uri", "http://a.example/", Reason::BadRequest),
            ("x-forwarded-uri", "/a#b", Reason::BadRequest),
            ("x-forwarded-uri", "/a b", Reason::BadRequest),
            ("x-forwarded-uri", "*", Reason::BadRequest),
            ("x-forwarded-uri", &long, Reason::TargetTooLong),
            ("x-forwarded-method", "get", Reason::BadRequest),
            ("x-forwarded-method", "TRACE", Reason::MethodNotAllowed),
            ("x-forwarded-method", "CONNECT", Reason::MethodNotAllowed),
            ("x-forwarded-host", "a,b", Reason::BadRequest),
            ("x_trackgate_user", "root", Reason::BadRequest),
            ("x-trackgate.user", "root", Reason::BadRequest),
        ] {
            let lines: Vec<_> = LINES.into_iter().filter(|(own, _)| *own != name).chain([(name, value)]).collect();
            let fault = read(Asker::Caddy, "/auth/caddy", &lines).unwrap().fault;
            assert_eq!(fault.map(|why| why.reason), Some(reason), "{name}: {value}");
        }
    }

    #[test]
    fn nobody_asks_at_other_paths() {
        for path in
            ["/", "/auth", "/auth/", "/auth/nginx/", "/auth/nginx/x", "/auth/envoy", "/auth/envoyx/", "/AUTH/nginx"]
        {
            assert_eq!(Asker::of(path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_without_fault_is_a_request_that_a_client_could_send(
            lines in prop::collection::vec((0_usize..6, "[ -~\t]{0,20}|/[a-z/.%?;#]{0,20}|GET|PUT|a[.]example"), 0..12),
            path in prop::sample::select(&["caddy", "envoy/a", "envoy//%2e?b", "haproxy", "nginx", "traefik"][..]),
        ) {
            let names = ["x-forwarded-method", "x-forwarded-uri", "x-forwarded-host", "x-forwarded-for", "x-original-uri", "host"];
            let request = Request::builder().uri(format!("/auth/{path}"));
            let request = lines.iter().fold(request, |request, (name, value)| request.header(names[*name], value));
            let (parts, ()) = request.body(()).unwrap().into_parts();
            let asker = Asker::of(parts.uri.path()).unwrap();
            if let Ok(original) = asker.read(parts, &TrustedProxies::default(), 100)
                && original.fault.is_none()
            {
                prop_assert!(original.uri.path().starts_with('/') && original.uri.authority().is_none());
                prop_assert_eq!(original.headers.get_all("host").iter().count(), 1);
                prop_assert!(original.method != Method::CONNECT && original.uri.to_string().len() <= 100);
            }
        }
    }

    fn worded(asker: Asker, status: u16, reason: Reason) -> (u16, String) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        let response = asker.word(Answered { why: Some(Rejection::new(reason, "test")), response });
        let real = response.headers().get(REAL_STATUS).map(|real| real.to_str().unwrap().to_owned());
        (response.status().as_u16(), real.unwrap_or_default())
    }

    #[test]
    fn rjt_no_refusal_has_a_status_of_consent() {
        for asker in [Asker::Caddy, Asker::Envoy, Asker::HaProxy, Asker::Nginx, Asker::Traefik] {
            assert_eq!(worded(asker, 401, Reason::Missing), (401, String::new()));
            assert_eq!(worded(asker, 403, Reason::Grant), (403, String::new()));
            assert_eq!(worded(asker, 200, Reason::Missing), (401, "200".to_owned()));
            assert_eq!(worded(asker, 302, Reason::Missing), (401, "302".to_owned()));
            for reason in Reason::ALL {
                for status in [200, 204, 302, 304, 401, 429, 503] {
                    assert!(worded(asker, status, *reason).0 >= 400, "{reason:?}");
                }
            }
        }
        assert_eq!(worded(Asker::Traefik, 429, Reason::RateLimited), (429, String::new()));
        assert_eq!(worded(Asker::Nginx, 429, Reason::RateLimited), (403, "429".to_owned()));
        assert_eq!(worded(Asker::Nginx, 404, Reason::NotFound), (403, "404".to_owned()));
    }

    #[test]
    fn nginx_gets_all_challenges_in_one_line() {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        for challenge in ["Basic realm=\"a\"", "Bearer realm=\"b\""] {
            response.headers_mut().append(header::WWW_AUTHENTICATE, challenge.parse().unwrap());
        }
        let why = Some(Rejection::new(Reason::Missing, "gate"));
        let response = Asker::Nginx.word(Answered { why, response });
        let lines: Vec<_> = response.headers().get_all(header::WWW_AUTHENTICATE).iter().collect();
        assert_eq!(lines, ["Basic realm=\"a\", Bearer realm=\"b\""]);
    }
}
