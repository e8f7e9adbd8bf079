//! What people want to know of inputs and outputs besides type and labels.

use crate::models::Model;
use crate::models::output::{Feature, OutputField};
use crate::run::write_value;
use crate::strings::Strings;
use crate::treatment::{Invalid, OnMissing, Outliers, Treatment};
use crate::value::{Type, Value};

fn spelled(value: Value, strings: &Strings) -> String {
    let mut text = String::new();
    match value {
        Value::Text(code) => text.push_str(strings.get(code).unwrap_or_default()),
        other => write_value(other, &mut text),
    }
    text
}

/// Range and treatments of an input; what goes without saying is left out.
pub(crate) fn of_input(kind: Type, treatment: &Treatment, strings: &Strings) -> String {
    let mut notes: Vec<String> = Vec::new();
    match kind {
        Type::Date => notes.push("date".into()),
        Type::Time => notes.push("time".into()),
        Type::DateTime => notes.push("dateTime".into()),
        Type::DaysSince(_) => notes.push("date, as days".into()),
        Type::SecondsSince(_) => notes.push("dateTime, as seconds".into()),
        Type::TimeSeconds => notes.push("time, as seconds".into()),
        _ => {}
    }
    for interval in &treatment.intervals {
        notes.push(format!(
            "{}{}, {}{}",
            if interval.low_open { '(' } else { '[' },
            interval.low,
            interval.high,
            if interval.high_open { ')' } else { ']' }
        ));
    }
    if !treatment.missing_texts.is_empty() {
        let texts: Vec<&str> = treatment.missing_texts.iter().map(AsRef::as_ref).collect();
        notes.push(format!("missing values: {}", texts.join(", ")));
    }
    match treatment.on_missing {
        OnMissing::Keep => {}
        OnMissing::Return(_) => notes.push("missing: refused".into()),
        OnMissing::Replace(value) => notes.push(format!("missing: replaced by {}", spelled(value, strings))),
    }
    match treatment.invalid {
        Invalid::Return => {}
        Invalid::AsIs => notes.push("invalid: taken as it is".into()),
        Invalid::AsMissing => notes.push("invalid: taken as missing".into()),
        Invalid::AsValue(value) => notes.push(format!("invalid: replaced by {}", spelled(value, strings))),
    }
    match treatment.outliers {
        Outliers::AsIs => {}
        Outliers::AsMissing => notes.push(format!("outside {} to {}: missing", treatment.low, treatment.high)),
        Outliers::AsExtreme => notes.push(format!("outside {} to {}: clamped", treatment.low, treatment.high)),
    }
    notes.join("; ")
}

/// What an output field of a model holds.
pub(crate) fn of_output(field: &OutputField, model: &Model, strings: &Strings) -> String {
    let class = |class: u32| {
        let class = model.classes.get(class as usize);
        class
            .and_then(|class| strings.get(class.code))
            .unwrap_or("another class")
            .to_owned()
    };
    let ranked = |what: &str, rank: usize| {
        if rank > 1 {
            format!("{what} of rank {rank}")
        } else {
            what.to_owned()
        }
    };
    match &field.feature {
        Feature::PredictedValue => "predicted value".to_owned(),
        Feature::DisplayValue => "predicted value for display".to_owned(),
        Feature::Probability { class: of } => format!("probability of {}", class(*of)),
        Feature::PredictedProbability => "probability of the predicted class".to_owned(),
        Feature::Unmatched => "share of a class that the answer does not name so: 0".to_owned(),
        Feature::Residual { .. } => "residual".to_owned(),
        Feature::Transformed(_) => "computed".to_owned(),
        Feature::EntityId { rank } => ranked("entity", *rank),
        Feature::Affinity { entity: Some(of), .. } => format!("affinity of {}", class(*of)),
        Feature::Affinity { entity: None, rank } => ranked("affinity", *rank),
        Feature::ReasonCode { rank } => ranked("reason code", *rank),
        Feature::Confidence { .. } => "confidence".to_owned(),
        Feature::Interval { .. } => "bound of the confidence interval".to_owned(),
        Feature::Rule(_) => "of the rules that fire".to_owned(),
        Feature::Report | Feature::Nothing => "always missing".to_owned(),
    }
}
