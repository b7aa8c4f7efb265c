//! CRC-32 (IEEE 802.3), sixteen bytes at a time.
//!
//! A verdict on a token that is not known computes one over some 47 bytes. General crates take text that short a
//! byte at a time, which costs as much as the token's SHA-256.

/// The polynomial, least significant bit first.
const POLYNOMIAL: u32 = 0xEDB8_8320;

/// `TABLES[n][b]`: what the byte `b` makes of an empty register when `n` bytes of zero follow it.
static TABLES: [[u32; 256]; 16] = tables();

/// `BEFORE[n]`: the register that `n` bytes of zero turn into the one to start with.
static BEFORE: [u32; 16] = before();

pub(crate) fn crc32(text: &[u8]) -> u32 {
    let Some(first) = text.first_chunk() else {
        return !text.iter().fold(!0, |register, byte| one_byte(register, *byte));
    };
    let (blocks, head) = (text.as_rchunks::<16>().1, text.len() % 16);
    let mut register = !0;
    if head > 0 {
        // Zeros before it make a block of the head; the register allows for them.
        let zeros = 16 - head;
        register = one_block(BEFORE[zeros], u128::from_le_bytes(*first) << (8 * zeros));
    }
    for block in blocks {
        register = one_block(register, u128::from_le_bytes(*block));
    }
    !register
}

/// The sixteen look-ups do not wait for each other.
fn one_block(register: u32, block: u128) -> u32 {
    let bytes = (block ^ u128::from(register)).to_le_bytes();
    bytes.iter().zip(TABLES.iter().rev()).fold(0, |sum, (byte, table)| sum ^ table[usize::from(*byte)])
}

const fn one_byte(register: u32, byte: u8) -> u32 {
    let mut register = register ^ byte as u32;
    let mut bit = 0;
    while bit < 8 {
        register = if register & 1 == 0 { register >> 1 } else { (register >> 1) ^ POLYNOMIAL };
        bit += 1;
    }
    register
}

const fn tables() -> [[u32; 256]; 16] {
    let mut tables = [[0; 256]; 16];
    let mut byte = 0;
    while byte < 256 {
        let mut register = one_byte(0, byte as u8);
        let mut zeros = 0;
        while zeros < 16 {
            tables[zeros][byte] = register;
            register = one_byte(register, 0);
            zeros += 1;
        }
        byte += 1;
    }
    tables
}

const fn before() -> [u32; 16] {
    let mut before = [!0_u32; 16];
    let mut zeros = 1;
    while zeros < 16 {
        let mut register = before[zeros - 1];
        let mut bit = 0;
        while bit < 8 {
            // The polynomial's highest bit is set: it tells which of the two ways was taken.
            let taken = register >> 31;
            register = ((register ^ (taken * POLYNOMIAL)) << 1) | taken;
            bit += 1;
        }
        before[zeros] = register;
        zeros += 1;
    }
    before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_is_that_of_the_standard() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b"The quick brown fox jumps over the lazy dog"), 0x414F_A339);
    }

    #[test]
    fn sixteen_bytes_at_a_time_are_the_same_as_one_at_a_time() {
        let text: Vec<u8> = (0..=255).map(|n: u8| n.wrapping_mul(37) ^ 0x5A).collect();
        for length in 0..=text.len() {
            let text = &text[..length];
            let slowly = !text.iter().fold(!0, |register, byte| one_byte(register, *byte));
            assert_eq!(crc32(text), slowly, "{length} bytes");
        }
    }
}
