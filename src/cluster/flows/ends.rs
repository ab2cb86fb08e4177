//! Requests and tunnels end, and the balancer learns of it if it wants to know.

use std::net::IpAddr;

use crate::cluster::balancer::{Decide, Ends};
use crate::cluster::clients::ClientId;
use crate::cluster::{Cluster, Event, PodId};
use crate::engine::{Ctx, SimTime};

/// Something whose end a balancer must be told.
#[derive(Clone, Copy)]
pub struct Under {
    /// The instance that sent it.
    instance: u16,
    pod: PodId,
    process: u32,
    address: IpAddr,
    began: SimTime,
    /// A client's HTTP connection with this number, which ends some time after its last request.
    connection: Option<(ClientId, u32)>,
}

impl Cluster<'_> {
    /// An HTTP request of this client at a pod will be done then: the balancer is told, if it wants to know.
    #[inline(never)]
    pub fn tell_end(&mut self, client: ClientId, pod: PodId, done: SimTime, ctx: &mut Ctx<Event>) {
        let end = self.end_to_tell(client, pod, ctx);
        self.tell_end_at(pod, end, done, ctx);
    }

    /// An HTTP request of this client begins at a pod: what to tell the balancer when it is done, if that wants to know.
    #[inline(always)]
    pub fn end_to_tell(&mut self, client: ClientId, pod: PodId, ctx: &mut Ctx<Event>) -> Option<u32> {
        if self.path.opened {
            self.tell_end_of_connection(client, pod, ctx);
        }
        let tier = &self.path.last;
        let wanted = tier.own_loads || (tier.ends == Ends::All && !self.path.all_transparent());
        let under = wanted.then(|| self.under(client, pod, ctx.now()));
        under.map(|under| self.ends.insert(under))
    }

    /// It will be done then.
    #[inline(always)]
    pub fn tell_end_at(&mut self, pod: PodId, end: Option<u32>, done: SimTime, ctx: &mut Ctx<Event>) {
        if self.watches(pod) {
            ctx.schedule(done, Event::ProbeSucceeded(pod));
        }
        if let Some(slot) = end {
            ctx.schedule(done, Event::Ended(slot));
        }
    }

    /// An HTTP connection of this client to a pod is new: the balancer is told of its end, if it wants to know.
    fn tell_end_of_connection(&mut self, client: ClientId, pod: PodId, ctx: &mut Ctx<Event>) {
        if self.path.last.ends != Ends::All {
            return;
        }
        let hop = self.path.hop(client);
        let under = Under { connection: Some((client, hop.connection)), ..self.under(client, pod, ctx.now()) };
        let slot = self.ends.insert(under);
        ctx.schedule(hop.until, Event::Ended(slot));
    }

    fn under(&self, client: ClientId, pod: PodId, began: SimTime) -> Under {
        let (instance, process) = (self.path.used, self.pods[pod].process);
        Under { instance, pod, process, address: self.visible_address(client), began, connection: None }
    }

    /// It ended, unless it is a connection that had another request meanwhile.
    pub fn request_ended(&mut self, slot: u32, ctx: &mut Ctx<Event>) {
        let under = self.ends.take(slot);
        let alive = under.process == self.pods[under.pod].process;
        if let (true, Some((client, number))) = (alive, under.connection) {
            let hop = self.path.hop(client);
            if hop.connection == number && hop.until > ctx.now() {
                let slot = self.ends.insert(under);
                ctx.schedule(hop.until, Event::Ended(slot));
                return;
            }
        }
        if alive {
            self.path.uncount(under.instance, under.pod);
        }
        self.path.told(under.instance, under.pod, under.address, under.began, ctx.now());
    }

    /// A tunnel of this client begins at a pod.
    pub fn tunnel_begins(&mut self, client: ClientId, now: SimTime) {
        if self.path.last.ends == Ends::All {
            let address = self.visible_address(client);
            self.path.tunnels.insert(client, (address, now));
        }
    }

    /// A request or tunnel to this pod ended well, and the balancer learns of it.
    pub fn ended_well(&mut self, pod: PodId, ctx: &mut Ctx<Event>) {
        let now = ctx.now();
        for instance in &mut self.path.last.instances {
            if let Some(position) = instance.balancer.peers().position(pod) {
                instance.balancer.finished(position, now);
            }
        }
        if self.pending.anybody_queues() {
            self.connection_freed(pod, ctx);
        }
    }

    /// True when the end of a request at this pod must be told.
    #[inline]
    pub fn watches(&self, pod: PodId) -> bool {
        match &self.path.last.instances[..] {
            [only] => only.balancer.watches(pod),
            several => several.iter().any(|instance| instance.balancer.watches(pod)),
        }
    }
}
