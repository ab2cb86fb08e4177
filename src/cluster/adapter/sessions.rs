//! Connection state recovery of the streams adapter (`persistSession`, `restoreSession` of its `dist/adapter.js`).

use super::broadcast::{BROADCAST, STREAM, broadcast_data, entry};
use super::format::Format::{Json, Msgpack};
use super::operation::{Emit, Operation, To};
use super::plan::Plan;
use super::{Adapter, Command, Event, Law, SOCKET_ID, resp};

/// `sio:session:` and the private id of a session.
const KEY: u32 = "sio:session:".len() as u32 + SOCKET_ID;

/// `{sid, pid, rooms, data}` of a client that is in no room but its own, in msgpack and then in base64.
fn session() -> u32 {
    let f = Msgpack;
    let id = f.text(SOCKET_ID);
    f.object(&[("sid", id), ("pid", id), ("rooms", f.list([id])), ("data", f.object(&[]))]).div_ceil(3) * 4
}

impl Law {
    /// A client that may be recovered is lost, or is there again. The in-memory adapter does it within a pod, without Redis.
    pub(super) fn session(&self, operation: Operation, event: Event, plan: Plan) -> Option<Plan> {
        match (self.recovery, self.adapter) {
            (true, Adapter::Streams { .. }) => {}
            (true, Adapter::None) => return Some(plan),
            _ => return None,
        }
        if operation == Operation::SessionLost {
            return Some(plan.carrying(Command::Set, KEY, session()));
        }
        let read = |plan: Plan, payload: u32| plan.carrying(Command::Xrange, STREAM, payload);
        let emitted =
            resp::FIELD_NAMES + entry(BROADCAST, broadcast_data(Json, &Emit::to(To::All), event, false, false));
        // is the offset still there? what came after it? (one event of everybody is taken to have been missed) is that all?
        let plan = plan.carrying(Command::Multi, 0, 0).carrying(Command::Get, KEY, 0).carrying(Command::Del, KEY, 0);
        let Operation::SessionRecovered { missed } = operation else {
            return Some(read(plan.carrying(Command::Exec, 0, 0), emitted));
        };
        let plan = read(plan.carrying(Command::Exec, 0, session()), emitted);
        let plan = if missed { read(plan, emitted) } else { plan };
        Some(read(plan, 0))
    }
}
