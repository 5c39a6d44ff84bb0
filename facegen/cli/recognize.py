"""``facegen recognize``: the expression of every face of a video, picture or folder."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from facegen.cli import options as opt
from facegen.errors import UsageError

Source = Annotated[Path, typer.Argument(help="A video, a picture, or a folder of pictures.")]
TableOut = Annotated[Optional[Path], opt.Option("-o", "--out", help="The .csv to write.")]
Recognizer = Annotated[
    Optional[str],
    opt.Option(help="open, fer, faceapi, mediapipe, fit, NAME:PATH or a folder; a+b asks both."),
]
Heads = Annotated[
    Optional[str], opt.Option(help="Only these: emotion,va,au,blendshapes,pose,unknown.")
]
Style = Annotated[str, opt.Option(help="Column names: facegen, pyfeat, openface2.")]
Plot = Annotated[Optional[Path], opt.Option(help="Picture of the curves: .png, .svg, .pdf.")]
OverlayOut = Annotated[
    Optional[Path], opt.Option(help="Video (or picture) with everything drawn on it.")
]
Batch = Annotated[int, opt.Option(min=1, max=1024, help="Faces at once.")]


def recognize(
    source: Source,
    out: TableOut = None,
    recognizer: Recognizer = None,
    heads: Heads = None,
    style: Style = "facegen",
    plot: Plot = None,
    overlay: OverlayOut = None,
    device: opt.Device = "cpu",
    batch_size: Batch = 32,
    max_frames: opt.MaxFrames = None,
    resume: opt.Resume = False,
    overwrite: opt.Overwrite = False,
) -> None:
    """Emotions, valence and arousal, action units and pose of every face in SOURCE."""
    target = opt.output_path(out, overwrite or resume, source, suffix=".csv")
    if target.suffix.lower() != ".csv":
        raise UsageError(f"{target}: the table is a .csv")
    from facegen.pipelines.recognize import RecognitionPipeline, RecognizeOptions

    options = RecognizeOptions(
        style=style,
        heads=tuple(part.strip() for part in (heads or "").split(",") if part.strip()),
        plot=plot,
        overlay=overlay,
        resume=resume,
        batch_size=batch_size,
        device=device,
        max_frames=max_frames,
    )
    options.validate()
    pipeline = RecognitionPipeline.from_pretrained(recognizer)
    for line in pipeline.licences():
        typer.echo(line)
    frames, faces = pipeline.write(target, source, options)
    for path in (target, plot, overlay):
        if path is not None:
            typer.echo(str(path))
    typer.echo(f"{faces} faces in {frames} pictures")
