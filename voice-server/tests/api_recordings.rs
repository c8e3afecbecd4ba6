//! The audio of recordings over HTTP: whole, in ranges, and not again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod api_support;

use api_support::world::{Placed, World, minutes_ago};
use api_support::{Answer, Api};
use reqwest::{Method, StatusCode};
use voice_server::Role;

struct Recorded {
    api: Api,
    world: World,
}

impl Recorded {
    async fn new() -> Self {
        let api = Api::start().await;
        let world = World::new(&api, "Ada", Role::Member).await;
        Self { api, world }
    }

    fn path(&self) -> String {
        format!("/v1/calls/{}/recording", self.world.call)
    }

    async fn ask(&self, method: Method, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.api.request_of(&self.world.token, method, &self.path());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.api.answer(request).await
    }
}

#[tokio::test]
async fn a_recording_comes_whole_and_is_to_be_saved() {
    let recorded = Recorded::new().await;
    let answer = recorded.ask(Method::GET, &[]).await;
    assert_eq!((answer.status, &answer.body), (StatusCode::OK, &recorded.world.audio));
    assert_eq!(answer.header("content-type"), "audio/ogg; codecs=opus");
    assert_eq!(answer.header("content-length"), "100000");
    assert_eq!(answer.header("accept-ranges"), "bytes");
    let name = format!("attachment; filename=\"call-{}.ogg\"", recorded.world.call);
    assert_eq!(answer.header("content-disposition"), name);
}

#[tokio::test]
async fn a_head_says_how_long_it_is_and_a_range_is_ignored() {
    let recorded = Recorded::new().await;
    for headers in [&[][..], &[("range", "bytes=0-9")][..]] {
        let answer = recorded.ask(Method::HEAD, headers).await;
        assert_eq!((answer.status, answer.header("content-length")), (StatusCode::OK, "100000"));
        assert!(answer.body.is_empty());
    }
}

#[tokio::test]
async fn a_single_range_comes_alone() {
    let recorded = Recorded::new().await;
    for (range, place, bytes) in [
        ("bytes=0-0", "bytes 0-0/100000", 0..1),
        ("bytes=99990-", "bytes 99990-99999/100000", 99_990..100_000),
        ("bytes=-10", "bytes 99990-99999/100000", 99_990..100_000),
        ("bytes=5000-60000", "bytes 5000-60000/100000", 5_000..60_001),
        ("bytes=99999-200000", "bytes 99999-99999/100000", 99_999..100_000),
    ] {
        let answer = recorded.ask(Method::GET, &[("range", range)]).await;
        assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(answer.header("content-range"), place, "{range}");
        assert_eq!(answer.body, recorded.world.audio[bytes], "{range}");
        assert_eq!(answer.header("content-length"), answer.body.len().to_string());
    }
}

#[tokio::test]
async fn a_range_after_the_end_is_refused_and_what_is_no_range_is_ignored() {
    let recorded = Recorded::new().await;
    for range in ["bytes=100000-", "bytes=-0", "bytes=100000-100001"] {
        let answer = recorded.ask(Method::GET, &[("range", range)]).await;
        answer.problem(StatusCode::RANGE_NOT_SATISFIABLE);
        assert_eq!(answer.header("content-range"), "bytes */100000");
    }
    for range in ["bytes=0-1,4-5", "bytes=5-1", "lines=0-1", "bytes", "bytes=x-"] {
        let answer = recorded.ask(Method::GET, &[("range", range)]).await;
        assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 100_000), "{range}");
    }
}

#[tokio::test]
async fn who_has_it_is_told_so_and_a_range_of_something_else_is_the_whole() {
    let recorded = Recorded::new().await;
    let tag = recorded.ask(Method::HEAD, &[]).await.header("etag").to_owned();
    for method in [Method::GET, Method::HEAD] {
        let answer = recorded.ask(method, &[("if-none-match", &tag)]).await;
        assert_eq!((answer.status, answer.body.len()), (StatusCode::NOT_MODIFIED, 0));
        assert_eq!(answer.header("etag"), tag);
    }
    let other = recorded.ask(Method::GET, &[("if-none-match", "\"other\"")]).await;
    assert_eq!((other.status, other.body.len()), (StatusCode::OK, 100_000));
    let same = recorded.ask(Method::GET, &[("range", "bytes=0-9"), ("if-range", &tag)]).await;
    assert_eq!((same.status, same.body.len()), (StatusCode::PARTIAL_CONTENT, 10));
    let changed = recorded.ask(Method::GET, &[("range", "bytes=0-9"), ("if-range", "\"other\"")]).await;
    assert_eq!((changed.status, changed.body.len()), (StatusCode::OK, 100_000));
}

#[tokio::test]
async fn a_call_without_a_recording_and_one_whose_audio_is_gone_have_none() {
    let mut recorded = Recorded::new().await;
    let store = recorded.api.serving.store.clone();
    let unrecorded = Placed::by(&recorded.world.who, minutes_ago(4));
    store.write(&[unrecorded.start(), unrecorded.end("caller_hung_up", 0)]).await.unwrap();
    let gone = Placed::by(&recorded.world.who, minutes_ago(3));
    store.write(&gone.whole("Ada", 100)).await.unwrap();
    let mut answers = Vec::new();
    for call in [unrecorded, gone] {
        recorded.world.call = call.id();
        let answer = recorded.ask(Method::GET, &[]).await;
        answer.problem(StatusCode::NOT_FOUND);
        answers.push(answer.body);
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn half_a_recording_is_not_given_for_a_whole_one() {
    let mut recorded = Recorded::new().await;
    let short = Placed::by(&recorded.world.who, minutes_ago(3));
    recorded.api.serving.store.write(&short.whole("Ada", 100)).await.unwrap();
    api_support::world::put(&recorded.api.serving.recordings, &short.object_key(), vec![0; 50]).await;
    recorded.world.call = short.id();
    recorded.ask(Method::GET, &[]).await.problem(StatusCode::INTERNAL_SERVER_ERROR);
    recorded.ask(Method::GET, &[("range", "bytes=0-9")]).await.problem(StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_leaves_the_server_in_order() {
    let recorded = Recorded::new().await;
    for _ in 0..8 {
        let request = recorded.api.request_of(&recorded.world.token, Method::GET, &recorded.path());
        let mut answer = request.send().await.unwrap();
        assert!(!answer.chunk().await.unwrap().unwrap().is_empty());
    }
    assert_eq!(recorded.ask(Method::GET, &[]).await.body, recorded.world.audio);
}
