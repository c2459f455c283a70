//! A state dictionary as torch saved it before version 1.6 (one file, not a zip) in, named tensors out.
//!
//! Layout: four pickles (magic number, protocol version, facts of the writing machine, the dictionary), a pickled list
//! of storage keys, then each storage in that order: its count as 8 bytes, its numbers as little-endian floats.
//! The dictionary holds `_rebuild_tensor_v2(storage, offset, shape, strides, ...)` calls into those storages.

use crate::onnx::Tensor;
use crate::pickle::{self, Value};
use anyhow::{Context, Result, bail, ensure};
use std::collections::HashMap;

/// First pickle of every such file: 0x1950a86a20f9469cfc6c.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
const PROTOCOL: i64 = 1001;
const FOREIGN: &str = "not a torch file of the kind before version 1.6";

/// Tensors by name.
#[derive(Debug)]
pub struct Weights(HashMap<String, Tensor>);

impl Weights {
    /// Takes a tensor out; fails where it is missing or shaped otherwise.
    pub fn take(&mut self, name: &str, shape: &[usize]) -> Result<Tensor> {
        let tensor = self.0.remove(name).with_context(|| format!("the weights have no `{name}`"))?;
        ensure!(tensor.shape == shape, "`{name}` is shaped {:?} instead of {shape:?}", tensor.shape);
        Ok(tensor)
    }

    /// Fails where tensors were not taken: then this is another network.
    pub fn finish(self) -> Result<()> {
        match self.0.keys().min() {
            None => Ok(()),
            Some(name) => bail!("the weights hold `{name}`, which this network does not know"),
        }
    }
}

/// Reads the whole file.
pub fn read(mut bytes: &[u8]) -> Result<Weights> {
    let magic = pickle::read(&mut bytes).context(FOREIGN)?;
    ensure!(magic == Value::BigInt(MAGIC.to_vec()), FOREIGN);
    let protocol = pickle::read(&mut bytes)?.int()?;
    ensure!(protocol == PROTOCOL, "torch file protocol {protocol} is not supported");
    let machine = pickle::read(&mut bytes)?;
    let little = machine.pairs()?.iter().any(|p| *p == (Value::Text("little_endian".into()), Value::Bool(true)));
    ensure!(little, "written on a big-endian machine: not supported");
    let dictionary = pickle::read(&mut bytes)?;
    let keys = pickle::read(&mut bytes)?;

    let mut storages = HashMap::new();
    for key in keys.items()? {
        let key = key.text()?;
        let floats = storage(&mut bytes).with_context(|| format!("storage {key}"))?;
        ensure!(storages.insert(key, floats).is_none(), "storage {key} comes twice");
    }
    ensure!(bytes.is_empty(), "{} bytes too many at the end", bytes.len());

    let mut tensors = HashMap::new();
    for (name, value) in dictionary.pairs()? {
        let name = name.text()?;
        if name == "_metadata" {
            continue;
        }
        let tensor = tensor(value, &storages).with_context(|| format!("tensor `{name}`"))?;
        ensure!(tensors.insert(name.to_string(), tensor).is_none(), "tensor `{name}` comes twice");
    }
    Ok(Weights(tensors))
}

fn storage(bytes: &mut &[u8]) -> Result<Vec<f32>> {
    let (head, rest) = bytes.split_first_chunk::<8>().context("cut short")?;
    let count = usize::try_from(i64::from_le_bytes(*head)).context("negative count")?;
    let length = count.checked_mul(4).context("impossible count")?;
    let (raw, rest) = rest.split_at_checked(length).with_context(|| format!("cut short: {count} numbers are missing"))?;
    *bytes = rest;
    Ok(raw.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect())
}

fn tensor(value: &Value, storages: &HashMap<&str, Vec<f32>>) -> Result<Tensor> {
    let Value::Call(callee, arguments) = value else { bail!("not a tensor") };
    ensure!(&**callee == "torch._utils._rebuild_tensor_v2", "built by `{callee}`: not supported");
    let [Value::Persistent(key), offset, shape, strides, ..] = arguments.as_slice() else {
        bail!("a tensor needs a storage, an offset, a shape and strides");
    };
    let [kind, class, key, ..] = key.items()? else { bail!("a storage needs a kind, a class and a key") };
    ensure!(kind.text()? == "storage", "not a storage");
    ensure!(*class == Value::Global("torch.FloatStorage".into()), "only 32-bit floats are supported");
    let floats = storages.get(key.text()?).context("its storage is missing")?;

    let shape = lengths(shape)?;
    let strides = lengths(strides)?;
    ensure!(shape.len() == strides.len(), "shape and strides differ in length");
    let first = usize::try_from(offset.int()?).context("negative offset")?;
    Tensor::new(&shape, gather(floats, first, &shape, &strides)?)
}

/// The numbers of a strided tensor in row-major order. (These nets were carried over from TensorFlow: the axes of their
/// weights lie in the file in another order than the shape's.)
fn gather(floats: &[f32], first: usize, shape: &[usize], strides: &[usize]) -> Result<Vec<f32>> {
    let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).context("impossible shape")?;
    ensure!(count > 0 && count <= floats.len(), "{count} numbers in a storage of {}", floats.len());
    let mut places = vec![first];
    for (&length, &stride) in shape.iter().zip(strides) {
        let steps: Vec<usize> = (0..length).map(|i| i.saturating_mul(stride)).collect();
        places = places.iter().flat_map(|p| steps.iter().map(|s| p.saturating_add(*s))).collect();
    }
    places.iter().map(|&p| floats.get(p).copied().context("reaches beyond its storage")).collect()
}

fn lengths(value: &Value) -> Result<Vec<usize>> {
    value.items()?.iter().map(|v| usize::try_from(v.int()?).context("negative length")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with one tensor `w` = [[1, 2]] in a storage called "7".
    fn small() -> Vec<u8> {
        let mut file = b"\x80\x02\x8a\x0a".to_vec();
        file.extend(MAGIC);
        file.extend(b".\x80\x02M\xe9\x03.\x80\x02}X\x0d\x00\x00\x00little_endian\x88s.");
        file.extend(b"\x80\x02ccollections\nOrderedDict\n)R(X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n(");
        file.extend(b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x007X\x03\x00\x00\x00cpuK\x02NtQ");
        file.extend(b"K\x00K\x01K\x02\x86K\x02K\x01\x86\x89ccollections\nOrderedDict\n)RtRu.");
        file.extend(b"\x80\x02]X\x01\x00\x00\x007a.");
        file.extend(2i64.to_le_bytes());
        file.extend([1.0f32, 2.0].iter().flat_map(|v| v.to_le_bytes()));
        file
    }

    #[test]
    fn a_tensor_is_found_by_name() {
        let mut weights = read(&small()).unwrap();
        assert_eq!(weights.take("w", &[1, 2]).unwrap().values, [1.0, 2.0]);
        weights.finish().unwrap();
    }

    #[test]
    fn a_strided_tensor_comes_out_in_rows() {
        let columns_first = [1.0, 4.0, 2.0, 5.0, 3.0, 6.0];
        assert_eq!(gather(&columns_first, 0, &[2, 3], &[1, 2]).unwrap(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert!(gather(&columns_first, 1, &[2, 3], &[1, 2]).is_err());
        assert!(gather(&columns_first, 0, &[1 << 40, 1 << 40], &[0, 0]).is_err());
        assert!(gather(&columns_first, 0, &[1 << 40, 0], &[0, 0]).is_err());
    }

    #[test]
    fn a_wrong_shape_is_named() {
        let error = read(&small()).unwrap().take("w", &[2, 1]).unwrap_err();
        assert!(error.to_string().contains("`w` is shaped [1, 2]"), "{error}");
    }

    #[test]
    fn weights_left_over_are_named() {
        assert!(read(&small()).unwrap().finish().unwrap_err().to_string().contains("`w`"));
    }

    #[test]
    fn a_file_cut_anywhere_is_an_error() {
        let file = small();
        for end in 0..file.len() {
            assert!(read(&file[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn any_changed_byte_is_survived() {
        for at in 0..small().len() {
            for change in [0x01, 0x10, 0x80, 0xff] {
                let mut file = small();
                file[at] ^= change;
                let _ = read(&file);
            }
        }
    }

    #[test]
    fn a_storage_longer_than_the_file_allocates_nothing() {
        let mut file = small();
        let count = file.len() - 16;
        file[count..count + 8].copy_from_slice(&(i64::MAX / 8).to_le_bytes());
        assert!(format!("{:#}", read(&file).unwrap_err()).contains("cut short"));
    }
}
