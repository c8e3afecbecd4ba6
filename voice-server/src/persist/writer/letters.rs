//! What is done with the dead letters of earlier runs.
//!
//! Invariant: a letter is asked about once a start and never waited for; a letter that the store does not take stays.

use super::Writer;
use crate::store::StoreError;
use std::io;
use tokio::time::timeout;
use tracing::{info, warn};

impl Writer {
    /// Gives the store what it refused in earlier runs, oldest first: it may have been mended since, and entries that it
    /// has after all change nothing.
    pub(super) async fn retry_dead_letters(&self) {
        match self.try_dead_letters().await {
            Ok((0, 0)) => {}
            Ok((taken, 0)) => info!(taken, "the store takes all the dead letters of earlier runs"),
            Ok((taken, left)) => {
                warn!(
                    taken,
                    left, "there are dead letters: the store refuses them still, somebody should look into them"
                );
            }
            Err(error) => warn!(%error, "the dead letters cannot be given again; they stay as they are"),
        }
    }

    /// How many the store took, and how many are left. A database that is away is not waited for.
    async fn try_dead_letters(&self) -> io::Result<(usize, usize)> {
        let (mut taken, mut left, mut is_away) = (0, Vec::new(), false);
        for letter in self.dead_letters.letters().await? {
            let entry = letter.entry().filter(|_| !is_away);
            let Some(entry) = entry else {
                left.push(letter);
                continue;
            };
            match timeout(self.write_within, self.store.write(&[entry])).await {
                Ok(Ok(())) => taken += 1,
                refused => {
                    is_away = matches!(refused, Err(_) | Ok(Err(StoreError::Unavailable(_))));
                    left.push(letter);
                }
            }
        }
        if taken > 0 {
            self.dead_letters.keep_only(&left).await?;
        }
        Ok((taken, left.len()))
    }
}
