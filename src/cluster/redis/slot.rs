//! Which slot of a Redis Cluster a key or a sharded channel belongs to.

/// Slots of a Redis Cluster.
pub const SLOTS: u16 = 16_384;

/// CRC16/XMODEM: polynomial 0x1021, start 0, nothing reflected (`src/crc16.c` of Redis).
const CRC16: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// The slot of a key: CRC16 of it modulo [`SLOTS`], or of what stands between its first `{` and the next `}` if that is
/// not empty (a hash tag, which keeps keys together). See `keyHashSlot` of `src/cluster.c` and the cluster specification.
pub fn hash_slot(key: &[u8]) -> u16 {
    let tag = key.iter().position(|&byte| byte == b'{').and_then(|open| {
        let inner = &key[open + 1..];
        let close = inner.iter().position(|&byte| byte == b'}')?;
        (close > 0).then(|| &inner[..close])
    });
    let crc = tag.unwrap_or(key).iter().fold(0u16, |crc, &byte| {
        let [high, _] = crc.to_be_bytes();
        crc << 8 ^ CRC16[usize::from(high ^ byte)]
    });
    crc % SLOTS
}

/// The node of a slot where `nodes` masters share the slots evenly and in order, as `redis-cli --cluster create` deals
/// them: node n begins at slot n · 16384 / nodes, rounded to the nearest.
pub fn node_of_slot(slot: u16, nodes: u16) -> u16 {
    let nodes = u32::from(nodes.max(1));
    let begin = |node: u32| (2 * node * u32::from(SLOTS) + nodes) / (2 * nodes);
    let guess = u32::from(slot) * nodes / u32::from(SLOTS);
    let node = if guess + 1 < nodes && begin(guess + 1) <= u32::from(slot) { guess + 1 } else { guess };
    let node = if begin(node) > u32::from(slot) { node - 1 } else { node };
    node as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_redis() {
        // the check value of CRC16/XMODEM is 0x31C3; `CLUSTER KEYSLOT` of Redis for the others
        for (key, slot) in [("123456789", 0x31c3), ("foo", 12_182), ("bar", 5_061), ("", 0), ("somekey", 11_058)] {
            assert_eq!(hash_slot(key.as_bytes()), slot % SLOTS, "{key}");
        }
    }

    #[test]
    fn a_hash_tag_keeps_keys_together() {
        let slot = |key: &str| hash_slot(key.as_bytes());
        assert_eq!(slot("{user1000}.following"), slot("{user1000}.followers"));
        assert_eq!(slot("foo{bar}{zap}"), slot("bar"));
        assert_eq!(slot("foo{{bar}}zap"), slot("{bar"));
        // no tag: the braces are empty, or not closed
        assert_ne!(slot("foo{}{bar}"), slot("bar"));
        assert_ne!(slot("foo{bar"), slot("bar"));
    }

    #[test]
    fn every_slot_has_its_node() {
        assert_eq!([0, 5_460, 5_461, 10_922, 10_923, 16_383].map(|slot| node_of_slot(slot, 3)), [0, 0, 1, 1, 2, 2]);
        for nodes in 1..40 {
            let mut last = 0;
            for slot in 0..SLOTS {
                let node = node_of_slot(slot, nodes);
                assert!(node == last || node == last + 1, "{slot} of {nodes}");
                last = node;
            }
            assert_eq!(last, nodes - 1);
        }
    }
}
