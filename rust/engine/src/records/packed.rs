//! Reads rows that the caller laid out field by field; `docs/boundary.md` has the offsets.

use serving_model::wire::{InputBinding, PackedField, PackedLayout};
use serving_model::{Block, DataType, ErrorCode, ModelError, Output, Schema, Tag};

use crate::binding::{RecordField, bind_inputs};

/// Reads packed rows for one model.
#[derive(Debug)]
pub struct PackedReader {
    columns: Vec<Column>,
    /// Where text begins: behind the lanes.
    text: usize,
    capacity: usize,
}

/// One bound field.
#[derive(Debug)]
struct Column {
    name: String,
    tag: Tag,
    validity: usize,
    lane: usize,
    width: usize,
    slot: usize,
}

/// What rows of this layout offer.
pub(super) fn offered(layout: &PackedLayout) -> Result<Vec<RecordField>, ModelError> {
    let field = |field: &PackedField| {
        Ok(RecordField {
            name: field.name.clone(),
            numeric: data_type(field)? != DataType::String,
            repeated: field.width > 1,
        })
    };
    layout.fields.iter().map(field).collect()
}

fn data_type(field: &PackedField) -> Result<DataType, ModelError> {
    DataType::from_wire(field.r#type).ok_or_else(|| {
        ModelError::new(
            ErrorCode::InvalidCall,
            format!("packed field '{}' has no known type", field.name),
        )
    })
}

impl PackedReader {
    /// Binds packed fields to the inputs of a model, for at most `capacity` rows a call.
    ///
    /// # Errors
    /// `BINDING_FAILED` when an input stays unbound, `INVALID_CALL` for a layout that contradicts itself.
    pub fn open(
        layout: &PackedLayout,
        schema: &Schema,
        bindings: &[InputBinding],
        capacity: usize,
    ) -> Result<Self, ModelError> {
        let invalid = |message: String| ModelError::new(ErrorCode::InvalidCall, message);
        let offered = offered(layout)?;
        let mut offset = 0_usize;
        let mut places = Vec::with_capacity(layout.fields.len());
        for field in &layout.fields {
            let width = field.width.max(1) as usize;
            let tag = match data_type(field)? {
                DataType::Double => Tag::Double,
                DataType::Float => Tag::Float,
                DataType::Long => Tag::Long,
                DataType::Boolean => Tag::Boolean,
                DataType::String => Tag::String,
            };
            let validity = offset;
            let lane = validity + 8 * capacity.div_ceil(64);
            offset = capacity
                .checked_mul(width)
                .and_then(|cells| cells.checked_mul(8))
                .and_then(|bytes| bytes.checked_add(lane))
                .filter(|end| i32::try_from(*end).is_ok())
                .ok_or_else(|| invalid(format!("{capacity} rows of the packed fields exceed 2 GiB")))?;
            places.push((tag, validity, lane, width));
        }
        let mut columns = Vec::new();
        for input in bind_inputs(schema, &offered, bindings)? {
            for (at, field) in input.fields.iter().enumerate() {
                let (tag, validity, lane, width) = places[*field];
                if input.fields.len() == 1 && width != input.width {
                    return Err(ModelError::new(
                        ErrorCode::BindingFailed,
                        format!(
                            "packed field '{}' has {width} values, the model takes {}",
                            offered[*field].name, input.width
                        ),
                    ));
                }
                columns.push(Column {
                    name: offered[*field].name.clone(),
                    tag,
                    validity,
                    lane,
                    width,
                    slot: input.slot + at,
                });
            }
        }
        Ok(Self {
            columns,
            text: offset,
            capacity,
        })
    }

    /// Bytes of the lanes; text follows.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.text
    }

    /// See [`RecordReader::read`](super::RecordReader::read).
    pub fn read(&mut self, input: &[u8], rows: usize, block: &mut Block, output: &mut Output) {
        block.reset(rows);
        if input.len() < self.text || rows > self.capacity {
            for row in 0..rows {
                output.fail(
                    row,
                    ErrorCode::InvalidCall,
                    format_args!("the packed rows are shorter than their layout"),
                );
            }
            return;
        }
        for column in &self.columns {
            // The texts of a field may not be longer together than where they come from: cells that all refer to the same would
            // take many times as much.
            let mut left = input.len() - self.text;
            for row in 0..rows {
                let word = lane(input, column.validity, row / 64);
                if word >> (row % 64) & 1 == 0 {
                    continue;
                }
                for element in 0..column.width {
                    let value = lane(input, column.lane, row * column.width + element);
                    let slot = column.slot + element;
                    if column.tag == Tag::String {
                        match text(&input[self.text..], value) {
                            Some(text) if text.len() <= left => {
                                left -= text.len();
                                block.set_text(row, slot, text);
                            }
                            Some(_) => output.fail(
                                row,
                                ErrorCode::RecordTooLarge,
                                format_args!("field '{}': the texts of the packed rows overlap", column.name),
                            ),
                            None => output.fail(
                                row,
                                ErrorCode::FieldInvalid,
                                format_args!("field '{}' is not UTF-8 text within the packed rows", column.name),
                            ),
                        }
                    } else {
                        let (tags, values) = block.row_mut(row);
                        tags[slot] = column.tag as u8;
                        values[slot] = value;
                    }
                }
            }
        }
    }
}

#[inline]
fn lane(input: &[u8], start: usize, index: usize) -> u64 {
    input
        .get(start + 8 * index..)
        .and_then(|rest| rest.first_chunk::<8>())
        .map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

fn text(area: &[u8], value: u64) -> Option<&str> {
    let (start, length) = ((value >> 32) as usize, (value & 0xffff_ffff) as usize);
    std::str::from_utf8(area.get(start..start.checked_add(length)?)?).ok()
}
