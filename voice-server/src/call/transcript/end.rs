//! What a call adds up to.

use super::super::timing::millis;
use super::utterance::Overlap;
use crate::cost::Prices;
use crate::store::{CallEnd, Header};
use serde_json::Value;
use voice_core::session::{Cost, TurnRecord};
use voice_core::turn::ReplyOutcome;

/// The counts of a call so far.
#[derive(Default)]
pub(super) struct Tally {
    turns: i32,
    barge_ins: i32,
    resumes: i32,
    voice_to_voice_ms: Vec<f64>,
    cost: Option<Bill>,
}

struct Bill {
    micros: Option<i64>,
    currency: Option<String>,
    report: Option<Value>,
}

impl Tally {
    pub(super) fn reply(&mut self, record: &TurnRecord, overlap: &Overlap) {
        self.turns += 1;
        self.barge_ins += i32::from(record.outcome == ReplyOutcome::BargedIn);
        self.resumes += overlap.resumes;
        self.voice_to_voice_ms.extend(record.timeline.voice_to_voice().map(millis));
    }

    pub(super) fn cost(&mut self, cost: &Cost, prices: &Prices) {
        let report = prices.bill(cost);
        let micros = prices.total(cost).map(|total| i64::try_from(total.micros()).unwrap_or(i64::MAX));
        self.cost = Some(Bill { micros, currency: report.currency.clone(), report: serde_json::to_value(report).ok() });
    }

    /// The end of a call of which the rest is filled in.
    pub(super) fn end(&self, header: Header) -> CallEnd {
        CallEnd {
            header,
            ended_at: header.started_at,
            duration_ms: 0,
            reason: String::new(),
            turns: self.turns,
            barge_ins: self.barge_ins,
            resumes: self.resumes,
            voice_to_voice_p50_ms: median(&self.voice_to_voice_ms),
            utterances: 0,
            cost_micros: self.cost.as_ref().and_then(|bill| bill.micros),
            currency: self.cost.as_ref().and_then(|bill| bill.currency.clone()),
            cost: self.cost.as_ref().and_then(|bill| bill.report.clone()),
        }
    }
}

/// The middle one; of two in the middle the lower.
fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_one_of_the_values() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.0));
    }
}
