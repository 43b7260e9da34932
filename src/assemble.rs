//! Putting the gateway together: from a checked configuration to something that runs.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use trackgate_policies::{GuessLimits, Lockout};
use trackgate_schemes::store::StoreError;
use trackgate_schemes::{Clock, HashPool, SignIn, SystemClock};

use crate::accounts::{AccountService, Memories};
use crate::catalogue::{self, OpenError};
use crate::config::Config;
use crate::config::checked::SecretError;

/// What stays the same while configurations are replaced: the store, the accounts, the guess guard.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The account base.
    pub accounts: AccountService,
    /// Checks passwords.
    pub sign_in: SignIn,
    /// Counts guesses.
    pub lockout: Arc<Lockout>,
}

/// Why the gateway could not be put together.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssembleError {
    /// The data folder cannot be made.
    #[error("the data folder {} cannot be made", folder.display())]
    DataDir {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Threads or sockets cannot be had.
    #[error("the runtime cannot start")]
    Runtime(#[source] io::Error),
    /// A reference of the configuration cannot be read.
    #[error("a secret cannot be read")]
    Secret(#[from] SecretError),
    /// The store cannot be opened.
    #[error("the store cannot be opened")]
    Open(#[from] OpenError),
    /// The store answers not.
    #[error("the store does not answer")]
    Store(#[from] StoreError),
}

/// Opens the store of a configuration and what stands on it. Needs a tokio runtime around it, on which the
/// store then works.
///
/// # Errors
///
/// [`AssembleError`] with what cannot be had.
pub async fn ground(config: &Config, clock: Arc<dyn Clock>) -> Result<Ground, AssembleError> {
    make_data_dir(&config.data_dir)?;
    let store = catalogue::open_store(&config.store.resolve(&config.data_dir)?).await?;
    let limits = GuessLimits {
        per_account: config.guessing.per_account,
        per_network: config.guessing.per_network,
        window: config.guessing.window,
        lock: config.guessing.window,
        ..GuessLimits::default()
    };
    let lockout = Arc::new(Lockout::load(limits, Arc::clone(&store) as _, clock.now()).await?);
    let pool = HashPool::new(config.passwords.threads, config.passwords.queue);
    let sign_in = SignIn::new(Arc::clone(&store) as _, Arc::clone(&lockout) as _, pool);
    let accounts = AccountService::new(store, sign_in.clone(), Arc::new(Memories::default()), clock);
    Ok(Ground { accounts, sign_in, lockout })
}

/// Runs a task of the command line on the accounts of a configuration, and closes the store behind it.
///
/// # Errors
///
/// Those of [`ground`] and of the task.
pub fn with_accounts<T, E, F>(config: &Config, task: F) -> Result<T, E>
where
    E: From<AssembleError>,
    F: AsyncFnOnce(AccountService) -> Result<T, E>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(AssembleError::Runtime)?;
    let done = runtime.block_on(async {
        let ground = ground(config, Arc::new(SystemClock)).await?;
        let done = task(ground.accounts.clone()).await;
        let closed = ground.accounts.store().close().await;
        match (done, closed) {
            (Ok(_), Err(error)) => Err(AssembleError::Store(error).into()),
            (done, _) => done,
        }
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}

fn make_data_dir(folder: &Path) -> Result<(), AssembleError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|source| AssembleError::DataDir { folder: folder.to_owned(), source })
}
