//! Hashes that TensorFlow puts strings into buckets by.

use crate::array::{Array, Data};
use crate::trouble::Trouble;

/// A hash of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    /// The fingerprint of `FarmHash`.
    Farm,
    /// SipHash-2-4 with a key.
    Sip([u64; 2]),
}

impl Hash {
    pub(crate) fn of(self, bytes: &[u8]) -> u64 {
        match self {
            Self::Farm => farmhash::fingerprint64(bytes),
            Self::Sip(key) => sip(key, bytes),
        }
    }
}

/// `MurmurHash3` of each text, or of the bytes of each number.
pub(super) fn murmur_of(array: &Array, seed: u32) -> Result<Vec<u32>, Trouble> {
    macro_rules! numbers {
        ($values:expr) => {
            $values
                .iter()
                .map(|value| murmur(&value.to_le_bytes(), seed))
                .collect()
        };
    }
    Ok(match &array.data {
        Data::Text(texts) => texts.iter().map(|text| murmur(text.as_bytes(), seed)).collect(),
        Data::I32(values) => numbers!(values),
        Data::U32(values) => numbers!(values),
        Data::I64(values) => numbers!(values),
        Data::U64(values) => numbers!(values),
        Data::F32(values) => numbers!(values),
        Data::F64(values) => numbers!(values),
        _ => return Err(Trouble::failed(format!("a hash of {}", array.dtype()))),
    })
}

/// `MurmurHash3` of 32 bits.
fn murmur(bytes: &[u8], seed: u32) -> u32 {
    let mixed = |word: u32| word.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let (words, rest) = bytes.as_chunks::<4>();
    let mut hash = words.iter().fold(seed, |hash, word| {
        (hash ^ mixed(u32::from_le_bytes(*word)))
            .rotate_left(13)
            .wrapping_mul(5)
            .wrapping_add(0xe654_6b64)
    });
    let mut last = [0; 4];
    last[..rest.len()].copy_from_slice(rest);
    hash ^= mixed(u32::from_le_bytes(last)) ^ bytes.len() as u32;
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}

fn sip(key: [u64; 2], bytes: &[u8]) -> u64 {
    let mut state = [
        key[0] ^ 0x736f_6d65_7073_6575,
        key[1] ^ 0x646f_7261_6e64_6f6d,
        key[0] ^ 0x6c79_6765_6e65_7261,
        key[1] ^ 0x7465_6462_7974_6573,
    ];
    let (words, rest) = bytes.as_chunks::<8>();
    // The last word holds what is left over, and the length in its highest byte.
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let last = u64::from_le_bytes(last) | (bytes.len() as u64) << 56;
    for word in words.iter().map(|word| u64::from_le_bytes(*word)).chain([last]) {
        state[3] ^= word;
        rounds(&mut state, 2);
        state[0] ^= word;
    }
    state[2] ^= 0xff;
    rounds(&mut state, 4);
    state.iter().fold(0, |hash, word| hash ^ word)
}

fn rounds(state: &mut [u64; 4], count: usize) {
    let [a, b, c, d] = state;
    for _ in 0..count {
        *a = a.wrapping_add(*b);
        *b = b.rotate_left(13) ^ *a;
        *a = a.rotate_left(32);
        *c = c.wrapping_add(*d);
        *d = d.rotate_left(16) ^ *c;
        *a = a.wrapping_add(*d);
        *d = d.rotate_left(21) ^ *a;
        *c = c.wrapping_add(*b);
        *b = b.rotate_left(17) ^ *c;
        *c = c.rotate_left(32);
    }
}
