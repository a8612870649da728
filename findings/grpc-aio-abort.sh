#!/usr/bin/env bash
# grpcio 1.85.1, grpc.aio servers.
# One would have guessed: once `await context.abort(...)` has ended a call, what the handler was given is free as soon as
# nobody refers to it, as after a call that returns.
# What happens: the request of an aborted call stays in memory until Python's cyclic garbage collector runs. abort() raises
# an error that the call's own state keeps, its traceback keeps the handler's frame, and the frame keeps the request and the
# context, which leads back to the state: a cycle.
# Why it matters: a server that refuses large messages holds on to just those. The collector counts objects, not bytes, so
# many megabytes may wait for it. Clearing the traceback's frames, or calling gc.collect() now and then, lets them go.
# Seen 2026-11-29. The same was mended in the threaded server in 2019, by grpc/grpc#17899.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check grpcio==1.85.1
cat >"$dir/calls.py" <<'PYTHON'
import asyncio
import gc
import sys
import weakref

import grpc

CALLS = 20


class Request:
    """What a deserializer makes of a message: an object that can be watched."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw


async def alive_after(ending: str) -> tuple[int, int]:
    """How many requests are alive after their calls have ended that way, and how many after a collection."""
    seen: list[weakref.ref[Request]] = []

    async def handle(request: Request, context: grpc.aio.ServicerContext) -> bytes:
        seen.append(weakref.ref(request))
        if ending == "abort":
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "refused")
        if ending == "set_code":
            context.set_code(grpc.StatusCode.INVALID_ARGUMENT)
        return b""

    server = grpc.aio.server()
    method = grpc.unary_unary_rpc_method_handler(handle, request_deserializer=Request)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("s.S", {"Call": method}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.unary_unary("/s.S/Call")
        for _ in range(CALLS):
            try:
                await call(b"x" * 1000)
            except grpc.aio.AioRpcError:
                pass
        await asyncio.sleep(0.5)
        before = sum(one() is not None for one in seen)
        gc.collect()
        await asyncio.sleep(0.1)
        after = sum(one() is not None for one in seen)
    await server.stop(None)
    assert len(seen) == CALLS
    return before, after


async def main() -> int:
    # The collector must not run by itself meanwhile.
    gc.disable()
    found = {ending: await alive_after(ending) for ending in ("return", "set_code", "abort")}
    print(f"grpcio {grpc.__version__}, Python {sys.version.split()[0]}, {CALLS} calls each")
    for ending, (before, after) in found.items():
        print(f"{ending}: {before} requests alive after their calls, {after} after a collection")
    returned = max(found["return"][0], found["set_code"][0])
    if returned > 1 or found["abort"][0] < CALLS - 1 or found["abort"][1] > CALLS // 4:
        print("Changed: expected the requests of aborted calls, and no others, to wait for the collector")
        return 1
    return 0


sys.exit(asyncio.run(main()))
PYTHON
"$dir/venv/bin/python" "$dir/calls.py"
