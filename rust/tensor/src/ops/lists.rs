//! Lists of tensors, by which loops collect their results.

use std::sync::Arc;

use super::slice::pack;
use crate::array::{Array, DType, Data, MOST_ELEMENTS};
use crate::trouble::Trouble;

fn place(index: i64, length: usize) -> Result<usize, Trouble> {
    usize::try_from(index)
        .ok()
        .filter(|index| *index < length)
        .ok_or_else(|| Trouble::failed(format!("a list of {length} has no item {index}")))
}

/// The shape of items that nobody set; an unknown one counts as that of an item that was set.
fn item_shape(shape: &Array, items: &[Option<Array>]) -> Result<Vec<usize>, Trouble> {
    if let Ok(shape) = shape.lengths()
        && !shape.is_empty()
    {
        return Ok(shape);
    }
    let set = items.iter().flatten().next();
    set.map(|item| item.shape.clone()).map_or_else(|| shape.lengths(), Ok)
}

pub(crate) fn from_tensor(array: &Array) -> Result<Array, Trouble> {
    let count = *array
        .shape
        .first()
        .ok_or_else(|| Trouble::failed("a scalar can't be made a list"))?;
    let items = super::slice::unpack(array, 0, count)?;
    Ok(Array::list(items.into_iter().map(Some).collect()))
}

pub(super) fn reserve(count: i64) -> Result<Array, Trouble> {
    let count = usize::try_from(count)
        .ok()
        .filter(|count| *count <= MOST_ELEMENTS / 64)
        .ok_or_else(|| Trouble::limit(format!("a list of {count} items")))?;
    Ok(Array::list(vec![None; count]))
}

pub(super) fn get(list: &Array, index: i64, shape: &Array, dtype: DType) -> Result<Array, Trouble> {
    let items = list.items()?;
    match &items[place(index, items.len())?] {
        Some(item) => Ok(item.clone()),
        None => Array::zeros(dtype, item_shape(shape, items)?),
    }
}

/// List, index, item; the list is changed in place when nobody else holds it.
pub(super) fn set(inputs: Vec<Array>) -> Result<Vec<Array>, Trouble> {
    let Ok([mut list, index, item]) = <[Array; 3]>::try_from(inputs) else {
        return Err(Trouble::failed("list, index and item are needed"));
    };
    if item.dtype() == DType::List {
        return Err(Trouble::failed("a list can't hold lists"));
    }
    let index = index.integer()?;
    let Data::List(items) = &mut list.data else {
        return Err(Trouble::failed(format!("{} where a list is needed", list.dtype())));
    };
    let items = Arc::make_mut(items);
    let place = place(index, items.len())?;
    items[place] = Some(item);
    Ok(vec![list])
}

pub(super) fn stack(list: &Array, shape: &Array, dtype: DType) -> Result<Array, Trouble> {
    let items = list.items()?;
    if items.is_empty() {
        let mut whole = vec![0];
        whole.extend(item_shape(shape, items)?);
        return Array::zeros(dtype, whole);
    }
    let empty = if items.iter().any(Option::is_none) {
        Some(Array::zeros(dtype, item_shape(shape, items)?)?)
    } else {
        None
    };
    let all: Vec<Array> = items
        .iter()
        .filter_map(|item| item.clone().or_else(|| empty.clone()))
        .collect();
    pack(&all, 0)
}

pub(super) fn length(list: &Array) -> Result<Array, Trouble> {
    Ok(Array::scalar(list.items()?.len() as i32))
}
