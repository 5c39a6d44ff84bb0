"""The web page: the pipelines behind forms, for one person on one machine."""
