//! The pump on pipes in memory, where every byte is seen.

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::pump::{Content, Pump};

/// A pump with the far ends of its client and its upstream.
fn pump(content: Content) -> (Pump<DuplexStream, DuplexStream>, DuplexStream, DuplexStream) {
    let ((client, near), (upstream, up)) = (duplex(64), duplex(64));
    (Pump::new(near, up, content), client, upstream)
}

async fn run(pump: &mut Pump<DuplexStream, DuplexStream>) {
    std::future::poll_fn(|cx| pump.poll(cx)).await.unwrap();
}

#[tokio::test]
async fn each_way_has_an_end_of_its_own() {
    let (mut pump, mut client, mut upstream) = pump(Content::Unknown);
    let ends = async {
        client.write_all(b"question").await.unwrap();
        client.shutdown().await.unwrap();
        let mut got = String::new();
        upstream.read_to_string(&mut got).await.unwrap();
        assert_eq!(got, "question");
        // More than what fits between the two.
        let sending = async {
            upstream.write_all(&[b'x'; 1000]).await.unwrap();
            upstream.shutdown().await.unwrap();
        };
        let mut got = Vec::new();
        let reading = client.read_to_end(&mut got);
        tokio::join!(sending, async { reading.await.unwrap() });
        assert_eq!(got, [b'x'; 1000]);
    };
    tokio::join!(run(&mut pump), ends);
    assert_eq!((pump.bytes_down(), pump.bytes()), (1000, 1008));
}

#[tokio::test]
async fn a_close_frame_stands_between_frames_and_ends_its_way() {
    let (mut pump, mut client, mut upstream) = pump(Content::WebSocket);
    // A whole frame and the beginning of another; the client is in the midst of none.
    upstream.write_all(b"\x81\x02hi\x81\x05he").await.unwrap();
    let mut got = [0; 8];
    tokio::select! {
        () = run(&mut pump) => panic!("it is not over"),
        read = client.read_exact(&mut got) => assert_eq!(read.unwrap(), 8),
    }
    let closing = tokio::spawn(pump.close(1008, "no"));
    tokio::task::yield_now().await;
    upstream.write_all(b"llo\x81\x01x").await.unwrap();
    let (mut down, mut up) = (Vec::new(), Vec::new());
    client.read_to_end(&mut down).await.unwrap();
    assert_eq!(down, b"llo\x88\x04\x03\xf0no", "nothing stands behind it");
    upstream.read_to_end(&mut up).await.unwrap();
    assert_eq!((&up[..2], up.len()), (&b"\x88\x84"[..], 10), "masked, as a client's must be");
    drop((client, upstream));
    closing.await.unwrap();
}

#[tokio::test]
async fn an_end_that_closed_by_itself_gets_no_second_close_frame() {
    let (mut pump, mut client, mut upstream) = pump(Content::WebSocket);
    upstream.write_all(b"\x88\x02\x03\xe8").await.unwrap();
    let mut got = [0; 4];
    tokio::select! {
        () = run(&mut pump) => panic!("it is not over"),
        read = client.read_exact(&mut got) => assert_eq!(read.unwrap(), 4),
    }
    let closing = tokio::spawn(pump.close(1001, ""));
    let mut down = Vec::new();
    client.read_to_end(&mut down).await.unwrap();
    assert_eq!(down, b"");
    drop((client, upstream));
    closing.await.unwrap();
}
