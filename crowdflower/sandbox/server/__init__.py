"""Requests in, responses out: the WSGI application, over sockets or in process."""
