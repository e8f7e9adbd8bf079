//! Elements put elsewhere, and diagonals of matrices; definitions are those of TensorFlow's operators.

use super::input;
use super::layout::{broadcast, common_shape};
use crate::array::{Array, Element, axis_of, elements, for_elements};
use crate::trouble::Trouble;

/// Operators after TensorFlow's of the same name, inputs in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrange {
    /// Data, axes.
    Reverse,
    /// Data, distances, axes.
    Roll,
    InvertPermutation,
    /// Two shapes: the one that both are broadcast to.
    CommonShape,
    /// Data, number of diagonals below and above that count; negative for all.
    Band,
    /// Vectors as diagonals of matrices.
    Diagonal,
    /// The same for the diagonals that the second input names; rows, columns and filler follow.
    DiagonalAt,
    /// A tensor as the diagonal of one of twice as many axes.
    DiagonalTensor,
    DiagonalTensorPart,
    DiagonalPart,
    /// Data, diagonal, filler.
    DiagonalPartAt,
    /// Matrices, vectors.
    SetDiagonal,
    /// Matrices, vectors, diagonal.
    SetDiagonalAt,
}

pub(super) fn evaluate(what: Arrange, inputs: &[Array]) -> Result<Array, Trouble> {
    let at = |index: usize| input(inputs, index);
    match what {
        Arrange::Reverse => {
            let mut result = at(0)?.clone();
            for axis in at(1)?.integers()? {
                let axis = axis_of(axis, result.shape.len())?;
                result = moved(&result, axis, |place, length| length - 1 - place)?;
            }
            Ok(result)
        }
        Arrange::Roll => {
            let mut result = at(0)?.clone();
            for (distance, axis) in at(1)?.integers()?.into_iter().zip(at(2)?.integers()?) {
                let axis = axis_of(axis, result.shape.len())?;
                let from = |place: usize, length: usize| (place as i64 - distance).rem_euclid(length as i64) as usize;
                result = moved(&result, axis, from)?;
            }
            Ok(result)
        }
        Arrange::InvertPermutation => invert(at(0)?),
        Arrange::CommonShape => {
            let (left, right) = (at(0)?, at(1)?);
            let shape = common_shape(&left.lengths()?, &right.lengths()?)?;
            let lengths = Array::new(vec![shape.len()], shape.iter().map(|length| *length as i64).collect());
            super::convert::cast(&lengths, left.dtype())
        }
        Arrange::Band => {
            let (below, above) = (at(1)?.integer()?, at(2)?.integer()?);
            let kept =
                |row: i64, column: i64| (below < 0 || row - column <= below) && (above < 0 || column - row <= above);
            for_elements!(at(0)?, values => band(values, at(0)?, kept))
        }
        Arrange::Diagonal => diagonal(at(0)?, 0),
        Arrange::DiagonalAt => {
            let place = one_diagonal(at(1)?)?;
            let plain = |index: usize| {
                inputs
                    .get(index)
                    .is_none_or(|size| size.integers().is_ok_and(|n| n == [-1]))
            };
            if !plain(2) || !plain(3) {
                return Err(Trouble::failed("matrices of a given size"));
            }
            diagonal(at(0)?, place)
        }
        Arrange::DiagonalTensor => {
            let flat = at(0)?.reshaped(vec![at(0)?.len()])?;
            let shape = at(0)?.shape.repeat(2);
            diagonal(&flat, 0)?.reshaped(shape)
        }
        Arrange::DiagonalTensorPart => {
            let array = at(0)?;
            let outer = array.shape.get(..array.shape.len() / 2).unwrap_or_default();
            let size = elements(outer)?;
            part(&array.reshaped(vec![size, size])?, 0)?.reshaped(outer.to_vec())
        }
        Arrange::DiagonalPart => part(at(0)?, 0),
        Arrange::DiagonalPartAt => part(at(0)?, one_diagonal(at(1)?)?),
        Arrange::SetDiagonal => set(at(0)?, at(1)?, 0),
        Arrange::SetDiagonalAt => set(at(0)?, at(1)?, one_diagonal(at(2)?)?),
    }
}

fn one_diagonal(array: &Array) -> Result<i64, Trouble> {
    match array.integers()?.as_slice() {
        [one] => Ok(*one),
        [low, high] if low == high => Ok(*low),
        _ => Err(Trouble::failed("several diagonals at once")),
    }
}

/// Every entry of an axis from another place of it.
fn moved(array: &Array, axis: usize, from: impl Fn(usize, usize) -> usize) -> Result<Array, Trouble> {
    let length = array.shape[axis];
    let places: Vec<i64> = (0..length).map(|place| from(place, length) as i64).collect();
    super::gather::gather(array, &Array::new(vec![length], places), axis as i64, 0)
}

fn invert(array: &Array) -> Result<Array, Trouble> {
    let places = array.lengths()?;
    let mut result = vec![None; places.len()];
    for (n, place) in places.iter().enumerate() {
        let entry = result.get_mut(*place).filter(|entry| entry.is_none());
        *entry.ok_or_else(|| Trouble::failed("not a permutation"))? = Some(n as i64);
    }
    let result = Array::new(array.shape.clone(), result.into_iter().flatten().collect());
    super::convert::cast(&result, array.dtype())
}

/// Rows and columns of the matrices of a tensor.
fn sides(array: &Array) -> Result<[usize; 2], Trouble> {
    match array.shape.as_slice() {
        [.., rows, columns] => Ok([*rows, *columns]),
        shape => Err(Trouble::failed(format!("{shape:?} where matrices are needed"))),
    }
}

fn band<T: Element>(values: &[T], array: &Array, kept: impl Fn(i64, i64) -> bool) -> Result<Array, Trouble> {
    let [rows, columns] = sides(array)?;
    let element = |(n, value): (usize, &T)| {
        let (row, column) = (n / columns.max(1) % rows.max(1), n % columns.max(1));
        if kept(row as i64, column as i64) {
            value.clone()
        } else {
            T::default()
        }
    };
    Ok(Array::new(
        array.shape.clone(),
        values.iter().enumerate().map(element).collect(),
    ))
}

fn diagonal(array: &Array, place: i64) -> Result<Array, Trouble> {
    let (length, outer) = array
        .shape
        .split_last()
        .ok_or_else(|| Trouble::failed("a scalar has no diagonal"))?;
    let shift = usize::try_from(place.unsigned_abs())
        .ok()
        .filter(|shift| *shift < 1 << 27);
    let side = length + shift.ok_or_else(|| Trouble::failed(format!("diagonal {place}")))?;
    let shape: Vec<usize> = outer.iter().copied().chain([side, side]).collect();
    elements(&shape)?;
    set(&Array::zeros(array.dtype(), shape)?, array, place)
}

/// Where the elements of a diagonal lie in a matrix.
fn along([rows, columns]: [usize; 2], place: i64) -> Vec<usize> {
    (0..rows)
        .filter_map(|row| {
            let column = usize::try_from(row as i64 + place)
                .ok()
                .filter(|column| *column < columns)?;
            Some(row * columns + column)
        })
        .collect()
}

fn part(array: &Array, place: i64) -> Result<Array, Trouble> {
    fn of<T: Element>(values: &[T], size: usize, places: &[usize], shape: Vec<usize>) -> Array {
        let matrices = values.chunks_exact(size.max(1));
        let chosen = matrices.flat_map(|matrix| places.iter().map(|place| matrix[*place].clone()));
        Array::new(shape, chosen.collect())
    }
    let sides = sides(array)?;
    let places = along(sides, place);
    let mut shape = array.shape[..array.shape.len() - 2].to_vec();
    shape.push(places.len());
    for_elements!(array, values => Ok(of(values, sides[0] * sides[1], &places, shape)))
}

fn set(array: &Array, vectors: &Array, place: i64) -> Result<Array, Trouble> {
    fn of<T: Element>(values: &[T], vectors: &Array, size: usize, places: &[usize]) -> Result<Vec<T>, Trouble> {
        let mut result = values.to_vec();
        let vectors = vectors.view::<T>()?.chunks_exact(places.len().max(1));
        for (matrix, vector) in result.chunks_exact_mut(size.max(1)).zip(vectors) {
            for (place, value) in places.iter().zip(vector) {
                matrix[*place] = value.clone();
            }
        }
        Ok(result)
    }
    let sides = sides(array)?;
    let places = along(sides, place);
    let mut shape = array.shape[..array.shape.len() - 2].to_vec();
    shape.push(places.len());
    let vectors = broadcast(vectors, &shape)?;
    for_elements!(array, values => {
        Ok(Array::new(array.shape.clone(), of(values, &vectors, sides[0] * sides[1], &places)?))
    })
}
