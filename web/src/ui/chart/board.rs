//! A plot in its place: drawn anew when the theme or the shape of the data changes, fitted when the width does.

use std::{cell::RefCell, rc::Rc};

use web_sys::HtmlElement;

use super::{
    Along, Drawing, numbers,
    observe::Observers,
    options::{self, Hear},
    palette::Palette,
    uplot::{Class, Plot},
};

/// Dropping it clears the place.
pub struct Board {
    inner: Rc<RefCell<Inner>>,
    _observers: Observers,
}

struct Inner {
    class: Class,
    element: HtmlElement,
    drawing: Drawing,
    hear: Hear,
    plot: Option<Plot>,
    size: (f64, f64),
}

impl Board {
    /// Draws, and goes on doing so. `hear` is told what the pointer is at.
    pub fn new(class: Class, element: HtmlElement, drawing: Drawing, hear: Hear) -> Self {
        let inner = Rc::new(RefCell::new(Inner {
            class,
            element: element.clone(),
            drawing,
            hear,
            plot: None,
            size: (0.0, 0.0),
        }));
        inner.borrow_mut().draw();
        let (resized, recoloured) = (inner.clone(), inner.clone());
        let observers = Observers::new(
            &element,
            move || {
                if let Ok(mut inner) = resized.try_borrow_mut() {
                    inner.fit();
                }
            },
            move || {
                if let Ok(mut inner) = recoloured.try_borrow_mut() {
                    inner.draw();
                }
            },
        );
        Self {
            inner,
            _observers: observers,
        }
    }

    /// What is there now.
    pub fn update(&mut self, drawing: Drawing) {
        let mut inner = self.inner.borrow_mut();
        if inner.drawing == drawing {
            return;
        }
        let same = same_shape(&inner.drawing, &drawing);
        inner.drawing = drawing;
        match &inner.plot {
            Some(plot) if same && !numbers::is_empty(&inner.drawing) => plot.set(&inner.drawing),
            _ => inner.draw(),
        }
    }
}

impl Inner {
    fn draw(&mut self) {
        self.plot = None;
        self.size = size(&self.element);
        if self.size.0 <= 0.0 || numbers::is_empty(&self.drawing) {
            return;
        }
        let palette = Palette::of(&self.element);
        let (options, kept) =
            options::of(&self.class, &self.drawing, &palette, self.size, &self.hear);
        let drawn = self
            .class
            .draw(&options, kept, &self.drawing, &self.element);
        // Without a picture there is still the table.
        self.plot = drawn.ok();
    }

    fn fit(&mut self) {
        let size = size(&self.element);
        if size == self.size {
            return;
        }
        match &self.plot {
            Some(plot) if size.0 > 0.0 => {
                self.size = size;
                plot.fit(size);
            }
            _ => self.draw(),
        }
    }
}

fn size(element: &HtmlElement) -> (f64, f64) {
    (
        f64::from(element.client_width()),
        f64::from(element.client_height()),
    )
}

/// Whether only values differ.
fn same_shape(one: &Drawing, other: &Drawing) -> bool {
    let along = match (&one.along, &other.along) {
        (Along::Times(_), Along::Times(_)) => true,
        // The axis knows the names.
        (Along::Names(one), Along::Names(other)) => one == other,
        _ => false,
    };
    let named = |drawing: &Drawing| -> Vec<String> {
        drawing.series.iter().map(|it| it.name.clone()).collect()
    };
    along && one.unit == other.unit && named(one) == named(other)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Series, Unit},
        *,
    };

    #[test]
    fn values_may_change_and_names_may_not() {
        let drawing = |along: Along, name: &str, value: f64| Drawing {
            along,
            series: vec![Series::new(name, vec![Some(value)])],
            unit: Unit::Count,
            joined: false,
            live: false,
        };
        let times = |at: f64| Along::Times(vec![at]);
        let first = drawing(times(1.0), "a", 1.0);
        assert!(same_shape(&first, &drawing(times(2.0), "a", 5.0)));
        assert!(!same_shape(&first, &drawing(times(1.0), "b", 1.0)));
        let bars = |name: &str| drawing(Along::Names(vec![name.to_owned()]), "a", 1.0);
        assert!(!same_shape(&first, &bars("x")));
        assert!(!same_shape(&bars("x"), &bars("y")));
    }
}
