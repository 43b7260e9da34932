//! The account pages: sign-in, forms, tokens, sessions, and what nobody else may do there.

use std::net::SocketAddr;

use trackgate::accounts::Origin;
use trackgate::ports::{AccountChange, Ends};
use trackgate_schemes::Grants;
use trackgate_schemes::store::Account;

use crate::harness::{Answer, Inside, ask};

mod admin;
mod forms;
mod headers;
mod own;
mod sessions;
mod sign_in;
mod tokens;

/// A browser that is signed in, as far as the pages notice.
pub(crate) struct Browser {
    address: SocketAddr,
    /// Name and value.
    cookie: String,
    /// More header lines, each ended.
    lines: String,
}

impl Browser {
    /// Signs in with the password that accounts of the harness have.
    pub(crate) fn sign_in(inside: &Inside, name: &str) -> Self {
        Self::sign_in_with(inside, name, "correct-horse")
    }

    fn sign_in_with(inside: &Inside, name: &str, password: &str) -> Self {
        let answer = sign_in(inside, name, password, "");
        assert_eq!((answer.status, answer.header("location")), (303, "/account"), "{}", answer.text());
        Self { address: inside.address(), cookie: cookie(&answer), lines: String::new() }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        ask(self.address, &format!("GET {path}\nCookie: {}\n{}", self.cookie, self.lines), "")
    }

    /// Sends a form with the token that the page `from` shows.
    pub(crate) fn post(&self, from: &str, path: &str, fields: &str) -> Answer {
        let fields = format!("csrf={}&{fields}", self.csrf(from));
        self.post_raw(path, &fields)
    }

    /// Sends a form without any token.
    pub(crate) fn post_raw(&self, path: &str, fields: &str) -> Answer {
        let head = format!("POST {path}\nCookie: {}\n{FORM}\n{}", self.cookie, self.lines);
        ask(self.address, &head, fields)
    }

    fn csrf(&self, from: &str) -> String {
        let page = self.get(from);
        between(page.text(), "name=\"csrf\" value=\"", "\"").unwrap_or_else(|| panic!("no form on {from}")).to_owned()
    }

    /// Whether its session is good.
    fn is_signed_in(&self) -> bool {
        self.get("/account").status == 200
    }
}

fn sign_in(inside: &Inside, name: &str, password: &str, more: &str) -> Answer {
    let origin = format!("http://{}", inside.address());
    let head = format!("POST /account/sign-in\n{FORM}\nOrigin: {origin}\n{more}");
    inside.ask(&head, &format!("login={name}&password={password}"))
}

/// Name and value of the session cookie that an answer sets.
fn cookie(answer: &Answer) -> String {
    let lines = answer.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap());
    let line = lines.into_iter().find(|line| line.contains("trackgate=")).unwrap_or_else(|| panic!("{answer:?}"));
    line.split(';').next().unwrap().to_owned()
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(inside, _)| inside)
}

/// An account that may look after others.
fn admin(inside: &Inside, name: &str) -> Account {
    let account = inside.account(name);
    let grants = Grants::EVERYDAY.with(["account:admin".parse().unwrap()]);
    let change = AccountChange { grants: Some(grants), ..AccountChange::default() };
    let accounts = inside.gateway().accounts();
    inside.wait(accounts.change(account.id, change, Ends::Nothing, &Origin::operator())).unwrap()
}

/// Every page of somebody's own, and those of administrators.
const OWN_PAGES: [&str; 7] = [
    "/account",
    "/account/tokens",
    "/account/tokens/new",
    "/account/sessions",
    "/account/password",
    "/account/sharing",
    "/account/events",
];
const ADMIN_PAGES: [&str; 3] = ["/account/admin", "/account/admin/accounts/1", "/account/admin/audit"];

/// Every form of somebody's own, with good fields, and the page that shows it. `{token}`, `{session}` and `{link}`
/// stand for ids.
const OWN_FORMS: [(&str, &str, &str); 9] = [
    ("/account/tokens/new", "/account/tokens", "label=x&grant=points:read&expiry=30d"),
    ("/account/tokens/new", "/account/tokens/{token}/rotate", "overlap=0"),
    ("/account/tokens/new", "/account/tokens/{token}/revoke", ""),
    ("/account/sessions", "/account/sessions/{session}/end", ""),
    ("/account/sessions", "/account/sessions/end-all", ""),
    ("/account/password", "/account/password", "present=correct-horse&new=battery-staple&repeat=battery-staple"),
    ("/account/sharing", "/account/sharing/visibility", "visibility=private"),
    ("/account/sharing", "/account/sharing/links", "label=x&life=1h"),
    ("/account/sharing", "/account/sharing/links/{link}/end", ""),
];
const ADMIN_FORMS: [&str; 4] = [
    "/account/admin/accounts/{account}/disable",
    "/account/admin/accounts/{account}/enable",
    "/account/admin/accounts/{account}/end-sessions",
    "/account/admin/accounts/{account}/unlock",
];

/// All that forms can change of an account, as text.
fn state(inside: &Inside, account: &Account) -> String {
    let accounts = inside.gateway().accounts();
    let id = account.id;
    inside.wait(async {
        let store = accounts.store();
        let tokens = store.list_tokens(Some(id)).await.unwrap();
        let tokens: Vec<_> = tokens.into_iter().map(|token| (token.id, token.expires_at)).collect();
        let sessions = store.list_sessions(Some(id)).await.unwrap();
        let sessions: Vec<_> = sessions.into_iter().map(|session| session.id).collect();
        let account = store.account(id).await.unwrap();
        let password = account.as_ref().and_then(|account| account.password.clone());
        let password = password.map(|password| String::from_utf8_lossy(password.expose()).into_owned());
        let sharing = (accounts.visibility(id).await.unwrap(), accounts.shares(id).await.unwrap());
        format!("{account:?} {password:?} {tokens:?} {sessions:?} {sharing:?}")
    })
}

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
