//! What differs between two configurations.

/// A value that is not the same in both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigChange {
    /// Where it stands, such as `pods.replicas`; empty for the whole.
    pub path: String,
    /// In the first one, in one line; `None` = it is not there.
    pub before: Option<String>,
    /// In the second one.
    pub after: Option<String>,
}
