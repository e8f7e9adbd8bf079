//! Wine records, as the example has them.

use prost::Message;
use serving_model::wire::WineRecord;

/// The numbers of a record, in the order of its fields.
pub const FIELDS: [&str; 11] = [
    "fixed acidity",
    "volatile acidity",
    "citric acid",
    "residual sugar",
    "chlorides",
    "free sulfur dioxide",
    "total sulfur dioxide",
    "density",
    "pH",
    "sulphates",
    "alcohol",
];

/// The message type.
pub const MESSAGE: &str = "flinkserving.WineRecord";

/// What describes the message type.
pub fn set() -> Vec<u8> {
    let proto = concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto");
    protox::compile(["wine_record.proto"], [proto]).unwrap().encode_to_vec()
}

/// A record of these numbers.
pub fn record(values: [f64; 11]) -> WineRecord {
    WineRecord {
        fixed_acidity: values[0],
        volatile_acidity: values[1],
        citric_acid: values[2],
        residual_sugar: values[3],
        chlorides: values[4],
        free_sulfur_dioxide: values[5],
        total_sulfur_dioxide: values[6],
        density: values[7],
        p_h: values[8],
        sulphates: values[9],
        alcohol: values[10],
        data_type: "wine".into(),
    }
}
