//! The caller interrupts: nothing of the dead reply is heard, whatever the vendor does about it.

use crate::talk::{LAST, REPLY, all, call_with, check_length, heard_in_order, stretches};
use crate::vendor::{Cartesia, ElevenLabs, KEY, OpenAi, Vendor, fakes};
use futures::FutureExt;
use futures::future::BoxFuture;
use voice_core::provider::fakes::{
    CancelManner, CartesiaFake, CloseManner, ElevenLabsFake, Fakes, FakesConfig, Fault, FaultRule, FaultScript,
    Service, VoiceCounts,
};
use voice_core::provider::scripted::{LlmConfig, LlmReply, ScriptedLlm};
use voice_core::turn::ReplyOutcome;

/// What the vendor does about the first reply once it is dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dead {
    /// Says nothing more of it.
    Silent,
    /// Sends more of its audio.
    Late,
    /// Speaks it to its end: all of its text had come and its context was closed already.
    Spoken,
}

impl Dead {
    fn is_seen_in(self, counts: &VoiceCounts) -> bool {
        match self {
            Self::Silent => counts.cancelled > 0 && counts.late_chunks == 0,
            Self::Late => counts.late_chunks > 0,
            Self::Spoken => counts.cancelled == 0,
        }
    }
}

/// The second reply is heard whole and alone, whatever still comes of the first.
async fn interrupt(name: String, vendor: Vendor, config: FakesConfig, llm: ScriptedLlm, dead: Dead) {
    let fakes = Fakes::start(config).await.unwrap();
    let mut call = call_with(vendor, vendor.voice(&fakes, KEY), llm);
    call.silent(200).await;
    call.speak(600).await;
    call.until_agent_speaks(1).await;
    call.silent(400).await;
    call.speak(1_200).await;
    call.until_turns_end(2).await;
    let (record, call) = call.hang_up().await;
    let heard: Vec<_> = record.turns.iter().map(|turn| (turn.outcome, turn.reply)).collect();
    let [(ReplyOutcome::BargedIn, first), (ReplyOutcome::Completed, second)] = heard[..] else {
        panic!("{name}: {heard:?} {:#?}", call.events)
    };
    let (part, whole) = (stretches(&call, first), stretches(&call, second));
    let (words, said) = (record.turns[0].heard_text(), record.turns[0].reply_text.as_str());
    assert!(heard_in_order(&name, vendor, &part) < vendor.samples_of(said), "{name}: {part:?}");
    check_length(&name, vendor, heard_in_order(&name, vendor, &whole), LAST);
    // Where a request is a voice of its own they are all called the same.
    assert!(vendor == OpenAi || part[0].voice != whole[0].voice, "{name}: {part:?} {whole:?}");
    assert!(said.starts_with(words) && words != said, "{name}: {words}");
    assert!(!words.is_empty() || vendor == OpenAi, "{name}: {words}");
    assert_eq!(record.turns[1].heard_text(), LAST, "{name}");
    let counts = vendor.counts(&fakes);
    assert!(dead.is_seen_in(&counts), "{name}: {dead:?} {counts:?}");
}

/// Of a model that has said all before the interruption.
fn at_once(name: &str, vendor: Vendor, config: FakesConfig, dead: Dead) -> BoxFuture<'static, ()> {
    let llm = ScriptedLlm::new(LlmConfig::default(), [REPLY, LAST].map(LlmReply::text).into());
    interrupt(name.to_owned(), vendor, config, llm, dead).boxed()
}

#[tokio::test]
async fn after_an_interruption_nothing_of_the_dead_reply_is_heard_however_much_still_comes() {
    let cartesia = |cancel: CancelManner, dead: Dead| {
        let config = fakes(FaultScript::default());
        let config = FakesConfig { cartesia: CartesiaFake { cancel, ..config.cartesia.clone() }, ..config };
        at_once(&format!("{cancel:?}"), Cartesia, config, dead)
    };
    let late = FaultRule::new(Service::Cartesia, Fault::LateAfterCancel { ms: 600 });
    all([
        cartesia(CancelManner::Silent, Dead::Silent),
        cartesia(CancelManner::Done, Dead::Silent),
        cartesia(CancelManner::Error, Dead::Silent),
        cartesia(CancelManner::Late(5), Dead::Late),
        cartesia(CancelManner::LateFor(400), Dead::Late),
        cartesia(CancelManner::RunsOn, Dead::Late),
        cartesia(CancelManner::AfterNext(5), Dead::Late),
        at_once("late by fault", Cartesia, fakes(late.into()), Dead::Late),
        at_once("ElevenLabs", ElevenLabs, fakes(FaultScript::default()), Dead::Spoken),
        at_once("OpenAI", OpenAi, fakes(FaultScript::default()), Dead::Silent),
    ])
    .await;
}

/// A model that says a long sentence, and what follows it only after the interruption.
fn hesitant() -> ScriptedLlm {
    let sentence = "Einen Tisch für vier am Fenster und mit Blick auf den See hätte ich noch um acht für Sie frei. ";
    let tokens = [vec![sentence, "Soll ich ihn reservieren?"], vec![LAST]];
    let reply =
        |tokens: Vec<&str>| LlmReply { tokens: tokens.into_iter().map(str::to_owned).collect(), ..LlmReply::default() };
    ScriptedLlm::new(LlmConfig { token_ms: 8_000, ..LlmConfig::default() }, tokens.map(reply).into())
}

#[tokio::test]
async fn late_audio_of_a_context_that_was_closed_in_mid_reply_is_not_heard() {
    // More is to follow when it is interrupted: the close of the context is the cancel, not the reply's end.
    let interrupted =
        |name: &str, config: FakesConfig| interrupt(name.to_owned(), ElevenLabs, config, hesitant(), Dead::Late);
    // Enough for the end of the second reply, which is closed in the same manner.
    let manner = |close_context: CloseManner| {
        let config = fakes(FaultScript::default());
        FakesConfig { elevenlabs: ElevenLabsFake { close_context, ..config.elevenlabs.clone() }, ..config }
    };
    let late = FaultRule::new(Service::Elevenlabs, Fault::LateAfterCancel { ms: 2_000 });
    all([
        interrupted("drains", manner(CloseManner::Drains)),
        interrupted("late pieces", manner(CloseManner::Late(40))),
        interrupted("late for a while", manner(CloseManner::LateFor(2_000))),
        interrupted("late by fault", fakes(late.into())),
    ])
    .await;
}
