//! What the words of the language mean, for hovers and completions: one line each, with a template where a statement begins with it.

use esper_check::experiment::{self, FieldInfo};
use std::borrow::Cow;
use std::sync::LazyLock;

/// Where a word begins something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// An item of a file.
    Item,
    /// A line of a blueprint.
    Blueprint,
    /// A line of an optimizer.
    Optimizer,
    /// A line of code.
    Code,
    /// A field of a `train`.
    Train,
    /// A rule of a `policy`.
    Policy,
    /// A part of an expression or of another statement.
    Inside,
    /// An element type.
    ElementType,
    /// A kind of a compile-time parameter.
    Kind,
}

/// A word of the language.
#[derive(Clone, Debug)]
pub struct Word {
    /// The word.
    pub text: &'static str,
    /// Where it stands.
    pub position: Position,
    /// What it means, in a sentence.
    pub doc: &'static str,
    /// What it begins, with placeholders `${1:…}`; empty where the word alone is enough.
    pub template: Cow<'static, str>,
}

const fn word(position: Position, text: &'static str, template: &'static str, doc: &'static str) -> Word {
    Word { text, position, doc, template: Cow::Borrowed(template) }
}

use Position::*;

/// All of them. A word that stands in several positions has an entry for each.
pub const WORDS: &[Word] = &[
    word(Item, "use", "use ${1:std.nn}.{${2}}", "Names from another file: `use std.nn.{Linear, relu}`."),
    word(Item, "const", "const ${1:NAME} = ${2:value}", "A value known when the compiler runs: a number, a list, a recipe."),
    word(Item, "fn", "fn ${1:name}(${2:x: f32[..]}) -> ${3:f32[..]} {\n    ${0}\n}", "A pure function without parameters of its own."),
    word(
        Item,
        "grad",
        "grad ${1:f}(${2:x}, ${3:y}, ${4:dy}) {\n    ${0}\n}",
        "A derivative written by hand: gives one cotangent for each float input of the `fn` of that name.",
    ),
    word(
        Item,
        "blueprint",
        "blueprint ${1:Name}(${2}) {\n    forward(x: f32[b, d]) -> f32[b, d] {\n        ${0:x}\n    }\n}",
        "A module: parameters, state, layers, growth sites and one `forward`.",
    ),
    word(
        Item,
        "optimizer",
        "optimizer ${1:Name}(${2:lr: f32 = 1e-3}) {\n    update(p: f32[..], g: f32[..], step: f32) -> f32[..] {\n        ${0:p - lr * g}\n    }\n}",
        "An update rule: gives the new value of a parameter from its gradient.",
    ),
    word(
        Item,
        "policy",
        "policy ${1:Name} {\n    ${0}\n}",
        "How a model grows; what is not said is taken from the policy behind `from`, or from the defaults.",
    ),
    word(
        Item,
        "train",
        "train ${1:name} {\n    model     = ${2}\n    data      = ${3:csv(\"data.csv\", label = 0)}\n    loss      = ${4:cross_entropy}\n    optimizer = ${5:AdamW(lr = 1e-3)}\n    batch     = ${6:64}\n    epochs    = ${7:10}\n}",
        "One experiment: the model, its data, and how to train it; or another experiment with changes.",
    ),
    word(Blueprint, "param", "param ${1:weight}: ${2:f32[d]} = ${3:zeros}", "A tensor that the optimizer trains."),
    word(Blueprint, "state", "state ${1:mean}: ${2:f32[c]} = ${3:zeros}", "A tensor that is not trained: assigned with `:=` in training."),
    word(Blueprint, "layer", "layer ${1:name} = ${2}", "An instance of a recipe. Called twice it shares its weights."),
    word(Blueprint, "slot", "slot ${1:name}", "A place where the network may grow; the identity until a seed is blended in."),
    word(Blueprint, "require", "require ${1:condition}, \"${2:message}\"", "What must hold of the parameters and sizes."),
    word(Blueprint, "forward", "forward(${1:x: f32[b, d]}) -> ${2:f32[b, d]} {\n    ${0:x}\n}", "What the blueprint computes."),
    word(Optimizer, "state", "state ${1:m}: f32[..] = ${2:zeros}", "What the optimizer keeps for every parameter."),
    word(
        Optimizer,
        "update",
        "update(p: f32[..], g: f32[..], step: f32) -> f32[..] {\n    ${0:p}\n}",
        "Gives the new value of a parameter; `step` counts its own updates from 1.",
    ),
    word(Code, "let", "let ${1:name} = ${0}", "Declares a name; `name = …` gives it a new value later."),
    word(Code, "for", "for ${1:i} in ${2:range(3)} {\n    ${0}\n}", "A loop over a list that the compiler knows, unrolled."),
    word(Code, "require", "require ${1:condition}, \"${2:message}\"", "What must hold of sizes and parameters."),
    word(Inside, "if", "if ${1:condition} { ${2} } else { ${3} }", "A choice that the compiler makes; between tensors it is `where`."),
    word(Inside, "else", "", "What is taken where the condition does not hold."),
    word(Inside, "and", "", "Both conditions hold."),
    word(Inside, "or", "", "One of the conditions holds."),
    word(Inside, "not", "", "The condition does not hold."),
    word(Inside, "true", "", "The truth."),
    word(Inside, "false", "", "The untruth."),
    word(
        Inside,
        "training",
        "",
        "Whether the program trains: known to the compiler, so training and evaluation are two programs of one source.",
    ),
    word(Inside, "inf", "", "Infinity."),
    word(Inside, "in", "", "What a `for` goes over."),
    word(Inside, "from", "", "What a policy or an experiment is derived from; the candidates of a `grow`."),
    word(Inside, "by", "", "The policy of a `grow`."),
    word(Inside, "as", "", "Another name for what a `use` brings in."),
    word(Inside, "when", "", "The condition of a rule."),
    word(Train, "grow", "grow ${1:slot} from [${2}] by ${3:Policy}", "Which slots may grow, from which seeds, by which policy."),
    word(Train, "sweep", "sweep {\n    ${0}\n}", "Fields with several values: one run for each combination."),
    word(Policy, "germinate", "germinate when ${0}", "When a seed is planted."),
    word(Policy, "prune", "prune when ${1:grad_ratio < 0.01} for ${2:epochs(3)}", "When a live seed is taken out again."),
    word(ElementType, "f32", "", "32-bit floats; alone, a scalar."),
    word(ElementType, "f16", "", "16-bit floats."),
    word(ElementType, "bf16", "", "16-bit floats with the exponent of 32-bit ones."),
    word(ElementType, "i32", "", "Whole numbers of 32 bits."),
    word(ElementType, "u8", "", "Whole numbers from 0 to 255."),
    word(ElementType, "bool", "", "Truths."),
    word(Kind, "dim", "", "A size: a whole number of at least 0; left out, it is inferred from use."),
    word(Kind, "int", "", "A whole number known to the compiler."),
    word(Kind, "float", "", "A number known to the compiler."),
    word(Kind, "str", "", "A text known to the compiler."),
    word(Kind, "time", "", "A time of the run: `steps(n)`, `epochs(n)` or `share(x)`."),
    word(Kind, "axis", "", "An axis, by number or by name."),
    word(Kind, "init", "", "An initialiser: a number, or a function from the tensor to fill to its type."),
];

/// The fields of a `train`, as the check knows them: each begins with its example.
static FIELDS: LazyLock<Vec<Word>> = LazyLock::new(|| {
    let field = |field: &FieldInfo| {
        let value = field.example.strip_prefix(field.name).and_then(|rest| rest.strip_prefix(" = ")).unwrap_or_default();
        let value = value.replace('\\', "\\\\").replace('$', "\\$").replace('}', "\\}");
        Word { text: field.name, position: Train, doc: field.doc, template: format!("{} = ${{1:{value}}}", field.name).into() }
    };
    experiment::FIELDS.iter().map(field).collect()
});

fn all() -> impl Iterator<Item = &'static Word> {
    WORDS.iter().chain(FIELDS.iter())
}

/// The entries of a position.
pub fn of(position: Position) -> impl Iterator<Item = &'static Word> {
    all().filter(move |w| w.position == position)
}

/// What is said of a word: the entry that is nearest to a position.
pub fn find(text: &str, nearest: &[Position]) -> Option<&'static Word> {
    let entries = || all().filter(|w| w.text == text);
    nearest.iter().find_map(|p| entries().find(|w| w.position == *p)).or_else(|| entries().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_has_two_entries_for_one_position() {
        for (i, word) in all().enumerate() {
            let again = all().skip(i + 1).any(|w| w.text == word.text && w.position == word.position);
            assert!(!again && !word.doc.is_empty(), "{}", word.text);
            assert!(word.template.is_empty() || word.template.starts_with(word.text), "{}", word.text);
        }
    }

    #[test]
    fn every_field_of_a_train_begins_with_its_example() {
        assert_eq!(of(Train).find(|w| w.text == "batch").map(|w| w.template.as_ref()), Some("batch = ${1:64}"));
        for field in &*FIELDS {
            assert!(!field.template.ends_with("${1:}"), "{}", field.text);
        }
    }
}
