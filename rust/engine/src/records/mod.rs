//! Reads records into the cells that a model takes, in one of the two layouts of the boundary.

mod descriptor;
mod packed;
mod protobuf;

use serving_model::wire::ScorerOptions;
use serving_model::wire::scorer_options::Layout;
use serving_model::{Block, Equation, ErrorCode, ModelError, Output, Schema};

use crate::binding::bind_inputs;
use crate::layout::NumberRow;

pub use packed::PackedReader;
pub use protobuf::ProtobufReader;

/// How protobuf messages lie in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Each after its length (`i32`, least significant byte first).
    Lengths,
    /// Each at the end of a record: before that its length and the message's (`u32` each, most significant byte first).
    Ends,
}

/// Reads records in the layout that was negotiated when the scorer was opened.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "one per scorer, and every record goes through it"
)]
pub enum RecordReader {
    /// Protobuf messages.
    Protobuf(ProtobufReader),
    /// Rows that the caller laid out field by field.
    Packed(PackedReader),
}

impl RecordReader {
    /// Binds a record layout to a model's inputs.
    ///
    /// # Errors
    /// `BINDING_FAILED` when an input can't be bound, `INVALID_CALL` when the options contradict themselves.
    pub fn open(options: &ScorerOptions, schema: &Schema) -> Result<Self, ModelError> {
        match &options.layout {
            Some(Layout::Protobuf(layout)) => ProtobufReader::open(layout, schema, &options.inputs).map(Self::Protobuf),
            Some(Layout::Packed(layout)) => {
                PackedReader::open(layout, schema, &options.inputs, options.capacity as usize).map(Self::Packed)
            }
            None => Err(ModelError::new(ErrorCode::InvalidCall, "no record layout was given")),
        }
    }

    /// Name of the record field that feeds an input's first cell.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn field_of(options: &ScorerOptions, schema: &Schema, slot: usize) -> Result<String, ModelError> {
        let fields = match &options.layout {
            Some(Layout::Protobuf(layout)) => protobuf::offered(layout)?,
            Some(Layout::Packed(layout)) => packed::offered(layout)?,
            None => Vec::new(),
        };
        let bound = bind_inputs(schema, &fields, &options.inputs)?;
        let input = bound.iter().find(|input| input.slot == slot);
        Ok(input.map_or_else(String::new, |input| fields[input.fields[0]].name.clone()))
    }

    /// Bytes of input that `capacity` rows take, without text; 0 when that depends on the records.
    #[must_use]
    pub fn packed_bytes(&self) -> usize {
        match self {
            Self::Protobuf(_) => 0,
            Self::Packed(reader) => reader.bytes(),
        }
    }

    /// Whether records can be all doubles, in the order of the cells: what [`weigh`](Self::weigh) takes.
    #[must_use]
    pub fn can_weigh(&self) -> bool {
        match self {
            Self::Protobuf(reader) => reader.can_weigh(),
            Self::Packed(_) => false,
        }
    }

    /// Writes the answers of an equation for the first records of `input`, as many as `answers` has room for. `None` when not all are
    /// doubles in the order of the cells, or one has no answer; then what was written means nothing.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "as for `RowScorer::score_framed`")]
    pub fn weigh(&self, input: &[u8], framing: Framing, equation: &Equation, answers: &mut [NumberRow]) -> Option<()> {
        match self {
            Self::Protobuf(reader) => reader.weigh(input, framing, equation, answers),
            Self::Packed(_) => None,
        }
    }

    /// Reads the first `rows` rows of `input` into `block`, whose rows they are then. A row that can't be read is marked as failed.
    /// Packed rows have no framing.
    #[inline]
    pub fn read(&mut self, input: &[u8], rows: usize, framing: Framing, block: &mut Block, output: &mut Output) {
        match self {
            Self::Protobuf(reader) => reader.read(input, rows, framing, block, output),
            Self::Packed(reader) => reader.read(input, rows, block, output),
        }
    }
}
