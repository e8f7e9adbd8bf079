//! Trees and forests of numeric tests run on kernels; the same trees with each test inside a compound predicate run on the
//! general path. Both answer the same, to the bit, whatever is missing, invalid or of another type.
#![allow(clippy::unwrap_used, clippy::format_push_string, clippy::format_collect)]

mod common;

use common::{answers, document, load};
use proptest::prelude::*;
use serving_model::Block;

const FIELDS: usize = 4;
const CLASSES: [&str; 3] = ["a", "b", "c"];

/// Numbers that follow from one.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % end
    }

    fn of<'a>(&mut self, options: &[&'a str]) -> &'a str {
        options[self.below(options.len() as u64) as usize]
    }
}

#[derive(Clone, Copy, Debug)]
struct Kind {
    classifies: bool,
    single: bool,
    /// With each test inside a compound predicate.
    general: bool,
}

const OPERATORS: [&str; 4] = ["lessThan", "lessOrEqual", "greaterThan", "greaterOrEqual"];

fn opposite(operator: &str) -> &'static str {
    match operator {
        "lessThan" => "greaterOrEqual",
        "lessOrEqual" => "greaterThan",
        "greaterThan" => "lessOrEqual",
        _ => "lessThan",
    }
}

fn test(field: u64, operator: &str, value: &str, kind: Kind) -> String {
    let test = format!(r#"<SimplePredicate field="x{field}" operator="{operator}" value="{value}"/>"#);
    if kind.general {
        format!(r#"<CompoundPredicate booleanOperator="and">{test}<True/></CompoundPredicate>"#)
    } else {
        test
    }
}

/// A node with what is below it.
fn node(draw: &mut Draw, predicate: &str, depth: u64, id: &mut u32, kind: Kind) -> String {
    *id += 1;
    let own = *id;
    let count = if depth == 0 { 0 } else { draw.below(4) };
    let mut score = if kind.classifies {
        let scores = CLASSES.map(|class| (class, draw.below(5)));
        let shares: String = scores
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(class, count)| format!(r#"<ScoreDistribution value="{class}" recordCount="{count}"/>"#))
            .collect();
        (format!(r#" score="{}""#, draw.of(&CLASSES)), shares)
    } else {
        let number = draw.below(1000) as f64 / 7.0;
        let number = if kind.single { f64::from(number as f32) } else { number };
        (format!(r#" score="{number}""#), String::new())
    };
    // Inner nodes need no answer.
    if count > 0 && draw.below(4) == 0 {
        score = (String::new(), String::new());
    }
    let mut children = Vec::new();
    while (children.len() as u64) < count {
        let (field, operator) = (draw.below(FIELDS as u64), draw.of(&OPERATORS));
        let value = (draw.below(9) as f64 - 4.0).to_string();
        children.push(test(field, operator, &value, kind));
        if children.len() as u64 + 1 == count {
            match draw.below(4) {
                0 => children.push("<True/>".to_owned()),
                1 => children.push(test(field, opposite(operator), &value, kind)),
                _ => {}
            }
        }
    }
    let mut inside = String::new();
    let mut ids = Vec::new();
    for predicate in &children {
        ids.push(*id + 1);
        inside += &node(draw, predicate, depth - 1, id, kind);
    }
    let default = if ids.is_empty() || draw.below(4) == 0 {
        String::new()
    } else {
        format!(r#" defaultChild="n{}""#, ids[draw.below(ids.len() as u64) as usize])
    };
    format!(
        r#"<Node id="n{own}"{}{default}>{predicate}{}{inside}</Node>"#,
        score.0, score.1
    )
}

const STRATEGIES: [&str; 4] = ["none", "nullPrediction", "lastPrediction", "defaultChild"];

fn tree(draw: &mut Draw, schema: &str, kind: Kind) -> String {
    let (strategy, end) = (
        draw.of(&STRATEGIES),
        draw.of(&["returnNullPrediction", "returnLastPrediction"]),
    );
    let depth = draw.below(6);
    let context = if kind.single { r#" x-mathContext="float""# } else { "" };
    format!(
        r#"<TreeModel functionName="{}" missingValueStrategy="{strategy}" noTrueChildStrategy="{end}"{context}><MiningSchema>
        {schema}</MiningSchema>{}</TreeModel>"#,
        function(kind),
        node(draw, "<True/>", depth, &mut 0, kind)
    )
}

fn function(kind: Kind) -> &'static str {
    if kind.classifies {
        "classification"
    } else {
        "regression"
    }
}

/// A document of one tree, or of several under a method.
fn build(seed: u64, trees: u64, kind: Kind) -> String {
    let mut draw = Draw(seed);
    let data_type = if kind.single {
        "float"
    } else {
        draw.of(&["double", "integer", "double"])
    };
    let mut fields: String = (0..FIELDS)
        .map(|field| format!(r#"<DataField name="x{field}" optype="continuous" dataType="{data_type}"/>"#))
        .collect();
    fields += if kind.classifies {
        r#"<DataField name="y" optype="categorical" dataType="string"/>"#
    } else {
        r#"<DataField name="y" optype="continuous" dataType="double"/>"#
    };
    let schema: String = (0..FIELDS)
        .map(|field| format!(r#"<MiningField name="x{field}"/>"#))
        .collect();
    let target = r#"<MiningField name="y" usageType="target"/>"#;
    let output = if kind.classifies {
        let shares: String = CLASSES
            .iter()
            .map(|class| format!(r#"<OutputField name="p({class})" feature="probability" value="{class}"/>"#))
            .collect();
        format!("<Output>{shares}</Output>")
    } else {
        String::new()
    };
    let around = |inside: &str| format!("<MiningSchema>{schema}{target}</MiningSchema>{output}{inside}");
    if trees == 0 {
        let tree = tree(&mut draw, "", kind).replace("<MiningSchema>\n        </MiningSchema>", &around(""));
        return document(&fields, &tree);
    }
    let method = if kind.classifies {
        draw.of(&["average", "weightedAverage", "majorityVote", "weightedMajorityVote"])
    } else {
        draw.of(&["sum", "average", "weightedAverage", "weightedSum"])
    };
    let treatment = draw.of(&["continue", "skipSegment", "returnMissing"]);
    let threshold = draw.of(&["0.2", "0.6", "1"]);
    let segments: String = (0..trees)
        .map(|_| {
            let weight = draw.below(4) as f64 / 3.0 + 0.1;
            format!(
                r#"<Segment weight="{weight}"><True/>{}</Segment>"#,
                tree(&mut draw, &schema, kind)
            )
        })
        .collect();
    let context = if kind.single { r#" x-mathContext="float""# } else { "" };
    let segmentation = format!(
        r#"<Segmentation multipleModelMethod="{method}" missingPredictionTreatment="{treatment}" missingThreshold="{threshold}">
        {segments}</Segmentation>"#
    );
    let model = format!(
        r#"<MiningModel functionName="{}"{context}>{}</MiningModel>"#,
        function(kind),
        around(&segmentation)
    );
    document(&fields, &model)
}

/// Records of numbers on and between the thresholds; of six some have a hole, one an invalid value, one text and whole
/// numbers, one floats, and one floats and whole numbers.
fn records(seed: u64, inputs: usize) -> Block {
    let mut draw = Draw(seed);
    let mut block = Block::new(inputs);
    block.reset(30);
    for row in 0..block.rows() {
        for slot in 0..inputs {
            let value = (draw.below(21) as f64 - 10.0) / 2.0;
            match row % 6 {
                1 | 2 if draw.below(3) == 0 => {}
                2 if draw.below(6) == 0 => block.set_text(row, slot, "?"),
                3 if draw.below(2) == 0 => block.set_text(row, slot, &value.to_string()),
                4 if draw.below(60) == 0 => block.set_float(row, slot, f32::NAN),
                4 => block.set_float(row, slot, value as f32 / 3.0),
                5 if draw.below(2) == 0 => block.set_float(row, slot, value as f32),
                3 | 5 => block.set_long(row, slot, value as i64),
                0 if draw.below(30) == 0 => block.set_double(row, slot, f64::NAN),
                _ => block.set_double(row, slot, value),
            }
        }
    }
    block
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn kernels_answer_as_the_general_path_does(
        seed in any::<u64>(),
        trees in prop_oneof![Just(0_u64), 1_u64..6, 30_u64..40],
        classifies in any::<bool>(),
        single in any::<bool>(),
    ) {
        let kind = |general| Kind { classifies, single, general };
        let fast = load(build(seed, trees, kind(false)).as_bytes()).unwrap();
        let general = load(build(seed, trees, kind(true)).as_bytes()).unwrap();
        prop_assert_eq!(&fast.schema().inputs, &general.schema().inputs);
        let block = records(seed, fast.schema().inputs.len());
        let (fast, general) = (answers(&fast, &block), answers(&general, &block));
        for (row, (fast, general)) in fast.iter().zip(&general).enumerate() {
            prop_assert_eq!(fast, general, "row {}", row);
        }
    }
}
