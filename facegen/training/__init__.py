"""One resumable training loop on accelerate, and the tasks it trains.

From a clean clone, on a CPU, in minutes (the same is ``tests/training/test_reenactor.py``, slow)::

    facegen train autoencoder --images facegen/data/tiny --held facegen/data/tiny \\
        -o runs/autoencoder --batch-size 4 --steps 60 --warmup 10 --learning-rate 1e-3
    facegen train reenactor --windows facegen/data/tiny --autoencoder runs/autoencoder/export \\
        -o runs/reenactor --batch-size 4 --steps 200 --warmup 10 --learning-rate 1e-3 \\
        --schedule cosine

That takes about two minutes of one core. The autoencoder then reconstructs the held-out face with
more than 32 dB (38.7 measured), and on fixed batches the error of the velocity is below 0.85 of the
untrained network's, that of the finished window below 0.97. ``facegen reenact --generator
runs/reenactor/export`` paints with the result; weights trained on so little are worth nothing.

A run that was stopped goes on with the same command; ``--minutes 9`` trains in slices. Several
processes: ``accelerate launch --module facegen train ...`` (on CPUs with ``--multi_gpu`` and
``ACCELERATE_USE_CPU=true``: the launcher starts several processes for GPUs only).
"""
