//! WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep) requirement by requirement, as they are on the wire:
//! requests are written as bytes, and answers read as such. `docs/WHIP.md` and `docs/WHEP.md` name the
//! tests.

mod counter_offers;
mod events;
mod load;
mod offers;
mod patch;
mod raw;
mod resources;
mod tables;
