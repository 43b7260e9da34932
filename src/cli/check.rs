//! `trackgate check` and `trackgate routes`: what a configuration amounts to.

use serde::Serialize;

use super::{CliError, Common, output};
use crate::assemble;
use crate::catalogue::Catalogue;
use crate::gateway::{Route, Target};
use crate::layer::Mode;
use crate::mail::Carrier;

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    methods: String,
    path: String,
    hosts: Vec<String>,
    auth: String,
    policies: Vec<String>,
    target: String,
    max_body_bytes: u64,
    public: bool,
}

impl Row {
    fn of(route: &Route) -> Self {
        let schemes: Vec<_> = route.gate.schemes().iter().map(|scheme| scheme.id()).collect();
        let (auth, public) = match route.gate.mode() {
            Mode::Optional => (format!("{} (optional)", schemes.join(", ")), true),
            Mode::Public { reason } => (format!("public: {reason}"), true),
            Mode::Required => (schemes.join(", "), false),
        };
        let methods: Vec<_> = route.methods.iter().map(http::Method::as_str).collect();
        Self {
            name: route.name.to_string(),
            methods: if methods.is_empty() { "any".to_owned() } else { methods.join(",") },
            path: route.path.clone(),
            hosts: route.hosts.clone(),
            auth,
            policies: route.gate.policies().iter().map(|policy| policy.describe()).collect(),
            target: match &route.target {
                Target::ForwardAuth => "forward-auth".to_owned(),
                Target::Proxy { upstream, .. } => format!("upstream {}", upstream.name()),
                Target::Tracker(_) => "in-process".to_owned(),
            },
            max_body_bytes: route.max_body_bytes,
            public,
        }
    }

    fn cells(&self) -> Vec<String> {
        let hosts = if self.hosts.is_empty() { "any".to_owned() } else { self.hosts.join(",") };
        let policies = if self.policies.is_empty() { "-".to_owned() } else { self.policies.join("; ") };
        let (name, methods, path) = (self.name.clone(), self.methods.clone(), self.path.clone());
        vec![name, methods, path, hosts, self.auth.clone(), policies, self.target.clone()]
    }
}

const HEADER: [&str; 7] = ["route", "methods", "path", "hosts", "auth", "policies", "target"];

pub(super) fn check(common: &Common) -> Result<(), CliError> {
    let (rows, warnings) = effective(common)?;
    if common.json {
        return output::value(&serde_json::json!({ "routes": rows, "warnings": warnings }));
    }
    output::list(false, &HEADER, &rows, Row::cells, "there are no routes")?;
    for warning in &warnings {
        output::print(&format!("warning: {warning}"))?;
    }
    output::print(&format!("the configuration is good: {} routes, {} warnings", rows.len(), warnings.len()))
}

pub(super) fn routes(common: &Common, public: bool) -> Result<(), CliError> {
    let (mut rows, _warnings) = effective(common)?;
    if public {
        rows.retain(|row| row.public);
    }
    output::list(common.json, &HEADER, &rows, Row::cells, "there are no routes")
}

/// Puts everything together but sockets and store, so that what is shown is what would run.
fn effective(common: &Common) -> Result<(Vec<Row>, Vec<String>), CliError> {
    let config = common.load(None)?;
    if let Some(tls) = &config.listen.tls {
        crate::gateway::TlsReloader::load(&tls.cert, &tls.key).map_err(assemble::AssembleError::Tls)?;
    }
    if let Some(tls) = config.forward_auth.as_ref().and_then(|forward_auth| forward_auth.tls.as_ref()) {
        crate::gateway::TlsReloader::load(&tls.cert, &tls.key).map_err(assemble::AssembleError::Tls)?;
    }
    if let Some(mail) = &config.mail {
        Carrier::new(mail).map_err(assemble::AssembleError::Mail)?;
    }
    let rows = assemble::with_scratch(&config, async |ground| {
        let catalogue = Catalogue::make(&config, &ground.services(), &ground.sign_in, None).await;
        let catalogue = catalogue.map_err(assemble::AssembleError::Catalogue)?;
        let for_questions = catalogue.forward_auth.routes().iter();
        let for_questions = for_questions.filter(|route| matches!(route.target, Target::ForwardAuth));
        Ok::<_, CliError>(catalogue.table.all().chain(for_questions).map(Row::of).collect())
    })?;
    Ok((rows, config.warnings.clone()))
}
