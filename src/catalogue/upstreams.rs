//! Upstreams from their configuration.

use std::fs;
use std::path::Path;

use http::HeaderValue;

use super::CatalogueError;
use crate::config::checked::{self, Host, Http};
use crate::proxy::{ClientCertificate, Eject, HostHeader, Protocol, Settings, Tls, Upstream};

/// An upstream with nothing connected yet. Its files are read now.
pub(super) fn make(config: &checked::Upstream) -> Result<Upstream, CatalogueError> {
    let first = config.addresses.first().expect("the configuration was checked").clone();
    let mut settings = Settings::new(config.name.as_str(), first);
    settings.addresses.clone_from(&config.addresses);
    settings.protocol = match config.http {
        Http::Auto => Protocol::Auto,
        Http::One => Protocol::Http1,
        Http::Two => Protocol::Http2,
    };
    settings.tls = tls(config)?;
    settings.host = match &config.host {
        Host::Client => HostHeader::Client,
        Host::Named(name) => HeaderValue::from_str(name).map_or(HostHeader::Upstream, HostHeader::Named),
        Host::Upstream => HostHeader::Upstream,
    };
    settings.connect_timeout = config.connect_timeout;
    settings.response_timeout = config.response_timeout;
    settings.idle_timeout = config.idle_timeout;
    settings.pool_idle_timeout = config.pool_idle;
    settings.max_idle_connections = config.pool_connections;
    settings.retries = config.retries;
    settings.eject = config.eject.map(|(failures, time)| Eject { failures, time });
    settings.limits = config.limits;
    settings.health.clone_from(&config.health);
    Upstream::new(settings).map_err(|source| CatalogueError::Upstream { name: config.name.clone(), source })
}

fn tls(config: &checked::Upstream) -> Result<Tls, CatalogueError> {
    let read = |file: &Path| {
        let unreadable = |source| CatalogueError::UpstreamFile { name: config.name.clone(), file: file.into(), source };
        fs::read(file).map_err(unreadable)
    };
    let mut tls = Tls::default();
    tls.authorities = config.tls.authorities.as_deref().map(read).transpose()?;
    tls.server_name = config.tls.server_name.as_deref().map(Into::into);
    if let Some((chain, key)) = &config.tls.certificate {
        tls.certificate = Some(ClientCertificate { chain: read(chain)?, key: key.read()? });
    }
    Ok(tls)
}
