//! The codes of text errors, each explained with a wrong and a right file.
use esper_diagnostics::CodeRecord;

/// All codes that [`crate::parse`] raises.
pub const CODES: &[CodeRecord] = &[
    CodeRecord {
        code: "E0001",
        title: "an unclosed bracket",
        explanation: "A `(`, `[` or `{` has no closing bracket. A line that begins with a word that declares something (`let`, `layer`, \
                      `param` …), an item in the first column, a closing bracket of another kind, or the end of the file prove it. \
                      The rest of the file is checked as if the bracket were closed there.",
        wrong: "fn thrice(x: f32[n]) -> f32[n] {\n    let y = (x + x\n    let z = x\n    y + z\n}\n",
        right: "fn thrice(x: f32[n]) -> f32[n] {\n    let y = (x + x)\n    let z = x\n    y + z\n}\n",
    },
    CodeRecord {
        code: "E0002",
        title: "a bracket that closes nothing",
        explanation: "A `)`, `]` or `}` stands where no such bracket is open. It is left out, and the rest is checked without it.",
        wrong: "const SIZE = 4 * (2 + 1))\n",
        right: "const SIZE = 4 * (2 + 1)\n",
    },
    CodeRecord {
        code: "E0003",
        title: "a character that means nothing",
        explanation: "Names are made of the letters a to z in both cases, digits and `_`. Other letters may stand in strings and comments \
                      only. The logical operators are the words `and`, `or` and `not`; a comment begins with `//`.",
        wrong: "const BOTH = true && false\n",
        right: "const BOTH = true and false\n",
    },
    CodeRecord {
        code: "E0004",
        title: "something else was expected",
        explanation: "At this place the text stops making sense: the message says what could stand there, and what was found. Only this \
                      line is left out; what it declares is known in the lines below all the same.",
        wrong: "const SIZE = 4 *\n",
        right: "const SIZE = 4 * 16\n",
    },
    CodeRecord {
        code: "E0005",
        title: "an unclosed string",
        explanation: "A string begins and ends on one line. A quote inside is written `\\\"`, a new line `\\n`.",
        wrong: "const PATTERN = \"b t (h d) -> b h t d\n",
        right: "const PATTERN = \"b t (h d) -> b h t d\"\n",
    },
    CodeRecord {
        code: "E0006",
        title: "two statements on one line",
        explanation: "Statements are separated by new lines, and nothing else. There are no semicolons (in `[Block() ; depth]` it says how \
                      often), and there is no `return`: the last expression of a body is its value.",
        wrong: "fn double(x: f32[..]) -> f32[..] {\n    let a = x; a + a\n}\n",
        right: "fn double(x: f32[..]) -> f32[..] {\n    let a = x\n    a + a\n}\n",
    },
    CodeRecord {
        code: "E0007",
        title: "nested too deeply",
        explanation: "No expression or body may be nested more than 1,000 levels deep; a chain of operators in one expression counts too. \
                      Break the expression up with `let`. The rest of the item is left out.",
        wrong: DEEP,
        right: "const SIZE = 1\n",
    },
    CodeRecord {
        code: "E0008",
        title: "a chained comparison",
        explanation: "`0 <= p < 1` would compare a truth value with 1. Both comparisons are written, joined by `and`.",
        wrong: "fn keep(p: float) -> bool { 0 <= p < 1 }\n",
        right: "fn keep(p: float) -> bool { 0 <= p and p < 1 }\n",
    },
    CodeRecord {
        code: "E0009",
        title: "a number that is too large",
        explanation: "A whole number is at most 9223372036854775807, any other number at most about 1.8e308. `inf` is infinity.",
        wrong: "const SEED = 99999999999999999999\n",
        right: "const SEED = 9999999999\n",
    },
    CodeRecord {
        code: "E0010",
        title: "a missing body",
        explanation: "`fn`, `grad`, `blueprint`, `optimizer`, `policy`, `train`, `forward`, `update`, `if` and `for` have a body in \
                      braces, which begins on the same line or on the next.",
        wrong: "fn relu(x: f32[..]) -> f32[..]\n",
        right: "fn relu(x: f32[..]) -> f32[..] { maximum(x, 0) }\n",
    },
    CodeRecord {
        code: "E0011",
        title: "an unknown escape in a string",
        explanation: "After a backslash in a string there may be `n` (a new line), `t` (a tab), `\"` and `\\`.",
        wrong: "const FILE = \"data\\digits.csv\"\n",
        right: "const FILE = \"data\\\\digits.csv\"\n",
    },
    CodeRecord {
        code: "E0012",
        title: "a line outside of any item",
        explanation: "A file is made of items, which begin with `use`, `const`, `fn`, `grad`, `blueprint`, `optimizer`, `policy` or \
                      `train`. Where such a line should be inside an item, look for a `}` too many above it.",
        wrong: "const A = 1\nlet b = 2\n",
        right: "const A = 1\nconst B = 2\n",
    },
    CodeRecord {
        code: "E0013",
        title: "documentation in the wrong place",
        explanation: "`///` documents the item, parameter or line below it, so it begins a line, and something follows. `//!` documents the \
                      file and stands at its top. A comment for nobody in particular begins with `//`.",
        wrong: "const A = 1\n/// The end.\n",
        right: "/// The first.\nconst A = 1\n",
    },
];

/// A file of 1,001 open brackets.
const DEEP: &str = {
    const COUNT: usize = 1001;
    const BYTES: [u8; 10 + 2 * COUNT + 1] = {
        let mut bytes = [b')'; 10 + 2 * COUNT + 1];
        let head = b"const A = ";
        let mut at = 0;
        while at < 10 + COUNT {
            bytes[at] = if at < 10 { head[at] } else { b'(' };
            at += 1;
        }
        bytes[10 + 2 * COUNT] = b'\n';
        bytes
    };
    match str::from_utf8(&BYTES) {
        Ok(text) => text,
        Err(_) => panic!("brackets are text"),
    }
};

#[cfg(test)]
mod tests {
    use super::CODES;
    use crate::parse;
    use esper_diagnostics::FileId;

    #[test]
    fn each_wrong_raises_its_code_and_each_right_nothing() {
        for record in CODES {
            let codes = |text: &str| parse(FileId(0), text).problems.into_iter().map(|p| p.code).collect::<Vec<_>>();
            assert_eq!(codes(record.wrong), [record.code], "{}", record.wrong);
            assert_eq!(codes(record.right), Vec::<String>::new(), "{}", record.right);
        }
    }
}
