//! Looks into a protobuf descriptor set for the fields that a record offers.

use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};
use serving_model::wire::ProtobufLayout;
use serving_model::{ErrorCode, ModelError};

use crate::binding::RecordField;

/// How the bytes of a field are read.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Double,
    Float,
    /// int32, int64, uint32: the varint is the value's 64-bit two's complement.
    Varint,
    /// uint64, which can exceed what a cell's integer holds: larger values become doubles.
    Unsigned,
    ZigZag,
    Boolean,
    Fixed32,
    SignedFixed32,
    Fixed64,
    SignedFixed64,
    String,
    /// Names of the values by number.
    Enum(Vec<(i32, String)>),
}

/// A field of the record, or of a message inside it, that can be bound.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    /// Field numbers from the record down.
    pub path: Vec<u32>,
    pub kind: Kind,
    /// Absent means missing; otherwise absent means the default.
    pub presence: bool,
    pub field: RecordField,
}

// Deeper fields can't be bound: deeper nesting is mostly recursion.
const DEPTH: usize = 4;
const MOST_LEAVES: usize = 10_000;

fn refused(message: String) -> ModelError {
    ModelError::new(ErrorCode::BindingFailed, message)
}

/// All fields of the message that can be bound, nested ones with a dotted name.
pub(super) fn leaves(layout: &ProtobufLayout) -> Result<Vec<Leaf>, ModelError> {
    let set = FileDescriptorSet::decode(layout.file_descriptor_set.as_slice())
        .map_err(|error| refused(format!("the record's descriptor set can't be read: {error}")))?;
    let files = Files { set: &set };
    let (message, proto3) = files
        .message(&layout.message)
        .ok_or_else(|| refused(format!("the descriptor set has no message '{}'", layout.message)))?;
    let mut leaves = Vec::new();
    files.collect(message, proto3, &mut Vec::new(), "", &mut leaves);
    Ok(leaves)
}

struct Files<'a> {
    set: &'a FileDescriptorSet,
}

impl<'a> Files<'a> {
    fn message(&self, full_name: &str) -> Option<(&'a DescriptorProto, bool)> {
        let full_name = full_name.trim_start_matches('.');
        self.set.file.iter().find_map(|file| {
            let rest = in_package(full_name, file.package())?;
            let mut parts = rest.split('.');
            let first = parts.next()?;
            let mut message = file.message_type.iter().find(|message| message.name() == first)?;
            for part in parts {
                message = message.nested_type.iter().find(|nested| nested.name() == part)?;
            }
            Some((message, file.syntax() == "proto3"))
        })
    }

    fn enumeration(&self, full_name: &str) -> Option<&'a EnumDescriptorProto> {
        let full_name = full_name.trim_start_matches('.');
        let top = self.set.file.iter().find_map(|file| {
            let rest = in_package(full_name, file.package())?;
            file.enum_type.iter().find(|found| found.name() == rest)
        });
        top.or_else(|| {
            let (outer, name) = full_name.rsplit_once('.')?;
            self.message(outer)?
                .0
                .enum_type
                .iter()
                .find(|found| found.name() == name)
        })
    }

    fn collect(
        &self,
        message: &DescriptorProto,
        proto3: bool,
        path: &mut Vec<u32>,
        prefix: &str,
        leaves: &mut Vec<Leaf>,
    ) {
        for field in &message.field {
            if leaves.len() >= MOST_LEAVES {
                return;
            }
            let (Ok(number), name) = (u32::try_from(field.number()), format!("{prefix}{}", field.name())) else {
                continue;
            };
            path.push(number);
            let repeated = field.label() == Label::Repeated;
            if field.r#type() == Type::Message {
                if !repeated
                    && path.len() < DEPTH
                    && let Some((nested, nested_proto3)) = self.message(field.type_name())
                {
                    self.collect(nested, nested_proto3, path, &format!("{name}."), leaves);
                }
            } else if let Some(kind) = self.kind(field) {
                leaves.push(Leaf {
                    path: path.clone(),
                    presence: repeated || field.oneof_index.is_some() || !proto3,
                    field: RecordField {
                        name,
                        numeric: !matches!(kind, Kind::String | Kind::Enum(_)),
                        repeated,
                    },
                    kind,
                });
            }
            path.pop();
        }
    }

    fn kind(&self, field: &FieldDescriptorProto) -> Option<Kind> {
        Some(match field.r#type() {
            Type::Double => Kind::Double,
            Type::Float => Kind::Float,
            Type::Int64 | Type::Int32 | Type::Uint32 => Kind::Varint,
            Type::Uint64 => Kind::Unsigned,
            Type::Sint32 | Type::Sint64 => Kind::ZigZag,
            Type::Bool => Kind::Boolean,
            Type::Fixed32 => Kind::Fixed32,
            Type::Sfixed32 => Kind::SignedFixed32,
            Type::Fixed64 => Kind::Fixed64,
            Type::Sfixed64 => Kind::SignedFixed64,
            Type::String => Kind::String,
            Type::Enum => Kind::Enum(
                self.enumeration(field.type_name())?
                    .value
                    .iter()
                    .map(|value| (value.number(), value.name().to_owned()))
                    .collect(),
            ),
            Type::Group | Type::Message | Type::Bytes => return None,
        })
    }
}

fn in_package<'n>(full_name: &'n str, package: &str) -> Option<&'n str> {
    if package.is_empty() {
        Some(full_name)
    } else {
        full_name.strip_prefix(package)?.strip_prefix('.')
    }
}
