//! Damaged records, in both layouts: a typed status for each row, no panic, no more memory than the records take.
#![allow(missing_docs, unreachable_pub, dead_code, clippy::unwrap_used, clippy::pedantic)]

mod common;

use common::{Row, load, score_raw, wine};
use proptest::prelude::*;
use serving_engine::RowScorer;
use serving_model::ErrorCode;
use serving_model::wire::{FieldType, WineRecord};

use prost::Message;

const ROWS: usize = 3;

fn packed() -> RowScorer {
    let fields = [
        ("number", FieldType::FieldDouble, 0),
        ("text", FieldType::FieldString, 0),
        ("pair", FieldType::FieldLong, 2),
        ("flag", FieldType::FieldBoolean, 1),
        ("half", FieldType::FieldFloat, 1),
    ];
    let options = common::packed(&fields, ROWS as u32);
    RowScorer::open(&load(&["pair*2", "number", "text", "flag", "half"]), &options).unwrap()
}

/// Three rows that are as they should be.
fn packed_rows() -> Vec<u8> {
    let all = 0b111;
    let text = |start: u64, length: u64| start << 32 | length;
    let words: Vec<u64> = [
        &[all, 1.5_f64.to_bits(), 2.5_f64.to_bits(), f64::NAN.to_bits()][..],
        &[all, text(0, 2), text(2, 3), text(5, 1)],
        &[all, 1, 2, 3, 4, 5, 6],
        &[0b101, 1, 0, 1],
        &[all, u64::from(0.5_f32.to_bits()), 0, 0],
    ]
    .concat();
    let mut rows: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    rows.extend("abcde\u{7f}".bytes());
    rows
}

/// Wine records, each behind its length.
fn framed() -> Vec<u8> {
    let record = WineRecord {
        fixed_acidity: 7.4,
        alcohol: 9.4,
        data_type: "wine".into(),
        ..WineRecord::default()
    };
    common::framed(&[&record.encode_to_vec()]).repeat(ROWS)
}

fn protobuf() -> RowScorer {
    let options = common::protobuf(wine::set(), wine::MESSAGE, ROWS as u32);
    RowScorer::open(&load(&["fixed_acidity", "alcohol", "dataType"]), &options).unwrap()
}

/// Scores, and looks at what came of each row.
fn exercise(scorer: &mut RowScorer, input: &[u8]) -> Vec<Row> {
    let rows = score_raw(scorer, input, ROWS);
    assert_eq!(rows.len(), ROWS);
    for row in &rows {
        let known = ErrorCode::try_from(row.status).unwrap();
        let typed = matches!(
            known,
            ErrorCode::Ok
                | ErrorCode::RecordUnreadable
                | ErrorCode::RecordTooLarge
                | ErrorCode::FieldMissing
                | ErrorCode::FieldInvalid
                | ErrorCode::InvalidCall
        );
        assert!(typed, "{row:?}");
        assert_eq!(known == ErrorCode::Ok, row.message.is_empty(), "{row:?}");
        assert!(row.text.len() <= input.len(), "{} bytes of text", row.text.len());
    }
    rows
}

#[test]
fn undamaged_rows_are_scored() {
    let rows = exercise(&mut packed(), &packed_rows());
    assert_eq!(rows[0].status, ErrorCode::Ok as i32, "{rows:?}");
    assert_eq!(
        (rows[0].sum, rows[0].text.as_str()),
        (Some(1.5 + 1.0 + 2.0 + 1.0 + 0.5), "ab")
    );
    // One without flag.
    assert_eq!(rows[1].status, ErrorCode::FieldMissing as i32);
    let rows = exercise(&mut protobuf(), &framed());
    assert!(
        rows.iter().all(|row| row.sum == Some(7.4 + 9.4) && row.text == "wine"),
        "{rows:?}"
    );
}

#[test]
fn rows_cut_off_anywhere_have_a_status() {
    let (mut by_lanes, mut by_messages) = (packed(), protobuf());
    let rows = packed_rows();
    (0..rows.len()).for_each(|length| drop(exercise(&mut by_lanes, &rows[..length])));
    let records = framed();
    for length in 0..records.len() {
        let scored = exercise(&mut by_messages, &records[..length]);
        // What is whole is scored.
        let whole = length / (records.len() / ROWS);
        assert!(
            scored[..whole].iter().all(|row| row.status == ErrorCode::Ok as i32),
            "{length}: {scored:?}"
        );
        assert!(
            scored[whole..].iter().all(|row| row.status != ErrorCode::Ok as i32),
            "{length}: {scored:?}"
        );
    }
}

#[test]
fn lengths_that_lie_are_refused() {
    let mut scorer = packed();
    let lies = [
        u64::MAX,
        1 << 63,
        0xffff_ffff,
        0xffff_ffff << 32,
        7,
        6 << 32 | 1,
        4 << 32 | 3,
    ];
    // The lane of the texts is behind that of the numbers and its validity.
    for (row, lie) in (0..ROWS).flat_map(|row| lies.map(|lie| (row, lie))) {
        let mut rows = packed_rows();
        let at = 8 * (4 + 1 + row);
        rows[at..at + 8].copy_from_slice(&lie.to_le_bytes());
        assert_eq!(
            exercise(&mut scorer, &rows)[row].status,
            ErrorCode::FieldInvalid as i32,
            "{lie:x}"
        );
    }
    let mut scorer = protobuf();
    for length in [-1, i32::MIN, i32::MAX, 1000] {
        let mut records = framed();
        let second = records.len() / ROWS;
        records[second..second + 4].copy_from_slice(&length.to_le_bytes());
        let rows = exercise(&mut scorer, &records);
        assert_eq!(rows[0].status, ErrorCode::Ok as i32);
        assert_ne!(rows[1].status, ErrorCode::Ok as i32, "{length}");
    }
}

#[test]
fn texts_that_overlap_take_no_more_than_they_are() {
    let mut rows = packed_rows();
    for row in 0..ROWS {
        let at = 8 * (4 + 1 + row);
        rows[at..at + 8].copy_from_slice(&6_u64.to_le_bytes());
    }
    let scored = exercise(&mut packed(), &rows);
    assert_eq!(scored[0].text.len(), 6);
    assert_eq!(scored[2].status, ErrorCode::RecordTooLarge as i32);
}

proptest! {
    #[test]
    fn changed_rows_have_a_status(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(), cuts in any::<bool>(),
    ) {
        for (mut scorer, mut input) in [(packed(), packed_rows()), (protobuf(), framed())] {
            for (place, byte) in &changes {
                let place = place.index(input.len());
                input[place] = *byte;
            }
            if cuts {
                input.truncate(cut.index(input.len()));
            }
            exercise(&mut scorer, &input);
        }
    }

    #[test]
    fn noise_has_a_status(noise in proptest::collection::vec(any::<u8>(), 0..400)) {
        exercise(&mut packed(), &noise);
        exercise(&mut protobuf(), &noise);
    }
}
