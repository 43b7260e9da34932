//! Uploads, what is made of them, and what stays.

use std::io::Cursor;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use image::codecs::gif::GifEncoder;
use image::{AnimationDecoder as _, DynamicImage, Frame, ImageFormat, RgbImage, RgbaImage};
use proptest::prelude::*;
use trackgate_schemes::store::Account;
use trackgate_schemes::{Clock as _, Rejection};

use super::*;
use crate::accounts::Origin;
use crate::ports::Files;
use crate::stores::FolderFiles;
use crate::trackers::Services;
use crate::trackers::fittrackee::{FitTrackee, IssueToken, IssuedToken, Settings, sweep_files};
use crate::trackers::testing::{Play, Stage, status_and_body};

#[derive(Debug)]
struct NoTokens;

impl IssueToken for NoTokens {
    fn issue(&self, _account: &Account, _now: SystemTime) -> Result<IssuedToken, Rejection> {
        Err(Rejection::new(trackgate_schemes::Reason::Internal, "a test"))
    }
}

const NOW: &str = "2026-11-22T01:43:09Z";
const WRITER: (&str, &str) = ("authorization", "Bearer tg-writer");

async fn play() -> (Play, Account) {
    let stage = Stage::at(NOW);
    let files = Arc::clone(&stage.files);
    play_with(stage, files).await
}

async fn play_with(stage: Stage, files: Arc<dyn Files>) -> (Play, Account) {
    let rider = stage.account("rider").await;
    stage.api_token("tg-writer", &rider, "profile:read profile:write");
    stage.api_token("tg-reader", &rider, "profile:read");
    let tracker = FitTrackee::new(Services { files, ..stage.services() }, Arc::new(NoTokens), Settings::default());
    (stage.put_on(&tracker), rider)
}

fn picture() -> DynamicImage {
    RgbImage::from_fn(8, 4, |x, y| image::Rgb([u8::try_from(x * 30).unwrap(), u8::try_from(y * 60).unwrap(), 7])).into()
}

fn written(format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    picture().write_to(&mut out, format).unwrap();
    out.into_inner()
}

fn animated(frames: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = GifEncoder::new(&mut out);
    for n in 0..frames {
        let shade = u8::try_from(n % 256).unwrap();
        encoder.encode_frame(Frame::new(RgbaImage::from_pixel(1, 1, image::Rgba([shade, 0, 0, 255])))).unwrap();
    }
    drop(encoder);
    out
}

/// The head of a PNG of this size, and nothing behind it.
fn png_head(width: u32, height: u32) -> Vec<u8> {
    let mut chunk = b"IHDR".to_vec();
    chunk.extend(width.to_be_bytes());
    chunk.extend(height.to_be_bytes());
    chunk.extend([8, 6, 0, 0, 0]);
    let mut crc = u32::MAX;
    for byte in &chunk {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    [b"\x89PNG\r\n\x1a\n\0\0\0\x0d".as_slice(), &chunk, &(!crc).to_be_bytes()].concat()
}

fn form(disposition: &str, bytes: &[u8]) -> Vec<u8> {
    let head = format!("--b\r\nContent-Disposition: form-data; {disposition}\r\n\r\n");
    [head.as_bytes(), bytes, b"\r\n--b--\r\n"].concat()
}

fn named(name: &str, bytes: &[u8]) -> Vec<u8> {
    form(&format!("name=\"file\"; filename=\"{name}\""), bytes)
}

async fn send(play: &Play, body: Vec<u8>) -> Response<Bytes> {
    let lines = [WRITER, ("content-type", "multipart/form-data; boundary=b")];
    play.ask(Method::POST, PICTURE, &lines, body).await
}

async fn shown(play: &Play) -> Response<Bytes> {
    play.get("/api/users/Rider/picture", &[]).await
}

async fn stored(play: &Play) -> Vec<String> {
    let mut names: Vec<_> =
        play.stage.files.list(Area::Pictures).await.unwrap().into_iter().map(|file| file.name.to_string()).collect();
    names.sort();
    names
}

async fn is_said_to_have_one(play: &Play) -> bool {
    let profile = play.get("/api/auth/profile", &[WRITER]).await;
    let (_, text) = status_and_body(&profile);
    let said = [text.contains("\"picture\":true"), text.contains("\"picture\":false")];
    assert_ne!(said[0], said[1]);
    said[0]
}

const DONE: &str = "{\"message\":\"user picture updated\",\"status\":\"success\"}\n";

#[tokio::test]
async fn a_picture_comes_is_shown_is_replaced_and_goes() {
    let (play, rider) = play().await;
    assert_eq!(status_and_body(&shown(&play).await), (StatusCode::NOT_FOUND, NONE));
    assert!(!is_said_to_have_one(&play).await);
    let mut before: Option<Response<Bytes>> = None;
    for (name, format, kind) in [
        ("me.png", ImageFormat::Png, "image/png"),
        ("me.JPG", ImageFormat::Jpeg, "image/jpeg"),
        ("a.b.gif", ImageFormat::Gif, "image/gif"),
    ] {
        assert_eq!(status_and_body(&send(&play, named(name, &written(format))).await), (StatusCode::OK, DONE));
        let answer = shown(&play).await;
        let [file] = &stored(&play).await[..] else { panic!("not one file: {name}") };
        assert!(file.starts_with(&format!("{}-", rider.id.0)) && file.len() > 20, "{file}");
        assert_eq!(answer.status(), 200);
        let line = |name: &str| answer.headers()[name].to_str().unwrap();
        assert_eq!((line("content-type"), line("x-content-type-options")), (kind, "nosniff"));
        assert_eq!(line("content-disposition"), format!("inline; filename={file}"));
        let drawn = image::load_from_memory_with_format(answer.body(), format).unwrap();
        assert_eq!((drawn.width(), drawn.height()), (8, 4));
        assert!(is_said_to_have_one(&play).await);
        let known = play.get("/api/users/rider/picture", &[("if-none-match", line("etag"))]).await;
        assert_eq!((known.status(), known.body().len()), (StatusCode::NOT_MODIFIED, 0));
        if let Some(before) = &before {
            assert_ne!(before.headers()["etag"], answer.headers()["etag"]);
        }
        before = Some(answer);
    }
    for _ in 0..2 {
        let gone = play.ask(Method::DELETE, PICTURE, &[WRITER], "").await;
        assert_eq!((gone.status(), gone.headers()["content-type"].to_str().unwrap()), (StatusCode::NO_CONTENT, JSON));
        assert_eq!(status_and_body(&shown(&play).await), (StatusCode::NOT_FOUND, NONE));
        assert!(stored(&play).await.is_empty() && !is_said_to_have_one(&play).await);
    }
    let nobody = play.get("/api/users/nobody/picture", &[]).await;
    let told = r#"{"status": "not found", "message": "user does not exist"}"#;
    assert_eq!(status_and_body(&nobody), (StatusCode::NOT_FOUND, told));
    // Nobody learns here who has an address.
    let by_address = play.get("/api/users/rider@example.org/picture", &[]).await;
    assert_eq!(status_and_body(&by_address), (StatusCode::NOT_FOUND, told));
}

const NONE: &str = r#"{"status": "not found", "message": "No picture."}"#;
const JSON: &str = "application/json";

#[tokio::test]
async fn what_is_wrong_is_told_in_the_order_of_the_checks() {
    let (play, _) = play().await;
    let png = written(ImageFormat::Png);
    let fail = |message: &str| format!("{{\"status\": \"fail\", \"message\": \"{message}\"}}");
    let big = vec![b'x'; 1 << 20];
    let two = [form("name=file; filename=a.png", &png), named("a.png", &png)].concat();
    let two = String::from_utf8_lossy(&two).replace("--b--\r\n", "");
    for (message, body) in [
        ("no file part", form("name=\"other\"; filename=\"a.png\"", &png)),
        ("no file part", form("name=\"file\"", &png)),
        ("no file part", Vec::new()),
        ("no file part", b"--b--".to_vec()),
        ("no file part", b"--b\r\nContent-Disposition: form-data; name=file; filename=a.png\r\n\r\n".to_vec()),
        ("no file part", form("name=\"file\"; filename=\"\u{fffd}", &png)),
        ("no file part", [form("name=a", b"1"), named("a.png", &png)].concat()),
        ("no file part", form("name=a", b"").repeat(40)),
        ("no selected file", named("", &png)),
        ("no selected file", named("", &big)),
        ("file extension not allowed", named("a.jpeg", &png)),
        ("file extension not allowed", named("a.svg", b"<svg/>")),
        ("file extension not allowed", named("png", &png)),
        ("file extension not allowed", named("a.png.", &png)),
        ("file extension not allowed", named("a.png ", &png)),
        ("file extension not allowed", named("../a.html", &big)),
        ("invalid file", named("a.png", b"<html>")),
        ("invalid file", named("a.png", b"")),
        ("invalid file", named("a.jpg", &png)),
        ("invalid file", named("a.png", png.get(..40).unwrap())),
        ("invalid file", named("a.gif", b"GIF89a")),
    ] {
        let answer = send(&play, body.clone()).await;
        let start = String::from_utf8_lossy(body.get(..80).unwrap_or(&body)).into_owned();
        assert_eq!(status_and_body(&answer), (StatusCode::BAD_REQUEST, &*fail(message)), "{start}");
    }
    let twice = send(&play, two.into_bytes()).await;
    assert_eq!(twice.status(), 400);
    for kind in
        ["application/json", "multipart/form-data", "multipart/form-data; boundary=", "text/plain; boundary=b", ""]
    {
        let lines = [WRITER, ("content-type", kind)];
        let answer = play.ask(Method::POST, PICTURE, &lines, named("a.png", &png)).await;
        assert_eq!(status_and_body(&answer), (StatusCode::BAD_REQUEST, &*fail("no file part")), "{kind}");
    }
    assert!(stored(&play).await.is_empty());
}

#[tokio::test]
async fn upl_03_a_body_over_the_limit_is_413_with_both_sizes() {
    let (play, _) = play().await;
    let png = written(ImageFormat::Png);
    let padded = |size: usize| {
        let file = "--b\r\nContent-Disposition: form-data; name=file; filename=a.png\r\n\r\n";
        let mut body = [file.as_bytes(), &png, b"\r\n--b\r\nContent-Disposition: form-data; name=x\r\n\r\n"].concat();
        body.resize(size - 7, b'x');
        body.extend(b"\r\n--b--");
        assert_eq!(body.len(), size);
        body
    };
    assert_eq!(status_and_body(&send(&play, padded(1 << 20)).await), (StatusCode::OK, DONE));
    let told = |size| {
        format!(
            "{{\"status\": \"fail\", \"message\": \"Error during picture upload, file size ({size}) exceeds 1.0MB.\"}}"
        )
    };
    for (size, text) in [((1 << 20) + 1, "1.0MB"), (5_033_165, "4.8MB")] {
        let answer = send(&play, padded(size)).await;
        assert_eq!(status_and_body(&answer), (StatusCode::PAYLOAD_TOO_LARGE, &*told(text)));
    }
    // The limit counts, though the part comes late or never.
    let late = [form("name=x", &vec![b'x'; 1 << 20]), named("a.png", &png)].concat();
    assert_eq!(send(&play, late).await.status(), 413);
    assert_eq!(stored(&play).await.len(), 1);
}

#[test]
fn a_body_over_every_limit_is_refused_before_it_is_read() {
    let dialect = PictureDialect::new(Arc::new(super::super::FitTrackeeDialect::new("1 per day".into())), 10 << 20);
    let why = Rejection::new(trackgate_schemes::Reason::BodyTooLarge, "a test");
    let mut headers = HeaderMap::new();
    headers.insert("content-length", HeaderValue::from(20 << 20));
    let refusal = crate::layer::Refusal::new(&why).with_request(&Method::POST, None, &headers);
    let answer = crate::layer::Dialect::render(&dialect, &refusal);
    let told = r#"{"status": "fail", "message": "Error during picture upload, file size (20.0MB) exceeds 10.0MB."}"#;
    assert_eq!(status_and_body(&answer), (StatusCode::PAYLOAD_TOO_LARGE, told));
    let why = Rejection::new(trackgate_schemes::Reason::Missing, "a test");
    assert_eq!(crate::layer::Dialect::render(&dialect, &crate::layer::Refusal::new(&why)).status(), 401);
}

#[test]
fn sizes_have_one_decimal_and_a_unit() {
    for (bytes, text) in [
        (0, "0.0 bytes"),
        (500, "500.0 bytes"),
        (1023, "1023.0 bytes"),
        (1024, "1.0KB"),
        (1_048_576, "1.0MB"),
        (10 << 20, "10.0MB"),
        (3 << 30, "3.0GB"),
        (5 << 40, "5.0TB"),
    ] {
        assert_eq!(dialect::size_text(bytes), text);
    }
}

#[tokio::test]
async fn without_the_grant_to_write_nothing_is_changed() {
    let (play, _) = play().await;
    for (lines, status) in [(vec![], 401), (vec![("authorization", "Bearer tg-reader")], 403)] {
        assert_eq!(play.ask(Method::POST, PICTURE, &lines, "no form").await.status(), status);
        assert_eq!(play.ask(Method::DELETE, PICTURE, &lines, "").await.status(), status);
    }
}

#[tokio::test]
async fn upl_01_and_upl_05_nothing_of_the_file_but_its_pixels_is_served() {
    const HIDDEN: &str = "<script>here-we-live-52.52-13.40</script>";
    let (play, _) = play().await;
    let length = |more: usize| u16::try_from(HIDDEN.len() + more).unwrap().to_be_bytes();
    let png = [&written(ImageFormat::Png)[..], HIDDEN.as_bytes()].concat();
    let jpeg = written(ImageFormat::Jpeg);
    let (start, rest) = jpeg.split_at(2);
    // A comment, and EXIF that holds anything.
    let comment = [b"\xff\xfe".as_slice(), &length(2), HIDDEN.as_bytes()].concat();
    let exif = [b"\xff\xe1".as_slice(), &length(8), b"Exif\0\0", HIDDEN.as_bytes()].concat();
    let jpeg = [start, &exif, &comment, rest, HIDDEN.as_bytes()].concat();
    let gif = animated(2);
    let (body, trailer) = gif.split_at(gif.len() - 1);
    let block = [b"\x21\xfe".as_slice(), &[u8::try_from(HIDDEN.len()).unwrap()], HIDDEN.as_bytes(), b"\0"].concat();
    let gif = [body, &block, trailer].concat();
    for (name, bytes) in [("a.png", png), ("a.jpg", jpeg), ("a.gif", gif)] {
        assert_eq!(send(&play, named(name, &bytes)).await.status(), 200, "{name}");
        let answer = shown(&play).await;
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        assert!(!text.contains("script") && !text.contains("52.52") && !text.contains("Exif"), "{name}");
    }
}

/// EXIF that says: turned by a quarter to the right.
const TURNED: &[u8] = b"\xff\xe1\x00\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";

#[test]
fn upl_05_a_picture_is_turned_as_its_camera_said() {
    let jpeg = written(ImageFormat::Jpeg);
    let (start, rest) = jpeg.split_at(2);
    let drawn = redraw::redraw(Kind::Jpeg, &[start, TURNED, rest].concat()).unwrap();
    let drawn = image::load_from_memory(&drawn).unwrap();
    assert_eq!((drawn.width(), drawn.height()), (4, 8));
}

#[test]
fn upl_02_a_picture_too_large_is_none_before_its_pixels_are_allocated() {
    for (width, height) in [(65_535, 65_535), (4097, 1), (1, 4097), (0, 1), (1, 0), (u32::MAX, u32::MAX)] {
        assert!(redraw::redraw(Kind::Png, &png_head(width, height)).is_err(), "{width}×{height}");
    }
    // The head alone is not at fault: a real one of the largest size is drawn.
    let mut out = Cursor::new(Vec::new());
    image::GrayImage::new(4096, 4096).write_to(&mut out, ImageFormat::Png).unwrap();
    assert!(redraw::redraw(Kind::Png, &out.into_inner()).is_ok());
    let mut gif = animated(1);
    gif.splice(6..10, [0xff; 4]);
    assert!(redraw::redraw(Kind::Gif, &gif).is_err());
}

#[test]
fn upl_02_an_animation_has_a_thousand_frames_at_most() {
    let three = redraw::redraw(Kind::Gif, &animated(3)).unwrap();
    assert_eq!((frames::count(&animated(3)), frames::count(&three)), (Some(3), Some(3)));
    let decoder = image::codecs::gif::GifDecoder::new(Cursor::new(&three[..])).unwrap();
    let shades: Vec<u8> =
        decoder.into_frames().map(|frame| frame.unwrap().buffer().pixels().next().unwrap().0[0]).collect();
    assert_eq!(shades, [0, 1, 2]);
    let many = animated(1001);
    assert_eq!(frames::count(&many), Some(1001));
    assert!(redraw::redraw(Kind::Gif, &many).is_err());
}

#[test]
fn an_animation_too_large_as_a_whole_stands_still() {
    let mut gif = animated(9);
    // A screen of 1000 × 1000, on which the frames are one pixel each.
    gif.splice(6..10, [0xe8, 0x03, 0xe8, 0x03]);
    let drawn = redraw::redraw(Kind::Gif, &gif).unwrap();
    assert_eq!(frames::count(&drawn), Some(1));
    let drawn = image::load_from_memory(&drawn).unwrap();
    assert_eq!((drawn.width(), drawn.height()), (1000, 1000));
}

#[tokio::test]
async fn upl_04_no_name_of_a_client_is_used() {
    let (play, _) = play().await;
    let png = written(ImageFormat::Png);
    let long = format!("{}.png", "x".repeat(4096));
    for name in ["../../x.png", "/etc/x.png", "C:\\x.png", "con.png", "a\u{202e}gnp.png", ".png", &long] {
        assert_eq!(send(&play, named(name, &png)).await.status(), 200, "{name}");
        let [file] = &stored(&play).await[..] else { panic!("not one file: {name}") };
        assert!(file.parse::<FileName>().is_ok() && file.len() == "1-0123456789abcdefghijkl.png".len(), "{file}");
        let told = shown(&play).await.headers()["content-disposition"].to_str().unwrap().to_owned();
        assert_eq!(told, format!("inline; filename={file}"));
    }
}

#[tokio::test]
async fn upl_06_what_cannot_be_kept_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let files: Arc<dyn Files> = Arc::new(FolderFiles::open(folder.path()).unwrap());
    let (play, rider) = play_with(Stage::at(NOW), files).await;
    let pictures = folder.path().join("pictures");
    let there = || std::fs::read_dir(&pictures).unwrap().count();
    assert_eq!(send(&play, named("a.png", &written(ImageFormat::Png))).await.status(), 200);
    assert_eq!((there(), shown(&play).await.status().as_u16()), (1, 200));
    std::fs::rename(&pictures, folder.path().join("away")).unwrap();
    assert_eq!(send(&play, named("a.gif", &written(ImageFormat::Gif))).await.status(), 503);
    assert_eq!(shown(&play).await.status(), 404, "the file is not there");
    std::fs::rename(folder.path().join("away"), &pictures).unwrap();
    assert_eq!((there(), shown(&play).await.headers()["content-type"].to_str().unwrap()), (1, "image/png"));
    // The store is down: the old one is shown to nobody, and nothing is lost.
    let name = Profile::load(&play.stage.accounts, rider.id).await.unwrap().picture.unwrap();
    play.stage.store.close().await.unwrap();
    assert_eq!(send(&play, named("a.gif", &written(ImageFormat::Gif))).await.status(), 503);
    assert!(pictures.join(name).is_file());
}

#[tokio::test]
async fn upl_07_of_many_at_once_one_file_stays() {
    let (play, _) = play().await;
    let png = written(ImageFormat::Png);
    let all = (0..8).map(|_| send(&play, named("a.png", &png)));
    let mut all = all.map(Box::pin).collect::<Vec<_>>();
    let mut statuses = Vec::new();
    std::future::poll_fn(|context| {
        all.retain_mut(|one| match one.as_mut().poll(context) {
            std::task::Poll::Ready(answer) => {
                statuses.push(answer.status().as_u16());
                false
            }
            std::task::Poll::Pending => true,
        });
        if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    assert!(statuses.contains(&200) && statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
    assert_eq!((stored(&play).await.len(), shown(&play).await.status().as_u16()), (1, 200));
}

#[tokio::test]
async fn upl_07_a_full_studio_turns_newcomers_away() {
    let studio = Studio::new(1, 0);
    let held = Arc::clone(&studio.room).try_acquire_owned().unwrap();
    let png = Bytes::from(written(ImageFormat::Png));
    let Err(Stop::Rejected(why)) = studio.draw(Kind::Png, png.clone()).await else { panic!("it was let in") };
    assert_eq!((why.reason, why.retry_after_seconds()), (trackgate_schemes::Reason::Overloaded, Some(1)));
    drop(held);
    assert!(studio.draw(Kind::Png, png).await.unwrap().is_some());
}

#[tokio::test]
async fn upl_06_what_nobody_names_is_swept_after_an_hour() {
    let (play, rider) = play().await;
    let Stage { accounts, files, clock, .. } = &play.stage;
    let sweep = async || sweep_files(accounts, &**files, clock.now()).await.unwrap();
    assert_eq!(send(&play, named("a.png", &written(ImageFormat::Png))).await.status(), 200);
    for name in [&format!("{}-left.png", rider.id.0), "4711-nobody.png", "stranger.png"] {
        files.put(Area::Pictures, &name.parse().unwrap(), "x".into()).await.unwrap();
    }
    assert_eq!((sweep().await, stored(&play).await.len()), (1, 3), "the others are young");
    clock.advance(Duration::from_hours(1));
    assert_eq!((sweep().await, stored(&play).await.len()), (2, 1));
    assert_eq!(shown(&play).await.status(), 200);
    assert_eq!(send(&play, named("a.png", &written(ImageFormat::Png))).await.status(), 200);
    accounts.delete(rider.id, &Origin::operator()).await.unwrap();
    assert_eq!((sweep().await, stored(&play).await.len()), (1, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn upl_08_any_body_is_answered(bytes in proptest::collection::vec(any::<u8>(), 0..300), cut in any::<usize>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("multipart/form-data; boundary=b"));
        let whole = named("a.png", &bytes);
        let part = whole.get(..cut % whole.len()).unwrap().to_vec();
        for body in [bytes.clone(), whole.clone(), part, [&whole[..], &bytes].concat()] {
            let size = body.len();
            let read = runtime.block_on(Upload::read(&headers, Body::from(body), 200, 250));
            match read {
                Ok(upload) => prop_assert!(size <= 200 && upload.kind.begins(&upload.bytes)),
                Err(Refused::TooLarge { size: told, limit }) => prop_assert!(told == size as u64 && size > 200 && limit == 200),
                Err(Refused::Fault(_)) => {}
                Err(Refused::Body(why)) => prop_assert!(false, "{:?}", why),
            }
        }
    }

    #[test]
    fn upl_01_any_bytes_are_drawn_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in any::<usize>()) {
        for (kind, format) in [(Kind::Gif, ImageFormat::Gif), (Kind::Jpeg, ImageFormat::Jpeg), (Kind::Png, ImageFormat::Png)] {
            let mut damaged = if kind == Kind::Gif { animated(2) } else { written(format) };
            let at = at % damaged.len();
            let end = damaged.len().min(at + bytes.len() / 20);
            damaged.splice(at..end, bytes.iter().copied().take(end - at));
            for input in [&damaged, &bytes] {
                if let Ok(drawn) = redraw::redraw(kind, input) {
                    prop_assert!(kind.begins(&drawn));
                }
            }
        }
        prop_assert!(frames::count(&bytes).is_none_or(|frames| frames < bytes.len()));
    }
}
