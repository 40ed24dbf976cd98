"""Invented order lines, nested four to an order, and a server that does nothing but hand them out page by page.

    python -m benchmarks.ingest_orders LINES LATENCY_MS     prints its address, serves until its input ends

Every page is made before the address is printed, so that the other side costs as little as another side can.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

LINES_PER_ORDER = 4
ORDERS_PER_PAGE = 250
PAGE_LINES = LINES_PER_ORDER * ORDERS_PER_PAGE


def order(number: int, dice: random.Random) -> dict[str, Any]:
    """An order of four lines; a line with its share of the head has some 850 bytes and 25 fields that matter."""
    month, day = dice.randint(1, 12), dice.randint(1, 28)
    return {
        "id": number,
        "orderNo": f"PO2026{number:08d}",
        "supplier": {
            "code": f"S{dice.randint(1, 400):04d}",
            "name": f"华东铜材贸易公司{dice.randint(1, 400)}",
            "tier": "A",
        },
        "buyer": {"code": f"B{dice.randint(1, 40):02d}", "name": "王小明"},
        "department": {"code": "D07", "name": "有色金属部"},
        "state": dice.choice(("OPEN", "OPEN", "OPEN", "CLOSED")),
        "currency": "CNY",
        "orderDate": f"2026-{month:02d}-{day:02d}",
        "updatedAt": f"2026-{month:02d}-{day:02d}T{dice.randint(0, 23):02d}:{dice.randint(0, 59):02d}:17+08:00",
        "lines": [_line(number, place, month, day, dice) for place in range(1, LINES_PER_ORDER + 1)],
    }


def _line(number: int, place: int, month: int, day: int, dice: random.Random) -> dict[str, Any]:
    metal = dice.choice(("CU01", "CU02", "AL01", "AL02"))
    return {
        "lineNo": place,
        "material": {"code": f"1.0{1 if metal.startswith('CU') else 2}.{metal}", "name": "阴极铜 Cu-CATH-1", "grade": "GB/T 467",
                     "group": {"code": "M01", "name": "有色金属原料"}},
        "unit": dice.choice(("t", "t", "kg")),
        "quantity": f"@{dice.randint(1000, 900000)}e-3",
        "delivered": f"@{dice.randint(0, 900)}e-3",
        "returned": "@0",
        "deliveryDate": f"2026-{month:02d}-{day:02d}",
        "warehouse": {"code": f"W{dice.randint(1, 30):03d}", "name": "上海保税一号库", "bonded": True},
        "pricing": {"kind": "FIXED", "unit": "t", "taxPrice": f"@{dice.randint(60_000_000, 90_000_000)}e-3", "premium": 0,
                    "taxPercent": 13, "month": None},
        "quality": {"batch": f"{number:08d}{place}", "moisture": "@12e-3", "inspector": "质检一组",
                    "certificate": f"QC{number:010d}"},
        "note": "与映射无关的备注", "text": "按合同约定的品级、交货地点与结算方式执行", "project": f"PRJ-{number % 97:04d}",
    }  # fmt: skip


def pages(lines: int) -> list[bytes]:
    """The pages of the list, numbers written with the digits an ERP writes."""
    dice = random.Random(20260304)
    found = []
    orders = lines // LINES_PER_ORDER
    for first in range(1, orders + 1, ORDERS_PER_PAGE):
        part = [order(number, dice) for number in range(first, min(first + ORDERS_PER_PAGE, orders + 1))]
        found.append(_written(part))
    return found


def _written(part: list[dict[str, Any]]) -> bytes:
    text = json.dumps(part, ensure_ascii=False, separators=(",", ":"))
    pieces = text.split('"@')
    out = [pieces[0]]
    for piece in pieces[1:]:
        number, _, rest = piece.partition('"')
        digits, _, shift = number.partition("e-")
        places = int(shift or 0)
        full = digits.zfill(places + 1)
        out.append((f"{full[:-places]}.{full[-places:]}" if places else digits) + rest)
    return "".join(out).encode()


@contextmanager
def serving(lines: int, latency_ms: int = 0) -> Iterator[str]:
    """The server in a process of its own; yields its address."""
    command = [sys.executable, "-m", "benchmarks.ingest_orders", str(lines), str(latency_ms)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()
            process.wait(30)


def main(lines: int, latency_ms: int) -> None:
    """Serve until the input ends. `after` is the last id read; beyond the last page the list is empty."""
    made = pages(lines)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            after = int(parse_qs(urlsplit(self.path).query).get("after", ["0"])[0])
            place = after // ORDERS_PER_PAGE
            body = made[place] if place < len(made) and after < lines // LINES_PER_ORDER else b"[]"
            time.sleep(latency_ms / 1000)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"http://127.0.0.1:{server.server_address[1]}/\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
