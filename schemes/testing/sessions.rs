//! Opening a session, as every store must do it.

use std::sync::Arc;
use std::time::SystemTime;

use crate::store::{AddressRule, OpenSession, Opened, Session};

/// Opens the session in one step; `sessions` are all that are stored, oldest first.
pub(super) fn open(sessions: &mut Vec<Session>, request: OpenSession) -> Opened {
    let OpenSession { session: new, life, unwritten, rule, per_account, .. } = request;
    let now = new.last_used_at;
    let is_live = |session: &Session| {
        let written = session.last_used_at;
        let known = unwritten.iter().filter(|(id, _)| *id == session.id).map(|(_, at)| *at);
        life.end(session.opened_at, known.fold(written, SystemTime::max)) > now
    };
    let same_scheme = |session: &Session| session.scheme == new.scheme;
    let same_address = |session: &Session| new.client.is_some() && session.client == new.client;
    let rivals: Vec<Arc<str>> = sessions
        .iter()
        .filter(|old| same_scheme(old) && same_address(old) && old.account != new.account && is_live(old))
        .map(|old| Arc::clone(&old.id))
        .collect();
    let mut ended = match rule {
        AddressRule::OneUserRefuse if !rivals.is_empty() => return Opened::AddressTaken,
        AddressRule::OneUserDisplace => rivals,
        AddressRule::Any | AddressRule::OneUserRefuse => Vec::new(),
    };
    sessions.retain(|old| {
        let near = same_scheme(old) && (old.account == new.account || same_address(old));
        !near || is_live(old)
    });
    let mut own: Vec<&Session> = sessions.iter().filter(|old| same_scheme(old) && old.account == new.account).collect();
    own.sort_by_key(|old| old.opened_at);
    let room = usize::try_from(per_account.max(1)).unwrap_or(usize::MAX) - 1;
    ended.extend(own.iter().take(own.len().saturating_sub(room)).map(|old| Arc::clone(&old.id)));
    sessions.retain(|old| !ended.contains(&old.id));
    sessions.push(new);
    Opened::Opened { ended }
}
