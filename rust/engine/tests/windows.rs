//! Models that take a window of the last values: which values, in which order, and what becomes of records before and between.
#![allow(missing_docs, unreachable_pub, dead_code, clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Row, load, packed, protobuf, score_raw};
use prost::Message as _;
use serving_engine::RowScorer;
use serving_model::wire::{
    FieldType, InputBinding, ModelPreprocessing, OutputBinding, ScorerOptions, StoredWindow, WineRecord,
};
use serving_model::{ErrorCode, ModelError};

const MOST_ROWS: u32 = 8;

fn window(width: i32) -> ModelPreprocessing {
    ModelPreprocessing {
        width,
        mean: 1.0,
        std: 2.0,
        ..ModelPreprocessing::default()
    }
}

/// Options for records with the only number `load`.
fn options(preprocessing: ModelPreprocessing) -> ScorerOptions {
    ScorerOptions {
        preprocessing: Some(preprocessing),
        ..packed(&[("load", FieldType::FieldDouble, 0)], MOST_ROWS)
    }
}

fn open(inputs: &[&str], preprocessing: ModelPreprocessing) -> Result<RowScorer, ModelError> {
    RowScorer::open(&load(inputs), &options(preprocessing))
}

/// Scores values in one call.
fn score(scorer: &mut RowScorer, values: &[f64]) -> Vec<Row> {
    let mut input = vec![0xff; 8];
    for row in 0..MOST_ROWS as usize {
        input.extend_from_slice(&values.get(row).copied().unwrap_or_default().to_le_bytes());
    }
    score_raw(scorer, &input, values.len())
}

/// What the model got of each value; `None` before the window was full.
fn windows(scorer: &mut RowScorer, values: &[f64]) -> Vec<Option<Vec<f64>>> {
    score(scorer, values)
        .into_iter()
        .map(|row| match ErrorCode::try_from(row.status).unwrap() {
            ErrorCode::Ok => Some(row.inputs.into_iter().map(Option::unwrap).collect()),
            ErrorCode::WindowIncomplete => None,
            other => panic!("{other:?}: {}", row.message),
        })
        .collect()
}

#[test]
fn the_model_gets_the_last_values_standardised_and_the_oldest_first() {
    let expected = [None, None, Some(vec![0.0, 1.0, 2.0]), Some(vec![1.0, 2.0, 5.0])];
    let mut scorer = open(&["x*3"], window(3)).unwrap();
    assert_eq!(windows(&mut scorer, &[1.0, 3.0, 5.0, 11.0]), expected);
    let mut scorer = open(&["x*3"], window(3)).unwrap();
    let one_by_one: Vec<_> = [1.0, 3.0, 5.0, 11.0]
        .iter()
        .flat_map(|value| windows(&mut scorer, &[*value]))
        .collect();
    assert_eq!(one_by_one, expected);
    let mut scorer = open(&["x*1"], window(1)).unwrap();
    assert_eq!(windows(&mut scorer, &[3.0, 1.0]), [Some(vec![1.0]), Some(vec![0.0])]);
}

#[test]
fn before_the_window_is_full_a_record_says_how_far_it_is() {
    let rows = score(&mut open(&["x*3"], window(3)).unwrap(), &[1.0, 2.0]);
    assert_eq!(rows[1].status, ErrorCode::WindowIncomplete as i32);
    assert!(rows[1].message.contains("'x' has 2 of 3 values"), "{}", rows[1].message);
}

#[test]
fn a_value_that_is_no_finite_number_fails_and_is_left_out() {
    let mut scorer = open(&["x*2"], window(2)).unwrap();
    let rows = score(&mut scorer, &[1.0, f64::NAN, f64::INFINITY, 3.0]);
    let statuses: Vec<i32> = rows.iter().map(|row| row.status).collect();
    let invalid = ErrorCode::FieldInvalid as i32;
    assert_eq!(statuses, [ErrorCode::WindowIncomplete as i32, invalid, invalid, 0]);
    assert!(rows[1].message.contains("not NaN"), "{}", rows[1].message);
    assert_eq!(rows[3].inputs, [Some(0.0), Some(1.0)]);
    let mut missing = vec![0; 8];
    missing.resize(8 + 8 * MOST_ROWS as usize, 0);
    assert_eq!(
        score_raw(&mut scorer, &missing, 1)[0].status,
        ErrorCode::FieldMissing as i32
    );
    assert_eq!(windows(&mut scorer, &[5.0]), [Some(vec![1.0, 2.0])]);
}

#[test]
fn other_inputs_come_from_the_record_that_completes_the_window() {
    let fields = [
        ("before", FieldType::FieldLong, 0),
        ("load", FieldType::FieldFloat, 0),
        ("after", FieldType::FieldString, 0),
    ];
    let options = ScorerOptions {
        preprocessing: Some(ModelPreprocessing {
            input: "x".into(),
            ..window(2)
        }),
        inputs: vec![InputBinding {
            model_input: "x".into(),
            record_fields: vec!["load".into()],
        }],
        ..packed(&fields, 2)
    };
    let mut scorer = RowScorer::open(&load(&["before", "x*2", "after"]), &options).unwrap();
    let words = [
        [0b11, 7, 8],
        [0b11, 3_f32.to_bits().into(), 5_f32.to_bits().into()],
        [0b11, 2, 2 << 32 | 3],
    ];
    let mut input: Vec<u8> = words.concat().into_iter().flat_map(u64::to_le_bytes).collect();
    input.extend_from_slice(b"abcde");
    let rows = score_raw(&mut scorer, &input, 2);
    assert_eq!(rows[0].status, ErrorCode::WindowIncomplete as i32);
    assert_eq!(rows[1].inputs, [Some(8.0), Some(1.0), Some(2.0), None]);
    assert_eq!(rows[1].text, "cde");
}

#[test]
fn a_record_that_was_held_back_is_no_value() {
    let proto = concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto");
    let set = protox::compile(["wine_record.proto"], [proto]).unwrap().encode_to_vec();
    let options = ScorerOptions {
        preprocessing: Some(window(2)),
        inputs: vec![InputBinding {
            model_input: "x".into(),
            record_fields: vec!["pH".into()],
        }],
        ..protobuf(set, "flinkserving.WineRecord", 4)
    };
    let mut scorer = RowScorer::open(&load(&["x*2"]), &options).unwrap();
    let record = |value| {
        WineRecord {
            p_h: value,
            ..WineRecord::default()
        }
        .encode_to_vec()
    };
    let mut input = Vec::new();
    for record in [Some(record(3.0)), None, Some(record(5.0))] {
        let length = record.as_ref().map_or(i32::MIN, |record| record.len() as i32);
        input.extend_from_slice(&length.to_le_bytes());
        input.extend(record.unwrap_or_default());
    }
    let rows = score_raw(&mut scorer, &input, 3);
    let statuses: Vec<i32> = rows.iter().map(|row| row.status).collect();
    let expected = [ErrorCode::WindowIncomplete, ErrorCode::RecordTooLarge, ErrorCode::Ok];
    assert_eq!(statuses, expected.map(|code| code as i32));
    assert_eq!(rows[2].inputs, [Some(1.0), Some(2.0)]);
}

#[test]
fn another_scorer_goes_on_from_the_window_of_one() {
    let mut first = open(&["x*3"], window(3)).unwrap();
    windows(&mut first, &[9.0, 3.0, 5.0, 7.0]);
    let stored = first.window().unwrap();
    let goes_on = |width: i32| {
        let mut next = open(&[&format!("x*{width}")], window(width)).unwrap();
        next.restore_window(&stored).unwrap();
        windows(&mut next, &[9.0, 11.0])
    };
    assert_eq!(goes_on(3), [Some(vec![2.0, 3.0, 4.0]), Some(vec![3.0, 4.0, 5.0])]);
    assert_eq!(goes_on(2), [Some(vec![3.0, 4.0]), Some(vec![4.0, 5.0])]);
    assert_eq!(goes_on(5), [None, Some(vec![1.0, 2.0, 3.0, 4.0, 5.0])]);
    let mut early = open(&["x*3"], window(3)).unwrap();
    windows(&mut early, &[1.0]);
    let one = early.window().unwrap();
    early.restore_window(&stored).unwrap();
    early.restore_window(&one).unwrap();
    assert_eq!(windows(&mut early, &[3.0, 5.0]), [None, Some(vec![0.0, 1.0, 2.0])]);
}

#[test]
fn a_window_of_another_field_and_an_empty_one_begin_anew() {
    let mut scorer = open(&["x*2"], window(2)).unwrap();
    let other = StoredWindow {
        format: 1,
        field: "temperature".into(),
        values: vec![1.0, 2.0],
    };
    for bytes in [other.encode_to_vec(), Vec::new()] {
        windows(&mut scorer, &[1.0, 3.0]);
        scorer.restore_window(&bytes).unwrap();
        assert_eq!(windows(&mut scorer, &[1.0, 3.0]), [None, Some(vec![0.0, 1.0])]);
    }
    let mut plain = RowScorer::open(&load(&["load"]), &packed(&[("load", FieldType::FieldDouble, 0)], 1)).unwrap();
    assert_eq!(plain.window(), None);
    plain.restore_window(&other.encode_to_vec()).unwrap();
}

#[test]
fn a_stored_window_that_is_damaged_or_of_a_later_format_is_an_error() {
    let mut scorer = open(&["x*2"], window(2)).unwrap();
    let later = StoredWindow {
        format: 2,
        ..StoredWindow::default()
    };
    for (bytes, reason) in [(later.encode_to_vec(), "format 2"), (vec![0xff; 3], "damaged")] {
        let error = scorer.restore_window(&bytes).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidCall);
        assert!(error.message.contains(reason), "{error}");
    }
}

#[test]
fn preprocessing_that_can_not_be_is_refused() {
    let named = |input: &str, output: &str| ModelPreprocessing {
        input: input.into(),
        output: output.into(),
        ..window(3)
    };
    let scaled = |mean, std| ModelPreprocessing { mean, std, ..window(3) };
    let (descriptor, binding) = (ErrorCode::DescriptorInvalid, ErrorCode::BindingFailed);
    for (inputs, preprocessing, code, reason) in [
        (&["x*3"][..], window(0), descriptor, "not 0"),
        (&["x*3"], window(-3), descriptor, "not -3"),
        (&["x*70000"], window(70_000), descriptor, "not 70000"),
        (&["x*3"], scaled(f64::NAN, 1.0), descriptor, "the mean is NaN"),
        (&["x*3"], scaled(0.0, 0.0), descriptor, "deviation is 0"),
        (&["x*3"], scaled(0.0, -1.0), descriptor, "deviation is -1"),
        (&["x*3"], scaled(0.0, f64::INFINITY), descriptor, "deviation is inf"),
        (&["x*4"], window(3), binding, "3 value(s), input 'x' takes 4"),
        (&["load"], window(3), binding, "3 value(s), input 'load' takes 1"),
        (&["x[]"], window(1), binding, "'x' does not take numbers"),
        (&["x*3"], named("y", ""), binding, "no input 'y', it has: x"),
        (
            &["x*3"],
            named("", "p"),
            binding,
            "no output 'p', it has: sum, text, inputs",
        ),
        (
            &["x*3", "load"],
            window(3),
            binding,
            "no input is named, the model has: x, load",
        ),
    ] {
        let error = open(inputs, preprocessing).err().unwrap();
        assert_eq!(error.code, code, "{error}");
        assert!(error.message.contains(reason), "{error}");
    }
}

#[test]
fn records_with_several_numbers_need_a_binding() {
    let fields = [("load", FieldType::FieldDouble, 0), ("idle", FieldType::FieldDouble, 0)];
    let ambiguous = ScorerOptions {
        preprocessing: Some(window(3)),
        ..packed(&fields, 1)
    };
    let error = RowScorer::open(&load(&["x*3"]), &ambiguous).err().unwrap();
    assert_eq!(error.code, ErrorCode::BindingFailed);
    assert!(error.message.contains("load, idle"), "{error}");
}

#[test]
fn the_output_of_the_preprocessing_is_reported_unless_others_are_bound() {
    let reported = |outputs: &[&str]| {
        let options = ScorerOptions {
            outputs: outputs
                .iter()
                .map(|name| OutputBinding {
                    model_output: (*name).into(),
                    ..OutputBinding::default()
                })
                .collect(),
            ..options(ModelPreprocessing {
                output: "sum:0".into(),
                ..window(3)
            })
        };
        let scorer = RowScorer::open(&load(&["x*3"]), &options).unwrap();
        let names = scorer.info().outputs.iter().map(|field| field.name.clone());
        names.collect::<Vec<_>>()
    };
    assert_eq!(reported(&[]), ["sum"]);
    assert_eq!(reported(&["inputs"]), ["inputs"]);
}
