//! Prices.

use super::super::file::ScenarioFile;
use super::Checks;
use crate::scenario::typed::Found;

/// Highest price: what is more is a slip, and sums must stay finite.
const MAX_PRICE: f64 = 1e9;

pub(super) fn check(checks: &mut Checks, file: &ScenarioFile) {
    let Some(prices) = &file.prices else { return };
    let price = prices.pod_hour.value();
    if price > MAX_PRICE {
        let message = format!("{price} for a pod and hour is more than {MAX_PRICE:.0e}");
        checks.fail("too-large", "prices.pod_hour", message, "write what one pod costs per hour, such as `0.048`");
    }
    if let Some(currency) = &prices.currency
        && (currency.len() != 3 || !currency.bytes().all(|b| b.is_ascii_uppercase()))
    {
        let message = format!("`{currency}` is no code of a currency");
        checks.fail("bad-name", "prices.currency", message, "write three capital letters, such as `EUR`");
    }
}

/// A comparison has one currency: whether a variant has that of the base.
pub fn check_currency(base: &ScenarioFile, variant: &ScenarioFile) -> Vec<Found> {
    let currency = |file: &ScenarioFile| file.prices.as_ref().and_then(|prices| prices.currency.clone());
    let mut checks = Checks::default();
    if variant.prices.is_some() && base.prices.is_some() && currency(base) != currency(variant) {
        let message = "a variant cannot have another currency: nothing is converted";
        checks.fail("not-in-variant", "prices.currency", message, "write its prices in the currency of the scenario");
    }
    checks.list
}
