//! The layer itself.

use std::fmt;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::request::Parts;
use http::{Extensions, Request, Response};
use http_body_util::{Either, Full};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;
use trackgate_schemes::{CanonicalPath, Clock, Head, Reason, Rejection, SystemClock};

use super::{Dialect, Entry, Gate, Permit, PlainDialect, Refusal, Turn};

/// Puts a [`Gate`] in front of a tower service.
///
/// A request that is let through carries a [`Permit`] and the
/// [`Identity`](trackgate_schemes::Identity) in its extensions; one that is not is answered in the
/// wording of the dialect and never reaches the service.
///
/// ```
/// use trackgate::layer::{AuthLayer, Gate, Mode};
///
/// let gate = Gate::new(Mode::Public { reason: "a demonstration".into() }, vec![], vec![]);
/// let layer = AuthLayer::new(gate);
/// ```
///
/// With a wording and a clock of one's own:
///
/// ```
/// use std::sync::Arc;
/// use trackgate::layer::{AuthLayer, Gate, Mode, PlainDialect};
/// use trackgate_schemes::SystemClock;
///
/// let gate = Gate::new(Mode::Public { reason: "a demonstration".into() }, vec![], vec![]);
/// let layer = AuthLayer::new(gate).with_dialect(Arc::new(PlainDialect)).with_clock(Arc::new(SystemClock));
/// ```
#[derive(Clone)]
pub struct AuthLayer {
    shared: Arc<Shared>,
}

#[derive(Clone)]
struct Shared {
    gate: Gate,
    dialect: Arc<dyn Dialect>,
    clock: Arc<dyn Clock>,
    client: ClientFrom,
}

/// How the layer learns the client's address.
type ClientFrom = fn(&Extensions) -> Option<IpAddr>;

impl AuthLayer {
    /// This gate, the plain dialect, the system's clock; the client's address is a [`SocketAddr`] or
    /// [`IpAddr`] among the request's extensions.
    pub fn new(gate: Gate) -> Self {
        let shared =
            Shared { gate, dialect: Arc::new(PlainDialect), clock: Arc::new(SystemClock), client: from_extensions };
        Self { shared: Arc::new(shared) }
    }

    /// Refusing in this wording.
    #[must_use]
    pub fn with_dialect(mut self, dialect: Arc<dyn Dialect>) -> Self {
        Arc::make_mut(&mut self.shared).dialect = dialect;
        self
    }

    /// Judging life-times by this clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        Arc::make_mut(&mut self.shared).clock = clock;
        self
    }

    /// Learning the client's address in this way, such as from axum's `ConnectInfo`.
    #[must_use]
    pub fn with_client(mut self, client: fn(&Extensions) -> Option<IpAddr>) -> Self {
        Arc::make_mut(&mut self.shared).client = client;
        self
    }
}

impl fmt::Debug for AuthLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthLayer").field("gate", &self.shared.gate).finish_non_exhaustive()
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = AuthService<S>;

    fn layer(&self, inner: S) -> AuthService<S> {
        AuthService { shared: Arc::clone(&self.shared), inner }
    }
}

/// A service behind an [`AuthLayer`].
#[derive(Clone)]
pub struct AuthService<S> {
    shared: Arc<Shared>,
    inner: S,
}

impl<S> fmt::Debug for AuthService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthService").field("gate", &self.shared.gate).finish_non_exhaustive()
    }
}

/// The service's own body, or that of a refusal.
pub type AuthBody<B> = Either<B, Full<Bytes>>;

impl<S, A, B> Service<Request<A>> for AuthService<S>
where
    S: Service<Request<A>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    A: Send + 'static,
    B: 'static,
{
    type Response = Response<AuthBody<B>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, A>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        let entry = self.shared.with_head(&parts, Gate::try_enter);
        let state = match entry {
            Ok(Entry::Decided(Ok(permit))) => {
                admit(&mut parts, permit);
                State::Inner { future: self.inner.call(Request::from_parts(parts, body)) }
            }
            Ok(Entry::Decided(Err(why))) | Err(why) => {
                State::Refused { response: Some(self.shared.refuse(&parts, &why)) }
            }
            Ok(Entry::Waiting(waiting)) => {
                // The one that was polled ready takes the call; its clone stays for the next.
                let clone = self.inner.clone();
                let inner = std::mem::replace(&mut self.inner, clone);
                let shared = Arc::clone(&self.shared);
                let asking = Box::pin(async move {
                    let verdict = waiting.question.await;
                    let decided = shared.go_on(&parts, waiting.turn, verdict).await;
                    match decided {
                        Ok(permit) => {
                            admit(&mut parts, permit);
                            Ok((inner, Request::from_parts(parts, body)))
                        }
                        Err(why) => Err(shared.refuse(&parts, &why)),
                    }
                });
                State::Asking { asking }
            }
        };
        ResponseFuture { state }
    }
}

impl Shared {
    /// Hands the first answer back to the gate, and goes on asking if further schemes must.
    async fn go_on(&self, parts: &Parts, turn: Turn, verdict: trackgate_schemes::Verdict) -> Result<Permit, Rejection> {
        let mut entry = self.with_head(parts, |gate, head| gate.resume(turn, verdict, head))?;
        loop {
            match entry {
                Entry::Decided(decided) => return decided,
                Entry::Waiting(waiting) => {
                    let verdict = waiting.question.await;
                    entry = self.with_head(parts, |gate, head| gate.resume(waiting.turn, verdict, head))?;
                }
            }
        }
    }

    fn with_head<T>(&self, parts: &Parts, ask: impl FnOnce(&Gate, &Head<'_>) -> T) -> Result<T, Rejection> {
        let path = CanonicalPath::parse(parts.uri.path()).map_err(|_fault| Rejection::new(Reason::BadPath, "gate"))?;
        let head = Head::at(&parts.method, &path, &parts.headers, self.clock.now())
            .with_query(parts.uri.query())
            .with_client((self.client)(&parts.extensions));
        Ok(ask(&self.gate, &head))
    }

    fn refuse(&self, parts: &Parts, why: &Rejection) -> Response<Full<Bytes>> {
        let challenges = self.gate.challenges(why);
        let path = CanonicalPath::parse(parts.uri.path()).ok();
        let refusal = Refusal::new(why).with_challenges(&challenges).with_request(
            &parts.method,
            path.as_ref().map(CanonicalPath::as_str),
            &parts.headers,
        );
        self.dialect.render(&refusal).map(Full::new)
    }
}

fn admit(parts: &mut Parts, permit: Permit) {
    parts.extensions.insert(permit.identity().clone());
    parts.extensions.insert(permit);
}

fn from_extensions(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<SocketAddr>().map(SocketAddr::ip).or_else(|| extensions.get::<IpAddr>().copied())
}

pin_project! {
    /// The answer of an [`AuthService`]: no box for a credential that memory knows, nor for a refusal.
    pub struct ResponseFuture<S, A> where S: Service<Request<A>> {
        #[pin]
        state: State<S, S::Future, A>,
    }
}

pin_project! {
    #[project = Projected]
    enum State<S, F, A> {
        Asking { asking: Asking<S, A> },
        Inner { #[pin] future: F },
        Refused { response: Option<Response<Full<Bytes>>> },
    }
}

type Asking<S, A> = Pin<Box<dyn Future<Output = Result<(S, Request<A>), Response<Full<Bytes>>>> + Send>>;

impl<S: Service<Request<A>>, A> fmt::Debug for ResponseFuture<S, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseFuture")
    }
}

impl<S, A, B> Future for ResponseFuture<S, A>
where
    S: Service<Request<A>, Response = Response<B>>,
{
    type Output = Result<Response<AuthBody<B>>, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                Projected::Asking { asking } => match ready!(asking.as_mut().poll(context)) {
                    Ok((mut inner, request)) => State::Inner { future: inner.call(request) },
                    Err(response) => State::Refused { response: Some(response) },
                },
                Projected::Inner { future } => {
                    return future.poll(context).map_ok(|response| response.map(Either::Left));
                }
                Projected::Refused { response } => {
                    let response = response.take().expect("a future is not polled after its end");
                    return Poll::Ready(Ok(response.map(Either::Right)));
                }
            };
            state.set(next);
        }
    }
}
