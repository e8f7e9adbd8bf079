//! Chains of dense layers: `activation(input x weights + bias)`, layer after layer.
//!
//! Each output is one sum over the inputs in an order that depends only on the layer's size: a row gets the same bits
//! alone or in a batch, and on every machine (wider vectors are used where the processor has them, fused multiplication
//! is not).

use crate::activation::Activation;
use crate::aligned::Aligned;

mod panel;

pub use panel::DenseReal;
use panel::{Panel, Panels};

/// Rows that go through the whole chain together, so that they stay in the cache.
const TILE: usize = 32;

/// Why a layer or a chain can't be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DenseError {
    /// The weights are not `inputs` times `outputs`.
    Weights {
        /// How many they should be; `None` when that number is beyond what can be addressed.
        wanted: Option<usize>,
        /// How many they are.
        found: usize,
    },
    /// There are neither 0 nor `outputs` biases.
    Bias {
        /// Number of outputs.
        wanted: usize,
        /// Number of biases.
        found: usize,
    },
    /// A layer does not take as many inputs as the layer before has outputs.
    Chain {
        /// Outputs of the layer before.
        outputs: usize,
        /// Inputs of the layer.
        inputs: usize,
    },
    /// A chain needs a layer, and a layer an output.
    Empty,
}

impl std::fmt::Display for DenseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Weights {
                wanted: Some(wanted),
                found,
            } => write!(f, "a dense layer needs {wanted} weights, there are {found}"),
            Self::Weights { wanted: None, found } => {
                write!(
                    f,
                    "a dense layer needs more weights than memory holds, there are {found}"
                )
            }
            Self::Bias { wanted, found } => write!(f, "a dense layer needs {wanted} biases, there are {found}"),
            Self::Chain { outputs, inputs } => {
                write!(
                    f,
                    "a dense layer takes {inputs} inputs, the one before it has {outputs} outputs"
                )
            }
            Self::Empty => write!(f, "a dense layer has no outputs, or a chain no layers"),
        }
    }
}

impl std::error::Error for DenseError {}

/// One layer.
///
/// The outputs are cut into panels of fixed width; a panel holds, input after input, its weights side by side.
/// Wide panels fill the registers with sums of different outputs. The rest goes to narrow panels, where four partial
/// sums per output (inputs `i % 4`) keep the processor busy.
#[derive(Clone, Debug, PartialEq)]
pub struct DenseLayer<T> {
    inputs: usize,
    outputs: usize,
    /// First column after the wide panels.
    wide: usize,
    /// First column after the narrow panels.
    narrow: usize,
    panels: Aligned<T>,
    bias: Aligned<T>,
    activation: Activation,
}

impl<T: DenseReal> DenseLayer<T> {
    /// A layer from weights `[inputs][outputs]`, as TensorFlow stores them. `bias` may be empty.
    ///
    /// # Errors
    /// [`DenseError`] when the lengths don't fit.
    pub fn input_major(
        inputs: usize,
        outputs: usize,
        weights: &[T],
        bias: &[T],
        activation: Activation,
    ) -> Result<Self, DenseError> {
        Self::new(inputs, outputs, weights.len(), bias, activation, |input, output| {
            weights[input * outputs + output]
        })
    }

    /// A layer from weights `[outputs][inputs]`, as PMML lists them neuron by neuron. `bias` may be empty.
    ///
    /// # Errors
    /// [`DenseError`] when the lengths don't fit.
    pub fn output_major(
        inputs: usize,
        outputs: usize,
        weights: &[T],
        bias: &[T],
        activation: Activation,
    ) -> Result<Self, DenseError> {
        Self::new(inputs, outputs, weights.len(), bias, activation, |input, output| {
            weights[output * inputs + input]
        })
    }

    fn new(
        inputs: usize,
        outputs: usize,
        found: usize,
        bias: &[T],
        activation: Activation,
        weight: impl Fn(usize, usize) -> T,
    ) -> Result<Self, DenseError> {
        let wanted = inputs.checked_mul(outputs);
        if wanted != Some(found) {
            return Err(DenseError::Weights { wanted, found });
        }
        if outputs == 0 {
            return Err(DenseError::Empty);
        }
        if !bias.is_empty() && bias.len() != outputs {
            return Err(DenseError::Bias {
                wanted: outputs,
                found: bias.len(),
            });
        }
        let wide = outputs / T::WIDE;
        let rest = outputs % T::WIDE;
        // A last part that fits half a narrow panel gets a tiny one.
        let narrow = (rest + T::NARROW - T::TINY - 1) / T::NARROW;
        let tiny = usize::from(rest > narrow * T::NARROW);
        let mut panels =
            Aligned::with_capacity(inputs * (wide * T::WIDE + narrow * T::NARROW + tiny * T::TINY), T::ZERO);
        let mut column = 0;
        let widths = [(wide, T::WIDE), (narrow, T::NARROW), (tiny, T::TINY)];
        for (count, width) in widths {
            for _ in 0..count {
                for input in 0..inputs {
                    panels.extend((column..column + width).map(|output| {
                        if output < outputs {
                            weight(input, output)
                        } else {
                            T::ZERO
                        }
                    }));
                }
                column += width;
            }
        }
        let mut padded = Aligned::of(T::ZERO, column);
        padded[..bias.len()].copy_from_slice(bias);
        Ok(Self {
            inputs,
            outputs,
            wide: wide * T::WIDE,
            narrow: wide * T::WIDE + narrow * T::NARROW,
            panels,
            bias: padded,
            activation,
        })
    }

    /// Values that go in.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Values that come out.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The function at the end.
    pub fn activation(&self) -> Activation {
        self.activation
    }

    /// The same layer with another function at the end.
    #[must_use]
    pub fn with_activation(mut self, activation: Activation) -> Self {
        self.activation = activation;
        self
    }

    /// `rows` rows of `inputs` values to as many of `outputs` values, both without gaps.
    ///
    /// # Safety
    /// The processor is one of the kind.
    #[inline]
    #[allow(unsafe_code)]
    unsafe fn forward<P: Panels<T>>(&self, rows: usize, input: &[T], output: &mut [T]) {
        let rectified = self.activation == Activation::Rectifier;
        let mut weights = &*self.panels;
        let mut column = 0;
        while column < self.outputs {
            let width = if column < self.wide {
                T::WIDE
            } else if column < self.narrow {
                T::NARROW
            } else {
                T::TINY
            };
            let (panel, others) = weights.split_at(width * self.inputs);
            weights = others;
            let job = Panel {
                rows,
                inputs: self.inputs,
                outputs: self.outputs,
                column,
                weights: panel,
                bias: &self.bias[column..column + width],
                rectified,
            };
            // SAFETY: the processor is one of the kind, as the caller says.
            unsafe {
                if width == T::WIDE {
                    P::wide(&job, input, output);
                } else if width == T::NARROW {
                    P::narrow(&job, input, output);
                } else {
                    P::tiny(&job, input, output);
                }
            }
            column += width;
        }
        if rectified {
            return;
        }
        self.activation.apply(output, self.outputs);
    }
}

/// # Safety
/// The processor is one of the kind.
#[inline]
#[allow(unsafe_code)]
unsafe fn run<T: DenseReal, P: Panels<T>>(
    layers: &[DenseLayer<T>],
    rows: usize,
    input: &[T],
    output: &mut [T],
    scratch: &mut [T],
) {
    let (Some(first), Some(last)) = (layers.first(), layers.last()) else {
        return;
    };
    let half = scratch.len() / 2;
    let mut row = 0;
    while row < rows {
        let tile = (rows - row).min(TILE);
        let input = &input[row * first.inputs..(row + tile) * first.inputs];
        let output = &mut output[row * last.outputs..(row + tile) * last.outputs];
        let (mut from, mut to) = scratch.split_at_mut(half);
        for (n, layer) in layers.iter().enumerate() {
            let source = if n == 0 { input } else { &from[..tile * layer.inputs] };
            let last = n + 1 == layers.len();
            let target = if last {
                &mut *output
            } else {
                &mut to[..tile * layer.outputs]
            };
            // SAFETY: as the caller says.
            unsafe { layer.forward::<P>(tile, source, target) };
            if !last {
                std::mem::swap(&mut from, &mut to);
            }
        }
        row += tile;
    }
}

/// Layers, the outputs of each being the inputs of the next.
#[derive(Clone, Debug, PartialEq)]
pub struct DenseChain<T> {
    layers: Vec<DenseLayer<T>>,
    scratch: usize,
}

impl<T: DenseReal> DenseChain<T> {
    /// A chain of at least one layer.
    ///
    /// # Errors
    /// [`DenseError`] when there is no layer or two neighbours don't fit.
    pub fn new(layers: Vec<DenseLayer<T>>) -> Result<Self, DenseError> {
        if layers.is_empty() {
            return Err(DenseError::Empty);
        }
        for pair in layers.windows(2) {
            if pair[0].outputs != pair[1].inputs {
                return Err(DenseError::Chain {
                    outputs: pair[0].outputs,
                    inputs: pair[1].inputs,
                });
            }
        }
        let hidden = &layers[..layers.len() - 1];
        let widest = hidden.iter().map(|layer| layer.outputs).max().unwrap_or(0);
        Ok(Self {
            layers,
            scratch: 2 * TILE * widest,
        })
    }

    /// The layers.
    pub fn layers(&self) -> &[DenseLayer<T>] {
        &self.layers
    }

    /// Values of an input row.
    pub fn inputs(&self) -> usize {
        self.layers.first().map_or(0, DenseLayer::inputs)
    }

    /// Values of an output row.
    pub fn outputs(&self) -> usize {
        self.layers.last().map_or(0, DenseLayer::outputs)
    }

    /// Values that [`evaluate`](Self::evaluate) needs as scratch, whatever the number of rows.
    pub fn scratch_len(&self) -> usize {
        self.scratch
    }

    /// Bytes of heap that the weights take.
    pub fn heap_bytes(&self) -> usize {
        let numbers: usize = self
            .layers
            .iter()
            .map(|layer| layer.panels.heap_bytes() + layer.bias.heap_bytes())
            .sum();
        numbers + self.layers.capacity() * size_of::<DenseLayer<T>>()
    }

    /// Scores rows: `input` is `rows` times [`inputs`](Self::inputs) values, `output` `rows` times
    /// [`outputs`](Self::outputs), both row after row. Nothing is allocated.
    ///
    /// # Panics
    /// When a slice is shorter than that, or `scratch` than [`scratch_len`](Self::scratch_len).
    pub fn evaluate(&self, rows: usize, input: &[T], output: &mut [T], scratch: &mut [T]) {
        let input = &input[..rows * self.inputs()];
        let output = &mut output[..rows * self.outputs()];
        T::evaluate(&self.layers, rows, input, output, &mut scratch[..self.scratch]);
    }
}

#[cfg(test)]
mod tests;
