"""`python -m textgen`."""

from textgen.cli.main import main

main()
