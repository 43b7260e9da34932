//! What is kept of one session.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::SystemTime;

use super::pulse::{Limits, Pulse};
use crate::clock::millis;
use crate::dense::{Chained, Timed, WheelLinks};
use crate::identity::Owner;
use crate::secret::KeyedDigest;
use crate::store::{Life, Session};
use crate::{AccountId, Credential, CredentialId, CredentialKind, Identity, Reason};

/// One session in 120 bytes.
#[derive(Debug, Default)]
pub(super) struct Record {
    id: CredentialId,
    digest: KeyedDigest,
    pulse: Pulse,
    /// `None` in a free place.
    owner: Option<Arc<Owner>>,
    /// The address that opened it, as IPv6.
    address: [u8; 16],
    /// When the facts were learnt, in seconds since 1970.
    learnt: u32,
    next: [u32; 4],
    links: WheelLinks,
    /// A number of the owner's.
    service: u8,
    has_address: bool,
    /// Not when the account changed and nobody read them again.
    has_facts: bool,
}

/// What was there before a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Facts {
    Had,
    HadNone,
}

impl Record {
    /// A record without facts.
    pub(super) fn new(digest: KeyedDigest, session: &Session, owner: Arc<Owner>) -> Self {
        let client = session.client.map(|client| client.to_canonical());
        Self {
            id: (&session.id).into(),
            digest,
            pulse: Pulse::new(session.opened_at, session.last_used_at),
            owner: Some(owner),
            address: client.map_or([0; 16], octets),
            has_address: client.is_some(),
            ..Self::default()
        }
    }

    pub(super) fn learn(&mut self, owner: Arc<Owner>, service: u8, now: SystemTime) -> Facts {
        self.owner = Some(owner);
        self.service = service;
        self.learnt = u32::try_from(millis(now) / 1000).unwrap_or(u32::MAX);
        let had = self.facts();
        self.has_facts = true;
        had
    }

    /// Facts that are gone are not of use before they are learnt again.
    pub(super) fn forget(&mut self) -> Facts {
        let had = self.facts();
        self.has_facts = false;
        had
    }

    fn facts(&self) -> Facts {
        if self.has_facts { Facts::Had } else { Facts::HadNone }
    }

    pub(super) fn id(&self) -> &CredentialId {
        &self.id
    }

    pub(super) fn digest(&self) -> KeyedDigest {
        self.digest
    }

    pub(super) fn pulse(&mut self) -> &mut Pulse {
        &mut self.pulse
    }

    pub(super) fn account(&self) -> Option<AccountId> {
        self.owner.as_ref().and_then(|owner| owner.account())
    }

    pub(super) fn client(&self) -> Option<IpAddr> {
        self.has_address.then(|| IpAddr::V6(Ipv6Addr::from_octets(self.address)).to_canonical())
    }

    /// Whether it has facts that are of use at `now`. They are read again after two life-times; the heartbeat
    /// tells what is alive. A clock that was stepped back behind the moment of learning makes them of no use.
    pub(super) fn is_fresh(&self, limits: Limits, now: u64) -> bool {
        let learnt = u64::from(self.learnt) * 1000;
        self.has_facts && now + CLOCK_SLACK >= learnt && now < learnt.saturating_add(limits.idle.saturating_mul(2))
    }

    /// Whether its facts are those that `who` was made of.
    pub(super) fn is_of(&self, who: &Identity, life: Life) -> bool {
        self.has_facts
            && who.credential().id == self.id
            && self.owner.as_ref().is_some_and(|owner| who.is_of(owner, self.service))
            && who.expires_at() == self.pulse.expires_at(life)
    }

    /// Whether it is good here and now.
    pub(super) fn judge(
        &mut self,
        life: Life,
        limits: Limits,
        now: SystemTime,
        is_home: impl FnOnce(Option<IpAddr>) -> bool,
    ) -> Option<Result<Identity, Reason>> {
        if !is_home(self.client()) {
            return Some(Err(Reason::AddressMismatch));
        }
        match self.pulse.check(limits, now) {
            Ok(()) => self.identity(life).map(Ok),
            Err(reason) => Some(Err(reason)),
        }
    }

    /// Counts a use; gives the last one when it is due to be written.
    pub(super) fn accept(&mut self, limits: Limits, now: SystemTime) -> Result<Option<SystemTime>, Reason> {
        self.pulse.accept(limits, now)?;
        Ok(self.pulse.due(limits))
    }

    /// The millisecond at which it may leave: a dead one stays for a life-time, lest each try asks the store.
    pub(super) fn leaves(&self, limits: Limits) -> u64 {
        self.pulse.end(limits).saturating_add(limits.idle)
    }

    fn identity(&self, life: Life) -> Option<Identity> {
        let credential = Credential::new(CredentialKind::Session, self.id.clone());
        let owner = Arc::clone(self.owner.as_ref()?);
        Some(Identity::of(owner, self.service, credential, self.pulse.expires_at(life)))
    }

    fn link<const CHAIN: usize>(&self) -> u32 {
        *self.next.get(CHAIN).expect("there are four chains")
    }

    fn link_mut<const CHAIN: usize>(&mut self) -> &mut u32 {
        self.next.get_mut(CHAIN).expect("there are four chains")
    }
}

/// An address in the one form in which it is kept and found.
pub(super) fn octets(client: IpAddr) -> [u8; 16] {
    match client {
        IpAddr::V4(client) => client.to_ipv6_mapped().octets(),
        IpAddr::V6(client) => client.octets(),
    }
}

impl Chained<BY_ACCOUNT> for Record {
    fn hash(&self, key: &RandomState) -> u64 {
        self.account().map_or(0, |account| key.hash_one(account))
    }

    fn next(&self) -> u32 {
        self.link::<BY_ACCOUNT>()
    }

    fn next_mut(&mut self) -> &mut u32 {
        self.link_mut::<BY_ACCOUNT>()
    }
}

impl Chained<BY_ADDRESS> for Record {
    fn hash(&self, key: &RandomState) -> u64 {
        key.hash_one(self.address)
    }

    fn next(&self) -> u32 {
        self.link::<BY_ADDRESS>()
    }

    fn next_mut(&mut self) -> &mut u32 {
        self.link_mut::<BY_ADDRESS>()
    }
}

impl Chained<BY_DIGEST> for Record {
    fn hash(&self, _key: &RandomState) -> u64 {
        self.digest.hash()
    }

    fn next(&self) -> u32 {
        self.link::<BY_DIGEST>()
    }

    fn next_mut(&mut self) -> &mut u32 {
        self.link_mut::<BY_DIGEST>()
    }
}

impl Chained<BY_ID> for Record {
    fn hash(&self, key: &RandomState) -> u64 {
        key.hash_one(self.id.as_str())
    }

    fn next(&self) -> u32 {
        self.link::<BY_ID>()
    }

    fn next_mut(&mut self) -> &mut u32 {
        self.link_mut::<BY_ID>()
    }
}

impl Timed for Record {
    fn links(&self) -> WheelLinks {
        self.links
    }

    fn links_mut(&mut self) -> &mut WheelLinks {
        &mut self.links
    }
}

pub(super) const BY_DIGEST: usize = 0;
pub(super) const BY_ID: usize = 1;
pub(super) const BY_ACCOUNT: usize = 2;
pub(super) const BY_ADDRESS: usize = 3;
/// Milliseconds.
const CLOCK_SLACK: u64 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_small() {
        assert_eq!(size_of::<Record>(), 120);
    }
}
