//! The domain `ai.onnx.ml`.

use std::sync::Arc;

use serving_model::ModelError;

use super::trees;
use super::{Translated, same};
use crate::array::{Array, DType, Text};
use crate::graph::Op;
use crate::onnx::node::{Maker, Source};
use crate::ops::Classical;
use crate::ops::classical::Labels;
use crate::ops::classical::encoders::{Encoder, Keys};
use crate::ops::classical::features::{Features, Norm};
use crate::ops::classical::linear::Linear;
use crate::ops::classical::maps::Maps;
use crate::ops::classical::scores::PostTransform;
use crate::ops::classical::support_vectors::{KernelKind, SupportClasses, SupportVectors};
use crate::trouble::Trouble;

pub(super) fn translate(node: &Source<'_>, maker: &mut Maker<'_>) -> Translated {
    let what = match node.operator() {
        "TreeEnsemble" => Classical::Trees(Arc::new(trees::ensemble(node)?)),
        "TreeEnsembleRegressor" | "TreeEnsembleClassifier" => Classical::Trees(Arc::new(trees::by_lists(node)?)),
        "LinearRegressor" | "LinearClassifier" => Classical::Linear(Arc::new(linear(node)?)),
        "SVMRegressor" | "SVMClassifier" => Classical::SupportVectors(Arc::new(support_vectors(node)?)),
        "LabelEncoder" if node.version < 2 => Classical::Encode(label_encoder_1(node)?),
        "LabelEncoder" => Classical::Encode(label_encoder(node)?),
        "CategoryMapper" => Classical::Encode(category_mapper(node)?),
        "OneHotEncoder" => Classical::Encode(one_hot(node)?),
        "DictVectorizer" => Classical::Maps(Maps::Vectorize {
            vocabulary: labels(node, "int64_vocabulary", "string_vocabulary")?,
        }),
        "ZipMap" => Classical::Maps(Maps::Zip {
            keys: labels(node, "classlabels_int64s", "classlabels_strings")?,
        }),
        "CastMap" => Classical::Maps(cast_map(node)?),
        _ => Classical::Features(match features(node)? {
            Some(features) => features,
            None => return Ok(None),
        }),
    };
    same(Op::Classical(what), node, maker)
}

fn features(node: &Source<'_>) -> Result<Option<Features>, ModelError> {
    let or = |values: &[f32], otherwise: f32| {
        if values.is_empty() {
            vec![otherwise]
        } else {
            values.to_vec()
        }
    };
    Ok(Some(match node.operator() {
        "Scaler" => Features::Scale {
            offset: or(node.floats("offset"), 0.0),
            scale: or(node.floats("scale"), 1.0),
        },
        "Normalizer" => Features::Normalize(match node.text("norm").unwrap_or("MAX") {
            "MAX" => Norm::Maximum,
            "L1" => Norm::Sum,
            "L2" => Norm::Euclidean,
            other => return Err(node.invalid(format!("norm '{other}'"))),
        }),
        "Imputer" => {
            let floats = node.floats("imputed_value_floats");
            if floats.is_empty() {
                let values = node.integers("imputed_value_int64s").unwrap_or_default();
                Features::Impute {
                    replaced: node.integer("replaced_value_int64").unwrap_or(0) as f64,
                    values: values.iter().map(|value| *value as f64).collect(),
                }
            } else {
                Features::Impute {
                    replaced: node.float("replaced_value_float").unwrap_or(0.0),
                    values: floats.iter().map(|value| f64::from(*value)).collect(),
                }
            }
        }
        "Binarizer" => Features::Binarize {
            threshold: node.float("threshold").unwrap_or(0.0),
        },
        "FeatureVectorizer" => Features::Join {
            widths: node.counts("inputdimensions")?,
        },
        "ArrayFeatureExtractor" => Features::Pick,
        _ => return Ok(None),
    }))
}

pub(super) fn transform(node: &Source<'_>) -> Result<PostTransform, ModelError> {
    let name = node.text("post_transform").unwrap_or_default();
    PostTransform::named(name).ok_or_else(|| node.invalid(format!("post_transform '{name}'")))
}

/// Labels by whichever attribute there is.
pub(super) fn labels(node: &Source<'_>, integers: &str, texts: &str) -> Result<Labels, ModelError> {
    let names = node.texts(texts)?;
    if names.is_empty() {
        Ok(Labels::Integers(node.integers(integers).unwrap_or_default().to_vec()))
    } else {
        Ok(Labels::Texts(names.into_iter().map(Text::from).collect()))
    }
}

fn linear(node: &Source<'_>) -> Result<Linear, ModelError> {
    let weights = node.floats("coefficients").to_vec();
    let classes = if node.operator() == "LinearClassifier" {
        Some(labels(node, "classlabels_ints", "classlabels_strings")?)
    } else {
        None
    };
    let bias = node.floats("intercepts").to_vec();
    let outputs = match &classes {
        // Without labels, the intercepts tell how many sums there are.
        Some(labels) if bias.is_empty() => labels.len(),
        Some(_) => bias.len(),
        None => node.count("targets", 1)?,
    };
    if outputs == 0 || weights.is_empty() || !weights.len().is_multiple_of(outputs) {
        return Err(node.invalid(format!("{} coefficients for {outputs} sums", weights.len())));
    }
    let lone = outputs == 1 && classes.as_ref().is_some_and(|labels| labels.len() == 2);
    if classes.as_ref().is_some_and(|labels| labels.len() != outputs && !lone) {
        return Err(node.invalid(format!("there is not one label for each of {outputs} sums")));
    }
    if !bias.is_empty() && bias.len() != outputs {
        return Err(node.invalid(format!("{} intercepts for {outputs} sums", bias.len())));
    }
    Ok(Linear {
        weights,
        outputs,
        bias,
        transform: transform(node)?,
        classes,
    })
}

fn support_vectors(node: &Source<'_>) -> Result<SupportVectors, ModelError> {
    let kernel = match node.text("kernel_type").unwrap_or("LINEAR") {
        "LINEAR" => KernelKind::Linear,
        "POLY" => KernelKind::Polynomial,
        "RBF" => KernelKind::Radial,
        "SIGMOID" => KernelKind::Sigmoid,
        other => return Err(node.invalid(format!("kernel_type '{other}'"))),
    };
    let parameter = |n: usize| f64::from(node.floats("kernel_params").get(n).copied().unwrap_or(0.0));
    let classifier = node.operator() == "SVMClassifier";
    let per_class = node.counts("vectors_per_class")?;
    let count = if classifier {
        per_class.iter().fold(0_usize, |sum, count| sum.saturating_add(*count))
    } else {
        node.count("n_supports", 0)?
    };
    let (vectors, coefficients) = (node.floats("support_vectors"), node.floats("coefficients"));
    if count > 0 && (vectors.is_empty() || !vectors.len().is_multiple_of(count)) {
        return Err(node.invalid(format!("{} numbers for {count} support vectors", vectors.len())));
    }
    let classes = if classifier {
        let labels = labels(node, "classlabels_ints", "classlabels_strings")?;
        let (a, b) = (node.floats("prob_a"), node.floats("prob_b"));
        if a.len() != b.len() {
            return Err(node.invalid("prob_a and prob_b differ in length"));
        }
        if count > 0 && per_class.len() != labels.len() {
            return Err(node.invalid("there is not one number of vectors for each class"));
        }
        Some(SupportClasses {
            labels,
            per_class,
            sigmoids: a.iter().copied().zip(b.iter().copied()).collect(),
        })
    } else {
        None
    };
    let outputs = classes.as_ref().map_or(1, |classes| classes.labels.len());
    let lines = if classifier { outputs.saturating_sub(1) } else { 1 };
    let fits = if count > 0 {
        coefficients.len() == lines.saturating_mul(count)
    } else {
        outputs > 0 && !coefficients.is_empty() && coefficients.len().is_multiple_of(outputs)
    };
    if !fits {
        return Err(node.invalid(format!(
            "{} coefficients for {count} support vectors",
            coefficients.len()
        )));
    }
    Ok(SupportVectors {
        // Without support vectors, there is only a linear function.
        kernel: if count > 0 { kernel } else { KernelKind::Linear },
        gamma: parameter(0),
        offset: parameter(1),
        degree: parameter(2),
        vectors: vectors.to_vec(),
        count,
        coefficients: coefficients.to_vec(),
        rho: node.floats("rho").to_vec(),
        transform: transform(node)?,
        one_class: node.flag("one_class"),
        classes,
    })
}

fn vector<T: crate::array::Element>(values: Vec<T>) -> Array {
    Array::new(vec![values.len()], values)
}

fn texts(node: &Source<'_>, name: &str) -> Result<Array, ModelError> {
    Ok(vector(node.texts(name)?.into_iter().map(Text::from).collect()))
}

fn trouble(node: &Source<'_>, trouble: &Trouble) -> ModelError {
    node.invalid(trouble.message.clone())
}

/// Version 1: texts to their places, or places to texts.
fn label_encoder_1(node: &Source<'_>) -> Result<Encoder, ModelError> {
    let names = texts(node, "classes_strings")?;
    let places = vector((0..names.len() as i64).collect());
    pairs(node, names, places)
}

fn category_mapper(node: &Source<'_>) -> Result<Encoder, ModelError> {
    let numbers = node.integers("cats_int64s").unwrap_or_default().to_vec();
    pairs(node, texts(node, "cats_strings")?, vector(numbers))
}

fn pairs(node: &Source<'_>, names: Array, numbers: Array) -> Result<Encoder, ModelError> {
    if names.len() != numbers.len() {
        return Err(node.invalid("texts and numbers differ in number"));
    }
    let keys = |array: &Array| Keys::new(array, false).map_err(|error| trouble(node, &error));
    Ok(Encoder::Categories {
        texts: keys(&names)?,
        numbers: keys(&numbers)?,
        otherwise: Box::new((
            Array::scalar(Text::from(node.text("default_string").unwrap_or("_Unused"))),
            Array::scalar(node.integer("default_int64").unwrap_or(-1)),
        )),
        pairs: Box::new((names, numbers)),
    })
}

fn label_encoder(node: &Source<'_>) -> Result<Encoder, ModelError> {
    let side = |name: &str| -> Result<Option<Array>, ModelError> {
        if let Some(tensor) = node.tensor(&format!("{name}_tensor"))? {
            return tensor
                .reshaped(vec![tensor.len()])
                .map(Some)
                .map_err(|error| trouble(node, &error));
        }
        if let Some(values) = node
            .integers(&format!("{name}_int64s"))
            .filter(|values| !values.is_empty())
        {
            return Ok(Some(vector(values.to_vec())));
        }
        let floats = node.floats(&format!("{name}_floats"));
        if !floats.is_empty() {
            return Ok(Some(vector(floats.to_vec())));
        }
        let names = texts(node, &format!("{name}_strings"))?;
        Ok((names.len() > 0).then_some(names))
    };
    let (Some(keys), Some(values)) = (side("keys")?, side("values")?) else {
        return Err(node.invalid("keys or values are missing"));
    };
    if keys.len() != values.len() {
        return Err(node.invalid("keys and values differ in number"));
    }
    let otherwise = match node.tensor("default_tensor")? {
        Some(tensor) => tensor,
        None => match values.dtype() {
            DType::Text => Array::scalar(Text::from(node.text("default_string").unwrap_or("_Unused"))),
            DType::F32 => Array::scalar(node.float("default_float").unwrap_or(-0.0) as f32),
            dtype => {
                let number = Array::scalar(node.integer("default_int64").unwrap_or(-1));
                crate::ops::convert::cast(&number, dtype).map_err(|error| trouble(node, &error))?
            }
        },
    };
    if otherwise.dtype() != values.dtype() {
        return Err(node.invalid(format!("a default of {} for {}", otherwise.dtype(), values.dtype())));
    }
    let keys = Keys::new(&keys, node.version >= 4).map_err(|error| trouble(node, &error))?;
    Ok(Encoder::Values {
        // What is not a number equals no key before version 4.
        keys: if node.version < 4 { keys.without_nan() } else { keys },
        values,
        otherwise,
    })
}

fn one_hot(node: &Source<'_>) -> Result<Encoder, ModelError> {
    let categories = labels(node, "cats_int64s", "cats_strings")?.to_array();
    if categories.len() == 0 {
        return Err(node.invalid("there are no categories"));
    }
    Ok(Encoder::OneHot {
        keys: Keys::new(&categories, false).map_err(|error| trouble(node, &error))?,
        count: categories.len(),
        zeros: node.integer("zeros").unwrap_or(1) != 0,
    })
}

fn cast_map(node: &Source<'_>) -> Result<Maps, ModelError> {
    Ok(Maps::Cast {
        to: match node.text("cast_to").unwrap_or("TO_FLOAT") {
            "TO_FLOAT" => DType::F32,
            "TO_STRING" => DType::Text,
            "TO_INT64" => DType::I64,
            other => return Err(node.invalid(format!("cast_to '{other}'"))),
        },
        length: match node.text("map_form").unwrap_or("DENSE") {
            "DENSE" => None,
            "SPARSE" => Some(node.count("max_map", 1)?),
            other => return Err(node.invalid(format!("map_form '{other}'"))),
        },
    })
}
