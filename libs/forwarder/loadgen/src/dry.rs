//! The engine without a socket: what choosing, writing and sealing cost by themselves.

use std::error::Error;
use std::net::SocketAddr;

use forwarder_core::batch::Batch;
use forwarder_core::clock::Now;
use forwarder_core::engine::{
    Credentials, Engine, Event, Io, Media, Publication, SessionConfig, SlotConfig, Subscription,
};
use forwarder_core::ids::{PersonId, SessionId, SpaceId};
use forwarder_core::rtp::{ExtensionId, PacketIndex};
use forwarder_core::srtp::{MasterKeys, Outbound};
use forwarder_core::stun;

use crate::payloads::Payloads;
use crate::sys::cpu_ns;
use crate::{identity, pace};

#[derive(Default)]
struct Nowhere {
    datagrams: u64,
}

impl Io for Nowhere {
    fn send(&mut self, batch: &Batch) {
        self.datagrams += batch.entries().iter().map(|entry| entry.datagrams() as u64).sum::<u64>();
        std::hint::black_box(batch.bytes());
    }

    fn event(&mut self, _: Event) {}
}

/// Prints one line of JSON: packets that were made for listeners, and nanoseconds of CPU for all of them.
pub fn run(listeners: &str, payloads: &str, turns: &str) -> Result<(), Box<dyn Error>> {
    let (listeners, turns): (u32, u64) = (listeners.parse()?, turns.parse()?);
    let payloads = Payloads::read(payloads)?;
    let mut engine = Engine::default();
    let mut io = Nowhere::default();
    let mut now = Now { us: 1_000_000, wall_ns: 1_800_000_000_000_000_000 };
    for number in (0..listeners).chain([identity::TALKERS]) {
        join(&mut engine, number, now, &mut io)?;
    }
    let outbound = Outbound::new(&identity::master(identity::TALKERS, false))?;
    io.datagrams = 0;
    let mut spent = 0;
    for turn in 0..turns {
        now.us += pace::PERIOD_NS / 1000;
        let payload = payloads.at(0, turn as usize);
        let mut packet =
            crate::clients::packet(identity::TALKERS, PacketIndex(turn), payload, 0x80 | 30, &outbound)?;
        let before = cpu_ns();
        engine.datagram(now, address(identity::TALKERS), &mut packet, &mut io);
        engine.flush(now, &mut io);
        spent += cpu_ns() - before;
    }
    println!(r#"{{"packets": {}, "cpu_ns": {spent}}}"#, io.datagrams);
    Ok(())
}

fn address(number: u32) -> SocketAddr {
    SocketAddr::from((identity::address(number), 5000))
}

fn join(engine: &mut Engine, number: u32, now: Now, io: &mut Nowhere) -> Result<(), Box<dyn Error>> {
    let (username, password) = identity::ice(number);
    let local = username.split(|byte| *byte == b':').next().unwrap_or_default().to_vec();
    let id = SessionId(u64::from(number));
    let media = if number == identity::TALKERS {
        Media::Publish(Publication {
            payload_type: identity::PAYLOAD_TYPE,
            red: None,
            level_extension: Some(identity::LEVEL),
            muted: false,
            capture: false,
        })
    } else {
        let slots = (0..3).map(|slot| SlotConfig {
            mid: slot.to_string().into_bytes(),
            ssrc: identity::slot_ssrc(number, slot),
        });
        Media::Subscribe(Subscription {
            payload_type: identity::PAYLOAD_TYPE,
            red: None,
            mid_extension: Some(ExtensionId(4)),
            level_extension: Some(identity::LEVEL),
            slots: slots.collect(),
        })
    };
    let config = SessionConfig {
        id,
        space: SpaceId(1),
        owner: PersonId::NOBODY,
        ice: Credentials {
            local_ufrag: local,
            local_pwd: password.clone(),
            remote_ufrag: b"theirs".to_vec(),
            remote_pwd: b"their password, 22 bytes".to_vec(),
        },
        media,
    };
    engine.add(config, now).map_err(|error| format!("{error:?}"))?;
    let key = stun::integrity_key(&password);
    let mut check = stun::client_request(&[7; 12], &username, true, &key);
    engine.datagram(now, address(number), &mut check, io);
    let (receive, send) = (identity::master(number, false), identity::master(number, true));
    engine.set_keys(id, &MasterKeys { receive: receive.to_vec(), send: send.to_vec() })?;
    Ok(())
}
