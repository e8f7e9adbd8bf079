//! ONNX's operators of language models: `Attention`, `RotaryEmbedding`, `LinearAttention`, `CausalConvWithState`.

use super::convert::cast;
use super::elementwise::binary;
use super::float::{Float, dot, for_floats};
use super::layout::{broadcast, transpose};
use super::slice::{concatenate, part};
use super::unary::{activate, unary};
use super::{input, matrix, optional};
use crate::array::{Array, DType, elements};
use crate::graph::{Binary, Unary};
use crate::run::Budget;
use crate::trouble::Trouble;

/// Operators after ONNX's of the same name; inputs are in ONNX's order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Attention {
    Scaled(Scaled),
    /// Heads of the second input repeated until they are as many as those of the first.
    RepeatHeads,
    /// Half precision as single precision.
    Precise,
    /// Divides by the root of the size of the heads of the input, when no scale is given.
    ScaleByHead {
        scale: Option<f64>,
    },
    Rotary {
        heads: usize,
        dimension: usize,
        interleaved: bool,
    },
    Linear {
        query_heads: usize,
        heads: usize,
        scale: f64,
        gated: bool,
        delta: bool,
    },
    CausalConvolution {
        swish: bool,
    },
}

/// Attributes of `Attention`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Scaled {
    pub(crate) causal: bool,
    pub(crate) query_heads: usize,
    pub(crate) heads: usize,
    pub(crate) scale: Option<f64>,
    pub(crate) cap: f64,
    pub(crate) precision: Option<DType>,
    pub(crate) scores: Scores,
    pub(crate) left: Option<i64>,
    pub(crate) right: Option<i64>,
}

/// Which scores the fourth output shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Scores {
    #[default]
    Raw,
    Capped,
    Biased,
    Probabilities,
}

impl Attention {
    pub(crate) fn ports(&self) -> usize {
        match self {
            Self::Scaled(_) => 4,
            Self::Linear { .. } | Self::CausalConvolution { .. } => 2,
            _ => 1,
        }
    }
}

pub(super) fn evaluate(what: &Attention, inputs: &[Array], budget: &mut Budget) -> Result<Vec<Array>, Trouble> {
    let at = |index: usize| input(inputs, index);
    match what {
        Attention::Scaled(what) => scaled(what, inputs, budget),
        Attention::RepeatHeads => Ok(vec![repeat_heads(
            at(1)?,
            at(0)?.shape.get(1).copied().unwrap_or_default(),
        )?]),
        Attention::Precise => Ok(vec![cast(at(0)?, at(0)?.dtype().carrier())?]),
        Attention::ScaleByHead { scale } => {
            let size = at(1)?.shape.last().copied().unwrap_or(1).max(1);
            let scale = scale.unwrap_or_else(|| (size as f64).sqrt().recip());
            Ok(vec![unary(Unary::Scale(scale), at(0)?)?])
        }
        Attention::Rotary {
            heads,
            dimension,
            interleaved,
        } => Ok(vec![rotary(inputs, *heads, *dimension, *interleaved)?]),
        Attention::Linear {
            query_heads,
            heads,
            scale,
            gated,
            delta,
        } => linear(inputs, [*query_heads, *heads], *scale, [*gated, *delta], budget),
        Attention::CausalConvolution { swish } => causal_convolution(inputs, *swish, budget),
    }
}

fn four(array: &Array, what: &str) -> Result<[usize; 4], Trouble> {
    array
        .shape
        .as_slice()
        .try_into()
        .map_err(|_| Trouble::failed(format!("{what} need 4 axes, they have shape {:?}", array.shape)))
}

/// `[batch, length, heads * size]` to `[batch, heads, length, size]`.
fn split_heads(array: &Array, heads: usize) -> Result<Array, Trouble> {
    let [batch, length, width] = *array.shape else {
        return Ok(array.clone());
    };
    if heads == 0 || width % heads != 0 {
        return Err(Trouble::failed(format!("a width of {width} in {heads} heads")));
    }
    transpose(
        &array.reshaped(vec![batch, length, heads, width / heads])?,
        &[0, 2, 1, 3],
    )
}

fn repeat_heads(array: &Array, heads: usize) -> Result<Array, Trouble> {
    let [batch, have, length, size] = four(array, "heads")?;
    if have == heads {
        return Ok(array.clone());
    }
    if have == 0 || !heads.is_multiple_of(have) {
        return Err(Trouble::failed(format!("{have} heads for {heads}")));
    }
    let times = heads / have;
    let spread = broadcast(
        &array.reshaped(vec![batch, have, 1, length, size])?,
        &[batch, have, times, length, size],
    )?;
    spread.reshaped(vec![batch, heads, length, size])
}

fn scaled(what: &Scaled, inputs: &[Array], budget: &mut Budget) -> Result<Vec<Array>, Trouble> {
    let (query, key, value) = (input(inputs, 0)?, input(inputs, 1)?, input(inputs, 2)?);
    let flat = query.shape.len() == 3;
    let dtype = query.dtype();
    let q = split_heads(query, what.query_heads)?;
    let mut k = split_heads(key, what.heads)?;
    let mut v = split_heads(value, what.heads)?;
    let past = optional(inputs, 4).map(|past| past.shape.get(2).copied().unwrap_or_default());
    if let Some(earlier) = optional(inputs, 4) {
        k = concatenate(&[earlier.clone(), k], 2)?;
    }
    if let Some(earlier) = optional(inputs, 5) {
        v = concatenate(&[earlier.clone(), v], 2)?;
    }
    let (present_key, present_value) = (k.clone(), v.clone());
    let [batch, heads, length, size] = four(&q, "queries")?;
    let (k, v) = (repeat_heads(&k, heads)?, repeat_heads(&v, heads)?);
    let keys = four(&k, "keys")?[2];
    let root = what.scale.unwrap_or_else(|| (size as f64).sqrt().recip()).sqrt();
    let (left, right) = (unary(Unary::Scale(root), &q)?, unary(Unary::Scale(root), &k)?);
    let raw = matrix::multiply(&left, &right, false, true, budget)?;
    let mut capped = raw.clone();
    if what.cap > 0.0 {
        let bent = activate(
            serving_kernels::activation::Activation::Tanh,
            &unary(Unary::Scale(1.0 / what.cap), &raw)?,
        )?;
        capped = unary(Unary::Scale(what.cap), &bent)?;
    }
    let valid = optional(inputs, 6).map(Array::integers).transpose()?;
    if valid.as_ref().is_some_and(|valid| valid.len() != batch) {
        return Err(Trouble::failed("there is not one length for each batch"));
    }
    let frame = Frame {
        shape: [batch, heads, length, keys],
        past: past.unwrap_or_default() as i64,
        valid: valid.as_deref(),
        external: past.is_none(),
        causal: what.causal,
        left: what.left,
        right: what.right,
    };
    let bias = bias(&frame, optional(inputs, 3))?;
    let bias_array = cast(&Array::new(frame.shape.to_vec(), bias.clone()), dtype.carrier())?;
    let biased = binary(Binary::Add, &capped, &bias_array)?;
    let precise = match what.precision {
        Some(precision) => cast(&cast(&biased, precision)?, precision.carrier())?,
        None => biased.clone(),
    };
    let probabilities = for_floats!(precise, values => {
        let mut values = values.to_vec();
        for (row, bias) in values.chunks_exact_mut(keys.max(1)).zip(bias.chunks_exact(keys.max(1))) {
            if bias.iter().all(|bias| *bias == f64::NEG_INFINITY) {
                row.fill(Default::default());
            } else {
                serving_kernels::activation::Activation::Softmax.apply(row, 0);
            }
        }
        Ok(Array::new(precise.shape.clone(), values))
    })?;
    let probabilities = cast(&probabilities, dtype)?;
    let mut result = matrix::multiply(&probabilities, &v, false, false, budget)?;
    if flat {
        let width = result.len() / (batch * length).max(1);
        result = transpose(&result, &[0, 2, 1, 3])?.reshaped(vec![batch, length, width])?;
    }
    let shown = match what.scores {
        Scores::Raw => raw,
        Scores::Capped => capped,
        Scores::Biased => biased,
        Scores::Probabilities => probabilities,
    };
    Ok(vec![result, present_key, present_value, shown])
}

/// What decides which keys a query sees.
struct Frame<'a> {
    shape: [usize; 4],
    past: i64,
    valid: Option<&'a [i64]>,
    external: bool,
    causal: bool,
    left: Option<i64>,
    right: Option<i64>,
}

/// What is added to the scores.
fn bias(frame: &Frame<'_>, mask: Option<&Array>) -> Result<Vec<f64>, Trouble> {
    let [batch, heads, length, keys] = frame.shape;
    let mut result = vec![0.0; elements(&frame.shape)?];
    if let Some(mask) = mask {
        let wide = match mask.dtype() {
            DType::Bool => {
                let values = mask.view::<bool>()?.iter();
                let values = values.map(|sees| if *sees { 0.0 } else { f64::NEG_INFINITY }).collect();
                Array::new(mask.shape.clone(), values)
            }
            _ => cast(mask, DType::F64)?,
        };
        // A mask may be shorter than the keys; those beyond it are not seen.
        let width = wide.shape.last().copied().unwrap_or(keys);
        let mut padded = wide.clone();
        if width < keys && !wide.shape.is_empty() && width != 1 {
            let mut shape = wide.shape.clone();
            if let Some(last) = shape.last_mut() {
                *last = keys - width;
            }
            let filler = Array::new(shape.clone(), vec![f64::NEG_INFINITY; elements(&shape)?]);
            padded = concatenate(&[wide, filler], -1)?;
        } else if width > keys {
            padded = part(&wide, wide.shape.len() - 1, 0, keys)?;
        }
        result = broadcast(&padded, &frame.shape)?.view::<f64>()?.to_vec();
    }
    for (n, value) in result.iter_mut().enumerate() {
        let key = (n % keys) as i64;
        let query = (n / keys % length) as i64;
        let image = n / (keys * length * heads);
        debug_assert!(image < batch);
        let valid = frame.valid.map(|valid| valid[image]);
        let offset = match valid {
            Some(valid) if frame.external => valid - length as i64,
            _ => frame.past,
        };
        let distance = query + offset - key;
        let sees = (!frame.causal || distance >= 0)
            && frame.left.is_none_or(|left| distance <= left)
            && frame.right.is_none_or(|right| -distance <= right)
            && valid.is_none_or(|valid| key < valid);
        if !sees {
            *value = f64::NEG_INFINITY;
        }
    }
    Ok(result)
}

/// Data, cosines, sines, positions.
fn rotary(inputs: &[Array], heads: usize, dimension: usize, interleaved: bool) -> Result<Array, Trouble> {
    fn of<T: Float>(
        values: &[T],
        [cosines, sines]: [&[T]; 2],
        [batch, length, heads, size]: [usize; 4],
        half: usize,
        interleaved: bool,
    ) -> Vec<T> {
        let mut result = values.to_vec();
        for token in 0..batch * length {
            let (cosines, sines) = (&cosines[token * half..][..half], &sines[token * half..][..half]);
            for head in 0..heads {
                let from = (token * heads + head) * size;
                for n in 0..half {
                    let (first, second) = if interleaved { (2 * n, 2 * n + 1) } else { (n, half + n) };
                    let (a, b) = (values[from + first], values[from + second]);
                    result[from + first] = cosines[n] * a - sines[n] * b;
                    result[from + second] = sines[n] * a + cosines[n] * b;
                }
            }
        }
        result
    }
    let array = input(inputs, 0)?;
    let four_axes = array.shape.len() == 4;
    let ordered = if four_axes {
        transpose(array, &[0, 2, 1, 3])?
    } else {
        array.clone()
    };
    let shape = match *ordered.shape {
        [batch, length, heads, size] => [batch, length, heads, size],
        [batch, length, width] if heads > 0 && width % heads == 0 => [batch, length, heads, width / heads],
        _ => return Err(Trouble::failed(format!("{:?} in {heads} heads", array.shape))),
    };
    let [batch, length, _, size] = shape;
    let dimension = if dimension == 0 { size } else { dimension };
    let half = dimension / 2;
    if dimension > size {
        return Err(Trouble::failed(format!("rotation of {dimension} of {size} values")));
    }
    let cache = |n: usize| -> Result<Array, Trouble> {
        let cache = cast(input(inputs, n)?, ordered.dtype())?;
        let rows = match optional(inputs, 3) {
            Some(positions) => super::gather::gather(&cache, positions, 0, 0)?,
            None => cache,
        };
        broadcast(&rows, &[batch, length, half])
    };
    let (cosines, sines) = (cache(1)?, cache(2)?);
    let result = for_floats!(ordered, values => {
        let result = of(values, [cosines.view()?, sines.view()?], shape, half, interleaved);
        Ok(Array::new(ordered.shape.clone(), result))
    })?;
    if four_axes {
        transpose(&result, &[0, 2, 1, 3])
    } else {
        Ok(result)
    }
}

/// Query, key, value, state, decay, rate.
fn linear(
    inputs: &[Array],
    [query_heads, heads]: [usize; 2],
    scale: f64,
    [gated, delta]: [bool; 2],
    budget: &mut Budget,
) -> Result<Vec<Array>, Trouble> {
    let query = input(inputs, 0)?;
    let dtype = query.dtype();
    let wide = |n: usize| optional(inputs, n).map(|array| cast(array, DType::F64)).transpose();
    let needed = |n: usize| wide(n)?.ok_or_else(|| Trouble::failed(format!("input {n} is missing")));
    let (q, k, v) = (needed(0)?, needed(1)?, needed(2)?);
    let ([batch, steps, query_width], [_, _, key_width], [_, _, value_width]) = (&*q.shape, &*k.shape, &*v.shape)
    else {
        return Err(Trouble::failed("query, key and value need 3 axes"));
    };
    let (batch, steps) = (*batch, *steps);
    let fits = heads > 0
        && query_heads > 0
        && query_heads % heads == 0
        && query_width % query_heads == 0
        && key_width % heads == 0
        && value_width % heads == 0
        && query_width / query_heads == key_width / heads
        && k.shape[..2] == q.shape[..2]
        && v.shape[..2] == q.shape[..2];
    if !fits {
        return Err(Trouble::failed("query, key and value don't go together"));
    }
    let (size, value_size) = (key_width / heads, value_width / heads);
    let state_shape = vec![batch, heads, size, value_size];
    let count = elements(&state_shape)?;
    let mut state = match wide(3)? {
        Some(state) if state.shape == state_shape => state.view::<f64>()?.to_vec(),
        Some(_) => return Err(Trouble::failed("the state does not fit")),
        None => vec![0.0; count],
    };
    let decay = if gated { Some(needed(4)?) } else { None };
    let rate = if delta { Some(needed(5)?) } else { None };
    let per_token = |array: &Option<Array>, allowed: [usize; 2]| match array {
        None => Ok(0),
        Some(array) => allowed
            .into_iter()
            .find(|width| array.shape == [batch, steps, *width])
            .ok_or_else(|| Trouble::failed(format!("gates of shape {:?}", array.shape))),
    };
    let (decay_width, rate_width) = (per_token(&decay, [heads, *key_width])?, per_token(&rate, [heads, 1])?);
    budget.charge(
        batch
            .saturating_mul(steps)
            .saturating_mul(count / batch.max(1))
            .saturating_mul(4),
    )?;
    let scale = if scale == 0.0 {
        (size as f64).sqrt().recip()
    } else {
        scale
    };
    let (q, k, v) = (q.view::<f64>()?, k.view::<f64>()?, v.view::<f64>()?);
    let decay = decay.as_ref().map(Array::view::<f64>).transpose()?;
    let rate = rate.as_ref().map(Array::view::<f64>).transpose()?;
    let mut result = vec![0.0; elements(&[batch, steps, query_heads, value_size])?];
    let group = query_heads / heads;
    let mut read = vec![0.0; value_size];
    for token in 0..batch * steps {
        for head in 0..heads {
            let state = &mut state[(token / steps * heads + head) * size * value_size..][..size * value_size];
            let key = &k[(token * heads + head) * size..][..size];
            let value = &v[(token * heads + head) * value_size..][..value_size];
            if let Some(decay) = decay {
                for (n, row) in state.chunks_exact_mut(value_size.max(1)).enumerate() {
                    let at = if decay_width == *key_width {
                        head * size + n
                    } else {
                        head
                    };
                    let factor = decay[token * decay_width + at].exp();
                    for x in row {
                        *x *= factor;
                    }
                }
            }
            let mut strength = 1.0;
            read.fill(0.0);
            if let Some(rate) = rate {
                strength = rate[token * rate_width + if rate_width == 1 { 0 } else { head }];
                for (row, key) in state.chunks_exact(value_size.max(1)).zip(key) {
                    read.iter_mut().zip(row).for_each(|(read, x)| *read += key * x);
                }
            }
            for (row, key) in state.chunks_exact_mut(value_size.max(1)).zip(key) {
                for ((x, value), read) in row.iter_mut().zip(value).zip(&read) {
                    *x += strength * key * (value - read);
                }
            }
            for other in head * group..(head + 1) * group {
                let query = &q[(token * query_heads + other) * size..][..size];
                let out = &mut result[(token * query_heads + other) * value_size..][..value_size];
                for (row, query) in state.chunks_exact(value_size.max(1)).zip(query) {
                    out.iter_mut().zip(row).for_each(|(out, x)| *out += scale * query * x);
                }
            }
        }
    }
    let state_type = optional(inputs, 3).map_or(dtype, Array::dtype);
    Ok(vec![
        cast(&Array::new(vec![batch, steps, query_heads * value_size], result), dtype)?,
        cast(&Array::new(state_shape, state), state_type)?,
    ])
}

/// Data, filter, bias, state.
fn causal_convolution(inputs: &[Array], swish: bool, budget: &mut Budget) -> Result<Vec<Array>, Trouble> {
    fn of<T: Float>(values: &[T], filter: &[T], [channels, whole, size]: [usize; 3], bias: Option<&[T]>) -> Vec<T> {
        let mut result = Vec::with_capacity(values.len());
        for (n, line) in values.chunks_exact(whole).enumerate() {
            let channel = n % channels;
            let filter = &filter[channel * size..(channel + 1) * size];
            let offset = bias.map_or(T::ZERO, |bias| bias[channel]);
            result.extend(line.windows(size).map(|window| dot(window, filter) + offset));
        }
        result
    }
    let (array, filter) = (input(inputs, 0)?, input(inputs, 1)?);
    let ([batch, channels, length], [filtered, 1, size]) = (&*array.shape, &*filter.shape) else {
        return Err(Trouble::failed("data and filter need 3 axes"));
    };
    let bias = optional(inputs, 2);
    if channels != filtered || *size == 0 || bias.is_some_and(|bias| bias.len() != *channels) {
        return Err(Trouble::failed("data, filter and bias don't go together"));
    }
    let state = match optional(inputs, 3) {
        Some(state) if state.shape == [*batch, *channels, size - 1] => cast(state, array.dtype())?,
        Some(_) => return Err(Trouble::failed("the state does not fit")),
        None => Array::zeros(array.dtype(), vec![*batch, *channels, size - 1])?,
    };
    let whole = concatenate(&[state, array.clone()], 2)?;
    budget.charge(whole.len().saturating_mul(*size))?;
    let mut result = for_floats!(whole, values => {
        let bias = bias.map(Array::view).transpose()?;
        let sums = of(values, filter.view()?, [*channels, length + size - 1, *size], bias);
        Ok(Array::new(array.shape.clone(), sums))
    })?;
    if swish {
        result = unary(Unary::Swish(1.0), &result)?;
    }
    let present = part(&whole, 2, *length, size - 1)?;
    Ok(vec![result, present])
}
