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

/// More operators on lists, after TensorFlow's of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lists {
    /// List, item.
    Push,
    /// The list without its last item, and that.
    Pop,
    ItemShape {
        long: bool,
    },
    /// List, length.
    Resize,
    /// List, places, shape of items that were never set.
    Gather {
        dtype: DType,
    },
    /// List, places, items in one tensor; the list grows as far as it has to.
    Scatter,
    /// List, place, item; the list grows as far as it has to.
    Write,
    /// All items one after the other, and their lengths.
    Concat {
        dtype: DType,
    },
}

impl Lists {
    pub(crate) fn ports(&self) -> usize {
        match self {
            Self::Pop | Self::Concat { .. } => 2,
            _ => 1,
        }
    }
}

/// A list and its items, to be changed: in place when nobody else holds it.
fn change(list: &mut Array) -> Result<&mut Vec<Option<Array>>, Trouble> {
    match &mut list.data {
        Data::List(items) => Ok(Arc::make_mut(items)),
        _ => Err(Trouble::failed("a list is needed")),
    }
}

fn grow(items: &mut Vec<Option<Array>>, place: i64) -> Result<&mut Option<Array>, Trouble> {
    let place = usize::try_from(place)
        .ok()
        .filter(|place| *place < MOST_ELEMENTS / 64)
        .ok_or_else(|| Trouble::limit(format!("item {place} of a list")))?;
    if place >= items.len() {
        items.resize(place + 1, None);
    }
    items
        .get_mut(place)
        .ok_or_else(|| Trouble::failed("the list did not grow"))
}

pub(super) fn evaluate(what: &Lists, mut inputs: Vec<Array>) -> Result<Vec<Array>, Trouble> {
    if inputs.is_empty() {
        return Err(Trouble::failed("the list is missing"));
    }
    let mut list = inputs.remove(0);
    let at = |index: usize| super::input(&inputs, index);
    match what {
        Lists::Push | Lists::Write => {
            let item = at(usize::from(*what == Lists::Write))?.clone();
            if item.dtype() == DType::List {
                return Err(Trouble::failed("a list can't hold lists"));
            }
            let place = match what {
                Lists::Push => list.items()?.len() as i64,
                _ => at(0)?.integer()?,
            };
            *grow(change(&mut list)?, place)? = Some(item);
        }
        Lists::Pop => {
            let item = change(&mut list)?.pop().flatten();
            let item = item.ok_or_else(|| Trouble::failed("the list has no last item"))?;
            return Ok(vec![list, item]);
        }
        Lists::ItemShape { long } => {
            let item = list.items()?.iter().flatten().next();
            let item = item.ok_or_else(|| Trouble::failed("no item of the list was set"))?;
            return Ok(vec![super::layout::shape_of(item, *long)]);
        }
        Lists::Resize => {
            let length = at(0)?.integer()?;
            let items = change(&mut list)?;
            let place = usize::try_from(length).unwrap_or_default();
            if place > items.len() {
                grow(items, length - 1)?;
            }
            items.truncate(place);
        }
        Lists::Gather { dtype } => {
            let places = at(0)?.integers()?;
            let items = list.items()?;
            let chosen = places.into_iter().map(|at| Ok(items[place(at, items.len())?].clone()));
            let chosen = Array::list(chosen.collect::<Result<_, Trouble>>()?);
            return Ok(vec![stack(&chosen, at(1)?, *dtype)?]);
        }
        Lists::Scatter => {
            let places = at(0)?.integers()?;
            let parts = super::slice::unpack(at(1)?, 0, places.len())?;
            let items = change(&mut list)?;
            for (place, part) in places.into_iter().zip(parts) {
                *grow(items, place)? = Some(part);
            }
        }
        Lists::Concat { dtype } => {
            let items: Vec<Array> = list.items()?.iter().flatten().cloned().collect();
            let lengths = items
                .iter()
                .map(|item| item.shape.first().map_or(1, |length| *length as i64));
            let lengths = Array::new(vec![items.len()], lengths.collect());
            let whole = if items.is_empty() {
                Array::zeros(*dtype, vec![0])?
            } else {
                super::slice::concatenate(&items, 0)?
            };
            return Ok(vec![whole, lengths]);
        }
    }
    Ok(vec![list])
}
