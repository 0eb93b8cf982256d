//! Which of a source's layers a viewer gets, and what of it.

use std::{sync::Arc, time::Instant};

use super::Egress;
use crate::{
    allocation::{LayerChooser, Wish},
    api::LayerChoice,
    layers::{Layers, Rung},
    packet::{Epoch, LayerId, MediaPacket, Scalability},
};

/// What the viewer asked for, in terms of the present source.
pub(crate) type Choice = LayerChoice;

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
}

/// How often the choice is made anew.
const CHOOSE_INTERVAL: std::time::Duration = std::time::Duration::from_millis(100);

impl Selection {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            choice: LayerChoice::Auto,
            names: crate::packet::single_layer(),
            chooser: LayerChooser::new(now),
            target: None,
            starved: false,
            spatial: 0,
            temporal: 0,
            chosen_at: None,
        }
    }

    pub(crate) fn set_layers(&mut self, names: &Arc<[String]>) {
        self.names = names.clone();
    }

    /// Another source: nothing of the old one's layers holds.
    pub(crate) fn restart(&mut self) {
        self.target = None;
        self.chosen_at = None;
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
                self.spatial = self.spatial.min(spatial);
                self.temporal = self.temporal.min(temporal);
            }
            if spatial_start && place.spatial > self.spatial && place.spatial <= spatial {
                self.spatial = place.spatial;
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

    /// The rungs that the viewer allows itself.
    fn wish(&self, rungs: &[Rung]) -> Wish {
        match &self.choice {
            LayerChoice::Auto => Wish::Auto,
            LayerChoice::AudioOnly | LayerChoice::Paused => Wish::Paused,
            LayerChoice::Layer(name) => {
                let named = |rung: &Rung| self.names.get(usize::from(rung.layer.0)) == Some(name);
                rungs
                    .iter()
                    .rposition(named)
                    .map_or(Wish::Auto, Wish::Exactly)
            }
            LayerChoice::MaxHeight(height) => {
                let fits = |rung: &Rung| rung.size.is_none_or(|size| size.height <= *height);
                Wish::AtMost(rungs.iter().rposition(fits).unwrap_or(0))
            }
        }
    }
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
        if selection
            .chosen_at
            .is_some_and(|at| now < at + CHOOSE_INTERVAL)
        {
            return;
        }
        let rungs = layers.rungs();
        if rungs.is_empty() {
            return;
        }
        selection.chosen_at = Some(now);
        let current = selection.target.and_then(|target| {
            let same = |rung: &Rung| {
                (rung.layer, rung.spatial, rung.temporal)
                    == (target.layer, target.spatial, target.temporal)
            };
            rungs.iter().position(same)
        });
        let wish = selection.wish(rungs);
        let chosen = selection.chooser.choose(
            now,
            &self.estimator,
            rungs.iter().map(|rung| rung.bitrate),
            current,
            wish,
        );
        let starved = chosen.is_none() && wish != Wish::Paused;
        let was_paused = selection.is_paused();
        selection.starved = starved;
        let before = selection.target.map(|target| target.layer);
        selection.target = chosen
            .and_then(|rank| rungs.get(rank))
            .copied()
            .or(selection.target);
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
            && run.is_some_and(|(layer, _)| layer != target.layer)
        {
            self.want_keyframe(now, target.layer);
        }
    }
}
