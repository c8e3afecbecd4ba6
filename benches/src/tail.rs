//! Tails of a distribution, from every value measured.

use crate::clock::now;
use hdrhistogram::Histogram;
use std::time::Duration;

/// Values of one figure, up to a minute, to three digits.
pub struct Tail {
    name: String,
    values: Histogram<u64>,
}

impl Tail {
    /// A figure without values.
    #[expect(clippy::expect_used, reason = "a benchmark ends where it cannot go on; these bounds are allowed")]
    pub fn new(name: impl Into<String>) -> Self {
        let values = Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("bounds that are allowed");
        Self { name: name.into(), values }
    }

    /// Adds a value.
    pub fn record(&mut self, value: Duration) {
        self.values.saturating_record(u64::try_from(value.as_nanos()).unwrap_or(u64::MAX).max(1));
    }

    /// What 99 in a hundred values do not exceed.
    pub fn p99(&self) -> Duration {
        Duration::from_nanos(self.values.value_at_quantile(0.99))
    }

    /// Prints count, median and tails on one line.
    pub fn print(&self) {
        let at = |quantile| show(self.values.value_at_quantile(quantile));
        println!(
            "{:<58} n {:>7}  p50 {:>10}  p90 {:>10}  p99 {:>10}  p99.9 {:>10}  max {:>10}",
            self.name,
            self.values.len(),
            at(0.5),
            at(0.9),
            at(0.99),
            at(0.999),
            show(self.values.max()),
        );
    }
}

/// Prints count, median and tails of milliseconds that were read off the audio, on one line.
pub fn print_ms(name: &str, values: &mut [f32]) {
    values.sort_by(f32::total_cmp);
    let at = |share: f32| values.get((values.len() as f32 * share) as usize).or(values.last());
    let [p1, p50, p90, p99, max] = [0.01, 0.5, 0.9, 0.99, 1.0].map(|share| at(share).copied().unwrap_or(f32::NAN));
    let n = values.len();
    println!("  {name:<22} p1 {p1:>6.0}  p50 {p50:>6.0}  p90 {p90:>6.0}  p99 {p99:>6.0}  max {max:>6.0}  (n {n})");
}

/// Prints what reading the clock twice costs: nothing below it can be measured.
pub fn print_timer_floor() {
    let mut floor = Tail::new("timer floor: two readings in a row");
    for _ in 0..100_000 {
        let start = now();
        floor.record(now() - start);
    }
    floor.print();
}

fn show(nanos: u64) -> String {
    match nanos {
        0..10_000 => format!("{nanos} ns"),
        10_000..10_000_000 => format!("{:.1} us", nanos as f64 / 1e3),
        _ => format!("{:.1} ms", nanos as f64 / 1e6),
    }
}
