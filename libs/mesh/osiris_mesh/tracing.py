"""Spans of OpenTelemetry: an HTTP request, every hop over a stream, the engine, and back, as one trace.

Off until `begin` is called; then a span costs the look at one variable, and nothing of the SDK is imported. The names
of spans and attributes are those of OpenTelemetry's semantic conventions for messaging.
"""

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from osiris_mesh.envelope import Envelope

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.trace import Span, Tracer

FLUSH_SECONDS = 3.0
"""What a service that ends waits for its last spans to be taken."""

_OFF: AbstractContextManager[None] = nullcontext()
_tracer: "Tracer | None" = None
_provider: "TracerProvider | None" = None


def begin(endpoint: str, service: str, instance: str, *, share: float = 1.0) -> None:
    """Make spans from now on, in this process, and send them.

    Args:
        endpoint: of a collector, OTLP over HTTP, without its path. Headers for it, such as a token, are taken from
            OTEL_EXPORTER_OTLP_HEADERS.
        share: of the traces that begin here; one that comes from elsewhere is kept if it is kept there.
    """
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=FLUSH_SECONDS)
    begin_with(BatchSpanProcessor(exporter, schedule_delay_millis=1000), service, instance, share=share)


def begin_with(processor: "SpanProcessor", service: str, instance: str, *, share: float = 1.0) -> None:
    """As `begin`, with the spans handed to `processor`."""
    global _tracer, _provider  # noqa: PLW0603  # of the process, as its logs are
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    about = {"service.name": service, "service.namespace": "osiris", "service.instance.id": instance}
    _provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(share)), resource=Resource.create(about), shutdown_on_exit=False
    )
    _provider.add_span_processor(processor)
    _tracer = _provider.get_tracer("osiris")


def end() -> None:
    """Make no more spans, and send what there is, for FLUSH_SECONDS at most."""
    global _tracer, _provider
    provider, _tracer, _provider = _provider, None, None
    if provider is not None:
        sending = threading.Thread(target=provider.shutdown, daemon=True)
        sending.start()
        sending.join(FLUSH_SECONDS)


def span(name: str, *, parent: str | None = None, **attributes: Any) -> AbstractContextManager[Any]:
    """A span for the length of the block, below the current one, or below `parent`, a `traceparent`."""
    if _tracer is None:
        return _OFF
    return _tracer.start_as_current_span(name, _context(parent), _kind("internal"), _given(attributes))


def serving(name: str, parent: str | None, **attributes: Any) -> AbstractContextManager[Any]:
    """The span of a request that came over HTTP."""
    if _tracer is None:
        return _OFF
    return _tracer.start_as_current_span(name, _context(parent), _kind("server"), _given(attributes))


def process(stream: str, group: str, entry: Envelope, **attributes: Any) -> AbstractContextManager[Any]:
    """The span of one entry in the hands of its handler, below that of who sent it."""
    if _tracer is None:
        return _OFF
    about = _messaging("process", stream, entry) | {"messaging.consumer.group.name": group} | attributes
    return _tracer.start_as_current_span(
        f"process {stream}", _context(entry.traceparent), _kind("consumer"), _given(about)
    )


def process_all(stream: str, group: str, entries: Sequence[Envelope]) -> AbstractContextManager[None]:
    """The spans of entries that are handled together, each below that of who sent it.

    The current one is that of the entry, where there is one; where there are more, a span of its own that names all.
    """
    if _tracer is None:
        return _OFF
    return process(stream, group, entries[0]) if len(entries) == 1 else _together(_tracer, stream, group, entries)


def ask(stream: str, request: str) -> "Span | None":
    """The span of a question, from its sending to the last of its answer; not the current one. `answered` ends it."""
    if _tracer is None:
        return None
    about = {"messaging.system": "redis", "messaging.destination.name": stream, "messaging.message.id": request}
    return _tracer.start_span(f"send {stream}", None, _kind("client"), about)


def answered(asking: "Span | None", error: BaseException | None = None) -> None:
    """End the span of a question."""
    if asking is not None:
        if error is not None:
            _fail(asking, error)
        asking.end()


def note(**attributes: Any) -> None:
    """Say something of the current span; `__` in a name stands for a dot."""
    if _tracer is not None:
        from opentelemetry.trace import get_current_span

        get_current_span().set_attributes(_given(attributes))


def failed(error: BaseException) -> None:
    """The current span's work failed."""
    if _tracer is not None:
        from opentelemetry.trace import get_current_span

        _fail(get_current_span(), error)


def traceparent(of: "Span | None" = None) -> str | None:
    """The W3C trace context of a span, the current one by default, for whoever works on below it; None when off."""
    if _tracer is None:
        return None
    from opentelemetry.trace import get_current_span

    context = (of or get_current_span()).get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}" if context.is_valid else None


@contextmanager
def _together(tracer: "Tracer", stream: str, group: str, entries: Sequence[Envelope]) -> Iterator[None]:
    from opentelemetry.trace import Link

    with ExitStack() as stack:
        links = []
        for entry in entries:
            about = _given(_messaging("process", stream, entry) | {"messaging.consumer.group.name": group})
            each = tracer.start_span(f"process {stream}", _context(entry.traceparent), _kind("consumer"), about)
            stack.callback(each.end)
            links.append(Link(each.get_span_context()))
        about = {"messaging.batch.message_count": len(entries)}
        with tracer.start_as_current_span(f"process {stream} together", None, _kind("internal"), about, links):
            yield


def _messaging(operation: str, stream: str, entry: Envelope) -> dict[str, Any]:
    return {
        "messaging.system": "redis",
        "messaging.operation.name": operation,
        "messaging.destination.name": stream,
        "messaging.message.id": entry.id,
        "messaging.message.conversation_id": entry.correlationid,
    }


def _given(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name.replace("__", "."): value for name, value in attributes.items() if value is not None}


def _context(parent: str | None) -> Any:
    """The context that `parent` names; None, the current one, where it names none."""
    if parent is None:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({"traceparent": parent})


def _kind(name: str) -> Any:
    from opentelemetry.trace import SpanKind

    return SpanKind[name.upper()]


def _fail(span: "Span", error: BaseException) -> None:
    from opentelemetry.trace import Status, StatusCode

    span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"[:200]))
    with contextlib.suppress(AttributeError):
        span.set_attribute("error.type", getattr(error, "code", type(error).__name__))
