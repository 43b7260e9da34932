//! What stands around every page, and how pages write times and addresses.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use jiff::Timestamp;
use trackgate_schemes::store::StoreError;
use trackgate_schemes::{Grant, Identity};

use super::Shared;
use super::assets::{Assets, assets};
use super::form::{Fields, encode};
use super::icons::icon;
use super::visit::Around;
use super::words::{Language, Words};

/// What stands around a page.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    words: &'static Words,
    language: Language,
    /// The page's own title.
    pub(super) title: String,
    /// What the pages call this server.
    pub(super) site: String,
    pub(super) assets: &'static Assets,
    /// Who is signed in.
    pub(super) who: Option<Who>,
    /// The part of the pages that this one belongs to.
    pub(super) part: &'static str,
    pub(super) flash: Option<Flash>,
    /// Whether there are servers whose accounts can be linked.
    pub(super) has_links: bool,
    /// The token of its forms.
    pub(super) csrf: String,
    here: String,
}

/// Who is signed in.
#[derive(Clone, Debug)]
pub(super) struct Who {
    pub(super) name: Arc<str>,
    pub(super) is_admin: bool,
}

/// One message above a page.
#[derive(Clone, Debug)]
pub(super) struct Flash {
    /// `good`, `bad`, `warn` or `note`: how it looks.
    pub(super) kind: &'static str,
    pub(super) text: String,
}

impl Frame {
    /// With who is signed in, and the token for the forms on the page.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the token's key cannot be read.
    pub(super) async fn new(shared: &Shared, around: &Around, title: &str) -> Result<Self, StoreError> {
        let mut frame = Self::bare(shared, around, title);
        if let Some(who) = &around.who {
            frame.csrf = shared.guard.token(&**shared.accounts.store(), &who.credential().id).await?;
            frame.who = Some(Who { name: who.name().into(), is_admin: is_admin(who) });
        }
        Ok(frame)
    }

    /// Without anything that a store must be asked for.
    pub(super) fn bare(shared: &Shared, around: &Around, title: &str) -> Self {
        Self {
            words: around.language.words(),
            language: around.language,
            title: title.to_owned(),
            site: shared.settings.account.title.clone(),
            assets: assets(),
            who: None,
            part: "",
            flash: None,
            has_links: shared.settings.linked.is_some(),
            csrf: String::new(),
            here: around.here.clone(),
        }
    }

    /// As a page of this part.
    #[must_use]
    pub(super) fn of(mut self, part: &'static str) -> Self {
        self.part = part;
        self
    }

    /// With this message.
    #[must_use]
    pub(super) fn saying(mut self, kind: &'static str, text: impl Into<String>) -> Self {
        self.flash = Some(Flash { kind, text: text.into() });
        self
    }

    /// With the message of what was just done, as the page before says in `done`.
    #[must_use]
    pub(super) fn flash_of(self, query: &Fields) -> Self {
        match self.words.below("done.", query.get("done")) {
            "" => self,
            text => self.saying("good", text),
        }
    }

    /// The text of a key.
    pub(super) fn t<'a>(&'a self, key: &'a str) -> &'a str {
        self.words.get(key)
    }

    /// The text of a key with a value in the place of `{name}`.
    pub(super) fn with(&self, key: &str, name: &str, value: impl fmt::Display) -> String {
        self.words.with(key, name, &value.to_string())
    }

    /// The code of the page's language.
    pub(super) fn lang(&self) -> &'static str {
        self.language.code()
    }

    /// The other languages, each with the link that chooses it.
    pub(super) fn others(&self) -> Vec<(&'static str, &'static str, String)> {
        let others = Language::ALL.into_iter().filter(|language| *language != self.language);
        let link = |language: Language| {
            let to = format!("/account/language?to={}&next={}", language.code(), encode(&self.here));
            (language.code(), language.name(), to)
        };
        others.map(link).collect()
    }

    /// A small picture, as markup.
    #[expect(clippy::unused_self, reason = "templates call methods of what they have")]
    pub(super) fn icon(&self, name: &str) -> String {
        icon(name)
    }

    /// Whether the page belongs to this part.
    pub(super) fn is(&self, part: &str) -> bool {
        self.part == part
    }
}

/// Whether an identity may look after other accounts.
pub(super) fn is_admin(who: &Identity) -> bool {
    who.grants().allow(&ADMIN.parse::<Grant>().expect("it is area:action"))
}

/// The grant of those who look after other accounts.
pub(super) const ADMIN: &str = "account:admin";

/// An instant as pages write it, in UTC.
#[derive(Clone, Copy, Debug)]
pub(super) struct When(pub(super) SystemTime);

impl When {
    /// For machines (RFC 3339).
    pub(super) fn iso(&self) -> String {
        self.stamp().map_or_else(String::new, |at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
    }

    fn stamp(self) -> Option<Timestamp> {
        Timestamp::try_from(self.0).ok()
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.stamp() {
            // One word for the time and its zone: lines break before it alone.
            Some(at) => write!(f, "{}\u{a0}UTC", at.strftime("%Y-%m-%d %H:%M")),
            None => f.write_str("-"),
        }
    }
}

/// An address, or nothing.
pub(super) fn address(client: Option<IpAddr>) -> String {
    client.map(|client| client.to_string()).unwrap_or_default()
}
