"""What belongs to a contributor rather than to one job's page.

.. code-block:: text

    my_jobs_page   their home: jobs, earnings, inbox; signing out, and a link for another device
    my_jobs        the jobs that they joined, with what is left of each
    inbox          messages and decisions about test questions that they contested
    objection      a missed test question is contested
    late_answers   answers that came after the time of their page
    standing       figures: what a job offers, how far they got
    visitors       which contributor uses a browser
    devices        one-time links that sign another browser in as the same person
    browser        what a request brings: cookie, token of the form, database
"""
