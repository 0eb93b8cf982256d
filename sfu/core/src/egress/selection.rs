//! Which of a source's layers a viewer gets, and what of it.

use std::{sync::Arc, time::Instant};

use super::{Context, Egress, start::Behind};
use crate::{
    allocation::{Choice, Layer, LayerChooser, Rank, Situation, Wish},
    api::LayerChoice,
    bwe::Usage,
    demand::{self, Offered},
    layers::{Layers, Rung},
    packet::{Epoch, LayerId, MediaPacket, Scalability},
};

/// Whether a packet of the present run goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pass {
    /// Yes, with this marker bit.
    On { marker: bool },
    /// No: it belongs to a part of a scalable stream that the viewer does not get.
    LeftOut,
}

#[derive(Debug)]
pub(crate) struct Selection {
    choice: LayerChoice,
    names: Arc<[String]>,
    chooser: LayerChooser,
    /// What the viewer should get. None: not known yet, so whatever comes.
    target: Option<Rung>,
    /// The path cannot even take the least.
    starved: bool,
    /// Parts of a scalable layer that go on now.
    spatial: u8,
    temporal: u8,
    chosen_at: Option<Instant>,
    /// [`Layers::changes`] then.
    seen: u32,
    /// What there is to choose from; kept for its room.
    offered: Vec<Layer>,
}

/// Beside the video goes sound: Opus of a music stream with its headers, in bit/s.
const AUDIO: u64 = 150_000;

/// Headers and seal on top of a payload, in percent.
const OVERHEAD: u64 = 104;

/// A layer of which the path carries less than this share, in percent, is left at once.
const FAR_TOO_MUCH: u64 = 80;

/// Packets that wait less than this show no standing queue.
const UNHINDERED: std::time::Duration = std::time::Duration::from_millis(50);

/// How often the choice is made anew.
const CHOOSE_INTERVAL: std::time::Duration = std::time::Duration::from_millis(100);

impl Selection {
    pub(crate) fn new() -> Self {
        Self {
            choice: LayerChoice::Auto,
            names: crate::packet::single_layer(),
            chooser: LayerChooser::new(None),
            target: None,
            starved: false,
            spatial: 0,
            temporal: 0,
            chosen_at: None,
            seen: 0,
            offered: Vec::new(),
        }
    }

    pub(crate) fn set_layers(&mut self, names: &Arc<[String]>) {
        self.names = names.clone();
    }

    /// Another source: nothing of the old one's layers holds.
    pub(crate) fn restart(&mut self) {
        self.target = None;
        self.chosen_at = None;
        self.chooser = LayerChooser::new(None);
        self.starved = false;
    }

    /// No video is wanted, or none fits.
    pub(crate) fn is_paused(&self) -> bool {
        self.starved || matches!(self.choice, LayerChoice::AudioOnly | LayerChoice::Paused)
    }

    pub(crate) fn choice(&self) -> &LayerChoice {
        &self.choice
    }

    pub(crate) fn target(&self) -> Option<Rung> {
        self.target
    }

    /// Whether the viewer begins at a keyframe of this layer, having what it has.
    pub(crate) fn takes(&self, layer: LayerId, has: Option<(LayerId, Epoch)>) -> bool {
        match self.target {
            Some(target) => target.layer == layer,
            None => has.is_none(),
        }
    }

    /// A run of this layer began.
    pub(crate) fn began(&mut self, layer: LayerId) {
        if let Some(target) = self.target.filter(|target| target.layer == layer) {
            self.spatial = target.spatial;
            self.temporal = target.temporal;
        } else {
            self.spatial = u8::MAX;
            self.temporal = u8::MAX;
        }
    }

    /// Whether a packet of the present run goes on. Down at the next picture, up where the stream
    /// allows it.
    pub(crate) fn pass(&mut self, packet: &MediaPacket) -> Pass {
        let Some(place) = packet.scalability else {
            return Pass::On {
                marker: packet.marker,
            };
        };
        let (spatial, temporal) = match self.target.filter(|t| t.layer == packet.layer) {
            Some(target) => (target.spatial, target.temporal),
            None => (self.spatial, self.temporal),
        };
        let Scalability {
            starts_frame,
            ends_frame,
            switching_point,
            spatial_start,
            ..
        } = place;
        if starts_frame {
            if place.spatial == 0 {
                // Which picture is the last of this time is known before its first packet leaves: a
                // marker before it would end it. So larger ones begin with a keyframe alone, though
                // a few streams would allow it elsewhere.
                let begins = packet.keyframe && spatial_start;
                self.spatial = if begins {
                    spatial
                } else {
                    self.spatial.min(spatial)
                };
                self.temporal = self.temporal.min(temporal);
            }
            if switching_point && place.temporal > self.temporal && place.temporal <= temporal {
                self.temporal = place.temporal;
            }
        }
        if place.spatial > self.spatial || place.temporal > self.temporal {
            return Pass::LeftOut;
        }
        Pass::On {
            marker: packet.marker || (ends_frame && place.spatial == self.spatial),
        }
    }

    /// The layer that the viewer wants whatever its path carries, if the source sends it.
    fn pinned(&self, rungs: &[Rung]) -> Option<usize> {
        let LayerChoice::Layer(name) = &self.choice else {
            return None;
        };
        rungs.iter().rposition(|rung| {
            rung.active && self.names.get(usize::from(rung.layer.0)) == Some(name)
        })
    }

    fn is_target(&self, rung: &Rung) -> bool {
        let parts = |rung: &Rung| (rung.layer, rung.spatial, rung.temporal);
        self.target
            .is_some_and(|target| parts(&target) == parts(rung))
    }

    fn wish(&self, rungs: &[Rung]) -> Wish {
        match &self.choice {
            LayerChoice::Auto | LayerChoice::Layer(_) => Wish::Auto,
            LayerChoice::AudioOnly | LayerChoice::Paused => Wish::Paused,
            LayerChoice::MaxHeight(height) => {
                let fits = |rung: &Rung| rung.size.is_none_or(|size| size.height <= *height);
                Wish::AtMost(rank(rungs.iter().rposition(fits).unwrap_or(0)))
            }
        }
    }
}

/// What a layer's payload takes of a path, with its headers and the sound.
pub(crate) fn with_sound(bitrate: u64) -> u64 {
    bitrate * OVERHEAD / 100 + AUDIO
}

fn rank(place: usize) -> Rank {
    Rank(u8::try_from(place).unwrap_or(u8::MAX))
}

impl Egress {
    /// What the viewer asks for by hand, or [`LayerChoice::Auto`].
    pub(crate) fn set_choice(&mut self, choice: LayerChoice) {
        let paused = self.selection.is_paused();
        self.selection.choice = choice;
        self.selection.chosen_at = None;
        if !paused && self.selection.is_paused() {
            self.interrupt_video();
        }
    }

    pub(crate) fn choice(&self) -> &LayerChoice {
        self.selection.choice()
    }

    /// What of the source's video the viewer should get.
    pub(crate) fn target(&self) -> Option<Rung> {
        self.selection.target()
    }

    /// Chooses anew, when it is time.
    pub(super) fn choose(&mut self, now: Instant, layers: &Layers) {
        let selection = &mut self.selection;
        // A layer that begins does so with a keyframe, and who waits for it takes that one.
        let is_same = selection.seen == layers.changes();
        let is_early = |at| now < at + CHOOSE_INTERVAL;
        if is_same && selection.chosen_at.is_some_and(is_early) {
            return;
        }
        selection.seen = layers.changes();
        let rungs = layers.rungs();
        if rungs.is_empty() {
            return;
        }
        let measured = self.video.as_ref().is_some_and(|v| v.has_twcc())
            && self.estimator.acked_bitrate().is_some();
        selection.chosen_at = Some(now);
        let was_paused = selection.is_paused();
        let before = selection.target.map(|target| target.layer);
        let chosen = match selection.pinned(rungs) {
            Some(place) => Some(place),
            None => {
                selection.offered.clear();
                let active = (0..).zip(rungs).filter(|(_, rung)| rung.active);
                selection.offered.extend(active.map(|(place, rung)| Layer {
                    rank: rank(place),
                    bitrate: rung.bitrate * OVERHEAD / 100,
                }));
                let Some(least) = selection.offered.first() else {
                    return;
                };
                // Without feedback nothing says that the path is too narrow for anything at all.
                let floor = if measured { 0 } else { least.bitrate + AUDIO };
                // What arrives is carried, as long as no queue grows from it; losses alone may have
                // put the estimate below that.
                let is_quick =
                    self.estimator.usage() != Usage::Over && self.estimator.queued() < UNHINDERED;
                let carried = self.estimator.acked_bitrate().filter(|_| is_quick);
                let floor = floor.max(carried.unwrap_or(0));
                let situation = Situation {
                    estimate: self.estimator.estimate().max(floor),
                    over: self.estimator.usage() == Usage::Over,
                    layers: &selection.offered,
                    audio: AUDIO,
                    wish: selection.wish(rungs),
                };
                if let Some(place) = rungs.iter().position(|rung| selection.is_target(rung)) {
                    selection.chooser.moved(rank(place));
                }
                match selection.chooser.choose(now, &situation) {
                    Choice::Layer(Rank(place)) => Some(usize::from(place)),
                    Choice::Pause => None,
                }
            }
        };
        let wants_none = matches!(
            selection.choice,
            LayerChoice::AudioOnly | LayerChoice::Paused
        );
        selection.starved = chosen.is_none() && !wants_none;
        if let Some(rung) = chosen.and_then(|place| rungs.get(place)) {
            selection.target = Some(*rung);
        }
        let target = selection.target;
        let paused = selection.is_paused();
        if !was_paused && paused {
            self.interrupt_video();
            return;
        }
        if before != target.map(|target| target.layer) {
            self.asked = None;
        }
        let run = self.video.as_ref().and_then(|video| video.munger.run());
        if let Some(target) = target
            && let Some((layer, _)) = run
            && layer != target.layer
        {
            let bitrate = layers.get(layer).map_or(0, |layer| layer.bitrate(now));
            let needs = with_sound(bitrate);
            let by_path = !matches!(self.selection.choice, LayerChoice::Layer(_));
            // What cannot even be caught up with is no better.
            let hopeless = self.estimator.estimate() * 100 < needs * FAR_TOO_MUCH
                || self.behind.as_ref().is_some_and(Behind::is_far);
            if measured && by_path && target.bitrate < bitrate && hopeless {
                self.leave_layer(now);
            }
            self.want_keyframe(now, target.layer);
        } else if let Some(target) = target
            && run.is_some()
            && target.spatial > self.selection.spatial
        {
            // A larger picture of the same layer (LxTy_KEY) begins at a keyframe too.
            self.want_keyframe(now, target.layer);
        }
    }

    /// What the path is thought to carry beside the stream, as a share of it.
    pub(super) fn room(&self) -> f32 {
        let Some(target) = self.selection.target.filter(|target| target.bitrate > 0) else {
            return 0.0;
        };
        if self.estimator.usage() == Usage::Over {
            return 0.0;
        }
        let stream = target.bitrate * OVERHEAD / 100;
        let beside = self.estimator.estimate().saturating_sub(stream + AUDIO);
        beside as f32 / stream as f32
    }

    /// The announced layers that the viewer needs, a bit for each.
    pub(crate) fn needs(&self, offered: &[Offered]) -> u8 {
        let measured = self.video.as_ref().is_some_and(|v| v.has_twcc())
            && self.estimator.acked_bitrate().is_some();
        let viewer = demand::Viewer {
            choice: &self.selection.choice,
            estimate: measured.then(|| self.estimator.estimate()),
            over: self.estimator.usage() == Usage::Over,
            loss: self.loss(),
            gets: self.layer(),
        };
        demand::needs(offered, &self.selection.names, &viewer)
    }

    /// What the viewer's video and sound take, in bit/s.
    pub(super) fn media_rate(&self, cx: &Context<'_>) -> u64 {
        let layer = self.layer().and_then(|layer| cx.layers.get(layer));
        with_sound(layer.map_or(0, |layer| layer.bitrate(cx.now)))
    }

    /// The estimate that would let the viewer have more than it has.
    pub(super) fn wanted_bitrate(&self) -> Option<u64> {
        match self.selection.choice {
            LayerChoice::Auto | LayerChoice::MaxHeight(_) => self.selection.chooser.wanted(),
            LayerChoice::Layer(_) | LayerChoice::AudioOnly | LayerChoice::Paused => None,
        }
    }
}
