"""The pages that contributors see in a browser: rows with their form, and messages.

.. code-block:: text

    routes     the views: show a page, submit it, give it up
    visitors   which contributor uses a browser
    rendering  a form and a row as HTML, with answers and errors
    preview    a form and a row as a page of its own, without a server
    origins    protection against requests from other sites (CSRF)
"""

from crowdflower.sandbox.pages.routes import ROUTES, work_path

__all__ = ["ROUTES", "work_path"]
