"""What a contributor sees in a browser: a page of rows with their form, and what became of it.

.. code-block:: text

    pages     the addresses: show a page, take its answers, give it up
    visitors  who it is that comes back
    drawing   a form and a row to HTML, with what was answered and what was wrong
"""

from crowdflower.sandbox.pages.routes import ROUTES, address

__all__ = ["ROUTES", "address"]
