"""A text that is larger than memory, taken line by line or many whole soundings at once."""

from __future__ import annotations

import io

from pipeline.errors import ReadError
from pipeline.readers._text import refuse_line
from pipeline.readers.limits import current

#: Bytes of text that are worked on at once: more than the longest sounding takes, and few enough
#: for its numbers to stay in the processor's cache.
CHUNK = 1 << 20


class Text:
    """A text, read a chunk at a time.

    Parameters
    ----------
    stream : io.BufferedReader
        At its beginning.
    chunk : int
        How much is taken into memory at once, bytes.

    Attributes
    ----------
    place : int
        Where the next line begins in what is in memory.
    line : int
        Its number, from 1.
    longest : int
        The longest line that there may be, bytes.
    """

    def __init__(self, stream: io.BufferedReader, chunk: int = CHUNK) -> None:
        self.place = 0
        self.line = 1
        self.longest = current().line_length
        self._stream, self._chunk = stream, chunk
        self._memory = b""
        self._at_end = False
        self._trouble: Exception | None = None

    def fill(self, least: int = 0) -> bool:
        """Have text in memory, at least so many bytes or all there are; False where there is none.

        Raises
        ------
        ReadError, OSError
            When the stream breaks off, once all whole lines before have been taken.
        """
        size = len(self._memory) - self.place
        if size >= max(least, self._chunk // 2, 1):
            return True
        pieces = [self._memory[self.place :]]
        try:
            while size < max(least, self._chunk) and not (self._at_end or self._trouble):
                pieces.append(self._stream.read1())
                size += len(pieces[-1])
                self._at_end = not pieces[-1]
        except (ReadError, OSError) as error:
            self._trouble = error
        self._memory, self.place = b"".join(pieces), 0
        if self._trouble and b"\n" not in self._memory:
            raise self._trouble
        return size > 0

    def soundings(self) -> memoryview:
        """Return what is in memory of whole soundings: up to the last header that is whole.

        Nothing where that header is too long: the soundings before it are to be taken by lines.
        """
        end = self._memory.rfind(b"\n") + 1
        if self._at_end and end == len(self._memory):
            return memoryview(self._memory)[self.place :]
        header = self._memory.rfind(b"\n#", self.place, max(end - 1, 0)) + 1
        too_long = self._memory.find(b"\n", header) - header >= self.longest
        return memoryview(self._memory)[self.place : self.place if too_long else header]

    def take_line(self) -> bytes:
        """Return the next line with its end, empty at the end of the text.

        Raises
        ------
        ReadError
            When it is too long.
        """
        end = self._memory.find(b"\n", self.place) + 1
        while not end and len(self._memory) - self.place <= self.longest and not self._at_end:
            self.fill(2 * (len(self._memory) - self.place) + 1)
            end = self._memory.find(b"\n", self.place) + 1
        line = self._memory[self.place : end or self.place + self.longest + 1]
        refuse_line(line, self.longest, self.line)
        self.place += len(line)
        self.line += 1
        return line

    def take_back(self, line: bytes) -> None:
        """Let the line that was taken last be the next one again."""
        self.place -= len(line)
        self.line -= 1
