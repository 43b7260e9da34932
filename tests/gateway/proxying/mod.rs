//! A route to an upstream: paths, headers, framing, gates. The upstream is on raw sockets and keeps what it gets.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;

use crate::harness::{Answer, Inside, connect, read_answer};

mod apart;
mod bodies;
mod configured;
mod explained;
mod failures;
mod faults;
mod framing;
mod gates;
mod grpc;
mod headers;
mod identity;
mod paths;
pub(crate) mod recorder;
mod rules;
mod sizes;
mod streams;
mod upgrades;
mod upstreams;
mod websockets;

use recorder::Recorder;

/// A gateway before one upstream, which its configuration names `up`.
struct Front {
    inside: Inside,
    up: Recorder,
}

impl Front {
    fn start(up: Recorder, config: &str) -> Self {
        Self::start_with("", up, config)
    }

    /// With keys for the head of the configuration, such as `listen.client_header = "forwarded"`.
    fn start_with(top: &str, up: Recorder, config: &str) -> Self {
        let inside = Inside::start(&format!("{top}\n{}", with_upstream(&up, config)));
        Self { inside, up }
    }

    /// Everything is open and goes to an upstream that answers `ok`.
    fn open() -> Self {
        Self::start(Recorder::ok(), &route("open", "/{*rest}", PUBLIC))
    }

    fn ask(&self, head: &str, body: &str) -> Answer {
        self.inside.ask(head, body)
    }

    /// Sends a request and gives the answer with what the upstream got of it.
    fn passes(&self, head: &str, body: &str) -> (Answer, String) {
        let marks = self.up.marks();
        let answer = self.ask(head, body);
        (answer, self.up.since(&marks))
    }

    /// Sends these bytes on a connection of their own, then an honest request on another one: nothing but the
    /// latter has come to the upstream.
    fn refuses(&self, wire: &[u8]) -> Answer {
        let mut client = self.client();
        drop(client.stream.get_mut().write_all(wire));
        let answer = client.answer();
        assert_eq!(self.ask("GET /honest", "").status, 200, "after {:?}", String::from_utf8_lossy(wire));
        self.got_honest_requests_only();
        answer
    }

    /// As [`refuses`](Self::refuses), and the connection is closed behind the answer, whatever else was sent.
    fn refuses_and_closes(&self, wire: &[u8]) -> Answer {
        let wire = [wire, b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
        let mut client = self.client();
        drop(client.stream.get_mut().write_all(&wire));
        let answer = client.answer();
        assert!(client.is_closed(), "{:?} left the connection open", String::from_utf8_lossy(&wire));
        assert_eq!(self.ask("GET /honest", "").status, 200);
        self.got_honest_requests_only();
        answer
    }

    fn got_honest_requests_only(&self) {
        for tape in self.up.tapes() {
            for head in tape.split("\r\n\r\n").filter(|head| !head.is_empty()) {
                assert!(head.starts_with("GET /honest HTTP/1.1\r\n"), "the upstream got {tape:?}");
            }
        }
    }

    fn client(&self) -> Client {
        Client { stream: BufReader::new(connect(self.inside.address())) }
    }
}

/// A client that keeps its connection.
struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    fn write(&mut self, wire: &str) {
        self.stream.get_mut().write_all(wire.as_bytes()).unwrap();
    }

    fn answer(&mut self) -> Answer {
        read_answer(&mut self.stream)
    }

    fn ask(&mut self, wire: &str) -> Answer {
        self.write(wire);
        self.answer()
    }

    /// Whether nothing more comes.
    fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        // A reset is an end, too.
        let read = self.stream.read_to_end(&mut rest);
        rest.is_empty() && read.map_or_else(|error| error.kind() == std::io::ErrorKind::ConnectionReset, |_| true)
    }
}

/// One thread, so that there is one pool of connections to the upstream.
fn with_upstream(up: &Recorder, config: &str) -> String {
    format!("listen.threads = 1\n[upstreams.up]\nurls = [\"http://{}\"]\n{config}", up.address)
}

/// A route to the upstream.
fn route(name: &str, pattern: &str, more: &str) -> String {
    format!("[[routes]]\nname = \"{name}\"\nmatch = \"{pattern}\"\nupstream = \"up\"\n{more}\n")
}

const PUBLIC: &str = "auth = \"none\"\npublic = \"a test\"";
