//! What calls add up to.

use super::made::{self, Placed, answered, placed_at};
use super::{Bench, at};
use std::time::Duration;
use time::{Date, Month, OffsetDateTime, Time};
use voice_server::Principal;
use voice_server::store::{
    Analytics, CallEnd, CampaignFields, CampaignStatus, Dashboard, DayCount, Entry, LeadFields, LeadStatus, Period,
};

fn noon(month: Month, day: u8) -> OffsetDateTime {
    Date::from_calendar_date(2026, month, day).unwrap().with_time(Time::from_hms(12, 0, 0).unwrap()).assume_utc()
}

fn ended(call: Placed, end: CallEnd) -> [Entry; 2] {
    [call.start(), Entry::CallEnd(Box::new(end))]
}

fn lasting(call: Placed, duration_ms: i64) -> [Entry; 2] {
    ended(call, CallEnd { duration_ms, ..call.ending() })
}

pub(crate) async fn talk_time_counts_what_ran_since_and_what_runs(bench: Bench) {
    let who = bench.member().await;
    let talk =
        async |since, now| bench.talk_time(who.tenant(), at(since), at(now), Duration::from_secs(45)).await.unwrap();
    assert_eq!(talk(0, 100).await, Duration::ZERO);
    bench.write(&lasting(placed_at(who, -1), 7_000)).await.unwrap();
    bench.write(&lasting(placed_at(who, 0), 11_001)).await.unwrap();
    bench.write(&lasting(placed_at(who, 50), 13_000)).await.unwrap();
    bench.write(&[placed_at(who, 60).start()]).await.unwrap();
    assert_eq!(talk(0, 100).await, Duration::from_millis(11_001 + 13_000 + 40_000));
    assert_eq!(talk(-1, 60).await, Duration::from_millis(7_000 + 11_001 + 13_000));
    // One that its server left when it died.
    assert_eq!(talk(0, 1_000_000).await, Duration::from_millis(11_001 + 13_000 + 45_000));
    // A clock that was set back makes no call shorter than nothing.
    assert_eq!(talk(0, 10).await, Duration::from_millis(11_001 + 13_000));
    assert_eq!(talk(61, 100).await, Duration::ZERO);
}

pub(crate) async fn the_dashboard_tells_today_and_this_month(bench: Bench) {
    let who = bench.member().await;
    let now = noon(Month::May, 20);
    let day = time::Duration::DAY;
    for (started_at, duration_ms) in [
        (now - time::Duration::hours(12), 1_000),
        (now - time::Duration::hours(12) - time::Duration::SECOND, 2_000),
        (noon(Month::May, 1) - day / 2, 4_000),
        (noon(Month::May, 1) - day / 2 - time::Duration::SECOND, 8_000),
    ] {
        bench.write(&lasting(Placed::by(who, started_at), duration_ms)).await.unwrap();
    }
    bench.write(&[Placed::by(who, now - time::Duration::minutes(1)).start()]).await.unwrap();
    bench.create_client(&who, &made::client("Ada")).await.unwrap();
    let active = CampaignFields { status: CampaignStatus::Active, ..made::campaign("Spring") };
    let campaign = bench.create_campaign(&who, &active).await.unwrap().id;
    bench.create_campaign(&who, &made::campaign("Summer")).await.unwrap();
    for (phone, status) in [("+4930123", LeadStatus::New), ("+4930124", LeadStatus::New), ("+4930125", LeadStatus::Won)]
    {
        bench.create_lead(&who, &LeadFields { status, ..made::lead(campaign, phone) }).await.unwrap();
    }
    let plan = bench.me(&who).await.unwrap().plan;
    let expected = Dashboard {
        active_calls: 1,
        calls_today: 2,
        talk_month_ms: 1_000 + 2_000 + 4_000 + 60_000,
        max_call_minutes: plan.max_call_minutes,
        clients: 1,
        active_campaigns: 1,
        new_leads: 2,
    };
    assert_eq!(bench.dashboard(&who, now, Duration::MAX).await.unwrap(), expected);
    let short = Dashboard { talk_month_ms: 1_000 + 2_000 + 4_000 + 45_000, ..expected.clone() };
    assert_eq!(bench.dashboard(&who, now, Duration::from_secs(45)).await.unwrap(), short, "one that was lost");
    // The same instant, told elsewhere, is of the same day.
    let tokyo = time::UtcOffset::from_hms(13, 0, 0).unwrap();
    assert_eq!(bench.dashboard(&who, now.to_offset(tokyo), Duration::MAX).await.unwrap(), expected);
}

async fn of_may(bench: &Bench, who: &Principal) -> Analytics {
    let day = time::Duration::DAY;
    let period = Period { from: noon(Month::May, 1) - day / 2, to: noon(Month::June, 1) - day / 2 };
    bench.analytics(who, period).await.unwrap()
}

pub(crate) async fn analytics_add_up_a_period(bench: Bench) {
    let who = bench.member().await;
    let midnight = time::Duration::hours(12);
    let calls = [
        (noon(Month::May, 1) - midnight, [500.0, 100.0].as_slice()),
        (noon(Month::May, 1), &[300.0]),
        (noon(Month::May, 31), &[200.0, 400.0]),
        // Before the period, and just after it.
        (noon(Month::May, 1) - midnight - time::Duration::MICROSECOND, &[1.0]),
        (noon(Month::June, 1) - midnight, &[10_000.0]),
    ];
    for (started_at, voice_to_voice_ms) in calls {
        let call = Placed::by(who, started_at);
        bench.write(&answered(call, voice_to_voice_ms)).await.unwrap();
        bench.write(&[call.end()]).await.unwrap();
    }
    // One that runs counts; how long it lasts is not known yet.
    bench.write(&[Placed::by(who, noon(Month::May, 31)).start()]).await.unwrap();
    let day = |day, calls, talk_ms| DayCount {
        day: Date::from_calendar_date(2026, Month::May, day).unwrap(),
        calls,
        talk_ms,
    };
    let found = of_may(&bench, &who).await;
    assert_eq!(found.days, [day(1, 2, 120_000), day(31, 2, 60_000)]);
    assert_eq!((found.calls, found.talk_ms, found.turns), (4, 180_000, 12));
    assert_eq!(found.voice_to_voice_p50_ms, Some(300.0));
    let p95 = found.voice_to_voice_p95_ms.unwrap();
    assert!((p95 - 480.0).abs() < 1e-6, "{p95}");
    assert!((found.barge_in_rate - 3.0 / 12.0).abs() < 1e-9 && (found.resume_rate - 6.0 / 12.0).abs() < 1e-9);
    assert_eq!((found.cost_micros, found.currency.as_deref()), (Some(93_000), Some("EUR")));
}

pub(crate) async fn analytics_of_nothing_are_zero(bench: Bench) {
    let who = bench.member().await;
    assert_eq!(of_may(&bench, &who).await, Analytics::default());
    // A call without a reply, a price and an end.
    bench.write(&[Placed::by(who, noon(Month::May, 2)).start()]).await.unwrap();
    let found = of_may(&bench, &who).await;
    assert_eq!((found.calls, found.talk_ms, found.turns, found.cost_micros), (1, 0, 0, None));
    assert_eq!((found.voice_to_voice_p50_ms, found.voice_to_voice_p95_ms, found.currency), (None, None, None));
    assert_eq!((found.barge_in_rate, found.resume_rate), (0.0, 0.0));
}

pub(crate) async fn costs_in_two_currencies_are_not_added_up(bench: Bench) {
    let who = bench.member().await;
    for (n, (cost_micros, currency)) in
        [(Some(5), Some("EUR")), (None, None), (Some(7), Some("EUR"))].iter().enumerate()
    {
        let call = Placed::by(who, noon(Month::May, 2 + u8::try_from(n).unwrap()));
        let end = CallEnd { cost_micros: *cost_micros, currency: currency.map(Into::into), ..call.ending() };
        bench.write(&ended(call, end)).await.unwrap();
    }
    let found = of_may(&bench, &who).await;
    assert_eq!((found.cost_micros, found.currency.as_deref()), (Some(12), Some("EUR")));
    let call = Placed::by(who, noon(Month::May, 9));
    bench.write(&ended(call, CallEnd { currency: Some("USD".into()), ..call.ending() })).await.unwrap();
    let found = of_may(&bench, &who).await;
    assert_eq!((found.cost_micros, found.currency), (None, None));
}
