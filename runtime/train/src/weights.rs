//! A network's weights as one file: every parameter and running statistic under its path, as `start = safetensors("…")` reads it.
use crate::RunError;
use crate::checkpoint::{StoredTensor, stored_dtype, view};
use crate::data::Normalisation;
use esper_diagnostics::Diagnostic;
use esper_ir::Model;
use safetensors::tensor::SafeTensors;
use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// The one entry of the file's metadata: what is done to features in front of the network, as JSON.
const NORMALISATION: &str = "esper.normalisation";

/// The weights of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// Parameters and running statistics by path.
    pub tensors: Vec<StoredTensor>,
    /// What was done to the features that the network was trained on, where something was.
    pub normalisation: Option<Normalisation>,
}

impl Weights {
    /// The bytes of the file.
    ///
    /// # Errors
    /// What the format does not allow, such as two tensors of one name: a bug of the caller.
    pub fn to_bytes(&self) -> Result<Vec<u8>, RunError> {
        let refused = |e: &dyn std::fmt::Display| RunError::bug(format!("the weights cannot be written: {e}"));
        let views = self.tensors.iter().map(|t| (t.name.as_str(), view(t)));
        let about = match &self.normalisation {
            Some(normalisation) => {
                let text = serde_json::to_string(normalisation).map_err(|e| refused(&e))?;
                Some(HashMap::from([(NORMALISATION.to_string(), text)]))
            }
            None => None,
        };
        safetensors::serialize(views, about).map_err(|e| refused(&e))
    }

    /// Reads the bytes of a file. The error says what is wrong with it.
    fn from_bytes(bytes: &[u8]) -> Result<Weights, String> {
        let damaged = |e: &dyn std::fmt::Display| format!("it is no safetensors file: {e}");
        let (_, head) = SafeTensors::read_metadata(bytes).map_err(|e| damaged(&e))?;
        let parsed = SafeTensors::deserialize(bytes).map_err(|e| damaged(&e))?;
        let about = head.metadata().as_ref().and_then(|m| m.get(NORMALISATION));
        let normalisation =
            about.map(|text| serde_json::from_str(text)).transpose().map_err(|e| format!("its {NORMALISATION} is damaged: {e}"))?;
        let stored = |(name, tensor): (String, safetensors::tensor::TensorView)| {
            let dtype = stored_dtype(tensor.dtype()).ok_or_else(|| format!("its `{name}` is {:?}", tensor.dtype()))?;
            Ok(StoredTensor { name, dtype, shape: tensor.shape().to_vec(), bytes: tensor.data().to_vec() })
        };
        let tensors = parsed.tensors().into_iter().map(stored).collect::<Result<_, String>>()?;
        Ok(Weights { tensors, normalisation })
    }

    /// The weights that an experiment starts from; `None` where it starts from initial values. `folder` is where the blueprint lies.
    ///
    /// # Errors
    /// D0115: a file that cannot be read, or whose tensors are not those of the model.
    pub fn of_start(model: &Model, folder: &Path) -> Result<Option<Weights>, RunError> {
        let Some(start) = &model.settings.start else { return Ok(None) };
        let path = folder.join(start);
        let refused = |why: String| {
            let message = format!("training cannot start from {}: {why}", path.display());
            let problem = Diagnostic::error("D0115", message, model.span, "its `start` names this file");
            RunError::from(problem.help("`esperc export RUN --as blueprint` writes a network and its weights side by side"))
        };
        let bytes = fs::read(&path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => refused("there is no such file".into()),
            _ => refused(e.to_string()),
        })?;
        let weights = Weights::from_bytes(&bytes).map_err(refused)?;
        weights.fits(model).map_err(refused)?;
        Ok(Some(weights))
    }

    /// Whether these are the tensors of the model, all of them and no others.
    fn fits(&self, model: &Model) -> Result<(), String> {
        let named: HashMap<&str, &StoredTensor> = self.tensors.iter().map(|t| (t.name.as_str(), t)).collect();
        let own = || model.parameters.iter().chain(&model.states);
        for wanted in own() {
            let tensor = named.get(wanted.path.as_str()).ok_or_else(|| format!("it has no `{}`, which the model has", wanted.path))?;
            let shape: Option<Vec<usize>> = wanted.ty.shape.iter().map(|d| d.as_const().and_then(|n| usize::try_from(n).ok())).collect();
            if shape.as_ref() != Some(&tensor.shape) || wanted.ty.dtype != tensor.dtype {
                return Err(format!("its `{}` is {:?} {:?}, the model's is {}", wanted.path, tensor.dtype, tensor.shape, wanted.ty));
            }
        }
        let known: std::collections::HashSet<&str> = own().map(|p| p.path.as_str()).collect();
        match self.tensors.iter().find(|t| !known.contains(t.name.as_str())) {
            Some(tensor) => Err(format!("it has `{}`, which the model has not", tensor.name)),
            None => Ok(()),
        }
    }
}
