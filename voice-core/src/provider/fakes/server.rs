//! The listener: connections in, each request led to its service, sockets upgraded by hand so that a refusal can have
//! any shape.
//!
//! Invariant: every task is in one set that ends with the fakes. Connections and bodies are bounded.

use super::faults::{Fault, Moment, Service};
use super::io::{FaultyIo, Wire};
use super::socket::FakeSocket;
use super::visit::{Accepted, Body, Head, Refusal, Shared, Visit, whole};
use super::{cartesia, chat, elevenlabs, flux, nova, speech};
use bytes::Bytes;
use futures::future::BoxFuture;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// Connections at one time; further ones are dropped at once.
const MAX_CONNECTIONS: usize = 1_024;
/// The largest request body.
const MAX_BODY_BYTES: usize = 4 << 20;
/// The longest wait of an answer that never comes.
const NEVER: Duration = Duration::from_secs(3_600);

/// What a connection does once it is no HTTP any more.
type After = Arc<Mutex<Option<BoxFuture<'static, ()>>>>;

/// Serves until it is dropped.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if connections.len() < MAX_CONNECTIONS => {
                    shared.log.count(|counts| counts.connections += 1);
                    connections.spawn(connection(stream, Arc::clone(&shared)));
                }
                Ok(_) => {}
                // Out of descriptors, most likely: others will end.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    let wire = Wire::default();
    let after = After::default();
    let io = TokioIo::new(FaultyIo::new(stream, wire.clone()));
    let service = service_fn(|request| route(request, Arc::clone(&shared), wire.clone(), Arc::clone(&after)));
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(io, service)
        .with_upgrades()
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection to the fakes broke off");
    }
    let work = after.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(work) = work {
        work.await;
    }
}

async fn route(
    request: Request<Incoming>,
    shared: Arc<Shared>,
    wire: Wire,
    after: After,
) -> Result<Response<Body>, Infallible> {
    let (parts, body) = request.into_parts();
    let head = Head::new(&parts);
    let Some(service) = service_of(&parts.method, &head.path) else {
        let body = json!({ "error": { "message": "there is no such place", "type": "invalid_request_error" } });
        return Ok(Refusal::json(404, &body).into_response());
    };
    wire.calm();
    let mut visit = Visit::new(&shared, service, wire);
    if let Some(refusal) = open(&mut visit).await {
        return Ok(refused(&visit, refusal));
    }
    let is_socket = matches!(service, Service::Flux | Service::Nova | Service::Cartesia | Service::Elevenlabs);
    if is_socket {
        return Ok(upgrade(Request::from_parts(parts, body), head, visit, after));
    }
    let Ok(body) = Limited::new(body, MAX_BODY_BYTES).collect().await else {
        let body = json!({ "error": { "message": "the request is too large", "type": "invalid_request_error" } });
        return Ok(refused(&visit, Refusal::json(413, &body)));
    };
    Ok(answer(head, body.to_bytes(), visit).await)
}

fn service_of(method: &Method, path: &str) -> Option<Service> {
    let (is_get, is_post) = (method == Method::GET, method == Method::POST);
    match path {
        "/v2/listen" if is_get => Some(Service::Flux),
        "/v1/listen" if is_get => Some(Service::Nova),
        "/tts/websocket" if is_get => Some(Service::Cartesia),
        _ if is_post && path.ends_with("/chat/completions") => Some(Service::Chat),
        _ if is_post && path.ends_with("/audio/speech") => Some(Service::Speech),
        _ if is_get && path.starts_with("/v1/text-to-speech/") && path.ends_with("/multi-stream-input") => {
            Some(Service::Elevenlabs)
        }
        _ if is_get && path.ends_with("/models") => Some(Service::Models),
        _ => None,
    }
}

/// Lets the faults of an opening strike. A refusal if one of them is.
async fn open(visit: &mut Visit) -> Option<Refusal> {
    for fault in visit.due(Moment::Opening) {
        match fault {
            Fault::DelayOpen { ms } => tokio::time::sleep(Duration::from_millis(ms)).await,
            Fault::NeverGreet => visit.never_greets = true,
            Fault::Refuse { status, retry_after_ms, body } => {
                let mut refusal = vendor_refusal(visit, status, "refused by the fault script");
                if let Some(body) = body {
                    refusal = refusal.with_body(body);
                }
                let further = retry_after_ms.map(|ms| chat::retry_after(&visit.shared.config.chat, ms));
                for (name, value) in further.into_iter().flatten() {
                    refusal = refusal.header(name, value);
                }
                return Some(refusal);
            }
            _ => {}
        }
    }
    None
}

/// A refusal in the shape of the visit's vendor.
fn vendor_refusal(visit: &Visit, status: u16, said: &str) -> Refusal {
    let id = &visit.request_id;
    match visit.service {
        Service::Flux => flux::refusal(status, said, id),
        Service::Nova => nova::refusal(status, said, id),
        Service::Chat | Service::Models => chat::refusal(&visit.shared.config.chat, status, said, id),
        Service::Speech => speech::refusal(status, said, id),
        Service::Cartesia => cartesia::refusal(status, said, id),
        Service::Elevenlabs => elevenlabs::refusal(status, said, id),
    }
}

fn refused(visit: &Visit, refusal: Refusal) -> Response<Body> {
    visit.log().count(|counts| counts.refused += 1);
    visit.note(format!("refused with {}: {}", refusal.status, refusal.body));
    refusal.into_response()
}

/// Answers a request that is no socket.
async fn answer(head: Head, body: Bytes, visit: Visit) -> Response<Body> {
    if visit.never_greets {
        tokio::time::sleep(NEVER).await;
    }
    match visit.service {
        Service::Speech => speech::answer(head, body, visit).await,
        Service::Models => chat::models(head, visit),
        _ => chat::answer(head, body, visit).await,
    }
}

/// Opens a WebSocket, or says why not.
fn upgrade(mut request: Request<Incoming>, head: Head, visit: Visit, after: After) -> Response<Body> {
    let opened = match visit.service {
        Service::Flux => flux::open(&head, &visit),
        Service::Nova => nova::open(&head, &visit),
        Service::Cartesia => cartesia::open(&head, &visit),
        _ => elevenlabs::open(&head, &visit),
    };
    let accepted = match opened {
        Ok(accepted) => accepted,
        Err(refusal) => return refused(&visit, refusal),
    };
    let key = head.header("sec-websocket-key").filter(|_| head.header("sec-websocket-version") == Some("13"));
    let Some(key) = key else {
        let refusal = vendor_refusal(&visit, 426, "this is a WebSocket: ask for the upgrade");
        return refused(&visit, refusal.header("upgrade", "websocket"));
    };
    let response = switching(key, &accepted);
    let upgraded = hyper::upgrade::on(&mut request);
    let work = async move {
        if let Ok(io) = upgraded.await {
            (accepted.serve)(FakeSocket::new(io, visit, accepted.error).await).await;
        }
    };
    *after.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::pin(work));
    response
}

fn switching(key: &str, accepted: &Accepted) -> Response<Body> {
    let mut response = Response::new(whole(Bytes::new()));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    };
    set("connection", "upgrade");
    set("upgrade", "websocket");
    set("sec-websocket-accept", &derive_accept_key(key.as_bytes()));
    if let Some(subprotocol) = &accepted.subprotocol {
        set("sec-websocket-protocol", subprotocol);
    }
    for (name, value) in &accepted.headers {
        set(name, value);
    }
    response
}
