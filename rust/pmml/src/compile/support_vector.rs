//! `SupportVectorMachineModel`.

use std::collections::HashMap;

use super::model::Draft;
use super::{Compiled, Compiler, numbers};
use crate::models::support_vector::{Decision, Element, Kernel, Machine, SupportVector};
use crate::models::{Class, Function, NONE};

impl<'d> Compiler<'d> {
    pub(super) fn support_vector_model(&mut self, draft: &mut Draft<'d>) -> Compiled<Option<SupportVector>> {
        let node = draft.node;
        let kernel = node
            .children()
            .find(|child| child.name().ends_with("KernelType"))
            .map_or(Ok(Kernel::Linear), |child| {
                let gamma = child.number_or("gamma", 1.0)?;
                let constant = child.number_or("coef0", 1.0)?;
                Ok(match child.name() {
                    "LinearKernelType" => Kernel::Linear,
                    "PolynomialKernelType" => Kernel::Polynomial {
                        gamma,
                        constant,
                        degree: child.number_or("degree", 1.0)?,
                    },
                    "RadialBasisKernelType" => Kernel::Radial { gamma },
                    "SigmoidKernelType" => Kernel::Sigmoid { gamma, constant },
                    other => return Err(child.invalid(format!("unknown kernel '{other}'"))),
                })
            })?;
        let dictionary = node.need_child("VectorDictionary")?;
        let mut elements = Vec::new();
        for field in dictionary.need_child("VectorFields")?.children() {
            match field.name() {
                "FieldRef" => elements.push(Element::Number(self.resolve(
                    draft.scope,
                    field.need("field")?,
                    field,
                )?)),
                "CategoricalPredictor" => {
                    let slot = self.resolve(draft.scope, field.need("name")?, field)?;
                    let kind = self.slots[slot as usize].kind;
                    elements.push(Element::Category {
                        slot,
                        key: self.literal_or_text(kind, field.need("value")?).key(),
                        coefficient: field.number_or("coefficient", 1.0)?,
                    });
                }
                other => self.unsupported(field, format!("vector field {other}")),
            }
        }
        let mut ids: HashMap<&str, u32> = HashMap::new();
        let mut vectors = Vec::new();
        for instance in dictionary.all("VectorInstance") {
            let values = instance
                .children()
                .find(|child| child.name().ends_with("Array"))
                .ok_or_else(|| instance.invalid("an array is missing"))?;
            let mut values = numbers(values)?;
            if values.len() > elements.len() {
                return Err(instance.invalid(format!("{} values for {} fields", values.len(), elements.len())));
            }
            instance.reserve(&[elements.len()], size_of::<f64>())?;
            values.resize(elements.len(), 0.0);
            ids.insert(instance.need("id")?, ids.len() as u32);
            vectors.extend(values);
        }
        if draft.function == Function::Classification
            && let Some(data) = draft.target.and_then(|target| self.fields.get(target).cloned())
        {
            node.reserve(&[data.values.len()], size_of::<Class>() + size_of::<f64>())?;
            for text in data.values {
                self.class(&mut draft.classes, text);
            }
        }
        let binary = node.get("alternateBinaryTargetCategory");
        let threshold = node.number_or("threshold", 0.0)?;
        let mut machines = Vec::new();
        for element in node.all("SupportVectorMachine") {
            let coefficients = element.need_child("Coefficients")?;
            let values: Vec<f64> = coefficients
                .all("Coefficient")
                .map(|coefficient| coefficient.number_or("value", 0.0))
                .collect::<Compiled<_>>()?;
            let mut machine = Machine {
                vectors: Box::default(),
                weights: Box::default(),
                bias: coefficients.number_or("absoluteValue", 0.0)?,
                target: NONE,
                alternate: NONE,
                threshold: element.number_or("threshold", threshold)?,
            };
            if node.get("svmRepresentation") == Some("Coefficients") {
                if values.len() != elements.len() {
                    return Err(coefficients.invalid("there is one coefficient for each field"));
                }
                machine.weights = values.into();
            } else {
                let support: Vec<u32> = element
                    .need_child("SupportVectors")?
                    .all("SupportVector")
                    .map(|vector| {
                        let id = vector.need("vectorId")?;
                        ids.get(id)
                            .copied()
                            .ok_or_else(|| vector.invalid(format!("there is no vector '{id}'")))
                    })
                    .collect::<Compiled<_>>()?;
                if support.len() != values.len() {
                    return Err(coefficients.invalid("there is one coefficient for each support vector"));
                }
                machine.vectors = support.into_iter().zip(values).collect();
            }
            if draft.function == Function::Classification {
                machine.target = self.class(&mut draft.classes, element.need("targetCategory")?);
                if let Some(text) = element.get("alternateTargetCategory").or(binary) {
                    machine.alternate = self.class(&mut draft.classes, text);
                }
            }
            machines.push(machine);
        }
        if machines.is_empty() {
            return Err(node.invalid("element SupportVectorMachine is missing"));
        }
        let against_all = match node.get("classificationMethod").unwrap_or("OneAgainstAll") {
            "OneAgainstAll" => true,
            "OneAgainstOne" => false,
            other => return Err(node.invalid(format!("unknown classificationMethod '{other}'"))),
        };
        if draft.function == Function::Classification
            && !against_all
            && machines.iter().any(|machine| machine.alternate == NONE)
        {
            return Err(node.invalid("OneAgainstOne needs an alternateTargetCategory in each machine"));
        }
        let decision = if !against_all && binary.is_some() && machines.len() == 1 {
            Decision::Rounded
        } else if against_all && node.flag("maxWins", false)? {
            Decision::Largest
        } else if against_all {
            Decision::Smallest
        } else {
            Decision::Votes
        };
        Ok(Some(SupportVector {
            kernel,
            elements: elements.into(),
            vectors: vectors.into(),
            machines: machines.into(),
            decision,
        }))
    }
}
