//! What every scheme must hold, shown for a stranger's.

use own_scheme::Tickets;
use trackgate_schemes::testing::{Sample, SchemeUnderTest, block_on, scheme_conformance};
use trackgate_schemes::{Grants, Scheme};

struct Race(Tickets);

const TICKET: &str = "00112233445566778899aabbccddeeff";

impl SchemeUnderTest for Race {
    fn scheme(&self) -> &dyn Scheme {
        &self.0
    }

    fn good(&self) -> Sample {
        Sample::new().header("x-ticket", TICKET)
    }

    fn malformed(&self) -> Vec<Sample> {
        let longer = format!("{TICKET}0");
        let values = ["", "0", &longer, "00112233445566778899AABBCCDDEEFF", "0011223344556677 899aabbccddeeff"];
        values.map(|value| Sample::new().header("x-ticket", value)).into()
    }

    fn wrong(&self) -> Vec<Sample> {
        vec![Sample::new().header("x-ticket", TICKET.replace('0', "1"))]
    }

    fn foreign(&self) -> Vec<Sample> {
        vec![Sample::new().header("authorization", format!("Bearer {TICKET}"))]
    }
}

#[test]
fn conforms() {
    block_on(scheme_conformance(&Race(Tickets::new([(TICKET, "42")], &Grants::EVERYDAY))));
}
