//! Records in, result bytes out.

use std::sync::Arc;

use serving_model::wire::{ScorerInfo, ScorerOptions};
use serving_model::{Block, Equation, ErrorCode, ModelError, Output, Scorer};

use crate::engine::Loaded;
use crate::layout::OutputLayout;
use crate::records::{Framing, RecordReader};
use crate::window::WindowedInput;

/// What a call left in the output buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The result is there; so many rows failed.
    Rows {
        /// Rows without a score.
        failed: usize,
    },
    /// Nothing is there: the buffer needs so many bytes. The result is kept, see [`RowScorer::write`].
    TooSmall {
        /// Bytes needed.
        needed: usize,
    },
}

/// The scratch space of one task for one model, with the record layout and the bindings that were negotiated.
pub struct RowScorer {
    reader: RecordReader,
    windowed: Option<Windowed>,
    /// The model, where its records can go past the blocks, which take longer than most equations.
    equation: Option<Equation>,
    /// Whether those of the last call did.
    by_equation: bool,
    scorer: Box<dyn Scorer>,
    layout: OutputLayout,
    input: Block,
    output: Output,
    capacity: usize,
    info: ScorerInfo,
}

/// What is between the records and the model when it takes a window.
struct Windowed {
    input: WindowedInput,
    /// Record field whose values the window has.
    field: String,
    records: Block,
}

impl RowScorer {
    /// Opens a scorer.
    ///
    /// # Errors
    /// `BINDING_FAILED` or `MODEL_UNSUPPORTED`, when records of this layout can't be scored with this model; `DESCRIPTOR_INVALID` for
    /// preprocessing that contradicts itself.
    pub fn open(loaded: &Loaded, options: &ScorerOptions) -> Result<Self, ModelError> {
        let model = loaded.model();
        let schema = model.schema();
        let input = options.preprocessing.as_ref();
        let input = input
            .map(|preprocessing| WindowedInput::new(preprocessing, schema))
            .transpose()?;
        let (reader, layout) = match &input {
            None => (
                RecordReader::open(options, schema)?,
                OutputLayout::open(schema, &options.outputs)?,
            ),
            Some(input) => (
                RecordReader::open(options, input.records())?,
                OutputLayout::open(schema, &input.outputs(&options.outputs))?,
            ),
        };
        let windowed = match input {
            None => None,
            Some(input) => Some(Windowed {
                field: RecordReader::field_of(options, input.records(), input.slot())?,
                records: Block::new(input.records().input_width().unwrap_or_default()),
                input,
            }),
        };
        let capacity = options.capacity.max(1) as usize;
        let info = layout.info(capacity, reader.packed_bytes());
        if info.minimum_output > i32::MAX as u32 {
            return Err(ModelError::new(
                ErrorCode::InvalidCall,
                format!("{capacity} result rows exceed 2 GiB"),
            ));
        }
        let scorer = Arc::clone(model).scorer()?;
        let cells = schema.input_width().unwrap_or_default();
        let past_blocks = windowed.is_none() && layout.is_number() && reader.can_weigh();
        let equation = scorer
            .equation()
            .filter(|equation| past_blocks && equation.weights.len() == cells);
        Ok(Self {
            input: Block::new(cells),
            equation: equation.cloned(),
            by_equation: false,
            output: Output::new(schema.output_width().unwrap_or_default()),
            reader,
            windowed,
            scorer,
            layout,
            capacity,
            info,
        })
    }

    /// How to read the result.
    #[must_use]
    pub fn info(&self) -> &ScorerInfo {
        &self.info
    }

    /// Scores the first `rows` records of `input` and writes the result into `buffer`.
    ///
    /// # Errors
    /// `INVALID_CALL` for more rows than the capacity.
    #[inline]
    pub fn score(&mut self, input: &[u8], rows: usize, buffer: &mut [u8]) -> Result<Written, ModelError> {
        self.score_framed(input, rows, Framing::Lengths, buffer)
    }

    /// [`score`](Self::score) for protobuf messages that lie in the input as `framing` says.
    ///
    /// # Errors
    /// As [`score`](Self::score).
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "of an equation the calls take as long as the sum")]
    pub fn score_framed(
        &mut self,
        input: &[u8],
        rows: usize,
        framing: Framing,
        buffer: &mut [u8],
    ) -> Result<Written, ModelError> {
        self.by_equation = self.answer(input, rows, framing, buffer).is_some();
        if self.by_equation {
            return Ok(Written::Rows { failed: 0 });
        }
        self.score_blocks(input, rows, framing, buffer)
    }

    /// Scores and writes the rows if all of them are doubles for an equation, and there is room.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "as for `score_framed`")]
    fn answer(&self, input: &[u8], rows: usize, framing: Framing, buffer: &mut [u8]) -> Option<()> {
        let equation = self.equation.as_ref().filter(|_| (1..=self.capacity).contains(&rows))?;
        let answers = self.layout.number_rows(rows, buffer)?;
        self.reader.weigh(input, framing, equation, answers)
    }

    #[inline(never)]
    fn score_blocks(
        &mut self,
        input: &[u8],
        rows: usize,
        framing: Framing,
        buffer: &mut [u8],
    ) -> Result<Written, ModelError> {
        if rows > self.capacity {
            return Err(ModelError::new(
                ErrorCode::InvalidCall,
                format!("{rows} rows in one call, the scorer was opened for {}", self.capacity),
            ));
        }
        self.output.reset(rows);
        match &mut self.windowed {
            None => self
                .reader
                .read(input, rows, framing, &mut self.input, &mut self.output),
            Some(windowed) => {
                self.reader
                    .read(input, rows, framing, &mut windowed.records, &mut self.output);
                self.input.reset(rows);
                windowed
                    .input
                    .fill(&windowed.records, &mut self.input, &mut self.output);
            }
        }
        if rows > 0 && self.output.failed() < rows {
            self.scorer.score(&self.input, &mut self.output);
        }
        Ok(self.write_blocks(buffer))
    }

    /// The window as a checkpoint holds it; `None` when the model takes none.
    #[must_use]
    pub fn window(&self) -> Option<Vec<u8>> {
        self.windowed
            .as_ref()
            .map(|windowed| windowed.input.to_bytes(&windowed.field))
    }

    /// Goes on from a window that another scorer gave, if its values are of the same record field; else, and from no bytes,
    /// begins anew. A model without window does not look at the bytes.
    ///
    /// # Errors
    /// `INVALID_CALL` when the bytes are damaged or of a later format.
    pub fn restore_window(&mut self, bytes: &[u8]) -> Result<(), ModelError> {
        match &mut self.windowed {
            None => Ok(()),
            Some(windowed) => windowed.input.restore(&windowed.field, bytes),
        }
    }

    /// Writes the result of the last [`score`](Self::score), for which there was no room.
    ///
    /// # Errors
    /// `INVALID_CALL` when there was room and the result is not kept.
    pub fn write(&mut self, buffer: &mut [u8]) -> Result<Written, ModelError> {
        if self.by_equation {
            return Err(ModelError::new(
                ErrorCode::InvalidCall,
                "the result of the last call was delivered and is not kept",
            ));
        }
        Ok(self.write_blocks(buffer))
    }

    fn write_blocks(&mut self, buffer: &mut [u8]) -> Written {
        match self.layout.write(&self.output, buffer) {
            Ok(()) => Written::Rows {
                failed: self.output.failed(),
            },
            Err(needed) => Written::TooSmall { needed },
        }
    }
}
