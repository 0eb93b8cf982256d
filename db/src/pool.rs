//! How busy the connections are.

use crate::Db;

/// Connections of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// `readers`, `writers`, or `all` where they are the same.
    pub pool: &'static str,
    /// In use now.
    pub busy: usize,
    /// Open and free.
    pub idle: usize,
}

impl Db {
    /// The connections now: those that read and those that write, or all on PostgreSQL.
    pub fn connections(&self) -> Vec<Connections> {
        let of = |pool, connections: &sqlx::AnyPool| {
            let idle = connections.num_idle();
            let size = usize::try_from(connections.size()).unwrap_or(usize::MAX);
            Connections {
                pool,
                busy: size.saturating_sub(idle),
                idle,
            }
        };
        if self.begin == "BEGIN" {
            return vec![of("all", &self.readers)];
        }
        vec![of("readers", &self.readers), of("writers", &self.writers)]
    }
}
