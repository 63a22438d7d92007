"""A job's own scripts and styles, in a frame without an origin.

.. code-block:: text

    own_code      whether a job has scripts or styles of its own, and whether they may run
    frame_page    the page in the frame: the same rows, with the scripts
    frame_policy  what that page may load: its headers
"""
