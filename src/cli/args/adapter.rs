//! What can be typed after `adapter`.

use clap::{Args, ValueEnum};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AdapterFormat {
    /// A table per operation, and break-even room sizes
    Table,
    /// A row per operation and adapter
    Csv,
    /// Everything
    Json,
}

/// The operation is asked for on one of so many pods that stand still. Numbers are exact, or expectations where members of the
/// room are anywhere.
#[derive(Debug, Args)]
#[command(after_help = ADAPTER_HELP)]
pub struct AdapterArgs {
    /// How many pods
    #[arg(long, short, value_name = "N", default_value_t = 5)]
    pub pods: u32,
    /// How many clients each pod has
    #[arg(long, short, value_name = "N", default_value_t = 100)]
    pub clients: u32,
    /// How many members the room has
    #[arg(long, short, value_name = "N", default_value_t = 10)]
    pub members: u32,
    /// Where they are: `random`, `even`, `here` (all on the pod that emits) or `elsewhere` (all on one other pod)
    #[arg(long, value_name = "WHERE", default_value = "random")]
    pub placement: String,
    /// Bytes of an event as a Socket.IO packet, such as `2["ev","text"]`
    #[arg(long, short, value_name = "N", default_value_t = 110)]
    pub bytes: u32,
    /// Characters of the room's name
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub room_name: u32,
    /// With connectionStateRecovery: `socket.emit` goes through the adapter
    #[arg(long)]
    pub recovery: bool,
    /// Which adapters, or `all`
    #[arg(long, short, value_name = "LIST", default_value = "classic,sharded,streams,python-socketio")]
    pub adapters: String,
    /// Which operations, or `all`
    #[arg(long, short, value_name = "LIST", default_value = crate::adapter::catalogue::USUAL)]
    pub operations: String,
    /// As what
    #[arg(long, value_enum, default_value = "table")]
    pub format: AdapterFormat,
}

/// What stands below the options of `adapter`.
const ADAPTER_HELP: &str = "\
Adapters: none, classic, classic.specific (publishOnSpecificResponseChannel), sharded (dynamic), sharded.static,
  sharded.private, streams, streams.sharded (useShardedPubSub), python-socketio, and an application of its own on plain
  WebSockets: pubsub (a channel per room and client), pubsub.all (one channel).
Operations and what each adapter does: docs/ADAPTERS.md.

Examples:
  stickysim adapter --pods 10 --members 3
  stickysim adapter --adapters classic,classic.specific,sharded --operations fetch-sockets,emit-ack
  stickysim adapter --placement here --operations to-room --adapters all --format csv";
