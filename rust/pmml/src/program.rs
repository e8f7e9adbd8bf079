//! A compiled document: immutable, flat, without a trace of XML.

use crate::expression::Defined;
use crate::models::Model;
use crate::run::SlotDefinition;
use crate::strings::Strings;

/// A compiled document. Model 0 is the outermost one.
#[derive(Debug, Default)]
pub(crate) struct Program {
    pub(crate) strings: Strings,
    pub(crate) slots: Vec<SlotDefinition>,
    pub(crate) functions: Vec<Defined>,
    pub(crate) models: Vec<Model>,
    /// Shares of classes, of all models together.
    pub(crate) shares: usize,
    /// Most steps of one record.
    pub(crate) steps: u64,
    /// The outermost model.
    pub(crate) root: usize,
}
