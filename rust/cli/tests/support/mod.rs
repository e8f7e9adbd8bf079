//! The program in a folder.

use std::path::Path;
use std::process::{Command, Output};

pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_flink-serving"))
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap()
}

/// What the program prints, which must succeed.
pub(crate) fn printed(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}
