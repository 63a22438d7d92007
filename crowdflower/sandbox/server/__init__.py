"""The WSGI application, served over sockets or called in process."""
