"""What a file's own tags say about where it comes from."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from facegen import __version__
from facegen.provenance.payload import Payload

TOOL = "facegen"
_IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_SOURCE_TYPES = {"synth": "compositeSynthetic"}
_EDITED = "compositeWithTrainedAlgorithmicMedia"
_NAMESPACE = "urn:facegen:statement:1"
_ATTRIBUTE = re.compile(r'facegen:([a-z_]+)="([^"]*)"')


@dataclass(frozen=True)
class Statement:
    """Says that a picture or video is synthetic and how it was made.

    Attributes:
        task: one of ``payload.KINDS``.
        generator: what painted the frames.
        licences: ``part: licence`` of everything the run touched.
        consent: what is known of the shown person's, "" for nothing.
        watermark: the invisible mark's payload as text, or "" without a mark.
        version: of the tool.
    """

    task: str
    generator: str
    licences: tuple[str, ...] = ()
    consent: str = ""
    watermark: str = ""
    version: str = __version__

    @property
    def sentence(self) -> str:
        """For people."""
        what = "synthetic faces" if self.task == "synth" else "a still photo animated"
        return f"Synthetic media: {what} with {TOOL} {self.version}"

    @property
    def source_type(self) -> str:
        """IPTC digital source type, a URL."""
        return _IPTC + _SOURCE_TYPES.get(self.task, _EDITED)

    def marked(self, payload: Payload | None) -> Statement:
        """The same with the mark's payload named."""
        mark = "" if payload is None else str(payload)
        return replace(self, watermark=mark)

    def tags(self) -> dict[str, str]:
        """Container tags."""
        return {
            "comment": self.sentence,
            "synthetic": "true",
            "tool": TOOL,
            "tool_version": self.version,
            "task": self.task,
            "generator": self.generator,
            "licences": "; ".join(self.licences),
            "consent": self.consent,
            "watermark": self.watermark,
            "digital_source_type": self.source_type,
        }

    @classmethod
    def from_tags(cls, tags: Mapping[str, str]) -> Statement | None:
        """What :meth:`tags` wrote (containers may change the case of names), or None."""
        found = {name.lower(): value for name, value in tags.items()}
        if found.get("tool") != TOOL or found.get("synthetic") != "true":
            return None
        return cls(
            task=found.get("task", ""),
            generator=found.get("generator", ""),
            licences=tuple(part for part in found.get("licences", "").split("; ") if part),
            consent=found.get("consent", ""),
            watermark=found.get("watermark", ""),
            version=found.get("tool_version", ""),
        )


def to_xmp(tags: Mapping[str, str]) -> bytes:
    """XMP packet for pictures: the tags, and the fields that other programs look for.

    Source: XMP specification part 1 (ISO 16684-1); IPTC photo metadata standard 2023.1.
    """
    own = "".join(f' facegen:{name}="{html.escape(value)}"' for name, value in tags.items())
    creator = html.escape(f"{tags.get('tool', TOOL)} {tags.get('tool_version', '')}".strip())
    source = html.escape(tags.get("digital_source_type", ""))
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
        f' xmlns:facegen="{_NAMESPACE}" xmp:CreatorTool="{creator}"'
        f' Iptc4xmpExt:DigitalSourceType="{source}"{own}/>'
        '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def from_xmp(packet: bytes | str) -> dict[str, str]:
    """The tags that :func:`to_xmp` wrote; nothing of a foreign packet is interpreted."""
    text = packet.decode("utf-8", "replace") if isinstance(packet, bytes) else packet
    return {name: html.unescape(value) for name, value in _ATTRIBUTE.findall(text)}
