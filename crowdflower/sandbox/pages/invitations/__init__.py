"""How people come to a job: the addresses to send them, as links and as QR codes.

.. code-block:: text

    open_jobs       the jobs that people can be invited to, with the addresses of their pages
    public_address  the address at which others reach the pages
    qr_code         an address as a QR code, for a terminal and for a page
"""
