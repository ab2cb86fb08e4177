//! The command line of stickysim.

fn main() {}
