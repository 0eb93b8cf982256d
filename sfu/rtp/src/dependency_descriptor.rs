//! The dependency descriptor (RTP Payload Format For AV1, appendix A): which layers a frame belongs
//! to and what depends on it, in an RTP header extension, for any codec.
//!
//! A keyframe carries the [`Structure`] that all later descriptors refer to, so the receiver keeps it.

use crate::bit_reader::BitReader;

/// URI of the RTP header extension.
pub const URI: &str =
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";

/// Most templates: their number has six bits.
const MAX_TEMPLATES: usize = 64;

/// Most decode targets and chains: their number has five bits.
pub const MAX_TARGETS: usize = 32;

/// Most frame differences that are kept: an AV1 frame has at most seven references.
pub const MAX_FRAME_DIFFS: usize = 8;

/// Spatial layers of AV1 (two bits) and VP9 (three bits).
pub const MAX_SPATIAL: usize = 8;

/// What a frame is to a decode target: A.8.2.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Indication {
    /// The target does without the frame.
    NotPresent,
    /// Nothing else of the target depends on it.
    Discardable,
    /// Once it is decoded, the target can be decoded from here on.
    Switch,
    /// Later frames of the target may depend on it.
    Required,
}

/// The indications of a frame, by decode target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Indications(u64);

impl Indications {
    /// What the frame is to a target. Targets beyond the structure's are not present.
    pub fn of(self, target: usize) -> Indication {
        if target >= MAX_TARGETS {
            return Indication::NotPresent;
        }
        match self.0 >> (2 * target) & 3 {
            1 => Indication::Discardable,
            2 => Indication::Switch,
            3 => Indication::Required,
            _ => Indication::NotPresent,
        }
    }

    fn read(bits: &mut BitReader<'_>, targets: u8) -> Option<Self> {
        let mut all = 0;
        for target in 0..targets {
            all |= u64::from(bits.bits(2)?) << (2 * target);
        }
        Some(Self(all))
    }
}

/// Distances to the frames that a frame refers to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FrameDiffs {
    count: u8,
    diffs: [u16; MAX_FRAME_DIFFS],
}

impl FrameDiffs {
    /// In frame numbers, each at least 1. Empty for a frame that refers to nothing.
    pub fn as_slice(&self) -> &[u16] {
        &self.diffs[..usize::from(self.count)]
    }

    fn push(&mut self, diff: u16) -> Option<()> {
        *self.diffs.get_mut(usize::from(self.count))? = diff;
        self.count += 1;
        Some(())
    }
}

/// Distances to the frame before on each chain; 0 where the frame begins the chain anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChainDiffs {
    count: u8,
    diffs: [u8; MAX_TARGETS],
}

impl ChainDiffs {
    /// In frame numbers, one a chain.
    pub fn as_slice(&self) -> &[u8] {
        &self.diffs[..usize::from(self.count)]
    }

    fn read(bits: &mut BitReader<'_>, count: u8, width: u32) -> Option<Self> {
        let mut chains = Self {
            count,
            ..Self::default()
        };
        for diff in chains.diffs.iter_mut().take(usize::from(count)) {
            *diff = bits.byte(width)?;
        }
        Some(chains)
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Template {
    spatial: u8,
    temporal: u8,
    indications: Indications,
    diffs: FrameDiffs,
    /// Four bits a chain.
    chains: u128,
}

/// Layers of a decode target: the highest that it contains.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Target {
    /// Spatial layer.
    pub spatial: u8,
    /// Temporal layer.
    pub temporal: u8,
    /// Index of the chain that protects it: all of its frames arrived means that it can be decoded.
    pub protected_by: Option<u8>,
}

/// `template_dependency_structure()`: A.8.2. Large; a receiver keeps one for each stream.
#[derive(Debug, Clone)]
pub struct Structure {
    id_offset: u8,
    template_count: u8,
    target_count: u8,
    chain_count: u8,
    templates: [Template; MAX_TEMPLATES],
    targets: [Target; MAX_TARGETS],
    sizes: [Option<(u16, u16)>; MAX_SPATIAL],
}

impl Structure {
    /// The decode targets.
    pub fn targets(&self) -> &[Target] {
        &self.targets[..usize::from(self.target_count)]
    }

    /// How many chains there are.
    pub fn chain_count(&self) -> u8 {
        self.chain_count
    }

    /// Width and height of a spatial layer in pixels, where the structure says them.
    pub fn size(&self, spatial: u8) -> Option<(u16, u16)> {
        self.sizes.get(usize::from(spatial)).copied().flatten()
    }

    /// The highest spatial layer.
    pub fn max_spatial(&self) -> u8 {
        let templates = &self.templates[..usize::from(self.template_count)];
        templates.iter().map(|t| t.spatial).max().unwrap_or(0)
    }

    fn read(bits: &mut BitReader<'_>) -> Option<Self> {
        let mut structure = Self {
            id_offset: bits.byte(6)?,
            template_count: 0,
            target_count: bits.byte(5)? + 1,
            chain_count: 0,
            templates: [Template::default(); MAX_TEMPLATES],
            targets: [Target::default(); MAX_TARGETS],
            sizes: [None; MAX_SPATIAL],
        };
        structure.read_layers(bits)?;
        let count = usize::from(structure.template_count);
        for template in &mut structure.templates[..count] {
            template.indications = Indications::read(bits, structure.target_count)?;
        }
        for template in &mut structure.templates[..count] {
            while bits.bit()? {
                let diff = bits.bits(4)? as u16 + 1;
                template.diffs.push(diff)?;
            }
        }
        structure.read_chains(bits)?;
        structure.find_target_layers();
        if bits.bit()? {
            for spatial in 0..=structure.max_spatial() {
                let (width, height) = (bits.bits(16)? + 1, bits.bits(16)? + 1);
                let size = u16::try_from(width).ok().zip(u16::try_from(height).ok());
                structure.sizes[usize::from(spatial)] = size;
            }
        }
        Some(structure)
    }

    fn read_layers(&mut self, bits: &mut BitReader<'_>) -> Option<()> {
        let (mut spatial, mut temporal) = (0_u8, 0_u8);
        loop {
            let template = self.templates.get_mut(usize::from(self.template_count))?;
            (template.spatial, template.temporal) = (spatial, temporal);
            self.template_count += 1;
            match bits.bits(2)? {
                0 => {}
                1 => temporal += 1,
                2 => (spatial, temporal) = (spatial + 1, 0),
                _ => return Some(()),
            }
            // Three bits for a temporal layer, two or three for a spatial one.
            if temporal > 7 || usize::from(spatial) >= MAX_SPATIAL {
                return None;
            }
        }
    }

    fn read_chains(&mut self, bits: &mut BitReader<'_>) -> Option<()> {
        let targets = u32::from(self.target_count);
        let chains = bits.below(targets + 1)?;
        self.chain_count = chains as u8;
        if chains == 0 {
            return Some(());
        }
        for target in &mut self.targets[..usize::from(self.target_count)] {
            target.protected_by = Some(bits.below(chains)? as u8);
        }
        for template in &mut self.templates[..usize::from(self.template_count)] {
            for chain in 0..chains {
                template.chains |= u128::from(bits.bits(4)?) << (4 * chain);
            }
        }
        Some(())
    }

    /// `decode_target_layers()`: A.8.2.5.
    fn find_target_layers(&mut self) {
        let templates = &self.templates[..usize::from(self.template_count)];
        let count = usize::from(self.target_count);
        for (index, target) in self.targets[..count].iter_mut().enumerate() {
            for template in templates {
                if template.indications.of(index) != Indication::NotPresent {
                    target.spatial = target.spatial.max(template.spatial);
                    target.temporal = target.temporal.max(template.temporal);
                }
            }
        }
    }

    fn template(&self, id: u8) -> Option<&Template> {
        let index = (id + 64 - self.id_offset) % 64;
        let templates = &self.templates[..usize::from(self.template_count)];
        templates.get(usize::from(index))
    }
}

/// What the descriptor of one packet says of its frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// First packet of the frame.
    pub starts_frame: bool,
    /// Last packet of the frame.
    pub ends_frame: bool,
    /// Number of the frame, modulo 2¹⁶, one more with each frame of any layer.
    pub number: u16,
    /// Spatial layer.
    pub spatial: u8,
    /// Temporal layer.
    pub temporal: u8,
    /// What the frame is to each decode target.
    pub indications: Indications,
    /// Frames that it refers to.
    pub diffs: FrameDiffs,
    /// Its place on each chain.
    pub chains: ChainDiffs,
    /// Decode targets that are in use, one bit each, where the packet says it.
    pub active_targets: Option<u32>,
    /// The packet carries a structure: the beginning of a coded video sequence.
    pub has_structure: bool,
}

/// Keeps the structure of one stream.
#[derive(Debug, Default)]
pub struct Receiver {
    structure: Option<Box<Structure>>,
}

impl Receiver {
    /// The newest structure.
    pub fn structure(&self) -> Option<&Structure> {
        self.structure.as_deref()
    }

    /// Reads a descriptor. None when it is malformed or refers to a structure that did not come.
    pub fn read(&mut self, bytes: &[u8]) -> Option<Frame> {
        let mut bits = BitReader::new(bytes);
        let (starts_frame, ends_frame) = (bits.bit()?, bits.bit()?);
        let template_id = bits.byte(6)?;
        let number = bits.bits(16)? as u16;
        let (mut custom_dtis, mut custom_diffs, mut custom_chains) = (false, false, false);
        let mut active_targets = None;
        let mut fresh = None;
        // A.8.1: exactly three octets have no extended fields.
        if bytes.len() > 3 {
            let has_structure = bits.bit()?;
            let has_active = bits.bit()?;
            (custom_dtis, custom_diffs, custom_chains) = (bits.bit()?, bits.bit()?, bits.bit()?);
            if has_structure {
                let structure = Structure::read(&mut bits)?;
                active_targets = Some(u32::MAX >> (32 - u32::from(structure.target_count)));
                fresh = Some(structure);
            }
            if has_active {
                let structure = fresh.as_ref().or(self.structure.as_deref())?;
                active_targets = Some(bits.bits(u32::from(structure.target_count))?);
            }
        }
        let structure = fresh.as_ref().or(self.structure.as_deref())?;
        let template = structure.template(template_id)?;
        let indications = if custom_dtis {
            Indications::read(&mut bits, structure.target_count)?
        } else {
            template.indications
        };
        let diffs = if custom_diffs {
            custom_frame_diffs(&mut bits)?
        } else {
            template.diffs
        };
        let chains = if custom_chains {
            ChainDiffs::read(&mut bits, structure.chain_count, 8)?
        } else {
            template_chains(template, structure.chain_count)
        };
        let frame = Frame {
            starts_frame,
            ends_frame,
            number,
            spatial: template.spatial,
            temporal: template.temporal,
            indications,
            diffs,
            chains,
            active_targets,
            has_structure: fresh.is_some(),
        };
        if let Some(structure) = fresh {
            match &mut self.structure {
                // In place: the packet path does not allocate.
                Some(kept) => **kept = structure,
                None => self.structure = Some(Box::new(structure)),
            }
        }
        Some(frame)
    }
}

fn template_chains(template: &Template, count: u8) -> ChainDiffs {
    let mut chains = ChainDiffs {
        count,
        ..ChainDiffs::default()
    };
    for (index, diff) in chains.diffs.iter_mut().take(usize::from(count)).enumerate() {
        *diff = (template.chains >> (4 * index) & 0xf) as u8;
    }
    chains
}

/// `frame_fdiffs()`: A.8.3.
fn custom_frame_diffs(bits: &mut BitReader<'_>) -> Option<FrameDiffs> {
    let mut diffs = FrameDiffs::default();
    loop {
        let size = bits.bits(2)?;
        if size == 0 {
            return Some(diffs);
        }
        diffs.push(bits.bits(4 * size)? as u16 + 1)?;
    }
}

#[cfg(test)]
mod tests;
