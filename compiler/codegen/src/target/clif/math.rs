//! Elementary functions as polynomials, in f32, within a few units in the last place of the exact value.
//!
//! Sources: Cephes (S. Moshier) for exp, log, sin, cos and tanh near zero; N. Juffa's minimax fits for erf; M. Giles, "Approximating the
//! erfinv function" (2011) for erf_inv. `pow` works in f64 inside, as a single-precision logarithm has too few bits for it.
use super::lanes::{Lanes, Term};
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Value, types};

/// 1.5 · 2²³: added to a float below 2²² it leaves the nearest whole number in the low bits.
const MAGIC: f32 = 12_582_912.0;

impl Lanes<'_, '_> {
    /// The nearest whole number of a small float, as a float and as an integer.
    fn nearest_small(&mut self, x: Value) -> (Value, Value) {
        let magic = self.float(MAGIC);
        let shifted = self.add(x, magic);
        let whole = self.sub(shifted, magic);
        let (bits, base) = (self.bits(shifted), self.int(MAGIC.to_bits() as i32));
        (whole, self.builder.ins().isub(bits, base))
    }

    /// 2 to a whole number in -126 ..= 127.
    fn power_of_two(&mut self, n: Value) -> Value {
        let bias = self.int(127);
        let biased = self.builder.ins().iadd(n, bias);
        let bits = self.shift_left(biased, 23);
        self.from_bits(bits)
    }

    /// eˣ. At most 2 ulp; below the normal range the result is rounded to the nearest denormal.
    pub fn exp(&mut self, x: Value) -> Value {
        // The operand order lets NaN through: the second is kept where a comparison fails.
        let (low, high) = (self.float(-105.0), self.float(89.0));
        let x = self.greater(low, x);
        let x = self.lesser(high, x);
        let scaled = {
            let log2e = self.float(std::f32::consts::LOG2_E);
            self.mul(x, log2e)
        };
        let (n, whole) = self.nearest_small(scaled);
        let (ln2_high, ln2_low) = (self.float(-0.693_359_4), self.float(2.121_944_4e-4));
        let r = self.fused(n, ln2_high, x);
        let r = self.fused(n, ln2_low, r);
        let square = self.mul(r, r);
        let tail = self.polynomial(r, &[1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5]);
        let sum = self.fused(tail, square, r);
        let one = self.float(1.0);
        let sum = self.add(sum, one);
        // In two halves, so that neither leaves the range of exponents.
        let half = self.shift_right_signed(whole, 1);
        let rest = self.builder.ins().isub(whole, half);
        let (first, second) = (self.power_of_two(half), self.power_of_two(rest));
        let sum = self.mul(sum, first);
        self.mul(sum, second)
    }

    /// ln x. At most 2 ulp; NaN below zero, -inf at zero.
    pub fn log(&mut self, x: Value) -> Value {
        let smallest = self.float(f32::MIN_POSITIVE);
        let tiny = self.compare(FloatCC::LessThan, x, smallest);
        let scale = self.float(8_388_608.0);
        let scaled = self.mul(x, scale);
        let normal = self.select(tiny, scaled, x);
        let bits = self.bits(normal);
        // Mantissa in [√½, √2): the exponent is taken of bits moved by the difference to √½.
        let moved = {
            let offset = self.int(0x3f35_04f3);
            self.builder.ins().isub(bits, offset)
        };
        let exponent = self.shift_right_signed(moved, 23);
        let mantissa = {
            let high = self.shift_left(exponent, 23);
            let bits = self.builder.ins().isub(bits, high);
            self.from_bits(bits)
        };
        let (shift, zero) = (self.float(-23.0), self.float(0.0));
        let correction = self.select(tiny, shift, zero);
        let exponent = self.to_float(Term::Int(exponent));
        let exponent = self.add(exponent, correction);
        let one = self.float(1.0);
        let f = self.sub(mantissa, one);
        let square = self.mul(f, f);
        let p = self.polynomial(
            f,
            &[
                7.037_683_6e-2,
                -1.151_461e-1,
                1.167_699_9e-1,
                -1.242_014_1e-1,
                1.424_932_3e-1,
                -1.666_805_8e-1,
                2.000_071_4e-1,
                -2.499_999_4e-1,
                3.333_333_1e-1,
            ],
        );
        let cube = self.mul(square, f);
        let (ln2_low, ln2_high, half) = (self.float(-2.121_944_4e-4), self.float(0.693_359_4), self.float(-0.5));
        let y = self.mul(exponent, ln2_low);
        let y = self.fused(p, cube, y);
        let y = self.fused(square, half, y);
        let y = self.add(f, y);
        let y = self.fused(exponent, ln2_high, y);
        let (infinity, nan) = (self.float(f32::INFINITY), self.float(f32::NAN));
        let finite = self.compare(FloatCC::LessThan, x, infinity);
        let y = self.select(finite, y, x);
        let lowest = self.float(f32::NEG_INFINITY);
        let positive = self.compare(FloatCC::GreaterThan, x, zero);
        let at_zero = self.compare(FloatCC::Equal, x, zero);
        let outside = self.select(at_zero, lowest, nan);
        self.select(positive, y, outside)
    }

    /// The sign bit of one float on the magnitude of another that is not negative.
    fn with_sign_of(&mut self, magnitude: Value, sign: Value) -> Value {
        let mask = self.int(i32::MIN);
        let (a, b) = (self.bits(magnitude), self.bits(sign));
        let bit = self.builder.ins().band(b, mask);
        let bits = self.builder.ins().bor(a, bit);
        self.from_bits(bits)
    }

    /// Sine, or cosine. At most 2 ulp (absolutely: 2⁻²³) for |x| ≤ 10⁵; beyond that the reduction by π/2 loses digits. NaN at infinity.
    pub fn sine(&mut self, x: Value, cosine: bool) -> Value {
        let quarter_turns = {
            let c = self.float(std::f32::consts::FRAC_2_PI);
            self.mul(x, c)
        };
        let n = self.builder.ins().nearest(quarter_turns);
        let mut whole = self.to_int(Term::Float(n));
        if cosine {
            let one = self.int(1);
            whole = self.builder.ins().iadd(whole, one);
        }
        // π/2 in three parts (Cody and Waite).
        let mut r = x;
        for part in [-1.570_796_4f32, 4.371_139e-8, 1.716_328_7e-15] {
            let c = self.float(part);
            r = self.fused(n, c, r);
        }
        let square = self.mul(r, r);
        let s = self.polynomial(square, &[-1.951_529_6e-4, 8.332_161e-3, -1.666_665_5e-1]);
        let cube = self.mul(square, r);
        let sine = self.fused(s, cube, r);
        let c = self.polynomial(square, &[2.443_315_7e-5, -1.388_731_6e-3, 4.166_664_6e-2, -0.5]);
        let one = self.float(1.0);
        let cosine_value = self.fused(c, square, one);
        let one = self.int(1);
        let odd = self.builder.ins().band(whole, one);
        let value = self.select(Term::Int(odd), cosine_value, sine);
        let two = self.int(2);
        let flip = self.builder.ins().band(whole, two);
        let flip = self.shift_left(flip, 30);
        let bits = self.bits(value);
        let bits = self.builder.ins().bxor(bits, flip);
        self.from_bits(bits)
    }

    /// Hyperbolic tangent, at most 3 ulp.
    pub fn tanh(&mut self, x: Value) -> Value {
        let size = self.builder.ins().fabs(x);
        let square = self.mul(x, x);
        let p = self.polynomial(square, &[-5.704_988_7e-3, 2.063_908_9e-2, -5.373_971_6e-2, 1.333_144_2e-1, -3.333_328e-1]);
        let cube = self.mul(square, x);
        let near = self.fused(p, cube, x);
        let twice = self.add(size, size);
        let e = self.exp(twice);
        let (one, two) = (self.float(1.0), self.float(2.0));
        let denominator = self.add(e, one);
        let quotient = self.div(two, denominator);
        let far = self.sub(one, quotient);
        let far = self.with_sign_of(far, x);
        let limit = self.float(0.625);
        // NaN takes the polynomial's side and stays NaN.
        let large = self.compare(FloatCC::GreaterThanOrEqual, size, limit);
        self.select(large, far, near)
    }

    /// The error function, at most 3 ulp.
    pub fn erf(&mut self, x: Value) -> Value {
        let t = self.builder.ins().fabs(x);
        let s = self.mul(x, x);
        let near = self.polynomial(s, &[-5.967_617e-4, 4.991_194_2e-3, -2.676_813_5e-2, 1.128_199_2e-1, -3.761_253_4e-1, 1.283_791_7e-1]);
        let near = self.fused(near, x, x);
        let r = self.polynomial(t, &[-1.728_534_7e-5, 3.831_971_3e-4]);
        let u = self.polynomial(t, &[-3.883_964_4e-3, 2.425_462_2e-2]);
        let r = self.fused(r, s, u);
        let r = self.step(r, t, -1.067_778_8e-1);
        let r = self.step(r, t, -6.348_467e-1);
        let r = self.step(r, t, -1.287_175_1e-1);
        let minus = self.builder.ins().fneg(t);
        let r = self.fused(r, t, minus);
        let e = self.exp(r);
        let one = self.float(1.0);
        let far = self.sub(one, e);
        let far = self.with_sign_of(far, x);
        // Past 4 the polynomial turns; the function is 1 to the last bit.
        let (four, limit) = (self.float(4.0), self.float(0.927_734_4));
        let whole = self.with_sign_of(one, x);
        let past = self.compare(FloatCC::GreaterThan, t, four);
        let far = self.select(past, whole, far);
        let large = self.compare(FloatCC::GreaterThan, t, limit);
        self.select(large, far, near)
    }

    /// The inverse of the error function, relative error about 5·10⁻⁷; ±inf at ±1, NaN outside.
    pub fn erf_inv(&mut self, x: Value) -> Value {
        let one = self.float(1.0);
        let (below, above) = (self.sub(one, x), self.add(one, x));
        let product = self.mul(below, above);
        let log = self.log(product);
        let w = self.builder.ins().fneg(log);
        let shift = self.float(2.5);
        let near = self.sub(w, shift);
        let near = self.polynomial(
            near,
            &[
                2.810_226_4e-8,
                3.432_739_4e-7,
                -3.523_387_7e-6,
                -4.391_506_5e-6,
                2.185_808_7e-4,
                -1.253_725e-3,
                -4.177_681_6e-3,
                2.466_407_3e-1,
                1.501_409_4,
            ],
        );
        let root = self.builder.ins().sqrt(w);
        let shift = self.float(3.0);
        let far = self.sub(root, shift);
        let far = self.polynomial(
            far,
            &[
                -2.002_142_6e-4,
                1.009_505_6e-4,
                1.349_343_2e-3,
                -3.673_428_4e-3,
                5.739_507_7e-3,
                -7.622_461_3e-3,
                9.438_870_5e-3,
                1.001_674,
                2.832_976_8,
            ],
        );
        let limit = self.float(5.0);
        let small = self.compare(FloatCC::LessThan, w, limit);
        let p = self.select(small, near, far);
        let y = self.mul(p, x);
        let size = self.builder.ins().fabs(x);
        let infinity = self.float(f32::INFINITY);
        let endless = self.with_sign_of(infinity, x);
        let edge = self.compare(FloatCC::Equal, size, one);
        self.select(edge, endless, y)
    }

    /// The remainder with the sign of the divisor; exact to the last place while the quotient is below 2²⁴.
    pub fn remainder(&mut self, a: Value, b: Value) -> Value {
        let quotient = self.div(a, b);
        let quotient = self.builder.ins().floor(quotient);
        let minus = self.builder.ins().fneg(quotient);
        let r = self.fused(minus, b, a);
        // A quotient rounded over a whole number leaves the rest one divisor away: bring it back.
        let zero = self.float(0.0);
        let wrong_side = {
            let product = self.mul(r, b);
            self.compare(FloatCC::LessThan, product, zero)
        };
        let added = self.add(r, b);
        let r = self.select(wrong_side, added, r);
        let (size, step) = (self.builder.ins().fabs(r), self.builder.ins().fabs(b));
        let too_far = self.compare(FloatCC::GreaterThanOrEqual, size, step);
        let less = self.sub(r, b);
        self.select(too_far, less, r)
    }

    /// aᵇ, at most 1 ulp; a negative base needs a whole exponent, otherwise NaN. Inside one element after the other, in f64.
    pub fn power(&mut self, a: Value, b: Value) -> Value {
        let result = self.each([Term::Float(a), Term::Float(b)], &mut |one, [a, b]| {
            let (a, b) = (one.to_float(a), one.to_float(b));
            Term::Float(one.power_single(a, b))
        });
        self.to_float(result)
    }

    fn power_single(&mut self, a: Value, b: Value) -> Value {
        let size = self.builder.ins().fabs(a);
        let log = self.log_double(size);
        // An endless exponent as a large one: 0 times it stays 0, so that a base of size 1 gives 1.
        let (low, high) = (self.builder.ins().f64const(-1e30), self.builder.ins().f64const(1e30));
        let exponent = self.builder.ins().fpromote(types::F64, b);
        let exponent = self.greater(low, exponent);
        let exponent = self.lesser(high, exponent);
        let product = self.builder.ins().fmul(log, exponent);
        let magnitude = self.exp_double(product);
        let magnitude = self.builder.ins().fdemote(types::F32, magnitude);
        // Of a negative base: the sign is that of an odd exponent; a broken exponent has no real value.
        let whole = self.builder.ins().floor(b);
        let is_whole = self.compare(FloatCC::Equal, whole, b);
        let half = self.float(0.5);
        let halved = self.mul(b, half);
        let halved_floor = self.builder.ins().floor(halved);
        let even = self.compare(FloatCC::Equal, halved_floor, halved);
        let odd = self.opposite(even);
        let odd = self.both(is_whole, odd);
        let (zero, one, nan) = (self.float(0.0), self.float(1.0), self.float(f32::NAN));
        let signed = self.with_sign_of(magnitude, a);
        let result = self.select(odd, signed, magnitude);
        let lowest = self.float(f32::NEG_INFINITY);
        let (below, finite) = (self.compare(FloatCC::LessThan, a, zero), self.compare(FloatCC::GreaterThan, a, lowest));
        let broken = self.opposite(is_whole);
        let below = self.both(below, finite);
        let unreal = self.both(below, broken);
        let result = self.select(unreal, nan, result);
        let no_number = self.compare(FloatCC::Unordered, a, b);
        let result = self.select(no_number, nan, result);
        let (base_one, no_exponent) = (self.compare(FloatCC::Equal, a, one), self.compare(FloatCC::Equal, b, zero));
        let trivial = self.either(base_one, no_exponent);
        self.select(trivial, one, result)
    }

    /// A polynomial in f64, one element.
    fn polynomial_double(&mut self, x: Value, coefficients: &[f64]) -> Value {
        let mut sum = self.builder.ins().f64const(coefficients[0]);
        for &c in &coefficients[1..] {
            let c = self.builder.ins().f64const(c);
            let product = self.builder.ins().fmul(sum, x);
            sum = self.builder.ins().fadd(product, c);
        }
        sum
    }

    /// ln of an f32 that is not negative, in f64 with relative error below 2⁻⁴⁵: 2·artanh((m-1)/(m+1)) by its series.
    fn log_double(&mut self, x: Value) -> Value {
        let wide = self.builder.ins().fpromote(types::F64, x);
        let bits = self.builder.ins().bitcast(types::I64, MemFlagsData::new(), wide);
        let offset = self.builder.ins().iconst(types::I64, 0x3fe6_a09e_667f_3bcd);
        let moved = self.builder.ins().isub(bits, offset);
        let exponent = self.builder.ins().sshr_imm_u(moved, 52);
        let high = self.builder.ins().ishl_imm_u(exponent, 52);
        let mantissa = self.builder.ins().isub(bits, high);
        let mantissa = self.builder.ins().bitcast(types::F64, MemFlagsData::new(), mantissa);
        let one = self.builder.ins().f64const(1.0);
        let (below, above) = (self.builder.ins().fsub(mantissa, one), self.builder.ins().fadd(mantissa, one));
        let t = self.builder.ins().fdiv(below, above);
        let square = self.builder.ins().fmul(t, t);
        let series: Vec<f64> = (0..10).rev().map(|k| 2.0 / f64::from(2 * k + 1)).collect();
        let p = self.polynomial_double(square, &series);
        let log = self.builder.ins().fmul(p, t);
        let exponent = self.builder.ins().fcvt_from_sint(types::F64, exponent);
        let ln2 = self.builder.ins().f64const(std::f64::consts::LN_2);
        let scaled = self.builder.ins().fmul(exponent, ln2);
        let log = self.builder.ins().fadd(log, scaled);
        let (zero, infinity) = (self.builder.ins().f64const(0.0), self.builder.ins().f64const(f64::INFINITY));
        let lowest = self.builder.ins().f64const(f64::NEG_INFINITY);
        let at_zero = self.compare(FloatCC::Equal, wide, zero);
        let log = self.select(at_zero, lowest, log);
        let endless = self.compare(FloatCC::Equal, wide, infinity);
        self.select(endless, infinity, log)
    }

    /// eˣ in f64 for results within f32's range, relative error below 2⁻⁴⁰.
    fn exp_double(&mut self, x: Value) -> Value {
        let (low, high) = (self.builder.ins().f64const(-150.0), self.builder.ins().f64const(150.0));
        let x = self.greater(low, x);
        let x = self.lesser(high, x);
        let log2e = self.builder.ins().f64const(std::f64::consts::LOG2_E);
        let scaled = self.builder.ins().fmul(x, log2e);
        let n = self.builder.ins().nearest(scaled);
        let ln2 = self.builder.ins().f64const(-std::f64::consts::LN_2);
        let r = self.builder.ins().fmul(n, ln2);
        let r = self.builder.ins().fadd(x, r);
        let mut factorial = 1.0;
        let mut series: Vec<f64> = (0..12)
            .map(|k| {
                factorial *= f64::from(k.max(1));
                1.0 / factorial
            })
            .collect();
        series.reverse();
        let p = self.polynomial_double(r, &series);
        let whole = self.builder.ins().fcvt_to_sint_sat(types::I64, n);
        let bias = self.builder.ins().iconst(types::I64, 1023);
        let biased = self.builder.ins().iadd(whole, bias);
        let bits = self.builder.ins().ishl_imm_u(biased, 52);
        let scale = self.builder.ins().bitcast(types::F64, MemFlagsData::new(), bits);
        self.builder.ins().fmul(p, scale)
    }

    /// The quotient of integers, truncated towards zero, or the remainder with the sign of the divisor; by zero both are 0, and nothing traps.
    pub fn divide_int(&mut self, a: Value, b: Value, remainder: bool) -> Value {
        let result = self.each([Term::Int(a), Term::Int(b)], &mut |one, [a, b]| {
            let (a, b) = (one.to_int(a), one.to_int(b));
            // In 64 bits the smallest number by -1 does not overflow.
            let (x, y) = (one.builder.ins().sextend(types::I64, a), one.builder.ins().sextend(types::I64, b));
            let (zero, unit) = (one.builder.ins().iconst(types::I64, 0), one.builder.ins().iconst(types::I64, 1));
            let nothing = one.builder.ins().icmp(IntCC::Equal, y, zero);
            let divisor = one.builder.ins().select(nothing, unit, y);
            let quotient = one.builder.ins().sdiv(x, divisor);
            let rest = {
                let product = one.builder.ins().imul(quotient, divisor);
                one.builder.ins().isub(x, product)
            };
            let result = if remainder {
                let signs = one.builder.ins().bxor(rest, divisor);
                let opposite = one.builder.ins().icmp(IntCC::SignedLessThan, signs, zero);
                let inexact = one.builder.ins().icmp(IntCC::NotEqual, rest, zero);
                let adjust = one.builder.ins().band(opposite, inexact);
                let moved = one.builder.ins().iadd(rest, divisor);
                one.builder.ins().select(adjust, moved, rest)
            } else {
                quotient
            };
            let result = one.builder.ins().select(nothing, zero, result);
            Term::Int(one.builder.ins().ireduce(types::I32, result))
        });
        self.to_int(result)
    }
}
