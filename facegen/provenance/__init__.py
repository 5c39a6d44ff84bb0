"""Where pictures come from, said so that it stays with them: invisible mark, tags, credentials."""

from facegen.provenance.detection import Detection, detect
from facegen.provenance.marker import Marker
from facegen.provenance.payload import Payload
from facegen.provenance.statement import Statement
from facegen.provenance.verification import Report, verify

__all__ = ["Detection", "Marker", "Payload", "Report", "Statement", "detect", "verify"]
