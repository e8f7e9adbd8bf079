//! Distributions of `NaiveBayesModel`.
#![allow(clippy::unwrap_used)]

mod common;

use common::{document, load, score};
use serving_model::ErrorCode;

/// Classes a and b, three and two of five; an input with a distribution within each class.
fn model(distributions: [&str; 2]) -> String {
    let stats: String = ["a", "b"]
        .iter()
        .zip(distributions)
        .filter(|(_, distribution)| !distribution.is_empty())
        .map(|(class, distribution)| format!(r#"<TargetValueStat value="{class}">{distribution}</TargetValueStat>"#))
        .collect::<Vec<_>>()
        .concat();
    document(
        r#"<DataField name="x" optype="continuous" dataType="double"/><DataField name="y" optype="categorical"
        dataType="string"><Value value="a"/><Value value="b"/></DataField>"#,
        &format!(
            r#"<NaiveBayesModel functionName="classification" threshold="0.001"><MiningSchema><MiningField name="x"/>
            <MiningField name="y" usageType="target"/></MiningSchema><Output><OutputField name="p" feature="probability"
            value="a" dataType="double" optype="continuous"/></Output><BayesInputs><BayesInput fieldName="x">
            <TargetValueStats>{stats}</TargetValueStats></BayesInput></BayesInputs><BayesOutput fieldName="y">
            <TargetValueCounts><TargetValueCount value="a" count="3"/><TargetValueCount value="b" count="2"/>
            </TargetValueCounts></BayesOutput></NaiveBayesModel>"#
        ),
    )
}

fn share(document: &str, x: f64) -> f64 {
    let answer = score(document, &format!("x={x}"));
    answer.split_once(" p=").unwrap().1.parse().unwrap()
}

#[test]
fn a_distribution_weighs_the_classes() {
    let poisson = |mean: u32| format!(r#"<PoissonDistribution mean="{mean}"/>"#);
    let [two, five, thirty] = [2, 5, 30].map(poisson);
    let narrow = r#"<UniformDistribution lower="0" upper="4"/>"#;
    let wide = r#"<UniformDistribution lower="2" upper="10"/>"#;
    let gaussian = r#"<GaussianDistribution mean="2" variance="1"/>"#;
    let thirty_of_thirty = (1..=30).map(|k| (30.0 / f64::from(k)).ln()).sum::<f64>() - 30.0;
    for (distributions, x, densities) in [
        (
            [&*two, &*five],
            3.0,
            [8.0 / 6.0 * (-2_f64).exp(), 125.0 / 6.0 * (-5_f64).exp()],
        ),
        ([&two, &five], 0.0, [(-2_f64).exp(), (-5_f64).exp()]),
        // No count is negative: both densities are at the threshold, as they are far out.
        ([&two, &five], -1.0, [0.001, 0.001]),
        ([&two, &five], 100.0, [0.001, 0.001]),
        ([&thirty, &five], 30.0, [thirty_of_thirty.exp(), 0.001]),
        ([narrow, wide], 3.0, [0.25, 0.125]),
        ([narrow, wide], 1.0, [0.25, 0.001]),
        // The class without distribution is left as it is.
        (
            [gaussian, ""],
            0.0,
            [(-2_f64).exp() / (2.0 * std::f64::consts::PI).sqrt(), 1.0],
        ),
    ] {
        let got = share(&model(distributions), x);
        let [a, b] = [3.0 * densities[0], 2.0 * densities[1]];
        assert!(
            (got - a / (a + b)).abs() < 1e-12,
            "{distributions:?} at {x}: {got} for {}",
            a / (a + b)
        );
    }
    assert!(score(&model([&two, &five]), "x=2.5").starts_with("FIELD_INVALID: field 'x'"));
}

#[test]
fn a_distribution_needs_a_density() {
    let any = r#"<AnyDistribution mean="1" variance="1"/>"#;
    for (distribution, code) in [
        (any, ErrorCode::ModelUnsupported),
        (r#"<PoissonDistribution mean="0"/>"#, ErrorCode::ModelInvalid),
        (r#"<UniformDistribution lower="2" upper="2"/>"#, ErrorCode::ModelInvalid),
        (
            r#"<GaussianDistribution mean="2" variance="0"/>"#,
            ErrorCode::ModelInvalid,
        ),
        ("<CauchyDistribution/>", ErrorCode::ModelInvalid),
    ] {
        let error = load(model([distribution, any]).as_bytes()).map(|_| ()).unwrap_err();
        assert_eq!(error.code, code, "{distribution}: {}", error.message);
    }
}
