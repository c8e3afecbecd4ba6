//! What the server counts and measures, for Prometheus.
//!
//! Invariant: each server has its own recorder, so that two in one process do not mix. Labels have few values.

use crate::call::names;
use crate::cost::Prices;
use crate::persist::{Stats, describe_stats};
use metrics::{
    Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
    with_local_recorder,
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use voice_core::session::{EngineUse, SessionEvent, TurnRecord};

/// Upper bounds of the buckets of latencies, in seconds.
const BUCKETS: &[f64] =
    &[0.0001, 0.0005, 0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0];

/// The server's counters, gauges and histograms.
pub(crate) struct ServerMetrics {
    recorder: PrometheusRecorder,
    handles: Handles,
}

/// The series without open labels: there from the start, at zero.
struct Handles {
    calls_active: Gauge,
    calls_started: Counter,
    connections_refused: Counter,
    handshakes_failed: Counter,
    call_panics: Counter,
    resumes: Counter,
    events_lost: Counter,
    voice_to_voice: Histogram,
    engine: Histogram,
}

/// One call as long as it lives: counted on creation and on drop.
pub(crate) struct ActiveCall(Gauge);

impl Drop for ActiveCall {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

impl ServerMetrics {
    pub(crate) fn new() -> Self {
        // The bounds are a constant and never empty, the one thing the builder refuses.
        let builder = PrometheusBuilder::new();
        let builder = builder.set_buckets(BUCKETS).unwrap_or_default();
        let recorder = builder.build_recorder();
        let handles = with_local_recorder(&recorder, || {
            describe();
            Handles::new()
        });
        Self { recorder, handles }
    }

    /// The text for a scrape.
    pub(crate) fn render(&self, persisted: Option<&Stats>) -> String {
        with_local_recorder(&self.recorder, || persisted.into_iter().for_each(Stats::publish));
        self.recorder.handle().render()
    }

    pub(crate) fn call_started(&self) -> ActiveCall {
        self.handles.calls_started.increment(1);
        self.handles.calls_active.increment(1.0);
        ActiveCall(self.handles.calls_active.clone())
    }

    pub(crate) fn call_refused(&self, reason: &'static str) {
        self.count("voice_calls_refused_total", "reason", reason);
    }

    pub(crate) fn request_refused(&self, reason: &'static str) {
        self.count("voice_requests_refused_total", "reason", reason);
    }

    pub(crate) fn connection_refused(&self) {
        self.handles.connections_refused.increment(1);
    }

    pub(crate) fn not_let_in(&self, reason: &'static str) {
        self.count("voice_auth_refused_total", "reason", reason);
    }

    pub(crate) fn handshake_failed(&self) {
        self.handles.handshakes_failed.increment(1);
    }

    pub(crate) fn call_panicked(&self) {
        self.handles.call_panics.increment(1);
    }

    /// Counts what an event of a call tells.
    pub(crate) fn observe(&self, event: &SessionEvent, prices: &Prices) {
        match event {
            SessionEvent::Resumed(_) => self.handles.resumes.increment(1),
            SessionEvent::BargeIn { signal, .. } => {
                self.count("voice_barge_ins_total", "cause", names::barge_in_cause(signal.cause));
            }
            SessionEvent::TurnEnded(record) => self.observe_turn(record),
            SessionEvent::StageFailed { stage, .. } => {
                self.count("voice_stage_failures_total", "stage", names::stage(*stage));
            }
            SessionEvent::StageSwitched { stage, .. } => {
                self.count("voice_stage_switches_total", "stage", names::stage(*stage));
            }
            SessionEvent::Cost(cost) => cost.engines.iter().for_each(|used| self.observe_use(used, prices)),
            SessionEvent::EventsLost { count } => self.handles.events_lost.increment(*count),
            SessionEvent::Ended { reason, .. } => {
                self.count("voice_calls_ended_total", "reason", names::end_reason(*reason));
                // Samples wait to be sorted into buckets; without this they would pile up where nobody scrapes.
                self.recorder.handle().run_upkeep();
            }
            _ => {}
        }
    }

    fn observe_turn(&self, record: &TurnRecord) {
        self.count("voice_replies_total", "outcome", names::reply_outcome(record.outcome));
        if let Some(waited) = record.timeline.voice_to_voice() {
            self.handles.voice_to_voice.record(waited);
        }
        if let Some(engine) = record.timeline.engine() {
            self.handles.engine.record(engine);
        }
    }

    /// The label `engine` has as many values as the configuration lists engines.
    fn observe_use(&self, used: &EngineUse, prices: &Prices) {
        let EngineUse { stage, engine, audio_ms, tokens, characters, discarded, .. } = used;
        let add = |name: &'static str, count: u64| {
            if count > 0 {
                let counter = counter!(name, "stage" => names::stage(*stage), "engine" => engine.clone());
                counter.increment(count);
            }
        };
        with_local_recorder(&self.recorder, || {
            add("voice_used_audio_milliseconds_total", *audio_ms);
            add("voice_used_input_tokens_total", tokens.input_tokens);
            add("voice_used_cached_tokens_total", tokens.cached_tokens);
            add("voice_used_output_tokens_total", tokens.output_tokens);
            add("voice_used_characters_total", *characters);
            add("voice_discarded_generations_total", discarded.generations);
            add("voice_discarded_characters_total", discarded.characters);
            if let Some(charge) = prices.charge(used) {
                add("voice_cost_billionths_total", u64::try_from(charge.all.nanos()).unwrap_or(u64::MAX));
                add(
                    "voice_discarded_cost_billionths_total",
                    u64::try_from(charge.discarded.nanos()).unwrap_or(u64::MAX),
                );
            }
        });
    }

    fn count(&self, name: &'static str, label: &'static str, value: &'static str) {
        with_local_recorder(&self.recorder, || counter!(name, label => value).increment(1));
    }
}

impl Handles {
    fn new() -> Self {
        Self {
            calls_active: gauge!("voice_calls_active"),
            calls_started: counter!("voice_calls_started_total"),
            connections_refused: counter!("voice_connections_refused_total"),
            handshakes_failed: counter!("voice_handshakes_failed_total"),
            call_panics: counter!("voice_call_panics_total"),
            resumes: counter!("voice_resumes_total"),
            events_lost: counter!("voice_events_lost_total"),
            voice_to_voice: histogram!("voice_to_voice_seconds"),
            engine: histogram!("voice_engine_seconds"),
        }
    }
}

fn describe() {
    describe_stats();
    describe_gauge!("voice_calls_active", "Calls that are up.");
    describe_counter!("voice_calls_started_total", "Calls that came up.");
    describe_counter!("voice_calls_ended_total", "Calls that ended, by reason.");
    describe_counter!("voice_calls_refused_total", "Calls that were refused, by reason.");
    describe_counter!("voice_auth_refused_total", "Tokens and tickets that were refused, by reason.");
    describe_counter!("voice_requests_refused_total", "Requests of the API beyond a tenant's share, by reason.");
    describe_counter!("voice_connections_refused_total", "Connections beyond the share of their address.");
    describe_counter!("voice_handshakes_failed_total", "Connections that did not become calls.");
    describe_counter!("voice_call_panics_total", "Calls that broke off by a fault of the server.");
    describe_counter!("voice_replies_total", "Replies of the agent, by outcome.");
    describe_counter!("voice_barge_ins_total", "Callers who took the turn from the agent, by cause.");
    describe_counter!("voice_resumes_total", "Overlaps that were no bid for the turn: the agent went on.");
    describe_counter!("voice_stage_failures_total", "Failures of a stage, by stage.");
    describe_counter!("voice_stage_switches_total", "Changes of the engine that serves a stage, by stage.");
    describe_counter!("voice_used_audio_milliseconds_total", "Audio listened to, by engine.");
    describe_counter!("voice_used_input_tokens_total", "Tokens read, cached ones too, by engine.");
    describe_counter!("voice_used_cached_tokens_total", "Tokens read from the model's cache, by engine.");
    describe_counter!("voice_used_output_tokens_total", "Tokens written, by engine.");
    describe_counter!("voice_used_characters_total", "Characters spoken, by engine.");
    describe_counter!("voice_discarded_generations_total", "Replies begun on a guess and never heard, by engine.");
    describe_counter!("voice_discarded_characters_total", "Characters spoken for them, by engine.");
    describe_counter!("voice_cost_billionths_total", "Cost in billionths of the currency's unit, by engine.");
    describe_counter!("voice_discarded_cost_billionths_total", "What of it was for replies never heard, by engine.");
    describe_counter!("voice_events_lost_total", "Events not told to a client that reads too slowly.");
    describe_histogram!("voice_to_voice_seconds", "From the caller's last sample to the agent's first.");
    describe_histogram!("voice_engine_seconds", "What of that the engine itself caused.");
}
