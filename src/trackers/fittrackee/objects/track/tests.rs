//! Tracks, and what is no track.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

const SPEEDS: Speeds = Speeds { stopped_threshold: 1.0, fastest: Fastest::Likely };

fn point(latitude: &str, longitude: &str, inside: &str) -> String {
    format!("<trkpt lat=\"{latitude}\" lon=\"{longitude}\">{inside}</trkpt>")
}

fn at(second: i64) -> String {
    format!("<time>{}</time>", Timestamp::from_second(1_794_294_000 + second).unwrap())
}

fn gpx(inside: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<gpx version=\"1.1\" creator=\"tests\" \
         xmlns=\"http://www.topografix.com/GPX/1/1\">{inside}</gpx>"
    )
}

fn track(segments: &[&str]) -> String {
    let segments: Vec<_> = segments.iter().map(|segment| format!("<trkseg>{segment}</trkseg>")).collect();
    gpx(&format!("<trk><name>Little run</name>{}</trk>", segments.concat()))
}

/// So many points to the north, ten seconds and a ten-thousandth of a degree apart.
fn run(points: i64, from: i64) -> String {
    (0..points).fold(String::new(), |mut text, n| {
        let (latitude, height) = (446_809 + n, 998 + n % 5);
        let inside = format!("<ele>{height}</ele>{}", at(from + 10 * n));
        write!(text, "{}", point(&format!("{}.{:04}5", latitude / 10_000, latitude % 10_000), "6.07367", &inside))
            .unwrap();
        text
    })
}

fn measured(text: &str) -> Result<Measured, Fault> {
    Track::read(text.as_bytes())?.measure(SPEEDS)
}

/// The original measured the same of the same file.
#[test]
fn a_run_has_the_measures_that_the_original_finds() {
    let text = track(&[&run(60, 0)]);
    let found = Track::read(text.as_bytes()).unwrap();
    assert_eq!((found.name.as_deref(), found.description.as_deref()), (Some("Little run"), None));
    let measured = found.measure(SPEEDS).unwrap();
    let expected = Measures {
        duration: 590,
        pauses: Some(0),
        moving: Some(590),
        distance: Some(0.667),
        min_alt: Some(998.0),
        max_alt: Some(1002.0),
        ascent: Some(26.0),
        descent: Some(22.0),
        max_speed: Some(4.02),
        ave_speed: Some(4.07),
    };
    assert_eq!((&measured.whole, measured.began), (&expected, 1_794_294_000_000_000));
    assert_eq!(measured.segments, [expected]);
    assert_eq!(format!("{:?}", measured.bounds), "[44.68095, 6.07367, 44.68685, 6.07367]");
}

#[test]
fn the_time_between_segments_is_a_pause() {
    let measured = measured(&track(&[&run(30, 0), "", &run(30, 1000)])).unwrap();
    let whole = &measured.whole;
    assert_eq!((whole.duration, whole.moving, whole.pauses), (1290, Some(580), Some(710)));
    let parts: Vec<_> = measured.segments.iter().map(|part| (part.duration, part.pauses, part.min_alt)).collect();
    assert_eq!(parts, [(290, Some(0), Some(998.0)), (0, Some(0), None), (290, Some(0), Some(998.0))]);
}

#[test]
fn slower_than_the_threshold_is_standing_still() {
    // 11.1 m in 100 s are 0.4 km/h, in 10 s 4 km/h.
    let points = [("44.0000", 0), ("44.0001", 100), ("44.0002", 110), ("44.0002", 500)];
    let text: String = points.iter().map(|(latitude, second)| point(latitude, "6", &at(*second))).collect();
    let at_threshold = |stopped_threshold| {
        let speeds = Speeds { stopped_threshold, fastest: Fastest::Any };
        Track::read(track(&[&text]).as_bytes()).unwrap().measure(speeds).unwrap().whole
    };
    let (one, tenth) = (at_threshold(1.0), at_threshold(0.1));
    assert_eq!((one.moving, one.pauses, one.duration), (Some(10), Some(100), 500));
    assert_eq!((tenth.moving, tenth.pauses, tenth.max_speed), (Some(110), Some(0), Some(4.01)));
    assert_eq!((one.distance, one.ascent, one.min_alt), (Some(0.022), None, None));
}

#[test]
fn what_is_likely_an_error_is_not_the_fastest() {
    let steady = vec![(2.0, 20.0); 40];
    let with_error = [steady.as_slice(), &[(90.0, 900.0)]].concat();
    let speed = |fastest: Fastest, steps: &[(f64, f64)]| fastest.of(steps);
    assert_eq!((speed(Fastest::Likely, &with_error), speed(Fastest::Any, &with_error)), (2.0, 90.0));
    assert_eq!((speed(Fastest::Likely, &[(2.0, 20.0)]), speed(Fastest::Any, &[])), (0.0, 0.0));
}

#[test]
fn a_clock_that_runs_back_makes_no_time() {
    let text: String = [20, 10, 0].iter().map(|second| point("44", "6", &at(*second))).collect();
    let whole = measured(&track(&[&text])).unwrap().whole;
    assert_eq!((whole.duration, whole.moving, whole.distance), (0, Some(0), Some(0.0)));
}

#[test]
fn upl_09_what_is_no_track_is_refused_in_the_originals_words() {
    let time = at(0);
    for (text, fault) in [
        (String::new(), Fault::Invalid),
        ("no XML".into(), Fault::Invalid),
        ("<gpx".into(), Fault::Invalid),
        (gpx(""), Fault::NoTrack),
        (gpx("<wpt lat=\"1\" lon=\"1\"></wpt>"), Fault::NoTrack),
        (track(&[]), Fault::Invalid),
        (track(&[""]), Fault::Invalid),
        (track(&[&point("44", "6", "")]), Fault::NoTime),
        (track(&[&point("44", "6", "<time>yesterday</time>")]), Fault::Invalid),
        (track(&[&point("44", "6", &time)]).replace("</gpx>", ""), Fault::Invalid),
        (track(&[&format!("<trkpt lat=\"44\">{time}</trkpt>")]), Fault::Invalid),
    ] {
        assert_eq!(measured(&text), Err(fault), "{text}");
    }
    assert_eq!(Track::read(b"\xff\xfe<\0g\0p\0x\0/\0>\0").unwrap_err(), Fault::Invalid);
    assert!(measured(&track(&[&point("44", "6", &time)])).is_ok());
}

#[test]
fn upl_09_coordinates_that_are_nowhere_are_refused() {
    let time = at(0);
    for (latitude, longitude) in [
        ("NaN", "6"),
        ("44", "nan"),
        ("inf", "6"),
        ("44", "-infinity"),
        ("90.1", "6"),
        ("-91", "6"),
        ("44", "181"),
        ("44", "-180.5"),
        ("1e309", "6"),
        ("", "6"),
        ("x", "6"),
    ] {
        let text = track(&[&point(latitude, longitude, &time)]);
        assert_eq!(measured(&text), Err(Fault::Invalid), "{latitude} {longitude}");
    }
    for height in ["NaN", "inf", "-inf", "10000", "1e300", "x"] {
        let text = track(&[&point("44", "6", &format!("<ele>{height}</ele>{time}"))]);
        assert_eq!(measured(&text), Err(Fault::Invalid), "{height}");
    }
}

#[test]
fn upl_09_what_is_longer_than_can_be_stored_is_refused() {
    let two = |to: &str, seconds| track(&[&(point("0", "0", &at(0)) + &point(to, "0", &at(seconds)))]);
    assert_eq!(measured(&two("80", 86_400)), Err(Fault::Invalid), "farther than a thousand kilometres");
    assert_eq!(measured(&two("0.1", 32_000_000)), Err(Fault::Invalid), "longer than a year");
    assert_eq!(measured(&two("8", 1)), Err(Fault::Invalid), "faster than ten thousand km/h");
    assert!(measured(&two("8", 86_400)).is_ok());
}

#[test]
fn upl_09_entities_are_neither_expanded_nor_fetched() {
    let point = point("44", "6", &at(0));
    let good = gpx(&format!("<trk><name>&amp;&#65;</name><trkseg>{point}</trkseg></trk>"));
    assert_eq!(Track::read(good.as_bytes()).unwrap().name.as_deref(), Some("&A"));
    let laughs: Vec<_> =
        (1..12).map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10))).collect();
    let laughs = laughs.concat();
    for (types, name) in [
        (format!("<!DOCTYPE gpx [<!ENTITY l0 \"ha\">{laughs}]>"), "&l11;"),
        ("<!DOCTYPE gpx [<!ENTITY f SYSTEM \"file:///etc/passwd\">]>".into(), "&f;"),
        ("<!DOCTYPE gpx SYSTEM \"http://127.0.0.1:9/x.dtd\">".into(), "x"),
        ("<!DOCTYPE gpx [<!ENTITY % p SYSTEM \"http://127.0.0.1:9/p\"> %p;]>".into(), "x"),
        (String::new(), "&unheard;"),
    ] {
        let text = gpx(&format!("<trk><name>{name}</name><trkseg>{point}</trkseg></trk>"));
        let text = text.replacen("<gpx", &format!("{types}<gpx"), 1);
        assert_eq!(Track::read(text.as_bytes()).unwrap_err(), Fault::Invalid, "{types}");
    }
}

#[test]
fn upl_09_a_million_points_and_deep_nesting_are_refused_before_they_take_memory() {
    let many = track(&[&"<trkpt lat=\"1\" lon=\"1\"/>".repeat(1_000_000)]);
    assert_eq!(Track::read(many.as_bytes()).unwrap_err(), Fault::Invalid);
    let routes = gpx(&"<p:rtept lat=\"1\" lon=\"1\"/>".repeat(1_000_000));
    assert_eq!(Track::read(routes.as_bytes()).unwrap_err(), Fault::Invalid);
    for open in ["<a>", "<a b=\"/>\">", "<!--</a>--><a>"] {
        let deep = gpx(&format!("<extensions>{}", open.repeat(100_000)));
        assert_eq!(Track::read(deep.as_bytes()).unwrap_err(), Fault::Invalid);
    }
    let wide: String = (0..100_000).fold(String::new(), |text, n| text + &format!(" a{n}=''"));
    assert_eq!(Track::read(gpx(&format!("<trk{wide}/>")).as_bytes()).unwrap_err(), Fault::Invalid);
    assert!(measured(&track(&[&run(10_000, 0)])).is_ok());
}

proptest! {
    #[test]
    fn upl_09_any_text_is_read_without_panic(
        text in "(<gpx version=\"1\\.[01]\">|</gpx>|<trk>|</trk>|<trkseg>|</trkseg>|<trkpt lat=\"-?[0-9.e]{1,4}\" lon=\"[0-9.]{1,3}\">|</trkpt>|<ele>[0-9.eE-]{1,4}</ele>|<time>2026-0[0-9]-1[0-9]T0[0-9]:00:00Z</time>|<name>|&#?x?[0-9a-z]{1,3};|\\PC){0,24}",
        threshold in any::<f64>(),
    ) {
        if let Ok(track) = Track::read(text.as_bytes()) {
            let speeds = Speeds { stopped_threshold: threshold, fastest: Fastest::Likely };
            let all_finite = |m: &Measures| {
                [m.distance, m.min_alt, m.max_alt, m.ascent, m.descent, m.max_speed, m.ave_speed].into_iter().flatten().all(f64::is_finite)
            };
            if let Ok(measured) = track.measure(speeds) {
                prop_assert!(all_finite(&measured.whole) && measured.segments.iter().all(all_finite));
            }
        }
    }

    #[test]
    fn distances_are_the_same_both_ways_and_none_to_oneself(
        here in (-90.0..=90.0, -180.0..180.0),
        there in (-90.0..=90.0, -180.0..180.0),
        heights in (prop::option::of(-400.0..9000.0), prop::option::of(-400.0..9000.0)),
    ) {
        let point = |(latitude, longitude), height| Point { latitude, longitude, height, at: 0 };
        let (here, there) = (point(here, heights.0), point(there, heights.1));
        prop_assert!((here.distance(&there) - there.distance(&here)).abs() < 1e-6);
        prop_assert!(here.distance(&here).abs() < f64::EPSILON);
        prop_assert!(here.distance(&there) <= 20_040_000.0);
    }
}
