//! Standard errors of general regression, calculated by hand.
#![allow(clippy::unwrap_used)]

mod common;

use common::{document, load, score};
use serving_model::ErrorCode;

fn model(attributes: &str, covariances: &str) -> String {
    document(
        r#"<DataField name="x" optype="continuous" dataType="double"/>
        <DataField name="y" optype="continuous" dataType="double"/>"#,
        &format!(
            r#"<GeneralRegressionModel functionName="regression" {attributes}><MiningSchema><MiningField name="x"/>
            <MiningField name="y" usageType="target"/></MiningSchema><Output><OutputField name="se"
            feature="standardError" dataType="double" optype="continuous"/><OutputField name="high" value="90"
            feature="confidenceIntervalUpper" dataType="double" optype="continuous"/></Output><ParameterList>
            <Parameter name="p0"/><Parameter name="p1"/></ParameterList><FactorList/><CovariateList>
            <Predictor name="x"/></CovariateList><PPMatrix><PPCell value="1" predictorName="x" parameterName="p1"/>
            </PPMatrix>{covariances}<ParamMatrix><PCell parameterName="p0" beta="0.5"/>
            <PCell parameterName="p1" beta="0.25"/></ParamMatrix></GeneralRegressionModel>"#
        ),
    )
}

const COVARIANCES: &str = r#"<PCovMatrix type="model"><PCovCell pRow="p0" pCol="p0" value="0.04"/>
    <PCovCell pRow="p0" pCol="p1" value="-0.01"/><PCovCell pRow="p1" pCol="p1" value="0.01"/></PCovMatrix>"#;

#[test]
fn the_error_of_the_predictor_runs_through_the_link() {
    // 0.04 - 2 * 2 * 0.01 + 4 * 0.01 for x = 2, where the predictor is 1
    let error = 0.04_f64.sqrt();
    let logit = 1.0 / (1.0 + (-1_f64).exp());
    for (attributes, mean, slope) in [
        (r#"modelType="regression""#, 1.0, 1.0),
        (r#"modelType="generalLinear""#, 1.0, 1.0),
        (r#"modelType="generalizedLinear" linkFunction="identity""#, 1.0, 1.0),
        (
            r#"modelType="generalizedLinear" linkFunction="log""#,
            1_f64.exp(),
            1_f64.exp(),
        ),
        (
            r#"modelType="generalizedLinear" linkFunction="logit""#,
            logit,
            logit * (1.0 - logit),
        ),
        (
            r#"modelType="generalizedLinear" linkFunction="logit" trialsValue="8""#,
            8.0 * logit,
            8.0 * logit * (1.0 - logit),
        ),
        (
            r#"modelType="generalizedLinear" linkFunction="power" linkParameter="0.5""#,
            1.0,
            2.0,
        ),
        (
            r#"modelType="generalizedLinear" linkFunction="cauchit""#,
            0.75,
            0.5 / std::f64::consts::PI,
        ),
    ] {
        let answer = score(&model(attributes, COVARIANCES), "x=2");
        let numbers: Vec<f64> = answer
            .split(' ')
            .map(|pair| pair.split_once('=').unwrap().1.parse().unwrap())
            .collect();
        let want = [mean, slope * error, mean + 1.644_853_626_951_472_7 * slope * error];
        for (got, want) in numbers.iter().zip(want) {
            assert!(
                (got - want).abs() < 1e-10 * want,
                "{attributes}: {numbers:?} for {want}"
            );
        }
    }
    assert_eq!(
        score(&model(r#"modelType="regression""#, COVARIANCES), ""),
        "y=null se=null high=null"
    );
}

#[test]
fn without_covariances_there_is_no_standard_error() {
    for (attributes, covariances, code) in [
        (r#"modelType="regression""#, String::new(), ErrorCode::ModelUnsupported),
        (
            r#"modelType="regression""#,
            COVARIANCES.replace("p1", "p2"),
            ErrorCode::ModelInvalid,
        ),
    ] {
        let error = load(model(attributes, &covariances).as_bytes())
            .map(|_| ())
            .unwrap_err();
        assert_eq!(error.code, code, "{}", error.message);
    }
}
