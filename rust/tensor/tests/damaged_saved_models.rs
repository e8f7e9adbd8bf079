//! Damaged SavedModels: an error or a model, in bounded memory and time, never a panic.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use proptest::prelude::*;
use serving_model::Limits;
use support::{files, gzip, load_signature, ones, own_saved_model, tar_of, zip_of};
use zip::CompressionMethod;

type Files = Vec<(String, Vec<u8>)>;

/// Far more than the models need, far less than what a shape in them can claim.
const MOST_BYTES: u64 = 256 << 20;

fn model() -> Files {
    files(&own_saved_model("graph-variables").join("saved_model"))
}

/// Models with functions: their loops and branches, tables, and what fills these.
const WITH_FUNCTIONS: [&str; 3] = ["control", "texts", "branches"];

/// Loads and, where that works, uses a model; whether it worked.
fn exercise(content: &[u8]) -> bool {
    exercise_signature(content, "classify")
}

fn exercise_signature(content: &[u8], signature: &str) -> bool {
    let mut loaded = false;
    let counted = allocation_counter::measure(|| {
        let Ok(model) = load_signature(content, signature, Limits::default()) else {
            return;
        };
        loaded = true;
        assert!(!model.summary().is_empty());
        let _ = model.tensor_model().unwrap().call(&ones(model.as_ref()));
    });
    assert!(counted.bytes_max < MOST_BYTES, "{} bytes", counted.bytes_max);
    loaded
}

/// The model with one file changed, as a tar.
fn with(file: usize, content: &[u8]) -> Vec<u8> {
    let mut files = model();
    files[file].1 = content.to_vec();
    tar_of(&files)
}

#[test]
fn every_file_of_a_model_can_be_cut_off_anywhere() {
    assert!(exercise(&tar_of(&model())));
    for (file, (name, whole)) in model().into_iter().enumerate() {
        for length in 0..whole.len() {
            let loaded = exercise(&with(file, &whole[..length]));
            // Of the graph, what comes last may not be needed; of an asset, nothing is.
            assert!(!loaded || !name.starts_with("variables/"), "{name}: {length} bytes");
        }
    }
}

#[test]
fn every_archive_can_be_cut_off_anywhere() {
    let files = model();
    for whole in [
        zip_of(&files, CompressionMethod::Deflated),
        zip_of(&files, CompressionMethod::Stored),
        gzip(&tar_of(&files)),
        tar_of(&files),
    ] {
        assert!(exercise(&whole));
        (0..whole.len()).for_each(|length| {
            exercise(&whole[..length]);
        });
    }
}

fn changed(content: &mut [u8], changes: &[(prop::sample::Index, u8)]) {
    for (place, byte) in changes {
        let place = place.index(content.len());
        content[place] = *byte;
    }
}

fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)
}

proptest! {
    #[test]
    fn changed_bytes_of_a_file_are_refused_or_harmless(file in any::<prop::sample::Index>(), changes in changes()) {
        let files = model();
        let file = file.index(files.len());
        let mut content = files[file].1.clone();
        changed(&mut content, &changes);
        exercise(&with(file, &content));
    }

    #[test]
    fn changed_bytes_of_an_archive_are_refused_or_harmless(kind in 0..4, changes in changes()) {
        let files = model();
        let mut content = match kind {
            0 => zip_of(&files, CompressionMethod::Deflated),
            1 => zip_of(&files, CompressionMethod::Stored),
            2 => gzip(&tar_of(&files)),
            _ => tar_of(&files),
        };
        changed(&mut content, &changes);
        exercise(&content);
    }

    #[test]
    fn changed_bytes_of_functions_are_refused_or_harmless(name in 0..WITH_FUNCTIONS.len(), changes in changes()) {
        let mut files = files(&own_saved_model(WITH_FUNCTIONS[name]).join("saved_model"));
        let graph = files.iter_mut().find(|(name, _)| name == "saved_model.pb");
        changed(&mut graph.unwrap().1, &changes);
        exercise_signature(&tar_of(&files), "serving_default");
    }

    #[test]
    fn noise_is_refused(start in 0_usize..4, noise in proptest::collection::vec(any::<u8>(), 0..600)) {
        let start: &[u8] = [&b"PK\x03\x04"[..], b"PK\x05\x06", b"\x1f\x8b", b""][start];
        prop_assert!(!exercise(&[start, &noise].concat()));
    }
}
