//! G.711: µ-law and A-law, a byte a sample.
//!
//! Invariant: bit-exact with ITU-T G.711 as its reference software (G.191) reads 16-bit samples: µ-law looks at the
//! upper 14 bits, A-law at the upper 12 (sign and magnitude, a negative sample's magnitude being its complement).
//! Everything is a look-up in tables that the compiler computes.

/// The two laws of ITU-T G.711.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum G711 {
    /// µ-law (PCMU): North America and Japan.
    MuLaw,
    /// A-law (PCMA): everywhere else.
    ALaw,
}

impl G711 {
    /// Encodes one sample.
    pub fn encode_sample(self, sample: i16) -> u8 {
        match self {
            Self::MuLaw => MU_ENCODE[usize::from(sample as u16 >> MU_DROPPED_BITS)],
            Self::ALaw => A_ENCODE[usize::from(sample as u16 >> A_DROPPED_BITS)],
        }
    }

    /// Decodes one byte. µ-law has two zeros, 0xff and 0x7f; both decode to 0.
    pub fn decode_sample(self, code: u8) -> i16 {
        match self {
            Self::MuLaw => MU_DECODE[usize::from(code)],
            Self::ALaw => A_DECODE[usize::from(code)],
        }
    }

    /// Appends a byte for each of `samples` to `codes`.
    pub fn encode(self, samples: &[i16], codes: &mut Vec<u8>) {
        codes.extend(samples.iter().map(|sample| self.encode_sample(*sample)));
    }

    /// Appends a sample for each of `codes` to `samples`.
    pub fn decode(self, codes: &[u8], samples: &mut Vec<i16>) {
        samples.extend(codes.iter().map(|code| self.decode_sample(*code)));
    }
}

/// Bits of a 16-bit sample that µ-law does not look at.
const MU_DROPPED_BITS: u32 = 2;
/// Bits of a 16-bit sample that A-law does not look at.
const A_DROPPED_BITS: u32 = 4;
/// What µ-law adds to a 14-bit magnitude so that each segment begins at a power of two.
const MU_BIAS: u16 = 33;
/// The largest biased 14-bit magnitude µ-law can express.
const MU_CLIP: u16 = 0x1fff;
/// A-law is sent with every other bit inverted.
const A_INVERTED: u8 = 0x55;

static MU_ENCODE: [u8; 1 << 14] = mu_encode_table();
static A_ENCODE: [u8; 1 << 12] = a_encode_table();
static MU_DECODE: [i16; 256] = mu_decode_table();
static A_DECODE: [i16; 256] = a_decode_table();

const fn mu_encode_table() -> [u8; 1 << 14] {
    let mut table = [0; 1 << 14];
    let mut index = 0;
    while index < table.len() {
        table[index] = mu_encode((index << MU_DROPPED_BITS) as u16 as i16);
        index += 1;
    }
    table
}

const fn a_encode_table() -> [u8; 1 << 12] {
    let mut table = [0; 1 << 12];
    let mut index = 0;
    while index < table.len() {
        table[index] = a_encode((index << A_DROPPED_BITS) as u16 as i16);
        index += 1;
    }
    table
}

const fn mu_decode_table() -> [i16; 256] {
    let mut table = [0; 256];
    let mut code = 0;
    while code < table.len() {
        table[code] = mu_decode(code as u8);
        code += 1;
    }
    table
}

const fn a_decode_table() -> [i16; 256] {
    let mut table = [0; 256];
    let mut code = 0;
    while code < table.len() {
        table[code] = a_decode(code as u8);
        code += 1;
    }
    table
}

const fn magnitude(sample: i16) -> u16 {
    (if sample < 0 { !sample } else { sample }) as u16
}

const fn mu_encode(sample: i16) -> u8 {
    let biased = (magnitude(sample) >> MU_DROPPED_BITS) + MU_BIAS;
    let biased = if biased > MU_CLIP { MU_CLIP } else { biased };
    let segment = 10 - biased.leading_zeros() as u16;
    let interval = (biased >> (segment + 1)) & 0x0f;
    let sign = if sample < 0 { 0x80 } else { 0 };
    // All bits are sent inverted, so that silence is mostly ones on the wire.
    !((sign | segment << 4 | interval) as u8)
}

const fn mu_decode(code: u8) -> i16 {
    let bits = !code;
    let segment = (bits >> 4) & 0x07;
    let biased = ((bits & 0x0f) as i16 * 2 + MU_BIAS as i16) << segment;
    let value = (biased - MU_BIAS as i16) << MU_DROPPED_BITS;
    if bits & 0x80 == 0 { value } else { -value }
}

const fn a_encode(sample: i16) -> u8 {
    let value = magnitude(sample) >> A_DROPPED_BITS;
    let bits = if value < 32 {
        value
    } else {
        let segment = 12 - value.leading_zeros() as u16;
        segment << 4 | (value >> (segment - 1)) & 0x0f
    };
    let sign = if sample < 0 { 0 } else { 0x80 };
    (bits as u8 | sign) ^ A_INVERTED
}

const fn a_decode(code: u8) -> i16 {
    let bits = code ^ A_INVERTED;
    let segment = (bits >> 4) & 0x07;
    let interval = (bits & 0x0f) as i16;
    // Half a step is added: the value is the middle of its interval.
    let value = match segment {
        0 => (interval << A_DROPPED_BITS) + 8,
        _ => (((interval + 16) << A_DROPPED_BITS) + 8) << (segment - 1),
    };
    if bits & 0x80 == 0 { -value } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ends of the eight segments in G.711's table 2a, for 14-bit magnitudes.
    const MU_SEGMENT_ENDS: [i32; 8] = [31, 95, 223, 479, 991, 2_015, 4_063, 8_159];
    /// The ends of the segments in G.711's table 1a, for 13-bit magnitudes. The first two have the same step.
    const A_SEGMENT_ENDS: [i32; 8] = [32, 64, 128, 256, 512, 1_024, 2_048, 4_096];

    fn signed_magnitude(sample: i16, scale: i32) -> i32 {
        let value = i32::from(sample);
        (if value < 0 { -value - 1 } else { value }) / scale
    }

    /// µ-law by the standard's decision values: find the segment, divide by its step.
    fn mu_by_decision_values(sample: i16) -> u8 {
        let value = signed_magnitude(sample, 4).min(8_158);
        let segment = MU_SEGMENT_ENDS.iter().position(|end| value < *end).expect("within the last segment");
        let interval = match segment {
            // The first interval of the first segment is half as wide.
            0 => (value + 1) / 2,
            _ => (value - MU_SEGMENT_ENDS[segment - 1]) / (2 << segment),
        };
        let code = (segment as i32 * 16 + interval) as u8;
        255 - if sample < 0 { code + 128 } else { code }
    }

    fn a_by_decision_values(sample: i16) -> u8 {
        let value = signed_magnitude(sample, 8);
        let segment = A_SEGMENT_ENDS.iter().position(|end| value < *end).expect("within the last segment");
        let (start, step) = if segment == 0 { (0, 2) } else { (A_SEGMENT_ENDS[segment - 1], 1 << segment) };
        let code = (segment as i32 * 16 + (value - start) / step) as u8;
        (if sample < 0 { code } else { code + 128 }) ^ 0b0101_0101
    }

    #[test]
    fn every_sample_encodes_as_the_decision_values_say() {
        for sample in i16::MIN..=i16::MAX {
            assert_eq!(G711::MuLaw.encode_sample(sample), mu_by_decision_values(sample), "µ-law of {sample}");
            assert_eq!(G711::ALaw.encode_sample(sample), a_by_decision_values(sample), "A-law of {sample}");
        }
    }

    #[test]
    fn every_code_survives_the_round_trip() {
        for code in 0..=u8::MAX {
            assert_eq!(G711::ALaw.encode_sample(G711::ALaw.decode_sample(code)), code, "A-law {code:#04x}");
            // 0x7f is minus zero, and 16-bit samples have one zero only.
            let expected = if code == 0x7f { 0xff } else { code };
            assert_eq!(G711::MuLaw.encode_sample(G711::MuLaw.decode_sample(code)), expected, "µ-law {code:#04x}");
        }
    }

    #[test]
    fn both_zeros_of_mu_law_are_zero() {
        assert_eq!((G711::MuLaw.decode_sample(0xff), G711::MuLaw.decode_sample(0x7f)), (0, 0));
        assert_eq!((G711::MuLaw.encode_sample(0), G711::MuLaw.encode_sample(-1)), (0xff, 0x7f));
    }

    #[test]
    fn the_ends_of_both_scales_are_those_of_the_standard() {
        let decoded = [0x80, 0x00].map(|code| G711::MuLaw.decode_sample(code));
        assert_eq!(decoded, [4 * 8_031, -4 * 8_031]);
        let decoded = [0xaa, 0x2a, 0xd5, 0x55].map(|code| G711::ALaw.decode_sample(code));
        assert_eq!(decoded, [8 * 4_032, -8 * 4_032, 8, -8]);
    }

    #[test]
    fn slices_are_appended_in_order() {
        for law in [G711::MuLaw, G711::ALaw] {
            let (mut codes, mut samples) = (vec![1], vec![2]);
            law.encode(&[0, 1_000, -1_000], &mut codes);
            law.decode(&codes[1..], &mut samples);
            assert_eq!((codes.len(), samples.len(), samples[0]), (4, 4, 2));
            assert!(samples[2] > 900 && samples[3] < -900, "{samples:?}");
        }
    }
}
