use serving_model::ErrorCode;

use super::super::table::testing;
use super::*;
use crate::tensorflow::proto::tensor_shape_proto::Dim;
use crate::tensorflow::proto::tensor_slice_proto::Extent;
use crate::tensorflow::proto::tensor_slice_proto::extent::HasLength;
use crate::tensorflow::proto::{TensorShapeProto, TensorSliceProto, VersionDef};

fn header(shards: i32) -> BundleHeaderProto {
    BundleHeaderProto {
        num_shards: shards,
        ..BundleHeaderProto::default()
    }
}

/// An entry of the bytes at the front of the first shard.
fn entry(dtype: DataType, shape: &[i64], content: &[u8]) -> BundleEntryProto {
    BundleEntryProto {
        dtype: dtype.into(),
        shape: Some(TensorShapeProto {
            dim: shape.iter().map(|size| Dim { size: *size }).collect(),
            unknown_rank: false,
        }),
        size: content.len() as i64,
        crc32c: masked(extend(0, content)),
        ..BundleEntryProto::default()
    }
}

fn slice(extents: &[(i64, i64)]) -> TensorSliceProto {
    let extents = extents.iter().map(|(start, length)| Extent {
        start: *start,
        has_length: Some(HasLength::Length(*length)),
    });
    TensorSliceProto {
        extent: extents.collect(),
    }
}

fn with<T>(
    header: &BundleHeaderProto,
    entries: &[(&[u8], BundleEntryProto)],
    shard: &[u8],
    use_it: impl FnOnce(Result<Checkpoint<'_>, ModelError>) -> T,
) -> T {
    let mut all = vec![(Vec::new(), header.encode_to_vec())];
    all.extend(entries.iter().map(|(key, entry)| (key.to_vec(), entry.encode_to_vec())));
    let index = testing::index(&all);
    let files = Files::of(&[
        ("variables/variables.index", index.as_slice()),
        ("variables/variables.data-00000-of-00001", shard),
    ]);
    use_it(Checkpoint::open(&files))
}

fn read(entries: &[(&[u8], BundleEntryProto)], shard: &[u8]) -> Result<Array, ModelError> {
    with(&header(1), entries, shard, |checkpoint| checkpoint.unwrap().tensor("w"))
}

const NUMBERS: [u8; 16] = [0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 64, 64, 0, 0, 128, 64];

#[test]
fn a_tensor_has_the_bytes_that_its_entry_points_at() {
    let mut shard = vec![9; 7];
    shard.extend(NUMBERS);
    let mut known = entry(DataType::DtFloat, &[2, 2], &NUMBERS);
    known.offset = 7;
    let array = read(&[(b"w", known)], &shard).unwrap();
    assert_eq!(array.shape, [2, 2]);
    assert_eq!(array.view::<f32>().unwrap(), [1.0, 2.0, 3.0, 4.0]);
    let empty = read(&[(b"w", entry(DataType::DtInt64, &[0, 3], &[]))], &[]).unwrap();
    assert_eq!((empty.shape.as_slice(), empty.len()), (&[0, 3][..], 0));
}

#[test]
fn an_entry_that_lies_is_refused_before_anything_is_allocated_for_it() {
    type Lie = fn(&mut BundleEntryProto);
    let good = entry(DataType::DtFloat, &[2, 2], &NUMBERS);
    let lies: [(&str, Lie); 9] = [
        ("not in the file", |entry| entry.offset = 1),
        ("not in the file", |entry| entry.offset = -1),
        ("not in the file", |entry| entry.size = i64::MAX),
        ("not in the file", |entry| entry.shard_id = 7),
        ("not in the file", |entry| {
            (entry.offset, entry.size) = (i64::MAX, i64::MAX);
        }),
        ("checksum", |entry| entry.crc32c ^= 1),
        ("16 bytes for shape [2, 3]", |entry| {
            entry.shape.as_mut().unwrap().dim[1].size = 3;
        }),
        ("not definite", |entry| {
            entry.shape.as_mut().unwrap().dim[1].size = -1;
        }),
        ("DT_VARIANT", |entry| entry.dtype = DataType::DtVariant.into()),
    ];
    for (message, lie) in lies {
        let mut entry = good.clone();
        lie(&mut entry);
        let error = read(&[(b"w", entry)], &NUMBERS).unwrap_err();
        assert!(error.message.contains(message), "{error}");
        assert!(error.message.starts_with("'w' of the checkpoint: "), "{error}");
    }
    let error = read(
        &[(b"w", entry(DataType::DtFloat, &[1 << 40, 1 << 40], &NUMBERS))],
        &NUMBERS,
    )
    .unwrap_err();
    assert_eq!(error.code, ErrorCode::ModelTooLarge);
    let counted = allocation_counter::measure(|| {
        let claimed = entry(DataType::DtFloat, &[1 << 13, 1 << 13], &NUMBERS);
        assert!(read(&[(b"w", claimed)], &NUMBERS).is_err());
        let mut parts = entry(DataType::DtFloat, &[1 << 26], &[]);
        parts.slices = vec![slice(&[(0, 4)])];
        let part = entry(DataType::DtFloat, &[4], &NUMBERS);
        let key = slice_key("w", &parts.slices[0]);
        assert!(read(&[(b"w", parts), (&key, part)], &NUMBERS).is_err());
    });
    assert!(counted.bytes_max < 1 << 16, "{} bytes", counted.bytes_max);
    assert!(read(&[], &NUMBERS).unwrap_err().message.contains("it is not there"));
}

#[test]
fn parts_are_put_together() {
    let mut whole = entry(DataType::DtFloat, &[2, 2], &[]);
    whole.slices = vec![slice(&[(0, 2), (1, 1)]), slice(&[(0, 2), (0, 1)])];
    let keys: Vec<Vec<u8>> = whole.slices.iter().map(|slice| slice_key("w", slice)).collect();
    let right = entry(DataType::DtFloat, &[2, 1], &NUMBERS[..8]);
    let mut left = entry(DataType::DtFloat, &[2, 1], &NUMBERS[8..]);
    left.offset = 8;
    let array = read(
        &[(b"w", whole.clone()), (&keys[0], right.clone()), (&keys[1], left)],
        &NUMBERS,
    )
    .unwrap();
    assert_eq!(array.view::<f32>().unwrap(), [3.0, 1.0, 4.0, 2.0]);
    let error = read(&[(b"w", whole.clone()), (&keys[0], right.clone())], &NUMBERS).unwrap_err();
    assert!(error.message.contains("it is not there"), "{error}");
    whole.slices.pop();
    let error = read(&[(b"w", whole), (&keys[0], right)], &NUMBERS).unwrap_err();
    assert!(error.message.contains("do not make up the whole"), "{error}");
}

/// Lengths, their checksum, bytes, and the checksum of all.
fn texts(texts: &[&[u8]]) -> (Vec<u8>, u32) {
    let (mut content, mut checksum) = (Vec::new(), 0);
    for text in texts {
        prost::encoding::encode_varint(text.len() as u64, &mut content);
        checksum = extend(checksum, &(text.len() as u32).to_le_bytes());
    }
    let lengths = masked(checksum).to_le_bytes();
    content.extend(lengths);
    checksum = extend(checksum, &lengths);
    for text in texts {
        content.extend(*text);
        checksum = extend(checksum, text);
    }
    (content, masked(checksum))
}

#[test]
fn a_text_is_read_as_bytes() {
    let (content, checksum) = texts(&[b"\xff any bytes"]);
    let mut known = entry(DataType::DtString, &[], &content);
    known.crc32c = checksum;
    with(&header(1), &[(b"w", known)], &content, |checkpoint| {
        assert_eq!(checkpoint.unwrap().string("w").unwrap().as_ref(), b"\xff any bytes");
    });
    for length in 0..content.len() {
        let mut cut = entry(DataType::DtString, &[], &content[..length]);
        cut.crc32c = checksum;
        with(&header(1), &[(b"w", cut)], &content[..length], |checkpoint| {
            assert!(checkpoint.unwrap().string("w").is_err());
        });
    }
    let mut many = entry(DataType::DtString, &[1 << 20], &content);
    many.crc32c = checksum;
    assert!(read(&[(b"w", many)], &content).is_err());
}

#[test]
fn a_header_that_is_not_understood_is_refused() {
    let mut big = header(1);
    big.endianness = Endianness::Big.into();
    let mut later = header(1);
    later.version = Some(VersionDef {
        producer: 9,
        min_consumer: 9,
    });
    for (header, message) in [
        (big, "most significant byte first"),
        (later, "version 9"),
        (header(2), "'variables/variables.data-00000-of-00002' is missing"),
        (header(i32::MAX), "is missing"),
    ] {
        with(&header, &[], &[], |checkpoint| {
            let error = checkpoint.err().unwrap();
            assert!(error.message.contains(message), "{error}");
        });
    }
}
