//! BMP framing (RFC 7854 §4.1): a stream's octets are cut into the messages that they announce.
//!
//! Only the common header is trusted here; what is inside may be malformed without the stream being
//! so. Reads as much as there is at once and hands out every whole message of it, because a router
//! sends a great many small ones.

use tokio::io::{AsyncRead, AsyncReadExt};

/// Octets of the common header: version, length, type.
pub(super) const HEADER_LEN: usize = 6;

/// The longest message that is read: two OPENs or one extended UPDATE (RFC 8654) fit with room.
pub(super) const MAX_MESSAGE_LEN: usize = 128 * 1024;

/// What is read at once: at least one whole message of any length.
const BUFFER_LEN: usize = 2 * MAX_MESSAGE_LEN;

/// Why a stream can't be read on.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    /// The transport failed or ended inside a message.
    #[error("the connection broke: {0}")]
    Io(#[from] std::io::Error),
    /// Not BMP version 3.
    #[error("the stream is broken: BMP version {0}, expected 3")]
    Version(u8),
    /// A length that no message has.
    #[error("the stream is broken: a message of {0} octets, expected {HEADER_LEN} to {MAX_MESSAGE_LEN}")]
    Length(u32),
}

/// A stream and what was read of it beyond the last whole message.
#[derive(Debug)]
pub(super) struct Frames<S> {
    stream: S,
    buffer: Box<[u8]>,
    begin: usize,
    end: usize,
}

impl<S: AsyncRead + Unpin> Frames<S> {
    /// Frames of `stream`, from its beginning.
    pub(super) fn new(stream: S) -> Self {
        Self { stream, buffer: vec![0; BUFFER_LEN].into_boxed_slice(), begin: 0, end: 0 }
    }

    /// Waits for more octets; `false` at a clean end. To be called when [`Frames::next`] has none.
    pub(super) async fn fill(&mut self) -> Result<bool, FrameError> {
        self.buffer.copy_within(self.begin..self.end, 0);
        self.end -= self.begin;
        self.begin = 0;
        let read = self.stream.read(&mut self.buffer[self.end..]).await?;
        if read == 0 && self.end > 0 {
            return Err(FrameError::Io(std::io::ErrorKind::UnexpectedEof.into()));
        }
        self.end += read;
        Ok(read > 0)
    }

    /// The next whole message, header included, as far as it was read already.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>, FrameError> {
        let there = &self.buffer[self.begin..self.end];
        let Some(length) = announced_length(there)?.filter(|length| *length <= there.len()) else {
            return Ok(None);
        };
        self.begin += length;
        Ok(Some(&there[..length]))
    }
}

fn announced_length(bytes: &[u8]) -> Result<Option<usize>, FrameError> {
    if let Some(version) = bytes.first().filter(|version| **version != 3) {
        return Err(FrameError::Version(*version));
    }
    let Some(header) = bytes.first_chunk::<HEADER_LEN>() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes([header[1], header[2], header[3], header[4]]);
    let whole = usize::try_from(length).ok().filter(|len| (HEADER_LEN..=MAX_MESSAGE_LEN).contains(len));
    whole.ok_or(FrameError::Length(length)).map(Some)
}
