//! As much of HTTP/1.1 (RFC 9112) as a WHEP client needs, over connections that are kept.

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Servers close connections that are idle for longer than some seconds; a request must not meet that.
const KEPT: Duration = Duration::from_secs(2);
const WITHIN: Duration = Duration::from_secs(10);

/// A server, and connections to it that are free.
pub struct Http {
    authority: String,
    idle: Mutex<Vec<(BufReader<TcpStream>, Instant)>>,
}

/// What it answered.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: String,
}

impl Response {
    /// A header's value; the name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Http {
    /// # Errors
    /// For anything but `http://HOST:PORT`.
    pub fn new(url: &str) -> io::Result<Self> {
        let authority = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
        let authority =
            authority.filter(|rest| !rest.contains('/')).ok_or_else(|| bad("no http://HOST:PORT"))?;
        Ok(Self { authority: authority.to_owned(), idle: Mutex::default() })
    }

    /// Sends a request, with an SDP where `sdp` is not empty, and returns the whole answer.
    ///
    /// # Errors
    /// Where nobody listens, nothing comes for ten seconds, or what comes is no answer of a known length.
    pub fn request(&self, method: &str, path: &str, sdp: &str) -> io::Result<Response> {
        let mut connection = self.connection()?;
        let authority = &self.authority;
        let kind = if sdp.is_empty() { "" } else { "content-type: application/sdp\r\n" };
        let length = sdp.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {authority}\r\n{kind}content-length: {length}\r\n\r\n{sdp}"
        );
        connection.get_mut().write_all(request.as_bytes())?;
        let response = read(&mut connection)?;
        if response.header("connection") != Some("close") {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push((connection, Instant::now()));
        }
        Ok(response)
    }

    fn connection(&self) -> io::Result<BufReader<TcpStream>> {
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some((connection, _)) = kept.filter(|(_, since)| since.elapsed() < KEPT) {
            return Ok(connection);
        }
        let stream = TcpStream::connect(&self.authority)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(WITHIN))?;
        Ok(BufReader::new(stream))
    }
}

fn bad(detail: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, detail)
}

fn read(from: &mut impl BufRead) -> io::Result<Response> {
    let mut line = String::new();
    let mut next = || -> io::Result<String> {
        line.clear();
        match from.read_line(&mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    };
    let status = next()?.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    let status = status.ok_or_else(|| bad("no HTTP/1.1 status line"))?;
    let mut headers = Vec::new();
    loop {
        let header = next()?;
        let Some((name, value)) = header.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut response = Response { status, headers, body: String::new() };
    let length = match response.header("content-length") {
        Some(length) => length.parse().map_err(|_| bad("no length"))?,
        None if status == 204 => 0,
        None => return Err(bad("an answer without content-length")),
    };
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    response.body = String::from_utf8(body).map_err(|_| bad("the body is no text"))?;
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_its_length_says() {
        let mut bytes: &[u8] =
            b"HTTP/1.1 201 Created\r\nLocation: /v1/media/x\r\ncontent-length: 3\r\n\r\nv=0rest";
        let response = read(&mut bytes).unwrap();
        assert_eq!((response.status, response.body.as_str()), (201, "v=0"));
        assert_eq!(response.header("location"), Some("/v1/media/x"));
        assert_eq!(bytes, b"rest");
    }

    #[test]
    fn what_is_no_answer_of_a_known_length_is_an_error() {
        for bytes in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\n\r\n", "nonsense\r\n\r\n"] {
            assert!(read(&mut bytes.as_bytes()).is_err(), "{bytes:?}");
        }
        assert_eq!(read(&mut "HTTP/1.1 204 No Content\r\n\r\n".as_bytes()).unwrap().status, 204);
        assert!(Http::new("https://somewhere").is_err());
    }
}
