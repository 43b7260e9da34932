//! The in-process trackers, and what each wants before it by its contract.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::HeaderName;
use trackgate_schemes::jwt::{Jwt, Purpose};
use trackgate_schemes::sliding::Sliding;
use trackgate_schemes::store::Account;
use trackgate_schemes::{Carrier, Clock, Rejection, Scheme, Secret};

use super::schemes::{Contract, Schemes};
use super::{CatalogueError, Services};
use crate::config::Config;
use crate::trackers::Tracker;
use crate::trackers::fittrackee::{self, FitTrackee, IssueToken};
use crate::trackers::livetracking::{self, LiveTracking};
use crate::trackers::lptracker::{self, LpTracker, OpenSession, OpenedSession, Opening, Statuses};
use crate::trackers::sessions::{self, SessionTracker};

/// A tracker with the schemes that its contract asks for.
pub(super) struct Mounted {
    pub(super) tracker: Arc<dyn Tracker>,
    pub(super) schemes: Vec<Arc<dyn Scheme>>,
    /// A header that only its clients send.
    pub(super) own_header: Option<HeaderName>,
}

/// The tracker of this name.
pub(super) fn mount(
    name: &str,
    config: &Config,
    services: &Services,
    schemes: &Schemes,
) -> Result<Mounted, CatalogueError> {
    let accounts = services.accounts.clone();
    Ok(match name {
        "fittrackee" => {
            let jwt = schemes.jwt("fit")?;
            let mut settings = fittrackee::Settings::default();
            settings.picture_limit = config.trackers.fittrackee_picture_limit;
            if let Some(folder) = &config.trackers.fittrackee_web_app {
                settings.web_app =
                    Some(Arc::new(fittrackee::WebApp::read(folder).map_err(|e| CatalogueError::WebApp(e.into()))?));
            }
            if !config.trackers.fittrackee_registration {
                settings.registration = fittrackee::Registration::Closed;
            }
            Mounted {
                tracker: Arc::new(FitTrackee::new(accounts, Arc::clone(&services.files), Arc::new(jwt), settings)),
                schemes: vec![schemes.named("api")?, schemes.named("fit")?],
                own_header: None,
            }
        }
        "livetracking" => Mounted {
            tracker: Arc::new(LiveTracking::new(accounts, livetracking::Settings::default())),
            schemes: vec![schemes.contract(Contract::LiveTracking)],
            own_header: None,
        },
        "lptracker" => {
            let sliding = schemes.sliding("lp")?;
            let mut settings = lptracker::Settings::default();
            if config.trackers.lptracker_real_status {
                settings.statuses = Statuses::Real;
            }
            Mounted {
                own_header: match sliding.carrier() {
                    Carrier::Header(name) => Some(name),
                    _ => None,
                },
                tracker: Arc::new(LpTracker::new(accounts, Arc::new(sliding), settings)),
                schemes: vec![schemes.named("lp")?],
            }
        }
        "sessions" => {
            let mut settings = sessions::Settings::default();
            if let Ok(zone) = jiff::tz::TimeZone::get(&config.trackers.sessions_time_zone) {
                settings.timezone = zone;
            }
            Mounted {
                tracker: Arc::new(SessionTracker::new(accounts, settings)),
                schemes: vec![schemes.contract(Contract::Sessions)],
                own_header: None,
            }
        }
        other => unreachable!("the configuration was checked, and there is no tracker {other}"),
    })
}

/// What trackers must have done now and then: at the start, and each hour from then on. Never ends.
pub(super) async fn keep_house(services: Services, clock: Arc<dyn Clock>) {
    let mut hours = tokio::time::interval(Duration::from_hours(1));
    loop {
        hours.tick().await;
        match fittrackee::sweep_pictures(&services.accounts, &*services.files, clock.now()).await {
            Ok(0) => {}
            Ok(swept) => tracing::info!(swept, "pictures that nobody has any more were removed"),
            Err(why) => tracing::warn!(reason = %why.reason, "pictures that nobody has any more cannot be removed yet"),
        }
    }
}

impl OpenSession for Sliding {
    fn open<'a>(
        &'a self,
        account: &'a Account,
        service: &'a str,
        client: Option<IpAddr>,
        now: SystemTime,
    ) -> Opening<'a> {
        Box::pin(async move {
            let opened = Self::open(self, account, service, client, now).await?;
            Ok(OpenedSession { token: opened.token, id: opened.id })
        })
    }
}

impl IssueToken for Jwt {
    fn issue(&self, account: &Account, now: SystemTime) -> Result<Secret, Rejection> {
        Self::issue(self, account, Purpose::Access, now)
    }
}
