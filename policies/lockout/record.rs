//! What is counted, and the text by which a store keeps it.

use std::fmt;
use std::str::FromStr;

use crate::ClientNetwork;

/// What wrong guesses are counted for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "operators' tools must show each of the three, and there is no fourth")]
pub enum Counted {
    /// An account, for strangers.
    Account(Box<str>),
    /// An account, for a network that it knows.
    Known {
        /// The canonical account name.
        account: Box<str>,
        /// From where it was used well.
        network: ClientNetwork,
    },
    /// A network, for whatever account.
    Network(ClientNetwork),
}

impl fmt::Display for Counted {
    /// `account:rider`, `known:192.0.2.1 rider` or `network:2001:db8::/64`: the key in stores.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(account) => write!(f, "account:{account}"),
            Self::Known { account, network } => write!(f, "known:{network} {account}"),
            Self::Network(network) => write!(f, "network:{network}"),
        }
    }
}

impl FromStr for Counted {
    type Err = CountedError;

    /// Reads what `Display` writes.
    fn from_str(key: &str) -> Result<Self, CountedError> {
        let network = |text: &str| text.parse().map_err(|_unfit| CountedError);
        match key.split_once(':') {
            Some(("account", account)) => Ok(Self::Account(account.into())),
            Some(("known", rest)) => {
                let (from, account) = rest.split_once(' ').ok_or(CountedError)?;
                Ok(Self::Known { account: account.into(), network: network(from)? })
            }
            Some(("network", from)) => Ok(Self::Network(network(from)?)),
            _ => Err(CountedError),
        }
    }
}

/// A text that names nothing that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a count is named account:…, known:… or network:…")]
pub struct CountedError;

/// The name under which an account is counted: longer names are counted by their beginning.
///
/// Canonical names are shorter than this. Without the cut a flood of long names would take more memory
/// than the tables' bounds say, and a key could be longer than stores take.
pub(super) fn counted_name(account: &str) -> &str {
    account.split_at(account.floor_char_boundary(MAX_NAME_BYTES)).0
}

const MAX_NAME_BYTES: usize = 200;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_have_one_form() {
        let network: ClientNetwork = "2001:db8::/64".parse().unwrap();
        for (counted, key) in [
            (Counted::Account("rider".into()), "account:rider"),
            (Counted::Account("a:b c".into()), "account:a:b c"),
            (Counted::Network(network), "network:2001:db8::/64"),
            (Counted::Network(ClientNetwork::of(None)), "network:unknown"),
            (Counted::Known { account: "rider x".into(), network }, "known:2001:db8::/64 rider x"),
        ] {
            assert_eq!(counted.to_string(), key);
            assert_eq!(key.parse(), Ok(counted));
        }
        for key in ["", "account", "Account:x", "network:", "network:10.0.0.0/8", "known:192.0.2.1", "known: x", "x:y"]
        {
            assert!(key.parse::<Counted>().is_err(), "{key:?}");
        }
    }

    proptest! {
        #[test]
        fn keys_round_trip_and_fit(account in ".{0,300}", address: Option<std::net::IpAddr>) {
            let (account, network): (Box<str>, _) = (counted_name(&account).into(), ClientNetwork::of(address));
            for counted in [
                Counted::Account(account.clone()),
                Counted::Known { account: account.clone(), network },
                Counted::Network(network),
            ] {
                let key = counted.to_string();
                prop_assert!(key.len() <= 256);
                prop_assert_eq!(key.parse(), Ok(counted));
            }
        }

        #[test]
        fn any_text_is_read_or_refused(key in "((account|known|network):.{0,30})|.{0,60}") {
            if let Ok(counted) = key.parse::<Counted>() {
                prop_assert_eq!(counted.to_string().parse(), Ok(counted));
            }
        }
    }
}
