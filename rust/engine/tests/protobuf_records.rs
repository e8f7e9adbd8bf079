//! Records as protobuf messages: what reaches the model is what a protobuf library would have read.
#![allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    clippy::unwrap_used,
    clippy::missing_panics_doc
)]

mod common;

use std::sync::LazyLock;

use common::{Row, load, protobuf, score, wine};
use proptest::prelude::*;
use prost::Message;
use serving_engine::RowScorer;
use serving_engine::records::Framing;
use serving_model::ErrorCode;
use serving_model::wire::{InputBinding, WineRecord};

const SOURCE: &str = r#"
syntax = "proto3";
package test;
message Reading {
  double real = 1;
  optional float maybe = 2;
  int32 integer = 3;
  sint64 zigzag = 4;
  bool flag = 5;
  string name = 6;
  Level level = 7;
  repeated double many = 8;
  repeated string words = 10;
  Inner inner = 9;
  fixed32 fixed = 300;
  uint64 huge = 301;
  message Inner { double depth = 1; optional double perhaps = 2; }
}
enum Level { LOW = 0; HIGH = 2; }
"#;

fn set() -> Vec<u8> {
    static SET: LazyLock<Vec<u8>> = LazyLock::new(compile);
    SET.clone()
}

fn compile() -> Vec<u8> {
    let folder = std::env::temp_dir().join(format!("flink-serving-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("reading.proto");
    std::fs::write(&file, SOURCE).unwrap();
    protox::compile([file], [folder]).unwrap().encode_to_vec()
}

fn reading(inputs: &[&str]) -> RowScorer {
    RowScorer::open(&load(inputs), &protobuf(set(), "test.Reading", 4)).unwrap()
}

fn one(scorer: &mut RowScorer, record: &[u8]) -> Row {
    score(scorer, &[record]).remove(0)
}

#[test]
fn every_wire_type_reaches_the_model() {
    let mut scorer = reading(&["real", "maybe", "integer", "zigzag", "flag", "fixed", "huge"]);
    let mut record = vec![0x09];
    record.extend(1.5_f64.to_le_bytes());
    record.push(0x15);
    record.extend(0.25_f32.to_le_bytes());
    record.push(0x18);
    record.extend([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
    record.extend([0x20, 0x05, 0x28, 0x01]);
    record.extend([0xe5, 0x12]);
    record.extend(7_u32.to_le_bytes());
    record.extend([0xe8, 0x12]);
    record.extend([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
    let row = one(&mut scorer, &record);
    assert_eq!(row.status, 0, "{row:?}");
    let expected = [1.5, 0.25, -1.0, -3.0, 1.0, 7.0, 18_446_744_073_709_551_615.0];
    assert_eq!(row.inputs, expected.map(Some));
}

#[test]
fn absent_fields_have_their_default_unless_they_have_presence() {
    let row = one(&mut reading(&["real", "integer", "flag", "name", "level"]), &[]);
    assert_eq!((row.status, row.sum, row.text.as_str()), (0, Some(0.0), "LOW"));
    let row = one(&mut reading(&["maybe"]), &[]);
    assert_eq!(row.status, ErrorCode::FieldMissing as i32);
}

#[test]
fn texts_and_names_of_enum_values_arrive_as_text() {
    let row = one(&mut reading(&["name", "level"]), b"\x32\x03abc\x38\x02");
    assert_eq!(row.text, "abcHIGH");
}

#[test]
fn nested_messages_are_named_by_path() {
    let inner = b"\x4a\x09\x09\x00\x00\x00\x00\x00\x00\xf0\x3f";
    let options = |input: &str| {
        let mut options = protobuf(set(), "test.Reading", 1);
        options.inputs = vec![InputBinding {
            model_input: "x".into(),
            record_fields: vec![input.into()],
        }];
        options
    };
    let mut scorer = RowScorer::open(&load(&["x"]), &options("inner.depth")).unwrap();
    assert_eq!(one(&mut scorer, inner).sum, Some(1.0));
    assert_eq!(
        one(&mut scorer, b"\x4a\x00").sum,
        Some(0.0),
        "an empty inner message has defaults"
    );
    assert_eq!(one(&mut scorer, b"").status, ErrorCode::FieldMissing as i32);
}

#[test]
fn a_repeated_field_fills_a_tensor_packed_or_not() {
    let mut scorer = reading(&["many*2"]);
    let doubles: Vec<u8> = [1.0_f64, 2.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    let packed = [&[0x42, 16], doubles.as_slice()].concat();
    let single = [&[0x41], &doubles[..8], &[0x41], &doubles[8..]].concat();
    for record in [packed, single] {
        assert_eq!(one(&mut scorer, &record).inputs, [Some(1.0), Some(2.0)]);
    }
    let row = one(&mut scorer, &[&[0x41], &doubles[..8]].concat());
    assert_eq!(row.status, ErrorCode::FieldInvalid as i32);
    assert!(
        row.message.contains("'many' has 1 values, the model takes 2"),
        "{row:?}"
    );
}

#[test]
fn a_repeated_field_is_a_list_for_an_input_of_lists() {
    let mut scorer = reading(&["words[]"]);
    let words = b"\x52\x03a\"b\x52\x02\xc3\xa4";
    assert_eq!(one(&mut scorer, words).text, r#"["a\"b","ä"]"#);
    assert_eq!(one(&mut scorer, b"").text, "[]");
    assert_eq!(one(&mut scorer, b"\x52\x01c").text, r#"["c"]"#);
    let mut scorer = reading(&["many[]"]);
    let doubles: Vec<u8> = [1.0_f64, -2.5, f64::NAN]
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let packed = [&[0x42, 24], doubles.as_slice()].concat();
    assert_eq!(one(&mut scorer, &packed).text, "[1.0,-2.5,null]");
    // A text is taken as the JSON array that it holds.
    let mut scorer = reading(&["name[]"]);
    assert_eq!(one(&mut scorer, b"\x32\x05[\"c\"]").text, r#"["c"]"#);
}

#[test]
fn a_bad_record_does_not_spoil_its_neighbours() {
    let mut scorer = reading(&["real"]);
    let good = b"\x09\x00\x00\x00\x00\x00\x00\xf0\x3f";
    let rows = score(&mut scorer, &[good, b"hello", good]);
    assert_eq!(rows[0].sum, Some(1.0));
    assert_eq!(rows[1].status, ErrorCode::RecordUnreadable as i32);
    assert!(rows[1].message.contains("5 bytes"), "{}", rows[1].message);
    assert_eq!(rows[2].sum, Some(1.0));
}

#[test]
fn an_input_buffer_that_lies_about_lengths_is_refused() {
    let mut scorer = reading(&["real"]);
    for length in [-1_i32, 100, i32::MAX] {
        let rows = common::score_raw(&mut scorer, &length.to_le_bytes(), 1);
        assert_eq!(rows[0].status, ErrorCode::RecordUnreadable as i32);
    }
}

#[test]
fn messages_are_found_at_the_ends_of_records() {
    let mut scorer = reading(&["real"]);
    let message = b"\x09\x00\x00\x00\x00\x00\x00\xf0\x3f";
    let mut input = Vec::new();
    for (before, message) in [
        (&b""[..], &message[..]),
        (b"key", message),
        (b"", b"hello"),
        (b"\xff", b""),
    ] {
        input.extend(((before.len() + message.len()) as u32).to_be_bytes());
        input.extend((message.len() as u32).to_be_bytes());
        input.extend_from_slice(before);
        input.extend_from_slice(message);
    }
    let rows = common::score_framed(&mut scorer, &input, 4, Framing::Ends);
    let sums: Vec<_> = rows.iter().map(|row| (row.status == 0).then_some(row.sum)).collect();
    assert_eq!(sums, [Some(Some(1.0)), Some(Some(1.0)), None, Some(Some(0.0))]);
    assert_eq!(rows[2].status, ErrorCode::RecordUnreadable as i32);
}

#[test]
fn lengths_of_records_and_messages_that_lie_are_refused() {
    let mut scorer = reading(&["real"]);
    for (whole, message) in [
        (1_u32, 0_u32),
        (u32::MAX, 0),
        (0, 1),
        (0, u32::MAX),
        (u32::MAX, u32::MAX),
    ] {
        let input = [whole.to_be_bytes(), message.to_be_bytes()].concat();
        for cut in 0..=input.len() {
            let rows = common::score_framed(&mut scorer, &input[..cut], 1, Framing::Ends);
            assert_eq!(rows[0].status, ErrorCode::RecordUnreadable as i32);
        }
    }
}

#[test]
fn groups_are_passed_over_and_unbalanced_ones_refused() {
    let mut scorer = reading(&["real"]);
    assert_eq!(one(&mut scorer, &[0x53, 0x5b, 0x5c, 0x54]).status, 0);
    assert_ne!(one(&mut scorer, &[0x53, 0x5c]).status, 0);
    assert_ne!(one(&mut scorer, &[0x53; 1000]).status, 0);
}

#[test]
fn a_message_that_the_descriptor_lacks_is_refused() {
    let error = RowScorer::open(&load(&["real"]), &protobuf(set(), "test.Other", 1))
        .err()
        .unwrap();
    assert_eq!(error.code, ErrorCode::BindingFailed);
    let error = RowScorer::open(&load(&["sulphates"]), &protobuf(set(), "test.Reading", 1))
        .err()
        .unwrap();
    assert!(error.message.contains("sulphates"), "{error}");
}

fn some_wine() -> impl Strategy<Value = WineRecord> {
    proptest::array::uniform11(prop_oneof![Just(0.0), -1e6..1e6_f64]).prop_map(wine::record)
}

/// Indices into [`wine::FIELDS`] of what a model takes: all in order, the first ones, or some in any order.
fn taken() -> impl Strategy<Value = Vec<usize>> {
    let all: Vec<usize> = (0..wine::FIELDS.len()).collect();
    prop_oneof![
        Just(all.clone()),
        (1..wine::FIELDS.len()).prop_map(|count| (0..count).collect()),
        proptest::sample::subsequence(all, 1..=wine::FIELDS.len()).prop_shuffle(),
    ]
}

fn wine_scorer(taken: &[usize]) -> RowScorer {
    let inputs: Vec<&str> = taken.iter().map(|index| wine::FIELDS[*index]).collect();
    RowScorer::open(&load(&inputs), &protobuf(wine::set(), wine::MESSAGE, 8)).unwrap()
}

fn wine_values(record: &WineRecord, taken: &[usize]) -> Vec<Option<u64>> {
    let all = [
        record.fixed_acidity,
        record.volatile_acidity,
        record.citric_acid,
        record.residual_sugar,
        record.chlorides,
        record.free_sulfur_dioxide,
        record.total_sulfur_dioxide,
        record.density,
        record.p_h,
        record.sulphates,
        record.alcohol,
    ];
    taken.iter().map(|index| Some(all[*index].to_bits())).collect()
}

fn bits(row: &Row) -> Vec<Option<u64>> {
    row.inputs.iter().map(|value| value.map(f64::to_bits)).collect()
}

proptest! {
    #[test]
    fn wine_records_read_as_prost_reads_them(records in proptest::collection::vec(some_wine(), 1..5), taken in taken()) {
        let bytes: Vec<Vec<u8>> = records.iter().map(Message::encode_to_vec).collect();
        let rows = score(&mut wine_scorer(&taken), &bytes.iter().map(Vec::as_slice).collect::<Vec<_>>());
        for (record, row) in records.iter().zip(rows) {
            prop_assert_eq!(bits(&row), wine_values(record, &taken));
        }
    }

    #[test]
    fn truncated_or_mutated_records_are_refused_or_read_as_prost_reads_them(
        before in some_wine(), record in some_wine(), cut in 0_usize..120, at in 0_usize..120, bit in 0_u8..8, taken in taken(),
    ) {
        let mut scorer = wine_scorer(&taken);
        one(&mut scorer, &before.encode_to_vec());
        let mut bytes = record.encode_to_vec();
        let length = bytes.len();
        bytes[at % length] ^= 1 << bit;
        bytes.truncate(cut.max(1));
        let row = one(&mut scorer, &bytes);
        // prost checks the text field too, which no input is bound to: it may refuse more, never less.
        if let Ok(read) = WineRecord::decode(bytes.as_slice()) {
            prop_assert_eq!(row.status, 0);
            prop_assert_eq!(bits(&row), wine_values(&read, &taken));
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut scorer = reading(&["real", "maybe", "name", "level", "many*2"]);
        let _ = one(&mut scorer, &bytes);
    }
}
