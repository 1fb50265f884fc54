//! STUN against the test vectors of RFC 5769, and what we build against what we parse.

use forwarder_core::stun::{self, Class, Message, StunError};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

const PASSWORD: &[u8] = b"VOkJxbRl1RmTxUk/WvJxBt";

fn request() -> Vec<u8> {
    hex("00010058 2112a442 b7e7a701bc34d686fa87dfae 80220010 5354554e207465737420636c69656e74
         00240004 6e0001ff 80290008 932ff9b151263b36 00060009 6576746a3a68367659202020
         00080014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2 80280004 e57a3bcf")
}

#[test]
fn request_of_rfc_5769_2_1() {
    let bytes = request();
    let message = Message::parse(&bytes).unwrap();
    assert_eq!((message.class, message.method), (Class::Request, 1));
    assert_eq!(message.username, Some(&b"evtj:h6vY"[..]));
    assert!(message.controlled && message.fingerprint && !message.use_candidate);
    assert!(message.authentic(&stun::integrity_key(PASSWORD)));
    assert!(!message.authentic(&stun::integrity_key(b"another password of it")));
}

#[test]
fn responses_of_rfc_5769_2_2_and_2_3() {
    let v4 = hex("0101003c 2112a442 b7e7a701bc34d686fa87dfae 8022000b 7465737420766563746f7220
                  00200008 0001a147e112a643 00080014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7 80280004 c07d4c96");
    let v6 = hex("01010048 2112a442 b7e7a701bc34d686fa87dfae 8022000b 7465737420766563746f7220
                  00200014 0002a1470113a9faa5d3f179bc25f4b5bed2b9d9
                  00080014 a382954e4be67bf11784c97c8292c275bfe3ed41 80280004 c8fb0b4c");
    for (bytes, address) in [(v4, "192.0.2.1:32853"), (v6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853")] {
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.class, Class::Success);
        assert_eq!(message.mapped, Some(address.parse().unwrap()));
        assert!(message.authentic(&stun::integrity_key(PASSWORD)));
    }
}

#[test]
fn any_changed_byte_is_noticed() {
    let key = stun::integrity_key(PASSWORD);
    let good = request();
    for at in 0..good.len() {
        for bit in [1, 0x80] {
            let mut bytes = good.clone();
            bytes[at] ^= bit;
            let accepted =
                Message::parse(&bytes).is_ok_and(|message| message.fingerprint && message.authentic(&key));
            assert!(!accepted, "byte {at}");
        }
    }
}

#[test]
fn what_is_built_is_understood() {
    let key = stun::integrity_key(b"a password of 22 bytes");
    let transaction = *b"0123456789ab";
    for address in ["203.0.113.7:443", "[2001:db8::1]:50000"] {
        let bytes = stun::success(&transaction, address.parse().unwrap(), &key);
        let message = Message::parse(&bytes).unwrap();
        assert_eq!((message.class, message.transaction), (Class::Success, transaction));
        assert_eq!(message.mapped, Some(address.parse().unwrap()));
        assert!(message.authentic(&key) && message.fingerprint);
    }
    let bytes = stun::success(&transaction, "[::ffff:203.0.113.7]:443".parse().unwrap(), &key);
    assert_eq!(Message::parse(&bytes).unwrap().mapped, Some("203.0.113.7:443".parse().unwrap()));
    let bytes = stun::client_request(&transaction, b"ours:theirs", true, &key);
    let message = Message::parse(&bytes).unwrap();
    assert!(message.use_candidate && !message.controlled && message.authentic(&key));
    let bytes = stun::request(&transaction, b"theirs:ours", &key);
    assert!(Message::parse(&bytes).unwrap().controlled);
    let bytes = stun::role_conflict(&transaction, &key);
    assert_eq!(Message::parse(&bytes).unwrap().class, Class::Error);
    let bytes = stun::request(&transaction, &[b'u'; 513], &key);
    assert_eq!(Message::parse(&bytes).unwrap().username, Some(&[b'u'; 513][..]), "the longest there may be");
    assert!(stun::request(&transaction, &[b'u'; 640], &key).is_empty());
}

#[test]
fn what_is_no_stun_is_said_to_be_none() {
    assert_eq!(Message::parse(&[0; 8]).unwrap_err(), StunError::Truncated);
    assert_eq!(Message::parse(&[0x80; 40]).unwrap_err(), StunError::NotStun);
    let mut cut = request();
    cut.truncate(60);
    assert_eq!(Message::parse(&cut).unwrap_err(), StunError::Truncated);
    let mut long = request();
    long.extend([0; 4]);
    assert_eq!(Message::parse(&long).unwrap_err(), StunError::Truncated);
}
