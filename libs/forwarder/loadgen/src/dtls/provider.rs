//! What `dimpl` needs of cryptography, from `ring`: ECDHE on P-256 and X25519, ECDSA on P-256, AES-128-GCM, SHA-256.

use std::fmt;

use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use dimpl::crypto::{
    Aad, ActiveKeyExchange, Buf, Cipher, CryptoProvider, Dtls12CipherSuite, Dtls13CipherSuite, HashAlgorithm,
    HashContext, HashProvider, HmacProvider, KeyProvider, NamedGroup, Nonce, SecureRandom,
    SignatureAlgorithm, SignatureVerifier, SigningKey, SupportedDtls12CipherSuite,
    SupportedDtls13CipherSuite, SupportedKxGroup, TmpBuf,
};
use dimpl::{CryptoError, CryptoOperation};
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::{aead, agreement, digest, hmac, signature};

const TAG: usize = 16;
/// SubjectPublicKeyInfo of an uncompressed point on P-256 (RFC 5480, section 2), up to and with the point's first byte.
const P256_KEY: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86,
    0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];
const P256_POINT: usize = 65;

/// All of it; `dimpl` checks it against known answers when it takes it.
pub const PROVIDER: CryptoProvider = CryptoProvider {
    kx_groups: &[&Group::X25519, &Group::P256],
    signature_verification: &Ring,
    key_provider: &Ring,
    secure_random: &Ring,
    hash_provider: &Ring,
    hmac_provider: &Ring,
    cipher_suites: &[&Aes128Gcm],
    dtls13_cipher_suites: &[&Aes128Gcm],
};

#[derive(Debug)]
struct Ring;

#[derive(Debug)]
struct Aes128Gcm;

#[derive(Debug)]
enum Group {
    X25519,
    P256,
}

const fn failed(operation: CryptoOperation) -> CryptoError {
    CryptoError::OperationFailed(operation)
}

impl SecureRandom for Ring {
    fn fill(&self, buf: &mut [u8]) -> Result<(), CryptoError> {
        SystemRandom::new().fill(buf).map_err(|_| failed(CryptoOperation::FillRandom))
    }
}

impl HashProvider for Ring {
    fn create_hash(&self, algorithm: HashAlgorithm) -> Box<dyn HashContext> {
        let algorithm = if algorithm == HashAlgorithm::SHA384 { &digest::SHA384 } else { &digest::SHA256 };
        Box::new(Hash(digest::Context::new(algorithm)))
    }
}

struct Hash(digest::Context);

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hash")
    }
}

impl HashContext for Hash {
    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn clone_and_finalize(&self, out: &mut Buf) {
        out.clear();
        out.extend_from_slice(self.0.clone().finish().as_ref());
    }
}

impl HmacProvider for Ring {
    fn hmac(
        &self,
        hash: HashAlgorithm,
        key: &[u8],
        data: &[u8],
        out: &mut [u8],
    ) -> Result<usize, CryptoError> {
        if hash != HashAlgorithm::SHA256 {
            return Err(CryptoError::UnsupportedHmacHash(hash));
        }
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data);
        let bytes = tag.as_ref();
        out.get_mut(..bytes.len()).ok_or(failed(CryptoOperation::ComputeHmac))?.copy_from_slice(bytes);
        Ok(bytes.len())
    }
}

impl KeyProvider for Ring {
    fn load_private_key(&self, key_der: &[u8]) -> Result<Box<dyn SigningKey>, CryptoError> {
        signature::EcdsaKeyPair::from_pkcs8(
            &signature::ECDSA_P256_SHA256_ASN1_SIGNING,
            key_der,
            &SystemRandom::new(),
        )
        .map(|pair| Box::new(Key(pair)) as Box<dyn SigningKey>)
        .map_err(|_| failed(CryptoOperation::LoadPrivateKey))
    }
}

#[derive(Debug)]
struct Key(signature::EcdsaKeyPair);

impl SigningKey for Key {
    fn sign(&mut self, data: &[u8], _: HashAlgorithm, out: &mut Buf) -> Result<(), CryptoError> {
        let made = self.0.sign(&SystemRandom::new(), data).map_err(|_| failed(CryptoOperation::Sign))?;
        out.clear();
        out.extend_from_slice(made.as_ref());
        Ok(())
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        HashAlgorithm::SHA256
    }

    fn supported_hash_algorithms(&self) -> &[HashAlgorithm] {
        &[HashAlgorithm::SHA256]
    }
}

impl SignatureVerifier for Ring {
    /// Keys other than P-256 are refused: the server under test has none.
    fn verify_signature(
        &self,
        cert_der: &[u8],
        data: &[u8],
        signature: &[u8],
        hash_alg: HashAlgorithm,
        _: SignatureAlgorithm,
    ) -> Result<(), CryptoError> {
        let algorithm = match hash_alg {
            HashAlgorithm::SHA384 => &signature::ECDSA_P256_SHA384_ASN1,
            _ => &signature::ECDSA_P256_SHA256_ASN1,
        };
        let refused = failed(CryptoOperation::VerifySignature);
        let at = cert_der.windows(P256_KEY.len()).position(|part| part == P256_KEY).ok_or(refused.clone())?;
        let point = at + P256_KEY.len() - 1;
        let key = cert_der.get(point..point + P256_POINT).ok_or(refused.clone())?;
        signature::UnparsedPublicKey::new(algorithm, key).verify(data, signature).map_err(|_| refused)
    }
}

impl SupportedKxGroup for Group {
    fn name(&self) -> NamedGroup {
        match self {
            Self::X25519 => NamedGroup::X25519,
            Self::P256 => NamedGroup::Secp256r1,
        }
    }

    fn start_exchange(&self, mut buf: Buf) -> Result<Box<dyn ActiveKeyExchange>, CryptoError> {
        let algorithm = match self {
            Self::X25519 => &agreement::X25519,
            Self::P256 => &agreement::ECDH_P256,
        };
        let refused = |_| failed(CryptoOperation::StartKeyExchange);
        let private =
            agreement::EphemeralPrivateKey::generate(algorithm, &SystemRandom::new()).map_err(refused)?;
        buf.clear();
        buf.extend_from_slice(private.compute_public_key().map_err(refused)?.as_ref());
        Ok(Box::new(Exchange { private, public: buf, group: self.name() }))
    }
}

#[derive(Debug)]
struct Exchange {
    private: agreement::EphemeralPrivateKey,
    public: Buf,
    group: NamedGroup,
}

impl ActiveKeyExchange for Exchange {
    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn complete(self: Box<Self>, peer_pub: &[u8], out: &mut Buf) -> Result<(), CryptoError> {
        let peer = agreement::UnparsedPublicKey::new(self.private.algorithm(), peer_pub);
        agreement::agree_ephemeral(self.private, &peer, |secret| {
            out.clear();
            out.extend_from_slice(secret);
        })
        .map_err(|_| CryptoError::InvalidPublicKey(self.group))
    }

    fn group(&self) -> NamedGroup {
        self.group
    }
}

impl SupportedDtls12CipherSuite for Aes128Gcm {
    fn suite(&self) -> Dtls12CipherSuite {
        Dtls12CipherSuite::ECDHE_ECDSA_AES128_GCM_SHA256
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        HashAlgorithm::SHA256
    }

    fn key_lengths(&self) -> (usize, usize, usize) {
        (0, 16, 4)
    }

    fn explicit_nonce_len(&self) -> usize {
        8
    }

    fn tag_len(&self) -> usize {
        TAG
    }

    fn create_cipher(&self, key: &[u8]) -> Result<Box<dyn Cipher>, CryptoError> {
        Gcm::create(key)
    }
}

/// DTLS 1.3 is not spoken here, but a provider without a suite of it is refused.
impl SupportedDtls13CipherSuite for Aes128Gcm {
    fn suite(&self) -> Dtls13CipherSuite {
        Dtls13CipherSuite::AES_128_GCM_SHA256
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        HashAlgorithm::SHA256
    }

    fn key_len(&self) -> usize {
        16
    }

    fn iv_len(&self) -> usize {
        12
    }

    fn tag_len(&self) -> usize {
        TAG
    }

    fn create_cipher(&self, key: &[u8]) -> Result<Box<dyn Cipher>, CryptoError> {
        Gcm::create(key)
    }

    fn encrypt_sn(&self, sn_key: &[u8], sample: &[u8; 16]) -> [u8; 16] {
        let mut block = (*sample).into();
        // `dimpl` gives keys of `key_len` bytes.
        if let Ok(cipher) = Aes128::new_from_slice(sn_key) {
            cipher.encrypt_block(&mut block);
        }
        block.into()
    }
}

#[derive(Debug)]
struct Gcm(aead::LessSafeKey);

impl Gcm {
    fn create(key: &[u8]) -> Result<Box<dyn Cipher>, CryptoError> {
        let key = aead::UnboundKey::new(&aead::AES_128_GCM, key)
            .map_err(|_| failed(CryptoOperation::CreateCipher))?;
        Ok(Box::new(Self(aead::LessSafeKey::new(key))))
    }
}

impl Cipher for Gcm {
    fn encrypt(&mut self, plaintext: &mut Buf, aad: Aad, nonce: Nonce) -> Result<(), CryptoError> {
        let nonce = aead::Nonce::assume_unique_for_key(nonce.0);
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce, aead::Aad::from(&aad[..]), plaintext)
            .map_err(|_| failed(CryptoOperation::Encrypt))?;
        plaintext.extend_from_slice(tag.as_ref());
        Ok(())
    }

    fn decrypt(&mut self, ciphertext: &mut TmpBuf, aad: Aad, nonce: Nonce) -> Result<(), CryptoError> {
        let nonce = aead::Nonce::assume_unique_for_key(nonce.0);
        let length = self
            .0
            .open_in_place(nonce, aead::Aad::from(&aad[..]), ciphertext.as_mut())
            .map_err(|_| failed(CryptoOperation::Decrypt))?
            .len();
        ciphertext.truncate(length);
        Ok(())
    }
}
