//! The forwarder as a Python module: converts and delegates.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;

use forwarder_core::engine::{
    Credentials, Media, Publication, Relayed as Packet, SessionConfig, SlotConfig, Subscription, Tuning,
};
use forwarder_core::ids::{PersonId, SessionId, SpaceId};
use forwarder_core::rtp::{AudioLevel, ExtensionId, PayloadType, SequenceNumber, Ssrc, Timestamp};
use forwarder_core::srtp::{MASTER, MASTER_CM, MasterKeys};
use forwarder_netloop::{self as netloop, TcpConfig};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use events::{Captured, Closed, Dtls, Reachable, Relayed, Report, Talking, told};

mod events;

fn full(error: netloop::QueueFull) -> PyErr {
    PyRuntimeError::new_err(error.to_string())
}

/// What both sides of one ICE session prove themselves with (RFC 8445).
#[pyclass(frozen, get_all, module = "rostrum_forwarder")]
struct IceCredentials {
    local_ufrag: String,
    local_pwd: String,
    remote_ufrag: String,
    remote_pwd: String,
}

#[pymethods]
impl IceCredentials {
    #[new]
    #[pyo3(signature = (*, local_ufrag, local_pwd, remote_ufrag, remote_pwd))]
    fn new(local_ufrag: String, local_pwd: String, remote_ufrag: String, remote_pwd: String) -> Self {
        Self { local_ufrag, local_pwd, remote_ufrag, remote_pwd }
    }
}

impl From<&IceCredentials> for Credentials {
    fn from(ice: &IceCredentials) -> Self {
        Self {
            local_ufrag: ice.local_ufrag.clone().into_bytes(),
            local_pwd: ice.local_pwd.clone().into_bytes(),
            remote_ufrag: ice.remote_ufrag.clone().into_bytes(),
            remote_pwd: ice.remote_pwd.clone().into_bytes(),
        }
    }
}

/// Forwarded packets whose delay lies in one range.
#[pyclass(frozen, get_all, module = "rostrum_forwarder")]
struct DelayBucket {
    end_us: u64,
    packets: u64,
}

/// How long forwarded packets were in the forwarder.
#[pyclass(frozen, get_all, module = "rostrum_forwarder")]
struct Delays {
    buckets: Vec<Py<DelayBucket>>,
    sum_us: u64,
}

fn config(
    session: u64,
    space: u64,
    owner: u64,
    ice: &IceCredentials,
    media: Media,
) -> PyResult<SessionConfig> {
    if !media.possible() {
        return Err(PyValueError::new_err("impossible payload type, extension id, MID or number of slots"));
    }
    Ok(SessionConfig {
        id: SessionId(session),
        space: SpaceId(space),
        owner: PersonId(owner),
        ice: ice.into(),
        media,
    })
}

#[pyclass(frozen, module = "rostrum_forwarder")]
struct Forwarder {
    inner: netloop::Forwarder,
}

#[pymethods]
impl Forwarder {
    #[new]
    #[pyo3(signature = (
        host, port, *, tcp_port = None, tcp_connections = 1000, threads = 1, coalesce_ms = 0, repacketise_from = 0
    ))]
    #[allow(clippy::too_many_arguments)] // Keyword arguments in Python.
    fn new(
        host: &str,
        port: u16,
        tcp_port: Option<u16>,
        tcp_connections: usize,
        threads: usize,
        coalesce_ms: u16,
        repacketise_from: usize,
    ) -> PyResult<Self> {
        let ip: IpAddr =
            host.parse().map_err(|_| PyValueError::new_err(format!("{host:?} is not an IP address")))?;
        let threads = NonZeroUsize::new(threads)
            .ok_or_else(|| PyValueError::new_err("one thread at least seals and sends"))?;
        let tuning = Tuning { coalesce_us: u64::from(coalesce_ms) * 1000, repacketise_from };
        let tcp =
            tcp_port.map(|port| TcpConfig { port, connections: tcp_connections, ..TcpConfig::default() });
        Ok(Self { inner: netloop::Forwarder::start(SocketAddr::new(ip, port), tcp, tuning, threads)? })
    }

    #[getter]
    fn host(&self) -> String {
        self.inner.local_address().ip().to_string()
    }

    #[getter]
    fn port(&self) -> u16 {
        self.inner.local_address().port()
    }

    #[getter]
    fn tcp_port(&self) -> Option<u16> {
        self.inner.tcp_port()
    }

    fn fileno(&self) -> i32 {
        self.inner.event_fd()
    }

    #[pyo3(signature = (
        session, *, space, owner, ice, payload_type, red_payload_type = None, level_extension, muted, capture
    ))]
    #[allow(clippy::too_many_arguments)] // Keyword arguments in Python.
    fn add_publisher(
        &self,
        session: u64,
        space: u64,
        owner: u64,
        ice: &IceCredentials,
        payload_type: u8,
        red_payload_type: Option<u8>,
        level_extension: Option<u8>,
        muted: bool,
        capture: bool,
    ) -> PyResult<()> {
        let media = Media::Publish(Publication {
            payload_type: PayloadType(payload_type),
            red: red_payload_type.map(PayloadType),
            level_extension: level_extension.map(ExtensionId),
            muted,
            capture,
        });
        self.inner.add(config(session, space, owner, ice, media)?).map_err(full)
    }

    #[pyo3(signature = (
        session, *, space, owner, ice, payload_type, red_payload_type = None, mid_extension, level_extension, slots
    ))]
    #[allow(clippy::too_many_arguments)] // Keyword arguments in Python.
    fn add_listener(
        &self,
        session: u64,
        space: u64,
        owner: u64,
        ice: &IceCredentials,
        payload_type: u8,
        red_payload_type: Option<u8>,
        mid_extension: Option<u8>,
        level_extension: Option<u8>,
        slots: Vec<(String, u32)>,
    ) -> PyResult<()> {
        let slot = |(mid, ssrc): (String, u32)| SlotConfig { mid: mid.into_bytes(), ssrc: Ssrc(ssrc) };
        let slots = slots.into_iter().map(slot).collect();
        let media = Media::Subscribe(Subscription {
            payload_type: PayloadType(payload_type),
            red: red_payload_type.map(PayloadType),
            mid_extension: mid_extension.map(ExtensionId),
            level_extension: level_extension.map(ExtensionId),
            slots,
        });
        self.inner.add(config(session, space, owner, ice, media)?).map_err(full)
    }

    fn restart(&self, session: u64, ice: &IceCredentials) -> PyResult<()> {
        self.inner.restart(SessionId(session), ice.into()).map_err(full)
    }

    #[pyo3(signature = (session, *, receive, send))]
    fn set_keys(&self, session: u64, receive: Vec<u8>, send: Vec<u8>) -> PyResult<()> {
        if ![[MASTER; 2], [MASTER_CM; 2]].contains(&[receive.len(), send.len()]) {
            return Err(PyValueError::new_err(
                "master key and salt have 28 bytes (GCM) or 30 (AES-CM with SHA-1)",
            ));
        }
        self.inner.set_keys(SessionId(session), MasterKeys { receive, send }).map_err(full)
    }

    fn set_muted(&self, session: u64, muted: bool) -> PyResult<()> {
        self.inner.set_muted(SessionId(session), muted).map_err(full)
    }

    fn set_capture(&self, session: u64, capture: bool) -> PyResult<()> {
        self.inner.set_capture(SessionId(session), capture).map_err(full)
    }

    fn send_dtls(&self, session: u64, datagram: Vec<u8>) -> PyResult<()> {
        self.inner.send_dtls(SessionId(session), datagram).map_err(full)
    }

    fn remove(&self, session: u64) -> PyResult<()> {
        self.inner.remove(SessionId(session)).map_err(full)
    }

    fn set_shared(&self, space: u64, shared: bool) -> PyResult<()> {
        self.inner.set_shared(SpaceId(space), shared).map_err(full)
    }

    #[pyo3(signature = (space, *, source, owner, ssrc, timestamp, sequence, level, loudness, missing, payload))]
    #[allow(clippy::too_many_arguments)] // Keyword arguments in Python.
    fn inject(
        &self,
        space: u64,
        source: u64,
        owner: u64,
        ssrc: u32,
        timestamp: u32,
        sequence: u16,
        level: Option<u8>,
        loudness: u8,
        missing: u8,
        payload: Vec<u8>,
    ) -> PyResult<()> {
        let level = level.map(|byte| AudioLevel { voice: byte & 0x80 != 0, minus_dbov: byte & 0x7F });
        let packet = Packet {
            ssrc: Ssrc(ssrc),
            timestamp: Timestamp(timestamp),
            sequence: SequenceNumber(sequence),
            level,
            loudness,
            missing,
            payload,
        };
        self.inner.inject(SpaceId(space), SessionId(source), PersonId(owner), packet).map_err(full)
    }

    #[pyo3(signature = (space, *, source))]
    fn hush(&self, space: u64, source: u64) -> PyResult<()> {
        self.inner.hush(SpaceId(space), SessionId(source)).map_err(full)
    }

    #[pyo3(signature = (most = 256))]
    fn poll<'py>(&self, py: Python<'py>, most: usize) -> PyResult<Bound<'py, PyList>> {
        let events = self.inner.poll(most);
        let list = PyList::empty(py);
        for event in events {
            list.append(told(py, event)?)?;
        }
        Ok(list)
    }

    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let stats = self.inner.stats();
        let (engine, tcp, dropped) = (stats.engine, stats.tcp, stats.dropped);
        let dict = PyDict::new(py);
        for (name, value) in [
            ("sessions", engine.sessions),
            ("tcp_connections", tcp.open),
            ("received", engine.received),
            ("accepted", engine.accepted),
            ("forwarded", engine.forwarded),
            ("together", engine.together),
            ("muted", engine.muted),
            ("junk", engine.junk),
            ("unvalidated", engine.unvalidated),
            ("early", engine.early),
            ("unauthentic", engine.unauthentic),
            ("replayed", engine.replayed),
            ("unexpected", engine.unexpected),
            ("late", engine.late),
            ("stun_answered", engine.stun_answered),
            ("stun_refused", engine.stun_refused),
            ("moved", engine.moved),
            ("expired", engine.expired),
            ("reports_sent", engine.reports_sent),
            ("relayed", engine.relayed),
            ("injected", engine.injected),
            ("tcp_admitted", tcp.admitted),
            ("tcp_refused", tcp.refused),
            ("tcp_cut_off", tcp.cut_off),
            ("unsent", stats.unsent),
            ("dropped_dtls", dropped.dtls),
            ("dropped_captured", dropped.captured),
            ("dropped_relayed", dropped.relayed),
            ("dropped_events", dropped.others),
            ("refused_commands", stats.refused_commands),
        ] {
            dict.set_item(name, value)?;
        }
        Ok(dict)
    }

    fn delays(&self, py: Python<'_>) -> PyResult<Delays> {
        let delays = self.inner.stats().delays;
        let buckets = delays.buckets().map(|(end_us, packets)| Py::new(py, DelayBucket { end_us, packets }));
        Ok(Delays { buckets: buckets.collect::<PyResult<_>>()?, sum_us: delays.sum_us() })
    }

    fn reports<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let reports = py.detach(|| self.inner.reports());
        let dict = PyDict::new(py);
        for (session, report) in reports {
            dict.set_item(session.0, Py::new(py, Report::from(report))?)?;
        }
        Ok(dict)
    }

    fn close(&self, py: Python<'_>) {
        py.detach(|| self.inner.stop());
    }
}

#[pymodule]
mod _native {
    #[pymodule_export]
    use super::{
        Captured, Closed, DelayBucket, Delays, Dtls, Forwarder, IceCredentials, Reachable, Relayed, Report,
        Talking,
    };
}
