//! What the tests share: the shared folder beside the checkout, tensors as JSON, and the rules of comparison of its `check`.
#![allow(dead_code, reason = "not every test needs everything")]

pub(crate) mod onnx;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use serving_model::wire::ModelDescriptor;
use serving_model::wire::model_descriptor::Engine;
use serving_model::{Limits, Model, ModelError, ModelFactory, ModelSource, Tensor, TensorData};
use serving_tensor::{OnnxModelFactory, SavedModelFactory, TensorFlowModelFactory};

/// A folder below the shared folder; `None`, said loudly, when it is not there.
pub(crate) fn shared(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("FLINK_SERVING_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = root.join(folder);
    if path.exists() {
        return Some(path);
    }
    println!("SKIPPED: there is no {}; set FLINK_SERVING_SHARED", path.display());
    None
}

pub(crate) fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn json(path: &Path) -> Value {
    serde_json::from_slice(&read(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Makes a model of a file.
pub(crate) type Load = fn(&[u8]) -> Result<Arc<dyn Model>, ModelError>;

pub(crate) fn load(content: &[u8]) -> Result<Arc<dyn Model>, ModelError> {
    load_with(&TensorFlowModelFactory, content, None)
}

pub(crate) fn load_onnx(content: &[u8]) -> Result<Arc<dyn Model>, ModelError> {
    load_with(&OnnxModelFactory, content, None)
}

/// Loads a model that asks for tract.
pub(crate) fn load_on_tract(content: &[u8]) -> Result<Arc<dyn Model>, ModelError> {
    let descriptor = ModelDescriptor {
        engine: Engine::Tract.into(),
        ..ModelDescriptor::default()
    };
    OnnxModelFactory.create(&ModelSource {
        descriptor: &descriptor,
        content,
        directory: None,
        limits: Limits::default(),
    })
}

pub(crate) fn load_with(
    factory: &dyn ModelFactory,
    content: &[u8],
    directory: Option<PathBuf>,
) -> Result<Arc<dyn Model>, ModelError> {
    factory.create(&ModelSource {
        descriptor: &ModelDescriptor::default(),
        content,
        directory,
        limits: Limits::default(),
    })
}

/// Nested lists to a tensor: integers, truth values or numbers. A list of parts of several shapes is a sequence, an object a
/// map.
pub(crate) fn tensor(value: &Value) -> Tensor {
    match value {
        Value::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| (key.clone(), tensor(value)));
            let data = TensorData::Map(entries.collect());
            return Tensor {
                shape: Vec::new(),
                data,
            };
        }
        Value::Array(items) if items.iter().all(Value::is_array) => {
            let items: Vec<Tensor> = items.iter().map(tensor).collect();
            if items.windows(2).any(|pair| pair[0].shape != pair[1].shape) {
                let shape = vec![items.len()];
                let data = TensorData::List(items);
                return Tensor { shape, data };
            }
        }
        _ => {}
    }
    let mut shape = Vec::new();
    let mut level = value;
    while let Value::Array(items) = level {
        shape.push(items.len());
        match items.first() {
            Some(first) => level = first,
            None => break,
        }
    }
    let mut leaves = Vec::new();
    flatten(value, &mut leaves);
    let data = if leaves
        .iter()
        .any(|leaf| leaf.as_str().is_some_and(|text| text.parse::<f64>().is_err()))
    {
        let texts = leaves
            .iter()
            .map(|leaf| leaf.as_str().map_or_else(|| leaf.to_string(), str::to_owned));
        TensorData::String(texts.collect())
    } else if leaves.iter().all(|leaf| leaf.is_boolean()) {
        TensorData::Boolean(leaves.iter().map(|leaf| leaf.as_bool().unwrap()).collect())
    } else if leaves.iter().all(|leaf| leaf.is_i64()) {
        TensorData::Long(leaves.iter().map(|leaf| leaf.as_i64().unwrap()).collect())
    } else {
        TensorData::Double(leaves.iter().map(|leaf| number(leaf)).collect())
    };
    Tensor { shape, data }
}

fn flatten<'a>(value: &'a Value, leaves: &mut Vec<&'a Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| flatten(item, leaves)),
        leaf => leaves.push(leaf),
    }
}

pub(crate) fn number(value: &Value) -> f64 {
    match value {
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::Number(value) => value.as_f64().unwrap(),
        Value::String(text) => text.parse().unwrap(),
        other => panic!("{other} is not a number"),
    }
}

pub(crate) fn numbers(data: &TensorData) -> Vec<f64> {
    match data {
        TensorData::Double(values) => values.clone(),
        TensorData::Float(values) => values.iter().map(|value| f64::from(*value)).collect(),
        TensorData::Long(values) => values.iter().map(|value| *value as f64).collect(),
        TensorData::Boolean(values) => values.iter().map(|value| f64::from(u8::from(*value))).collect(),
        other => panic!("{other:?} has no numbers"),
    }
}

/// `abs(want - got) <= tiny + rel * abs(want)`, equal, or both NaN.
pub(crate) fn agree(want: f64, got: f64, rel: f64, tiny: f64) -> bool {
    if want.is_nan() || got.is_nan() {
        return want.is_nan() && got.is_nan();
    }
    want == got || (want - got).abs() <= tiny + rel * want.abs()
}

/// A case of this crate.
pub(crate) fn own(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// A case of this crate in ONNX.
pub(crate) fn own_onnx(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx-data").join(name)
}

/// A case of this crate for tract.
pub(crate) fn own_tract(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/tract-data")
        .join(name)
}

/// A SavedModel of this crate.
pub(crate) fn own_saved_model(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/saved-model-data")
        .join(name)
}

/// The files of a folder, by their paths within it.
pub(crate) fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(inner) = open.pop() {
        for entry in std::fs::read_dir(&inner).unwrap_or_else(|error| panic!("{}: {error}", inner.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.push((name, read(&path)));
            }
        }
    }
    found.sort();
    found
}

/// A tar of files.
pub(crate) fn tar_of(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, content.as_slice()).unwrap();
    }
    tar.into_inner().unwrap()
}

/// A zip of files.
pub(crate) fn zip_of(files: &[(String, Vec<u8>)], method: zip::CompressionMethod) -> Vec<u8> {
    use std::io::Write as _;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        zip.start_file(name, options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Compressed as gzip does.
pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(content).unwrap();
    gzip.finish().unwrap()
}

pub(crate) fn load_saved_model(content: &[u8]) -> Result<Arc<dyn Model>, ModelError> {
    load_signature(content, "", Limits::default())
}

pub(crate) fn load_signature(content: &[u8], signature: &str, limits: Limits) -> Result<Arc<dyn Model>, ModelError> {
    let descriptor = ModelDescriptor {
        signature: signature.to_owned(),
        ..ModelDescriptor::default()
    };
    SavedModelFactory.create(&ModelSource {
        descriptor: &descriptor,
        content,
        directory: None,
        limits,
    })
}

/// How a model's answers to the records of a case, called as a whole, differ from those of the tool that made it.
pub(crate) fn tensors_differ(model: &dyn Model, folder: &Path) -> Result<(), String> {
    let case = json(&folder.join("case.json"));
    let (rel, tiny) = (
        case["tolerance"]["rel"].as_f64().unwrap(),
        case["tolerance"]["abs"].as_f64().unwrap(),
    );
    for set in case["sets"].as_array().unwrap() {
        let inputs = json(&folder.join(set["input"].as_str().unwrap()));
        let expected = json(&folder.join(set["expected"].as_str().unwrap()));
        let (inputs, expected) = (inputs.as_array().unwrap(), expected.as_array().unwrap());
        for (record, (input, want)) in inputs.iter().zip(expected).enumerate() {
            answers_differ(model, input, want, rel, tiny).map_err(|why| format!("record {record}: {why}"))?;
        }
    }
    Ok(())
}

/// The tensors of a record, by name.
pub(crate) fn tensors_of(record: &Value) -> Vec<(String, Tensor)> {
    record
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), tensor(value)))
        .collect()
}

/// A one for each number of each input of one row; inputs without a shape are left out.
pub(crate) fn ones(model: &dyn Model) -> Vec<(String, Tensor)> {
    model
        .schema()
        .inputs
        .iter()
        .filter_map(|field| {
            let mut shape = vec![1];
            shape.extend(field.shape.as_ref()?.iter().map(|axis| *axis as usize));
            let data = TensorData::Double(vec![1.0; shape.iter().product()]);
            Some((field.name.clone(), Tensor { shape, data }))
        })
        .collect()
}

fn answers_differ(model: &dyn Model, input: &Value, want: &Value, rel: f64, tiny: f64) -> Result<(), String> {
    let got = model.tensor_model().unwrap().call(&tensors_of(input));
    let got = got.map_err(|error| error.to_string())?;
    for (name, want) in want.as_object().unwrap() {
        let want = tensor(want);
        let (_, got) = got
            .iter()
            .find(|(output, _)| output == name)
            .ok_or_else(|| format!("no output '{name}'"))?;
        if want.shape != got.shape {
            return Err(format!("'{name}' has shape {:?}, not {:?}", got.shape, want.shape));
        }
        if let (TensorData::String(want), TensorData::String(got)) = (&want.data, &got.data) {
            if want != got {
                return Err(format!("'{name}': wanted {want:?}, got {got:?}"));
            }
            continue;
        }
        for (want, got) in numbers(&want.data).iter().zip(numbers(&got.data)) {
            if !agree(*want, got, rel, tiny) {
                return Err(format!("'{name}': wanted {want}, got {got}"));
            }
        }
    }
    Ok(())
}
