//! Gaussian processes of one or two training instances, calculated by hand.
#![allow(clippy::unwrap_used)]

mod common;

use common::{document, load, score};
use serving_model::ErrorCode;

fn model(kernel: &str, rows: &str) -> String {
    document(
        r#"<DataField name="a" optype="continuous" dataType="double"/><DataField name="b" optype="continuous"
        dataType="double"/><DataField name="y" optype="continuous" dataType="double"/>"#,
        &format!(
            r#"<GaussianProcessModel functionName="regression"><MiningSchema><MiningField name="a"/>
            <MiningField name="b"/><MiningField name="y" usageType="target"/></MiningSchema>
            <Output><OutputField name="s" feature="standardDeviation" dataType="double" optype="continuous"/></Output>
            {kernel}<TrainingInstances isTransformed="false"><InstanceFields><InstanceField field="a" column="a"/>
            <InstanceField field="b" column="data:b"/><InstanceField field="y" column="y"/></InstanceFields><InlineTable>
            {rows}</InlineTable></TrainingInstances></GaussianProcessModel>"#
        ),
    )
}

fn row(a: f64, b: f64, y: f64) -> String {
    format!("<row><a>{a}</a><b>{b}</b><y>{y}</y></row>")
}

/// Mean and standard deviation.
fn answer(document: &str, record: &str) -> [f64; 2] {
    let answer = score(document, record);
    let numbers: Vec<f64> = answer
        .split(' ')
        .map(|pair| pair.split_once('=').unwrap().1.parse().unwrap())
        .collect();
    numbers.try_into().unwrap()
}

#[test]
fn one_instance_predicts_by_its_covariance() {
    let array = r#"<Lambda><Array n="2" type="real">2 4</Array></Lambda>"#;
    // Differences 2 and 4: over their scales 1 and 1, over 2 both 1 and 2.
    for (kernel, distance) in [
        (
            r#"<RadialBasisKernel gamma="3" noiseVariance="1" lambda="2"/>"#.to_owned(),
            0.5 * (1.0 + 4.0),
        ),
        (
            format!(
                r#"<ARDSquaredExponentialKernel gamma="3" noiseVariance="1">{array}</ARDSquaredExponentialKernel>"#
            ),
            0.5 * 2.0,
        ),
        (
            format!(r#"<AbsoluteExponentialKernel gamma="3" noiseVariance="1">{array}</AbsoluteExponentialKernel>"#),
            2.0,
        ),
        (
            r#"<GeneralizedExponentialKernel gamma="3" degree="3"><Lambda><Array n="2" type="real">2 2</Array></Lambda>
            </GeneralizedExponentialKernel>"#
                .to_owned(),
            1.0 + 8.0,
        ),
    ] {
        let model = model(&kernel, &row(1.0, 1.0, 8.0));
        let covariance = 3.0 * f64::exp(-distance);
        let [mean, deviation] = answer(&model, "a=3 b=5");
        assert!((mean - covariance / 4.0 * 8.0).abs() < 1e-12, "{kernel}");
        assert!(
            (deviation - (3.0 - covariance * covariance / 4.0 + 1.0).sqrt()).abs() < 1e-12,
            "{kernel}"
        );
        assert_eq!(score(&model, "a=3"), "y=null s=null");
    }
}

#[test]
fn several_instances_share_what_they_explain() {
    // Covariances: 2 with itself and the noise, c between the two; the record lies on the first.
    let model = model("<RadialBasisKernel/>", &(row(0.0, 0.0, 3.0) + &row(0.0, 2.0, 1.0)));
    let c = f64::exp(-2.0);
    let determinant = 4.0 - c * c;
    let weights = [(2.0 * 3.0 - c) / determinant, (2.0 - c * 3.0) / determinant];
    let explained = (2.0 - c * c) / determinant + c * (2.0 * c - c) / determinant;
    let [mean, deviation] = answer(&model, "a=0 b=0");
    assert!((mean - (weights[0] + c * weights[1])).abs() < 1e-12);
    assert!((deviation - (1.0 - explained + 1.0).sqrt()).abs() < 1e-12);
}

#[test]
fn what_has_no_covariance_is_refused() {
    let good = row(1.0, 1.0, 8.0);
    for (kernel, rows, code) in [
        ("", good.clone(), ErrorCode::ModelInvalid),
        (
            r#"<RadialBasisKernel lambda="0"/>"#,
            good.clone(),
            ErrorCode::ModelInvalid,
        ),
        (
            r#"<RadialBasisKernel gamma="-1"/>"#,
            good.clone(),
            ErrorCode::ModelInvalid,
        ),
        (
            r#"<RadialBasisKernel noiseVariance="0"/>"#,
            good.repeat(2),
            ErrorCode::ModelInvalid,
        ),
        (
            "<AbsoluteExponentialKernel><Lambda><Array>1</Array></Lambda></AbsoluteExponentialKernel>",
            good.clone(),
            ErrorCode::ModelInvalid,
        ),
        ("<RadialBasisKernel/>", String::new(), ErrorCode::ModelInvalid),
        (
            "<RadialBasisKernel/>",
            good.replace("<b>1</b>", ""),
            ErrorCode::ModelInvalid,
        ),
        ("<RadialBasisKernel/>", good.repeat(5000), ErrorCode::ModelTooLarge),
    ] {
        let error = load(model(kernel, &rows).as_bytes()).map(|_| ()).unwrap_err();
        assert_eq!(error.code, code, "{kernel}: {}", error.message);
    }
    let classification = model("<RadialBasisKernel/>", &good).replace("\"regression\"", "\"classification\"");
    let error = load(classification.as_bytes()).map(|_| ()).unwrap_err();
    assert_eq!(error.code, ErrorCode::ModelUnsupported);
}
