//! SavedModels: archives of them, signatures, checkpoints, and answers as TensorFlow gives them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::path::Path;

use serving_model::wire::ModelDescriptor;
use serving_model::{ErrorCode, Limits, ModelError, ModelFactory as _, Tensor, TensorData, stored};
use serving_tensor::SavedModelFactory;
use support::{
    files, gzip, json, load_saved_model, load_signature, own_saved_model, shared, tar_of, tensors_differ, zip_of,
};
use zip::CompressionMethod;

type Files = Vec<(String, Vec<u8>)>;

fn error_of(content: &[u8]) -> ModelError {
    load_saved_model(content).err().unwrap()
}

/// A case with its model as a tar.
fn difference(folder: &Path) -> Result<(), String> {
    let case = json(&folder.join("case.json"));
    let content = tar_of(&files(&folder.join(case["model"].as_str().unwrap())));
    let signature = case["signature"].as_str().unwrap_or_default();
    let model = load_signature(&content, signature, Limits::default()).map_err(|error| error.to_string())?;
    tensors_differ(model.as_ref(), folder)
}

fn graph_variables() -> Files {
    files(&own_saved_model("graph-variables").join("saved_model"))
}

/// Every case of a folder holds.
fn cases_hold(folder: &Path) {
    let mut failed = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().to_str().unwrap();
        if let Err(why) = difference(&folder) {
            failed.push(format!("{name}: {why}"));
        }
    }
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}

#[test]
fn the_models_of_this_crate_answer_as_tensorflow_does() {
    cases_hold(&own_saved_model(""));
}

#[test]
fn the_shared_models_answer_as_tensorflow_does() {
    if let Some(folder) = shared("cases/tf-savedmodel") {
        cases_hold(&folder);
    }
}

#[test]
fn a_model_whose_answers_depend_on_earlier_calls_is_refused() {
    let content = tar_of(&files(&own_saved_model("changeable").join("saved_model")));
    let error = load_signature(&content, "count", Limits::default()).err().unwrap();
    assert_eq!(error.code, ErrorCode::ModelUnsupported);
    assert!(
        error
            .message
            .starts_with("the model changes variables or tables when it is called: AssignAddVariableOp"),
        "{}",
        error.message
    );
}

#[test]
fn a_model_is_the_same_whatever_it_is_packed_in() {
    let plain = graph_variables();
    let nested: Files = plain
        .iter()
        .map(|(name, content)| (format!("export/00000123/{name}"), content.clone()))
        .collect();
    let folder = own_saved_model("graph-variables");
    for files in [&plain, &nested] {
        let tar = tar_of(files);
        for content in [
            gzip(&tar),
            zip_of(files, CompressionMethod::Stored),
            zip_of(files, CompressionMethod::Deflated),
            tar,
        ] {
            let model = load_signature(&content, "classify", Limits::default()).unwrap();
            tensors_differ(model.as_ref(), &folder).unwrap();
        }
    }
}

#[test]
fn inputs_and_outputs_have_the_names_of_the_signature_and_the_summary_has_all_signatures() {
    let content = tar_of(&graph_variables());
    let model = load_signature(&content, "classify", Limits::default()).unwrap();
    let names = |fields: &[serving_model::Field]| fields.iter().map(|field| field.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&model.schema().inputs), ["features"]);
    assert_eq!(names(&model.schema().outputs), ["best", "scores"]);
    let summary = model.summary();
    for line in [
        "signature classify (used): features float[?, 4] -> best int64[?], scores float[?, 5]",
        "signature find: row int32[?] -> found float[?, 3]",
    ] {
        assert!(summary.lines().any(|shown| shown == line), "'{line}' in:\n{summary}");
    }
    let model = load_signature(&content, "find", Limits::default()).unwrap();
    assert_eq!(names(&model.schema().outputs), ["found"]);
}

#[test]
fn a_signature_that_is_not_there_or_not_certain_is_refused_with_all_that_are_there() {
    let content = tar_of(&graph_variables());
    let error = load_signature(&content, "predict", Limits::default()).err().unwrap();
    assert!(
        error
            .message
            .contains("no signature 'predict'; there are: classify, find"),
        "{error}"
    );
    let error = error_of(&content);
    assert!(
        error.message.contains("one must be named; there are: classify, find"),
        "{error}"
    );
}

#[test]
fn a_missing_file_is_named() {
    for missing in [
        "saved_model.pb",
        "variables/variables.data-00001-of-00002",
        "assets/words.txt",
    ] {
        let mut files = graph_variables();
        let before = files.len();
        files.retain(|(name, _)| name != missing);
        assert_eq!(files.len(), before - 1, "{missing}");
        let error = load_signature(&tar_of(&files), "classify", Limits::default())
            .err()
            .unwrap();
        assert!(error.message.contains(missing), "{error}");
    }
    let mut files = graph_variables();
    files.retain(|(name, _)| !name.starts_with("variables"));
    let error = load_signature(&tar_of(&files), "classify", Limits::default())
        .err()
        .unwrap();
    assert!(error.message.contains("the checkpoint has no value"), "{error}");
}

#[test]
fn a_changed_weight_is_noticed() {
    let mut files = graph_variables();
    for (_, content) in files.iter_mut().filter(|(name, _)| name.contains(".data-")) {
        for byte in content {
            *byte ^= 1;
        }
    }
    let error = load_signature(&tar_of(&files), "classify", Limits::default())
        .err()
        .unwrap();
    assert!(error.to_string().contains("do not have their checksum"), "{error}");
    assert!(error.to_string().contains("' of the checkpoint: "), "{error}");
}

#[test]
fn links_and_ways_out_of_the_archive_are_refused() {
    let mut tar = tar::Builder::new(Vec::new());
    for kind in [tar::EntryType::Symlink, tar::EntryType::Link] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(0);
        tar.append_link(&mut header, "saved_model.pb", "/etc/passwd").unwrap();
    }
    let error = error_of(&tar.into_inner().unwrap());
    assert!(
        error
            .message
            .contains("'saved_model.pb' is neither a file nor a folder"),
        "{error}"
    );

    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.add_symlink(
        "saved_model.pb",
        "/etc/passwd",
        zip::write::SimpleFileOptions::default(),
    )
    .unwrap();
    let error = error_of(&zip.finish().unwrap().into_inner());
    assert!(error.message.contains("neither a file nor a folder"), "{error}");

    for path in ["../saved_model.pb", "/saved_model.pb", "a/../../saved_model.pb"] {
        let zip = zip_of(&[(path.to_owned(), Vec::new())], CompressionMethod::Stored);
        let error = error_of(&zip);
        assert_eq!(error.code, ErrorCode::ModelInvalid, "{error}");
        assert!(error.message.contains(path), "{error}");
    }
}

#[test]
fn an_archive_that_grows_beyond_the_limit_is_refused_before_it_does() {
    let zeros: Files = vec![("saved_model.pb".to_owned(), vec![0; 64 << 20])];
    let limits = Limits {
        content_bytes: 1 << 20,
        ..Limits::default()
    };
    for content in [zip_of(&zeros, CompressionMethod::Deflated), gzip(&tar_of(&zeros))] {
        assert!(content.len() < 1 << 20);
        let measured = allocation_counter::measure(|| {
            let error = load_signature(&content, "", limits).err().unwrap();
            assert_eq!(error.code, ErrorCode::ModelTooLarge, "{error}");
        });
        assert!(measured.bytes_max < 1 << 20, "{} bytes", measured.bytes_max);
    }
}

#[test]
fn other_files_are_refused_with_what_they_are() {
    for (files, message) in [
        (
            vec![("export.meta".to_owned(), vec![1]), ("checkpoint".to_owned(), vec![2])],
            "before 1.0",
        ),
        (vec![("saved_model.pbtxt".to_owned(), vec![1])], "as text"),
        (vec![("model.h5".to_owned(), vec![1])], "no file 'saved_model.pb'"),
    ] {
        let error = error_of(&tar_of(&files));
        assert!(error.message.contains(message), "{error}");
    }
    assert!(error_of(b"no archive").message.contains("neither a zip nor a tar"));
}

#[test]
fn what_a_checkpoint_of_a_job_holds_brings_back_the_same_signature() {
    let descriptor = ModelDescriptor {
        signature: "classify".to_owned(),
        ..ModelDescriptor::default()
    };
    let packed = stored::pack(&descriptor, &tar_of(&graph_variables())).unwrap();
    let model = SavedModelFactory.restore(&packed, Limits::default()).unwrap();
    tensors_differ(model.as_ref(), &own_saved_model("graph-variables")).unwrap();
}

#[test]
fn the_public_models_of_half_and_two_or_three() {
    let Some(folder) = shared("data/half_plus") else { return };
    for (name, want) in [
        ("saved_model_half_plus_two_cpu", 4.5),
        ("saved_model_half_plus_three", 5.5),
    ] {
        let model = load_saved_model(&tar_of(&files(&folder.join(name)))).unwrap();
        let x = Tensor {
            shape: vec![1, 1],
            data: TensorData::Float(vec![5.0]),
        };
        let answers = model.tensor_model().unwrap().call(&[("x".to_owned(), x)]).unwrap();
        assert_eq!(answers[0].0, "y");
        assert_eq!(answers[0].1.data, TensorData::Float(vec![want]), "{name}");
    }
    let error = error_of(&tar_of(&files(&folder.join("bad_half_plus_two"))));
    assert_eq!(error.code, ErrorCode::ModelUnsupported, "{error}");
    assert!(error.message.contains("export.meta"), "{error}");
}
