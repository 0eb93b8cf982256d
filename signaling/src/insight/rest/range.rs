//! From when to when.

use serde::Deserialize;
use utoipa::IntoParams;
use weir_db::{DAY_MS, Grain, HOUR_MS, UnixMillis};
use weir_protocol::Step;

use crate::{ApiError, live::now};

/// The end of the year 9999.
const LATEST: UnixMillis = 253_402_300_799_999;

/// Time without steps.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct RangeQuery {
    /// Start, in milliseconds since the Unix epoch; 30 days before the end when left out.
    #[param(minimum = 0, maximum = 253_402_300_799_999_i64)]
    from: Option<i64>,
    /// End, itself not in it; now when left out.
    #[param(minimum = 0, maximum = 253_402_300_799_999_i64)]
    to: Option<i64>,
}

/// Time in steps.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SeriesQuery {
    /// Start, in milliseconds since the Unix epoch; left out, six hours, a week or 90 days before the
    /// end, as the step is. The step that it falls into is the first.
    #[param(minimum = 0, maximum = 253_402_300_799_999_i64)]
    from: Option<i64>,
    /// End, itself not in it; now when left out.
    #[param(minimum = 0, maximum = 253_402_300_799_999_i64)]
    to: Option<i64>,
    /// How finely: at most a week by minutes, a year by hours, ten years by days.
    step: Option<Step>,
}

/// A time that makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) from: UnixMillis,
    pub(super) to: UnixMillis,
}

impl RangeQuery {
    pub(super) fn new(from: Option<i64>, to: Option<i64>) -> Self {
        Self { from, to }
    }

    pub(super) fn range(self) -> Result<Range, ApiError> {
        range(self.from, self.to, 30 * DAY_MS, now())
    }
}

impl SeriesQuery {
    pub(super) fn range(self) -> Result<(Range, Step), ApiError> {
        let step = self.step.unwrap_or_default();
        let (usual, longest, words) = match step {
            Step::Minute => (6 * HOUR_MS, 7 * DAY_MS, "a week by minutes"),
            Step::Hour => (7 * DAY_MS, 366 * DAY_MS, "366 days by hours"),
            Step::Day => (90 * DAY_MS, 3_660 * DAY_MS, "ten years by days"),
        };
        let mut range = range(self.from, self.to, usual, now())?;
        if range.to - range.from > longest {
            return Err(ApiError::BadRequest(format!(
                "from and to are at most {words} apart; take a longer step, or ask in parts"
            )));
        }
        range.from -= range.from.rem_euclid(grain(step).millis());
        Ok((range, step))
    }
}

impl Range {
    pub(super) fn pair(self) -> (UnixMillis, UnixMillis) {
        (self.from, self.to)
    }
}

pub(super) fn grain(step: Step) -> Grain {
    match step {
        Step::Minute => Grain::Minute,
        Step::Hour => Grain::Hour,
        Step::Day => Grain::Day,
    }
}

fn range(
    from: Option<i64>,
    to: Option<i64>,
    usual: i64,
    now: UnixMillis,
) -> Result<Range, ApiError> {
    let to = to.unwrap_or(now);
    let from = from.unwrap_or_else(|| (to - usual).max(0));
    if from < 0 || to > LATEST || from >= to {
        return Err(ApiError::BadRequest(
            "from and to are milliseconds since 1970, from before to".into(),
        ));
    }
    Ok(Range { from, to })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_order_and_not_too_far_apart() {
        let good = |from, to| range(from, to, 100, 1_000).map(Range::pair);
        assert_eq!(good(None, None), Ok((900, 1_000)));
        assert_eq!(good(None, Some(50)), Ok((0, 50)));
        assert_eq!(good(Some(5), Some(6)), Ok((5, 6)));
        for (from, to) in [
            (Some(6), Some(6)),
            (Some(-1), Some(6)),
            (Some(2_000), None),
            (Some(0), Some(i64::MAX)),
            (None, Some(-5)),
            (None, Some(0)),
        ] {
            assert!(range(from, to, 100, 1_000).is_err(), "{from:?} {to:?}");
        }
        let series = |from, to, step| {
            let step = Some(step);
            SeriesQuery { from, to, step }
                .range()
                .map(|(range, _)| range)
        };
        let day = series(Some(DAY_MS + 7), Some(9 * DAY_MS), Step::Day);
        assert_eq!(day.map(Range::pair), Ok((DAY_MS, 9 * DAY_MS)));
        assert!(series(Some(0), Some(7 * DAY_MS), Step::Minute).is_ok());
        assert!(series(Some(0), Some(7 * DAY_MS + 1), Step::Minute).is_err());
        assert!(series(Some(0), Some(367 * DAY_MS), Step::Hour).is_err());
    }
}
