//! Values of fields as the numbers that trees test.

use crate::run::{Direct, Run, Slot, SlotDefinition};
use crate::value::{Type, Value};

/// The fields that trees test.
#[derive(Debug)]
pub(crate) struct Features {
    pub(crate) slots: Box<[Slot]>,
    /// All fields are of type `float`, and so are the numbers.
    pub(crate) single: bool,
    direct: Direct,
}

impl Features {
    pub(crate) fn new(slots: Vec<Slot>, single: bool) -> Self {
        Self {
            slots: slots.into(),
            single,
            direct: Direct::default(),
        }
    }

    /// Finds the cells that can be read straight from the record.
    pub(crate) fn connect(&mut self, slots: &[SlotDefinition]) {
        let kind = if self.single { Type::Float } else { Type::Double };
        self.direct = Direct::of(&self.slots, slots, kind);
    }

    /// Cells of plain numbers; none when a field needs its treatment.
    pub(crate) fn cells(&self) -> &[u32] {
        &self.direct.cells
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.slots) + size_of_val(&*self.direct.cells)
    }
}

/// A value as a number that trees test; `None` when it isn't one.
pub(crate) fn tested(value: Value) -> Option<f64> {
    match value {
        Value::Double(number) => Some(number),
        Value::Float(number) => Some(f64::from(number)),
        Value::Int(number) => Some(number as f64),
        _ => None,
    }
    .filter(|number| !number.is_nan())
}

impl Run<'_> {
    /// Leaves the numbers in `scratch.row`, or in `scratch.row32` when they are single; `false` when one of them is missing or
    /// faulty, so that it depends on the path through a tree what that means.
    #[inline]
    pub(crate) fn features(&mut self, features: &Features) -> bool {
        if !self.direct(&features.direct) {
            self.scratch.row.clear();
            for slot in &features.slots {
                match self.value(*slot).map(tested) {
                    Ok(Some(number)) => self.scratch.row.push(number),
                    _ => return false,
                }
            }
        }
        if features.single {
            let scratch = &mut *self.scratch;
            scratch.row32.clear();
            scratch.row32.extend(scratch.row.iter().map(|number| *number as f32));
        }
        true
    }
}
