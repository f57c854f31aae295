//! The suite: one Markdown file is one story with a blueprint, and sections that say what the compiler makes of it.
pub mod compare;
mod gradient;
mod run;
mod structure;
#[cfg(test)]
mod tests;

use esper_driver::{BuildError, Session, emit};
use esper_ir::Model;
use std::path::{Path, PathBuf};

pub use structure::steps_of;

/// What a section shows; in a story each is a heading of the second level with one fenced block.
pub const SECTIONS: &[(&str, &str)] = &[
    ("problems", "everything the compiler says, as people see it"),
    ("tokens", "the words and signs"),
    ("ast", "the syntax tree"),
    ("hir", "the checked programs"),
    ("graph", "the graph of the training step, gradients included, after all passes"),
    ("kernels", "the loop nests of the prediction"),
    ("clif", "their Cranelift functions"),
    ("cuda", "their CUDA"),
    ("wgsl", "their WGSL"),
    ("structure", "the steps of the programs of training, evaluation and prediction"),
    ("run", "values for given inputs: the interpreter's, which the processor repeats"),
    ("gradient", "finite differences against derivatives, on the interpreter"),
];

/// A section of a story.
#[derive(Clone, Debug)]
pub struct Section {
    /// One of [`SECTIONS`].
    pub name: String,
    /// The text of its block.
    pub text: String,
    /// The lines of the file that hold the text.
    lines: std::ops::Range<usize>,
}

/// A story as read.
#[derive(Clone, Debug)]
pub struct Story {
    /// Where it lies.
    pub path: PathBuf,
    /// The program.
    pub blueprint: String,
    /// What is said about it.
    pub sections: Vec<Section>,
    lines: Vec<String>,
}

impl Story {
    /// Reads a story.
    ///
    /// # Errors
    /// A file without a title, prose, a blueprint and a section; an unknown section; a section without its block.
    pub fn read(path: &Path) -> Result<Story, String> {
        let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
        let lines: Vec<String> = text.lines().map(str::to_string).collect();
        if !lines.first().is_some_and(|l| l.starts_with("# ")) {
            return Err("the first line is no title".into());
        }
        let (mut blueprint, mut sections, mut heading, mut prose) = (None, vec![], None, false);
        let mut at = 1;
        while at < lines.len() {
            let line = &lines[at];
            if let Some(name) = line.strip_prefix("## ") {
                if !SECTIONS.iter().any(|(known, _)| known == &name) {
                    return Err(format!("`{name}` is no section"));
                }
                heading = Some(name.to_string());
            } else if line.starts_with("```") {
                let length = lines[at + 1..].iter().position(|l| l == "```").ok_or("a block has no end")?;
                let inside = at + 1..at + 1 + length;
                let text = lines[inside.clone()].join("\n");
                match heading.take() {
                    Some(name) => sections.push(Section { name, text, lines: inside }),
                    None if blueprint.is_none() && line == "```blueprint" => blueprint = Some(text + "\n"),
                    None => return Err(format!("line {} begins a block of no section", at + 1)),
                }
                at += length + 1;
            } else {
                prose |= line.split_whitespace().count() > 5;
            }
            at += 1;
        }
        if let Some(name) = heading {
            return Err(format!("section `{name}` has no block"));
        }
        match (blueprint, prose) {
            (Some(blueprint), true) if !sections.is_empty() => Ok(Story { path: path.to_path_buf(), blueprint, sections, lines }),
            (_, false) => Err("there is no prose".into()),
            _ => Err("a story needs a blueprint and a section".into()),
        }
    }

    /// The file with other texts in its sections, in their order.
    pub fn with(&self, texts: &[String]) -> String {
        let mut lines = self.lines.clone();
        for (section, text) in self.sections.iter().zip(texts).rev() {
            lines.splice(section.lines.clone(), text.trim_end().lines().map(str::to_string));
        }
        lines.join("\n") + "\n"
    }

    /// What the compiler makes of each section, in their order.
    ///
    /// # Errors
    /// A program that is refused where a section needs a model, a section that asks for something that does not exist, and a processor that
    /// disagrees with the interpreter.
    pub fn texts(&self) -> Result<Vec<String>, String> {
        let mut built = None;
        self.sections
            .iter()
            .map(|section| self.text(section, &mut built).map(|t| t.trim_end().to_string()).map_err(|e| format!("{}: {e}", section.name)))
            .collect()
    }

    fn text(&self, section: &Section, built: &mut Option<Built>) -> Result<String, String> {
        let (blueprint, folder) = (&self.blueprint, Path::new("."));
        match section.name.as_str() {
            "problems" => {
                let checked = Session::new().check_text("story.blueprint", blueprint, folder);
                let text = esper_diagnostics::render(&checked.problems, checked.sources(), esper_diagnostics::Format::Human, false);
                let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
                return Ok(lines.join("\n"));
            }
            "tokens" => return Ok(emit::tokens(&Session::new().load_text("story.blueprint", blueprint, folder))),
            "ast" => return Ok(emit::ast(&Session::new().load_text("story.blueprint", blueprint, folder))),
            _ => {}
        }
        if built.is_none() {
            *built = Some(Built::new(blueprint)?);
        }
        let Some(built) = built else { return Err("the program was just built".into()) };
        let model = &built.model;
        let rows = rows(model);
        let predict = || -> Result<esper_codegen::Program, String> {
            let plan = esper_pipeline::plan(model).map_err(|e| e.to_string())?;
            esper_pipeline::predict_program(model, &plan, rows).map_err(|e| e.to_string())
        };
        match section.name.as_str() {
            "hir" => Ok(built.hir.clone()),
            "graph" => Ok(esper_ir::print(&esper_pipeline::step_graph(model, rows).map_err(|e| e.to_string())?)),
            "kernels" => Ok(esper_codegen::print_kernels(&predict()?)),
            "clif" => {
                let texts: Result<Vec<String>, _> = predict()?.kernels.iter().map(esper_codegen::target::clif::print).collect();
                Ok(texts.map_err(|e| e.to_string())?.join("\n"))
            }
            "cuda" => Ok(without_prelude(&esper_codegen::emit_cuda(&predict()?).map_err(|e| e.to_string())?)),
            "wgsl" => Ok(without_functions(&esper_codegen::emit_wgsl(&predict()?).map_err(|e| e.to_string())?)),
            "structure" => structure::text(model, rows),
            "run" => run::text(model, &section.text),
            "gradient" => gradient::text(model, rows),
            other => Err(format!("`{other}` is no section")),
        }
    }

    /// The model of the story's experiment, if it has one without errors.
    pub fn model(&self) -> Option<Model> {
        Built::new(&self.blueprint).ok().map(|b| b.model)
    }
}

/// All stories, by the names of their files. Panics where one is no story, saying why.
pub fn stories() -> Vec<Story> {
    let folder = crate::root().join("tests/suite");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder).expect("the suite lies in tests/suite").flatten().map(|e| e.path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "md"));
    paths.sort();
    paths.iter().map(|p| Story::read(p).unwrap_or_else(|e| panic!("{}: {e}", p.display()))).collect()
}

/// How many rows a story's experiment has in a batch.
pub fn rows(model: &Model) -> usize {
    model.settings.batch
}

/// CUDA without what stands before every program's first kernel.
fn without_prelude(text: &str) -> String {
    let first = text.find("extern \"C\" __global__").unwrap_or(0);
    let line = text[..first].trim_end().rfind('\n').map_or(0, |n| n + 1);
    text[line..].to_string()
}

/// WGSL without the functions that stand before every kernel: a kernel's own text begins at its first binding.
fn without_functions(text: &str) -> String {
    let mut before = false;
    let mut kept = vec![];
    for line in text.lines() {
        before &= !line.starts_with("@group");
        if !before {
            kept.push(line);
        }
        before |= line.starts_with("// ----");
    }
    kept.join("\n")
}

struct Built {
    hir: String,
    model: Model,
}

impl Built {
    fn new(blueprint: &str) -> Result<Built, String> {
        let refused = |error: BuildError| match error {
            BuildError::Program(checked) => {
                esper_diagnostics::render(&checked.problems, checked.sources(), esper_diagnostics::Format::Human, false)
            }
            other => other.to_string(),
        };
        let elaborated = Session::new().elaborate_text("story.blueprint", blueprint, Path::new("."), None, &[]).map_err(refused)?;
        Ok(Built { hir: emit::hir(&elaborated.experiment), model: esper_lower::lower(&elaborated.experiment)? })
    }
}
