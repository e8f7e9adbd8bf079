//! Fields of small documents, and answers that are right but for the last digits.

#![allow(clippy::format_collect)]

use super::score;

/// The field of a number.
pub const X: &str = r#"<DataField name="x" optype="continuous" dataType="double"/>"#;

/// Another one.
pub fn number(name: &str) -> String {
    format!(r#"<DataField name="{name}" optype="continuous" dataType="double"/>"#)
}

/// A field of categories.
pub fn category(name: &str, optype: &str, values: &str) -> String {
    let values: String = values
        .split_whitespace()
        .map(|value| format!(r#"<Value value="{value}"/>"#))
        .collect();
    format!(r#"<DataField name="{name}" optype="{optype}" dataType="string">{values}</DataField>"#)
}

/// A mining schema of `x` and some targets.
pub fn schema(targets: &str) -> String {
    let targets: String = targets
        .split_whitespace()
        .map(|name| format!(r#"<MiningField name="{name}" usageType="target"/>"#))
        .collect();
    format!(r#"<MiningSchema><MiningField name="x"/>{targets}</MiningSchema>"#)
}

/// Output fields as `name feature value target`, `-` for nothing.
pub fn output(fields: &[&str]) -> String {
    let field = |field: &&str| {
        let parts: Vec<&str> = field.split_whitespace().chain(["-", "-"]).collect();
        let attribute = |name: &str, value: &str| match value {
            "-" => String::new(),
            value => format!(r#" {name}="{value}""#),
        };
        format!(
            r#"<OutputField name="{}" feature="{}"{}{}/>"#,
            parts[0],
            parts[1],
            attribute("value", parts[2]),
            attribute("targetField", parts[3])
        )
    };
    format!("<Output>{}</Output>", fields.iter().map(field).collect::<String>())
}

/// Compares an answer `name=value ...`, numbers but for the last digits.
pub fn check(document: &str, record: &str, expected: &str) {
    let got = score(document, record);
    let (wanted, found): (Vec<_>, Vec<_>) = (expected.split(' ').collect(), got.split(' ').collect());
    let alike = |(wanted, found): (&&str, &&str)| {
        let (Some((name, wanted)), Some((other, found))) = (wanted.split_once('='), found.split_once('=')) else {
            return wanted == found;
        };
        name == other
            && match (wanted.parse::<f64>(), found.parse::<f64>()) {
                (Ok(wanted), Ok(found)) => (wanted - found).abs() <= 1e-13 * wanted.abs(),
                _ => wanted == found,
            }
    };
    assert!(
        wanted.len() == found.len() && wanted.iter().zip(&found).all(alike),
        "{record}: {got} instead of {expected}"
    );
}
