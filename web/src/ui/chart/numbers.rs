//! What a drawing says in words, and how its numbers lie.

use super::{Along, Drawing, Series, format};
use crate::texts::chart as texts;

/// Whether there is nothing to see.
pub fn is_empty(drawing: &Drawing) -> bool {
    let mut values = drawing.series.iter().flat_map(|it| &it.values);
    values.all(Option::is_none)
}

/// The chart for whoever does not see it: of each series the highest and the last value.
pub fn essence(label: &str, drawing: &Drawing) -> String {
    let said = drawing.series.iter().filter_map(|series| {
        let (at, peak) = peak(series)?;
        let peak_said = drawing.unit.say(peak);
        let place = place(drawing, at);
        Some(match &drawing.along {
            Along::Times(_) => {
                let last = drawing.unit.say(last(series)?.1);
                texts::essence(last, &series.name, peak_said, place)
            }
            Along::Names(_) => texts::essence_bars(&series.name, peak_said, place),
        })
    });
    let said: Vec<String> = said.collect();
    if said.is_empty() {
        return texts::labelled(label, texts::nothing());
    }
    texts::labelled(label, said.join(" "))
}

/// What stands below a value: its time or its name.
pub fn place(drawing: &Drawing, at: usize) -> String {
    match &drawing.along {
        Along::Times(times) => times
            .get(at)
            .map(|time| format::time(*time, format::precision(times)))
            .unwrap_or_default(),
        Along::Names(names) => names.get(at).cloned().unwrap_or_default(),
    }
}

/// How many places there are.
pub fn places(drawing: &Drawing) -> usize {
    match &drawing.along {
        Along::Times(times) => times.len(),
        Along::Names(names) => names.len(),
    }
}

/// The highest value, where it is first reached.
fn peak(series: &Series) -> Option<(usize, f64)> {
    let known = known(series);
    known.reduce(|best, next| if next.1 > best.1 { next } else { best })
}

/// The last value that is known.
pub fn last(series: &Series) -> Option<(usize, f64)> {
    known(series).last()
}

fn known(series: &Series) -> impl Iterator<Item = (usize, f64)> {
    let values = series.values.iter().enumerate();
    values.filter_map(|(at, value)| Some((at, (*value)?)))
}

#[cfg(test)]
mod tests {
    use super::{super::Unit, *};

    fn series(values: &[Option<f64>]) -> Series {
        Series::new("a", values.to_vec())
    }

    #[test]
    fn the_peak_is_where_it_is_first_reached_and_gaps_do_not_count() {
        let curve = series(&[None, Some(2.0), Some(7.0), Some(7.0), None]);
        assert_eq!(peak(&curve), Some((2, 7.0)));
        assert_eq!(last(&curve), Some((3, 7.0)));
        assert_eq!(peak(&series(&[None])), None);
    }

    #[test]
    fn a_drawing_of_gaps_is_empty() {
        let drawing = |values: &[Option<f64>]| Drawing {
            along: Along::Times(vec![0.0; values.len()]),
            series: vec![series(values)],
            unit: Unit::Count,
            joined: false,
            live: false,
        };
        assert!(is_empty(&drawing(&[])));
        assert!(is_empty(&drawing(&[None, None])));
        assert!(!is_empty(&drawing(&[None, Some(0.0)])));
    }
}
