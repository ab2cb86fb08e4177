//! How operations find the cluster that they are asked about.

use super::Question;
use crate::cluster::adapter::{Emit, Operation, Scene, To};

/// What is shown unless somebody says which.
pub const USUAL: &str = "emit,to-room,to-socket,own-socket,to-room-ack,sockets-join,fetch-sockets,join-first,connect";

/// The clients that an operation means.
pub fn scene(operation: Operation, question: &Question) -> Scene {
    match operation {
        Operation::Emit(Emit { to, but_sender: true, .. }) => match to {
            To::All => question.everybody_but_sender(),
            _ => question.room_but_sender(),
        },
        Operation::Emit(Emit { to, .. })
        | Operation::Emitter { to }
        | Operation::SocketsJoin { to, .. }
        | Operation::SocketsLeave { to, .. }
        | Operation::DisconnectSockets { to, .. }
        | Operation::FetchSockets { to, .. } => match to {
            To::All => question.everybody(),
            To::Room { .. } | To::TwoRooms { .. } => question.room(),
            To::Socket => question.one_anywhere(),
        },
        Operation::CloseRoom { .. } => question.room(),
        Operation::OwnSocket { .. }
        | Operation::FromClient
        | Operation::Connect
        | Operation::Disconnect
        | Operation::Join { .. }
        | Operation::Leave { .. }
        | Operation::SessionLost
        | Operation::SessionNotFound
        | Operation::SessionRecovered { .. }
        | Operation::Call { remote: false }
        | Operation::DisconnectOne { remote: false } => question.one_here(),
        Operation::Call { remote: true } | Operation::RemoteRoom { .. } | Operation::DisconnectOne { remote: true } => {
            question.one_elsewhere()
        }
        Operation::ServerSideEmit { .. }
        | Operation::ServerCount
        | Operation::AllRooms
        | Operation::AllSockets
        | Operation::Start
        | Operation::Close
        | Operation::FiveSecondsIdle => question.everybody(),
    }
}
