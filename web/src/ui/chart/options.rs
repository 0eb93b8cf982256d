//! What uPlot is told: axes in the reader's language, no zoom, no legend of its own.

use std::{any::Any, rc::Rc};

use js_sys::{Array, Float64Array, Function, Object};
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};

use super::{
    Along, Drawing,
    format::{self, Unit},
    palette::{DASHES, Palette, faint},
    uplot::Class,
};
use crate::dom;

/// Is told at which place the pointer is.
pub type Hear = Rc<dyn Fn(Option<usize>)>;

/// Share of a group's place that its bars fill at most.
const GROUP: f64 = 0.7;
/// As wide as a bar gets. CSS pixels.
const BAR: f64 = 64.0;
/// Of a bar's width.
const BAR_RADIUS: f64 = 0.12;
/// Of an axis's words, on average; they are digits mostly. CSS pixels.
const CHARACTER: f64 = 6.6;

/// About what the axis at the side takes. CSS pixels.
const UPWARDS: f64 = 60.0;

type Kept = Vec<Box<dyn Any>>;

/// The options, and the functions that they call.
pub fn of(
    class: &Class,
    drawing: &Drawing,
    palette: &Palette,
    (width, height): (f64, f64),
    hear: &Hear,
) -> (Object, Kept) {
    let mut kept = Kept::new();
    let options = object([
        ("width", width.into()),
        ("height", height.into()),
        ("padding", numbers(&[10.0, 34.0, 0.0, 0.0])),
        ("legend", object([("show", false.into())]).into()),
        ("select", object([("show", false.into())]).into()),
        ("cursor", cursor(&drawing.along).into()),
        ("hooks", hooks(hear.clone(), &mut kept).into()),
        ("scales", scales(drawing, &mut kept).into()),
        (
            "axes",
            Array::of2(
                &along(drawing, palette, &mut kept),
                &upwards(drawing.unit, palette, &mut kept),
            )
            .into(),
        ),
        ("series", series(class, drawing, palette, &mut kept).into()),
    ]);
    (options, kept)
}

fn cursor(along: &Along) -> Object {
    let still = object([
        ("x", false.into()),
        ("y", false.into()),
        ("setScale", false.into()),
    ]);
    let cursor = object([("y", false.into()), ("drag", still.into())]);
    if let Along::Names(_) = along {
        // A bar is enough of a mark.
        dom::set_property(&cursor, "points", &object([("show", false.into())]));
    }
    cursor
}

fn hooks(hear: Hear, kept: &mut Kept) -> Object {
    let moved = Closure::<dyn FnMut(JsValue)>::new(move |plot: JsValue| {
        let cursor = dom::property(&plot, "cursor");
        let at = cursor.and_then(|it| dom::property(&it, "idx")?.as_f64());
        hear(at.map(|at| at as usize));
    });
    let moved = keep(moved, kept);
    object([("setCursor", Array::of1(&moved).into())])
}

fn scales(drawing: &Drawing, kept: &mut Kept) -> Object {
    let x = match &drawing.along {
        Along::Times(_) => {
            // uPlot says a range too, and makes one of years around a moment alone.
            let range = Closure::<dyn FnMut(JsValue) -> JsValue>::new(|plot: JsValue| {
                let (from, to) = ends(&plot).map_or((0.0, 0.0), |(from, to)| reach(from, to));
                numbers(&[from, to])
            });
            object([("time", true.into()), ("range", keep(range, kept))])
        }
        Along::Names(names) => object([
            ("time", false.into()),
            ("range", numbers(&[-0.5, names.len() as f64 - 0.5])),
        ]),
    };
    // From nothing, to a little more than the highest; a flat line at nothing has a scale too.
    let end = |pad: f64, soft: f64| {
        JsValue::from(object([
            ("pad", pad.into()),
            ("soft", soft.into()),
            ("mode", 1.into()),
        ]))
    };
    let top = match drawing.unit {
        Unit::Share => 0.01,
        Unit::Milliseconds => 100.0,
        Unit::Length => 60_000.0,
        Unit::Count => 1.0,
    };
    let range = object([("min", end(0.0, 0.0)), ("max", end(0.1, top))]);
    object([
        ("x", x.into()),
        ("y", object([("range", range.into())]).into()),
    ])
}

/// The first and the last of a plot's times.
fn ends(plot: &JsValue) -> Option<(f64, f64)> {
    let data = dom::property(plot, "data")?.dyn_into::<Array>().ok()?;
    let times = data.get(0).dyn_into::<Float64Array>().ok()?;
    let last = times.length().checked_sub(1)?;
    Some((times.get_index(0), times.get_index(last)))
}

/// From when to when the axis goes. A moment alone stands in the middle of two minutes.
fn reach(from: f64, to: f64) -> (f64, f64) {
    if to > from {
        (from, to)
    } else {
        (from - 60.0, from + 60.0)
    }
}

fn axis(palette: &Palette) -> Object {
    let line = |show: bool| {
        JsValue::from(object([
            ("show", show.into()),
            ("stroke", palette.line.as_str().into()),
            ("width", 1.into()),
        ]))
    };
    object([
        ("stroke", palette.text.as_str().into()),
        ("font", palette.font.as_str().into()),
        ("grid", line(true)),
        ("ticks", line(false)),
        ("gap", 6.into()),
    ])
}

type Marks = Closure<dyn FnMut(JsValue, Array, JsValue, JsValue, f64) -> Array>;

fn along(drawing: &Drawing, palette: &Palette, kept: &mut Kept) -> Object {
    let axis = axis(palette);
    let marks: Marks = match &drawing.along {
        Along::Times(_) => Closure::new(|_, splits: Array, _, _, step: f64| {
            let said = |at: JsValue| JsValue::from(format::mark(number(&at), step));
            splits.iter().map(said).collect::<Array>()
        }),
        Along::Names(names) => {
            let places: Vec<f64> = (0..names.len()).map(|at| at as f64).collect();
            let places = numbers(&places);
            let splits = Closure::<dyn FnMut() -> JsValue>::new(move || places.clone());
            dom::set_property(&axis, "splits", &keep(splits, kept));
            let none = object([("show", false.into())]);
            dom::set_property(&axis, "grid", &none);
            let names = names.clone();
            Closure::new(move |plot: JsValue, splits: Array, _, _, _| {
                let width = dom::property(&plot, "width").and_then(|it| it.as_f64());
                let room = room(width.unwrap_or_default(), names.len());
                let said = |at: JsValue| {
                    let name = at.as_f64().and_then(|at| names.get(at as usize));
                    name.map_or(JsValue::NULL, |it| shortened(it, room).into())
                };
                splits.iter().map(said).collect::<Array>()
            })
        }
    };
    dom::set_property(&axis, "values", &keep(marks, kept));
    dom::set_property(&axis, "space", &84.into());
    dom::set_property(&axis, "size", &32.into());
    axis
}

/// Characters that a name may have where so many share the width.
fn room(width: f64, names: usize) -> usize {
    let each = (width - UPWARDS) / names.max(1) as f64;
    (each / CHARACTER * 0.85).max(4.0) as usize - 1
}

/// The table and the legend have it whole.
fn shortened(name: &str, room: usize) -> String {
    if name.chars().count() <= room {
        return name.to_owned();
    }
    let start: String = name.chars().take(room - 1).collect();
    format!("{}…", start.trim_end())
}

fn upwards(unit: Unit, palette: &Palette, kept: &mut Kept) -> Object {
    let axis = axis(palette);
    let marks: Marks = Closure::new(move |_, splits: Array, _, _, _| {
        let said = |at: JsValue| JsValue::from(unit.say(number(&at)));
        splits.iter().map(said).collect::<Array>()
    });
    dom::set_property(&axis, "values", &keep(marks, kept));
    let size = Closure::<dyn FnMut(JsValue, JsValue) -> f64>::new(|_, values: JsValue| {
        let values = values.dyn_into::<Array>().unwrap_or_default();
        let lengths = values.iter().filter_map(|it| it.as_string());
        let longest = lengths.map(|it| it.chars().count()).max().unwrap_or(1);
        (longest as f64 * CHARACTER + 16.0).max(40.0)
    });
    dom::set_property(&axis, "size", &keep(size, kept));
    dom::set_property(&axis, "space", &38.into());
    dom::set_property(&axis, "incrs", &numbers(&unit.steps()));
    axis
}

fn series(class: &Class, drawing: &Drawing, palette: &Palette, kept: &mut Kept) -> Array {
    let all = Array::of1(&Object::new());
    let count = drawing.series.len();
    for (at, one) in drawing.series.iter().enumerate() {
        let colour = palette.series.get(at).cloned().unwrap_or_default();
        let look = object([
            ("label", one.name.as_str().into()),
            ("stroke", colour.as_str().into()),
        ]);
        match &drawing.along {
            Along::Times(_) => {
                dom::set_property(&look, "width", &2.into());
                dom::set_property(&look, "spanGaps", &drawing.joined.into());
                dom::set_property(&look, "dash", &numbers(DASHES[at % DASHES.len()]));
                // Below several curves it would hide one by the other.
                if let Some(fill) = faint(&colour).filter(|_| at == 0) {
                    dom::set_property(&look, "fill", &fill.into());
                }
                let points = object([("size", 5.into()), ("fill", colour.as_str().into())]);
                dom::set_property(&points, "filter", &alone(kept));
                dom::set_property(&look, "points", &points);
            }
            Along::Names(names) => {
                dom::set_property(&look, "width", &0.into());
                dom::set_property(&look, "fill", &colour.as_str().into());
                dom::set_property(&look, "points", &object([("show", false.into())]));
                let paths = class.bars(&bars(names.len(), at, count, kept));
                dom::set_property(&look, "paths", &paths);
            }
        }
        all.push(&look);
    }
    all
}

/// Where points are too many to be marked each, those without a neighbour still are: no curve shows them.
fn alone(kept: &mut Kept) -> JsValue {
    type Filter = Closure<dyn FnMut(JsValue, u32, bool) -> JsValue>;
    let filter: Filter = Closure::new(|plot: JsValue, series: u32, all: bool| {
        if all {
            return JsValue::NULL;
        }
        let data = dom::property(&plot, "data").and_then(|it| it.dyn_into::<Array>().ok());
        let values = data.map(|it| it.get(series)).unwrap_or_default();
        let values = values.dyn_into::<Array>().unwrap_or_default();
        let known = |at: Option<u32>| {
            at.is_some_and(|at| at < values.length() && values.get(at).as_f64().is_some())
        };
        let alone = (0..values.length())
            .filter(|at| known(Some(*at)) && !known(at.checked_sub(1)) && !known(Some(at + 1)));
        alone.map(JsValue::from).collect::<Array>().into()
    });
    keep(filter, kept)
}

/// The bars of one series, beside those of the others in each group.
fn bars(places: usize, at: usize, count: usize, kept: &mut Kept) -> Object {
    let mut sized = |values: Box<dyn Fn(f64) -> Vec<f64>>| {
        let values = Closure::<dyn FnMut(JsValue) -> JsValue>::new(move |plot: JsValue| {
            let width = dom::property(&plot, "width").and_then(|it| it.as_f64());
            numbers(&values(bar(width.unwrap_or_default(), places, count)))
        });
        // Both are in the scale's own measure.
        JsValue::from(object([("unit", 1.into()), ("values", keep(values, kept))]))
    };
    let shift = at as f64 - count as f64 / 2.0;
    let lefts = move |bar: f64| {
        (0..places)
            .map(|place| place as f64 + shift * bar)
            .collect()
    };
    let disp = object([
        ("x0", sized(Box::new(lefts))),
        ("size", sized(Box::new(|bar| vec![bar * 0.94]))),
    ]);
    object([
        ("disp", disp.into()),
        ("size", numbers(&[1.0, f64::INFINITY])),
        ("radius", BAR_RADIUS.into()),
    ])
}

/// How wide one bar is, as a share of its group's place.
fn bar(width: f64, places: usize, count: usize) -> f64 {
    let each = ((width - UPWARDS) / places.max(1) as f64).max(1.0);
    (GROUP / count.max(1) as f64).min(BAR / each)
}

fn object<const N: usize>(fields: [(&str, JsValue); N]) -> Object {
    let object = Object::new();
    for (name, value) in fields {
        dom::set_property(&object, name, &value);
    }
    object
}

fn number(value: &JsValue) -> f64 {
    value.as_f64().unwrap_or_default()
}

fn numbers(values: &[f64]) -> JsValue {
    let values = values.iter().copied().map(JsValue::from_f64);
    values.collect::<Array>().into()
}

/// The function, which lives as long as the plot.
fn keep<T: ?Sized + 'static>(closure: Closure<T>, kept: &mut Kept) -> JsValue {
    let function: &Function = closure.as_ref().unchecked_ref();
    let function = function.clone();
    kept.push(Box::new(closure));
    function.into()
}

#[cfg(test)]
mod tests {
    use super::{BAR, GROUP, UPWARDS, bar, reach, room, shortened};

    #[test]
    fn bars_fill_their_groups_and_are_not_wider_than_is_good() {
        assert!((bar(360.0, 12, 2) - GROUP / 2.0).abs() < 1e-9);
        let wide = bar(UPWARDS + 900.0, 3, 2);
        assert!((wide * 300.0 - BAR).abs() < 1e-9);
    }

    #[test]
    fn a_moment_alone_has_a_width() {
        assert_eq!(reach(100.0, 160.0), (100.0, 160.0));
        assert_eq!(reach(100.0, 100.0), (40.0, 160.0));
    }

    #[test]
    fn names_are_cut_where_they_would_run_into_each_other() {
        assert_eq!(shortened("360p", 8), "360p");
        assert_eq!(shortened("A gate for the forge", 8), "A gate…");
        assert_eq!(shortened("Übermäßig", 4), "Übe…");
        assert_eq!(room(0.0, 3), 3);
        assert!(room(700.0, 3) > room(360.0, 3));
    }
}
