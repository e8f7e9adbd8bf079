//! Text.

use std::collections::HashMap;
use std::sync::Arc;

use regex::{Regex, RegexBuilder};
use serving_model::ModelError;

use super::{Translated, same};
use crate::array::Text;
use crate::graph::Op;
use crate::onnx::node::{Maker, Source};
use crate::ops::Texts;
use crate::ops::strings::translated;
use crate::ops::text::{Case, NGrams, Normalizer, Tokenizer, Weighting};

/// Most bytes of a compiled pattern.
const MOST_PATTERN_BYTES: usize = 1 << 22;

pub(super) fn translate(node: &Source<'_>, maker: &mut Maker<'_>) -> Translated {
    let what = match node.operator() {
        "StringConcat" => Texts::Concat,
        "StringSplit" => Texts::Split {
            delimiter: node.text("delimiter").map(str::to_owned),
            most: match node.integer("maxsplit") {
                Some(_) => Some(node.count("maxsplit", 0)?),
                None => None,
            },
        },
        "RegexFullMatch" => {
            let text = node.text("pattern").unwrap_or_default();
            Texts::FullMatch(Box::new(pattern(node, &format!("^(?:{text})$"))?))
        }
        "StringNormalizer" => Texts::Normalize(Arc::new(normalizer(node)?)),
        "TfIdfVectorizer" => Texts::NGrams(Arc::new(n_grams(node)?)),
        _ => return Ok(None),
    };
    same(Op::Texts(what), node, maker)
}

/// onnxruntime's own operators.
pub(super) fn translate_contributed(node: &Source<'_>, maker: &mut Maker<'_>) -> Translated {
    if node.operator() != "Tokenizer" {
        return Ok(None);
    }
    let tokens = node.text("tokenexp").map(|text| pattern(node, text)).transpose()?;
    let separators = node.texts("separators")?;
    let separators = separators.into_iter().filter(|separator| !separator.is_empty());
    let tokenizer = Tokenizer {
        tokens,
        separators: separators.map(|text| pattern(node, text)).collect::<Result<_, _>>()?,
        marks: node.flag("mark"),
        shortest: node.count("mincharnum", 1)?,
        filler: node.text("pad_value").unwrap_or_default().into(),
    };
    same(Op::Texts(Texts::Tokenize(Arc::new(tokenizer))), node, maker)
}

fn pattern(node: &Source<'_>, text: &str) -> Result<Regex, ModelError> {
    // A pattern of any character means characters, line ends included.
    let text = if text == "." { "(?s)." } else { text };
    RegexBuilder::new(&translated(text))
        .size_limit(MOST_PATTERN_BYTES)
        .build()
        .map_err(|error| node.invalid(format!("the pattern '{text}': {error}")))
}

fn normalizer(node: &Source<'_>) -> Result<Normalizer, ModelError> {
    let case_sensitive = node.flag("is_case_sensitive");
    let stopwords = node.texts("stopwords")?.into_iter();
    Ok(Normalizer {
        case: match node.text("case_change_action").unwrap_or("NONE") {
            "LOWER" => Case::Lower,
            "UPPER" => Case::Upper,
            _ => Case::Unchanged,
        },
        case_sensitive,
        stopwords: stopwords
            .map(|word| {
                if case_sensitive {
                    word.to_owned()
                } else {
                    word.to_lowercase()
                }
            })
            .collect(),
    })
}

fn n_grams(node: &Source<'_>) -> Result<NGrams, ModelError> {
    let texts = node.texts("pool_strings")?;
    let pool: Vec<Text> = if texts.is_empty() {
        let numbers = node.integers("pool_int64s").unwrap_or_default();
        numbers.iter().map(|number| number.to_string().into()).collect()
    } else {
        texts.into_iter().map(Text::from).collect()
    };
    let starts = node.counts("ngram_counts")?;
    let places = node.counts("ngram_indexes")?;
    let weights = node.floats("weights");
    let weighting = match node.text("mode").unwrap_or("TF") {
        "TF" => Weighting::Count,
        "IDF" => Weighting::Presence,
        "TFIDF" => Weighting::Both,
        other => return Err(node.unsupported(format!("mode '{other}'"))),
    };
    let mut grams = HashMap::new();
    let mut index = 0;
    for (n, start) in starts.iter().enumerate() {
        let end = starts.get(n + 1).copied().unwrap_or(pool.len());
        let part = pool
            .get(*start..end)
            .ok_or_else(|| node.invalid("the parts of the pool overlap"))?;
        for gram in part.chunks_exact(n + 1) {
            let place = *places
                .get(index)
                .ok_or_else(|| node.invalid("there is not one index for each n-gram"))?;
            let weight = weights.get(index).copied().unwrap_or(1.0);
            grams.insert(gram.to_vec(), (place, weight));
            index += 1;
        }
    }
    let width = places.iter().max().map_or(0, |largest| largest + 1);
    crate::array::elements(&[width]).map_err(|trouble| node.invalid(trouble.message))?;
    let (shortest, longest) = (
        node.count("min_gram_length", 1)?.max(1),
        node.count("max_gram_length", 1)?,
    );
    Ok(NGrams {
        grams,
        width,
        shortest,
        longest: longest.min(starts.len()),
        skips: node.count("max_skip_count", 0)?,
        weighting,
    })
}
