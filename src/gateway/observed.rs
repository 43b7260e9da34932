//! A request as it is counted and kept, from its head to the end of its answer.

use std::sync::Arc;
use std::time::Duration;

use trackgate_schemes::Reason;

use super::routes::RouteTable;
use crate::layer::{Trail, Word};
use crate::telemetry::decisions::{Noted, Place, Ring, Said};
use crate::telemetry::metrics::{Authenticated, Counters, Ledger, Line};

/// What the requests of one thread are counted and kept in, for one configuration.
#[derive(Clone, Debug)]
pub struct Observer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ledger: Ledger,
    ring: Option<Arc<Ring>>,
}

impl Observer {
    /// Counts for the routes of this table, and keeps decisions where there is a ring.
    pub fn new(counters: &Arc<Counters>, ring: Option<&Arc<Ring>>, table: &RouteTable) -> Self {
        let names = table.all().map(|route| &route.name);
        let schemes = table.all().flat_map(|route| route.gate.schemes()).map(|scheme| scheme.id());
        Self(Arc::new(Inner { ledger: Ledger::new(counters, names, schemes), ring: ring.cloned() }))
    }

    /// A request comes in.
    pub(super) fn begin(&self) -> Flight {
        self.0.ledger.begun();
        Flight { observer: self.clone(), answered: None }
    }
}

/// A request under way. Its client left when it is dropped before it was answered.
#[derive(Debug)]
pub(super) struct Flight {
    observer: Observer,
    answered: Option<(Line, Option<Place>)>,
}

impl Flight {
    /// The head of its answer is known.
    pub(super) fn answered(&mut self, noted: &Noted<'_>, trail: &Trail) {
        let Inner { ledger, ring } = &*self.observer.0;
        let line = ledger.answered(noted.route, noted.method, noted.status);
        if let Some((reason, by)) = noted.refused {
            ledger.refused(line, reason, by);
            if reason == Reason::Missing {
                ledger.without_credential();
            }
        }
        for said in trail.schemes() {
            match said.word {
                Word::Known => ledger.authenticated(said.id, Authenticated::Known),
                Word::Refused => ledger.authenticated(said.id, Authenticated::Refused),
                Word::Failed => ledger.authenticated(said.id, Authenticated::Failed),
                _ => {}
            }
        }
        let said = |said: &crate::layer::Said| Said { id: said.id, word: said.word.as_str(), reason: said.reason };
        let place = ring.as_ref().map(|ring| ring.note(noted, trail.schemes().map(said), trail.policies().map(said)));
        self.answered = Some((line, place));
    }

    /// Its answer was sent to its end, or broke off.
    pub(super) fn ended(&self, took: Duration, bytes: u64) {
        let Inner { ledger, ring } = &*self.observer.0;
        let Some((line, place)) = self.answered else { return };
        ledger.ended(line, took, bytes);
        if let Some((ring, place)) = ring.as_ref().zip(place) {
            ring.ended(place, took, bytes);
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.observer.0.ledger.over();
        if self.answered.is_none() {
            self.observer.0.ledger.abandoned();
        }
    }
}
