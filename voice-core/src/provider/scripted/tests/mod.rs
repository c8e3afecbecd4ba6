//! The scripted stages, in simulated time.

mod llm;
mod stt;
mod tts;

use std::time::Duration;
use tokio::time::Instant;

/// Milliseconds of simulated time since the value was made.
struct Since(Instant);

#[expect(clippy::disallowed_methods, reason = "tokio's clock is simulated here")]
impl Since {
    fn now() -> Self {
        Self(Instant::now())
    }

    fn ms(&self) -> u64 {
        u64::try_from((Instant::now() - self.0).as_millis()).unwrap()
    }
}

/// Whether `future` is still pending after a simulated minute.
async fn is_stuck<T>(future: impl Future<Output = T>) -> bool {
    tokio::time::timeout(Duration::from_secs(60), future).await.is_err()
}
