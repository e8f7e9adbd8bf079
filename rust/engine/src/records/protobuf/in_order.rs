//! Messages whose fields come in the order of their numbers.

use serving_model::Tag;

use super::super::descriptor::{Kind, Leaf};
use super::plan::{Plan, Short};

/// The doubles that a message begins with when its fields come in the order of their numbers, as all serializers write them. A
/// field that is not there has its default. What comes in another order is left to [`Plan`].
#[derive(Debug, Default)]
pub(super) struct InOrder {
    /// Key byte and cell of each; the cell of one that the model does not use is beyond those of a row.
    fields: Vec<(u8, u32)>,
    /// They fill all cells of a row.
    pub(super) fill_rows: bool,
    /// The key byte of the first, when the number of each is the next one, and so is its cell.
    first_of_all: Option<u8>,
}

/// From a field's key byte to that of the next number and the same type.
const NEXT_FIELD: u8 = 1 << 3;

impl InOrder {
    pub(super) fn of(leaves: &[Leaf], plan: &Plan, default_tags: &[u8]) -> Self {
        let unused = default_tags.len() as u32;
        let mut numbered: Vec<&Leaf> = leaves.iter().collect();
        numbered.sort_by_key(|leaf| leaf.path.first().copied());
        let mut fields = Vec::new();
        for leaf in numbered {
            let ([number @ 1..16], Kind::Double, false) = (leaf.path.as_slice(), &leaf.kind, leaf.field.repeated)
            else {
                break;
            };
            let key = number << 3 | 1;
            match plan.short(key) {
                Short::Skip(_) => fields.push((key as u8, unused)),
                // Its tag is there already.
                Short::Double(slot) if default_tags.get(slot as usize) == Some(&(Tag::Double as u8)) => {
                    fields.push((key as u8, slot));
                }
                _ => break,
            }
        }
        let fill_rows = (0..unused).all(|cell| fields.iter().any(|(_, slot)| *slot == cell));
        let in_turn = |first: u8| {
            (0..).zip(&fields).all(|(index, (key, slot))| {
                *slot == index && u32::from(*key) == u32::from(first) + index * u32::from(NEXT_FIELD)
            })
        };
        Self {
            first_of_all: fields.first().map(|(key, _)| *key).filter(|first| in_turn(*first)),
            fields,
            fill_rows,
        }
    }

    /// Reads these fields; returns what is left of the record. Values that may come later are the defaults then, as they were before
    /// unless these fields fill the row.
    #[inline]
    pub(super) fn read<'a>(&self, bytes: &'a [u8], values: &mut [u64], defaults: &[u64]) -> &'a [u8] {
        if let Some((head, rest)) = bytes.split_at_checked(9 * self.fields.len()) {
            let doubles = head.as_chunks::<9>().0;
            let mut differences = 0;
            if let (Some(mut key), Some(values)) = (self.first_of_all, values.get_mut(..doubles.len())) {
                for ([first, bits @ ..], value) in doubles.iter().zip(values) {
                    differences |= key ^ first;
                    *value = u64::from_le_bytes(*bits);
                    key = key.wrapping_add(NEXT_FIELD);
                }
            } else {
                for ([first, bits @ ..], (key, slot)) in doubles.iter().zip(&self.fields) {
                    differences |= key ^ first;
                    if let Some(value) = values.get_mut(*slot as usize) {
                        *value = u64::from_le_bytes(*bits);
                    }
                }
            }
            if differences == 0 {
                return rest;
            }
        }
        values.copy_from_slice(defaults);
        self.read_some(bytes, values)
    }

    /// The same when fields are missing.
    #[inline(never)]
    fn read_some<'a>(&self, bytes: &'a [u8], values: &mut [u64]) -> &'a [u8] {
        each(bytes, &self.fields, |(_, slot), bits| {
            if let (Some(bits), Some(value)) = (bits, values.get_mut(*slot as usize)) {
                *value = u64::from_le_bytes(*bits);
            }
        })
    }

    /// Whether a row has so many cells and the first of these fields are they, in turn.
    pub(super) fn are_cells(&self, cells: usize) -> bool {
        let in_turn = (0..).zip(&self.fields).take_while(|(index, (_, slot))| slot == index);
        self.fill_rows && in_turn.count() >= cells
    }

    /// The first of these fields.
    #[inline]
    pub(super) fn first(&self, count: usize) -> Option<Cells<'_>> {
        self.fields.get(..count).map(Cells)
    }
}

/// Fields that are the cells of a row, in turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cells<'a>(&'a [(u8, u32)]);

impl Cells<'_> {
    /// The sum of these fields, each times its weight, added in their order; and what is left of the record.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "as for `RowScorer::score_framed`")]
    pub(super) fn weigh<'b>(self, bytes: &'b [u8], weights: &[f64]) -> (f64, &'b [u8]) {
        if let Some((head, rest)) = bytes.split_at_checked(9 * weights.len()) {
            let (sum, differences) = weigh(head.as_chunks::<9>().0, self.0, weights);
            if differences == 0 {
                return (sum, rest);
            }
        }
        self.weigh_some(bytes, weights)
    }

    /// The same when fields are missing, which are 0 then.
    #[inline(never)]
    fn weigh_some<'b>(self, bytes: &'b [u8], weights: &[f64]) -> (f64, &'b [u8]) {
        let (mut sum, mut weights) = (0.0, weights.iter());
        let rest = each(bytes, self.0, |_, bits| {
            if let Some(weight) = weights.next() {
                sum += weight * bits.map_or(0.0, |bits| f64::from_le_bytes(*bits));
            }
        });
        (sum, rest)
    }
}

/// Takes fields in turn, each with its bits if it is there; returns what is left of the record.
#[inline]
fn each<'a>(mut bytes: &'a [u8], fields: &[(u8, u32)], mut take: impl FnMut(&(u8, u32), Option<&[u8; 8]>)) -> &'a [u8] {
    for field in fields {
        match bytes.split_first_chunk::<9>() {
            Some(([key, bits @ ..], rest)) if *key == field.0 => {
                take(field, Some(bits));
                bytes = rest;
            }
            _ => take(field, None),
        }
    }
    bytes
}

/// The sum of doubles, each times its weight, added in their order; and not 0 when one of the keys is another.
#[inline]
fn weigh(doubles: &[[u8; 9]], fields: &[(u8, u32)], weights: &[f64]) -> (f64, u8) {
    let (mut sum, mut differences) = (0.0, 0);
    let mut one = |[first, bits @ ..]: &[u8; 9], (key, _): &(u8, u32), weight: &f64| {
        differences |= key ^ first;
        sum += weight * f64::from_le_bytes(*bits);
    };
    // Four at a time, which the compiler writes out.
    let ((fours, left), (four_fields, fields), (four_weights, weights)) = (
        doubles.as_chunks::<4>(),
        fields.as_chunks::<4>(),
        weights.as_chunks::<4>(),
    );
    for ((doubles, fields), weights) in fours.iter().zip(four_fields).zip(four_weights) {
        for ((double, field), weight) in doubles.iter().zip(fields).zip(weights) {
            one(double, field, weight);
        }
    }
    for ((double, field), weight) in left.iter().zip(fields).zip(weights) {
        one(double, field, weight);
    }
    (sum, differences)
}
