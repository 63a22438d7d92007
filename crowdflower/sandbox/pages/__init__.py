"""The pages that contributors see in a browser: rows with their form, and messages.

.. code-block:: text

    routes         the addresses: a job's page, signing in
    work_page      the page of rows: shown, submitted, skipped, given more time
    notices        what is shown above it: messages, and what became of the page before
    no_page        what contributors read who have no page
    standing       figures: what a job offers, how far a contributor got
    visitors       which contributor uses a browser
    row_form       a form and a row as HTML, with answers and errors
    conditions     only-if, for the script of the page and in words
    rendering      templates as pages
    inline_styles  styles of a form, in a stylesheet of their own
    assets         the style and the script of all pages
    media/         the operator's own pictures, sounds and films
    preview        a form and a row as a page of its own, without a server
    origins        protection against requests from other sites (CSRF), and the headers of pages
"""

from crowdflower.sandbox.pages.routes import READING, ROUTES, work_path

__all__ = ["READING", "ROUTES", "work_path"]
