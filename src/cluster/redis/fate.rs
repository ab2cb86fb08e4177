//! What becomes of a copy on a pod.

use crate::cluster::adapter::{Role, Writes};
use crate::metrics::Counts;

/// What becomes of a copy on a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is the pod's own, which it throws away.
    Own,
    /// Clients are served.
    Served,
    /// It asks something of the pod, or answers it.
    Used,
    /// Nobody here wants it.
    Dropped,
}

impl Fate {
    /// Of a copy with this role.
    pub fn of(role: Role, is_own: bool, is_caller: bool, is_for_nobody: bool) -> Fate {
        match role {
            Role::Answer if is_caller => Fate::Used,
            Role::Answer => Fate::Dropped,
            Role::Event(Writes::Never | Writes::Elsewhere) if is_own => Fate::Own,
            Role::Event(Writes::Never) => Fate::Used,
            Role::Event(_) if is_for_nobody => Fate::Dropped,
            Role::Event(_) => Fate::Served,
        }
    }
    /// Where such copies are counted.
    pub const fn counter(self, counts: &mut Counts) -> &mut u64 {
        match self {
            Fate::Own => &mut counts.redis_copies_own,
            Fate::Served => &mut counts.redis_copies_useful,
            Fate::Used => &mut counts.redis_copies_requests,
            Fate::Dropped => &mut counts.redis_copies_dropped,
        }
    }
}
