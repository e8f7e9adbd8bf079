//! Flat data and tight loops, shared by all formats: a format's front end recognises a tree ensemble, a linear or a dense
//! part and hands it to a kernel.

pub mod activation;
mod aligned;
pub mod convolution;
pub mod dense;
pub mod error_function;
mod lanes;
pub mod linear;
pub mod probability;
#[cfg(test)]
mod testing;
pub mod trees;
