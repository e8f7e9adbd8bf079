//! Runs the examples of `docs/cli.md`: fences with `file=NAME` are written to a folder, and every command of a `console` fence
//! must print in that folder exactly what the page shows.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::Command;

/// A fenced block: what stands behind the fence, and the lines inside.
struct Fence {
    info: String,
    lines: Vec<String>,
}

fn fences(page: &str) -> Vec<Fence> {
    let mut fences = Vec::new();
    let mut open: Option<Fence> = None;
    for line in page.lines() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(info), None) => {
                open = Some(Fence {
                    info: info.to_owned(),
                    lines: Vec::new(),
                });
            }
            (Some(_), Some(fence)) => fences.push(fence),
            (None, Some(mut fence)) => {
                fence.lines.push(line.to_owned());
                open = Some(fence);
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fence is not closed");
    fences
}

#[test]
fn examples_print_what_the_page_shows() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    let fences = fences(&fs::read_to_string(page).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_flink-serving")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let mut commands = 0;
    for fence in &fences {
        if let Some((_, name)) = fence.info.split_once("file=") {
            fs::write(folder.path().join(name), fence.lines.join("\n") + "\n").unwrap();
        }
        if fence.info != "console" {
            continue;
        }
        for example in fence.lines.join("\n").split("$ ").filter(|example| !example.is_empty()) {
            let (command, expected) = example.split_once('\n').unwrap_or((example, ""));
            let output = Command::new("sh")
                .args(["-c", &format!("exec 2>&1; {command}")])
                .current_dir(folder.path())
                .env("PATH", &path)
                .output()
                .unwrap();
            let shown = String::from_utf8(output.stdout).unwrap();
            assert_eq!(shown.trim_end(), expected.trim_end(), "$ {command}");
            commands += 1;
        }
    }
    assert!(commands >= 6, "only {commands} examples were found");
}
