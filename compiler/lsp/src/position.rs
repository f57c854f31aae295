//! Places in a text as the protocol counts them: lines, and columns in UTF-8, UTF-16 or UTF-32 units.
use gen_lsp_types::{Position, Range};

/// What a column counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Bytes.
    Utf8,
    /// 16-bit units; what a client means that says nothing.
    #[default]
    Utf16,
    /// Characters.
    Utf32,
}

impl Encoding {
    fn width(self, c: char) -> usize {
        match self {
            Encoding::Utf8 => c.len_utf8(),
            Encoding::Utf16 => c.len_utf16(),
            Encoding::Utf32 => 1,
        }
    }
    /// How many units a text has.
    pub fn length(self, text: &str) -> usize {
        match self {
            Encoding::Utf8 => text.len(),
            _ if text.is_ascii() => text.len(),
            _ => text.chars().map(|c| self.width(c)).sum(),
        }
    }
}

/// Where the lines of a text begin. A line ends with `\n`, `\r\n` or `\r`, as the protocol has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    starts: Vec<u32>,
}

impl Lines {
    /// The lines of a text.
    pub fn of(text: &str) -> Lines {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        for (i, byte) in bytes.iter().enumerate() {
            let ends = *byte == b'\n' || *byte == b'\r' && bytes.get(i + 1) != Some(&b'\n');
            if ends {
                starts.push(i as u32 + 1);
            }
        }
        Lines { starts }
    }
    /// The line that holds a byte.
    pub fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start as usize <= offset) - 1
    }
    /// The bytes of a line without its end.
    pub fn bytes(&self, text: &str, line: usize) -> std::ops::Range<usize> {
        let start = self.starts[line] as usize;
        let end = self.starts.get(line + 1).map_or(text.len(), |next| *next as usize);
        start..start + text[start..end].trim_end_matches(['\n', '\r']).len()
    }
    /// The byte at a position. What lies behind a line's end is its end, what lies behind the text its end; never inside a character.
    pub fn offset(&self, text: &str, position: Position, encoding: Encoding) -> usize {
        let line = position.line as usize;
        if line >= self.starts.len() {
            return text.len();
        }
        let bytes = self.bytes(text, line);
        let mut left = position.character as usize;
        for (at, c) in text[bytes.clone()].char_indices() {
            let width = encoding.width(c);
            if left < width {
                return bytes.start + at;
            }
            left -= width;
        }
        bytes.end
    }
    /// The position of a byte.
    pub fn position(&self, text: &str, offset: usize, encoding: Encoding) -> Position {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.line(offset);
        let bytes = self.bytes(text, line);
        // A place inside a line's end is that line's last position: clients know none between `\r` and `\n`.
        let column = encoding.length(&text[bytes.start..offset.min(bytes.end)]);
        Position { line: line as u32, character: column as u32 }
    }
    /// The range of bytes.
    pub fn range(&self, text: &str, bytes: std::ops::Range<usize>, encoding: Encoding) -> Range {
        Range { start: self.position(text, bytes.start, encoding), end: self.position(text, bytes.end, encoding) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_the_units_that_the_client_counts() {
        let text = "aé𝔘b\r\nc\rd";
        let lines = Lines::of(text);
        assert_eq!(lines.starts.len(), 3);
        let b = text.find('b').expect("there");
        for (encoding, column) in [(Encoding::Utf8, 7), (Encoding::Utf16, 4), (Encoding::Utf32, 3)] {
            let position = Position { line: 0, character: column };
            assert_eq!(lines.position(text, b, encoding), position);
            assert_eq!(lines.offset(text, position, encoding), b);
        }
        let at = |line, character| lines.offset(text, Position { line, character }, Encoding::Utf16);
        assert_eq!(at(0, 3), 3, "between the halves of a pair: before it");
        assert_eq!(at(0, 99), text.find('\r').expect("there"), "behind the line: its end");
        assert_eq!(at(1, 0), text.find('c').expect("there"));
        assert_eq!(at(2, 0), text.find('d').expect("there"));
        assert_eq!(at(9, 0), text.len());
        let inside = text.find('\n').expect("there");
        assert_eq!(lines.position(text, inside, Encoding::Utf32), Position { line: 0, character: 4 }, "between `\\r` and `\\n`");
    }

    #[test]
    fn every_place_of_a_text_comes_back() {
        let text = "let ä = 𝔘\n\r\n  x\rüö\n";
        let lines = Lines::of(text);
        for encoding in [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32] {
            for (offset, c) in text.char_indices().filter(|(_, c)| *c != '\n' && *c != '\r') {
                assert_eq!(lines.offset(text, lines.position(text, offset, encoding), encoding), offset, "{c:?} in {encoding:?}");
            }
        }
    }
}
