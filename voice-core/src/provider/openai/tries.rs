//! When a failed request is worth another try.
//!
//! Invariant: a try is made again only before anything of its answer was given on, only as often as configured, and never
//! if the wait would outlast the deadline or half a second: a caller waits, and another engine may answer sooner.

use crate::provider::clock::now;
use crate::provider::net::{HttpError, Vendor, backoff, said_in};
use crate::stage::{Fault, StageError};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

/// A failure of the engine is often over as soon as it is seen; half a second is a long silence on the line.
const BACKOFF_BASE: Duration = Duration::from_millis(100);
const BACKOFF_CAP: Duration = Duration::from_millis(500);

/// A failed try.
#[derive(Debug)]
pub(super) struct Failure {
    error: StageError,
    patience: Patience,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    /// Another try fails alike.
    Useless,
    /// The engine failed: perhaps not twice.
    Backoff,
    /// The server says when; soon enough, or it is as good as useless.
    After(Duration),
}

impl From<StageError> for Failure {
    fn from(error: StageError) -> Self {
        let patience = if error.fault() == Fault::Engine { Patience::Backoff } else { Patience::Useless };
        Self { error, patience }
    }
}

impl Failure {
    /// What a refused request is worth. A tool call that the model wrote badly (Groq's 400 `tool_use_failed`) is the
    /// engine's fault; a 422 may be, at Groq, so that it is tried once more.
    pub(super) fn refused(vendor: &Vendor, refusal: HttpError) -> Self {
        if code_in(&refusal.body).is_some_and(|code| code == "tool_use_failed") {
            let error = vendor.failed(Fault::Engine, &said_in(refusal.body.as_bytes()));
            return Self { error, patience: Patience::After(Duration::ZERO) };
        }
        let patience = match (refusal.error.fault(), refusal.retry_after) {
            (Fault::Engine | Fault::Overload, Some(wait)) => Patience::After(wait),
            (Fault::Engine, None) => Patience::Backoff,
            (Fault::Configuration, _) if refusal.status == Some(422) => Patience::Backoff,
            (Fault::Overload, None) | (Fault::Configuration, _) => Patience::Useless,
        };
        Self { error: refusal.error, patience }
    }

    /// What to tell if there is no other try.
    pub(super) fn into_error(self) -> StageError {
        self.error
    }
}

fn code_in(body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    Some(body.get("error")?.get("code")?.as_str()?.to_owned())
}

/// The tries of one request.
#[derive(Debug)]
pub(super) struct Tries {
    made: u32,
    retries: u32,
    deadline: Instant,
}

impl Tries {
    /// One try and `retries` more, the last of them begun before `deadline`.
    pub(super) fn new(retries: u32, deadline: Instant) -> Self {
        Self { made: 0, retries, deadline }
    }

    /// How long to wait before the next try, if there is one.
    ///
    /// # Errors
    /// That of the failure, if it is to be told.
    pub(super) fn again(&mut self, failure: Failure) -> Result<Duration, StageError> {
        let Some(wait) = self.wait(failure.patience) else { return Err(failure.error) };
        tracing::debug!(error = %failure.error, wait_ms = wait.as_millis() as u64, "a request is tried again");
        self.made += 1;
        Ok(wait)
    }

    fn wait(&self, patience: Patience) -> Option<Duration> {
        let wait = match patience {
            Patience::Useless => None,
            Patience::Backoff => Some(backoff(self.made, BACKOFF_BASE, BACKOFF_CAP)),
            Patience::After(wait) => Some(wait),
        };
        let left = self.deadline.saturating_duration_since(now());
        wait.filter(|wait| self.made < self.retries && *wait < left && *wait <= BACKOFF_CAP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::net::Refusal;

    fn vendor() -> Vendor {
        Vendor { name: "Groq", key: None, url_setting: "GROQ_URL" }
    }

    fn refusal(status: u16, retry_after_ms: Option<u64>, body: &str) -> Failure {
        let error = vendor().refused(Refusal { status, request_id: None, said: "" });
        let retry_after = retry_after_ms.map(Duration::from_millis);
        Failure::refused(&vendor(), HttpError { error, status: Some(status), retry_after, body: body.to_owned() })
    }

    fn tries(retries: u32) -> Tries {
        Tries::new(retries, now() + Duration::from_secs(1))
    }

    #[test]
    fn what_the_engine_may_do_better_is_tried_again() {
        for failure in [
            refusal(500, None, ""),
            refusal(503, Some(10), ""),
            refusal(498, None, ""),
            refusal(424, None, ""),
            refusal(422, None, ""),
            refusal(429, Some(500), ""),
            refusal(400, None, r#"{"error":{"message":"bad call","code":"tool_use_failed","failed_generation":"{"}}"#),
            Failure::from(vendor().unreachable("refused")),
        ] {
            let what = format!("{failure:?}");
            assert!(tries(1).again(failure).is_ok(), "{what}");
        }
    }

    #[test]
    fn what_only_fails_again_is_not() {
        for (failure, fault) in [
            (refusal(400, None, "{}"), Fault::Configuration),
            (refusal(401, Some(1), "{}"), Fault::Configuration),
            (refusal(403, None, "<html>"), Fault::Configuration),
            (refusal(404, None, ""), Fault::Configuration),
            (refusal(413, None, ""), Fault::Configuration),
            (refusal(429, None, ""), Fault::Overload),
            (refusal(429, Some(501), ""), Fault::Overload),
            (refusal(429, Some(60_000), ""), Fault::Overload),
            (refusal(503, Some(600), ""), Fault::Engine),
        ] {
            let what = format!("{failure:?}");
            assert_eq!(tries(3).again(failure).map_err(|error| error.fault()), Err(fault), "{what}");
        }
    }

    #[test]
    fn tries_run_out() {
        let mut tries = tries(2);
        assert!(tries.again(refusal(500, None, "")).is_ok());
        assert!(tries.again(refusal(500, None, "")).is_ok());
        assert!(tries.again(refusal(500, None, "")).is_err());
    }

    #[test]
    fn a_badly_written_tool_call_is_the_engines_fault() {
        let body = r#"{"error":{"message":"Failed to call a function","code":"tool_use_failed"}}"#;
        let error = tries(0).again(refusal(400, None, body)).unwrap_err();
        assert_eq!(error.fault(), Fault::Engine);
        assert!(error.to_string().contains("Failed to call a function"), "{error}");
    }
}
