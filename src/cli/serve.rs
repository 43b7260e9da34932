//! `trackgate serve`: runs the gateway until it is told to stop.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use trackgate_schemes::SystemClock;

use super::{CliError, Common, descriptors, output};
use crate::assemble::{AssembleError, Gateway};
use crate::config::Config;
use crate::config::checked::LogFormat;
use crate::telemetry::{AccessLog, Form, start_messages};

pub(super) fn run(common: &Common, listen: Option<SocketAddr>) -> Result<(), CliError> {
    let config = common.load(listen)?;
    let form = form(&config);
    let messages = start_messages(form);
    warn(&config);
    descriptors::raise(&config);
    let log = if config.access_log { AccessLog::to(std::io::stderr(), form) } else { AccessLog::off() };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(AssembleError::Runtime)?;
    let ended = runtime.block_on(async {
        let mut signals = Signals::new().map_err(CliError::io("listening for signals"))?;
        let mut gateway = Gateway::start(config, Arc::new(SystemClock), log).await?;
        output::print(&format!("listening on {}", gateway.url()))?;
        if let Some(url) = gateway.admin_url() {
            tracing::info!("admin on {url}");
        }
        while signals.next().await == Wanted::Reload {
            reload(&mut gateway, common, listen).await;
        }
        tracing::info!("stopping: running requests may end; a second signal stops at once");
        tokio::select! {
            ended = gateway.shutdown() => {
                let ended = ended?;
                if ended.cut > 0 {
                    tracing::warn!(connections = ended.cut, "cut off at the end of the grace time");
                }
            }
            () = signals.stop() => tracing::warn!("stopped at once"),
        }
        Ok(())
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    messages.flush(Duration::from_secs(1));
    ended
}

/// Reads the configuration again; whatever is wrong with it, the old one goes on.
async fn reload(gateway: &mut Gateway, common: &Common, listen: Option<SocketAddr>) {
    let config = match common.load(listen) {
        Ok(config) => config,
        Err(error) => {
            tracing::error!("the new configuration does not load, the old one goes on: {error}");
            gateway.note_bad_reload();
            return;
        }
    };
    warn(&config);
    match gateway.reload(config).await {
        Ok(()) => tracing::info!("the configuration was read anew"),
        Err(error) => {
            let mut text = error.to_string();
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                text = format!("{text}: {cause}");
                source = cause.source();
            }
            tracing::error!("the new configuration cannot run, the old one goes on: {text}");
        }
    }
}

fn warn(config: &Config) {
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
}

fn form(config: &Config) -> Form {
    match config.log_format {
        Some(LogFormat::Json) => Form::Json,
        Some(_) => Form::Text,
        None if std::io::stderr().is_terminal() => Form::Text,
        None => Form::Json,
    }
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Reload,
    Stop,
}

struct Signals {
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> Wanted {
        tokio::select! {
            _ = self.hangup.recv() => Wanted::Reload,
            _ = self.interrupt.recv() => Wanted::Stop,
            _ = self.terminate.recv() => Wanted::Stop,
        }
    }

    async fn stop(&mut self) {
        while self.next().await == Wanted::Reload {}
    }
}
