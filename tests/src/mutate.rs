//! Programs nobody would write: known ones with pieces deleted, doubled, swapped and replaced. Everything follows from the seed.

/// A small generator of random numbers (Steele et al., SplitMix64, OOPSLA 2014).
pub struct Random(pub u64);

impl Random {
    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// A number below `n`, which is not 0.
    pub fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }
}

/// What is written in the place of something else: words of the language, signs, numbers at the edges, and what is no text of it.
const PIECES: &[&str] = &[
    "let",
    "layer",
    "param",
    "state",
    "slot",
    "forward",
    "blueprint",
    "fn",
    "grad",
    "train",
    "policy",
    "use",
    "const",
    "if",
    "else",
    "for",
    "in",
    "grow",
    "from",
    "by",
    "when",
    "require",
    "true",
    "not",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "=",
    ":=",
    "->",
    "|>",
    "..",
    ".",
    "+",
    "-",
    "*",
    "/",
    "%",
    "@",
    "^",
    "==",
    "<",
    "0",
    "1",
    "-1",
    "2",
    "1e308",
    "1e-9",
    "9223372036854775807",
    "99999999999999999999",
    "1000000000",
    "0.5",
    "x",
    "b",
    "h",
    "f32",
    "f32[b]",
    "f32[..]",
    "i32",
    "dim",
    "\"",
    "\"b i, o i -> b o\"",
    "\"b t (h d)\"",
    "//",
    "///",
    "//!",
    "\n",
    "\n\n",
    " ",
    "\t",
    "§",
    "é",
    "数",
    "\u{feff}",
    "\r\n",
    ";",
    "zeros",
    "training",
    "size(x)",
    "x[0]",
    "x[.., -1]",
    "relu(x)",
    "Linear(10)",
    "axis = -1",
    "steps(3)",
];

/// Ends of words and signs, where pieces begin.
fn cuts(text: &str) -> Vec<usize> {
    let mut cuts = vec![0];
    let mut last = None;
    for (i, c) in text.char_indices() {
        let class = if c.is_alphanumeric() || c == '_' {
            0
        } else if c.is_whitespace() {
            1
        } else {
            2
        };
        if last.is_some_and(|l| l != class || class == 2) {
            cuts.push(i);
        }
        last = Some(class);
    }
    cuts.push(text.len());
    cuts
}

/// The text with one to eight changes.
pub fn mutate(text: &str, random: &mut Random) -> String {
    let mut text = text.to_string();
    for _ in 0..1 + random.below(8) {
        let cuts = cuts(&text);
        let at = random.below(cuts.len());
        let (a, z) = (cuts[at], cuts[(at + 1 + random.below(3)).min(cuts.len() - 1)]);
        match random.below(6) {
            0 => text.replace_range(a..z, ""),
            1 => text.insert_str(a, PIECES[random.below(PIECES.len())]),
            2 => text.replace_range(a..z, PIECES[random.below(PIECES.len())]),
            3 => {
                let copy = text[a..z].to_string();
                text.insert_str(cuts[random.below(cuts.len())], &copy);
            }
            4 => text.truncate(a),
            _ => {
                let line = text.lines().nth(random.below(text.lines().count().max(1))).unwrap_or("").to_string();
                text.insert_str(a, &format!("\n{line}\n"));
            }
        }
    }
    text
}
