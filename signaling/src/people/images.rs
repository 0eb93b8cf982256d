//! Pictures: uploaded once, named by their content, served from the database.

use axum::{
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use imagesize::ImageType;
use utoipa_axum::{router::OpenApiRouter, routes};
use weir_db::{ImageId, NewImage};
use weir_protocol::UploadedImage;

use crate::{
    ApiError, App, Refusals,
    api::{Actor, Json, Path, scope},
};

/// Largest file in bytes.
const MAX_BYTES: usize = 1024 * 1024;

/// Most pixels on a side.
const MAX_SIDE: usize = 4096;

/// Uploads of a user in an hour that are still there; the collector takes unused ones after a day.
const UPLOADS_PER_HOUR: i64 = 100;

/// An hour in milliseconds.
const HOUR: i64 = 60 * 60 * 1000;

/// What is looked at first: whatever a file claims, a browser must not run it.
const CSP: HeaderValue = HeaderValue::from_static("default-src 'none'; sandbox");

/// Their content never changes.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// Uploads have their own limit of size.
pub(super) fn routes() -> OpenApiRouter<App> {
    let upload = OpenApiRouter::new()
        .routes(routes!(upload))
        .layer(DefaultBodyLimit::max(MAX_BYTES));
    upload.routes(routes!(show))
}

/// Where an image is.
pub(crate) fn image_url(id: &str) -> String {
    format!("/api/v1/images/{id}")
}

/// Upload an image
///
/// PNG, JPEG, WebP or GIF of at most 1 MiB and 4096 pixels a side, as the body itself. Images that nothing
/// shows are removed after a day.
#[utoipa::path(
    post, path = "/api/v1/images", tag = "images",
    request_body(
        content(
            (Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/webp"),
            (Vec<u8> = "image/gif"),
        ),
    ),
    responses((status = CREATED, body = UploadedImage), Refusals),
)]
pub(super) async fn upload(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Profile>,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<Response, ApiError> {
    let claimed = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    if !claimed.is_some_and(|claimed| claimed.starts_with("image/")) {
        return Err(ApiError::UnsupportedMediaType(
            "an image: image/png, image/jpeg, image/webp or image/gif",
        ));
    }
    let bytes = body?;
    // What the file is counts, not what it is said to be.
    let (media_type, width, height) = look(&bytes)?;
    let db = &app.services.db;
    let uploads = db.count_uploads(user.id, super::now() - HOUR).await?;
    if uploads >= UPLOADS_PER_HOUR {
        return Err(ApiError::TooManyRequests(std::time::Duration::from_secs(
            600,
        )));
    }
    let image = NewImage {
        media_type,
        width,
        height,
        bytes: bytes.to_vec(),
    };
    let id = db.store_image(image, user.id).await?;
    let url = image_url(id.as_str());
    let location = HeaderValue::try_from(&url).expect("digits");
    let uploaded = UploadedImage {
        id: id.to_string(),
        url,
        width,
        height,
        media_type: media_type.to_owned(),
    };
    let answer = (
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        Json(uploaded),
    );
    Ok(answer.into_response())
}

/// An image
#[utoipa::path(
    get, path = "/api/v1/images/{id}", tag = "images", security(()),
    params(("id" = String, Path, pattern = "^[0-9a-f]{64}$")),
    responses(
        (status = OK, content(
            (Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/webp"),
            (Vec<u8> = "image/gif"),
        )),
        (status = NOT_MODIFIED),
        Refusals,
    ),
)]
pub(super) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let unknown = ApiError::NotFound("image");
    let id: ImageId = id.parse().map_err(|_| unknown.clone())?;
    let tag = format!("\"{id}\"");
    let known = headers.get_all(header::IF_NONE_MATCH).iter().any(|value| {
        let value = value.to_str().unwrap_or_default();
        value
            .split(',')
            .any(|one| one.trim().trim_start_matches("W/") == tag)
    });
    let fixed = [
        (header::ETAG, HeaderValue::try_from(tag).expect("digits")),
        (header::CACHE_CONTROL, IMMUTABLE),
        (header::CONTENT_SECURITY_POLICY, CSP),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
    ];
    if known {
        return Ok((StatusCode::NOT_MODIFIED, fixed).into_response());
    }
    let image = app.services.db.image(&id).await?.ok_or(unknown)?;
    let kind = HeaderValue::try_from(image.media_type).map_err(|_| ApiError::Internal)?;
    Ok((fixed, [(header::CONTENT_TYPE, kind)], image.bytes).into_response())
}

/// What a file is, by its first bytes.
fn look(bytes: &[u8]) -> Result<(&'static str, u32, u32), ApiError> {
    let bad = |why: &str| ApiError::BadRequest(format!("the image {why}"));
    let kind = imagesize::image_type(bytes).ok();
    let media_type = match kind {
        Some(ImageType::Png) => "image/png",
        Some(ImageType::Jpeg) => "image/jpeg",
        Some(ImageType::Webp) => "image/webp",
        Some(ImageType::Gif) => "image/gif",
        _ => return Err(bad("is neither PNG, JPEG, WebP nor GIF")),
    };
    let size = imagesize::blob_size(bytes).map_err(|_| bad("is damaged"))?;
    let side = |pixels: usize| {
        let fits = (1..=MAX_SIDE).contains(&pixels);
        fits.then(|| u32::try_from(pixels).ok())
            .flatten()
            .ok_or_else(|| bad("must have 1 to 4096 pixels on each side"))
    };
    Ok((media_type, side(size.width)?, side(size.height)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_its_bytes_say() {
        let gif = |width: u16, height: u16| {
            let mut bytes = b"GIF89a".to_vec();
            bytes.extend_from_slice(&width.to_le_bytes());
            bytes.extend_from_slice(&height.to_le_bytes());
            bytes.extend_from_slice(&[0; 3]);
            bytes
        };
        assert_eq!(look(&gif(3, 4)), Ok(("image/gif", 3, 4)));
        assert!(look(&gif(4097, 4)).is_err());
        assert!(look(&gif(0, 4)).is_err());
        for bad in [
            &b""[..],
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            b"\x89PNG\r\n\x1a\n",
        ] {
            assert!(look(bad).is_err());
        }
    }
}
