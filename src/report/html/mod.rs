//! The page.
use super::plots::Chart;
use crate::metrics::Study;
pub(super) fn page(_study: &Study, _scenario_yaml: &str, _charts: &[Chart]) -> String {
    String::new()
}
