use std::sync::Arc;

use serving_model::wire::ModelDescriptor;
use serving_model::{ErrorCode, Limits, Model, ModelError, ModelFactory, ModelSource, Tensor, TensorData};

use super::proto::DataType;
use super::proto::attr_value::{ListValue, Value};
use super::testing::Draft;
use crate::TensorFlowModelFactory;

fn load_within(draft: &Draft, limits: Limits) -> Result<Arc<dyn Model>, ModelError> {
    TensorFlowModelFactory.create(&ModelSource {
        descriptor: &ModelDescriptor::default(),
        content: &draft.bytes(),
        directory: None,
        limits,
    })
}

pub(super) fn load(draft: &Draft) -> Result<Arc<dyn Model>, ModelError> {
    load_within(draft, Limits::default())
}

pub(super) fn refused(draft: &Draft) -> (ErrorCode, String) {
    let error = load(draft).err().expect("the graph should be refused");
    (error.code, error.to_string())
}

/// Calls a model of one input `x`.
pub(super) fn call(draft: &Draft, shape: &[usize], values: &[f32]) -> Result<Vec<(String, Tensor)>, ModelError> {
    let tensor = Tensor {
        shape: shape.to_vec(),
        data: TensorData::Float(values.to_vec()),
    };
    load(draft)?.tensor_model().unwrap().call(&[("x".to_owned(), tensor)])
}

pub(super) fn floats(draft: &Draft, shape: &[usize], values: &[f32]) -> Vec<f32> {
    match &call(draft, shape, values).unwrap()[0].1.data {
        TensorData::Float(values) => values.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn inputs_are_placeholders_and_outputs_what_nobody_reads() {
    let draft = Draft::default()
        .placeholder("b", &[-1, 2])
        .placeholder("a", &[1, 2])
        .node("AddV2", "sum", &["a", "b:0"])
        .node("Tanh", "curved", &["sum"])
        .node("Relu", "bent", &["sum"])
        .node("NoOp", "all", &["^curved"]);
    let model = load(&draft).unwrap();
    let names = |fields: &[serving_model::Field]| fields.iter().map(|field| field.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&model.schema().inputs), ["b:0", "a:0"]);
    assert_eq!(
        names(&model.schema().outputs),
        ["bent:0"],
        "a node that another waits for is no output"
    );
    assert_eq!(model.schema().inputs[0].shape, Some(vec![2]));
}

#[test]
fn scaling_and_layers_are_compiled_and_give_what_they_say() {
    let draft = Draft::default()
        .placeholder("x", &[-1, 2])
        .floats("mean", &[2], &[1.0, 2.0])
        .floats("deviation", &[1, 2], &[2.0, 4.0])
        .floats("weights", &[2, 3], &[1.0, 0.0, -1.0, 0.0, 1.0, 1.0])
        .floats("bias", &[3], &[0.5, 0.5, 0.5])
        .node("Sub", "centred", &["x", "mean"])
        .node("RealDiv", "scaled", &["centred", "deviation"])
        .node("Identity", "same", &["scaled"])
        .node("MatMul", "product", &["same", "weights"])
        .node("BiasAdd", "sum", &["product", "bias"])
        .node("Relu", "y", &["sum"]);
    // (3, 6) -> (1, 1) -> (1, 1, 0) + 0.5; (1, -2) -> (0, -1) -> (0, -1, -1) + 0.5
    assert_eq!(
        floats(&draft, &[2, 2], &[3.0, 6.0, 1.0, -2.0]),
        [1.5, 1.5, 0.5, 0.5, 0.0, 0.0]
    );
    let model = load(&draft).unwrap();
    assert!(model.summary().contains("compiled to kernels"), "{}", model.summary());
}

#[test]
fn classes_that_are_looked_up_among_constant_labels_stay_compiled() {
    let scores = || {
        Draft::default()
            .placeholder("x", &[-1, 2])
            .floats("weights", &[2, 3], &[1.0, 0.0, -1.0, 0.0, 1.0, 1.0])
            .node("MatMul", "scores", &["x", "weights"])
            .integers("axis", &[], &[1])
            .node("ArgMax", "class", &["scores", "axis"])
            .integers("first", &[], &[0])
    };
    let call = |draft: &Draft| {
        let model = load(draft).unwrap();
        let tensor = Tensor {
            shape: vec![2, 2],
            data: TensorData::Float(vec![3.0, 1.0, -1.0, 2.0]),
        };
        let outputs = model.tensor_model().unwrap().call(&[("x".to_owned(), tensor)]).unwrap();
        (
            model.summary().contains("compiled to kernels"),
            outputs[0].1.data.clone(),
        )
    };
    let draft =
        scores()
            .texts("names", &["low", "middle", "high"])
            .node("GatherV2", "name", &["names", "class", "first"]);
    // (3, 1) -> (3, 1, -2); (-1, 2) -> (-1, 2, 3)
    let names = TensorData::String(vec!["low".to_owned(), "high".to_owned()]);
    assert_eq!(call(&draft), (true, names));
    // A class without a label is left to the general path, which says so.
    let draft = scores()
        .texts("names", &["low", "middle"])
        .node("GatherV2", "name", &["names", "class", "first"]);
    let message = load(&draft)
        .unwrap()
        .tensor_model()
        .unwrap()
        .call(&[(
            "x".to_owned(),
            Tensor {
                shape: vec![1, 2],
                data: TensorData::Float(vec![-1.0, 2.0]),
            },
        )])
        .unwrap_err()
        .to_string();
    assert!(message.contains("index 2 is not below 2"), "{message}");
}

#[test]
fn a_large_layer_is_there_twice_at_most_while_it_is_loaded() {
    let (inputs, outputs) = (512, 8192);
    let draft = Draft::default()
        .placeholder("x", &[-1, inputs])
        .floats("weights", &[outputs, inputs], &vec![0.5; (inputs * outputs) as usize])
        .with("MatMul", "y", &["x", "weights"], &[("transpose_b", Value::B(true))]);
    let content = draft.bytes();
    drop(draft);
    let mut model = None;
    let counted = allocation_counter::measure(|| {
        model = TensorFlowModelFactory
            .create(&ModelSource {
                descriptor: &ModelDescriptor::default(),
                content: &content,
                directory: None,
                limits: Limits::default(),
            })
            .ok();
    });
    let model = model.unwrap();
    assert!(model.summary().contains("compiled to kernels"), "{}", model.summary());
    assert!(model.native_bytes() as f64 <= 1.1 * content.len() as f64);
    assert!(
        counted.bytes_max as f64 <= 2.2 * content.len() as f64,
        "{} bytes at the peak for a file of {}",
        counted.bytes_max,
        content.len()
    );
}

#[test]
fn all_unknown_operators_are_named_at_once_with_their_nodes() {
    let draft = Draft::default()
        .placeholder("x", &[-1, 2])
        .node("Fft3000", "a", &["x"])
        .node("Relu", "b", &["a"])
        .node("PyFunc", "c", &["b"])
        .node("Unread", "d", &["x"])
        .node("NoOp", "e", &["^d"]);
    let (code, message) = refused(&draft);
    assert_eq!(code, ErrorCode::ModelUnsupported);
    assert_eq!(
        message,
        "operators that are not supported: Fft3000 (node 'a'), PyFunc (node 'c')"
    );
}

#[test]
fn inputs_that_no_node_has_are_named() {
    let draft = Draft::default()
        .node("Relu", "a", &["ghost"])
        .node("Add", "b", &["a:x", "a"]);
    let (code, message) = refused(&draft);
    assert_eq!(code, ErrorCode::ModelInvalid);
    assert_eq!(
        message,
        "inputs that no node has: 'ghost' of node 'a', 'a:x' of node 'b'"
    );
    let draft = Draft::default().placeholder("x", &[2]).node("Relu", "a", &["x:7"]);
    assert_eq!(refused(&draft).1, "node 'x': Placeholder has no output 7");
}

#[test]
fn cycles_and_double_names_are_refused() {
    let draft = Draft::default()
        .placeholder("x", &[2])
        .node("Add", "a", &["x", "c"])
        .node("Relu", "b", &["a"])
        .node("Relu", "c", &["b"])
        .node("Tanh", "y", &["c"]);
    let (code, message) = refused(&draft);
    assert_eq!(code, ErrorCode::ModelInvalid);
    assert!(message.contains("depends on itself"), "{message}");
    let all_in_a_circle = Draft::default().node("Relu", "a", &["b"]).node("Relu", "b", &["a"]);
    assert_eq!(refused(&all_in_a_circle).0, ErrorCode::ModelInvalid);
    let twins = Draft::default().node("Relu", "a", &[]).node("Relu", "a", &[]);
    assert_eq!(refused(&twins).1, "there are two nodes of the name 'a'");
}

#[test]
fn constants_that_claim_terabytes_are_refused_before_anything_is_allocated() {
    for axes in [
        &[1 << 40][..],
        &[1 << 20, 1 << 20],
        &[i64::MAX, i64::MAX, i64::MAX],
        &[0, i64::MAX, i64::MAX],
    ] {
        let draft = Draft::default().floats("c", axes, &[1.0]).node("Relu", "y", &["c"]);
        assert_eq!(refused(&draft).0, ErrorCode::ModelTooLarge, "{axes:?}");
    }
    let lying = Draft::default()
        .floats("c", &[2], &[1.0, 2.0, 3.0])
        .node("Relu", "y", &["c"]);
    assert_eq!(refused(&lying).0, ErrorCode::ModelInvalid);
}

#[test]
fn operators_that_claim_terabytes_fail_the_call() {
    let draft = Draft::default()
        .placeholder("x", &[-1])
        .integers("sizes", &[4], &[100_000; 4])
        .floats("zero", &[], &[0.0])
        .node("Fill", "many", &["sizes", "zero"])
        .node("AddV2", "y", &["many", "x"]);
    let error = call(&draft, &[1], &[1.0]).unwrap_err();
    assert_eq!(error.code, ErrorCode::StepLimit);
    assert!(error.message.contains("node 'many' (Fill)"), "{error}");
}

#[test]
fn rows_of_absurd_width_are_not_scored_by_rows() {
    let draft = Draft::default()
        .placeholder("x", &[-1, 1 << 40])
        .node("Relu", "y", &["x"]);
    let model = load(&draft).unwrap();
    assert_eq!(model.schema().inputs[0].shape, None);
    assert_eq!(model.scorer().err().unwrap().code, ErrorCode::ModelUnsupported);
}

#[test]
fn elements_of_types_that_are_not_supported_are_named() {
    let draft = Draft::default()
        .with(
            "Placeholder",
            "x",
            &[],
            &[("dtype", Value::Type(DataType::DtComplex64.into()))],
        )
        .node("Identity", "y", &["x"]);
    let (code, message) = refused(&draft);
    assert_eq!(code, ErrorCode::ModelUnsupported);
    assert_eq!(message, "node 'x': elements of type DT_COMPLEX64 are not supported");
}

#[test]
fn a_chain_of_a_hundred_thousand_nodes_needs_no_stack() {
    let mut draft = Draft::default().placeholder("n0", &[-1, 1]);
    for n in 0..100_000 {
        draft = draft.node("Neg", &format!("n{}", n + 1), &[&format!("n{n}")]);
    }
    let model = load(&draft).unwrap();
    assert_eq!(model.schema().outputs[0].name, "n100000:0");
}

#[test]
fn a_model_beyond_the_memory_that_is_allowed_is_refused() {
    let draft = Draft::default()
        .placeholder("x", &[-1, 100])
        .floats("w", &[100, 100], &[0.1])
        .node("MatMul", "y", &["x", "w"]);
    let limits = Limits {
        native_bytes: 10_000,
        ..Limits::default()
    };
    let error = load_within(&draft, limits).err().unwrap();
    assert_eq!(error.code, ErrorCode::ModelTooLarge);
    let size = load(&draft).unwrap().native_bytes();
    assert!((40_000..60_000).contains(&size), "{size}");
}

#[test]
fn dropout_that_drops_nothing_is_removed() {
    let draft = Draft::default()
        .placeholder("x", &[-1, 2])
        .floats("keep", &[], &[1.0])
        .floats("one", &[], &[1.0])
        .floats("none", &[], &[0.0])
        .node("PlaceholderWithDefault", "keep_probability", &["keep"])
        .node("RealDiv", "lifted", &["x", "keep_probability"])
        .node("Sub", "rate", &["one", "keep_probability"])
        .node("Shape", "shape", &["lifted"])
        .with(
            "RandomUniform",
            "random",
            &["shape"],
            &[("dtype", Value::Type(DataType::DtFloat.into()))],
        )
        .node("GreaterEqual", "kept", &["random", "rate"])
        .node("SelectV2", "chosen", &["kept", "lifted", "none"])
        .node("Tanh", "y", &["chosen"]);
    assert_eq!(floats(&draft, &[1, 2], &[0.0, 100.0]), [0.0, 1.0]);
    let model = load(&draft).unwrap();
    assert!(model.summary().contains("compiled to kernels"), "{}", model.summary());
}

#[test]
fn windows_of_other_paddings_are_refused_by_name() {
    let strides = Value::List(ListValue {
        i: vec![1, 1, 2, 2],
        ..ListValue::default()
    });
    let attributes = |padding: &str| {
        [
            ("data_format", Value::S(b"NCHW".to_vec())),
            ("padding", Value::S(padding.as_bytes().to_vec())),
            ("strides", strides.clone()),
        ]
    };
    let draft = |padding: &str| {
        Draft::default()
            .placeholder("x", &[-1, 1, 2, 2])
            .floats("w", &[1, 1, 1, 1], &[3.0])
            .with("Conv2D", "y", &["x", "w"], &attributes(padding))
    };
    assert_eq!(floats(&draft("VALID"), &[1, 1, 2, 2], &[1.0, 2.0, 3.0, 4.0]), [3.0]);
    let (code, message) = refused(&draft("AROUND"));
    assert_eq!(code, ErrorCode::ModelUnsupported);
    assert_eq!(message, "node 'y': Conv2D: padding 'AROUND' is not supported");
}
