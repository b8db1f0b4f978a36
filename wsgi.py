"""The WSGI entry: ``gunicorn wsgi:app``."""

from matsapply.app import create_app

app = create_app()
