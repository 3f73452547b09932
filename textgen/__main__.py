"""`python -m textgen`."""

from textgen.cli.app import main

main()
