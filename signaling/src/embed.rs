//! The player in other people's pages: `/embed/{slug}` for a frame, and oEmbed (oembed.com), by which
//! sites turn a stream's address into that frame.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use weir_db::Stream;

use crate::{
    ApiError, App, Refusals,
    api::{Json, Path, Query},
    assets,
    watching::Viewer,
};

/// Size of the frame, unless the site has less room: 16 to 9.
const WIDTH: u32 = 1280;
const HEIGHT: u32 = 720;

/// How long a site may keep an answer, in seconds.
const CACHE_AGE: u32 = 3600;

/// Longest address that is looked at.
const URL_MAX: usize = 2048;

/// Who may show the player in a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbedConfig {
    /// Sources of `frame-ancestors` (CSP level 3): origins like `https://example.org`, `'self'`, or `*` for
    /// everybody. None: nobody.
    pub frame_ancestors: Vec<String>,
}

impl Default for EmbedConfig {
    fn default() -> Self {
        Self {
            frame_ancestors: vec!["*".to_owned()],
        }
    }
}

impl EmbedConfig {
    /// Whether the sources can stand in a policy.
    ///
    /// # Errors
    /// With what is wrong.
    pub fn check(&self) -> Result<(), String> {
        let fits = |source: &String| {
            let odd = |c: char| !c.is_ascii_graphic() || matches!(c, ';' | ',' | '"');
            !source.is_empty() && !source.contains(odd)
        };
        match self.frame_ancestors.iter().find(|source| !fits(source)) {
            None => Ok(()),
            Some(bad) => Err(format!(
                "{bad:?} is no source of frame-ancestors: write an origin like https://example.org, 'self', or *"
            )),
        }
    }

    fn sources(&self) -> String {
        match self.frame_ancestors.is_empty() || self.check().is_err() {
            true => "'none'".to_owned(),
            false => self.frame_ancestors.join(" "),
        }
    }
}

/// oEmbed's operation.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(oembed))
}

/// `GET /embed/{slug}`: the player alone, for frames. Its stream must be one that anybody with its address may
/// watch, or the frame's address carries a viewer token.
pub(crate) async fn page(
    State(app): State<App>,
    Path(slug): Path<String>,
    viewer: Result<Viewer, ApiError>,
    headers: HeaderMap,
) -> Response {
    let viewer = viewer.unwrap_or(Viewer::Nobody);
    let status = match app.watchable(&slug, &viewer).await {
        Ok(_) => StatusCode::OK,
        Err(ApiError::NotFound(_) | ApiError::Forbidden(_)) => StatusCode::NOT_FOUND,
        Err(error) => return error.into_response(),
    };
    let mut response = app.services.assets.page(status, &headers);
    let policy = assets::policy(&app.services.config.embed.sources());
    let policy = HeaderValue::try_from(policy).expect("sources were checked");
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    headers.remove(header::X_FRAME_OPTIONS);
    // A frame on another site is no reason to hide from it whose page this is.
    headers.insert(
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("cross-origin"),
    );
    response
}

/// In which words to answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    /// `application/json`.
    #[default]
    Json,
    /// `text/xml`.
    Xml,
}

/// Parameters of oEmbed.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct OembedQuery {
    /// Address of a stream's page: `https://…/@slug`.
    #[param(max_length = 2048)]
    url: String,
    /// `json` or `xml`.
    #[param(inline)]
    format: Option<String>,
    /// Most pixels that the site has room for.
    #[param(minimum = 1, maximum = 100_000)]
    maxwidth: Option<u32>,
    /// Most pixels that the site has room for.
    #[param(minimum = 1, maximum = 100_000)]
    maxheight: Option<u32>,
}

/// oEmbed 1.0, section 2.3.4.2: a video.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Oembed {
    /// `1.0`.
    version: String,
    /// `video`.
    r#type: String,
    /// The stream's title.
    title: String,
    /// Who streams.
    author_name: Option<String>,
    /// The server's name.
    provider_name: String,
    /// The server.
    provider_url: String,
    /// Seconds for which the site may keep this.
    cache_age: u32,
    /// The frame.
    html: String,
    /// Its pixels.
    width: u32,
    /// Its pixels.
    height: u32,
}

/// oEmbed: the frame for a stream's address
///
/// For sites and editors that turn addresses into players (oembed.com). Found by the `<link>` in each stream's
/// page.
#[utoipa::path(
    get, path = "/oembed", tag = "streams", security(()),
    params(OembedQuery),
    responses(
        (status = OK, content((Oembed = "application/json"), (String = "text/xml"))),
        (status = NOT_IMPLEMENTED, description = "Another format than json and xml"),
        Refusals,
    ),
)]
async fn oembed(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
    Query(query): Query<OembedQuery>,
) -> Result<Response, ApiError> {
    let format = match query.format.as_deref() {
        None | Some("json") => Format::Json,
        Some("xml") => Format::Xml,
        // Section 2.3.5.
        Some(_) => return Ok(StatusCode::NOT_IMPLEMENTED.into_response()),
    };
    if query.maxwidth == Some(0) || query.maxheight == Some(0) {
        return Err(ApiError::BadRequest(
            "maxwidth and maxheight are numbers of pixels from 1".into(),
        ));
    }
    let base = base(&app, &uri, &headers)?;
    let none = || ApiError::NotFound("stream; url is the address of one, like https://…/@slug");
    let slug = slug_in(&base, &query.url).ok_or_else(none)?;
    let stream = app.watchable(&slug, &Viewer::Nobody).await;
    let answer = describe(&base, &stream.map_err(|_| none())?, &query);
    Ok(match format {
        Format::Json => Json(answer).into_response(),
        Format::Xml => {
            let kind = HeaderValue::from_static("text/xml; charset=utf-8");
            ([(header::CONTENT_TYPE, kind)], xml(&answer)).into_response()
        }
    })
}

fn base(app: &App, uri: &Uri, headers: &HeaderMap) -> Result<Url, ApiError> {
    let config = &app.services.config;
    let base = config.addresses.base(uri, headers);
    base.ok_or_else(|| ApiError::BadRequest("the request has no usable Host field".into()))
}

/// The slug in the address of one of our pages.
fn slug_in(base: &Url, text: &str) -> Option<String> {
    let url = Url::parse(text).ok().filter(|_| text.len() <= URL_MAX)?;
    // Whether by http or https is the proxy's matter.
    let ours = matches!(url.scheme(), "http" | "https")
        && url.host() == base.host()
        && (url.port() == base.port() || url.scheme() != base.scheme());
    let path = url.path().strip_prefix(base.path().trim_end_matches('/'))?;
    let slug = path
        .strip_prefix("/@")
        .or_else(|| path.strip_prefix("/%40"))
        .or_else(|| path.strip_prefix("/embed/"))?;
    (ours && !slug.contains('/')).then(|| slug.to_owned())
}

fn describe(base: &Url, stream: &Stream, query: &OembedQuery) -> Oembed {
    let (width, height) = fitted(query.maxwidth, query.maxheight);
    let root = base.as_str().trim_end_matches('/');
    let html = format!(
        "<iframe src=\"{}/embed/{}\" width=\"{width}\" height=\"{height}\" title=\"{}\" \
         allow=\"autoplay; fullscreen; picture-in-picture\" allowfullscreen style=\"border:0\"></iframe>",
        escaped(root),
        stream.slug,
        escaped(&stream.title)
    );
    Oembed {
        version: "1.0".into(),
        r#type: "video".into(),
        title: stream.title.clone(),
        author_name: stream.owner_names.as_ref().map(|owner| owner.name.clone()),
        provider_name: "Weir".into(),
        provider_url: format!("{root}/"),
        cache_age: CACHE_AGE,
        html,
        width,
        height,
    }
}

/// The largest frame of 16 to 9 for which there is room.
fn fitted(max_width: Option<u32>, max_height: Option<u32>) -> (u32, u32) {
    let width = max_width.unwrap_or(WIDTH).min(WIDTH);
    let room = max_height.unwrap_or(HEIGHT).min(HEIGHT);
    let height = (width * HEIGHT / WIDTH).max(1);
    match height > room {
        true => ((room * WIDTH / HEIGHT).max(1).min(width), room),
        false => (width, height),
    }
}

/// Text in XML and in an attribute of HTML.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // XML 1.0 has no others, not even escaped.
            c if c.is_control() && !matches!(c, '\n' | '\t') => {}
            c => escaped.push(c),
        }
    }
    escaped
}

fn xml(answer: &Oembed) -> String {
    let mut text =
        String::from("<?xml version=\"1.0\" encoding=\"utf-8\" standalone=\"yes\"?>\n<oembed>\n");
    let (cache_age, width, height) = (
        answer.cache_age.to_string(),
        answer.width.to_string(),
        answer.height.to_string(),
    );
    for (name, value) in [
        ("version", Some(&answer.version)),
        ("type", Some(&answer.r#type)),
        ("title", Some(&answer.title)),
        ("author_name", answer.author_name.as_ref()),
        ("provider_name", Some(&answer.provider_name)),
        ("provider_url", Some(&answer.provider_url)),
        ("cache_age", Some(&cache_age)),
        ("html", Some(&answer.html)),
        ("width", Some(&width)),
        ("height", Some(&height)),
    ] {
        if let Some(value) = value {
            text.push_str(&format!("<{name}>{}</{name}>\n", escaped(value)));
        }
    }
    text.push_str("</oembed>\n");
    text
}

/// What a stream's page says in its head, so that its address can be turned into a frame.
pub(crate) fn discovery(app: &App, uri: &Uri, headers: &HeaderMap, stream: &Stream) -> String {
    let Ok(base) = base(app, uri, headers) else {
        return String::new();
    };
    let root = base.as_str().trim_end_matches('/');
    let link = |kind: &str, format: &str| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("url", &format!("{root}/@{}", stream.slug));
        query.append_pair("format", format);
        format!(
            "<link rel=\"alternate\" type=\"{kind}\" href=\"{}\" title=\"{}\">",
            escaped(&format!("{root}/oembed?{}", query.finish())),
            escaped(&stream.title)
        )
    };
    format!(
        "\n{}\n{}",
        link("application/json+oembed", "json"),
        link("text/xml+oembed", "xml")
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn only_our_own_pages_are_streams() {
        let base = Url::parse("https://live.example.org/").unwrap();
        let slug = |text: &str| slug_in(&base, text);
        for good in [
            "https://live.example.org/@demo",
            "https://live.example.org/%40demo",
            "https://live.example.org/@demo?t=1#x",
            "https://live.example.org/embed/demo",
            "http://live.example.org/@demo",
        ] {
            assert_eq!(slug(good).as_deref(), Some("demo"), "{good}");
        }
        for bad in [
            "https://example.org/@demo",
            "https://live.example.org:444/@demo",
            "https://live.example.org/demo",
            "https://live.example.org/@demo/x",
            "javascript:alert(1)",
            "",
        ] {
            assert_eq!(slug(bad), None, "{bad}");
        }
    }

    #[test]
    fn frames_keep_their_shape() {
        assert_eq!(fitted(None, None), (1280, 720));
        assert_eq!(fitted(Some(640), None), (640, 360));
        assert_eq!(fitted(Some(640), Some(90)), (160, 90));
        assert_eq!(fitted(Some(9999), Some(9999)), (1280, 720));
        assert_eq!(fitted(Some(1), Some(1)), (1, 1));
    }

    #[test]
    fn policies_take_sources_only() {
        let config = |source: &str| EmbedConfig {
            frame_ancestors: vec![source.to_owned()],
        };
        for good in [
            "*",
            "'self'",
            "https://example.org",
            "https://*.example.org:8443",
        ] {
            assert_eq!(config(good).check(), Ok(()), "{good}");
        }
        for bad in ["", "a b", "x; script-src *", "a,b", "é"] {
            assert!(config(bad).check().is_err(), "{bad}");
            assert_eq!(config(bad).sources(), "'none'");
        }
    }

    #[test]
    fn text_is_no_markup() {
        assert_eq!(escaped("<a b=\"'&\u{0}"), "&lt;a b=&quot;&#39;&amp;");
    }
}
