//! Which quality the viewer wants, and which there are to choose from.

use weir_protocol::{Layer, SelectLayer};

use crate::texts::player as texts;

/// What the viewer wants to receive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Quality {
    /// The best that the connection carries.
    #[default]
    Auto,
    /// The layer of so many lines; where a stream has none, the best of those with less.
    Lines(u32),
    /// Sound without a picture.
    AudioOnly,
}

impl Quality {
    /// For the next visit.
    pub fn stored(self) -> String {
        match self {
            Self::Auto => "auto".to_owned(),
            Self::Lines(lines) => lines.to_string(),
            Self::AudioOnly => "audio".to_owned(),
        }
    }

    /// From the last visit. What storage holds is not trusted.
    pub fn from_stored(text: Option<&str>) -> Self {
        match text {
            Some("audio") => Self::AudioOnly,
            Some(text) => match text.parse() {
                Ok(lines @ 1..=10_000) => Self::Lines(lines),
                _ => Self::Auto,
            },
            None => Self::Auto,
        }
    }

    /// What the server is asked for, as far as the stream's layers are known.
    pub fn selection(self, layers: &[Layer]) -> SelectLayer {
        match self {
            Self::Auto => SelectLayer::default(),
            Self::AudioOnly => SelectLayer {
                audio_only: true,
                ..SelectLayer::default()
            },
            Self::Lines(wanted) => {
                let layer = offered(layers).find(|layer| lines(layer) == Some(wanted));
                match layer {
                    Some(layer) => SelectLayer {
                        encoding_id: Some(layer.encoding_id.clone()),
                        ..SelectLayer::default()
                    },
                    None => SelectLayer {
                        max_height: Some(wanted),
                        ..SelectLayer::default()
                    },
                }
            }
        }
    }

    /// For people. `playing` is how many lines the picture on screen has.
    pub fn words(self, playing: Option<u32>) -> String {
        match (self, playing) {
            (Self::Auto, Some(lines)) => texts::auto_now(lines),
            (Self::Auto, None) => texts::auto().to_owned(),
            (Self::Lines(lines), _) => format!("{lines}p"),
            (Self::AudioOnly, _) => texts::audio_only().to_owned(),
        }
    }
}

/// What the menu offers for a stream with these layers, and nothing where there is no choice. `chosen`
/// is always among it, so that it can be left.
pub fn menu(layers: &[Layer], chosen: Quality) -> Vec<Quality> {
    let mut sizes: Vec<u32> = offered(layers).filter_map(lines).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    sizes.dedup();
    if sizes.len() < 2 && chosen != Quality::AudioOnly {
        return Vec::new();
    }
    if let Quality::Lines(lines) = chosen
        && !sizes.contains(&lines)
    {
        sizes.push(lines);
        sizes.sort_unstable_by(|a, b| b.cmp(a));
    }
    let sizes = sizes.into_iter().map(Quality::Lines);
    std::iter::once(Quality::Auto)
        .chain(sizes)
        .chain([Quality::AudioOnly])
        .collect()
}

/// Lines of a picture of this size as people count them: 720p held upright is 720p.
pub fn lines_of(width: u32, height: u32) -> Option<u32> {
    let lines = width.min(height);
    (lines > 0).then_some(lines)
}

fn offered(layers: &[Layer]) -> impl Iterator<Item = &Layer> {
    layers
        .iter()
        .filter(|layer| layer.active || layer.on_demand)
}

fn lines(layer: &Layer) -> Option<u32> {
    lines_of(layer.width?, layer.height?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(name: &str, size: Option<(u32, u32)>, active: bool) -> Layer {
        Layer {
            encoding_id: name.into(),
            width: size.map(|size| size.0),
            height: size.map(|size| size.1),
            bitrate: 1,
            active,
            on_demand: false,
        }
    }

    fn three() -> Vec<Layer> {
        vec![
            layer("f", Some((1920, 1080)), true),
            layer("h", Some((960, 540)), true),
            layer("q", Some((480, 270)), true),
        ]
    }

    #[test]
    fn the_menu_is_there_where_there_is_a_choice() {
        use Quality::{AudioOnly, Auto, Lines};
        assert_eq!(
            menu(&three(), Auto),
            [Auto, Lines(1080), Lines(540), Lines(270), AudioOnly]
        );
        let one = [layer("f", Some((1280, 720)), true)];
        assert_eq!(menu(&one, Auto), []);
        assert_eq!(menu(&one, Lines(1080)), []);
        assert_eq!(menu(&one, AudioOnly), [Auto, Lines(720), AudioOnly]);
        // Layers that are not sent, or not known, are no choice.
        let mut paused = three();
        paused[0].active = false;
        paused[1] = layer("h", None, true);
        assert_eq!(menu(&paused, Auto), []);
        // But for those that are made for who chooses them.
        let mut asleep = three();
        (asleep[2].active, asleep[2].on_demand) = (false, true);
        assert_eq!(menu(&asleep, Auto).len(), 5);
        let chosen = Lines(270).selection(&asleep);
        assert_eq!(chosen.encoding_id.as_deref(), Some("q"));
        assert_eq!(menu(&[], Auto), []);
        assert_eq!(
            menu(&three(), Lines(720)),
            [
                Auto,
                Lines(1080),
                Lines(720),
                Lines(540),
                Lines(270),
                AudioOnly
            ]
        );
    }

    #[test]
    fn a_layer_is_asked_for_by_its_name_where_it_is_known() {
        let by_name = Quality::Lines(540).selection(&three());
        assert_eq!(by_name.encoding_id.as_deref(), Some("h"));
        assert_eq!(by_name.max_height, None);
        let by_height = Quality::Lines(720).selection(&three());
        assert_eq!(by_height.encoding_id, None);
        assert_eq!(by_height.max_height, Some(720));
        assert_eq!(Quality::Auto.selection(&three()), SelectLayer::default());
        assert!(Quality::AudioOnly.selection(&[]).audio_only);
    }

    #[test]
    fn choices_are_remembered_and_nonsense_is_not() {
        for quality in [Quality::Auto, Quality::Lines(720), Quality::AudioOnly] {
            assert_eq!(Quality::from_stored(Some(&quality.stored())), quality);
        }
        for nonsense in [None, Some(""), Some("0"), Some("-5"), Some("99999999")] {
            assert_eq!(Quality::from_stored(nonsense), Quality::Auto);
        }
    }

    #[test]
    fn an_upright_picture_has_as_many_lines_as_a_lying_one() {
        assert_eq!(lines_of(720, 1280), Some(720));
        assert_eq!(lines_of(0, 0), None);
        assert_eq!(Quality::Auto.words(Some(720)), "Auto (720p)");
    }
}
