//! `bench`: how long scoring one record takes, decoding and printing apart.
//!
//! A sample is the mean over so many calls in a row that reading the clock does not matter. The two batch sizes alternate, so
//! that both meet the same disturbances.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use serving_model::wire::InputBinding;
use serving_model::{Block, ErrorCode, ModelError, Output, Scorer, Tensor};

use crate::arguments::{BenchArguments, RecordArguments};
use crate::failure::{Failure, one_line};
use crate::guard;
use crate::model_files::{self, OpenModel};
use crate::records::{BadRecord, Record, Records};
use crate::rows::{self, RowFiller};
use crate::table;
use crate::tensors::TensorSession;

/// Most records that are kept: enough to defeat the branch predictor, little enough for the memory.
const RECORDS: usize = 4096;
/// Most cells in all blocks of a measurement.
const CELLS: usize = 1 << 24;
const ROUNDS: u32 = 10;
/// Samples per measurement, about; a sample lasts at least as long as [`SAMPLE`].
const SAMPLES: f64 = 50_000.0;
const SAMPLE: Duration = Duration::from_micros(20);

pub(crate) fn run(arguments: &BenchArguments) -> Result<ExitCode, Failure> {
    let model = model_files::open(&arguments.model)?;
    let mut bench = Bench::prepare(&model, arguments)?;
    let report = guard::contain(|| bench.measure(arguments.seconds))
        .map_err(|panic| model.refused(ModelError::new(ErrorCode::ScoringCrashed, panic)))?;
    let mut out = io::stdout().lock();
    if arguments.json {
        writeln!(out, "{:#}", as_json(&model, &bench, &report))?;
    } else {
        write_text(&mut out, &model, &bench, &report)?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// What is measured, with where its records come from.
struct Bench {
    source: String,
    /// Records that are scored. Those that don't even fit the model's inputs are not among them.
    records: usize,
    /// Why records failed, in order.
    failures: Vec<String>,
    runs: Vec<Run>,
}

/// Calls of one batch size, again and again through the same records.
struct Run {
    batch: usize,
    calls: Calls,
    next: usize,
    calls_per_sample: usize,
    samples: Vec<f64>,
}

enum Calls {
    Rows {
        scorer: Box<dyn Scorer>,
        blocks: Vec<Block>,
        output: Output,
    },
    Tensors {
        session: TensorSession,
        records: Vec<Vec<(String, Tensor)>>,
    },
}

impl Calls {
    fn len(&self) -> usize {
        match self {
            Self::Rows { blocks, .. } => blocks.len(),
            Self::Tensors { records, .. } => records.len(),
        }
    }

    #[inline]
    fn call(&mut self, index: usize) {
        match self {
            Self::Rows { scorer, blocks, output } => {
                output.reset(blocks[index].rows());
                scorer.score(&blocks[index], output);
                std::hint::black_box(&*output);
            }
            Self::Tensors { session, records } => {
                let _ = std::hint::black_box(session.call(&records[index]));
            }
        }
    }
}

impl Run {
    fn new(batch: usize, calls: Calls) -> Self {
        Self {
            batch,
            calls,
            next: 0,
            calls_per_sample: 1,
            samples: Vec::new(),
        }
    }

    #[inline]
    fn sample(&mut self) -> Duration {
        let start = Instant::now();
        for _ in 0..self.calls_per_sample {
            self.calls.call(self.next);
            self.next += 1;
            if self.next == self.calls.len() {
                self.next = 0;
            }
        }
        start.elapsed()
    }

    /// Finds how many calls a sample needs.
    fn calibrate(&mut self, wanted: Duration) {
        loop {
            let took = self.sample();
            if took >= wanted || self.calls_per_sample >= 1 << 24 {
                return;
            }
            let factor = wanted.as_secs_f64() / took.as_secs_f64().max(1e-9);
            self.calls_per_sample = (self.calls_per_sample as f64 * factor.clamp(1.2, 10.0)).ceil() as usize;
        }
    }

    fn collect(&mut self, time: Duration) {
        let start = Instant::now();
        loop {
            let took = self.sample();
            let records = (self.calls_per_sample * self.batch) as f64;
            self.samples.push(took.as_secs_f64() * 1e9 / records);
            if start.elapsed() >= time {
                return;
            }
        }
    }
}

/// Figures of one batch size, in nanoseconds per record.
struct Measurement {
    batch: usize,
    median: f64,
    p99: f64,
    /// Middle 80 % of the samples, relative to the median.
    spread: f64,
    samples: usize,
    calls_per_sample: usize,
}

impl Measurement {
    fn of(run: &mut Run) -> Self {
        run.samples.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let last = run.samples.len().saturating_sub(1);
            run.samples
                .get((last as f64 * share).round() as usize)
                .copied()
                .unwrap_or(f64::NAN)
        };
        let median = at(0.5);
        Self {
            batch: run.batch,
            median,
            p99: at(0.99),
            spread: (at(0.9) - at(0.1)) / median,
            samples: run.samples.len(),
            calls_per_sample: run.calls_per_sample,
        }
    }
}

impl Bench {
    fn prepare(model: &OpenModel, arguments: &BenchArguments) -> Result<Self, Failure> {
        let schema = model.loaded.model().schema();
        if schema.input_width().is_some() && schema.output_width().is_some() {
            Self::rows(model, arguments)
        } else {
            Self::tensors(model, arguments)
        }
    }

    fn rows(model: &OpenModel, arguments: &BenchArguments) -> Result<Self, Failure> {
        let schema = model.loaded.model().schema();
        let bindings = &arguments.records.bindings;
        let filler = RowFiller::new(model, bindings)?;
        let cells = filler.width().max(1);
        let batch = arguments.batch as usize;
        if cells.saturating_mul(batch) > CELLS {
            return Err(Failure::Usage(format!(
                "{batch} records of {cells} values a call are too many"
            )));
        }
        let most = RECORDS.min(CELLS / cells).max(1);
        let mut block = Block::new(filler.width());
        let (mut singles, mut failures) = (Vec::new(), Vec::new());
        let source = if let Some(path) = &arguments.input {
            failures = for_each_record(path, &arguments.records, most, |record| {
                block.reset(1);
                filler.fill(&record, &mut block, 0)?;
                singles.push(block.clone());
                Ok(())
            })?;
            path.display().to_string()
        } else {
            block.reset(1);
            rows::fill_neutral(schema, &mut block, 0);
            singles.push(block.clone());
            "zeros and first labels".to_owned()
        };
        let mut scorer = model.scorer()?;
        let outputs = schema.output_width().unwrap_or_default();
        let mut output = Output::new(outputs);
        for single in &singles {
            output.reset(1);
            guard::contain(|| scorer.score(single, &mut output))
                .map_err(|panic| model.refused(ModelError::new(ErrorCode::ScoringCrashed, panic)))?;
            if output.failed() > 0 {
                failures.push(output.message(0).to_owned());
            }
        }
        let records = singles.len();
        let batches = joined(&singles, filler.width(), batch);
        let calls = |blocks, scorer| Calls::Rows {
            scorer,
            blocks,
            output: Output::new(outputs),
        };
        let mut runs = vec![Run::new(1, calls(singles, scorer))];
        if batch > 1 {
            runs.push(Run::new(batch, calls(batches, model.scorer()?)));
        }
        Ok(Self {
            source,
            records,
            failures,
            runs,
        })
    }

    fn tensors(model: &OpenModel, arguments: &BenchArguments) -> Result<Self, Failure> {
        let bindings: &[InputBinding] = &arguments.records.bindings;
        let session = TensorSession::open(model, bindings)?;
        let Some(path) = &arguments.input else {
            return Err(Failure::Usage(
                "a shape of this model is only known at run time: give records with --input".to_owned(),
            ));
        };
        let mut records = Vec::new();
        let mut failures = for_each_record(path, &arguments.records, RECORDS, |record| {
            records.push(session.tensors(&record)?);
            Ok(())
        })?;
        failures.extend(
            records
                .iter()
                .filter_map(|record| session.call(record).err())
                .map(|bad| bad.message),
        );
        Ok(Self {
            source: path.display().to_string(),
            records: records.len(),
            failures,
            runs: vec![Run::new(1, Calls::Tensors { session, records })],
        })
    }

    fn measure(&mut self, seconds: f64) -> Vec<Measurement> {
        let time = Duration::from_secs_f64(seconds / self.runs.len() as f64);
        let sample = SAMPLE.max(time.div_f64(SAMPLES));
        for run in &mut self.runs {
            run.calibrate(sample);
        }
        let start = Instant::now();
        for round in 0..ROUNDS {
            // Calls that are longer than a round would add up.
            if round > 0 && start.elapsed().as_secs_f64() >= seconds {
                break;
            }
            for run in &mut self.runs {
                run.collect(time / ROUNDS);
            }
        }
        self.runs.iter_mut().map(Measurement::of).collect()
    }
}

/// Hands at most `most` records to `take` and returns why those that can't be used can't. At least one can.
fn for_each_record(
    path: &Path,
    arguments: &RecordArguments,
    most: usize,
    mut take: impl FnMut(Record) -> Result<(), BadRecord>,
) -> Result<Vec<String>, Failure> {
    let file = path.display().to_string();
    let mut records = Records::open(path, arguments)?;
    let (mut number, mut refused) = (0, Vec::new());
    while number < most {
        let Some(record) = records.next()? else { break };
        number += 1;
        if let Err(bad) = record.and_then(&mut take) {
            refused.push(bad.message);
        }
    }
    match refused.first() {
        _ if number == 0 => Err(Failure::input(&file, "there is no record")),
        Some(message) if refused.len() == number => {
            Err(Failure::input(&file, format!("no record can be used: {message}")))
        }
        _ => Ok(refused),
    }
}

/// Blocks of `batch` rows each, made of single rows one after the other, from the first again after the last.
fn joined(singles: &[Block], width: usize, batch: usize) -> Vec<Block> {
    let most = (CELLS / (width.max(1) * batch)).max(1);
    let count = singles.len().div_ceil(batch).min(most);
    let mut cycle = singles.iter().cycle();
    (0..count)
        .map(|_| {
            let mut block = Block::new(width);
            block.reset(batch);
            for (row, single) in (0..batch).zip(&mut cycle) {
                for slot in 0..width {
                    block.copy_cell((row, slot), single, (0, slot));
                }
            }
            block
        })
        .collect()
}

fn write_text(out: &mut impl Write, model: &OpenModel, bench: &Bench, report: &[Measurement]) -> io::Result<()> {
    writeln!(
        out,
        "{} ({}), {} record(s) from {}, {} failed",
        one_line(&model.file),
        model.kind.name(),
        bench.records,
        one_line(&bench.source),
        bench.failures.len()
    )?;
    if let Some(message) = bench.failures.first() {
        writeln!(out, "first failure: {}", one_line(message))?;
    }
    let mut table = vec![
        ["batch", "median", "p99", "spread", "samples"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for line in report {
        table.push(vec![
            line.batch.to_string(),
            format!("{:.1} ns/record", line.median),
            format!("{:.1} ns/record", line.p99),
            format!("{:.0} %", line.spread * 100.0),
            format!("{} of {} call(s)", line.samples, line.calls_per_sample),
        ]);
    }
    table::write(out, 0, &table)
}

fn as_json(model: &OpenModel, bench: &Bench, report: &[Measurement]) -> Value {
    let measurements: Vec<Value> = report
        .iter()
        .map(|line| {
            json!({
                "batch": line.batch,
                "median_ns": line.median,
                "p99_ns": line.p99,
                "spread": line.spread,
                "samples": line.samples,
                "calls_per_sample": line.calls_per_sample,
            })
        })
        .collect();
    json!({
        "model": model.file,
        "type": model.kind.name(),
        "sha256": model.loaded.digest().to_string(),
        "source": bench.source,
        "records": bench.records,
        "failed": bench.failures.len(),
        "measurements": measurements,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser as _;

    use super::*;
    use crate::arguments::{Arguments, Command};
    use crate::example_models::{Echo, open};

    fn arguments(more: &[&str]) -> BenchArguments {
        let line = ["flink-serving", "bench", "--seconds", "0.05", "--batch", "4"];
        match Arguments::parse_from(line.iter().chain(more)).command {
            Command::Bench(arguments) => arguments,
            other => panic!("{other:?} is not a bench command"),
        }
    }

    #[test]
    fn both_batch_sizes_are_measured_and_failures_are_told() {
        let file = tempfile::NamedTempFile::with_suffix(".jsonl").unwrap();
        fs::write(
            file.path(),
            "{\"x\": 1}\n{\"x\": -1}\n{\"x\": [1]}\n{\"x\": \"text\"}\n",
        )
        .unwrap();
        let model = open(Echo);
        let mut bench = Bench::prepare(&model, &arguments(&["--input", file.path().to_str().unwrap()])).unwrap();
        assert_eq!(bench.records, 3);
        assert_eq!(bench.failures.len(), 2);
        let report = bench.measure(0.05);
        assert_eq!(report.iter().map(|line| line.batch).collect::<Vec<_>>(), [1, 4]);
        for line in report {
            assert!(
                line.median > 0.0 && line.median <= line.p99 && line.samples > 0,
                "{}",
                line.median
            );
        }
    }

    #[test]
    fn batches_repeat_the_records_until_they_are_full() {
        let singles: Vec<Block> = (0..3)
            .map(|number| {
                let mut block = Block::new(2);
                block.reset(1);
                block.set_long(0, 0, number);
                block.set_text(0, 1, &number.to_string());
                block
            })
            .collect();
        let batches = joined(&singles, 2, 2);
        let cells: Vec<_> = batches
            .iter()
            .flat_map(|block| (0..2).map(move |row| (block.cell(row, 0), block.cell(row, 1))))
            .collect();
        let expected: Vec<_> = [(0, "0"), (1, "1"), (2, "2"), (0, "0")]
            .map(|(number, text)| (serving_model::Cell::Long(number), serving_model::Cell::String(text)))
            .into();
        assert_eq!(cells, expected);
    }

    #[test]
    fn without_records_a_neutral_row_is_scored() {
        let model = open(Echo);
        let bench = Bench::prepare(&model, &arguments(&[])).unwrap();
        assert_eq!((bench.records, bench.failures.len()), (1, 0));
    }
}
