//! One listener that joins with everything a join takes.

use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use forwarder_core::rtp::{Header, Ssrc, is_rtcp};
use forwarder_core::srtp::{Inbound, Outbound};
use forwarder_core::stun::{self, Class, Message};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

use super::http::Http;
use super::sdp::{Answer, Template};
use crate::dtls::{Handshake, Party};
use crate::readers::Ear;
use crate::sys::MTU;

/// What a join reaches, one after the other: the answer to its POST, an answered connectivity check, the keys, and the
/// first packet that they decrypt.
pub const STAGES: [&str; 4] = ["answer", "ice", "dtls", "audio"];

const WITHIN: Duration = Duration::from_secs(10);
/// A check that is not answered is sent again.
const CHECK_AGAIN: Duration = Duration::from_millis(100);

/// Where everybody joins, and as what.
pub struct Door {
    pub http: Http,
    /// Of the WHEP endpoint.
    pub path: String,
    pub template: Template,
    pub party: Party,
}

/// A listener that hears.
pub struct Joined {
    pub socket: UdpSocket,
    pub ear: Ear,
    pub outbound: Outbound,
    /// Its checks.
    pub username: Vec<u8>,
    pub key: hmac::Key,
    /// Of its slots.
    pub ssrcs: Vec<Ssrc>,
    /// What to DELETE.
    pub resource: String,
}

impl Door {
    /// Joins from a local address of its own. Puts down when each of [`STAGES`] was reached, counted from the POST;
    /// the error belongs to the next one.
    pub fn join(&self, from: Ipv4Addr, reached: &mut Vec<Duration>) -> Result<Joined, Box<dyn Error>> {
        let (ufrag, pwd) = (random(4)?, random(12)?);
        let offer = self.template.offer(&ufrag, &pwd, &self.party.fingerprint);
        let began = Instant::now();
        let end = began + WITHIN;
        let response = self.http.request("POST", &self.path, &offer)?;
        if response.status != 201 {
            return Err(format!("{}: {}", response.status, response.body).into());
        }
        let answer = Answer::parse(&response.body)?;
        let resource = response.header("location").ok_or("no Location")?.to_owned();
        reached.push(began.elapsed());

        let socket = UdpSocket::bind((from, 0))?;
        socket.connect(answer.address)?;
        let username = format!("{}:{ufrag}", answer.ufrag).into_bytes();
        let key = stun::integrity_key(answer.pwd.as_bytes());
        check(&socket, &username, &key, end)?;
        reached.push(began.elapsed());

        let mut handshake = Handshake::client(&self.party, answer.fingerprint, Instant::now());
        let mut buffer = [0; MTU];
        let mut opened = None;
        loop {
            let bytes = receive(&socket, &mut buffer, handshake.due.min(end))?;
            let now = Instant::now();
            let send = |bytes: &[u8]| socket.send(bytes).map(drop);
            match bytes {
                None if now >= end => return Err("nothing within ten seconds".into()),
                None => handshake.wake(now, send)?,
                Some(bytes) if (20..64).contains(&bytes[0]) => handshake.datagram(bytes, now, send)?,
                Some(bytes) if (128..192).contains(&bytes[0]) && !is_rtcp(bytes) => {
                    if let Some((inbound, outbound)) = opened.take() {
                        let ear = first_heard(bytes, inbound, &answer.ssrcs)?;
                        reached.push(began.elapsed());
                        let ssrcs = answer.ssrcs;
                        return Ok(Joined { socket, ear, outbound, username, key, ssrcs, resource });
                    }
                }
                Some(_) => {}
            }
            if let Some(keys) = handshake.keys()
                && opened.is_none()
            {
                reached.push(began.elapsed());
                opened = Some((Inbound::new(&keys.server)?, Outbound::new(&keys.client)?));
            }
        }
    }
}

fn first_heard(bytes: &mut [u8], mut inbound: Inbound, ssrcs: &[Ssrc]) -> Result<Ear, Box<dyn Error>> {
    let header = Header::parse(bytes).map_err(|error| format!("{error:?}"))?;
    let slot = ssrcs.iter().position(|ssrc| *ssrc == header.ssrc).ok_or("a packet of no slot")?;
    inbound.open_rtp(bytes, &header)?;
    Ok(Ear::hearing(inbound, slot, header.sequence))
}

/// Sends the check until it is answered, as clients do.
fn check(socket: &UdpSocket, username: &[u8], key: &hmac::Key, end: Instant) -> Result<(), Box<dyn Error>> {
    let mut transaction = [0; 12];
    SystemRandom::new().fill(&mut transaction).map_err(|_| "no randomness")?;
    let request = stun::client_request(&transaction, username, true, key);
    let mut buffer = [0; MTU];
    while Instant::now() < end {
        socket.send(&request)?;
        let again = Instant::now() + CHECK_AGAIN;
        while let Some(bytes) = receive(socket, &mut buffer, again)? {
            let answered = Message::parse(bytes).is_ok_and(|message| {
                message.class == Class::Success
                    && message.transaction == transaction
                    && message.authentic(key)
            });
            if answered {
                return Ok(());
            }
        }
    }
    Err("no check was answered within ten seconds".into())
}

/// The next datagram that is not empty, or None when there is none before `until`.
fn receive<'a>(
    socket: &UdpSocket,
    buffer: &'a mut [u8],
    until: Instant,
) -> Result<Option<&'a mut [u8]>, io::Error> {
    let wait = until.saturating_duration_since(Instant::now()).max(Duration::from_micros(100));
    socket.set_read_timeout(Some(wait))?;
    match socket.recv(buffer) {
        Ok(0) => Ok(None),
        Ok(length) => Ok(Some(&mut buffer[..length])),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

/// So many random bytes, in hexadecimal digits.
fn random(bytes: usize) -> Result<String, Box<dyn Error>> {
    let mut drawn = vec![0; bytes];
    SystemRandom::new().fill(&mut drawn).map_err(|_| "no randomness")?;
    Ok(drawn.iter().map(|byte| format!("{byte:02x}")).collect())
}
