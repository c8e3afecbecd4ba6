//! What the page shows of a call, and the messages behind it, as data to compare with.

use super::Page;
use serde_json::Value;

/// What the page shows of the agent's replies: reply, outcome and heard text of each that is over.
pub(crate) async fn shown_replies(page: &Page) -> Vec<(i64, String, String)> {
    let script = "return [...document.querySelectorAll('#transcript > li[data-who=agent][data-outcome]')].map((line) => \
        [Number(line.dataset.reply), line.dataset.outcome, line.querySelector('.heard').textContent])";
    serde_json::from_value(page.web.run(script).await).expect("replies")
}

/// What the page shows of the caller's turns: turn and words of each that is over.
pub(crate) async fn shown_turns(page: &Page) -> Vec<(i64, String)> {
    let script = "return [...document.querySelectorAll('#transcript > li[data-who=caller]')].filter((line) => \
        line.querySelector('.said')).map((line) => [Number(line.dataset.turn), line.querySelector('.said').textContent])";
    serde_json::from_value(page.web.run(script).await).expect("turns")
}

/// The call's messages of one type, as the page has got or sent them.
pub(crate) async fn messages(page: &Page, kind: &str) -> Vec<Value> {
    let script = format!(
        "return window.dummyCall.events().filter((event) => event.message.type === '{kind}').map((event) => event.message)"
    );
    serde_json::from_value(page.web.run(&script).await).expect("messages")
}
