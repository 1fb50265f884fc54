//! Who is who. The caller chooses the numbers; each kind has a type of its own, so that none passes for another:
//!
//! ```compile_fail
//! # use forwarder_core::clock::Now;
//! # use forwarder_core::engine::{Engine, Io};
//! # use forwarder_core::ids::{SessionId, SpaceId};
//! fn fall_silent(engine: &mut Engine, space: SpaceId, source: SessionId, now: Now, io: &mut impl Io) {
//!     engine.hush(source, space, now, io);
//! }
//! ```
//!
//! ```
//! # use forwarder_core::clock::Now;
//! # use forwarder_core::engine::{Engine, Io};
//! # use forwarder_core::ids::{SessionId, SpaceId};
//! fn fall_silent(engine: &mut Engine, space: SpaceId, source: SessionId, now: Now, io: &mut impl Io) {
//!     engine.hush(space, source, now, io);
//! }
//! ```

/// A session, unique among live ones; or somebody who speaks at another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct SessionId(pub u64);

/// A Space: its sessions hear each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct SpaceId(pub u64);

/// A person, the owner of sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct PersonId(pub u64);

impl PersonId {
    /// Owns the sessions of anonymous listeners, who hear everybody.
    pub const NOBODY: Self = Self(0);
}
