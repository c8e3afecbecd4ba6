//! Rounds of callers, outages and kills on one home, and what is counted of them.

use crate::database::Database;
use crate::persist_support::caller::Crowd;
use crate::persist_support::process::Home;
use crate::persist_support::tenants::Tenants;
use crate::persist_support::told::{Calls, Compared};
use crate::persist_support::{Dice, wanted};
use crate::plan::{End, Outage, Plan};

/// After so many rounds what was told is compared with what is stored.
const ROUNDS_A_CHECK: u64 = 25;

pub(crate) struct Chaos {
    store: &'static str,
    home: Home,
    database: Database,
    tenants: Tenants,
    rounds: u64,
    callers: u64,
    dice: Dice,
    told: Calls,
    outages: u64,
    outages_across_kills: u64,
    compared: Compared,
}

impl Chaos {
    pub(crate) fn new(store: &'static str, home: Home, database: Database) -> Self {
        let (rounds, callers) = (wanted("VOICE_CHAOS_ROUNDS", 4), wanted("VOICE_CHAOS_CALLS", 16));
        let seed = wanted("VOICE_CHAOS_SEED", u64::from(std::process::id()));
        println!("{store}: VOICE_CHAOS_SEED={seed} VOICE_CHAOS_ROUNDS={rounds} VOICE_CHAOS_CALLS={callers}");
        let tenants = Tenants::for_callers(&home, callers);
        Self {
            store,
            home,
            database,
            tenants,
            rounds,
            callers,
            dice: Dice::new(seed),
            told: Calls::new(),
            outages: 0,
            outages_across_kills: 0,
            compared: Compared::default(),
        }
    }

    /// All rounds; then nothing may be lost, doubled or otherwise than it was told.
    pub(crate) async fn run(mut self) {
        for round in 1..=self.rounds {
            let plan = Plan::roll(&mut self.dice, round, self.callers, self.database.manners());
            if let Some(outage) = plan.outage {
                println!("{} round {round}: {outage}", self.store);
            }
            self.round(plan).await;
            if round % ROUNDS_A_CHECK == 0 || round == self.rounds {
                self.check(round).await;
            }
        }
        assert!(self.compared.utterances as u64 >= self.rounds, "{}", self.home.read_log());
        self.compared.assert_equal();
    }

    async fn round(&mut self, plan: Plan) {
        let server = self.database.start_server(&self.home).await;
        let callers: Vec<_> = self.tenants.callers(self.callers, &mut self.dice).collect();
        let mut crowd = Crowd::start(server.address, callers);
        if let Some(outage) = plan.outage {
            self.outage(outage, &mut crowd).await;
        }
        crowd.until_told_more(plan.finals).await;
        for _ in 0..plan.yields {
            tokio::task::yield_now().await;
        }
        server.kill();
        self.told.extend(crowd.told().await);
    }

    async fn outage(&mut self, outage: Outage, crowd: &mut Crowd) {
        self.outages += 1;
        crowd.until_told_more(outage.after).await;
        crowd.database_is_away();
        self.database.go_away(&self.home, outage.manner).await;
        match outage.ends {
            End::AfterFinals(finals) => {
                crowd.until_told_more(finals).await;
                self.database.come_back().await;
                crowd.database_is_back();
            }
            End::AfterTheKill => self.outages_across_kills += 1,
        }
    }

    async fn check(&mut self, round: u64) {
        let server = self.database.start_server(&self.home).await;
        server.until_stored().await;
        assert_eq!(server.metric("voice_journal_lost_total"), Some(0.0), "round {round}");
        server.stop().await;
        let letters = std::fs::read_to_string(self.home.data().join("spool/dead-letters.jsonl")).unwrap_or_default();
        assert_eq!(letters, "", "round {round}: the store refused what it should take");
        self.tenants.assert_no_call_runs(&self.home).await;
        self.tenants.check(&self.home, &mut self.told, &mut self.compared).await;
        let (outages, across) = (self.outages, self.outages_across_kills);
        let store = self.store;
        println!("{store}: {round} rounds and kills, {outages} outages ({across} across the kill); {}", self.compared);
    }
}
