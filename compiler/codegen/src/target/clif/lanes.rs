//! Arithmetic written once for one element and for four: the same operations in the same order, so that a loop's tail has the same bits.
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{Endianness, InstBuilder, MemFlagsData, Type, Value, types};
use cranelift_frontend::FunctionBuilder;

/// Elements in one vector register of every machine that Cranelift spells.
pub(super) const LANES: usize = 4;

/// A value in registers, one or four elements wide.
#[derive(Clone, Copy, Debug)]
pub(super) enum Term {
    /// f32.
    Float(Value),
    /// i32; for a bool 0 or 1.
    Int(Value),
    /// A condition: for one element an i8 that is 0 or 1, for four an i32x4 of zeros or ones everywhere.
    Mask(Value),
}

/// Builds instructions of one width.
pub(super) struct Lanes<'a, 'b> {
    /// Where.
    pub builder: &'a mut FunctionBuilder<'b>,
    /// Four elements, or one.
    pub wide: bool,
    /// Whether the machine has a fused multiply-add.
    pub fma: bool,
}

/// How a 128-bit value is seen as another type.
pub(super) fn little() -> MemFlagsData {
    MemFlagsData::new().with_endianness(Endianness::Little)
}

impl<'b> Lanes<'_, 'b> {
    /// The same builder, one element wide.
    pub fn single(&mut self) -> Lanes<'_, 'b> {
        Lanes { builder: self.builder, wide: false, fma: self.fma }
    }
    /// The type of floats at this width.
    pub fn float_type(&self) -> Type {
        if self.wide { types::F32X4 } else { types::F32 }
    }
    /// The type of integers at this width.
    pub fn int_type(&self) -> Type {
        if self.wide { types::I32X4 } else { types::I32 }
    }
    /// A float everywhere.
    pub fn float(&mut self, value: f32) -> Value {
        if self.wide { self.everywhere(types::F32X4, value.to_le_bytes()) } else { self.builder.ins().f32const(value) }
    }
    /// An integer everywhere.
    pub fn int(&mut self, value: i32) -> Value {
        if self.wide {
            return self.everywhere(types::I32X4, value.to_le_bytes());
        }
        self.builder.ins().iconst(types::I32, i64::from(value as u32))
    }
    /// A vector constant: an instruction can read it from memory, which a broadcast register cannot save.
    fn everywhere(&mut self, ty: Type, element: [u8; 4]) -> Value {
        let bytes = self.builder.func.dfg.constants.insert(element.repeat(LANES).into());
        self.builder.ins().vconst(ty, bytes)
    }
    /// One element into all lanes.
    pub fn splat(&mut self, term: Term) -> Term {
        match term {
            Term::Float(v) => Term::Float(self.builder.ins().splat(types::F32X4, v)),
            Term::Int(v) => Term::Int(self.builder.ins().splat(types::I32X4, v)),
            Term::Mask(v) => {
                let bits = self.builder.ins().uextend(types::I32, v);
                let bits = self.builder.ins().ineg(bits);
                Term::Mask(self.builder.ins().splat(types::I32X4, bits))
            }
        }
    }
    /// One lane of a vector.
    pub fn lane(&mut self, term: Term, lane: usize) -> Term {
        let lane = lane as u8;
        match term {
            Term::Float(v) => Term::Float(self.builder.ins().extractlane(v, lane)),
            Term::Int(v) => Term::Int(self.builder.ins().extractlane(v, lane)),
            Term::Mask(v) => {
                let bits = self.builder.ins().extractlane(v, lane);
                let zero = self.builder.ins().iconst(types::I32, 0);
                Term::Mask(self.builder.ins().icmp(IntCC::NotEqual, bits, zero))
            }
        }
    }
    /// Four elements of one kind into a vector.
    pub fn gather(&mut self, parts: [Term; LANES]) -> Term {
        let kind = parts[0];
        let values = parts.map(|p| match p {
            Term::Float(v) | Term::Int(v) => v,
            Term::Mask(v) => {
                let bits = self.builder.ins().uextend(types::I32, v);
                self.builder.ins().ineg(bits)
            }
        });
        let ty = if matches!(kind, Term::Float(_)) { types::F32X4 } else { types::I32X4 };
        let mut vector = self.builder.ins().scalar_to_vector(ty, values[0]);
        for (lane, value) in values.into_iter().enumerate().skip(1) {
            vector = self.builder.ins().insertlane(vector, value, lane as u8);
        }
        match kind {
            Term::Float(_) => Term::Float(vector),
            Term::Int(_) => Term::Int(vector),
            Term::Mask(_) => Term::Mask(vector),
        }
    }
    /// Every lane on its own, for what has no vector instruction.
    pub fn each<const N: usize>(&mut self, terms: [Term; N], operate: &mut dyn FnMut(&mut Lanes<'_, 'b>, [Term; N]) -> Term) -> Term {
        if !self.wide {
            return operate(self, terms);
        }
        let parts = std::array::from_fn(|lane| {
            let one = terms.map(|t| self.lane(t, lane));
            operate(&mut self.single(), one)
        });
        self.gather(parts)
    }

    /// As a float; conditions and integers are converted.
    pub fn to_float(&mut self, term: Term) -> Value {
        match term {
            Term::Float(v) => v,
            Term::Int(v) => {
                let ty = self.float_type();
                self.builder.ins().fcvt_from_sint(ty, v)
            }
            Term::Mask(_) => {
                let (one, zero) = (self.float(1.0), self.float(0.0));
                self.select(term, one, zero)
            }
        }
    }
    /// As an integer; floats are truncated towards zero and saturate, NaN is 0.
    pub fn to_int(&mut self, term: Term) -> Value {
        match term {
            Term::Int(v) => v,
            Term::Float(v) => {
                let ty = self.int_type();
                self.builder.ins().fcvt_to_sint_sat(ty, v)
            }
            Term::Mask(v) if self.wide => {
                let one = self.int(1);
                self.builder.ins().band(v, one)
            }
            Term::Mask(v) => self.builder.ins().uextend(types::I32, v),
        }
    }
    /// As a condition: whether it is not zero.
    pub fn to_mask(&mut self, term: Term) -> Value {
        match term {
            Term::Mask(v) => v,
            Term::Int(v) => {
                let zero = self.int(0);
                self.builder.ins().icmp(IntCC::NotEqual, v, zero)
            }
            Term::Float(v) => {
                let zero = self.float(0.0);
                self.builder.ins().fcmp(FloatCC::NotEqual, v, zero)
            }
        }
    }

    /// `mask ? a : b` of two values of one type.
    pub fn select(&mut self, mask: Term, a: Value, b: Value) -> Value {
        let mask = self.to_mask(mask);
        if !self.wide {
            return self.builder.ins().select(mask, a, b);
        }
        let ty = self.builder.func.dfg.value_type(a);
        let mask = if ty == types::I32X4 { mask } else { self.builder.ins().bitcast(ty, little(), mask) };
        self.builder.ins().bitselect(mask, a, b)
    }
    /// A comparison of floats.
    pub fn compare(&mut self, how: FloatCC, a: Value, b: Value) -> Term {
        Term::Mask(self.builder.ins().fcmp(how, a, b))
    }
    /// A comparison of integers.
    pub fn compare_int(&mut self, how: IntCC, a: Value, b: Value) -> Term {
        Term::Mask(self.builder.ins().icmp(how, a, b))
    }
    /// Both conditions.
    pub fn both(&mut self, a: Term, b: Term) -> Term {
        let (a, b) = (self.to_mask(a), self.to_mask(b));
        Term::Mask(self.builder.ins().band(a, b))
    }
    /// One condition at least.
    pub fn either(&mut self, a: Term, b: Term) -> Term {
        let (a, b) = (self.to_mask(a), self.to_mask(b));
        Term::Mask(self.builder.ins().bor(a, b))
    }
    /// The opposite condition.
    pub fn opposite(&mut self, a: Term) -> Term {
        let a = self.to_mask(a);
        if self.wide {
            Term::Mask(self.builder.ins().bnot(a))
        } else {
            let one = self.builder.ins().iconst(types::I8, 1);
            Term::Mask(self.builder.ins().bxor(a, one))
        }
    }

    /// Sum.
    pub fn add(&mut self, a: Value, b: Value) -> Value {
        self.builder.ins().fadd(a, b)
    }
    /// Difference.
    pub fn sub(&mut self, a: Value, b: Value) -> Value {
        self.builder.ins().fsub(a, b)
    }
    /// Product.
    pub fn mul(&mut self, a: Value, b: Value) -> Value {
        self.builder.ins().fmul(a, b)
    }
    /// Quotient.
    pub fn div(&mut self, a: Value, b: Value) -> Value {
        self.builder.ins().fdiv(a, b)
    }
    /// `a · b + c`, rounded once where the machine can. Only polynomials use it: the language's own sums and products are rounded one by one.
    pub fn fused(&mut self, a: Value, b: Value, c: Value) -> Value {
        if self.fma {
            self.builder.ins().fma(a, b, c)
        } else {
            let product = self.mul(a, b);
            self.add(product, c)
        }
    }
    /// `a · x + coefficient`.
    pub fn step(&mut self, a: Value, x: Value, coefficient: f32) -> Value {
        let c = self.float(coefficient);
        self.fused(a, x, c)
    }
    /// A polynomial by Horner's rule, highest coefficient first.
    pub fn polynomial(&mut self, x: Value, coefficients: &[f32]) -> Value {
        let mut sum = self.float(coefficients[0]);
        for &c in &coefficients[1..] {
            sum = self.step(sum, x, c);
        }
        sum
    }
    /// The smaller; the second where one is NaN. One instruction.
    pub fn lesser(&mut self, a: Value, b: Value) -> Value {
        let mask = self.compare(FloatCC::LessThan, a, b);
        self.select(mask, a, b)
    }
    /// The larger; the second where one is NaN. One instruction.
    pub fn greater(&mut self, a: Value, b: Value) -> Value {
        let mask = self.compare(FloatCC::LessThan, b, a);
        self.select(mask, a, b)
    }
    /// The larger; NaN where one is NaN.
    pub fn maximum(&mut self, a: Value, b: Value) -> Value {
        let larger = self.greater(a, b);
        let nan = self.compare(FloatCC::Unordered, a, a);
        self.select(nan, a, larger)
    }
    /// The smaller; NaN where one is NaN.
    pub fn minimum(&mut self, a: Value, b: Value) -> Value {
        let smaller = self.lesser(a, b);
        let nan = self.compare(FloatCC::Unordered, a, a);
        self.select(nan, a, smaller)
    }
    /// The bits of a float as an integer.
    pub fn bits(&mut self, value: Value) -> Value {
        let ty = self.int_type();
        self.builder.ins().bitcast(ty, little(), value)
    }
    /// The float of these bits.
    pub fn from_bits(&mut self, value: Value) -> Value {
        let ty = self.float_type();
        self.builder.ins().bitcast(ty, little(), value)
    }
    /// Integer bits shifted left.
    pub fn shift_left(&mut self, value: Value, by: i64) -> Value {
        let by = self.builder.ins().iconst(types::I32, by);
        self.builder.ins().ishl(value, by)
    }
    /// Integer bits shifted right, zeros coming in.
    pub fn shift_right(&mut self, value: Value, by: i64) -> Value {
        let by = self.builder.ins().iconst(types::I32, by);
        self.builder.ins().ushr(value, by)
    }
    /// Integer bits shifted right, the sign coming in.
    pub fn shift_right_signed(&mut self, value: Value, by: i64) -> Value {
        let by = self.builder.ins().iconst(types::I32, by);
        self.builder.ins().sshr(value, by)
    }
}
