//! What administrators see of all accounts, and of the audit trail.

use http::Method;

use super::AccountPages;
use super::frame::ADMIN;
use crate::endpoint::Endpoint;

mod accounts;
mod audit;

pub(super) fn endpoints(pages: &AccountPages) -> Vec<Endpoint> {
    let all = [
        pages.own(Method::GET, "/account/admin", accounts::list),
        pages.own(Method::GET, "/account/admin/accounts/{id}", accounts::one),
        pages.own(Method::POST, "/account/admin/accounts/{id}/disable", accounts::disable),
        pages.own(Method::POST, "/account/admin/accounts/{id}/enable", accounts::enable),
        pages.own(Method::POST, "/account/admin/accounts/{id}/end-sessions", accounts::end_sessions),
        pages.own(Method::POST, "/account/admin/accounts/{id}/unlock", accounts::unlock),
        pages.own(Method::GET, "/account/admin/audit", audit::list),
    ];
    all.into_iter().map(|endpoint| endpoint.granted(ADMIN)).collect()
}
