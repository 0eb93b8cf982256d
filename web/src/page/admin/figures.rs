//! Sizes, rates and shares as people read them.

use js_sys::Number;

use crate::texts::{self, admin};

const KILO: f64 = 1_000.0;
const MEGA: f64 = 1_000_000.0;
const GIGA: f64 = 1_000_000_000.0;

/// `512 kB`, `1.2 GB`.
pub fn size(bytes: u64) -> String {
    let bytes = bytes as f64;
    if bytes >= GIGA {
        admin::bytes_g(number(bytes / GIGA))
    } else if bytes >= MEGA {
        admin::bytes_m(number(bytes / MEGA))
    } else {
        admin::bytes_k(number(bytes / KILO))
    }
}

/// `800 kbit/s`, `2.5 Mbit/s`, of bits in a second.
pub fn rate(bits: f64) -> String {
    if bits >= MEGA {
        admin::bits_m(number(bits / MEGA))
    } else {
        admin::bits_k(number((bits / KILO).round()))
    }
}

/// `12.5 %` of a share between 0 and 1.
pub fn percent(share: f64) -> String {
    admin::percent(number(share * 100.0))
}

/// With one place, as the language writes it; large ones without.
pub fn number(value: f64) -> String {
    let rounded = if value >= 100.0 {
        value.round()
    } else {
        (value * 10.0).round() / 10.0
    };
    let text = Number::from(rounded).to_locale_string(texts::language().tag());
    String::from(text)
}
