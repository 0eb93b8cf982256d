//! How decoder and encoders are fed: which rungs a source has, and the way of its pictures into them.

use weir_media::{MediaTime, RtpLayer};

use super::{Hls, Rtp, VideoPath};
use crate::{
    source::AccessUnit,
    worker::{
        encode::{Decoder, Rung, SourcePicture, plan},
        fail,
        h264::Inspection,
    },
};

/// A frame rate so far from the one that was thought, in percent, makes other rungs.
const OTHER_RATE_PERCENT: u64 = 15;

impl VideoPath {
    /// Chooses the rungs, as soon as the size of the picture is known.
    pub(super) fn plan(&mut self) {
        let (size, of_decoder) = match &self.avc {
            Some((_, sps)) => ((sps.width, sps.height), None),
            None => match self.rungs.encoders().fan().size() {
                Some(size) => (size, Some(size)),
                None => return,
            },
        };
        let frame = self.frame();
        self.planned = (frame, self.rate.frame().is_some());
        let source = SourcePicture {
            width: size.0,
            height: size.1,
            frame,
            bitrate: self.rate.bitrate().unwrap_or_else(|| estimate(size, frame)),
        };
        let mut own = vec![source];
        if self.is_layered() {
            own.extend(self.layers.pictures(frame));
        }
        let rungs = plan(&own, &self.outputs.ladder);
        self.announce_layers(&rungs);
        self.rungs.replan(rungs, of_decoder, own.len());
        self.route();
    }

    /// Other rungs when the source turns out to be other than was thought.
    pub(super) fn measure(&mut self) {
        let (planned, measured) = self.planned;
        if !measured && let Some(frame) = self.rate.frame() {
            self.planned.1 = true;
            if planned > 0 && frame.abs_diff(planned) > planned * OTHER_RATE_PERCENT / 100 {
                self.plan();
            }
        }
    }

    /// Says which layers there are, if they are others.
    fn announce_layers(&mut self, rungs: &[Rung]) {
        if self.rtp == Rtp::None && rungs.len() < 2 {
            // The SFU has all there is.
            return;
        }
        // Viewers who cannot decode a WebRTC publisher's own picture are told by the name.
        let codec = match self.rtp {
            Rtp::OnDemand => "h264-",
            _ => "",
        };
        let layers: Vec<_> = rungs
            .iter()
            .map(|rung| RtpLayer {
                name: format!("{codec}{}", rung.name),
                width: rung.width,
                height: rung.height,
                bitrate: rung.bitrate,
            })
            .collect();
        let shape = |layers: &[RtpLayer]| -> Vec<_> {
            let shapes = layers.iter();
            shapes
                .map(|layer| (layer.name.clone(), layer.width, layer.height))
                .collect()
        };
        let same = self
            .announced
            .as_ref()
            .is_some_and(|known| shape(known) == shape(&layers));
        if !same {
            self.announced = Some(layers);
            self.announce();
        }
    }

    /// Gives a picture to the decoder if some rung needs it.
    pub(super) fn feed_encoder(&mut self, unit: &AccessUnit, found: &Inspection, replay: bool) {
        // Other codecs say their size when they are decoded.
        let size = self.rungs.encoders().fan().size();
        let unknown = self.avc.is_none();
        if unknown && size.is_some() && self.planned_size != size {
            self.planned_size = size;
            self.plan();
        }
        if unit.keyframe {
            self.rungs.encoders().source_keyframe(unit.pts);
        }
        self.rungs.switch();
        let bitrate = self.bitrate();
        self.rungs.run(bitrate);
        if !(self.rungs.any() || unknown && size.is_none()) {
            // Not drained: what it still has is not wanted any more.
            self.decoder = None;
            return;
        }
        let passes = self.rtp == Rtp::Pass || matches!(self.hls, Hls::Pass(_));
        let Some(decoder) = &mut self.decoder else {
            self.start_decoder(unit, replay);
            return;
        };
        if replay {
            // The past comes all at once: the decoder is not late with it.
            self.rungs.encoders().emit_from(unit.pts + 1);
            if !found.disposable {
                decoder.give(unit);
            }
            return;
        }
        self.starved |= !decoder.push(unit, passes, found.disposable);
    }

    /// Starts the decoder with the pictures since the last keyframe, of which those before `unit` have
    /// been given out already.
    fn start_decoder(&mut self, unit: &AccessUnit, replay: bool) {
        let Some(units) = self.group.units() else {
            return;
        };
        self.coded.frame = self.frame();
        let given = units
            .iter()
            .filter(|earlier| earlier.dts < unit.dts)
            .map(|earlier| earlier.pts)
            .max();
        let encoders = self.rungs.encoders();
        if let Some(given) = given {
            encoders.emit_from(given + 1);
        }
        if replay {
            encoders.emit_from(unit.pts + 1);
        }
        let fan = encoders.fan().clone();
        let decoder = Decoder::start(&self.coded, move |sample| fan.decoded(sample));
        let mut decoder = match decoder {
            Ok(decoder) => decoder,
            Err(error) => fail(format!("{error:#}")),
        };
        for unit in units {
            decoder.give(unit);
        }
        self.decoder = Some(decoder);
    }

    /// Bits a second of the first rung, where it is encoded.
    fn bitrate(&mut self) -> u32 {
        let (size, frame) = match self.rungs.plan().first() {
            Some(rung) => ((rung.width, rung.height), rung.frame),
            None => return 0,
        };
        for_encoder(self.rate.bitrate().unwrap_or_else(|| estimate(size, frame)))
    }
}

/// Bits a second for a picture of this size when the source's are not known yet: a tenth of a bit per
/// pixel.
pub(super) fn estimate(size: (u32, u32), frame: MediaTime) -> u32 {
    let (width, height) = size;
    let pixels = f64::from(width) * f64::from(height) * 1e9 / frame.max(1) as f64;
    (pixels * 0.1) as u32
}

/// Bits a second that the encoder gets for a source of `bitrate`: a tenth more, since its fast preset
/// needs them to look the same.
fn for_encoder(bitrate: u32) -> u32 {
    const LEAST: u32 = 300_000;
    const MOST: u32 = 10_000_000;
    (bitrate / 10 * 11).clamp(LEAST, MOST)
}
