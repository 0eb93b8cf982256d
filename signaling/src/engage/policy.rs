//! What decides who may say what in a room, as it was read from the database.

use std::collections::{HashMap, HashSet};

use weir_db::{BanRow, UserId};
use weir_protocol::room::{BanKind, Emote, RoomRules};

use super::{emotes::Known, words::Blocked};

/// The whole of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Policy {
    /// How the room is run.
    pub(crate) rules: RoomRules,
    /// The rules' blocked words.
    pub(super) blocked: Blocked,
    /// Who moderates it, beside owner and site.
    pub(crate) moderators: HashSet<UserId>,
    /// What keeps whom quiet, by member.
    held: HashMap<String, Held>,
    /// Until when guests from an address are kept out, by the address's hash.
    addresses: HashMap<String, i64>,
    /// The room's emotes and the site's, by code.
    pub(super) known: Known,
}

/// Until when a member is kept quiet, in milliseconds since the epoch; 0 when not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) banned: i64,
    pub(super) shadowed: i64,
    pub(super) timed_out: i64,
}

impl Policy {
    pub(super) fn new(
        rules: RoomRules,
        moderators: Vec<UserId>,
        bans: Vec<BanRow>,
        site: Vec<Emote>,
        room: Vec<Emote>,
    ) -> Self {
        let mut held: HashMap<String, Held> = HashMap::new();
        let mut addresses: HashMap<String, i64> = HashMap::new();
        for row in bans {
            let until = row.ban.ends_at.unwrap_or(i64::MAX);
            let entry = held.entry(row.member_key).or_default();
            match row.ban.kind {
                BanKind::Ban => {
                    entry.banned = until;
                    if let Some(address) = row.address_hash {
                        let longest = addresses.entry(address).or_default();
                        *longest = until.max(*longest);
                    }
                }
                BanKind::Shadow => entry.shadowed = until,
                BanKind::Timeout => entry.timed_out = until,
            }
        }
        // The room's own win.
        let known = site.into_iter().chain(room);
        Self {
            blocked: Blocked::new(rules.blocked_words.iter().map(String::as_str)),
            rules,
            moderators: moderators.into_iter().collect(),
            held,
            addresses,
            known: known.map(|emote| (emote.code.clone(), emote)).collect(),
        }
    }

    /// What keeps a member quiet now.
    pub(super) fn held(&self, key: &str, now: i64) -> Held {
        let held = self.held.get(key).copied().unwrap_or_default();
        let still = |until: i64| if until > now { until } else { 0 };
        Held {
            banned: still(held.banned),
            shadowed: still(held.shadowed),
            timed_out: still(held.timed_out),
        }
    }

    /// Whether guests from an address are kept out.
    pub(super) fn keeps_out(&self, address_hash: &str, now: i64) -> bool {
        self.addresses
            .get(address_hash)
            .is_some_and(|until| *until > now)
    }

    /// Whether any address is kept out: else none needs to be hashed.
    pub(super) fn knows_addresses(&self) -> bool {
        !self.addresses.is_empty()
    }

    /// Emotes that may be used, by code.
    pub(crate) fn emotes(&self) -> Vec<Emote> {
        let mut emotes: Vec<Emote> = self.known.values().cloned().collect();
        emotes.sort();
        emotes
    }
}
