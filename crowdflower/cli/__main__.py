"""Runs the ``crowdflower`` command: ``python -m crowdflower.cli``."""

from crowdflower.cli import main

main()
