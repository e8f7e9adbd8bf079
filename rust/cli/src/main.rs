//! `flink-serving`: inspect, validate, score and time a model with the engine that runs inside Flink.
//!
//! | module | what |
//! |---|---|
//! | [`arguments`] | the command line |
//! | [`model_files`], [`folder`] | from the arguments to a loaded model |
//! | [`records`] | reads records: JSON array, JSON lines, CSV |
//! | [`rows`], [`tensors`] | scores a record with a model of rows, of tensors |
//! | [`inspect`], [`validate`], [`score`], [`bench`] | the commands |
//! | [`json`], [`table`] | writes results |
//! | [`failure`], [`guard`] | what ends the program; containment of panics |
#![forbid(unsafe_code)]

mod arguments;
mod bench;
mod binding;
#[cfg(test)]
mod example_models;
mod failure;
mod folder;
mod guard;
mod inspect;
mod json;
mod model_files;
mod records;
mod rows;
mod score;
mod table;
mod tensors;
mod validate;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::{Arguments, Command};
use crate::failure::Failure;

fn main() -> ExitCode {
    guard::be_silent();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version arrive here too, with exit code 0. Printing fails when nobody reads: then nothing is lost.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let outcome = guard::contain(|| run(arguments.command)).unwrap_or_else(|panic| Err(Failure::Crash(panic)));
    match outcome {
        Ok(code) => code,
        Err(failure) if failure.is_closed_output() => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(std::io::stderr().lock(), "flink-serving: {}", failure.line());
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Validate(arguments) => validate::run(&arguments),
        Command::Score(arguments) => score::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
    }
}
