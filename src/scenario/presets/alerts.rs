//! The built-in alerting rules: those that operators of such clusters run, with their thresholds.

use super::{Preset, PresetSet, preset};
use crate::metrics::Grade::{B, C};

const SOCIAL: &str = "alert of a messaging cluster: more than 10 reconnects/s for 1 min";
const SOCIAL_SESSIONS: &str = "alert of a messaging cluster: p99 of the session length over 1 h";
const VOICE_LOAD: &str =
    "alert of a voice service: load varies by more than 30 %; here the fullest pod against the mean";
const VOICE_STICKINESS: &str = "alert of a voice service: stickiness failures above 5 %";
const VOICE_SILENT: &str = "alert of a voice service: an instance without a request for 5 min";
const AT_ONCE: &str = "nothing said: it fires at once";

/// By the name that a rule is called by.
pub static ALERTS: &[PresetSet] = &[
    rule("reconnect-surge", &[preset("when", "reconnects_per_s > 10/s", B, SOCIAL), preset("for", "1m", B, SOCIAL)]),
    rule(
        "long-sessions",
        &[preset("when", "session_p99_ms > 1h", B, SOCIAL_SESSIONS), preset("for", "0s", C, AT_ONCE)],
    ),
    rule("uneven-load", &[preset("when", "max_over_mean > 1.3", B, VOICE_LOAD), preset("for", "0s", C, AT_ONCE)]),
    rule(
        "stickiness-failures",
        &[preset("when", "moved_share > 5%", B, VOICE_STICKINESS), preset("for", "0s", C, AT_ONCE)],
    ),
    rule(
        "silent-instance",
        &[preset("when", "pod.requests_per_s == 0", B, VOICE_SILENT), preset("for", "5m", B, VOICE_SILENT)],
    ),
];

const fn rule(name: &'static str, values: &'static [Preset]) -> PresetSet {
    PresetSet { name, values }
}
