"""Small pictures and papers, the same bytes everywhere: no library's version is in them."""

import struct
import zlib

PNG, PDF = "image/png", "application/pdf"


def png(width: int, height: int, colour: tuple[int, int, int]) -> bytes:
    """A PNG of one colour, fading to white from top to bottom."""
    rows = bytearray()
    for row in range(height):
        shade = [part + (255 - part) * row // height for part in colour]
        rows += b"\0" + bytes(shade) * width
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    # Level 0 stores: there is one way to do that.
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows), 0)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def pdf(text: str) -> bytes:
    """A PDF of one page with a line on it. Takes ASCII without brackets."""
    drawn = f"BT /F 24 Tf 72 720 Td ({text}) Tj ET".encode()
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources "
        b"<< /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn),
    ]
    body, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    body, start = body + b"xref\n0 5\n0000000000 65535 f \n" + table, len(body)
    return body + b"trailer << /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % start
