//! The path for a document that is a single linear equation, against the general path: same answers, to the bit.
#![allow(clippy::unwrap_used, clippy::format_collect)]

mod common;

use common::{answers, document, load};
use proptest::prelude::*;
use serving_model::{Block, Tag};

fn equation(intercept: f64, weights: &[f64]) -> String {
    let field = |name: &str| format!(r#"<DataField name="{name}" optype="continuous" dataType="double"/>"#);
    let fields: String = (0..weights.len())
        .map(|i| field(&format!("x{i}")))
        .chain([field("y")])
        .collect();
    let active: String = (0..weights.len())
        .map(|i| format!(r#"<MiningField name="x{i}"/>"#))
        .collect();
    let terms: String = weights
        .iter()
        .enumerate()
        .map(|(i, weight)| format!(r#"<NumericPredictor name="x{i}" coefficient="{weight}"/>"#))
        .collect();
    document(
        &fields,
        &format!(
            r#"<RegressionModel functionName="regression"><MiningSchema>{active}<MiningField name="y" usageType="target"/>
            </MiningSchema><RegressionTable intercept="{intercept}">{terms}</RegressionTable></RegressionModel>"#
        ),
    )
}

proptest! {
    #[test]
    fn a_lone_equation_answers_as_the_general_path_does(
        intercept in -1e3..1e3_f64,
        terms in proptest::collection::vec((-1e3..1e3_f64, -1e6..1e6_f64), 1..12),
        missing in proptest::option::of(0_usize..12),
    ) {
        let weights: Vec<f64> = terms.iter().map(|(weight, _)| *weight).collect();
        let model = load(equation(intercept, &weights).as_bytes()).unwrap();
        // The same numbers twice: as doubles, and as text, which only the general path reads.
        let mut block = Block::new(terms.len());
        block.reset(2);
        for (slot, (_, value)) in terms.iter().enumerate() {
            if Some(slot) != missing {
                block.set_double(0, slot, *value);
                block.set_text(1, slot, &value.to_string());
            }
        }
        prop_assert_eq!(block.tags(1).contains(&(Tag::Double as u8)), false);
        let both = answers(&model, &block);
        prop_assert_eq!(&both[0], &both[1]);
        let absent = missing.is_some_and(|slot| slot < terms.len());
        prop_assert_eq!(both[0].contains("null"), absent);
    }
}
