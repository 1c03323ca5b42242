//! BMP framing (RFC 7854 §4.1): the common header is read first, then the message it announces.
//!
//! Only the header is trusted here; what is inside may be malformed without the stream being so.

use tokio::io::{AsyncRead, AsyncReadExt};

/// Octets of the common header: version, length, type.
pub(super) const HEADER_LEN: usize = 6;

/// The longest message that is read: two OPENs or one extended UPDATE (RFC 8654) fit with room.
pub(super) const MAX_MESSAGE_LEN: usize = 128 * 1024;

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

/// Reads one whole message, header included, into `message`; `false` at a clean end.
pub(super) async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    message: &mut Vec<u8>,
) -> Result<bool, FrameError> {
    message.clear();
    message.resize(HEADER_LEN, 0);
    if stream.read(&mut message[..1]).await? == 0 {
        return Ok(false);
    }
    if message[0] != 3 {
        return Err(FrameError::Version(message[0]));
    }
    stream.read_exact(&mut message[1..]).await?;
    let length = u32::from_be_bytes([message[1], message[2], message[3], message[4]]);
    let whole = usize::try_from(length)
        .ok()
        .filter(|len| (HEADER_LEN..=MAX_MESSAGE_LEN).contains(len))
        .ok_or(FrameError::Length(length))?;
    message.resize(whole, 0);
    stream.read_exact(&mut message[HEADER_LEN..]).await?;
    Ok(true)
}
