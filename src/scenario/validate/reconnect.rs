//! Policies of reconnecting: settings that belong together and delays that are some.

use super::super::file::{Backoff, PolicyName};
use super::super::words::{Attempts, ReconnectText};
use super::Checks;

const ENDLESS: &str = "without a delay a client tries without end at once";
const OPTIONS: &str = "`reconnectionDelay`, `reconnectionDelayMax`, `randomizationFactor` and `reconnectionAttempts`";

pub(super) fn check(checks: &mut Checks, path: &str, reconnect: Option<&ReconnectText>) {
    let Some(ReconnectText::Backoff(backoff)) = reconnect else { return };
    let policy = backoff.policy.unwrap_or(PolicyName::Exponential);
    check_keys(checks, path, policy, backoff);
    if backoff.attempts == Some(Attempts::Number(0)) || backoff.reconnection_attempts == Some(Attempts::Number(0)) {
        let key = if backoff.attempts.is_some() { "attempts" } else { "reconnectionAttempts" };
        checks.fail("zero", &format!("{path}.{key}"), "no attempt at all", "write `reconnect: never`");
    }
    if policy == PolicyName::SocketIo {
        return; // the library puts its own numbers in the place of zeros
    }
    let has = |key: &str| accepted(policy).contains(&key);
    let (first, max) = (backoff.first.unwrap_or_default(), backoff.max.unwrap_or_default());
    if has("max") && max.is_zero() {
        checks.fail("zero", &format!("{path}.max"), ENDLESS, "write for example `5s`");
    } else if has("first") && first.is_zero() {
        let help = "write for example `1s`, or `reconnect: immediate`";
        checks.fail("zero", &format!("{path}.first"), ENDLESS, help);
    } else if has("max") && first > max {
        let message = format!("the longest delay {max} is below the first one {first}");
        checks.fail("conflict", &format!("{path}.max"), message, "raise `max`");
    }
}

/// The settings that a policy has.
const fn accepted(policy: PolicyName) -> &'static [&'static str] {
    match policy {
        PolicyName::SocketIo => &super::super::fill::OPTIONS_OF_SOCKET_IO,
        PolicyName::PythonSocketIo | PolicyName::Immediate => &["attempts"],
        PolicyName::Fixed => &["first", "jitter", "attempts"],
        PolicyName::Exponential => &["first", "max", "jitter", "attempts"],
        PolicyName::FullJitter | PolicyName::EqualJitter | PolicyName::Decorrelated => &["first", "max", "attempts"],
    }
}

/// As users write it.
const fn name(policy: PolicyName) -> &'static str {
    match policy {
        PolicyName::SocketIo => "socket.io",
        PolicyName::PythonSocketIo => "python-socketio",
        PolicyName::Immediate => "immediate",
        PolicyName::Fixed => "fixed",
        PolicyName::Exponential => "exponential",
        PolicyName::FullJitter => "full-jitter",
        PolicyName::EqualJitter => "equal-jitter",
        PolicyName::Decorrelated => "decorrelated",
    }
}

/// Settings of one policy do nothing in another one.
fn check_keys(checks: &mut Checks, path: &str, policy: PolicyName, backoff: &Backoff) {
    if backoff.fixed.is_some() {
        let help = "write `{fixed: 2s}`, or `{policy: fixed, first: 2s, jitter: 10%}`";
        checks.fail(
            "conflict",
            &format!("{path}.fixed"),
            "`fixed` is a policy by itself, and another one stands here",
            help,
        );
    }
    let given = [
        ("first", backoff.first.is_some()),
        ("max", backoff.max.is_some()),
        ("jitter", backoff.jitter.is_some()),
        ("attempts", backoff.attempts.is_some()),
        ("reconnectionDelay", backoff.reconnection_delay.is_some()),
        ("reconnectionDelayMax", backoff.reconnection_delay_max.is_some()),
        ("randomizationFactor", backoff.randomization_factor.is_some()),
        ("reconnectionAttempts", backoff.reconnection_attempts.is_some()),
    ];
    for (key, _) in given.iter().filter(|(key, given)| *given && !accepted(policy).contains(key)) {
        let (message, help) = match (policy, *key) {
            (PolicyName::SocketIo, _) => (
                format!("the client of Socket.IO has no `{key}`"),
                format!("its settings are {OPTIONS}; `policy: exponential` has `{key}`"),
            ),
            (_, "jitter") => {
                let message = format!("the spread of `{}` is part of the policy", name(policy));
                (message, "remove it; `exponential` and `fixed` have a `jitter`".to_owned())
            }
            (_, "first" | "max") => {
                (format!("`{}` has no `{key}`", name(policy)), "remove it, or choose another policy".to_owned())
            }
            _ => (
                format!("`{key}` is a setting of Socket.IO, not of `{}`", name(policy)),
                "write `policy: socket.io`, or `first`, `max`, `jitter` and `attempts`".to_owned(),
            ),
        };
        checks.fail("conflict", &format!("{path}.{key}"), message, help);
    }
}
