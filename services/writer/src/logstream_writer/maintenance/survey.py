"""Measures the storage for the metrics. It changes nothing."""

from typing import Final

from logstream_writer.maintenance.chunks import SECOND_US, read_chunks, read_now_us
from logstream_writer.maintenance.counts import first_minute_us
from logstream_writer.maintenance.task import Report
from logstream_writer.store.session import Connection


class Survey:
    name: Final = "survey"
    every_s: Final = 60.0

    def run(self, connection: Connection) -> Report:
        now_us, first_us = read_now_us(connection), first_minute_us(connection)
        return Report(
            state={
                "oldest_record_age_seconds": max(0, now_us - (first_us or now_us)) / SECOND_US,
                "chunks": len(read_chunks(connection)),
            }
        )
