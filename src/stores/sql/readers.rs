//! Connections that read beside the writer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool};
use tokio::sync::Semaphore;
use trackgate_schemes::store::{StoreError, StoreErrorKind};

use super::engine::Engine;
use super::fault::Fault;
use super::writer::Asked;
use crate::stores::kept;

/// A small pool, replaced as a whole when an embedded database must be reopened.
#[derive(Debug)]
pub(super) struct Readers {
    pool: RwLock<AnyPool>,
    size: u32,
    /// Calls that may wait for a connection: a slow store must not pile them up.
    waiting: Semaphore,
    distrusted: AtomicBool,
    closed: AtomicBool,
}

impl Readers {
    pub(super) fn new(engine: &Engine, size: u32) -> Self {
        Self {
            pool: RwLock::new(pool(engine, size)),
            size,
            waiting: Semaphore::new(MOST_WAITING),
            distrusted: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        }
    }

    /// Asks with one of the connections.
    pub(super) async fn ask<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        W: for<'c> FnOnce(&'c mut AnyConnection) -> Asked<'c, T> + Send,
    {
        let _place = self
            .waiting
            .try_acquire()
            .map_err(|_full| StoreError::new(StoreErrorKind::Unavailable, "too many calls wait for it"))?;
        let mut connection = self.acquire().await?;
        Ok(work(&mut connection).await?)
    }

    /// From now on the database is not believed until it was reopened.
    pub(super) fn distrust(&self) {
        self.distrusted.store(true, Ordering::SeqCst);
    }

    /// A new writing connection; after a failure all connections are made anew and the database checked.
    pub(super) async fn reopen(&self, engine: &Engine) -> Result<AnyConnection, Fault> {
        if !self.distrusted.load(Ordering::SeqCst) {
            return Ok(engine.connect_writer().await?);
        }
        if !engine.is_remote() {
            self.pool().close().await;
        }
        let mut connection = engine.connect_writer().await?;
        if !engine.check(&mut connection).await? {
            return Err(Fault::Corrupt("the database did not pass its check"));
        }
        if !engine.is_remote() {
            *self.pool.write().unwrap_or_else(PoisonError::into_inner) = pool(engine, self.size);
        }
        self.distrusted.store(false, Ordering::SeqCst);
        tracing::info!("the store was reopened");
        Ok(connection)
    }

    pub(super) async fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.pool().close().await;
    }

    /// A connection of the pool; while an embedded database is reopened, of the next pool.
    async fn acquire(&self) -> Result<PoolConnection<Any>, StoreError> {
        loop {
            match self.pool().acquire().await {
                Err(sqlx::Error::PoolClosed) if self.closed.load(Ordering::SeqCst) => return Err(kept::closed()),
                Err(sqlx::Error::PoolClosed) => tokio::time::sleep(REOPEN_PAUSE).await,
                other => return other.map_err(|error| Fault::from(error).into()),
            }
        }
    }

    fn pool(&self) -> AnyPool {
        self.pool.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn pool(engine: &Engine, size: u32) -> AnyPool {
    let set_up = engine.clone();
    AnyPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(ACQUIRE_LIMIT)
        .test_before_acquire(engine.is_remote())
        .after_connect(move |connection, _| {
            let engine = set_up.clone();
            Box::pin(async move { engine.set_up_reader(connection).await })
        })
        .connect_lazy_with(engine.connect_options())
}

const ACQUIRE_LIMIT: Duration = Duration::from_secs(3);
const MOST_WAITING: usize = 1024;
const REOPEN_PAUSE: Duration = Duration::from_millis(10);
