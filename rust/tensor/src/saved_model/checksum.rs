//! CRC-32C, as the checkpoint's files are protected with.

/// Tables for eight bytes at a time: a checkpoint has as many bytes as the model.
const TABLES: [[u32; 256]; 8] = tables();

const fn tables() -> [[u32; 256]; 8] {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut value = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 {
                (value >> 1) ^ POLYNOMIAL
            } else {
                value >> 1
            };
            bit += 1;
        }
        tables[0][byte] = value;
        byte += 1;
    }
    let mut table = 1;
    while table < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[table - 1][byte];
            tables[table][byte] = (before >> 8) ^ tables[0][(before & 0xff) as usize];
            byte += 1;
        }
        table += 1;
    }
    tables
}

/// The checksum of bytes that follow others with the checksum `before`, 0 at the beginning.
pub(super) fn extend(before: u32, bytes: &[u8]) -> u32 {
    let at = |table: usize, byte: u8| TABLES[table][usize::from(byte)];
    let (chunks, rest) = bytes.as_chunks::<8>();
    let mut value = !before;
    for [a, b, c, d, e, f, g, h] in chunks {
        let [p, q, r, s] = (value ^ u32::from_le_bytes([*a, *b, *c, *d])).to_le_bytes();
        value = at(7, p) ^ at(6, q) ^ at(5, r) ^ at(4, s) ^ at(3, *e) ^ at(2, *f) ^ at(1, *g) ^ at(0, *h);
    }
    for byte in rest {
        value = (value >> 8) ^ at(0, value.to_le_bytes()[0] ^ byte);
    }
    !value
}

/// How a checksum is stored, so that data with checksums in it still has good ones.
pub(super) fn masked(checksum: u32) -> u32 {
    checksum.rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::{extend, masked};

    /// The vectors of RFC 3720, B.4.
    #[test]
    fn the_published_vectors_hold() {
        assert_eq!(extend(0, &[0; 32]), 0x8a91_36aa);
        assert_eq!(extend(0, &[0xff; 32]), 0x62a8_ab43);
        let ascending: Vec<u8> = (0..32).collect();
        assert_eq!(extend(0, &ascending), 0x46dd_794e);
        let descending: Vec<u8> = (0..32).rev().collect();
        assert_eq!(extend(0, &descending), 0x113f_db5c);
        assert_eq!(extend(0, b"123456789"), 0xe306_9283);
    }

    #[test]
    fn parts_give_the_checksum_of_the_whole() {
        let bytes: Vec<u8> = (0..100).collect();
        for cut in 0..bytes.len() {
            assert_eq!(extend(extend(0, &bytes[..cut]), &bytes[cut..]), extend(0, &bytes));
        }
        assert_eq!(masked(0), 0xa282_ead8);
    }
}
