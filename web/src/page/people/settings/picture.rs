//! The user's picture. What cameras make is far larger than the server takes, so it is cut to a square and made
//! smaller here first.

use dioxus::{prelude::*, web::WebEventExt as _};
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, CanvasRenderingContext2d, HtmlCanvasElement, HtmlInputElement, ImageBitmap};
use weir_protocol::{EditProfile, UploadedImage};

use super::profile::edit;
use crate::{
    api::{self, ApiError},
    dom,
    texts::{frame, people},
    ui::{Avatar, use_id, use_toasts},
};

/// Pixels of a side: sharp where pictures are shown largest, on dense screens.
const SIDE: u32 = 384;
/// Small, and transparent where the picture is. A browser that cannot write it writes PNG.
const MEDIA_TYPE: &str = "image/webp";

/// `tag` is that of the profile as it was read last.
#[component]
pub fn Picture(name: String, address: Option<String>, tag: Signal<Option<String>>) -> Element {
    let toasts = use_toasts();
    let id = use_id("picture");
    let mut shown = use_signal(|| address);
    let mut busy = use_signal(|| false);
    let mut change = move |file: Option<Blob>| {
        busy.set(true);
        spawn(async move {
            match replace(tag, file).await {
                Ok(new) => {
                    shown.set(new);
                    toasts.say(frame::saved());
                }
                Err(text) => toasts.fail(text),
            }
            busy.set(false);
        });
    };
    let chosen = move |event: FormEvent| {
        if let Some((input, file)) = file_of(&event) {
            // The same file may be chosen again.
            input.set_value("");
            change(Some(file));
        }
    };
    rsx! {
        div { class: "picture", "aria-busy": "{busy}",
            Avatar { name, picture: shown(), large: true }
            div { class: "stack picture-side",
                label { class: "field-label", r#for: "{id}", "{people::picture()}" }
                input { id: "{id}", class: "picture-file", r#type: "file", accept: "image/png,image/jpeg,image/webp,image/gif",
                    "aria-describedby": "{id}-hint", disabled: busy(), onchange: chosen }
                p { id: "{id}-hint", class: "field-hint", "{people::picture_hint()}" }
                if shown().is_some() {
                    button { class: "action action-soft action-small picture-remove", r#type: "button", disabled: busy(), onclick: move |_| change(None),
                        "{people::remove_picture()}"
                    }
                }
            }
        }
    }
}

fn file_of(event: &FormEvent) -> Option<(HtmlInputElement, Blob)> {
    let input: HtmlInputElement = event.try_as_web_event()?.target()?.dyn_into().ok()?;
    let files = dom::property(&input, "files")?;
    let file = js_sys::Reflect::get_u32(&files, 0).ok()?.dyn_into().ok()?;
    Some((input, file))
}

/// Where the new one is; an error in words.
async fn replace(
    tag: Signal<Option<String>>,
    file: Option<Blob>,
) -> Result<Option<String>, String> {
    let said = |error: ApiError| error.text();
    let avatar = match file {
        None => None,
        Some(file) => {
            let small = small_square(&file)
                .await
                .map_err(|_| people::picture_unreadable().to_owned())?;
            let media_type = small.type_();
            let asked = api::post("/api/v1/images").raw(small.into(), &media_type);
            Some(asked.json::<UploadedImage>().await.map_err(said)?.id)
        }
    };
    let change = EditProfile {
        avatar: Some(avatar),
        ..EditProfile::default()
    };
    let profile = edit(tag, &change).await.map_err(said)?;
    Ok(profile.avatar_url)
}

/// The middle of the picture.
async fn small_square(file: &Blob) -> Result<Blob, JsValue> {
    let promise = dom::window().create_image_bitmap_with_blob(file)?;
    let bitmap: ImageBitmap = JsFuture::from(promise).await?.unchecked_into();
    let (width, height) = (f64::from(bitmap.width()), f64::from(bitmap.height()));
    let side = width.min(height);
    let canvas: HtmlCanvasElement = dom::document().create_element("canvas")?.unchecked_into();
    canvas.set_width(SIDE);
    canvas.set_height(SIDE);
    let context = canvas.get_context("2d")?.ok_or(JsValue::UNDEFINED)?;
    let context: CanvasRenderingContext2d = context.unchecked_into();
    context.draw_image_with_image_bitmap_and_sw_and_sh_and_dx_and_dy_and_dw_and_dh(
        &bitmap,
        (width - side) / 2.0,
        (height - side) / 2.0,
        side,
        side,
        0.0,
        0.0,
        f64::from(SIDE),
        f64::from(SIDE),
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
