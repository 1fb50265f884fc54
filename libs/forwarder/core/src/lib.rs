//! The part of the forwarder that computes and never performs I/O.
//!
//! Datagrams and the time go in; datagrams to send and events come out through [`engine::Io`]. A test, a simulation
//! and the socket thread drive the same code.
//!
//! Sources: STUN RFC 8489, ICE-lite RFC 8445, consent RFC 7675, RTP RFC 3550, header extensions RFC 8285, audio level
//! RFC 6464, SRTP RFC 3711 with AEAD_AES_128_GCM RFC 7714, Opus payload RFC 7587 and RFC 6716.
#![forbid(unsafe_code)]

pub mod batch;
pub mod capture;
pub mod clock;
pub mod engine;
pub mod ids;
pub mod opus;
pub mod red;
pub mod rtcp;
pub mod rtp;
pub mod select;
pub mod srtp;
pub mod stun;
