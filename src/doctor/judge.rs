//! From facts to what they mean. Nothing here asks anybody.

mod addresses;
mod ports;
mod security;
mod system;
#[cfg(test)]
mod tests;

use weir_protocol::ConnectivityCheck;

use super::facts::Facts;

/// What the facts mean, in the order in which one reads it.
pub fn judge(facts: &Facts) -> Vec<ConnectivityCheck> {
    let mut checks = ports::judge(&facts.ports);
    checks.extend(addresses::judge(&facts.addresses, facts.stun.as_ref()));
    checks.extend(security::turn(&facts.turn));
    checks.extend(security::http(&facts.http));
    checks.extend(facts.certificate.as_ref().map(security::certificate));
    checks.extend(system::judge(facts));
    checks
}

/// Several of something.
fn list(all: impl IntoIterator<Item = impl ToString>) -> String {
    let all: Vec<String> = all.into_iter().map(|it| it.to_string()).collect();
    all.join(", ")
}
