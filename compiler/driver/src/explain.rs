//! What a code means: the records of all crates together, for `esperc explain` and SARIF.
use esper_diagnostics::CodeRecord;

/// Codes of files that cannot be read; no text of a program can raise them.
pub const CODES: &[CodeRecord] = &[
    CodeRecord {
        code: "E0090",
        title: "a file that does not exist",
        explanation: "The file named on the command line does not exist. Files named by `use` are looked for in the folder of the entry file.",
        wrong: "",
        right: "",
    },
    CodeRecord {
        code: "E0091",
        title: "a directory in place of a file",
        explanation: "The path is a directory. `esperc` takes the entry file, and finds the others by `use`.",
        wrong: "",
        right: "",
    },
    CodeRecord {
        code: "E0092",
        title: "a file that is not text",
        explanation: "Blueprints are UTF-8 text. The file has bytes that are not; it may be of another encoding, or not a blueprint at all. A compiled blueprint ends in `.espb` and is \
                      run by `esperc run`.",
        wrong: "",
        right: "",
    },
    CodeRecord {
        code: "E0093",
        title: "a file that is too large",
        explanation: "At most 16 MiB are read as source. Data belongs in data files, which `data = …` names.",
        wrong: "",
        right: "",
    },
    CodeRecord {
        code: "E0094",
        title: "a file that the system does not let us read",
        explanation: "The file exists and reading it failed; the message has the system's reason, such as missing permission.",
        wrong: "",
        right: "",
    },
    CodeRecord {
        code: "E0095",
        title: "a `--set` that changes nothing",
        explanation: "`--set path=value` changes a field of the experiment (`epochs`), or an argument in one (`optimizer.lr.peak`). The last word alone is enough where only one \
                      setting ends in it.",
        wrong: "",
        right: "",
    },
    CodeRecord {
        code: "E0096",
        title: "no experiment",
        explanation: "`build` and `run` need a `train` in the entry file: it names the model, the data and how to train. `esperc check` checks a file without one.",
        wrong: "",
        right: "",
    },
    CodeRecord {
        code: "E0097",
        title: "which experiment is meant is not clear",
        explanation: "The entry file has several `train` items, or none of the name given. `esperc run FILE NAME` says which one is meant.",
        wrong: "",
        right: "",
    },
    CodeRecord {
        code: "E0098",
        title: "a network that cannot be written as source",
        explanation: "`esperc export --as blueprint` edits the sources of a run: a slot in which something grew becomes a layer. That needs the recipe of every layer on the way to the \
                      slot, and of every seed, as a blueprint's name or a call of it at its place. The message names the slot and what stands in the way; \
                      `--as safetensors` writes the weights all the same.",
        wrong: "",
        right: "",
    },
    CodeRecord {
        code: "E0099",
        title: "sources that do not make a run's network",
        explanation: "What is exported is written from the texts in the run's artifact. They were compiled by another version of the library, or the network was changed after it was \
                      compiled, as in the arms that `--twin` compares with.",
        wrong: "",
        right: "",
    },
];

/// All records, in the order of their codes.
pub fn codes() -> Vec<&'static CodeRecord> {
    let parts: [&'static [CodeRecord]; 4] = [esper_grammar::CODES, esper_check::names::CODES, esper_check::CODES, CODES];
    let mut all: Vec<&CodeRecord> = parts.into_iter().flatten().collect();
    all.sort_by_key(|r| (&r.code[1..], r.code));
    all
}

/// The record of a code, however it is written: `E0301`, `e0301`.
pub fn explain(code: &str) -> Option<&'static CodeRecord> {
    codes().into_iter().find(|r| r.code.eq_ignore_ascii_case(code.trim()))
}

/// The explanation as Markdown: what it means, a file that raises it, the file put right.
pub fn explanation(record: &CodeRecord) -> String {
    let mut text = format!("# {}: {}\n\n{}\n", record.code, record.title, record.explanation);
    if !record.wrong.is_empty() {
        text.push_str(&format!("\nWrong:\n\n```blueprint\n{}\n```\n", record.wrong.trim_end()));
    }
    if !record.right.is_empty() {
        text.push_str(&format!("\nRight:\n\n```blueprint\n{}\n```\n", record.right.trim_end()));
    }
    text
}
