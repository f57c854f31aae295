// Functions that stand before every WGSL kernel: what WGSL lacks or defines otherwise than `Prim` and `Index` do.
// Each function is declared with the same name and as many parameters in prelude.cu, under the same contract.

// The floor of a / n. `n` is positive.
fn floor_quotient(a: i32, n: i32) -> i32 {
    let q = a / n;
    return select(q, q - 1, q * n > a);
}

// a modulo n, in 0 .. n. `n` is positive.
fn floor_remainder(a: i32, n: i32) -> i32 {
    return a - floor_quotient(a, n) * n;
}

// Whether `a` is a NaN, from its bits: WGSL lets a compiler assume that there are none.
fn is_nan(a: f32) -> bool {
    return (bitcast<u32>(a) & 0x7fffffffu) > 0x7f800000u;
}

// The larger; a NaN if either is one.
fn greater(a: f32, b: f32) -> f32 {
    return select(select(b, a, a > b || is_nan(a)), b, is_nan(b));
}

// The smaller; a NaN if either is one.
fn lesser(a: f32, b: f32) -> f32 {
    return select(select(b, a, a < b || is_nan(a)), b, is_nan(b));
}

// -1, 1, or the zero or NaN itself.
fn sign_of(a: f32) -> f32 {
    return select(select(a, -1.0, a < 0.0), 1.0, a > 0.0);
}

// a - b floor(a / b): the remainder with the divisor's sign; by 0 a NaN.
fn floored_remainder(a: f32, b: f32) -> f32 {
    return a - b * floor(a / b);
}

// tanh, for all arguments: ±1 far out, never the quotient of two infinities.
fn hyperbolic_tangent(x: f32) -> f32 {
    return tanh(clamp(x, -15.0, 15.0));
}

// a to the power of b; of a negative base the real power where `b` is whole, and 1 where `b` is 0.
fn power(a: f32, b: f32) -> f32 {
    if (b == 0.0) { return 1.0; }
    let magnitude = pow(abs(a), b);
    let odd = floor(b * 0.5) * 2.0 != b;
    return select(magnitude, -magnitude, a < 0.0 && odd);
}

// erf: its Taylor series below 1/2, above it the complement of Press et al., "Numerical Recipes" (3rd ed., 6.2.2).
fn error_function(x: f32) -> f32 {
    let a = abs(x);
    if (a < 0.5) {
        let q = x * x;
        return x * (1.1283791671 + q * (-0.3761263890 + q * (0.1128379167 + q * (-0.0268661706 + q * (0.0052239776 - q * 0.0008548327)))));
    }
    let t = 1.0 / (1.0 + 0.5 * a);
    let s = -a * a - 1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 + t * (0.27886807
        + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))));
    return sign(x) * (1.0 - t * exp(s));
}

// The inverse of erf on (-1, 1): M. Giles, "Approximating the erfinv function", GPU Computing Gems, 2011.
fn inverse_error_function(x: f32) -> f32 {
    var w = -log((1.0 - x) * (1.0 + x));
    var p = 0.0;
    if (w < 5.0) {
        w = w - 2.5;
        p = 1.50140941 + w * (0.246640727 + w * (-0.00417768164 + w * (-0.00125372503 + w * (0.000218580870 + w * (-4.39150654e-06
            + w * (-3.52338770e-06 + w * (3.43273939e-07 + w * 2.81022636e-08)))))));
    } else {
        w = sqrt(w) - 3.0;
        p = 2.83297682 + w * (1.00167406 + w * (0.00943887047 + w * (-0.00762246130 + w * (0.00573950773 + w * (-0.00367342844
            + w * (0.00134934322 + w * (0.000100950558 + w * -0.000200214257)))))));
    }
    return p * x;
}

// The upper 32 bits of the 64-bit product. Put together from products of halves.
fn high_product(a: u32, b: u32) -> u32 {
    let a0 = a & 0xffffu;
    let a1 = a >> 16u;
    let b0 = b & 0xffffu;
    let b1 = b >> 16u;
    let middle = a1 * b0 + ((a0 * b0) >> 16u);
    let other = a0 * b1 + (middle & 0xffffu);
    return a1 * b1 + (middle >> 16u) + (other >> 16u);
}

// A number in [0, 1): the top 24 bits of the first word of Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
// SC11) times 2^-24. The key is the run's seed; the counter is the position in the tensor, the step, and the stream's number.
fn uniform_number(seed_low: u32, seed_high: u32, step: u32, stream_low: u32, stream_high: u32, position: u32) -> f32 {
    var c = vec4<u32>(position, step, stream_low, stream_high);
    var k = vec2<u32>(seed_low, seed_high);
    for (var round = 0; round < 10; round++) {
        let h0 = high_product(0xD2511F53u, c.x);
        let l0 = 0xD2511F53u * c.x;
        let h1 = high_product(0xCD9E8D57u, c.z);
        let l1 = 0xCD9E8D57u * c.z;
        c = vec4<u32>(h1 ^ c.y ^ k.x, l1, h0 ^ c.w ^ k.y, l0);
        k = k + vec2<u32>(0x9E3779B9u, 0xBB67AE85u);
    }
    return f32(c.x >> 8u) * 5.9604644775390625e-8;
}
