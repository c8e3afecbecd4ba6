//! What one tenant or one connection may take of the server, and what becomes of the others meanwhile.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod api_support;

use api_support::serving::{Serving, patient};
use api_support::world::{Placed, World, minutes_ago, put, utterance};
use api_support::{Api, Token, no_hang, pass};
use reqwest::StatusCode;
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use voice_server::store::{Utterance, Who};
use voice_server::{CallUuid, Role, ServerLimits};

/// More than what any kernel takes of a client that does not read.
const AUDIO_BYTES: usize = 16 * 1024 * 1024;

const CONNECTION: Duration = Duration::from_secs(60);
const WINDOW: Duration = Duration::from_secs(10);

/// A server and a tenant with a long recording.
async fn long_recording(limits: ServerLimits) -> (Api, World, CallUuid) {
    let api = Api::over(Serving::sqlite_with(limits).await).await;
    let world = World::new(&api, "Ada", Role::Member).await;
    let placed = Placed::by(&world.who, minutes_ago(3));
    api.serving.store.write(&placed.whole("Ada", AUDIO_BYTES)).await.unwrap();
    put(&api.serving.recordings, &placed.object_key(), vec![7; AUDIO_BYTES]).await;
    (api, world, placed.id())
}

/// Once a connection that is younger is answered, the others of the server have seen what time it is.
async fn seen(api: &Api, token: &Token) {
    assert_eq!(RawClient::connect(api).await.ask(token, "GET /v1/me", "").await, "HTTP/1.1 200 OK");
}

/// A connection of one's own, of which the kernel keeps little for a client that does not read.
struct RawClient(BufReader<TcpStream>);

impl RawClient {
    async fn connect(api: &Api) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        Self(BufReader::new(socket.connect(api.serving.address).await.unwrap()))
    }

    /// Sends a request, and gives the first line of what is answered after reading its head.
    async fn ask(&mut self, token: &Token, request: &str, headers: &str) -> String {
        let token = token.as_str();
        let request = format!("{request} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{headers}\r\n");
        self.send(&request).await;
        self.head().await
    }

    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    async fn head(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(no_hang(self.0.read_line(&mut head)).await.unwrap(), 0, "{head}");
        }
        head.lines().next().unwrap().to_owned()
    }

    /// A download that has begun.
    async fn download(api: &Api, token: &Token, call: CallUuid) -> Self {
        let mut client = Self::connect(api).await;
        let path = format!("GET /v1/calls/{call}/recording");
        assert_eq!(client.ask(token, &path, "").await, "HTTP/1.1 200 OK");
        client
    }

    async fn read(&mut self, bytes: usize) {
        no_hang(self.0.read_exact(&mut vec![0; bytes])).await.unwrap();
    }

    async fn metrics(mut self, token: &Token) -> String {
        assert_eq!(self.ask(token, "GET /metrics", "Connection: close\r\n").await, "HTTP/1.1 200 OK");
        let mut text = String::new();
        no_hang(self.0.read_to_string(&mut text)).await.unwrap();
        text
    }

    /// How much there is until the end, whatever that is.
    async fn rest(&mut self) -> usize {
        let (mut all, mut piece) = (0, vec![0; 64 * 1024]);
        loop {
            match no_hang(self.0.read(&mut piece)).await {
                Ok(0) | Err(_) => return all,
                Ok(read) => all += read,
            }
        }
    }
}

#[tokio::test]
async fn a_user_at_the_bound_is_refused_without_asking_the_store() {
    let limits = ServerLimits { user_requests_per_s: 1, ..patient() };
    let api = Api::over(Serving::sqlite_with(limits).await).await;
    let world = World::new(&api, "Ada", Role::Member).await;
    api.serving.close_store().await;
    // Where a second passes between two requests there is one more that asks the store.
    let refused = no_hang(async {
        loop {
            let answer = api.get(&world.token, "/v1/me").await;
            if answer.status != StatusCode::SERVICE_UNAVAILABLE {
                return answer;
            }
        }
    })
    .await;
    refused.problem(StatusCode::TOO_MANY_REQUESTS);
    assert!(!refused.header("retry-after").is_empty());
}

#[tokio::test]
async fn a_download_holds_its_tenants_place_until_it_is_over() {
    let (api, world, call) = long_recording(ServerLimits { tenant_requests: 1, ..patient() }).await;
    let other = World::new(&api, "Bob", Role::Member).await;
    let download = RawClient::download(&api, &world.token, call).await;
    api.get(&world.token, "/v1/me").await.problem(StatusCode::TOO_MANY_REQUESTS);
    api.get(&other.token, "/v1/me").await.ok();
    drop(download);
    no_hang(async { while api.get(&world.token, "/v1/me").await.status != StatusCode::OK {} }).await;
}

#[tokio::test]
async fn a_long_answer_holds_its_tenants_place_until_it_is_over() {
    let api = Api::over(Serving::sqlite_with(ServerLimits { tenant_requests: 1, ..patient() }).await).await;
    let world = World::new(&api, "Ada", Role::Member).await;
    let placed = Placed::by(&world.who, minutes_ago(3));
    let said = Utterance { text: "x".repeat(AUDIO_BYTES), ..utterance(0, Who::Caller) };
    api.serving.store.write(&[placed.start(), placed.said(said)]).await.unwrap();
    for what in ["", "/transcript", "/transcript?format=text"] {
        let mut client = RawClient::connect(&api).await;
        let path = format!("GET /v1/calls/{}{what}", placed.id());
        assert_eq!(client.ask(&world.token, &path, "").await, "HTTP/1.1 200 OK");
        api.get(&world.token, "/v1/me").await.problem(StatusCode::TOO_MANY_REQUESTS);
        drop(client);
        no_hang(async { while api.get(&world.token, "/v1/me").await.status != StatusCode::OK {} }).await;
        let answer = api.get(&world.token, path.trim_start_matches("GET ")).await;
        let length = answer.body.len().to_string();
        assert_eq!((answer.status, answer.header("content-length")), (StatusCode::OK, length.as_str()));
        no_hang(async { while api.get(&world.token, "/v1/me").await.status != StatusCode::OK {} }).await;
    }
}

#[tokio::test]
async fn downloads_leave_half_of_the_tenants_places_and_what_is_refused_is_counted() {
    let (api, world, call) = long_recording(ServerLimits { tenant_requests: 4, ..patient() }).await;
    let downloads =
        [RawClient::download(&api, &world.token, call).await, RawClient::download(&api, &world.token, call).await];
    let path = format!("/v1/calls/{call}/recording");
    api.get(&world.token, &path).await.problem(StatusCode::TOO_MANY_REQUESTS);
    let head = RawClient::connect(&api).await.ask(&world.token, &format!("HEAD {path}"), "").await;
    assert_eq!(head, "HTTP/1.1 200 OK", "its head is no download");
    let ticket = RawClient::connect(&api).await.ask(&world.token, "POST /v1/tickets", "").await;
    assert_eq!(ticket, "HTTP/1.1 201 Created");
    let metrics = RawClient::connect(&api).await.metrics(&world.token).await;
    assert!(metrics.contains("voice_requests_refused_total{reason=\"tenant_bodies\"} 1\n"), "{metrics}");
    drop(downloads);
}

#[tokio::test]
async fn a_download_goes_on_after_the_connections_time_as_long_as_the_client_takes_it() {
    let (api, world, call) = long_recording(ServerLimits { api_ms: 10_000, ..patient() }).await;
    let mut download = RawClient::download(&api, &world.token, call).await;
    pass(CONNECTION).await;
    let mut read = 0;
    while read < AUDIO_BYTES {
        let piece = (AUDIO_BYTES / 4).min(AUDIO_BYTES - read);
        download.read(piece).await;
        read += piece;
        pass(WINDOW).await;
    }
    assert_eq!(download.rest().await, 0, "the connection takes no further request");
}

#[tokio::test]
async fn a_download_that_its_client_does_not_take_is_broken_off() {
    let (api, world, call) = long_recording(ServerLimits { api_ms: 10_000, ..patient() }).await;
    let mut download = RawClient::download(&api, &world.token, call).await;
    pass(CONNECTION).await;
    for _ in 0..2 {
        // The server sees that the time has come before more of it passes.
        seen(&api, &world.token).await;
        pass(WINDOW).await;
    }
    seen(&api, &world.token).await;
    assert!(download.rest().await < AUDIO_BYTES);
}

#[tokio::test]
async fn a_request_that_is_worked_on_when_the_connections_time_is_over_is_answered() {
    let limits = ServerLimits { api_ms: 600_000, ..patient() };
    let api = Api::over(Serving::sqlite_with(limits).await).await;
    let world = World::new(&api, "Ada", Role::Member).await;
    let body = json!({ "name": "Ada" }).to_string();
    let length = body.len();
    let headers = format!("Content-Type: application/json\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n");
    let mut client = RawClient::connect(&api).await;
    // It is asked for the body by who works on the request.
    assert_eq!(client.ask(&world.token, "POST /v1/clients", &headers).await, "HTTP/1.1 100 Continue");
    pass(CONNECTION).await;
    seen(&api, &world.token).await;
    client.send(&body).await;
    assert_eq!(client.head().await, "HTTP/1.1 201 Created");
}
