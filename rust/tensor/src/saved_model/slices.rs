//! Variables that are stored in parts.

use serving_model::ModelError;

use crate::array::{Array, for_elements};
use crate::tensorflow::proto::TensorSliceProto;
use crate::tensorflow::proto::tensor_slice_proto::extent::HasLength;

/// A box of elements within a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Start and length in each axis.
    axes: Vec<(usize, usize)>,
    /// The tensor's shape.
    shape: Vec<usize>,
}

impl Part {
    /// A part as an entry describes it.
    ///
    /// # Errors
    /// When it lies outside of the shape.
    pub(super) fn new(slice: &TensorSliceProto, shape: &[usize]) -> Result<Self, ModelError> {
        let extents = slice.extent.iter().map(|extent| {
            let length = extent.has_length.map(|HasLength::Length(length)| length);
            length.map(|length| (extent.start, length))
        });
        Self::of(extents.collect(), shape)
    }

    /// A part as an operation that restores it describes it, `"10 4 0,5:-"`: a shape and, for each axis, start and length or all
    /// of it. `None` for the empty text, which means the whole tensor.
    ///
    /// # Errors
    /// When it can't be read, the shape is not that of the tensor, or the part lies outside of it.
    pub(super) fn parse(text: &str, shape: &[usize]) -> Result<Option<Self>, ModelError> {
        if text.is_empty() {
            return Ok(None);
        }
        let bad = || ModelError::invalid(format!("'{text}' is no part of shape {shape:?}"));
        let (lengths, extents) = text.rsplit_once(' ').ok_or_else(bad)?;
        let lengths: Option<Vec<usize>> = lengths.split(' ').map(|length| length.parse().ok()).collect();
        if lengths.as_deref() != Some(shape) {
            return Err(bad());
        }
        let mut axes = Vec::with_capacity(shape.len());
        for extent in extents.split(':') {
            axes.push(match extent {
                "-" => None,
                extent => {
                    let (start, length) = extent.split_once(',').ok_or_else(bad)?;
                    Some((start.parse().map_err(|_| bad())?, length.parse().map_err(|_| bad())?))
                }
            });
        }
        Self::of(axes, shape).map(Some)
    }

    fn of(extents: Vec<Option<(i64, i64)>>, shape: &[usize]) -> Result<Self, ModelError> {
        let outside = || ModelError::invalid(format!("a part of it lies outside of shape {shape:?}"));
        if extents.len() != shape.len() {
            return Err(outside());
        }
        let mut axes = Vec::with_capacity(shape.len());
        for (extent, whole) in extents.into_iter().zip(shape) {
            let (start, length) = match extent {
                None => (0, *whole),
                Some((start, length)) => (
                    usize::try_from(start).map_err(|_| outside())?,
                    usize::try_from(length).map_err(|_| outside())?,
                ),
            };
            if start.checked_add(length).is_none_or(|end| end > *whole) {
                return Err(outside());
            }
            axes.push((start, length));
        }
        Ok(Self {
            axes,
            shape: shape.to_vec(),
        })
    }

    /// Its own shape.
    pub(super) fn lengths(&self) -> Vec<usize> {
        self.axes.iter().map(|(_, length)| *length).collect()
    }

    /// Number of elements.
    pub(super) fn count(&self) -> usize {
        self.axes.iter().map(|(_, length)| *length).product()
    }

    /// Calls `found` with where each run of elements begins in the whole and in the part, and how long it is.
    fn runs(&self, mut found: impl FnMut(usize, usize, usize)) {
        if self.count() == 0 {
            return;
        }
        let Some(((last_start, run), outer)) = self.axes.split_last() else {
            return found(0, 0, 1);
        };
        let mut place = vec![0; outer.len()];
        let mut own = 0;
        loop {
            let row = place
                .iter()
                .zip(outer)
                .zip(&self.shape)
                .fold(0, |row, ((place, (start, _)), whole)| row * whole + start + place);
            found(row * self.shape[outer.len()] + last_start, own, *run);
            own += run;
            // Counts up, the last axis first.
            let mut axis = outer.len();
            loop {
                if axis == 0 {
                    return;
                }
                axis -= 1;
                place[axis] += 1;
                if place[axis] < outer[axis].1 {
                    break;
                }
                place[axis] = 0;
            }
        }
    }

    /// Writes the part's bytes to where they are in the whole; both have as many as their shapes and `width` say.
    pub(super) fn copy_into(&self, part: &[u8], whole: &mut [u8], width: usize) {
        self.runs(|to, from, count| {
            whole[to * width..(to + count) * width].copy_from_slice(&part[from * width..(from + count) * width]);
        });
    }

    /// The part of a whole tensor.
    pub(super) fn of_array(&self, whole: &Array) -> Result<Array, ModelError> {
        let cut = for_elements!(whole, values => {
            let mut part = Vec::with_capacity(self.count());
            self.runs(|from, _, count| part.extend_from_slice(&values[from..from + count]));
            Ok(Array::new(self.lengths(), part))
        });
        cut.map_err(crate::trouble::Trouble::into_error)
    }
}

/// The key of a part: an encoding of name and extents that keeps their order.
pub(super) fn slice_key(name: &str, slice: &TensorSliceProto) -> Vec<u8> {
    // A whole axis is written as length -1.
    const WHOLE: i64 = -1;
    let mut key = Vec::new();
    ordered_count(0, &mut key);
    ordered_text(name.as_bytes(), &mut key);
    ordered_count(slice.extent.len() as u64, &mut key);
    for extent in &slice.extent {
        let length = extent.has_length.map_or(WHOLE, |HasLength::Length(length)| length);
        ordered_number(extent.start, &mut key);
        ordered_number(length, &mut key);
    }
    key
}

/// How many bytes, and these, the most significant one first.
fn ordered_count(value: u64, key: &mut Vec<u8>) {
    let bytes = value.to_be_bytes();
    let used = &bytes[value.leading_zeros() as usize / 8..];
    key.push(used.len() as u8);
    key.extend_from_slice(used);
}

/// The bytes with 0 and 255 escaped, and a terminator.
fn ordered_text(text: &[u8], key: &mut Vec<u8>) {
    for byte in text {
        match byte {
            0 => key.extend_from_slice(&[0, 0xff]),
            0xff => key.extend_from_slice(&[0xff, 0]),
            byte => key.push(*byte),
        }
    }
    key.extend_from_slice(&[0, 1]);
}

/// A number with sign: the first bits tell how many bytes there are, as in UTF-8; negative ones are the complement.
fn ordered_number(value: i64, key: &mut Vec<u8>) {
    let magnitude = if value < 0 { !value } else { value };
    let bits = 64 - magnitude.leading_zeros() as usize;
    // Each byte has seven bits, one of all is the sign.
    let length = bits / 7 + 1;
    let mut bytes = i128::from(magnitude).to_be_bytes();
    let first = bytes.len() - length;
    let header = ((1_u16 << length) - 1) << (16 - length);
    let [high, low] = header.to_be_bytes();
    bytes[first] |= high;
    if length > 1 {
        bytes[first + 1] |= low;
    }
    let flip = if value < 0 { 0xff } else { 0 };
    key.extend(bytes[first..].iter().map(|byte| byte ^ flip));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensorflow::proto::tensor_slice_proto::Extent;

    fn number(value: i64) -> Vec<u8> {
        let mut key = Vec::new();
        ordered_number(value, &mut key);
        key
    }

    #[test]
    fn keys_of_numbers_are_in_the_order_of_the_numbers() {
        assert_eq!(number(0), [0x80]);
        assert_eq!(number(-1), [0x7f]);
        assert_eq!(number(63), [0xbf]);
        assert_eq!(number(64), [0xc0, 0x40]);
        assert_eq!(number(-64), [0x40]);
        assert_eq!(number(-65), [0x3f, 0xbf]);
        let mut values: Vec<i64> = (0..63)
            .flat_map(|bit| [1_i64 << bit, (1 << bit) - 1, -(1 << bit)])
            .collect();
        values.extend([i64::MAX, i64::MIN]);
        values.sort_unstable();
        values.dedup();
        let keys: Vec<Vec<u8>> = values.iter().map(|value| number(*value)).collect();
        assert!(keys.is_sorted_by(|a, b| a < b), "{keys:?}");
    }

    #[test]
    fn parts_are_boxes_within_the_whole() {
        let extent = |start, length| Extent {
            start,
            has_length: Some(HasLength::Length(length)),
        };
        let slice = TensorSliceProto {
            extent: vec![extent(1, 2), Extent::default(), extent(0, 1)],
        };
        let part = Part::new(&slice, &[3, 2, 2]).unwrap();
        let whole = Array::new(vec![3, 2, 2], (0..12_i32).collect());
        let cut = part.of_array(&whole).unwrap();
        assert_eq!(cut.shape, [2, 2, 1]);
        assert_eq!(cut.view::<i32>().unwrap(), [4, 6, 8, 10]);
        let mut bytes = [0; 12];
        part.copy_into(&[1, 2, 3, 4], &mut bytes, 1);
        assert_eq!(bytes, [0, 0, 0, 0, 1, 0, 2, 0, 3, 0, 4, 0]);
        assert_eq!(Part::parse("3 2 2 1,2:-:0,1", &[3, 2, 2]).unwrap(), Some(part));
        assert_eq!(Part::parse("", &[3]).unwrap(), None);
        for bad in [
            "3 0,4",
            "3 -1,2",
            "4 0,1",
            "3 0,1:-",
            "3 1",
            "3",
            "3 x,1",
            "3 9223372036854775807,9223372036854775807",
        ] {
            assert!(Part::parse(bad, &[3]).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_key_of_a_part_starts_with_zero_and_the_name() {
        let slice = TensorSliceProto {
            extent: vec![
                Extent::default(),
                Extent {
                    start: 5,
                    has_length: Some(HasLength::Length(5)),
                },
            ],
        };
        assert_eq!(slice_key("w", &slice), [0, b'w', 0, 1, 1, 2, 0x80, 0x7f, 0x85, 0x85]);
    }
}
