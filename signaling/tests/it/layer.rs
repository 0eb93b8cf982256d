//! Choosing a layer, as it is on the wire.

use reqwest::{Method, Response, StatusCode, header};
use weir_protocol::{ErrorCode, LAYER_RELATION, SessionLayers};

use crate::{
    peer::Offer,
    server::{Server, created, problem, soon},
};

/// The address in the `Link` of the layer extension.
fn layer_address(response: &Response) -> String {
    let relation = format!("rel=\"{LAYER_RELATION}\"");
    let mut links = response.headers().get_all(header::LINK).iter();
    let link = links.find_map(|link| {
        let link = link.to_str().unwrap();
        let (address, parameters) = link.strip_prefix('<')?.split_once('>')?;
        parameters.contains(&relation).then(|| address.to_owned())
    });
    link.expect("a link to the layers")
}

async fn select(server: &Server, at: &str, body: &str) -> Response {
    let request = server
        .request(Method::POST, at)
        .header(header::CONTENT_TYPE, "application/json")
        .body(body.to_owned());
    request.send().await.unwrap()
}

#[tokio::test]
async fn a_viewer_chooses_what_it_receives() {
    let mut server = Server::start().await;
    let stream = server.stream("demo").await;
    let (_publisher, _, _) = server.publish(&stream).await;
    let offer = Offer::viewer().await;
    let response = server.post_sdp("/whep/demo", None, offer.sdp()).await;
    let at = layer_address(&response);
    let (answer, session) = created(response).await;
    let mut viewer = offer.accept(&answer);
    soon("a picture", viewer.received()).await;

    let layers: SessionLayers = soon("the layer", async {
        loop {
            let response = server.get(&at).await;
            assert_eq!(response.status(), StatusCode::OK);
            let layers: SessionLayers = response.json().await.unwrap();
            if layers.playing.is_some() && layers.layers.iter().any(|l| l.width.is_some()) {
                return layers;
            }
        }
    })
    .await;
    assert!(layers.automatic);
    assert_eq!(layers.layers.len(), 1, "the publisher sends one");
    let only = &layers.layers[0];
    assert_eq!((only.width, only.height), (Some(16), Some(16)));
    assert_eq!(layers.playing.as_deref(), Some(only.encoding_id.as_str()));

    let by_name = format!(r#"{{"encodingId":"{}"}}"#, only.encoding_id);
    for (body, automatic) in [
        (by_name.as_str(), false),
        (r#"{"maxWidth":640,"maxHeight":360}"#, true),
        (r#"{"paused":true}"#, false),
        ("{}", true),
        ("", true),
    ] {
        let answer = select(&server, &at, body).await;
        assert_eq!(answer.status(), StatusCode::OK, "{body}");
        let state: SessionLayers = answer.json().await.unwrap();
        if body.is_empty() || body == "{}" || body == by_name {
            assert_eq!(state.automatic, automatic, "{body}");
        }
    }

    for (body, status, code) in [
        ("hello", 400, ErrorCode::BadRequest),
        (r#"{"maxHeight":-1}"#, 400, ErrorCode::BadRequest),
        (r#"{"made":"up"}"#, 400, ErrorCode::BadRequest),
        (r#"{"encodingId":"no such"}"#, 422, ErrorCode::Unprocessable),
        (r#"{"temporalLayerId":0}"#, 422, ErrorCode::Unprocessable),
    ] {
        problem(select(&server, &at, body).await, status, code).await;
    }
    let form = server.request(Method::POST, &at).body("a=b").send().await;
    problem(form.unwrap(), 415, ErrorCode::UnsupportedMediaType).await;
    let put = server.request(Method::PUT, &at).send().await.unwrap();
    problem(put, 405, ErrorCode::MethodNotAllowed).await;

    let ended = server.request(Method::DELETE, &session).send().await;
    assert_eq!(ended.unwrap().status(), StatusCode::OK);
    problem(server.get(&at).await, 404, ErrorCode::NotFound).await;
    problem(select(&server, &at, "{}").await, 404, ErrorCode::NotFound).await;
}

#[tokio::test]
async fn a_publishers_session_has_no_layers_to_choose() {
    let mut server = Server::start().await;
    let stream = server.stream("demo").await;
    let (_publisher, location, _) = server.publish(&stream).await;
    let at = format!("{}/layer", location.replace("/whip/", "/whep/"));
    problem(server.get(&at).await, 404, ErrorCode::NotFound).await;
    problem(select(&server, &at, "{}").await, 404, ErrorCode::NotFound).await;
}
