//! Records with cells of every kind.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use serving_model::{Block, Cell, ErrorCode, Output, Tensor, TensorData};
use support::{load, own, read};

fn iris() -> std::sync::Arc<dyn serving_model::Model> {
    load(&read(&own("iris-mlp").join("model.pb"))).unwrap()
}

#[test]
fn a_cell_that_does_not_fit_fails_its_row_with_field_and_value() {
    let mut scorer = iris().scorer().unwrap();
    let (mut block, mut output) = (Block::new(4), Output::new(3));
    block.reset(5);
    output.reset(5);
    for row in 0..5 {
        (0..4).for_each(|slot| block.set_double(row, slot, 1.0));
    }
    block.set_missing(1, 2);
    block.set_text(2, 0, "tall");
    block.set_label(3, 3, 8);
    block.set_double(4, 1, 1e300);
    scorer.score(&block, &mut output);
    let ended: Vec<(ErrorCode, &str)> = (0..5)
        .map(|row| (output.status(row).code, output.message(row)))
        .collect();
    assert_eq!(
        ended,
        [
            (ErrorCode::Ok, ""),
            (ErrorCode::FieldMissing, "input 'keras_tensor_8:0'[2] is missing"),
            (
                ErrorCode::FieldInvalid,
                "input 'keras_tensor_8:0'[0]: 'tall' is not a float32"
            ),
            (
                ErrorCode::FieldInvalid,
                "input 'keras_tensor_8:0'[3]: label 8 of a field without labels"
            ),
            (
                ErrorCode::FieldInvalid,
                &format!("input 'keras_tensor_8:0'[1]: {} is not a float32", 1e300)
            ),
        ]
    );
    assert!(matches!(output.cells.cell(0, 0), Cell::Float(value) if value > 0.0));
}

#[test]
fn cells_of_other_types_count_as_the_same_number() {
    let mut scorer = iris().scorer().unwrap();
    let (mut block, mut output) = (Block::new(4), Output::new(3));
    block.reset(5);
    output.reset(5);
    for row in 0..5 {
        (0..4).for_each(|slot| block.set_double(row, slot, 1.0));
    }
    (0..4).for_each(|slot| block.set_float(1, slot, 1.0));
    (0..4).for_each(|slot| block.set_long(2, slot, 1));
    (0..4).for_each(|slot| block.set_boolean(3, slot, true));
    (0..4).for_each(|slot| block.set_text(4, slot, "1.0"));
    scorer.score(&block, &mut output);
    assert_eq!(output.failed(), 0);
    for row in 1..5 {
        (0..3).for_each(|slot| assert_eq!(output.cells.cell(row, slot), output.cells.cell(0, slot), "row {row}"));
    }
}

#[test]
fn an_index_out_of_range_fails_only_its_own_row() {
    let model = load(&read(&own("ids-embed").join("model.pb"))).unwrap();
    let mut scorer = model.scorer().unwrap();
    let (mut block, mut output) = (Block::new(6), Output::new(1));
    block.reset(3);
    output.reset(3);
    for row in 0..3 {
        (0..6).for_each(|slot| block.set_long(row, slot, slot as i64));
    }
    block.set_long(1, 4, 1_000_000);
    scorer.score(&block, &mut output);
    let codes: Vec<ErrorCode> = (0..3).map(|row| output.status(row).code).collect();
    assert_eq!(codes, [ErrorCode::Ok, ErrorCode::ScoringFailed, ErrorCode::Ok]);
    assert!(
        output.message(1).contains("index 1000000 is not below"),
        "{}",
        output.message(1)
    );
}

fn call(name: &str, tensor: Tensor) -> Result<Vec<(String, Tensor)>, (ErrorCode, String)> {
    let model = iris();
    let result = model.tensor_model().unwrap().call(&[(name.to_owned(), tensor)]);
    result.map_err(|error| (error.code, error.to_string()))
}

#[test]
fn whole_tensors_are_checked_against_the_declared_shape_and_type() {
    let tensor = |shape: &[usize]| Tensor {
        shape: shape.to_vec(),
        data: TensorData::Double(vec![0.5; shape.iter().product()]),
    };
    assert_eq!(call("keras_tensor_8:0", tensor(&[2, 4])).unwrap()[0].1.shape, [2, 3]);
    assert!(call("keras_tensor_8", tensor(&[1, 4])).is_ok());
    assert_eq!(call("other:0", tensor(&[1, 4])).unwrap_err().0, ErrorCode::FieldMissing);
    let (code, message) = call("keras_tensor_8:0", tensor(&[4])).unwrap_err();
    assert_eq!(
        (code, message.as_str()),
        (
            ErrorCode::FieldInvalid,
            "input 'keras_tensor_8:0': shape [4] where the model takes [?, 4]"
        )
    );
    let lying = Tensor {
        shape: vec![2, 4],
        data: TensorData::Float(vec![0.0; 7]),
    };
    assert_eq!(call("keras_tensor_8:0", lying).unwrap_err().0, ErrorCode::FieldInvalid);
    let text = Tensor {
        shape: vec![1, 4],
        data: TensorData::String(["1", "2", "x", "4"].map(str::to_owned).to_vec()),
    };
    let (code, message) = call("keras_tensor_8:0", text).unwrap_err();
    assert_eq!(
        (code, message.as_str()),
        (
            ErrorCode::FieldInvalid,
            "input 'keras_tensor_8:0': element 2: 'x' is not a float32"
        )
    );
}

#[test]
fn a_batch_of_no_rows_is_a_batch() {
    let mut scorer = iris().scorer().unwrap();
    let (mut block, mut output) = (Block::new(4), Output::new(3));
    block.reset(0);
    output.reset(0);
    scorer.score(&block, &mut output);
    assert_eq!(output.failed(), 0);
}
