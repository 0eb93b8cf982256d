//! A picture of an event's branding. What cameras make is larger than the server takes and than pages need, so it is
//! made smaller here first.

use dioxus::{prelude::*, web::WebEventExt as _};
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, CanvasRenderingContext2d, HtmlCanvasElement, HtmlInputElement, ImageBitmap};

use super::questions;
use crate::{
    dom,
    event::picture,
    texts::organiser as said,
    ui::{use_id, use_toasts},
};

/// Small, and transparent where the picture is. A browser that cannot write it writes PNG.
const MEDIA_TYPE: &str = "image/webp";

/// `value` is the picture's id; empty for none. `width` and `height`: pixels at most.
#[component]
pub fn PictureField(
    label: String,
    hint: String,
    value: Signal<String>,
    width: u32,
    height: u32,
) -> Element {
    let id = use_id("picture");
    let mut busy = use_signal(|| false);
    let toasts = use_toasts();
    let chosen = move |event: FormEvent| async move {
        let Some((input, file)) = file_of(&event) else {
            return;
        };
        busy.set(true);
        match smaller(&file, width, height).await {
            Ok(small) => match questions::upload(small).await {
                Ok(image) => value.set(image.id),
                Err(error) => toasts.fail(error.text()),
            },
            Err(_) => toasts.fail(said::picture_unreadable()),
        }
        // The same file may be chosen again.
        input.set_value("");
        busy.set(false);
    };
    rsx! {
        div { class: "field",
            label { class: "field-label", r#for: "{id}", "{label}" }
            div { class: "picture-row",
                if !value.read().is_empty() { img { class: "picture-small", src: picture(&value.read()), alt: "" } }
                input { id: "{id}", class: "input", r#type: "file", accept: "image/png,image/jpeg,image/webp,image/gif", disabled: busy(),
                    "aria-describedby": "{id}-hint", onchange: chosen }
                if !value.read().is_empty() {
                    button { class: "action action-soft", r#type: "button", "aria-label": "{said::remove()}: {label}", onclick: move |_| value.set(String::new()), "{said::remove()}" }
                }
            }
            p { id: "{id}-hint", class: "field-hint", "{hint}" }
        }
    }
}

fn file_of(event: &FormEvent) -> Option<(HtmlInputElement, Blob)> {
    let input: HtmlInputElement = event.try_as_web_event()?.target()?.dyn_into().ok()?;
    let files = dom::property(&input, "files")?;
    let file = dom::property(&files, "0")?.dyn_into().ok()?;
    Some((input, file))
}

/// The whole picture, within a frame.
async fn smaller(file: &Blob, width: u32, height: u32) -> Result<Blob, JsValue> {
    let promise = dom::window().create_image_bitmap_with_blob(file)?;
    let bitmap: ImageBitmap = JsFuture::from(promise).await?.unchecked_into();
    let (w, h) = fitted((bitmap.width(), bitmap.height()), (width, height));
    let canvas: HtmlCanvasElement = dom::document().create_element("canvas")?.unchecked_into();
    canvas.set_width(w);
    canvas.set_height(h);
    let context = canvas.get_context("2d")?.ok_or(JsValue::UNDEFINED)?;
    let context: CanvasRenderingContext2d = context.unchecked_into();
    context.draw_image_with_image_bitmap_and_dw_and_dh(
        &bitmap,
        0.0,
        0.0,
        f64::from(w),
        f64::from(h),
    )?;
    bitmap.close();
    let mut failed = None;
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        let done = Closure::once_into_js(move |blob: JsValue| {
            let _ = resolve.call1(&JsValue::UNDEFINED, &blob);
        });
        failed = canvas
            .to_blob_with_type(done.unchecked_ref(), MEDIA_TYPE)
            .err();
    });
    if let Some(error) = failed {
        return Err(error);
    }
    JsFuture::from(promise).await?.dyn_into()
}

/// Width and height with the same shape within others; never larger than before.
fn fitted((w, h): (u32, u32), (most_w, most_h): (u32, u32)) -> (u32, u32) {
    let part = |most: u32, is: u32| f64::from(most) / f64::from(is.max(1));
    let scale = part(most_w, w).min(part(most_h, h)).min(1.0);
    let side = |is: u32| ((f64::from(is) * scale).round() as u32).max(1);
    (side(w), side(h))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_keep_their_shape_and_do_not_grow() {
        assert_eq!(fitted((4000, 3000), (1600, 900)), (1200, 900));
        assert_eq!(fitted((3200, 400), (1600, 900)), (1600, 200));
        assert_eq!(fitted((64, 64), (1600, 900)), (64, 64));
        assert_eq!(fitted((9000, 1), (900, 900)), (900, 1));
    }
}
