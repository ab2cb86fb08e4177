//! The libraries through which pods speak to Redis: what they do when the connection is gone.

use crate::engine::{SimTime, Span, Stream};

/// A library, by its name and major version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedisClient {
    /// `redis` 4 for Node.js (`@redis/client` 1, `socket.ts`).
    NodeRedis4,
    /// `redis` 5.
    NodeRedis5,
    /// `redis` 6: a command waits for 5 s at most.
    NodeRedis6,
    /// `ioredis` 5 (`RedisOptions.ts`).
    IoRedis5,
    /// `ioredis` 6.
    IoRedis6,
    /// `redis` for Python under python-socketio (`async_pubsub_manager.py`).
    RedisPy,
}

impl RedisClient {
    /// From the n-th failure, counted from 0, to the next attempt.
    fn delay(self, n: u32, stream: &mut Stream) -> Span {
        let ms = Span::from_millis;
        let doubled = |first: u64, most: u64| ms(first.saturating_mul(1 << n.min(16)).min(most));
        let steps = |most: u64| ms((50 * (u64::from(n) + 1)).min(most));
        match self {
            RedisClient::NodeRedis4 => steps(500),
            RedisClient::NodeRedis5 | RedisClient::NodeRedis6 => {
                doubled(50, 2_000) + Span::from_nanos(stream.below(200_000_000))
            }
            RedisClient::IoRedis5 => steps(2_000),
            RedisClient::IoRedis6 => doubled(50, 5_000) + Span::from_nanos(stream.below(200_000_000)),
            RedisClient::RedisPy => doubled(1_000, 60_000),
        }
    }
    /// When a connection that broke at `since` is back, if Redis takes connections from `until` on.
    pub fn back_at(self, since: SimTime, until: SimTime, stream: &mut Stream) -> SimTime {
        let (mut at, mut n) = (since, 0);
        while at < until {
            at += self.delay(n, stream);
            n += 1;
        }
        at
    }
    /// When a connection that Redis has closed is back: at the first attempt.
    pub fn after_close(self, since: SimTime, stream: &mut Stream) -> SimTime {
        since + self.delay(0, stream)
    }
    /// How long a command is kept back while there is no connection: not at all, for so long, or until there is one.
    pub const fn keeps_back(self) -> Keeps {
        match self {
            // "Cannot publish to redis... giving up" after the second try
            RedisClient::RedisPy => Keeps::Nothing,
            RedisClient::NodeRedis6 => Keeps::For(Span::from_secs(5)),
            _ => Keeps::Everything,
        }
    }
}

/// What a library does with commands while it has no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// They fail.
    Nothing,
    /// They wait for so long, then they fail.
    For(Span),
    /// They wait.
    Everything,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::purpose::Purpose;
    use crate::engine::Seed;

    /// From the end of an outage until a connection is back, in milliseconds: (least, most) of many.
    fn back_after(client: RedisClient, outage_s: u64) -> (u64, u64) {
        let (since, lasts) = (SimTime::ZERO, Span::from_secs(outage_s));
        let back = |n| {
            let stream = &mut Purpose::RedisLink.stream(Seed(1), n, 0);
            (client.back_at(since, since + lasts, stream) - (since + lasts)).as_nanos() / 1_000_000
        };
        let all: Vec<u64> = (0..2_000).map(back).collect();
        (*all.iter().min().unwrap(), *all.iter().max().unwrap())
    }

    #[test]
    fn connections_come_back_within_what_was_measured() {
        // facts: recovery min and max over six to eight runs each, the time from the server's PONG; what has no jitter repeats itself
        for (client, outage_s, measured) in [
            (RedisClient::NodeRedis4, 1, (46, 57)),
            (RedisClient::NodeRedis4, 10, (258, 268)),
            (RedisClient::IoRedis5, 1, (41, 55)),
            (RedisClient::IoRedis5, 10, (515, 525)),
        ] {
            let (least, most) = back_after(client, outage_s);
            assert_eq!(least, most, "{client:?}");
            // the kill and the restart take some time of their own, by which attempts are nearer or farther
            let tolerance = 60;
            assert!(
                least + tolerance >= measured.0 && least <= measured.1 + tolerance,
                "{client:?} {outage_s} s: {least}, {measured:?}"
            );
        }
        for (client, outage_s, measured) in [
            (RedisClient::NodeRedis5, 1, (72, 853)),
            (RedisClient::NodeRedis5, 10, (83, 2_055)),
            (RedisClient::NodeRedis6, 10, (110, 2_151)),
            (RedisClient::IoRedis6, 1, (122, 719)),
            (RedisClient::IoRedis6, 10, (2_156, 2_507)),
        ] {
            let (least, most) = back_after(client, outage_s);
            assert!(
                least <= measured.0 + 60 && most + 60 >= measured.1,
                "{client:?} {outage_s} s: {least} to {most}, {measured:?}"
            );
        }
    }
}
