//! ONNX's `RNN`, `GRU` and `LSTM`: one direction after the other, one step after the other, all sequences of the batch at once.

use serving_kernels::activation::Activation;
use serving_kernels::dense::DenseReal;

use super::convert::cast;
use super::float::{Float, for_floats};
use super::layout::transpose;
use super::product::Product;
use super::{input, optional};
use crate::array::{Array, elements};
use crate::run::Budget;
use crate::trouble::Trouble;

/// Which cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Plain,
    /// `linear_before_reset`: the reset gate acts on the product, not on what goes into it.
    Gru {
        linear_before_reset: bool,
    },
    /// `coupled`: the forget gate is what the input gate leaves.
    Lstm {
        coupled: bool,
    },
}

/// A recurrent layer; inputs are in ONNX's order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Recurrent {
    pub(crate) cell: Cell,
    pub(crate) hidden: usize,
    /// For each direction, whether it is reversed.
    pub(crate) directions: Vec<bool>,
    /// For each direction, the functions of its gates.
    pub(crate) gates: Vec<Vec<Gate>>,
    pub(crate) clip: Option<f64>,
    /// The batch axis comes first.
    pub(crate) batch_first: bool,
}

/// Function of a gate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Gate {
    Kernel(Activation),
    Affine { alpha: f64, beta: f64 },
    ScaledTanh { alpha: f64, beta: f64 },
    HardSigmoid { alpha: f64, beta: f64 },
    ThresholdedRelu(f64),
}

impl Gate {
    fn apply<T: Float>(self, values: &mut [T]) {
        let each = |values: &mut [T], function: &dyn Fn(T) -> T| {
            for value in values {
                *value = function(*value);
            }
        };
        let real = T::from_f64;
        match self {
            Self::Kernel(activation) => activation.apply(values, 0),
            Self::Affine { alpha, beta } => each(values, &|x| real(alpha) * x + real(beta)),
            Self::ScaledTanh { alpha, beta } => {
                each(values, &|x| real(beta) * x);
                Activation::Tanh.apply(values, 0);
                each(values, &|x| real(alpha) * x);
            }
            Self::HardSigmoid { alpha, beta } => each(values, &|x| {
                (real(alpha) * x + real(beta)).largest(T::ZERO).smallest(T::ONE)
            }),
            Self::ThresholdedRelu(alpha) => each(values, &|x| if x > real(alpha) { x } else { T::ZERO }),
        }
    }
}

impl Cell {
    fn gates(self) -> usize {
        match self {
            Self::Plain => 1,
            Self::Gru { .. } => 3,
            Self::Lstm { .. } => 4,
        }
    }
}

impl Recurrent {
    pub(crate) fn ports(&self) -> usize {
        match self.cell {
            Cell::Lstm { .. } => 3,
            _ => 2,
        }
    }
}

/// Sizes that all parts share.
#[derive(Clone, Copy)]
struct Sizes {
    steps: usize,
    batch: usize,
    width: usize,
    hidden: usize,
}

/// Parameters of a direction.
struct Parameters<'a, T> {
    weights: &'a [T],
    recurrence: &'a [T],
    /// Of the input, then of the recurrence.
    bias: Option<&'a [T]>,
    peepholes: Option<&'a [T]>,
}

pub(super) fn evaluate(what: &Recurrent, inputs: &[Array], budget: &mut Budget) -> Result<Vec<Array>, Trouble> {
    let mut data = input(inputs, 0)?.clone();
    let first = |array: &Array| {
        if what.batch_first {
            transpose(array, &[1, 0, 2])
        } else {
            Ok(array.clone())
        }
    };
    data = first(&data)?;
    let [steps, batch, width] = *data.shape else {
        return Err(Trouble::failed(format!(
            "sequences need 3 axes, they have shape {:?}",
            data.shape
        )));
    };
    let sizes = Sizes {
        steps,
        batch,
        width,
        hidden: what.hidden,
    };
    let directions = what.directions.len();
    let gates = what.cell.gates() * what.hidden;
    let check = |n: usize, shape: &[usize]| -> Result<Option<Array>, Trouble> {
        let Some(given) = optional(inputs, n) else {
            return Ok(None);
        };
        if given.shape != shape {
            return Err(Trouble::failed(format!(
                "input {n} has shape {:?}, {shape:?} is needed",
                given.shape
            )));
        }
        cast(given, data.dtype()).map(Some)
    };
    let missing = || Trouble::failed("weights are missing");
    let weights = check(1, &[directions, gates, width])?.ok_or_else(missing)?;
    let recurrence = check(2, &[directions, gates, what.hidden])?.ok_or_else(missing)?;
    let bias = check(3, &[directions, 2 * gates])?;
    let lengths = match optional(inputs, 4) {
        Some(lengths) => lengths.lengths()?,
        None => vec![steps; batch],
    };
    if lengths.len() != batch || lengths.iter().any(|length| *length > steps) {
        return Err(Trouble::failed("lengths of sequences don't fit the data"));
    }
    let state = if what.batch_first {
        [batch, directions, what.hidden]
    } else {
        [directions, batch, what.hidden]
    };
    let ordered = |array: Option<Array>| array.map(|array| first(&array)).transpose();
    let initial = ordered(check(5, &state)?)?;
    let is_lstm = matches!(what.cell, Cell::Lstm { .. });
    let cells = if is_lstm { ordered(check(6, &state)?)? } else { None };
    let peepholes = if is_lstm {
        check(7, &[directions, 3 * what.hidden])?
    } else {
        None
    };
    budget.charge(
        steps
            .saturating_mul(batch)
            .saturating_mul(gates)
            .saturating_mul(width + what.hidden)
            / 4,
    )?;
    elements(&[steps, directions, batch, what.hidden])?;
    elements(&[steps, batch, gates])?;
    let results: [Array; 3] = for_floats!(data, values => {
        let parts = [&weights, &recurrence].map(|array| array.view());
        let [weights, recurrence] = parts;
        let views = [&bias, &initial, &cells, &peepholes].map(|array| array.as_ref().map(Array::view).transpose());
        run(what, values, [weights?, recurrence?], views, &lengths, sizes)
    })?;
    let [mut all, mut last, mut memory] = results;
    if what.batch_first {
        all = transpose(&all, &[2, 0, 1, 3])?;
        last = transpose(&last, &[1, 0, 2])?;
        memory = transpose(&memory, &[1, 0, 2])?;
    }
    let mut outputs = vec![all, last, memory];
    outputs.truncate(what.ports());
    Ok(outputs)
}

fn run<T: Float + DenseReal>(
    what: &Recurrent,
    values: &[T],
    [weights, recurrence]: [&[T]; 2],
    views: [Result<Option<&[T]>, Trouble>; 4],
    lengths: &[usize],
    sizes: Sizes,
) -> Result<[Array; 3], Trouble> {
    let [bias, initial, cells, peepholes] = views;
    let (bias, initial, cells, peepholes) = (bias?, initial?, cells?, peepholes?);
    let (directions, gates) = (what.directions.len(), what.cell.gates() * sizes.hidden);
    let state = sizes.batch * sizes.hidden;
    let mut all = vec![T::ZERO; sizes.steps * directions * state];
    let (mut last, mut memory) = (Vec::new(), Vec::new());
    for direction in 0..directions {
        let part = |all: &'_ [T], size: usize| -> std::ops::Range<usize> {
            debug_assert_eq!(all.len(), size * directions);
            direction * size..(direction + 1) * size
        };
        let parameters = Parameters {
            weights: &weights[part(weights, gates * sizes.width)],
            recurrence: &recurrence[part(recurrence, gates * sizes.hidden)],
            bias: bias.map(|bias| &bias[part(bias, 2 * gates)]),
            peepholes: peepholes.map(|peepholes| &peepholes[part(peepholes, 3 * sizes.hidden)]),
        };
        let start = |given: Option<&[T]>| match given {
            Some(given) => given[part(given, state)].to_vec(),
            None => vec![T::ZERO; state],
        };
        let (mut hidden, mut cell) = (start(initial), start(cells));
        let mut write = |step: usize, row: usize, values: &[T]| {
            let to = ((step * directions + direction) * sizes.batch + row) * sizes.hidden;
            all[to..to + sizes.hidden].copy_from_slice(values);
        };
        let mut steps = Steps::new(what, direction, &parameters, values, sizes)?;
        for step in 0..sizes.steps {
            steps.step(step, lengths, &mut hidden, &mut cell, &mut write);
        }
        last.extend(hidden);
        memory.extend(cell);
    }
    let shape = vec![directions, sizes.batch, sizes.hidden];
    Ok([
        Array::new(vec![sizes.steps, directions, sizes.batch, sizes.hidden], all),
        Array::new(shape.clone(), last),
        Array::new(shape, memory),
    ])
}

/// One direction at work.
struct Steps<'a, T> {
    what: &'a Recurrent,
    reversed: bool,
    gates: &'a [Gate],
    sizes: Sizes,
    /// Weighted inputs of all steps, with the bias of the input.
    projected: Vec<T>,
    recurrence: Product<T>,
    /// For a GRU that resets before the product: the part for the new state.
    candidate: Option<Product<T>>,
    recurrent_bias: Vec<T>,
    peepholes: Option<&'a [T]>,
    sums: Vec<T>,
    reset: Vec<T>,
    candidates: Vec<T>,
}

impl<'a, T: Float + DenseReal> Steps<'a, T> {
    fn new(
        what: &'a Recurrent,
        direction: usize,
        parameters: &Parameters<'a, T>,
        values: &[T],
        sizes: Sizes,
    ) -> Result<Self, Trouble> {
        let gates = what.cell.gates() * sizes.hidden;
        let rows = sizes.steps * sizes.batch;
        let mut projected = vec![T::ZERO; rows * gates];
        if rows > 0 && gates > 0 {
            Product::new(sizes.width, gates, parameters.weights, true)?.evaluate(rows, values, &mut projected);
        }
        let (of_input, of_recurrence) = match parameters.bias {
            Some(bias) => bias.split_at(gates),
            None => (&[][..], &[][..]),
        };
        for row in projected.chunks_exact_mut(gates.max(1)) {
            for (value, bias) in row.iter_mut().zip(of_input) {
                *value = *value + *bias;
            }
        }
        let mut recurrent_bias = of_recurrence.to_vec();
        recurrent_bias.resize(gates, T::ZERO);
        let late = matches!(
            what.cell,
            Cell::Gru {
                linear_before_reset: false
            }
        );
        let split = if late { 2 * sizes.hidden } else { gates };
        let (first, second) = parameters.recurrence.split_at(split * sizes.hidden);
        Ok(Self {
            what,
            reversed: what.directions[direction],
            gates: &what.gates[direction],
            sizes,
            projected,
            recurrence: Product::new(sizes.hidden, split, first, true)?,
            candidate: if late {
                Some(Product::new(sizes.hidden, sizes.hidden, second, true)?)
            } else {
                None
            },
            recurrent_bias,
            peepholes: parameters.peepholes,
            sums: vec![T::ZERO; sizes.batch * split],
            reset: vec![T::ZERO; sizes.batch * sizes.hidden],
            candidates: vec![T::ZERO; sizes.batch * sizes.hidden],
        })
    }

    fn step(
        &mut self,
        step: usize,
        lengths: &[usize],
        hidden: &mut [T],
        cell: &mut [T],
        write: &mut impl FnMut(usize, usize, &[T]),
    ) {
        let Sizes {
            batch, hidden: size, ..
        } = self.sizes;
        let gates = self.what.cell.gates() * size;
        self.recurrence.evaluate(batch, hidden, &mut self.sums);
        let width = self.sums.len() / batch.max(1);
        for (row, sums) in self.sums.chunks_exact_mut(width.max(1)).enumerate() {
            for (sum, bias) in sums.iter_mut().zip(&self.recurrent_bias) {
                *sum = *sum + *bias;
            }
            let Some(time) = time_of(step, lengths[row], self.reversed) else {
                continue;
            };
            let given = &self.projected[(time * batch + row) * gates..][..gates];
            let state = row * size..(row + 1) * size;
            match self.what.cell {
                Cell::Plain => {
                    add(sums, given, self.what.clip);
                    self.gates[0].apply(sums);
                    hidden[state].copy_from_slice(sums);
                }
                Cell::Lstm { coupled } => {
                    add(sums, given, self.what.clip);
                    let (gates, clip) = (self.gates, self.what.clip);
                    lstm(
                        sums,
                        gates,
                        coupled,
                        self.peepholes,
                        clip,
                        &mut hidden[state.clone()],
                        &mut cell[state],
                    );
                }
                Cell::Gru { .. } => {
                    add(&mut sums[..2 * size], &given[..2 * size], self.what.clip);
                    self.gates[0].apply(&mut sums[..2 * size]);
                    for n in 0..size {
                        self.reset[row * size + n] = sums[size + n] * hidden[row * size + n];
                    }
                }
            }
        }
        if let Cell::Gru { .. } = self.what.cell {
            self.finish_gru(step, lengths, hidden);
        }
        for (row, length) in lengths.iter().enumerate() {
            if let Some(time) = time_of(step, *length, self.reversed) {
                write(time, row, &hidden[row * size..(row + 1) * size]);
            }
        }
    }

    /// The new state, once the gates are known.
    fn finish_gru(&mut self, step: usize, lengths: &[usize], hidden: &mut [T]) {
        let Sizes {
            batch, hidden: size, ..
        } = self.sizes;
        let width = self.sums.len() / batch.max(1);
        match &mut self.candidate {
            Some(product) => {
                product.evaluate(batch, &self.reset, &mut self.candidates);
                for row in self.candidates.chunks_exact_mut(size.max(1)) {
                    for (value, bias) in row.iter_mut().zip(&self.recurrent_bias[2 * size..]) {
                        *value = *value + *bias;
                    }
                }
            }
            None => {
                for (n, value) in self.candidates.iter_mut().enumerate() {
                    let sums = &self.sums[n / size * width..];
                    *value = sums[size + n % size] * sums[2 * size + n % size];
                }
            }
        }
        for (row, new) in self.candidates.chunks_exact_mut(size.max(1)).enumerate() {
            let Some(time) = time_of(step, lengths[row], self.reversed) else {
                continue;
            };
            let given = &self.projected[(time * batch + row) * 3 * size + 2 * size..][..size];
            add(new, given, self.what.clip);
            self.gates[1].apply(new);
            let update = &self.sums[row * width..][..size];
            for ((old, new), update) in hidden[row * size..].iter_mut().zip(new).zip(update) {
                *old = (T::ONE - *update) * *new + *update * *old;
            }
        }
    }
}

/// Which entry of the data a step looks at; none beyond the end of the sequence.
fn time_of(step: usize, length: usize, reversed: bool) -> Option<usize> {
    if step >= length {
        None
    } else if reversed {
        Some(length - 1 - step)
    } else {
        Some(step)
    }
}

fn limit<T: Float>(value: T, clip: Option<f64>) -> T {
    match clip {
        Some(clip) => value.largest(T::from_f64(-clip)).smallest(T::from_f64(clip)),
        None => value,
    }
}

fn add<T: Float>(sums: &mut [T], given: &[T], clip: Option<f64>) {
    for (sum, given) in sums.iter_mut().zip(given) {
        *sum = limit(*sum + *given, clip);
    }
}

/// Gates in ONNX's order: input, output, forget, cell. Peepholes: input, output, forget.
fn lstm<T: Float>(
    sums: &mut [T],
    gates: &[Gate],
    coupled: bool,
    peepholes: Option<&[T]>,
    clip: Option<f64>,
    hidden: &mut [T],
    cell: &mut [T],
) {
    let size = hidden.len();
    let peep = |sums: &mut [T], part: usize, cell: &[T]| {
        if let Some(peepholes) = peepholes {
            for (n, sum) in sums.iter_mut().enumerate() {
                *sum = limit(*sum + peepholes[part * size + n] * cell[n], clip);
            }
        }
    };
    let (input, rest) = sums.split_at_mut(size);
    let (output, rest) = rest.split_at_mut(size);
    let (forget, new) = rest.split_at_mut(size);
    peep(input, 0, cell);
    gates[0].apply(input);
    if coupled {
        for (forget, input) in forget.iter_mut().zip(&*input) {
            *forget = T::ONE - *input;
        }
    } else {
        peep(forget, 2, cell);
        gates[0].apply(forget);
    }
    gates[1].apply(new);
    for n in 0..size {
        cell[n] = forget[n] * cell[n] + input[n] * new[n];
    }
    peep(output, 1, cell);
    gates[0].apply(output);
    hidden.copy_from_slice(cell);
    gates[2].apply(hidden);
    for (hidden, output) in hidden.iter_mut().zip(&*output) {
        *hidden = *hidden * *output;
    }
}

/// The default functions of a cell's gates.
pub(crate) fn default_gates(cell: Cell) -> Vec<Gate> {
    let (sigmoid, tanh) = (Gate::Kernel(Activation::Logistic), Gate::Kernel(Activation::Tanh));
    match cell {
        Cell::Plain => vec![tanh],
        Cell::Gru { .. } => vec![sigmoid, tanh],
        Cell::Lstm { .. } => vec![sigmoid, tanh, tanh],
    }
}
