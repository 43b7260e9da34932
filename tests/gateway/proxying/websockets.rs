//! Sockets of `websocket` with a real client and a real server, and their end with the credential that asked for them.
//! Case REV-10.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use trackgate::accounts::Origin;
use trackgate_schemes::store::Account;
use tungstenite::client::IntoClientRequest;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Role};
use tungstenite::{Bytes, Error, Message, WebSocket};

use crate::harness::{Inside, basic, connect};
use crate::rules::{jwt, sliding};

/// A server that sends back what it gets, and tells how each connection ended.
struct Echo {
    address: SocketAddr,
    ends: Mutex<Receiver<Option<CloseFrame>>>,
}

impl Echo {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, ends) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let tell = tell.clone();
                std::thread::spawn(move || {
                    let mut socket = tungstenite::accept(stream).unwrap();
                    loop {
                        match socket.read() {
                            Ok(message @ (Message::Text(_) | Message::Binary(_))) => socket.send(message).unwrap(),
                            Ok(Message::Close(frame)) => drop(tell.send(frame)),
                            Ok(_) => {}
                            Err(Error::ConnectionClosed) => return,
                            Err(_) => return drop(tell.send(None)),
                        }
                    }
                });
            }
        });
        Self { address, ends: Mutex::new(ends) }
    }

    /// The next Close frame that it got; `None` for an end without.
    fn end(&self) -> Option<CloseFrame> {
        self.ends.lock().unwrap().recv_timeout(Duration::from_secs(10)).unwrap()
    }
}

fn start(echo: &Echo) -> Inside {
    start_with("", echo)
}

fn start_with(top: &str, echo: &Echo) -> Inside {
    Inside::start(&format!(
        "{top}\nlisten.threads = 1\n[upstreams.up]\nurls = [\"http://{}\"]\n{TRACKERS}
        [[routes]]
        name = \"live\"
        match = \"GET /live\"
        auth = [\"basic\", \"api\", \"lp\", \"fit\"]
        upstream = \"up\"
        upgrades = [\"websocket\"]\n",
        echo.address
    ))
}

const TRACKERS: &str = "
[[routes]]
name = \"lptracker\"
tracker = \"lptracker\"
[[routes]]
name = \"fittrackee\"
tracker = \"fittrackee\"
";

/// An account whose change is over: its event comes back from the log, and ends what it asked for before.
fn rider(inside: &Inside) -> Account {
    let account = inside.account("rider");
    std::thread::sleep(Duration::from_secs(1));
    account
}

/// Opens a WebSocket with this header line.
fn open(inside: &Inside, line: &str) -> Result<WebSocket<TcpStream>, Box<Error>> {
    let address = inside.address();
    let mut request = format!("ws://{address}/live").into_client_request().unwrap();
    let (name, value) = line.split_once(": ").unwrap();
    request.headers_mut().insert(name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap());
    match tungstenite::client(request, connect(address)) {
        Ok((socket, _answer)) => Ok(socket),
        Err(tungstenite::HandshakeError::Failure(error)) => Err(Box::new(error)),
        Err(other) => panic!("{other}"),
    }
}

/// A socket of a good credential.
fn opened(inside: &Inside, line: &str) -> WebSocket<TcpStream> {
    let mut socket = open(inside, line).unwrap_or_else(|error| panic!("{line}: {error}"));
    assert_echoes(&mut socket);
    socket
}

fn assert_echoes(socket: &mut WebSocket<TcpStream>) {
    for message in [Message::text("here I am"), Message::binary(vec![7; 70_000])] {
        socket.send(message.clone()).unwrap();
        assert_eq!(socket.read().unwrap(), message);
    }
}

/// How the socket is ended from the other side.
fn end(socket: &mut WebSocket<TcpStream>) -> Option<CloseFrame> {
    loop {
        match socket.read() {
            Ok(Message::Close(frame)) => return frame,
            Ok(_) => {}
            Err(_) => return None,
        }
    }
}

fn policy() -> CloseFrame {
    CloseFrame { code: CloseCode::Policy, reason: "credential ended".into() }
}

fn away(words: &'static str) -> CloseFrame {
    CloseFrame { code: CloseCode::Away, reason: words.into() }
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}")
}

#[test]
fn every_kind_of_credential_opens_one_and_a_wrong_one_does_not() {
    let echo = Echo::start();
    let inside = start(&echo);
    let rider = rider(&inside);
    for line in [
        basic("rider", "correct-horse"),
        basic("rider", &inside.token(&rider, "points:read")),
        bearer(&inside.token(&rider, "points:read")),
        format!("token: {}", sliding(&inside, "127.0.0.1", "rider")),
        bearer(&jwt(&inside, "127.0.0.1", "rider")),
    ] {
        let mut socket = opened(&inside, &line);
        socket.send(Message::Ping(Bytes::from_static(b"?"))).unwrap();
        assert_eq!(socket.read().unwrap(), Message::Pong(Bytes::from_static(b"?")));
        socket.close(Some(CloseFrame { code: CloseCode::Normal, reason: "bye".into() })).unwrap();
        assert_eq!(end(&mut socket).unwrap().code, CloseCode::Normal, "{line}");
        assert_eq!(echo.end().unwrap().reason, "bye");
    }
    match *open(&inside, &basic("rider", "wrong")).unwrap_err() {
        Error::Http(answer) => assert_eq!(answer.status(), 401),
        other => panic!("{other}"),
    }
}

#[test]
fn rev_10_each_socket_ends_with_its_credential_in_a_second() {
    let echo = Echo::start();
    let inside = start(&echo);
    let rider = rider(&inside);
    let accounts = inside.gateway().accounts();
    let origin = Origin::operator();
    let issue =
        || inside.wait(accounts.issue_token(&rider, "t", "points:read".parse().unwrap(), None, &origin)).unwrap();
    let (one, other) = (issue(), issue());
    let text = |token: &trackgate::accounts::IssuedToken| bearer(token.text.expose_text().unwrap());
    let (session, signed) = (sliding(&inside, "127.0.0.1", "rider"), jwt(&inside, "127.0.0.1", "rider"));
    let mut by_token = opened(&inside, &text(&one));
    let mut by_other = opened(&inside, &text(&other));
    let mut by_session = opened(&inside, &format!("token: {session}"));
    let mut by_jwt = opened(&inside, &bearer(&signed));
    let mut by_password = opened(&inside, &basic("rider", "correct-horse"));

    let end_in_a_second = |what: &str, socket: &mut WebSocket<TcpStream>, change: &dyn Fn()| {
        change();
        let begun = Instant::now();
        assert_eq!(end(socket), Some(policy()), "{what}");
        assert!(begun.elapsed() < Duration::from_secs(1), "{what}: {:?}", begun.elapsed());
        assert_eq!(echo.end(), Some(policy()), "{what}: the upstream is told, too");
    };
    end_in_a_second("api token", &mut by_token, &|| {
        inside.wait(accounts.revoke_token(&one.token.id, &origin)).unwrap();
    });
    assert!(open(&inside, &text(&one)).is_err());
    end_in_a_second("session", &mut by_session, &|| {
        assert_eq!(inside.ask(&format!("POST /logout\ntoken: {session}"), "").status, 200);
    });
    end_in_a_second("jwt", &mut by_jwt, &|| {
        assert_eq!(inside.ask(&format!("POST /api/auth/logout\n{}", bearer(&signed)), "").status, 200);
    });
    // Other credentials of the same account go on.
    assert_echoes(&mut by_other);
    assert_echoes(&mut by_password);
    end_in_a_second("account", &mut by_password, &|| {
        inside.wait(accounts.delete(rider.id, &origin)).unwrap();
    });
    assert_eq!(end(&mut by_other), Some(policy()));
}

#[test]
fn a_socket_ends_when_its_credential_expires() {
    let echo = Echo::start();
    let inside = start(&echo);
    let rider = rider(&inside);
    let accounts = inside.gateway().accounts();
    let (hour, origin) = (Duration::from_hours(1), Origin::operator());
    let until = Some(inside.now() + hour);
    let short = accounts.issue_token(&rider, "t", "points:read".parse().unwrap(), until, &origin);
    let short = inside.wait(short).unwrap();
    let mut by_token = opened(&inside, &bearer(short.text.expose_text().unwrap()));
    let mut by_jwt = opened(&inside, &bearer(&jwt(&inside, "127.0.0.1", "rider")));
    inside.advance(Duration::from_mins(59));
    std::thread::sleep(Duration::from_secs(1));
    assert_echoes(&mut by_token);
    inside.advance(Duration::from_mins(1));
    let begun = Instant::now();
    assert_eq!(end(&mut by_token), Some(policy()));
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_echoes(&mut by_jwt);
    inside.advance(Duration::from_hours(24 * 31));
    assert_eq!(end(&mut by_jwt), Some(policy()));
}

/// A server that begins a frame of ten bytes, and goes on when it is told to.
fn halting() -> (SocketAddr, std::sync::mpsc::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (go_on, wait) = channel::<()>();
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (stream, _peer) = listener.accept().unwrap();
        let socket = tungstenite::accept(stream).unwrap();
        let mut stream = socket.into_inner();
        let mut asked = [0; 6];
        stream.read_exact(&mut asked).unwrap();
        stream.write_all(b"\x82\x0a01234").unwrap();
        if wait.recv().is_ok() {
            drop(stream.write_all(b"56789\x82\x01x"));
            // Until the gateway goes away.
            drop(std::io::copy(&mut stream, &mut std::io::sink()));
        }
    });
    (address, go_on)
}

#[test]
fn a_frame_that_has_begun_is_finished_or_cut_but_nothing_stands_in_it() {
    for finishes in [true, false] {
        let (address, go_on) = halting();
        let echo = Echo { address, ends: Mutex::new(channel().1) };
        let inside = start(&echo);
        let rider = rider(&inside);
        let accounts = inside.gateway().accounts();
        let origin = Origin::operator();
        let token = accounts.issue_token(&rider, "t", "points:read".parse().unwrap(), None, &origin);
        let token = inside.wait(token).unwrap();
        let mut socket = open(&inside, &bearer(token.text.expose_text().unwrap())).unwrap();
        // An empty message, so that nothing comes before the handshake is over here, too.
        std::io::Write::write_all(socket.get_mut(), b"\x81\x80abcd").unwrap();
        let mut begun = [0; 7];
        std::io::Read::read_exact(socket.get_mut(), &mut begun).unwrap();
        assert_eq!(&begun, b"\x82\x0a01234");
        inside.wait(accounts.revoke_token(&token.token.id, &origin)).unwrap();
        std::thread::sleep(Duration::from_millis(50));
        if finishes {
            go_on.send(()).unwrap();
        }
        let mut rest = Vec::new();
        // A reset is an end, too.
        drop(std::io::Read::read_to_end(socket.get_mut(), &mut rest));
        let whole = b"56789\x88\x12\x03\xf0credential ended";
        assert_eq!(rest, if finishes { &whole[..] } else { b"" }, "{}", String::from_utf8_lossy(&rest));
    }
}

#[test]
fn crs_06_a_gateway_that_stops_says_that_it_goes_away() {
    let echo = Echo::start();
    let mut inside = start_with("limits.grace = \"2s\"", &echo);
    rider(&inside);
    let mut socket = opened(&inside, &basic("rider", "correct-horse"));
    let gateway = inside.gateway.take().unwrap();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let ending = scope.spawn(|| inside.wait(gateway.shutdown()).unwrap());
        assert_echoes(&mut socket);
        assert_eq!(end(&mut socket), Some(away("going away")));
        assert_eq!(echo.end(), Some(away("going away")));
        assert_eq!(ending.join().unwrap().cut, 0);
    });
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(900) && took < Duration::from_secs(3), "{took:?}");
}

#[test]
fn an_idle_socket_is_told_so() {
    let echo = Echo::start();
    let inside = start_with("limits.tunnel_idle = \"300ms\"", &echo);
    rider(&inside);
    let mut socket = opened(&inside, &basic("rider", "correct-horse"));
    assert_eq!(end(&mut socket), Some(away("idle for too long")));
}

#[test]
fn a_client_that_never_stops_sending_gets_its_close_frame_all_the_same() {
    let echo = Echo::start();
    let inside = start(&echo);
    let rider = rider(&inside);
    let mut socket = opened(&inside, &basic("rider", "correct-horse"));
    let sending = socket.get_ref().try_clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut socket = WebSocket::from_raw_socket(sending, Role::Client, None);
            while socket.send(Message::binary(vec![1; 5000])).is_ok() {}
        });
        std::thread::sleep(Duration::from_millis(300));
        inside.wait(inside.gateway().accounts().delete(rider.id, &Origin::operator())).unwrap();
        assert_eq!(end(&mut socket), Some(policy()));
        drop(socket.get_ref().shutdown(std::net::Shutdown::Both));
    });
}
