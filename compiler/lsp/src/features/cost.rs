//! What an experiment's network costs: parameters of the whole and of every instance, operations of one prediction.
use crate::snapshot::Snapshot;
use esper_check::hir::Experiment;
use esper_check::names::{Definition, DefinitionKind, ItemClass, LocalKind};
use esper_diagnostics::Span;

/// The cost of one experiment.
#[derive(Clone, Debug)]
pub struct Cost {
    /// The experiment's name.
    pub experiment: String,
    /// Where its name is declared.
    pub span: Span,
    /// The blueprint of its host.
    pub host: String,
    /// Trained numbers of the whole.
    pub parameters: u64,
    /// Floating-point operations of predicting one row, where every operator has a number.
    pub operations: Option<u64>,
    /// Bytes of what the innermost layers give for one row.
    pub activation_bytes: u64,
    /// The instances in the order they were made.
    pub instances: Vec<Instance>,
}

/// An instance of a blueprint in a network.
#[derive(Clone, Debug)]
pub struct Instance {
    /// `blocks[0].first`.
    pub path: String,
    /// `Linear`.
    pub blueprint: String,
    /// What it reads and gives: `f32[b, 64] → f32[b, 16]`.
    pub shapes: String,
    /// Trained numbers of it and of what is in it.
    pub parameters: u64,
}

impl Cost {
    /// Reads it off an elaborated experiment.
    pub fn of_experiment(span: Span, experiment: &Experiment) -> Cost {
        let size = |ty: &esper_ir::TensorType| ty.elements().unwrap_or(0) as u64;
        let within = |path: &str| {
            let inside = |p: &str| p.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
            experiment.parameters.iter().filter(|p| inside(&p.path)).map(|p| size(&p.ty)).sum()
        };
        let instances = experiment.layers.iter().map(|layer| Instance {
            path: layer.path.clone(),
            blueprint: layer.blueprint.clone(),
            shapes: format!("{} → {}", layer.input, layer.output),
            parameters: within(&layer.path),
        });
        let outer = |path: &str| experiment.layers.iter().any(|l| l.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')));
        let innermost = experiment.layers.iter().filter(|l| !outer(&l.path));
        let bytes = |ty: &esper_ir::TensorType| size(&esper_driver::one_row(ty)) * ty.dtype.bytes() as u64;
        Cost {
            experiment: experiment.name.clone(),
            span,
            host: experiment.host.split('(').next().unwrap_or_default().trim().to_string(),
            parameters: experiment.parameters.iter().map(|p| size(&p.ty)).sum(),
            operations: esper_driver::operations_of_prediction(experiment),
            activation_bytes: innermost.map(|l| bytes(&l.output)).sum(),
            instances: instances.collect(),
        }
    }

    /// `1,234 parameters, 5,678 operations a row`.
    pub fn summary(&self) -> String {
        let operations = self.operations.map(|n| format!(", {} FLOPs a row", thousands(n))).unwrap_or_default();
        format!("{} parameters{operations}, {} bytes of activations a row", thousands(self.parameters), thousands(self.activation_bytes))
    }

    /// What it says of a definition: the experiment itself, its host, a blueprint with instances, or a layer.
    pub fn of(&self, snapshot: &Snapshot, definition: &Definition) -> Vec<String> {
        let experiment = format!("`{}`", self.experiment);
        match definition.kind {
            DefinitionKind::Item(ItemClass::Train) if definition.span == self.span => vec![self.summary()],
            DefinitionKind::Item(ItemClass::Blueprint) if definition.name == self.host => {
                vec![format!("in {experiment}: {}", self.summary())]
            }
            DefinitionKind::Item(ItemClass::Blueprint) => {
                let of_it: Vec<&Instance> = self.instances.iter().filter(|i| i.blueprint == definition.name).collect();
                let parameters: u64 = of_it.iter().map(|i| i.parameters).sum();
                let count = of_it.len();
                let instances = if count == 1 { "1 instance".to_string() } else { format!("{count} instances") };
                if count == 0 { vec![] } else { vec![format!("in {experiment}: {instances}, {} parameters", thousands(parameters))] }
            }
            DefinitionKind::Local(LocalKind::Layer) => self.of_layer(snapshot, definition, &experiment),
            _ => vec![],
        }
    }

    /// The instances that a layer of a blueprint is in the network: at most four are told.
    fn of_layer(&self, snapshot: &Snapshot, layer: &Definition, experiment: &str) -> Vec<String> {
        let Some(item) = super::navigation::item_of(snapshot, layer) else { return vec![] };
        let esper_grammar::ast::ItemKind::Blueprint(owner) = &item.kind else { return vec![] };
        let owner = &owner.name.text;
        let is_of_owner = |path: &str| match path.rsplit_once('.') {
            Some((outer, _)) => self.instances.iter().any(|i| i.path == outer && i.blueprint == *owner),
            None => self.host == *owner,
        };
        let last = |path: &str| path.rsplit('.').next().unwrap_or_default().split('[').next().unwrap_or_default().to_string();
        let of_it = self.instances.iter().filter(|i| last(&i.path) == layer.name && is_of_owner(&i.path));
        of_it.take(4).map(|i| format!("in {experiment}: `{}`, `{}`, {} parameters", i.path, i.shapes, thousands(i.parameters))).collect()
    }
}

/// `1,234,567`.
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|g| std::str::from_utf8(g).unwrap_or_default()).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_are_written_in_groups_of_three() {
        let written: Vec<String> = [0, 999, 1000, 1_234_567].map(super::thousands).to_vec();
        assert_eq!(written, ["0", "999", "1,000", "1,234,567"]);
    }
}
