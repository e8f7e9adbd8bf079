//! Damaged documents and hostile records: a typed error or an answer, in bounded memory and time, never a panic.
//! `PROPTEST_CASES` says how many changed documents are tried.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use common::corpus::corpus;
use common::mutation::{Change, WORDS, attributes, texts};
use common::processor_time;
use peak_alloc::PeakAlloc;
use proptest::prelude::*;
use serving_model::wire::ModelDescriptor;
use serving_model::{Block, Cell, ErrorCode, Limits, Model, ModelError, ModelFactory, ModelSource, Output};
use serving_pmml::PmmlModelFactory;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// What is measured belongs to the whole process: one at a time, also while the others make documents.
static ALONE: Mutex<()> = Mutex::new(());

type Alone = MutexGuard<'static, ()>;

fn alone() -> Alone {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

const LIMITS: Limits = Limits {
    content_bytes: 1 << 24,
    depth: 512,
    native_bytes: 1 << 25,
    steps: 1 << 22,
};
/// A document as elements, and what is compiled from it, take so many times its bytes.
const LOADING_SHARE: usize = 60;
/// And this, whatever the document: patterns, tables of letters, the test itself.
const LOADING_MORE: usize = 64 << 20;
/// Bytes that a scorer may take while it scores, besides those that the model has: texts, of which each byte is a step.
const SCORING: usize = 16 * LIMITS.steps as usize + (8 << 20);
/// Bytes that a scorer may keep after a record, whatever that was.
const KEPT: usize = 4 << 20;
/// On a processor; far more than any takes.
const LONGEST_LOADING: Duration = Duration::from_secs(5);
const LONGEST_RECORD: Duration = Duration::from_secs(2);

fn load(content: &[u8]) -> Result<Arc<dyn Model>, ModelError> {
    PmmlModelFactory.create(&ModelSource {
        descriptor: &ModelDescriptor::default(),
        content,
        directory: None,
        limits: LIMITS,
    })
}

/// Loads, within bounds of time and memory.
fn load_bounded(content: &[u8]) -> Option<Arc<dyn Model>> {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let (loaded, taken) = processor_time(|| load(content));
    let peak = MEMORY.peak_usage().saturating_sub(before);
    let most = LOADING_SHARE * content.len() + LIMITS.native_bytes + LOADING_MORE;
    assert!(peak <= most, "loading takes {peak} bytes at a time, {most} are allowed");
    assert!(taken < LONGEST_LOADING, "loading takes {taken:?}");
    match loaded {
        Ok(model) => {
            assert!(model.native_bytes() <= LIMITS.native_bytes);
            Some(model)
        }
        Err(error) => {
            let expected = matches!(
                error.code,
                ErrorCode::ModelUnparsable
                    | ErrorCode::ModelInvalid
                    | ErrorCode::ModelUnsupported
                    | ErrorCode::ModelTooLarge
            );
            assert!(expected && !error.message.is_empty(), "{:?}: {error}", error.code);
            None
        }
    }
}

/// Records, the first of what documents expect, the others of what they do not.
fn fill(model: &dyn Model, block: &mut Block) {
    const TEXTS: [&str; 12] = [
        "a",
        "low",
        "The rye bread, and milk",
        "2020-02-29T12:30:00",
        "",
        "NaN",
        "-1e999",
        r#"["bread","butter"]"#,
        r#"[["bread"],["bread","butter"],["milk"],[]]"#,
        "[1,2.5,null,1e999,true]",
        r#"[["a"#,
        "\u{FFFD}\u{0}$1",
    ];
    const NUMBERS: [f64; 8] = [2.5, 3.0, f64::NAN, f64::INFINITY, -1e308, 1e-320, -0.0, 4e9];
    let inputs = &model.schema().inputs;
    block.reset(TEXTS.len() + NUMBERS.len() + 6);
    let long = "the bread ".repeat(2000);
    let list = format!("[{}1]", "\"x\",\"bread\",7,".repeat(2000));
    for (slot, field) in inputs.iter().enumerate() {
        for (row, text) in TEXTS.iter().enumerate() {
            block.set_text(row, slot, text);
        }
        // The first is one that each field understands.
        match (field.name.as_str(), field.list) {
            ("t", true) => block.set_text(0, slot, r#"["bread","butter"]"#),
            ("x" | "n", true) => block.set_text(0, slot, "[1.5,2,4]"),
            ("x" | "z" | "f" | "y", _) => block.set_double(0, slot, 2.5),
            ("n" | "h", _) => block.set_long(0, slot, 2),
            ("b", _) => block.set_boolean(0, slot, true),
            ("d" | "m", _) => block.set_text(0, slot, "2020-02-29T12:30:00"),
            _ => {}
        }
        let mut row = TEXTS.len();
        for number in NUMBERS {
            block.set_double(row, slot, number);
            row += 1;
        }
        block.set_long(row, slot, i64::MIN);
        block.set_long(row + 1, slot, i64::MAX);
        block.set_boolean(row + 2, slot, slot % 2 == 0);
        block.set_text(row + 3, slot, &long);
        block.set_text(row + 4, slot, &list);
        // The last row is left without values.
    }
}

/// Scores records of all kinds, within bounds of time and memory.
fn score_bounded(model: &Arc<dyn Model>) {
    let schema = model.schema();
    let mut block = Block::new(schema.inputs.len());
    fill(&**model, &mut block);
    let mut output = Output::new(schema.outputs.len());
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let mut scorer = Arc::clone(model).scorer().unwrap();
    let mut one = Block::new(schema.inputs.len());
    output.reset(block.rows());
    let ((), taken) = processor_time(|| scorer.score(&block, &mut output));
    for row in 0..block.rows() {
        let status = output.status(row);
        let expected = matches!(
            status.code,
            ErrorCode::Ok
                | ErrorCode::FieldMissing
                | ErrorCode::FieldInvalid
                | ErrorCode::ScoringFailed
                | ErrorCode::StepLimit
        );
        assert!(expected, "{:?}: {}", status.code, output.message(row));
        for (slot, field) in schema.outputs.iter().enumerate() {
            if let Cell::Label(label) = output.cells.cell(row, slot) {
                assert!(
                    (label as usize) < field.labels.len(),
                    "{} has no label {label}",
                    field.name
                );
            }
        }
    }
    let peak = MEMORY.peak_usage().saturating_sub(before);
    let most = SCORING + 4 * model.native_bytes();
    assert!(peak <= most, "scoring takes {peak} bytes at a time, {most} are allowed");
    assert!(taken < LONGEST_RECORD * 4, "{} records take {taken:?}", block.rows());
    one.reset(1);
    output = Output::new(schema.outputs.len());
    output.reset(1);
    scorer.score(&one, &mut output);
    let kept = MEMORY.current_usage().saturating_sub(before);
    let most = KEPT + 4 * model.native_bytes();
    assert!(kept <= most, "a scorer keeps {kept} bytes, {most} are allowed");
}

/// Loads and, where that works, scores. Whether it works.
fn exercise(_: &Alone, content: &[u8]) -> bool {
    let loaded = load_bounded(content);
    if let Some(model) = &loaded {
        score_bounded(model);
    }
    loaded.is_some()
}

/// [`exercise`], naming the document that fails.
fn exercise_named(alone: &Alone, name: &str, change: &dyn std::fmt::Debug, content: &str) -> bool {
    std::panic::catch_unwind(|| exercise(alone, content.as_bytes())).unwrap_or_else(|_| {
        let kept = std::env::temp_dir().join(format!("bad-input-{}.pmml", std::process::id()));
        std::fs::write(&kept, content).unwrap();
        panic!("{name} after {change:?}, kept as {}", kept.display())
    })
}

#[test]
fn documents_cut_off_anywhere_are_refused() {
    let alone = alone();
    let documents = corpus();
    for (number, (name, content)) in documents.iter().enumerate() {
        // What begins as an earlier one was cut there already.
        let shared = |other: &String| content.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
        let tried = documents[..number].iter().map(|(_, other)| shared(other)).max();
        for length in tried.map_or(0, |tried| tried + 1)..content.trim_end().len() {
            assert!(
                !exercise(&alone, &content.as_bytes()[..length]),
                "{name} cut after {length}"
            );
        }
    }
}

#[test]
fn documents_that_end_after_any_element_are_refused_or_harmless() {
    let alone = alone();
    for (name, content) in corpus() {
        assert!(exercise_named(&alone, &name, &"nothing", &content));
        for at in 0..content.lines().count() {
            let change = Change::Cut(at);
            exercise_named(&alone, &name, &change, &change.apply(&content));
        }
    }
}

#[test]
fn documents_with_another_number_or_name_are_refused_or_harmless() {
    let alone = alone();
    for (name, content) in corpus() {
        for at in 0..attributes(&content).len() {
            // Not all words at each place, but all of them in each document.
            for word in (0..WORDS.len()).filter(|word| (word + at) % 18 == 0) {
                let change = Change::Attribute(at, word);
                exercise_named(&alone, &name, &change, &change.apply(&content));
            }
        }
        for at in 0..texts(&content).len() {
            for word in (0..WORDS.len()).filter(|word| (word + at) % 6 == 0) {
                let change = Change::Text(at, word);
                exercise_named(&alone, &name, &change, &change.apply(&content));
            }
        }
    }
}

#[test]
fn documents_without_an_element_or_an_attribute_are_refused_or_harmless() {
    let alone = alone();
    for (name, content) in corpus() {
        for at in 0..content.lines().count() {
            let change = Change::Drop(at);
            exercise_named(&alone, &name, &change, &change.apply(&content));
        }
        for at in 0..attributes(&content).len() {
            let change = Change::Without(at);
            exercise_named(&alone, &name, &change, &change.apply(&content));
        }
    }
}

fn any_change() -> impl Strategy<Value = Change> {
    let at = any::<usize>;
    prop_oneof![
        4 => (at(), at()).prop_map(|(at, word)| Change::Attribute(at, word)),
        2 => (at(), at()).prop_map(|(at, word)| Change::Text(at, word)),
        1 => at().prop_map(Change::Long),
        3 => (at(), at()).prop_map(|(a, b)| Change::Exchange(a, b)),
        3 => (at(), at()).prop_map(|(a, b)| Change::Copy(a, b)),
        1 => at().prop_map(Change::Without),
        2 => at().prop_map(Change::Drop),
        2 => (at(), prop_oneof![8 => 1_usize..4, 1 => 100_usize..20_000]).prop_map(|(at, times)| Change::Duplicate(at, times)),
        3 => (at(), at()).prop_map(|(at, to)| Change::Move(at, to)),
        2 => (at(), prop_oneof![4 => 1_usize..20, 1 => 20_usize..700]).prop_map(|(at, depth)| Change::Nest(at, depth)),
        2 => (at(), at()).prop_map(|(at, to)| Change::Rename(at, to)),
        1 => at().prop_map(Change::Cut),
    ]
}

proptest! {
    #[test]
    fn changed_structures_are_refused_or_harmless(
        file in any::<prop::sample::Index>(),
        changes in proptest::collection::vec(any_change(), 1..5),
    ) {
        let alone = alone();
        let documents = corpus();
        let (name, content) = &documents[file.index(documents.len())];
        let changed = changes.iter().fold(content.clone(), |content, change| change.apply(&content));
        exercise_named(&alone, name, &changes, &changed);
    }

    #[test]
    fn changed_bytes_are_refused_or_harmless(
        file in any::<prop::sample::Index>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..6),
    ) {
        let alone = alone();
        let documents = corpus();
        let (_, content) = &documents[file.index(documents.len())];
        let mut content = content.clone().into_bytes();
        for (place, byte, flips) in changes {
            let place = place.index(content.len());
            content[place] = if flips { content[place] ^ (1 << (byte % 8)) } else { byte };
        }
        exercise(&alone, &content);
    }
}
