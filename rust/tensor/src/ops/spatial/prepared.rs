//! Convolutions with a constant filter: its matrices are laid out for the dense kernel once, and where the windows lie is
//! found once for images of the same size.

use std::sync::{Arc, OnceLock};

use serving_kernels::dense::DenseChain;

use super::convolution::{TILE, gather, image};
use super::windows::{Taps, Window};
use crate::array::{Array, elements};
use crate::run::Budget;
use crate::trouble::Trouble;

/// A convolution with a constant filter and bias.
#[derive(Clone, Debug)]
pub(crate) struct PreparedConvolution(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    window: Window,
    per_group: usize,
    sizes: Vec<usize>,
    /// One product for each group.
    products: Vec<DenseChain<f32>>,
    /// For the first size of image that was seen.
    known: OnceLock<(Vec<usize>, Layout)>,
}

/// How windows lie on images of one size.
#[derive(Debug)]
struct Layout {
    outputs: Vec<usize>,
    taps: Taps,
}

impl PreparedConvolution {
    /// `None` for a filter or a bias that does not fit or is not of single precision.
    pub(crate) fn new(window: &Window, groups: usize, filter: &Array, bias: Option<&Array>) -> Option<Self> {
        let (results, per_group, sizes) = image(filter, "a filter").ok()?;
        let weights = filter.view::<f32>().ok()?;
        let bias = bias.map_or(Some(&[][..]), |bias| bias.view::<f32>().ok())?;
        if groups == 0 || results == 0 || results % groups != 0 || !(bias.is_empty() || bias.len() == results) {
            return None;
        }
        let (outputs, width) = (results / groups, weights.len() / results);
        if width == 0 {
            return None;
        }
        let products = (0..groups).map(|group| {
            let weights = &weights[group * outputs * width..(group + 1) * outputs * width];
            let bias = bias.get(group * outputs..(group + 1) * outputs).unwrap_or_default();
            crate::ops::dense::single(width, outputs, weights, bias, true)
        });
        Some(Self(Arc::new(Inner {
            window: window.clone(),
            per_group,
            sizes: sizes.to_vec(),
            products: products.collect::<Option<_>>()?,
            known: OnceLock::new(),
        })))
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        let products: usize = self.0.products.iter().map(DenseChain::heap_bytes).sum();
        let known = self.0.known.get().map_or(0, |(_, layout)| layout.taps.places.len() * 4);
        products + known
    }

    fn layout(&self, lengths: &[usize], budget: &mut Budget) -> Result<Layout, Trouble> {
        let axes = self.0.window.axes(lengths, &self.0.sizes)?;
        Ok(Layout {
            outputs: axes.iter().map(|axis| axis.output).collect(),
            taps: Taps::new(&axes, budget)?,
        })
    }

    pub(in crate::ops) fn evaluate(&self, array: &Array, budget: &mut Budget) -> Result<Array, Trouble> {
        let (batch, channels, lengths) = image(array, "an image")?;
        let inner = &*self.0;
        let groups = inner.products.len();
        if inner.per_group.checked_mul(groups) != Some(channels) {
            return Err(Trouble::failed(format!(
                "a filter for {groups} groups of {} channels on an image of {channels}",
                inner.per_group
            )));
        }
        if inner.known.get().is_none() {
            let layout = self.layout(lengths, budget)?;
            // Another task may have been faster; both found the same.
            let _ = inner.known.set((lengths.to_vec(), layout));
        }
        let other;
        let layout = match inner.known.get() {
            Some((known, layout)) if known == lengths => layout,
            _ => {
                other = self.layout(lengths, budget)?;
                &other
            }
        };
        let outputs: usize = inner.products.iter().map(DenseChain::outputs).sum();
        let mut shape = vec![batch, outputs];
        shape.extend(&layout.outputs);
        let mut result = vec![0.0_f32; elements(&shape)?];
        let width = inner.products.first().map_or(0, DenseChain::inputs);
        budget.charge(result.len().saturating_mul(width) / 4)?;
        self.fill(array.view()?, &layout.taps, batch, &mut result);
        Ok(Array::new(shape, result))
    }

    fn fill(&self, values: &[f32], taps: &Taps, batch: usize, result: &mut [f32]) {
        let inner = &*self.0;
        let (groups, pixels) = (inner.products.len(), taps.pixels);
        if result.is_empty() {
            return;
        }
        let plane = values.len() / (batch * groups * inner.per_group);
        let width = inner.per_group * taps.entries;
        let tile = TILE.min(pixels);
        let mut columns = vec![0.0; tile * width];
        let widest = inner.products.iter().map(DenseChain::outputs).max().unwrap_or(0);
        let mut sums = vec![0.0; tile * widest];
        for (n, target) in result.chunks_exact_mut(widest * pixels).enumerate() {
            let product = &inner.products[n % groups];
            let source = &values[n * inner.per_group * plane..][..inner.per_group * plane];
            for first in (0..pixels).step_by(TILE) {
                let count = TILE.min(pixels - first);
                for (pixel, row) in columns.chunks_exact_mut(width).take(count).enumerate() {
                    gather(source, plane, taps.of(first + pixel), row);
                }
                product.evaluate(count, &columns, &mut sums, &mut []);
                for (channel, target) in target.chunks_exact_mut(pixels).enumerate() {
                    let sums = sums[channel..].iter().step_by(widest);
                    for (value, sum) in target[first..first + count].iter_mut().zip(sums) {
                        *value = *sum;
                    }
                }
            }
        }
    }
}
