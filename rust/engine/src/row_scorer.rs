//! Records in, result bytes out.

use std::sync::Arc;

use serving_model::wire::{ScorerInfo, ScorerOptions};
use serving_model::{Block, ErrorCode, ModelError, Output, Scorer};

use crate::engine::Loaded;
use crate::layout::OutputLayout;
use crate::records::RecordReader;

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
    scorer: Box<dyn Scorer>,
    layout: OutputLayout,
    input: Block,
    output: Output,
    capacity: usize,
    info: ScorerInfo,
}

impl RowScorer {
    /// Opens a scorer.
    ///
    /// # Errors
    /// `BINDING_FAILED` or `MODEL_UNSUPPORTED`, when records of this layout can't be scored with this model.
    pub fn open(loaded: &Loaded, options: &ScorerOptions) -> Result<Self, ModelError> {
        let model = loaded.model();
        let schema = model.schema();
        let reader = RecordReader::open(options, schema)?;
        let layout = OutputLayout::open(schema, &options.outputs)?;
        let capacity = options.capacity.max(1) as usize;
        let info = layout.info(capacity, reader.packed_bytes());
        if info.minimum_output > i32::MAX as u32 {
            return Err(ModelError::new(
                ErrorCode::InvalidCall,
                format!("{capacity} result rows exceed 2 GiB"),
            ));
        }
        Ok(Self {
            input: Block::new(schema.input_width().unwrap_or_default()),
            output: Output::new(schema.output_width().unwrap_or_default()),
            reader,
            scorer: Arc::clone(model).scorer()?,
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
        if rows > self.capacity {
            return Err(ModelError::new(
                ErrorCode::InvalidCall,
                format!("{rows} rows in one call, the scorer was opened for {}", self.capacity),
            ));
        }
        self.output.reset(rows);
        self.reader.read(input, rows, &mut self.input, &mut self.output);
        if rows > 0 && self.output.failed() < rows {
            self.scorer.score(&self.input, &mut self.output);
        }
        Ok(self.write(buffer))
    }

    /// Writes the result of the last [`score`](Self::score) again.
    #[inline]
    pub fn write(&mut self, buffer: &mut [u8]) -> Written {
        match self.layout.write(&self.output, buffer) {
            Ok(()) => Written::Rows {
                failed: self.output.failed(),
            },
            Err(needed) => Written::TooSmall { needed },
        }
    }
}
