//! The little of uPlot that charts use. The script is ours to serve and is loaded with the first chart.

use std::any::Any;

use gloo_timers::future::TimeoutFuture;
use js_sys::{Array, Float64Array, Function, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use web_sys::HtmlElement;

use super::{Along, Drawing};
use crate::dom;

#[wasm_bindgen]
extern "C" {
    type Instance;
    #[wasm_bindgen(method, js_name = setData)]
    fn set_data(this: &Instance, data: &Array);
    #[wasm_bindgen(method, js_name = setSize)]
    fn set_size(this: &Instance, size: &Object);
    #[wasm_bindgen(method)]
    fn destroy(this: &Instance);
}

/// Loads the library; the browser does so once.
pub async fn class() -> Result<Class, JsValue> {
    let script = dom::meta("weir-uplot").ok_or("the page names no uPlot")?;
    let module = dom::import(&script).await?;
    let constructor: Function = Reflect::get(&module, &"default".into())?.dyn_into()?;
    Ok(Class(constructor))
}

/// The library.
#[derive(Clone)]
pub struct Class(Function);

impl Class {
    /// A function that makes the paths of bars as `options` say.
    pub fn bars(&self, options: &Object) -> JsValue {
        let paths = dom::property(&self.0, "paths");
        paths
            .and_then(|paths| dom::call_with(&paths, "bars", options))
            .unwrap_or_default()
    }

    /// Draws into `element`. `kept` is what the options call.
    pub fn draw(
        &self,
        options: &Object,
        kept: Vec<Box<dyn Any>>,
        drawing: &Drawing,
        element: &HtmlElement,
    ) -> Result<Plot, JsValue> {
        let arguments = Array::of3(options, &data(drawing), element);
        let instance = Reflect::construct(&self.0, &arguments)?.unchecked_into();
        Ok(Plot { instance, kept })
    }
}

/// A plot on the page. Dropping it removes it.
pub struct Plot {
    instance: Instance,
    kept: Vec<Box<dyn Any>>,
}

impl Plot {
    /// Other values in the same shape.
    pub fn set(&self, drawing: &Drawing) {
        self.instance.set_data(&data(drawing));
    }

    /// In CSS pixels.
    pub fn fit(&self, (width, height): (f64, f64)) {
        let size = Object::new();
        dom::set_property(&size, "width", &width.into());
        dom::set_property(&size, "height", &height.into());
        self.instance.set_size(&size);
    }
}

impl Drop for Plot {
    fn drop(&mut self) {
        self.instance.destroy();
        // A frame that uPlot has already queued still calls them.
        let kept = std::mem::take(&mut self.kept);
        wasm_bindgen_futures::spawn_local(async move {
            TimeoutFuture::new(1_000).await;
            drop(kept);
        });
    }
}

/// The values as uPlot has them: first where they stand, then each series.
fn data(drawing: &Drawing) -> Array {
    let along = match &drawing.along {
        Along::Times(times) => Float64Array::from(times.as_slice()),
        Along::Names(names) => {
            let places: Vec<f64> = (0..names.len()).map(|at| at as f64).collect();
            Float64Array::from(places.as_slice())
        }
    };
    let all = Array::of1(&along);
    for series in &drawing.series {
        let values = series.values.iter();
        let values = values.map(|value| value.map_or(JsValue::NULL, JsValue::from_f64));
        all.push(&values.collect::<Array>());
    }
    all
}
