//! What a request for decisions asks for.

use trackgate_schemes::Reason;

use crate::message::form_decoded;
use crate::telemetry::decisions::Wanted;

/// The parameters of `/decisions`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) limit: usize,
    reason: Option<String>,
    route: Option<String>,
    user: Option<String>,
}

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words of ours.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut query = Self { limit: 100, reason: None, route: None, user: None };
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = form_decoded(value.as_bytes()).ok_or("a parameter cannot be read")?;
            match key {
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
                    query.limit = limit.ok_or("`limit` is from 1 to 1000")?;
                }
                "reason" if !Reason::ALL.iter().any(|reason| reason.code() == value) => {
                    return Err("there is no such `reason`");
                }
                "reason" => query.reason = Some(value),
                "route" => query.route = Some(value),
                "user" => query.user = Some(value),
                _ => return Err("the parameters are `limit`, `reason`, `route` and `user`"),
            }
        }
        Ok(query)
    }

    pub(super) fn wanted(&self) -> Wanted<'_> {
        Wanted { reason: self.reason.as_deref(), route: self.route.as_deref(), user: self.user.as_deref() }
    }
}

const MAX_LIMIT: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_parameter_is_read_and_others_are_refused() {
        let query = Query::parse("limit=7&reason=no_credential&route=a%20b&user=an%C3%A4+b").unwrap();
        assert_eq!(query.limit, 7);
        let wanted = query.wanted();
        assert_eq!((wanted.reason, wanted.route, wanted.user), (Some("no_credential"), Some("a b"), Some("anä b")));
        assert_eq!(Query::parse("").unwrap().limit, 100);
        for bad in ["limit=0", "limit=1001", "limit=x", "reason=nothing", "who=me", "user=%", "user=%zz", "user=%ff"] {
            assert!(Query::parse(bad).is_err(), "{bad}");
        }
    }
}
