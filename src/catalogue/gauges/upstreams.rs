//! Figures of the servers behind the gateway, and of the sessions that it opens there.

use std::sync::Arc;

use super::count;
use crate::catalogue::Catalogue;
use crate::proxy::translate::Broker;
use crate::proxy::{AddressSnapshot, Snapshot, Upstream};
use crate::telemetry::metrics::{Page, real};

/// The upstreams of a configuration. Their names and addresses are all that labels hold.
#[derive(Debug)]
pub(super) struct Proxied {
    upstreams: Vec<Upstream>,
    brokers: Vec<(String, Arc<Broker>)>,
}

impl Proxied {
    pub(super) fn of(catalogue: &Catalogue) -> Self {
        let brokers = catalogue.translators.brokers().map(|(name, broker)| (name.to_owned(), Arc::clone(broker)));
        Self { upstreams: catalogue.upstreams.clone(), brokers: brokers.collect() }
    }

    pub(super) fn tell(&self, page: &mut Page) {
        let upstreams: Vec<Snapshot> = self.upstreams.iter().map(Upstream::snapshot).collect();
        for upstream in &upstreams {
            let labels = [("upstream", &*upstream.name)];
            let help = "Requests to an upstream whose answers have not ended.";
            page.gauge("trackgate_upstream_requests_in_flight", help, &labels, count(upstream.in_flight));
            let help = "Requests that wait for their turn.";
            page.gauge("trackgate_upstream_requests_waiting", help, &labels, count(upstream.queued));
            let help = "Requests that did not get their turn in time.";
            page.counter("trackgate_upstream_requests_refused_total", help, &labels, real(upstream.refused));
            if let Some(limit) = upstream.limit {
                let help = "Requests that may be under way at once.";
                page.gauge("trackgate_upstream_requests_limit", help, &labels, count(limit));
            }
        }
        for upstream in &upstreams {
            for address in &upstream.addresses {
                tell_address(page, &upstream.name, address);
            }
        }
        for (name, broker) in &self.brokers {
            let (labels, figures) = ([("upstream", name.as_str())], broker.figures());
            let help = "Sign-ins at an upstream that were tried.";
            page.counter("trackgate_broker_logins_total", help, &labels, real(figures.logins));
            let help = "Sign-ins that the upstream refused.";
            page.counter("trackgate_broker_logins_refused_total", help, &labels, real(figures.refused));
            let help = "Sign-ins that the upstream did not answer, or oddly.";
            page.counter("trackgate_broker_logins_failed_total", help, &labels, real(figures.failed));
            let help = "Accounts of the upstream whose sessions are remembered.";
            page.gauge("trackgate_broker_accounts", help, &labels, count(figures.accounts));
        }
    }
}

fn tell_address(page: &mut Page, upstream: &str, address: &AddressSnapshot) {
    let labels = [("upstream", upstream), ("address", &*address.address)];
    let help = "Requests to an address whose answers have not ended.";
    page.gauge("trackgate_upstream_address_requests_in_flight", help, &labels, count(address.in_flight));
    let help = "Whether health checks let an address take part.";
    page.gauge("trackgate_upstream_address_healthy", help, &labels, f64::from(u8::from(address.is_healthy)));
    let help = "Whether an address is left out after failures.";
    page.gauge("trackgate_upstream_address_ejected", help, &labels, f64::from(u8::from(address.is_ejected)));
    let help = "Requests that were sent to an address, further tries among them.";
    page.counter("trackgate_upstream_address_requests_total", help, &labels, real(address.requests));
    let help = "Requests that got no answer from an address.";
    page.counter("trackgate_upstream_address_failures_total", help, &labels, real(address.failed));
    let help = "Connections that were opened to an address.";
    page.counter("trackgate_upstream_address_connects_total", help, &labels, real(address.connects));
    let help = "Tries after a first one.";
    page.counter("trackgate_upstream_address_retries_total", help, &labels, real(address.retries));
}
