// Device functions that stand before every CUDA kernel of a program: what CUDA C lacks or defines otherwise than `Prim` and `Index` do.
// Needs no header, so that NVRTC compiles it as it is. Compile without contraction (`--fmad=false`): sums and products round one by one.
// Each function is declared with the same name and as many parameters in prelude.wgsl, under the same contract.

// The floor of a / n. `n` is positive.
__device__ inline int floor_quotient(int a, int n) {
    int q = a / n;
    return q * n > a ? q - 1 : q;
}

// a modulo n, in 0 .. n. `n` is positive.
__device__ inline int floor_remainder(int a, int n) {
    return a - floor_quotient(a, n) * n;
}

// Whether `a` is a NaN, from its bits: no option of the compiler can assume it away.
__device__ inline bool is_nan(float a) {
    return (__float_as_uint(a) & 0x7fffffffu) > 0x7f800000u;
}

// The larger; a NaN if either is one.
__device__ inline float greater(float a, float b) {
    return is_nan(a) ? a : (is_nan(b) ? b : (a > b ? a : b));
}

// The smaller; a NaN if either is one.
__device__ inline float lesser(float a, float b) {
    return is_nan(a) ? a : (is_nan(b) ? b : (a < b ? a : b));
}

// -1, 1, or the zero or NaN itself.
__device__ inline float sign_of(float a) {
    return a > 0.0f ? 1.0f : (a < 0.0f ? -1.0f : a);
}

// a - b floor(a / b): the remainder with the divisor's sign; by 0 a NaN.
__device__ inline float floored_remainder(float a, float b) {
    return a - b * floorf(a / b);
}

// tanh, for all arguments: ±1 far out, never the quotient of two infinities.
__device__ inline float hyperbolic_tangent(float x) {
    return tanhf(x);
}

// a to the power of b; of a negative base the real power where `b` is whole, and 1 where `b` is 0.
__device__ inline float power(float a, float b) {
    return powf(a, b);
}

// erf.
__device__ inline float error_function(float x) {
    return erff(x);
}

// The inverse of erf on (-1, 1).
__device__ inline float inverse_error_function(float x) {
    return erfinvf(x);
}

// The upper 32 bits of the 64-bit product.
__device__ inline unsigned high_product(unsigned a, unsigned b) {
    return __umulhi(a, b);
}

// A number in [0, 1): the top 24 bits of the first word of Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
// SC11) times 2^-24. The key is the run's seed; the counter is the position in the tensor, the step, and the stream's number.
__device__ inline float uniform_number(unsigned seed_low, unsigned seed_high, unsigned step, unsigned stream_low, unsigned stream_high, unsigned position) {
    unsigned c0 = position, c1 = step, c2 = stream_low, c3 = stream_high, k0 = seed_low, k1 = seed_high;
    for (int round = 0; round < 10; round++) {
        unsigned h0 = high_product(0xD2511F53u, c0), l0 = 0xD2511F53u * c0;
        unsigned h1 = high_product(0xCD9E8D57u, c2), l1 = 0xCD9E8D57u * c2;
        c0 = h1 ^ c1 ^ k0;
        c1 = l1;
        c2 = h0 ^ c3 ^ k1;
        c3 = l0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return (float)(c0 >> 8) * 0x1p-24f;
}
