//! `TimeSeries`: the values that a document holds.

use super::super::Compiled;
use crate::document::Node;

/// A stored series in the order of its index.
#[derive(Debug, Default)]
pub(super) struct Series {
    /// Index of the first value.
    pub(super) start: i64,
    pub(super) values: Vec<f64>,
}

impl Series {
    /// Index of the last value.
    pub(super) fn end(&self) -> i64 {
        self.start + self.values.len() as i64 - 1
    }

    /// The value at an index.
    pub(super) fn at(&self, index: i64) -> Option<f64> {
        usize::try_from(index - self.start)
            .ok()
            .and_then(|position| self.values.get(position))
            .copied()
    }
}

/// Most values that the gaps of a series are filled with.
const MOST_VALUES: i64 = 1 << 22;

/// Reads a `TimeSeries`. Values without index follow each other; gaps are filled when the document says how.
pub(super) fn series(node: Node<'_>) -> Compiled<Series> {
    let mut points: Vec<(i64, f64)> = Vec::new();
    for value in node.all("TimeValue") {
        let index = match value.number("index")?.or(value.number("time")?) {
            Some(index) if index.fract() == 0.0 && index.abs() < 1e15 => index as i64,
            Some(_) => return Err(value.invalid("index is not a whole number")),
            None => points.last().map_or(1, |(last, _)| last + 1),
        };
        points.push((index, value.need_number("value")?));
    }
    points.sort_by_key(|(index, _)| *index);
    let Some(((start, _), (end, _))) = points.first().zip(points.last()) else {
        return Err(node.invalid("element TimeValue is missing"));
    };
    let (start, end) = (*start, *end);
    let whole = end - start + 1 == points.len() as i64;
    let linear = node.get("interpolationMethod") == Some("linear");
    if points.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return Err(node.invalid("two values have the same index"));
    }
    if !whole && (!linear || end - start >= MOST_VALUES) {
        return Err(node.invalid("the series has gaps; only linear interpolation can fill them"));
    }
    node.reserve(&[(end - start + 1) as usize], size_of::<f64>())?;
    let mut values = Vec::with_capacity(points.len());
    for pair in points.windows(2) {
        let ((from, low), (to, high)) = (pair[0], pair[1]);
        for index in from..to {
            values.push(low + (high - low) * (index - from) as f64 / (to - from) as f64);
        }
    }
    values.extend(points.last().map(|(_, value)| *value));
    Ok(Series { start, values })
}

/// The series of a field that a model is made for: the one at equal steps, else the original one.
pub(super) fn observed(model: Node<'_>, field: Option<&str>) -> Compiled<Option<Series>> {
    let candidates = model.all("TimeSeries").filter(|series| {
        series.get("usage") != Some("prediction")
            && (series.get("field").is_none() || field.is_none() || series.get("field") == field)
    });
    let mut best = None;
    for node in candidates {
        if best.is_none() || node.get("usage") == Some("logical") {
            best = Some(node);
        }
    }
    best.map(series).transpose()
}

/// The same, of a series that must be there and must hold at least so many values.
pub(super) fn needed(model: Node<'_>, field: Option<&str>, least: usize) -> Compiled<Series> {
    let found = observed(model, field)?.unwrap_or_default();
    if found.values.len() < least {
        return Err(model.invalid(format!(
            "the model needs a TimeSeries of at least {least} values, there are {}",
            found.values.len()
        )));
    }
    Ok(found)
}
