//! Policies from the rules of a configuration.

use std::sync::Arc;

use trackgate_policies::{All, Any, Methods, Networks, Not, Policy, Rate, RatePer, RequireGrants};

use crate::config::checked::{RateBy, Rule};

/// The policies of a rule: cheap ones first, what counts last, so that a refused request is not counted.
pub(super) fn policies(rule: &Rule) -> Vec<Arc<dyn Policy>> {
    let mut policies = Vec::new();
    let mut counting = Vec::new();
    sort(rule, &mut policies, &mut counting);
    policies.append(&mut counting);
    policies
}

fn sort(rule: &Rule, policies: &mut Vec<Arc<dyn Policy>>, counting: &mut Vec<Arc<dyn Policy>>) {
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
    for each in &rule.all {
        sort(each, policies, counting);
    }
    if let Some(not) = &rule.not {
        let place = if counts(not) { &mut *counting } else { &mut *policies };
        place.push(Arc::new(Not::new(one(not))));
    }
    if !rule.any.is_empty() {
        let place = if rule.any.iter().any(counts) { &mut *counting } else { &mut *policies };
        place.push(Arc::new(Any::new(rule.any.iter().map(one))));
    }
    if let Some(rate) = &rule.rate {
        let per = match rate.by {
            RateBy::Client => RatePer::Client,
            RateBy::Identity => RatePer::Identity,
            RateBy::Route => RatePer::Route,
        };
        counting.push(Arc::new(Rate::new(rate.limit, per)));
    }
}

fn counts(rule: &Rule) -> bool {
    rule.rate.is_some() || rule.any.iter().chain(&rule.all).any(counts) || rule.not.as_deref().is_some_and(counts)
}

fn one(rule: &Rule) -> Arc<dyn Policy> {
    Arc::new(All::new(policies(rule)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::{self, Overrides};

    /// The policies of `allow = {…}`, in the order in which they are asked.
    fn described(allow: &str) -> Vec<String> {
        let text = format!("[[routes]]\nname = \"r\"\ntracker = \"sessions\"\nallow = {allow}");
        let config = config::parse(&text, Path::new("."), &Overrides::default(), "t.toml").unwrap();
        let policies = super::policies(config.routes[0].rule.as_ref().unwrap());
        policies.iter().map(|policy| policy.describe()).collect()
    }

    #[test]
    fn a_request_that_another_rule_refuses_is_not_counted() {
        let rate = "5/s per identity";
        assert_eq!(described(r#"{ rate = "5/s", methods = ["GET"] }"#), ["GET", rate]);
        assert_eq!(described(r#"{ all = [{ rate = "5/s" }, { methods = ["GET"] }] }"#), ["GET", rate]);
        assert_eq!(
            described(r#"{ all = [{ rate = "5/s" }], not = { methods = ["GET"] }, networks = ["10.0.0.0/8"] }"#),
            ["10.0.0.0/8", "not(all(GET))", rate]
        );
        assert_eq!(
            described(
                r#"{ any = [{ rate = "5/s" }, { methods = ["GET"] }], all = [{ not = { methods = ["PUT"] } }] }"#
            ),
            ["not(all(PUT))", "any(all(5/s per identity), all(GET))"]
        );
    }

    #[test]
    fn every_key_of_a_rule_is_a_policy() {
        let rule = r#"{ grants = ["points:read"], networks = ["10.0.0.0/8"], deny_networks = ["10.0.0.0/16"],
            methods = ["GET", "PUT"], hours = "mon-fri 08:00-18:00 UTC", rate = "5/m", rate_by = "route" }"#;
        assert_eq!(described(&rule.replace('\n', "")).len(), 5);
        assert_eq!(described("{}"), [""; 0]);
    }
}
