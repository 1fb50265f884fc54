//! An offer from a template, and what a client needs of the answer.

use std::net::{IpAddr, SocketAddr};

use forwarder_core::rtp::Ssrc;

use crate::dtls::Fingerprint;

/// Somebody else's offer to receive audio, as a template for as many of our own as are wanted.
pub struct Template(Vec<String>);

impl Template {
    /// Takes an SDP; its fingerprints and candidates do not matter.
    pub fn new(sdp: &str) -> Self {
        let replaced = ["a=fingerprint:", "a=candidate:", "a=end-of-candidates"];
        let lines = sdp.lines().filter(|line| !replaced.iter().any(|prefix| line.starts_with(prefix)));
        Self(lines.map(str::to_owned).collect())
    }

    /// The offer of somebody with these ICE credentials and this `a=fingerprint`.
    pub fn offer(&self, ufrag: &str, pwd: &str, fingerprint: &str) -> String {
        let mut offer = String::with_capacity(4096);
        for line in &self.0 {
            match line.split_once(':').map(|(name, _)| name) {
                Some("a=ice-ufrag") => offer.extend(["a=ice-ufrag:", ufrag]),
                Some("a=ice-pwd") => offer.extend(["a=ice-pwd:", pwd]),
                Some("a=setup") => offer.extend(["a=fingerprint:", fingerprint, "\r\n", line]),
                _ => offer.push_str(line),
            }
            offer.push_str("\r\n");
        }
        offer
    }
}

/// The server's side.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub ufrag: String,
    pub pwd: String,
    pub fingerprint: Fingerprint,
    /// Of the first candidate.
    pub address: SocketAddr,
    /// Of the slots, in their order.
    pub ssrcs: Vec<Ssrc>,
}

impl Answer {
    /// Reads an answer of an ICE-lite server that is DTLS's passive side; the error says what is missing.
    pub fn parse(sdp: &str) -> Result<Self, String> {
        let value = |name: &str| {
            sdp.lines().find_map(|line| line.strip_prefix(name)).ok_or(format!("no {name} in the answer"))
        };
        if value("a=setup:")? != "passive" {
            return Err("the answer is not passive".to_owned());
        }
        let candidate: Vec<&str> = value("a=candidate:")?.split(' ').collect();
        let address = match candidate.as_slice() {
            [_, _, _, _, host, port, ..] => host.parse::<IpAddr>().ok().zip(port.parse::<u16>().ok()),
            _ => None,
        };
        let mut ssrcs: Vec<Ssrc> = Vec::new();
        for line in sdp.lines().filter_map(|line| line.strip_prefix("a=ssrc:")) {
            let ssrc = line
                .split(' ')
                .next()
                .and_then(|ssrc| ssrc.parse().ok().map(Ssrc))
                .ok_or("no SSRC in a=ssrc")?;
            if !ssrcs.contains(&ssrc) {
                ssrcs.push(ssrc);
            }
        }
        Ok(Self {
            ufrag: value("a=ice-ufrag:")?.to_owned(),
            pwd: value("a=ice-pwd:")?.to_owned(),
            fingerprint: fingerprint(value("a=fingerprint:")?).ok_or("no SHA-256 fingerprint")?,
            address: address.map(SocketAddr::from).ok_or("no address in the candidate")?,
            ssrcs,
        })
    }
}

fn fingerprint(value: &str) -> Option<Fingerprint> {
    let bytes: Result<Vec<u8>, _> =
        value.strip_prefix("sha-256 ")?.split(':').map(|pair| u8::from_str_radix(pair, 16)).collect();
    bytes.ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "v=0\r\na=ice-lite\r\nm=audio 40000 UDP/TLS/RTP/SAVPF 111\r\na=ice-ufrag:abcd\r\n\
        a=ice-pwd:secret\r\na=candidate:1 1 udp 2130706431 127.0.0.1 40000 typ host\r\na=setup:passive\r\n\
        a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r\n\
        a=ssrc:12 cname:rostrum\r\na=ssrc:12 msid:slot-0\r\na=ssrc:15 cname:rostrum\r\n";

    #[test]
    fn an_offer_is_the_template_with_our_credentials() {
        let template = Template::new(
            "v=0\na=ice-ufrag:x\na=ice-pwd:y\na=fingerprint:sha-512 AA\na=candidate:1\na=setup:actpass\na=mid:0\n",
        );
        assert_eq!(
            template.offer("U", "P", "sha-256 BB"),
            "v=0\r\na=ice-ufrag:U\r\na=ice-pwd:P\r\na=fingerprint:sha-256 BB\r\na=setup:actpass\r\na=mid:0\r\n"
        );
    }

    #[test]
    fn an_answer_says_where_and_who_the_server_is() {
        let answer = Answer::parse(ANSWER).unwrap();
        assert_eq!(answer.address, "127.0.0.1:40000".parse().unwrap());
        assert_eq!((answer.ufrag.as_str(), answer.pwd.as_str()), ("abcd", "secret"));
        assert_eq!(answer.fingerprint.to_vec(), (0..32).collect::<Vec<u8>>());
        assert_eq!(answer.ssrcs, [Ssrc(12), Ssrc(15)]);
    }

    #[test]
    fn an_answer_that_lacks_something_is_refused_with_its_name() {
        for missing in ["a=ice-pwd:", "a=candidate:", "a=fingerprint:", "a=setup:"] {
            let error = Answer::parse(&ANSWER.replace(missing, "a=nothing:")).expect_err(missing);
            assert!(error.contains(missing), "{error}");
        }
        assert!(Answer::parse(&ANSWER.replace("passive", "active")).is_err());
    }
}
