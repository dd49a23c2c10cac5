"""The data types of SSH (RFC 4251 §5), read within bounds and written."""

from typing import Self


class WireError(ValueError):
    """The octets are not what SSH would have written there."""


class Reader:
    """Reads one value after the other; every read raises WireError where the octets end too early."""

    __slots__ = ("_data", "_place")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    def octets(self, length: int) -> bytes:
        """Read the next octets."""
        end = self._place + length
        if end > len(self._data):
            raise WireError("it ends too early")
        taken, self._place = self._data[self._place : end], end
        return taken

    def byte(self) -> int:
        """One octet."""
        return self.octets(1)[0]

    def uint32(self) -> int:
        """Four octets, big-endian."""
        return int.from_bytes(self.octets(4))

    def uint64(self) -> int:
        """Eight octets, big-endian."""
        return int.from_bytes(self.octets(8))

    def string(self) -> bytes:
        """Return octets with their length before them."""
        return self.octets(self.uint32())

    def text(self) -> str:
        """Read a string of UTF-8; replace invalid octets."""
        return self.string().decode(errors="replace")

    def read_nested(self) -> Self:
        """Read a string that holds values itself."""
        return type(self)(self.string())

    def strings(self) -> list[bytes]:
        """Every string up to the end."""
        found: list[bytes] = []
        while not self.at_end:
            found.append(self.string())
        return found

    @property
    def place(self) -> int:
        """How many octets were read."""
        return self._place

    @property
    def at_end(self) -> bool:
        """Whether nothing is left."""
        return self._place == len(self._data)

    def end(self) -> None:
        """Raise WireError when something is left."""
        if not self.at_end:
            raise WireError("something follows its end")


def string(data: bytes) -> bytes:
    """Return octets with their length before them."""
    return len(data).to_bytes(4) + data


def mpint(number: int) -> bytes:
    """Return a number that is not negative, with a zero octet where its first bit would be a sign."""
    return string(number.to_bytes(number.bit_length() // 8 + 1) if number else b"")
