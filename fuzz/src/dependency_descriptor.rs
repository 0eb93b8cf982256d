//! Dependency descriptors of one stream, each behind its length in one octet.

use weir_rtp::dependency_descriptor::{Indication, MAX_SPATIAL, MAX_TARGETS, Receiver};

/// The descriptors.
pub fn run(input: &[u8]) {
    let mut receiver = Receiver::default();
    let mut rest = input;
    while let Some((&len, after)) = rest.split_first() {
        let (descriptor, next) = after.split_at(usize::from(len).min(after.len()));
        rest = next;
        let Some(frame) = receiver.read(descriptor) else {
            continue;
        };
        // It is all that the descriptor says, but for what it says of later ones.
        assert_eq!(receiver.read(descriptor), Some(frame));
        let structure = receiver.structure().expect("a frame was read by it");
        assert!((1..=MAX_TARGETS).contains(&structure.targets().len()));
        assert!(usize::from(structure.max_spatial()) < MAX_SPATIAL);
        assert!(frame.spatial <= structure.max_spatial());
        assert_eq!(
            frame.chains.as_slice().len(),
            usize::from(structure.chain_count())
        );
        for target in structure.targets() {
            assert!(target.spatial <= structure.max_spatial());
            assert!(
                target
                    .protected_by
                    .is_none_or(|chain| chain < structure.chain_count())
            );
        }
        for target in structure.targets().len()..MAX_TARGETS + 2 {
            assert_eq!(frame.indications.of(target), Indication::NotPresent);
        }
        for diff in frame.diffs.as_slice() {
            assert!((1..=4_096).contains(diff));
        }
        for spatial in 0..=u8::MAX {
            let size = structure.size(spatial);
            assert!(size.is_none() || spatial <= structure.max_spatial());
        }
    }
}
