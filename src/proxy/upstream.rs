//! One upstream: its settings, its connections, and the way of a request through them.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper_util::client::legacy::{self, Client, ResponseFuture};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::{Instant, timeout_at};
use trackgate_schemes::{CanonicalPath, Identity, Reason, Rejection};

use super::body::{Outgoing, Turn};
use super::connect::{ConnectError, Connector};
use super::sending::Forward;
#[cfg(doc)]
use super::sending::Sending;
use super::{PROXY, answer, headers, target, upgrade};
use crate::layer::Permit;
use crate::message::Body;

/// How an upstream is reached.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// Its name in configuration, logs and assertions.
    pub name: Arc<str>,
    /// Where it is: exactly one `http` URL, whose path, if any, is put before every request's.
    pub urls: Vec<Uri>,
    /// What it reads in `Host`.
    pub host: HostHeader,
    /// Longest time until it takes a connection, name look-up included; 2 s.
    pub connect_timeout: Duration,
    /// Longest silence between the last piece of the request and the head of the answer; 15 s.
    pub response_timeout: Duration,
    /// Longest time for which the answer's body, or a write, may stand still; 60 s.
    pub idle_timeout: Duration,
    /// How long a connection is kept without use; 3.5 s. It must be shorter than the upstream's own limit,
    /// or requests meet connections that are just being closed.
    pub pool_idle_timeout: Duration,
    /// How many connections are kept without use; 64.
    pub max_idle_connections: usize,
}

impl Settings {
    /// An upstream at `url` with the times and numbers above.
    pub fn new(name: impl Into<Arc<str>>, url: Uri) -> Self {
        Self {
            name: name.into(),
            urls: vec![url],
            host: HostHeader::Upstream,
            connect_timeout: Duration::from_secs(2),
            response_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_mins(1),
            pool_idle_timeout: Duration::from_millis(3500),
            max_idle_connections: 64,
        }
    }
}

/// What an upstream reads in `Host`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "configuration must choose one of the two")]
pub enum HostHeader {
    /// The host that the client asked for; the upstream's own if the client named none.
    Client,
    /// Host and port of the upstream's URL.
    Upstream,
}

/// Settings that do not make an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// `https` URLs.
    #[error("upstreams over https are not supported")]
    Https,
    /// Neither `http` nor a host, or something other than scheme, host, port and path.
    #[error("the url is not of the form http://host:port/path")]
    NotABase,
    /// A path with more than one reading.
    #[error("the path of the url is not in canonical form")]
    Path,
    /// No URL or several.
    #[error("an upstream has exactly one url")]
    UrlCount,
}

/// A server to which requests are sent on. Clones share its connections.
///
/// It belongs to the runtime on which it is first used: make one for each.
#[derive(Clone)]
pub struct Upstream {
    shared: Arc<Shared>,
}

impl Upstream {
    /// An upstream with these settings. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] if its URL is not one that can be sent to.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        let [url] = settings.urls.as_slice() else {
            return Err(SettingsError::UrlCount);
        };
        let base = Base::read(url)?;
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(settings.pool_idle_timeout)
            .pool_max_idle_per_host(settings.max_idle_connections)
            .set_host(false)
            // Only requests of which no byte was written on a connection that turns out to be closed.
            .retry_canceled_requests(true)
            .build(Connector::new(settings.connect_timeout, settings.idle_timeout));
        Ok(Self { shared: Arc::new(Shared { settings, base, client }) })
    }

    /// The same upstream with connections of its own, for another runtime.
    ///
    /// # Panics
    ///
    /// Never: the settings made an upstream before.
    #[must_use]
    pub fn with_own_connections(&self) -> Self {
        Self::new(self.shared.settings.clone()).expect("these settings made an upstream before")
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.shared.settings.name
    }

    /// Sends a request on and gives the upstream's answer, whose body is still coming. One that switches to a
    /// protocol that was asked for, and that [`Sending::upgrades`] lists, has the upstream's end of the tunnel among
    /// its extensions, for `hyper::upgrade::on`.
    ///
    /// # Errors
    ///
    /// By `proxy`: [`UpstreamDown`](Reason::UpstreamDown) if the upstream cannot be reached, breaks off before
    /// its answer's head or sends one with two readings; [`UpstreamSlow`](Reason::UpstreamSlow) if it takes
    /// too long; [`BadRequest`](Reason::BadRequest), [`BodyTimeout`](Reason::BodyTimeout) or
    /// [`BodyTooLarge`](Reason::BodyTooLarge) if the request's body broke off, and then the upstream
    /// has not seen a complete request; [`NotImplemented`](Reason::NotImplemented) for `CONNECT` and `TRACE`.
    pub async fn forward(&self, permit: &Permit, request: Forward<'_>) -> Result<Response<Body>, Rejection> {
        let protocol = upgrade::asked(&request);
        let mut request = self.build(permit.identity(), request)?;
        if let Some(protocol) = &protocol {
            upgrade::ask(request.headers_mut(), protocol);
        }
        let turn = request.body().turn().cloned();
        let settings = &self.shared.settings;
        let sent = self.shared.client.request(request);
        match head_in_time(sent, turn.as_deref(), settings.response_timeout).await {
            Some(Ok(answer)) => match protocol.filter(|_| answer.status() == StatusCode::SWITCHING_PROTOCOLS) {
                Some(protocol) => upgrade::switched(answer, &protocol),
                None => answer::read(answer, settings.idle_timeout),
            },
            Some(Err(error)) => {
                let fault = turn.and_then(|turn| turn.fault());
                let reason = fault.unwrap_or_else(|| reason(&error));
                tracing::debug!(upstream = &*settings.name, reason = reason.code(), ?error, "no answer");
                Err(Rejection::new(reason, PROXY))
            }
            None => Err(Rejection::new(Reason::UpstreamSlow, PROXY)),
        }
    }

    /// The header lines that the upstream would get with this request; nothing is sent.
    ///
    /// # Errors
    ///
    /// As [`forward`](Self::forward) before anything is sent.
    pub fn headers(&self, who: &Identity, request: Forward<'_>) -> Result<HeaderMap, Rejection> {
        self.build(who, request).map(|request| request.into_parts().0.headers)
    }

    fn build(&self, who: &Identity, mut request: Forward<'_>) -> Result<Request<Outgoing>, Rejection> {
        // TRACE would show the client what we tell the upstream (RFC 9110 §9.3.8).
        if matches!(request.parts.method, Method::CONNECT | Method::TRACE) {
            return Err(Rejection::new(Reason::NotImplemented, PROXY));
        }
        let Shared { settings, base, .. } = &*self.shared;
        let target = target::build(&base.prefix, request.path, &request.parts.uri, request.sending)?;
        let received = std::mem::take(&mut request.parts.headers);
        let had_length = received.contains_key(header::CONTENT_LENGTH);
        let host = match (settings.host, request.peer.host.map(HeaderValue::from_str)) {
            (HostHeader::Client, Some(Ok(host))) => host,
            _ => base.host.clone(),
        };
        let mut lines = headers::build(received, &request, who, host, &settings.name);

        let method = request.parts.method;
        let body = Outgoing::new(request.body);
        if body.is_end_stream() {
            // RFC 9110 §8.6.
            if had_length || matches!(method, Method::PATCH | Method::POST | Method::PUT) {
                lines.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
            }
        } else if body.size_hint().exact().is_none() {
            // Otherwise hyper takes a GET or HEAD of unknown length for one without a body.
            lines.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }

        let mut uri = http::uri::Parts::default();
        uri.scheme = Some(Scheme::HTTP);
        uri.authority = Some(base.authority.clone());
        uri.path_and_query = Some(target);
        let mut built = Request::new(body);
        *built.method_mut() = method;
        *built.uri_mut() = Uri::from_parts(uri).expect("scheme, authority and path are there");
        *built.headers_mut() = lines;
        Ok(built)
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream").field("settings", &self.shared.settings).finish_non_exhaustive()
    }
}

struct Shared {
    settings: Settings,
    base: Base,
    client: Client<Connector, Outgoing>,
}

/// What is used of an upstream's URL.
struct Base {
    authority: Authority,
    host: HeaderValue,
    /// Empty, or a canonical path without a slash at its end.
    prefix: Box<str>,
}

impl Base {
    fn read(url: &Uri) -> Result<Self, SettingsError> {
        let authority = match (url.scheme_str(), url.authority()) {
            (Some("https"), _) => return Err(SettingsError::Https),
            (Some("http"), Some(authority)) if !authority.as_str().contains('@') => authority.clone(),
            _ => return Err(SettingsError::NotABase),
        };
        if url.query().is_some() || authority.host().is_empty() {
            return Err(SettingsError::NotABase);
        }
        let path = url.path();
        if CanonicalPath::parse(path).map_or(true, |canonical| canonical.as_str() != path) {
            return Err(SettingsError::Path);
        }
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_not_a_value| SettingsError::NotABase)?;
        Ok(Self { authority, host, prefix: path.strip_suffix('/').unwrap_or(path).into() })
    }
}

/// The head of the answer, or why there is none; `None` if the upstream was silent for `limit` while it
/// was its turn.
async fn head_in_time(
    answer: ResponseFuture,
    turn: Option<&Turn>,
    limit: Duration,
) -> Option<Result<Response<Incoming>, legacy::Error>> {
    let mut answer = pin!(answer);
    let mut deadline = Instant::now() + limit;
    loop {
        if let Ok(answer) = timeout_at(deadline, &mut answer).await {
            return Some(answer);
        }
        match turn.map(|turn| turn.deadline(limit)) {
            Some(later) if later > Instant::now() => deadline = later,
            _ => return None,
        }
    }
}

fn reason(error: &legacy::Error) -> Reason {
    // The client boxes what our connector said.
    let connect = std::error::Error::source(error).and_then(|source| source.downcast_ref::<ConnectError>());
    match connect {
        Some(ConnectError::TimedOut) => Reason::UpstreamSlow,
        Some(ConnectError::Failed(_)) | None => Reason::UpstreamDown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(url: &str) -> Result<Upstream, SettingsError> {
        Upstream::new(Settings::new("u", url.parse().unwrap()))
    }

    #[test]
    fn dos_12_only_plain_base_urls_make_an_upstream() {
        for url in ["http://a", "http://a:81/", "http://[::1]:8080/base", "http://127.0.0.1/base/"] {
            assert!(made(url).is_ok(), "{url}");
        }
        for (url, error) in [
            ("https://a", SettingsError::Https),
            ("ftp://a", SettingsError::NotABase),
            ("/a", SettingsError::NotABase),
            ("a:80", SettingsError::NotABase),
            ("http://user@a", SettingsError::NotABase),
            ("http://a/?b", SettingsError::NotABase),
            ("http://a/b/../c", SettingsError::Path),
            ("http://a/%61", SettingsError::Path),
            ("http://a//b", SettingsError::Path),
        ] {
            assert_eq!(made(url).unwrap_err(), error, "{url}");
        }
        let mut several = Settings::new("u", "http://a".parse().unwrap());
        several.urls.push("http://b".parse().unwrap());
        assert_eq!(Upstream::new(several.clone()).unwrap_err(), SettingsError::UrlCount);
        several.urls.clear();
        assert_eq!(Upstream::new(several).unwrap_err(), SettingsError::UrlCount);
    }
}
