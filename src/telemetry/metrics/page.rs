//! The page that a Prometheus server reads: the text exposition format, version 0.0.4.
//!
//! Families stand together whoever tells of them, each label set once, histograms in the order of their
//! buckets; numbers that several threads tell for one label set are added up.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::histogram::Distribution;

/// A page of metrics, made anew for each reading.
#[derive(Debug, Default)]
pub struct Page {
    families: BTreeMap<&'static str, Family>,
}

/// A label and its value.
pub type Label<'a> = (&'static str, &'a str);

#[derive(Debug)]
struct Family {
    kind: &'static str,
    help: &'static str,
    /// By their labels as they are written.
    numbers: BTreeMap<String, f64>,
    histograms: BTreeMap<String, Distribution>,
}

impl Page {
    /// The `Content-Type` of [`text`](Self::text).
    pub const CONTENT_TYPE: &'static str = "text/plain; version=0.0.4; charset=utf-8";

    /// A number that only grows while the process lives; its name ends in `_total`.
    pub fn counter(&mut self, name: &'static str, help: &'static str, labels: &[Label<'_>], value: f64) {
        debug_assert!(name.ends_with("_total"), "{name}");
        *self.family(name, "counter", help).numbers.entry(written(labels)).or_default() += value;
    }

    /// A number that goes up and down.
    pub fn gauge(&mut self, name: &'static str, help: &'static str, labels: &[Label<'_>], value: f64) {
        *self.family(name, "gauge", help).numbers.entry(written(labels)).or_default() += value;
    }

    /// How values are spread.
    pub(super) fn histogram(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: &[Label<'_>],
        value: &Distribution,
    ) {
        self.family(name, "histogram", help).histograms.entry(written(labels)).or_default().add(value);
    }

    /// The whole page.
    ///
    /// # Panics
    ///
    /// Never: a text takes text.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for (name, family) in &self.families {
            let Family { kind, help, numbers, histograms } = family;
            writeln!(out, "# HELP {name} {}", help.replace('\\', "\\\\").replace('\n', "\\n")).expect(TAKES);
            writeln!(out, "# TYPE {name} {kind}").expect(TAKES);
            for (labels, value) in numbers {
                let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
                writeln!(out, "{name}{labels} {value}").expect(TAKES);
            }
            for (labels, distribution) in histograms {
                distribution.write(&mut out, name, labels);
            }
        }
        out
    }

    fn family(&mut self, name: &'static str, kind: &'static str, help: &'static str) -> &mut Family {
        let new = || Family { kind, help, numbers: BTreeMap::new(), histograms: BTreeMap::new() };
        self.families.entry(name).or_insert_with(new)
    }
}

/// Labels as they stand between braces; a value is cut at 128 bytes.
fn written(labels: &[Label<'_>]) -> String {
    let mut out = String::new();
    for (name, value) in labels {
        let comma = if out.is_empty() { "" } else { "," };
        let value = value.get(..value.floor_char_boundary(MAX_VALUE)).unwrap_or(value);
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        write!(out, "{comma}{name}=\"{value}\"").expect(TAKES);
    }
    out
}

pub(super) const TAKES: &str = "a String takes text";
const MAX_VALUE: usize = 128;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::histogram::Histogram;
    use super::*;

    #[test]
    fn families_stand_together_and_equal_labels_are_added() {
        let mut page = Page::default();
        page.counter("b_total", "Second.", &[("route", "r")], 2.0);
        page.gauge("a", "First.", &[], 1.5);
        page.counter("b_total", "Second.", &[("route", "q")], 1.0);
        page.counter("b_total", "Second.", &[("route", "r")], 3.0);
        let told = "# HELP a First.\n# TYPE a gauge\na 1.5\n# HELP b_total Second.\n# TYPE b_total counter\n\
                    b_total{route=\"q\"} 1\nb_total{route=\"r\"} 5\n";
        assert_eq!(page.text(), told);
    }

    #[test]
    fn log_02_label_values_are_escaped_and_cut() {
        let mut page = Page::default();
        page.gauge("a", "A \\ in\nhelp.", &[("name", "a\"b\\c\nd")], 1.0);
        page.gauge("a", "", &[("name", &"é".repeat(200))], 1.0);
        let text = page.text();
        assert!(text.contains("# HELP a A \\\\ in\\nhelp.\n"), "{text}");
        assert!(text.contains("a{name=\"a\\\"b\\\\c\\nd\"} 1\n"), "{text}");
        assert!(text.contains(&format!("a{{name=\"{}\"}} 1\n", "é".repeat(64))), "{text}");
    }

    #[test]
    fn histograms_are_cumulative_and_end_at_infinity() {
        let histogram = Histogram::default();
        for millis in [0, 3, 3, 200, 100_000] {
            histogram.observe(Duration::from_millis(millis));
        }
        let mut page = Page::default();
        page.histogram("took_seconds", "Time.", &[("route", "r")], &histogram.distribution());
        let text = page.text();
        for line in [
            "took_seconds_bucket{route=\"r\",le=\"0.0001\"} 1\n",
            "took_seconds_bucket{route=\"r\",le=\"0.0025\"} 1\n",
            "took_seconds_bucket{route=\"r\",le=\"0.005\"} 3\n",
            "took_seconds_bucket{route=\"r\",le=\"0.25\"} 4\n",
            "took_seconds_bucket{route=\"r\",le=\"60\"} 4\n",
            "took_seconds_bucket{route=\"r\",le=\"+Inf\"} 5\n",
            "took_seconds_sum{route=\"r\"} 100.206\n",
            "took_seconds_count{route=\"r\"} 5\n",
        ] {
            assert!(text.contains(line), "{line}{text}");
        }
    }
}
