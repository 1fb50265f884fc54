//! Clients for measuring a forwarder, and the bare sender it is measured against.
//!
//! - `loadgen clients SERVER LISTENERS TALKERS SOCKETS PAYLOADS`: listeners and talkers that do ICE and SRTP, controlled
//!   by lines on standard input (see [`clients`]).
//! - `loadgen floor PORTS LISTENERS PAYLOADS MILLISECONDS TALKERS PHASES SEGMENTS WHOLE`: a bare sendmmsg loop that sends
//!   the same bytes at the same pace to the same sockets (see [`floor`]).
//! - `loadgen dry LISTENERS PAYLOADS TURNS`: the engine without a socket (see [`dry`]).
//! - `loadgen join URL PATH OFFER PAYLOADS MOST`: listeners that join a WHEP endpoint over HTTP, ICE and DTLS, with
//!   offers made from the one in the file (see [`join`]).
//!
//! For `clients` and `dry`, keys and ICE credentials follow from a session's number ([`identity`]). So the driver of the
//! server can register the same sessions there, and thousands are connected in a second.

mod clients;
mod dry;
mod dtls;
mod floor;
mod identity;
mod join;
mod pace;
mod payloads;
mod readers;
mod sys;
mod upkeep;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["clients", server, listeners, talkers, sockets, payloads] => {
            clients::run(server, listeners, talkers, sockets, payloads)
        }
        ["floor", ports, listeners, payloads, milliseconds, talkers, phases, segments, whole] => {
            floor::run(ports, listeners, payloads, milliseconds, talkers, phases, segments, whole)
        }
        ["join", url, path, offer, payloads, most] => join::run(url, path, offer, payloads, most),
        ["dry", listeners, payloads, turns] => dry::run(listeners, payloads, turns),
        _ => Err("usage: see the source's first lines".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("loadgen: {error}");
            ExitCode::FAILURE
        }
    }
}
