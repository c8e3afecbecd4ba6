//! The server is killed with -9 while callers talk, again and again on the same directory: whatever a caller was told as
//! final is in the store, word for word, once.
//!
//! `VOICE_CHAOS_ROUNDS` and `VOICE_CHAOS_CALLS` make it as long as one likes, `VOICE_CHAOS_SEED` repeats a run.

mod persist_support;

use persist_support::caller::Crowd;
use persist_support::process::Home;
use persist_support::tenants::Tenants;
use persist_support::told::Calls;
use persist_support::{Dice, wanted};

/// After so many rounds what was told is compared with what is stored.
const ROUNDS_A_CHECK: u64 = 25;

#[tokio::test]
async fn what_was_told_as_final_survives_a_server_that_is_killed_at_any_moment() {
    let (rounds, callers) = (wanted("VOICE_CHAOS_ROUNDS", 4), wanted("VOICE_CHAOS_CALLS", 16));
    let seed = wanted("VOICE_CHAOS_SEED", u64::from(std::process::id()));
    println!("VOICE_CHAOS_SEED={seed} VOICE_CHAOS_ROUNDS={rounds} VOICE_CHAOS_CALLS={callers}");
    let (home, mut dice) = (Home::new(), Dice::new(seed));
    let tenants = Tenants::for_callers(&home, callers);
    let (mut told, mut finals) = (Calls::new(), 0);
    for round in 1..=rounds {
        let server = home.start();
        let wanted = 1 + dice.roll(callers * 4);
        let callers: Vec<_> = (0..callers).map(|caller| (tenants.token(caller), dice.roll(u64::MAX))).collect();
        let crowd = Crowd::start(server.address, callers.into_iter(), wanted);
        crowd.until_told().await;
        server.kill();
        let told_now = crowd.told().await;
        finals += told_now.values().map(|told| told.finals.len()).sum::<usize>();
        told.extend(told_now);
        if round % ROUNDS_A_CHECK == 0 || round == rounds {
            let server = home.start();
            server.until_stored().await;
            server.stop().await;
            tenants.check(&home, &mut told).await;
            println!("{round} rounds, {finals} finals told, all of them stored once");
        }
    }
    assert!(finals as u64 >= rounds, "{}", home.read_log());
}
