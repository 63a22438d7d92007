"""The operator's own pictures, sounds and films: a folder that contributors see at an address.

.. code-block:: text

    media_folder    which files of a folder are served, and as what
    media_response  the address of a file: who may load it, whole or in parts
    file_links      how a row names a file, and where it is then loaded from
"""
