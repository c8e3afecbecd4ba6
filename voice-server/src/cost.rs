//! What a call cost: its use of engines times the operator's prices.
//!
//! Invariant: pure, and exact. Vendors price by the minute, the million tokens and the thousand characters; calls use
//! milliseconds, tokens and characters. Prices are whole billionths of the currency's unit, and all three divisors
//! divide three million, so every product is a whole number of three-millionths of a billionth. Such numbers are added
//! as integers, and only what is shown is rounded, once, to a billionth.

use crate::call::names;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use std::collections::BTreeMap;
use std::fmt;
use voice_core::session::{Cost, EngineUse};
use voice_core::transport::native::{CostReport, EngineCost, Usage};

/// Decimals of a price.
const DECIMALS: usize = 9;
/// Billionths of a unit.
const NANOS: u64 = 1_000_000_000;
/// The highest price, in units: whatever is above is a slip of the keyboard.
const MAX_UNITS: u64 = 1_000_000;

/// The smallest number that a minute of milliseconds, a million tokens and a thousand characters all divide.
const PARTS: u128 = 3_000_000;
const PER_MS: u128 = PARTS / 60_000;
const PER_TOKEN: u128 = PARTS / 1_000_000;
const PER_CHARACTER: u128 = PARTS / 1_000;

/// What the engines cost.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Prices {
    /// What all prices are in, by ISO 4217.
    #[serde(deserialize_with = "read_currency")]
    pub currency: String,
    /// By the engines' names, as the log and the calls' costs show them.
    #[serde(flatten)]
    pub engines: BTreeMap<String, EnginePrices>,
}

fn read_currency<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let word = String::deserialize(deserializer)?;
    let is_code = word.len() == 3 && word.bytes().all(|letter| letter.is_ascii_uppercase());
    if is_code { Ok(word) } else { Err(de::Error::custom("write the currency as three capital letters, as in USD")) }
}

impl Default for Prices {
    fn default() -> Self {
        Self { currency: "USD".into(), engines: BTreeMap::new() }
    }
}

/// What one engine costs. A price that is not given is not charged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EnginePrices {
    /// A minute of audio listened to.
    pub audio_minute: Option<Price>,
    /// A million tokens read.
    pub input_mtok: Option<Price>,
    /// A million tokens read from the model's cache; as `input_mtok` where it is not given.
    pub cached_mtok: Option<Price>,
    /// A million tokens written.
    pub output_mtok: Option<Price>,
    /// A thousand characters spoken.
    pub characters_k: Option<Price>,
}

/// A price in billionths of the currency's unit. In TOML a number or, as text, a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Price(u64);

/// An amount of money in three-millionths of a billionth of the currency's unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Amount(u128);

impl Amount {
    fn of(count: u64, price: Option<Price>, parts: u128) -> Self {
        let price = price.unwrap_or_default();
        Self(u128::from(count).saturating_mul(u128::from(price.0)).saturating_mul(parts))
    }

    fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Rounded to billionths of the unit, half up.
    pub(crate) fn nanos(self) -> u128 {
        self.0.saturating_add(PARTS / 2) / PARTS
    }

    /// Rounded to millionths of the unit, half up.
    pub(crate) fn micros(self) -> u128 {
        self.0.saturating_add(PARTS * 500) / (PARTS * 1_000)
    }
}

/// A decimal number with two to nine decimals.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (units, nanos) = (self.nanos() / u128::from(NANOS), self.nanos() % u128::from(NANOS));
        let decimals = format!("{nanos:09}");
        let shown = decimals.trim_end_matches('0').len().max(2);
        write!(f, "{units}.{decimals:.shown$}")
    }
}

/// What a call cost at one engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Charge {
    pub(crate) all: Amount,
    pub(crate) discarded: Amount,
}

impl EnginePrices {
    fn charge(&self, used: &EngineUse) -> Charge {
        Charge { all: self.amount(&usage_of(used)), discarded: self.amount(&discarded_of(used)) }
    }

    fn amount(&self, used: &Usage) -> Amount {
        let cached = used.cached_tokens.min(used.input_tokens);
        Amount::of(used.audio_ms, self.audio_minute, PER_MS)
            .plus(Amount::of(used.input_tokens - cached, self.input_mtok, PER_TOKEN))
            .plus(Amount::of(cached, self.cached_mtok.or(self.input_mtok), PER_TOKEN))
            .plus(Amount::of(used.output_tokens, self.output_mtok, PER_TOKEN))
            .plus(Amount::of(used.characters, self.characters_k, PER_CHARACTER))
    }
}

impl Prices {
    /// What `cost` is worth. Pure.
    pub(crate) fn bill(&self, cost: &Cost) -> CostReport {
        let total = self.total(cost);
        CostReport {
            currency: total.is_some().then(|| self.currency.clone()),
            total: total.map(|total| total.to_string()),
            engines: cost.engines.iter().map(|used| engine_cost(used, self.charge(used))).collect(),
        }
    }

    /// What all of `cost` is worth; none where no price is known.
    pub(crate) fn total(&self, cost: &Cost) -> Option<Amount> {
        cost.engines.iter().filter_map(|used| self.charge(used)).map(|charge| charge.all).reduce(Amount::plus)
    }

    /// What one engine's use is worth; none where it has no price.
    pub(crate) fn charge(&self, used: &EngineUse) -> Option<Charge> {
        self.engines.get(&used.engine).map(|prices| prices.charge(used))
    }
}

fn engine_cost(used: &EngineUse, charge: Option<Charge>) -> EngineCost {
    EngineCost {
        stage: names::stage(used.stage).into(),
        engine: used.engine.clone(),
        used: usage_of(used),
        discarded: discarded_of(used),
        unreported_generations: used.unreported_generations,
        unreported_deltas: used.unreported_deltas,
        discarded_deltas: used.discarded.llm_deltas,
        amount: charge.map(|charge| charge.all.to_string()),
        discarded_amount: charge.map(|charge| charge.discarded.to_string()),
    }
}

fn usage_of(used: &EngineUse) -> Usage {
    Usage {
        audio_ms: used.audio_ms,
        generations: used.generations,
        input_tokens: used.tokens.input_tokens,
        cached_tokens: used.tokens.cached_tokens,
        output_tokens: used.tokens.output_tokens,
        characters: used.characters,
    }
}

fn discarded_of(used: &EngineUse) -> Usage {
    let discarded = &used.discarded;
    Usage {
        audio_ms: 0,
        generations: discarded.generations,
        input_tokens: discarded.tokens.input_tokens,
        cached_tokens: discarded.tokens.cached_tokens,
        output_tokens: discarded.tokens.output_tokens,
        characters: discarded.characters,
    }
}

/// Reads a price from its decimal digits, without going through binary fractions.
fn parse_price(text: &str) -> Option<Price> {
    let (units, decimals) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if units.is_empty() || !is_number(units) || !is_number(decimals) || decimals.len() > DECIMALS {
        return None;
    }
    let units: u64 = units.parse().ok().filter(|units| *units <= MAX_UNITS)?;
    let nanos: u64 = format!("{decimals:0<DECIMALS$}").parse().ok()?;
    Some(Price(units * NANOS + nanos))
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PriceVisitor)
    }
}

struct PriceVisitor;

impl Visitor<'_> for PriceVisitor {
    type Value = Price;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a price from 0 to {MAX_UNITS} with at most {DECIMALS} decimals, such as 0.0025")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Price, E> {
        parse_price(text.trim()).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }

    /// The shortest decimal number that means the same binary one, which is what the operator wrote.
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Price, E> {
        parse_price(&value.to_string()).ok_or_else(|| E::invalid_value(de::Unexpected::Float(value), &self))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Price, E> {
        parse_price(&value.to_string()).ok_or_else(|| E::invalid_value(de::Unexpected::Signed(value), &self))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Price, E> {
        parse_price(&value.to_string()).ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(value), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use voice_core::session::{DiscardedUse, Stage};
    use voice_core::stage::TokenUsage;

    fn prices(toml: &str) -> Result<Prices, String> {
        toml::from_str(toml).map_err(|error| error.to_string())
    }

    fn used(stage: Stage, engine: &str) -> EngineUse {
        EngineUse {
            stage,
            engine: engine.into(),
            audio_ms: 0,
            generations: 0,
            tokens: TokenUsage::default(),
            deltas: 0,
            unreported_generations: 0,
            unreported_deltas: 0,
            characters: 0,
            discarded: DiscardedUse::default(),
        }
    }

    fn tokens(input_tokens: u64, cached_tokens: u64, output_tokens: u64) -> TokenUsage {
        TokenUsage { input_tokens, cached_tokens, output_tokens }
    }

    #[test]
    fn a_currency_is_three_capital_letters_as_every_store_wants_it() {
        assert_eq!(prices("currency = \"EUR\"").unwrap().currency, "EUR");
        assert_eq!(prices("").unwrap().currency, "USD");
        for wrong in ["eur", "\u{20ac}", "EURO", ""] {
            let error = prices(&format!("currency = {wrong:?}")).unwrap_err();
            assert!(error.contains("three capital letters"), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_call_is_billed_by_engine_and_discarded_speculation_apart() {
        let prices = prices(
            "[ears]\naudio_minute = 0.006\n[brain]\ninput_mtok = 1\ncached_mtok = \"0.1\"\noutput_mtok = 4.0\n\
             [voice]\ncharacters_k = 0.05\n",
        )
        .unwrap();
        let ears = EngineUse { audio_ms: 90_000, ..used(Stage::Stt, "ears") };
        let discarded = DiscardedUse { generations: 1, tokens: tokens(400, 0, 10), llm_deltas: 14, characters: 20 };
        let brain =
            EngineUse { generations: 3, tokens: tokens(1_000, 600, 50), discarded, ..used(Stage::Llm, "brain") };
        let voice = EngineUse { characters: 321, ..used(Stage::Tts, "voice") };
        let free = EngineUse { characters: 5, ..used(Stage::Tts, "local") };
        let cost = Cost { engines: vec![ears, brain, voice, free] };
        let bill = prices.bill(&cost);
        let amounts: Vec<_> = bill.engines.iter().map(|engine| engine.amount.as_deref()).collect();
        assert_eq!(amounts, [Some("0.009"), Some("0.00066"), Some("0.01605"), None]);
        assert_eq!((bill.currency.as_deref(), bill.total.as_deref()), (Some("USD"), Some("0.02571")));
        assert_eq!(prices.total(&cost).map(Amount::micros), Some(25_710));
        assert_eq!(bill.engines[1].discarded_amount.as_deref(), Some("0.00044"));
        assert_eq!((bill.engines[1].discarded.generations, bill.engines[1].discarded_deltas), (1, 14));
    }

    #[test]
    fn without_prices_there_is_use_and_no_amount() {
        let bill = Prices::default().bill(&Cost { engines: vec![used(Stage::Stt, "ears")] });
        assert_eq!((bill.currency, bill.total, bill.engines[0].amount.clone()), (None, None, None));
    }

    #[test]
    fn cached_tokens_cost_as_others_where_no_price_says_otherwise() {
        let prices = EnginePrices { input_mtok: parse_price("2"), ..EnginePrices::default() };
        let read = |input_tokens, cached_tokens| Usage { input_tokens, cached_tokens, ..Usage::default() };
        assert_eq!(prices.amount(&read(1_000, 900)), prices.amount(&read(1_000, 0)));
        assert_eq!(prices.amount(&read(10, 99)), prices.amount(&read(10, 10)), "more cached than read");
    }

    #[test]
    fn a_price_is_read_as_it_is_written() {
        for (text, nanos) in
            [("0.1", 100_000_000), ("3", 3_000_000_000), ("0.000000001", 1), ("1000000", 1_000_000_000_000_000)]
        {
            for toml in [format!("[x]\ninput_mtok = {text}\n"), format!("[x]\ninput_mtok = \"{text}\"\n")] {
                assert_eq!(prices(&toml).unwrap().engines["x"].input_mtok, Some(Price(nanos)), "{toml}");
            }
        }
        for wrong in ["-1", "0.0000000001", "1000001", "nan", "inf", "\"\"", "\".5\"", "\"1e3\"", "\"1,5\"", "true"] {
            let said = prices(&format!("[x]\ninput_mtok = {wrong}\n")).unwrap_err();
            assert!(said.contains("a price from 0"), "{wrong}: {said}");
        }
        assert!(prices("[x]\ninput_mtoks = 1\n").unwrap_err().contains("input_mtoks"));
    }

    #[test]
    fn the_largest_numbers_are_a_large_amount_and_no_overflow() {
        let dear = parse_price("1000000");
        let prices = EnginePrices {
            audio_minute: dear,
            input_mtok: dear,
            cached_mtok: None,
            output_mtok: dear,
            characters_k: dear,
        };
        let most = Usage {
            audio_ms: u64::MAX,
            generations: 1,
            input_tokens: u64::MAX,
            cached_tokens: u64::MAX,
            output_tokens: u64::MAX,
            characters: u64::MAX,
        };
        let amount = prices.amount(&most);
        assert!(amount > prices.amount(&Usage { characters: 0, ..most }) && !amount.to_string().is_empty());
    }

    proptest! {
        /// Many small uses cost exactly what one use of their sum does: nothing is rounded on the way.
        #[test]
        fn adding_up_loses_nothing(uses in prop::collection::vec((0_u64..10_000_000, 0_u64..10_000), 0..50), price in 0_u64..10_000_000_000) {
            let price = Some(Price(price));
            let prices = EnginePrices { audio_minute: price, output_mtok: price, characters_k: price, ..EnginePrices::default() };
            let usage = |(audio_ms, count)| Usage { audio_ms, output_tokens: count, characters: count, ..Usage::default() };
            let whole = uses.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
            let sum = uses.iter().fold(Amount::default(), |sum, &one| sum.plus(prices.amount(&usage(one))));
            prop_assert_eq!(sum, prices.amount(&usage(whole)));
        }

        #[test]
        fn what_is_shown_is_the_nearest_billionth(parts in 0_u128..1 << 90) {
            let shown = Amount(parts).to_string();
            let back = parse_decimal_nanos(&shown);
            prop_assert!((back * PARTS).abs_diff(parts) * 2 <= PARTS, "{} {}", parts, shown);
        }
    }

    fn parse_decimal_nanos(text: &str) -> u128 {
        let (units, decimals) = text.split_once('.').unwrap();
        assert!(decimals.len() >= 2 && decimals.len() <= 9, "{text}");
        units.parse::<u128>().unwrap() * u128::from(NANOS) + format!("{decimals:0<9}").parse::<u128>().unwrap()
    }
}
