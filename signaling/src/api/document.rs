//! The OpenAPI document: what the operations say of themselves, and what is the same for all.

use axum::{
    Router,
    http::{StatusCode, header},
    routing::get,
};
use bytes::Bytes;
use utoipa::{
    PartialSchema as _, ToSchema as _,
    openapi::{
        ContactBuilder, InfoBuilder, LicenseBuilder, ObjectBuilder, OpenApi, OpenApiBuilder, RefOr,
        path::{Parameter, ParameterBuilder, ParameterIn},
        schema::Type,
        security::{
            ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
        },
    },
};
use weir_protocol::Problem;

/// The document before any operation is in it.
pub(crate) fn describe() -> OpenApi {
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Weir")
                .description(Some(
                    "Accounts, streams, rooms, events, webhooks and figures of a Weir server. \
                     Errors are RFC 9457 problem documents with a stable `code`.",
                ))
                .version(env!("CARGO_PKG_VERSION"))
                .license(Some(
                    LicenseBuilder::new()
                        .name("MIT OR Apache-2.0")
                        .identifier(Some("MIT OR Apache-2.0"))
                        .build(),
                ))
                .contact(Some(ContactBuilder::new().name(Some("Weir")).build()))
                .build(),
        )
        .build()
}

/// The finished document and the addresses where it is read: by programs, and by people.
pub(crate) fn document<S: Clone + Send + Sync + 'static>(mut api: OpenApi) -> Router<S> {
    complete(&mut api);
    let ui = utoipa_swagger_ui::SwaggerUi::new("/api/docs")
        .config(utoipa_swagger_ui::Config::from("/api/v1/openapi.json"));
    let text = Bytes::from(serde_json::to_vec(&api).expect("a document is plain data"));
    let answer = move || async move { ([(header::CONTENT_TYPE, "application/json")], text) };
    Router::new()
        .route("/api/v1/openapi.json", get(answer))
        .merge(Router::from(ui))
}

/// Adds what is the same for all operations.
fn complete(api: &mut OpenApi) {
    let components = api.components.get_or_insert_default();
    components.add_security_scheme(
        "bearer",
        SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .description(Some("An access token from logging in, or an API token."))
                .build(),
        ),
    );
    components.add_security_scheme(
        "cookie",
        SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(
            "weir_access",
            "Set by logging in. Requests that change something also send X-CSRF-Token.",
        ))),
    );
    let mut schemas = vec![(Problem::name().into_owned(), Problem::schema())];
    Problem::schemas(&mut schemas);
    components.schemas.extend(schemas);
    api.security = Some(
        ["bearer", "cookie"]
            .map(|scheme| SecurityRequirement::new(scheme, [""; 0]))
            .into(),
    );
    for (path, item) in &mut api.paths.paths {
        for (method, operation) in operations(item) {
            // Handlers' names are unique within a module only.
            operation.operation_id = Some(operation_id(method, path));
            if method == "post" {
                operation
                    .parameters
                    .get_or_insert_default()
                    .push(idempotency_key());
            }
            for (status, response) in &mut operation.responses.responses {
                let RefOr::T(response) = response else {
                    continue;
                };
                let reason = status
                    .parse()
                    .ok()
                    .and_then(|it: StatusCode| it.canonical_reason());
                if response.description.is_empty() {
                    reason
                        .unwrap_or("Answer")
                        .clone_into(&mut response.description);
                }
            }
        }
    }
}

fn operations(
    item: &mut utoipa::openapi::PathItem,
) -> impl Iterator<Item = (&'static str, &mut utoipa::openapi::path::Operation)> {
    [
        ("get", &mut item.get),
        ("put", &mut item.put),
        ("post", &mut item.post),
        ("patch", &mut item.patch),
        ("delete", &mut item.delete),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// What every creation takes: see `idempotency.rs`.
fn idempotency_key() -> RefOr<Parameter> {
    let key = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(255))
        .pattern(Some("^[!-~]+$"));
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .description(Some(
            "Sent again with the same key and body within a day, the request happens once and gets \
             the same answer. For users who are logged in.",
        ))
        .schema(Some(key))
        .build()
        .into()
}

/// `get_streams_slug_key` for `GET /api/v1/streams/{slug}/key`.
fn operation_id(method: &str, path: &str) -> String {
    let path = path.strip_prefix("/api/v1").unwrap_or(path);
    let mut id = method.to_owned();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        id.push('_');
        id.extend(part.chars().filter_map(|c| match c {
            '{' | '}' => None,
            c if c.is_ascii_alphanumeric() => Some(c),
            _ => Some('_'),
        }));
    }
    id
}
