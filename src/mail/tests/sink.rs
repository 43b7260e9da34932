//! A mail server for tests: takes one connection after the other and does as it is told.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// What the server does with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    /// Answers this to `AUTH`.
    Auth(&'static str),
    /// Takes the whole letter and closes instead of answering.
    DropsAfterData,
    /// Says nothing at all.
    IsSilent,
    /// Answers this to `RCPT`.
    Rcpt(&'static str),
    /// Offers STARTTLS, and sends these bytes behind its answer before TLS begins.
    StartTls(&'static str),
    /// Takes it.
    Takes,
    /// Begins with TLS and takes it.
    TlsFirst,
}

/// What came in on one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard {
    /// The commands, one a line.
    pub(super) commands: Vec<String>,
    /// The letter as it came over the wire, without the final dot.
    pub(super) data: Option<String>,
}

/// A server on loopback.
#[derive(Clone, Debug)]
pub(super) struct Sink {
    pub(super) address: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
    script: Arc<Mutex<VecDeque<Does>>>,
}

impl Sink {
    /// Does this with each next connection, and takes what comes afterwards.
    pub(super) async fn start(script: &[Does], tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sink = Self {
            address: listener.local_addr().unwrap(),
            heard: Arc::default(),
            script: Arc::new(Mutex::new(script.iter().copied().collect())),
        };
        let served = sink.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                served.clone().connection(stream, tls.clone()).await;
            }
        });
        sink
    }

    /// All connections so far.
    pub(super) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    /// The letters that were taken or at least heard to their end.
    pub(super) fn letters(&self) -> Vec<String> {
        self.heard().into_iter().filter_map(|heard| heard.data).collect()
    }

    async fn connection(self, stream: TcpStream, tls: Option<TlsAcceptor>) {
        let does = self.script.lock().unwrap().pop_front().unwrap_or(Does::Takes);
        let at = {
            let mut heard = self.heard.lock().unwrap();
            heard.push(Heard::default());
            heard.len() - 1
        };
        let session = Session { sink: self, at, does };
        let mut stream = BufReader::new(stream);
        if does == Does::IsSilent {
            while stream.read_until(b'\n', &mut Vec::new()).await.is_ok_and(|read| read > 0) {}
            return;
        }
        if does == Does::TlsFirst {
            if let Ok(stream) = tls.unwrap().accept(stream.into_inner()).await {
                let mut stream = BufReader::new(stream);
                stream.write_all(GREETING).await.unwrap();
                session.talk(&mut stream).await;
            }
            return;
        }
        stream.write_all(GREETING).await.unwrap();
        if session.talk(&mut stream).await == Ended::ForTls {
            let accepted = tls.unwrap().accept(stream.into_inner()).await;
            if let Ok(stream) = accepted {
                let plain = Session { does: Does::Takes, ..session };
                plain.talk(&mut BufReader::new(stream)).await;
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Ended {
    ForGood,
    ForTls,
}

struct Session {
    sink: Sink,
    at: usize,
    does: Does,
}

impl Session {
    async fn talk<S: AsyncRead + AsyncWrite + AsyncBufRead + Unpin>(&self, stream: &mut S) -> Ended {
        loop {
            let Some(line) = line(stream).await else { return Ended::ForGood };
            let word = line.split(' ').next().unwrap().trim_end().to_ascii_uppercase();
            self.note(|heard| heard.commands.push(line.trim_end().to_owned()));
            let answer = match (word.as_str(), self.does) {
                ("EHLO", Does::StartTls(_)) => "250-sink\r\n250 STARTTLS\r\n".to_owned(),
                ("EHLO", _) => "250-sink\r\n250 AUTH PLAIN\r\n".to_owned(),
                ("AUTH", Does::Auth(answer)) | ("RCPT", Does::Rcpt(answer)) => format!("{answer}\r\n"),
                ("AUTH", _) => "235 welcome\r\n".to_owned(),
                ("STARTTLS", Does::StartTls(more)) => {
                    stream.write_all(format!("220 go on\r\n{more}").as_bytes()).await.unwrap();
                    return Ended::ForTls;
                }
                ("DATA", _) => {
                    stream.write_all(b"354 go on\r\n").await.unwrap();
                    let Some(data) = data(stream).await else { return Ended::ForGood };
                    self.note(|heard| heard.data = Some(data));
                    if self.does == Does::DropsAfterData {
                        return Ended::ForGood;
                    }
                    "250 taken as 1A2B\r\n".to_owned()
                }
                ("QUIT", _) => {
                    drop(stream.write_all(b"221 bye\r\n").await);
                    return Ended::ForGood;
                }
                ("MAIL" | "RCPT", _) => "250 ok\r\n".to_owned(),
                _ => "500 what?\r\n".to_owned(),
            };
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return Ended::ForGood;
            }
        }
    }

    fn note(&self, note: impl FnOnce(&mut Heard)) {
        note(&mut self.sink.heard.lock().unwrap()[self.at]);
    }
}

const GREETING: &[u8] = b"220 sink ESMTP\r\n";

async fn line(stream: &mut (impl AsyncBufRead + Unpin)) -> Option<String> {
    let mut line = Vec::new();
    match stream.read_until(b'\n', &mut line).await {
        Ok(read) if read > 0 => Some(String::from_utf8_lossy(&line).into_owned()),
        _ => None,
    }
}

/// The lines up to the one with a dot alone, with the doubled dots as they came.
async fn data(stream: &mut (impl AsyncBufRead + Unpin)) -> Option<String> {
    let mut data = String::new();
    loop {
        let line = line(stream).await?;
        if line == ".\r\n" {
            return Some(data);
        }
        data += &line;
    }
}
