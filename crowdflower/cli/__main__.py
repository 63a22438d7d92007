"""``python -m crowdflower.cli`` is the ``crowdflower`` command."""

from crowdflower.cli import main

main()
