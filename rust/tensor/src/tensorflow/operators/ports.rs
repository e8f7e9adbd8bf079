//! Outputs of operators: how many there are, and what they are called where functions refer to them by name.

use crate::tensorflow::proto::NodeDef;

/// Names of the outputs of operators that have several; a function refers to them by these.
fn output_names(operator: &str) -> Option<&'static [&'static str]> {
    Some(match operator {
        "TopK" | "TopKV2" => &["values", "indices"],
        "Unique" | "UniqueV2" => &["y", "idx"],
        "UniqueWithCounts" | "UniqueWithCountsV2" => &["y", "idx", "count"],
        "ListDiff" => &["out", "idx"],
        "Switch" | "RefSwitch" => &["output_false", "output_true"],
        "Merge" | "RefMerge" => &["output", "value_index"],
        "FusedBatchNorm" | "FusedBatchNormV2" | "FusedBatchNormV3" => &[
            "y",
            "batch_mean",
            "batch_variance",
            "reserve_space_1",
            "reserve_space_2",
            "reserve_space_3",
        ],
        "StringSplit" | "StringSplitV2" => &["indices", "values", "shape"],
        "TensorListPopBack" => &["output_handle", "tensor"],
        "TensorListConcat" | "TensorListConcatV2" => &["tensor", "lengths"],
        "TensorArrayV3" => &["handle", "flow"],
        "TensorArrayConcatV3" => &["value", "lengths"],
        "CTCGreedyDecoder" => &["decoded_indices", "decoded_values", "decoded_shape", "log_probability"],
        "NonMaxSuppressionV4" => &["selected_indices", "valid_outputs"],
        "NonMaxSuppressionV5" => &["selected_indices", "selected_scores", "valid_outputs"],
        "CombinedNonMaxSuppression" => &["nmsed_boxes", "nmsed_scores", "nmsed_classes", "valid_detections"],
        "MaxPoolWithArgmax" => &["output", "argmax"],
        "SparseReshape" => &["output_indices", "output_shape"],
        "SparseFillEmptyRows" => &[
            "output_indices",
            "output_values",
            "empty_row_indicator",
            "reverse_index_map",
        ],
        "LookupTableExportV2" => &["keys", "values"],
        "SelfAdjointEigV2" | "Eig" => &["e", "v"],
        "Svd" => &["s", "u", "v"],
        "Qr" => &["q", "r"],
        "LogMatrixDeterminant" => &["sign", "log_abs_determinant"],
        "RaggedRange" => &["rt_nested_splits", "rt_dense_values"],
        "RaggedTensorToSparse" => &["sparse_indices", "sparse_values", "sparse_dense_shape"],
        "StringNGrams" => &["ngrams", "ngrams_splits"],
        "UnicodeDecodeWithOffsets" => &["row_splits", "char_values", "char_to_byte_starts"],
        "UnicodeDecode" => &["row_splits", "char_values"],
        "SparseSlice" | "SparseSplit" | "SparseConcat" | "SparseCross" => {
            &["output_indices", "output_values", "output_shape"]
        }
        "BroadcastGradientArgs" => &["r0", "r1"],
        _ => return None,
    })
}

/// Port of an output that a function names, `None` when the operator has none of this name.
pub(in crate::tensorflow) fn named_port(node: &NodeDef, output: &str, index: usize) -> Option<usize> {
    if let Some(names) = output_names(&node.op) {
        let place = names.iter().position(|name| *name == output)?;
        return Some(place + index);
    }
    if let "ParseExample" | "ParseExampleV2" | "ParseSingleExample" = node.op.as_str() {
        return Some(parsed_port(node, output)? + index);
    }
    if node.op == "RaggedGather" {
        let splits = usize::try_from(node.integer("OUTPUT_RAGGED_RANK").unwrap_or(1)).ok()?;
        return Some(if output == "output_nested_splits" {
            index
        } else {
            splits
        });
    }
    // Of all others, the one output is the only name.
    (index < 1 << 16).then_some(index)
}

/// The first of the values that an example is parsed to: sparse indices, sparse values, sparse shapes, dense values, ragged
/// values, ragged splits.
fn parsed_port(node: &NodeDef, output: &str) -> Option<usize> {
    let types = |name: &str| node.list(name).map_or(0, |list| list.r#type.len());
    let sparse = types("sparse_types");
    let (dense, ragged) = (types("Tdense"), types("ragged_value_types"));
    Some(match output {
        "sparse_indices" => 0,
        "sparse_values" => sparse,
        "sparse_shapes" => 2 * sparse,
        "dense_values" => 3 * sparse,
        "ragged_values" => 3 * sparse + dense,
        "ragged_row_splits" => 3 * sparse + dense + ragged,
        _ => return None,
    })
}

/// Number of outputs of a node; the operator may be unknown.
pub(in crate::tensorflow) fn ports(node: &NodeDef) -> usize {
    let types = |name: &str| node.list(name).map_or(0, |list| list.r#type.len());
    match node.op.as_str() {
        "Unpack" => node.count("num").unwrap_or(1),
        "DynamicPartition" => node.count("num_partitions").unwrap_or(1),
        "Split" | "SplitV" => node.count("num_split").unwrap_or(1),
        "PartitionedCall" | "StatefulPartitionedCall" | "If" | "StatelessIf" | "Case" | "StatelessCase" => {
            types("Tout")
        }
        "While" | "StatelessWhile" => types("T"),
        _ => 1,
    }
}
