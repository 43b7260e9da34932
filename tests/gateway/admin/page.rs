//! A strict reader of the Prometheus text format, version 0.0.4.

use std::collections::{BTreeMap, BTreeSet};

/// A page of metrics, every line of which was good.
pub(super) struct Page {
    kinds: BTreeMap<String, String>,
    /// By name and labels as they are written.
    pub(super) series: BTreeMap<String, f64>,
}

impl Page {
    /// Reads a page; a panic where it is not what the format says.
    pub(super) fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line has an end, too");
        let mut page = Self { kinds: BTreeMap::new(), series: BTreeMap::new() };
        let (mut family, mut has_type) = (String::new(), false);
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                assert!(is_name(name) && !help.is_empty(), "{line}");
                assert!(!page.kinds.contains_key(name), "the family {name} stands there twice");
                (family, has_type) = (name.to_owned(), false);
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert!(name == family && !has_type, "TYPE follows HELP: {line}");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                page.kinds.insert(name.to_owned(), kind.to_owned());
                has_type = true;
            } else {
                assert!(has_type, "HELP and TYPE come first: {line}");
                page.sample(&family, line);
            }
        }
        page.check_histograms();
        page
    }

    /// The value of a series; 0 if it is not there.
    pub(super) fn value(&self, series: &str) -> f64 {
        self.series.get(series).copied().unwrap_or_default()
    }

    /// Nothing that only grows is less than before.
    pub(super) fn is_after(&self, before: &Self) {
        for (series, value) in &before.series {
            let name = series.split('{').next().unwrap();
            // An address that a reload took away is no longer told of.
            let has_left = name.starts_with("trackgate_upstream_address_") && !self.series.contains_key(series);
            let grows = !has_left && ["_total", "_bucket", "_sum", "_count"].iter().any(|end| name.ends_with(end));
            assert!(!grows || self.series[series] >= *value, "{series} was {value}, is {}", self.series[series]);
        }
    }

    fn sample(&mut self, family: &str, line: &str) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
        let name = series.split('{').next().unwrap();
        let kind = &self.kinds[family];
        let part = name.strip_prefix(family).unwrap_or_else(|| panic!("{line} is not of {family}"));
        let parts: &[&str] = if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
        assert!(is_name(name) && parts.contains(&part), "{line}");
        if let Some(labels) = series.strip_prefix(name).filter(|labels| !labels.is_empty()) {
            check_labels(labels.strip_prefix('{').unwrap().strip_suffix('}').unwrap());
        }
        assert!(value >= 0.0 && value.is_finite(), "{line}");
        assert!(self.series.insert(series.to_owned(), value).is_none(), "{series} stands there twice");
    }

    fn check_histograms(&self) {
        for family in self.kinds.iter().filter(|(_, kind)| *kind == "histogram").map(|(name, _)| name) {
            let mut buckets: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
            for (series, value) in &self.series {
                let Some(labels) = series.strip_prefix(&format!("{family}_bucket{{")) else { continue };
                let (others, le) = labels.trim_end_matches('}').rsplit_once("le=\"").unwrap();
                let le = le.trim_end_matches('"');
                let le = if le == "+Inf" { f64::INFINITY } else { le.parse().unwrap() };
                buckets.entry(others.trim_end_matches(',')).or_default().push((le, *value));
            }
            assert!(!buckets.is_empty(), "{family}");
            for (labels, mut buckets) in buckets {
                buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
                assert!(buckets.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{family} {labels}: {buckets:?}");
                let (last, all) = buckets.last().unwrap();
                assert!(last.is_infinite());
                let count = format!("{family}_count{{{labels}}}");
                assert!((self.series[&count] - all).abs() < f64::EPSILON, "{count}");
                assert!(self.series.contains_key(&format!("{family}_sum{{{labels}}}")));
            }
        }
    }
}

fn is_name(name: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    name.chars().all(good) && !name.starts_with(|c: char| c.is_ascii_digit()) && !name.is_empty()
}

/// `name="value",…` with each name once and nothing but the three escapes.
fn check_labels(mut labels: &str) {
    let mut seen = BTreeSet::new();
    while !labels.is_empty() {
        let (name, rest) = labels.split_once("=\"").unwrap();
        assert!(is_name(name) && !name.contains(':') && seen.insert(name.to_owned()), "{labels}");
        let mut chars = rest.char_indices();
        let end = loop {
            match chars.next().unwrap() {
                (_, '\\') => assert!(matches!(chars.next().unwrap().1, '\\' | '"' | 'n'), "{rest}"),
                (at, '"') => break at,
                (_, c) => assert!(c != '\n'),
            }
        };
        labels = rest.split_at(end + 1).1;
        assert!(labels.is_empty() || labels.starts_with(','), "{labels}");
        labels = labels.strip_prefix(',').unwrap_or(labels);
    }
}

#[test]
fn the_reader_reads_what_is_good_and_nothing_else() {
    let good = "# HELP a_total A.\n# TYPE a_total counter\na_total{b=\"c\\\"\\\\\\n\",d=\"\"} 1\na_total 2.5\n";
    assert_eq!(Page::read(good).series.len(), 2);
    for bad in [
        "a 1\n",
        "# HELP a A.\n# TYPE a gauge\nb 1\n",
        "# HELP a A.\n# TYPE a gauge\na x\n",
        "# HELP a A.\n# TYPE a counter\na 1\n",
        "# HELP a A.\n# TYPE a gauge\na{b=\"\\t\"} 1\n",
        "# HELP a A.\n# TYPE a gauge\na 1\na 2\n",
        "# HELP a A.\n# TYPE a gauge\na 1",
    ] {
        assert!(std::panic::catch_unwind(|| Page::read(bad)).is_err(), "{bad}");
    }
}
