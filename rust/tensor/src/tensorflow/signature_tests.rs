//! Graphs with a signature and variables.

use serving_model::ModelError;

use super::proto::attr_value::Value;
use super::testing::Draft;
use super::tests::refused;

/// Every variable of the name `w` is 3.
struct One;

impl super::Variables for One {
    fn value(&self, node: &super::proto::NodeDef) -> Result<crate::array::Array, ModelError> {
        match node.text("shared_name") {
            "w" => Ok(crate::array::Array::scalar(3_f32)),
            other => Err(ModelError::invalid(format!("no variable '{other}'"))),
        }
    }

    fn stored(&self, key: &str) -> Result<crate::array::Array, ModelError> {
        Err(ModelError::invalid(format!("no tensor '{key}'")))
    }
}

fn feed(name: &str, tensor: &str) -> super::Feed {
    super::Feed {
        name: name.to_owned(),
        tensor: tensor.to_owned(),
        dtype: super::proto::DataType::DtFloat.into(),
        shape: None,
    }
}

fn import(draft: Draft, feeds: &[super::Feed], output: &str) -> Result<crate::graph::Graph, ModelError> {
    super::import(super::Import {
        graph: draft.graph(),
        feeds: feeds.to_vec(),
        fetches: vec![("answer".to_owned(), output.to_owned())],
        variables: &One,
        initializer: None,
        restorer: None,
        assets: Vec::new(),
    })
}

fn with_a_variable(name: &str) -> Draft {
    Draft::default()
        .placeholder("x", &[-1])
        .node("Neg", "negative", &["x"])
        .with("VarHandleOp", "handle", &[], &[("shared_name", Value::S(name.into()))])
        .node("ReadVariableOp", "read", &["handle"])
        .node("Mul", "product", &["negative", "read"])
}

#[test]
fn a_signature_names_inputs_outputs_and_variables_are_constants() {
    let graph = import(with_a_variable("w"), &[feed("given", "x:0")], "product:0").unwrap();
    assert_eq!(graph.inputs[0].name, "given");
    assert_eq!(graph.inputs[0].shape, Some(vec![None]));
    assert_eq!(graph.outputs[0].0, "answer");
    let answer = crate::run::run(
        &graph,
        &[crate::array::Array::new(vec![2], vec![1_f32, 2.0])],
        &mut crate::run::Budget::default(),
    );
    assert_eq!(answer.unwrap()[0].view::<f32>().unwrap(), [-3.0, -6.0]);
}

#[test]
fn any_value_can_be_fed() {
    let graph = import(with_a_variable("w"), &[feed("given", "negative")], "product").unwrap();
    let answer = crate::run::run(
        &graph,
        &[crate::array::Array::new(vec![1], vec![2_f32])],
        &mut crate::run::Budget::default(),
    );
    assert_eq!(answer.unwrap()[0].view::<f32>().unwrap(), [6.0]);
}

#[test]
fn what_a_signature_does_not_have_is_named() {
    for (draft, feeds, output, message) in [
        (
            with_a_variable("w"),
            vec![feed("given", "y")],
            "product",
            "graph has no tensor 'y'",
        ),
        (
            with_a_variable("w"),
            vec![feed("given", "x")],
            "y:0",
            "graph has no tensor 'y:0'",
        ),
        (
            with_a_variable("v"),
            vec![feed("given", "x")],
            "product",
            "node 'handle': no variable 'v'",
        ),
        (
            with_a_variable("w"),
            vec![feed("given", "read")],
            "product",
            "node 'x': the outputs need a value",
        ),
        (
            with_a_variable("w"),
            vec![feed("a", "x"), feed("b", "x:0")],
            "product",
            "'a' and 'b' are both the tensor 'x:0'",
        ),
    ] {
        let error = import(draft, &feeds, output).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    let (_, error) = refused(&with_a_variable("w"));
    assert!(error.contains("node 'handle': a variable"), "{error}");
}
