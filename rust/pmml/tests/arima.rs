//! Forecasts of ARIMA, calculated by hand from the parameters of small documents.
#![allow(clippy::unwrap_used)]

mod common;

use common::forecasts::{arima, array, close, forecasts, model, with_series};
use common::{load, score};
use serving_model::ErrorCode;

#[test]
fn arima_forecasts_from_the_series_and_its_conditional_residuals() {
    for (inside, horizons, want) in [
        // 3 + 0.5 * (4 - 3), ...
        (
            arima(r#"constantTerm="3""#, r#"p="1""#, "0.5", "", ""),
            [1, 2, 600],
            [3.5, 3.25, 3.0],
        ),
        // 0.5 * 4 + 0.25 * 2; 0.5 * 2.5 + 0.25 * 4
        (
            arima("", r#"p="2""#, "0.5 0.25", "", ""),
            [1, 2, 2000],
            [2.5, 2.25, 0.0],
        ),
        // differences 1, 2: next 0.5 * 2, then 0.5
        (arima("", r#"p="1" d="1""#, "0.5", "", ""), [1, 2, 600], [5.0, 5.5, 6.0]),
        // mean of the differences 1: 1 + 0.5 * (2 - 1)
        (
            arima(r#"constantTerm="1""#, r#"p="1" d="1""#, "0.5", "", ""),
            [1, 2, 600],
            [5.5, 6.75, 605.0],
        ),
        // second difference 1
        (arima("", r#"d="2""#, "", "", ""), [1, 2, 600], [6.0, 8.0, 1204.0]),
        // the latest residual stands last
        (
            arima(r#"constantTerm="3""#, r#"q="2""#, "", "0.5 0.25", "8 4"),
            [1, 2, 3],
            [7.0, 4.0, 3.0],
        ),
        // residuals 1, 2 - 0.5, 4 - 0.75
        (arima("", r#"q="1""#, "", "0.5", ""), [1, 2, 3], [1.625, 0.0, 0.0]),
        // residuals 0 (no value before), 2 - 0.5, 4 - 1 - 0.5 * 1.5
        (
            arima("", r#"p="1" q="1""#, "0.5", "0.5", ""),
            [1, 2, 3],
            [3.125, 1.5625, 0.78125],
        ),
    ] {
        let document = model("ARIMA", &inside);
        close(&forecasts(&document, &horizons), &want, &inside);
    }
}

#[test]
fn a_seasonal_component_multiplies() {
    let seasonal = |attributes: &str, inside: &str| {
        format!(
            r#"<ARIMA><NonseasonalComponent p="1"><AR>{}</AR></NonseasonalComponent>
            <SeasonalComponent period="2" {attributes}>{inside}</SeasonalComponent></ARIMA>"#,
            array("0.5")
        )
    };
    // (1 - 0.5 B)(1 - 0.5 B^2): 0.5 * 4 + 0.5 * 2 - 0.25 * 1; 0.5 * 2.75 + 0.5 * 4 - 0.25 * 2
    let ar = seasonal(r#"P="1""#, &format!("<AR>{}</AR>", array("0.5")));
    close(&forecasts(&model("ARIMA", &ar), &[1, 2]), &[2.75, 2.875], "AR");
    // y(t) - y(t-2) is 3; next 1.5 + 2, then 0.75 + 4
    let difference = seasonal(r#"D="1""#, "");
    close(
        &forecasts(&model("ARIMA", &difference), &[1, 2, 3]),
        &[3.5, 4.75, 3.875],
        "difference",
    );
    // 0.5 * 4, with residuals one and two back: 0.5 * e(2), then 0.5 * 2 + 0.5 * e(3); their product belongs to lag 3
    let ma = format!(
        "<MA><MACoefficients>{}</MACoefficients><Residuals>{}</Residuals></MA>",
        array("0.5"),
        array("6 2 8")
    );
    close(
        &forecasts(&model("ARIMA", &seasonal(r#"Q="1""#, &ma)), &[1, 2, 3]),
        &[3.0, 5.5, 2.75],
        "MA",
    );
}

#[test]
fn exact_forecasts_are_expectations_from_the_finite_series() {
    let one = r#"<TimeSeries><TimeValue value="3"/></TimeSeries>"#;
    let exact = r#"predictionMethod="exactLeastSquares" constantTerm="1""#;
    // Covariance 0.5, variance 1.25: 1 + (3 - 1) * 0.5 / 1.25
    let ma = arima(exact, r#"q="1""#, "", "0.5", "");
    close(
        &forecasts(&with_series("ARIMA", one, &ma), &[1, 2]),
        &[1.8, 1.0],
        "one value",
    );
    // Values 0 and 2 about the mean: the second is the innovation 2 with variance 1.25 - 0.25 / 1.25 = 1.05
    let two = r#"<TimeSeries><TimeValue value="1"/><TimeValue value="3"/></TimeSeries>"#;
    close(
        &forecasts(&with_series("ARIMA", two, &ma), &[1]),
        &[1.0 + 0.5 / 1.05 * 2.0],
        "two values",
    );
    let ar = arima(exact, r#"p="1""#, "0.5", "", "");
    close(&forecasts(&with_series("ARIMA", one, &ar), &[1, 2]), &[2.0, 1.5], "AR");
    let walk = arima(exact, r#"p="1""#, "1", "", "");
    assert_eq!(
        load(with_series("ARIMA", one, &walk).as_bytes())
            .map(|_| ())
            .unwrap_err()
            .code,
        ErrorCode::ModelInvalid
    );
    // A state with its matrices: 1 + 2, then 1 + 2 * 0.5
    let kalman = format!(
        r#"<ARIMA {exact}><NonseasonalComponent p="1"/><MaximumLikelihoodStat method="kalman"><KalmanState>
        <FinalStateVector>{}</FinalStateVector><TransitionMatrix><Matrix>{}</Matrix></TransitionMatrix>
        <MeasurementMatrix><Matrix>{}</Matrix></MeasurementMatrix></KalmanState></MaximumLikelihoodStat></ARIMA>"#,
        array("2"),
        array("0.5"),
        array("1")
    );
    close(
        &forecasts(&model("ARIMA", &kalman), &[1, 2]),
        &[3.0, 2.0],
        "final state",
    );
}

#[test]
fn regressors_and_outliers_count_into_the_forecast() {
    let walk = |inside: &str| format!(r#"<ARIMA><NonseasonalComponent d="1"/>{inside}</ARIMA>"#);
    let regressor = |attributes: &str, values: &str| {
        format!(
            r#"<DynamicRegressor field="x" {attributes}><Numerator><NonseasonalFactor difference="1">{}</NonseasonalFactor>
            </Numerator><RegressorValues><TimeSeries>{values}</TimeSeries></RegressorValues></DynamicRegressor>"#,
            array("2")
        )
    };
    let values = r#"<TimeValue index="-1" value="1"/><TimeValue index="0" value="1"/><TimeValue index="1" value="1"/>
        <TimeValue index="2" value="3"/><TimeValue index="3" value="5"/>"#;
    for (inside, record, want) in [
        // 4 - 2 * 3 stays, and 2 * 5 comes back
        (regressor(r#"futureValuesMethod="stored""#, values), "h=1", "y=8"),
        (
            regressor(r#"futureValuesMethod="stored""#, values),
            "h=2",
            "FIELD_INVALID: field 'h' does not accept the value 2.0",
        ),
        (regressor(r#"futureValuesMethod="constant""#, values), "h=2", "y=8"),
        // one step later: 4 - 2 * 1 stays, 2 * 3 and 2 * 5 come
        (
            regressor(r#"futureValuesMethod="stored" delay="1""#, values),
            "h=1",
            "y=8",
        ),
        (
            regressor(r#"futureValuesMethod="stored" delay="1""#, values),
            "h=2",
            "y=12",
        ),
        (
            regressor(r#"futureValuesMethod="userSupplied""#, values),
            "h=2 x=10",
            "y=18",
        ),
        (
            regressor(r#"futureValuesMethod="userSupplied""#, values),
            "h=2",
            "y=null",
        ),
        (
            r#"<OutlierEffect type="additive" startTime="2" magnitude="1"/>"#.into(),
            "h=1",
            "y=3",
        ),
        (
            r#"<OutlierEffect type="level" startTime="2" magnitude="1"/>"#.into(),
            "h=1",
            "y=4",
        ),
        (
            r#"<OutlierEffect type="transient" startTime="2" magnitude="1" dampingCoefficient="0.5"/>"#.into(),
            "h=1",
            "y=3.5",
        ),
        (
            r#"<OutlierEffect type="trend" startTime="2" magnitude="1"/>"#.into(),
            "h=2",
            "y=6",
        ),
        (
            r#"<OutlierEffect type="seasonalAdditive" startTime="2" magnitude="1"/>"#.into(),
            "h=1",
            "y=4",
        ),
        (
            r#"<OutlierEffect type="innovational" startTime="2" magnitude="1"/>"#.into(),
            "h=1",
            "y=4",
        ),
    ] {
        assert_eq!(score(&model("ARIMA", &walk(&inside)), record), want, "{inside}");
    }
}
