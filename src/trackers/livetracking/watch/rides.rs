//! Rides that somebody watches: each is read once, for all who watch it.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Semaphore, broadcast, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use trackgate_schemes::store::{StoreError, StoreErrorKind};
use trackgate_schemes::{AccountId, Clock};

use super::event::{Event, nanos};
use super::ride::{self, Ride, Rows};
use crate::ports::{Points, PointsView};

/// Reads rides, as few at once as the machine can bear.
#[derive(Debug)]
pub(super) struct Rides {
    points: Arc<dyn Points>,
    clock: Arc<dyn Clock>,
    window: Duration,
    readers: Arc<Semaphore>,
    open: Mutex<HashMap<AccountId, Weak<Live>>>,
}

/// A ride that somebody watches now.
#[derive(Debug)]
pub(super) struct Live {
    account: AccountId,
    news: broadcast::Sender<Event>,
    /// The ride as it was at a number of [`Points::changes`].
    whole: tokio::sync::Mutex<Option<Whole>>,
}

#[derive(Clone, Debug)]
struct Whole {
    changes: u64,
    read_at: Instant,
    event: Event,
}

impl Rides {
    /// Rides of the last `window` of time.
    pub(super) fn new(points: Arc<dyn Points>, clock: Arc<dyn Clock>, window: Duration) -> Self {
        let readers = Arc::new(Semaphore::new(READERS));
        Self { points, clock, window, readers, open: Mutex::default() }
    }

    /// How far back a ride is shown.
    pub(super) fn window(&self) -> Duration {
        self.window
    }

    /// The ride of an account, and what comes from now on. It is followed as long as somebody holds it.
    pub(super) fn follow(self: &Arc<Self>, account: AccountId) -> (Arc<Live>, broadcast::Receiver<Event>) {
        let mut open = self.open();
        if let Some(live) = open.get(&account).and_then(Weak::upgrade) {
            let news = live.news.subscribe();
            return (live, news);
        }
        open.retain(|_, live| live.strong_count() > 0);
        let (sender, news) = broadcast::channel(BACKLOG);
        let live = Arc::new(Live { account, news: sender, whole: tokio::sync::Mutex::default() });
        open.insert(account, Arc::downgrade(&live));
        // From here on no change is missed.
        let changes = self.points.changes(account);
        tokio::spawn(Follower::new(Arc::clone(self), &live).run(changes));
        (live, news)
    }

    /// The ride as a whole, read once for all who ask before it changes.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot be read, or too many are being read.
    pub(super) async fn whole(&self, live: &Live) -> Result<Event, StoreError> {
        let mut kept = live.whole.lock().await;
        let changes = *self.points.changes(live.account).borrow();
        if let Some(whole) = &*kept
            && whole.changes == changes
            && whole.read_at.elapsed() < FRESH
        {
            return Ok(whole.event.clone());
        }
        let event = Event::ride(&self.ride(live.account).await?);
        *kept = Some(Whole { changes, read_at: Instant::now(), event: event.clone() });
        Ok(event)
    }

    /// The ride of an account, for once.
    ///
    /// # Errors
    ///
    /// As [`whole`](Self::whole).
    pub(super) async fn ride(&self, account: AccountId) -> Result<Ride, StoreError> {
        let range = self.range(None);
        self.read(account, move |view| Ride::read(view, &range)).await
    }

    /// The points behind an instant in nanoseconds; `None` if they are too many for an event.
    ///
    /// # Errors
    ///
    /// As [`whole`](Self::whole).
    pub(super) async fn rows(&self, account: AccountId, after: Option<i64>) -> Result<Option<Rows>, StoreError> {
        let range = self.range(after);
        self.read(account, move |view| ride::rows(view, &range, MAX_ROWS)).await
    }

    async fn read<T: Send + 'static>(
        &self,
        account: AccountId,
        read: impl FnOnce(&dyn PointsView) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let busy = |what| StoreError::new(StoreErrorKind::Unavailable, what);
        let permit = timeout(PATIENCE, Arc::clone(&self.readers).acquire_owned()).await;
        let permit = permit.ok().and_then(Result::ok).ok_or_else(|| busy("too many rides are being read"))?;
        let points = Arc::clone(&self.points);
        let read = move || {
            let _permit = permit;
            read(&*points.view(account))
        };
        tokio::task::spawn_blocking(read).await.map_err(|_panicked| busy("reading a ride broke off"))?
    }

    /// What is shown: the window's past, and a little future, for not every clock is right.
    fn range(&self, after: Option<i64>) -> RangeInclusive<i64> {
        let now = self.clock.now();
        let first = nanos(now).saturating_sub(length(self.window));
        after.map_or(first, |after| first.max(after.saturating_add(1)))..=nanos(now).saturating_add(length(AHEAD))
    }

    fn open(&self) -> MutexGuard<'_, HashMap<AccountId, Weak<Live>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells those who watch a ride what comes.
struct Follower {
    rides: Arc<Rides>,
    live: Weak<Live>,
    /// The newest instant that was told.
    newest: Option<i64>,
    /// What was told of the last moments before it.
    told: Rows,
    /// The whole ride is to be told anew.
    owes_whole: bool,
    whole_at: Instant,
}

impl Follower {
    fn new(rides: Arc<Rides>, live: &Arc<Live>) -> Self {
        let live = Arc::downgrade(live);
        Self { rides, live, newest: None, told: BTreeMap::new(), owes_whole: false, whole_at: Instant::now() }
    }

    /// Follows until nobody watches.
    async fn run(mut self, mut changes: watch::Receiver<u64>) {
        if let Some(live) = self.live.upgrade() {
            self.newest = self.rides.whole(&live).await.ok().and_then(|whole| whole.last);
        }
        loop {
            let again_at = self.whole_at + if self.owes_whole { WHOLE_APART } else { WHOLE_EVERY };
            tokio::select! {
                told = changes.changed() => if told.is_err() { return },
                () = sleep_until(again_at) => self.owes_whole = true,
            }
            let Some(live) = self.live.upgrade() else { return };
            if let Err(error) = self.tell(&live).await {
                tracing::warn!(%error, "a ride that somebody watches cannot be read");
                (self.owes_whole, self.whole_at) = (true, Instant::now());
            }
            drop(live);
            sleep(APART).await;
        }
    }

    async fn tell(&mut self, live: &Live) -> Result<(), StoreError> {
        let from = self.newest.map(|newest| newest.saturating_sub(length(OVERLAP)));
        match self.rides.rows(live.account, from).await? {
            Some(rows) => {
                let fresh: Rows = rows.iter().filter(|(at, row)| self.told.get(at) != Some(row)).map(owned).collect();
                // Something changed, and not at the end: points of long ago, or points that are gone. As long as
                // nothing is known of what was told, only what is newer counts.
                let is_news = |at: &i64| !self.told.is_empty() || Some(*at) > self.newest;
                self.owes_whole |= !fresh.keys().any(is_news);
                self.newest = rows.keys().next_back().copied().max(self.newest);
                self.told = rows;
                if let Some(newest) = self.newest {
                    self.told = self.told.split_off(&newest.saturating_sub(length(OVERLAP)));
                }
                if !fresh.is_empty() {
                    say(live, Event::points(&fresh));
                }
            }
            None => self.owes_whole = true,
        }
        if self.owes_whole && self.whole_at.elapsed() >= WHOLE_APART {
            let whole = self.rides.whole(live).await?;
            self.newest = whole.last;
            self.told.clear();
            self.owes_whole = false;
            self.whole_at = Instant::now();
            say(live, whole);
        }
        Ok(())
    }
}

fn say(live: &Live, event: Event) {
    // Nobody may be there any more.
    drop(live.news.send(event));
}

fn owned((at, row): (&i64, &[Option<f64>; ride::SHOWN.len()])) -> (i64, [Option<f64>; ride::SHOWN.len()]) {
    (*at, *row)
}

fn length(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

/// Rides that are read at once.
const READERS: usize = 4;

/// How long to wait for one of them.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a ride that did not change is not read again; the window goes on all the same.
const FRESH: Duration = Duration::from_secs(10);

/// How far ahead the clocks of riders' devices may be.
const AHEAD: Duration = Duration::from_mins(10);

/// Points that come as late as this are told by themselves.
const OVERLAP: Duration = Duration::from_secs(10);

/// Time between two events: four a second.
const APART: Duration = Duration::from_millis(250);

/// Time between two whole rides at least.
const WHOLE_APART: Duration = Duration::from_secs(2);

/// Time between two whole rides at most, so that means and the window stay right.
const WHOLE_EVERY: Duration = Duration::from_mins(5);

/// Events that may wait for who reads slowly; then the whole ride is told in their place.
const BACKLOG: usize = 32;

/// Instants in one event.
const MAX_ROWS: usize = 600;
