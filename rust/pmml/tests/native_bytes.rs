//! The bytes that a model counts are those that the allocator has given for it.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use serving_model::wire::ModelDescriptor;
use serving_model::{Limits, ModelFactory, ModelSource};
use serving_pmml::PmmlModelFactory;

/// How far the count may be from what is allocated.
const SHARE: f64 = 0.2;

fn shared() -> PathBuf {
    std::env::var_os("FLINK_SERVING_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    )
}

fn documents(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            documents(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "pmml") {
            found.push(path);
        }
    }
    found.sort();
}

/// Counted and allocated bytes of a document, `None` when it is refused. The allocator counts what a thread does, and a model is
/// loaded on another one: so it is the bytes given back that are counted.
fn bytes(path: &Path) -> Option<(f64, f64)> {
    let content = fs::read(path).unwrap();
    let model = PmmlModelFactory
        .create(&ModelSource {
            descriptor: &ModelDescriptor::default(),
            content: &content,
            directory: None,
            limits: Limits::default(),
        })
        .ok()?;
    let counted = model.native_bytes();
    let freed = allocation_counter::measure(|| drop(model)).bytes_current;
    Some((counted as f64, -freed as f64))
}

fn off(folder: &Path) -> Option<(usize, Vec<String>)> {
    let mut paths = Vec::new();
    documents(folder, &mut paths);
    if !folder.is_dir() {
        return None;
    }
    let mut wrong = Vec::new();
    for path in &paths {
        if let Some((counted, allocated)) = bytes(path)
            && (counted - allocated).abs() > SHARE * allocated
        {
            let (share, name) = (counted / allocated, path.parent().and_then(Path::file_name).unwrap());
            wrong.push(format!("{share:.2} of {allocated}: {}", name.to_string_lossy()));
        }
    }
    Some((paths.len(), wrong))
}

#[test]
fn the_models_of_this_repository_count_what_is_allocated() {
    let resources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../flink-job/job/src/main/resources/example/wine");
    let (count, wrong) = off(&resources).unwrap();
    assert!(count > 5);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_shared_models_count_what_is_allocated() {
    for folder in ["cases/pmml", "bench-models"] {
        match off(&shared().join(folder)) {
            None => eprintln!("SKIPPED: there is no folder {folder}"),
            Some((_, wrong)) => assert!(wrong.is_empty(), "{wrong:#?}"),
        }
    }
}
