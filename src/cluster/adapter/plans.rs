//! The plan of each operation.

use super::operation::{Emit, Operation, To};
use super::plan::{Message, Plan, Senders, Times};
use super::{Adapter, Command, Event, Law, broadcast, python};

impl Law {
    /// What an operation comes to, or nothing if this adapter has no such thing.
    pub fn plan(&self, operation: Operation, event: Event) -> Option<Plan> {
        let plan = Plan::nothing(self.adapter.order());
        match (operation, self.adapter) {
            (Operation::Emit(emit), _) => self.emitting(&emit, event, plan),
            (Operation::OwnSocket { volatile: true, .. }, Adapter::PythonSocketIo) => None,
            (Operation::OwnSocket { ack, volatile }, adapter) => {
                let order = match adapter {
                    Adapter::PubSub { .. } => super::Order::AfterPublish,
                    _ => plan.order,
                };
                Some(plan.ordered(order).event().with(self.own_socket(ack, volatile, event)))
            }
            (Operation::Emitter { to }, _) => self.outside(to, event, plan),
            (Operation::FromClient, _) => Some(plan),
            (Operation::Start, _) => Some(self.starting(plan)),
            (Operation::Close, _) => Some(self.closing(plan)),
            (Operation::FiveSecondsIdle, Adapter::Streams { .. }) => {
                Some(plan.aside(Command::Xread, Times::PerPod, broadcast::STREAM))
            }
            (Operation::FiveSecondsIdle, _) => Some(plan),
            (Operation::SessionLost | Operation::SessionNotFound | Operation::SessionRecovered { .. }, _) => {
                self.session(operation, event, plan)
            }
            (
                Operation::Connect | Operation::Disconnect | Operation::Join { .. } | Operation::Leave { .. },
                adapter,
            ) => Some(super::subscriptions::one_client(adapter, operation, plan)),
            (
                Operation::Call { .. }
                | Operation::RemoteRoom { .. }
                | Operation::CloseRoom { .. }
                | Operation::DisconnectOne { .. },
                adapter,
            ) => (adapter == Adapter::PythonSocketIo).then(|| python::plan(operation, event, plan)),
            // python-socketio and an application of its own know nothing of these
            (_, Adapter::PythonSocketIo | Adapter::PubSub { .. }) => None,
            (Operation::AllSockets, _) => Some(plan),
            (_, Adapter::None) => Some(plan),
            (_, Adapter::Classic { .. }) => self.classic(operation, plan),
            (_, Adapter::Sharded(_) | Adapter::Streams { .. }) => self.cluster(operation, plan),
        }
    }

    fn emitting(&self, emit: &Emit, event: Event, plan: Plan) -> Option<Plan> {
        let (python, own) = (self.adapter == Adapter::PythonSocketIo, matches!(self.adapter, Adapter::PubSub { .. }));
        if (emit.ack && (python || own)) || (python && (emit.volatile || emit.except.is_some())) {
            return None;
        }
        if emit.ack {
            return Some(self.acknowledged(emit, event, plan));
        }
        let order = if emit.local { super::Order::AfterPublish } else { plan.order };
        Some(plan.ordered(order).event().with(self.broadcast(emit, event)))
    }

    /// @socket.io/redis-emitter speaks the protocol of the classic adapter and has a longer name than pods; a manager of
    /// python-socketio that only writes sends what pods send.
    fn outside(&self, to: To, event: Event, plan: Plan) -> Option<Plan> {
        let longer = match self.adapter {
            Adapter::Classic { .. } => "emitter".len() as u32 - broadcast::CLASSIC_ID,
            Adapter::PythonSocketIo => 0,
            _ => return None,
        };
        let message = self.broadcast(&Emit::to(to), event)?;
        let message = Message { senders: Senders::Outside, payload: message.payload + longer, ..message };
        Some(Plan { serves_own: false, ..plan.event().with([message]) })
    }
}
