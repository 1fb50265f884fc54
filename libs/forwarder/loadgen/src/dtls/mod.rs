//! The client's side of DTLS 1.2 up to the SRTP keys (RFC 5764).

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use dimpl::{Config, Dtls, DtlsCertificate, Output, SrtpProfile};
use ring::digest;

mod provider;

/// SHA-256 of a certificate (RFC 8122).
pub type Fingerprint = [u8; 32];

const DATAGRAM: usize = 1500;

/// One certificate and configuration for many handshakes.
pub struct Party {
    certificate: DtlsCertificate,
    config: Arc<Config>,
    /// As it stands behind `a=fingerprint:`.
    pub fingerprint: String,
}

impl Party {
    /// With a new certificate.
    ///
    /// # Errors
    /// Where randomness or the provider fails.
    pub fn new() -> Result<Self, Box<dyn Error>> {
        let key = rcgen::KeyPair::generate()?;
        let certificate = rcgen::CertificateParams::new(Vec::new())?.self_signed(&key)?.der().to_vec();
        let digits: Vec<String> =
            fingerprint(&certificate).iter().map(|byte| format!("{byte:02X}")).collect();
        Ok(Self {
            fingerprint: format!("sha-256 {}", digits.join(":")),
            certificate: DtlsCertificate { certificate, private_key: key.serialize_der() },
            config: Arc::new(Config::builder().with_crypto_provider(provider::PROVIDER).build()?),
        })
    }
}

fn fingerprint(certificate: &[u8]) -> Fingerprint {
    let mut result = Fingerprint::default();
    result.copy_from_slice(digest::digest(&digest::SHA256, certificate).as_ref());
    result
}

/// Master keys with their salts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// Of what the client sends.
    pub client: Vec<u8>,
    /// Of what the server sends.
    pub server: Vec<u8>,
}

impl Keys {
    /// Both keys stand before both salts (RFC 5764, section 4.2).
    fn split(material: &[u8], profile: SrtpProfile) -> Self {
        let key = if profile == SrtpProfile::AEAD_AES_256_GCM { 32 } else { 16 };
        let (keys, salts) = material.split_at(2 * key);
        let salt = salts.len() / 2;
        Self {
            client: [&keys[..key], &salts[..salt]].concat(),
            server: [&keys[key..], &salts[salt..]].concat(),
        }
    }
}

/// One handshake. It tells when it wants to be woken; what it sends goes to the function that each call takes.
pub struct Handshake {
    dtls: Dtls,
    expected: Fingerprint,
    verified: bool,
    exported: Option<Keys>,
    connected: bool,
    /// When [`Handshake::wake`] is due.
    pub due: Instant,
}

impl Handshake {
    /// A client whose server must have the certificate of this fingerprint. Nothing is sent before the first
    /// [`Handshake::wake`], which is due at once.
    pub fn client(party: &Party, expected: Fingerprint, now: Instant) -> Self {
        let mut dtls = Dtls::new_12(Arc::clone(&party.config), party.certificate.clone(), now);
        dtls.set_active(true);
        Self { dtls, expected, verified: false, exported: None, connected: false, due: now }
    }

    /// Takes a datagram.
    ///
    /// # Errors
    /// Where the handshake failed, the certificate is another one, or `send` fails.
    pub fn datagram(
        &mut self,
        bytes: &[u8],
        now: Instant,
        send: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), Box<dyn Error>> {
        self.dtls.handle_timeout(now)?;
        self.dtls.handle_packet(bytes)?;
        self.drain(send)
    }

    /// Begins, and repeats what got lost.
    ///
    /// # Errors
    /// As [`Handshake::datagram`].
    pub fn wake(
        &mut self,
        now: Instant,
        send: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), Box<dyn Error>> {
        self.dtls.handle_timeout(now)?;
        self.drain(send)
    }

    /// The keys, once both sides have finished and the certificate was the right one.
    pub fn keys(&self) -> Option<&Keys> {
        self.exported.as_ref().filter(|_| self.connected && self.verified)
    }

    fn drain(&mut self, mut send: impl FnMut(&[u8]) -> io::Result<()>) -> Result<(), Box<dyn Error>> {
        let mut buffer = vec![0; DATAGRAM];
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(bytes) => send(bytes)?,
                Output::BufferTooSmall { needed } => buffer.resize(needed, 0),
                Output::PeerCert(certificate) => {
                    if fingerprint(certificate) != self.expected {
                        return Err(
                            "the certificate is not the one whose fingerprint stands in the answer".into()
                        );
                    }
                    self.verified = true;
                }
                Output::KeyingMaterial(material, profile) => {
                    self.exported = Some(Keys::split(&material, profile));
                }
                Output::Connected => self.connected = true,
                Output::CloseNotify => return Err("the server said goodbye".into()),
                Output::Timeout(due) => {
                    self.due = due;
                    return Ok(());
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn into(queue: &mut Vec<Vec<u8>>) -> impl FnMut(&[u8]) -> io::Result<()> {
        |bytes| {
            queue.push(bytes.to_vec());
            Ok(())
        }
    }

    /// Carries datagrams between two parties until both are silent.
    fn shake(client: &mut Handshake, server: &mut Handshake) -> Result<(), Box<dyn Error>> {
        let now = Instant::now();
        let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
        client.wake(now, into(&mut to_server))?;
        while !to_server.is_empty() || !to_client.is_empty() {
            for bytes in std::mem::take(&mut to_server) {
                server.datagram(&bytes, now, into(&mut to_client))?;
            }
            for bytes in std::mem::take(&mut to_client) {
                client.datagram(&bytes, now, into(&mut to_server))?;
            }
        }
        Ok(())
    }

    fn server(party: &Party, expected: Fingerprint) -> Handshake {
        let now = Instant::now();
        let dtls = Dtls::new_12(Arc::clone(&party.config), party.certificate.clone(), now);
        Handshake { dtls, expected, verified: false, exported: None, connected: false, due: now }
    }

    #[test]
    fn both_sides_get_the_same_keys() {
        let (us, them) = (Party::new().unwrap(), Party::new().unwrap());
        let mut client = Handshake::client(&us, fingerprint(&them.certificate.certificate), Instant::now());
        let mut server = server(&them, fingerprint(&us.certificate.certificate));
        shake(&mut client, &mut server).unwrap();
        let keys = client.keys().expect("the handshake is done");
        assert_eq!(Some(keys), server.keys());
        assert_ne!(keys.client, keys.server);
    }

    #[test]
    fn a_certificate_that_the_answer_did_not_announce_is_refused() {
        let (us, them) = (Party::new().unwrap(), Party::new().unwrap());
        let mut client = Handshake::client(&us, [7; 32], Instant::now());
        let mut server = server(&them, fingerprint(&us.certificate.certificate));
        let error = shake(&mut client, &mut server).expect_err("refused");
        assert!(error.to_string().contains("fingerprint"), "{error}");
        assert_eq!(client.keys(), None);
    }

    #[test]
    fn keys_stand_before_salts() {
        let material: Vec<u8> = (0..56).collect();
        let keys = Keys::split(&material, SrtpProfile::AEAD_AES_128_GCM);
        assert_eq!(keys.client, [(0..16).collect::<Vec<u8>>(), (32..44).collect()].concat());
        assert_eq!(keys.server, [(16..32).collect::<Vec<u8>>(), (44..56).collect()].concat());
    }
}
