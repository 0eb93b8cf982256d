//! What a WHEP session's viewer is told: the extension for server-sent events (WebRTC-HTTP Egress
//! Protocol Core Extensions, draft of the WISH working group).
//!
//! `POST` on the resource that the session's `Link` names makes an event stream; `GET` there follows it.
//! All events are states, so nothing is queued: a stream remembers what it told, and whoever reads slowly
//! or comes back hears the newest state. Streams end with their session.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, sse::Event},
};
use futures_util::stream;
use serde::Serialize;
use serde_json::json;
use tokio::time::{Interval, MissedTickBehavior};
use tokio_util::sync::{CancellationToken, DropGuard};
use weir_db::{Stream, StreamId};
use weir_sfu::{LayerStats, SessionId};

use crate::{
    ApiError, App,
    body::Body,
    live::media_id,
    rest::{
        events::{answer, said},
        viewers::by_size,
    },
    sdp, whep,
};

/// The extension's name, the relation of its `Link`.
const RELATION: &str = "urn:ietf:params:whep:ext:core:server-sent-events";

/// Event streams of one session. A player has one; who makes more loses the oldest.
const STREAMS: usize = 4;

/// How often states are looked at.
const ROUND: Duration = Duration::from_millis(500);

/// Rounds between looks at what changes all the time: layers and the number of viewers.
const ROUNDS: u32 = 4;

/// An event of the extension. `scte35` is not among them: no publisher's protocol here carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Active,
    Inactive,
    Layers,
    Reconnect,
    ViewerCount,
}

impl Kind {
    const ALL: [Self; 5] = [
        Self::Active,
        Self::Inactive,
        Self::Layers,
        Self::Reconnect,
        Self::ViewerCount,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Layers => "layers",
            Self::Reconnect => "reconnect",
            Self::ViewerCount => "viewercount",
        }
    }
}

/// The `Link` by which a session's answer names its resource.
pub(crate) fn link(session: SessionId) -> String {
    let names = Kind::ALL.map(Kind::name).join(",");
    format!("</whep/session/{session}/sse>; rel=\"{RELATION}\"; events=\"{names}\"")
}

/// The event streams of a session, and what they tell of. Dropped with the session.
pub(crate) struct SessionEvents {
    stream: StreamId,
    /// The video's media section in the answer: its place and its `mid`.
    video: Option<(usize, String)>,
    streams: Mutex<BTreeMap<u32, Arc<EventStream>>>,
    next: AtomicU32,
    over: CancellationToken,
    _over: DropGuard,
}

impl SessionEvents {
    /// Of a session that watches this stream and got this answer.
    pub(crate) fn new(stream: StreamId, answer: &str) -> Self {
        let over = CancellationToken::new();
        let mut sections = answer.split("\r\nm=").skip(1).enumerate();
        let video = sections.find(|(_, section)| section.starts_with("video "));
        let video = video.map(|(place, section)| {
            let mid = section.lines().find_map(|line| line.strip_prefix("a=mid:"));
            (place, mid.unwrap_or_default().to_owned())
        });
        Self {
            stream,
            video,
            streams: Mutex::default(),
            next: AtomicU32::new(1),
            over: over.clone(),
            _over: over.drop_guard(),
        }
    }

    /// Whether this names the session's video: the draft counts media sections, players know `mid`s.
    pub(crate) fn is_video(&self, media_id: &str) -> bool {
        let video = self.video.as_ref();
        video.is_some_and(|(place, mid)| mid == media_id || place.to_string() == media_id)
    }

    fn open(&self, wanted: Vec<Kind>, active: bool) -> u32 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let told = Told {
            was_active: active,
            ..Told::default()
        };
        let stream = EventStream {
            wanted,
            told: Mutex::new(told),
            reader: Mutex::default(),
            over: self.over.child_token(),
        };
        let mut streams = self.streams();
        streams.insert(number, Arc::new(stream));
        if streams.len() > STREAMS
            && let Some((_, oldest)) = streams.pop_first()
        {
            oldest.over.cancel();
        }
        number
    }

    fn get(&self, number: u32) -> Option<Arc<EventStream>> {
        self.streams().get(&number).cloned()
    }

    fn close(&self, number: u32) -> bool {
        let closed = self.streams().remove(&number);
        closed.inspect(|stream| stream.over.cancel()).is_some()
    }

    fn streams(&self) -> MutexGuard<'_, BTreeMap<u32, Arc<EventStream>>> {
        self.streams.lock().expect("nothing panics under this lock")
    }
}

/// One event stream: what its viewer asked for, and what it was told.
struct EventStream {
    wanted: Vec<Kind>,
    told: Mutex<Told>,
    /// Cancelled when somebody else reads.
    reader: Mutex<CancellationToken>,
    over: CancellationToken,
}

#[derive(Default)]
struct Told {
    active: Option<bool>,
    /// Whether the stream was active at some time since this was opened: before that, nothing ends.
    was_active: bool,
    viewers: Option<u32>,
    /// The layers without what is measured of them.
    layers: Option<Vec<Shape>>,
}

/// A layer's name, size, and whether it is sent.
type Shape = (String, Option<u16>, Option<u16>, bool);

/// What a stream remembers of an event once it is on its way.
enum Fact {
    Active(bool),
    Viewers(u32),
    Layers(Vec<Shape>),
    Reconnect,
}

impl EventStream {
    /// Takes the stream over from whoever read it. What may have been lost with that one is told again.
    fn read(&self) -> CancellationToken {
        let mine = self.over.child_token();
        let mut reader = self.reader.lock().expect("nothing panics under this lock");
        std::mem::replace(&mut *reader, mine.clone()).cancel();
        drop(reader);
        let mut told = self.told();
        (told.viewers, told.layers) = (None, None);
        mine
    }

    fn wants(&self, kind: Kind) -> bool {
        self.wanted.contains(&kind)
    }

    fn note(&self, fact: Fact) {
        let mut told = self.told();
        match fact {
            Fact::Active(active) => {
                told.active = Some(active);
                told.was_active |= active;
            }
            Fact::Viewers(viewers) => told.viewers = Some(viewers),
            Fact::Layers(layers) => told.layers = Some(layers),
            Fact::Reconnect => {}
        }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().expect("nothing panics under this lock")
    }
}

/// `POST /whep/session/{id}/sse`: makes an event stream of the events named, or of all.
pub(crate) async fn open(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Body, ApiError>,
) -> Result<impl IntoResponse, ApiError> {
    let (session, events) = session_events(&app, &id)?;
    let wanted = read(&headers, &body?.0)?;
    let row = row(&app, &events).await?;
    // An end between this and the first look is news too.
    let number = events.open(wanted, is_active(&app, &row));
    let location = format!("/whep/session/{session}/sse/{number}");
    let location = HeaderValue::try_from(location).expect("letters, digits and slashes");
    Ok((StatusCode::CREATED, [(header::LOCATION, location)]))
}

/// `GET` on an event stream. The newest reader has it.
pub(crate) async fn follow(
    State(app): State<App>,
    Path((id, number)): Path<(String, String)>,
) -> Result<impl IntoResponse, ApiError> {
    let (session, events) = session_events(&app, &id)?;
    let number = number.parse().map_err(|_| NO_STREAM)?;
    let stream = events.get(number).ok_or(NO_STREAM)?;
    let row = row(&app, &events).await?;
    let mut rounds = tokio::time::interval(ROUND);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let reader = Reader {
        app,
        session,
        row,
        video: events.video.as_ref().map_or(0, |(place, _)| *place),
        over: stream.read(),
        stream,
        rounds,
        round: 0,
        ready: VecDeque::new(),
        last: false,
    };
    Ok(answer(stream::unfold(reader, Reader::next)))
}

/// `DELETE` on an event stream.
pub(crate) async fn close(
    State(app): State<App>,
    Path((id, number)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let (_, events) = session_events(&app, &id)?;
    let number = number.parse().map_err(|_| NO_STREAM)?;
    match events.close(number) {
        true => Ok(StatusCode::OK),
        false => Err(NO_STREAM),
    }
}

const NO_STREAM: ApiError = ApiError::NotFound("event stream");

fn session_events(app: &App, id: &str) -> Result<(SessionId, Arc<SessionEvents>), ApiError> {
    let session = whep::viewer(app, id)?;
    let events = app.services.live.viewers().events(session);
    Ok((session, events.ok_or(ApiError::NotFound("session"))?))
}

async fn row(app: &App, events: &SessionEvents) -> Result<Stream, ApiError> {
    let row = app.services.db.stream_by_id(events.stream).await?;
    row.ok_or(ApiError::NotFound("stream"))
}

/// Whether there is something to see now. A publisher that is awaited back sends nothing.
fn is_active(app: &App, row: &Stream) -> bool {
    let summary = app.services.live.summary(row);
    summary.live && summary.reconnecting_until.is_none()
}

fn read(headers: &HeaderMap, body: &Bytes) -> Result<Vec<Kind>, ApiError> {
    if body.trim_ascii().is_empty() {
        return Ok(Kind::ALL.to_vec());
    }
    if !sdp::has_media_type(headers, "application/json") {
        return Err(ApiError::UnsupportedMediaType("application/json"));
    }
    let names: Vec<String> = serde_json::from_slice(body).map_err(|error| {
        ApiError::BadRequest(format!("the body is not an array of event names: {error}"))
    })?;
    let mut kinds = Vec::new();
    for name in names {
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
        let kind = kind.ok_or_else(|| {
            let known = Kind::ALL.map(Kind::name).join(", ");
            ApiError::BadRequest(format!(
                "there is no such event here as one of those named; there are {known}"
            ))
        })?;
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    Ok(kinds)
}

/// Whoever follows an event stream.
struct Reader {
    app: App,
    session: SessionId,
    row: Stream,
    video: usize,
    stream: Arc<EventStream>,
    over: CancellationToken,
    rounds: Interval,
    round: u32,
    ready: VecDeque<(Event, Fact)>,
    last: bool,
}

impl Reader {
    /// The next event. Asked for when the client has room for it.
    async fn next(mut self) -> Option<(Event, Self)> {
        let draining = self.app.services.draining.clone();
        loop {
            if let Some((event, fact)) = self.ready.pop_front() {
                self.stream.note(fact);
                return Some((event, self));
            }
            if self.last {
                return None;
            }
            tokio::select! {
                biased;
                () = self.over.cancelled() => return None,
                () = draining.cancelled() => {
                    self.last = true;
                    if self.stream.wants(Kind::Reconnect) {
                        self.ready.push_back((self.reconnect(), Fact::Reconnect));
                    }
                }
                _ = self.rounds.tick() => self.look().await,
            }
        }
    }

    async fn look(&mut self) {
        let slow = self.round.is_multiple_of(ROUNDS);
        self.round = self.round.wrapping_add(1);
        let active = is_active(&self.app, &self.row);
        let (told_active, was_active, told_viewers) = {
            let told = self.stream.told();
            (told.active, told.was_active, told.viewers)
        };
        if told_active != Some(active) {
            let kind = if active { Kind::Active } else { Kind::Inactive };
            if (active || was_active) && self.stream.wants(kind) {
                let event = said(kind.name(), &json!({}));
                self.ready.push_back((event, Fact::Active(active)));
            } else {
                self.stream.note(Fact::Active(active));
            }
        }
        if !slow {
            return;
        }
        let viewers = self.app.services.live.summary(&self.row).viewers.total();
        if self.stream.wants(Kind::ViewerCount) && told_viewers != Some(viewers) {
            let event = said(Kind::ViewerCount.name(), &json!({ "viewercount": viewers }));
            self.ready.push_back((event, Fact::Viewers(viewers)));
        }
        if self.stream.wants(Kind::Layers) {
            self.look_at_layers().await;
        }
    }

    async fn look_at_layers(&mut self) {
        let sfu = &self.app.services.sfu;
        let stats = sfu.stats_for(self.session, media_id(&self.row)).await;
        let layers: Vec<LayerStats> = by_size(stats.map_or_else(Vec::new, |s| s.layers)).collect();
        let shapes: Vec<Shape> = layers
            .iter()
            .map(|layer| (layer.name.clone(), layer.width, layer.height, layer.active))
            .collect();
        if layers.is_empty() || self.stream.told().layers.as_ref() == Some(&shapes) {
            return;
        }
        let layers: Vec<TellLayer> = layers.into_iter().map(TellLayer::from).collect();
        let data = BTreeMap::from([(self.video.to_string(), layers)]);
        let event = said(Kind::Layers.name(), &data);
        self.ready.push_back((event, Fact::Layers(shapes)));
    }

    /// Where to go on: at the server that takes what this one does not, or here again.
    fn reconnect(&self) -> Event {
        let to = self.app.services.config.overflow.to.as_ref();
        let data = match to {
            Some(base) => json!({ "url": format!(
                "{}/whep/{}",
                base.as_str().trim_end_matches('/'),
                self.row.slug
            ) }),
            None => json!({}),
        };
        said(Kind::Reconnect.name(), &data)
    }
}

/// A layer in the event `layers`. One without a bitrate is not sent now.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TellLayer {
    rid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    bitrate: Option<u64>,
    /// What a layer that is made on demand is meant to have.
    #[serde(skip_serializing_if = "Option::is_none")]
    target_bitrate: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u16>,
}

impl From<LayerStats> for TellLayer {
    fn from(layer: LayerStats) -> Self {
        Self {
            bitrate: (layer.active && layer.bitrate > 0).then_some(layer.bitrate),
            target_bitrate: (layer.on_demand && layer.bitrate > 0).then_some(layer.bitrate),
            rid: layer.name,
            width: layer.width,
            height: layer.height,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn events(answer: &str) -> SessionEvents {
        SessionEvents::new("7".parse().unwrap(), answer)
    }

    #[test]
    fn video_is_known_by_its_place_and_by_its_mid() {
        let both = events("v=0\r\nm=audio 9 X 111\r\na=mid:a\r\nm=video 9 X 96\r\na=mid:v\r\n");
        assert!(both.is_video("1") && both.is_video("v"));
        assert!(!both.is_video("0") && !both.is_video("a") && !both.is_video(""));
        assert!(!events("v=0\r\nm=audio 9 X 111\r\na=mid:0\r\n").is_video("0"));
    }

    #[test]
    fn only_events_that_there_are_can_be_asked_for() {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        let read = |body: &'static str| read(&headers, &Bytes::from_static(body.as_bytes()));
        assert_eq!(read("").unwrap(), Kind::ALL);
        let two = read(r#"["layers","active","layers"]"#).unwrap();
        assert_eq!(two, [Kind::Layers, Kind::Active]);
        assert_eq!(read("[]").unwrap(), []);
        for bad in [r#"["scte35"]"#, r#"["active",1]"#, "{}", r#""active""#, "x"] {
            assert!(matches!(read(bad), Err(ApiError::BadRequest(_))), "{bad}");
        }
    }

    #[test]
    fn streams_are_few_and_end_with_their_session() {
        let events = events("");
        let first = events.open(Kind::ALL.to_vec(), true);
        let oldest = events.get(first).unwrap();
        let numbers: Vec<u32> = (0..STREAMS)
            .map(|_| events.open(Vec::new(), true))
            .collect();
        assert!(oldest.over.is_cancelled() && events.get(first).is_none());
        let stays = events.get(numbers[0]).unwrap();
        let (one, two) = (stays.read(), stays.read());
        assert!(
            one.is_cancelled() && !two.is_cancelled(),
            "the newest reads"
        );
        assert!(events.close(numbers[1]) && !events.close(numbers[1]));
        drop(events);
        assert!(two.is_cancelled());
    }
}
