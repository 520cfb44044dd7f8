//! What was measured, by name: many numbers each, told as their median and their spread.

use std::collections::BTreeMap;

#[derive(Default)]
pub(crate) struct Samples(BTreeMap<String, Vec<f64>>);

/// Many numbers in three.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
    pub(crate) count: usize,
}

impl Samples {
    pub(crate) fn add(&mut self, name: impl Into<String>, value: f64) {
        self.0.entry(name.into()).or_default().push(value);
    }

    /// From one instant to another, both in nanoseconds; kept as milliseconds.
    pub(crate) fn add_span(&mut self, name: impl Into<String>, from: u64, to: u64) {
        self.add(name, to.saturating_sub(from) as f64 / 1e6);
    }

    pub(crate) fn get(&self, name: &str) -> Option<Summary> {
        let mut values = self.0.get(name)?.clone();
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = match values.len() % 2 {
            0 => f64::midpoint(values[middle - 1], values[middle]),
            _ => values[middle],
        };
        Some(Summary { median, least, most, count: values.len() })
    }

    pub(crate) fn median(&self, name: &str) -> Option<f64> {
        self.get(name).map(|summary| summary.median)
    }
}

#[cfg(test)]
mod tests {
    use super::{Samples, Summary};

    #[test]
    fn the_median_is_in_the_middle_whatever_the_order() {
        let mut samples = Samples::default();
        for value in [5.0, 1.0, 3.0] {
            samples.add("a", value);
        }
        let expected = Summary { median: 3.0, least: 1.0, most: 5.0, count: 3 };
        assert_eq!(samples.get("a"), Some(expected));
        samples.add("a", 4.0);
        assert_eq!(samples.median("a"), Some(3.5));
        assert_eq!(samples.get("b"), None);
        samples.add_span("c", 1_000_000, 3_500_000);
        assert_eq!(samples.median("c"), Some(2.5));
    }
}
