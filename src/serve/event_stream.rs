//! Messages of `application/vnd.amazon.eventstream`: prelude, headers, payload, each with its checksum:
//! <https://smithy.io/2.0/aws/amazon-eventstream.html>.

use bytes::{BufMut, Bytes, BytesMut};

/// Lengths and two checksums.
const OVERHEAD: usize = 16;
/// The type of a header that is text.
const TEXT: u8 = 7;

/// A chunk of an answer.
pub(super) fn chunk(payload: &[u8]) -> Bytes {
    message("PayloadChunk", "application/octet-stream", payload)
}

/// The end of an answer, with a JSON document on how it ended.
pub(super) fn complete(document: &str) -> Bytes {
    message("InvokeComplete", "application/json", document.as_bytes())
}

fn message(event: &str, media: &str, payload: &[u8]) -> Bytes {
    let headers = [
        (":message-type", "event"),
        (":event-type", event),
        (":content-type", media),
    ];
    let length: usize = headers
        .iter()
        .map(|(name, value)| 1 + name.len() + 1 + 2 + value.len())
        .sum();
    let whole = OVERHEAD + length + payload.len();
    let mut message = BytesMut::with_capacity(whole);
    message.put_u32(whole as u32);
    message.put_u32(length as u32);
    message.put_u32(crc32fast::hash(&message));
    for (name, value) in headers {
        message.put_u8(name.len() as u8);
        message.put_slice(name.as_bytes());
        message.put_u8(TEXT);
        message.put_u16(value.len() as u16);
        message.put_slice(value.as_bytes());
    }
    message.put_slice(payload);
    message.put_u32(crc32fast::hash(&message));
    message.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hexadecimal(bytes: &[u8]) -> String {
        bytes
            .iter()
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }

    #[test]
    fn messages_are_those_that_clients_decode() {
        assert_eq!(
            hexadecimal(&chunk(b"hello")),
            "0000006f0000005af5fe871f0d3a6d6573736167652d747970650700056576656e740b3a6576656e742d7479706507000c5061796c6f6164\
             4368756e6b0d3a636f6e74656e742d747970650700186170706c69636174696f6e2f6f637465742d73747265616d68656c6c6f4fe061f2"
        );
        assert_eq!(
            hexadecimal(&complete("{}")),
            "00000066000000541f56c8690d3a6d6573736167652d747970650700056576656e740b3a6576656e742d7479706507000e496e766f6b6543\
             6f6d706c6574650d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e7b7dface259a"
        );
    }
}
