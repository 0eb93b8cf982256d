//! Streams: keys, editing, lists and search, schedule, raids, watch parties, invitations, viewer tokens.

mod access;
mod events;
mod found;
mod live;
mod together;
