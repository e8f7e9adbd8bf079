//! JSON as results are written: numbers as the shortest decimals that read back, special numbers as strings.

use std::io::{self, Write};

use serving_model::{Cell, DataType, ErrorCode, Field, Tensor, TensorData};

/// Writes a string with quotes.
pub(crate) fn write_text(out: &mut impl Write, text: &str) -> io::Result<()> {
    Ok(serde_json::to_writer(out, text)?)
}

/// Writes a double.
pub(crate) fn write_double(out: &mut impl Write, value: f64) -> io::Result<()> {
    match special(value) {
        Some(name) => write_text(out, name),
        None => Ok(serde_json::to_writer(out, &value)?),
    }
}

/// Writes a float with just the digits that a float has.
pub(crate) fn write_float(out: &mut impl Write, value: f32) -> io::Result<()> {
    match special(value.into()) {
        Some(name) => write_text(out, name),
        None => Ok(serde_json::to_writer(out, &value)?),
    }
}

fn special(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value == f64::INFINITY {
        Some("Infinity")
    } else if value == f64::NEG_INFINITY {
        Some("-Infinity")
    } else {
        None
    }
}

/// The number that a string of [`special`] stands for.
pub(crate) fn special_number(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

/// Writes a cell of a field. A label is text, but for the labels of a field of truth values.
pub(crate) fn write_cell(out: &mut impl Write, cell: Cell<'_>, field: &Field) -> io::Result<()> {
    match cell {
        Cell::Missing => out.write_all(b"null"),
        Cell::Double(value) => write_double(out, value),
        Cell::Float(value) => write_float(out, value),
        Cell::Long(value) => write!(out, "{value}"),
        Cell::Boolean(value) => write!(out, "{value}"),
        // A list is JSON already.
        Cell::String(text) if field.list => out.write_all(text.as_bytes()),
        Cell::String(text) => write_text(out, text),
        Cell::Label(code) => match field.labels.get(code as usize).map(String::as_str) {
            Some(label @ ("true" | "false")) if field.data_type == DataType::Boolean => out.write_all(label.as_bytes()),
            Some(label) => write_text(out, label),
            None => write!(out, "{code}"),
        },
    }
}

/// Writes an element of a tensor.
pub(crate) fn write_element<W: Write>(out: &mut W, data: &TensorData, index: usize) -> io::Result<()> {
    match data {
        TensorData::Double(values) => write_double(out, values.get(index).copied().unwrap_or(f64::NAN)),
        TensorData::Float(values) => write_float(out, values.get(index).copied().unwrap_or(f32::NAN)),
        TensorData::Long(values) => write!(out, "{}", values.get(index).copied().unwrap_or_default()),
        TensorData::Boolean(values) => write!(out, "{}", values.get(index).copied().unwrap_or_default()),
        TensorData::String(values) => write_text(out, values.get(index).map_or("", String::as_str)),
        TensorData::List(items) => match items.get(index) {
            Some(item) => write_tensor(out, item),
            None => out.write_all(b"null"),
        },
        TensorData::Map(entries) => {
            out.write_all(b"{")?;
            for (n, (key, value)) in entries.iter().enumerate() {
                if n > 0 {
                    out.write_all(b", ")?;
                }
                write_text(out, key)?;
                out.write_all(b": ")?;
                write_tensor(out, value)?;
            }
            out.write_all(b"}")
        }
    }
}

/// Writes a tensor as nested arrays.
pub(crate) fn write_tensor<W: Write>(out: &mut W, tensor: &Tensor) -> io::Result<()> {
    write_nested(out, &tensor.shape, &mut |out: &mut W, index| {
        write_element(out, &tensor.data, index)
    })
}

/// Writes nested arrays of `shape`, row-major; a scalar when `shape` is empty. `element` writes the element of an index.
pub(crate) fn write_nested<W: Write>(
    out: &mut W,
    shape: &[usize],
    element: &mut impl FnMut(&mut W, usize) -> io::Result<()>,
) -> io::Result<()> {
    let mut next = 0;
    write_axes(out, shape, &mut next, element)
}

fn write_axes<W: Write>(
    out: &mut W,
    shape: &[usize],
    next: &mut usize,
    element: &mut impl FnMut(&mut W, usize) -> io::Result<()>,
) -> io::Result<()> {
    let Some((length, rest)) = shape.split_first() else {
        let index = *next;
        *next += 1;
        return element(out, index);
    };
    out.write_all(b"[")?;
    for position in 0..*length {
        if position > 0 {
            out.write_all(b", ")?;
        }
        write_axes(out, rest, next, element)?;
    }
    out.write_all(b"]")
}

/// Writes the result of a record that has no score.
pub(crate) fn write_error(out: &mut impl Write, code: ErrorCode, message: &str) -> io::Result<()> {
    out.write_all(b"{\"$error\": ")?;
    write_text(out, code.as_str_name())?;
    out.write_all(b", \"$message\": ")?;
    write_text(out, message)?;
    out.write_all(b"}\n")
}

/// Writes the name of a field of an object, with the comma that separates it from the one before.
pub(crate) fn write_name(out: &mut impl Write, name: &str, first: bool) -> io::Result<()> {
    out.write_all(if first { b"{" } else { b", " })?;
    write_text(out, name)?;
    out.write_all(b": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_the_shortest_that_read_back_and_special_ones_are_strings() {
        for (value, expected) in [
            (5.0, "5.0"),
            (0.1, "0.1"),
            (-0.0, "-0.0"),
            (f64::NAN, "\"NaN\""),
            (f64::INFINITY, "\"Infinity\""),
            (f64::NEG_INFINITY, "\"-Infinity\""),
        ] {
            assert_eq!(written(|out| write_double(out, value)), expected);
        }
        assert_eq!(written(|out| write_float(out, 0.1)), "0.1");
        for value in [f64::MAX, f64::MIN_POSITIVE, 5e-324, 1.0 / 3.0] {
            assert_eq!(written(|out| write_double(out, value)).parse::<f64>().unwrap(), value);
        }
    }

    #[test]
    fn tensors_are_nested_by_axis() {
        let mut element = |out: &mut Vec<u8>, index: usize| write!(out, "{index}");
        assert_eq!(
            written(|out| write_nested(out, &[2, 3], &mut element)),
            "[[0, 1, 2], [3, 4, 5]]"
        );
        assert_eq!(written(|out| write_nested(out, &[], &mut element)), "0");
        assert_eq!(written(|out| write_nested(out, &[2, 0], &mut element)), "[[], []]");
    }

    #[test]
    fn a_label_is_written_as_its_text() {
        let mut field = Field::scalar("grade", DataType::String);
        field.labels = vec!["false".to_owned(), "high".to_owned()];
        assert_eq!(written(|out| write_cell(out, Cell::Label(1), &field)), "\"high\"");
        assert_eq!(written(|out| write_cell(out, Cell::Label(0), &field)), "\"false\"");
        assert_eq!(written(|out| write_cell(out, Cell::Missing, &field)), "null");
        field.data_type = DataType::Boolean;
        assert_eq!(written(|out| write_cell(out, Cell::Label(0), &field)), "false");
    }
}
