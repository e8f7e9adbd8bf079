//! `TextModel`.

use serving_model::ModelError;

use super::matrix::matrix;
use super::model::Draft;
use super::{Compiled, Compiler, array};
use crate::document::Node;
use crate::matrix::Matrix;
use crate::models::Function;
use crate::models::text::{Frequencies, LocalWeights, Text, Vocabulary};
use crate::value::Type;

/// Most words of a term: looking terms up takes as many steps for each word of a text.
const MOST_WORDS: usize = 64;

/// A count that the document repeats must be true.
fn counted(node: Node<'_>, attribute: &str, found: usize) -> Compiled<()> {
    match node.number(attribute)? {
        Some(count) if count != found as f64 => {
            Err(node.invalid(format!("there are {found}, {attribute} says {count}")))
        }
        _ => Ok(()),
    }
}

/// The frequency of each term (column) in each document (row).
fn frequencies(node: Node<'_>, documents: usize, terms: usize) -> Compiled<Matrix> {
    let parent = node.need_child("DocumentTermMatrix")?;
    let found = matrix(parent.need_child("Matrix")?)?;
    if found.values.iter().any(|frequency| *frequency < 0.0) {
        return Err(parent.invalid("a frequency is negative"));
    }
    match (found.rows, found.columns) {
        (rows, columns) if rows == documents && columns == terms => Ok(found),
        // Some write a row for each term.
        (rows, columns) if rows == terms && columns == documents => {
            let mut turned = Matrix::zero(documents, terms);
            for document in 0..documents {
                for term in 0..terms {
                    turned.values[document * terms + term] = found.at(term, document);
                }
            }
            Ok(turned)
        }
        (rows, columns) => Err(parent.invalid(format!(
            "a matrix of {rows} x {columns} for {documents} documents and {terms} terms"
        ))),
    }
}

/// The weight of a term in the corpus. A term that no document has, or whose weight has no limit, weighs nothing.
fn global_weight(name: &str, column: &[f64], node: Node<'_>) -> Compiled<f64> {
    let documents = column.len() as f64;
    let having = column.iter().filter(|frequency| **frequency > 0.0).count() as f64;
    let sum: f64 = column.iter().sum();
    let squares: f64 = column.iter().map(|frequency| frequency * frequency).sum();
    let weight = match name {
        "none" => 1.0,
        "inverseDocumentFrequency" => (documents / having).log10(),
        "GFIDF" => sum / having,
        "normal" => 1.0 / squares.sqrt(),
        "probabilisticInverse" => ((documents - having) / having).log10(),
        other => return Err(node.invalid(format!("unknown globalTermWeights '{other}'"))),
    };
    Ok(if weight.is_finite() { weight } else { 0.0 })
}

impl<'d> Compiler<'d> {
    pub(super) fn text_model(&mut self, draft: &mut Draft<'d>) -> Compiled<Option<Text>> {
        let node = draft.node;
        if draft.function == Function::Regression {
            self.unsupported(node, "functionName regression: the answer is a document");
            return Ok(None);
        }
        let dictionary = node.need_child("TextDictionary")?;
        let terms = array(dictionary.need_child("Array")?)?;
        counted(node, "numberOfTerms", terms.len())?;
        draft.classes.kind = Type::String;
        draft.target_kind = Type::String;
        for (number, document) in node.need_child("TextCorpus")?.all("TextDocument").enumerate() {
            let id = document.need("id")?;
            if self.class(&mut draft.classes, id) as usize != number {
                return Err(document.invalid(format!("two documents have the id '{id}'")));
            }
        }
        let documents = draft.classes.list.len();
        counted(node, "numberOfDocuments", documents)?;
        if documents == 0 || terms.is_empty() {
            return Err(node.invalid("there are no documents or no terms"));
        }
        let mut vocabulary = Vocabulary::default();
        for (number, term) in terms.iter().enumerate() {
            if vocabulary.add(term, number as u32) > MOST_WORDS {
                let message = format!("a term has more than {MOST_WORDS} words");
                return Err(ModelError::too_large(message).at(dictionary.place()));
            }
        }
        let matrix = frequencies(node, documents, terms.len())?;
        let normalization = node.child("TextModelNormalization");
        let setting = |name: &'static str| normalization.and_then(|normalization| normalization.get(name));
        let at = normalization.unwrap_or(node);
        let local = match setting("localTermWeights").unwrap_or("termFrequency") {
            "termFrequency" => LocalWeights::TermFrequency,
            "binary" => LocalWeights::Binary,
            "logarithmic" => LocalWeights::Logarithmic,
            "augmentedNormalizedTermFrequency" => LocalWeights::Augmented,
            other => return Err(at.invalid(format!("unknown localTermWeights '{other}'"))),
        };
        // Without the element frequencies are what they are; its attribute has another default.
        let scheme = match normalization {
            Some(_) => setting("globalTermWeights").unwrap_or("inverseDocumentFrequency"),
            None => "none",
        };
        let mut global = Vec::with_capacity(terms.len());
        for term in 0..terms.len() {
            let column: Vec<f64> = (0..documents).map(|document| matrix.at(document, term)).collect();
            global.push(global_weight(scheme, &column, at)?);
        }
        let normalized = match setting("documentNormalization").unwrap_or("none") {
            "none" => false,
            "cosine" => true,
            other => return Err(at.invalid(format!("unknown documentNormalization '{other}'"))),
        };
        // The schemas spell the element so; the text of the specification does not.
        let similarity = node.child("TextModelSimiliarity").or(node.child("TextModelSimilarity"));
        let cosine = match similarity.and_then(|similarity| similarity.get("similarityType")) {
            None | Some("cosine") => true,
            Some("euclidean" | "euclidian") => false,
            Some(other) => return Err(node.invalid(format!("unknown similarityType '{other}'"))),
        };
        let (mut starts, mut weights) = (vec![0], Vec::new());
        for document in 0..documents {
            Text::vector((local, &global, normalized), matrix.row(document), &mut weights);
            starts.push(weights.len() as u32);
        }
        Ok(Some(Text {
            frequencies: self.text_frequencies(draft, &terms)?,
            vocabulary,
            local,
            global: global.into(),
            normalized,
            cosine,
            starts: starts.into(),
            weights: weights.into(),
        }))
    }

    /// Numbers, when fields are named as terms; else the texts of the mining schema.
    fn text_frequencies(&mut self, draft: &Draft<'d>, terms: &[String]) -> Compiled<Frequencies> {
        let mut fields = Vec::new();
        for (number, term) in terms.iter().enumerate() {
            if let Some(slot) = self.find(draft.scope, term)?
                && self.slots[slot as usize].kind != Type::String
            {
                fields.push((slot, number as u32));
            }
        }
        if !fields.is_empty() {
            return Ok(Frequencies::Fields(fields.into()));
        }
        let mut texts = Vec::new();
        for field in draft.node.need_child("MiningSchema")?.all("MiningField") {
            if field.get("usageType").unwrap_or("active") == "active" {
                let slot = self.resolve(draft.scope, field.need("name")?, field)?;
                if self.slots[slot as usize].kind == Type::String {
                    texts.push(slot);
                }
            }
        }
        if texts.is_empty() {
            return Err(draft.node.invalid("no field holds text, or is named as a term"));
        }
        Ok(Frequencies::Texts(texts.into()))
    }
}
