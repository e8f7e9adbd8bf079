use super::testing::{append, content, finish, table};
use super::*;

#[test]
fn keys_are_put_together_from_what_they_share_also_in_compressed_blocks() {
    let first = content(&[(0, b"", b"header"), (0, b"dense/bias", b"1"), (6, b"kernel", b"2")]);
    let second = content(&[(0, b"embedding", &[7; 1000])]);
    for compressed in [false, true] {
        let found = read(&table(&[first.clone(), second.clone()], compressed)).unwrap();
        let keys: Vec<&[u8]> = found.keys().map(Vec::as_slice).collect();
        assert_eq!(keys, [&b""[..], b"dense/bias", b"dense/kernel", b"embedding"]);
        assert_eq!(found[&b"dense/kernel"[..]], b"2");
        assert_eq!(found[&b"embedding"[..]], [7; 1000]);
    }
}

#[test]
fn a_changed_byte_anywhere_before_the_footer_is_noticed() {
    let whole = table(&[content(&[(0, b"", b"header"), (0, b"a", b"1")])], false);
    for place in 0..whole.len() - FOOTER {
        let mut changed = whole.clone();
        changed[place] ^= 1;
        let read = read(&changed);
        // The block of meta data is not read.
        assert!(read.is_err() || read.unwrap().len() == 2, "byte {place}");
    }
    for length in 0..whole.len() {
        assert!(read(&whole[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn a_block_can_t_claim_more_than_it_holds() {
    let mut lying = Vec::new();
    prost::encoding::encode_varint(u64::from(u32::MAX), &mut lying);
    lying.extend([0; 8]);
    let error = decompress(&lying).unwrap_err();
    assert!(error.message.contains("larger than it can be"), "{error}");

    let mut file = Vec::new();
    let place = append(&mut file, &content(&[(0, b"a", b"1")]), false);
    let error = read(&finish(file, &[place.clone(), place], false)).unwrap_err();
    assert!(error.message.contains("overlap"), "{error}");

    let error = read(&table(&[content(&[(3, b"a", b"1")])], false)).unwrap_err();
    assert!(error.message.contains("shares more"), "{error}");
}

#[test]
fn keys_that_share_almost_everything_do_not_fill_the_memory() {
    let long = vec![b'x'; 1 << 20];
    let mut entries: Vec<(u64, &[u8], &[u8])> = vec![(0, &long, b"")];
    let suffix = [b'y'];
    entries.extend((0..1000).map(|_| (1 << 20, &suffix[..], &b""[..])));
    let error = read(&table(&[content(&entries)], false)).unwrap_err();
    assert!(error.message.contains("twice") || error.code == serving_model::ErrorCode::ModelTooLarge);
}
