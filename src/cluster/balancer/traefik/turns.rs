//! Traefik's weighted turns (`wrr.go`).

use crate::cluster::balancer::Peers;

/// Servers in the order of their turns: who is due earliest is picked, and is due again 1 / weight later. Of those that are
/// due at the same time the one comes first that Go's heap happens to have there.
#[derive(Clone, Debug, Default)]
pub struct Turns {
    /// The order in which Traefik has the servers.
    pub order: Vec<u32>,
    /// A binary heap: nobody is due before the one above.
    heap: Vec<Due>,
}

/// When a server has its next turn.
#[derive(Clone, Copy, Debug)]
struct Due {
    deadline: f64,
    /// 1 / weight.
    step: f64,
    server: u32,
}

impl Turns {
    /// These servers, of which none has had a turn.
    pub fn new(order: Vec<u32>, peers: &Peers) -> Turns {
        let mut turns = Turns { heap: Vec::with_capacity(order.len()), order: Vec::new() };
        for &server in &order {
            let step = 1.0 / f64::from(peers[server as usize].weight.max(1));
            turns.push(Due { deadline: step, step, server });
        }
        Turns { order, ..turns }
    }
    /// Whose turn it is.
    pub fn next(&mut self) -> Option<usize> {
        let mut first = self.pop()?;
        first.deadline += first.step;
        self.push(first);
        Some(first.server as usize)
    }
    /// `heap.Push` of Go.
    fn push(&mut self, due: Due) {
        let heap = &mut self.heap;
        heap.push(due);
        let mut at = heap.len() - 1;
        while at > 0 {
            let above = (at - 1) / 2;
            if due.deadline >= heap[above].deadline {
                break;
            }
            heap.swap(at, above);
            at = above;
        }
    }
    /// `heap.Pop` of Go.
    fn pop(&mut self) -> Option<Due> {
        let heap = &mut self.heap;
        let count = heap.len().checked_sub(1)?;
        heap.swap(0, count);
        let mut at = 0;
        loop {
            let left = 2 * at + 1;
            if left >= count {
                break;
            }
            let right = left + 1;
            let below = if right < count && heap[right].deadline < heap[left].deadline { right } else { left };
            if heap[below].deadline >= heap[at].deadline {
                break;
            }
            heap.swap(at, below);
            at = below;
        }
        heap.pop()
    }
}
