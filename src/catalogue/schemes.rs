//! Schemes from the settings of a configuration.

use std::fmt::Write as _;
use std::fs::{DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use trackgate_schemes::basic::{Basic, BasicSettings};
use trackgate_schemes::bearer::{Bearer, BearerSettings};
use trackgate_schemes::jwt::{self, GrantsFrom, Jwt, Keys, SubjectFrom, Uncounted};
use trackgate_schemes::sliding::{self, Place, Sliding};
use trackgate_schemes::store::Life;
use trackgate_schemes::{Carrier, Digest, Forget, Realm, Scheme, Secret, SignIn};

use super::CatalogueError;
use super::openapi::Tokens;
use super::trackers::OF_TRACKERS;
use crate::accounts::AccountService;
use crate::config::Config;
use crate::config::checked::{self, Algorithm, IpMode, OnConflict, SchemeKind, SecretRef};

/// All schemes of a configuration, by name, and those that contracts ask for.
#[derive(Debug)]
pub struct Schemes {
    named: Vec<Made>,
    contracts: Vec<(Contract, Made)>,
}

/// A scheme of a tracker's contract that no configuration changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contract {
    /// HTTP Basic in the realm that the clients look for (contract section 9).
    LiveTracking,
    /// Bearer tokens with the words of RFC 6750 (contract section 1).
    Sessions,
    /// Sessions of browsers, carried by a cookie: for pages alone, for a browser sends it on a foreign page's behalf
    /// too.
    Web,
}

#[derive(Clone, Debug)]
struct Made {
    name: String,
    /// The realm that routes give it instead of its own.
    realm: Option<String>,
    /// All settings, with digests of key material: equal ones make equal schemes.
    settings: String,
    scheme: Arc<dyn Scheme>,
    memory: Arc<dyn Forget>,
    kind: Kind,
}

/// What else a tracker can do with a scheme.
#[derive(Clone, Debug)]
enum Kind {
    Jwt(Jwt),
    Sliding(Sliding),
    Stateless,
}

impl Schemes {
    pub(super) async fn make(
        config: &Config,
        accounts: &AccountService,
        sign_in: &SignIn,
        before: Option<&Self>,
    ) -> Result<Self, CatalogueError> {
        let maker = Maker { config, accounts, sign_in };
        let mut named = Vec::new();
        for scheme in &config.schemes {
            named.push(maker.named(scheme, None, before).await?);
        }
        for (name, realm) in config.routes.iter().flat_map(realms) {
            let scheme = config.schemes.iter().find(|scheme| scheme.name == *name);
            if let Some(scheme) = scheme.and_then(|scheme| in_realm(scheme, realm))
                && !named.iter().any(|made: &Made| made.is(name, Some(realm)))
            {
                named.push(maker.named(&scheme, Some(realm), before).await?);
            }
        }
        let contracts = [Contract::LiveTracking, Contract::Sessions, Contract::Web];
        let contracts = contracts.map(|each| (each, maker.contract(each, before))).into();
        Ok(Self { named, contracts })
    }

    /// What every scheme remembers, to be made to forget.
    pub fn memories(&self) -> Vec<Arc<dyn Forget>> {
        let contracts = self.contracts.iter().map(|(_, made)| made);
        self.named.iter().chain(contracts).map(|made| Arc::clone(&made.memory)).collect()
    }

    /// The same with the ids of the schemes, of which several may be alike.
    pub(super) fn remembering(&self) -> Vec<(&'static str, Arc<dyn Forget>)> {
        let contracts = self.contracts.iter().map(|(_, made)| made);
        self.named.iter().chain(contracts).map(|made| (made.scheme.id(), Arc::clone(&made.memory))).collect()
    }

    /// The scheme of this name.
    pub(super) fn named(&self, name: &str) -> Result<Arc<dyn Scheme>, CatalogueError> {
        self.find(name).map(|made| Arc::clone(&made.scheme))
    }

    /// The same with challenges in this realm, if it has any: one for all routes that say so.
    pub(super) fn named_in_realm(&self, name: &str, realm: Option<&str>) -> Result<Arc<dyn Scheme>, CatalogueError> {
        match self.named.iter().find(|made| made.is(name, realm)) {
            Some(made) => Ok(Arc::clone(&made.scheme)),
            None => self.named(name),
        }
    }

    /// Where all schemes look for credentials.
    pub(super) fn carriers(&self) -> Arc<[Carrier]> {
        let contracts = self.contracts.iter().map(|(_, made)| made);
        let mut carriers = vec![Carrier::Header(OF_TRACKERS)];
        for carrier in self.named.iter().chain(contracts).map(|made| made.scheme.carrier()) {
            if !carriers.contains(&carrier) {
                carriers.push(carrier);
            }
        }
        carriers.into()
    }

    pub(super) fn contract(&self, wanted: Contract) -> Arc<dyn Scheme> {
        Arc::clone(&self.made(wanted).scheme)
    }

    /// The scheme of pages as an opener of sessions.
    pub(super) fn web(&self) -> Sliding {
        match &self.made(Contract::Web).kind {
            Kind::Sliding(sliding) => sliding.clone(),
            _ => unreachable!("it is made as one"),
        }
    }

    fn made(&self, wanted: Contract) -> &Made {
        let (_, made) = self.contracts.iter().find(|(contract, _)| *contract == wanted).expect("all were made");
        made
    }

    /// Whether tokens of the scheme of this name are signed.
    pub(super) fn signs(&self, name: &str) -> Tokens {
        match self.named.iter().find(|made| made.name == name).map(|made| &made.kind) {
            Some(Kind::Jwt(_)) => Tokens::Signed,
            _ => Tokens::Opaque,
        }
    }

    /// The scheme of this name as a signer of tokens.
    pub(super) fn jwt(&self, name: &str) -> Result<Jwt, CatalogueError> {
        match &self.find(name)?.kind {
            Kind::Jwt(jwt) => Ok(jwt.clone()),
            _ => Err(wrong(name, "a tracker issues its tokens by it, so it must be of kind `jwt`")),
        }
    }

    /// The scheme of this name as an opener of sessions.
    pub(super) fn sliding(&self, name: &str) -> Result<Sliding, CatalogueError> {
        match &self.find(name)?.kind {
            Kind::Sliding(sliding) => Ok(sliding.clone()),
            _ => Err(wrong(name, "a tracker opens its sessions by it, so it must be of kind `sliding`")),
        }
    }

    fn find(&self, name: &str) -> Result<&Made, CatalogueError> {
        self.named.iter().find(|made| made.is(name, None)).ok_or_else(|| wrong(name, "there is none of that name"))
    }
}

impl Made {
    fn is(&self, name: &str, realm: Option<&str>) -> bool {
        self.name == name && self.realm.as_deref() == realm
    }
}

struct Maker<'a> {
    config: &'a Config,
    accounts: &'a AccountService,
    sign_in: &'a SignIn,
}

impl Maker<'_> {
    async fn named(
        &self,
        scheme: &checked::Scheme,
        realm: Option<&str>,
        before: Option<&Schemes>,
    ) -> Result<Made, CatalogueError> {
        let keys = self.key_text(scheme).await?;
        let mut settings = format!("{:?} {:?}", scheme.kind, self.config.passwords.remember);
        if let Some(keys) = &keys {
            for byte in Digest::sha256(keys.expose()).as_bytes() {
                write!(settings, "{byte:02x}").expect("a String takes text");
            }
        }
        let same = before.and_then(|before| before.named.iter().find(|made| made.is(&scheme.name, realm)));
        if let Some(same) = same.filter(|made| made.settings == settings) {
            return Ok(same.clone());
        }
        let made = self.make(scheme, settings, keys)?;
        Ok(Made { realm: realm.map(ToOwned::to_owned), ..made })
    }

    fn make(&self, scheme: &checked::Scheme, settings: String, keys: Option<Secret>) -> Result<Made, CatalogueError> {
        // Identities carry the id as a constant. One is made for each scheme of each configuration that
        // differs, which an operator writes by hand: what is never given back stays small.
        let id: &'static str = Box::leak(scheme.name.clone().into_boxed_str());
        let store = self.accounts.store();
        let (scheme_made, memory, kind): (Arc<dyn Scheme>, _, _) = match &scheme.kind {
            SchemeKind::Basic { realm, tokens } => {
                let mut basic = BasicSettings::new(id)
                    .with_realm(self::realm(realm))
                    .with_memory(self.config.passwords.remember, CAPACITY);
                if !tokens {
                    basic = basic.without_api_tokens();
                }
                let basic = Basic::new(basic, self.sign_in.clone(), Arc::clone(store) as _);
                let memory = basic.memory();
                (Arc::new(basic), memory, Kind::Stateless)
            }
            SchemeKind::Bearer { header, realm } => {
                let bearer = BearerSettings::new(id).in_header(header.clone()).with_realm(self::realm(realm));
                let bearer = Bearer::new(bearer, Arc::clone(store) as _);
                let memory = bearer.memory();
                (Arc::new(bearer), memory, Kind::Stateless)
            }
            SchemeKind::Jwt { .. } => {
                let jwt = self.jwt(id, scheme, &keys.expect("a jwt scheme has keys"))?;
                (Arc::new(jwt.clone()), jwt.memory(), Kind::Jwt(jwt))
            }
            SchemeKind::Sliding { header, idle, absolute, ip, on_conflict, prefixes, per_account } => {
                let on_conflict = match on_conflict {
                    OnConflict::Displace => sliding::OnConflict::Displace,
                    OnConflict::Refuse => sliding::OnConflict::Refuse,
                };
                let ip = match ip {
                    IpMode::Exact => sliding::IpMode::Exact { on_conflict },
                    IpMode::Off => sliding::IpMode::Off,
                    IpMode::OneUser => sliding::IpMode::OneUser { on_conflict },
                    IpMode::Subnet => {
                        sliding::IpMode::Subnet { v4_prefix: prefixes.0, v6_prefix: prefixes.1, on_conflict }
                    }
                };
                let settings = sliding::Settings {
                    id,
                    place: Place::Header(header.clone()),
                    life: Life { idle: *idle, absolute: *absolute },
                    ip,
                    per_account: *per_account,
                    capacity: SESSIONS,
                };
                let sliding = Sliding::new(settings, Arc::clone(store) as _);
                (Arc::new(sliding.clone()), sliding.memory(), Kind::Sliding(sliding))
            }
        };
        Ok(Made { name: scheme.name.clone(), realm: None, settings, scheme: scheme_made, memory, kind })
    }

    fn contract(&self, contract: Contract, before: Option<&Schemes>) -> Made {
        let settings = match contract {
            Contract::Web => format!("{:?}", self.config.pages.account),
            Contract::LiveTracking | Contract::Sessions => String::new(),
        };
        if let Some(same) = before.map(|before| before.made(contract)).filter(|made| made.settings == settings) {
            return same.clone();
        }
        let store = self.accounts.store();
        let (scheme, memory, kind): (Arc<dyn Scheme>, _, _) = match contract {
            Contract::LiveTracking => {
                let settings = BasicSettings::new("basic")
                    .with_realm(realm("Protected"))
                    .without_charset()
                    .with_memory(self.config.passwords.remember, CAPACITY);
                let basic = Basic::new(settings, self.sign_in.clone(), Arc::clone(store) as _);
                let memory = basic.memory();
                (Arc::new(basic), memory, Kind::Stateless)
            }
            Contract::Sessions => {
                let mut settings = BearerSettings::new("api").with_realm(realm("sessions"));
                for (grant, word) in [("sessions:write", "write"), ("sessions:read", "read")] {
                    let grant = grant.parse().expect("it is area:action");
                    settings = settings.with_scope(grant, word).expect("it is a word");
                }
                let bearer = Bearer::new(settings, Arc::clone(store) as _);
                let memory = bearer.memory();
                (Arc::new(bearer), memory, Kind::Stateless)
            }
            Contract::Web => {
                let pages = &self.config.pages.account;
                let settings = sliding::Settings {
                    id: "web",
                    place: Place::Cookie(pages.reached_by.cookie()),
                    life: Life { idle: pages.idle, absolute: Some(pages.absolute) },
                    ip: sliding::IpMode::Off,
                    per_account: WEB_SESSIONS,
                    capacity: CAPACITY,
                };
                let sliding = Sliding::new(settings, Arc::clone(store) as _);
                (Arc::new(sliding.clone()), sliding.memory(), Kind::Sliding(sliding))
            }
        };
        Made { name: format!("{contract:?}"), realm: None, settings, scheme, memory, kind }
    }

    /// The text of the keys of a scheme that has keys: from where the configuration says, or its own.
    async fn key_text(&self, scheme: &checked::Scheme) -> Result<Option<Secret>, CatalogueError> {
        let SchemeKind::Jwt { algorithm, key, jwks, .. } = &scheme.kind else { return Ok(None) };
        let is_hmac = matches!(algorithm, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512);
        match (key, jwks) {
            (_, Some(jwks)) => Ok(Some(jwks.read()?)),
            (Some(key), None) => {
                if is_hmac && key.file().is_some_and(|file| !file.exists()) {
                    make_key_file(key)
                        .map_err(|error| CatalogueError::Scheme { name: scheme.name.clone(), source: error.into() })?;
                }
                Ok(Some(key.read()?))
            }
            (None, None) if is_hmac => {
                let name = format!("scheme:{}", scheme.name);
                Ok(Some(self.accounts.store().key_or_insert(&name, &fresh_key()).await?))
            }
            (None, None) => Err(wrong(&scheme.name, "an asymmetric algorithm needs `key` or `jwks`")),
        }
    }

    fn jwt(&self, id: &'static str, scheme: &checked::Scheme, text: &Secret) -> Result<Jwt, CatalogueError> {
        let SchemeKind::Jwt {
            algorithm,
            jwks,
            lifetime,
            issuer,
            audience,
            leeway,
            required_claims,
            external_grants,
            local_accounts,
            ..
        } = &scheme.kind
        else {
            unreachable!("only a jwt scheme comes here");
        };
        let keys = if jwks.is_some() { Keys::jwks(text) } else { signing_keys(*algorithm, text) };
        let keys = keys.map_err(|error| CatalogueError::Scheme { name: scheme.name.clone(), source: error.into() })?;
        // Who signs elsewhere chooses `sub`: without a word of the operator it must not be an account here.
        if external_grants.is_none() && !local_accounts && !keys.can_sign() {
            let why = "its keys only verify, so another issuer signs: give `external_grants` for the identities that \
                       it knows, or `local_accounts = true` if its `sub` is the number of an account here";
            return Err(wrong(&scheme.name, why));
        }
        let mut settings = jwt::Settings::new(id);
        settings.lifetime = *lifetime;
        settings.issuer = issuer.as_deref().map(Into::into);
        settings.audience = audience.as_deref().map(Into::into);
        settings.leeway = *leeway;
        settings.required = required_claims.iter().map(|claim| claim.as_str().into()).collect();
        if let Some(grants) = external_grants {
            settings.subject = SubjectFrom::External { grants: GrantsFrom::Settings(grants.clone()) };
        }
        if *local_accounts {
            settings.uncounted = Uncounted::AnyAccount;
        }
        let store = self.accounts.store();
        Ok(Jwt::new(settings, keys, Arc::clone(store) as _, Arc::clone(store) as _))
    }
}

/// The schemes to which a route gives a realm.
fn realms(route: &checked::Route) -> impl Iterator<Item = (&String, &str)> {
    let (names, realm) = match &route.access {
        checked::Access::Schemes { names, realm, .. } => (names.as_slice(), realm.as_deref()),
        _ => (&[][..], None),
    };
    names.iter().filter_map(move |name| Some((name, realm?)))
}

/// The scheme with challenges in this realm; `None` if its challenges have none.
fn in_realm(scheme: &checked::Scheme, realm: &str) -> Option<checked::Scheme> {
    let mut scheme = scheme.clone();
    match &mut scheme.kind {
        SchemeKind::Basic { realm: own, .. } | SchemeKind::Bearer { realm: own, .. } => realm.clone_into(own),
        SchemeKind::Jwt { .. } | SchemeKind::Sliding { .. } => return None,
    }
    Some(scheme)
}

/// A secret that nobody chose, as text.
fn fresh_key() -> Secret {
    let bytes: [u8; 64] = rand::random();
    let mut text = String::with_capacity(128);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a String takes text");
    }
    text.into()
}

/// Keys of one algorithm, from a PEM file or the bytes of a secret.
pub(super) fn signing_keys(algorithm: Algorithm, text: &Secret) -> Result<Keys, jwt::KeyError> {
    let algorithm = match algorithm {
        Algorithm::EdDSA => jwt::Algorithm::EdDSA,
        Algorithm::ES256 => jwt::Algorithm::ES256,
        Algorithm::ES384 => jwt::Algorithm::ES384,
        Algorithm::HS256 => jwt::Algorithm::HS256,
        Algorithm::HS384 => jwt::Algorithm::HS384,
        Algorithm::HS512 => jwt::Algorithm::HS512,
        Algorithm::PS256 => jwt::Algorithm::PS256,
        Algorithm::RS256 => jwt::Algorithm::RS256,
    };
    let is_pem = text.expose().starts_with(b"-----BEGIN ");
    if is_pem { Keys::pem(algorithm, text) } else { Keys::secret(algorithm, text) }
}

/// Makes the file of a key that is not there yet, for nobody but its owner to read.
pub(super) fn make_key_file(key: &SecretRef) -> std::io::Result<()> {
    let file = key.file().expect("only a file can be absent");
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    // Whole or not at all: another process may start at the same instant.
    let fresh = file.with_extension(format!("new-{:016x}", rand::random::<u64>()));
    let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    out.write_all(fresh_key().expose())?;
    out.sync_all()?;
    let linked = std::fs::hard_link(&fresh, file);
    std::fs::remove_file(&fresh)?;
    match linked {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked.and_then(|()| sync_folder(file)),
    }
}

fn sync_folder(file: &Path) -> std::io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(folder)?.sync_all()
}

fn realm(text: &str) -> Realm {
    text.parse().expect("the configuration was checked")
}

fn wrong(name: &str, why: &'static str) -> CatalogueError {
    CatalogueError::Scheme { name: name.to_owned(), source: why.into() }
}

const CAPACITY: usize = 100_000;
/// Sessions that are not in memory are read at each first use and written when they leave it, so there is room for
/// more of them: up to 160 bytes each once they are there.
const SESSIONS: usize = 1_000_000;

/// How many browsers one account may be signed in with; the oldest leave.
const WEB_SESSIONS: u32 = 32;
