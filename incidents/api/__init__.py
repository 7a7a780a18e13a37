"""The HTTP API: the history to ask, probes and metrics. `app.create_app` makes it, `serve.serve` runs it."""
