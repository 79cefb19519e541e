"""Where a reader is in several streams at once, as the id of an event.

    19f0c1d2e3a g0 h5f.2 k1a

The largest millisecond, then for every stream its letter, how far its last entry lies behind, and that entry's
sequence number if it has one; hexadecimal, without the spaces. A stream that never had an entry is left out.
"""

import re
from collections.abc import Mapping, Sequence
from string import ascii_lowercase

from osiris_mesh.entry_id import EntryId

PATTERN = r"^[0-9a-f]{1,12}([g-z][0-9a-f]{1,12}(\.[0-9a-f]{1,16})?){0,20}$"

_LETTERS = ascii_lowercase[ascii_lowercase.index("g") :]
_PART = re.compile(r"([g-z])([0-9a-f]+)(?:\.([0-9a-f]+))?")
_START: EntryId = (0, 0)

Place = tuple[EntryId, ...]
"""The last entry had of each stream, in the order of the streams."""


def start(streams: Sequence[str]) -> Place:
    """Before the first entry of each."""
    return (_START,) * len(streams)


def encode(place: Place) -> str:
    """As the id of an event."""
    newest = max(milliseconds for milliseconds, _ in place)
    return f"{newest:x}" + "".join(
        f"{letter}{newest - milliseconds:x}{f'.{sequence:x}' if sequence else ''}"
        for letter, (milliseconds, sequence) in zip(_LETTERS, place, strict=False)
        if milliseconds
    )


def decode(event_id: str, streams: Sequence[str]) -> Place:
    """The place that `encode` wrote; of streams that it does not name, the beginning. Fits PATTERN, or ValueError."""
    if not re.fullmatch(PATTERN, event_id):
        raise ValueError(f"expected an event id such as 19f0c1d2e3ag0h5f.2, was '{event_id[:40]}'")
    first = re.search("[g-z]", event_id)
    newest = int(event_id[: first.start()] if first else event_id, 16)
    found = {
        letter: (max(newest - int(behind, 16), 0), int(sequence or "0", 16))
        for letter, behind, sequence in _PART.findall(event_id)
    }
    return tuple(found.get(letter, _START) for letter, _ in zip(_LETTERS, streams, strict=False))


def as_ids(place: Place, streams: Sequence[str]) -> Mapping[str, bytes]:
    """For Redis."""
    return {stream: b"%d-%d" % each for stream, each in zip(streams, place, strict=True)}


def moved(place: Place, index: int, entry_id: EntryId) -> Place:
    """The place after an entry of stream number `index`."""
    return (*place[:index], max(place[index], entry_id), *place[index + 1 :])
