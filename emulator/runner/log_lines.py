"""Cuts output into lines no longer than the limit."""

from _windtunnel.frames import MAX_LINE

CUT_MARK = " ... [line cut at %d KiB]" % (MAX_LINE // 1024)


class LineCutter:
    """Assembles lines from pieces of text; what a line has over the limit is dropped, with a mark."""

    def __init__(self):
        self._partial = ""
        self._dropping = False

    def feed(self, text):
        """Return the lines that `text` completes."""
        lines = []
        pieces = text.split("\n")
        for index, piece in enumerate(pieces):
            ended = index < len(pieces) - 1
            if not self._dropping:
                self._partial += piece
                if len(self._partial) > MAX_LINE:
                    lines.append(self._partial[:MAX_LINE] + CUT_MARK)
                    self._partial = ""
                    self._dropping = True
                elif ended:
                    lines.append(self._partial)
                    self._partial = ""
            if ended:
                self._dropping = False
        return lines

    def flush(self):
        """Return what waits for its newline as a list of at most one line."""
        rest, self._partial = self._partial, ""
        self._dropping = False
        return [rest] if rest else []
