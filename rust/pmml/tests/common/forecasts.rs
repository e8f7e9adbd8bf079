//! Documents of time series, and what they forecast.
#![allow(clippy::panic, clippy::format_push_string)]

use super::{document, score};

/// A model of the series 1, 2, 4 (times 0 to 2) with a horizon `h`.
pub fn model(best: &str, inside: &str) -> String {
    let series = r#"<TimeSeries startTime="0" endTime="2"><TimeValue index="0" value="1"/><TimeValue index="1" value="2"/>
        <TimeValue index="2" value="4"/></TimeSeries>"#;
    with_series(best, series, inside)
}

/// The same of another series.
pub fn with_series(best: &str, series: &str, inside: &str) -> String {
    document(
        r#"<DataField name="y" optype="continuous" dataType="double"/>
        <DataField name="x" optype="continuous" dataType="double"/>
        <DataField name="h" optype="continuous" dataType="integer"/>"#,
        &format!(
            r#"<TimeSeriesModel functionName="timeSeries" bestFit="{best}"><MiningSchema>
            <MiningField name="y" usageType="target"/><MiningField name="h" usageType="supplementary"/>
            <MiningField name="x" usageType="supplementary"/></MiningSchema>{series}{inside}</TimeSeriesModel>"#
        ),
    )
}

/// An array of numbers.
pub fn array(values: &str) -> String {
    format!(
        r#"<Array n="{}" type="real">{values}</Array>"#,
        values.split_whitespace().count()
    )
}

/// What is forecast for some horizons.
pub fn forecasts(document: &str, horizons: &[u32]) -> Vec<f64> {
    horizons
        .iter()
        .map(|h| {
            let answer = score(document, &format!("h={h}"));
            let first = answer.split(' ').next().unwrap();
            first
                .strip_prefix("y=")
                .unwrap_or_else(|| panic!("{answer}"))
                .parse()
                .unwrap()
        })
        .collect()
}

/// Compares numbers but for the last digits.
pub fn close(got: &[f64], want: &[f64], what: &str) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (got, want) in got.iter().zip(want) {
        assert!(
            (got - want).abs() <= 1e-9 * want.abs().max(1.0),
            "{what}: {got} for {want}"
        );
    }
}

/// `ARIMA` around a nonseasonal component.
pub fn arima(attributes: &str, orders: &str, ar: &str, ma: &str, residuals: &str) -> String {
    let mut inside = String::new();
    if !ar.is_empty() {
        inside += &format!("<AR>{}</AR>", array(ar));
    }
    if !ma.is_empty() {
        inside += &format!("<MA><MACoefficients>{}</MACoefficients>", array(ma));
        if !residuals.is_empty() {
            inside += &format!("<Residuals>{}</Residuals>", array(residuals));
        }
        inside += "</MA>";
    }
    format!("<ARIMA {attributes}><NonseasonalComponent {orders}>{inside}</NonseasonalComponent></ARIMA>")
}
