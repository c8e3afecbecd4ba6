//! Rows to put into a store.

use super::at;
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;
use voice_server::store::{
    CallEnd, CallStart, CampaignFields, ClientFields, ConversationEntry, Entry, Header, LeadFields, Orphans,
    RecordingEntry, TurnLogEntry, Utterance, UtteranceEntry, UtteranceTimes, Who,
};
use voice_server::{CallUuid, Principal};

pub(crate) fn client(name: &str) -> ClientFields {
    let (phone, email) = (Some("+4930123456".into()), Some("a@example.com".into()));
    ClientFields { name: name.into(), phone, email, notes: "Rings back.".into() }
}

pub(crate) fn campaign(name: &str) -> CampaignFields {
    CampaignFields { name: name.into(), instructions: "Be brief.".into(), ..CampaignFields::default() }
}

pub(crate) fn lead(campaign: Uuid, phone: &str) -> LeadFields {
    LeadFields { campaign_id: campaign, name: "Ada".into(), phone: phone.into(), ..LeadFields::default() }
}

/// The server that holds calls unless a test says otherwise.
pub(crate) const SERVER: Uuid = Uuid::from_u128(1);

/// What that server left running when it was started then.
pub(crate) fn left_before(begun_before: OffsetDateTime) -> Orphans {
    Orphans::LeftBy { server: SERVER, begun_before }
}

/// A call, and the entries it leaves behind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed {
    pub(crate) header: Header,
    pub(crate) who: Principal,
    pub(crate) lead: Option<Uuid>,
    pub(crate) server: Uuid,
}

impl Placed {
    pub(crate) fn by(who: Principal, started_at: OffsetDateTime) -> Self {
        let header = Header { tenant: who.tenant(), call: CallUuid(Uuid::now_v7()), started_at };
        Self { header, who, lead: None, server: SERVER }
    }

    pub(crate) fn for_lead(self, lead: Uuid) -> Self {
        Self { lead: Some(lead), ..self }
    }

    pub(crate) fn id(&self) -> CallUuid {
        self.header.call
    }

    pub(crate) fn start(&self) -> Entry {
        Entry::CallStart(CallStart { header: self.header, user: self.who.user(), lead: self.lead, server: self.server })
    }

    pub(crate) fn utterance(&self, seq: i32) -> Entry {
        Entry::Utterance(Box::new(UtteranceEntry { header: self.header, utterance: utterance(seq) }))
    }

    pub(crate) fn said(&self, utterance: Utterance) -> Entry {
        Entry::Utterance(Box::new(UtteranceEntry { header: self.header, utterance }))
    }

    pub(crate) fn conversation(&self) -> Entry {
        let messages = json!([{ "role": "caller", "text": "Grüße \u{1f44b}" }, { "role": "agent", "text": "Yes?" }]);
        Entry::Conversation(ConversationEntry { header: self.header, messages })
    }

    pub(crate) fn recording(&self) -> Entry {
        // Of the call's own making, so that it is the same whenever it is written.
        let id = Uuid::from_u128(self.id().0.as_u128() ^ 1);
        Entry::Recording(RecordingEntry {
            header: self.header,
            id,
            object_key: format!("{}/{id}.ogg", self.header.tenant),
            media_type: "audio/ogg; codecs=opus".into(),
            size_bytes: 5_000_000_000,
            duration_ms: 60_000,
        })
    }

    pub(crate) fn turn_log(&self) -> Entry {
        let object_key = format!("{}/{}.turns.jsonl", self.header.tenant, self.id().0);
        Entry::TurnLog(TurnLogEntry { header: self.header, object_key })
    }

    pub(crate) fn ending(&self) -> CallEnd {
        CallEnd {
            header: self.header,
            ended_at: self.header.started_at + time::Duration::seconds(60),
            duration_ms: 60_000,
            reason: "hung_up".into(),
            turns: 4,
            barge_ins: 1,
            resumes: 2,
            voice_to_voice_p50_ms: Some(612.25),
            utterances: 2,
            cost_micros: Some(31_000),
            currency: Some("EUR".into()),
            cost: Some(json!({ "engines": [{ "engine": "pico", "micros": 31_000 }] })),
        }
    }

    pub(crate) fn end(&self) -> Entry {
        Entry::CallEnd(Box::new(self.ending()))
    }

    /// All that it leaves behind, with `utterances` of them.
    pub(crate) fn whole(&self, utterances: i32) -> Vec<Entry> {
        let said = (0..utterances).map(|seq| self.utterance(seq));
        let after = [self.conversation(), self.recording(), self.end(), self.turn_log()];
        std::iter::once(self.start()).chain(said).chain(after).collect()
    }
}

/// An utterance that differs from the others in every field that may.
pub(crate) fn utterance(seq: i32) -> Utterance {
    let who = [Who::Caller, Who::Agent, Who::Tool, Who::Line][seq.unsigned_abs() as usize % 4];
    let is_reply = who == Who::Agent;
    let ms = f64::from(seq) * 10.0 + 0.1;
    Utterance {
        seq,
        turn: i64::from(seq / 2),
        reply: is_reply.then_some(i64::from(seq)),
        who,
        text: format!("Number {seq}: Grüße, \u{4f60}\u{597d}, 'quoted' \u{1f44b}"),
        full_text: is_reply.then(|| format!("Number {seq}, and more")),
        start_ms: i64::from(seq) * 1_000,
        end_ms: i64::from(seq) * 1_000 + 900,
        outcome: if is_reply { "barged_in" } else { "silence" }.into(),
        barge_in_cause: is_reply.then(|| "words".into()),
        resumes: seq % 2,
        times: UtteranceTimes {
            voice_to_voice_ms: is_reply.then_some(ms),
            eot_wait_ms: Some(ms + 1.0),
            first_token_ms: Some(ms + 2.0),
            tts_first_audio_ms: Some(ms + 3.0),
            engine_ms: Some(ms + 4.0),
            barge_in_pause_ms: Some(ms + 5.0),
        },
        timeline: is_reply.then(|| json!({ "turn": seq, "marks": [1.5, null, "x"] })),
    }
}

/// A call that an agent answered in `voice_to_voice_ms`, one reply for each of them.
pub(crate) fn answered(placed: Placed, voice_to_voice_ms: &[f64]) -> Vec<Entry> {
    let reply = |(seq, ms): (i32, &f64)| {
        let times = UtteranceTimes { voice_to_voice_ms: Some(*ms), ..UtteranceTimes::default() };
        placed.said(Utterance { who: Who::Agent, times, ..utterance(seq) })
    };
    let mut entries = vec![placed.start()];
    entries.extend((0..).zip(voice_to_voice_ms).map(reply));
    entries
}

/// The time of a call that was placed at `seconds`.
pub(crate) fn placed_at(who: Principal, seconds: i64) -> Placed {
    Placed::by(who, at(seconds))
}
