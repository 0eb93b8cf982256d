//! Delivery directives: what a player asks of a playlist (rfc8216bis section 6.2.5).

use crate::ApiError;

/// What a playlist must contain before it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// The whole segment with this media sequence number.
    Segment(u64),
    /// A part of it; past the segment's last one it means part 0 of the next segment.
    Part(u64, u64),
}

/// How far a playlist is from what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    Yes,
    NotYet,
    /// So far in the future that the client must be mistaken.
    TooFar,
}

/// The directives of one request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Directives {
    /// `_HLS_msn` and `_HLS_part`.
    pub(super) until: Option<Until>,
    /// `_HLS_skip`: a playlist delta update is wanted.
    pub(super) skip: bool,
}

impl Directives {
    pub(super) fn parse(query: &str) -> Result<Self, ApiError> {
        let (mut msn, mut part, mut skip) = (None, None, false);
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let place = match &*name {
                "_HLS_msn" => &mut msn,
                "_HLS_part" => &mut part,
                "_HLS_skip" => {
                    // `v2` also allows to skip EXT-X-DATERANGE; there is none.
                    skip = matches!(&*value, "YES" | "v2");
                    continue;
                }
                // Other names with this prefix are reserved, and to be ignored.
                _ => continue,
            };
            let number = value
                .parse::<u64>()
                .map_err(|_| bad(&name, "must be a whole number"))?;
            if place.replace(number).is_some() {
                return Err(bad(&name, "must stand only once"));
            }
        }
        let until = match (msn, part) {
            (None, None) => None,
            (None, Some(_)) => return Err(bad("_HLS_part", "needs _HLS_msn")),
            (Some(msn), None) => Some(Until::Segment(msn)),
            (Some(msn), Some(part)) => Some(Until::Part(msn, part)),
        };
        Ok(Self { until, skip })
    }
}

fn bad(name: &str, why: &str) -> ApiError {
    ApiError::BadRequest(format!("{name} {why}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_read() {
        let read = |query| Directives::parse(query).unwrap();
        assert_eq!(read(""), Directives::default());
        assert_eq!(read("a=b&_HLS_future=1"), Directives::default());
        let part = Directives {
            until: Some(Until::Part(7, 2)),
            skip: true,
        };
        assert_eq!(read("_HLS_part=2&_HLS_msn=7&_HLS_skip=YES"), part);
        assert_eq!(read("_HLS_msn=0").until, Some(Until::Segment(0)));
        assert!(read("_HLS_skip=v2").skip);
        assert!(!read("_HLS_skip=no").skip);
    }

    #[test]
    fn mistakes_are_named() {
        for (query, word) in [
            ("_HLS_part=1", "needs _HLS_msn"),
            ("_HLS_msn=-1", "whole number"),
            ("_HLS_msn=", "whole number"),
            ("_HLS_msn=99999999999999999999", "whole number"),
            ("_HLS_msn=1&_HLS_part=x", "_HLS_part must be"),
            ("_HLS_msn=1&_HLS_msn=2", "only once"),
        ] {
            let error = Directives::parse(query).unwrap_err();
            assert!(
                matches!(&error, ApiError::BadRequest(text) if text.contains(word)),
                "{query}"
            );
        }
    }
}
