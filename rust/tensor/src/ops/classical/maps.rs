//! Maps to tensors and back: `DictVectorizer`, `CastMap`, `ZipMap`.

use super::{Labels, table};
use crate::array::{Array, DType, Data, Mapping, Text, elements};
use crate::ops::convert::cast;
use crate::ops::slice::part;
use crate::ops::{concatenate, input};
use crate::trouble::Trouble;

/// Operators after ONNX's of the same name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Maps {
    /// A row with the values of these keys, 0 for those that are not there.
    Vectorize { vocabulary: Labels },
    /// Values in the order of their keys, or each at the place that its key says.
    Cast { to: DType, length: Option<usize> },
    /// Each row as a map from these keys.
    Zip { keys: Labels },
}

impl Maps {
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Vectorize { vocabulary: keys } | Self::Zip { keys } => keys.heap_bytes(),
            Self::Cast { .. } => 0,
        }
    }
}

fn mapping(array: &Array) -> Result<&Mapping, Trouble> {
    match &array.data {
        Data::Map(mapping) => Ok(mapping),
        _ => Err(Trouble::failed(format!("{} where a map is needed", array.dtype()))),
    }
}

pub(super) fn evaluate(what: &Maps, inputs: &[Array]) -> Result<Array, Trouble> {
    let array = input(inputs, 0)?;
    match what {
        Maps::Vectorize { vocabulary } => {
            let mapping = mapping(array)?;
            let place = |wanted: usize| -> Result<Option<usize>, Trouble> {
                Ok(match vocabulary {
                    Labels::Integers(words) => mapping.keys.view::<i64>()?.iter().position(|key| *key == words[wanted]),
                    Labels::Texts(words) => mapping
                        .keys
                        .view::<Text>()?
                        .iter()
                        .position(|key| *key == words[wanted]),
                })
            };
            let zero = Array::zeros(mapping.values.dtype(), vec![1])?;
            let mut values = Vec::with_capacity(vocabulary.len());
            for wanted in 0..vocabulary.len() {
                values.push(match place(wanted)? {
                    Some(place) => part(&mapping.values, 0, place, 1)?,
                    None => zero.clone(),
                });
            }
            concatenate(&values, 0)?.reshaped(vec![1, vocabulary.len()])
        }
        Maps::Cast { to, length } => {
            let mapping = mapping(array)?;
            let values = match (mapping.values.dtype(), to) {
                // Texts are numbers here, not the other way round.
                (DType::Text, to) if *to != DType::Text => cast(&mapping.values, *to)?,
                (_, to) => cast(&mapping.values, *to)?,
            };
            let keys = mapping.keys.integers()?;
            let mut order: Vec<usize> = (0..keys.len()).collect();
            order.sort_by_key(|place| keys[*place]);
            let Some(length) = length else {
                let parts = order
                    .iter()
                    .map(|place| part(&values, 0, *place, 1))
                    .collect::<Result<Vec<_>, _>>()?;
                let count = parts.len();
                return concatenate(&parts, 0)?.reshaped(vec![1, count]);
            };
            elements(&[*length])?;
            let zero = if *to == DType::Text {
                cast(&Array::new(vec![1], vec![0_i64]), *to)?
            } else {
                Array::zeros(*to, vec![1])?
            };
            let mut parts = vec![zero; *length];
            for place in order {
                let slot = usize::try_from(keys[place]).ok().and_then(|key| parts.get_mut(key));
                *slot.ok_or_else(|| Trouble::failed(format!("the key {} is not below {length}", keys[place])))? =
                    part(&values, 0, place, 1)?;
            }
            concatenate(&parts, 0)?.reshaped(vec![1, *length])
        }
        Maps::Zip { keys } => {
            let (rows, width) = table(array)?;
            if width != keys.len() {
                return Err(Trouble::failed(format!("{width} columns for {} keys", keys.len())));
            }
            let flat = array.reshaped(vec![rows * width])?;
            let names = keys.to_array();
            let map = |row: usize| Ok(Some(Array::map(names.clone(), part(&flat, 0, row * width, width)?)));
            (0..rows).map(map).collect::<Result<Vec<_>, Trouble>>().map(Array::list)
        }
    }
}
