"""The audio encoder that a lip network was trained on."""

from __future__ import annotations

from pathlib import Path

from facegen.audio import AudioEncoder, LogMel
from facegen.errors import ModelFileError
from facegen.speech.lip_net import LipNet


def features_for(net: LipNet, model: Path | str | None = None) -> AudioEncoder:
    """``LogMel``, or the speech network whose features ``net`` reads.

    Args:
        model: folder (or hub id, where it was downloaded before) of a speech network; None for
            networks that read log-mel features.

    Raises:
        ModelFileError: the network reads features of another encoder.
        MissingExtraError: transformers is not installed.
    """
    if model is None:
        encoder: AudioEncoder = LogMel()
    else:
        from facegen.audio.transformer import TransformerEncoder

        layer = net.config.encoder.rpartition(":")[2]
        encoder = TransformerEncoder(model, layer=int(layer) if layer.lstrip("-").isdigit() else -1)
    check_features(net, encoder)
    return encoder


def check_features(net: LipNet, encoder: AudioEncoder) -> None:
    """Refuse an encoder that the network was not trained on.

    Raises:
        ModelFileError: another name or width.
    """
    wanted, width = net.config.encoder, net.config.features
    if (wanted, width) != (encoder.name, encoder.dim):
        remedy = (
            "leave the audio encoder out" if wanted == LogMel.name else "name it as audio encoder"
        )
        raise ModelFileError(
            f"this lip network reads {width} features of {wanted}, not {encoder.dim} of "
            f"{encoder.name}; {remedy}"
        )
