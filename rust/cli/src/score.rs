//! `score`: one JSON object per record, in order.

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::arguments::ScoreArguments;
use crate::binding::{Given, Inputs};
use crate::failure::{Failure, one_line};
use crate::json;
use crate::model_files::{self, OpenModel};
use crate::records::{Record, Records};
use crate::rows::RowSession;
use crate::tensors::TensorSession;

/// Scores records in the way that the model is made for.
enum Session {
    Rows(Box<RowSession>),
    Tensors(TensorSession),
}

impl Session {
    fn open(model: &OpenModel, arguments: &ScoreArguments) -> Result<Self, Failure> {
        let bindings = &arguments.records.bindings;
        let windowed = model.windowed(&arguments.window)?;
        if windowed.is_none() && model.loaded.model().tensor_model().is_some() {
            TensorSession::open(model, bindings).map(Self::Tensors)
        } else {
            RowSession::open(model, windowed, bindings).map(|session| Self::Rows(Box::new(session)))
        }
    }

    fn inputs(&self) -> &Inputs {
        match self {
            Self::Rows(session) => session.inputs(),
            Self::Tensors(session) => session.inputs(),
        }
    }

    fn score(&mut self, record: &Record, out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Rows(session) => session.score(record, out),
            Self::Tensors(session) => session.score(record, out),
        }
    }
}

pub(crate) fn run(arguments: &ScoreArguments) -> Result<ExitCode, Failure> {
    let model = open_for_records(arguments)?;
    let out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    score_all(&model, arguments, out)?;
    Ok(ExitCode::SUCCESS)
}

/// Opens the model; when no signature is named and the default one is not made for the records, by the only one that is.
fn open_for_records(arguments: &ScoreArguments) -> Result<OpenModel, Failure> {
    let model = model_files::open(&arguments.model)?;
    // Standard input and pipes can be read only once.
    let readable_twice = arguments.input.metadata().is_ok_and(|known| known.is_file());
    let signatures = model.loaded.model().signatures();
    if arguments.model.signature.is_some() || signatures.len() < 2 || !readable_twice {
        return Ok(model);
    }
    let Some(Ok(first)) = Records::open(&arguments.input, &arguments.records)?.next()? else {
        return Ok(model);
    };
    let has = |name: &str| first.fields.contains_key(name);
    let own = &model.loaded.model().schema().inputs;
    if own.iter().any(|input| has(&input.name)) || !arguments.records.bindings.is_empty() {
        return Ok(model);
    }
    let mut made_for = signatures
        .iter()
        .filter(|signature| !signature.inputs.is_empty() && signature.inputs.iter().all(|input| has(input)));
    match (made_for.next(), made_for.next()) {
        (Some(only), None) => model_files::open_signature(&arguments.model, Some(&only.name)),
        _ => Ok(model),
    }
}

fn score_all(model: &OpenModel, arguments: &ScoreArguments, mut out: impl Write) -> Result<(), Failure> {
    let mut session = Session::open(model, arguments)?;
    let mut records = Records::open(&arguments.input, &arguments.records)?;
    // Whoever writes records by hand or from a running program wants each answer at once.
    let at_once = arguments.input == Path::new("-");
    let mut first = true;
    loop {
        let record = match records.next() {
            Ok(None) => break,
            Ok(Some(record)) => record,
            Err(failure) => {
                out.flush()?;
                return Err(failure);
            }
        };
        match record {
            Ok(record) => {
                if first {
                    warn_of_foreign_names(session.inputs(), &record);
                }
                first = false;
                session.score(&record, &mut out)?;
            }
            Err(bad) => json::write_error(&mut out, bad.code, &bad.message)?,
        }
        if at_once {
            out.flush()?;
        }
    }
    Ok(out.flush()?)
}

/// A record without a single input is scored like any other, all values missing; most often its names are wrong.
fn warn_of_foreign_names(inputs: &Inputs, record: &Record) {
    let foreign = !inputs.fields().is_empty()
        && !record.fields.is_empty()
        && inputs
            .gather(record)
            .is_ok_and(|given| given.iter().all(|given| *given == Given::Nothing));
    if foreign {
        let warning = one_line(&format!(
            "warning: the first record has no input of the model; inputs: {}",
            inputs.names()
        ));
        let _ = writeln!(io::stderr().lock(), "flink-serving: {warning}");
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser as _;

    use super::*;
    use crate::arguments::{Arguments, Command};
    use crate::example_models::{Doubled, Echo, open};

    /// What `score` prints for a model that is already loaded.
    fn scored(model: &OpenModel, file: &str, content: &[u8], more: &[&str]) -> Result<Vec<String>, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join(file);
        fs::write(&input, content).unwrap();
        let mut line = vec!["flink-serving", "score", "--input", input.to_str().unwrap()];
        line.extend(more);
        let Command::Score(arguments) = Arguments::parse_from(line).command else {
            panic!("not a score command");
        };
        let mut out = Vec::new();
        score_all(model, &arguments, &mut out)?;
        Ok(String::from_utf8(out).unwrap().lines().map(str::to_owned).collect())
    }

    fn echoed(file: &str, content: &str) -> Vec<String> {
        scored(&open(Echo), file, content.as_bytes(), &[]).unwrap()
    }

    #[test]
    fn json_values_reach_the_model_as_what_they_are() {
        let lines = echoed(
            "records.json",
            r#"[{"x": 5.0, "s": "a\"b", "b": true, "unknown": [1]}, {"x": 3, "s": null}, {"x": "NaN"}, {"x": "-Infinity"}, {"x": "3.25", "s": "NaN"}, {}]"#,
        );
        assert_eq!(
            lines,
            [
                r#"{"x": 5.0, "s": "a\"b", "b": true, "x as float": 5.0, "pair": [5.0, null], "label": "high"}"#,
                r#"{"x": 3, "s": null, "b": null, "x as float": 3.0, "pair": [3, null], "label": "low"}"#,
                r#"{"x": "NaN", "s": null, "b": null, "x as float": "NaN", "pair": ["NaN", null], "label": "low"}"#,
                r#"{"x": "-Infinity", "s": null, "b": null, "x as float": "-Infinity", "pair": ["-Infinity", null], "label": "low"}"#,
                r#"{"x": "3.25", "s": "NaN", "b": null, "x as float": null, "pair": ["3.25", null], "label": "low"}"#,
                r#"{"x": null, "s": null, "b": null, "x as float": null, "pair": [null, null], "label": "low"}"#,
            ]
        );
    }

    #[test]
    fn floats_are_as_short_as_floats_and_doubles_as_doubles() {
        let lines = echoed("records.jsonl", "{\"x\": 0.1}\n{\"x\": 0.30000000000000004}\n");
        assert!(
            lines[0].starts_with(r#"{"x": 0.1,"#) && lines[0].contains(r#""x as float": 0.1,"#),
            "{}",
            lines[0]
        );
        assert!(lines[1].starts_with(r#"{"x": 0.30000000000000004,"#), "{}", lines[1]);
        assert!(lines[1].contains(r#""x as float": 0.3,"#), "{}", lines[1]);
    }

    #[test]
    fn a_bad_record_costs_itself_only() {
        let lines = scored(
            &open(Echo),
            "records.jsonl",
            b"{\"x\": 1}\nnot json\n\n[1]\n{\"x\": [1]}\n{\"x\": -1}\n{\"x\": 666}\n{\"x\": 1e999}\n{\"s\": \"\xff\"}\n{\"x\": 2}",
            &[],
        )
        .unwrap();
        let codes: Vec<&str> = lines
            .iter()
            .map(|line| {
                line.split('"')
                    .nth(3)
                    .filter(|_| line.starts_with("{\"$error\""))
                    .unwrap_or("-")
            })
            .collect();
        assert_eq!(
            codes,
            [
                "-",
                "RECORD_UNREADABLE",
                "RECORD_UNREADABLE",
                "FIELD_INVALID",
                "SCORING_FAILED",
                "SCORING_CRASHED",
                "RECORD_UNREADABLE",
                "RECORD_UNREADABLE",
                "-"
            ]
        );
        assert!(lines[1].contains("line 2, column"), "{}", lines[1]);
        assert!(lines[4].contains("x is negative"), "{}", lines[4]);
        assert!(lines[8].starts_with(r#"{"x": 2,"#), "{}", lines[8]);
    }

    #[test]
    fn csv_cells_are_text_and_empty_ones_are_missing() {
        let lines = echoed(
            "records.csv",
            "\u{feff}x;S;other\r\n1.5;\"a;\"\"b\"\"\";7\r\n;;\r\nNaN;;\r\n1;2\r\n",
        );
        assert!(lines[0].starts_with(r#"{"x": "1.5", "s": "a;\"b\"", "#), "{}", lines[0]);
        assert!(lines[1].starts_with(r#"{"x": null, "s": null, "#), "{}", lines[1]);
        assert!(
            lines[2].starts_with(r#"{"x": "NaN", "s": null, "b": null, "x as float": "NaN""#),
            "{}",
            lines[2]
        );
        assert!(
            lines[3].contains("RECORD_UNREADABLE") && lines[3].contains("record 4 has 2 values"),
            "{}",
            lines[3]
        );
    }

    #[test]
    fn csv_without_a_header_gets_its_names_from_the_command_line() {
        let lines = scored(
            &open(Echo),
            "a",
            b"1,2\n",
            &["--columns", "other,field", "--bind", "x=field"],
        )
        .unwrap();
        assert!(lines[0].starts_with(r#"{"x": "2", "#), "{}", lines[0]);
    }

    #[test]
    fn an_array_that_does_not_parse_is_refused_with_its_place() {
        let failure = scored(&open(Echo), "records.json", b"[{\"x\": 1},\n {\"x\": }]", &[]).unwrap_err();
        assert_eq!(failure.exit_code(), 1);
        assert!(
            failure.line().contains("records.json: line 2, column 8: "),
            "{}",
            failure.line()
        );
    }

    #[test]
    fn a_csv_header_with_a_name_twice_and_utf16_are_refused() {
        for (content, reason) in [(&b"x,x\n1,2\n"[..], "'x' twice"), (b"\xff\xfex\0", "UTF-16")] {
            let failure = scored(&open(Echo), "records.csv", content, &[]).unwrap_err();
            assert!(failure.line().contains(reason), "{}", failure.line());
        }
    }

    #[test]
    fn nothing_in_is_nothing_out() {
        for (file, content) in [
            ("a.json", "[]"),
            ("a.json", ""),
            ("a.jsonl", "\n\n"),
            ("a.csv", ""),
            ("a.csv", "x,s\n"),
        ] {
            assert_eq!(echoed(file, content), Vec::<String>::new(), "{file} {content}");
        }
    }

    #[test]
    fn a_record_of_tensors_is_one_call() {
        let lines = scored(
            &open(Doubled),
            "records.json",
            br#"[{"t": [[1, 2], [3, 4.5]]}, {"t:0": [1, 2]}, {"t": [[1, 2], [3]]}, {}, {"a": 7, "b": 8}]"#,
            &[],
        )
        .unwrap();
        assert_eq!(lines[0], r#"{"doubled:0": [[2.0, 4.0], [6.0, 9.0]]}"#);
        assert_eq!(lines[1], r#"{"doubled:0": [[2.0, 4.0]]}"#);
        assert!(
            lines[2].contains("FIELD_INVALID") && lines[2].contains("ragged"),
            "{}",
            lines[2]
        );
        assert!(lines[3].contains("FIELD_MISSING"), "{}", lines[3]);
        assert_eq!(lines[4], r#"{"doubled:0": [[14.0, 16.0]]}"#);
    }

    #[test]
    fn csv_feeds_tensors_by_list_by_binding_or_in_order() {
        let lines = scored(&open(Doubled), "a.csv", b"t\n\"[1, 2]\"\n", &[]).unwrap();
        assert_eq!(lines, [r#"{"doubled:0": [[2.0, 4.0]]}"#]);
        let lines = scored(&open(Doubled), "a.csv", b"a,name,b\n1,n,2.5\n", &[]).unwrap();
        assert_eq!(lines, [r#"{"doubled:0": [[2.0, 5.0]]}"#]);
        let lines = scored(&open(Doubled), "a.csv", b"a,b,c\n1,2,3\n", &["--bind", "t=c,a"]).unwrap();
        assert_eq!(lines, [r#"{"doubled:0": [[6.0, 2.0]]}"#]);
    }
}
