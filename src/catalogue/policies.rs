//! Policies from the rules of a configuration.

use std::sync::Arc;

use trackgate_policies::{All, Any, Methods, Networks, Not, Policy, Rate, RatePer, RequireGrants};

use crate::config::checked::{RateBy, Rule};

/// The policies of a rule: cheap ones first, rates last, so that a refused request is not counted.
pub(super) fn policies(rule: &Rule) -> Vec<Arc<dyn Policy>> {
    let mut policies: Vec<Arc<dyn Policy>> = Vec::new();
    match (rule.networks.is_empty(), rule.deny_networks.is_empty()) {
        (true, true) => {}
        (true, false) => policies.push(Arc::new(Networks::all_but(rule.deny_networks.iter().copied()))),
        (false, _) => {
            let networks = Networks::only(rule.networks.iter().copied());
            policies.push(Arc::new(networks.but(rule.deny_networks.iter().copied())));
        }
    }
    if !rule.methods.is_empty() {
        policies.push(Arc::new(Methods::new(rule.methods.iter().cloned())));
    }
    if !rule.grants.is_empty() {
        policies.push(Arc::new(RequireGrants::new(rule.grants.clone())));
    }
    if let Some(hours) = &rule.hours {
        policies.push(Arc::new(hours.clone()));
    }
    policies.extend(rule.all.iter().flat_map(self::policies));
    if let Some(not) = &rule.not {
        policies.push(Arc::new(Not::new(one(not))));
    }
    if !rule.any.is_empty() {
        policies.push(Arc::new(Any::new(rule.any.iter().map(one))));
    }
    if let Some(rate) = &rule.rate {
        let per = match rate.by {
            RateBy::Client => RatePer::Client,
            RateBy::Identity => RatePer::Identity,
            RateBy::Route => RatePer::Route,
        };
        policies.push(Arc::new(Rate::new(rate.limit, per)));
    }
    policies
}

fn one(rule: &Rule) -> Arc<dyn Policy> {
    Arc::new(All::new(policies(rule)))
}
