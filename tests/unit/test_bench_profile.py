"""What `perf` says is counted by what the time was spent on."""

from __future__ import annotations

from tests.bench.media.profile import shares, top

SCRIPT = """
\tffffffff8204271c __udp4_lib_lookup
\tffffffff81e66c3b net_rx_action
\tffffffff81e6303c __dev_queue_xmit
\tffffffff820445e6 udp_sendmsg
\t          10b106 __sendmmsg

\tffffffff81ffa141 ip_finish_output2
\tffffffff820445e6 udp_sendmsg
\t          10b106 __sendmmsg

\t    7f1200401000 ring::aead::aes_gcm::seal
\t    7f1200402000 forwarder_core::engine::audience::Audience::send

\t    7f1200402000 forwarder_core::engine::audience::Audience::send
"""


def test_a_sample_is_counted_for_the_innermost_thing_it_was_part_of() -> None:
    assert shares(SCRIPT) == {
        "kernel, receiving side of loopback": 0.25,
        "kernel, rest of UDP and IP": 0.25,
        "our own code, AES-GCM": 0.25,
        "our own code, forwarding": 0.25,
    }


def test_symbols_are_those_that_samples_were_taken_in() -> None:
    assert top(SCRIPT, 1) == [("__udp4_lib_lookup", 0.25)]
    assert sum(share for _, share in top(SCRIPT, 10)) == 1.0
