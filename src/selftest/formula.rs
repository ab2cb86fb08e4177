//! Closed forms of queueing theory. Loads are shares of the capacity; waits are in units of the mean service time.

/// Erlang's B: the share of sessions that find all `servers` places taken, `load` being their mean number without a limit.
pub fn erlang_b(load: f64, servers: u32) -> f64 {
    (1..=servers).fold(1.0, |b, k| load * b / (f64::from(k) + load * b))
}

/// Mean wait in M/M/c, by Erlang's C.
pub fn mmc_wait(load: f64, servers: u32) -> f64 {
    let c = f64::from(servers);
    let b = erlang_b(load * c, servers);
    let waits = b / (1.0 - load * (1.0 - b));
    waits / (c * (1.0 - load))
}

/// Mean wait in M/G/1 with this squared coefficient of variation of services (Pollaczek and Khinchine).
pub fn mg1_wait(load: f64, cv2: f64) -> f64 {
    load * (1.0 + cv2) / (2.0 * (1.0 - load))
}

/// Mean response of a queue of exponential services that gets every n-th of Poisson arrivals (E_n/M/1).
pub fn every_nth_response(load: f64, n: u32) -> f64 {
    let rate = f64::from(n) * load;
    // σ is the root below 1 of σ = (nρ/(nρ + 1 − σ))ⁿ, to which this converges from 0
    let mut sigma = 0.0;
    for _ in 0..10_000 {
        sigma = power(rate / (rate + 1.0 - sigma), n);
    }
    1.0 / (1.0 - sigma)
}

/// Variance over mean of the sessions on one of `n` pods that get `offered` each in turn (Takács, GI/M/∞).
pub fn turns_dispersion(offered: f64, n: u32) -> f64 {
    let total = offered * f64::from(n);
    1.0 / (1.0 - power(total / (total + 1.0), n)) - offered
}

/// xⁿ.
pub fn power(x: f64, n: u32) -> f64 {
    libm::pow(x, f64::from(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_forms_give_the_values_of_the_oracles() {
        for (ours, theirs) in [
            (erlang_b(8.0, 10), 0.1216611),
            (erlang_b(95.0, 100), 0.04880421),
            (mmc_wait(0.8, 1), 4.0),
            (mmc_wait(0.8, 3), 1.078652),
            (mmc_wait(0.95, 100), 0.1012914),
            (mg1_wait(0.8, 0.0), 2.0),
            (mg1_wait(0.5, 4.0), 2.5),
            (every_nth_response(0.8, 2), 3.84398),
            (every_nth_response(0.8, 10), 2.922269),
            (turns_dispersion(150.0, 4), 0.6255204),
            (turns_dispersion(600.0, 10), 0.5501375),
        ] {
            assert!((ours / theirs - 1.0).abs() < 1e-6, "{ours}, oracle {theirs}");
        }
    }
}
