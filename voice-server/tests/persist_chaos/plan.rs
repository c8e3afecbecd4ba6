//! What happens in a round, decided before it begins: by the dice alone, so that a seed repeats it.

use crate::database::Manner;
use crate::persist_support::Dice;
use std::fmt;

/// A round: from the start of a server to its death.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// The database goes away meanwhile.
    pub(crate) outage: Option<Outage>,
    /// The server is killed when callers were told so many finals; counted from the last thing that happened.
    pub(crate) finals: u64,
    /// How many other things of this process are done between that and the kill.
    pub(crate) yields: u64,
}

/// The database is away.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outage {
    pub(crate) manner: Manner,
    /// Callers were told so many finals before.
    pub(crate) after: u64,
    pub(crate) ends: End,
}

/// When the database is back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Callers were told so many finals without it; then the round goes on.
    AfterFinals(u64),
    /// The server was killed, and the next one starts.
    AfterTheKill,
}

impl Plan {
    /// Every other round has an outage, every other one of them beyond the kill.
    pub(crate) fn roll(dice: &mut Dice, round: u64, callers: u64, manners: &[Manner]) -> Self {
        let outage = round.is_multiple_of(2).then(|| Outage::roll(dice, round, callers, manners));
        let most = if outage.is_some() { callers * 2 } else { callers * 4 };
        Self { outage, finals: 1 + dice.roll(most), yields: dice.roll(20) }
    }
}

impl Outage {
    fn roll(dice: &mut Dice, round: u64, callers: u64, manners: &[Manner]) -> Self {
        let manner = manners[dice.roll(manners.len() as u64) as usize];
        let after = 1 + dice.roll(callers * 2);
        let ends = if round.is_multiple_of(4) { End::AfterTheKill } else { End::AfterFinals(1 + dice.roll(callers)) };
        Self { manner, after, ends }
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "database {:?} after {} finals, back ", self.manner, self.after)?;
        match self.ends {
            End::AfterFinals(finals) => write!(out, "after {finals} more"),
            End::AfterTheKill => out.write_str("after the kill"),
        }
    }
}
