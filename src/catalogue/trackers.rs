//! The in-process trackers, and what each wants before it by its contract.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::HeaderName;
use trackgate_schemes::jwt::{Jwt, Purpose};
use trackgate_schemes::sliding::Sliding;
use trackgate_schemes::store::Account;
use trackgate_schemes::{AccountId, Carrier, Clock, Reason, Rejection, Scheme};

use super::schemes::{Contract, Schemes};
use super::{CatalogueError, Services};
use crate::accounts::{ChangeError, Origin, Visibility};
use crate::config::{Config, checked};
use crate::trackers::Tracker;
use crate::trackers::fittrackee::{self, FitTrackee, IssueToken, IssuedToken, PrivacyPolicy};
use crate::trackers::livetracking::{self, LiveTracking, Watch};
use crate::trackers::lptracker::{self, LpTracker, OpenSession, OpenedSession, Opening, Statuses};
use crate::trackers::sessions::{self, SessionTracker};

/// A credential of a tracker's own, beside those of its schemes: no upstream gets it either.
pub(super) const OF_TRACKERS: HeaderName = livetracking::SHARE_HEADER;

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
            let settings = fittrackee_settings(&config.trackers.fittrackee)?;
            Mounted {
                tracker: Arc::new(FitTrackee::new(services.clone(), Arc::new(jwt), settings)),
                schemes: vec![schemes.named("api")?, schemes.named("fit")?],
                own_header: None,
            }
        }
        "livetracking" => {
            let basic = schemes.contract(Contract::LiveTracking);
            let api = schemes.named("api")?;
            let written = &config.trackers.livetracking;
            let owners = [schemes.contract(Contract::Web), Arc::clone(&basic), Arc::clone(&api)];
            let (accounts, points) = (services.accounts.clone(), Arc::clone(&services.points));
            let watch = Watch::new(accounts, points, owners, &watch_settings(written));
            let tracker = LiveTracking::new(services.clone(), livetracking_settings(written));
            let tracker = tracker.asking(&basic, vec![api]).with_watch(watch);
            Mounted { tracker: Arc::new(tracker), schemes: vec![basic], own_header: None }
        }
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

fn watch_settings(written: &checked::LiveTracking) -> livetracking::WatchSettings {
    livetracking::WatchSettings {
        window: written.watch.window,
        tile_url: written.watch.tile_url.clone(),
        visibility: livetracking_settings(written).visibility,
        ..livetracking::WatchSettings::default()
    }
}

fn livetracking_settings(written: &checked::LiveTracking) -> livetracking::Settings {
    livetracking::Settings {
        compat: match written.compat {
            checked::Compat::Influx => livetracking::Compat::Influx,
            checked::Compat::Manual => livetracking::Compat::Manual,
        },
        public_reader: if written.public_reader {
            livetracking::PublicReader::default()
        } else {
            livetracking::PublicReader::Off
        },
        visibility: match written.visibility {
            checked::Visibility::Private => Visibility::Private,
            checked::Visibility::Public => Visibility::Public,
        },
        query: livetracking::QueryLimits {
            at_once: written.query_at_once,
            memory: written.query_memory_bytes,
            time: written.query_time,
        },
        ..livetracking::Settings::default()
    }
}

fn fittrackee_settings(written: &checked::FitTrackee) -> Result<fittrackee::Settings, CatalogueError> {
    let text = |text: &Option<String>| text.as_deref().map(Arc::from);
    let policy = |policy: &checked::PrivacyPolicy| PrivacyPolicy { text: (*policy.text).into(), date: policy.date };
    let registration =
        if written.registration { fittrackee::Registration::Open } else { fittrackee::Registration::Closed };
    let web_app = written.web_app.as_deref().map(fittrackee::WebApp::read).transpose();
    let web_app = web_app.map_err(|error| CatalogueError::WebApp(error.into()))?;
    Ok(fittrackee::Settings {
        registration,
        picture_limit: written.picture_limit,
        web_app: web_app.map(Arc::new),
        max_users: written.max_users,
        ui_url: written.ui_url.as_deref().unwrap_or_default().into(),
        privacy_policy: written.privacy_policy.as_ref().map(policy),
        admin_contact: text(&written.admin_contact),
        about: text(&written.about),
        export_keep: written.export_keep,
        ..fittrackee::Settings::default()
    })
}

/// What trackers must have done now and then: at the start, and each hour from then on. Never ends.
pub(super) async fn keep_house(services: Services, clock: Arc<dyn Clock>) {
    let mut hours = tokio::time::interval(Duration::from_hours(1));
    loop {
        hours.tick().await;
        match fittrackee::sweep_files(&services.accounts, &*services.files, clock.now()).await {
            Ok(0) => {}
            Ok(swept) => tracing::info!(swept, "files that nobody has any more were removed"),
            Err(why) => tracing::warn!(reason = %why.reason, "files that nobody has any more cannot be removed yet"),
        }
    }
}

/// Deletes an account with the files that trackers keep for it. A file that cannot be removed now is swept later.
///
/// # Errors
///
/// Those of [`AccountService::delete`], or what it has cannot be read; nothing is deleted then.
pub(super) async fn delete_account(
    services: &Services,
    id: AccountId,
    origin: &Origin,
) -> Result<Account, ChangeError> {
    let account = fittrackee::delete_account(&services.accounts, &*services.files, id, origin).await?;
    services.points.drop_points(id).await?;
    Ok(account)
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
    fn issue(&self, account: &Account, now: SystemTime) -> Result<IssuedToken, Rejection> {
        let text = Self::issue(self, account, Purpose::Access, now)?;
        let scheme = self.id();
        let signed = self.signed_out(&text, now).map_err(|_unfit| Rejection::new(Reason::Internal, scheme))?;
        Ok(IssuedToken { text, key: signed.key, scheme, ends_at: signed.until })
    }
}
