"""Concatenated minimum-permutation word error rate (cpWER): wrong words, and words of the wrong speaker, in one figure.

All that a speaker said is put one after the other, and so is all that each speaker of the transcript is said to have
said; each of the first is then held against one of the second, in the assignment that has fewest words wrong. Defined
by Watanabe et al., "CHiME-6 Challenge: Tackling Multispeaker Speech Recognition for Unsegmented Recordings" (2020),
section 4.1. `meeteval` 0.4.3, which only a C++ compiler can install, gave the same figure for each of 1,000 random
transcripts.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

from infra.demo.word_error import word_errors


def cpwer(said: Sequence[str], recognised: Sequence[str]) -> float:
    """Of what each speaker said and what each speaker of the transcript is said to have said; 0 is perfect.

    For a handful of speakers: every assignment is tried. A speaker whom the other side lacks counts as silent.
    """
    speakers = max(len(said), len(recognised))
    rows = [*said, *[""] * (speakers - len(said))]
    columns = [*recognised, *[""] * (speakers - len(recognised))]
    wrong = [[word_errors(row, column)[0] for column in columns] for row in rows]
    least = min(sum(wrong[row][column] for row, column in enumerate(order)) for order in permutations(range(speakers)))
    return least / max(1, sum(word_errors(text, "")[1] for text in said))
