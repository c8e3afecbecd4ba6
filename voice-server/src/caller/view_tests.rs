use super::*;
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
struct Screen(Arc<Mutex<Vec<u8>>>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn shown(style: Style, messages: &[ServerMessage]) -> String {
    let screen = Screen::default();
    let mut view = View::new(Box::new(screen.clone()), style);
    for message in messages {
        view.note(1_234.0, Note::Message(message));
        view.status(1_234.0, Sounding { agent: true, caller: false });
    }
    view.close();
    let bytes = screen.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

fn agent_text(heard: &str) -> ServerMessage {
    let outcome = Some("barged_in".to_owned());
    ServerMessage::AgentText { turn: 1, reply: 1, text: "Hello there, friend.".into(), heard: heard.into(), outcome }
}

#[test]
fn the_log_tells_the_heard_part_from_the_cut_part() {
    let log = shown(Style::Plain, &[agent_text("Hello there,")]);
    assert_eq!(log, "   1.234  agent   “Hello there,” [not heard: friend.] (barged_in)\n");
    assert!(shown(Style::Plain, &[agent_text("Hello there, friend.")]).ends_with("friend.” (barged_in)\n"));
}

#[test]
fn a_terminal_shows_words_in_flight_below_the_log() {
    let interim = ServerMessage::Transcript { turn: 1, text: "I would".into(), r#final: false };
    let screen = shown(Style::Terminal, &[interim, agent_text("Hello")]);
    assert!(screen.contains("caller ▯  agent ▮  “I would…”"), "{screen:?}");
    assert!(screen.contains("\x1b[2;9m there, friend.\x1b[0m"), "{screen:?}");
}

#[test]
fn hostile_text_never_reaches_a_terminal() {
    let bad = "\u{1b}]0;pwned\u{7}\u{1b}[2J\n".to_owned();
    let messages = [
        ServerMessage::Transcript { turn: 1, text: bad.clone(), r#final: false },
        ServerMessage::Transcript { turn: 1, text: bad.clone(), r#final: true },
        ServerMessage::AgentText {
            turn: 1,
            reply: 1,
            text: bad.clone(),
            heard: bad.clone(),
            outcome: Some(bad.clone()),
        },
        ServerMessage::Tool { name: bad.clone(), state: bad.clone() },
        ServerMessage::Bye { reason: bad },
    ];
    for style in [Style::Plain, Style::Terminal] {
        let screen = shown(style, &messages);
        assert!(
            !screen.contains("\u{1b}]") && !screen.contains("\u{1b}[2J") && !screen.contains('\u{7}'),
            "{screen:?}"
        );
    }
    assert!(!shown(Style::Plain, &messages).contains('\u{1b}'));
}
