//! The colours of the theme that is on, as a canvas wants them. Each is read from an element that has it: only there
//! are the tokens' values resolved.

use web_sys::{CssStyleDeclaration, Element};

use crate::dom;

/// Series that have a colour and a stroke of their own.
pub const SERIES: usize = 5;

/// Dashes of the curves, in CSS pixels: what tells them apart without colour.
pub const DASHES: [&[f64]; SERIES] = [
    &[],
    &[8.0, 5.0],
    &[2.0, 4.0],
    &[12.0, 4.0, 2.0, 4.0],
    &[16.0, 6.0],
];

/// What is drawn with.
pub struct Palette {
    /// Of the series, in order.
    pub series: Vec<String>,
    /// Of the words at the axes.
    pub text: String,
    /// Of the grid.
    pub line: String,
    /// CSS's `font`.
    pub font: String,
}

impl Palette {
    /// From the element that the plot is drawn in, and the legend of its figure.
    pub fn of(plot: &Element) -> Self {
        let style = |element: &Element| dom::window().get_computed_style(element).ok().flatten();
        let read = |style: &Option<CssStyleDeclaration>, name: &str| {
            let value = style
                .as_ref()
                .and_then(|it| it.get_property_value(name).ok());
            value.filter(|it| !it.is_empty())
        };
        let own = style(plot);
        let mut series = Vec::new();
        let figure = plot.closest(".chart").ok().flatten();
        if let Some(swatches) = figure.and_then(|it| it.query_selector_all(".chart-swatch").ok()) {
            for n in 0..swatches.length() {
                let swatch = swatches.item(n).and_then(dom::as_element);
                let colour = swatch.and_then(|it| read(&style(&it), "color"));
                series.push(colour.unwrap_or_else(|| "currentColor".to_owned()));
            }
        }
        let family = read(&own, "font-family").unwrap_or_else(|| "sans-serif".to_owned());
        Self {
            series,
            text: read(&own, "color").unwrap_or_default(),
            line: read(&own, "border-top-color").unwrap_or_default(),
            font: format!("12px {family}"),
        }
    }
}

/// The same colour, so thin that curves are seen through it.
pub fn faint(colour: &str) -> Option<String> {
    let parts = colour.strip_prefix("rgb(")?.strip_suffix(')')?;
    Some(format!("rgba({parts}, 0.14)"))
}

#[cfg(test)]
mod tests {
    use super::faint;

    #[test]
    fn only_opaque_colours_are_thinned() {
        assert_eq!(
            faint("rgb(8, 112, 138)").as_deref(),
            Some("rgba(8, 112, 138, 0.14)")
        );
        assert_eq!(faint("rgba(8, 112, 138, 0.5)"), None);
    }
}
