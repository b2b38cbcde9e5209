"""Prometheus metrics of one web worker. No label ever holds a patient or a UID."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

TIER_LABELS = ("coarse", "fine", "exact")


class Metrics:
    """The worker's own registry, so that tests may make several."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.viewers = Gauge("fastcine_viewers", "Viewers connected", registry=self.registry)
        self.sent_bytes = Counter(
            "fastcine_sent_bytes", "Bytes of pieces sent, by tier", ["tier"], registry=self.registry
        )
        self.messages = Counter("fastcine_messages", "Binary messages sent", registry=self.registry)
        self.refused = Counter("fastcine_viewers_refused", "Viewers told to come back later", registry=self.registry)
        self.peer_errors = Counter(
            "fastcine_peer_errors", "Connections closed for breaking the protocol, by close code", ["code"],
            registry=self.registry,
        )  # fmt: skip
        self.frames_dropped = Counter(
            "fastcine_frames_dropped", "Frames that play came to with nothing of them sent", registry=self.registry
        )
        self._opens = Counter(
            "fastcine_run_opens",
            "Runs asked for, by where their cache entry was: open in memory, on disk, or not made yet",
            ["found"],
            registry=self.registry,
        )
        self.ingest_queue = Gauge("fastcine_ingest_queue", "Runs that wait to be prepared", registry=self.registry)
        self.rebuilds = Counter("fastcine_rebuilds", "Frames reported damaged and made anew", registry=self.registry)
        self.first_piece = Histogram(
            "fastcine_first_piece_seconds",
            "From a run's open to its first piece",
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
            registry=self.registry,
        )
        self.loop_lag = Histogram(
            "fastcine_loop_lag_seconds",
            "How late the event loop woke",
            buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1),
            registry=self.registry,
        )
        self.uploads = Counter("fastcine_uploads", "Uploads, by outcome", ["outcome"], registry=self.registry)
        self.requests = Counter(
            "fastcine_http_requests", "HTTP requests, by status", ["status"], registry=self.registry
        )
        self._tiers = [self.sent_bytes.labels(label) for label in TIER_LABELS]

    def sent(self, tier: int, count_bytes: int) -> None:
        """Count pieces of a tier."""
        self._tiers[tier].inc(count_bytes)

    def opened(self, found: str) -> None:
        """Count a run that was asked for, by where it was found: "memory", "disk" or "not made"."""
        self._opens.labels(found).inc()

    def text(self) -> bytes:
        """What `/metrics` answers."""
        return generate_latest(self.registry)
