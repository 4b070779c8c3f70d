"""The texts and rules of HTTP Publish that OpenAPI has no words for, for schemathesis."""

import base64
import json
from urllib.parse import quote

import schemathesis
from hypothesis import strategies as st

# MQTT text: neither control characters, nor surrogates, nor non-characters.
NON_CHARACTERS = [chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF)]
NON_CHARACTERS += [chr(code_point) for code_point in range(0xFDD0, 0xFDF0)]


def characters(but=""):
    return st.characters(exclude_categories=("Cc", "Cs"), exclude_characters=[*but, *NON_CHARACTERS])


def text(but="", min_size=0, max_bytes=256):
    texts = st.text(characters(but), min_size=min_size, max_size=max_bytes)
    return texts.filter(lambda value: len(value.encode()) <= max_bytes)


def user_properties():
    objects = st.dictionaries(text(max_bytes=64), text(max_bytes=64), max_size=4)
    arrays = st.lists(objects, max_size=4)
    as_it_is = arrays.map(json.dumps)
    standard = as_it_is.map(lambda value: base64.b64encode(value.encode()).decode())
    url_safe = as_it_is.map(lambda value: base64.urlsafe_b64encode(value.encode()).decode())
    return as_it_is | standard | url_safe | standard.map(lambda value: value.rstrip("="))


def batches():
    lines = st.fixed_dictionaries({}, optional={"payload": text(), "qos": st.sampled_from([0, 1]), "retain": st.booleans()})
    return st.lists(lines.map(json.dumps), min_size=1, max_size=5).map("\n".join)


topics = text(but="+#", min_size=1)
schemathesis.openapi.format("mqtt-topic", topics.filter(lambda topic: not topic.startswith("$")))
schemathesis.openapi.format("percent-encoded-mqtt-topic", topics.map(lambda topic: quote(topic, safe="/")))
# A Topic Filter of at most 15 segments: topics are long enough for what else there is to know about segments.
levels = text(but="+#/$", min_size=1, max_bytes=16) | st.just("+")
filters = st.lists(levels, min_size=1, max_size=8).map("/".join)
schemathesis.openapi.format("mqtt-topic-filter", filters | filters.map(lambda value: value + "/#") | st.just("#"))
schemathesis.openapi.format("mqtt-user-properties", user_properties())
schemathesis.openapi.format("mqtt-batch", batches())


@schemathesis.serializer("application/x-ndjson")
def ndjson(context, value):
    """A text as it is. Anything else is no line: an object alone would be one."""
    return (value if isinstance(value, str) else json.dumps([value])).encode()


@schemathesis.hook
def map_case(context, case):
    """The query wins over the header, which is then not read: where the header is wrong, it has to be the one that counts.
    Nothing replies to these messages, so none waits for a reply: 503 or 504 would be right."""
    if case.headers:
        case.headers.pop("prefer", None)
    for name in ("qos", "retain"):
        header = (case.headers or {}).get(f"mqtt-{name}", "0")
        if header not in ("0", "1") and case.query and name in case.query:
            del case.query[name]
    return case
