"""The command line: a thin last layer. No torch here; every command imports what it runs."""

from pathlib import Path
from typing import Optional

import typer

from facegen.cli import (
    app as web,
)
from facegen.cli import (
    assets,
    bench,
    curate,
    data,
    doctor,
    evaluate,
    export,
    fit,
    recognize,
    reenact,
    synth,
    talk,
    train,
    verify,
)
from facegen.cli.guard import careful

app = typer.Typer(
    name="facegen",
    help="One photo in, a face that moves out. Runs offline, on a CPU.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("reenact")(reenact.reenact)
app.command("talk")(talk.talk)
app.command("fit")(fit.fit)
app.command("synth")(synth.synth)
app.command("curate")(curate.curate)
app.command("recognize")(recognize.recognize)
app.command("verify")(verify.verify)
app.command("export")(export.export)
app.command("app")(web.app)
app.command("doctor")(doctor.doctor)
app.command("bench")(bench.bench)
app.add_typer(evaluate.app, name="eval")
app.add_typer(data.app, name="data")
app.add_typer(train.app, name="train")
app.add_typer(assets.app, name="assets")
careful(app)


def _version(value: bool) -> None:
    if value:
        from facegen import __version__

        typer.echo(f"facegen {__version__}")
        raise typer.Exit


def _commercial(value: bool) -> None:
    if value:
        from facegen.weights.ledger import require_commercial

        require_commercial()


def _report(value: Optional[Path]) -> None:
    if value is not None:
        import atexit

        from facegen.media.atomic import check_target
        from facegen.weights.ledger import write_report

        check_target(value)
        atexit.register(write_report, value)


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
    commercial: bool = typer.Option(
        False,
        "--commercial",
        callback=_commercial,
        help="Refuse models whose licence does not allow commercial use.",
    ),
    licence_report: Optional[Path] = typer.Option(
        None, callback=_report, help="Write which models the run used, as JSON."
    ),
) -> None:
    pass
