//! Models made by hand: what the importer makes of them, and what it refuses.

use std::path::Path;

use prost::Message;
use serving_model::{ErrorCode, Limits, ModelError};

use super::proto::tensor_proto::DataLocation;
use super::proto::tensor_shape_proto::{Dimension, dimension};
use super::proto::type_proto::{Tensor as TensorType, Value};
use super::proto::{
    AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto,
    TensorProto, TensorShapeProto, TypeProto, ValueInfoProto,
};
use super::read_model;
use crate::array::Array;
use crate::graph::Graph;
use crate::run::{Budget, run};

fn node(operator: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
    NodeProto {
        op_type: operator.to_owned(),
        input: inputs.iter().map(|name| (*name).to_owned()).collect(),
        output: outputs.iter().map(|name| (*name).to_owned()).collect(),
        ..NodeProto::default()
    }
}

fn with(mut node: NodeProto, attributes: &[AttributeProto]) -> NodeProto {
    node.attribute.extend_from_slice(attributes);
    node
}

fn integer(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        i: Some(value),
        ..AttributeProto::default()
    }
}

fn inside(name: &str, graph: GraphProto) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        g: Some(graph),
        ..AttributeProto::default()
    }
}

/// A vector of floats of any length.
fn floats(name: &str) -> ValueInfoProto {
    let shape = TensorShapeProto {
        dim: vec![Dimension {
            value: Some(dimension::Value::DimParam("n".to_owned())),
        }],
    };
    let tensor = TensorType {
        elem_type: 1,
        shape: Some(shape),
    };
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto {
            value: Some(Value::TensorType(tensor)),
        }),
    }
}

fn named(name: &str) -> ValueInfoProto {
    ValueInfoProto {
        name: name.to_owned(),
        ..ValueInfoProto::default()
    }
}

fn vector(name: &str, values: &[f32]) -> TensorProto {
    TensorProto {
        name: name.to_owned(),
        dims: vec![values.len() as i64],
        data_type: 1,
        float_data: values.to_vec(),
        ..TensorProto::default()
    }
}

/// x -> y
fn graph(nodes: Vec<NodeProto>) -> GraphProto {
    GraphProto {
        node: nodes,
        input: vec![floats("x")],
        output: vec![named("y")],
        ..GraphProto::default()
    }
}

fn model(graph: GraphProto) -> ModelProto {
    ModelProto {
        ir_version: 8,
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto {
            domain: String::new(),
            version: 17,
        }],
        ..ModelProto::default()
    }
}

fn load(model: &ModelProto) -> Result<Graph, ModelError> {
    read_model(&model.encode_to_vec(), None, Limits::default())
}

fn refused(model: &ModelProto) -> ModelError {
    load(model).unwrap_err()
}

/// What the model makes of a vector.
fn answer(model: &ModelProto, x: &[f32]) -> Vec<f32> {
    let graph = load(model).unwrap();
    let mut graph = crate::rewrite::simplify(graph);
    graph.find_last_uses();
    let x = Array::new(vec![x.len()], x.to_vec());
    let results = run(&graph, &[x], &mut Budget::default()).unwrap();
    results[0].view::<f32>().unwrap().to_vec()
}

#[test]
fn nodes_may_come_in_any_order_but_not_in_a_circle() {
    let backwards = graph(vec![node("Neg", &["a"], &["y"]), node("Abs", &["x"], &["a"])]);
    assert_eq!(answer(&model(backwards), &[-2.0, 3.0]), [-2.0, -3.0]);
    let circle = graph(vec![node("Neg", &["a"], &["y"]), node("Abs", &["y"], &["a"])]);
    let error = refused(&model(circle));
    assert_eq!(error.code, ErrorCode::ModelInvalid);
    assert!(error.message.contains("depends on itself"), "{error}");
}

#[test]
fn all_operators_that_are_not_supported_are_named_at_once() {
    let error = refused(&model(graph(vec![
        node("Frobnicate", &["x"], &["a"]),
        node("ImageDecoder", &["a"], &["b"]),
        node("Neg", &["b"], &["y"]),
    ])));
    assert_eq!(error.code, ErrorCode::ModelUnsupported);
    assert!(
        error.message.contains("Frobnicate (version 17), ImageDecoder"),
        "{error}"
    );
}

#[test]
fn contradictions_are_refused_with_the_node() {
    let cases = [
        (
            graph(vec![node("Neg", &["nobody"], &["y"])]),
            "no node makes its input 'nobody'",
        ),
        (graph(vec![node("Neg", &["x"], &["z"])]), "no node makes the output 'y'"),
        (
            graph(vec![node("Neg", &["x"], &["y"]), node("Abs", &["x"], &["y"])]),
            "two values have the name 'y'",
        ),
        (graph(vec![node("Cast", &["x"], &["y"])]), "attribute 'to' is missing"),
        (
            graph(vec![NodeProto {
                domain: "ai.onnx.ml".to_owned(),
                ..node("Binarizer", &["x"], &["y"])
            }]),
            "imports no operators of the domain 'ai.onnx.ml'",
        ),
    ];
    for (graph, message) in cases {
        let error = refused(&model(graph));
        assert_eq!(error.code, ErrorCode::ModelInvalid, "{message}");
        assert!(error.to_string().contains(message), "{error}");
    }
    let mut newer = model(graph(vec![node("Neg", &["x"], &["y"])]));
    newer.opset_import[0].version = 1000;
    assert_eq!(refused(&newer).code, ErrorCode::ModelUnsupported);
}

#[test]
fn graphs_inside_nodes_see_the_values_around_them() {
    // while i < 3: x = x + x * one
    let body = GraphProto {
        node: vec![
            node("Mul", &["v", "one"], &["product"]),
            node("Add", &["v", "product"], &["next"]),
            node("Identity", &["go"], &["still"]),
        ],
        input: vec![named("i"), named("go"), named("v")],
        output: vec![named("still"), named("next")],
        ..GraphProto::default()
    };
    let most = TensorProto {
        name: "most".to_owned(),
        data_type: 7,
        int64_data: vec![3],
        ..TensorProto::default()
    };
    let whole = GraphProto {
        initializer: vec![most, vector("one", &[1.0])],
        ..graph(vec![with(
            node("Loop", &["most", "", "x"], &["y"]),
            &[inside("body", body)],
        )])
    };
    assert_eq!(answer(&model(whole), &[1.0, -2.0]), [8.0, -16.0]);
}

#[test]
fn functions_take_their_attributes_from_the_call() {
    let reference = AttributeProto {
        name: "to".to_owned(),
        ref_attr_name: "kind".to_owned(),
        ..AttributeProto::default()
    };
    let function = FunctionProto {
        name: "Whole".to_owned(),
        domain: "mine".to_owned(),
        input: vec!["a".to_owned()],
        output: vec!["c".to_owned()],
        node: vec![
            with(node("Cast", &["a"], &["b"]), &[reference]),
            with(node("Cast", &["b"], &["c"]), &[integer("to", 1)]),
        ],
        opset_import: vec![OperatorSetIdProto {
            domain: String::new(),
            version: 17,
        }],
        ..FunctionProto::default()
    };
    let call = NodeProto {
        domain: "mine".to_owned(),
        ..with(node("Whole", &["x"], &["y"]), &[integer("kind", 7)])
    };
    let mut calling = model(graph(vec![call.clone()]));
    calling.opset_import.push(OperatorSetIdProto {
        domain: "mine".to_owned(),
        version: 1,
    });
    calling.functions = vec![function.clone()];
    assert_eq!(answer(&calling, &[1.75, -2.5]), [1.0, -2.0]);
    // One that calls itself never ends.
    calling.functions[0].node = vec![NodeProto {
        input: vec!["a".to_owned()],
        output: vec!["c".to_owned()],
        ..call
    }];
    assert_eq!(refused(&calling).code, ErrorCode::ModelUnsupported);
}

#[test]
fn shapes_that_claim_more_than_there_is_are_refused() {
    for dims in [vec![1 << 40, 1 << 40], vec![0, 1 << 40], vec![-1], vec![5]] {
        let mut bomb = graph(vec![node("Add", &["x", "w"], &["y"])]);
        let mut tensor = vector("w", &[1.0]);
        tensor.dims = dims.clone();
        bomb.initializer = vec![tensor];
        let error = refused(&model(bomb));
        assert!(
            matches!(error.code, ErrorCode::ModelTooLarge | ErrorCode::ModelInvalid),
            "{dims:?}: {error}"
        );
    }
}

#[test]
fn files_of_many_tiny_parts_are_refused_before_they_are_decoded() {
    // Empty nodes, two bytes each.
    let nodes = [0x0a, 0x00].repeat(3 << 20);
    let mut file = vec![0x3a];
    prost::encoding::encode_varint(nodes.len() as u64, &mut file);
    file.extend(nodes);
    let error = read_model(&file, None, Limits::default()).unwrap_err();
    assert_eq!(error.code, ErrorCode::ModelTooLarge);
}

/// x + w, where w lies in a file.
fn with_external(entries: &[(&str, &str)]) -> Vec<u8> {
    let tensor = TensorProto {
        name: "w".to_owned(),
        dims: vec![2],
        data_type: 1,
        data_location: DataLocation::External.into(),
        external_data: entries
            .iter()
            .map(|(key, value)| StringStringEntryProto {
                key: (*key).to_owned(),
                value: (*value).to_owned(),
            })
            .collect(),
        ..TensorProto::default()
    };
    let graph = GraphProto {
        initializer: vec![tensor],
        ..graph(vec![node("Add", &["x", "w"], &["y"])])
    };
    model(graph).encode_to_vec()
}

#[test]
fn external_data_is_read_from_the_folder_of_the_model_only() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("model");
    std::fs::create_dir_all(folder.join("weights")).unwrap();
    let bytes: Vec<u8> = [7.0_f32, 1.0, 2.0]
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    std::fs::write(folder.join("weights/w.bin"), &bytes).unwrap();
    std::fs::write(outer.path().join("secret.bin"), &bytes).unwrap();
    let read = |folder: Option<&Path>, entries: &[(&str, &str)]| {
        read_model(&with_external(entries), folder, Limits::default())
    };
    let good = [("location", "weights/w.bin"), ("offset", "4"), ("length", "8")];
    assert!(read(Some(&folder), &good).is_ok());
    assert_eq!(read(None, &good).unwrap_err().code, ErrorCode::ModelUnsupported);
    let absolute = outer.path().join("secret.bin").display().to_string();
    for location in [
        "../secret.bin",
        "weights/../../secret.bin",
        &absolute,
        "",
        "nothing.bin",
        "weights",
        "a\\b",
    ] {
        let error = read(Some(&folder), &[("location", location), ("length", "8")]).unwrap_err();
        assert_eq!(error.code, ErrorCode::ModelInvalid, "{location}: {error}");
    }
    for (offset, length) in [
        ("8", "8"),
        ("100", "8"),
        ("-4", "8"),
        ("4", "99999999999999999999"),
        ("0", "12"),
    ] {
        let entries = [("location", "weights/w.bin"), ("offset", offset), ("length", length)];
        assert_eq!(
            read(Some(&folder), &entries).unwrap_err().code,
            ErrorCode::ModelInvalid,
            "{offset} {length}"
        );
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(outer.path().join("secret.bin"), folder.join("link.bin")).unwrap();
        let error = read(Some(&folder), &[("location", "link.bin"), ("length", "8")]).unwrap_err();
        assert_eq!(error.code, ErrorCode::ModelInvalid, "{error}");
    }
}

/// A tar with these files, and with what else `more` puts there.
fn tar(files: &[(&str, &[u8])], more: impl FnOnce(&mut tar::Builder<Vec<u8>>)) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, name, *content).unwrap();
    }
    more(&mut tar);
    tar.into_inner().unwrap()
}

#[test]
fn the_archive_of_a_folder_has_the_model_and_its_external_data() {
    let weights: Vec<u8> = [7.0_f32, 1.0, 2.0]
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let read = |model: &str, data: &str, location: &str| {
        let file = with_external(&[("location", location), ("offset", "4"), ("length", "8")]);
        let files = [(model, &*file), (data, &*weights), ("readme", &b"not of the model"[..])];
        // What lies beside the archive is not the model's.
        read_model(&tar(&files, |_| {}), Some(Path::new("/")), Limits::default())
    };
    for (model, data, location) in [
        ("model.onnx", "w.bin", "w.bin"),
        ("model.onnx", "weights/w.bin", "weights/w.bin"),
        ("export/1/net.ONNX", "export/1/w.bin", "./w.bin"),
    ] {
        assert!(read(model, data, location).is_ok(), "{model} {data} {location}");
    }
    for (model, data, location) in [
        ("export/net.onnx", "w.bin", "../w.bin"),
        ("export/net.onnx", "w.bin", "w.bin"),
        ("net.onnx", "w.bin", "/etc/hostname"),
        ("net.onnx", "w.bin", "etc/hostname"),
        ("net.onnx", "w.bin", "net.onnx"),
        ("net.onnx", "w.bin", ""),
        ("net.onnx", "w.bin", "a\\w.bin"),
        ("net.onnx", "other.onnx", "w.bin"),
        (".onnx", "w.bin", "w.bin"),
    ] {
        let error = read(model, data, location).unwrap_err();
        assert_eq!(
            error.code,
            ErrorCode::ModelInvalid,
            "{model} {data} {location}: {error}"
        );
    }
}

#[test]
fn links_and_lengths_in_an_archive_are_refused() {
    let weights = [0; 8];
    let file =
        |offset: &str, length: &str| with_external(&[("location", "w.bin"), ("offset", offset), ("length", length)]);
    for (offset, length) in [("4", "8"), ("9", "0"), ("0", "18446744073709551615")] {
        let file = file(offset, length);
        let archive = tar(&[("m.onnx", &file), ("w.bin", &weights)], |_| {});
        let error = read_model(&archive, None, Limits::default()).unwrap_err();
        assert_eq!(error.code, ErrorCode::ModelInvalid, "{offset} {length}: {error}");
    }
    let good = file("0", "8");
    for kind in [tar::EntryType::Symlink, tar::EntryType::Link] {
        let archive = tar(&[("m.onnx", &good)], |tar| {
            let mut header = tar::Header::new_ustar();
            header.set_size(0);
            header.set_entry_type(kind);
            tar.append_link(&mut header, "w.bin", "/etc/hostname").unwrap();
        });
        let error = read_model(&archive, None, Limits::default()).unwrap_err();
        assert_eq!(error.code, ErrorCode::ModelInvalid, "{error}");
        assert!(error.message.contains("w.bin"), "{error}");
    }
    let archive = tar(&[("m.onnx", &good), ("w.bin", &weights)], |_| {});
    let small = Limits {
        content_bytes: 4,
        ..Limits::default()
    };
    assert_eq!(
        read_model(&archive, None, small).unwrap_err().code,
        ErrorCode::ModelTooLarge
    );
}
