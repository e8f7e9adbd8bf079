//! Forecasts, calculated by hand from the parameters of small documents.
#![allow(clippy::unwrap_used)]

mod common;

use common::forecasts::{arima, array, close, forecasts, model};
use common::{document, load, score};
use serving_model::ErrorCode;

#[test]
fn exponential_smoothing_goes_on_with_level_trend_and_season() {
    let level = r#"<Level alpha="0.5" smoothedValue="10"/>"#;
    let trend = |attributes: &str| format!("{level}<Trend_ExpoSmooth {attributes}/>");
    let season = |kind: &str, attributes: &str, before: &str| {
        format!(
            r#"{before}<Seasonality_ExpoSmooth type="{kind}" period="2" {attributes}>{}</Seasonality_ExpoSmooth>"#,
            array("0.5 2")
        )
    };
    let brown2 = r#"<Level alpha="0.5" smoothedValue="10" quadraticSmoothedValue="9"/>"#;
    let brown3 = r#"<Level alpha="0.5" smoothedValue="10" quadraticSmoothedValue="9" cubicSmoothedValue="7"/>"#;
    for (inside, want) in [
        (level.to_owned(), [10.0, 10.0, 10.0]),
        (trend(r#"smoothedValue="2""#), [12.0, 14.0, 16.0]),
        (
            trend(r#"trend="additive" phi="0.5" smoothedValue="2""#),
            [12.0, 14.0, 16.0],
        ),
        // 0.5, 0.5 + 0.25, ... steps
        (
            trend(r#"trend="damped_additive" phi="0.5" smoothedValue="2""#),
            [11.0, 11.5, 11.75],
        ),
        (
            trend(r#"trend="damped_additive" phi="1" smoothedValue="2""#),
            [12.0, 14.0, 16.0],
        ),
        (trend(r#"trend="multiplicative" smoothedValue="2""#), [20.0, 40.0, 80.0]),
        (
            trend(r#"trend="damped_multiplicative" phi="0.5" smoothedValue="16""#),
            [40.0, 80.0, 10.0 * 128_f64.sqrt()],
        ),
        // The series has three values: the next is the second of its period.
        (season("additive", "", level), [12.0, 10.5, 12.0]),
        (season("multiplicative", "", level), [20.0, 5.0, 20.0]),
        (season("additive", r#"phase="2""#, level), [10.5, 12.0, 10.5]),
        (
            season("multiplicative", r#"phase="0""#, &trend(r#"smoothedValue="2""#)),
            [6.0, 28.0, 8.0],
        ),
        // 2 * 10 - 9 and (10 - 9) * 0.5 / 0.5
        (brown2.to_owned(), [12.0, 13.0, 14.0]),
        // 3 * 10 - 3 * 9 + 7 = 10; 3.5 * 10 - 6 * 9 + 2.5 * 7 = -1.5; 10 - 2 * 9 + 7 = -1
        (brown3.to_owned(), [8.0, 5.0, 1.0]),
    ] {
        let document = model(
            "ExponentialSmoothing",
            &format!("<ExponentialSmoothing>{inside}</ExponentialSmoothing>"),
        );
        close(&forecasts(&document, &[1, 2, 3]), &want, &inside);
    }
}

#[test]
fn a_transformed_series_is_transformed_back() {
    for (transformation, want) in [("logarithmic", 2_f64.exp()), ("squareroot", 4.0), ("none", 2.0)] {
        let inside = format!(
            r#"<ExponentialSmoothing transformation="{transformation}"><Level smoothedValue="2"/></ExponentialSmoothing>"#
        );
        close(
            &forecasts(&model("ExponentialSmoothing", &inside), &[1]),
            &[want],
            transformation,
        );
    }
    // The roots of 1, 2, 4 in a random walk: the last one stays.
    let walk = r#"<ARIMA transformation="squareroot"><NonseasonalComponent d="1"/></ARIMA>"#;
    close(&forecasts(&model("ARIMA", walk), &[1, 700]), &[4.0, 4.0], "random walk");
}

const STATE_SPACE: &str = r#"<StateSpaceModel intercept="0.5"><StateVector><Array n="2" type="real">4 1</Array></StateVector>
    <TransitionMatrix><Matrix><Array n="2" type="real">1 1</Array><Array n="2" type="real">0 0.5</Array></Matrix>
    </TransitionMatrix><MeasurementMatrix><Matrix><Array n="2" type="real">1 0</Array></Matrix></MeasurementMatrix>
    <InterceptVector type="state"><Array n="2" type="real">0 1</Array></InterceptVector>
    <PredictedStateCovarianceMatrix><Matrix kind="diagonal"><Array n="2" type="real">3 1</Array></Matrix>
    </PredictedStateCovarianceMatrix><SelectedStateCovarianceMatrix><Matrix kind="diagonal" nbRows="2" nbCols="2"
    diagDefault="1"/></SelectedStateCovarianceMatrix>
    <ObservationVarianceMatrix><Matrix><Array n="1" type="real">1</Array></Matrix></ObservationVarianceMatrix>
    </StateSpaceModel>"#;

#[test]
fn a_state_space_model_starts_at_the_first_step_after_the_series() {
    // States (4, 1), (5, 1.5), (6.5, 1.75); the second part tends to 2, which the first one gains each step.
    let document = model("StateSpaceModel", STATE_SPACE);
    close(&forecasts(&document, &[1, 2, 3]), &[4.5, 5.5, 7.0], "first steps");
    // The first part lacks 2 * (1 - 0.5^n) of 4 + 2 n.
    close(
        &forecasts(&document, &[41, 1001]),
        &[4.5 + 80.0 - 2.0, 4.5 + 2000.0 - 2.0],
        "far steps",
    );
}

#[test]
fn outputs_tell_how_sure_a_forecast_is() {
    let output = r#"<Output><OutputField name="s" feature="standardDeviation" dataType="double"/>
        <OutputField name="e" feature="standardError" dataType="double"/>
        <OutputField name="low" feature="confidenceIntervalLower" value="95" dataType="double"/>
        <OutputField name="high" feature="confidenceIntervalUpper" value="95" dataType="double"/></Output>"#;
    let numbers = |document: &str, h: u32| -> Vec<f64> {
        let answer = score(document, &format!("h={h}"));
        answer
            .split(' ')
            .map(|pair| pair.split_once('=').unwrap().1.parse().unwrap())
            .collect()
    };
    let with = |best: &str, inside: &str| model(best, inside).replace("<TimeSeries ", &format!("{output}<TimeSeries "));
    let z = 1.959_963_984_540_054;
    // Variances of the first part of the state: 3, then 3 + 1 + 1, then with covariance 0.5: 5 + 2 * 0.5 + 1.25 + 1.
    let state = with("StateSpaceModel", STATE_SPACE);
    for (h, value, variance) in [(1, 4.5, 4.0), (2, 5.5, 6.0), (3, 7.0, 9.25)] {
        let s = f64::sqrt(variance);
        close(
            &numbers(&state, h),
            &[value, s, s, value - z * s, value + z * s],
            "state space",
        );
    }
    // Weights 1, 0.5, 0.25 of errors of 2.
    let ar = with("ARIMA", &arima(r#"RMSE="2""#, r#"p="1""#, "0.5", "", ""));
    for (h, value, variance) in [(1, 2.0, 4.0), (2, 1.0, 5.0), (3, 0.5, 5.25)] {
        let s = f64::sqrt(variance);
        close(&numbers(&ar, h), &[value, s, s, value - z * s, value + z * s], "ARIMA");
    }
    // Variances 1 + 0.5 * 4^2 + 0.25 * 8, then 1 + (0.5 + 0.25) * 11; the forecast is 2 + 0.5 * 4 + 0.5 * 4, ...
    let garch = format!(
        r#"<GARCH><ARMAPart constant="2" p="1" q="1"><AR>{}</AR><MA><MACoefficients>{}</MACoefficients><Residuals>{}
        </Residuals></MA></ARMAPart><GARCHPart constant="1" gp="1" gq="1"><ResidualSquareCoefficients><Residuals>{}
        </Residuals><MACoefficients>{}</MACoefficients></ResidualSquareCoefficients><VarianceCoefficients><PastVariances>{}
        </PastVariances><MACoefficients>{}</MACoefficients></VarianceCoefficients></GARCHPart></GARCH>"#,
        array("0.5"),
        array("0.5"),
        array("4"),
        array("4"),
        array("0.5"),
        array("8"),
        array("0.25")
    );
    let garch = with("GARCH", &garch);
    for (h, value, variance) in [(1, 6.0, 11.0), (2, 5.0, 9.25 + 11.0)] {
        let s = f64::sqrt(variance);
        close(
            &numbers(&garch, h),
            &[value, s, s, value - z * s, value + z * s],
            "GARCH",
        );
    }
    close(&forecasts(&garch, &[900]), &[4.0], "GARCH, far");
}

#[test]
fn several_targets_have_a_forecast_each() {
    let document = document(
        r#"<DataField name="a" optype="continuous" dataType="double"/><DataField name="b" optype="continuous"
        dataType="double"/><DataField name="h" optype="continuous" dataType="integer"/>"#,
        r#"<TimeSeriesModel functionName="timeSeries" bestFit="StateSpaceModel"><MiningSchema><MiningField name="a"
        usageType="target"/><MiningField name="b" usageType="target"/><MiningField name="h" usageType="supplementary"/>
        </MiningSchema><Output><OutputField name="pa" feature="predictedValue" dataType="string"/><OutputField name="pb"
        feature="predictedValue" dataType="string"/><OutputField name="again" targetField="a" feature="predictedValue"/>
        </Output><StateSpaceModel><StateVector><Array n="2" type="real">4 1</Array></StateVector>
        <TransitionMatrix><Matrix><Array n="2" type="real">2 0</Array><Array n="2" type="real">0 3</Array></Matrix>
        </TransitionMatrix><MeasurementMatrix><Matrix><Array n="2" type="real">1 0</Array><Array n="2" type="real">0 1</Array>
        </Matrix></MeasurementMatrix></StateSpaceModel></TimeSeriesModel>"#,
    );
    assert_eq!(score(&document, "h=2"), "a=8 b=3 pa=8.0 pb=3.0 again=8");
    assert_eq!(score(&document, ""), "a=4 b=1 pa=4.0 pb=1.0 again=4");
}

#[test]
fn the_horizon_is_the_supplementary_field_or_added() {
    let smoothing = r#"<ExponentialSmoothing><Level smoothedValue="1"/><Trend_ExpoSmooth smoothedValue="1"/>
        </ExponentialSmoothing>"#;
    let whole = model("ExponentialSmoothing", smoothing);
    let names = |document: &str| -> Vec<String> {
        let model = load(document.as_bytes()).unwrap();
        model.schema().inputs.iter().map(|field| field.name.clone()).collect()
    };
    assert_eq!(names(&whole), ["h"]);
    let ahead = whole.replace(r#"<MiningField name="h" usageType="supplementary"/>"#, "");
    assert_eq!(names(&ahead), ["x"]);
    let none = ahead.replace(
        r#"<MiningField name="x" usageType="supplementary"/>"#,
        r#"<MiningField name="x" usageType="order"/>"#,
    );
    assert_eq!(names(&none), ["h"]);
    assert_eq!(score(&none, "h=3"), "y=4");
    assert_eq!(score(&none, ""), "y=2");
    for bad in ["0", "-1", "2.5", "1e300", "NaN"] {
        let answer = score(&whole, &format!("h={bad}"));
        let refused = answer.starts_with("FIELD_INVALID: field 'h'") || (bad == "NaN" && answer == "y=2");
        assert!(refused, "{bad}: {answer}");
    }
    let walk = arima("", r#"d="1""#, "", "", "");
    assert!(score(&model("ARIMA", &walk), "h=900000000000").starts_with("FIELD_INVALID: field 'h'"));
}

#[test]
fn what_can_not_be_forecast_is_refused_when_it_is_loaded() {
    let smoothing = |inside: &str| format!("<ExponentialSmoothing>{inside}</ExponentialSmoothing>");
    let seasons = |attributes: &str, values: &str| {
        smoothing(&format!(
            r#"<Level smoothedValue="1"/><Seasonality_ExpoSmooth type="additive" {attributes}>{}</Seasonality_ExpoSmooth>"#,
            array(values)
        ))
    };
    for (best, inside, code) in [
        (
            "SpectralAnalysis",
            "<SpectralAnalysis/>".to_owned(),
            ErrorCode::ModelUnsupported,
        ),
        (
            "SeasonalTrendDecomposition",
            "<SeasonalTrendDecomposition/>".to_owned(),
            ErrorCode::ModelUnsupported,
        ),
        ("Oracle", String::new(), ErrorCode::ModelInvalid),
        (
            "ARIMA",
            smoothing(r#"<Level smoothedValue="1"/>"#),
            ErrorCode::ModelInvalid,
        ),
        ("ExponentialSmoothing", smoothing("<Level/>"), ErrorCode::ModelInvalid),
        (
            "ExponentialSmoothing",
            seasons(r#"period="3""#, "1 2"),
            ErrorCode::ModelInvalid,
        ),
        (
            "ExponentialSmoothing",
            seasons(r#"period="1e9""#, "1 2"),
            ErrorCode::ModelInvalid,
        ),
        (
            "ExponentialSmoothing",
            seasons(r#"period="0""#, ""),
            ErrorCode::ModelInvalid,
        ),
        ("ARIMA", arima("", r#"p="2""#, "0.5", "", ""), ErrorCode::ModelInvalid),
        ("ARIMA", arima("", r#"d="3""#, "", "", ""), ErrorCode::ModelInvalid),
        ("ARIMA", arima("", r#"d="-1""#, "", "", ""), ErrorCode::ModelInvalid),
        (
            "ARIMA",
            r#"<ARIMA><SeasonalComponent D="60" period="8000"/></ARIMA>"#.to_owned(),
            ErrorCode::ModelInvalid,
        ),
        (
            "StateSpaceModel",
            STATE_SPACE.replace(r#"<Array n="2" type="real">0 0.5</Array>"#, ""),
            ErrorCode::ModelInvalid,
        ),
        (
            "StateSpaceModel",
            STATE_SPACE.replace(r#"nbRows="2" nbCols="2""#, r#"nbRows="99999" nbCols="99999""#),
            ErrorCode::ModelInvalid,
        ),
    ] {
        let document = model(best, &inside);
        let document = document.replace(
            "<TimeSeries ",
            r#"<Output><OutputField name="s" feature="standardError" dataType="double"/></Output><TimeSeries "#,
        );
        // What is invalid is so whether or not something else is unsupported.
        let error = load(document.as_bytes()).map(|_| ()).unwrap_err();
        assert_eq!(error.code, code, "{best} {inside}: {}", error.message);
        assert!(error.place.line > 0, "{best} {inside}");
    }
}
