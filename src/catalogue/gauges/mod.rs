//! Figures of what a gateway is made of, for the metrics page. Whoever has others adds them here.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use trackgate_schemes::{Forget, SignIn};

use super::Catalogue;
use crate::accounts::Progress;
use crate::gateway::{Connections, Streams};
use crate::ports::{Points, Store};
use crate::telemetry::metrics::{Gauges, Page, real};

mod upstreams;

use upstreams::Proxied;

/// What stays the same while configurations are replaced, and what the present one has.
#[derive(Debug)]
pub struct Figures {
    sign_in: SignIn,
    streams: Arc<Streams>,
    store: Arc<dyn Store>,
    points: Arc<dyn Points>,
    progress: Arc<Progress>,
    connections: Connections,
    memories: ArcSwap<Vec<(&'static str, Arc<dyn Forget>)>>,
    proxied: ArcSwap<Proxied>,
}

impl Figures {
    /// Of all these.
    pub fn new(
        sign_in: SignIn,
        streams: Arc<Streams>,
        store: Arc<dyn Store>,
        points: Arc<dyn Points>,
        progress: Arc<Progress>,
        connections: Connections,
        catalogue: &Catalogue,
    ) -> Self {
        let memories = ArcSwap::from_pointee(catalogue.schemes.remembering());
        let proxied = ArcSwap::from_pointee(Proxied::of(catalogue));
        Self { sign_in, streams, store, points, progress, connections, memories, proxied }
    }

    /// Tells of the schemes and upstreams of this catalogue from now on.
    pub fn replace(&self, catalogue: &Catalogue) {
        self.memories.store(Arc::new(catalogue.schemes.remembering()));
        self.proxied.store(Arc::new(Proxied::of(catalogue)));
    }
}

impl Gauges for Figures {
    fn tell(&self, page: &mut Page) {
        self.connections(page);
        self.hash_pool(page);
        self.memories(page);
        self.store(page);
        self.points(page);
        let help = "Answers that are being sent to a known credential, and end with it.";
        page.gauge("trackgate_streams_open", help, &[], count(self.streams.len()));
        let help = "Tunnels that are open, such as WebSockets.";
        page.gauge("trackgate_tunnels_open", help, &[], count(self.streams.tunnels()));
        let help = "Answers and tunnels that were ended with their credential.";
        page.counter(
            "trackgate_streams_ended_by_credential_total",
            help,
            &[],
            real(self.streams.ended_by_credential()),
        );
        self.proxied.load().tell(page);
        let help = "Entries of the event log that were applied.";
        page.counter("trackgate_event_log_events_total", help, &[], real(self.progress.applied()));
        let help = "Time since the event log was last read to its end.";
        page.gauge("trackgate_event_log_age_seconds", help, &[], self.progress.age().as_secs_f64());
    }
}

impl Figures {
    fn connections(&self, page: &mut Page) {
        let help = "Connections that are open, tunnels included.";
        page.gauge("trackgate_connections_open", help, &[], count(self.connections.open()));
        let help = "Connections that were accepted.";
        page.counter("trackgate_connections_accepted_total", help, &[], real(self.connections.accepted()));
        let help = "Bytes of the bodies of requests that were read.";
        page.counter("trackgate_request_body_bytes_total", help, &[], real(self.connections.received_bytes()));
    }

    fn hash_pool(&self, page: &mut Page) {
        let pool = self.sign_in.pool().figures();
        let help = "Threads that hash passwords.";
        page.gauge("trackgate_hash_pool_threads", help, &[], count(pool.threads));
        let help = "Passwords that wait to be hashed.";
        page.gauge("trackgate_hash_pool_waiting", help, &[], real(pool.waiting));
        let help = "Passwords that may wait; further ones are turned away.";
        page.gauge("trackgate_hash_pool_queue_limit", help, &[], count(pool.queue));
        let help = "Passwords that are being hashed.";
        page.gauge("trackgate_hash_pool_running", help, &[], real(pool.running));
        let help = "Passwords that were turned away since too many waited.";
        page.counter("trackgate_hash_pool_refused_total", help, &[], real(pool.refused));
        let help = "Passwords that waited and were turned away for those of other networks.";
        page.counter("trackgate_hash_pool_displaced_total", help, &[], real(pool.displaced));
        let help = "Passwords whose client left while they waited.";
        page.counter("trackgate_hash_pool_abandoned_total", help, &[], real(pool.abandoned));
        let help = "Passwords that were hashed.";
        page.counter("trackgate_hash_pool_jobs_total", help, &[], real(pool.ended));
        seconds(page, "trackgate_hash_pool_busy_seconds_total", "Time for which passwords were hashed.", pool.busy);
    }

    fn memories(&self, page: &mut Page) {
        for (scheme, memory) in self.memories.load().iter() {
            let Some(figures) = memory.figures() else { continue };
            let labels = [("scheme", *scheme)];
            let help = "Credentials that are remembered.";
            page.gauge("trackgate_credential_cache_entries", help, &labels, real(figures.entries));
            for (result, number) in [("hit", figures.hits), ("miss", figures.misses)] {
                let labels = [("scheme", *scheme), ("result", result)];
                let help = "Look-ups of credentials in memory.";
                page.counter("trackgate_credential_cache_lookups_total", help, &labels, real(number));
            }
        }
    }

    fn store(&self, page: &mut Page) {
        let store = self.store.figures();
        let help = "Writes that wait for the store's writer.";
        page.gauge("trackgate_store_writes_waiting", help, &[], real(store.waiting));
        let help = "Writes that were stored.";
        page.counter("trackgate_store_writes_total", help, &[], real(store.written));
        for (outcome, number) in [("success", store.commits), ("failure", store.commits_failed)] {
            let help = "Transactions of the store's writer.";
            page.counter("trackgate_store_commits_total", help, &[("outcome", outcome)], real(number));
        }
        let help = "Time that transactions took.";
        seconds(page, "trackgate_store_commit_seconds_total", help, store.commit_time);
        for (outcome, number) in [("success", store.reads), ("failure", store.reads_failed)] {
            let help = "Readings of the store.";
            page.counter("trackgate_store_reads_total", help, &[("outcome", outcome)], real(number));
        }
        seconds(page, "trackgate_store_read_seconds_total", "Time that readings took.", store.read_time);
    }

    fn points(&self, page: &mut Page) {
        let points = self.points.figures();
        for (outcome, number) in [("success", points.writes), ("failure", points.writes_failed)] {
            let help = "Writes of points.";
            page.counter("trackgate_points_writes_total", help, &[("outcome", outcome)], real(number));
        }
        let help = "Points that were stored, also over others.";
        page.counter("trackgate_points_written_total", help, &[], real(points.points));
        let help = "Cells of points that wait to be written.";
        page.gauge("trackgate_points_cells_waiting", help, &[], real(points.waiting_cells));
        page.gauge("trackgate_points_files", "Files of points.", &[], real(points.files));
        let help = "Accounts with points in memory that are in no file yet.";
        page.gauge("trackgate_points_accounts_in_memory", help, &[], real(points.accounts_in_memory));
    }
}

fn seconds(page: &mut Page, name: &'static str, help: &'static str, time: Duration) {
    page.counter(name, help, &[], time.as_secs_f64());
}

fn count(number: usize) -> f64 {
    real(number as u64)
}
