//! Closed captions in a publisher's pictures (CTA-608, channel CC1), as text.
//!
//! They are written in the order in which pictures are shown, and pictures come in the order in which they are decoded.

use std::collections::BTreeMap;

use broadcast_common::Parse as _;
use bytes::Bytes;
use cc_data::{
    CcData,
    decode::{Cea608Channel, Cea608Decoder},
};
use weir_media::MediaTime;
use weir_protocol::Caption;

use super::h264;

/// Pictures that wait for those that are shown before them: no decoder reorders more.
const REORDERED_MAX: usize = 16;
/// Text that is written as it is spoken grows with each picture; it is told so often at most. Nanoseconds.
const TOLD_EVERY: MediaTime = 300_000_000;

/// Reads the captions of one source.
#[derive(Debug, Default)]
pub struct Captions {
    decoder: Cea608Decoder,
    waiting: BTreeMap<MediaTime, Vec<CcData>>,
    told: Caption,
    told_at: Option<MediaTime>,
}

impl Captions {
    /// A picture with these NAL units of type 6; what is to be read from now on, if that changed.
    pub fn picture(&mut self, dts: MediaTime, pts: MediaTime, sei: &[Bytes]) -> Option<Caption> {
        let parsed = sei
            .iter()
            .flat_map(|nal| h264::cc_data(nal))
            .filter_map(|data| CcData::parse(&data).ok())
            .filter(|data| data.process_cc_data_flag);
        let data: Vec<CcData> = parsed.collect();
        if !data.is_empty() {
            self.waiting.entry(pts).or_default().extend(data);
        }
        // Whatever comes later is shown later than this.
        while let Some(first) = self.waiting.first_entry() {
            if *first.key() > dts && self.waiting.len() <= REORDERED_MAX {
                break;
            }
            for data in self.waiting.pop_first()?.1 {
                self.decoder.push_triplets(&data.triplets);
            }
        }
        self.news(dts)
    }

    fn news(&mut self, now: MediaTime) -> Option<Caption> {
        let due = self
            .told_at
            .is_none_or(|at| now.checked_sub(at).is_none_or(|since| since >= TOLD_EVERY));
        if !due {
            return None;
        }
        let text = self.decoder.channel_text(Cea608Channel::Cc1);
        let lines = text.lines().map(|line| line.trim().to_owned());
        let caption = Caption {
            lines: lines.filter(|line| !line.is_empty()).collect(),
        };
        if caption == self.told {
            return None;
        }
        self.told_at = Some(now);
        self.told = caption.clone();
        Some(caption)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: MediaTime = 33_333_333;

    /// A NAL unit with one pair of CC1.
    fn pair(first: u8, second: u8) -> Vec<Bytes> {
        let mut nal = vec![6, 4, 14, 0xb5, 0x00, 0x31, b'G', b'A', b'9', b'4', 3];
        nal.extend_from_slice(&[0x41, 0xff, 0xfc, first, second, 0xff, 0x80]);
        vec![Bytes::from(nal)]
    }

    /// "HI" as pop-on: load, text, show; then erase.
    const PAIRS: [(u8, u8); 4] = [(0x14, 0x20), (b'H', b'I'), (0x14, 0x2f), (0x14, 0x2c)];

    #[test]
    fn text_is_shown_and_erased() {
        let mut captions = Captions::default();
        let mut told = Vec::new();
        for (number, (first, second)) in PAIRS.into_iter().enumerate() {
            let at = number as MediaTime * TOLD_EVERY;
            told.extend(captions.picture(at, at, &pair(first, second)));
        }
        let lines: Vec<_> = told.into_iter().map(|caption| caption.lines).collect();
        assert_eq!(lines, [vec!["HI".to_owned()], Vec::new()]);
    }

    #[test]
    fn pictures_are_read_in_the_order_in_which_they_are_shown() {
        let mut captions = Captions::default();
        // The last one of four is decoded second.
        let order = [(0, 0), (3, 1), (1, 2), (2, 3)];
        let mut told = Vec::new();
        for (shown, decoded) in order {
            let (first, second) = [PAIRS[0], (b'H', b'I'), (b'!', b'!'), PAIRS[2]][shown];
            let dts = decoded * FRAME;
            let pts = (shown as MediaTime + 1) * FRAME;
            told.extend(captions.picture(dts, pts, &pair(first, second)));
        }
        assert!(told.is_empty());
        let shown = captions.picture(5 * FRAME, 5 * FRAME, &[]);
        assert_eq!(shown.map(|it| it.lines), Some(vec!["HI!!".to_owned()]));
    }

    #[test]
    fn what_is_written_as_it_is_spoken_is_told_now_and_then() {
        let mut captions = Captions::default();
        let mut told = 0;
        captions.picture(0, 0, &pair(0x14, 0x25));
        for number in 1..=30 {
            let at = number * FRAME;
            told += usize::from(captions.picture(at, at, &pair(b'a', b'b')).is_some());
        }
        assert!((2..=4).contains(&told), "{told}");
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut captions = Captions::default();
        for number in 0..1_000 {
            captions.picture(0, 1_000 + number, &pair(b'a', b'b'));
        }
        assert!(captions.waiting.len() <= REORDERED_MAX);
    }
}
