//! Opening a socket: the HTTP/1.1 upgrade, and what a refusal of it means.
//!
//! The upgrade is reqwest's and not tungstenite's own: that gives up a refusal's body unless it came with the headers,
//! and writes the request, key and all, to the log at level trace.

use super::super::retry_after::retry_after;
use super::super::{Refusal, Vendor, client, said_in};
use super::{Socket, SocketRequest};
use crate::stage::{Fault, StageError};
use reqwest::header::{CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY};
use reqwest::header::{SEC_WEBSOCKET_VERSION, UPGRADE};
use reqwest::{Response, StatusCode};
use std::sync::OnceLock;
use std::time::Duration;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

/// Enough for a burst of audio; tungstenite's own 128 KiB would hide a vendor that reads slowly.
const WRITE_BUFFER_BYTES: usize = 16 * 1024;
const READ_BUFFER_BYTES: usize = 16 * 1024;

/// Opens a socket. Dropping the future abandons the attempt.
///
/// # Errors
/// The vendor's refusal, classed by [`Vendor::refused`]; that it cannot be reached; that it did not answer within the
/// connect deadline.
pub(crate) async fn connect(vendor: &Vendor, request: SocketRequest) -> Result<Socket, StageError> {
    let deadline = request.connect_deadline;
    let late = |_| vendor.unreachable(format_args!("it did not answer within {} ms", deadline.as_millis()));
    tokio::time::timeout(deadline, upgrade(vendor, request)).await.map_err(late)?
}

async fn upgrade(vendor: &Vendor, request: SocketRequest) -> Result<Socket, StageError> {
    let url = client::target(vendor, &request.url)?;
    let key = generate_key();
    let mut headers = client::headers(vendor, &request.headers)?;
    upgrade_headers(&mut headers, vendor, &key)?;
    let unreachable = |error| client::failed(vendor, error);
    let response = http1(vendor)?.get(url).headers(headers).send().await.map_err(unreachable)?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(refusal(vendor, response).await);
    }
    let accepted = response.headers().get(SEC_WEBSOCKET_ACCEPT);
    if accepted.is_none_or(|accept| accept.as_bytes() != derive_accept_key(key.as_bytes()).as_bytes()) {
        return Err(vendor.unreachable("it does not answer as a WebSocket"));
    }
    let request_id = client::request_id(response.headers()).map(str::to_owned);
    let connection = response.upgrade().await.map_err(unreachable)?;
    let config = config(request.max_message_bytes);
    let stream = WebSocketStream::from_raw_socket(connection, Role::Client, Some(config)).await;
    Ok(Socket { stream, request_id })
}

fn upgrade_headers(headers: &mut HeaderMap, vendor: &Vendor, key: &str) -> Result<(), StageError> {
    let key = HeaderValue::from_str(key).map_err(|error| vendor.misconfigured(error))?;
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(SEC_WEBSOCKET_KEY, key);
    Ok(())
}

fn config(max_message_bytes: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(max_message_bytes))
        .max_frame_size(Some(max_message_bytes))
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .read_buffer_size(READ_BUFFER_BYTES)
}

/// The client of all sockets, without a pool: an upgraded connection never comes back to it.
fn http1(vendor: &Vendor) -> Result<&'static reqwest::Client, StageError> {
    static SHARED: OnceLock<reqwest::Client> = OnceLock::new();
    if let Some(client) = SHARED.get() {
        return Ok(client);
    }
    let builder = client::builder(vendor, &[])?.http1_only().pool_max_idle_per_host(0);
    let client = builder.build().map_err(|error| vendor.misconfigured(client::causes(error)))?;
    Ok(SHARED.get_or_init(|| client))
}

async fn refusal(vendor: &Vendor, mut response: Response) -> StageError {
    let in_header =
        response.headers().get("dg-error").map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let said = match in_header {
        Some(said) => said,
        None => said_in(&client::error_body(&mut response).await),
    };
    let request_id = client::request_id(response.headers());
    let error = vendor.refused(Refusal { status: response.status().as_u16(), request_id, said: &said });
    asked_later(error, retry_after(response.headers()))
}

/// The refusal with the time after which the vendor wants to be asked again, where asking again is of any use.
fn asked_later(error: StageError, retry_after: Option<Duration>) -> StageError {
    match (error, retry_after) {
        (StageError::Open { engine, reason, fault }, Some(retry_after)) if fault != Fault::Configuration => {
            StageError::Busy { engine, reason, fault, retry_after }
        }
        (error, _) => error,
    }
}
