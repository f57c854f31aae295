//! What each scalar primitive is on this target. The match is exhaustive: a new primitive shows here.
use super::lanes::{Lanes, Term};
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{InstBuilder, Value, types};
use esper_ir::{DType, Prim};

impl Lanes<'_, '_> {
    /// A primitive of operands of `dtype`. `known`: whether an operand is a constant that is not NaN, which saves a test in maximum and minimum.
    pub fn apply(&mut self, prim: Prim, dtype: DType, arguments: &[Term], known: &[bool]) -> Term {
        if prim == Prim::Select {
            return self.choose(dtype, arguments);
        }
        if dtype.is_float() {
            let values: Vec<Value> = arguments.iter().map(|&t| self.to_float(t)).collect();
            self.apply_float(prim, &values, known)
        } else if dtype == DType::Bool && matches!(prim, Prim::Equal | Prim::NotEqual | Prim::Not | Prim::And | Prim::Or) {
            self.apply_bool(prim, arguments)
        } else {
            let values: Vec<Value> = arguments.iter().map(|&t| self.to_int(t)).collect();
            let result = self.apply_int(prim, &values);
            match (dtype, result) {
                (DType::U8, Term::Int(v)) => {
                    let mask = self.int(255);
                    Term::Int(self.builder.ins().band(v, mask))
                }
                (_, result) => result,
            }
        }
    }

    fn choose(&mut self, dtype: DType, arguments: &[Term]) -> Term {
        let condition = arguments[0];
        if dtype.is_float() {
            let (a, b) = (self.to_float(arguments[1]), self.to_float(arguments[2]));
            Term::Float(self.select(condition, a, b))
        } else {
            let (a, b) = (self.to_int(arguments[1]), self.to_int(arguments[2]));
            Term::Int(self.select(condition, a, b))
        }
    }

    fn apply_bool(&mut self, prim: Prim, arguments: &[Term]) -> Term {
        let first = Term::Mask(self.to_mask(arguments[0]));
        match prim {
            Prim::Not => self.opposite(first),
            Prim::And => self.both(first, arguments[1]),
            Prim::Or => self.either(first, arguments[1]),
            _ => {
                let (a, b) = (self.to_mask(first), self.to_mask(arguments[1]));
                let different = Term::Mask(self.builder.ins().bxor(a, b));
                if prim == Prim::Equal { self.opposite(different) } else { different }
            }
        }
    }

    fn apply_float(&mut self, prim: Prim, a: &[Value], known: &[bool]) -> Term {
        let value = match prim {
            Prim::Neg => self.builder.ins().fneg(a[0]),
            Prim::Exp => self.exp(a[0]),
            Prim::Log => self.log(a[0]),
            Prim::Sqrt => self.builder.ins().sqrt(a[0]),
            Prim::Rsqrt => {
                let root = self.builder.ins().sqrt(a[0]);
                let one = self.float(1.0);
                self.div(one, root)
            }
            Prim::Reciprocal => {
                let one = self.float(1.0);
                self.div(one, a[0])
            }
            Prim::Sin => self.sine(a[0], false),
            Prim::Cos => self.sine(a[0], true),
            Prim::Tanh => self.tanh(a[0]),
            Prim::Erf => self.erf(a[0]),
            Prim::ErfInv => self.erf_inv(a[0]),
            Prim::Abs => self.builder.ins().fabs(a[0]),
            Prim::Sign => {
                let (zero, one, minus) = (self.float(0.0), self.float(1.0), self.float(-1.0));
                let below = self.compare(FloatCC::LessThan, a[0], zero);
                let rest = self.select(below, minus, a[0]);
                let above = self.compare(FloatCC::GreaterThan, a[0], zero);
                self.select(above, one, rest)
            }
            Prim::Floor => self.builder.ins().floor(a[0]),
            Prim::Ceil => self.builder.ins().ceil(a[0]),
            Prim::Round => self.builder.ins().nearest(a[0]),
            Prim::Add => self.add(a[0], a[1]),
            Prim::Sub => self.sub(a[0], a[1]),
            Prim::Mul => self.mul(a[0], a[1]),
            Prim::Div => self.div(a[0], a[1]),
            Prim::Maximum if known[0] => self.greater(a[0], a[1]),
            Prim::Maximum if known[1] => self.greater(a[1], a[0]),
            Prim::Maximum => self.maximum(a[0], a[1]),
            Prim::Minimum if known[0] => self.lesser(a[0], a[1]),
            Prim::Minimum if known[1] => self.lesser(a[1], a[0]),
            Prim::Minimum => self.minimum(a[0], a[1]),
            Prim::Pow => self.power(a[0], a[1]),
            Prim::Rem => self.remainder(a[0], a[1]),
            Prim::Equal => return self.compare(FloatCC::Equal, a[0], a[1]),
            Prim::NotEqual => return self.compare(FloatCC::NotEqual, a[0], a[1]),
            Prim::Less => return self.compare(FloatCC::LessThan, a[0], a[1]),
            Prim::LessEqual => return self.compare(FloatCC::LessThanOrEqual, a[0], a[1]),
            Prim::Not => {
                let zero = self.float(0.0);
                return self.compare(FloatCC::Equal, a[0], zero);
            }
            Prim::And => return self.both(Term::Float(a[0]), Term::Float(a[1])),
            Prim::Or => return self.either(Term::Float(a[0]), Term::Float(a[1])),
            Prim::Select => a[1],
        };
        Term::Float(value)
    }

    fn apply_int(&mut self, prim: Prim, a: &[Value]) -> Term {
        let value = match prim {
            Prim::Neg => self.builder.ins().ineg(a[0]),
            Prim::Abs => self.builder.ins().iabs(a[0]),
            Prim::Sign => {
                let (zero, one, minus) = (self.int(0), self.int(1), self.int(-1));
                let below = self.compare_int(IntCC::SignedLessThan, a[0], zero);
                let rest = self.select(below, minus, zero);
                let above = self.compare_int(IntCC::SignedGreaterThan, a[0], zero);
                self.select(above, one, rest)
            }
            Prim::Floor | Prim::Ceil | Prim::Round => a[0],
            Prim::Add => self.builder.ins().iadd(a[0], a[1]),
            Prim::Sub => self.builder.ins().isub(a[0], a[1]),
            Prim::Mul => self.builder.ins().imul(a[0], a[1]),
            Prim::Div => self.divide_int(a[0], a[1], false),
            Prim::Rem => self.divide_int(a[0], a[1], true),
            Prim::Maximum => self.builder.ins().smax(a[0], a[1]),
            Prim::Minimum => self.builder.ins().smin(a[0], a[1]),
            Prim::Equal => return self.compare_int(IntCC::Equal, a[0], a[1]),
            Prim::NotEqual => return self.compare_int(IntCC::NotEqual, a[0], a[1]),
            Prim::Less => return self.compare_int(IntCC::SignedLessThan, a[0], a[1]),
            Prim::LessEqual => return self.compare_int(IntCC::SignedLessThanOrEqual, a[0], a[1]),
            Prim::Not => {
                let zero = self.int(0);
                return self.compare_int(IntCC::Equal, a[0], zero);
            }
            Prim::And => return self.both(Term::Int(a[0]), Term::Int(a[1])),
            Prim::Or => return self.either(Term::Int(a[0]), Term::Int(a[1])),
            // Functions of real numbers: through f32, truncated on the way back.
            Prim::Exp
            | Prim::Log
            | Prim::Sqrt
            | Prim::Rsqrt
            | Prim::Reciprocal
            | Prim::Sin
            | Prim::Cos
            | Prim::Tanh
            | Prim::Erf
            | Prim::ErfInv
            | Prim::Pow => {
                let values: Vec<Value> = a.iter().map(|&v| self.to_float(Term::Int(v))).collect();
                let result = self.apply_float(prim, &values, &[false, false]);
                self.to_int(result)
            }
            Prim::Select => a[1],
        };
        Term::Int(value)
    }

    /// To another element type.
    pub fn convert(&mut self, term: Term, to: DType) -> Term {
        match to {
            DType::F32 | DType::F16 | DType::BF16 => Term::Float(self.to_float(term)),
            DType::I32 => Term::Int(self.to_int(term)),
            DType::U8 if !matches!(term, Term::Float(_)) => {
                // Integers wrap around; floats saturate.
                let (v, mask) = (self.to_int(term), self.int(255));
                Term::Int(self.builder.ins().band(v, mask))
            }
            DType::U8 => {
                let v = self.to_int(term);
                let (low, high) = (self.int(0), self.int(255));
                let v = self.builder.ins().smax(v, low);
                Term::Int(self.builder.ins().smin(v, high))
            }
            DType::Bool => Term::Mask(self.to_mask(term)),
        }
    }

    /// A number of a type.
    pub fn constant(&mut self, value: f64, dtype: DType) -> Term {
        match dtype {
            DType::F32 | DType::F16 | DType::BF16 => Term::Float(self.float(value as f32)),
            DType::I32 | DType::U8 => Term::Int(self.int(value as i32)),
            DType::Bool => Term::Int(self.int(i32::from(value != 0.0))),
        }
    }

    /// The value as its type keeps it in a register that outlives the stage: a bool as 0 or 1.
    pub fn settled(&mut self, term: Term) -> Term {
        match term {
            Term::Mask(_) => Term::Int(self.to_int(term)),
            other => other,
        }
    }

    /// The cranelift type of one element in memory.
    pub fn memory_type(dtype: DType) -> cranelift_codegen::ir::Type {
        match dtype {
            DType::F32 => types::F32,
            DType::I32 | DType::Bool => types::I32,
            DType::U8 => types::I8,
            DType::F16 | DType::BF16 => types::I16,
        }
    }
}
