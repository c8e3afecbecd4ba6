//! Which replies were cleared: nothing of them may be sent any more.

use crate::units::ReplyId;

/// How many cleared replies are remembered. Audio of one reply at a time is sent, so a late frame is of the newest.
const REMEMBERED: usize = 8;

/// The last few replies that were cleared.
#[derive(Clone, Debug, Default)]
pub(super) struct ClearedReplies {
    replies: [Option<ReplyId>; REMEMBERED],
    next: usize,
}

impl ClearedReplies {
    /// Nothing of this reply may be sent from now on.
    pub(super) fn insert(&mut self, reply: ReplyId) {
        if self.contains(reply) {
            return;
        }
        if let Some(slot) = self.replies.get_mut(self.next) {
            *slot = Some(reply);
        }
        self.next = (self.next + 1) % REMEMBERED;
    }

    /// Whether the reply was cleared.
    pub(super) fn contains(&self, reply: ReplyId) -> bool {
        self.replies.contains(&Some(reply))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_cleared_replies_are_remembered() {
        let mut cleared = ClearedReplies::default();
        for reply in 1..=20 {
            cleared.insert(ReplyId(reply));
            cleared.insert(ReplyId(reply));
        }
        assert!((13..=20).all(|reply| cleared.contains(ReplyId(reply))));
        assert!(!cleared.contains(ReplyId(12)) && !cleared.contains(ReplyId(0)));
    }
}
