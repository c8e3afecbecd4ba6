//! What both sides say to take a call up again on another socket.

use super::token::AuthToken;
use serde::{Deserialize, Serialize};

/// How a call can be taken up again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeOffer {
    /// What names the call in the request: `GET /v1/call?resume=TOKEN`. Good for this call's user only, as often as needed.
    pub token: AuthToken,
    /// How long the call waits without a socket.
    pub within_ms: u64,
}

/// Where the client's side of a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeRequest {
    /// Messages of the server, audio and text, that came after `ready` on all sockets of the call, `resumed` not counted.
    pub received: u64,
}
