//! Reads a size back from the text that `{:#}` writes.
use super::{Dim, DimError, polynomial};

/// Parentheses and calls inside each other; what is printed has far fewer.
const MOST_NESTING: usize = 200;

struct Reader<'a> {
    text: &'a str,
    position: usize,
    nesting: usize,
}

impl Dim {
    /// The size that a text says: whole numbers, names (quoted where they are no identifiers), `+ - * / % ^`, `floor ceil min max`.
    pub fn parse(text: &str) -> Result<Dim, String> {
        let mut reader = Reader { text, position: 0, nesting: 0 };
        let dim = reader.sum()?;
        match reader.peek() {
            None => Ok(dim),
            Some(c) => Err(format!("unexpected `{c}` in the size `{text}`")),
        }
    }
}

impl Reader<'_> {
    fn peek(&mut self) -> Option<char> {
        let rest = &self.text[self.position..];
        self.position += rest.len() - rest.trim_start().len();
        self.text[self.position..].chars().next()
    }
    fn take(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        if found {
            self.position += c.len_utf8();
        }
        found
    }
    fn expect(&mut self, c: char) -> Result<(), String> {
        if self.take(c) { Ok(()) } else { Err(format!("expected `{c}` at byte {} of the size `{}`", self.position, self.text)) }
    }
    fn computed(&self, result: Result<Dim, DimError>) -> Result<Dim, String> {
        result.map_err(|e| format!("{e}: `{}`", self.text))
    }
    fn sum(&mut self) -> Result<Dim, String> {
        self.nesting += 1;
        if self.nesting > MOST_NESTING {
            return Err("a size is nested too deeply".into());
        }
        let mut sum = self.product()?;
        loop {
            let next = if self.take('+') {
                let term = self.product()?;
                sum.add(&term)
            } else if self.take('-') {
                let term = self.product()?;
                sum.sub(&term)
            } else {
                self.nesting -= 1;
                return Ok(sum);
            };
            sum = self.computed(next)?;
        }
    }
    fn product(&mut self) -> Result<Dim, String> {
        if self.take('-') {
            let positive = self.product_of_factors()?;
            return self.computed(positive.mul(&Dim::constant(-1)));
        }
        self.product_of_factors()
    }
    fn product_of_factors(&mut self) -> Result<Dim, String> {
        let mut product = self.power()?;
        loop {
            let next = if self.take('*') {
                let factor = self.power()?;
                product.mul(&factor)
            } else if self.take('/') {
                let factor = self.power()?;
                product.divide(&factor)
            } else if self.take('%') {
                let factor = self.power()?;
                product.remainder(&factor)
            } else {
                return Ok(product);
            };
            product = self.computed(next)?;
        }
    }
    fn power(&mut self) -> Result<Dim, String> {
        let base = self.single()?;
        if !self.take('^') {
            return Ok(base);
        }
        let exponent = self.single()?.as_const().and_then(|n| u32::try_from(n).ok());
        let exponent = exponent.filter(|n| *n <= 1024).ok_or_else(|| format!("an exponent is no small number: `{}`", self.text))?;
        self.computed(base.power(exponent))
    }
    fn single(&mut self) -> Result<Dim, String> {
        let start = match self.peek() {
            Some('(') => {
                self.position += 1;
                let inner = self.sum()?;
                self.expect(')')?;
                return Ok(inner);
            }
            Some('"') => return self.quoted(),
            Some(c) if c.is_ascii_alphanumeric() || c == '_' => self.position,
            _ => return Err(format!("expected a size at byte {} of `{}`", self.position, self.text)),
        };
        let rest = &self.text[start..];
        let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let word = &rest[..length];
        self.position += length;
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            return word.parse::<i64>().map(Dim::constant).map_err(|_| format!("`{word}` is no size"));
        }
        if !matches!(word, "floor" | "ceil" | "min" | "max") {
            return Ok(Dim::symbol(word));
        }
        self.expect('(')?;
        let mut arguments = vec![self.sum()?];
        while self.take(',') {
            arguments.push(self.sum()?);
        }
        self.expect(')')?;
        let result = match (word, &arguments[..]) {
            ("floor", [x]) => polynomial::floor(x),
            ("ceil", [x]) => polynomial::ceil(x),
            ("min", [first, rest @ ..]) => rest.iter().try_fold(first.clone(), |a, b| a.minimum(b)),
            ("max", [first, rest @ ..]) => rest.iter().try_fold(first.clone(), |a, b| a.maximum(b)),
            _ => return Err(format!("`{word}` takes one argument: `{}`", self.text)),
        };
        self.computed(result)
    }
    /// A name as Rust's `{:?}` writes it.
    fn quoted(&mut self) -> Result<Dim, String> {
        let (name, length) = crate::text::unquote(&self.text[self.position..])?;
        self.position += length;
        Ok(Dim::symbol(&name))
    }
}
