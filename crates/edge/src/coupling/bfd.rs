//! The BFD end of a trial session (RFC 5880, RFC 5881): control packets, and a session's states. Pure.

/// Port of control packets.
pub const PORT: u16 = 3784;
/// Where ours are sent from, in the range of RFC 5881 §4: FRR takes its ports from 49152 upwards, each on all
/// addresses at first.
pub const SOURCE_PORT: u16 = 65084;

const LENGTH: usize = 24;
const VERSION: u8 = 1 << 5;
const POLL: u8 = 0x20;
const FINAL: u8 = 0x10;

/// Session states, as they are on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Held down by an administrator.
    AdminDown,
    /// Down.
    Down,
    /// The other end was heard.
    Init,
    /// Both ends hear each other.
    Up,
}

/// What a control packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The sender's state.
    pub state: State,
    /// It wants its parameters acknowledged.
    pub poll: bool,
    /// The sender's discriminator.
    pub mine: u32,
    /// The receiver's discriminator, as the sender knows it.
    pub yours: u32,
    /// Microseconds between packets that the sender wants to take at least.
    pub min_rx_us: u32,
}

impl Packet {
    /// Reads one; `None` for anything else.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        let (first, second) = (*bytes.first()?, *bytes.get(1)?);
        if first >> 5 != 1 || bytes.len() < LENGTH {
            return None;
        }
        let state = match second >> 6 {
            0 => State::AdminDown,
            1 => State::Down,
            2 => State::Init,
            _ => State::Up,
        };
        Some(Self { state, poll: second & POLL != 0, mine: word(4)?, yours: word(8)?, min_rx_us: word(16)? })
    }
}

/// Our end of the session.
#[derive(Clone, Debug)]
pub struct Session {
    state: State,
    mine: u32,
    theirs: u32,
    interval_us: u32,
    multiplier: u8,
}

impl Session {
    /// A session that is down.
    pub fn new(mine: u32, interval_us: u32, multiplier: u8) -> Self {
        Self { state: State::Down, mine, theirs: 0, interval_us, multiplier }
    }

    /// Takes a packet of the router's in (RFC 5880 §6.8.6); true when both ends are up by it.
    pub fn take(&mut self, packet: &Packet) -> bool {
        self.theirs = packet.mine;
        let hears_us = packet.yours == self.mine;
        self.state = match (self.state, packet.state) {
            (_, State::AdminDown) | (State::Up, State::Down) => State::Down,
            (State::Down, State::Down) => State::Init,
            (State::Down | State::Init, State::Init | State::Up) if hears_us => State::Up,
            (state, _) => state,
        };
        self.state == State::Up && packet.state == State::Up && hears_us
    }

    /// A packet to the router, with the acknowledgement of its parameters if it asked.
    pub fn packet(&self, acknowledges: bool) -> [u8; LENGTH] {
        let state: u8 = match self.state {
            State::AdminDown => 0,
            State::Down => 1,
            State::Init => 2,
            State::Up => 3,
        };
        let flags = if acknowledges { FINAL } else { 0 };
        let mut bytes = [0; LENGTH];
        bytes[..4].copy_from_slice(&[VERSION, state << 6 | flags, self.multiplier, 24]);
        bytes[4..8].copy_from_slice(&self.mine.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.theirs.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.interval_us.to_be_bytes());
        bytes[16..20].copy_from_slice(&self.interval_us.to_be_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ends_come_up_and_fall_together() {
        let (mut ours, mut theirs) = (Session::new(7, 100_000, 3), Session::new(9, 100_000, 3));
        let mut up = (false, false);
        for _ in 0..3 {
            up.0 = ours.take(&Packet::read(&theirs.packet(false)).unwrap());
            up.1 = theirs.take(&Packet::read(&ours.packet(false)).unwrap());
        }
        assert_eq!(up, (true, true));
        let again = Session::new(11, 100_000, 3);
        assert!(!ours.take(&Packet::read(&again.packet(false)).unwrap()), "it began anew");
        let said = Packet::read(&ours.packet(true)).unwrap();
        assert_eq!((said.state, said.mine, said.yours, said.min_rx_us), (State::Down, 7, 11, 100_000));
    }

    #[test]
    fn what_is_no_control_packet_is_nothing() {
        assert_eq!(Packet::read(&[]), None);
        assert_eq!(Packet::read(&[0; 24]), None);
        assert_eq!(Packet::read(&[VERSION; 23]), None);
    }
}
