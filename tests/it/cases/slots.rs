//! C14: slots of a Redis Cluster.

use std::fmt::Write;

use stickysim::cluster::{hash_slot, node_of_slot};

/// Nodes, and how many of the tags "0" to "127" each of them has, as published.
const REPORTED: [&[u32]; 2] = [&[27, 15, 22, 23, 16, 25], &[10, 17, 5, 10, 16, 6, 8, 15, 9, 7, 16, 9]];

fn tags_per_node(nodes: usize) -> Vec<u32> {
    let mut tags = vec![0; nodes];
    for tag in 0..128 {
        tags[usize::from(node_of_slot(hash_slot(tag.to_string().as_bytes()), nodes as u16))] += 1;
    }
    tags
}

#[test]
fn short_tags_fall_on_nodes_as_published() {
    for reported in REPORTED {
        assert_eq!(tags_per_node(reported.len()), reported);
    }
}

/// The part of the document.
pub fn table() -> String {
    let mut text = String::from(
        "### C14: 128 short tags on the slots of a Redis Cluster\n\n\
         - Source: github.com/centrifugal/centrifugal.dev, blog/2026-06-29-scaling-redis-pub-sub.md\n\
         - Setting: CRC16 of the tags \"0\" to \"127\" modulo 16384, slots dealt evenly to nodes.\n\
         - Tolerance: exact.\n\
         - Command: `cargo test --test it cases::slots`\n\n\
         | Nodes | Reported | Computed | |\n| --- | --- | --- | --- |\n",
    );
    for reported in REPORTED {
        let list = |tags: &[u32]| tags.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
        let ours = tags_per_node(reported.len());
        let verdict = if ours == reported { "holds" } else { "**misses**" };
        writeln!(text, "| {} | {} | {} | {verdict} |", reported.len(), list(reported), list(&ours)).unwrap();
    }
    text.push('\n');
    text
}
