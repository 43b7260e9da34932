//! An upstream on raw sockets that keeps, byte for byte, what it gets, and answers by a script.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Listens until it is dropped. Each connection is played by the script on a thread of its own.
pub(crate) struct Recorder {
    pub(crate) address: SocketAddr,
    tapes: Tapes,
    ended: Arc<AtomicBool>,
}

type Tapes = Arc<Mutex<Vec<Arc<Mutex<Vec<u8>>>>>>;

impl Recorder {
    /// Plays `script` on every connection.
    pub(crate) fn start(script: impl Fn(Line) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tapes, ended, script) = (Tapes::default(), Arc::new(AtomicBool::new(false)), Arc::new(script));
        let (all, stop) = (Arc::clone(&tapes), Arc::clone(&ended));
        std::thread::spawn(move || {
            while let Ok((stream, _peer)) = listener.accept() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                stream.set_nodelay(true).unwrap();
                let tape = Arc::default();
                all.lock().unwrap().push(Arc::clone(&tape));
                let script = Arc::clone(&script);
                std::thread::spawn(move || script(Line { stream, tape, taken: 0 }));
            }
        });
        Self { address, tapes, ended }
    }

    /// Reads requests on every connection and answers each alike.
    pub(crate) fn answering(answer: &str) -> Self {
        let answer = answer.to_owned();
        Self::start(move |mut line| {
            while line.request().is_some() {
                line.write(&answer);
            }
        })
    }

    /// Answers everything with `200` and the body `ok`.
    pub(crate) fn ok() -> Self {
        Self::answering(OK)
    }

    /// What each connection has read so far.
    pub(crate) fn tapes(&self) -> Vec<String> {
        let tapes = self.tapes.lock().unwrap();
        tapes.iter().map(|tape| String::from_utf8_lossy(&tape.lock().unwrap()).into_owned()).collect()
    }

    /// All that was read on all connections.
    pub(crate) fn all(&self) -> String {
        self.tapes().concat()
    }

    /// How many bytes each connection has read so far.
    pub(crate) fn marks(&self) -> Vec<usize> {
        self.tapes.lock().unwrap().iter().map(|tape| tape.lock().unwrap().len()).collect()
    }

    /// All that was read behind these marks, connection after connection.
    pub(crate) fn since(&self, marks: &[usize]) -> String {
        let tapes = self.tapes.lock().unwrap();
        let news = tapes
            .iter()
            .enumerate()
            .map(|(index, tape)| tape.lock().unwrap()[marks.get(index).copied().unwrap_or_default()..].to_vec());
        String::from_utf8(news.collect::<Vec<_>>().concat()).unwrap()
    }

    /// Waits until `done` says so of all that was read, for five seconds at most.
    pub(crate) fn wait_for(&self, done: impl Fn(&str) -> bool) -> String {
        let late = Instant::now() + Duration::from_secs(5);
        loop {
            let all = self.all();
            if done(&all) {
                return all;
            }
            assert!(Instant::now() < late, "the upstream got {all:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
    }
}

/// One connection, seen from the upstream.
pub(crate) struct Line {
    stream: TcpStream,
    tape: Arc<Mutex<Vec<u8>>>,
    taken: usize,
}

impl Line {
    /// Reads up to the end of a head; `None` if the other side ends first.
    pub(crate) fn head(&mut self) -> Option<String> {
        self.until(b"\r\n\r\n")
    }

    /// Reads a whole request, by its framing.
    pub(crate) fn request(&mut self) -> Option<String> {
        let mut request = self.head()?;
        let length = header(&request, "content-length").map(|length| length.parse::<usize>().unwrap());
        if header(&request, "transfer-encoding").is_some() {
            request += &self.until(b"\r\n0\r\n\r\n")?;
        } else if let Some(length) = length {
            request += &self.bytes(length)?;
        }
        Some(request)
    }

    pub(crate) fn until(&mut self, end: &[u8]) -> Option<String> {
        loop {
            let rest = self.rest();
            if let Some(at) = rest.windows(end.len()).position(|window| window == end) {
                return self.bytes(at + end.len());
            }
            self.more()?;
        }
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Option<String> {
        while self.rest().len() < count {
            self.more()?;
        }
        let bytes = self.rest()[..count].to_vec();
        self.taken += count;
        Some(String::from_utf8(bytes).unwrap())
    }

    /// Reads this much and keeps none of it.
    pub(crate) fn skip(&mut self, count: usize) -> Option<()> {
        let mut left = count - self.rest().len();
        let mut buffer = vec![0; 65536];
        while left > 0 {
            match self.stream.read(&mut buffer) {
                Ok(0) | Err(_) => return None,
                Ok(n) => left -= n,
            }
        }
        Some(())
    }

    /// Whether the other side ends before another byte comes.
    pub(crate) fn ends(&mut self) -> bool {
        self.rest().is_empty() && self.more().is_none()
    }

    pub(crate) fn write(&mut self, bytes: &str) {
        // Whoever asked may be gone.
        drop(self.stream.write_all(bytes.as_bytes()));
    }

    /// Closes so that the other side reads a reset.
    pub(crate) fn reset(self) {
        drop(self.stream.shutdown(Shutdown::Both));
    }

    fn rest(&self) -> Vec<u8> {
        self.tape.lock().unwrap()[self.taken..].to_vec()
    }

    fn more(&mut self) -> Option<()> {
        let mut buffer = vec![0; 65536];
        match self.stream.read(&mut buffer) {
            Ok(0) | Err(_) => None,
            Ok(n) => {
                self.tape.lock().unwrap().extend_from_slice(&buffer[..n]);
                Some(())
            }
        }
    }
}

/// The one value of a header line in the head of a message; `None` without, a panic with two.
pub(crate) fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    let values = headers(message, name);
    assert!(values.len() <= 1, "{name} stands there {} times: {message}", values.len());
    values.first().copied()
}

/// All values of a header line in the head of a message.
pub(crate) fn headers<'a>(message: &'a str, name: &str) -> Vec<&'a str> {
    let head = message.split("\r\n\r\n").next().unwrap_or_default();
    let lines = head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
    lines.filter(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
}

/// A chunked body, put together; a panic unless it ends without trailers and without anything behind.
pub(crate) fn dechunked(mut body: &str) -> String {
    let mut whole = String::new();
    loop {
        let (size, rest) = body.split_once("\r\n").unwrap();
        let (data, rest) = rest.split_at(usize::from_str_radix(size, 16).unwrap());
        whole.push_str(data);
        body = rest.strip_prefix("\r\n").unwrap();
        if data.is_empty() {
            assert_eq!(body, "");
            return whole;
        }
    }
}

/// An answer with the body `ok`.
pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
