//! Calls that only python-socketio has (`async_pubsub_manager.py`).

use super::broadcast::{HOST_ID, NAMESPACE, PYTHON_CHANNEL, plain, python_emit};
use super::format::Format::SpacedJson;
use super::operation::{Emit, Operation, To};
use super::plan::{Message, Plan, Role, Senders, Writes};
use super::requests::ANSWER;
use super::{Event, SOCKET_ID};

/// `operation` is one of python-socketio.
pub(super) fn plan(operation: Operation, event: Event, plan: Plan) -> Plan {
    match operation {
        Operation::Call { remote } => {
            let call = python_emit(&Emit { ack: true, ..Emit::to(To::Socket) }, event);
            plan.event().with([call]).with(remote.then(callback))
        }
        Operation::RemoteRoom { room } => {
            // `leave_room` is as long
            let fields = [("sid", SpacedJson.text(SOCKET_ID)), ("room", SpacedJson.text(room))];
            plan.with([notice("enter_room", &fields, Writes::Never)])
        }
        Operation::CloseRoom { room } => {
            plan.with([notice("close_room", &[("room", SpacedJson.text(room))], Writes::Never)])
        }
        Operation::DisconnectOne { remote: true } => {
            plan.with([notice("disconnect", &[("sid", SpacedJson.text(SOCKET_ID))], Writes::Elsewhere)])
        }
        _ => plan,
    }
}

/// A message to all processes.
fn notice(method: &str, fields: &[(&str, u32)], writes: Writes) -> Message {
    let f = SpacedJson;
    let mut all = vec![("method", f.text(method.len() as u32))];
    all.extend(fields);
    all.extend([("namespace", f.text(NAMESPACE)), ("host_id", f.text(HOST_ID))]);
    Message { channel: PYTHON_CHANNEL, payload: f.object(&all), role: Role::Event(writes), ..plain() }
}

/// The process that has the client publishes its answer to all (`_return_callback`).
fn callback() -> Message {
    let f = SpacedJson;
    let payload = f.object(&[
        ("method", f.text("callback".len() as u32)),
        ("host_id", f.text(HOST_ID)),
        ("sid", f.text(SOCKET_ID)),
        ("namespace", f.text(NAMESPACE)),
        ("id", f.number(1)),
        ("args", f.list([f.text(ANSWER)])),
    ]);
    Message { channel: PYTHON_CHANNEL, payload, senders: Senders::Owner, role: Role::Answer, ..plain() }
}
