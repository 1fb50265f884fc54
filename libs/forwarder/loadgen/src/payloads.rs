//! Opus packets of real speech, read from a file: length (2 bytes, big endian) and bytes, again and again.

use std::error::Error;

/// The packets of a file, one every 20 ms.
pub struct Payloads(Vec<Vec<u8>>);

impl Payloads {
    pub fn read(path: &str) -> Result<Self, Box<dyn Error>> {
        let bytes = std::fs::read(path)?;
        let mut rest = bytes.as_slice();
        let mut packets = Vec::new();
        while let Some((head, body)) = rest.split_first_chunk::<2>() {
            let length = usize::from(u16::from_be_bytes(*head));
            packets.push(body.get(..length).ok_or("the payload file is cut off")?.to_vec());
            rest = &body[length..];
        }
        if packets.is_empty() { Err("the payload file is empty".into()) } else { Ok(Self(packets)) }
    }

    /// The `turn`th packet of a talker; talkers begin at different places.
    pub fn at(&self, talker: usize, turn: usize) -> &[u8] {
        &self.0[(turn + talker * 97) % self.0.len()]
    }

    pub fn contains(&self, payload: &[u8]) -> bool {
        self.0.iter().any(|known| known == payload)
    }
}
