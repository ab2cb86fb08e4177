//! What tiers tell each other of a client's address, in packets and in headers, and which of it they believe.

/// Whose address it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sees {
    /// The client's.
    Client,
    /// That of the instance of this earlier tier through which the request came.
    Tier(u8),
}

/// What a tier leaves visible of the client's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forwards {
    /// Packets keep their source: nothing else is said.
    pub source: bool,
    /// What it does to `X-Forwarded-For`.
    pub forwarded_for: ForwardedFor,
    /// It sets `X-Real-IP` to the address that it takes for the client's.
    pub real_ip: bool,
    /// It sets `CF-Connecting-IP` to the address from which the request came.
    pub connecting_ip: bool,
}

/// What a tier does to `X-Forwarded-For`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardedFor {
    /// It leaves the header as it is.
    Kept,
    /// It puts the address from which the request came at its end.
    AppendsPeer,
    /// The same, and its own behind it.
    AppendsPeerAndItself,
    /// It puts the address that it takes for the client's at its end.
    Appends,
    /// It writes that address alone.
    Replaces,
}

impl Forwards {
    /// Packets come from the instance, and nobody says what they were.
    pub const NOTHING: Forwards =
        Forwards { source: false, forwarded_for: ForwardedFor::Kept, real_ip: false, connecting_ip: false };
    /// Packets keep their source.
    pub const SOURCE: Forwards = Forwards { source: true, ..Forwards::NOTHING };
    /// A usual proxy.
    pub const APPENDS_PEER: Forwards = Forwards { forwarded_for: ForwardedFor::AppendsPeer, ..Forwards::NOTHING };
    /// A proxy that says whom it believes the client to be.
    pub const APPENDS: Forwards = Forwards { forwarded_for: ForwardedFor::Appends, ..Forwards::NOTHING };
    /// A proxy that believes no header, or one, and passes on what it believes.
    pub const REPLACES: Forwards =
        Forwards { forwarded_for: ForwardedFor::Replaces, real_ip: true, ..Forwards::NOTHING };
}

/// Where a tier looks for the client's address. What a header does not say is taken from the packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trusts {
    /// In the packets.
    Nobody,
    /// In `X-Forwarded-For`, so many entries before the last one.
    BeforeLast(u32),
    /// In `X-Forwarded-For`, the first entry: all proxies are trusted.
    First,
    /// In `X-Real-IP`.
    RealIp,
    /// In `CF-Connecting-IP`.
    ConnectingIp,
}

/// What packets and headers of a request say of where it comes from. Clients themselves write no such headers.
#[derive(Clone, Debug)]
pub struct Told {
    source: Sees,
    forwarded_for: Vec<Sees>,
    real_ip: Option<Sees>,
    connecting_ip: Option<Sees>,
}

impl Told {
    /// As a client sends it.
    pub const fn by_client() -> Told {
        Told { source: Sees::Client, forwarded_for: Vec::new(), real_ip: None, connecting_ip: None }
    }
    /// What a tier that looks there takes for the client's address.
    pub fn address(&self, trusts: Trusts) -> Sees {
        let told = match trusts {
            Trusts::Nobody => None,
            Trusts::BeforeLast(places) => self.forwarded_for.iter().rev().nth(places as usize).copied(),
            Trusts::First => self.forwarded_for.first().copied(),
            Trusts::RealIp => self.real_ip,
            Trusts::ConnectingIp => self.connecting_ip,
        };
        told.unwrap_or(self.source)
    }
    /// What the next tier is told by this one, which takes `client` for the client's address.
    pub fn pass(&mut self, tier: u8, forwards: Forwards, client: Sees) {
        let peer = self.source;
        match forwards.forwarded_for {
            ForwardedFor::Kept => {}
            ForwardedFor::AppendsPeer => self.forwarded_for.push(peer),
            ForwardedFor::AppendsPeerAndItself => self.forwarded_for.extend([peer, Sees::Tier(tier)]),
            ForwardedFor::Appends => self.forwarded_for.push(client),
            ForwardedFor::Replaces => self.forwarded_for = vec![client],
        }
        if forwards.real_ip {
            self.real_ip = Some(client);
        }
        if forwards.connecting_ip {
            self.connecting_ip = Some(peer);
        }
        if !forwards.source {
            self.source = Sees::Tier(tier);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the last of these tiers takes for the client's address.
    fn last(tiers: &[(Trusts, Forwards)]) -> Sees {
        let mut told = Told::by_client();
        let mut seen = Sees::Client;
        for (tier, &(trusts, forwards)) in tiers.iter().enumerate() {
            seen = told.address(trusts);
            told.pass(tier as u8, forwards, seen);
        }
        seen
    }

    #[test]
    fn a_proxy_that_believes_nobody_hides_what_those_before_it_said() {
        let cdn = (Trusts::Nobody, Forwards { connecting_ip: true, ..Forwards::APPENDS_PEER });
        let strict = (Trusts::Nobody, Forwards::REPLACES);
        let trusting = (Trusts::First, Forwards::REPLACES);
        assert_eq!(last(&[cdn, (Trusts::Nobody, Forwards::NOTHING)]), Sees::Tier(0));
        assert_eq!(last(&[cdn, strict, (Trusts::First, Forwards::NOTHING)]), Sees::Tier(0));
        assert_eq!(last(&[cdn, trusting, (Trusts::First, Forwards::NOTHING)]), Sees::Client);
        assert_eq!(last(&[cdn, strict, (Trusts::ConnectingIp, Forwards::NOTHING)]), Sees::Client);
    }

    #[test]
    fn entries_are_counted_from_the_last_one() {
        let proxy = (Trusts::Nobody, Forwards::APPENDS_PEER);
        let at = |trusts| last(&[proxy, proxy, (trusts, Forwards::NOTHING)]);
        assert_eq!(at(Trusts::BeforeLast(0)), Sees::Tier(0));
        assert_eq!(at(Trusts::BeforeLast(1)), Sees::Client);
        assert_eq!(at(Trusts::First), Sees::Client);
        assert_eq!(at(Trusts::BeforeLast(2)), Sees::Tier(1), "nobody said it: the packets do");
        assert_eq!(at(Trusts::RealIp), Sees::Tier(1), "nobody sets it");
        let google = Forwards { forwarded_for: ForwardedFor::AppendsPeerAndItself, ..Forwards::NOTHING };
        let behind = |places| last(&[(Trusts::Nobody, google), (Trusts::BeforeLast(places), Forwards::NOTHING)]);
        assert_eq!((behind(0), behind(1)), (Sees::Tier(0), Sees::Client));
        // where packets keep their source, the next tier sees what this one saw
        assert_eq!(last(&[(Trusts::Nobody, Forwards::SOURCE), (Trusts::Nobody, Forwards::NOTHING)]), Sees::Client);
    }
}
