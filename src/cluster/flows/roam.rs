//! Public addresses of clients change.

use std::net::IpAddr;

use crate::cluster::clients::{Client, ClientId, Link};
use crate::cluster::network;
use crate::cluster::purpose::Purpose;
use crate::cluster::{Cluster, Event};
use crate::engine::{Ctx, Law, Span, Stream};
use crate::metrics::{CloseReason, FailReason};

impl Cluster<'_> {
    /// When the address of a client changes for the next time, if it ever does.
    pub fn schedule_address_change(&mut self, client: ClientId, at_start: bool, ctx: &mut Ctx<Event>) {
        let Some(change) = &self.audience_of(client).network.address_change else { return };
        let changes = self.clients.habits(client).map_or(0, |habits| habits.changes);
        let stream = Purpose::AddressChange.stream(self.seed, self.clients[client].number, changes);
        self.schedule_habit(client, &change.every, stream, at_start, Event::AddressChange(client), ctx);
    }

    /// The network of a client changes by itself, as it does again and again.
    pub fn address_change(&mut self, client: ClientId, ctx: &mut Ctx<Event>) {
        let Some(change) = &self.audience_of(client).network.address_change else { return };
        self.change_address(client, &change.gap, change.same_network, ctx);
        self.schedule_address_change(client, false, ctx);
    }

    /// Some of those who are present get another address at once, as when a carrier moves them to another gateway.
    pub fn change_addresses(
        &mut self,
        share: f64,
        gap: &Law,
        same_network: f64,
        draws: &mut Stream,
        ctx: &mut Ctx<Event>,
    ) {
        let before = self.meter.counts.address_changes;
        for client in self.clients.ids() {
            if self.clients[client].is_present() && draws.chance(share) {
                self.change_address(client, gap, same_network, ctx);
            }
        }
        let changes = self.meter.counts.address_changes - before;
        self.meter.mark(ctx.now(), format!("{changes} clients get another address"));
    }

    /// Another public address, and nothing at all for a while.
    fn change_address(&mut self, client: ClientId, gap: &Law, same_network: f64, ctx: &mut Ctx<Event>) {
        let Client { number, audience, link, .. } = self.clients[client];
        let habits = self.clients.habits_mut(client);
        habits.changes += 1;
        // draws of their own purpose number, apart from the time of the next change
        let mut stream = Purpose::AddressChange.stream(self.seed, number, habits.changes | 1 << 31);
        habits.network_back_at = habits.network_back_at.max(ctx.now() + gap.span(&mut stream));
        let old = self.clients.address(client);
        let address = if stream.chance(same_network) {
            network::neighbour(old, &mut stream)
        } else {
            self.elsewhere(old, usize::from(audience), &mut stream)
        };
        self.clients.move_to(client, address);
        self.path.forget(client, false);
        self.meter.counts.address_changes += 1;
        match link {
            Link::Open => {
                self.lose_connection(client, CloseReason::AddressChange, None, ctx);
                self.retry_later(client, Span::ZERO, ctx);
            }
            Link::HalfOpen => self.half_open_noticed(client, ctx),
            Link::Connecting => self.attempt_failed(client, FailReason::ClientOffline, Span::ZERO, ctx),
            Link::None | Link::Waiting | Link::Left => {}
        }
    }

    /// A new address outside the old network: that of another group where addresses are shared, else a fresh one.
    fn elsewhere(&self, old: IpAddr, audience: usize, stream: &mut Stream) -> IpAddr {
        if old.is_ipv6() {
            return network::draw_v6(stream).into();
        }
        let pool = &self.audiences[audience].pool;
        pool.draw(stream, self.seed).unwrap_or_else(|| network::draw_v4(stream)).into()
    }
}
