//! Lookup tables: values by key.

use std::collections::HashMap;
use std::sync::Arc;

use super::input;
use crate::array::{Array, DType, Element, Text, elements, for_elements};
use crate::trouble::Trouble;

/// A table that does not change.
#[derive(Debug)]
pub(crate) struct Table {
    places: Places,
    /// One entry along the first axis for each key.
    values: Array,
}

#[derive(Debug)]
enum Places {
    Integers(HashMap<i64, usize>),
    Texts(HashMap<Text, usize>),
}

/// Operators on a table.
#[derive(Clone, Debug)]
pub(crate) enum Lookup {
    /// Keys, value of those that are not there.
    Find(Arc<Table>),
    Size(Arc<Table>),
}

impl Table {
    /// A table; of the values of equal keys, the last one counts.
    ///
    /// # Errors
    /// When keys are neither integers nor text, or there are not as many values.
    pub(crate) fn new(keys: &Array, values: Array) -> Result<Self, Trouble> {
        let places = match keys.dtype() {
            DType::Text => {
                let keys = keys.view::<Text>()?.iter().cloned();
                Places::Texts(keys.zip(0..).collect())
            }
            _ => Places::Integers(keys.integers()?.into_iter().zip(0..).collect()),
        };
        if values.shape.first().copied() != Some(keys.len()) {
            return Err(Trouble::failed(format!(
                "a table of {} keys and values of shape {:?}",
                keys.len(),
                values.shape
            )));
        }
        Ok(Self { places, values })
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        let keys = match &self.places {
            Places::Integers(places) => places.len() * 24,
            Places::Texts(places) => places.keys().map(|key| 48 + key.len()).sum(),
        };
        keys + self.values.heap_bytes()
    }

    fn find(&self, keys: &Array, otherwise: &Array) -> Result<Array, Trouble> {
        fn pick<T: Element>(
            values: &[T],
            places: &[Option<usize>],
            otherwise: &Array,
            size: usize,
            shape: Vec<usize>,
        ) -> Result<Array, Trouble> {
            let otherwise = otherwise.view::<T>()?;
            let found = places.iter().flat_map(|place| match place {
                Some(place) => values.get(place * size..(place + 1) * size).unwrap_or(otherwise),
                None => otherwise,
            });
            Ok(Array::new(shape, found.cloned().collect()))
        }
        let places: Vec<Option<usize>> = match &self.places {
            Places::Texts(places) => {
                let keys = keys.view::<Text>()?.iter();
                keys.map(|key| places.get(key).copied()).collect()
            }
            Places::Integers(places) => {
                let keys = keys.integers()?;
                keys.iter().map(|key| places.get(key).copied()).collect()
            }
        };
        let entry = self.values.shape.get(1..).unwrap_or_default();
        let size = elements(entry)?;
        let otherwise = super::layout::broadcast(otherwise, entry)?;
        let shape: Vec<usize> = keys.shape.iter().chain(entry).copied().collect();
        elements(&shape)?;
        for_elements!(self.values, values => pick(values, &places, &otherwise, size, shape))
    }
}

impl Lookup {
    pub(crate) fn heap_bytes(&self) -> usize {
        let (Self::Find(table) | Self::Size(table)) = self;
        table.heap_bytes()
    }
}

pub(super) fn evaluate(what: &Lookup, inputs: &[Array]) -> Result<Array, Trouble> {
    match what {
        Lookup::Find(table) => table.find(input(inputs, 0)?, input(inputs, 1)?),
        Lookup::Size(table) => Ok(Array::scalar(
            table.values.shape.first().map_or(0, |count| *count as i64),
        )),
    }
}
