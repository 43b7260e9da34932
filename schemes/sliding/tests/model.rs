//! Memory beside a model of it: a map of sessions, in which nothing is ever short of room.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use super::super::memory::{Memory, Moment};
use super::*;
use crate::store::{Answer, StoreErrorKind};

#[derive(Clone, Copy, Debug)]
enum Deed {
    Accept(usize),
    Around(usize),
    Change(usize),
    End(usize),
    Find(usize),
    ForgetAll,
    Learn(usize),
    /// With what the store told some time ago.
    LearnLate(usize),
    Moment,
    TakeOver(usize),
    Wait(u64),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let any = 0..SESSIONS;
    let deed = prop_oneof![
        6 => any.clone().prop_map(Deed::Accept),
        2 => any.clone().prop_map(Deed::Around),
        1 => any.clone().prop_map(Deed::Change),
        1 => any.clone().prop_map(Deed::End),
        6 => any.clone().prop_map(Deed::Find),
        1 => Just(Deed::ForgetAll),
        8 => any.clone().prop_map(Deed::Learn),
        2 => any.clone().prop_map(Deed::LearnLate),
        2 => Just(Deed::Moment),
        1 => any.prop_map(Deed::TakeOver),
        3 => prop_oneof![0..2_000_u64, 0..60_000_u64].prop_map(Deed::Wait),
    ];
    prop::collection::vec(deed, 0..300)
}

/// The store: when each session was last used, as far as it was told. Ended ones are not there.
#[derive(Debug)]
struct Told(Mutex<BTreeMap<usize, u64>>);

impl Told {
    fn at(&self, n: usize) -> Option<u64> {
        self.0.lock().unwrap().get(&n).copied()
    }

    fn end(&self, n: usize) {
        self.0.lock().unwrap().remove(&n);
    }
}

impl Sessions for Told {
    fn open_session(&self, _request: OpenSession) -> Answer<'_, Opened> {
        unreachable!("memory opens none")
    }

    fn session<'a>(&'a self, _scheme: &'a str, _digest: &'a Digest) -> Answer<'a, Option<(Session, Account)>> {
        unreachable!("memory reads none")
    }

    fn close_session<'a>(&'a self, _id: &'a str) -> Answer<'a, Option<AccountId>> {
        Box::pin(async { Err(crate::store::StoreError::new(StoreErrorKind::Unavailable, "memory closes none")) })
    }

    fn note_session_use(&self, id: &str, at: SystemTime) {
        let n = id.strip_prefix(PREFIX).unwrap().parse().unwrap();
        if let Some(last) = self.0.lock().unwrap().get_mut(&n) {
            *last = (*last).max(since(at));
        }
    }
}

/// What memory would know if it had room.
#[derive(Clone, Debug)]
struct Known {
    used: u64,
    written: u64,
    dead: bool,
    /// The identity and when it was learnt; `None` after its account changed.
    facts: Option<(Identity, u64)>,
}

struct World {
    memory: Memory,
    store: Arc<Told>,
    key: DigestKey,
    life: Life,
    /// Whether memory has room for all.
    roomy: bool,
    now: u64,
    known: BTreeMap<usize, Known>,
    versions: [u32; ACCOUNTS],
    /// All changes: which sessions they bear on.
    changes: Vec<BTreeSet<usize>>,
    late: Option<Late>,
    held: BTreeMap<usize, Identity>,
}

/// What the store told at a moment, and how many changes there had been.
#[derive(Clone)]
struct Late {
    moment: Moment,
    before: usize,
    told: BTreeMap<usize, u64>,
    versions: [u32; ACCOUNTS],
}

impl World {
    fn new(life: Life, capacity: usize) -> Self {
        let store = Arc::new(Told(Mutex::new((0..SESSIONS).map(|n| (n, 0)).collect())));
        Self {
            memory: Memory::new("lp", life, Arc::clone(&store) as Arc<dyn Sessions>, capacity),
            store,
            key: DigestKey::random(),
            life,
            roomy: capacity > 100 * SESSIONS,
            now: 0,
            known: BTreeMap::new(),
            versions: [0; ACCOUNTS],
            changes: Vec::new(),
            late: None,
            held: BTreeMap::new(),
        }
    }

    fn end(&self, known: &Known) -> u64 {
        let idle = known.used + millis_of(self.life.idle);
        self.life.absolute.map_or(idle, |absolute| idle.min(millis_of(absolute)))
    }

    /// Whether memory may have let it go.
    fn may_be_gone(&self, n: usize) -> bool {
        !self.roomy || self.known.get(&n).is_none_or(|known| self.end(known) + millis_of(self.life.idle) <= self.now)
    }

    fn check(&mut self, n: usize) -> Result<Identity, Reason> {
        let known = self.known[&n].clone();
        if known.dead || self.now >= self.end(&known) {
            self.known.get_mut(&n).unwrap().dead = true;
            return Err(Reason::Expired);
        }
        Ok(known.facts.unwrap().0)
    }

    fn learn(&mut self, n: usize, moment: Moment, before: usize, last_used: u64, version: u32) {
        let account = Account { grants: format!("points:v{version}").parse().unwrap(), ..account(account_of(n)) };
        let session = Session {
            id: format!("{PREFIX}{n}").into(),
            digest: Digest::sha256(&[]),
            scheme: "lp".into(),
            account: account.id,
            service: format!("service {}", n % 12).into(),
            client: client(n),
            opened_at: start(),
            last_used_at: at(last_used),
        };
        let found = self.memory.learn(moment, &self.digest(n), &session, &account, at(self.now), |_home| true);
        let changed = self.changes[before..].iter().any(|change| change.contains(&n));
        assert_eq!(found.is_none(), changed, "stale answers are not learnt, others are");
        let Some(found) = found else { return };
        let credential = Credential::new(CredentialKind::Session, format!("{PREFIX}{n}"));
        let identity = Identity::new(Subject::Account(account.id), account.name, "lp", credential)
            .with_grants(account.grants)
            .with_service(Some(session.service))
            .with_expiry(self.life.absolute.map(|absolute| start() + absolute));
        let fresh = Known { used: last_used, written: last_used, dead: false, facts: None };
        let known = self.known.entry(n).or_insert(fresh);
        known.facts = Some((identity, self.now / 1000 * 1000));
        assert_eq!(found, self.check(n));
    }

    fn find(&mut self, n: usize) {
        let found = self.memory.find(&self.digest(n), at(self.now), |home| {
            assert_eq!(home, client(n));
            true
        });
        let facts = self.known.get(&n).and_then(|known| known.facts.as_ref());
        let fresh = facts.is_some_and(|(_, learnt)| self.now < learnt + 2 * millis_of(self.life.idle));
        match found {
            None => assert!(!fresh || self.may_be_gone(n), "{n} was forgotten"),
            Some(found) => {
                assert!(fresh, "{n} should be forgotten");
                self.held.extend(found.iter().map(|who| (n, who.clone())));
                assert_eq!(found, self.check(n));
            }
        }
    }

    fn accept(&mut self, n: usize) {
        let Some(mut who) = self.held.get(&n).cloned() else { return };
        if n.is_multiple_of(2) {
            // Another's place, or nobody's.
            who = who.kept_at(0, u32::try_from(n).unwrap());
        }
        let answer = self.memory.accept(&who, at(self.now));
        let same = self.known.get(&n).and_then(|known| known.facts.as_ref()).is_some_and(|(own, _)| *own == who);
        let Some(answer) = answer else {
            assert!(!same || self.may_be_gone(n), "a use of {n} was lost");
            return;
        };
        assert!(same, "{n} is no longer what it was");
        let expected = self.check(n).map(|_| {
            let (now, step) = (self.now, millis_of(self.life.idle) / 48);
            let known = self.known.get_mut(&n).unwrap();
            known.used = known.used.max(now);
            (known.used > known.written && known.used - known.written >= step).then(|| {
                known.written = known.used;
                at(known.used)
            })
        });
        assert_eq!(answer, expected);
        if let Ok(Some(due)) = answer {
            self.store.note_session_use(&who.credential().id, due);
        }
    }

    /// What a sign-in of this session's account at this session's address is told.
    fn around(&mut self, n: usize) -> Vec<Arc<str>> {
        let around = self.memory.around(AccountId(account_of(n)), client(n), at(self.now));
        let mine = |other: usize| account_of(other) == account_of(n);
        let here = |other: usize| client(n).is_some() && client(other) == client(n);
        let near: Vec<usize> = self.known.keys().copied().filter(|other| mine(*other) || here(*other)).collect();
        let number = |id: &str| id.strip_prefix(PREFIX).unwrap().parse::<usize>().unwrap();
        let others: BTreeSet<usize> = around.others.iter().map(|id| number(id)).collect();
        for other in near {
            assert!(!others.contains(&other) || !mine(other));
            assert!(others.contains(&other) || mine(other) || self.may_be_gone(other), "{other} is at the address");
            let known = self.known.get_mut(&other).unwrap();
            let over = known.dead
                || self.now >= {
                    let known = known.clone();
                    self.end(&known)
                };
            let known = self.known.get_mut(&other).unwrap();
            known.dead |= over;
            let told = around.unwritten.iter().find(|(id, _)| number(id) == other).map(|(_, used)| since(*used));
            let known = known.clone();
            let expected = (!over && known.used > known.written).then_some(known.used);
            assert!(told == expected || (told.is_none() && self.may_be_gone(other)), "{other}: {told:?} {expected:?}");
        }
        around.others
    }

    fn note(&mut self, bears_on: impl Fn(usize) -> bool) {
        self.changes.push((0..SESSIONS).filter(|n| bears_on(*n)).collect());
    }

    fn forget(&mut self, account: Option<i64>) {
        for (n, known) in &mut self.known {
            if account.is_none_or(|account| account_of(*n) == account) {
                known.facts = None;
            }
        }
    }

    fn gone(&mut self, n: usize) {
        self.known.remove(&n);
        self.store.end(n);
    }

    fn act(&mut self, deed: Deed) {
        match deed {
            Deed::Accept(n) => self.accept(n),
            Deed::Around(n) => drop(self.around(n)),
            Deed::Change(n) => {
                let account = account_of(n);
                self.versions[usize::try_from(account).unwrap()] += 1;
                self.memory.forget_account(AccountId(account));
                self.note(|n| account_of(n) == account);
                self.forget(Some(account));
            }
            Deed::End(n) => {
                self.memory.forget_credential(&format!("{PREFIX}{n}"));
                self.note(|other| other == n);
                self.gone(n);
            }
            Deed::Find(n) => self.find(n),
            Deed::ForgetAll => {
                self.memory.forget_all();
                self.note(|_| true);
                self.forget(None);
                assert_eq!(self.memory.figures().unwrap().entries, 0);
            }
            Deed::Learn(n) => {
                let version = self.versions[usize::try_from(account_of(n)).unwrap()];
                if let Some(last_used) = self.store.at(n) {
                    self.learn(n, self.memory.moment(), self.changes.len(), last_used, version);
                }
            }
            Deed::LearnLate(n) => {
                let Some(Late { moment, before, told, versions }) = self.late.clone() else { return };
                // What was used since must not be learnt from before, but only where memory has no heartbeat of it.
                let stale = self.changes[before..].iter().any(|change| change.contains(&n));
                if let Some(last_used) = told.get(&n).filter(|last| stale || self.store.at(n) == Some(**last)) {
                    self.learn(n, moment, before, *last_used, versions[usize::try_from(account_of(n)).unwrap()]);
                }
            }
            Deed::Moment => {
                let told = self.store.0.lock().unwrap().clone();
                let (moment, before, versions) = (self.memory.moment(), self.changes.len(), self.versions);
                self.late = Some(Late { moment, before, told, versions });
            }
            Deed::TakeOver(n) => {
                let (Some(here), account) = (client(n), account_of(n)) else { return };
                let others = self.around(n);
                self.memory.take_over(here, AccountId(account), &others);
                let displaced = |other: usize| client(other) == Some(here) && account_of(other) != account;
                self.note(displaced);
                (0..SESSIONS).filter(|other| displaced(*other)).for_each(|other| self.gone(other));
            }
            Deed::Wait(time) => self.now += time,
        }
    }

    fn digest(&self, n: usize) -> KeyedDigest {
        self.key.digest(&[&n.to_le_bytes()])
    }
}

fn account_of(n: usize) -> i64 {
    i64::try_from(n % ACCOUNTS).unwrap()
}

fn client(n: usize) -> Option<IpAddr> {
    [ip("192.0.2.1"), None, ip("2001:db8::1"), ip("192.0.2.2")][n / 2 % 4]
}

fn at(millis: u64) -> SystemTime {
    start() + Duration::from_millis(millis)
}

fn since(at: SystemTime) -> u64 {
    millis_of(at.duration_since(start()).unwrap())
}

fn millis_of(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap()
}

proptest! {
    #[test]
    fn memory_is_a_map_that_may_be_short_of_room(
        deeds in deeds(),
        capacity in prop::sample::select(vec![1, 3, 10, 100_000]),
        absolute in prop::option::of(Just(Duration::from_secs(100))),
    ) {
        let mut world = World::new(Life { idle: Duration::from_secs(48), absolute }, capacity);
        for deed in deeds {
            world.act(deed);
            assert!(world.memory.len() <= capacity);
            let with_facts = world.known.values().filter(|known| known.facts.is_some()).count();
            assert!(world.memory.figures().unwrap().entries <= with_facts as u64);
        }
    }
}

const SESSIONS: usize = 40;
const ACCOUNTS: usize = 3;
/// Some ids are longer than what stands in a record itself.
const PREFIX: &str = "a-session-of-numbers-";
