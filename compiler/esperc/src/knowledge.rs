//! `esperc knowledge`: what earlier runs have taught about seeds, listed, exported or forgotten.
use crate::arguments::{Knowing, KnowledgeFilter};
use crate::exit::Failure;
use crate::terminal::print;
use esper_store::{Filter, Knowledge, StoreError, user_data_folder};

fn failed(error: StoreError) -> Failure {
    Failure::Run(error.to_string())
}

impl From<KnowledgeFilter> for Filter {
    fn from(filter: KnowledgeFilter) -> Filter {
        Filter { task: filter.task, blueprint: filter.blueprint, slot: filter.slot }
    }
}

/// Runs the subcommand on the knowledge in the user's data folder.
pub fn knowledge(what: Knowing) -> Result<(), Failure> {
    let store = Knowledge::in_folder(user_data_folder().map_err(failed)?);
    match what {
        Knowing::List { filter } => {
            let entries = store.list(&filter.into()).map_err(failed)?;
            if entries.is_empty() {
                return print(&format!("nothing is known in {}\n", store.path().display()));
            }
            let mut text = format!("{:<18} {:<18} {:>6} {:>7}  slot\n", "task", "blueprint", "trials", "reward");
            for entry in entries {
                let rewards: Vec<f64> = entry.trials.iter().map(|(_, reward)| *reward).collect();
                let mean = rewards.iter().sum::<f64>() / rewards.len().max(1) as f64;
                let short = |name: &str| name.chars().take(16).collect::<String>();
                let (task, blueprint) = (short(&entry.task), short(&entry.blueprint));
                text.push_str(&format!("{task:<18} {blueprint:<18} {:>6} {mean:>7.3}  {}\n", rewards.len(), entry.slot));
            }
            print(&text)
        }
        Knowing::Export { filter } => {
            let entries = store.list(&filter.into()).map_err(failed)?;
            let text = serde_json::to_string_pretty(&entries).map_err(|error| Failure::Bug(error.to_string()))?;
            print(&format!("{text}\n"))
        }
        Knowing::Forget { all: true, filter: _ } => {
            store.forget_all().map_err(failed)?;
            print("everything is forgotten\n")
        }
        Knowing::Forget { all: false, filter } => {
            let filter = Filter::from(filter);
            if filter == Filter::default() {
                return Err(Failure::Usage("say what to forget with --task, --blueprint or --slot, or everything with --all".into()));
            }
            let entries = store.forget(&filter).map_err(failed)?;
            print(&format!("{entries} {} forgotten\n", if entries == 1 { "entry is" } else { "entries are" }))
        }
    }
}
