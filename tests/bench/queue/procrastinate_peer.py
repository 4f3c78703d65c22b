"""procrastinate under the same load: one job at a time in each of `concurrency` slots.

  procrastinate_peer.py lives  CONNINFO CONCURRENCY SECONDS JOBS   -> {"per_second": ...}
  procrastinate_peer.py lives-without-statistics ...               the same
  procrastinate_peer.py pickup CONNINFO CONCURRENCY SECONDS RATE   -> {"millis": [...]}

Jobs do nothing. `lives` takes jobs that exist already; the first second does not count. PostgreSQL's
statistics of their table are made before, as autovacuum makes them within a minute or so. `pickup`
defers from a process of its own; the time runs from just before defer_async to the job's first line.
"""
import asyncio
import contextlib
import json
import logging
import subprocess
import sys
import time

import procrastinate

WARMUP = 1.0  # seconds


def make_app(conninfo):
    return procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=conninfo, min_size=2, max_size=20))


async def lives(conninfo, concurrency, seconds, jobs, statistics):
    app = make_app(conninfo)
    done = 0

    @app.task(name="life")
    async def life(number):
        nonlocal done
        done += 1

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        for first in range(0, jobs, 1000):
            await life.batch_defer_async(*({"number": n} for n in range(first, min(jobs, first + 1000))))
        if statistics:
            await app.connector.execute_query_async("ANALYZE procrastinate_jobs")
        worker = asyncio.create_task(app.run_worker_async(
            concurrency=concurrency, wait=True, install_signal_handlers=False, delete_jobs="never"))
        await asyncio.sleep(WARMUP)
        before, start = done, time.perf_counter()
        await asyncio.sleep(seconds)
        rate = (done - before) / (time.perf_counter() - start)
        if done >= jobs:
            sys.exit(f"all {jobs} jobs were done before the time was over: give it more")
        worker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await worker
    print(json.dumps({"per_second": rate}))


async def pickup(conninfo, concurrency, seconds, rate):
    app = make_app(conninfo)
    millis = []

    @app.task(name="pick")
    async def pick(sent, counts):
        if counts:
            millis.append((time.time() - sent) * 1000)

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        worker = asyncio.create_task(app.run_worker_async(
            concurrency=concurrency, wait=True, install_signal_handlers=False))
        sender = subprocess.Popen([sys.executable, __file__, "send", conninfo, "0", str(seconds), str(rate)])
        while sender.poll() is None:
            await asyncio.sleep(0.1)
        if sender.returncode != 0:
            sys.exit(f"the sender ended with status {sender.returncode}")
        await asyncio.sleep(1)
        worker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await worker
    print(json.dumps({"millis": millis}))


async def send(conninfo, seconds, rate):
    app = make_app(conninfo)
    async with app.open_async():
        deferrer = app.configure_task(name="pick", allow_unknown=True)
        start = time.time()
        sending = []
        for n in range(int(rate * (seconds + WARMUP))):
            await asyncio.sleep(max(0, start + n / rate - time.time()))
            now = time.time()
            sending.append(asyncio.create_task(
                deferrer.defer_async(sent=now, counts=now > start + WARMUP)))
        await asyncio.gather(*sending)


def main():
    logging.disable(logging.CRITICAL)
    what, conninfo, concurrency, seconds, number = sys.argv[1:]
    if what in ("lives", "lives-without-statistics"):
        asyncio.run(lives(conninfo, int(concurrency), float(seconds), int(number), what == "lives"))
    elif what == "pickup":
        asyncio.run(pickup(conninfo, int(concurrency), float(seconds), float(number)))
    else:
        asyncio.run(send(conninfo, float(seconds), float(number)))


main()
