//! What the benches measure: a gate with all four kinds of schemes and the usual policies, and what is asked of it.
#![expect(clippy::unwrap_used, reason = "what is measured is made by hand: it cannot fail, or the figure is void")]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, Method};
use trackgate::accounts::{AccountService, Memories, Origin, Registration};
use trackgate::layer::{Entry, Gate, Mode, Permit};
use trackgate::stores::MemoryStore;
use trackgate_policies::{Networks, Policy, Rate, RatePer, RequireGrants, SteadyClock};
use trackgate_schemes::basic::{Basic, BasicSettings};
use trackgate_schemes::bearer::{Bearer, BearerSettings};
use trackgate_schemes::jwt::{self, Algorithm, Jwt, Keys, Purpose};
use trackgate_schemes::sliding::{self, IpMode, OnConflict, Sliding};
use trackgate_schemes::store::{AccountState, Life};
use trackgate_schemes::{
    CanonicalPath, Forget, Grants, HashPool, Head, Identity, ManualClock, NoGuard, Rejection, Scheme, Secret, SignIn,
    Verdict,
};

#[expect(unreachable_pub, reason = "it stands in a library")]
#[path = "../../schemes/testing/block_on.rs"]
mod block_on;
pub(crate) mod request;
pub(crate) mod routes;

pub(crate) use block_on::block_on;

/// One account with a credential of every kind.
pub(crate) struct World {
    pub(crate) schemes: Vec<Arc<dyn Scheme>>,
    /// What the schemes remember, in the same order.
    pub(crate) memories: Vec<Arc<dyn Forget>>,
    pub(crate) basic: String,
    /// The name with an API token in the password's place.
    pub(crate) basic_token: String,
    pub(crate) token: String,
    pub(crate) limited: String,
    pub(crate) jwt: String,
    pub(crate) session: String,
}

impl World {
    pub(crate) fn new() -> Self {
        let store = Arc::new(MemoryStore::default());
        let sign_in = SignIn::new(store.clone(), Arc::new(NoGuard), HashPool::new(1, 8));
        let memories = Arc::new(Memories::default());
        let clock = Arc::new(ManualClock::new(now()));
        let accounts = AccountService::new(store.clone(), sign_in.clone(), memories, clock);
        let rider = Registration {
            name: "rider".to_owned(),
            email: None,
            password: Some("correct horse".into()),
            state: AccountState::Active,
            grants: Grants::EVERYDAY,
        };
        let rider = block_on(accounts.register(rider, &Origin::operator())).unwrap();
        let issue = |grants: &str| {
            let grants = grants.parse().unwrap();
            let issued = block_on(accounts.issue_token(&rider, "counted", grants, None, &Origin::operator()));
            text(&issued.unwrap().text)
        };
        let key = Secret::from("0123456789abcdef0123456789ABCDEF");
        let keys = Keys::secret(Algorithm::HS256, &key).unwrap();
        let basic = Basic::new(BasicSettings::new("basic"), sign_in, store.clone());
        let bearer = Bearer::new(BearerSettings::new("api"), store.clone());
        let jwt = Jwt::new(jwt::Settings::new("fit"), keys, store.clone(), store.clone());
        let sliding = Sliding::new(
            sliding::Settings {
                id: "lp",
                place: sliding::Place::Header(HeaderName::from_static("token")),
                life: Life { idle: Duration::from_hours(24), absolute: None },
                ip: IpMode::OneUser { on_conflict: OnConflict::Refuse },
                per_account: 8,
                capacity: 64,
            },
            store,
        );
        let token = issue("points:write");
        Self {
            basic: format!("Basic {}", STANDARD.encode("rider:correct horse")),
            basic_token: format!("Basic {}", STANDARD.encode(format!("rider:{token}"))),
            token: format!("Bearer {token}"),
            limited: format!("Bearer {}", issue("points:read")),
            jwt: format!("Bearer {}", text(&jwt.issue(&rider, Purpose::Access, now()).unwrap())),
            session: text(&block_on(sliding.open(&rider, "counting", Some(CLIENT), now())).unwrap().token),
            memories: vec![basic.memory(), bearer.memory(), jwt.memory(), sliding.memory()],
            schemes: vec![Arc::new(basic), Arc::new(bearer), Arc::new(jwt), Arc::new(sliding)],
        }
    }

    /// A gate that wants a credential, and asks about grants, networks and a rate of so many requests.
    pub(crate) fn gate(&self, rate: &str, clock: Arc<dyn SteadyClock>) -> Gate {
        let policies: Vec<Arc<dyn Policy>> = vec![
            Arc::new(RequireGrants::new("points:write".parse().unwrap())),
            Arc::new(networks()),
            Arc::new(Rate::custom(rate.parse().unwrap(), RatePer::Identity, 64, clock)),
        ];
        Gate::new(Mode::Required, self.schemes.clone(), policies)
    }

    /// A request for each scheme, with the credential that is its own, in the order of the schemes.
    pub(crate) fn askers(&self) -> [Asked; 4] {
        [
            ("authorization", &self.basic),
            ("authorization", &self.token),
            ("authorization", &self.jwt),
            ("token", &self.session),
        ]
        .map(|(name, value)| Asked::with(&[(name, value)]))
    }

    /// Has the scheme at `place` remember what `asked` carries, and tells whose it is.
    pub(crate) fn learn(&self, place: usize, asked: &Asked) -> Identity {
        let verdict = asked.show(|head| block_on(self.schemes.get(place).unwrap().authenticate(head).verdict()));
        match verdict {
            Verdict::Known(identity) => identity,
            other => panic!("the credential should be good: {other:?}"),
        }
    }
}

/// A request as gates see it.
pub(crate) struct Asked {
    pub(crate) headers: HeaderMap,
    pub(crate) client: IpAddr,
}

impl Asked {
    pub(crate) fn with(lines: &[(&'static str, &str)]) -> Self {
        let lines = lines.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, value);
        }
        Self { headers, client: CLIENT }
    }

    pub(crate) fn show<T>(&self, look: impl FnOnce(&Head<'_>) -> T) -> T {
        let path = CanonicalPath::parse("/write").unwrap();
        look(&Head::new(&Method::POST, &path, &self.headers).with_client(Some(self.client)).with_now(now()))
    }
}

/// Those of the client, but for one address.
pub(crate) fn networks() -> Networks {
    "192.0.2.0/24 !192.0.2.66".parse().unwrap()
}

/// The answer of a gate that need not wait.
pub(crate) fn decided(gate: &Gate, head: &Head<'_>) -> Result<Permit, Rejection> {
    match gate.try_enter(head) {
        Entry::Decided(decided) => decided,
        Entry::Waiting(waiting) => panic!("memory should know this: {waiting:?}"),
    }
}

pub(crate) fn text(secret: &Secret) -> String {
    secret.expose_text().unwrap().to_owned()
}

pub(crate) fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000)
}

/// A rate that nobody comes near, who measures.
pub(crate) const PLENTY: &str = "1000000000/s";

pub(crate) const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
