//! What earlier runs have taught about seeds: rewards by task, blueprint and kind of slot, in one embedded file.
//!
//! The file is opened for each operation only, so that runs side by side wait for each other instead of failing. Every change is one
//! transaction: it is there as a whole or not at all.
use crate::StoreError;
use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition, TableError};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Task, blueprint's content, kind of slot → trials as JSON.
const TRIALS: TableDefinition<(&str, &str, &str), &[u8]> = TableDefinition::new("trials");
/// Trials that are kept of one key; older ones go.
const KEPT: usize = 64;
/// How often, and after which pause each time, a file that another process holds is tried again: ten seconds in all.
const TRIES: (u32, Duration) = (400, Duration::from_millis(25));

/// One try of a seed and what it was worth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The hash of what the blueprint computes.
    pub blueprint: String,
    /// The types of the slot's source and target.
    pub slot: String,
    /// The initialiser's name.
    pub initialiser: String,
    /// In [0, 1].
    pub reward: f64,
}

/// What is known under one key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The signature of the task.
    pub task: String,
    /// The hash of what the blueprint computes.
    pub blueprint: String,
    /// The types of the slot's source and target.
    pub slot: String,
    /// Initialiser and reward of each try, oldest first.
    pub trials: Vec<(String, f64)>,
}

/// Which entries are meant; what is not said is any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The signature of a task, or its beginning.
    pub task: Option<String>,
    /// The hash of a blueprint, or its beginning.
    pub blueprint: Option<String>,
    /// The types of a slot, as listed.
    pub slot: Option<String>,
}

impl Filter {
    fn takes(&self, task: &str, blueprint: &str, slot: &str) -> bool {
        let begins = |wanted: &Option<String>, value: &str| wanted.as_ref().is_none_or(|w| value.starts_with(w.as_str()));
        begins(&self.task, task) && begins(&self.blueprint, blueprint) && self.slot.as_ref().is_none_or(|s| s == slot)
    }
}

/// The file of what was learnt.
#[derive(Clone, Debug)]
pub struct Knowledge {
    path: PathBuf,
}

impl Knowledge {
    /// The file in a folder, normally [`crate::user_data_folder`]. Nothing is made or opened yet.
    pub fn in_folder(folder: impl AsRef<Path>) -> Knowledge {
        Knowledge { path: folder.as_ref().join("knowledge.redb") }
    }
    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }
    /// What is known, in the order of its keys.
    pub fn list(&self, filter: &Filter) -> Result<Vec<Entry>, StoreError> {
        if !self.path.exists() {
            return Ok(vec![]);
        }
        let database = self.open()?;
        let read = database.begin_read().map_err(self.wrong())?;
        let table = match read.open_table(TRIALS) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return Ok(vec![]),
            Err(error) => return Err(self.wrong()(error)),
        };
        let mut entries = vec![];
        for row in table.iter().map_err(self.wrong())? {
            let (key, value) = row.map_err(self.wrong())?;
            let (task, blueprint, slot) = key.value();
            if filter.takes(task, blueprint, slot) {
                let trials = serde_json::from_slice(value.value()).map_err(self.wrong())?;
                entries.push(Entry { task: task.into(), blueprint: blueprint.into(), slot: slot.into(), trials });
            }
        }
        Ok(entries)
    }
    /// All trials of a task, in an order that depends on nothing else, with the hash that names them in a run's manifest.
    pub fn snapshot(&self, task: &str) -> Result<(Vec<Trial>, String), StoreError> {
        let entries = self.list(&Filter { task: Some(task.into()), ..Filter::default() })?;
        let trials: Vec<Trial> = entries
            .into_iter()
            .filter(|e| e.task == task)
            .flat_map(|e| {
                let trial =
                    move |(initialiser, reward)| Trial { blueprint: e.blueprint.clone(), slot: e.slot.clone(), initialiser, reward };
                e.trials.into_iter().map(trial).collect::<Vec<_>>()
            })
            .collect();
        let bytes = serde_json::to_vec(&trials).map_err(self.wrong())?;
        Ok((trials, blake3::hash(&bytes).to_hex().to_string()))
    }
    /// Adds what a run has taught.
    pub fn learn(&self, task: &str, trials: &[Trial]) -> Result<(), StoreError> {
        if trials.is_empty() {
            return Ok(());
        }
        let database = self.open()?;
        let write = database.begin_write().map_err(self.wrong())?;
        {
            let mut table = write.open_table(TRIALS).map_err(self.wrong())?;
            for trial in trials {
                let key = (task, trial.blueprint.as_str(), trial.slot.as_str());
                let old = table.get(key).map_err(self.wrong())?.map(|value| value.value().to_vec());
                let mut all: Vec<(String, f64)> =
                    old.map(|bytes| serde_json::from_slice(&bytes)).transpose().map_err(self.wrong())?.unwrap_or_default();
                all.push((trial.initialiser.clone(), trial.reward));
                all.drain(..all.len().saturating_sub(KEPT));
                let bytes = serde_json::to_vec(&all).map_err(self.wrong())?;
                table.insert(key, bytes.as_slice()).map_err(self.wrong())?;
            }
        }
        write.commit().map_err(self.wrong())
    }
    /// Forgets entries, and says how many they were.
    pub fn forget(&self, filter: &Filter) -> Result<usize, StoreError> {
        let entries = self.list(filter)?;
        if entries.is_empty() {
            return Ok(0);
        }
        let database = self.open()?;
        let write = database.begin_write().map_err(self.wrong())?;
        {
            let mut table = write.open_table(TRIALS).map_err(self.wrong())?;
            for entry in &entries {
                table.remove((entry.task.as_str(), entry.blueprint.as_str(), entry.slot.as_str())).map_err(self.wrong())?;
            }
        }
        write.commit().map_err(self.wrong())?;
        Ok(entries.len())
    }
    /// Forgets everything, a damaged file included, by removing it.
    pub fn forget_all(&self) -> Result<(), StoreError> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(StoreError::files(&self.path)(error)),
            _ => Ok(()),
        }
    }
    fn open(&self) -> Result<Database, StoreError> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(StoreError::files(folder))?;
        }
        for _ in 0..TRIES.0 {
            match Database::create(&self.path) {
                Err(DatabaseError::DatabaseAlreadyOpen) => std::thread::sleep(TRIES.1),
                other => return other.map_err(self.wrong()),
            }
        }
        Err(StoreError::Busy(self.path.clone()))
    }
    fn wrong<E: std::fmt::Display>(&self) -> impl Fn(E) -> StoreError + use<E> {
        let path = self.path.clone();
        move |error| StoreError::Knowledge { path: path.clone(), message: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(blueprint: &str, initialiser: &str, reward: f64) -> Trial {
        Trial { blueprint: blueprint.into(), slot: "f32[b, 8]".into(), initialiser: initialiser.into(), reward }
    }

    #[test]
    fn what_one_run_learnt_the_next_one_knows() {
        let folder = tempfile::tempdir().unwrap();
        let knowledge = Knowledge::in_folder(folder.path().join("new"));
        assert_eq!(knowledge.snapshot("digits").unwrap().0, []);
        assert!(!knowledge.path().exists(), "reading made a file");
        knowledge.learn("digits", &[trial("aa", "zero_last", 0.7), trial("bb", "gradmax", 0.2), trial("aa", "pair", 0.6)]).unwrap();
        knowledge.learn("digits too", &[trial("aa", "zero_last", 0.1)]).unwrap();
        let again = Knowledge::in_folder(folder.path().join("new"));
        let (trials, hash) = again.snapshot("digits").unwrap();
        assert_eq!(trials, [trial("aa", "zero_last", 0.7), trial("aa", "pair", 0.6), trial("bb", "gradmax", 0.2)]);
        assert_eq!(again.snapshot("digits").unwrap().1, hash);
        again.learn("digits", &[trial("cc", "pair", 0.5)]).unwrap();
        assert_ne!(again.snapshot("digits").unwrap().1, hash);
    }

    #[test]
    fn entries_are_listed_and_forgotten_by_what_is_said_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let knowledge = Knowledge::in_folder(folder.path());
        knowledge.learn("one", &[trial("aa", "pair", 0.7), trial("ab", "pair", 0.2)]).unwrap();
        knowledge.learn("two", &[trial("aa", "pair", 0.1)]).unwrap();
        assert_eq!(knowledge.list(&Filter::default()).unwrap().len(), 3);
        let a = Filter { blueprint: Some("aa".into()), ..Filter::default() };
        assert_eq!(knowledge.list(&a).unwrap().iter().map(|e| e.task.as_str()).collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!(knowledge.forget(&Filter { task: Some("one".into()), ..a }).unwrap(), 1);
        assert_eq!(knowledge.list(&Filter::default()).unwrap().len(), 2);
        knowledge.forget_all().unwrap();
        assert_eq!(knowledge.list(&Filter::default()).unwrap(), []);
        assert_eq!(knowledge.forget(&Filter::default()).unwrap(), 0);
    }

    #[test]
    fn old_trials_of_a_key_make_room_for_new_ones() {
        let folder = tempfile::tempdir().unwrap();
        let knowledge = Knowledge::in_folder(folder.path());
        knowledge.learn("t", &(0..KEPT + 10).map(|i| trial("aa", "pair", i as f64)).collect::<Vec<_>>()).unwrap();
        let trials = &knowledge.list(&Filter::default()).unwrap()[0].trials;
        assert_eq!((trials.len(), trials[0].1), (KEPT, 10.0));
    }

    #[test]
    fn runs_side_by_side_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for run in 0..4 {
                let knowledge = Knowledge::in_folder(folder.path());
                scope.spawn(move || (0..5).for_each(|i| knowledge.learn("t", &[trial("aa", &format!("{run}-{i}"), 0.5)]).unwrap()));
            }
        });
        assert_eq!(Knowledge::in_folder(folder.path()).list(&Filter::default()).unwrap()[0].trials.len(), 20);
    }

    #[test]
    fn a_damaged_file_is_an_error_that_says_what_helps() {
        let folder = tempfile::tempdir().unwrap();
        let knowledge = Knowledge::in_folder(folder.path());
        fs::write(knowledge.path(), [7; 5000]).unwrap();
        let error = knowledge.list(&Filter::default()).unwrap_err().to_string();
        assert!(error.contains("knowledge.redb") && error.contains("esperc knowledge forget --all"), "{error}");
        knowledge.forget_all().unwrap();
        knowledge.learn("t", &[trial("aa", "pair", 0.5)]).unwrap();
    }
}
