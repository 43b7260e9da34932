//! Upstreams that fail in every way, many times over: the right status, no second try, nothing left behind.
//! Cases DOS-08, FRM-19.

use std::io::Read;
use std::net::Shutdown;

use super::apart::Apart;
use super::recorder::{Line, OK, Recorder};
use super::{Client, PUBLIC, route};

/// What the upstream does, and the status that the client gets.
const FAULTS: [(&str, u16); 9] = [
    ("close", 502),
    ("garbage", 502),
    ("half", 502),
    ("hang", 504),
    ("idle", 200),
    ("killed", 200),
    ("lengths", 502),
    ("reset", 502),
    ("switch", 502),
];

fn play(mut line: Line) {
    while let Some(request) = line.request() {
        let target = request.split(' ').nth(1).unwrap();
        match target.trim_start_matches("/plain").trim_start_matches("/lp").trim_start_matches('/') {
            "close" => {}
            "garbage" => line.write(&"\u{16}\u{3}\u{1} what is this?\r\n\r\n".repeat(10)),
            "half" => line.write("HTTP/1.1 200 O"),
            "hang" => drop(line.ends()),
            "idle" => line.write(OK),
            "killed" => line.write("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nxxxxx"),
            "lengths" => line.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok"),
            "reset" => return line.reset(),
            "switch" => line.write("HTTP/1.1 101 \r\nconnection: upgrade\r\nupgrade: x\r\n\r\nraw"),
            _ => {
                line.write(OK);
                continue;
            }
        }
        return;
    }
}

impl Client {
    /// Asks and gives the status and whatever else comes.
    fn fails(&mut self, method: &str, target: &str) -> (u16, String) {
        let length = if method == "POST" { "Content-Length: 3\r\n\r\nabc" } else { "\r\n" };
        self.write(&format!("{method} {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{length}"));
        let mut answer = Vec::new();
        // A body that breaks off may end with a reset.
        drop(self.stream.read_to_end(&mut answer));
        drop(self.stream.get_ref().shutdown(Shutdown::Both));
        let answer = String::from_utf8(answer).unwrap();
        (answer.split(' ').nth(1).unwrap_or("0").parse().unwrap(), answer)
    }
}

#[test]
fn dos_08_ten_thousand_faults_leave_nothing_behind_and_are_never_tried_twice() {
    // CI says how many; a few hundred tell most of it in seconds.
    let count = std::env::var("TRACKGATE_TEST_FAULTS").map_or(450, |count| count.parse().unwrap());
    let routes = route("plain", "/plain/{fault}", PUBLIC) + &route("lp", "/lp/{fault}", &in_words_of("lptracker"));
    let apart = Apart::start("300ms", Recorder::start(play), &routes);
    let round = |count: usize| {
        std::thread::scope(|scope| {
            for thread in 0..CLIENTS {
                let apart = &apart;
                scope.spawn(move || {
                    for number in (thread..count).step_by(CLIENTS) {
                        let (fault, status) = FAULTS[number % FAULTS.len()];
                        let (got, answer) = apart.client().fails("POST", &format!("/plain/{fault}"));
                        // A kept connection may be closing just now; what was sent on it is not sent again.
                        assert!(got == status || got == 502, "{fault}: {answer}");
                        assert!(got == 200 || answer.ends_with("}\n"), "{fault}: {answer}");
                    }
                });
            }
        });
    };
    round(FAULTS.len() * CLIENTS);
    apart.wait_for_descriptors(MOST_AT_REST);
    let memory = apart.memory();
    let before = apart.up.all().matches("POST ").count();
    round(count);
    apart.wait_for_descriptors(MOST_AT_REST);
    let sent = apart.up.all().matches("POST ").count() - before;
    assert!(sent <= count && sent >= count - count / FAULTS.len(), "{sent} requests came of {count}");
    let grown = apart.memory().saturating_sub(memory);
    assert!(grown < 8 * 1024, "{grown} KiB more than before");
    for (fault, _) in FAULTS.into_iter().filter(|(_, status)| *status != 200) {
        let (status, answer) = apart.client().fails("GET", &format!("/lp/{fault}"));
        let code = if fault == "hang" { "504" } else { "502" };
        assert!(status == 200 && answer.contains(&format!("\"code\":{code},")), "{fault}: {answer}");
    }
    assert_eq!(apart.client().fails("GET", "/plain/good").0, 200);
}

fn in_words_of(dialect: &str) -> String {
    format!("{PUBLIC}\ndialect = \"{dialect}\"")
}

const CLIENTS: usize = 16;
/// What a gateway without clients has open, 22 here, and a kept connection to the upstream for each of them.
const MOST_AT_REST: usize = 40;
