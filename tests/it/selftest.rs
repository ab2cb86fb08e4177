//! The self-test: what is wrong turns a row red, what is right does not, and the same bytes on any number of threads.

use stickysim::cluster::balancer::BalancerSpec;
use stickysim::cluster::spec::ClusterSpec;
use stickysim::engine::Law;
use stickysim::selftest::{Oracle, Row, SEED, Selftest, oracles, run, text};
use stickysim::study::Options;

use crate::support::seconds;

/// Runs these oracles as rows of the whole table, each after this change of its cluster.
fn rows_of(ids: &[&str], threads: usize, change: &dyn Fn(&mut ClusterSpec)) -> Selftest {
    let all = oracles();
    let family = all.len();
    let chosen: Vec<Oracle> =
        all.into_iter().filter(|oracle| ids.contains(&oracle.id)).map(|oracle| oracle.with_spec(change)).collect();
    assert_eq!(chosen.len(), ids.len(), "{ids:?}");
    let options = Options { variants: false, threads: Some(threads), progress: &|_| Ok(()) };
    run(&chosen, family, SEED, &options).unwrap_or_else(|error| panic!("{error}"))
}

fn show(row: &Row) {
    let measured = row.measured.map_or(f64::NAN, |measured| measured.mean);
    println!("{}: {measured:.6}, theory {:.6}, z {:.1}, agrees {}", row.id, row.theory, row.z, row.agrees);
}

/// A mutant must turn each of these rows red; as it stands the program must leave them green.
fn kills(ids: &[&str], mutant: &dyn Fn(&mut ClusterSpec)) {
    for row in rows_of(ids, 2, &|_| {}).rows {
        show(&row);
        assert!(row.agrees, "{}: nothing was changed", row.id);
    }
    let mutated = rows_of(ids, 2, mutant);
    mutated.rows.iter().for_each(show);
    let survived: Vec<&str> = mutated.rows.iter().filter(|row| row.agrees).map(|row| row.id).collect();
    assert!(survived.is_empty(), "these rows did not see the mutant: {survived:?}");
    assert!(!mutated.passed);
}

#[test]
fn one_per_cent_more_load_is_seen() {
    kills(&["arrivals", "utilisation"], &|spec| {
        for traffic in &mut spec.traffic {
            let Law::Exponential { mean } = traffic.every else { panic!("Poisson arrivals") };
            traffic.every = Law::exponential(mean / 1.01);
        }
    });
}

#[test]
fn five_per_cent_more_variation_of_work_is_seen() {
    // the mean stays: what waits shows the second moment (Pollaczek–Khinchine), what does not wait the tail itself
    kills(&["lognormal-wait", "unqueued-p95"], &|spec| {
        for traffic in &mut spec.traffic {
            traffic.action =
                stickysim::cluster::spec::TrafficAction::Api { work: Law::log_normal_mean_cv(seconds(0.01), 1.05) };
        }
    });
}

#[test]
fn a_limit_that_is_off_by_one_is_seen() {
    kills(&["erlang-b", "erlang-b-lognormal"], &|spec| {
        spec.pods.max_connections = spec.pods.max_connections.map(|most| most + 1);
    });
    kills(&["erlang-b"], &|spec| spec.pods.max_connections = spec.pods.max_connections.map(|most| most - 1));
    kills(&["mm3-wait-0.8", "mm10-wait-0.8"], &|spec| {
        spec.pods.workers += 1;
        spec.pods.cpu += 1.0;
    });
}

#[test]
fn ties_that_always_go_to_the_first_are_seen() {
    // a weight one in a thousand higher decides when as many are connected, and never else
    kills(&["least-conn-ties"], &|spec| {
        let BalancerSpec::Nginx(nginx) = &mut spec.balancers[0] else { panic!("nginx") };
        nginx.servers = ["weight=1000", "weight=999"].iter().map(|line| line.parse().expect("a line")).collect();
    });
}

#[test]
fn a_measurement_of_nothing_is_no_agreement() {
    let nothing = rows_of(&["mm1-p99"], 1, &|spec| spec.traffic.clear());
    assert!(!nothing.passed && !nothing.rows[0].agrees);
    assert_eq!(nothing.rows[0].measured, None);
}

#[test]
fn threads_and_neighbours_change_no_byte() {
    let ids = ["ks-exponential", "erlang-b", "probe-5", "rooms", "scale-out"];
    let [one, two] = [1, 2].map(|threads| rows_of(&ids, threads, &|_| {}));
    assert_eq!(text::table(&one), text::table(&two));
    assert_eq!(text::json(&one), text::json(&two));
    // a row draws the same whatever other rows there are
    let alone = rows_of(&["rooms"], 1, &|_| {});
    assert_eq!(alone.rows[0].measured, one.rows.iter().find(|row| row.id == "rooms").expect("it is there").measured);
}

#[test]
fn every_oracle_has_a_name_of_its_own_and_can_see_something() {
    let all = oracles();
    let mut ids: Vec<&str> = all.iter().map(|oracle| oracle.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all.len(), "rows with one name would share their seeds");
    for oracle in &all {
        assert!(oracle.replications >= 30, "{}: S1 wants 30 replications", oracle.id);
        assert!(oracle.theory != 0.0, "{}: a bias relative to nothing says nothing", oracle.id);
    }
}
