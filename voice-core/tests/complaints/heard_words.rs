//! History and transcript hold words that were never heard, or lose words that were (5); the caller's first word is lost on
//! an interruption (6); numbers, addresses and spelling are cut off (8).

use crate::support::{Call, LINE, agent};
use crate::{LONG, hears, logged_agent, remembered, says, voice};
use voice_core::provider::scripted::{SttAction, SttAt, Utterance};
use voice_core::session::SessionEvent;
use voice_core::transport::{LineInfo, PlayedReports};
use voice_core::turn::ReplyOutcome;

#[tokio::test(start_paused = true)]
async fn the_signal_the_record_and_the_models_history_hold_the_same_heard_words() {
    for played in [PlayedReports::PacingClock, PlayedReports::Reported] {
        for after_ms in [0, 40, 700, 1_500, 3_000] {
            let utterances = vec![Utterance::say("Hello there."), Utterance::say("No wait, I meant Tuesday.")];
            let (agent, log) = logged_agent(utterances, &[LONG, "Tuesday it is."]);
            let mut call = Call::start_on(LineInfo { played, ..LINE }, agent);
            if played == PlayedReports::Reported {
                call.report_played();
            }
            call.silent(200).await;
            call.speak(800).await;
            call.until_agent_speaks(1).await;
            call.silent(after_ms).await;
            call.speak(1_400).await;
            call.until_turns_end(2).await;
            let (record, call) = call.hang_up().await;
            let cut = record.turns.iter().find(|turn| turn.outcome == ReplyOutcome::BargedIn).unwrap();
            let signal = call.events.iter().find_map(|(_, event)| match event {
                SessionEvent::BargeIn { signal, .. } => Some(signal.clone()),
                _ => None,
            });
            let signal = signal.unwrap();
            assert_eq!(signal.heard_text(), cut.heard_text());
            assert_eq!(signal.reply_text, LONG);
            assert_eq!(remembered(&log).join(""), cut.heard_text(), "{played:?} after {after_ms} ms");
            let sent = call.samples_of(cut.reply).len() as u64;
            assert!(
                cut.played_samples <= sent && sent - cut.played_samples <= 1_600 + 320,
                "{} of {sent}",
                cut.played_samples
            );
            // The voice takes 60 ms a character: what was heard is what was played, to the word.
            let heard_ms = cut.heard_text().chars().count() as u64 * 60;
            let played_ms = cut.played_samples / 16;
            assert!(
                heard_ms <= played_ms + 60 && played_ms - heard_ms.min(played_ms) <= 700,
                "{heard_ms} of {played_ms} ms"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_client_says_it_played_is_what_was_heard() {
    let (agent, _) = logged_agent(vec![Utterance::say("Hello there.")], &[LONG]);
    let mut call = Call::start_on(LineInfo { played: PlayedReports::Reported, ..LINE }, agent);
    call.report_played();
    call.silent(200).await;
    call.speak(800).await;
    call.until_agent_speaks(1).await;
    call.silent(2_000).await;
    let played = call.really_played();
    let (record, _) = call.hang_up().await;
    assert_eq!(record.turns[0].outcome, ReplyOutcome::CallEnded);
    assert!(
        played > 16_000 && record.turns[0].played_samples.abs_diff(played) <= 320,
        "{} of {played}",
        record.turns[0].played_samples
    );
}

#[tokio::test(start_paused = true)]
async fn the_first_word_of_an_interruption_is_part_of_the_turn() {
    let stt = hears(vec![Utterance::say("Hello there."), Utterance::say("Stop. I meant Tuesday.")]);
    let fed = stt.log();
    let mut call = Call::start(agent(stt, says(&[LONG, "Tuesday it is."]), voice()));
    call.silent(200).await;
    call.speak(800).await;
    call.until_agent_speaks(1).await;
    call.silent(1_000).await;
    let onset = call.now_ms();
    call.speak(1_400).await;
    call.until_turns_end(2).await;
    let (record, _) = call.hang_up().await;
    assert_eq!(record.caller_turns[1].text, "Stop. I meant Tuesday.");
    assert!(record.caller_turns[1].onset.0.abs_diff(onset * 16) <= 320, "{:?}", record.caller_turns[1].onset);
    assert_eq!(fed.pushed_samples(), fed.end().0, "the STT was given every sample once");
}

/// Says the pieces with `pause_ms` between them; gives the caller's turns.
async fn turns_of(pieces: &[&str], pause_ms: u64) -> Vec<String> {
    let utterances = pieces.iter().map(|piece| Utterance::say(piece)).collect();
    let mut call = Call::start(agent(hears(utterances), says(&["Thank you."]), voice()));
    call.silent(200).await;
    for piece in pieces {
        call.speak(300 * piece.split_whitespace().count() as u64).await;
        call.silent(pause_ms).await;
    }
    call.silent(3_000).await;
    let (record, _) = call.hang_up().await;
    record.caller_turns.into_iter().map(|turn| turn.text).collect()
}

#[tokio::test(start_paused = true)]
async fn numbers_addresses_and_spelling_may_pause() {
    let cases: [&[&str]; 5] = [
        &["My number is zero four nine", "seven seven one", "two three."],
        &["It is 0 4 9 1", "5 7", "0 1 5 6."],
        &["It is john dot", "smith at example dot", "com."],
        &["My name is spelled S M", "I T", "H."],
        &["I would like to book a table for", "two people."],
    ];
    for pieces in cases {
        assert_eq!(turns_of(pieces, 900).await, [pieces.join(" ")]);
    }
}

#[tokio::test(start_paused = true)]
async fn words_the_stt_changes_its_mind_about_are_held_once() {
    let utterance = Utterance::misheard("I want to cable.", "I want a table.");
    let late = Utterance::new()
        .at(SttAt::SpeechEnd(60), SttAction::Interim("For to.".into()))
        .at(SttAt::SpeechEnd(460), SttAction::Final("For two.".into()));
    let mut call = Call::start(agent(hears(vec![utterance, late]), says(&["For how many?", "For two then."]), voice()));
    call.silent(200).await;
    call.speak(1_200).await;
    call.until_turns_end(1).await;
    call.speak(600).await;
    call.until_turns_end(2).await;
    let (record, _) = call.hang_up().await;
    let texts: Vec<_> = record.caller_turns.iter().map(|turn| turn.text.as_str()).collect();
    assert_eq!(texts, ["I want a table.", "For two."]);
}
