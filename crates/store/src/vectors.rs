//! The vector segment: rows of int8 for the scan, of f16 for rescoring.
//!
//! The scan is exact over the int8 rows, and the best of it are scored again
//! in f16: measured recall .9995 of full precision at a tenth of its cost.

use std::path::Path;
use std::sync::OnceLock;

use half::f16;
use half::slice::HalfFloatSliceExt;
use xxhash_rust::xxh3::xxh3_64;

use crate::catalog::FORMAT_VERSION;
use crate::dot::{DotI8, dot_f32};
use crate::error::StoreError;
use crate::nearest::{Best, Scored};
use crate::rows::RowSet;
use crate::sections::{Identity, SectionWriter, Sections};
use crate::signs::Signs;

const CODES: u32 = 1;
const SCALES: u32 = 2;
const HALVES: u32 = 3;
const CHECKS: u32 = 4;

/// Rows whose inner products are taken in one go.
const BLOCK_ROWS: usize = 256;

/// When fewer than one row in this many of a block is allowed, only those are
/// multiplied.
const DENSE_ABOVE: usize = 4;

/// A query in the form that rows are compared in.
pub(crate) struct CodedQuery<'a> {
    pub(crate) product: DotI8<'a>,
    pub(crate) scale: f32,
}

/// Rows under construction, one for each chunk of the segment.
pub(crate) struct VectorSegmentBuilder {
    dimensions: usize,
    codes: Vec<u8>,
    scales: Vec<u8>,
    halves: Vec<u8>,
    checks: Vec<u8>,
}

/// Scales a vector to int8: codes and the factor that undoes it.
pub(crate) fn quantise(vector: &[f32]) -> (Vec<i8>, f32) {
    let largest = vector.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
    if largest == 0.0 || !largest.is_finite() {
        return (vec![0; vector.len()], 0.0);
    }
    let scale = largest / 127.0;
    let codes = vector.iter().map(|x| (x / scale).round() as i8).collect();
    (codes, scale)
}

impl VectorSegmentBuilder {
    pub(crate) fn new(dimensions: usize) -> Self {
        Self {
            dimensions,
            codes: Vec::new(),
            scales: Vec::new(),
            halves: Vec::new(),
            checks: Vec::new(),
        }
    }

    /// Adds one row.
    pub(crate) fn push(&mut self, vector: &[f32]) {
        let (codes, scale) = quantise(vector);
        // A scale of zero is that of a row without a vector.
        let scale = scale.max(f32::MIN_POSITIVE);
        self.row(&codes, scale, vector);
    }

    /// Adds a row that has no vector yet.
    pub(crate) fn push_absent(&mut self) {
        let zeros = vec![0.0; self.dimensions];
        self.row(&vec![0; self.dimensions], 0.0, &zeros);
    }

    fn row(&mut self, codes: &[i8], scale: f32, vector: &[f32]) {
        self.codes.extend(codes.iter().map(|code| *code as u8));
        self.scales.extend_from_slice(&scale.to_le_bytes());
        let start = self.halves.len();
        for value in vector {
            self.halves
                .extend_from_slice(&f16::from_f32(*value).to_le_bytes());
        }
        let check = xxh3_64(&self.halves[start..]) as u32;
        self.checks.extend_from_slice(&check.to_le_bytes());
    }

    pub(crate) fn size(&self) -> usize {
        self.codes.len() + self.halves.len()
    }

    /// Copies rows of another segment of the same model as they are.
    pub(crate) fn copy(
        &mut self,
        from: &VectorSegment,
        rows: std::ops::Range<usize>,
    ) -> Result<(), StoreError> {
        from.check_codes()?;
        let d = self.dimensions;
        let take = |range: &std::ops::Range<usize>, width: usize| {
            from.sections.bytes()[range.start + rows.start * width..range.start + rows.end * width]
                .to_vec()
        };
        for row in rows.clone() {
            from.half(row)?;
        }
        self.codes.extend(take(&from.codes, d));
        self.scales.extend(take(&from.scales, 4));
        self.halves.extend(take(&from.halves, 2 * d));
        self.checks.extend(take(&from.checks, 4));
        Ok(())
    }

    pub(crate) fn write(self, path: &Path) -> Result<Identity, StoreError> {
        let mut out = SectionWriter::create(path, FORMAT_VERSION)?;
        out.section(CODES, &self.codes)?;
        out.section(SCALES, &self.scales)?;
        out.section(HALVES, &self.halves)?;
        out.section(CHECKS, &self.checks)?;
        out.finish()
    }
}

/// A vector segment, open for reading.
pub(crate) struct VectorSegment {
    sections: Sections,
    dimensions: usize,
    rows: usize,
    codes: std::ops::Range<usize>,
    scales: std::ops::Range<usize>,
    halves: std::ops::Range<usize>,
    checks: std::ops::Range<usize>,
    /// Whether the codes' checksum is right; looked at before the first scan.
    codes_right: OnceLock<bool>,
    /// The signs of all codes, a bit each; made when first needed.
    signs: OnceLock<Signs>,
}

impl VectorSegment {
    pub(crate) fn open(
        path: &Path,
        identity: Identity,
        dimensions: usize,
        rows: usize,
    ) -> Result<Self, StoreError> {
        let sections = Sections::open(path, FORMAT_VERSION, identity)?;
        sections.verified(SCALES)?;
        sections.verified(CHECKS)?;
        let segment = Self {
            codes: sections.range(CODES)?,
            scales: sections.range(SCALES)?,
            halves: sections.range(HALVES)?,
            checks: sections.range(CHECKS)?,
            sections,
            dimensions,
            rows,
            codes_right: OnceLock::new(),
            signs: OnceLock::new(),
        };
        if segment.codes.len() != rows * dimensions
            || segment.scales.len() != rows * 4
            || segment.halves.len() != rows * dimensions * 2
            || segment.checks.len() != rows * 4
        {
            return Err(StoreError::damaged(path, "its tables do not fit"));
        }
        Ok(segment)
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// Checks the codes, the first time only.
    pub(crate) fn check_codes(&self) -> Result<(), StoreError> {
        let right = *self
            .codes_right
            .get_or_init(|| self.sections.verified(CODES).is_ok());
        if right {
            Ok(())
        } else {
            Err(StoreError::damaged(
                self.sections.path(),
                "the checksum of its codes is wrong",
            ))
        }
    }

    /// Checks every byte.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        self.check_codes()?;
        self.sections.verified(HALVES).map(|_| ())
    }

    pub(crate) fn code(&self, row: usize) -> &[i8] {
        let start = self.codes.start + row * self.dimensions;
        as_i8(&self.sections.bytes()[start..start + self.dimensions])
    }

    /// The signs of all rows; call [`VectorSegment::check_codes`] before.
    pub(crate) fn signs(&self) -> &Signs {
        self.signs.get_or_init(|| {
            let codes = &self.sections.bytes()[self.codes.clone()];
            Signs::of_rows(as_i8(codes), self.dimensions)
        })
    }

    fn number(&self, table: &std::ops::Range<usize>, row: usize) -> [u8; 4] {
        let start = table.start + row * 4;
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&self.sections.bytes()[start..start + 4]);
        bytes
    }

    pub(crate) fn scale(&self, row: usize) -> f32 {
        f32::from_le_bytes(self.number(&self.scales, row))
    }

    /// Whether a row has a vector.
    pub(crate) fn has(&self, row: usize) -> bool {
        self.scale(row) > 0.0
    }

    /// The row in full precision, its own checksum checked.
    pub(crate) fn half(&self, row: usize) -> Result<Vec<f32>, StoreError> {
        let width = self.dimensions * 2;
        let start = self.halves.start + row * width;
        let bytes = &self.sections.bytes()[start..start + width];
        if xxh3_64(bytes) as u32 != u32::from_le_bytes(self.number(&self.checks, row)) {
            return Err(StoreError::damaged(
                self.sections.path(),
                format!("the checksum of vector {row} is wrong"),
            ));
        }
        let halves: Vec<f16> = bytes
            .as_chunks::<2>()
            .0
            .iter()
            .map(|pair| f16::from_le_bytes(*pair))
            .collect();
        let mut full = vec![0.0; self.dimensions];
        halves.convert_to_f32_slice(&mut full);
        Ok(full)
    }

    /// Scores the allowed of `rows` by their codes, with a cosine that is right
    /// to about .01, and keeps the best; call [`VectorSegment::check_codes`]
    /// before. `base` is what `allowed` and `best` count this segment's rows from.
    pub(crate) fn scan(
        &self,
        query: &CodedQuery<'_>,
        rows: std::ops::Range<usize>,
        allowed: &RowSet,
        base: u32,
        best: &mut Best,
    ) {
        let mut dots = [0_i32; BLOCK_ROWS];
        for start in rows.clone().step_by(BLOCK_ROWS) {
            let end = (start + BLOCK_ROWS).min(rows.end);
            let (first, last) = (base + start as u32, base + end as u32);
            let wanted = allowed.count_in(first..last);
            if wanted * DENSE_ABOVE < end - start {
                for row in allowed.iter_in(first..last) {
                    let local = (row - base) as usize;
                    let dot = query.product.with(self.code(local));
                    best.push(Scored {
                        score: dot as f32 * query.scale * self.scale(local),
                        row,
                    });
                }
                continue;
            }
            let from = self.codes.start + start * self.dimensions;
            let codes = &self.sections.bytes()[from..from + (end - start) * self.dimensions];
            let dots = &mut dots[..end - start];
            query.product.block(as_i8(codes), dots);
            for (local, dot) in (start..end).zip(dots) {
                let score = *dot as f32 * query.scale * self.scale(local);
                let row = base + local as u32;
                if score >= best.floor() && allowed.contains(row) {
                    best.push(Scored { score, row });
                }
            }
        }
    }

    /// The cosine of one row with a normalised `query`; `None` without a vector.
    pub(crate) fn cosine(&self, query: &[f32], row: usize) -> Result<Option<f32>, StoreError> {
        if !self.has(row) {
            return Ok(None);
        }
        Ok(Some(dot_f32(query, &self.half(row)?)))
    }
}

#[expect(
    unsafe_code,
    reason = "u8 and i8 have the same layout; a copy would double the scan"
)]
fn as_i8(bytes: &[u8]) -> &[i8] {
    // SAFETY: same length, size, alignment, and every bit pattern is valid.
    unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast::<i8>(), bytes.len()) }
}
