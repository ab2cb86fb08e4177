//! Connections whose pod is gone without a word: the client finds out when it has heard no ping for too long, or when it has
//! reason to leave by itself.

use crate::cluster::clients::{ClientId, Link};
use crate::cluster::flows::connect::ATTEMPT_LIMIT;
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, Span};
use crate::metrics::{CloseReason, FailReason};

impl Cluster<'_> {
    /// A process has ended whose node is cut off, and all these clients, connected or about to be, hear nothing.
    pub fn leave_half_open(
        &mut self,
        pod: PodId,
        upgrading: Vec<ClientId>,
        live: Vec<ClientId>,
        reason: CloseReason,
        ctx: &mut Ctx<Event>,
    ) {
        let now = ctx.now();
        for client in upgrading {
            self.end_polling(client);
            self.tunnel_broken(client, pod, now);
            let wire = self.clients.wire_mut(client);
            wire.upgrading = false;
            let gives_up = wire.attempt_started + ATTEMPT_LIMIT;
            self.attempt_failed(client, FailReason::TimedOut, gives_up.since(now), ctx);
        }
        let mut held = 0;
        for client in live {
            let polled = self.pollers.has(client);
            let noticed = self.silence_noticed_at(client, now).max(now);
            self.rooms.disconnect(client, pod, false);
            self.connection_ended(client, reason, now);
            self.clients[client].link = Link::HalfOpen;
            let wire = self.clients.wire_mut(client);
            wire.epoch = wire.epoch.wrapping_add(1);
            let (epoch, instance, opened_at) = (wire.epoch, wire.instance, wire.opened_at);
            ctx.schedule(noticed, Event::SilenceNoticed(client, epoch));
            if polled {
                self.tunnel_broken(client, pod, now);
            } else if !self.path.has_forgotten(opened_at) {
                self.half_open.insert(client);
                self.path.count(instance, pod);
                held += 1;
            }
        }
        self.pods[pod].leave_half_open(held);
    }

    /// A client knows that its connection is dead, and so does the balancer.
    pub fn half_open_ended(&mut self, client: ClientId, ctx: &Ctx<Event>) {
        self.clients[client].link = Link::None;
        let wire = self.clients.wire(client);
        let (pod, instance) = (wire.pod, wire.instance);
        if self.half_open.remove(&client) {
            self.pods[pod].half_open_ended();
            self.path.uncount(instance, pod);
        }
        self.tunnel_broken(client, pod, ctx.now());
    }

    /// A client finds out, and connects again.
    pub fn half_open_noticed(&mut self, client: ClientId, ctx: &mut Ctx<Event>) {
        self.half_open_ended(client, ctx);
        self.retry_later(client, Span::ZERO, ctx);
    }
}
