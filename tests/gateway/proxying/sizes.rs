//! Big bodies and many sockets in little memory. `benches/proxy` measures the same in full size.

use std::io::{Read, Write};

use super::apart::Apart;
use super::recorder::{Recorder, header};
use super::{Client, PUBLIC, route};

fn through() -> Apart {
    let up = Recorder::start(|mut line| {
        let Some(request) = line.head() else { return };
        let piece = "d".repeat(PIECE);
        if header(&request, "upgrade").is_some() {
            line.write("HTTP/1.1 101 \r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
            while let Some(byte) = line.bytes(1) {
                line.write(&byte);
            }
        } else if request.starts_with("POST") {
            line.skip(header(&request, "content-length").unwrap().parse().unwrap()).unwrap();
            line.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        } else {
            line.write(&format!("HTTP/1.1 200 OK\r\ncontent-length: {BODY}\r\n\r\n"));
            (0..BODY / PIECE).for_each(|_| line.write(&piece));
        }
    });
    Apart::start(
        "15s",
        up,
        &route("all", "/{*rest}", &format!("{PUBLIC}\nupgrades = [\"websocket\"]\nmax_body = \"100MiB\"")),
    )
}

#[test]
fn twenty_mebibytes_each_way_pass_in_a_few() {
    let apart = through();
    assert_eq!(read(&mut asked(&apart, "GET /")), BODY);
    let before = apart.memory();
    let (mut most, piece) = (0, vec![b'u'; PIECE]);
    let mut client = apart.client();
    client.write(&format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {BODY}\r\n\r\n"));
    for _ in 0..BODY / PIECE {
        client.stream.get_mut().write_all(&piece).unwrap();
        most = most.max(apart.memory());
    }
    assert_eq!(client.answer().text(), "ok");
    let mut client = asked(&apart, "GET /");
    // It waits for its reader, and not in memory.
    std::thread::sleep(std::time::Duration::from_millis(300));
    most = most.max(apart.memory());
    assert_eq!(read(&mut client), BODY);
    let grown = most.max(apart.memory()).saturating_sub(before);
    assert!(grown < 4 * 1024, "{grown} KiB more");
}

#[test]
fn two_hundred_idle_sockets_cost_little_and_leave_nothing_behind() {
    let apart = through();
    let open = || {
        let mut client = apart.client();
        client.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
        let mut head = [0; 12];
        client.stream.read_exact(&mut head).unwrap();
        assert_eq!(&head, b"HTTP/1.1 101");
        client
    };
    // What opens at the first use, and stays, is given some room.
    let at_rest = apart.descriptors() + 10;
    drop((0..20).map(|_| open()).collect::<Vec<_>>());
    apart.wait_for_descriptors(at_rest);
    let memory = apart.memory();
    let sockets: Vec<_> = (0..200).map(|_| open()).collect();
    assert!(apart.descriptors() >= 400);
    let each = apart.memory().saturating_sub(memory) / 200;
    assert!(each < 32, "{each} KiB each");
    drop(sockets);
    apart.wait_for_descriptors(at_rest);
}

#[test]
fn the_limit_of_open_files_is_raised_as_far_as_it_can_be() {
    let limit = through().most_descriptors();
    let (soft, hard) = limit.split_once(' ').unwrap();
    assert!(hard.trim().starts_with(soft), "{limit}");
}

fn asked(apart: &Apart, line: &str) -> Client {
    let mut client = apart.client();
    client.write(&format!("{line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    client
}

/// How many bytes of body come.
fn read(client: &mut Client) -> usize {
    let answer = client.answer();
    assert!(answer.body.iter().all(|byte| *byte == b'd'));
    answer.body.len()
}

const BODY: usize = 20 << 20;
const PIECE: usize = 64 << 10;
