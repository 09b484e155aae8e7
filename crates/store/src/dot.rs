//! Inner products: the inner loop of the vector scan.

/// Inner product of two int8 vectors of the same length.
pub(crate) fn dot_i8(a: &[i8], b: &[i8]) -> i32 {
    DotI8::new(a).with(b)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Plain,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Vnni,
}

/// An int8 vector to be multiplied with many others. Measured over 67,000 rows
/// of 256: 3.1 ms as plain code for AVX2, 1.9 with its multiply-add, 1.1 with
/// VNNI, which is the bandwidth of the memory.
pub(crate) struct DotI8<'a> {
    codes: &'a [i8],
    way: Way,
    /// What the VNNI way adds too much: its rows are shifted by 128.
    shift: i32,
}

impl<'a> DotI8<'a> {
    pub(crate) fn new(codes: &'a [i8]) -> Self {
        let way = fastest();
        let whole = codes.len() / 64 * 64;
        let sum: i32 = codes[..whole].iter().map(|code| i32::from(*code)).sum();
        Self {
            codes,
            way,
            shift: 128 * sum,
        }
    }

    /// The inner product with a vector of the same length.
    #[cfg_attr(
        target_arch = "x86_64",
        expect(
            unsafe_code,
            reason = "the way was chosen because the processor has it"
        )
    )]
    pub(crate) fn with(&self, row: &[i8]) -> i32 {
        match self.way {
            Way::Plain => plain_i8(self.codes, row),
            // SAFETY: `fastest` found the features of these two ways.
            #[cfg(target_arch = "x86_64")]
            Way::Avx2 => unsafe { x86::avx2(self.codes, row) },
            #[cfg(target_arch = "x86_64")]
            Way::Vnni => unsafe { x86::vnni(self.codes, row) - self.shift },
        }
    }
}

impl DotI8<'_> {
    /// The inner products with consecutive rows, as many as `products` has.
    #[cfg_attr(
        target_arch = "x86_64",
        expect(
            unsafe_code,
            reason = "the way was chosen because the processor has it"
        )
    )]
    pub(crate) fn block(&self, rows: &[i8], products: &mut [i32]) {
        #[cfg(target_arch = "x86_64")]
        if self.way == Way::Vnni && self.codes.len() == x86::BLOCK {
            // SAFETY: `fastest` found the features of this way.
            unsafe { x86::vnni_rows(self.codes, self.shift, rows, products) };
            return;
        }
        let width = self.codes.len().max(1);
        for (row, product) in rows.chunks_exact(width).zip(products) {
            *product = self.with(row);
        }
    }
}

fn fastest() -> Way {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        if has!("avx512f") && has!("avx512bw") && has!("avx512vnni") {
            return Way::Vnni;
        }
        if has!("avx2") {
            return Way::Avx2;
        }
    }
    Way::Plain
}

fn plain_i8(a: &[i8], b: &[i8]) -> i32 {
    a.iter()
        .zip(b)
        .map(|(&x, &y)| i32::from(x) * i32::from(y))
        .sum()
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    //! The same sum with the processor's own instructions.
    #![expect(unsafe_code, reason = "loads of whole arrays; arithmetic is safe")]

    use std::arch::x86_64::{
        _mm256_add_epi32, _mm256_castsi256_si128, _mm256_cvtepi8_epi16, _mm256_extracti128_si256,
        _mm256_loadu_si256, _mm256_madd_epi16, _mm256_setzero_si256, _mm256_storeu_si256,
        _mm512_dpbusd_epi32, _mm512_loadu_si512, _mm512_reduce_add_epi32, _mm512_set1_epi8,
        _mm512_setzero_si512, _mm512_xor_si512,
    };

    #[target_feature(enable = "avx2")]
    pub(super) fn avx2(a: &[i8], b: &[i8]) -> i32 {
        let (a_blocks, a_rest) = a.as_chunks::<32>();
        let (b_blocks, b_rest) = b.as_chunks::<32>();
        let (mut low, mut high) = (_mm256_setzero_si256(), _mm256_setzero_si256());
        for (x, y) in a_blocks.iter().zip(b_blocks) {
            // SAFETY: both are arrays of 32 bytes; the loads need no alignment.
            let (x, y) = unsafe {
                (
                    _mm256_loadu_si256(x.as_ptr().cast()),
                    _mm256_loadu_si256(y.as_ptr().cast()),
                )
            };
            let product = _mm256_madd_epi16(
                _mm256_cvtepi8_epi16(_mm256_castsi256_si128(x)),
                _mm256_cvtepi8_epi16(_mm256_castsi256_si128(y)),
            );
            low = _mm256_add_epi32(low, product);
            let product = _mm256_madd_epi16(
                _mm256_cvtepi8_epi16(_mm256_extracti128_si256::<1>(x)),
                _mm256_cvtepi8_epi16(_mm256_extracti128_si256::<1>(y)),
            );
            high = _mm256_add_epi32(high, product);
        }
        let mut lanes = [0_i32; 8];
        // SAFETY: `lanes` has the 32 bytes that are stored.
        unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), _mm256_add_epi32(low, high)) };
        lanes.iter().sum::<i32>() + super::plain_i8(a_rest, b_rest)
    }

    /// Dimensions that [`vnni_rows`] is written for: those of the shipped model.
    pub(super) const BLOCK: usize = 256;

    /// As [`vnni`] for many rows, the query kept in registers.
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    pub(super) fn vnni_rows(codes: &[i8], shift: i32, rows: &[i8], products: &mut [i32]) {
        let raise = _mm512_set1_epi8(i8::MIN);
        let mut query = [_mm512_setzero_si512(); BLOCK / 64];
        for (register, block) in query.iter_mut().zip(codes.as_chunks::<64>().0) {
            // SAFETY: an array of 64 bytes; the load needs no alignment.
            *register = unsafe { _mm512_loadu_si512(block.as_ptr().cast()) };
        }
        for (row, product) in rows.as_chunks::<BLOCK>().0.iter().zip(products) {
            let mut sum = _mm512_setzero_si512();
            for (x, block) in query.iter().zip(row.as_chunks::<64>().0) {
                // SAFETY: as above.
                let y = unsafe { _mm512_loadu_si512(block.as_ptr().cast()) };
                sum = _mm512_dpbusd_epi32(sum, _mm512_xor_si512(y, raise), *x);
            }
            *product = _mm512_reduce_add_epi32(sum) - shift;
        }
    }

    /// With each row value raised by 128 in the blocks of 64, because the
    /// instruction multiplies unsigned by signed.
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    pub(super) fn vnni(codes: &[i8], row: &[i8]) -> i32 {
        let (code_blocks, code_rest) = codes.as_chunks::<64>();
        let (row_blocks, row_rest) = row.as_chunks::<64>();
        let raise = _mm512_set1_epi8(i8::MIN);
        let mut sum = _mm512_setzero_si512();
        for (x, y) in code_blocks.iter().zip(row_blocks) {
            // SAFETY: both are arrays of 64 bytes; the loads need no alignment.
            let (x, y) = unsafe {
                (
                    _mm512_loadu_si512(x.as_ptr().cast()),
                    _mm512_loadu_si512(y.as_ptr().cast()),
                )
            };
            sum = _mm512_dpbusd_epi32(sum, _mm512_xor_si512(y, raise), x);
        }
        _mm512_reduce_add_epi32(sum) + super::plain_i8(code_rest, row_rest)
    }
}

/// Inner product of two f32 vectors of the same length, in a fixed order of
/// additions, so that it gives the same bits everywhere.
pub(crate) fn dot_f32(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 8;
    let mut sums = [0.0_f32; LANES];
    let (a_lanes, a_rest) = a.as_chunks::<LANES>();
    let (b_lanes, b_rest) = b.as_chunks::<LANES>();
    for (x, y) in a_lanes.iter().zip(b_lanes) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All ways that this processor has.
    fn ways() -> Vec<Way> {
        let mut ways = vec![Way::Plain];
        #[cfg(target_arch = "x86_64")]
        match fastest() {
            Way::Vnni => ways.extend([Way::Avx2, Way::Vnni]),
            Way::Avx2 => ways.push(Way::Avx2),
            Way::Plain => {}
        }
        ways
    }

    proptest! {
        #[test]
        fn both_ways_agree_at_the_extremes_too(
            pairs in proptest::collection::vec((any::<i8>(), any::<i8>()), 0..600)
        ) {
            let (a, b): (Vec<i8>, Vec<i8>) = pairs.into_iter().unzip();
            let expected: i32 = a.iter().zip(&b).map(|(x, y)| i32::from(*x) * i32::from(*y)).sum();
            prop_assert_eq!(dot_i8(&a, &b), expected);
            prop_assert_eq!(plain_i8(&a, &b), expected);
            for way in ways() {
                prop_assert_eq!(DotI8 { way, ..DotI8::new(&a) }.with(&b), expected, "{:?}", way);
            }
        }
    }

    #[test]
    fn blocks_give_what_single_rows_give() {
        for width in [64, 200, 256] {
            let rows: Vec<i8> = (0..width * 37)
                .map(|n| (n * 89 % 251) as u8 as i8)
                .collect();
            let codes: Vec<i8> = (0..width).map(|n| (n * 31 % 255) as u8 as i8).collect();
            for way in ways() {
                let product = DotI8 {
                    way,
                    ..DotI8::new(&codes)
                };
                let mut products = vec![0; 37];
                product.block(&rows, &mut products);
                let single: Vec<i32> = rows
                    .chunks_exact(width)
                    .map(|row| product.with(row))
                    .collect();
                assert_eq!(products, single, "{way:?} {width}");
            }
        }
    }

    #[test]
    fn floats_add_up() {
        let a: Vec<f32> = (0..19_u8).map(f32::from).collect();
        assert!((dot_f32(&a, &a) - 2109.0).abs() < 1e-3);
    }
}
