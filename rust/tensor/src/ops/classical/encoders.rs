//! Values for values: `LabelEncoder`, `CategoryMapper`, `OneHotEncoder`.

use std::collections::HashMap;
use std::sync::Arc;

use crate::array::{Array, DType, Element, Text, elements, for_elements};
use crate::ops::convert::cast;
use crate::trouble::Trouble;

/// What is looked up.
#[derive(Clone, Debug)]
pub(crate) enum Keys {
    Integers(Arc<HashMap<i64, usize>>),
    /// Bits of doubles; all that are not numbers are the same.
    Floats(Arc<HashMap<u64, usize>>),
    Texts(Arc<HashMap<Text, usize>>),
}

/// The bits that a float is looked up by.
fn bits(value: f64) -> u64 {
    if value.is_nan() {
        f64::NAN.to_bits()
    } else {
        // Zero has two signs.
        (value + 0.0).to_bits()
    }
}

impl Keys {
    /// From a vector of keys; of equal ones, the first counts, or the last.
    ///
    /// # Errors
    /// For keys of a type that can't be looked up.
    pub(crate) fn new(keys: &Array, last: bool) -> Result<Self, Trouble> {
        fn index<K: std::hash::Hash + Eq>(keys: impl Iterator<Item = K>, last: bool) -> HashMap<K, usize> {
            let mut map = HashMap::new();
            for (n, key) in keys.enumerate() {
                if last {
                    map.insert(key, n);
                } else {
                    map.entry(key).or_insert(n);
                }
            }
            map
        }
        Ok(match keys.dtype() {
            DType::Text => Self::Texts(Arc::new(index(keys.view::<Text>()?.iter().cloned(), last))),
            dtype if dtype.is_float() => {
                let wide = cast(keys, DType::F64)?;
                Self::Floats(Arc::new(index(wide.view::<f64>()?.iter().map(|key| bits(*key)), last)))
            }
            _ => Self::Integers(Arc::new(index(keys.integers()?.into_iter(), last))),
        })
    }

    /// Keys of which none is found by what is not a number.
    pub(crate) fn without_nan(self) -> Self {
        match self {
            Self::Floats(map) if map.contains_key(&bits(f64::NAN)) => {
                let mut map = Arc::unwrap_or_clone(map);
                map.remove(&bits(f64::NAN));
                Self::Floats(Arc::new(map))
            }
            other => other,
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Integers(map) => map.len(),
            Self::Floats(map) => map.len(),
            Self::Texts(map) => map.len(),
        }
    }

    /// The place of each element among the keys.
    fn places(&self, array: &Array) -> Result<Vec<Option<usize>>, Trouble> {
        Ok(match self {
            Self::Texts(map) => {
                let texts = array.view::<Text>()?;
                texts.iter().map(|text| map.get(text).copied()).collect()
            }
            Self::Integers(map) => {
                // Other numbers are cut to integers.
                let wide = cast(array, DType::I64)?;
                wide.view::<i64>()?
                    .iter()
                    .map(|value| map.get(value).copied())
                    .collect()
            }
            Self::Floats(map) => {
                let wide = cast(array, DType::F64)?;
                wide.view::<f64>()?
                    .iter()
                    .map(|value| map.get(&bits(*value)).copied())
                    .collect()
            }
        })
    }
}

/// A table of values.
#[derive(Clone, Debug)]
pub(crate) enum Encoder {
    /// Values by keys, and one for all that is not among them.
    Values {
        keys: Keys,
        values: Array,
        otherwise: Array,
    },
    /// The key from text or the text from key, whichever the input is.
    Categories {
        texts: Keys,
        numbers: Keys,
        pairs: Box<(Array, Array)>,
        otherwise: Box<(Array, Array)>,
    },
    /// A 1 in the column of the key. `zeros`: a value that is none of the keys has none.
    OneHot { keys: Keys, count: usize, zeros: bool },
}

impl Encoder {
    pub(crate) fn heap_bytes(&self) -> usize {
        let keys = |keys: &Keys| keys.len() * 32;
        match self {
            Self::Values {
                keys: known, values, ..
            } => keys(known) + values.heap_bytes(),
            Self::Categories {
                texts, numbers, pairs, ..
            } => keys(texts) + keys(numbers) + pairs.0.heap_bytes() + pairs.1.heap_bytes(),
            Self::OneHot { keys: known, .. } => keys(known),
        }
    }

    pub(super) fn evaluate(&self, array: &Array) -> Result<Array, Trouble> {
        match self {
            Self::Values {
                keys,
                values,
                otherwise,
            } => looked_up(&keys.places(array)?, values, otherwise, &array.shape),
            Self::Categories {
                texts,
                numbers,
                pairs,
                otherwise,
            } => {
                if array.dtype() == DType::Text {
                    looked_up(&texts.places(array)?, &pairs.1, &otherwise.1, &array.shape)
                } else {
                    looked_up(&numbers.places(array)?, &pairs.0, &otherwise.0, &array.shape)
                }
            }
            Self::OneHot { keys, count, zeros } => {
                let places = keys.places(array)?;
                if !zeros && places.contains(&None) {
                    return Err(Trouble::failed("a value is none of the categories"));
                }
                let mut shape = array.shape.clone();
                shape.push(*count);
                let mut result = vec![0.0_f32; elements(&shape)?];
                for (row, place) in result.chunks_exact_mut((*count).max(1)).zip(places) {
                    if let Some(hot) = place.and_then(|place| row.get_mut(place)) {
                        *hot = 1.0;
                    }
                }
                Ok(Array::new(shape, result))
            }
        }
    }
}

fn looked_up(places: &[Option<usize>], values: &Array, otherwise: &Array, shape: &[usize]) -> Result<Array, Trouble> {
    fn of<T: Element>(
        values: &[T],
        otherwise: &Array,
        places: &[Option<usize>],
        shape: &[usize],
    ) -> Result<Array, Trouble> {
        let otherwise = otherwise.view::<T>()?.first().cloned().unwrap_or_default();
        let found = places
            .iter()
            .map(|place| place.and_then(|place| values.get(place)).unwrap_or(&otherwise).clone());
        Ok(Array::new(shape.to_vec(), found.collect()))
    }
    for_elements!(values, known => of(known, otherwise, places, shape))
}
