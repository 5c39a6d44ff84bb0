"""One file per task: stages as named methods, one ``__call__``."""

if __name__ == "pipelines":
    raise ImportError("import facegen.pipelines, not pipelines")
