//! `GeneralRegressionModel`.

use std::collections::{HashMap, HashSet};

use super::model::Draft;
use super::uncertainty::{Prediction, asked_for};
use super::{Compiled, Compiler, numbers};
use crate::document::Node;
use crate::models::general_regression::{
    Baseline, Cox, Factor, GeneralRegression, Link, ModelType, Parameter, StandardError,
};
use crate::models::regression::{Normalization, Plain};
use crate::models::{Class, Function};
use crate::order::Order;
use crate::run::{Direct, Slot, Source};
use crate::value::Type;

/// A factor's categories and the rows of its contrast matrix.
type Contrast = (Vec<(u8, u64)>, Vec<Vec<f64>>);

impl<'d> Compiler<'d> {
    pub(super) fn general_regression_model(&mut self, draft: &mut Draft<'d>) -> Compiled<Option<GeneralRegression>> {
        let node = draft.node;
        let model_type = match node.need("modelType")? {
            "regression" | "generalLinear" => ModelType::Linear,
            "generalizedLinear" => ModelType::Generalized,
            "multinomialLogistic" => ModelType::Multinomial,
            "ordinalMultinomial" => ModelType::Ordinal,
            "CoxRegression" => ModelType::Cox,
            other => return Err(node.invalid(format!("unknown modelType '{other}'"))),
        };
        let link = Self::link(node, model_type)?;
        let names: Vec<&'d str> = node
            .need_child("ParameterList")?
            .all("Parameter")
            .map(|parameter| parameter.need("name"))
            .collect::<Compiled<_>>()?;
        let listed = |list: &str| -> Compiled<HashMap<&'d str, Node<'d>>> {
            node.child(list)
                .into_iter()
                .flat_map(|list| list.all("Predictor"))
                .map(|predictor| Ok((predictor.need("name")?, predictor)))
                .collect()
        };
        let (factors, _covariates) = (listed("FactorList")?, listed("CovariateList")?);
        // Equations: one per target category but the reference; 'all' where none is named.
        let mut categories: Vec<&'d str> = Vec::new();
        let mut named: HashSet<&'d str> = HashSet::new();
        if draft.function == Function::Classification {
            for cell in node.need_child("ParamMatrix")?.all("PCell") {
                if let Some(category) = cell.get("targetCategory")
                    && named.insert(category)
                {
                    categories.push(category);
                }
            }
        }
        let reference = node.get("targetReferenceCategory");
        let mut classes: Vec<&'d str> = Vec::new();
        if draft.function == Function::Classification {
            let declared = draft
                .target
                .and_then(|name| self.fields.get(name))
                .map(|field| field.values.clone())
                .unwrap_or_default();
            let reference = match reference {
                Some(reference) => Some(reference),
                None if model_type == ModelType::Ordinal => declared.last().copied(),
                None => declared
                    .iter()
                    .copied()
                    .find(|value| !named.is_empty() && !named.contains(value))
                    .or(declared.last().copied()),
            };
            if model_type == ModelType::Ordinal || categories.is_empty() {
                classes.extend(declared.iter().filter(|value| Some(**value) != reference));
            } else {
                classes.clone_from(&categories);
            }
            classes.retain(|value| Some(*value) != reference);
            classes.extend(reference);
            if classes.len() < 2 {
                return Err(node.invalid("a classification needs two target categories"));
            }
            node.reserve(&[classes.len()], size_of::<Class>() + size_of::<f64>())?;
            for text in &classes {
                self.class(&mut draft.classes, text);
            }
        }
        let equations = classes.len().saturating_sub(1).max(1);
        node.reserve(&[names.len(), equations], size_of::<f64>())?;
        let mut parameters: Vec<Parameter> = names
            .iter()
            .map(|_| Parameter {
                factors: Box::default(),
                coefficients: vec![0.0; equations].into(),
            })
            .collect();
        let index: HashMap<&str, usize> = names.iter().enumerate().map(|(index, name)| (*name, index)).collect();
        let mut equation_of: HashMap<&str, usize> = HashMap::new();
        for (equation, class) in classes.iter().take(equations).enumerate() {
            equation_of.entry(class).or_insert(equation);
        }
        for cell in node.need_child("ParamMatrix")?.all("PCell") {
            let name = cell.need("parameterName")?;
            let at = *index
                .get(name)
                .ok_or_else(|| cell.invalid(format!("there is no parameter '{name}'")))?;
            let beta = cell.need_number("beta")?;
            match cell
                .get("targetCategory")
                .filter(|_| equations > 1 || !classes.is_empty())
            {
                Some(category) => {
                    if let Some(equation) = equation_of.get(category) {
                        parameters[at].coefficients[*equation] = beta;
                    }
                }
                None => parameters[at].coefficients.fill(beta),
            }
        }
        let mut lists: HashMap<&'d str, Vec<Factor>> = HashMap::new();
        let mut contrasts: HashMap<&'d str, Contrast> = HashMap::new();
        for cell in node
            .child("PPMatrix")
            .into_iter()
            .flat_map(|matrix| matrix.all("PPCell"))
        {
            let predictor = cell.need("predictorName")?;
            let slot = self.resolve(draft.scope, predictor, cell)?;
            let Some(name) = cell.get("parameterName").filter(|name| index.contains_key(name)) else {
                continue;
            };
            let factor = self.factor(factors.get(predictor).copied(), slot, cell, &mut contrasts)?;
            lists.entry(name).or_default().push(factor);
        }
        for (at, name) in names.iter().enumerate() {
            parameters[at].factors = lists.remove(name).unwrap_or_default().into();
        }
        let field = |compiler: &mut Self, attribute: &str| -> Compiled<Option<Slot>> {
            node.get(attribute)
                .map(|name| compiler.resolve(draft.scope, name, node))
                .transpose()
        };
        let offset_slot = field(self, "offsetVariable")?;
        let trials_slot = field(self, "trialsVariable")?;
        let cox = if model_type == ModelType::Cox {
            Some(Box::new(Cox {
                time: self.resolve(draft.scope, node.need("endTimeVariable")?, node)?,
                baselines: self.baselines(draft, node)?,
            }))
        } else {
            None
        };
        let mut center = 0.0;
        if cox.is_some() {
            for parameter in node.need_child("ParameterList")?.all("Parameter") {
                let at = index[parameter.need("name")?];
                center += parameter.number_or("referencePoint", 0.0)? * parameters[at].coefficients[0];
            }
        }
        let error = self.standard_error(draft, model_type, &index)?;
        let plain = if error.is_none() && cox.is_none() {
            plain(&parameters, equations)
        } else {
            None
        };
        Ok(Some(GeneralRegression {
            model_type,
            parameters: parameters.into(),
            plain,
            equations,
            link,
            offset: node.number_or("offsetValue", 0.0)?,
            offset_slot,
            trials: node.number_or("trialsValue", 1.0)?,
            trials_slot,
            reference: center,
            cox,
            error,
        }))
    }

    /// The covariances of the parameters, when an output asks how sure a prediction is.
    fn standard_error(
        &mut self,
        draft: &mut Draft<'d>,
        model_type: ModelType,
        index: &HashMap<&str, usize>,
    ) -> Compiled<Option<Box<StandardError>>> {
        let plain = matches!(model_type, ModelType::Linear | ModelType::Generalized);
        let Some(matrix) = draft.node.child("PCovMatrix") else {
            return Ok(None);
        };
        if !asked_for(draft.node) || !plain || draft.function != Function::Regression {
            return Ok(None);
        }
        let mut covariances: HashMap<(u32, u32), f64> = HashMap::new();
        for cell in matrix.all("PCovCell") {
            let parameter = |name: &str| {
                let name = cell.need(name)?;
                let found = index.get(name).map(|number| *number as u32);
                found.ok_or_else(|| cell.invalid(format!("there is no parameter '{name}'")))
            };
            let (row, column) = (parameter("pRow")?, parameter("pCol")?);
            covariances.insert((row.min(column), row.max(column)), cell.need_number("value")?);
        }
        let mut covariances: Vec<(u32, u32, f64)> = covariances
            .into_iter()
            .map(|((row, column), value)| (row, column, value))
            .collect();
        covariances.sort_by_key(|(row, column, _)| (*row, *column));
        let mut slot = |name| self.slot(name, Type::Double, Source::Output, Order::default(), 1);
        let (value, deviation) = (slot("mean"), slot("standard error"));
        draft.predictions.push(Prediction {
            target: draft.target,
            value,
            deviation: Some(deviation),
        });
        Ok(Some(Box::new(StandardError {
            covariances: covariances.into(),
            value,
            deviation,
        })))
    }

    fn link(node: Node<'d>, model_type: ModelType) -> Compiled<Link> {
        let parameter = || node.number_or("linkParameter", 1.0);
        let name = match model_type {
            ModelType::Ordinal => node
                .get("cumulativeLink")
                .or(node.get("cumulativeLinkFunction"))
                .unwrap_or("logit"),
            ModelType::Generalized => node.get("linkFunction").unwrap_or("identity"),
            _ => "identity",
        };
        Ok(match name {
            "identity" => Link::Normalization(Normalization::None),
            "log" => Link::Normalization(Normalization::Exp),
            "logc" => Link::LogComplement,
            "negbin" => Link::NegativeBinomial(node.number_or("distParameter", 1.0)?),
            "oddspower" => Link::OddsPower(parameter()?),
            "power" => Link::Power(parameter()?),
            other => Link::Normalization(
                Normalization::parse(other).ok_or_else(|| node.invalid(format!("unknown link '{other}'")))?,
            ),
        })
    }

    fn factor(
        &mut self,
        factor: Option<Node<'d>>,
        slot: Slot,
        cell: Node<'d>,
        contrasts: &mut HashMap<&'d str, Contrast>,
    ) -> Compiled<Factor> {
        let text = cell.need("value")?;
        let Some(predictor) = factor else {
            return Ok(Factor::Covariate {
                slot,
                exponent: cell.need_number("value")?,
            });
        };
        let kind = self.slots[slot as usize].kind;
        let key = self.literal_or_text(kind, text).key();
        let Some(contrast) = predictor.children().find(|child| child.name() == "Matrix") else {
            return Ok(Factor::Category { slot, key });
        };
        let name = predictor.need("name")?;
        if !contrasts.contains_key(name) {
            contrasts.insert(name, self.contrast(predictor, contrast, kind)?);
        }
        let Some((categories, rows)) = contrasts.get(name) else {
            return Ok(Factor::Category { slot, key });
        };
        cell.reserve(&[categories.len()], size_of::<((u8, u64), f64)>())?;
        let column = categories
            .iter()
            .position(|known| *known == key)
            .ok_or_else(|| cell.invalid(format!("'{text}' is not a category of the factor")))?;
        let values = categories
            .iter()
            .zip(rows)
            .map(|(key, row)| {
                row.get(column)
                    .map(|value| (*key, *value))
                    .ok_or_else(|| contrast.invalid("the contrast matrix has too few columns"))
            })
            .collect::<Compiled<_>>()?;
        Ok(Factor::Contrast { slot, values })
    }

    fn contrast(&mut self, predictor: Node<'d>, matrix: Node<'d>, kind: Type) -> Compiled<Contrast> {
        let categories = predictor.need_child("Categories")?;
        let categories = categories
            .all("Category")
            .map(|category| Ok(self.literal_or_text(kind, category.need("value")?).key()))
            .collect::<Compiled<_>>()?;
        let rows = matrix.all("Array").map(numbers).collect::<Compiled<_>>()?;
        Ok((categories, rows))
    }

    fn baselines(&mut self, draft: &Draft<'d>, node: Node<'d>) -> Compiled<Box<[Baseline]>> {
        let tables = node.need_child("BaseCumHazardTables")?;
        let steps = |parent: Node<'d>| -> Compiled<Box<[(f64, f64)]>> {
            let mut steps = parent
                .all("BaselineCell")
                .map(|cell| Ok((cell.need_number("time")?, cell.need_number("cumHazard")?)))
                .collect::<Compiled<Vec<(f64, f64)>>>()?;
            steps.sort_by(|a, b| a.0.total_cmp(&b.0));
            Ok(steps.into())
        };
        let mut baselines = Vec::new();
        if let Some(variable) = node.get("baselineStrataVariable") {
            let slot = self.resolve(draft.scope, variable, node)?;
            let kind = self.slots[slot as usize].kind;
            for stratum in tables.all("BaselineStratum") {
                let key = self.literal_or_text(kind, stratum.need("value")?).key();
                baselines.push(Baseline {
                    stratum: Some((slot, key)),
                    steps: steps(stratum)?,
                    max_time: stratum.need_number("maxTime")?,
                });
            }
        } else {
            baselines.push(Baseline {
                stratum: None,
                steps: steps(tables)?,
                max_time: tables.number_or("maxTime", f64::INFINITY)?,
            });
        }
        Ok(baselines.into())
    }
}

/// The parameters as one matrix, when they are an intercept, which comes first, and plain numbers.
fn plain(parameters: &[Parameter], equations: usize) -> Option<Plain> {
    let (intercepts, rest) = match parameters {
        [first, rest @ ..] if first.factors.is_empty() => (first.coefficients.to_vec(), rest),
        _ => (vec![0.0; equations], parameters),
    };
    let slots: Box<[Slot]> = rest
        .iter()
        .map(|parameter| match *parameter.factors {
            [Factor::Covariate { slot, exponent: 1.0 }] => Some(slot),
            _ => None,
        })
        .collect::<Option<_>>()?;
    Some(Plain {
        slots,
        direct: Direct::default(),
        // As a sum that begins with nothing.
        intercepts: intercepts.into_iter().map(|intercept| 0.0 + intercept).collect(),
        weights: rest
            .iter()
            .flat_map(|parameter| parameter.coefficients.iter().copied())
            .collect(),
    })
}
