//! How much of its clients a server bears.

use serde::Deserialize;
use std::time::Duration;

/// Calls of every server end before this: servers of different settings share a database, and a call that is older has none.
pub(crate) const LONGEST_CALL: Duration = Duration::from_secs(24 * 3_600);

/// How much of its clients a server bears. Each says what happens at the limit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerLimits {
    /// Calls at a time; a further one is answered 503.
    pub max_calls: usize,
    /// Connections that have not become calls; a further one waits to be accepted.
    pub max_connections: usize,
    /// Of those, from one address (of IPv6, one network of 64 bits); one more is answered 429 and closed. Clients behind one
    /// proxy share it.
    pub connections_of_address: usize,
    /// A connection that has not become a call takes no further request after this long. One that is worked on then is
    /// answered within `api_ms`, and an answer that is on its way goes on as long as the client takes 4 KiB of it a second;
    /// or the connection is closed.
    pub connection_ms: u64,
    /// The head of a request comes within this, or the connection is closed.
    pub request_ms: u64,
    /// The `hello` of a call comes within this, or the call is refused.
    pub handshake_ms: u64,
    /// A client from which nothing at all came for this long is given up; it takes up to a quarter longer.
    pub idle_ms: u64,
    /// A call whose socket broke waits so long for its client to take it up on another one; 0 is not at all. Clients that
    /// cannot do so are not waited for.
    pub resume_ms: u64,
    /// The longest message of a client; a longer one ends the call.
    pub max_message_bytes: usize,
    /// What the kernel buffers for a client that does not read. Beyond it the call's own bounded queue fills, and then
    /// the call ends. The kernel takes double.
    pub send_buffer_bytes: usize,
    /// Wrong messages in a call before it ends.
    pub max_errors: u32,
    /// Web pages that may place calls, besides the tenant's and those this server's own host serves, as browsers name them
    /// (`https://app.example`), or `*` for all. Others are answered 403. Clients that are no browsers are not asked.
    pub allowed_origins: Vec<String>,
    /// Connections at a time whose client has not said yet who it is; one more is answered 429.
    pub strangers: usize,
    /// Of those, from one address (of IPv6, one network of 64 bits); likewise. Clients behind one proxy share it.
    pub strangers_of_address: usize,
    /// What says who a client is may be over for so long before its call ends.
    pub auth_grace_ms: u64,
    /// Calls of one tenant at a time, of `max_calls` in percent and at least one, whatever its plan allows; a further one is
    /// answered 429.
    pub tenant_calls_percent: u32,
    /// Requests, calls and renewals of one user a second, in the long run; one more is answered 429, before the store is
    /// asked. Twice as many may come at once.
    pub user_requests_per_s: u32,
    /// Requests of one tenant that are worked on at a time; one more is answered 429. Downloads are at most half of them.
    pub tenant_requests: u32,
    /// Requests of one tenant a second, in the long run; likewise. Twice as many may come at once.
    pub tenant_requests_per_s: u32,
    /// A request of the API is answered within this, or with 503.
    pub api_ms: u64,
    /// What is kept on this machine's disk of calls until the database has it. At nine tenths of it no further call is
    /// taken; at all of it nothing more of running calls is kept, nor told as final.
    pub journal_bytes: u64,
    /// The longest log of a call's turn-taking, which can be run again; beyond it the log is cut and says so. 0 is no logs.
    pub turn_log_bytes: u64,
    /// How much of such logs waits on this machine's disk while the bucket is away or slow, at least
    /// `turn_log_bytes`; beyond it the oldest are dropped.
    pub waiting_turn_logs_bytes: u64,
    /// At shutdown, running calls may finish within this; then they are ended.
    pub drain_ms: u64,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            max_calls: 100,
            max_connections: 256,
            connections_of_address: 64,
            connection_ms: 60_000,
            request_ms: 10_000,
            handshake_ms: 5_000,
            idle_ms: 30_000,
            resume_ms: 30_000,
            max_message_bytes: 64 * 1024,
            send_buffer_bytes: 32 * 1024,
            max_errors: 32,
            allowed_origins: Vec::new(),
            strangers: 64,
            strangers_of_address: 8,
            auth_grace_ms: 300_000,
            tenant_calls_percent: 50,
            user_requests_per_s: 50,
            tenant_requests: 16,
            tenant_requests_per_s: 50,
            api_ms: 10_000,
            journal_bytes: 1 << 30,
            turn_log_bytes: 8 << 20,
            waiting_turn_logs_bytes: 1 << 30,
            drain_ms: 30_000,
        }
    }
}

impl ServerLimits {
    /// No bound where the share is all there is: then the server is full before the tenant has too many.
    pub(crate) fn max_calls_of_tenant(&self) -> u32 {
        let all = self.max_calls as u64;
        let share = all.saturating_mul(self.tenant_calls_percent.into()).div_ceil(100).max(1);
        if share >= all { u32::MAX } else { u32::try_from(share).unwrap_or(u32::MAX) }
    }

    /// Of the requests of a tenant, those whose answer goes on as long as its client takes it: half, and at least one.
    pub(crate) fn tenant_bodies(&self) -> u32 {
        (self.tenant_requests / 2).max(1)
    }

    pub(crate) fn connection(&self) -> Duration {
        Duration::from_millis(self.connection_ms)
    }

    pub(crate) fn request(&self) -> Duration {
        Duration::from_millis(self.request_ms)
    }

    pub(crate) fn handshake(&self) -> Duration {
        Duration::from_millis(self.handshake_ms)
    }

    pub(crate) fn idle(&self) -> Duration {
        Duration::from_millis(self.idle_ms)
    }

    pub(crate) fn resume(&self) -> Option<Duration> {
        (self.resume_ms > 0).then(|| Duration::from_millis(self.resume_ms))
    }

    pub(crate) fn auth_grace(&self) -> Duration {
        Duration::from_millis(self.auth_grace_ms)
    }

    pub(crate) fn api(&self) -> Duration {
        Duration::from_millis(self.api_ms)
    }

    pub(crate) fn drain(&self) -> Duration {
        Duration::from_millis(self.drain_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_calls_is_rounded_up_and_all_of_them_is_no_bound() {
        for (max_calls, tenant_calls_percent, share) in
            [(100, 50, 50), (5, 50, 3), (3, 1, 1), (1, 50, u32::MAX), (100, 100, u32::MAX)]
        {
            let limits = ServerLimits { max_calls, tenant_calls_percent, ..ServerLimits::default() };
            assert_eq!(limits.max_calls_of_tenant(), share, "{tenant_calls_percent} % of {max_calls}");
        }
    }
}
