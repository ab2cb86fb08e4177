//! Where clients are: round-trip times, shared addresses, address changes.

use super::{Preset, PresetSet, preset};
use crate::metrics::Grade::{A, C};

const FIXED_RTT: &str =
    "assumption: log-normal, sigma 0.6, median below the 39 ms that most sessions of a large edge network have";
const CELLULAR_RTT: &str = "assumption: log-normal, sigma 0.7, between operator medians of 33 ms and long tails";
const FAR_RTT: &str = "assumption: log-normal, sigma 0.8, for another continent";
const JITTER: &str = "assumption: small against the spread between clients";
const IPV6: &str = "share of Google's users with IPv6, 2024-2026: 42-50 %";
const FIXED_CHANGE: &str = "a fifth of lines renumbered daily, the rest monthly (RIPE Atlas study, IMC 2016), averaged";
const GAP: &str = "assumption: median 2 s, 95th percentile 15 s without network";
const SAME_NETWORK: &str = "assumption; below one half, since almost half of the changes leave the routed prefix";

// sigma 0.6: p95 = median * exp(0.6 * 1.6449)
const FIXED_MS: &str = "{lognormal: {median: 25ms, p95: 67ms}}";
const CELLULAR_MS: &str = "{lognormal: {median: 50ms, p95: 158ms}}";
const FAR_MS: &str = "{lognormal: {median: 80ms, p95: 298ms}}";
const FIXED_EVERY: &str = "{exp: 106h}";
const GAP_LAW: &str = "{lognormal: {median: 2s, p95: 15s}}";

/// Every set of `network`.
pub static NETWORKS: &[PresetSet] = &[
    PresetSet { name: "home", values: HOME },
    PresetSet { name: "fixed", values: FIXED },
    PresetSet { name: "office", values: OFFICE },
    PresetSet { name: "cellular", values: CELLULAR },
    PresetSet { name: "far", values: FAR },
];

const HOME_SHARING: Preset = preset(
    "shared_address",
    "{sizes: {geometric: {mean: 1.2}}}",
    C,
    "assumption: a tenth of home lines has several active hosts (DSL study, PAM 2011), few on the same service",
);

static HOME: &[Preset] = &[
    preset("rtt", FIXED_MS, C, FIXED_RTT),
    preset("jitter", "0.15", C, JITTER),
    preset("ipv6", "45%", A, IPV6),
    HOME_SHARING,
    preset("address_change.every", FIXED_EVERY, A, FIXED_CHANGE),
    preset("address_change.gap", GAP_LAW, C, GAP),
    preset("address_change.same_network", "20%", C, SAME_NETWORK),
];

static FIXED: &[Preset] = &[
    preset("rtt", FIXED_MS, C, FIXED_RTT),
    preset("jitter", "0.15", C, JITTER),
    preset("ipv6", "45%", A, IPV6),
    preset("shared_address", "{sizes: 1}", C, "by definition of this preset: a public address for each client"),
    preset("address_change.every", FIXED_EVERY, A, FIXED_CHANGE),
    preset("address_change.gap", GAP_LAW, C, GAP),
    preset("address_change.same_network", "20%", C, SAME_NETWORK),
];

static OFFICE: &[Preset] = &[
    preset("rtt", FIXED_MS, C, FIXED_RTT),
    preset("jitter", "0.15", C, JITTER),
    preset("ipv6", "10%", C, "assumption: enterprise networks lag behind the public share"),
    preset(
        "shared_address",
        "{sizes: {lognormal: {median: 40, cv: 1.5}}}",
        C,
        "assumption: no distribution of users per office address is published",
    ),
    preset("address_change.every", FIXED_EVERY, A, FIXED_CHANGE),
    preset("address_change.gap", GAP_LAW, C, GAP),
    preset("address_change.same_network", "20%", C, SAME_NETWORK),
];

static CELLULAR: &[Preset] = &[
    preset("rtt", CELLULAR_MS, C, CELLULAR_RTT),
    preset("jitter", "0.15", C, JITTER),
    preset("ipv6", "45%", A, IPV6),
    preset(
        "shared_address",
        "{sizes: {lognormal: {median: 20, cv: 1.5}}}",
        C,
        "assumption: carrier NAT has hundreds of subscribers per address, few of them on the same service at once",
    ),
    preset("address_change.every", "{exp: 1h}", C, "assumption; reports range from 0.1 to 6 per hour"),
    preset("address_change.gap", GAP_LAW, C, GAP),
    preset("address_change.same_network", "20%", C, SAME_NETWORK),
];

static FAR: &[Preset] = &[
    preset("rtt", FAR_MS, C, FAR_RTT),
    preset("jitter", "0.15", C, JITTER),
    preset("ipv6", "45%", A, IPV6),
    HOME_SHARING,
    preset("address_change.every", FIXED_EVERY, A, FIXED_CHANGE),
    preset("address_change.gap", GAP_LAW, C, GAP),
    preset("address_change.same_network", "20%", C, SAME_NETWORK),
];
