//! Columns for people.

use std::io::{self, Write};

/// Writes rows of cells in aligned columns, each line after `indent` blanks.
pub(crate) fn write(out: &mut impl Write, indent: usize, rows: &[Vec<String>]) -> io::Result<()> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or_default()
        })
        .collect();
    for row in rows {
        let mut line = " ".repeat(indent);
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width - cell.chars().count() + 2));
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Bytes with a unit.
pub(crate) fn bytes(count: usize) -> String {
    let mut size = count as f64;
    let mut unit = "B";
    for larger in ["KiB", "MiB", "GiB"] {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        unit = larger;
    }
    if unit == "B" {
        format!("{count} B")
    } else {
        format!("{size:.1} {unit} ({count} B)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["a", "bbb", ""], vec!["cc", "d", "e"]].map(|row| row.into_iter().map(str::to_owned).collect());
        let mut out = Vec::new();
        write(&mut out, 1, &rows).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), " a   bbb\n cc  d    e\n");
    }

    #[test]
    fn bytes_have_a_unit() {
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1536), "1.5 KiB (1536 B)");
    }
}
