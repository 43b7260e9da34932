//! Tracks: GPX files, and what is measured of them.
//!
//! The measures are those of the original's library: distances over a sphere and the heights between, climbs
//! over smoothed heights, and a fastest speed that leaves out what is likely an error of the recording.
//! There, too, standing on the very same spot counts neither as moving nor as a pause.

use gpx::Waypoint;
use jiff::Timestamp;

use super::kept::Measures;
use super::shown::rounded;
use super::writing::{FARTHEST, FASTEST, HIGHEST, LONGEST};

/// The first track of a file.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    segments: Vec<Vec<Point>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Point {
    /// Degrees.
    latitude: f64,
    /// Degrees.
    longitude: f64,
    /// Metres.
    height: Option<f64>,
    /// Microseconds since 1970 (UTC).
    at: i64,
}

/// Why a file is no track that can be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Invalid,
    NoTime,
    NoTrack,
}

impl Fault {
    /// The original's words.
    pub(super) fn message(self) -> &'static str {
        match self {
            Self::Invalid => "gpx file is invalid",
            Self::NoTime => "<time> is missing in gpx file",
            Self::NoTrack => "no tracks in gpx file",
        }
    }
}

/// What is measured of a track.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Measured {
    /// When it began, in microseconds since 1970 (UTC).
    pub(super) began: i64,
    pub(super) whole: Measures,
    pub(super) segments: Vec<Measures>,
    /// Smallest latitude and longitude, then the largest ones.
    pub(super) bounds: [f64; 4],
}

/// How speeds are read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Speeds {
    /// Not faster is standing still, in km/h.
    pub(super) stopped_threshold: f64,
    /// Whether likely errors are left out of the fastest speed.
    pub(super) fastest: Fastest,
}

/// Which speeds may be the fastest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fastest {
    /// Any.
    Any,
    /// Those that are no likely errors of the recording.
    Likely,
}

impl Track {
    /// Reads a GPX file (1.0 or 1.1) in UTF-8.
    ///
    /// # Errors
    ///
    /// A [`Fault`] for what is no such file, has a document type, or too many points.
    pub(super) fn read(file: &[u8]) -> Result<Self, Fault> {
        let text = std::str::from_utf8(file).map_err(|_other| Fault::Invalid)?;
        // Entities are declared in a document type and nowhere else. Points are counted by what their tags
        // end in, also closing ones and those of routes, before memory is spent on any.
        if text.contains("<!DOCTYPE") || text.matches("pt").take(MOST_TAGS + 1).count() > MOST_TAGS {
            return Err(Fault::Invalid);
        }
        let gpx = gpx::read(text.as_bytes()).map_err(|_broken| Fault::Invalid)?;
        let track = gpx.tracks.into_iter().next().ok_or(Fault::NoTrack)?;
        let segments = track.segments.iter().map(|segment| segment.points.iter().map(Point::read).collect());
        Ok(Self { name: track.name, description: track.description, segments: segments.collect::<Result<_, _>>()? })
    }

    /// Measures it.
    ///
    /// # Errors
    ///
    /// [`Fault::Invalid`] for a track without points, and for one that is longer than can be stored.
    pub(super) fn measure(&self, speeds: Speeds) -> Result<Measured, Fault> {
        let points = || self.segments.iter().flatten();
        let first = points().next().ok_or(Fault::Invalid)?;
        let parts: Vec<Sums> = self.segments.iter().map(|segment| Sums::of(segment, speeds)).collect();
        let mut whole = parts.iter().fold(Sums::default(), Sums::and);
        let filled: Vec<_> = self.segments.iter().filter_map(|segment| segment.first().zip(segment.last())).collect();
        for ((_, last), (next, _)) in filled.iter().zip(filled.iter().skip(1)) {
            let between = (next.at - last.at).max(0);
            whole.duration += between;
            whole.stopped += between;
        }
        let mut bounds = [first.latitude, first.longitude, first.latitude, first.longitude];
        for point in points() {
            let [south, west, north, east] = bounds;
            bounds = [
                south.min(point.latitude),
                west.min(point.longitude),
                north.max(point.latitude),
                east.max(point.longitude),
            ];
        }
        let segments = parts.iter().map(Sums::measures).collect::<Result<_, _>>()?;
        Ok(Measured { began: first.at, whole: whole.measures()?, segments, bounds })
    }
}

impl Point {
    fn read(waypoint: &Waypoint) -> Result<Self, Fault> {
        let time = waypoint.time.ok_or(Fault::NoTime)?;
        let text = time.format().map_err(|_unfit| Fault::Invalid)?;
        let at: Timestamp = text.parse().map_err(|_unfit| Fault::Invalid)?;
        let (longitude, latitude) = waypoint.point().x_y();
        let fits = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
        let height = waypoint.elevation;
        if !fits || height.is_some_and(|height| !height.is_finite() || height.abs() >= HIGHEST_PLACE) {
            return Err(Fault::Invalid);
        }
        Ok(Self { latitude, longitude, height, at: at.as_microsecond() })
    }

    /// Metres to another point; heights count where both are known and not zero, as in the original.
    fn distance(&self, other: &Self) -> f64 {
        let (from, to) = (self.latitude.to_radians(), other.latitude.to_radians());
        let half = |a: f64, b: f64| ((b - a) / 2.0).sin().powi(2);
        let east = half(self.longitude.to_radians(), other.longitude.to_radians());
        let arc = (half(from, to) + from.cos() * to.cos() * east).min(1.0);
        let flat = 2.0 * EARTH_RADIUS * arc.sqrt().asin();
        let height = |point: &Self| point.height.filter(|height| *height != 0.0);
        match (height(self), height(other)) {
            (Some(from), Some(to)) => flat.hypot(to - from),
            _ => flat,
        }
    }
}

/// What is summed up over a part of a track: metres and microseconds.
#[derive(Clone, Debug, Default)]
struct Sums {
    duration: i64,
    moving: i64,
    stopped: i64,
    distance: f64,
    /// Metres a second.
    fastest: f64,
    lowest_and_highest: Option<(f64, f64)>,
    up: f64,
    down: f64,
}

impl Sums {
    fn of(points: &[Point], speeds: Speeds) -> Self {
        let mut sums = Self::default();
        let mut steps = Vec::new();
        for (from, to) in points.iter().zip(points.iter().skip(1)) {
            let (distance, time) = (from.distance(to), to.at - from.at);
            if time <= 0 || distance == 0.0 {
                continue;
            }
            #[expect(clippy::cast_precision_loss, reason = "a step is short")]
            let speed = distance / (time as f64 / MICROSECONDS);
            let moves = speed * 3.6 > speeds.stopped_threshold;
            *(if moves { &mut sums.moving } else { &mut sums.stopped }) += time;
            sums.distance += distance;
            if sums.moving > 0 {
                steps.push((speed, distance));
            }
        }
        if let (Some(first), Some(last)) = (points.first(), points.last()) {
            sums.duration = (last.at - first.at).max(0);
        }
        sums.fastest = speeds.fastest.of(&steps);
        let heights: Vec<f64> = points.iter().filter_map(|point| point.height).collect();
        sums.lowest_and_highest = heights.iter().fold(None, |before, height| {
            let (lowest, highest) = before.unwrap_or((*height, *height));
            Some((height.min(lowest), height.max(highest)))
        });
        (sums.up, sums.down) = climbs(&heights);
        sums
    }

    fn and(self, other: &Self) -> Self {
        let heights = [self.lowest_and_highest, other.lowest_and_highest].into_iter().flatten();
        Self {
            duration: self.duration + other.duration,
            moving: self.moving + other.moving,
            stopped: self.stopped + other.stopped,
            distance: self.distance + other.distance,
            fastest: self.fastest.max(other.fastest),
            lowest_and_highest: heights.reduce(|one, two| (one.0.min(two.0), one.1.max(two.1))),
            up: self.up + other.up,
            down: self.down + other.down,
        }
    }

    /// In the units and decimals in which it is stored.
    fn measures(&self) -> Result<Measures, Fault> {
        let within = |value: f64, limit: f64| if value.abs() < limit { Ok(value) } else { Err(Fault::Invalid) };
        #[expect(clippy::cast_precision_loss, reason = "it is compared and divided by alone")]
        let (duration, moving) = (self.duration as f64 / MICROSECONDS, self.moving as f64 / MICROSECONDS);
        if duration > LONGEST {
            return Err(Fault::Invalid);
        }
        let average = if self.moving > 0 { self.distance / moving * 3.6 } else { 0.0 };
        let climb = |metres: f64| self.lowest_and_highest.map(|_| within(rounded(metres, 3), HIGHEST)).transpose();
        Ok(Measures {
            duration: self.duration / 1_000_000,
            pauses: Some(self.stopped / 1_000_000),
            moving: Some(self.moving / 1_000_000),
            distance: Some(within(rounded(self.distance / 1000.0, 3), FARTHEST)?),
            min_alt: self.lowest_and_highest.map(|(lowest, _)| rounded(lowest, 2)),
            max_alt: self.lowest_and_highest.map(|(_, highest)| rounded(highest, 2)),
            ascent: climb(self.up)?,
            descent: climb(self.down)?,
            max_speed: Some(within(rounded(self.fastest * 3.6, 2), FASTEST)?),
            ave_speed: Some(within(rounded(average, 2), FASTEST)?),
        })
    }
}

impl Fastest {
    /// The fastest of these speeds, each with the metres of its step. Likely ones are those of steps no
    /// farther from the average than one and a half times the standard deviation, without the last twentieth.
    fn of(self, steps: &[(f64, f64)]) -> f64 {
        if self == Self::Any {
            return steps.iter().fold(0.0, |fastest, (speed, _)| speed.max(fastest));
        }
        if steps.len() < 2 {
            return 0.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "there are few steps")]
        let count = steps.len() as f64;
        let average = steps.iter().map(|(_, distance)| distance).sum::<f64>() / count;
        let deviation = (steps.iter().map(|(_, distance)| (distance - average).powi(2)).sum::<f64>() / count).sqrt();
        let likely = steps.iter().filter(|(_, distance)| (distance - average).abs() <= deviation * 1.5);
        let mut speeds: Vec<f64> = likely.map(|(speed, _)| *speed).collect();
        speeds.sort_by(f64::total_cmp);
        speeds.get(speeds.len() * 19 / 20).copied().unwrap_or(0.0)
    }
}

/// How far it goes up and down, in metres, each height smoothed by its neighbours.
fn climbs(heights: &[f64]) -> (f64, f64) {
    let smooth = heights.windows(3).filter_map(|three| match three {
        [before, here, after] => Some(before * 0.3 + here * 0.4 + after * 0.3),
        _ => None,
    });
    let ends = |end: Option<&f64>| end.copied().into_iter();
    let last = if heights.len() > 1 { heights.last() } else { None };
    let smooth: Vec<f64> = ends(heights.first()).chain(smooth).chain(ends(last)).collect();
    smooth.iter().zip(smooth.iter().skip(1)).fold((0.0, 0.0), |(up, down), (before, after)| {
        let climb = after - before;
        if climb > 0.0 { (up + climb, down) } else { (up, down - climb) }
    })
}

/// Metres: the equator's, as the original's library has it.
const EARTH_RADIUS: f64 = 6_378_137.0;

/// Metres: what the column of the original's database holds.
const HIGHEST_PLACE: f64 = 1e4;

/// Tags of points: more than a file of the largest size that is taken has of those with a time.
const MOST_TAGS: usize = 60_000;

const MICROSECONDS: f64 = 1e6;
