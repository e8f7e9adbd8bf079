//! Products of matrices.

use std::ops::{Add, Mul};

use serving_kernels::convolution::{ConvolutionReal, Matrix};

use super::layout::{broadcast, common_shape, copy_array, strides};
use crate::array::{Array, Data, Plain, elements};
use crate::run::Budget;
use crate::trouble::Trouble;

/// From so many elements on, a matrix is multiplied as it lies instead of being copied.
const LARGE: usize = 1 << 18;
/// From so many rows on it is worth while to lay out a matrix for the kernel.
const MANY_ROWS: usize = 8;
/// Values of a row, and of a result, from which on it is.
const WIDE: usize = 16;
/// Columns of a matrix that lies transposed which are summed up at a time.
const TOGETHER: usize = 8;

fn transposed(array: &Array) -> Result<Array, Trouble> {
    let (mut shape, mut steps) = (array.shape.clone(), strides(&array.shape));
    let rank = shape.len();
    shape.swap(rank - 1, rank - 2);
    steps.swap(rank - 1, rank - 2);
    copy_array(array, 0, shape, &steps)
}

/// Multiplies the matrices in the last two axes; other axes are broadcast.
pub(super) fn multiply(
    left: &Array,
    right: &Array,
    transpose_left: bool,
    transpose_right: bool,
    budget: &mut Budget,
) -> Result<Array, Trouble> {
    // A vector counts as a row on the left, as a column on the right, and the axis that it lacks is gone from the result.
    if let (&[length], false) = (&*left.shape, right.shape.is_empty()) {
        let row = left.reshaped(vec![1, length])?;
        let product = multiply(&row, right, false, transpose_right, budget)?;
        let mut shape = product.shape.clone();
        let axis = shape.len().saturating_sub(if right.shape.len() == 1 { 1 } else { 2 });
        shape.remove(axis);
        return product.reshaped(shape);
    }
    if let (&[length], false) = (&*right.shape, left.shape.is_empty()) {
        let column = right.reshaped(vec![length, 1])?;
        let product = multiply(left, &column, transpose_left, false, budget)?;
        let mut shape = product.shape.clone();
        shape.pop();
        return product.reshaped(shape);
    }
    if left.shape.len() < 2 || right.shape.len() < 2 {
        return Err(Trouble::failed(format!(
            "{:?} and {:?} are not matrices",
            left.shape, right.shape
        )));
    }
    let mut left = if transpose_left {
        transposed(left)?
    } else {
        left.clone()
    };
    if let (&[columns, inner], true) = (
        &*right.shape,
        transpose_right && right.len() >= LARGE && right.dtype().is_float(),
    ) && left.shape.last() == Some(&inner)
    {
        return multiply_as_it_lies(&left, right, [inner, columns], budget);
    }
    let mut right = if transpose_right {
        transposed(right)?
    } else {
        right.clone()
    };
    let (batch_left, matrix_left) = left.shape.split_at(left.shape.len() - 2);
    let (batch_right, matrix_right) = right.shape.split_at(right.shape.len() - 2);
    let (rows, inner, columns) = (matrix_left[0], matrix_left[1], matrix_right[1]);
    if inner != matrix_right[0] {
        return Err(Trouble::failed(format!(
            "a matrix {rows} x {inner} can't be multiplied with one {} x {columns}",
            matrix_right[0]
        )));
    }
    let mut shape = common_shape(batch_left, batch_right)?;
    let matrices = elements(&shape)?;
    let with = |matrix: [usize; 2]| [shape.as_slice(), &matrix].concat();
    let (shape_left, shape_right) = (with([rows, inner]), with([inner, columns]));
    left = broadcast(&left, &shape_left)?;
    right = broadcast(&right, &shape_right)?;
    shape.extend([rows, columns]);
    let results = elements(&shape)?;
    budget.charge(results.saturating_mul(inner) / 4)?;
    let sizes = [matrices, rows, inner, columns];
    macro_rules! wrapping {
        ($a:expr, $b:expr) => {
            Ok(product($a, $b, shape, sizes, |sum, x, y| {
                sum.wrapping_add(x.wrapping_mul(y))
            }))
        };
    }
    match (&left.data, &right.data) {
        (Data::F32(a), Data::F32(b)) => float_product(a, b, shape, sizes),
        (Data::F64(a), Data::F64(b)) => float_product(a, b, shape, sizes),
        (Data::I32(a), Data::I32(b)) => wrapping!(a, b),
        (Data::I64(a), Data::I64(b)) => wrapping!(a, b),
        (Data::U64(a), Data::U64(b)) => wrapping!(a, b),
        _ => Err(not_multiplied(&left, &right)),
    }
}

/// The product of rows with a matrix that lies column after column, each sum in the order of the rows as in [`product`].
fn multiply_as_it_lies(
    left: &Array,
    right: &Array,
    [inner, columns]: [usize; 2],
    budget: &mut Budget,
) -> Result<Array, Trouble> {
    fn sums<T: Plain + Add<Output = T> + Mul<Output = T>>(left: &[T], right: &[T], inner: usize, result: &mut Vec<T>) {
        for row in left.chunks_exact(inner) {
            for columns in right.chunks(TOGETHER * inner) {
                let mut sums = [T::default(); TOGETHER];
                for (n, x) in row.iter().enumerate() {
                    for (sum, weight) in sums.iter_mut().zip(columns[n..].iter().step_by(inner)) {
                        *sum = *sum + *x * *weight;
                    }
                }
                result.extend_from_slice(&sums[..columns.len() / inner]);
            }
        }
    }
    let mut shape = left.shape.clone();
    if let Some(last) = shape.last_mut() {
        *last = columns;
    }
    let count = elements(&shape)?;
    budget.charge(count.saturating_mul(inner) / 4)?;
    match (&left.data, &right.data) {
        (Data::F32(a), Data::F32(b)) => {
            let mut result = Vec::with_capacity(count);
            sums(a, b, inner, &mut result);
            Ok(Array::new(shape, result))
        }
        (Data::F64(a), Data::F64(b)) => {
            let mut result = Vec::with_capacity(count);
            sums(a, b, inner, &mut result);
            Ok(Array::new(shape, result))
        }
        _ => Err(not_multiplied(left, right)),
    }
}

fn not_multiplied(left: &Array, right: &Array) -> Trouble {
    Trouble::failed(format!(
        "a product of matrices of {} and {}",
        left.dtype(),
        right.dtype()
    ))
}

fn float_product<T>(left: &[T], right: &[T], shape: Vec<usize>, sizes: [usize; 4]) -> Result<Array, Trouble>
where
    T: Plain + ConvolutionReal,
{
    let [matrices, rows, inner, columns] = sizes;
    if rows < MANY_ROWS || inner < WIDE || columns < WIDE {
        return Ok(product(left, right, shape, sizes, |sum, x, y| sum + x * y));
    }
    let mut result = vec![<T as Default>::default(); matrices * rows * columns];
    let pairs = left.chunks_exact(rows * inner).zip(right.chunks_exact(inner * columns));
    for ((left, right), result) in pairs.zip(result.chunks_exact_mut(rows * columns)) {
        let matrix = Matrix::new(inner, columns, right, false);
        let matrix = matrix.ok_or_else(|| Trouble::failed(format!("a matrix of {inner} x {columns}")))?;
        matrix.multiply(left, result);
    }
    Ok(Array::new(shape, result))
}

fn product<T: Plain>(
    left: &[T],
    right: &[T],
    shape: Vec<usize>,
    [matrices, rows, inner, columns]: [usize; 4],
    add_product: impl Fn(T, T, T) -> T,
) -> Array {
    let mut result = vec![T::default(); matrices * rows * columns];
    if columns > 0 && inner > 0 {
        let pairs = left.chunks_exact(inner).zip(result.chunks_exact_mut(columns));
        for (row, (left, sums)) in pairs.enumerate() {
            let matrix = &right[row / rows * inner * columns..];
            for (x, weights) in left.iter().zip(matrix.chunks_exact(columns)) {
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum = add_product(*sum, *x, *weight);
                }
            }
        }
    }
    Array::new(shape, result)
}
