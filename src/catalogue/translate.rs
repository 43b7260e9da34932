//! What routes send to upstreams instead of the client's credentials, from the settings of a configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use trackgate_schemes::Secret;

use super::CatalogueError;
use super::schemes::{make_key_file, signing_keys};
use crate::accounts::{AccountService, CheckLink, LinkKeys, Links};
use crate::config::Config;
use crate::config::checked::{self, Credentials, Source, Target, Translation, UpstreamLogin};
use crate::proxy::translate::{Broker, Claims, Form, LinkSet, Login, Mint, MintSettings, Verifier};
use crate::proxy::{Translator, Upstream};

/// Links, and the brokers of upstreams, for the routes that want them.
#[derive(Debug, Default)]
pub struct Translators {
    links: Option<Kept<Links>>,
    brokers: BTreeMap<String, Kept<Broker>>,
}

/// Something with all settings of which it was made: equal ones make equal things.
#[derive(Debug)]
struct Kept<T> {
    settings: String,
    thing: Arc<T>,
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self { settings: self.settings.clone(), thing: Arc::clone(&self.thing) }
    }
}

/// A set of links that routes name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkedSet {
    /// Its name.
    pub name: String,
    /// The upstream whose login tells whether a name and a password are right.
    pub verified_by: Option<String>,
    /// Whether a link needs a name.
    pub has_user: bool,
    /// Whether a link needs a secret; else only a number.
    pub has_secret: bool,
}

/// The links of a configuration, with their keys: a missing file is made.
///
/// # Errors
///
/// [`CatalogueError`] if the keys cannot be read.
pub fn open_links(config: &Config, accounts: &AccountService) -> Result<Links, CatalogueError> {
    let (keys, _settings) = link_keys(config)?;
    Ok(Links::new(accounts.clone(), keys))
}

impl Translators {
    pub(super) fn make(
        config: &Config,
        accounts: &AccountService,
        before: Option<&Self>,
    ) -> Result<Self, CatalogueError> {
        let links = if LinkedSet::all(config).is_empty() {
            None
        } else {
            let (keys, settings) = link_keys(config)?;
            let same = before.and_then(|before| before.links.as_ref()).filter(|links| links.settings == settings);
            let fresh = || Kept { settings, thing: Arc::new(Links::new(accounts.clone(), keys)) };
            Some(same.cloned().unwrap_or_else(fresh))
        };
        let mut brokers = BTreeMap::new();
        for upstream in &config.upstreams {
            let Some(login) = &upstream.login else { continue };
            let settings = format!("{:?} {login:?}", upstream.addresses);
            let same = before.and_then(|before| before.brokers.get(&upstream.name));
            let same = same.filter(|broker| broker.settings == settings).cloned();
            let fresh = || Kept { settings, thing: Arc::new(Broker::new(self::login(login))) };
            brokers.insert(upstream.name.clone(), same.unwrap_or_else(fresh));
        }
        Ok(Self { links, brokers })
    }

    /// The links, if a route wants any.
    pub fn links(&self) -> Option<&Arc<Links>> {
        self.links.as_ref().map(|links| &links.thing)
    }

    /// The broker of each upstream that has a login.
    pub fn brokers(&self) -> impl Iterator<Item = (&str, &Arc<Broker>)> {
        self.brokers.iter().map(|(name, broker)| (name.as_str(), &broker.thing))
    }

    /// Who tells whether a name and a password are right at this upstream, which has a login.
    pub(super) fn verifier(&self, name: &str, upstream: Upstream) -> Arc<dyn CheckLink> {
        let broker = &self.brokers.get(name).expect("the upstream has a login").thing;
        Arc::new(Verifier::new(Arc::clone(broker), upstream))
    }

    /// What a route sends to the upstream of this name.
    pub(super) fn translator(
        &self,
        route: &checked::Route,
        upstream: &str,
        translation: &Translation,
    ) -> Result<Translator, CatalogueError> {
        let wrong = |source| CatalogueError::Send { route: Arc::clone(&route.name), source };
        match translation {
            Translation::Basic(source) => self.line(Form::Basic, source).map_err(wrong),
            Translation::Token { header, prefix, source } => {
                let form = Form::Token { header: header.clone(), prefix: prefix.as_str().into() };
                self.line(form, source).map_err(wrong)
            }
            Translation::Jwt(settings) => {
                let set = settings.links.as_deref().map(|name| self.set(name));
                Ok(Translator::minted(Arc::new(mint(settings).map_err(wrong)?), set))
            }
            Translation::Session(source) => {
                let broker = &self.brokers.get(upstream).expect("the configuration was checked").thing;
                Ok(match source {
                    Source::Links(name) => Translator::linked_session(Arc::clone(broker), self.set(name)),
                    Source::Service { account, secret } => {
                        let secret = secret.read_text().map_err(|error| wrong(error.into()))?;
                        Translator::service_session(Arc::clone(broker), account, secret.into())
                    }
                })
            }
        }
    }

    fn line(&self, form: Form, source: &Source) -> Result<Translator, Fault> {
        match source {
            Source::Links(name) => Ok(Translator::linked(form, self.set(name))),
            Source::Service { account, secret } => Ok(Translator::service(form, account, &secret.read()?)?),
        }
    }

    fn set(&self, name: &str) -> LinkSet {
        let links = self.links().expect("a route wants them, so they were made");
        LinkSet { links: Arc::clone(links), name: name.into() }
    }
}

impl LinkedSet {
    /// Those that the routes of a configuration name, in the order of their names.
    pub fn all(config: &Config) -> Vec<Self> {
        let mut sets: BTreeMap<String, Self> = BTreeMap::new();
        for route in &config.routes {
            let Target::Upstream { name: upstream, credentials, .. } = &route.target else { continue };
            let Some(name) = credentials.links() else { continue };
            let new = || Self { name: name.to_owned(), verified_by: None, has_user: false, has_secret: false };
            let set = sets.entry(name.to_owned()).or_insert_with(new);
            let Credentials::Translate(translation) = credentials else { continue };
            let login =
                config.upstreams.iter().find(|each| each.name == *upstream).and_then(|each| each.login.as_ref());
            match translation {
                Translation::Token { .. } => set.has_secret = true,
                Translation::Basic(_) => (set.has_user, set.has_secret) = (true, true),
                Translation::Session(_) => {
                    (set.has_user, set.has_secret) = (true, true);
                    set.verified_by = Some(upstream.clone());
                }
                // Its login says the number, once.
                Translation::Jwt(_) if login.is_some_and(|login| login.token_has_number) => {
                    set.verified_by.get_or_insert_with(|| upstream.clone());
                }
                Translation::Jwt(_) => {}
            }
        }
        sets.into_values().collect()
    }
}

type Fault = Box<dyn std::error::Error + Send + Sync>;

/// The keys, and a text that differs where they do.
fn link_keys(config: &Config) -> Result<(LinkKeys, String), CatalogueError> {
    let wrong = |error: Fault| CatalogueError::LinkKeys(error);
    let refs = &config.links;
    if refs.key.file().is_some_and(|file| !file.exists()) {
        make_key_file(&refs.key).map_err(|error| wrong(error.into()))?;
    }
    let current = refs.key.read().map_err(|error| wrong(error.into()))?;
    let previous = refs.previous.iter().map(checked::SecretRef::read).collect::<Result<Vec<Secret>, _>>();
    let previous = previous.map_err(|error| wrong(error.into()))?;
    let keys = LinkKeys::new(&current, &previous).map_err(|error| wrong(error.into()))?;
    // Its keys print by ids that are derived from them.
    let settings = format!("{keys:?}");
    Ok((keys, settings))
}

fn mint(settings: &checked::Jwt) -> Result<Mint, Fault> {
    let text = settings.key.read()?;
    let keys = signing_keys(settings.algorithm, &text)?;
    if !keys.can_sign() {
        return Err("the key only verifies; the private one is wanted".into());
    }
    let mut made = MintSettings::new(keys);
    made.claims = match settings.claims {
        checked::Claims::FitTrackee => Claims::FitTrackee,
        checked::Claims::Generic => Claims::Generic,
    };
    made.lifetime = settings.lifetime;
    made.issuer = settings.issuer.as_deref().map(Into::into);
    made.audience = settings.audience.as_deref().map(Into::into);
    made.header = settings.header.clone();
    made.prefix = settings.prefix.as_str().into();
    Ok(Mint::new(made))
}

fn login(written: &UpstreamLogin) -> Login {
    Login {
        path: written.path.as_str().into(),
        body: written.body.as_str().into(),
        token: written.token.as_str().into(),
        form: Form::Token { header: written.header.clone(), prefix: written.prefix.as_str().into() },
        expired: written.expired.clone(),
        refused: written.refused.clone(),
        lifetime: written.lifetime,
        token_has_number: written.token_has_number,
    }
}
