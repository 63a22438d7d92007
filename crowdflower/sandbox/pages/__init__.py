"""The pages that contributors see in a browser: rows with their form, and messages.

.. code-block:: text

    routes         the addresses: a job's page, signing in
    work_page      the page of rows: shown, submitted, skipped, given more time
    notices        what is shown above it: messages, and what became of the page before
    no_page        what contributors read who have no page
    contributor/   their home, inbox, devices, late answers, objections to test questions
    row/           a form and a row as HTML, with answers and errors
    job_frame/     a job's own scripts and styles, in a frame without an origin
    invitations/   the addresses of jobs to send to people, as links and QR codes
    media/         the operator's own pictures, sounds and films
    rendering      templates as pages
    translations   texts in the reader's language
    assets         the style and the script of all pages
    preview        a form and a row as a page of its own, without a server
    origins        protection against requests from other sites (CSRF), and the headers of pages
"""

from crowdflower.sandbox.pages.routes import READING, ROUTES, work_path

__all__ = ["READING", "ROUTES", "work_path"]
