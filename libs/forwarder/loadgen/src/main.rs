//! Clients for measuring a forwarder, and the bare sender it is measured against.
//!
//! `loadgen clients SERVER LISTENERS TALKERS SOCKETS PAYLOADS`: listeners and talkers that do ICE and SRTP, ordered
//! about by lines on standard input (see [`clients`]).
//! `loadgen floor PORTS LISTENERS PAYLOADS MILLISECONDS TALKERS PHASES SEGMENTS`: a bare sendmmsg loop of the same bytes
//! at the same pace to the same reading sockets (see [`floor`]).
//! `loadgen dry LISTENERS PAYLOADS TURNS`: the engine without a socket (see [`dry`]).
//!
//! Keys and ICE credentials follow from a session's number ([`identity`]), so that whoever drives the server can
//! register the same sessions there; a DTLS handshake is measured elsewhere.

mod clients;
mod dry;
mod floor;
mod identity;
mod pace;
mod payloads;
mod readers;
mod sys;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["clients", server, listeners, talkers, sockets, payloads] => {
            clients::run(server, listeners, talkers, sockets, payloads)
        }
        ["floor", ports, listeners, payloads, milliseconds, talkers, phases, segments] => {
            floor::run(ports, listeners, payloads, milliseconds, talkers, phases, segments)
        }
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
