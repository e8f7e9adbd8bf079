//! Operators on strings, and the ragged tensors that splitting them gives.

use serving_model::ModelError;

use super::call::{Call, Lowered};
use crate::array::{DType, Text};
use crate::graph::Op;
use crate::maker::Maker;
use crate::ops::ragged::{Division, Ragged};
use crate::ops::strings::{
    Count, Fill, Hash, NGrams, Notation, NumberFormat, Replace, Strings, compile, compile_whole,
};

pub(super) fn lower(call: &Call<'_>, maker: &mut Maker<'_>) -> Lowered {
    if let Some(what) = text(call)? {
        return call.same(Op::Strings(what), maker);
    }
    ragged(call, maker)
}

fn text(call: &Call<'_>) -> Result<Option<Strings>, ModelError> {
    let node = call.node;
    let buckets = || {
        let count = node.integer("num_buckets").filter(|count| *count > 0);
        count
            .map(i64::cast_unsigned)
            .ok_or_else(|| call.invalid("attribute 'num_buckets' is not positive"))
    };
    let pattern = |compile: fn(&str) -> Option<regex::Regex>| {
        compile(node.text("pattern")).ok_or_else(|| call.unsupported(&format!("pattern '{}'", node.text("pattern"))))
    };
    let count = |name: &str| {
        if node.text(name) == "UTF8_CHAR" {
            Count::Characters
        } else {
            Count::Bytes
        }
    };
    Ok(Some(match node.op.as_str() {
        "StringLower" => Strings::Lower {
            ascii: node.text("encoding") != "utf-8",
        },
        "StringUpper" => Strings::Upper {
            ascii: node.text("encoding") != "utf-8",
        },
        "StringStrip" => Strings::Strip,
        "StringLength" => Strings::Length(count("unit")),
        "Substr" => Strings::Part(count("unit")),
        "StringJoin" => Strings::Join {
            separator: Text::from(node.text("separator")),
        },
        "ReduceJoin" => Strings::JoinAxes {
            separator: Text::from(node.text("separator")),
            keep_axes: node.flag("keep_dims"),
        },
        "UnsortedSegmentJoin" => Strings::JoinSegments {
            separator: Text::from(node.text("separator")),
        },
        "StringToNumber" => Strings::ToNumber(node.dtype("out_type").unwrap_or(DType::F32)),
        "AsString" => Strings::Format(NumberFormat {
            precision: node
                .integer("precision")
                .and_then(|digits| usize::try_from(digits).ok())
                .filter(|n| *n < 64),
            notation: match (node.flag("scientific"), node.flag("shortest")) {
                (true, _) => Notation::Scientific,
                (false, true) => Notation::Shortest,
                (false, false) => Notation::Fixed,
            },
            width: usize::try_from(node.integer("width").unwrap_or(-1))
                .unwrap_or(0)
                .min(1 << 10),
            fill: match node.text("fill") {
                "0" => Fill::Zeros,
                "-" => Fill::Behind,
                _ => Fill::Before,
            },
        }),
        "StringToHashBucketFast" => Strings::Bucket {
            hash: Hash::Farm,
            buckets: buckets()?,
        },
        "StringToHashBucketStrong" => {
            let key = node.list("key").map(|list| list.i.as_slice()).unwrap_or_default();
            let [first, second] = key else {
                return Err(call.invalid("attribute 'key' needs two entries"));
            };
            Strings::Bucket {
                hash: Hash::Sip([first.cast_unsigned(), second.cast_unsigned()]),
                buckets: buckets()?,
            }
        }
        "StaticRegexReplace" | "RegexReplace" => Strings::Replace(Box::new(Replace {
            known: if node.op == "RegexReplace" {
                None
            } else {
                Some((pattern(compile)?, node.text("rewrite").to_owned()))
            },
            all: !node.attr.contains_key("replace_global") || node.flag("replace_global"),
        })),
        "StaticRegexFullMatch" => Strings::FullMatch(Some(Box::new(pattern(compile_whole)?))),
        "RegexFullMatch" => Strings::FullMatch(None),
        "StringSplitV2" => Strings::Split {
            most: usize::try_from(node.integer("maxsplit").unwrap_or(-1)).ok(),
        },
        "StringSplit" => Strings::SplitAt {
            skip_empty: !node.attr.contains_key("skip_empty") || node.flag("skip_empty"),
        },
        "UnicodeDecode" | "UnicodeDecodeWithOffsets" if node.text("input_encoding") == "UTF-8" => Strings::Decode,
        "UnicodeEncode" if node.text("output_encoding") == "UTF-8" => Strings::Encode,
        "StringNGrams" => Strings::NGrams(Box::new(NGrams {
            separator: Text::from(node.text("separator")),
            widths: node.list("ngram_widths").map(|list| list.i.clone()).unwrap_or_default(),
            left: Text::from(node.text("left_pad")),
            right: Text::from(node.text("right_pad")),
            padding: node.integer("pad_width").unwrap_or(0),
            keep_short: node.flag("preserve_short_sequences"),
        })),
        _ => return Ok(None),
    }))
}

fn ragged(call: &Call<'_>, maker: &mut Maker<'_>) -> Lowered {
    let what = match call.operator() {
        "RaggedTensorToTensor" => {
            let kinds = call
                .node
                .list("row_partition_types")
                .map(|list| list.s.as_slice())
                .unwrap_or_default();
            let division = |kind: &Vec<u8>| match kind.as_slice() {
                b"FIRST_DIM_SIZE" => Ok(Division::FirstLength),
                b"VALUE_ROWIDS" => Ok(Division::RowOfEach),
                b"ROW_SPLITS" => Ok(Division::Splits),
                other => Err(call.unsupported(&format!("rows divided by '{}'", String::from_utf8_lossy(other)))),
            };
            // Shape, values, default; then an input for each.
            Ragged::ToTensor(kinds.iter().map(division).collect::<Result<_, _>>()?)
        }
        "RaggedTensorToSparse" => {
            let axes = call.inputs.len().saturating_sub(1);
            return Ok(Some(maker.many(Op::Ragged(Ragged::ToSparse { axes }), call.inputs, 3)));
        }
        "UnicodeTranscode" => {
            let same = ["input_encoding", "output_encoding"].map(|name| call.node.text(name));
            if same != ["UTF-8"; 2] || call.node.flag("replace_control_characters") {
                return Err(call.unsupported("encodings other than UTF-8"));
            }
            return Ok(Some(vec![call.input(0)?]));
        }
        "RaggedRange" => return Ok(Some(maker.many(Op::Ragged(Ragged::Range), call.inputs, 2))),
        "RaggedGather" => {
            let axes = call.inputs.len().saturating_sub(2);
            return Ok(Some(maker.many(
                Op::Ragged(Ragged::Gather { axes }),
                call.inputs,
                axes + 1,
            )));
        }
        "RaggedBincount" => Ragged::Bincount {
            binary: call.node.flag("binary_output"),
            dtype: call.node.dtype("T")?,
        },
        "SparseCross" => {
            let node = call.node;
            if !node.flag("hashed_output") || !node.dtype("internal_type").is_ok_and(|dtype| dtype == DType::I64) {
                return Err(call.unsupported("combinations that are no hashes"));
            }
            let buckets = node.integer("num_buckets").filter(|count| *count > 0);
            Ragged::Cross {
                sparse: node.count("N")?,
                buckets: buckets.unwrap_or(i64::MAX).cast_unsigned(),
                key: node.integer("hash_key").unwrap_or(0).cast_unsigned(),
            }
        }
        "SparseReshape" => return Ok(Some(maker.many(Op::Ragged(Ragged::SparseReshape), call.inputs, 2))),
        "SparseFillEmptyRows" => {
            return Ok(Some(maker.many(Op::Ragged(Ragged::FillEmptyRows), call.inputs, 4)));
        }
        "SparseTensorDenseMatMul" => Ragged::SparseProduct {
            transpose_left: call.node.flag("adjoint_a"),
            transpose_right: call.node.flag("adjoint_b"),
        },
        _ => return Ok(None),
    };
    call.same(Op::Ragged(what), maker)
}
