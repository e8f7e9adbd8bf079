//! Names, types and widths of what goes into a model and what comes out.

use crate::wire::{FieldInfo, FieldType};

/// Type of a field's values as the model declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataType {
    /// 64-bit IEEE 754.
    Double,
    /// 32-bit IEEE 754.
    Float,
    /// Signed integer, at most 64 bits.
    Long,
    /// True or false.
    Boolean,
    /// UTF-8 text; categories are text too.
    String,
}

impl DataType {
    /// The type's number on the wire.
    #[must_use]
    pub fn to_wire(self) -> FieldType {
        match self {
            Self::Double => FieldType::FieldDouble,
            Self::Float => FieldType::FieldFloat,
            Self::Long => FieldType::FieldLong,
            Self::Boolean => FieldType::FieldBoolean,
            Self::String => FieldType::FieldString,
        }
    }

    /// The type behind a number on the wire; `None` for one that this build does not know.
    #[must_use]
    pub fn from_wire(number: i32) -> Option<Self> {
        match FieldType::try_from(number).ok()? {
            FieldType::Unspecified => None,
            FieldType::FieldDouble => Some(Self::Double),
            FieldType::FieldFloat => Some(Self::Float),
            FieldType::FieldLong => Some(Self::Long),
            FieldType::FieldBoolean => Some(Self::Boolean),
            FieldType::FieldString => Some(Self::String),
        }
    }
}

/// One input or output of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Name within the model.
    pub name: String,
    /// Type as the model declares it. A cell may hold another one; converting it is the model's business.
    pub data_type: DataType,
    /// Shape of one row's value, without the batch axis; empty for a scalar. `None` when an axis is only known at run time:
    /// such a model is called as a whole (see [`TensorModel`](crate::TensorModel)) and can't be scored by rows.
    pub shape: Option<Vec<u32>>,
    /// Outputs: every text that a [`Label`](crate::Tag::Label) cell of this field can stand for, by code. Inputs: the values
    /// that the model declares, for people; empty when it declares none.
    pub labels: Vec<String>,
    /// The value is a list: a cell of text that holds it as a JSON array (see [`ListItems`](crate::ListItems)).
    pub list: bool,
    /// For people: interval, treatment of missing and invalid values, and the like.
    pub notes: String,
}

impl Field {
    /// A scalar field without labels.
    #[must_use]
    pub fn scalar(name: impl Into<String>, data_type: DataType) -> Self {
        Self {
            name: name.into(),
            data_type,
            shape: Some(Vec::new()),
            labels: Vec::new(),
            list: false,
            notes: String::new(),
        }
    }

    /// A field of lists.
    #[must_use]
    pub fn list(name: impl Into<String>) -> Self {
        Self {
            list: true,
            ..Self::scalar(name, DataType::String)
        }
    }

    /// A tensor field; `shape` is that of one row.
    #[must_use]
    pub fn tensor(name: impl Into<String>, data_type: DataType, shape: Option<Vec<u32>>) -> Self {
        Self {
            shape,
            ..Self::scalar(name, data_type)
        }
    }

    /// Cells that one row of this field takes: 1 for a scalar; `None` when the shape is only known at run time or
    /// its product exceeds `u32`.
    #[must_use]
    pub fn width(&self) -> Option<u32> {
        self.shape
            .as_ref()?
            .iter()
            .try_fold(1_u32, |width, axis| width.checked_mul(*axis))
    }

    /// The field as the boundary describes it.
    #[must_use]
    pub fn to_wire(&self) -> FieldInfo {
        FieldInfo {
            name: self.name.clone(),
            r#type: self.data_type.to_wire().into(),
            width: self.width().unwrap_or(0),
            shape: self.shape.clone().unwrap_or_default(),
            labels: self.labels.clone(),
            list: self.list,
        }
    }
}

/// Inputs and outputs of a model. Rows hold the fields in this order, each as [`width`](Field::width) neighbouring cells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schema {
    /// What the model reads.
    pub inputs: Vec<Field>,
    /// What the model answers.
    pub outputs: Vec<Field>,
}

impl Schema {
    /// Cells of one input row, `None` when a shape is only known at run time.
    #[must_use]
    pub fn input_width(&self) -> Option<usize> {
        total_width(&self.inputs)
    }

    /// Cells of one output row, `None` when a shape is only known at run time.
    #[must_use]
    pub fn output_width(&self) -> Option<usize> {
        total_width(&self.outputs)
    }
}

fn total_width(fields: &[Field]) -> Option<usize> {
    fields
        .iter()
        .try_fold(0_usize, |sum, field| sum.checked_add(field.width()? as usize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_one_cell_of_text_and_says_so_on_the_wire() {
        let (list, scalar) = (
            Field::list("items").to_wire(),
            Field::scalar("item", DataType::String).to_wire(),
        );
        assert!(list.list && !scalar.list);
        assert_eq!((list.width, list.r#type), (scalar.width, scalar.r#type));
    }
}
