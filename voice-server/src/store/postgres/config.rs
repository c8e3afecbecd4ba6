//! How the store reaches its database.

use crate::db::DatabaseUrl;
use std::time::Duration;

/// Longer than waiting for a connection and any statement's limit together.
const OPERATION_LIMIT: Duration = Duration::from_secs(15);

/// How the store reaches its database. No login has a way to the other's rights.
#[derive(Clone, Debug)]
pub struct PgConfig {
    /// As `voice_api`: whatever users ask.
    pub api: DatabaseUrl,
    /// As `voice_worker`: what the server does itself.
    pub worker: DatabaseUrl,
    /// The most connections for users; more requests wait for one, 2 s at the longest.
    pub api_connections: u32,
    /// Besides them, the most connections for looking up who somebody is, so that no user's requests keep another from being
    /// known.
    pub look_up_connections: u32,
    /// Likewise, as the worker, for adding up how long a tenant talked, so that calls that begin keep none from being written.
    /// One tenant uses a third of them at a time.
    pub adding_up_connections: u32,
    /// The most connections for the server itself, so that users never keep it from writing.
    pub worker_connections: u32,
    /// The longest that an operation takes, waiting for a connection included: the database ends its own statements sooner,
    /// unless it has stopped answering.
    pub operation_limit: Duration,
}

impl PgConfig {
    /// With as many connections as a server needs that holds 200 calls.
    pub fn new(api: DatabaseUrl, worker: DatabaseUrl) -> Self {
        Self {
            api,
            worker,
            api_connections: 10,
            look_up_connections: 2,
            adding_up_connections: 3,
            worker_connections: 3,
            operation_limit: OPERATION_LIMIT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::postgres::TENANTS_PART;

    #[test]
    fn a_tenants_part_of_the_connections_is_never_more_than_that() {
        let url: DatabaseUrl = DatabaseUrl::parse("postgres://voice@127.0.0.1/voice").unwrap();
        let config = PgConfig::new(url.clone(), url);
        for connections in [config.api_connections, config.adding_up_connections] {
            assert!(connections >= TENANTS_PART, "{connections}");
        }
    }
}
