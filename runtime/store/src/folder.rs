//! Where a user's data lies.
use crate::StoreError;
use etcetera::BaseStrategy;
use std::path::PathBuf;

/// The folder for data that lasts: `ESPER_DATA` where it is set, else `esper` in the system's place for a user's data.
pub fn user_data_folder() -> Result<PathBuf, StoreError> {
    if let Some(folder) = std::env::var_os("ESPER_DATA").filter(|f| !f.is_empty()) {
        return Ok(folder.into());
    }
    let places = etcetera::choose_base_strategy().map_err(|error| StoreError::NoFolder(error.to_string()))?;
    Ok(places.data_dir().join("esper"))
}
