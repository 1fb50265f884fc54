//! What the forwarder tells Python: one class for each event.

use forwarder_core::engine::{Event, SessionReport};
use forwarder_core::ids::{SessionId, SpaceId};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

#[pyclass(frozen, get_all, module = "rostrum_forwarder")]
pub struct Reachable {
    session: u64,
    address: String,
}

#[pyclass(frozen, get_all, module = "rostrum_forwarder")]
pub struct Dtls {
    session: u64,
    datagram: Py<PyBytes>,
}

#[pyclass(frozen, get_all, module = "rostrum_forwarder")]
pub struct Talking {
    space: u64,
    sessions: Vec<u64>,
}

#[pyclass(frozen, get_all, module = "rostrum_forwarder")]
pub struct Captured {
    session: u64,
    packets: u16,
    bundle: Py<PyBytes>,
}

#[pyclass(frozen, get_all, module = "rostrum_forwarder")]
pub struct Relayed {
    session: u64,
    ssrc: u32,
    timestamp: u32,
    sequence: u16,
    level: Option<u8>,
    loudness: u8,
    missing: u8,
    payload: Py<PyBytes>,
}

#[pyclass(frozen, get_all, module = "rostrum_forwarder")]
#[derive(Clone)]
pub struct Report {
    packets: u64,
    lost: u64,
    recent: bool,
    fraction_lost: f64,
    jitter_us: u32,
    round_trip_us: u32,
    quiet_us: u64,
}

#[pyclass(frozen, get_all, module = "rostrum_forwarder")]
pub struct Closed {
    session: u64,
    expired: bool,
    report: Py<Report>,
}

impl From<SessionReport> for Report {
    fn from(report: SessionReport) -> Self {
        Self {
            packets: report.packets,
            lost: report.lost,
            recent: report.recent,
            fraction_lost: f64::from(report.fraction_lost) / 256.0,
            jitter_us: report.jitter_us,
            round_trip_us: report.round_trip_us,
            quiet_us: report.quiet_us,
        }
    }
}

/// What an event is told as.
pub fn told(py: Python<'_>, event: Event) -> PyResult<Py<PyAny>> {
    Ok(match event {
        Event::Reachable { session: SessionId(session), address } => {
            Py::new(py, Reachable { session, address: address.to_string() })?.into_any()
        }
        Event::Dtls { session: SessionId(session), datagram } => {
            Py::new(py, Dtls { session, datagram: PyBytes::new(py, &datagram).unbind() })?.into_any()
        }
        Event::Closed { session: SessionId(session), expired, report } => {
            Py::new(py, Closed { session, expired, report: Py::new(py, Report::from(report))? })?.into_any()
        }
        Event::Talking { space: SpaceId(space), sessions } => {
            let sessions = sessions.into_iter().map(|session| session.0).collect();
            Py::new(py, Talking { space, sessions })?.into_any()
        }
        Event::Captured { session: SessionId(session), packets, bundle } => {
            Py::new(py, Captured { session, packets, bundle: PyBytes::new(py, &bundle).unbind() })?.into_any()
        }
        Event::Relayed { session: SessionId(session), packet } => {
            let level = packet.level.map(|level| u8::from(level.voice) << 7 | level.minus_dbov);
            let relayed = Relayed {
                session,
                ssrc: packet.ssrc.0,
                timestamp: packet.timestamp.0,
                sequence: packet.sequence.0,
                level,
                loudness: packet.loudness,
                missing: packet.missing,
                payload: PyBytes::new(py, &packet.payload).unbind(),
            };
            Py::new(py, relayed)?.into_any()
        }
    })
}
